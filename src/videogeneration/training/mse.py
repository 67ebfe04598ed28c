"""Training a generator with the mean square error of its next frames."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from videogeneration.captions import Grammar, describe
from videogeneration.clips import HISTORY, Clips
from videogeneration.models.generator import Generator
from videogeneration.rollout import push
from videogeneration.training.averaging import MovingAverage
from videogeneration.training.checkpoints import build
from videogeneration.training.device import Device
from videogeneration.training.losses import (
    gradient_difference,
    matching_loss,
    motion_weight,
    step_down,
)
from videogeneration.validated import validated
from videogeneration.windows import Batch, Windows, WindowSettings


@validated
class MseSettings:
    """How a generator is trained with MSE.

    Attributes:
        steps: Updates of the weights.
        batch_size: Windows an update.
        learning_rate: AdamW's highest, after the warm-up; falls as half a cosine.
        weight_decay: AdamW's.
        warmup: Steps of linear warm-up.
        average: Decay of the exponential moving average of the weights that is kept; 0 keeps the
            weights themselves.
        history_noise: Largest standard deviation of the noise on past frames, in [0, 1]; drawn for
            every window and told to the network (Valevski et al., "Diffusion Models Are Real-Time
            Game Engines", 2024).
        moving: Weight of pixels that change, against 1 for those that stay.
        gradient_difference: Weight of the gradient difference beside the square error.
        matching: Weight of finding each past's caption among the batch's, by which a network that
            looks captions up place by place learns which figure is which; see `matching_loss`.
        pushforward: Largest number of the history's newest frames that the network has drawn
            itself, without gradient; 0 to it, drawn for every step (Brandstetter et al., "Message
            Passing Neural PDE Solvers", ICLR 2022). Histories of one frame stay as they are.
        pushforward_from: Share of the steps after which that begins.
        seed: Order of the windows, augmentation, noise, first weights.
    """

    steps: int = 2000
    batch_size: int = 16
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    warmup: int = 100
    average: float = 0.998
    history_noise: float = 0.1
    moving: float = 4.0
    gradient_difference: float = 0.0
    matching: float = 0.002
    pushforward: int = 2
    pushforward_from: float = 0.3
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "warmup"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: {getattr(self, name)}; choose 1 or more")
        for name in ("learning_rate", "moving"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name}: {getattr(self, name)}; choose a positive number")
        for name in ("weight_decay", "gradient_difference", "matching"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}: {getattr(self, name)}; choose 0 or more")
        if not 0 <= self.pushforward <= 9:
            raise ValueError(f"pushforward: {self.pushforward}; choose 0 to 9")
        for name in ("average", "history_noise", "pushforward_from"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}: {getattr(self, name)}; choose a number from 0 to 1")


def add_history_noise(history: Tensor, largest: float) -> tuple[Tensor, Tensor]:
    """Noise of a random strength a window on its present frames; missing ones stay zero.

    Args:
        history: `[B, T, H, W]` in [0, 1].
        largest: Largest standard deviation; weak noise is the most frequent.

    Returns:
        The noisy history, and its noise's standard deviations `[B]`.
    """
    strength = largest * torch.rand(len(history), device=history.device) ** 2
    noise = strength[:, None, None, None] * torch.randn_like(history)
    noisy = (history + noise).clamp(0, 1)
    present = history.flatten(2).amax(2) > 0
    return torch.where(present[:, :, None, None], noisy, history), strength


def used(
    network: nn.Module, batch: Batch, noise: float, most: int, device: Device
) -> tuple[Batch, Tensor, Tensor]:
    """Make pasts as they are when the network is used: noisy, the newest frames its own.

    From a single frame nothing says how fast the film goes on: frames drawn from it are no past
    that the true future follows, and to learn from them is to learn to blur. Such pasts get none.

    Args:
        network: The generator.
        batch: Windows with more than `most` future frames.
        noise: Largest standard deviation of the noise.
        most: Largest number of frames that the network draws, without gradient; how many is drawn
            at random.
        device: Device and precision.

    Returns:
        The windows, moved on by the frames that were drawn; their histories as the network sees
        them, `[B, T, H, W]`; and the noise's standard deviations `[B]`.
    """
    past, future = batch.history, batch.future
    history, strength = add_history_noise(past, noise)
    paced = (past[:, -2].flatten(1).amax(1) > 0)[:, None, None, None]
    for _ in range(int(torch.randint(most + 1, ())) if most else 0):
        with torch.no_grad(), device.autocast():
            frame = network(history, batch.caption, strength)
        history = torch.where(paced, push(history, frame), history)
        past = torch.where(paced, push(past, future[:, 0]), past)
        future = torch.where(paced, future.roll(-1, 1), future)
    return Batch(past, future, batch.caption), history, strength


class MseTask:
    """A generator, its optimiser, and the step that trains it; a `loop.Task`.

    Args:
        network: The generator, on its device.
        windows: What it learns from, with one future frame more than `settings.pushforward`.
        settings: How.
        device: Device and precision.
    """

    def __init__(
        self, network: nn.Module, windows: Windows, settings: MseSettings, device: Device
    ) -> None:
        self.network, self.windows, self.settings = network, windows, settings
        self.device = device
        self.average = MovingAverage(network, settings.average)
        self.modules = {"generator": network, "average": self.average.network}
        self.optimizer = torch.optim.AdamW(
            network.parameters(),
            settings.learning_rate,
            weight_decay=settings.weight_decay,
            fused=True,
        )
        self.optimizers = {"generator": self.optimizer}

    def batches(self, start: int, stop: int) -> Iterator[Batch]:
        """The windows of steps `start` to `stop`."""
        return self.windows.batches(start, stop)

    def step(self, step: int, batch: Batch) -> dict[str, Tensor]:
        """One update; returns `loss`, `mse`, the plain square error, and `matching_loss`."""
        s = self.settings
        batch = batch.to(self.device.name)
        for group in self.optimizer.param_groups:
            group["lr"] = s.learning_rate * step_down(step, s.steps, s.warmup)

        most = s.pushforward if step >= s.pushforward_from * s.steps else 0
        batch, history, noise = used(self.network, batch, s.history_noise, most, self.device)
        past, true = batch.history, batch.future[:, 0]
        with self.device.autocast():
            if isinstance(self.network, Generator):
                frame, match = self.network.draw(history, batch.caption, noise)
            else:
                frame, match = self.network(history, batch.caption, noise), None
        square = (frame - true) ** 2
        loss = (square * motion_weight(past, true, s.moving)).mean()
        if s.gradient_difference:
            loss = loss + s.gradient_difference * gradient_difference(frame, true)
        figures = {"mse": square.mean()}
        if match is not None:
            figures["matching_loss"] = matching_loss(match)
            loss = loss + s.matching * figures["matching_loss"]
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        self.average.update(self.network, step)
        return {"loss": loss, **figures}

    def result(self) -> nn.Module:
        """The averaged generator."""
        return self.average.network if self.settings.average else self.network


@dataclass(frozen=True)
class MseTraining:
    """Everything that a generator trained with MSE depends on.

    Attributes:
        clips: What it learns from: a store's training clips.
        captions: One-hot uint8 `[clips of the store, max_words, vocabulary]`.
        grammar: What the source can say.
        network: `name`, and the settings of that network but those that the clips and the grammar
            decide.
        windows: How windows are cut and varied.
        settings: How it is trained.
        compute: `device` and `precision`, see `Device.choose`.
    """

    clips: Clips
    captions: np.ndarray
    grammar: Grammar
    network: dict[str, Any]
    windows: WindowSettings
    settings: MseSettings
    compute: dict[str, str]

    def inputs(self) -> dict[str, Any]:
        """The same, JSON-able: equal inputs give equal weights on one machine."""
        return {
            "clips": self.clips.fingerprint(),
            "grammar": describe(self.grammar),
            "network": self.network,
            "windows": asdict(self.windows),
            "mse": asdict(self.settings),
            "compute": self.compute,
        }

    def generator(self) -> nn.Module:
        """The network before its training, its weights drawn from the seed.

        Raises:
            ValueError: The network's name or settings cannot be, see `build`.
        """
        height, width = self.clips.size
        words, vocabulary = self.grammar.vocabulary.shape
        shape = {"height": height, "width": width, "words": words, "vocabulary": vocabulary}
        settings = {key: value for key, value in self.network.items() if key != "name"}
        torch.manual_seed(self.settings.seed)
        return build(self.network["name"], {**settings, **shape, "history": HISTORY})

    def task(self) -> MseTask:
        """The training itself, before its first step."""
        device, settings = Device.choose(**self.compute), self.settings
        cut = Windows(
            self.clips,
            self.captions,
            self.grammar,
            self.windows,
            settings.batch_size,
            settings.pushforward + 1,
            settings.seed,
        )
        return MseTask(device.place(self.generator()), cut, settings, device)
