"""The training loop: going on after a kill, not repeating, starting anew and saying why."""

import logging
import math
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from toys import TASKS, block_store, mse_task, train_toy
from videogeneration.data.clips import Clips
from videogeneration.training.checkpoints import Checkpoint, CheckpointError, save_state
from videogeneration.training.device import Device
from videogeneration.training.loop import choose_device, is_finished, train

pytestmark = pytest.mark.slow

KINDS = tuple(TASKS)

# killed after the third point of the curves and before the second state: only step 8 is saved
UNTIL_KILLED = """
import sys, time
from pathlib import Path
import toys

def report(rows):
    if rows[-1]["step"] >= 12:
        print("now", flush=True)
        time.sleep(600)

toys.train_toy(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), report)
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return block_store(tmp_path_factory.mktemp("blocks") / "clips", each=4).folder


@pytest.fixture(scope="module", params=KINDS)
def straight(
    request: pytest.FixtureRequest, store: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path]:
    """A training that was never interrupted."""
    folder = tmp_path_factory.mktemp("straight")
    train_toy(request.param, store, folder)
    return request.param, folder


def killed(kind: str, store: Path, folder: Path) -> None:
    """Train in a process of its own, and kill it after a state was saved."""
    command = [sys.executable, "-c", UNTIL_KILLED, kind, str(store), str(folder)]
    paths = [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        _, errors = process.communicate()
    assert said == "now\n", errors
    assert process.returncode == -signal.SIGKILL


def test_a_killed_training_ends_with_the_same_weights(
    straight: tuple[str, Path], store: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kind, reference = straight
    folder = tmp_path / "killed"
    killed(kind, store, folder)
    assert Checkpoint(folder).state.exists()
    assert not (folder / "config.json").exists()

    rows: list[dict[str, Any]] = []
    with caplog.at_level(logging.INFO):
        train_toy(kind, store, folder, lambda new: rows.extend(new))
    assert "going on after step 8" in caplog.text

    expected = load_file(reference / "weights.safetensors")
    found = load_file(folder / "weights.safetensors")
    assert expected.keys() == found.keys()
    for name, weight in expected.items():
        assert torch.equal(weight, found[name]), name
    # the curves are whole as well, the part before the kill included
    assert (folder / "history.csv").read_text() == (reference / "history.csv").read_text()
    assert [row["step"] for row in rows] == [4, 8, 12, 14]
    assert not Checkpoint(folder).state.exists()


def test_training_changes_the_weights(straight: tuple[str, Path], store: Path) -> None:
    kind, folder = straight
    first = TASKS[kind](Clips.open(store)).result().state_dict()
    weights = load_file(folder / "weights.safetensors")
    assert not all(torch.equal(weights[name], value) for name, value in first.items())
    history = Checkpoint(folder).history()
    assert history["step"].tolist() == [4, 8, 12, 14]
    assert all(math.isfinite(value) for value in history.iloc[-1])


class Counted:
    """A task that counts its steps."""

    def __init__(self, store: Path) -> None:
        self.task, self.taken = mse_task(Clips.open(store)), list[int]()
        self.modules, self.optimizers = self.task.modules, self.task.optimizers
        self.device = self.task.device
        self.batches, self.result = self.task.batches, self.task.result
        self.seeds = list[float]()

    def step(self, step: int, batch: Any) -> dict[str, torch.Tensor]:
        self.taken.append(step)
        self.seeds.append(torch.rand(()).item())
        return {"loss": torch.tensor(float(step))}


class Stopped(Exception):
    """Raised in the middle of a training."""


def stop_at(step: int, how: type[BaseException] = Stopped) -> Any:
    def report(rows: list[dict[str, Any]]) -> None:
        if rows[-1]["step"] >= step:
            raise how

    return report


def test_every_step_is_taken_once(store: Path, tmp_path: Path) -> None:
    task = Counted(store)
    train(task, Checkpoint(tmp_path), {}, 9, report_every=4)
    assert task.taken == list(range(9))
    # points of the curves are means over the steps since the last
    assert Checkpoint(tmp_path).history()["loss"].tolist() == [1.5, 5.5, 8]


def test_only_the_steps_that_are_missing_are_taken(store: Path, tmp_path: Path) -> None:
    first, second, whole = Counted(store), Counted(store), Counted(store)
    with pytest.raises(Stopped):
        train(first, Checkpoint(tmp_path / "a"), {}, 9, report=stop_at(6), report_every=2,
              save_every=4)  # fmt: skip
    train(second, Checkpoint(tmp_path / "a"), {}, 9, report_every=2, save_every=4)
    train(whole, Checkpoint(tmp_path / "b"), {}, 9, report_every=2, save_every=4)
    assert second.taken == list(range(4, 9))
    assert second.seeds == whole.seeds[4:]
    assert len(set(whole.seeds)) == 9


@pytest.mark.parametrize(("seconds", "kept"), [(600, 0), (0, 4)])
def test_who_interrupts_reads_where_it_goes_on(
    store: Path,
    tmp_path: Path,
    seconds: int,
    kept: int,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("videogeneration.training.loop.SAVE_AFTER", seconds)
    first, second, name = Counted(store), Counted(store), "blocks mse"
    with pytest.raises(KeyboardInterrupt):
        train(first, Checkpoint(tmp_path), {}, 9, name=name, report_every=2,
              report=stop_at(6, KeyboardInterrupt))  # fmt: skip
    on = f"goes on after step {kept}" if kept else "starts anew"
    assert f"blocks mse: interrupted after step 6; the same command {on}" in caplog.text
    train(second, Checkpoint(tmp_path), {}, 9, report_every=2)
    assert second.taken == list(range(kept, 9))


def test_another_seed_draws_other_noise(store: Path, tmp_path: Path) -> None:
    one, other = Counted(store), Counted(store)
    train(one, Checkpoint(tmp_path / "a"), {}, 3, seed=0)
    train(other, Checkpoint(tmp_path / "b"), {}, 3, seed=1)
    assert not set(one.seeds) & set(other.seeds)


def test_a_state_of_other_inputs_is_not_used_and_the_log_says_what_changed(
    store: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(Stopped):
        train(Counted(store), Checkpoint(tmp_path), {"mse": {"rate": 1, "seed": 0}}, 9,
              report=stop_at(6), report_every=2, save_every=4)  # fmt: skip
    again = Counted(store)
    with caplog.at_level(logging.INFO):
        train(again, Checkpoint(tmp_path), {"mse": {"rate": 2, "seed": 0}}, 9)
    assert again.taken == list(range(9))
    assert "starting anew, changed: mse.rate: 1 -> 2" in caplog.text
    assert "seed" not in caplog.text


def test_a_finished_training_is_known_by_its_inputs(
    store: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    checkpoint, inputs = Checkpoint(tmp_path), {"clips": "ab", "widths": [1, 2]}
    assert not is_finished(checkpoint, inputs)
    train(Counted(store), checkpoint, inputs, 2)
    with caplog.at_level(logging.INFO):
        assert is_finished(checkpoint, inputs)
    assert "already trained" in caplog.text
    caplog.clear()
    with caplog.at_level(logging.INFO):
        assert not is_finished(checkpoint, {**inputs, "clips": "cd"})
    assert "training anew, changed: clips: ab -> cd" in caplog.text


def test_a_finished_training_keeps_no_state_of_its_own(store: Path, tmp_path: Path) -> None:
    """Whoever is killed between the network and the removal of its state leaves that."""
    checkpoint, task = Checkpoint(tmp_path), Counted(store)
    train(task, checkpoint, {"rate": 1}, 2)
    for inputs, kept in (({"rate": 1}, False), ({"rate": 2}, True)):
        save_state(checkpoint.state, task.modules, task.optimizers, 2, inputs, [])
        assert is_finished(checkpoint, {"rate": 1})
        assert checkpoint.state.exists() == kept


def test_an_unfinished_training_is_not_finished(store: Path, tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        train(Counted(store), Checkpoint(tmp_path), {}, 9, report=stop_at(6), report_every=2,
              save_every=4)  # fmt: skip
    assert not is_finished(Checkpoint(tmp_path), {})


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_measured_precision_is_kept(store: Path, tmp_path: Path, precision: str) -> None:
    """What is measured anew may come out differently."""
    checkpoint, task = Checkpoint(tmp_path), mse_task(Clips.open(store))
    task.device = Device("cpu", precision)
    inputs = {"rate": 1, "compute": {"device": "cpu", "precision": "auto"}}
    with pytest.raises(Stopped):
        train(task, checkpoint, inputs, 8, report=stop_at(6), report_every=2, save_every=4)
    assert choose_device(checkpoint, inputs) == task.device
    other = {**inputs, "rate": 2}
    assert choose_device(checkpoint, other) == Device.choose("cpu", "auto")
    train(task, checkpoint, inputs, 8)
    assert checkpoint.description()["device"] == {"name": "cpu", "precision": precision}


def test_a_damaged_state_ends_in_one_clear_message(store: Path, tmp_path: Path) -> None:
    Checkpoint(tmp_path).state.write_bytes(b"not a state")
    with pytest.raises(CheckpointError, match=r"training\.pt is damaged"):
        train(Counted(store), Checkpoint(tmp_path), {}, 2)


def test_samples_are_shown_every_so_often_and_at_the_end(store: Path, tmp_path: Path) -> None:
    shown: list[int] = []
    train(
        mse_task(Clips.open(store)),
        Checkpoint(tmp_path),
        {},
        10,
        sample=shown.append,
        sample_every=4,
    )
    assert shown == [4, 8, 10]
