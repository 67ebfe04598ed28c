"""The loop that every training shares: steps, progress, curves, checkpoints, going on."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Protocol

import pandas as pd
import torch
from torch import nn
from tqdm import tqdm

from videogeneration import distributed
from videogeneration.training.checkpoints import (
    Checkpoint,
    differences,
    read_state,
    restore_state,
    save_state,
)
from videogeneration.training.device import Device

logger = logging.getLogger(__name__)

SAVE_AFTER = 15.0
"""Seconds after which a state is saved, where that is sooner than `save_every`."""

SHOWN = 3
"""Figures beside a progress bar, which is to be read in 100 columns; all are in the curves."""

Report = Callable[[list[dict[str, Any]]], None]
"""Receives rows of a training's curves: `step` and the figures of that step."""


class Task(Protocol):
    """What is trained."""

    @property
    def modules(self) -> Mapping[str, nn.Module]:
        """Every network with state, by name."""

    @property
    def optimizers(self) -> Mapping[str, torch.optim.Optimizer]:
        """Their optimisers, by name."""

    def batches(self, start: int, stop: int) -> Iterator[Any]:
        """What steps `start` to `stop` learn from: a pure function of the step's number."""

    @property
    def device(self) -> Device:
        """Where it is trained, and in which precision."""

    def step(self, step: int, batch: Any) -> dict[str, torch.Tensor]:
        """Learn from one batch; returns figures for the curves."""

    def result(self) -> nn.Module:
        """The network to keep."""


def is_finished(checkpoint: Checkpoint, inputs: Mapping[str, Any]) -> bool:
    """Whether this very training was finished before; says in the log why not.

    Args:
        checkpoint: Where it would lie.
        inputs: Everything that the result depends on, JSON-able.
    """
    known = checkpoint.description().get("inputs")
    if known is None:
        return False
    changed = differences(known, inputs)
    if changed:
        logger.info("%s: training anew, changed: %s", checkpoint.folder, "; ".join(changed))
        return False
    logger.info("%s: already trained with these inputs and settings", checkpoint.folder)
    state = checkpoint.state
    if state.exists() and not differences(read_state(state)["inputs"], inputs):
        state.unlink(missing_ok=True)  # its process was killed when all was done
    return True


def choose_device(checkpoint: Checkpoint, inputs: Mapping[str, Any]) -> Device:
    """Where to train and in which precision, by `inputs["compute"]`.

    `precision: auto` is measured once a training: one that was interrupted goes on with what was
    chosen at its start, also where it would be measured differently now.

    Args:
        checkpoint: Where the training lies or will lie.
        inputs: Everything that its result depends on.
    """
    compute = dict(inputs["compute"])
    if checkpoint.state.exists():
        state = read_state(checkpoint.state)
        if not differences(state["inputs"], inputs):
            compute["precision"] = state["device"].get("precision", compute["precision"])
    device = Device.choose(**compute)
    fast = distributed.all_say(device.precision == "bfloat16")
    return replace(device, precision="bfloat16" if fast else "float32")


def train(
    task: Task,
    checkpoint: Checkpoint,
    inputs: Mapping[str, Any],
    steps: int,
    *,
    seed: int = 0,
    name: str = "training",
    report: Report = lambda rows: None,
    report_every: int = 20,
    save_every: int = 250,
    sample: Callable[[int], None] = lambda step: None,
    sample_every: int = 500,
) -> None:
    """Train to the end, from the last saved state where there is one for the same inputs.

    Every step seeds torch from `seed` and its own number, so a training that was killed and goes on
    ends with the same weights as one that was not.

    Of several processes, see `distributed`, the first one writes.

    Args:
        task: What is trained.
        checkpoint: Where states and the result are written.
        inputs: Everything that the result depends on; a state of other inputs is not used.
        steps: Number of steps in all.
        seed: Seed of dropout and noise.
        name: What the progress bar says.
        report: Receives the curves while training runs, the restored part first.
        report_every: Steps between two points of the curves; each is the mean over them.
        save_every: Steps between two saved states, see `SAVE_AFTER` too; rounded up to a multiple
            of `report_every`.
        sample: Shows what is learned so far; receives the number of steps done.
        sample_every: Steps between two samples; the last step has one too.
    """
    first, done, history = distributed.rank() == 0, 0, list[dict[str, Any]]()
    if checkpoint.state.exists():
        state = read_state(checkpoint.state)
        changed = differences(state["inputs"], inputs)
        if changed:
            logger.info("%s: starting anew, changed: %s", checkpoint.state, "; ".join(changed))
        else:
            restore_state(checkpoint.state, task.modules, task.optimizers)
            done, history = state["step"], state["history"]
            logger.info("%s: going on after step %d", checkpoint.state, done)
            report(history)

    save_every = -(-save_every // report_every) * report_every
    gathered: dict[str, list[torch.Tensor]] = {}
    shown = saved = done
    step = done - 1
    saved_at = time.monotonic()
    # in a file, where a bar would fill pages, ten lines say how far it is
    hidden = None if first else True
    bar = tqdm(
        total=steps, initial=done, desc=name, unit="step", dynamic_ncols=True, disable=hidden
    )
    with bar, _interrupted(name, lambda: (step + 1, saved)):
        for step, batch in enumerate(task.batches(done, steps), done):
            torch.manual_seed(seed * 1_000_003 + step)
            for key, value in task.step(step, batch).items():
                gathered.setdefault(key, []).append(value.detach())
            bar.update()
            last = step + 1 == steps
            if (step + 1) % report_every == 0 or last:
                means = {key: torch.stack(v).float().mean().item() for key, v in gathered.items()}
                gathered.clear()
                means = distributed.mean_figures(means)
                history.append({"step": step + 1, **means})
                report(history[-1:])
                figures = {key: f"{value:.4g}" for key, value in list(means.items())[:SHOWN]}
                bar.set_postfix(figures)
                tenth = 10 * (step + 1) // steps
                if bar.disable and (tenth > 10 * shown // steps or last):
                    shown = step + 1
                    said = ", ".join(f"{key} {value}" for key, value in figures.items())
                    logger.info("%s: step %d of %d, %s", name, step + 1, steps, said)
            if (step + 1) % sample_every == 0 or last:
                sample(step + 1)
            # a state is saved only where the curves have a point: none of them is lost
            due = (step + 1) % save_every == 0 or last
            if (step + 1) % report_every == 0:
                due = due or time.monotonic() - saved_at > SAVE_AFTER
            if first and due:
                save_state(
                    checkpoint.state,
                    task.modules,
                    task.optimizers,
                    step + 1,
                    inputs,
                    history,
                    task.device,
                )
                saved, saved_at = step + 1, time.monotonic()
    if first:
        checkpoint.finish(task.result(), inputs, pd.DataFrame(history), task.device)
    distributed.all_say(True)  # so that the others find it


@contextmanager
def _interrupted(name: str, progress: Callable[[], tuple[int, int]]) -> Iterator[None]:
    """Where a user interrupts a training, say after which step, and where it goes on.

    Args:
        name: Of the training.
        progress: Gives the number of steps that are done, and of those that are saved.
    """
    try:
        yield
    except KeyboardInterrupt:
        done, saved = progress()
        on = f"goes on after step {saved}" if saved else "starts anew"
        if distributed.rank() == 0:
            logger.warning("%s: interrupted after step %d; the same command %s", name, done, on)
        raise
