"""How fast a network learns and draws, and how many steps fit into some minutes."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch

from videogeneration.data.clips import HISTORY
from videogeneration.models.interface import FilmModel
from videogeneration.training.checkpoints import Checkpoint, differences, read_state
from videogeneration.training.device import Device
from videogeneration.training.loop import Task
from videogeneration.training.mse import MseTraining

_WARMUP = 12
"""First steps that are not timed: memory is still being laid out, and graphs are recorded."""

_FRAMES = 20
"""Frames of a film that are timed, or a few more so that none is drawn in vain."""

_TIMED = 60
"""Steps that are timed, spread evenly over the schedule."""


class Timed:
    """A task whose curves also say `seconds`, the clock's share of a step; a `loop.Task`.

    A step's share runs from the end of the step before it: waiting for its batch counts, and so
    does what the loop writes in between.

    Args:
        task: What is trained.
    """

    def __init__(self, task: Task) -> None:
        self.task = task
        self.modules, self.optimizers, self.result = task.modules, task.optimizers, task.result
        self.device = task.device
        self._end = 0.0

    def batches(self, start: int, stop: int) -> Iterator[Any]:
        """What the task learns from; starts the clock."""
        self._end = time.perf_counter()
        return self.task.batches(start, stop)

    def step(self, step: int, batch: Any) -> dict[str, torch.Tensor]:
        """The task's step and its figures, with `seconds`."""
        figures = self.task.step(step, batch)
        before, self._end = self._end, time.perf_counter()
        return {**figures, "seconds": torch.tensor(self._end - before)}


def seconds_a_step(task: Task, steps: int) -> float:
    """Mean seconds of a step of a training of so many steps.

    A few steps are taken, spread evenly over the schedule, so that what begins in its middle
    has its share. The task has learned from them: throw it away.

    Args:
        task: What would be trained.
        steps: Length of the schedule that the task follows.
    """
    places = [0] * _WARMUP + [number * steps // _TIMED for number in range(_TIMED)]
    for number, (place, batch) in enumerate(zip(places, task.batches(0, len(places)), strict=True)):
        if number == _WARMUP:
            _wait_for_device()
            start = time.perf_counter()
        torch.manual_seed(number)
        task.step(place, batch)
    _wait_for_device()
    return (time.perf_counter() - start) / _TIMED


def fitted(checkpoint: Checkpoint, training: MseTraining, minutes: float) -> MseTraining:
    """A training with as many steps as fit into some minutes.

    How long a step takes is measured on a copy that is thrown away. Where this very training lies
    in the checkpoint, finished or interrupted, it keeps the number that was chosen then.

    Args:
        checkpoint: Where the training lies or will lie; its inputs say the `minutes` as well.
        training: What would be trained; its own number of steps does not count.
        minutes: Time for it.
    """
    known = [checkpoint.description().get("inputs")]
    if checkpoint.state.exists():
        known.append(read_state(checkpoint.state)["inputs"])
    wanted = _without_steps({**training.inputs(), "minutes": minutes})
    for inputs in known:
        if inputs and not differences(_without_steps(inputs), wanted):
            steps = inputs["mse"]["steps"]
            break
    else:
        device = Device.choose(**training.compute)
        seconds = seconds_a_step(training.task(device), training.settings.steps)
        steps = max(1, round(60 * minutes / seconds))
    return replace(training, settings=replace(training.settings, steps=steps))


def _without_steps(inputs: Mapping[str, Any]) -> dict[str, Any]:
    return {**inputs, "mse": {**inputs["mse"], "steps": None}}


def training_speed(checkpoint: Checkpoint) -> dict[str, float]:
    """What the curves of a `Timed` MSE training say of its speed.

    Returns:
        `minutes`: The clock's, over all steps that count; `steps`; `windows_per_second` and
        `examples_per_second`: pasts that were looked at, and frames that were drawn from them and
        learned from, waiting for batches included.
    """
    settings, history = checkpoint.description()["inputs"]["mse"], checkpoint.history()
    steps = history["step"].diff().fillna(history["step"])
    seconds = (steps * history["seconds"]).sum()
    return {
        "minutes": seconds / 60,
        "steps": settings["steps"],
        "windows_per_second": settings["batch_size"] * steps.sum() / seconds,
        "examples_per_second": (steps * history["examples"]).sum() / seconds,
    }


def milliseconds_a_frame(
    network: FilmModel,
    size: tuple[int, int],
    caption: tuple[int, int],
    device: str = "cpu",
) -> float:
    """Milliseconds that a frame of a single film takes, in float32.

    Args:
        network: On the device, in evaluation mode; it draws `network.horizon` frames at once.
        size: Height and width of its frames.
        caption: Shape of its captions.
        device: Where it runs.
    """
    history = torch.full((1, HISTORY, *size), 0.5, device=device)
    valid = torch.ones(1, HISTORY, dtype=torch.bool, device=device)
    film = network.rollout(history, valid, torch.zeros(1, *caption, device=device))
    for _ in range(_WARMUP):
        next(film).cpu()
    start, drawn = time.perf_counter(), 0
    while drawn < _FRAMES:
        drawn += next(film).cpu().shape[1]
    return 1000 * (time.perf_counter() - start) / drawn


def _wait_for_device() -> None:
    """CUDA works on while Python goes ahead; nothing to wait for without it."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
