"""The latest frames taken apart into layers: what stays, and the figures that pass before it.

A figure that walks looks different in every frame, and much like itself some frames ago: its next
looks are chosen among those it had, so that none is blurred. Layers: Wang and Adelson,
"Representing Moving Images with Layers", IEEE Transactions on Image Processing 1994.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from videogeneration.models.ground import Ground, in_one_light, put_together
from videogeneration.models.motions import (
    CLOSE,
    DISTANCES,
    carry,
    follow,
    positions,
)

RIM, ASIDE = 5, 9
"""Side in pixels of what a pixel of a figure touches in the newest frame, and in older ones, where
its limbs were elsewhere."""

RATES = 24
"""Paces of a gait that are told apart, from none to half a cycle a frame."""

WHOLE, SHUN = 0.9, 8.0
"""A look that shows less than such a part of what another shows of a figure is cut off or cut out
badly: it is shunned, the stronger, the less it shows."""

NEVER = -1e4
"""Logit of a look that a figure cannot have."""

SAMPLES = (32, 16)
"""Rows and columns of a close-up."""


@dataclass(frozen=True)
class Layers:
    """The S latest frames taken apart.

    Attributes:
        ground: `[B, 1, H, W]` in [0, 1]: what is behind the figures.
        frames: `[B, S, H, W]` from 0 to about 1, newest last, in its light.
        there: `[B, S]`: whether there is one.
        away: `[B, S, H, W]`: how far its pixels are from the ground's.
        covers: `[B, P, S, H, W]` in [0, 1]: how much of a pixel is each figure's.
        places: `[B, P, T, 2]`: where figures are in these and older frames, in half frames.
        found: bool `[B, P, T]`: whether they were found there.
        cut: Logits `[B, P, S, H, W]`: whether a pixel shows a figure; the ground's is zero. None
            where that is black.
    """

    ground: Tensor
    frames: Tensor
    there: Tensor
    away: Tensor
    covers: Tensor
    places: Tensor
    found: Tensor
    cut: Tensor | None = None

    @property
    def seen(self) -> Tensor:
        """`[B, P, H, W]`: how strongly a pixel of the newest frame shows each figure."""
        return self.covers[:, :, -1] * self.away[:, None, -1].abs()

    @property
    def stood(self) -> Tensor:
        """`[B, P, S, 2]`: where figures are in these frames alone."""
        return self.places[:, :, -self.frames.shape[1] :]

    @property
    def newest(self) -> Tensor:
        """`[B, P, 2, H, W]`: the last of `looks`."""
        covers = self.covers[:, :, -1]
        return torch.stack([covers * self.frames[:, None, -1], covers], 2)

    @property
    def looks(self) -> Tensor:
        """`[B, P, S, 2, H, W]`: the figures' own light, and how much they cover."""
        return torch.stack([self.covers * self.frames[:, None], self.covers], 3)

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
            ways: `[B, P, K, 4]`: where they go from there, see `motions.Motion`; the first is that
                to the next frame.
            looks: Logits `[B, P, K, S]`: which of their looks they have; None for the newest.
            commits: Whether they have one look at a time, the likeliest; else the mean of all.
            sharp: Whether it is to be seen, not learned from: see `motions.carry`.

        Returns:
            Their own light and how much they cover `[B, P, 1 or K, 2, H, W]`, centres
            `[B, P, 1 or K, 2]`, and ways: what `motions.carry` takes.
        """
        layers = self.looks
        own = centres[:, :, None]
        if looks is None:
            return layers[:, :, -1:], own, ways
        back = self._back(ways[:, :, :1, 3:])
        own = own - back[..., :2]
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

    def _back(self, size: Tensor) -> Tensor:
        """From what they looked like to where they are now, `[B, P, S, 4]`.

        Args:
            size: `[B, P, 1, 1]`: how many times as large they are in the next frame, as a
                logarithm.
        """
        count = self.frames.shape[1]
        way = self.stood[:, :, -1:] - self.stood
        before = torch.arange(count - 1, -1, -1, device=way.device)[:, None]
        recede = (-size).exp() - 1
        larger = (1 - before * recede).clamp(*DISTANCES).log()
        return torch.cat([way, torch.zeros_like(larger), larger], 3)


def _pick(these: Tensor, chosen: Tensor) -> Tensor:
    """`[B, P, K, ...]` of `[B, P, S, ...]`, by the numbers `[B, P, K]` of those that are chosen."""
    index = chosen[(..., *[None] * (these.dim() - 3))]
    return these.gather(2, index.expand(*chosen.shape, *these.shape[3:]))


def before_black(history: Tensor, valid: Tensor, cover: Tensor, places: Tensor) -> Layers:
    """Layers of the newest frame alone, where the ground is black; see `TakingApart`."""
    newest = history[:, -1:].float()
    found = valid[:, None].expand(places.shape[:3])
    there = valid[:, -1:]
    return Layers(torch.zeros_like(newest), newest, there, newest, cover[:, :, None], places, found)


class TakingApart(nn.Module):
    """Takes the latest frames apart.

    Args:
        count: S, their number.
    """

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count
        self.ground = Ground(count)
        self.cutting = Cutting()

    def forward(
        self,
        history: Tensor,
        valid: Tensor,
        cover: Tensor,
        about: Tensor,
        ground: Tensor | None = None,
    ) -> Layers:
        """Take apart.

        Args:
            history: `[B, T, H, W]` in [0, 1], newest last.
            valid: bool `[B, T]`: which of these frames there are.
            cover: `[B, P, H, W]` in [0, 1]: about how much of a pixel of the newest frame is each
                figure's.
            about: `[B, P, T, 2]`: about where figures are, in half frames.
            ground: `[B, 1, H, W]` in [0, 1], where it is known.
        """
        with torch.autocast(history.device.type, enabled=False):
            history = in_one_light(history.float())
            frames, latest = history[:, -self.count :], valid[:, -self.count :]
            # behind figures that are about there the ground is about right; then they are found
            _, touched = where_they_were(cover, about[:, :, -self.count :])
            first = put_together(frames, latest, touched) if ground is None else ground
            away = (history - first) * valid[:, :, None, None]
            places, found = follow(away, touched[:, :, -1], about[:, :, -1])
            near, touched = where_they_were(cover, places[:, :, -self.count :])
            # one that is not found is somewhere about
            lost = ~found[:, :, -self.count :, None, None]
            across = positions(1, history.shape[3], history.device)[..., 0]
            beside = (across - about[:, :, -self.count :, :1, None]).abs() < CLOSE[0]
            touched = torch.maximum(touched, (lost & beside).float())
            if ground is None:
                ground = self.ground(frames, latest, touched)
            away = (frames - ground.detach()) * latest[:, :, None, None]
        cut = self.cutting(away, near, touched)
        whose, figure = cut.softmax(1), cut.logsumexp(1, keepdim=True).sigmoid()
        covers = whose * figure * latest[:, None, :, None, None]
        return Layers(ground, frames, latest, away, covers, places, found, cut)


class Cutting(nn.Module):
    """Cuts figures out of the latest frames, by what differs from the ground where they are.

    Four pixels are looked at together, which is twice as fast (Shi et al., "Real-Time Single Image
    and Video Super-Resolution Using an Efficient Sub-Pixel Convolutional Neural Network", CVPR
    2016).

    Args:
        width: Channels of what is seen.
    """

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.see = nn.Sequential(
            nn.Conv2d(4, width, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, 4, 3, padding=1),
            nn.PixelShuffle(2),
        )

    def forward(self, away: Tensor, near: Tensor, touched: Tensor) -> Tensor:
        """Cut.

        Args:
            away: `[B, S, H, W]`, how far a pixel is from the ground's.
            near: `[B, P, S, H, W]` in [0, 1]: about how much of a pixel the figures cover.
            touched: `[B, P, S, H, W]` in [0, 1]: the same of what they cover or touch.

        Returns:
            Logits `[B, P, S, H, W]`: whether a pixel shows a figure; the ground's is zero.
        """
        away = away[:, None].expand_as(near)
        seen = torch.stack([8 * away, 8 * away.abs(), near, touched], 3)
        seen = seen.flatten(0, 2).contiguous(memory_format=torch.channels_last)
        return self.see(seen).float().view_as(near) + 4 * near - 2


@torch.no_grad()
def where_they_were(cover: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
    """About where figures were in older frames: as they are in the newest, at their places then.

    Args:
        cover: `[B, P, H, W]` in [0, 1]: how much of a pixel of the newest frame is a figure's.
        places: `[B, P, S, 2]`: where the figures were, newest last, in half frames.

    Returns:
        How much they covered, and covered or touched, `[B, P, S, H, W]` each.
    """
    ways = places - places[:, :, -1:]
    # half the size is good enough, and four times as fast
    small = F.avg_pool2d(cover, 2)[:, :, None, None]
    near = carry(small, places[:, :, -1:], F.pad(ways, (0, 2)))[:, :, :, 0].flatten(1, 2)
    touched = F.max_pool2d(near, ASIDE // 2 + 1, 1, ASIDE // 4).unflatten(1, places.shape[1:3])
    touched[:, :, -1] = F.max_pool2d(small[:, :, 0, 0], RIM // 2 + 1, 1, RIM // 4)
    # what of them was still to be seen and is beyond the edge by now is not known
    cells = positions(small.shape[-2], small.shape[-1], places.device)
    gone = ((cells - ways[:, :, :, None, None]).abs() > 1).any(5)
    gone &= (cells - places[:, :, :, None, None]).abs()[..., 0] < CLOSE[0]
    near = torch.maximum(near, 0.5 * gone.flatten(1, 2))
    touched = torch.maximum(touched, gone.float())
    both = torch.cat([near, touched.flatten(1, 2)], 1)
    both = F.interpolate(both, scale_factor=2, mode="bilinear")
    near, touched = both.unflatten(1, (2, *places.shape[1:3])).unbind(1)
    near[:, :, -1] = cover
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


@torch.no_grad()
def _part(layers: Layers) -> Tensor:
    """How much of a figure each look shows, `[B, P, S]` in [0, 1]: at the edge it is cut off.

    It is less than the others show, or would be outside if it was as wide as it is now.
    """
    mass = layers.covers.sum(3)
    shown = mass.sum(3) / mass.sum(3).amax(2, keepdim=True).clamp(min=1e-6)
    newest = mass[:, :, -1:]
    across = positions(1, mass.shape[3], mass.device)[0, :, 0]
    places = layers.stood[..., :1]
    inside = (across + places - places[:, :, -1:]).abs() < 1
    inside = (newest * inside).sum(3) / newest.sum(3).clamp(min=1e-6)
    return torch.minimum(shown, inside)


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
            Logits `[B, P, ahead, S]`: which of its looks a figure has in a frame to come; `NEVER`
            those from frames that are missing or in which it was not found.
        """
        there = layers.there
        seen = close_ups(layers.away, layers.stood)
        apart = unlike(seen, seen)
        itself = torch.eye(len(self.recent), dtype=torch.bool, device=there.device)
        both = (there[:, None, :, None] & there[:, None, None]) & ~itself
        mean = (apart * both).sum((2, 3), keepdim=True) / both.sum((2, 3), keepdim=True).clamp(1)
        alike = torch.einsum("bpij,rij->bpr", (mean - apart) * both, self.past)
        likely = (self.trust.exp() * alike + self.expect(told)).softmax(2)
        looks = self.sure.exp() * torch.einsum("bpr,rks->bpks", likely, self.coming)
        shunned = SHUN * (_part(layers) / WHOLE).clamp(1e-3, 1).log()
        looks = looks + (self.recent + shunned)[:, :, None]
        there = there[:, None] & layers.found[:, :, -there.shape[1] :]
        return looks.masked_fill(~there[:, :, None], NEVER)
