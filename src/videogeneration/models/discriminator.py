"""Discriminators: is this frame real, and does it follow its past as the sentence says?"""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from pydantic import Field, PositiveInt
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from videogeneration.validated import validated


@validated
class DiscriminatorConfig:
    """What rebuilds a `Discriminator`.

    Attributes:
        words: Rows of the one-hot caption.
        vocabulary: Columns of the one-hot caption.
        widths: Channels of the levels of one that sees pixels; each halves the picture.
        head: Channels of the layers of one that sees features.
        past: Number of latest frames that it sees beside the frame in question; 0 for none,
            10 for all of the history.
        caption: Whether it is told the caption.
        spectral: Whether spectral norm bounds its features; batch norm stands in where it does not.
            Of one that sees pixels.
        dropout: Share of the last features dropped in training.
    """

    words: int = Field(7, ge=1)
    vocabulary: int = Field(14, ge=1)
    widths: tuple[PositiveInt, ...] = Field((32, 64, 128, 256), min_length=1)
    head: int = Field(64, ge=1)
    past: int = Field(3, ge=0, le=10)
    caption: bool = True
    spectral: bool = True
    dropout: float = Field(0.1, ge=0, le=1)


class Discriminator(nn.Module):
    """Scores every patch of a frame: positive for real.

    With a caption it is a projection discriminator (Miyato and Koyama, "cGANs with Projection
    Discriminator", ICLR 2018): the score is a linear reading of the features plus their inner
    product with the embedded sentence.
    """

    def __init__(self, config: DiscriminatorConfig) -> None:
        super().__init__()
        self.config = c = config
        bound = spectral_norm if c.spectral else (lambda layer: layer)
        layers: list[nn.Module] = []
        before = 1 + c.past
        for level, channels in enumerate(c.widths):
            layers.append(bound(nn.Conv2d(before, channels, 4, stride=2, padding=1)))
            if level and not c.spectral:
                layers.append(nn.BatchNorm2d(channels))
            layers.append(nn.LeakyReLU(0.2))
            before = channels
        self.features = nn.Sequential(*layers)
        self.dropout = nn.Dropout2d(c.dropout)
        # bounded layers shrink what they pass on: brought back to unit size, it can be read
        self.norm = nn.GroupNorm(1, before, affine=False)
        self.read = nn.Conv2d(before, 1, 1)
        self.embed = nn.Linear(c.words * c.vocabulary, before) if c.caption else None

    def forward(self, frame: Tensor, history: Tensor, caption: Tensor) -> Tensor:
        """Score frames.

        Args:
            frame: `[B, H, W]` in [0, 1], real or generated.
            history: `[B, history, H, W]` the real past, newest last.
            caption: One-hot `[B, words, vocabulary]`.

        Returns:
            `[B, h, w]`, a logit a patch.
        """
        past = history[:, history.shape[1] - self.config.past :]
        x = self.features(torch.cat([past, frame[:, None]], 1) * 2 - 1)
        return _score(self.dropout(self.norm(x)), self.read, self.embed, caption)


class FeatureDiscriminator(nn.Module):
    """Scores every patch of a frame by what a trained network sees in it.

    Its few layers learn in a hundred steps what one that begins with pixels does not in a thousand
    (A. Sauer et al., "Projected GANs Converge Faster", NeurIPS 2021).

    Args:
        config: Its settings.
        see: Frames `[N, H, W]` to maps of features `[N, C, h, w]`, the finest first, each of half
            the size of the one before; gradients pass through it, but it is no part of this one.
        channels: C of every map.
    """

    def __init__(
        self,
        config: DiscriminatorConfig,
        see: Callable[[Tensor], Sequence[Tensor]],
        channels: Sequence[int],
    ) -> None:
        super().__init__()
        self.config = c = config
        self.see = see
        self.heads = nn.ModuleList([
            nn.Sequential(
                nn.Conv2d((1 + c.past) * count, c.head, 3, padding=1),
                nn.LeakyReLU(0.2),
                nn.Conv2d(c.head, c.head, 4, stride=2 ** (len(channels) - level), padding=1),
                nn.LeakyReLU(0.2),
            )
            for level, count in enumerate(channels)
        ])  # fmt: skip
        self.dropout = nn.Dropout2d(c.dropout)
        features = c.head * len(channels)
        self.read = nn.Conv2d(features, 1, 1)
        self.embed = nn.Linear(c.words * c.vocabulary, features) if c.caption else None

    def forward(self, frame: Tensor, history: Tensor, caption: Tensor) -> Tensor:
        """Score frames, see `Discriminator`."""
        past = history[:, history.shape[1] - self.config.past :]
        frames = torch.cat([past, frame[:, None]], 1)
        maps = self.see(frames.flatten(0, 1))
        parts = [
            head(F.group_norm(x, 1).unflatten(0, frames.shape[:2]).flatten(1, 2))
            for head, x in zip(self.heads, maps, strict=True)
        ]
        rows, columns = (min(part.shape[side] for part in parts) for side in (-2, -1))
        x = torch.cat([part[..., :rows, :columns] for part in parts], 1)
        return _score(self.dropout(x), self.read, self.embed, caption)


def _score(x: Tensor, read: nn.Module, embed: nn.Module | None, caption: Tensor) -> Tensor:
    """Logits of patches `[B, h, w]` from their features `[B, C, h, w]`."""
    score: Tensor = read(x)[:, 0]
    if embed is not None:
        sentence = embed(caption.flatten(1))
        score = score + torch.einsum("bchw,bc->bhw", x, sentence) / x.shape[1] ** 0.5
    return score.float()
