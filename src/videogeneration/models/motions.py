"""Rigid motions: where figures were, where they go, and pictures with them carried there."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Tracks(nn.Module):
    """Finds every figure in every past frame, and how it is turned there.

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
            nn.Conv2d(width, 2 * width, 3, padding=1),
        )
        self.ask = nn.Linear(embedding, width)
        self.turned = nn.Sequential(
            nn.Linear(width + embedding, 64),
            nn.SiLU(),
            nn.Linear(64, 64),
            nn.SiLU(),
            nn.Linear(64, 2),
        )

    def forward(self, history: Tensor, said: Tensor) -> Tensor:
        """Find.

        Args:
            history: `[B, T, H, W]` in [0, 1].
            said: `[B, P, embedding]`: what the sentence says of each figure.

        Returns:
            `[B, P, T, 4]`: x and y in half widths and heights of the frame from its centre, and
            cosine and sine of how far a figure is turned clockwise. Zero for missing frames.
        """
        seen = self.see(history.flatten(0, 1)[:, None] * 2 - 1)
        height, width = seen.shape[-2:]
        keys, looks = seen.unflatten(0, history.shape[:2]).flatten(3).chunk(2, 2)
        fits = torch.einsum("bpc,btcn->bptn", self.ask(said), keys) / keys.shape[2] ** 0.5
        with torch.autocast(history.device.type, enabled=False):
            where = fits.float().softmax(3)
            places = where @ positions(height, width, history.device).flatten(0, 1)
            look = torch.einsum("bptn,btcn->bptc", where, looks.float())
            told = said.float()[:, :, None].expand(-1, -1, look.shape[2], -1)
            turned = self.turned(torch.cat([look, told], 3))
        there = history.flatten(2).amax(2) > 0
        return torch.cat([places, turned], 3) * there[:, None, :, None]


class Paths(nn.Module):
    """Foretells the way of every figure from where it is seen and what is said of it.

    A figure's motion is read once for all frames to come, as the ways from frame to frame: what is
    drawn far ahead then suffers from no error of the frames before it, and a figure that was moved
    ten times was resampled once.

    Args:
        channels: Channels of the features, of all levels together.
        embedding: Length of the vector that says what a figure does.
        history: Number of past frames.
        ahead: Number of frames to come.
        hidden: Width of the hidden layers.
    """

    def __init__(
        self, channels: int, embedding: int, history: int, ahead: int, hidden: int = 256
    ) -> None:
        super().__init__()
        self.read = nn.Sequential(
            nn.Linear(channels + 6 + embedding + 4 * history + 3, hidden),
            nn.SiLU(),
            nn.Linear(hidden, hidden),
            nn.SiLU(),
            nn.Linear(hidden, 3 * ahead + 2),
        )
        last = self.read[-1]
        assert isinstance(last, nn.Linear)
        nn.init.normal_(last.weight, std=0.01)
        nn.init.zeros_(last.bias)

    def forward(
        self, levels: list[Tensor], seen: Tensor, said: Tensor, tracks: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Foretell.

        Args:
            levels: Features `[B, C, h, w]` each, of several coarsenesses.
            seen: `[B, P, H, W]`, 0 or more: how strongly a pixel shows each of P figures.
            said: `[B, P, embedding]`: what the sentence says of each.
            tracks: `[B, P, T, 4]`: where each was, as `Tracks` finds it.

        Returns:
            Centres `[B, P, 2]`, x and y in half widths and heights of the frame from its centre;
            and paths `[B, P, ahead, 3]`: how far from there, x and y in the same unit, and turned
            by how many radians clockwise, a figure is in every frame to come.
        """
        with torch.autocast(seen.device.type, enabled=False):
            height, width = seen.shape[-2:]
            total = seen.flatten(2).sum(2).clamp(min=1e-3)
            cells = positions(height, width, seen.device)
            centres = torch.einsum("bphw,hwc->bpc", seen, cells) / total[..., None]
            x, y = (cells - centres[:, :, None, None]).unbind(-1)
            moments = [(seen * product).sum((2, 3)) / total for product in (x * x, y * y, x * y)]
            size = torch.stack([moments[0], moments[1], 4 * moments[2], total / width], 2)
            size = torch.cat([(size[..., :2] + 1e-6).sqrt(), size[..., 2:].clamp(-5, 5)], 2)
            known = [centres, size, said.float(), self._way(tracks)]
            for features in levels:
                where = F.avg_pool2d(seen, height // features.shape[2]).flatten(2)
                where = where / where.sum(2, keepdim=True).clamp(min=1e-4)
                known.append(torch.einsum("bpn,bcn->bpc", where, features.float().flatten(2)))
            foretold = self.read(torch.cat(known, 2))
            paths = foretold[..., 2:].unflatten(2, (-1, 3)).cumsum(2)
            return centres + foretold[..., :2], paths * paths.new_tensor([0.25, 0.25, 1.0])

    @staticmethod
    def _way(tracks: Tensor) -> Tensor:
        """Tracks as ways to the newest frame, and how fast a figure went and turned on them.

        How fast it is says how far it will come, whatever its way: one circle after another.

        Returns:
            `[B, P, 4 T + 3]`.
        """
        there = tracks.ne(0).any(3, keepdim=True)
        places, turned = tracks.split(2, 3)
        ways = 4 * (places - places[:, :, -1:]) * there
        both = there[:, :, 1:] & there[:, :, :-1]
        speed = (places.diff(dim=2).square().sum(3, keepdim=True) + 1e-6).sqrt()
        (before_x, before_y), (x, y) = turned[:, :, :-1].split(1, 3), turned[:, :, 1:].split(1, 3)
        turns = torch.cat([x * before_x + y * before_y, y * before_x - x * before_y], 3)
        pace = (torch.cat([4 * speed, turns], 3) * both).sum(2) / both.sum(2).clamp(min=1)
        return torch.cat([ways.flatten(2), turned.flatten(2), pace], 2)


def carry(layers: Tensor, centres: Tensor, paths: Tensor, sharp: bool = False) -> Tensor:
    """Carry figures along their paths.

    Args:
        layers: `[B, P, K, C, H, W]` in [0, 1], pictures of every figure; where K is 1, one serves
            all frames to come.
        centres: `[B, P, 2]` and
        paths: `[B, P, K, 3]`, as `Paths` foretells them.
        sharp: Whether pixels are interpolated with cubic splines, which blur less than lines do,
            and take longer.

    Returns:
        `[B, P, K, C, H, W]` in [0, 1]; nothing comes in from beyond the frame.
    """
    channels, height, width = layers.shape[3:]
    figures, frames = paths.shape[0] * paths.shape[1], paths.shape[2]
    grid = _back(centres, paths, height, width)
    # where one layer serves all, the frames of a figure are one tall picture sampled from it
    shared = layers.shape[2] == 1
    sources = layers.flatten(0, 2)
    grid = grid.reshape(figures, -1, width, 2) if shared else grid.flatten(0, 2)
    mode = "bicubic" if sharp else "bilinear"
    moved = F.grid_sample(sources, grid, mode, padding_mode="zeros", align_corners=False)
    if sharp:
        moved = moved.clamp(0, 1)
    if shared:
        moved = moved.unflatten(2, (frames, height)).transpose(1, 2)
    return moved.reshape(*paths.shape[:3], channels, height, width)


def _back(centres: Tensor, paths: Tensor, height: int, width: int) -> Tensor:
    """Where every pixel of the frames to come was: `[B, P, K, H, W, 2]`, x and y from -1 to 1.

    A turn is the sum of a part for the column and one for the row, which is quicker than a product
    of matrices for every pixel.
    """
    right, down, turn = (path[..., None] for path in paths.unbind(-1))
    x, y = (centre[..., None, None] for centre in centres.unbind(-1))
    cos, sin = turn.cos(), turn.sin()
    cells = positions(height, width, paths.device)
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
