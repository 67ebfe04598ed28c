"""Draws a given figure in another pose: warped from the given frames, with new pixels and alpha.

Its shadow comes with it.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from videogeneration.models.people.layers import Block, halved, twice, zeroed
from videogeneration.models.people.limbs import nearness, skinning
from videogeneration.models.people.skeleton import (
    KEYPOINTS,
    LIMBS,
    PELVIS,
    RIGID,
    Poses,
    canonical,
    constant,
)
from videogeneration.validated import validated

HIDDEN = -1e4
"""Logit of what must not be chosen."""

EDGE = 2
"""Pixels around a figure in which nothing is taken for its shadow."""

FADING = 8
"""A shadow fades over such a part of half a crop, towards its edge."""

SPREAD = 3
"""Pixels of a frame over which a figure's colours go on beyond its edge, twice."""

NEAR = 0.02
"""Share of the pixels around that are a figure's where its colours go on."""

DARKEST = 0.7
"""Share of the background's light that a shadow takes, at most."""


@validated
class RendererConfig:
    """The renderer's size.

    Attributes:
        rows: Height of a crop in cells, a multiple of 8.
        columns: Width of a crop in cells, a multiple of 8.
        body: Cells of a body height: a crop is scaled so that everybody is as tall.
        lift: How far above the pelvis a crop's centre is, in body heights.
        width: Channels at half the crop's size.
        latent: Width of the dense layers in the middle.
    """

    rows: int = Field(96, ge=8, multiple_of=8)
    columns: int = Field(72, ge=8, multiple_of=8)
    body: float = Field(72.0, gt=0)
    lift: float = 0.12
    width: int = Field(24, ge=8, multiple_of=8)
    latent: int = Field(192, ge=1)


@dataclass(frozen=True)
class Appearance:
    """A figure as S given frames show it.

    Attributes:
        frames: `[B, S, H, W]` in [0, 1].
        alpha: `[B, S, H, W]` in [0, 1]: the figure in them.
        shadow: `[B, S, H, W]`, see `shadows`; nothing where none is found.
        valid: bool `[B, S]`: which of them show the figure.
        poses: Its poses in them, `[B, S]`.
    """

    frames: Tensor
    alpha: Tensor
    shadow: Tensor
    valid: Tensor
    poses: Poses


@dataclass(frozen=True)
class Drawing:
    """Figures in P poses.

    Attributes:
        figure: `[B, P, C, H, W]`: their pixels.
        alpha: `[B, P, H, W]`: logits of their alpha.
        shadow: `[B, P, H, W]`: which share of the background's light they take, at most
            `DARKEST`; negative where it becomes lighter.
    """

    figure: Tensor
    alpha: Tensor
    shadow: Tensor

    @property
    def covering(self) -> Tensor:
        """Alpha, `[B, P, H, W]`: what is nearly nothing is nothing, and no haze lies around."""
        return (1.2 * self.alpha.sigmoid() - 0.1).clamp(0, 1)

    def over(self, background: Tensor, there: Tensor) -> Tensor:
        """The figures before a background.

        Args:
            background: `[B, P or 1, C, H, W]`.
            there: `[B, P or 1]`: which of them there are.

        Returns:
            `[B, P, C, H, W]`.
        """
        there = there[..., None, None, None].to(background.dtype)
        shaded = background * (1 - there * self.shadow[:, :, None])
        out: Tensor = shaded + there * self.covering[:, :, None] * (self.figure - shaded)
        return out


@dataclass(frozen=True)
class Plan:
    """How to draw figures, in the cells of their crops.

    Attributes:
        flow: `[B P, 2 S, rows / 2, columns / 2, 2]`: where cells come from in each reference and in
            its mirror image, in body heights from the crop's centre.
        drawn: `[B P, 5, rows, columns]`: residual flow, blend, new pixels, alpha.
        choice: `[B P, 2 S, rows, columns]`: logits of the references to take a pixel from.
        shadow: `[B P, 1, rows / 2, columns / 2]`, see `Drawing`.
    """

    flow: Tensor
    drawn: Tensor
    choice: Tensor
    shadow: Tensor

    def frame(self, index: int, poses: int) -> "Plan":
        """The plan of one of each figure's poses."""
        return Plan(*(x.unflatten(0, (-1, poses))[:, index] for x in vars(self).values()))


class Renderer(nn.Module):
    """A U-Net over the volume of the given crops, which draws.

    Every given crop is brought into the wanted pose by its limbs (linear blend skinning with
    learned radii), as it is and as its mirror image: the U-Net sees a volume of aligned crops. In
    its middle, dense layers join the figure's latent, the caption and the wanted pose. It gives a
    residual flow, which crop to take a pixel from, new pixels where none shows it, alpha, and how
    the shadow differs from the one that moves along.

    Args:
        config: Its size.
        condition: Width of the caption embedding.
    """

    def __init__(self, config: RendererConfig, condition: int) -> None:
        super().__init__()
        self.config = c = config
        w, limbs = c.width, len(LIMBS)
        self.radius = nn.Parameter(torch.full((len(RIGID),), math.log(0.05)))
        # encoder of the given crops
        self.encode_half = nn.Sequential(halved(2, w), nn.SiLU())
        self.encode_limbs = nn.Conv2d(w + limbs, w, 3, padding=1)
        self.encode_quarter = nn.Sequential(halved(w, 2 * w), Block(2 * w))
        self.encode_eighth = nn.Sequential(halved(2 * w, 4 * w), Block(4 * w))
        # the aligned volume becomes one picture
        self.align = nn.ModuleList([_Fuse(w + 2, w), _Fuse(2 * w, 2 * w), _Fuse(4 * w, 4 * w)])
        # U-Net in the wanted pose
        self.at_half = _Enter(w + limbs + 1, w)
        self.quarter = nn.Sequential(halved(w, 2 * w))
        self.at_quarter = _Enter(4 * w, 2 * w)
        self.eighth = nn.Sequential(halved(2 * w, 4 * w))
        self.at_eighth = _Enter(8 * w, 4 * w)
        cells = (c.rows // 8) * (c.columns // 8)
        self.squeeze = nn.Conv2d(4 * w, 8, 1)
        self.dense = nn.Sequential(
            nn.Linear(8 * cells + condition + 2 * len(KEYPOINTS) + 2, c.latent),
            nn.SiLU(),
            nn.Linear(c.latent, c.latent),
            nn.SiLU(),
            nn.Linear(c.latent, 8 * cells + 8 * w),
        )
        self.unsqueeze = nn.Conv2d(8, 4 * w, 1)
        self.middle = Block(4 * w)
        self.to_quarter, self.up_quarter = nn.Conv2d(4 * w, 2 * w, 1), Block(2 * w)
        self.to_half = nn.Conv2d(2 * w, w, 1)
        self.up_half = nn.Sequential(Block(w), nn.GroupNorm(8, w), nn.SiLU())
        self.drawn = nn.Conv2d(w, 4 * 5, 3, padding=1)
        self.choice = nn.Sequential(nn.Conv2d(2 * w + 2, w, 1), nn.SiLU(), nn.Conv2d(w, 4, 1))
        self.shadow = nn.Conv2d(w, 1, 3, padding=1)
        for last in (self.drawn, self.choice[2], self.dense[4], self.shadow):
            zeroed(last)

    def forward(
        self,
        appearance: Appearance,
        wanted: Poses,
        condition: Tensor,
        tint: Tensor | None = None,
    ) -> Drawing:
        """Draw figures: `plan`, applied to the frames themselves.

        Args:
            appearance: What is known of them.
            wanted: The poses to draw, `[B, P]`.
            condition: Caption embedding `[B, condition]`.
            tint: `[B, S, C, H, W]`: how colours differ from the frames' greys; None for none.
        """
        plan = self.plan(appearance, wanted, condition)
        pictures = appearance.frames[:, :, None]
        pictures = pictures if tint is None else pictures + tint
        pictures = spread_colours(pictures, appearance.alpha, appearance.alpha)
        return self.draw(plan, pictures, appearance.alpha, appearance.poses, wanted)

    def plan(self, appearance: Appearance, wanted: Poses, condition: Tensor) -> Plan:
        """Plan how to draw figures.

        Args:
            appearance: What is known of them.
            wanted: The poses to draw, `[B, P]`.
            condition: Caption embedding `[B, condition]`.
        """
        frames = appearance.frames
        count, references = frames.shape[:2]
        poses = wanted.scale.shape[1]
        source, target = self._body(appearance.poses), self._body(wanted).flatten(0, 1)
        layers = torch.stack([frames - 0.5, appearance.alpha, appearance.shadow], 2)
        crops, shadow = self._crop(layers.flatten(0, 1), appearance.poses).split([2, 1], 1)
        crops = torch.cat([crops[:, :1] * crops[:, 1:], crops[:, 1:]], 1)
        cells = self._cells(2, frames)
        levels = self._encode(crops, cells, source)
        levels[0] = torch.cat([levels[0], F.avg_pool2d(crops, 2)], 1)

        # every given crop, and its mirror image, in every wanted pose
        flip = constant(source, -1.0, 1.0)
        both = torch.stack([source, canonical(source * flip)], 2).flatten(1, 2)
        flow = skinning(cells, target, both.repeat_interleave(poses, 0), self.radius.exp())
        flow = flow * torch.stack([flip.abs(), flip]).repeat(references, 1)[:, None, None]
        volumes = [
            self._align(features, flow, step)
            for features, step in zip(levels, (1, 2, 4), strict=True)
        ]
        shown = appearance.valid.repeat_interleave(2, 1).repeat_interleave(poses, 0)
        fused = [fuse(v, shown) for fuse, v in zip(self.align, volumes, strict=True)]

        # a shadow keeps its place beside a figure, more or less
        along = F.avg_pool2d(shadow, 2).unflatten(0, (count, references))[:, :, 0]
        along = _mean_of(along, appearance.valid).repeat_interleave(poses, 0)
        half = self.at_half(torch.cat([fused[0], nearness(cells, target), along], 1))
        quarter = self.at_quarter(torch.cat([self.quarter(half), fused[1]], 1))
        eighth = self.at_eighth(torch.cat([self.eighth(quarter), fused[2]], 1))
        condition = condition.repeat_interleave(poses, 0)
        eighth = self._join(eighth, target, wanted.heading.flatten(0, 1), condition)
        quarter = self.up_quarter(quarter + twice(self.to_quarter(eighth)))
        half = self.up_half(half + twice(self.to_half(quarter)))
        drawn = F.pixel_shuffle(self.drawn(half), 2)
        volume = torch.cat([half[:, None].expand(-1, 2 * references, -1, -1, -1), volumes[0]], 2)
        choice = F.pixel_shuffle(self.choice(volume.flatten(0, 1)), 2)
        choice = choice.unflatten(0, (count * poses, 2 * references))[:, :, 0]
        choice = choice.masked_fill(~shown[:, :, None, None], HIDDEN)
        falls = (along + self.shadow(half)).clamp(-DARKEST, DARKEST)
        return Plan(flow, drawn, choice, falls)

    def _reach(self) -> tuple[float, float]:
        """Half a crop's width and height in body heights."""
        c = self.config
        return c.columns / (2 * c.body), c.rows / (2 * c.body)

    def window(self, placed: Poses, frames: Tensor, pictures: Tensor) -> tuple[slice, slice]:
        """Rows and columns of pictures that figures in poses reach.

        Args:
            placed: Poses in pixels of the frames.
            frames: `[..., H, W]`.
            pictures: `[..., H', W']`, larger.
        """
        half = placed.scale[..., None] * constant(placed.scale, *self._reach())
        centre = self._centre(placed)

        def span(axis: int) -> slice:
            small, large = frames.shape[-1 - axis], pictures.shape[-1 - axis]
            first = int(((centre - half)[..., axis].amin() + 0.5) * large / small)
            last = int(((centre + half)[..., axis].amax() + 0.5) * large / small) + 1
            # never empty, also where figures are beyond the pictures
            first = min(max(first, 0), large - 1)
            return slice(first, max(last, first + 1))

        return span(1), span(0)

    def _centre(self, placed: Poses) -> Tensor:
        """Centre of a crop in pixels, `[..., 2]`."""
        lift = placed.scale[..., None] * constant(placed.scale, 0.0, self.config.lift)
        return placed.keypoints[..., PELVIS, :] - lift

    def _body(self, placed: Poses) -> Tensor:
        """Keypoints in body heights from a crop's centre, pairs in one order, `[..., 16, 2]`."""
        relative = placed.keypoints - self._centre(placed)[..., None, :]
        return canonical(relative / placed.scale[..., None, None])

    def _cells(self, step: int, like: Tensor) -> Tensor:
        """Places of a crop's cells in body heights, `[rows / step, columns / step, 2]`."""
        c = self.config
        x = (torch.arange(c.columns // step, device=like.device) + 0.5) * step - c.columns / 2
        y = (torch.arange(c.rows // step, device=like.device) + 0.5) * step - c.rows / 2
        return torch.stack(torch.meshgrid(x, y, indexing="xy"), -1) / c.body

    def _crop(self, pictures: Tensor, placed: Poses) -> Tensor:
        """Cut crops `[N, C, rows, columns]` out of pictures `[N, C, H, W]`."""
        centre = self._centre(placed).flatten(0, -2)
        scale = placed.scale.flatten()
        places = centre[:, None, None] + self._cells(1, pictures) * scale[:, None, None, None]
        size = constant(places, pictures.shape[3], pictures.shape[2])
        return F.grid_sample(pictures, (2 * places + 1) / size - 1, align_corners=False)

    def _encode(self, crops: Tensor, cells: Tensor, source: Tensor) -> list[Tensor]:
        """Features of the given crops at a half, a quarter and an eighth of their size."""
        half = self.encode_half(crops)
        half = self.encode_limbs(torch.cat([half, nearness(cells, source.flatten(0, 1))], 1))
        quarter = self.encode_quarter(half)
        return [half, quarter, self.encode_eighth(quarter)]

    def _align(self, features: Tensor, flow: Tensor, step: int) -> Tensor:
        """Bring features into the wanted poses: a volume `[B P, 2 S, C, h / step, w / step]`.

        Args:
            features: `[B S, C, h / step, w / step]`.
            flow: `[B P, 2 S, h, w, 2]` in body heights.
            step: How much smaller the features are than the flow.
        """
        count, depth = flow.shape[:2]
        grid = (flow / constant(flow, *self._reach())).flatten(0, 1)
        if step > 1:
            grid = F.avg_pool2d(grid.movedim(-1, 1), step).movedim(1, -1)
        references = features.unflatten(0, (-1, depth // 2)).repeat_interleave(2, 1)
        references = references.repeat_interleave(count // len(references), 0).flatten(0, 1)
        aligned = F.grid_sample(references.float(), grid, align_corners=False)
        return aligned.unflatten(0, (count, depth))

    def _join(self, x: Tensor, target: Tensor, heading: Tensor, condition: Tensor) -> Tensor:
        """The network in the network: dense layers over latent, caption and wanted pose."""
        squeezed = F.silu(self.squeeze(x))
        dense = self.dense(
            torch.cat([squeezed.flatten(1), condition, target.flatten(1), heading], 1)
        )
        spread, gain, shift = dense.split(
            [squeezed[0].numel(), self.config.width * 4, self.config.width * 4], 1
        )
        # beyond what trained ones give: a gain that feeds on itself would end a training
        spread, gain, shift = spread.clamp(-16, 16), gain.clamp(-2, 2), shift.clamp(-4, 4)
        x = x + self.unsqueeze(spread.view_as(squeezed))
        out: Tensor = self.middle(x * (1 + gain[:, :, None, None]) + shift[:, :, None, None])
        return out

    def draw(
        self,
        plan: Plan,
        pictures: Tensor,
        alpha: Tensor,
        given: Poses,
        wanted: Poses,
        stretch: tuple[float, float] = (1.0, 1.0),
        window: tuple[slice, slice] = (slice(None), slice(None)),
    ) -> Drawing:
        """Apply a plan to pictures of any size and any number of colours.

        Args:
            plan: What to do.
            pictures: `[B, S, C, H, W]` in [0, 1]: the given frames, see `spread_colours`.
            alpha: `[B, S, H, W]` in [0, 1]: the figure in them.
            given: Its poses in them, `[B, S]`.
            wanted: The poses to draw, `[B, P]`.
            stretch: How many times as wide and as high the pictures are as the frames in whose
                pixels the poses are.
            window: Rows and columns to draw; the others of H and W are left out.
        """
        count, references, _, height, width = pictures.shape
        poses = wanted.scale.shape[1]
        x = torch.arange(width, device=pictures.device)
        y = torch.arange(height, device=pictures.device)
        places = torch.meshgrid(x[window[1]], y[window[0]], indexing="xy")
        pixels = torch.stack(places, -1).to(pictures.dtype)
        size = constant(pixels, width, height)
        small = size / constant(size, *stretch)
        body = (
            (pixels + 0.5) * small / size - 0.5 - self._centre(wanted).flatten(0, 1)[:, None, None]
        )
        grid = body / wanted.scale.flatten()[:, None, None, None] / constant(body, *self._reach())
        sampled = torch.cat([plan.drawn, plan.choice], 1).float()
        sampled = F.grid_sample(sampled, grid, align_corners=False, padding_mode="border")
        residual, (blend, new, covered) = sampled[:, :2], sampled[:, 2:5].unbind(1)
        weights = sampled[:, 5:].softmax(1)
        flow = plan.flow.movedim(-1, 2).flatten(1, 2)
        flow = F.grid_sample(flow, grid, align_corners=False, padding_mode="border")
        flow = flow.unflatten(1, (2 * references, 2)) + 0.1 * residual[:, None]
        # from body heights to the given pictures' pixels
        scale = given.scale.repeat_interleave(2, 1).repeat_interleave(poses, 0)
        centre = self._centre(given).repeat_interleave(2, 1).repeat_interleave(poses, 0)
        sources = flow * scale[:, :, None, None, None] + centre[:, :, :, None, None]
        sources = sources.movedim(2, -1).flatten(0, 1)
        layers = torch.cat([pictures, alpha[:, :, None]], 2).repeat_interleave(2, 1)
        layers = layers.repeat_interleave(poses, 0).flatten(0, 1)
        warped = F.grid_sample(layers, (2 * sources + 1) / small - 1, align_corners=False)
        warped = warped.unflatten(0, (count * poses, 2 * references))
        warped = (warped * weights[:, :, None]).sum(1)
        colour, shown = warped[:, :-1], warped[:, -1]
        # new pixels are grey and take the figure's tint; an untrained renderer only warps
        kept = (blend + 2).sigmoid()[:, None]
        new = 0.5 + new.tanh()[:, None] + _tint(pictures, alpha).repeat_interleave(poses, 0)
        figure = kept * colour + (1 - kept) * new
        covered = covered + 6 * (shown - 0.5)
        covered = covered.masked_fill((grid.abs() > 1).any(-1), HIDDEN)
        # a shadow that reaches beyond the crop fades at its edge
        shadow = F.grid_sample(plan.shadow.float(), grid, align_corners=False)[:, 0]
        shadow = shadow * (FADING * (1 - grid.abs().amax(-1))).clamp(0, 1)
        drawn = (figure, covered, shadow)
        return Drawing(*(x.unflatten(0, (count, poses)) for x in drawn))


def spread_colours(pictures: Tensor, alpha: Tensor, small: Tensor) -> Tensor:
    """Pictures in which a figure's colours go on beyond its edge.

    What is drawn from them brings no ground along: not what shows between two legs, nor what is
    mixed with the figure at its edge. What goes on is a normalised convolution (H. Knutsson,
    C.-F. Westin: Normalized and Differential Convolution, CVPR 1993).

    Args:
        pictures: `[B, S, C, H', W']` in [0, 1].
        alpha: `[B, S, H', W']` in [0, 1]: the figure in them.
        small: `[B, S, H, W]`: the same at the size of frames.

    Returns:
        As the pictures; where no figure is near they are as they were.
    """
    shape, size = pictures.shape, small.shape[-2:]
    own, weight = ((2 * x - 1).clamp(0, 1).flatten(0, 1)[:, None] for x in (alpha, small))
    pictures = pictures.flatten(0, 1)
    layers = torch.cat([F.interpolate(pictures, size, mode="area") * weight, weight], 1)
    for _ in range(2):
        layers = F.avg_pool2d(layers, 2 * SPREAD + 1, 1, SPREAD)
    colour, near = layers[:, :-1], layers[:, -1:]
    layers = torch.cat([colour / near.clamp(min=1e-3), near], 1)
    layers = F.interpolate(layers, shape[-2:], mode="bilinear")
    colour, near = layers[:, :-1], layers[:, -1:]
    return torch.where(near > NEAR, own * pictures + (1 - own) * colour, pictures).view(shape)


def shadows(frames: Tensor, alpha: Tensor, background: Tensor) -> Tensor:
    """Which share of the background's light frames lack, where no figure covers it.

    Args:
        frames: `[B, S, H, W]` in [0, 1].
        alpha: `[B, S, H, W]` in [0, 1]: the figure in them.
        background: `[B, 1 or S, H, W]`.

    Returns:
        `[B, S, H, W]`, at most `DARKEST`; negative where they are lighter.
    """
    share = 1 - frames / background.clamp(min=0.05)
    return beside(alpha) * share.clamp(-DARKEST, DARKEST)


def beside(alpha: Tensor) -> Tensor:
    """Where no figure is, nor its edge, whose pixels are mixed with its own.

    Args:
        alpha: `[N, H, W]` or `[B, S, H, W]` in [0, 1]: the figure.

    Returns:
        The same shape, in [0, 1].
    """
    return 1 - F.max_pool2d(alpha, 2 * EDGE + 1, 1, EDGE)


def _mean_of(values: Tensor, valid: Tensor) -> Tensor:
    """The mean of those `[B, S, h, w]` that are valid, `[B, 1, h, w]`; zero where none is."""
    weight = valid[:, :, None, None].to(values.dtype)
    return (values * weight).sum(1, keepdim=True) / weight.sum(1, keepdim=True).clamp(min=1)


def _tint(pictures: Tensor, alpha: Tensor) -> Tensor:
    """How a figure's mean colour differs from grey, `[B, C, 1, 1]`; zero for grey pictures."""
    away = pictures - pictures.mean(2, keepdim=True)
    weight = alpha[:, :, None]
    colour, area = (x.sum((1, 3, 4), keepdim=True)[:, 0] for x in (away * weight, weight))
    return colour / area.clamp(min=1)


class _Enter(nn.Sequential):
    """A convolution to another number of channels and a block."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__(nn.Conv2d(channels, width, 3, padding=1), Block(width))


class _Fuse(nn.Module):
    """Makes one picture of a volume of aligned pictures, each pixel from those that show it.

    A 3D convolution looks at every picture by itself, for they are a set; what is found in them is
    weighed pixel by pixel.

    Args:
        channels: Of the volume.
        width: Of the picture.
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.convolution = nn.Conv3d(channels, width + 1, (1, 3, 3), padding=(0, 1, 1))

    def forward(self, volume: Tensor, valid: Tensor) -> Tensor:
        """Fuse `[B, D, C, H, W]`, where valid `[B, D]`, into `[B, width, H, W]`."""
        features = self.convolution(volume.transpose(1, 2))
        weight = features[:, :1].masked_fill(~valid[:, None, :, None, None], HIDDEN).softmax(2)
        out: Tensor = (weight * features[:, 1:]).sum(2)
        return out
