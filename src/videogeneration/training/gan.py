"""Adversarial training of a generator that MSE has trained."""

from collections.abc import Iterator
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from videogeneration import distributed
from videogeneration.data.windows import Windows
from videogeneration.models.discriminator import Discriminator, FeatureDiscriminator
from videogeneration.models.interface import Batch, FilmModel, push
from videogeneration.models.losses import square_error
from videogeneration.training.averaging import moving_average
from videogeneration.training.device import Device
from videogeneration.training.losses import (
    AdversarialLoss,
    descend,
    discriminator_loss,
    generator_loss,
)
from videogeneration.training.mse import add_history_noise, weigh_motion
from videogeneration.validated import validated

GREY = 1 / 255
"""Difference of pixels from which on they differ."""


@validated
class GanSettings:
    """How a generator is trained against a discriminator.

    Attributes:
        steps: Updates of the generator.
        discriminator_warmup: Updates of the discriminator alone, before them.
        discriminator_updates: Updates of the discriminator for one of the generator.
        batch_size: Windows an update.
        generator_rate: Adam's learning rate for the generator.
        discriminator_rate: Adam's learning rate for the discriminator.
        schedule: `adversarial` minimises the discriminator's verdict alone; `joint` adds the square
            error and the generator's own penalty, see `FilmModel.imitate`.
        loss: `hinge`, `least_squares` or `cross_entropy`.
        reconstruction: Weight of the square error in `joint`.
        adversarial: Weight of the discriminator's verdict.
        wrong_captions: Share of the real frames shown to the discriminator with the sentence of
            another window, as frames to reject (GAN-CLS, Reed et al. 2016); 0 where it is not told
            the caption.
        motion_weight: Weight of pixels that change in the square error, as in MSE training.
        history_noise: Largest standard deviation of the noise on past frames, in [0, 1].
        ema_decay: Decay of the moving average of the generator's weights that is kept; 0 for none.
        seed: Order of the windows, augmentation, noise, first weights.
    """

    steps: int = Field(100, ge=1)
    discriminator_warmup: int = Field(60, ge=0)
    discriminator_updates: int = Field(1, ge=1)
    batch_size: int = Field(16, ge=1)
    generator_rate: float = Field(2e-4, gt=0)
    discriminator_rate: float = Field(4e-4, gt=0)
    schedule: Literal["adversarial", "joint"] = "joint"
    loss: AdversarialLoss = "hinge"
    reconstruction: float = Field(100.0, ge=0)
    adversarial: float = Field(1.0, ge=0)
    wrong_captions: float = Field(0.5, ge=0, le=1)
    motion_weight: float = Field(4.0, gt=0)
    history_noise: float = Field(0.06, ge=0, le=1)
    ema_decay: float = Field(0.99, ge=0, le=1)
    seed: int = 0


class GanTask:
    """Generator and discriminator, and the step that trains both; a `loop.Task`.

    A step is an update of the generator after its updates of the discriminator; during the warm-up
    it is one update of the discriminator alone.

    Args:
        generator: Trained with MSE before, on its device.
        discriminator: On the same device.
        windows: What both learn from, with as many future frames as the generator predicts at
            once.
        settings: How.
        device: Device and precision.
    """

    def __init__(
        self,
        generator: FilmModel,
        discriminator: Discriminator | FeatureDiscriminator,
        windows: Windows,
        settings: GanSettings,
        device: Device,
    ) -> None:
        generator.begin_adversarial()
        self.generator, self.discriminator = generator, discriminator
        self.windows, self.settings, self.device = windows, settings, device
        self.average = moving_average(generator, settings.ema_decay)
        self.modules = {
            "generator": generator,
            "discriminator": discriminator,
            "average": self.average,
        }

        def adam(network: nn.Module, rate: float) -> torch.optim.Optimizer:
            return torch.optim.Adam(network.parameters(), rate, betas=(0.5, 0.99), fused=True)

        self.optimizers = {
            "generator": adam(generator, settings.generator_rate),
            "discriminator": adam(discriminator, settings.discriminator_rate),
        }

    def batches(self, start: int, stop: int) -> Iterator[list[Batch]]:
        """For every step a batch an update of the discriminator; the generator takes the last."""
        count = self.settings.discriminator_updates
        stream = self.windows.batches(start * count, stop * count)
        for first in stream:
            yield [first, *(next(stream) for _ in range(count - 1))]

    def step(self, step: int, batch: list[Batch]) -> dict[str, Tensor]:
        """One step; returns both losses and the discriminator's accuracy on both kinds."""
        figures: dict[str, Tensor] = {}
        s = self.settings
        learns = step >= s.discriminator_warmup
        for number, part in enumerate(batch, 1):
            ready = weigh_motion(part.to(self.device.name), s.motion_weight)
            noisy = distributed.share(add_history_noise(ready, s.history_noise))
            ready = distributed.share(ready)
            distributed.draw_apart()
            # the frames that the discriminator saw last are those that it judges then
            with torch.set_grad_enabled(learns and number == len(batch)), self.device.autocast():
                drawn, penalty = self.generator.imitate(noisy)
            figures |= self.update_discriminator(ready, drawn.detach())
        if learns:
            figures |= self.update_generator(ready, drawn, penalty)
            self.average.update_parameters(self.generator)
        return figures

    def update_discriminator(self, batch: Batch, drawn: Tensor) -> dict[str, Tensor]:
        """An update of the discriminator on drawn frames `[B, K, H, W]`; its figures."""
        place = _pick(batch, drawn.shape[1])
        with self.device.autocast():
            true, past, caption = _until(batch, batch.future, *place)
            imitated = _until(batch, drawn, *place)
            real = self.discriminator(true, past, caption)
            generated = self.discriminator(*imitated)
            counts = _apart(true, imitated[0], real)
            rejected = generated[counts]
            if self.settings.wrong_captions and self.discriminator.embed is not None:
                count = max(1, round(self.settings.wrong_captions * len(true)))
                other = caption.roll(1, 0)[:count]
                differs = (other != caption[:count]).flatten(1).any(1)[:, None, None]
                wrong = self.discriminator(true[:count], past[:count], other)
                rejected = torch.cat([rejected, wrong[differs & counts[:count]]])
        loss = discriminator_loss(self.settings.loss, real[counts], rejected)
        descend(self.optimizers["discriminator"], loss, 10.0)
        return {
            "discriminator_loss": loss.detach(),
            # 0.5 on both is chance; 1 on both for long: the generator learns nothing from it
            "accuracy_real": (real[counts] > 0).float().mean(),
            "accuracy_generated": (generated[counts] < 0).float().mean(),
        }

    def update_generator(self, batch: Batch, drawn: Tensor, penalty: Tensor) -> dict[str, Tensor]:
        """An update of the generator on what `imitate` gave, with gradients; its figures."""
        s = self.settings
        with self.device.autocast():
            frame, windows = _pick(batch, drawn.shape[1])
            verdict = self.discriminator(*_until(batch, drawn, frame, windows))
            true, imitated = batch.future[windows, frame], drawn[windows, frame]
            verdict = verdict[_apart(true, imitated, verdict)]
        weighted, mse = square_error(drawn, batch.future, batch.future_valid, batch.weight)
        adversarial = generator_loss(s.loss, verdict)
        loss = s.adversarial * adversarial
        if s.schedule == "joint":
            loss = loss + s.reconstruction * weighted + penalty
        descend(self.optimizers["generator"], loss, 10.0)
        return {
            "generator_loss": loss.detach(),
            "adversarial_loss": adversarial.detach(),
            "mse": mse.detach(),
        }

    def result(self) -> nn.Module:
        """The averaged generator."""
        return self.average.module


def _pick(batch: Batch, frames: int) -> tuple[int, Tensor]:
    """One of the frames to come, at random, and the windows `[N]` whose clips go on to it."""
    frame = int(torch.randint(frames, ()))
    valid = batch.future_valid
    those = valid[:, frame].nonzero()[:, 0]
    return (frame, those) if len(those) else (0, valid[:, 0].nonzero()[:, 0])


def _apart(true: Tensor, drawn: Tensor, verdict: Tensor) -> Tensor:
    """Patches that count, bool like a verdict `[N, h, w]`: those in which drawn frames differ.

    A network may draw a figure into the true frame; the patches around it would teach nothing and
    be most of all. Where no patch differs all count.
    """
    differs = ((true - drawn.detach()).abs() > GREY).to(verdict.dtype)[:, None]
    counts = F.adaptive_max_pool2d(differs, verdict.shape[-2:])[:, 0] > 0
    return counts | ~counts.any()


def _until(
    batch: Batch, frames: Tensor, frame: int, windows: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """What a discriminator looks at: a frame, those before it of the same film, the caption.

    Args:
        batch: Windows.
        frames: `[B, K, H, W]`: what follows their histories, true or drawn.
        frame: Which of these it is.
        windows: The windows that have it.
    """
    past = batch.history[windows], batch.history_valid[windows]
    film, _ = push(*past, frames[windows, :frame])
    return frames[windows, frame], film, batch.caption[windows]
