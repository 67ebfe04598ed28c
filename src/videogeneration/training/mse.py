"""Training a generator with the mean square error of its next frames."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from videogeneration.rollout import push
from videogeneration.training.averaging import MovingAverage
from videogeneration.training.device import Device
from videogeneration.training.losses import gradient_difference, motion_weight, step_down
from videogeneration.validated import validated
from videogeneration.windows import Batch, Windows


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
        history_noise: Largest standard deviation of the noise on past frames, in [0, 1]; drawn
            for every window (Valevski et al., "Diffusion Models Are Real-Time Game Engines", 2024).
        moving: Weight of pixels that change, against 1 for those that stay.
        gradient_difference: Weight of the gradient difference beside the square error.
        unroll: Frames predicted in a row, each from those before, in the last part of training.
        unroll_share: Share of the steps, at the end, that unroll.
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
    unroll: int = 1
    unroll_share: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "warmup", "unroll"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: {getattr(self, name)}; choose 1 or more")
        for name in ("learning_rate", "moving"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name}: {getattr(self, name)}; choose a positive number")
        for name in ("average", "history_noise", "unroll_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}: {getattr(self, name)}; choose a number from 0 to 1")


def add_history_noise(history: Tensor, largest: float) -> Tensor:
    """Noise of a random strength a window on its present frames; missing ones stay zero."""
    if not largest:
        return history
    strength = largest * torch.rand(len(history), 1, 1, 1, device=history.device)
    noisy = (history + strength * torch.randn_like(history)).clamp(0, 1)
    present = history.flatten(2).amax(2) > 0
    return noisy * present[:, :, None, None]


class MseTask:
    """A generator, its optimiser, and the step that trains it; a `loop.Task`.

    Args:
        network: The generator, on its device.
        windows: What it learns from, with `settings.unroll` future frames.
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
        """One update; returns `loss` and `mse`, the plain square error of the first frame."""
        s = self.settings
        batch = batch.to(self.device.name)
        unroll = s.unroll if step >= s.steps * (1 - s.unroll_share) else 1
        for group in self.optimizer.param_groups:
            group["lr"] = s.learning_rate * step_down(step, s.steps, s.warmup)

        history = add_history_noise(batch.history, s.history_noise)
        loss = mse = torch.zeros((), device=self.device.name)
        last = batch.history
        for k in range(unroll):
            true = batch.future[:, k]
            with self.device.autocast():
                frame = self.network(history, batch.caption)
            square = (frame - true) ** 2
            mse = square.detach().mean() if k == 0 else mse
            loss = loss + (square * motion_weight(last, true, s.moving)).mean()
            if s.gradient_difference:
                loss = loss + s.gradient_difference * gradient_difference(frame, true)
            history, last = push(history, frame), push(last, true)
        loss = loss / unroll
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        self.average.update(self.network, step)
        return {"loss": loss, "mse": mse}

    def result(self) -> nn.Module:
        """The averaged generator."""
        return self.average.network if self.settings.average else self.network
