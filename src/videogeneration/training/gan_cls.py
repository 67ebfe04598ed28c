"""GAN-CLS: a generator that draws a sentence's first frame, and its discriminator.

Reed et al., "Generative Adversarial Text to Image Synthesis", ICML 2016.
"""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from videogeneration.data.first_frames import FirstFrames, PictureBatch
from videogeneration.models.text_to_image import ImageDiscriminator, ImageGenerator
from videogeneration.training.averaging import moving_average
from videogeneration.training.device import Device
from videogeneration.training.losses import (
    AdversarialLoss,
    descend,
    discriminator_loss,
    generator_loss,
    step_down,
)
from videogeneration.validated import validated

_PENALTY_EVERY = 8  # steps


@validated
class GanClsSettings:
    """How a generator of first frames and its discriminator are trained.

    `loss: cross_entropy` with `discriminator_warmup`, `naming`, `gradient_penalty`, `mode_seeking`,
    `shift` and `ema_decay` all 0 is the plain GAN-CLS.

    Attributes:
        steps: Updates of the generator, each after one of the discriminator.
        discriminator_warmup: Updates of the discriminator alone before them, on real pictures with
            right and wrong sentences: it can then say from the start what a generated one lacks.
        batch_size: Pictures an update.
        generator_rate: Adam's learning rate for the generator.
        discriminator_rate: Adam's learning rate for the discriminator.
        loss: `hinge`, `least_squares` or `cross_entropy`.
        naming: Weight of naming what a picture shows, for both; 0 for none.
        gradient_penalty: Weight of R1, the squared gradient of the verdict on real pictures, which
            keeps it smooth (Mescheder et al., "Which Training Methods for GANs do actually
            Converge?", ICML 2018); taken every eighth step, with eight times the weight (Karras et
            al., "Analyzing and Improving the Image Quality of StyleGAN", CVPR 2020). 0 for none.
        mode_seeking: Weight of how alike figures are that are drawn from different noise (Mao et
            al., "Mode Seeking Generative Adversarial Networks for Diverse Image Synthesis", CVPR
            2019); 0 for none.
        shift: Most pixels by which pictures are moved before the discriminator sees them, real and
            generated ones alike (Zhao et al., "Differentiable Augmentation for Data-Efficient GAN
            Training", NeurIPS 2020).
        ema_decay: Decay of the moving average of the generator's weights that is kept; 0 for none.
        seed: Order of the pictures, noise, first weights.
    """

    steps: int = Field(3500, ge=1)
    discriminator_warmup: int = Field(50, ge=0)
    batch_size: int = Field(16, ge=1)
    generator_rate: float = Field(2e-4, gt=0)
    discriminator_rate: float = Field(5e-4, gt=0)
    loss: AdversarialLoss = "cross_entropy"
    naming: float = Field(0.3, ge=0)
    gradient_penalty: float = Field(0.0005, ge=0)
    mode_seeking: float = Field(0.002, ge=0)
    shift: int = Field(4, ge=0)
    ema_decay: float = Field(0.998, ge=0, le=1)
    seed: int = 0


class GanClsTask:
    """Generator and discriminator of first frames, and the step that trains both.

    A `loop.Task`: each step is an update of the discriminator and, after the warm-up, one of the
    generator.

    Args:
        generator: On its device.
        discriminator: On the same device.
        frames: What both learn from.
        settings: How.
        device: Device and precision.
    """

    def __init__(
        self,
        generator: ImageGenerator,
        discriminator: ImageDiscriminator,
        frames: FirstFrames,
        settings: GanClsSettings,
        device: Device,
    ) -> None:
        self.generator, self.discriminator = generator, discriminator
        self.frames, self.settings, self.device = frames, settings, device
        self.average = moving_average(generator, settings.ema_decay)
        self.modules: dict[str, nn.Module] = {
            "generator": generator,
            "discriminator": discriminator,
            "average": self.average,
        }
        self._rates = {
            "generator": settings.generator_rate,
            "discriminator": settings.discriminator_rate,
        }
        self.optimizers = {
            name: torch.optim.Adam(
                self.modules[name].parameters(), rate, betas=(0.5, 0.99), fused=True
            )
            for name, rate in self._rates.items()
        }

    @property
    def steps(self) -> int:
        """Steps in all, the warm-up included."""
        return self.settings.discriminator_warmup + self.settings.steps

    def batches(self, start: int, stop: int) -> Iterator[PictureBatch]:
        """The pictures of steps `start` to `stop`."""
        return self.frames.batches(start, stop, self.settings.batch_size)

    def step(self, step: int, batch: PictureBatch) -> dict[str, Tensor]:
        """One step; returns both losses and the discriminator's accuracies.

        `accuracy_right`, `accuracy_wrong` and `accuracy_generated` are the shares that it judges
        rightly of real pictures with their sentence, with a wrong one, and of generated ones.
        """
        batch = batch.to(self.device.name)
        for name, optimizer in self.optimizers.items():
            for group in optimizer.param_groups:
                group["lr"] = self._rates[name] * step_down(step, self.steps, 1)
        if step < self.settings.discriminator_warmup:
            return self.update_discriminator(step, batch, None)
        count, length = len(batch.caption), self.generator.config.noise
        noise = torch.randn(count, length, device=batch.caption.device)
        picture = self._draw(noise, batch.caption)
        figures = self.update_discriminator(step, batch, picture.detach())
        figures |= self.update_generator(batch, noise, picture)
        self.average.update_parameters(self.generator)
        return figures

    def _draw(self, noise: Tensor, caption: Tensor) -> Tensor:
        with self.device.autocast():
            return self.generator(noise, caption)

    def update_discriminator(
        self, step: int, batch: PictureBatch, picture: Tensor | None
    ) -> dict[str, Tensor]:
        """An update of the discriminator on generated pictures `[B, H, W]`, if any; its figures."""
        judge, s = self.discriminator, self.settings
        with self.device.autocast():
            real = judge.features(shifted(batch.picture, s.shift))
            right, rejected = judge.score(real, batch.caption), [judge.score(real, batch.wrong)]
            naming = naming_loss(judge.named(real), batch.seen)
            if picture is not None:
                rejected.append(judge(shifted(picture, s.shift), batch.caption))
        # the two kinds to reject count one half each, as in GAN-CLS
        loss = discriminator_loss(s.loss, right, torch.cat(rejected))
        total = loss + s.naming * naming
        if s.gradient_penalty and step % _PENALTY_EVERY == 0:
            total = total + _PENALTY_EVERY * s.gradient_penalty * self.steepness(batch)
        descend(self.optimizers["discriminator"], total, 10.0)
        figures = {
            "discriminator_loss": loss.detach(),
            "naming_real": naming.detach(),
            "accuracy_right": _share(right > 0),
        }
        for kind, logits in zip(("wrong", "generated"), rejected, strict=False):
            figures[f"accuracy_{kind}"] = _share(logits < 0)
        return figures

    def steepness(self, batch: PictureBatch) -> Tensor:
        """Mean squared gradient of the verdict on real pictures."""
        picture = batch.picture.clone().requires_grad_()
        verdict = self.discriminator(picture, batch.caption).sum()
        (gradient,) = torch.autograd.grad(verdict, picture, create_graph=True)
        return gradient.square().sum((1, 2)).mean()

    def update_generator(
        self, batch: PictureBatch, noise: Tensor, picture: Tensor
    ) -> dict[str, Tensor]:
        """An update of the generator, which made these pictures of this noise; its figures."""
        s = self.settings
        self.discriminator.requires_grad_(False)
        with self.device.autocast():
            features = self.discriminator.features(shifted(picture, s.shift))
            verdict = self.discriminator.score(features, batch.caption)
            naming = naming_loss(self.discriminator.named(features), batch.seen)
        loss = generator_loss(s.loss, verdict)
        total = loss + s.naming * naming
        if s.mode_seeking:
            total = total + s.mode_seeking * self._sameness(batch, noise, picture)
        descend(self.optimizers["generator"], total, 10.0)
        self.discriminator.requires_grad_(True)
        return {"generator_loss": loss.detach(), "naming_generated": naming.detach()}

    def _sameness(self, batch: PictureBatch, noise: Tensor, picture: Tensor) -> Tensor:
        """How far apart noises are over how far the pictures are that only their looks change."""
        other = self.generator.other_looks(noise)
        apart = (self._draw(other, batch.caption) - picture).abs().mean((1, 2))
        return ((other - noise).abs().mean(1) / (apart + 1e-3)).mean()

    def result(self) -> nn.Module:
        """The averaged generator."""
        return self.average.module


def _share(judged_rightly: Tensor) -> Tensor:
    return judged_rightly.float().mean()


def naming_loss(logits: Tensor, seen: Tensor) -> Tensor:
    """Cross-entropy of saying what each picture shows, summed over the sights."""
    return F.binary_cross_entropy_with_logits(logits, seen, reduction="none").sum(1).mean()


def shifted(pictures: Tensor, most: int) -> Tensor:
    """Move each of `[B, H, W]` pictures by up to `most` pixels either way; the border goes on."""
    if not most:
        return pictures
    count, height, width = pictures.shape
    wide = F.pad(pictures[:, None], (most, most, most, most), mode="replicate")[:, 0]
    top, left = torch.randint(2 * most + 1, (2, count, 1, 1), device=pictures.device)
    rows = top + torch.arange(height, device=pictures.device)[:, None]
    columns = left + torch.arange(width, device=pictures.device)
    return wide[torch.arange(count, device=pictures.device)[:, None, None], rows, columns]
