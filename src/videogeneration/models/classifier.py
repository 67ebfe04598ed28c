"""A small network that says what a picture shows."""

from itertools import pairwise

import torch
from pydantic import Field
from torch import Tensor, nn

from videogeneration.models.configuration import Widths
from videogeneration.validated import validated

_LEAST_SPREAD = 0.05
"""Standard deviation of a picture's greys, in [0, 1], below which contrast is not enlarged more."""


@validated
class ClassifierConfig:
    """What rebuilds a `Classifier`.

    Attributes:
        sights: Number of things that a picture may show.
        widths: Channels of the levels; each halves the picture.
    """

    sights: int = Field(50, ge=1)
    widths: Widths = Field((24, 48, 96, 128), min_length=1)


class Classifier(nn.Module):
    """Says for each of a grammar's sights whether a picture shows it."""

    def __init__(self, config: ClassifierConfig) -> None:
        super().__init__()
        self.config = c = config
        layers: list[nn.Module] = []
        for before, after in pairwise((4, *c.widths)):
            layers += [nn.Conv2d(before, after, 4, stride=2, padding=1), nn.BatchNorm2d(after)]
            layers += [nn.SiLU()]
        self.look = nn.Sequential(*layers)
        self.name = nn.Linear(c.widths[-1], c.sights)
        start_from_nothing(self.name)

    def features(self, picture: Tensor) -> Tensor:
        """Pictures `[B, H, W]` in [0, 1] to `[B, C]`."""
        return self.look(channels(picture)).mean((2, 3)).float()

    def forward(self, picture: Tensor) -> Tensor:
        """Logits `[B, sights]` of pictures `[B, H, W]` in [0, 1]."""
        return self.name(self.features(picture))


def start_from_nothing(layer: nn.Linear | nn.Conv2d) -> None:
    """Let a reader of sights begin with calling each of them unlikely, which it mostly is."""
    assert layer.bias is not None
    nn.init.constant_(layer.bias, -3.5)


def channels(picture: Tensor) -> Tensor:
    """What is looked at of pictures `[B, H, W]` in [0, 1]: `[B, 4, H, W]`, each about of unit size.

    The grey itself; the same without the picture's brightness and contrast, which mostly say
    nothing of what it shows; and x and y in [-1, 1]: a side of the picture can be part of the
    meaning, and convolutions alone do not know it (Liu et al., "An Intriguing Failing of
    Convolutional Neural Networks and the CoordConv Solution", NeurIPS 2018).
    """
    count, height, width = picture.shape
    y = torch.linspace(-1, 1, height, device=picture.device)[:, None].expand(count, height, width)
    x = torch.linspace(-1, 1, width, device=picture.device).expand(count, height, width)
    difference = picture - picture.mean((1, 2), keepdim=True)
    spread = (difference.square().mean((1, 2), keepdim=True) + _LEAST_SPREAD**2).sqrt()
    return torch.stack([3 * picture, difference / spread, x.to(picture), y.to(picture)], 1)
