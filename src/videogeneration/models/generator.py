"""The generator: past frames and a sentence become the next frame.

A U-Net over the 3D volume of past frames. Every frame is cut into patches, 3D convolutions follow
motion while they shrink space and time, a network-in-network of dense layers transforms the latent
together with the caption, and a 2D decoder brings the result back up with skip connections. The
caption also modulates every level (FiLM); concatenated to a latent alone it is not heard. Where it
may name several figures, each place of the picture first looks up which of them it shows, and is
modulated by what the caption says of that one.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from videogeneration.models.motions import Motions, move
from videogeneration.models.sentences import SentenceLookup


@dataclass(frozen=True)
class GeneratorConfig:
    """What rebuilds a `Generator`.

    Attributes:
        height: Frame height in pixels; divisible by patch x 2 ** (number of widths - 1).
        width: Frame width in pixels; likewise.
        words: Rows of the one-hot caption.
        vocabulary: Columns of the one-hot caption.
        figures: Largest number of figures that a caption names.
        history: Number of past frames.
        patch: Side of the square patches that the first convolution cuts frames into, in pixels.
        widths: Channels of the levels, from fine to coarse.
        latent: Channels of the coarsest level as the dense layers see it.
        dense: Width of the network-in-network's hidden layer.
        embedding: Width of the embedding by which the caption modulates the levels.
        dropout: Share of the dense layers' hidden units dropped in training.
        output: `composite` chooses, for every pixel, between the latest frames, the newest one with
            its figures moved, and newly drawn pixels; `frame` draws every pixel.
        sources: Number of latest frames that the composite draws on as they are.
        motions: Number of motions that it chooses from, shared out among the figures; divisible by
            twice their number.
    """

    height: int = 128
    width: int = 128
    words: int = 7
    vocabulary: int = 14
    figures: int = 1
    history: int = 10
    patch: int = 4
    widths: tuple[int, ...] = (32, 64, 96)
    latent: int = 16
    dense: int = 512
    embedding: int = 128
    dropout: float = 0.0
    output: str = "composite"
    sources: int = 5
    motions: int = 12

    def __post_init__(self) -> None:
        object.__setattr__(self, "widths", tuple(self.widths))
        for name in ("figures", "patch", "latent", "dense", "embedding"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: {getattr(self, name)}; choose 1 or more")
        if len(self.widths) < 2 or any(w < 8 or w % 8 for w in self.widths):
            raise ValueError(f"widths: {self.widths}; give two or more multiples of 8")
        step = self.patch * 2 ** (len(self.widths) - 1)
        if self.height % step or self.width % step:
            raise ValueError(
                f"patch, widths: {self.height}x{self.width} frames are not divisible by {step}, "
                "patch x 2 ** (number of widths - 1)"
            )
        if self.output not in ("composite", "frame"):
            raise ValueError(f"output: '{self.output}'; choose composite or frame")
        if self.history < 2 or self.history % 2:
            raise ValueError(f"history: {self.history}; choose an even number, 2 or more")
        if not 1 <= self.sources <= self.history:
            raise ValueError(f"sources: {self.sources}; choose 1 to {self.history}")
        if self.motions < 1 or self.motions % (2 * self.figures):
            raise ValueError(f"motions: {self.motions}; choose a multiple of {2 * self.figures}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout: {self.dropout}; choose 0 up to, not including, 1")


class Modulated(nn.Module):
    """Convolution, group norm, feature-wise modulation by an embedding, SiLU.

    FiLM: Perez et al., "FiLM: Visual Reasoning with a General Conditioning Layer", AAAI 2018.
    """

    def __init__(self, convolution: nn.Module, channels: int, embedding: int) -> None:
        super().__init__()
        self.convolution = convolution
        self.norm = nn.GroupNorm(8, channels)
        self.film = nn.Linear(embedding, 2 * channels)
        nn.init.normal_(self.film.weight, std=0.02)
        nn.init.zeros_(self.film.bias)

    def forward(self, x: Tensor, said: Tensor, shown: Tensor | None = None) -> Tensor:
        """Convolve and modulate.

        Args:
            x: Features `[B, C, ...]`.
            said: `[B, P, E]`, an embedding for each of P figures.
            shown: `[B, P, h, w]`: how much of each figure a place shows, shares that sum to one;
                None for a single figure.

        Returns:
            Features `[B, C', ...]`.
        """
        x = self.norm(self.convolution(x))
        film = self.film(said)
        if shown is None:
            film = film[:, 0].unflatten(1, (-1, *[1] * (x.dim() - 2)))
        else:
            film = torch.einsum("bpc,bphw->bchw", film, shown.to(film.dtype))
            film = F.interpolate(film, x.shape[-2:], mode="nearest")
        scale, shift = film.chunk(2, 1)
        return F.silu(x * (1 + scale) + shift)


class Generator(nn.Module):
    """Past frames and a caption to the next frame; see the module's text."""

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.config = c = config
        widths, side = c.widths, c.patch * 2 ** (len(c.widths) - 1)
        self.embed = nn.Sequential(
            nn.Linear(c.words * c.vocabulary + c.history + 1, c.embedding),
            nn.SiLU(),
            nn.Linear(c.embedding, c.embedding),
            nn.SiLU(),
        )
        self.lookup = None
        if c.figures > 1:
            self.lookup = SentenceLookup(c.words, c.vocabulary, c.figures, widths[-1], c.embedding)
        tubelet = (2, c.patch, c.patch)
        self.stem = nn.Conv3d(1, widths[0], tubelet, stride=tubelet)

        self.encoder, self.skips = nn.ModuleList(), nn.ModuleList()
        frames, before = c.history // 2, widths[0]
        for level, channels in enumerate(widths):
            # Time shrinks by 3D convolutions until two steps are left; these become channels.
            # (bfloat16 gradients of a 3D convolution over two steps are wrong in oneDNN 3.)
            convolution: Callable[..., nn.Module] = nn.Conv3d if frames > 2 else nn.Conv2d
            if convolution is nn.Conv2d:
                before, frames = before * frames, 1
            halve = (1, 2, 2) if frames > 1 else 2
            if level:
                shrink = convolution(before, channels, 3, stride=halve, padding=1)
                self.encoder.append(Modulated(shrink, channels, c.embedding))
            forget = (2, 1, 1) if frames > 1 else 1
            follow = convolution(channels, channels, 3, stride=forget, padding=1)
            self.encoder.append(Modulated(follow, channels, c.embedding))
            frames, before = (frames + 1) // 2, channels
            self.skips.append(nn.Conv2d(channels * frames, channels, 1))

        self.coarse = (c.height // side, c.width // side)
        positions = self.coarse[0] * self.coarse[1]
        self.squeeze = nn.Conv2d(widths[-1], c.latent, 1)
        self.inner = nn.Sequential(
            nn.Linear(positions * c.latent + c.words * c.vocabulary, c.dense),
            nn.SiLU(),
            nn.Dropout(c.dropout),
            nn.Linear(c.dense, positions * c.latent),
            nn.SiLU(),
        )

        self.decoder = nn.ModuleList()
        before = c.latent
        for channels in reversed(widths):
            merge = nn.Conv2d(before + channels, channels, 3, padding=1)
            refine = nn.Conv2d(channels, channels, 3, padding=1)
            self.decoder.append(Modulated(merge, channels, c.embedding))
            self.decoder.append(Modulated(refine, channels, c.embedding))
            before = channels
        composite = c.output == "composite"
        choices = c.figures + c.motions + c.sources + 2 if composite else 0
        self.pixels = nn.Conv2d(before, (1 + choices) * c.patch**2, 1)
        if composite:
            self.motions = Motions(before, c.embedding, c.figures, c.motions // c.figures)
            self._start_from_last_frame()

    def _start_from_last_frame(self) -> None:
        """The last frame as it is as the likeliest source of every pixel: most are background."""
        c = self.config
        bias = torch.zeros(1 + c.figures + c.motions + c.sources + 2, c.patch**2)
        bias[-3], bias[-2] = 4.0, 2.0  # the newest as it is, and with its figures moved
        with torch.no_grad():
            self.pixels.weight[c.patch**2 :] *= 0.1
        self.pixels.bias = nn.Parameter(bias.flatten())

    def forward(self, history: Tensor, caption: Tensor, noise: Tensor | None = None) -> Tensor:
        """Draw the next frame; see `draw`."""
        return self.draw(history, caption, noise)[0]

    def draw(
        self, history: Tensor, caption: Tensor, noise: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Draw the next frame, and say how the batch's pasts and captions fit.

        Args:
            history: `[B, history, H, W]` in [0, 1], newest last, missing older frames zero.
            caption: One-hot `[B, words, vocabulary]`.
            noise: `[B]`, standard deviation of the noise that was put on the history; None for
                clean frames. Told how far to trust its past, it need not smooth a clean one.

        Returns:
            `[B, H, W]` in [0, 1], and logits `[B, B]`, a row a past and a column a caption; None
            where captions name a single figure.
        """
        present = history.flatten(2).amax(2) > 0
        words = caption.flatten(1)
        noise = words.new_zeros(len(words)) if noise is None else noise
        known = [words, present.to(words.dtype), 10 * noise[:, None]]
        embedding = self.embed(torch.cat(known, 1))

        x = self.stem(history[:, None] * 2 - 1)
        skips, blocks = [], iter(self.encoder)
        for level, collapse in enumerate(self.skips):
            if x.dim() == 5 and x.shape[2] <= 2:
                x = x.flatten(1, 2)
            for _ in range(2 if level else 1):
                x = next(blocks)(x, embedding[:, None])
            skips.append(collapse(x.flatten(1, 2) if x.dim() == 5 else x))

        said, shown, match = embedding[:, None], None, None
        if self.lookup is not None:
            parts, shown, match = self.lookup(skips[-1], caption)
            said = said + parts

        latent = torch.cat([self.squeeze(skips[-1]).flatten(1), words], 1)
        x = self.inner(latent).view(-1, self.config.latent, *self.coarse)
        blocks = iter(self.decoder)
        for skip in reversed(skips):
            if skip.shape[-2:] != x.shape[-2:]:
                x = F.interpolate(x, scale_factor=2, mode="nearest")
            x = next(blocks)(torch.cat([x, skip], 1), said, shown)
            x = next(blocks)(x, said, shown)

        drawn = F.pixel_shuffle(self.pixels(x), self.config.patch).float()
        new = torch.sigmoid(drawn[:, 0])
        if self.config.output == "frame":
            return new, match
        motions = self.motions(x, said, shown)
        return self._composite(history, present, new, drawn[:, 1:], motions), match

    def _composite(
        self, history: Tensor, present: Tensor, new: Tensor, logits: Tensor, motions: Tensor
    ) -> Tensor:
        """Take the newest frame apart, move its figures, and choose a source for every pixel."""
        c = self.config
        masks, weights, choice = logits.split([c.figures, c.motions, c.sources + 2], 1)
        latest = history[:, -c.sources :].float()
        figures = latest[:, -1:] * masks.softmax(1)
        moved = move(figures, motions, sharp=not self.training)
        figures = (moved * weights.view_as(moved).softmax(2)).sum(2)
        # put together as lights are: where two overlap, neither is hidden
        together = 1 - (1 - figures).prod(1, keepdim=True)
        sources = torch.cat([latest, together, new[:, None]], 1)
        missing = F.pad(~present[:, -c.sources :], (0, 2))
        choice = choice.masked_fill(missing[:, :, None, None], float("-inf"))
        return (choice.softmax(1) * sources).sum(1)
