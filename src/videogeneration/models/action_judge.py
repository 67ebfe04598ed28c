"""A small space-time network that says what the figure of a film does."""

from dataclasses import dataclass
from itertools import pairwise

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from videogeneration.models.configuration import Widths
from videogeneration.validated import validated

_LAGS = (1, 2, 3, 4)
"""Frames are matched with the next four: beyond that somebody's legs have changed too much."""

_SPEED_STEP = 0.25
"""Pixels a frame between two velocities that are tried; with four lags no finer is seen."""

_FIGURE = 0.06
"""Least change of a pixel, in [0, 1], that is matched: the rest is noise."""

_COARSE = 2
"""Changes are matched in frames of a so many times smaller size."""

_BAND = 4
"""Rows that are matched as one: a figure that bounces still meets itself."""

_SLANTS = (-1.0, -0.5, 0.0, 0.5, 1.0)
"""Bands a frame by which who comes nearer goes down, or up who goes away; tried one by one."""

_SLANTED = 0.05
"""How much better than a level way one at a slant has to match: of several, one does by chance."""

_NEAR = 1.5
"""Frames within which somebody's velocity hardly changes: what is farther counts less."""

_OUTSIDE = 0.02
"""Share of a figure's changes that may lie above and below it: noise, and a shadow's end."""

_MARGIN = 1.2
"""Height that is looked at of who travels, as a share of the figure's."""

_ABOUT_ARMS = 0.6
"""Height that is looked at of who stands, as a share of the frame's: hands are small."""

_MIN_MATCH = 0.27
"""Least normalised correlation, at most 1, of a figure that travels with itself."""


@validated
class ActionJudgeConfig:
    """What rebuilds an `ActionJudge`.

    Attributes:
        readings: Number of things that a figure may do.
        size: Height and width in pixels to which frames are averaged first.
        crop: Height and width in pixels of the part that goes with the figure.
        widths: Channels of the levels; each halves height and width and keeps time.
        dropout: Share of the features dropped in training.
        fastest: Highest speed that is looked for, as a share of the frame's width in one frame.
        frame_step: Every so many of a film's frames are to be given: 5 for films at 25 frames a
            second and a network that learned at 5.
    """

    readings: int = Field(8, ge=2)
    size: int = Field(96, ge=16)
    crop: tuple[int, int] = (48, 36)
    widths: Widths = Field((16, 32, 64, 96), min_length=1)
    dropout: float = Field(0.2, ge=0, lt=1)
    fastest: float = Field(0.45, gt=0, lt=0.5)
    frame_step: int = Field(1, ge=1)

    def __post_init__(self) -> None:
        if min(self.crop) < (least := 2 ** len(self.widths)):
            raise ValueError(
                f"crop: {self.crop}; choose {least} or more, so that {len(self.widths)} levels can "
                "halve it"
            )


class ActionJudge(nn.Module):
    """Says what the figure of a film does, or that there is none or that it does nothing.

    A traveller's velocity is the one at which the changes between near frames match best. The
    network looks at a part of the frame that goes along with the figure, also up and down, and is
    as high as it, mirrored where it ends up going to the left: there, who only glides stands still,
    and who walks backwards looks to the left. Of who stands it sees what is about the arms. Every
    level convolves in space and all but the first then in time (Tran et al., "A Closer Look at
    Spatiotemporal Convolutions for Action Recognition", CVPR 2018).
    """

    def __init__(self, config: ActionJudgeConfig) -> None:
        super().__init__()
        self.config = c = config
        self.look = nn.Conv2d(5, c.widths[0], 4, stride=2, padding=1)
        self.levels = nn.ModuleList(_Level(*pair) for pair in pairwise(c.widths))
        self.dropout = nn.Dropout(c.dropout)
        self.name = nn.Linear(2 * c.widths[-1], c.readings)

    def velocity(self, film: Tensor, valid: Tensor) -> Tensor:
        """How fast the figure travels to the right at the end.

        Args:
            film: `[B, T, H, W]` in [0, 1], two frames or more.
            valid: bool `[B, T]`: frames that belong to the film, the first ones; what lies in the
                others is not looked at.

        Returns:
            float32 `[B]`, as shares of the frame's width in one frame; 0 where nothing clearly
            travels. Of who has left it is the velocity with which it left.
        """
        with _exactly(film):
            track = self._track(_small(film, self.config.size), valid)
            return _last(track.velocity, valid) / self.config.size

    def features(self, film: Tensor, valid: Tensor) -> Tensor:
        """Mean and largest response over space and time, `[B, C]`; arguments as in `velocity`."""
        with _exactly(film), torch.no_grad():
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

    def _track(self, film: Tensor, valid: Tensor) -> "_Track":
        """Find the figure of `[B, T, H, W]`.

        Changes between frames are matched, not differences from a background: where somebody stood
        for long before going away, there would always be a difference.
        """
        frames = film.shape[1]
        coarse = functional.avg_pool2d(film, _COARSE)
        height, width = coarse.shape[2:]
        change = coarse[:, 1:] - coarse[:, :-1]
        # flicker, and the camera's automatic gain, are common to most pixels
        change = change - change.flatten(2).median(2).values[:, :, None, None]
        change = change * (change.abs() > _FIGURE) * valid[:, 1:, None, None]
        times = torch.arange(frames, device=film.device, dtype=film.dtype)
        between = times[1:] - 0.5
        near = torch.exp(-(times[:, None] - between).abs() / _NEAR)
        velocity = self._velocity(change, near)

        # from where changes are seen near in time, and on from there with the velocity
        mass = change.square()
        weight = mass.sum((2, 3))[:, None] * near
        total = weight.sum(2)
        columns = torch.arange(width, device=film.device, dtype=film.dtype)
        seen_in = ((mass.sum(2) @ columns)[:, None] * near).sum(2) / total.clamp_min(1e-6)
        seen_at = (weight @ between) / total.clamp_min(1e-6)
        column = seen_in + velocity * (times - seen_at)
        column = torch.where(total > 1e-6, column, (width - 1) / 2)

        # who travels changes from head to foot, and may come nearer; of who stands only the arms do
        travels = (velocity[:, 1:] != 0) | (velocity[:, :-1] != 0)
        stands = _last(velocity, valid) == 0
        counts = travels != stands[:, None]
        rows = mass.sum(3) * counts[:, :, None]
        slope, middle = _slope(rows, between)
        slope = slope.masked_fill(stands, 0)
        rows = _moved_up(rows, slope[:, None] * (between - middle[:, None])).sum(1).cumsum(1)
        share = rows / rows[:, -1:].clamp_min(1e-6)
        top = (share < _OUTSIDE).sum(1)
        bottom = (share < 1 - _OUTSIDE).sum(1) + 1
        arms = (share < 0.5).sum(1).masked_fill(rows[:, -1] < 1e-6, height // 2)
        reach = int(_ABOUT_ARMS * height / 2)
        top, bottom = top.where(~stands, arms - reach), bottom.where(~stands, arms + reach)
        row = (top + bottom)[:, None] / 2 + slope[:, None] * (times - middle[:, None])
        return _Track(
            progress=functional.pad(mass.sum((2, 3)).cumsum(1), (1, 0))
            / mass.sum((1, 2, 3))[:, None].clamp_min(1e-6),
            velocity=_COARSE * velocity,
            column=_COARSE * (column + 0.5) - 0.5,
            row=_COARSE * row - 0.5,
            height=_COARSE * (bottom - top).clamp_min(height // 8) * (1 + (_MARGIN - 1) * ~stands),
        )

    def _velocity(self, change: Tensor, near: Tensor) -> Tensor:
        """Pixels a frame to the right, `[B, T]`, of changes `[B, T - 1, H, W]` between frames.

        `near` `[T, T - 1]` is how much each of them counts at every frame.
        """
        count, between, _, width = change.shape
        bands = functional.avg_pool2d(change, (_BAND, 1))
        energy = bands.square().sum((2, 3))
        steps = int(self.config.fastest * width / _SPEED_STEP)
        tried = _SPEED_STEP * torch.arange(-steps, steps + 1, device=change.device)
        # correlation over all shifts at once; twice the width, so that nothing wraps around
        spectrum = torch.fft.rfft(bands, 2 * width, dim=3)
        matched, possible = change.new_zeros(1), change.new_zeros(1)
        for lag in _LAGS[: between - 1]:
            product = torch.stack(
                [
                    _product(spectrum[:, :-lag], spectrum[:, lag:], round(lag * slant))
                    for slant in _SLANTS
                ],
                1,
            )
            correlation = torch.fft.irfft(product, 2 * width, dim=3)
            weight = (near[:, :-lag] * near[:, lag:]).sqrt() / lag  # late matches are worse
            correlation = weight @ correlation
            shift = (tried * lag).floor().long()
            found = correlation[..., shift % (2 * width)]
            beyond = correlation[..., (shift + 1) % (2 * width)]
            found = found.lerp(beyond, tried * lag - shift)
            matched = matched + found * ((tried * lag).abs() < width)
            pairs = (energy[:, :-lag] * energy[:, lag:]).sqrt()
            possible = possible + (weight @ pairs[:, :, None])[:, None]
        handicap = change.new_tensor([_SLANTED * (slant != 0) for slant in _SLANTS])
        score = matched / possible.clamp_min(1e-6) - handicap[:, None, None]
        score = score.expand(count, -1, between + 1, len(tried)).amax(1)
        best, place = score.max(2)
        return torch.where(best > _MIN_MATCH, tried[place], 0.0)

    def _along(self, film: Tensor, valid: Tensor) -> Tensor:
        """What is looked at of `[B, T, H, W]`: `[B, T, 5, *crop]`, 0 where not valid.

        Each about of unit size: the difference from the film's median, its change in the part that
        goes along, the frame itself, the velocity, and how much was done before: what is done last
        counts.
        """
        (_, _, size, width), (high, wide) = film.shape, self.config.crop
        track = self._track(film, valid)
        sign = torch.where(_last(track.velocity, valid) < 0, -1.0, 1.0)
        scale = (track.height / high)[:, None, None]
        across = torch.arange(wide, device=film.device) - (wide - 1) / 2
        down = torch.arange(high, device=film.device) - (high - 1) / 2
        x = track.column[:, :, None] + sign[:, None, None] * scale * across
        y = track.row[:, :, None] + scale * down
        x, y = ((2 * x + 1) / width - 1)[:, :, None], ((2 * y + 1) / size - 1)[..., None]
        grid = torch.stack(torch.broadcast_tensors(x, y), -1)
        figure = film - _median(film, valid)[:, None]
        middle = film.mean((2, 3), keepdim=True)
        spread = (film - middle).square().mean((2, 3), keepdim=True).sqrt()
        pair = torch.stack([figure / 0.1, (film - middle) / (spread + 0.05)], 2)
        seen = functional.grid_sample(pair.flatten(0, 1), grid.flatten(0, 1), align_corners=False)
        seen = seen.unflatten(0, valid.shape) * valid[:, :, None, None, None]
        figure, frame = seen.unbind(2)
        change = torch.cat([torch.zeros_like(figure[:, :1]), figure.diff(dim=1)], 1)
        # in figures' heights
        speed = sign[:, None] * track.velocity / track.height[:, None] / 0.1
        numbers = [
            (number * valid)[:, :, None, None].expand_as(frame)
            for number in (speed, track.progress)
        ]
        return torch.stack([figure, change, frame, *numbers], 2)


@dataclass(frozen=True)
class _Track:
    """Where a figure is, in pixels, and how fast it goes to the right, in pixels a frame.

    Attributes:
        progress: Share of all changes that lie before a frame, `[B, T]`, 0 to 1.
        velocity: `[B, T]`; 0 where it does not clearly travel.
        column: Its middle, `[B, T]`.
        row: The middle of what is looked at, `[B, T]`.
        height: The height of what is looked at, `[B]`.
    """

    progress: Tensor
    velocity: Tensor
    column: Tensor
    row: Tensor
    height: Tensor


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


def _product(early: Tensor, late: Tensor, down: int) -> Tensor:
    """The correlation's spectrum `[B, N, F]` of bands `[B, N, bands, F]` with later, lower ones."""
    last = early.shape[2] - abs(down)
    start = max(-down, 0)
    early = early[:, :, start : start + last]
    return (early.conj() * late[:, :, start + down : start + down + last]).sum(2)


def _slope(rows: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
    """Rows a frame by which the middle of changes goes down, and their mean time, `[B]` each.

    Args:
        rows: How much changes, `[B, T, H]`.
        times: `[T]`.
    """
    row = torch.arange(rows.shape[2], device=rows.device, dtype=rows.dtype)
    weight, moment = rows.sum(2), rows @ row
    total = weight.sum(1).clamp_min(1e-6)
    mean_time, mean_row = (weight @ times) / total, moment.sum(1) / total
    apart = times - mean_time[:, None]
    along = ((moment - mean_row[:, None] * weight) * apart).sum(1)
    return along / (weight * apart.square()).sum(1).clamp_min(1e-6), mean_time


def _moved_up(rows: Tensor, by: Tensor) -> Tensor:
    """Rows `[B, T, H]`, moved up by so many of them, `[B, T]`."""
    place = torch.arange(rows.shape[2], device=rows.device) + by.round().long()[:, :, None]
    inside = (place >= 0) & (place < rows.shape[2])
    return rows.gather(2, place.clamp(0, rows.shape[2] - 1)) * inside


def _exactly(film: Tensor) -> torch.autocast:
    """Places and velocities are fractions of pixels: no bfloat16 for them."""
    return torch.autocast(film.device.type, enabled=False)


def _small(film: Tensor, size: int) -> Tensor:
    if film.shape[2:] == (size, size):
        return film.float()
    return functional.adaptive_avg_pool2d(film.float(), size)


def _median(film: Tensor, valid: Tensor) -> Tensor:
    """The median over the valid frames, `[B, H, W]`; of an even number the lower one.

    The lower half of the frames is sorted pixel by pixel: for a few frames of many pixels this is
    several times as fast as `nanmedian`, which sorts every pixel by itself.
    """
    frames = list(film.masked_fill(~valid[:, :, None, None], torch.inf).unbind(1))
    for lowest in range((len(frames) + 1) // 2):
        for place in range(len(frames) - 1, lowest, -1):
            low = torch.minimum(frames[place - 1], frames[place])
            frames[place] = torch.maximum(frames[place - 1], frames[place])
            frames[place - 1] = low
    middle = (valid.sum(1) - 1) // 2
    lower = torch.stack(frames[: (len(frames) + 1) // 2], 1)
    return lower[torch.arange(len(film), device=film.device), middle]


def _last(values: Tensor, valid: Tensor) -> Tensor:
    """Of values `[B, T]` the last valid ones, `[B]`."""
    return values.gather(1, valid.sum(1, keepdim=True) - 1)[:, 0]
