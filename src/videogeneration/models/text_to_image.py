"""From a sentence to a first frame: a generator of layered pictures and its discriminator.

The sentence is read into as many parts as a picture has figures. Each part is drawn on a small
canvas of its own, with an opacity, and placed on the background (Yang et al., "LR-GAN: Layered
Recursive Generative Adversarial Networks", ICLR 2017). So a figure is learned once and not at every
place and beside every other.
"""

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from pydantic import Field, PositiveInt
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from videogeneration.models.classifier import channels, start_from_nothing
from videogeneration.models.configuration import FrameConfig, Widths
from videogeneration.models.sentences import SentenceEncoder
from videogeneration.validated import validated

_LARGEST = 2**0.5
"""A figure's largest size over its usual one, and the usual one over its smallest."""


@validated
class ImageGeneratorConfig(FrameConfig):
    """What rebuilds an `ImageGenerator`.

    Attributes:
        figures: Number of figures that a picture may show.
        noise: Length of the noise vector; divisible by figures + 1: a part for each figure's looks,
            and one for places and background.
        embedding: Length of a sentence part's vector.
        size: Usual height of a figure's canvas in the picture, in pixels; it varies by half a
            doubling either way.
        aspect: Width of the canvas over its height, at most 1.
        spread: How far figures are spread over the picture before anything is learned: the standard
            deviation of places and sizes, which a hyperbolic tangent bounds.
        widths: Channels of the figure's painter, from 4x4 pixels on; each level doubles them.
        background: Channels of the background's painter likewise; none for a black background. Few
            levels, which are enlarged: it is to paint the ground and nobody on it.
    """

    figures: int = Field(1, ge=1)
    noise: int = Field(64, ge=1)
    embedding: int = Field(64, ge=1)
    size: int = Field(88, ge=1)
    aspect: float = Field(0.5, gt=0, le=1)
    spread: float = Field(1.0, ge=0)
    widths: Widths = Field((128, 64, 48, 32, 16), min_length=1)
    background: Widths = (64, 32, 16)

    def __post_init__(self) -> None:
        if self.noise % (self.figures + 1):
            raise ValueError(f"noise: {self.noise}; choose a multiple of {self.figures + 1}")


class Painter(nn.Module):
    """A vector becomes a picture: 4x4 features, doubled and convolved up to full size.

    Args:
        inputs: Length of the vector.
        widths: Channels of the levels, from coarse to fine.
    """

    def __init__(self, inputs: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.start = nn.Linear(inputs, widths[0] * 16)
        self.levels = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in pairwise(widths))
        self.norms = nn.ModuleList(nn.GroupNorm(8, width) for width in widths)
        self.pixels = nn.Conv2d(widths[-1], 2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """`[B, inputs]` to `[B, 2, side, side]`, unbounded."""
        x = F.silu(self.norms[0](self.start(x).view(len(x), -1, 4, 4)))
        for level, norm in zip(self.levels, list(self.norms)[1:], strict=True):
            x = F.silu(norm(level(F.interpolate(x, scale_factor=2, mode="nearest"))))
        return self.pixels(x)


class ImageGenerator(nn.Module):
    """Noise and a sentence to a first frame; see the module's text."""

    grain: Tensor

    def __init__(self, config: ImageGeneratorConfig) -> None:
        super().__init__()
        self.config = c = config
        if c.size * _LARGEST > min(c.height, c.width):
            most = int(min(c.height, c.width) / _LARGEST)
            raise ValueError(
                f"image_generator.size: {c.size}; pictures have room for at most {most}"
            )
        part = c.noise // (c.figures + 1)
        self.encoder = SentenceEncoder(c.words, c.vocabulary, c.embedding, c.figures)
        self.painter = Painter(c.embedding + part, c.widths)
        whole = c.figures * c.embedding + part
        last = nn.Linear(128, 3 * c.figures)
        self.arrange = nn.Sequential(nn.Linear(whole, 128), nn.SiLU(), last)
        # noise alone spreads the figures over the picture before anything is learned
        self.spread = nn.Linear(part, 3 * c.figures, bias=False)
        nn.init.normal_(self.spread.weight, std=c.spread / math.sqrt(part))
        nn.init.zeros_(last.weight)
        # told the sentence as well, the background would paint the figures itself
        self.background = Painter(part, c.background) if c.background else None
        grain = torch.randn(c.height, c.width, generator=torch.Generator().manual_seed(0))
        self.register_buffer("grain", grain, persistent=False)
        across = torch.linspace(-1, 1, 4 * 2 ** (len(c.widths) - 1)) ** 8
        self.register_buffer("window", (1 - across) * (1 - across[:, None]), persistent=False)

    def forward(self, noise: Tensor, caption: Tensor) -> Tensor:
        """Draw pictures.

        Args:
            noise: `[B, noise]`, standard normal.
            caption: One-hot `[B, words, vocabulary]`.

        Returns:
            `[B, H, W]` in [0, 1].
        """
        c, count = self.config, len(noise)
        looks = noise.view(count, c.figures + 1, -1)
        parts, scene = self.encoder(caption), looks[:, -1]
        whole = torch.cat([parts.flatten(1), scene], 1)
        painted = self.painter(torch.cat([parts, looks[:, :-1]], 2).flatten(0, 1)).float()
        grey, opacity = painted.chunk(2, 1)
        # mostly transparent at first, and always towards its edge: a figure is no window
        opacity = (3 * opacity - 2).sigmoid() * self.window
        layers = torch.cat([grey.sigmoid() * opacity, opacity], 1)
        arrangement = (self.arrange(whole) + self.spread(scene)).float()
        layers = self.place(layers, arrangement.view(-1, 3)).view(count, c.figures, 2, c.height, -1)

        picture = layers.new_zeros(count, c.height, c.width)
        if self.background is not None:
            picture = self._ground(scene)
        for layer in layers.unbind(1):
            picture = picture * (1 - layer[:, 1]) + layer[:, 0]
        return picture

    def other_looks(self, noise: Tensor) -> Tensor:
        """The same noise `[B, noise]`, drawn anew for the figures' looks; the rest stays."""
        looks = self.config.noise // (self.config.figures + 1)
        return torch.cat([torch.randn_like(noise[:, :-looks]), noise[:, -looks:]], 1)

    def _ground(self, scene: Tensor) -> Tensor:
        """Paint backgrounds `[B, H, W]` from `[B, noise]`: smooth, with grain as of a camera."""
        height, width = self.grain.shape
        assert self.background is not None
        painted = self.background(scene).float()
        painted = F.interpolate(painted, (height, width), mode="bicubic", align_corners=False)
        level, strength = painted.unbind(1)
        # the same noise gives the same picture: the grain is one pattern, moved along
        down, right = (scene[:, :2].float() * 10_000).long().unbind(1)
        rows = (torch.arange(height, device=scene.device) + down[:, None]) % height
        columns = (torch.arange(width, device=scene.device) + right[:, None]) % width
        grain = self.grain[rows[:, :, None], columns[:, None]]
        return (level.sigmoid() + 0.2 * (strength - 1).sigmoid() * grain).clamp(0, 1)

    def place(self, layers: Tensor, arrangement: Tensor) -> Tensor:
        """Put canvases `[N, 2, canvas, canvas]` into pictures at `[N, 3]`: x, y and size."""
        c = self.config
        x, y, size = torch.tanh(arrangement).unbind(1)
        size = c.size * _LARGEST**size
        # wholly in the picture: from outside no gradient would bring a figure back
        wide = size * c.aspect
        x, y = x * (1 - wide / c.width), y * (1 - size / c.height)
        across, down, none = c.width / wide, c.height / size, torch.zeros_like(x)
        theta = torch.stack([across, none, -x * across, none, down, -y * down], 1).view(-1, 2, 3)
        grid = F.affine_grid(theta, [len(layers), 2, c.height, c.width], align_corners=False)
        return F.grid_sample(layers, grid, padding_mode="zeros", align_corners=False)


@validated
class ImageDiscriminatorConfig:
    """What rebuilds an `ImageDiscriminator`.

    Attributes:
        words: Rows of the one-hot caption.
        vocabulary: Columns of the one-hot caption.
        sights: Number of things that a picture may show, told apart by the auxiliary classifier.
        widths: Channels of the levels; each halves the picture.
        embedding: Length of a sentence part's vector.
        spectral: Whether spectral norm bounds the features (steady, but much slower to learn).
    """

    words: int = Field(7, ge=1)
    vocabulary: int = Field(14, ge=1)
    sights: int = Field(50, ge=1)
    widths: tuple[PositiveInt, ...] = Field((16, 32, 64, 96, 128), min_length=1)
    embedding: int = Field(64, ge=1)
    spectral: bool = False


class ImageDiscriminator(nn.Module):
    """Is this picture real, does it show what the sentence says, and what does it show?

    A projection discriminator (Miyato and Koyama, "cGANs with Projection Discriminator", ICLR
    2018) with the auxiliary classifier of Odena et al. ("Conditional Image Synthesis with Auxiliary
    Classifier GANs", ICML 2017). Pictures and sentences are read apart, so that a picture with
    several sentences is looked at once.
    """

    def __init__(self, config: ImageDiscriminatorConfig) -> None:
        super().__init__()
        self.config = c = config
        layers: list[nn.Module] = []
        for before, after in pairwise((4, *c.widths)):
            convolution = nn.Conv2d(before, after, 4, stride=2, padding=1)
            # scaled to pass on what they get, layers learn fast without any normalisation
            nn.init.kaiming_normal_(convolution.weight, 0.2)
            layers += [spectral_norm(convolution) if c.spectral else convolution]
            layers += [nn.LeakyReLU(0.2)]
        self.look = nn.Sequential(*layers)
        # bounded layers shrink what they pass on: brought back to unit size, it can be read
        self.norm = nn.GroupNorm(1, c.widths[-1], affine=False) if c.spectral else nn.Identity()
        self.read = nn.Conv2d(c.widths[-1], 1, 1)
        self.encoder = SentenceEncoder(c.words, c.vocabulary, c.embedding, 2)
        self.project = nn.Linear(2 * c.embedding, c.widths[-1])
        self.name = nn.Linear(c.widths[-1], c.sights)
        start_from_nothing(self.name)

    def features(self, picture: Tensor) -> Tensor:
        """Pictures `[B, H, W]` in [0, 1] to features `[B, C, h, w]`."""
        return self.norm(self.look(channels(picture)))

    def score(self, features: Tensor, caption: Tensor) -> Tensor:
        """Logits `[B]`: positive for a real picture that shows what the caption says."""
        sentence = self.project(self.encoder(caption).flatten(1))
        fits = (features.mean((2, 3)) * sentence).sum(1) / features.shape[1] ** 0.5
        return (self.read(features).mean((1, 2, 3)) + fits).float()

    def named(self, features: Tensor) -> Tensor:
        """Logits `[B, sights]`: what the picture shows, wherever it is."""
        return self.name(features.mean((2, 3))).float()

    def forward(self, picture: Tensor, caption: Tensor) -> Tensor:
        """Logits `[B]` of pictures `[B, H, W]` with one-hot captions."""
        return self.score(self.features(picture), caption)
