"""The latest frames taken apart into layers: what stays, and the figures that pass before it.

A figure that walks looks different in every frame, and much like itself some frames ago: its next
looks are chosen among those it had, so that none is blurred. Layers: Wang and Adelson,
"Representing Moving Images with Layers", IEEE Transactions on Image Processing 1994.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from videogeneration.models.motions import begin_at_nothing, carry, positions, present

RIM, ASIDE = 5, 9
"""Side in pixels of what a pixel of a figure touches in the newest frame, and in older ones, where
its place is less sure and its limbs were elsewhere."""

COVERED = 0.3
"""A pixel that a figure covers so far says nothing of the ground."""

RATES = 24
"""Paces of a gait that are told apart, from none to half a cycle a frame."""

WHOLE, SHUN = 0.9, 8.0
"""A look that shows less than such a part of what another shows of a figure is cut off or cut out
badly: it is shunned, the stronger, the less it shows."""

CLOSE = (0.4, 0.85)
"""How far a close-up of a figure reaches from its centre to the side and up, in half frames."""

SAMPLES = (32, 16)
"""Rows and columns of a close-up."""


def ground_of(frames: Tensor, there: Tensor, choice: Tensor, touched: Tensor) -> Tensor:
    """Put the ground together from several frames.

    A frame does not show it where a figure is or touches; what was taken from there would stay
    behind as a ghost. What no frame shows is filled in from around it.

    Args:
        frames: `[B, S, H, W]` in [0, 1].
        there: `[B, S]`: whether there is one.
        choice: Logits `[B, S + 1, H, W]`: which of them shows it, or, at last, none.
        touched: `[B, P, S, H, W]` in [0, 1]: how much of a pixel a figure covered or touched.

    Returns:
        `[B, 1, H, W]` in [0, 1].
    """
    free = (1 - touched.sum(1) / COVERED).clamp(min=0) * there[:, :, None, None]
    missing = F.pad(~there, (0, 1))[:, :, None, None]
    choice = choice + F.pad((free + 1e-8).log(), (0, 0, 0, 0, 0, 1))
    choice = choice.masked_fill(missing, float("-inf")).softmax(1)
    shown = (frames * free).sum(1, keepdim=True) / free.sum(1, keepdim=True).clamp(min=1e-6)
    filled = fill(shown, free.amax(1, keepdim=True))
    return (choice * torch.cat([frames, filled], 1)).sum(1, keepdim=True)


@dataclass(frozen=True)
class Layers:
    """The S latest frames taken apart.

    Attributes:
        ground: `[B, 1, H, W]` in [0, 1]: what is behind the figures.
        frames: `[B, S, H, W]` in [0, 1], newest last.
        there: `[B, S]`: whether there is one.
        away: `[B, S, H, W]`: how far its pixels are from the ground's.
        covers: `[B, P, S, H, W]` in [0, 1]: how much of a pixel is each figure's.
        places: `[B, P, T, 2]`: where figures are in these and older frames, in half frames.
        cut: Logits `[B, P + 1, S, H, W]`: which figure a pixel shows, or, at last, the ground; None
            where that is black.
    """

    ground: Tensor
    frames: Tensor
    there: Tensor
    away: Tensor
    covers: Tensor
    places: Tensor
    cut: Tensor | None = None

    @property
    def seen(self) -> Tensor:
        """`[B, P, H, W]`: how strongly a pixel of the newest frame shows each figure."""
        return self.covers[:, :, -1] * self.away[:, None, -1].abs()

    def figures(
        self,
        centres: Tensor,
        ways: Tensor,
        looks: Tensor | None,
        commits: bool = False,
        sharp: bool = False,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The figures as they look in K frames to come, and where to carry them from.

        Args:
            centres: `[B, P, 2]`: where they are in the newest frame.
            ways: `[B, P, K, 3]`: where they go from there, see `motions.Motion`.
            looks: Logits `[B, P, K, S]`: which of their looks they have; None for the newest.
            commits: Whether they have one look at a time, the likeliest; else the mean of all.
            sharp: Whether it is to be seen, not learned from: see `motions.carry`.

        Returns:
            Their own light and how much they cover `[B, P, 1 or K, 2, H, W]`, centres
            `[B, P, 1 or K, 2]`, and ways: what `motions.carry` takes.
        """
        layers = torch.stack([self.covers * self.frames[:, None], self.covers], 3)
        own = centres[:, :, None]
        if looks is None:
            return layers[:, :, -1:], own, ways
        own = torch.cat([self.places[:, :, -layers.shape[2] : -1], own], 2)
        back = F.pad(own[:, :, -1:] - own, (0, 1))
        if commits and sharp:
            chosen = looks.argmax(3)
            layers, own, back = (_pick(x, chosen) for x in (layers, own, back))
            return layers, own, ways + back
        shares = looks.softmax(3)
        if commits:
            # the slope is that of the mean (Bengio et al. 2013, "straight-through")
            one = F.one_hot(looks.argmax(3), looks.shape[3]).to(shares.dtype)
            shares = one + shares - shares.detach()
        layers = carry(layers, own, back, sharp)
        return torch.einsum("bpks,bpschw->bpkchw", shares, layers), own[:, :, -1:], ways


def _pick(these: Tensor, chosen: Tensor) -> Tensor:
    """`[B, P, K, ...]` of `[B, P, S, ...]`, by the numbers `[B, P, K]` of those that are chosen."""
    index = chosen[(..., *[None] * (these.dim() - 3))]
    return these.gather(2, index.expand(*chosen.shape, *these.shape[3:]))


def before_black(history: Tensor, cover: Tensor, places: Tensor) -> Layers:
    """Layers of the newest frame alone, where the ground is black; see `TakingApart`."""
    newest = history[:, -1:].float()
    there = present(history[:, -1:])
    return Layers(torch.zeros_like(newest), newest, there, newest, cover[:, :, None], places)


class TakingApart(nn.Module):
    """Takes the latest frames apart.

    Args:
        count: S, their number.
    """

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count
        self.cutting, self.settle = Cutting(), Settle()

    def forward(self, history: Tensor, cover: Tensor, choice: Tensor, places: Tensor) -> Layers:
        """Take apart.

        Args:
            history: `[B, T, H, W]` in [0, 1], newest last, missing older frames zero.
            cover: `[B, P, H, W]` in [0, 1]: about how much of a pixel of the newest frame is each
                figure's.
            choice: Logits `[B, S + 1, H, W]`: which frame shows the ground, or, at last, none.
            places: `[B, P, T, 2]`: about where figures are, in half frames.
        """
        older, latest = places.split([places.shape[2] - self.count, self.count], 2)
        frames, there = history[:, -self.count :].float(), present(history[:, -self.count :])
        near, touched = where_they_were(cover, latest)
        ground = ground_of(frames, there, choice, touched)
        away = (frames - ground.detach()) * there[:, :, None, None]
        cut = self.cutting(away, near, touched)
        with torch.autocast(history.device.type, enabled=False):
            covers = cut.softmax(1)[:, :-1] * there[:, None, :, None, None]
            places = torch.cat([older, self.settle(away, latest)], 2)
        return Layers(ground, frames, there, away, covers, places, cut)


class Cutting(nn.Module):
    """Cuts figures out of the latest frames, by what differs from the ground where they are.

    Args:
        width: Channels of what is seen.
    """

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.see = nn.Sequential(
            nn.Conv2d(4, width, 3, padding=1), nn.SiLU(), nn.Conv2d(width, 1, 3, padding=1)
        )

    def forward(self, away: Tensor, near: Tensor, touched: Tensor) -> Tensor:
        """Cut.

        Args:
            away: `[B, S, H, W]`, how far a pixel is from the ground's.
            near: `[B, P, S, H, W]` in [0, 1]: about how much of a pixel the figures cover.
            touched: `[B, P, S, H, W]` in [0, 1]: the same of what they cover or touch.

        Returns:
            Logits `[B, P + 1, S, H, W]`: which figure a pixel shows, or, at last, the ground.
        """
        away = away[:, None].expand_as(near)
        seen = torch.stack([8 * away, 8 * away.abs(), near, touched], 3)
        # a few channels at full size: twice as fast in this order
        seen = seen.flatten(0, 2).contiguous(memory_format=torch.channels_last)
        logits = self.see(seen).float().view_as(near)
        return F.pad(logits + 4 * near - 2, (0, 0, 0, 0, 0, 0, 0, 1))


@torch.no_grad()
def where_they_were(cover: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
    """About where figures were in older frames: as they are in the newest, at their places then.

    Args:
        cover: `[B, P, H, W]` in [0, 1]: how much of a pixel of the newest frame is a figure's.
        places: `[B, P, S, 2]`: where the figures were, newest last, in half frames.

    Returns:
        How much they covered, and covered or touched, `[B, P, S, H, W]` each.
    """
    ways = F.pad(places - places[:, :, -1:], (0, 1))
    # half the size is good enough, and four times as fast
    small = F.avg_pool2d(cover, 2)[:, :, None, None]
    near = carry(small, places[:, :, -1:], ways)[:, :, :, 0].flatten(1, 2)
    older = F.max_pool2d(near, ASIDE // 2 + 1, 1, ASIDE // 4)
    both = F.interpolate(torch.cat([near, older], 1), scale_factor=2, mode="bilinear")
    near, touched = both.unflatten(1, (2, *places.shape[1:3])).unbind(1)
    near[:, :, -1] = cover
    touched[:, :, -1] = F.max_pool2d(cover, RIM, 1, RIM // 2)
    return near, touched


@torch.no_grad()
def close_ups(pictures: Tensor, places: Tensor) -> Tensor:
    """Look at figures closely.

    Args:
        pictures: `[B, T, H, W]`.
        places: `[B, P, T, 2]`: where the figures are in each, in half frames.

    Returns:
        `[B, P, T, rows x columns]`; zero beyond the frame.
    """
    rows, columns = SAMPLES
    cells = positions(rows, columns, places.device) * places.new_tensor(CLOSE)
    grid = places.transpose(1, 2)[:, :, :, None, None] + cells
    seen = F.grid_sample(
        pictures.flatten(0, 1)[:, None], grid.flatten(0, 1).flatten(1, 2), align_corners=False
    )
    batch, figures, frames = places.shape[:3]
    return seen.view(batch, frames, figures, -1).transpose(1, 2)


def unlike(these: Tensor, those: Tensor) -> Tensor:
    """How much the lower halves of close-ups differ, where a gait shows.

    Args:
        these: `[B, P, K, rows x columns]`.
        those: `[B, P, S, rows x columns]`.

    Returns:
        `[B, P, K, S]`: the mean distance of their pixels, over the mean of that for all of them.
    """
    half = these.shape[3] // 2
    apart = torch.cdist(these[..., half:], those[..., half:], p=1)
    return apart / apart.mean((2, 3), keepdim=True).clamp(min=1e-6)


class Settle(nn.Module):
    """Says to the pixel where figures are, from a close look at where they are about.

    Args:
        hidden: Width of the hidden layer.
    """

    def __init__(self, hidden: int = 128) -> None:
        super().__init__()
        rows, columns = SAMPLES
        last = nn.Linear(hidden, 2)
        begin_at_nothing(last)
        self.read = nn.Sequential(nn.Linear(rows * columns, hidden), nn.SiLU(), last)

    def forward(self, away: Tensor, places: Tensor) -> Tensor:
        """Say.

        Args:
            away: `[B, S, H, W]`, how far a pixel is from the ground's.
            places: `[B, P, S, 2]`, where figures are about.

        Returns:
            `[B, P, S, 2]`, where they are.
        """
        for _ in range(2):
            seen = close_ups(away.abs(), places.detach())
            strength = seen.mean(3, keepdim=True).clamp(min=1e-3)
            places = places + 0.2 * self.read((seen / strength).clamp(max=10))
        return places


class Looks(nn.Module):
    """Chooses which of its latest looks a figure has in frames to come.

    A gait comes round, and how much a figure looks like itself from frame to frame says how fast
    (Cutler and Davis, "Robust Real-Time Periodic Motion Detection, Analysis, and Applications",
    IEEE PAMI 2000). As in `motions.Turns` that is measured, and read in the light of what is said.

    Args:
        embedding: Length of the vector that says what a figure is and does.
        count: S, number of latest frames.
        ahead: Number of frames to come.
    """

    def __init__(self, embedding: int, count: int, ahead: int) -> None:
        super().__init__()
        self.expect = nn.Linear(4 + embedding, RATES)
        self.trust = nn.Parameter(torch.tensor(0.3))
        self.sure = nn.Parameter(torch.tensor(0.5))
        self.recent = nn.Parameter(torch.zeros(count))
        # faster than half a turn a frame looks like slower
        rates = torch.linspace(0, torch.pi, RATES)
        frame = torch.arange(count)
        later = count + torch.arange(ahead)
        past = rates[:, None, None] * (frame[:, None] - frame)
        self.register_buffer("past", past.cos(), persistent=False)
        coming = rates[:, None, None] * (later[:, None] - frame)
        self.register_buffer("coming", coming.cos(), persistent=False)

    def forward(self, layers: Layers, told: Tensor) -> Tensor:
        """Choose.

        Args:
            layers: The latest frames taken apart.
            told: `[B, P, 4 + embedding]`; see `motions.Motion`.

        Returns:
            Logits `[B, P, ahead, S]`: which of its looks a figure has in a frame to come.
        """
        there = layers.there
        seen = close_ups(layers.away, layers.places[:, :, -there.shape[1] :].detach())
        apart = unlike(seen, seen)
        itself = torch.eye(len(self.recent), dtype=torch.bool, device=there.device)
        both = (there[:, None, :, None] & there[:, None, None]) & ~itself
        mean = (apart * both).sum((2, 3), keepdim=True) / both.sum((2, 3), keepdim=True).clamp(1)
        alike = torch.einsum("bpij,rij->bpr", (mean - apart) * both, self.past)
        likely = (self.trust.exp() * alike + self.expect(told)).softmax(2)
        looks = self.sure.exp() * torch.einsum("bpr,rks->bpks", likely, self.coming)
        # at the frame's edge a figure is cut off
        mass = layers.covers.detach().sum((3, 4))
        part = mass / mass.amax(2, keepdim=True).clamp(min=1e-6) / WHOLE
        shunned = SHUN * part.clamp(1e-3, 1).log()
        looks = looks + (self.recent + shunned)[:, :, None]
        return looks.masked_fill(~there[:, None, None], -1e4)


def fill(pictures: Tensor, known: Tensor) -> Tensor:
    """Fill pictures in from around what is known of them, the farther the smoother.

    Pull and push: Gortler et al., "The Lumigraph", SIGGRAPH 1996.

    Args:
        pictures: `[B, 1, H, W]`.
        known: `[B, 1, H, W]` in [0, 1]: how far a pixel is known.

    Returns:
        `[B, 1, H, W]`.
    """
    height, width = pictures.shape[-2:]
    side = 1 if height % 2 or width % 2 else 2
    window = (height, width) if side == 1 else side
    share = F.avg_pool2d(known, window)
    coarse = F.avg_pool2d(pictures * known, window) / share.clamp(min=1e-6)
    if side > 1:
        coarse = fill(coarse, (4 * share).clamp(max=1))
        coarse = F.interpolate(coarse, scale_factor=2, mode="bilinear")
    return known * pictures + (1 - known) * coarse
