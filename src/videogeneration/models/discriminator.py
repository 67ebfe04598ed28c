"""The discriminator: is this frame real, and does it follow its past as the sentence says?"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm


@dataclass(frozen=True)
class DiscriminatorConfig:
    """What rebuilds a `Discriminator`.

    Attributes:
        words: Rows of the one-hot caption.
        vocabulary: Columns of the one-hot caption.
        widths: Channels of the levels; each halves the picture.
        past: Number of latest frames that it sees beside the frame in question; 0 for none.
        caption: Whether it is told the caption.
        spectral: Whether spectral norm bounds its features; batch norm stands in where it does not.
        dropout: Share of the last features dropped in training.
    """

    words: int = 7
    vocabulary: int = 14
    widths: tuple[int, ...] = (32, 64, 128, 256)
    past: int = 3
    caption: bool = True
    spectral: bool = True
    dropout: float = 0.1

    def __post_init__(self) -> None:
        object.__setattr__(self, "widths", tuple(self.widths))
        if not self.widths or min(self.widths) < 1:
            raise ValueError(f"widths: {self.widths}; give one or more positive numbers")
        if not 0 <= self.past <= 10:
            raise ValueError(f"past: {self.past}; choose 0 to 10, all of the history")


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
        x = self.dropout(self.norm(x))
        score = self.read(x)[:, 0]
        if self.embed is not None:
            sentence = self.embed(caption.flatten(1))
            score = score + torch.einsum("bchw,bc->bhw", x, sentence) / x.shape[1] ** 0.5
        return score.float()
