"""Variants: what they change, what they leave, and what they may not say."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from toys import NETWORK, VARIED, block_store, encode, generator, untrained
from videogeneration.captions import ActionGrammar
from videogeneration.models.original import Original
from videogeneration.training.mse import MseSettings, MseTraining
from videogeneration.training.variants import BenchmarkSettings, Variant

OURS = {key: value for key, value in NETWORK.items() if key not in ("height", "width")}


@pytest.fixture
def own(tmp_path: Path) -> MseTraining:
    clips = block_store(tmp_path / "clips", each=2)
    network = {"name": "generator", "generator": OURS}
    compute = {"device": "cpu", "precision": "float32"}
    settings = MseSettings(batch_size=4, warmup=3)
    return MseTraining(clips, encode(clips), ActionGrammar(), network, VARIED, settings, compute)


def test_a_variant_changes_what_it_names(own: MseTraining) -> None:
    variant = Variant(
        network={"generator": {"dense": 32}}, windows={"mirror": 0.0}, mse={"motion_weight": 2.0}
    )
    changed = variant.applied_to(own).inputs()
    expected = own.inputs()
    expected["network"]["dense"] = 32
    expected["windows"]["mirror"] = 0.0
    expected["mse"]["motion_weight"] = 2.0
    assert changed == expected
    assert Variant().applied_to(own).inputs() == own.inputs()


def test_another_network_keeps_no_setting_of_the_first(own: MseTraining) -> None:
    changed = Variant(network={"name": "original"}).applied_to(own)
    assert changed.inputs()["network"] == {"name": "original"}
    assert isinstance(changed.generator(), Original)
    small = Variant(network={"name": "unet", "unet": {"widths": [8]}}).applied_to(own)
    assert small.inputs()["network"] == {"name": "unet", "widths": [8]}
    nested = Variant(network={"generator": {"losses": {"drawn": 2}}}).applied_to(own)
    assert nested.inputs()["network"] == {**own.inputs()["network"], "losses": {"drawn": 2}}


def test_a_training_starts_from_a_trained_network(own: MseTraining, tmp_path: Path) -> None:
    words, vocabulary = ActionGrammar().vocabulary.shape
    trained = untrained(tmp_path / "trained", ActionGrammar(), seed=3)
    for start, package in ((str(trained.folder), None), ("package", trained)):
        begun = replace(own, settings=replace(own.settings, start=start), package=package)
        weights, given = begun.generator().state_dict(), trained.load().state_dict()
        assert all(torch.equal(weights[name], x) for name, x in given.items())
        before = begun.inputs()["start"]
        assert before == trained.fingerprint()
    assert "start" not in own.inputs()
    trained.finish(
        generator(4, words=words, vocabulary=vocabulary),
        trained.description()["inputs"],
        trained.history(),
    )
    assert begun.inputs()["start"] != before, "other weights, another training"
    larger = replace(begun, network={"name": "generator", "generator": {**OURS, "dense": 128}})
    with pytest.raises(ValueError, match=r"mse\.start: .*dense: 64 -> 128"):
        larger.generator()
    with pytest.raises(ValueError, match=r"another network \(network: generator -> unet\);"):
        replace(begun, network={"name": "unet", "unet": {"widths": [8]}}).generator()
    for start, package in ((str(tmp_path / "none"), None), ("package", None)):
        with pytest.raises(ValueError, match=r"mse\.start: no trained network"):
            replace(own, settings=replace(own.settings, start=start), package=package).generator()


def test_variants_have_new_weights_but_for_those_that_name_others(
    own: MseTraining, tmp_path: Path
) -> None:
    trained = str(untrained(tmp_path / "trained", ActionGrammar(), seed=3).folder)
    begun = replace(own, settings=replace(own.settings, start=trained))
    variants = {"new": Variant(), "begun": Variant(mse={"start": trained})}
    settings = BenchmarkSettings(minutes=1, variants=variants, reference="new")
    trainings = settings.trainings(begun)
    assert trainings["new"].inputs() == own.inputs()
    assert trainings["begun"].inputs() == begun.inputs()


BAD: list[tuple[dict[str, Any], str]] = [
    ({"variants": {"a": {"mse": {"steps": 5}}}}, r"mse\.steps.*minutes"),
    ({"variants": {"a": {"net": {}}}}, "net"),
    ({"variants": {"../a": {}}}, r"variants: '\.\./a'"),
    ({"variants": {"copy_last": {}}}, "variants: 'copy_last'"),
    ({"minutes": 0}, "minutes.*0"),
    ({"reference": "theirs"}, "reference: 'theirs'.*a"),
]


@pytest.mark.parametrize(("given", "message"), BAD, ids=[message for _, message in BAD])
def test_settings_that_cannot_be_are_named(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"(?s){message}"):
        BenchmarkSettings(**{"minutes": 1, "variants": {"a": {}}, "reference": "a", **given})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network": {"depth": 3}}, r"benchmark\.variants\.bad: .*network\.depth: unknown"),
        (
            {"network": {"generator": {"depth": 3}}},
            r"\.bad: network\.generator\.depth: ",
        ),
        ({"network": {"name": "resnet"}}, r"benchmark\.variants\.bad: .*resnet"),
        ({"mse": {"motion_weight": -1}}, r"benchmark\.variants\.bad: .*motion_weight.*-1"),
        ({"mse": {"mowing": 1}}, r"benchmark\.variants\.bad: .*mowing"),
        ({"windows": {"mirror": 2}}, r"benchmark\.variants\.bad: .*mirror.*2"),
    ],
)
def test_a_bad_variant_is_named_before_any_is_trained(
    own: MseTraining, changes: dict[str, Any], message: str
) -> None:
    variants = {"good": Variant(), "bad": Variant(**changes)}
    settings = BenchmarkSettings(minutes=1, variants=variants, reference="good")
    with pytest.raises(ValueError, match=f"(?s){message}"):
        settings.trainings(own)
