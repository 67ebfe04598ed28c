"""Where figures were, where they go, and pictures with them carried there."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

ANGLES = 48
"""Directions in which a figure is looked at from its centre, to see how it turned."""

RINGS = (0.06, 0.34, 8)
"""The distances at which it is looked at: the first and the last, in half frames, and how many."""

SLACK = 0.045
"""Half frames by which a figure may be off the centre that is found for it."""

EDGE, LEAST = 0.15, 0.02
"""Within so many half frames of the frame's edge a place counts less for a figure's velocity, and
how little at last."""


class Motion(nn.Module):
    """Finds where figures are and were, and predicts where they go.

    Args:
        channels: Channels of the features, of all levels together.
        embedding: Length of the vector that says what a figure is and does.
        patch: Side of the patches that frames are looked at in, in pixels.
        history: Number of past frames.
        horizon: Number of frames to come.
    """

    def __init__(
        self, channels: int, embedding: int, patch: int, history: int, horizon: int
    ) -> None:
        super().__init__()
        self.tracks = Tracks(embedding, patch)
        self.centres = Centres(channels)
        self.turns = Turns(embedding)
        self.trajectories = Trajectories(embedding, history, horizon)

    def forward(
        self,
        history: Tensor,
        valid: Tensor,
        levels: list[Tensor],
        seen: Tensor,
        condition: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Find and predict.

        Args:
            history: `[B, T, H, W]` in [0, 1].
            valid: bool `[B, T]`: which of these frames there are.
            levels: Features `[B, C, h, w]` each, of several coarsenesses.
            seen: `[B, P, H, W]`, 0 or more: how strongly a pixel of the newest frame shows each of
                P figures.
            condition: `[B, P, embedding]`: caption embedding of each.

        Returns:
            Centres `[B, P, 2]`: where each is in the newest frame, x and y in half widths and
            heights of the frame from its centre.
            Tracks `[B, P, T, 4]`: where each was, and cosine and sine of how far it had turned
            clockwise since the frame before. Zero where there is no frame, or none before it.
            Trajectories `[B, P, T, horizon, 3]`: how far from where a figure is in a past frame,
            and turned by how many radians clockwise, it is in every frame after it. Those from the
            newest frame are the last.
            What trajectories are predicted from besides the tracks, `[B, P, 4 + embedding]`: how
            large each figure is, and its caption embedding.
        """
        places = self.tracks(history, condition)
        there = valid[:, None, :, None]
        before = F.pad(there[:, :, :-1], (0, 0, 1, 0))
        with torch.autocast(history.device.type, enabled=False):
            condition = condition.float()
            centres, size = self.centres(levels, seen)
            turned = self.turns(history.float(), centres, condition)
            tracks = torch.cat([places, turned * before], 3) * there
            context = torch.cat([size, condition], 2)
            known = there[..., 0].expand(tracks.shape[:3])
            return centres, tracks, self.trajectories(tracks, known, context), context


class Tracks(nn.Module):
    """Finds every figure in every past frame.

    What is said of a figure is compared with every place of a frame; where it fits, there the
    figure is (a spatial soft-argmax).

    Args:
        embedding: Length of the vector that says what a figure is and does.
        patch: Side of the patches that frames are looked at in, in pixels.
        width: Channels of what is seen.
    """

    def __init__(self, embedding: int, patch: int, width: int = 32) -> None:
        super().__init__()
        self.see = nn.Sequential(
            nn.Conv2d(1, width, patch, stride=patch),
            nn.SiLU(),
            nn.Conv2d(width, width, 5, padding=2),
            nn.GroupNorm(8, width),
            nn.SiLU(),
            nn.Conv2d(width, width, 3, padding=1),
        )
        self.ask = nn.Linear(embedding, width)

    def forward(self, history: Tensor, condition: Tensor) -> Tensor:
        """Find: places `[B, P, T, 2]` from a history and what is said, as in `Motion`."""
        keys = self.see(history.flatten(0, 1)[:, None] * 2 - 1)
        height, width = keys.shape[-2:]
        keys = keys.unflatten(0, history.shape[:2]).flatten(3)
        asked, keys = self.ask(condition).float(), keys.float() / keys.shape[2] ** 0.5
        with torch.autocast(history.device.type, enabled=False):
            where = torch.einsum("bpc,btcn->bptn", asked, keys).softmax(3)
            return where @ positions(height, width, history.device).flatten(0, 1)


class Centres(nn.Module):
    """Finds where figures are in the newest frame, and how large they are.

    Args:
        channels: Channels of the features, of all levels together.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.settle = nn.Linear(channels + 6, 2)
        _begin_at_nothing(self.settle)

    def forward(self, levels: list[Tensor], seen: Tensor) -> tuple[Tensor, Tensor]:
        """Find, from what `Motion` is given.

        Returns:
            Centres `[B, P, 2]`, and what a figure's size is: its light's standard deviations,
            covariance and sum, `[B, P, 4]`.
        """
        height, width = seen.shape[-2:]
        total = seen.flatten(2).sum(2).clamp(min=1e-3)
        cells = positions(height, width, seen.device)
        centres = torch.einsum("bphw,hwc->bpc", seen, cells) / total[..., None]
        x, y = (cells - centres[:, :, None, None]).unbind(-1)
        moments = [(seen * product).sum((2, 3)) / total for product in (x * x, y * y, x * y)]
        size = torch.stack([moments[0], moments[1], 4 * moments[2], total / width], 2)
        size = torch.cat([(size[..., :2] + 1e-6).sqrt(), size[..., 2:].clamp(-5, 5)], 2)
        found = [centres, size]
        for features in levels:
            where = F.avg_pool2d(seen, height // features.shape[2]).flatten(2)
            where = where / where.sum(2, keepdim=True).clamp(min=1e-4)
            found.append(torch.einsum("bpn,bcn->bpc", where, features.float().flatten(2)))
        return centres + self.settle(torch.cat(found, 2)), size


class Turns(nn.Module):
    """Reads how figures turned from frame to frame.

    It is measured, see `turning`, and read in the light of what is said: a wheel looks the same
    after a part of a turn.

    Args:
        embedding: Length of the vector that says what a figure is and does.
    """

    def __init__(self, embedding: int) -> None:
        super().__init__()
        self.expect = nn.Linear(embedding, ANGLES)
        self.trust = nn.Parameter(torch.tensor(3.0))

    def forward(self, history: Tensor, centres: Tensor, condition: Tensor) -> Tensor:
        """Read: cosines and sines `[B, P, T, 2]`, from what `Motion` is given and finds."""
        evidence = self.trust.exp() * turning(history, centres.detach())
        likely = (evidence + self.expect(condition)[:, :, None]).softmax(3)
        return likely @ _directions(history.device)


@torch.no_grad()
def turning(history: Tensor, centres: Tensor) -> Tensor:
    """Measure how figures turned in place from frame to frame: a circular cross-correlation.

    A figure is sampled on rings round its centre; a turn shifts them (De Castro and Morandi,
    "Registration of Translated and Rotated Images Using Finite Fourier Transforms", 1987, without
    their transform of the shift: a few are tried).

    Args:
        history: `[B, T, H, W]`.
        centres: `[B, P, 2]`: where the figures stand, x and y in half widths and heights.

    Returns:
        `[B, P, T, ANGLES]`, correlations in [-1, 1] of a figure with itself in the frame before,
        turned clockwise by 0, 1, .. `ANGLES`-ths of a turn; zero in the first frame.
    """
    nearest, farthest, count = RINGS
    height, width = history.shape[-2:]
    radii = torch.linspace(nearest, farthest, count, device=centres.device)
    shape = centres.new_tensor([min(height / width, 1.0), min(width / height, 1.0)])
    rings = radii[:, None, None] * _directions(centres.device)
    slack = centres.new_tensor([-SLACK, 0.0, SLACK])
    tried = torch.cartesian_prod(slack, slack)[:, None, None]
    grid = centres[:, :, None, None, None] + (tried + rings) * shape
    seen = F.grid_sample(history, grid.flatten(1, 3), align_corners=False)
    # outer rings are longer
    seen = seen.unflatten(2, (-1, len(tried), count)) * radii[:, None].sqrt()
    seen = seen - seen.mean((4, 5), keepdim=True)
    seen = seen / seen.square().sum((4, 5), keepdim=True).clamp(min=1e-6).sqrt()
    waves = torch.fft.rfft(seen)
    unmoved = waves[:, :-1, :, len(tried) // 2, None].conj()
    alike = torch.fft.irfft((waves[:, 1:] * unmoved).sum(4), n=ANGLES).amax(3)
    return F.pad(alike, (0, 0, 0, 0, 1, 0)).transpose(1, 2)


def _directions(device: torch.device) -> Tensor:
    """Cosine and sine of the directions, clockwise from the right: `[ANGLES, 2]`."""
    angles = 2 * torch.pi * torch.arange(ANGLES, device=device) / ANGLES
    return torch.stack([angles.cos(), angles.sin()], 1)


class Trajectories(nn.Module):
    """Predicts the trajectory of every figure from where it was and what is said of it.

    A figure's motion is read once for all frames to come, as displacements from frame to frame:
    what is drawn far ahead then suffers from no error of the frames before it, and a figure that
    was moved ten times was resampled once. A displacement is predicted as such and as a multiple of
    the velocity so far, which a small network finds hard to multiply by.

    Every past frame was once the newest: the trajectories from there are predicted too, and teach
    ten times as much as the newest alone.

    Args:
        embedding: Length of the vector that says what a figure is and does.
        history: Number of past frames.
        horizon: Number of frames to come.
        hidden: Width of the hidden layers.
    """

    def __init__(self, embedding: int, history: int, horizon: int, hidden: int = 256) -> None:
        super().__init__()
        last = nn.Linear(hidden, 8 * horizon)
        _begin_at_nothing(last)
        # at first all go on as they went
        with torch.no_grad():
            last.bias.view(horizon, 8)[:, [2, 5, 7]] = 0.5
        self.read = nn.Sequential(
            nn.Linear(4 + embedding + 4 * history + 8, hidden),
            nn.SiLU(),
            nn.Linear(hidden, hidden),
            nn.SiLU(),
            nn.Linear(hidden, hidden),
            nn.SiLU(),
            last,
        )

    def forward(self, tracks: Tensor, valid: Tensor, context: Tensor) -> Tensor:
        """Predict.

        Args:
            tracks: `[B, P, T, 4]`, as `Motion` gives them.
            valid: bool `[B, P, T]`: which of these are known.
            context: `[B, P, 4 + embedding]`, see there.

        Returns:
            Trajectories `[B, P, T, horizon, 3]`, as `Motion` gives them.
        """
        displacements, velocity, turn = _displacements(tracks, valid)
        context = context[:, :, None].expand(-1, -1, displacements.shape[2], -1)
        read = self.read(torch.cat([context, displacements, 4 * velocity, turn], 3)).unflatten(
            3, (-1, 8)
        )
        free, along, turned, again = read.split([2, 4, 1, 1], 4)
        along = torch.einsum("bptkij,bptj->bptki", along.unflatten(4, (2, 2)), velocity)
        turned = turned + 2 * again * turn[..., None, :]
        return torch.cat([0.25 * free + 2 * along, turned], 4).cumsum(3)


def _begin_at_nothing(layer: nn.Linear) -> None:
    """Let a layer give nearly zero at first."""
    nn.init.normal_(layer.weight, std=0.01)
    nn.init.zeros_(layer.bias)


def _displacements(tracks: Tensor, valid: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Tracks as seen from each of their frames, and how fast a figure went and turned on them.

    Args:
        tracks: `[B, P, T, 4]`, as `Motion` gives them.
        valid: bool `[B, P, T]`: which of these are known.

    Returns:
        The place, the displacements to it and the turns `[B, P, T, 4 T + 2]`, with the mean speed
        and mean cosine and sine behind them, 3 more; the velocity `[B, P, T, 2]`, x and y of the
        straight line that fits best; and the mean turn `[B, P, T, 1]` in radians.
    """
    count = tracks.shape[2]
    # from every frame as far back as from the newest
    tracks = F.pad(tracks, (0, 0, count - 1, 0)).unfold(2, count, 1).transpose(3, 4)
    there = F.pad(valid, (count - 1, 0)).unfold(2, count, 1)[..., None]
    places, turned = tracks.split(2, 4)
    # beyond the frame's edge a place is a guess
    inside = (places.abs() < 1).all(4, keepdim=True)
    inside[:, :, :, -1] = True
    there = there & inside
    newest = places[:, :, :, -1:]
    displacements = 4 * (places - newest) * there
    both = there[:, :, :, 1:] & there[:, :, :, :-1]
    speed = (places.diff(dim=3).square().sum(4, keepdim=True) + 1e-6).sqrt()
    steps = torch.cat([4 * speed, turned[:, :, :, 1:]], 4) * both
    mean = steps.sum(3) / both.sum(3).clamp(min=1)

    # who is cut off by the edge seems to be farther inside
    beyond = places.abs().amax(4, keepdim=True)
    sure = there * ((1 - beyond) / EDGE).clamp(LEAST, 1)
    sure[:, :, :, -1] = 1
    time = torch.arange(count, device=tracks.device)[:, None]
    time = time - (sure * time).sum(3, keepdim=True) / sure.sum(3, keepdim=True)
    velocity = (sure * time * places).sum(3) / (sure * time.square()).sum(3).clamp(min=1e-3)
    turn = torch.atan2(mean[..., 2:], mean[..., 1:2] + 1e-6)
    known = [newest.flatten(3), displacements.flatten(3), turned.flatten(3), mean]
    return torch.cat(known, 3), velocity, turn


def carry(figures: Tensor, centres: Tensor, trajectories: Tensor, sharp: bool = False) -> Tensor:
    """Carry figures along their trajectories.

    Args:
        figures: `[B, P, H, W]` in [0, 1], a picture of each.
        centres: `[B, P, 2]` and
        trajectories: `[B, P, K, 3]`, those of `Motion` from one frame.
        sharp: Whether pixels are interpolated with cubic splines, which blur less than lines do,
            and take longer.

    Returns:
        `[B, P, K, H, W]` in [0, 1]; nothing comes in from beyond the frame.
    """
    height, width = figures.shape[2:]
    # the frames of a figure are one tall picture sampled from it
    grid = _back(centres, trajectories, height, width).flatten(0, 1).flatten(1, 2)
    mode = "bicubic" if sharp else "bilinear"
    pictures = figures.flatten(0, 1)[:, None]
    moved = F.grid_sample(pictures, grid, mode, padding_mode="zeros", align_corners=False)
    if sharp:
        moved = moved.clamp(0, 1)
    return moved.reshape(*trajectories.shape[:3], height, width)


def _back(centres: Tensor, trajectories: Tensor, height: int, width: int) -> Tensor:
    """Where every pixel of the frames to come was: `[B, P, K, H, W, 2]`, x and y from -1 to 1.

    A turn is the sum of a part for the column and one for the row, which is quicker than a product
    of matrices for every pixel.
    """
    right, down, turn = (path[..., None] for path in trajectories.unbind(-1))
    x, y = (centre[..., None, None] for centre in centres.unbind(-1))
    cos, sin = turn.cos(), turn.sin()
    cells = positions(height, width, trajectories.device)
    columns, rows = cells[0, :, 0] - x - right, cells[:, 0, 1] - y - down
    # in pixels a turn is a turn whatever the frame's shape
    ratio = height / width
    back_x = (x + cos * columns)[..., None, :] + (ratio * sin * rows)[..., None]
    back_y = (y + cos * rows)[..., None] - (sin / ratio * columns)[..., None, :]
    return torch.stack([back_x, back_y], -1)


def positions(height: int, width: int, device: torch.device) -> Tensor:
    """Centres of a picture's cells, x and y from -1 to 1: `[height, width, 2]`."""
    y = (torch.arange(height, device=device) * 2 + 1) / height - 1
    x = (torch.arange(width, device=device) * 2 + 1) / width - 1
    return torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)
