"""The networks that come with the package, and how one gets there."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from toys import encode, untrained, write_store
from videogeneration.animation import Animator, choose_generator
from videogeneration.captions import ActionGrammar
from videogeneration.config import ConfigLoader
from videogeneration.data.clips import write_clips
from videogeneration.data.windows import WindowSettings
from videogeneration.demo.examples import LOOKS, draw_person
from videogeneration.evaluation.judges.judge import Judge
from videogeneration.evaluation.predictions import Predictions, write_predictions
from videogeneration.evaluation.protocols import Protocol
from videogeneration.evaluation.rollouts import BASELINES, draw_films, network_model, plan_films
from videogeneration.evaluation.scoring import measure, score
from videogeneration.networks import LARGEST, NAME, SCORES, packaged, put
from videogeneration.sources import SOURCES
from videogeneration.training.checkpoints import Checkpoint, CheckpointError
from videogeneration.training.mse import MseSettings, MseTraining

PEOPLE = {"subjects": 6, "recordings": 6, "sequences": 1, "films": 0, "processes": 1, "seed": 77}
"""Nobody whom the network was trained on."""

CONF = Path(__file__).parents[2] / "conf"


def trained(folder: Path) -> Checkpoint:
    return untrained(folder / "mse", ActionGrammar())


def tables(folder: Path) -> Path:
    folder.mkdir()
    for name in SCORES:
        rows = pd.DataFrame({"model": ["mse", "copy_last", "gan"], "rate": [0.9, 0.0, 0.8]})
        rows.to_csv(folder / f"{name}.csv", index=False)
    return folder


def test_a_network_is_packed_in_bfloat16_with_its_scores(tmp_path: Path) -> None:
    own, target = trained(tmp_path / "models"), Checkpoint(tmp_path / "networks" / "kth" / NAME)
    put(own, tables(tmp_path / "reports"), "0123abc", target)
    packed = load_file(target.folder / "weights.safetensors")
    for name, weight in own.film_model().state_dict().items():
        assert not packed[name].is_floating_point() or packed[name].dtype == torch.bfloat16
        drawn = target.film_model().state_dict()[name]
        assert drawn.dtype == weight.dtype
        assert torch.allclose(drawn.float(), weight.float(), rtol=1e-2)
    assert target.steps == 7
    assert target.description()["commit"] == "0123abc"
    scores = pd.read_csv(target.folder / "scores.csv")
    assert scores["model"].tolist() == [NAME, "copy_last"]


@pytest.mark.parametrize("missing", ["scores", "network", "newer"])
def test_a_network_without_its_own_scores_is_not_packed(tmp_path: Path, missing: str) -> None:
    own, reports = trained(tmp_path / "models"), tables(tmp_path / "reports")
    if missing == "scores":
        (reports / "scores.csv").unlink()
    elif missing == "network":
        own = Checkpoint(tmp_path / "models" / "gan")
    else:
        later = (reports / "scores.csv").stat().st_mtime + 9
        os.utime(own.folder / "config.json", (later, later))
    target = Checkpoint(tmp_path / "networks" / "kth" / NAME)
    with pytest.raises(CheckpointError, match=r"scores\.csv does not measure"):
        put(own, reports, "", target)
    assert not target.folder.exists()


def test_it_draws_where_nothing_else_is_trained(tmp_path: Path) -> None:
    assert choose_generator(tmp_path / "kth", None) == packaged("kth")
    trained(tmp_path / "kth")
    assert choose_generator(tmp_path / "kth", None).folder == tmp_path / "kth" / "mse"
    assert choose_generator(tmp_path / "kth", NAME) == packaged("kth")
    for source, name, pipeline in (
        ("kth", "gan", "kth_gan"),
        ("icons", None, "icons_mse"),
        ("icons", NAME, "icons_mse"),
    ):
        with pytest.raises(CheckpointError, match=f"train one.*{pipeline}"):
            choose_generator(tmp_path / source, name)
    with pytest.raises(CheckpointError, match="no trained best here; there are mse, package"):
        choose_generator(tmp_path / "kth", "best")
    # of a shorter training it is said that there is a longer one
    steps = packaged("kth").steps
    assert Animator.load(tmp_path, "kth").summary.endswith(f"trained for {steps} steps")
    assert str(steps) in Animator.load(tmp_path, "kth", NAME).summary
    # but not of one that went on from there, with MSE or after that against an adversary
    own = Checkpoint(tmp_path / "kth" / "mse")
    inputs, start = own.description()["inputs"], {"start": packaged("kth").fingerprint()}
    for began in (start, {"mse": start}):
        own.finish(own.load(), {**inputs, **began}, own.history())
        assert "trained for" not in Animator.load(tmp_path, "kth").summary


def test_one_small_network_comes_along() -> None:
    every = sorted(packaged("kth").folder.parents[1].rglob("*.safetensors"))
    assert every == [packaged("kth").folder / "weights.safetensors"]
    assert every[0].stat().st_size < LARGEST + 100_000
    described = json.loads((packaged("kth").folder / "config.json").read_text())
    assert len(described["commit"]) == 40


def test_nothing_is_imported_to_load_it_that_takes_seconds() -> None:
    """Some operations, where a network is built without memory, import torch's compiler."""
    code = "import sys; from videogeneration.networks import packaged; packaged('kth').load(); "
    code += "sys.exit('torch._dynamo' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_who_is_not_animated_stays_and_leaves_no_ghost(tmp_path: Path) -> None:
    """Two people: the walker leaves, the other one is as he was, and the wall between is whole."""
    red, green, _ = LOOKS
    picture = draw_person(replace(red, column=0.3))
    half = picture.shape[1] // 2
    picture[:, half:] = draw_person(replace(green, column=0.7, wall=red.wall))[:, half:]
    Image.fromarray(picture).save(tmp_path / "two.png")
    animator = Animator.load(tmp_path, "kth", NAME)
    (shot,) = animator.read(tmp_path / "two.png", fps=5)
    assert "shows 2 people" in animator.remark(shot)
    (film,) = animator.films(shot, ["a person is walking to the right"], steps=6, seed=1)
    first, last = (np.asarray(frame, np.float32) for frame in (film.frames[0], film.frames[-1]))
    change = np.abs(last - first).mean(2)
    width, body = change.shape[1], slice(change.shape[0] // 5, -change.shape[0] // 8)
    assert change[body, : int(0.38 * width)].max() < 25
    # where the walker stood there is what is to both sides of him
    empty = draw_person(replace(red, column=0.1))[body, int(0.66 * width) : int(0.72 * width)]
    assert np.abs(last[body, int(0.66 * width) : int(0.72 * width)] - empty).mean() < 12


@pytest.mark.slow
def test_it_keeps_to_its_scores(tmp_path: Path) -> None:
    """On other people than those of its table: as good, within what people differ by."""
    source = SOURCES["kth"]
    block = {"people": PEOPLE, "test_subjects": "2+3+4+5+6", "motions": 8}
    settings = source.read_settings(block)
    clips = write_clips(tmp_path / "clips", source.make_clips(settings, tmp_path / "raw"))
    grammar = packaged("kth").grammar()
    drawn = network_model(packaged("kth").film_model(), grammar.vocabulary)
    models = {NAME: drawn, "copy_last": BASELINES["copy_last"]}
    protocols = [Protocol.parse("1to10"), Protocol.parse("5to10")]
    films = plan_films(list(models), clips, grammar, protocols, 1, asked=0, most=60, most_long=1)
    films = [film for film in films if film.kind == "protocol"]
    write_predictions(tmp_path / "films", draw_films(models, clips, films))
    # what is behind rendered people is known, and nothing is judged
    now = score(measure(Predictions.open(tmp_path / "films"), clips, cast(Judge, None)))
    then = pd.read_csv(packaged("kth").folder / "scores.csv")

    def above(scores: pd.DataFrame, metric: str) -> float:
        means = scores.groupby("model")[metric].mean()
        return float(means[NAME] - means["copy_last"])

    for metric in ("foreground_psnr", "psnr"):
        assert above(now, metric) > above(then, metric) - 0.8


def test_a_training_begins_with_it_among_people_whom_it_has_not_seen(tmp_path: Path) -> None:
    def parameters(env: str) -> dict[str, Any]:
        loader = ConfigLoader(str(CONF), env=env, base_env="base", default_run_env="local")
        return cast(dict[str, Any], loader["parameters"]["kth"])

    own, of_the_network = parameters("base"), parameters("package")
    assert own["people"]["seed"] != of_the_network["people"]["seed"]
    assert of_the_network["mse"]["start"] is None
    frames = np.zeros((12, 128, 128), np.uint8)
    row = {"split": "train", "caption": "a person is boxing"}
    clips = write_store(tmp_path / "clips", [(frames, row)])
    training = MseTraining(
        clips,
        encode(clips),
        ActionGrammar(),
        own["network"],
        WindowSettings(),
        MseSettings(**own["mse"]),
        {},
        packaged("kth"),
    )
    weights = packaged("kth").load().state_dict()
    for name, weight in training.generator().state_dict().items():
        assert torch.equal(weight, weights[name])
