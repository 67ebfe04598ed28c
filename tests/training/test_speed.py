"""Speed: what is counted, and how many steps are chosen. No test depends on the clock itself."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from toys import CPU, NETWORK, VARIED, block_store, encode, generator, mse_task
from videogeneration.captions import ActionGrammar
from videogeneration.data.clips import Clips
from videogeneration.models.generator import Drawing
from videogeneration.training import speed
from videogeneration.training.checkpoints import Checkpoint
from videogeneration.training.loop import train
from videogeneration.training.mse import MseSettings, MseTraining


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Clips:
    return block_store(tmp_path_factory.mktemp("blocks") / "clips", each=2)


@pytest.fixture
def training(clips: Clips) -> MseTraining:
    network = {key: value for key, value in NETWORK.items() if key not in ("height", "width")}
    return MseTraining(
        clips,
        encode(clips),
        ActionGrammar(),
        {"name": "generator", "generator": {**network, "widths": [16, 32]}},
        VARIED,
        MseSettings(steps=20, batch_size=4, warmup=2),
        {"device": "cpu", "precision": "float32"},
    )


class Clock:
    """Stands still but where it is told to go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(speed, "time", self)

    def perf_counter(self) -> float:
        return self.now


class Slow:
    """A task whose steps take a second, those of the schedule's second half three."""

    def __init__(self, clips: Clips, clock: Clock, steps: int) -> None:
        self.task, self.clock, self.steps = mse_task(clips), clock, steps
        self.modules, self.optimizers = self.task.modules, self.task.optimizers
        self.device = self.task.device
        self.batches, self.result = self.task.batches, self.task.result

    def step(self, step: int, batch: Any) -> dict[str, torch.Tensor]:
        self.clock.now += 3 if 2 * step >= self.steps else 1
        return {"loss": torch.tensor(0.5), "examples": torch.tensor(7.0)}


def test_a_step_is_measured_over_the_whole_schedule(
    clips: Clips, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    assert speed.seconds_a_step(Slow(clips, clock, 1000), 1000) == pytest.approx(2)
    assert speed.seconds_a_step(Slow(clips, clock, 10), 10) == pytest.approx(2)


def test_curves_say_the_seconds_of_every_step(
    clips: Clips, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    inputs = {"mse": {"steps": 8, "batch_size": 4}}
    checkpoint = Checkpoint(tmp_path)
    train(speed.Timed(Slow(clips, clock, 8)), checkpoint, inputs, 8, report_every=4)
    assert checkpoint.history()["seconds"].tolist() == [1, 3]
    assert speed.training_speed(checkpoint) == pytest.approx(
        {
            "minutes": 16 / 60,
            "steps": 8,
            "windows_per_second": 4 * 8 / 16,
            "examples_per_second": 7 * 8 / 16,
        }
    )


def test_steps_are_as_many_as_fit(
    training: MseTraining, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def seconds(task: Any, steps: int) -> float:
        seen.append(steps)
        return 0.5

    monkeypatch.setattr(speed, "seconds_a_step", seconds)
    chosen = speed.fitted(Checkpoint(tmp_path), training, 0.25)
    assert chosen.settings.steps == 30
    assert replace(chosen, settings=training.settings) == training
    assert seen == [20]
    assert speed.fitted(Checkpoint(tmp_path), training, 0.0001).settings.steps == 1


class Stopped(Exception):
    """Raised in the middle of a training."""


@pytest.mark.parametrize("interrupted", [False, True])
def test_a_training_keeps_the_steps_that_were_chosen_for_it(
    training: MseTraining, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interrupted: bool
) -> None:
    monkeypatch.setattr(speed, "seconds_a_step", lambda task, steps: 6.0)
    checkpoint = Checkpoint(tmp_path)
    chosen = speed.fitted(checkpoint, training, 1)
    assert chosen.settings.steps == 10

    def stop(rows: list[dict[str, Any]]) -> None:
        if interrupted and rows[-1]["step"] > 4:
            raise Stopped

    inputs = {**chosen.inputs(), "minutes": 1}
    arguments = {"report": stop, "report_every": 2, "save_every": 2}
    try:
        train(chosen.task(CPU), checkpoint, inputs, 10, **arguments)  # type: ignore[arg-type]
    except Stopped:
        assert interrupted
    assert checkpoint.state.exists() == interrupted

    monkeypatch.setattr(speed, "seconds_a_step", lambda task, steps: 2.0)
    assert speed.fitted(checkpoint, training, 1).settings.steps == 10
    # other minutes or settings are another training
    assert speed.fitted(checkpoint, training, 2).settings.steps == 60
    slower = replace(training, settings=replace(training.settings, motion_weight=2.0))
    assert speed.fitted(checkpoint, slower, 1).settings.steps == 30


def test_milliseconds_are_those_of_one_frame_of_one_film(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, network = Clock(monkeypatch), generator().eval()
    shapes, draw = [], network.draw

    def slow(history: torch.Tensor, *given: Any, **more: Any) -> Drawing:
        shapes.append(history.shape)
        clock.now += 0.004
        return draw(history, *given, **more)

    monkeypatch.setattr(network, "draw", slow)
    shape = ActionGrammar().vocabulary.shape
    found = speed.milliseconds_a_frame(network, (32, 32), shape, CPU.name)
    # three frames at once: seven times three for the twenty that are timed
    assert found == pytest.approx(4 / 3)
    assert set(shapes) == {(1, 10, 32, 32)}
