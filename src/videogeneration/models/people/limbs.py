"""What of a picture is near which limb of a body."""

import torch
from torch import Tensor

from videogeneration.models.people.skeleton import (
    ELBOWS,
    LIMBS,
    RIGID,
    WRISTS,
    chosen,
    constant,
)

HAND = 0.3
"""How far a hand reaches beyond its wrist, as a share of the forearm."""

PARTS = (
    ((0, 1, 0.05), (2, 0, 0.03), (8, 16, 0.026), (9, 17, 0.026)),
    (
        *((2, 3, 0.09), (2, 4, 0.04), (2, 5, 0.04)),
        *((4, 6, 0.035), (5, 7, 0.035), (6, 8, 0.03), (7, 9, 0.03)),
    ),
    ((3, 10, 0.06), (3, 11, 0.06), (10, 12, 0.045), (11, 13, 0.045)),
    ((12, 14, 0.025), (13, 15, 0.025)),
)
"""What is of one colour, limb by limb: skin, top, trousers, shoes. A limb's two keypoints, hands
being 16 and 17, and about how thick it is, in body heights."""


def nearness(cells: Tensor, body: Tensor, width: float = 0.03) -> Tensor:
    """Limbs drawn as soft lines, `[N, limbs, h, w]` in [0, 1].

    Args:
        cells: `[h, w, 2]` in body heights.
        body: `[N, 16, 2]` in body heights.
        width: Of the lines, in body heights.
    """
    return (-_distance(cells, *_limbs(body)) / (2 * width**2)).exp()


def skinning(cells: Tensor, target: Tensor, sources: Tensor, radius: Tensor) -> Tensor:
    """Where the cells of a body in its wanted pose were in given ones: linear blend skinning.

    Args:
        cells: `[h, w, 2]` in body heights.
        target: `[B, 16, 2]`.
        sources: `[B, D, 16, 2]`.
        radius: Of the rigid limbs, in body heights.

    Returns:
        `[B, D, h, w, 2]` in body heights.
    """
    limbs = _limbs(target)
    along_x, along_y, away_x, away_y = (chosen(x, RIGID, 1) for x in _offsets(cells, *limbs))
    square = along_x.square() + along_y.square() + 1e-4
    straight = (away_x * along_x + away_y * along_y) / square.clamp(min=2.5e-3)
    across = (away_y * along_x - away_x * along_y) / square.sqrt()
    distance = chosen(_distance(cells, *limbs), RIGID, 1)
    weight = (-distance / radius[:, None, None].square()).softmax(1)
    share = torch.cat([weight, weight * straight, weight * across], 1)
    # a limb's place is linear in these: start + straight * along + across * normal
    start, end = (chosen(joint, RIGID, -2) for joint in _limbs(sources))
    along = end - start
    length = along.square().sum(-1, keepdim=True).add(1e-4).sqrt()
    normal = torch.stack([-along[..., 1], along[..., 0]], -1) / length
    basis = torch.cat([start, along, normal], 2)
    return torch.einsum("bkhw,bdkc->bdhwc", share, basis)


def parts(keypoints: Tensor, size: tuple[int, int] | torch.Size) -> Tensor:
    """Which of the `PARTS` of a body is nearest to each pixel, for its thickness.

    Args:
        keypoints: `[N, 16, 2]` in pixels.
        size: Height and width of the frames that they are in.

    Returns:
        `[N, H, W]`: indices of parts.
    """
    elbows, wrists = chosen(keypoints, ELBOWS, -2), chosen(keypoints, WRISTS, -2)
    joints = torch.cat([keypoints, wrists + HAND * (wrists - elbows)], -2)
    y, x = (torch.arange(side, device=joints.device) for side in size)
    cells = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)
    nearest = []
    for limbs in PARTS:
        first, second, thickness = zip(*limbs, strict=True)
        distance = _distance(cells, chosen(joints, first, -2), chosen(joints, second, -2))
        distance = distance / constant(joints, *thickness).square()[:, None, None]
        nearest.append(distance.amin(1))
    return torch.stack(nearest, 1).argmin(1)


def _limbs(body: Tensor) -> tuple[Tensor, Tensor]:
    """Starts and ends of limbs, `[N, limbs, 2]` each."""
    first, second = zip(*LIMBS, strict=True)
    return chosen(body, first, -2), chosen(body, second, -2)


def _offsets(cells: Tensor, start: Tensor, end: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Limbs as vectors and cells as seen from their starts.

    Returns:
        The limbs' two components `[N, limbs, 1, 1]`, and the cells' `[N, limbs, 1, w]` and
        `[N, limbs, h, 1]`: components apart are many times as fast as pairs of numbers.
    """
    along_x, along_y = (end - start)[..., None, None].unbind(2)
    away_x = cells[0, :, 0] - start[..., 0, None, None]
    away_y = cells[:, :1, 1] - start[..., 1, None, None]
    return along_x, along_y, away_x, away_y


def _distance(cells: Tensor, start: Tensor, end: Tensor) -> Tensor:
    """Squared distances `[N, limbs, h, w]` of cells from limbs."""
    along_x, along_y, away_x, away_y = _offsets(cells, start, end)
    share = away_x * along_x + away_y * along_y
    share = (share / (along_x.square() + along_y.square()).clamp(min=1e-4)).clamp(0, 1)
    return (away_x - share * along_x).square() + (away_y - share * along_y).square()
