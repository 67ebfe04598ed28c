"""Training the network that says what a first frame shows."""

from collections.abc import Iterator

import torch
from pydantic import Field
from torch import Tensor, nn

from videogeneration.data.first_frames import FirstFrames, PictureBatch
from videogeneration.models.classifier import Classifier
from videogeneration.training.device import Device
from videogeneration.training.gan_cls import naming_loss, shifted
from videogeneration.training.losses import descend, step_down
from videogeneration.validated import validated


@validated
class ClassifierSettings:
    """How the classifier of first frames is trained.

    Attributes:
        steps: Updates of the weights.
        batch_size: Pictures an update.
        learning_rate: AdamW's highest, after the warm-up; falls as half a cosine.
        weight_decay: AdamW's.
        shift: Most pixels by which pictures are moved.
        seed: Order of the pictures, first weights.
    """

    steps: int = Field(200, ge=1)
    batch_size: int = Field(64, ge=1)
    learning_rate: float = Field(4e-3, gt=0)
    weight_decay: float = Field(0.01, ge=0)
    shift: int = Field(4, ge=0)
    seed: int = 0


class ClassifierTask:
    """A classifier and the step that trains it; a `loop.Task`.

    Args:
        network: On its device.
        frames: What it learns from.
        settings: How.
        device: Device and precision.
    """

    def __init__(
        self,
        network: Classifier,
        frames: FirstFrames,
        settings: ClassifierSettings,
        device: Device,
    ) -> None:
        self.network, self.frames, self.settings, self.device = network, frames, settings, device
        self.modules: dict[str, nn.Module] = {"classifier": network}
        self.optimizer = torch.optim.AdamW(
            network.parameters(),
            settings.learning_rate,
            weight_decay=settings.weight_decay,
            fused=True,
        )
        self.optimizers = {"classifier": self.optimizer}

    def batches(self, start: int, stop: int) -> Iterator[PictureBatch]:
        """The pictures of steps `start` to `stop`."""
        return self.frames.batches(start, stop, self.settings.batch_size)

    def step(self, step: int, batch: PictureBatch) -> dict[str, Tensor]:
        """One update; returns `loss` and `named_right`, the share of pictures named wholly."""
        batch = batch.to(self.device.name)
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.learning_rate * step_down(step, self.settings.steps, 50)
        self.network.train()
        with self.device.autocast():
            logits = self.network(shifted(batch.picture, self.settings.shift))
        loss = naming_loss(logits, batch.seen)
        descend(self.optimizer, loss, 10.0)
        named = ((logits > 0) == (batch.seen > 0)).all(1).float().mean()
        return {"loss": loss, "named_right": named}

    def result(self) -> nn.Module:
        """The classifier."""
        return self.network
