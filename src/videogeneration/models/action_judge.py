"""A small space-time network that says what the figure of a film does."""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

_LAGS = (1, 2, 3, 4)
"""Frames are matched with the next four: beyond that somebody's legs have changed too much."""

_SPEED_STEP = 0.25
"""Pixels a frame between two velocities that are tried; with four lags no finer is seen."""

_FIGURE = 0.06
"""Least difference from the film's median, in [0, 1], that is matched: the rest is noise."""

_BAND = 4
"""Rows that are matched as one: a figure that walks at a slant still meets itself."""

_NEAR = 1.5
"""Frames within which somebody's velocity hardly changes: what is farther counts less."""

_MIN_MATCH = 0.25
"""Least normalised correlation, at most 1, of a figure that travels with itself."""

_MIN_GAIN = 0.12
"""So much better than standing must a velocity match: arms that swing do not travel."""


@dataclass(frozen=True)
class ActionJudgeConfig:
    """What rebuilds an `ActionJudge`.

    Attributes:
        readings: Number of things that a figure may do.
        size: Height and width in pixels to which frames are averaged first.
        crop: Width in pixels of the part that goes with the figure.
        widths: Channels of the levels; each halves height and width and keeps time.
        dropout: Share of the features dropped in training.
        fastest: Highest speed that is looked for, as a share of the frame's width in one frame.
    """

    readings: int = 8
    size: int = 64
    crop: int = 48
    widths: tuple[int, ...] = (16, 32, 64, 96)
    dropout: float = 0.2
    fastest: float = 0.45

    def __post_init__(self) -> None:
        object.__setattr__(self, "widths", tuple(self.widths))
        if not self.widths or any(width < 8 or width % 8 for width in self.widths):
            raise ValueError(f"widths: {self.widths}; give one or more multiples of 8")
        if self.readings < 2:
            raise ValueError(f"readings: {self.readings}; choose 2 or more")
        if not 2 ** len(self.widths) <= self.crop <= self.size:
            raise ValueError(
                f"crop: {self.crop}; choose {2 ** len(self.widths)}, so that {len(self.widths)} "
                f"levels can halve it, to {self.size}, the size"
            )
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout: {self.dropout}; choose 0 or more, less than 1")
        if not 0 < self.fastest < 0.5:
            raise ValueError(f"fastest: {self.fastest}; choose more than 0, less than 0.5")


class ActionJudge(nn.Module):
    """Says what the figure of a film does, or that there is none or that it does nothing.

    Its velocity is the one at which the changes between near frames match best. The network looks
    at a part of the frame that goes along with it, mirrored where it ends up going to the left:
    there, who only glides stands still, and who walks backwards looks to the left. Every level
    convolves in space and all but the first then in time (Tran et al., "A Closer Look at
    Spatiotemporal Convolutions for Action Recognition", CVPR 2018).
    """

    def __init__(self, config: ActionJudgeConfig) -> None:
        super().__init__()
        self.config = c = config
        self.look = nn.Conv2d(4, c.widths[0], 4, stride=2, padding=1)
        self.levels = nn.ModuleList(_Level(*pair) for pair in pairwise(c.widths))
        self.dropout = nn.Dropout(c.dropout)
        self.name = nn.Linear(2 * c.widths[-1], c.readings)

    def velocity(self, film: Tensor, valid: Tensor) -> Tensor:
        """How fast the figure travels to the right at the end.

        Args:
            film: `[B, T, H, W]` in [0, 1].
            valid: bool `[B, T]`: frames that belong to the film, the first ones; what lies in the
                others is not looked at.

        Returns:
            float32 `[B]`, as shares of the frame's width in one frame; 0 where nothing clearly
            travels. Of who has left it is the velocity with which it left.
        """
        velocity, _ = self._track(_small(film, self.config.size), valid)
        return _last(velocity, valid) / self.config.size

    def features(self, film: Tensor, valid: Tensor) -> Tensor:
        """Mean and largest response over space and time, `[B, C]`; arguments as in `velocity`."""
        x = self._along(_small(film, self.config.size), valid)
        mask = valid[:, :, None, None, None].to(x.dtype)
        x = functional.silu(self.look(x.flatten(0, 1))).unflatten(0, valid.shape) * mask
        for level in self.levels:
            x = level(x, mask)
        x = x.float()
        mean = x.mean((3, 4)).sum(1) / valid.sum(1, keepdim=True)
        largest = x.masked_fill(mask == 0, -torch.inf).amax((1, 3, 4))
        return torch.cat([mean, largest], 1)

    def forward(self, film: Tensor, valid: Tensor) -> Tensor:
        """Logits `[B, readings]`; arguments as in `velocity`."""
        return self.name(self.dropout(self.features(film, valid)))

    def _track(self, film: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """Where the figure is and how fast it goes, at every frame.

        Changes between frames are matched, not differences from a background: where somebody stood
        for long before going away, there would always be a difference.

        Returns:
            Pixels a frame to the right, and the column, `[B, T]` each.
        """
        count, frames, _, width = film.shape
        change = film[:, 1:] - film[:, :-1]
        # flicker, and the camera's automatic gain, are common to most pixels
        change = change - change.flatten(2).median(2).values[:, :, None, None]
        change = change * (change.abs() > _FIGURE) * valid[:, 1:, None, None]
        between = torch.arange(frames - 1, device=film.device) + 0.5
        near = _near(torch.arange(frames, device=film.device), between)

        bands = functional.avg_pool2d(change, (_BAND, 1))
        energy = bands.square().sum((2, 3))
        fastest = self.config.fastest * width
        tried = torch.arange(-fastest, fastest, _SPEED_STEP, device=film.device)
        tried = torch.cat([torch.zeros_like(tried[:1]), tried])
        # correlation over all shifts at once; twice the width, so that nothing wraps around
        spectrum = torch.fft.rfft(bands, 2 * width, dim=3)
        matched, possible = film.new_zeros(1), film.new_zeros(1)
        for lag in _LAGS[: frames - 2]:
            product = (spectrum[:, :-lag].conj() * spectrum[:, lag:]).sum(2)
            correlation = torch.fft.irfft(product, 2 * width, dim=2)
            weight = (near[:, :-lag] * near[:, lag:]).sqrt() / lag  # late matches are worse
            shift = (tried * lag).round().long()
            found = (weight @ correlation)[:, :, shift % (2 * width)]
            matched = matched + found * (shift.abs() < width)
            pairs = (energy[:, :-lag] * energy[:, lag:]).sqrt()
            possible = possible + weight @ pairs[:, :, None]
        score = (matched / possible.clamp_min(1e-6)).expand(count, frames, -1)
        best, place = score.max(2)
        travels = (best > _MIN_MATCH) & (best > score[:, :, 0] + _MIN_GAIN)
        velocity = torch.where(travels, tried[place], 0.0)

        # from where changes are seen near in time, and on from there with the velocity
        columns = torch.arange(width, device=film.device, dtype=film.dtype)
        mass = change.square().sum(2)
        weight = mass.sum(2)[:, None] * near
        total = weight.sum(2)
        seen_at = (weight @ between) / total.clamp_min(1e-6)
        seen_in = ((mass @ columns)[:, None] * near).sum(2) / total.clamp_min(1e-6)
        centre = seen_in + velocity * (torch.arange(frames, device=film.device) - seen_at)
        return velocity, torch.where(total > 1e-6, centre, (width - 1) / 2)

    def _along(self, film: Tensor, valid: Tensor) -> Tensor:
        """What is looked at of `[B, T, H, W]`: `[B, T, 4, H, crop]`, 0 where not valid.

        Each about of unit size: the difference from the film's median, its change in the part that
        goes along, the frame itself, and the velocity.
        """
        width, crop = film.shape[3], self.config.crop
        velocity, centre = self._track(film, valid)
        leftwards = _last(velocity, valid)[:, None] < 0
        columns = torch.arange(crop, device=film.device)
        columns = torch.where(leftwards, columns.flip(0), columns)
        places = (centre - (crop - 1) / 2).round().long()[:, :, None] + columns[:, None]
        inside = ((places >= 0) & (places < width) & valid[:, :, None])[:, :, None]
        index = places.clamp(0, width - 1)[:, :, None].expand(-1, -1, film.shape[2], -1)

        known = film.masked_fill(~valid[:, :, None, None], torch.nan)
        figure = (film - known.nanmedian(1, keepdim=True).values).gather(3, index) * inside
        before = torch.cat([figure[:, :1], figure[:, :-1]], 1)
        middle = film.mean((2, 3), keepdim=True)
        spread = (film - middle).square().mean((2, 3), keepdim=True).sqrt()
        frame = ((film - middle) / (spread + 0.05)).gather(3, index) * inside
        speed = torch.where(leftwards, -velocity, velocity) / (0.1 * width)
        parts = [figure / 0.1, (figure - before) / 0.1, frame]
        return torch.stack([*parts, (speed[:, :, None, None] * inside).expand_as(frame)], 2)


class _Level(nn.Module):
    """A convolution in space that halves height and width, then one in time."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.space = nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False)
        self.space_norm = nn.BatchNorm2d(after)
        self.time = nn.Conv3d(after, after, (3, 1, 1), padding=(1, 0, 0), bias=False)
        self.time_norm = nn.BatchNorm3d(after)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """`[B, T, C, H, W]` to half the height and width; `mask` `[B, T, 1, 1, 1]` is 0 or 1."""
        x_flat = functional.silu(self.space_norm(self.space(x.flatten(0, 1))))
        x = x_flat.unflatten(0, x.shape[:2]) * mask
        x = functional.silu(self.time_norm(self.time(x.transpose(1, 2))))
        return x.transpose(1, 2) * mask


def _small(film: Tensor, size: int) -> Tensor:
    return functional.adaptive_avg_pool2d(film.float(), size)


def _near(times: Tensor, others: Tensor) -> Tensor:
    """How much is learned for each of some times `[T]` from others `[S]`: `[T, S]`."""
    return torch.exp(-(times[:, None] - others).abs() / _NEAR)


def _last(values: Tensor, valid: Tensor) -> Tensor:
    """Of values `[B, T]` the last valid ones, `[B]`."""
    return values.gather(1, valid.sum(1, keepdim=True) - 1)[:, 0]
