"""The generator: past frames and a sentence become the next frames, before a black background.

What the newest frame shows is shared out among figures. Each, as it looks there, is carried along a
trajectory of its own: moved so, it keeps its shape, however far the film goes.

Which pixels are whose and where they go is read by a U-Net over the 3D volume of past frames. Every
frame is cut into patches, 3D convolutions follow motion while they shrink space and time, a
network-in-network of dense layers transforms the latent together with the caption, and a 2D decoder
brings the result back up with skip connections. The caption also modulates every level (FiLM);
concatenated to a latent alone it is not heard. Where it may name several figures, each place of the
picture first looks up which of them it shows, and is modulated by what the caption says of that
one.
"""

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from videogeneration.models import generator_losses as losses
from videogeneration.models.configuration import FrameConfig, Widths, check_frames
from videogeneration.models.generator_losses import GeneratorLosses
from videogeneration.models.interface import Batch, FilmModel
from videogeneration.models.losses import square_error
from videogeneration.models.motions import Motion, carry, positions
from videogeneration.models.sentences import SentenceLookup
from videogeneration.models.volume import decode, decoder, embedder, encode, encoder
from videogeneration.validated import validated

MOTION_FACTOR = 3.0
"""The small networks that follow figures learn so many times as fast."""


@validated
class GeneratorConfig(FrameConfig):
    """What rebuilds a `Generator`.

    The sides of frames are multiples of patch x 2 ** (number of widths - 1).

    Attributes:
        figures: Largest number of figures that a caption names.
        history: Number of past frames.
        patch: Side of the square patches that the first convolution cuts frames into, in pixels.
        widths: Channels of the levels, from fine to coarse.
        latent: Channels of the coarsest level as the dense layers see it.
        dense: Width of the network-in-network's hidden layer.
        embedding: Width of the embedding by which the caption modulates the levels.
        dropout: Share of the dense layers' hidden units dropped in training.
        horizon: Number of frames drawn at once; a longer film goes on from them.
        losses: What it learns beside the square error.
    """

    figures: int = Field(1, ge=1)
    history: int = Field(10, ge=2, multiple_of=2)
    patch: int = Field(4, ge=1)
    widths: Widths = Field((32, 64, 96), min_length=2)
    latent: int = Field(16, ge=1)
    dense: int = Field(512, ge=1)
    embedding: int = Field(128, ge=1)
    dropout: float = Field(0.1, ge=0, lt=1)
    horizon: int = Field(10, ge=1)
    losses: GeneratorLosses = GeneratorLosses()

    def __post_init__(self) -> None:
        step = self.patch * 2 ** (len(self.widths) - 1)
        check_frames(self.height, self.width, step, ", patch x 2 ** (number of widths - 1)")


@dataclass(frozen=True)
class Drawing:
    """What a generator draws, and what it takes what it sees for.

    Attributes:
        frames: `[B, horizon, H, W]` in [0, 1], or those that were asked for.
        masks: Logits `[B, P, H, W]`: which of P figures a pixel of the newest frame shows.
        centres: `[B, P, 2]`: where each is,
        tracks: `[B, P, history, 4]`: where it was,
        trajectories: `[B, P, history, horizon, 3]`: where it goes, and
        context: `[B, P, 4 + embedding]`: what else these follow from; see `motions.Motion`.
        match: Logits `[B, B]`: how well the past, a row, fits the caption, a column; None where
            captions name a single figure.
    """

    frames: Tensor
    masks: Tensor
    centres: Tensor
    tracks: Tensor
    trajectories: Tensor
    context: Tensor
    match: Tensor | None


class Generator(FilmModel):
    """Past frames and a caption to the next frames; see the module's text."""

    config: GeneratorConfig
    labels = ("poses",)
    before_black = True

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.config = c = config
        self.horizon = c.horizon
        widths, side = c.widths, c.patch * 2 ** (len(c.widths) - 1)
        self.embed = embedder(c.words * c.vocabulary + c.history + 1, c.embedding)
        self.lookup = None
        if c.figures > 1:
            self.lookup = SentenceLookup(c.words, c.vocabulary, c.figures, widths[-1], c.embedding)
        tubelet = (2, c.patch, c.patch)
        self.stem = nn.Conv3d(1, widths[0], tubelet, stride=tubelet)
        self.encoder, self.skips = encoder(widths, c.history // 2, c.embedding)

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

        self.decoder = decoder(c.latent, widths, c.embedding)
        # of every pixel: whose it is; at first it may be anybody's
        self.pixels = nn.Conv2d(widths[0], c.figures * c.patch**2, 1)
        self.pixels.bias = nn.Parameter(torch.zeros(c.figures * c.patch**2))
        with torch.no_grad():
            self.pixels.weight *= 0.3
        # sixteen places across are enough to find a figure
        patch = max(1, min(c.height, c.width) // 16)
        self.motion = Motion(widths[-1] + widths[0], c.embedding, patch, c.history, c.horizon)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """What follows figures learns faster, see `MOTION_FACTOR`."""
        others = [w for name, w in self.named_parameters() if not name.startswith("motion.")]
        return [
            {"params": others, "lr_factor": 1.0},
            {"params": list(self.motion.parameters()), "lr_factor": MOTION_FACTOR},
        ]

    def predict(self, batch: Batch) -> Tensor:
        """Draw the next frames, `[B, horizon, H, W]`."""
        return self.draw(batch.history, batch.history_valid, batch.caption, batch.noise).frames

    def training_loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """The square error of some of the frames to come, and the auxiliary losses."""
        c = self.config.losses
        # the nearest is always among them: every clip has it
        count = batch.future.shape[1]
        some = F.pad(1 + torch.randperm(count - 1)[: c.drawn - 1].sort().values, (1, 0))
        drawing = self.draw(batch.history, batch.history_valid, batch.caption, batch.noise, some)
        with torch.autocast(batch.history.device.type, enabled=False):
            auxiliary = self._auxiliary_losses(drawing, batch)
            valid = batch.future_valid[:, some]
            weight = None if batch.weight is None else batch.weight[:, some]
            loss, mse = square_error(drawing.frames, batch.future[:, some], valid, weight)
            for name, figure in auxiliary.items():
                loss = loss + getattr(c, name) * figure
        return loss, {"mse": mse, **auxiliary, "examples": valid.sum().float()}

    def _auxiliary_losses(self, drawing: Drawing, batch: Batch) -> dict[str, Tensor]:
        """What counts beside the square error, by the name of its weight."""
        count, past = drawing.tracks.shape[1:3]
        frames, height, width = past + batch.future.shape[1], *batch.history.shape[-2:]
        poses, known = batch.labels.get("poses"), batch.labels.get("poses_valid")
        if poses is None or known is None:  # the source says nothing
            poses = batch.history.new_zeros(len(batch.history), frames, 0, 3)
            known = batch.history_valid.new_zeros(poses.shape[:3])
        missing = count - poses.shape[2]  # of what is too many, fewer than none
        known = F.pad(known, (0, missing))
        poses = F.pad(losses.in_half_frames(poses, height, width), (0, 0, 0, missing))
        poses = poses.masked_fill(~known[..., None], 0)
        pasts, here = (poses[:, :past], known[:, :past]), (poses[:, past - 1], known[:, past - 1])

        # at first tracks say nothing: where they lead is learned from true ones as well
        taught = self.motion.trajectories(*losses.true_tracks(*pasts), drawing.context)
        figures = {
            "tracks": losses.place_loss(drawing.tracks[..., :2], *pasts)
            + losses.turn_loss(drawing.tracks, *pasts),
            "poses": losses.trajectory_loss(taught, poses, known)
            + losses.trajectory_loss(drawing.trajectories, poses, known)
            + losses.centre_loss(drawing.centres, *here),
            "masks": losses.mask_loss(drawing.masks, positions(height, width, poses.device), *here),
        }
        if drawing.match is not None:
            figures["matching"] = losses.matching_loss(drawing.match)
        return figures

    def draw(
        self,
        history: Tensor,
        valid: Tensor,
        caption: Tensor,
        noise: Tensor,
        which: Tensor | None = None,
    ) -> Drawing:
        """Draw the next frames, and find what is seen in the newest.

        Args:
            history: `[B, history, H, W]` in [0, 1], newest last; what is missing is zero.
            valid: bool `[B, history]`: which of these frames there are.
            caption: One-hot `[B, words, vocabulary]`.
            noise: `[B]`, standard deviation of the noise that was put on the history. Given how far
                to trust its past, it need not smooth a clean one.
            which: Numbers from 0 of the frames to draw, in training, where a few of them teach as
                much as all; None for all.
        """
        levels, condition, attention, match = self._read(history, valid, caption, noise)
        pixels = self.pixels(levels[-1]).float()
        with torch.autocast(history.device.type, enabled=False):
            masks = F.pixel_shuffle(pixels, self.config.patch)
            if attention is not None:
                attention = attention.float().clamp(min=1e-4).log()
                masks = masks + F.interpolate(attention, masks.shape[-2:], mode="bilinear")
            figures = masks.softmax(1) * history[:, -1:].float()
        centres, tracks, trajectories, context = self.motion(
            history, valid, [levels[0], levels[-1]], figures, condition
        )
        ahead = trajectories[:, :, -1] if which is None else trajectories[:, :, -1, which]
        with torch.autocast(history.device.type, enabled=False):
            frames = _together(carry(figures, centres, ahead, sharp=not self.training))
        return Drawing(frames, masks, centres, tracks, trajectories, context, match)

    def _read(
        self, history: Tensor, valid: Tensor, caption: Tensor, noise: Tensor
    ) -> tuple[list[Tensor], Tensor, Tensor | None, Tensor | None]:
        """Look at the past as the caption says.

        Returns:
            Features of the newest frame, from coarse to fine; what is said of each figure
            `[B, P, embedding]`; and, where there may be several, how much of each a place shows and
            how well pasts and captions fit, see `SentenceLookup`.
        """
        words = caption.flatten(1)
        known = [words, valid.to(words.dtype), 10 * noise[:, None]]
        embedding = self.embed(torch.cat(known, 1))

        condition, attention, match = embedding[:, None], None, None
        volume = self.stem(history[:, None] * 2 - 1)
        skips = encode(volume, self.encoder, self.skips, condition)
        if self.lookup is not None:
            parts, attention, match = self.lookup(skips[-1], caption)
            condition = condition + parts

        latent = torch.cat([self.squeeze(skips[-1]).flatten(1), words], 1)
        x = self.inner(latent).view(-1, self.config.latent, *self.coarse)
        levels = decode(x, self.decoder, skips, condition, attention)
        return levels, condition, attention, match


def _together(figures: Tensor) -> Tensor:
    """Add the lights of figures `[B, P, K, H, W]`, none of which hides another: `[B, K, H, W]`."""
    dark = torch.ones_like(figures[:, 0])
    for light in figures.unbind(1):
        dark = dark * (1 - light)
    return 1 - dark
