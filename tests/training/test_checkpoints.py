"""Checkpoints: written whole, read without unpickling, refused where they do not fit."""

import json
import os
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
import torch

import videogeneration
from toys import CPU, NETWORK, discriminator, generator
from videogeneration.captions import ActionGrammar, CaptionError, SceneGrammar
from videogeneration.training.checkpoints import (
    Checkpoint,
    CheckpointError,
    build,
    differences,
    find_trained,
    newest,
    read_state,
    restore_state,
    save_state,
)
from videogeneration.training.loop import is_finished

CURVES = pd.DataFrame({"step": [1, 2], "loss": [0.5, 0.25]})


def finished(folder: Path) -> Checkpoint:
    checkpoint = Checkpoint(folder)
    checkpoint.finish(generator(3), {"steps": 2}, CURVES)
    return checkpoint


def trained(seed: int, steps: int) -> tuple[torch.nn.Module, torch.optim.Optimizer]:
    """A discriminator (with the buffers of spectral norm) and its optimiser after some steps."""
    network = CPU.place(discriminator(seed))
    optimizer = torch.optim.AdamW(network.parameters(), 1e-2, fused=True)
    for step in range(steps):
        learn(network, optimizer, step)
    return network, optimizer


def learn(network: torch.nn.Module, optimizer: torch.optim.Optimizer, step: int) -> None:
    torch.manual_seed(step)
    frame, history = (torch.rand(2, n, 32, 32) for n in (1, 10))
    optimizer.zero_grad()
    network(frame[:, 0], history, torch.zeros(2, 7, 14)).square().mean().backward()
    optimizer.step()


def same(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    pairs = zip(one.state_dict().items(), other.state_dict().items(), strict=True)
    return all(a == b and torch.equal(x, y) for (a, x), (b, y) in pairs)


def test_a_network_comes_back_with_its_curves_and_inputs(tmp_path: Path) -> None:
    checkpoint = finished(tmp_path / "mse")
    network = checkpoint.load()
    assert same(network, generator(3))
    assert not network.training
    assert checkpoint.history().equals(CURVES)
    assert checkpoint.description()["network"] == "generator"
    assert checkpoint.description()["inputs"] == {"steps": 2}
    assert sorted(path.name for path in (tmp_path / "mse").iterdir()) == [
        "config.json",
        "history.csv",
        "weights.safetensors",
    ]


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("generator", NETWORK),
        ("original", {"height": 32, "width": 32}),
        ("unet", {"widths": (8, 16)}),
        ("simvp", {"spatial": 4, "temporal": 16}),
        ("imagegenerator", {"size": 28}),
        ("classifier", {"sights": 3}),
    ],
)
def test_every_network_can_be_kept(tmp_path: Path, name: str, config: dict[str, object]) -> None:
    network = build(name, config)
    Checkpoint(tmp_path).finish(network, {}, CURVES)
    assert same(Checkpoint(tmp_path).load(), network)


def test_no_checkpoint_says_what_to_do(tmp_path: Path) -> None:
    assert Checkpoint(tmp_path / "mse").description() == {}
    with pytest.raises(CheckpointError, match="mse: no trained network here; train it first"):
        Checkpoint(tmp_path / "mse").load()


def test_truncated_weights_are_refused(tmp_path: Path) -> None:
    checkpoint = finished(tmp_path / "mse")
    weights = tmp_path / "mse" / "weights.safetensors"
    whole = weights.read_bytes()
    for size in (0, 7, len(whole) // 2, len(whole) - 1):
        weights.write_bytes(whole[:size])
        with pytest.raises(CheckpointError, match=r"weights\.safetensors.*train again"):
            checkpoint.load()


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    checkpoint = finished(tmp_path / "mse")
    Checkpoint(tmp_path / "other").finish(generator(widths=(24, 48)), {}, CURVES)
    other = (tmp_path / "other" / "weights.safetensors").read_bytes()
    (tmp_path / "mse" / "weights.safetensors").write_bytes(other)
    with pytest.raises(CheckpointError, match="does not hold the generator"):
        checkpoint.load()


def test_a_damaged_description_is_refused(tmp_path: Path) -> None:
    checkpoint = finished(tmp_path / "mse")
    (tmp_path / "mse" / "config.json").write_text('{"network": ')
    with pytest.raises(CheckpointError, match=r"config\.json is damaged.*remove"):
        checkpoint.description()


def test_an_end_that_cannot_be_written_leaves_the_earlier_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = finished(tmp_path / "mse")
    checkpoint.state.write_bytes(b"")
    before = {path.name: path.read_bytes() for path in (tmp_path / "mse").iterdir()}

    def full(*_: object, **__: object) -> None:
        raise OSError("no space left")

    writes = ((Path, "write_bytes"), (pd.DataFrame, "to_csv"), (Path, "write_text"))
    for owner, name in writes:
        with monkeypatch.context() as patched, pytest.raises(OSError, match="no space"):
            patched.setattr(owner, name, full)
            checkpoint.finish(generator(4), {"steps": 3}, CURVES)
        after = {path.name: path.read_bytes() for path in (tmp_path / "mse").iterdir()}
        assert after == before


@pytest.mark.parametrize("broken", ["weights.safetensors", "history.csv", "config.json"])
def test_an_end_that_is_interrupted_passes_for_no_training(
    tmp_path: Path, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Going back to the earlier settings must not find the later weights."""
    checkpoint = finished(tmp_path / "mse")
    checkpoint.state.write_bytes(b"")
    replace = os.replace

    def killed(source: Path, target: Path) -> None:
        if target.name == broken:
            raise KeyboardInterrupt
        replace(source, target)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("os.replace", killed)
        checkpoint.finish(generator(4), {"steps": 3}, CURVES)
    assert checkpoint.description() == {}
    assert not is_finished(checkpoint, {"steps": 2})
    assert checkpoint.state.exists()
    checkpoint.finish(generator(4), {"steps": 3}, CURVES)
    assert is_finished(checkpoint, {"steps": 3})


def test_curves_that_are_missing_are_named(tmp_path: Path) -> None:
    checkpoint = finished(tmp_path / "mse")
    (tmp_path / "mse" / "history.csv").unlink()
    for read in (checkpoint.history, checkpoint.summary):
        with pytest.raises(
            CheckpointError, match=r"history\.csv is missing; remove .* train again"
        ):
            read()


def test_a_state_brings_networks_and_optimisers_back(tmp_path: Path) -> None:
    network, optimizer = trained(0, 3)
    path = tmp_path / "training.pt"
    history = [{"step": 3, "loss": 0.5}]
    save_state(path, {"d": network}, {"d": optimizer}, 3, {"a": 1}, history)
    about = read_state(path)
    assert {name: about[name] for name in ("step", "inputs", "history")} == {
        "step": 3,
        "inputs": {"a": 1},
        "history": history,
    }

    again, other = trained(7, 1)
    restore_state(path, {"d": again}, {"d": other})
    assert same(again, network)
    for step in range(3, 6):
        learn(network, optimizer, step)
        learn(again, other, step)
    assert same(again, network)


def test_modules_of_one_state_are_kept_apart(tmp_path: Path) -> None:
    (one, first), (two, second) = trained(0, 2), trained(1, 2)
    path = tmp_path / "training.pt"
    save_state(path, {"d": one, "e": two}, {"d": first, "e": second}, 2, {}, [])
    (a, third), (b, fourth) = trained(5, 0), trained(6, 0)
    restore_state(path, {"d": a, "e": b}, {"d": third, "e": fourth})
    assert same(a, one)
    assert same(b, two)
    assert not same(a, b)


def test_a_damaged_state_is_refused(tmp_path: Path) -> None:
    network, optimizer = trained(0, 1)
    path = tmp_path / "training.pt"
    save_state(path, {"d": network}, {"d": optimizer}, 1, {}, [])
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(CheckpointError, match=r"training\.pt is damaged.*remove it"):
        read_state(path)
    path.write_bytes(b"")
    with pytest.raises(CheckpointError, match="is damaged"):
        read_state(path)
    # weights are no state
    Checkpoint(tmp_path).finish(generator(), {}, CURVES)
    with pytest.raises(CheckpointError, match="is damaged"):
        read_state(tmp_path / "weights.safetensors")


def test_a_state_of_another_network_is_refused(tmp_path: Path) -> None:
    network, optimizer = trained(0, 1)
    path = tmp_path / "training.pt"
    save_state(path, {"d": network}, {"d": optimizer}, 1, {}, [])
    with pytest.raises(CheckpointError, match=r"training\.pt belongs to another network"):
        restore_state(path, {"d": discriminator(widths=(16, 24))}, {"d": optimizer})


def test_differences_name_the_entry() -> None:
    old = {"mse": {"steps": 5, "seed": 0}, "clips": "ab", "widths": [1, 2]}
    assert differences(old, json.loads(json.dumps(old))) == []
    new = {"mse": {"steps": 6, "seed": 0}, "clips": "ab", "widths": [1, 2], "more": 1}
    assert differences(old, new) == ["mse.steps: 5 -> 6", "more: None -> 1"]
    assert differences(new, old) == ["mse.steps: 6 -> 5", "more: 1 -> None"]


def test_nothing_is_unpickled() -> None:
    forbidden = re.compile(
        r"\btorch\.load\b(?!.*weights_only=True)|\bpickle\.|\bjoblib\b|\bdill\b|allow_pickle=True"
    )
    folder = Path(videogeneration.__file__).parent
    found = [
        f"{path.relative_to(folder)}:{number}"
        for path in folder.rglob("*.py")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if forbidden.search(line)
    ]
    assert found == []


def test_a_checkpoint_knows_what_can_be_said_to_it(tmp_path: Path) -> None:
    scenes = SceneGrammar(("house", "fish"))
    mse, gan = Checkpoint(tmp_path / "mse"), Checkpoint(tmp_path / "gan")
    mse.finish(generator(), {"grammar": scenes.description()}, CURVES)
    gan.finish(generator(), {"mse": {"grammar": ActionGrammar().description()}}, CURVES)
    assert mse.grammar() == scenes
    assert gan.grammar() == ActionGrammar()
    with pytest.raises(CheckpointError, match="no grammar"):
        finished(tmp_path / "other").grammar()
    old = {**scenes.description(), "words": ["house"]}
    mse.finish(generator(), {"grammar": old}, CURVES)
    with pytest.raises(CaptionError, match="another version of the grammar"):
        mse.grammar()


def test_the_newest_is_the_one_finished_last(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no trained gan or mse here"):
        newest(tmp_path, ["gan", "mse"])
    for name, time in (("mse", 2000), ("gan", 1000), ("other", 3000)):
        os.utime(finished(tmp_path / name).folder / "config.json", (time, time))
    assert newest(tmp_path, ["gan", "mse"]).folder.name == "mse"
    assert newest(tmp_path, ["gan"]).folder.name == "gan"
    # weights without a description are a training that was interrupted
    (tmp_path / "mse" / "config.json").unlink()
    assert newest(tmp_path, ["gan", "mse"]).folder.name == "gan"


def of_steps(folder: Path, steps: int, seed: int = 0) -> Checkpoint:
    """A network trained for so many steps."""
    checkpoint = Checkpoint(folder)
    curves = pd.DataFrame({"step": [1, steps], "loss": [0.5, 0.25]})
    checkpoint.finish(generator(seed), {"steps": steps}, curves)
    return checkpoint


def test_a_shorter_training_sets_the_longer_one_aside(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    of_steps(tmp_path / "kth" / "mse", 800, seed=1)
    with caplog.at_level("INFO", "videogeneration"):
        trial = of_steps(tmp_path / "kth" / "mse", 25, seed=2)
    assert re.search(
        r"kth/mse \(generator, 800 steps, 20.*\) is kept as mse_800_steps", caplog.text
    )
    aside = Checkpoint(tmp_path / "kth" / "mse_800_steps")
    assert same(aside.load(), generator(1))
    assert (aside.steps, trial.steps) == (800, 25)
    assert aside.description()["inputs"] == {"steps": 800}
    assert same(trial.load(), generator(2))
    # a network of as many steps takes the place of one, and none is lost under its new name
    of_steps(tmp_path / "kth" / "mse", 800, seed=3)
    of_steps(tmp_path / "kth" / "mse", 800, seed=4)
    of_steps(tmp_path / "kth" / "mse", 25, seed=5)
    names = [found.folder.name for found in find_trained(tmp_path)]
    assert names == ["mse", "mse_800_steps", "mse_800_steps_2"]
    assert same(Checkpoint(tmp_path / "kth" / "mse_800_steps_2").load(), generator(4))


def test_a_network_is_put_in_the_place_of_another(tmp_path: Path) -> None:
    first, other = of_steps(tmp_path / "a", 9, seed=1), of_steps(tmp_path / "b", 5, seed=2)
    first.take(other)
    assert same(first.load(), generator(2))
    assert first.description() == other.description()
    assert same(Checkpoint(tmp_path / "a_9_steps").load(), generator(1))
    (other.folder / "weights.safetensors").unlink()
    with pytest.raises(CheckpointError, match="no trained network"):
        Checkpoint(tmp_path / "c").take(other)
    assert not (tmp_path / "c").exists()


def test_what_was_set_aside_by_one_who_was_killed_is_not_set_aside_again(tmp_path: Path) -> None:
    folder, short = tmp_path / "mse", pd.DataFrame({"step": [1], "loss": [0.5]})
    finished(folder)
    shutil.copytree(folder, tmp_path / "mse_2_steps")
    Checkpoint(folder).finish(generator(4), {"steps": 1}, short)
    assert {path.name for path in tmp_path.iterdir()} == {"mse", "mse_2_steps"}
    # another training of as many steps is kept as well
    Checkpoint(folder).finish(generator(5), {"steps": "2, again"}, CURVES)
    Checkpoint(folder).finish(generator(4), {"steps": 1}, short)
    assert {path.name for path in tmp_path.iterdir()} == {"mse", "mse_2_steps", "mse_2_steps_2"}
