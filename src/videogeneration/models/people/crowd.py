"""Who is in a picture: how many people there are, the largest of them alone, all of them or not."""

import torch
import torch.nn.functional as F
from torch import Tensor

from videogeneration.models.people.background import fill

COUNTS = 0.35
"""Area of a part of the silhouette, as a share of the largest part's, from which it is a person."""

TOUCHES = 4
"""Pixels of an edge that a silhouette covers from which on it is cut off there."""

AROUND = 4
"""Pixels around others that go with them."""


def largest(silhouette: Tensor) -> tuple[Tensor, Tensor]:
    """The largest connected part of silhouettes, and how many parts may be people.

    Args:
        silhouette: bool `[N, H, W]`.

    Returns:
        bool `[N, H, W]` and whole numbers `[N]`, 0 where nobody is.
    """
    # at half the size: the highest pixel number spreads over each connected part
    mask = F.max_pool2d(silhouette.float(), 2)
    number = mask * torch.arange(1.0, mask[0].numel() + 1, device=mask.device).view_as(mask[0])
    while True:
        wider = mask * F.max_pool2d(number[:, None], 3, 1, 1)[:, 0]
        if torch.equal(wider, number):
            break
        number = wider
    number = F.interpolate(number[:, None], silhouette.shape[1:])[:, 0] * silhouette
    chosen, counts = [], []
    for each in number:
        names, areas = each[each > 0].unique(return_counts=True)
        most = areas.max() if len(areas) else 0
        counts.append(int((areas >= COUNTS * most).sum()))
        chosen.append(each == names[areas.argmax()] if len(areas) else each > 0)
    return torch.stack(chosen), torch.tensor(counts)


def touches_edge(silhouette: Tensor, area: tuple[slice, slice]) -> Tensor:
    """Whether silhouettes reach an edge of the picture, bool `[N]`.

    Args:
        silhouette: bool `[N, H, W]`.
        area: Rows and columns that are the picture.
    """
    picture = silhouette[:, area[0], area[1]]
    edges = (picture[:, 0], picture[:, -1], picture[:, :, 0], picture[:, :, -1])
    return torch.stack([edge.sum(-1) >= TOUCHES for edge in edges]).any(0)


def others(silhouette: Tensor, chosen: Tensor) -> Tensor:
    """Where other people are, and what is close around them, `[N, H, W]` 0 or 1.

    Args:
        silhouette: bool `[N, H, W]`: everybody.
        chosen: bool `[N, H, W]`: who does not count.
    """
    rest = (silhouette & ~chosen).float()[:, None]
    return F.max_pool2d(rest, 2 * AROUND + 1, 1, AROUND)[:, 0] * ~chosen


def without(frames: Tensor, mask: Tensor) -> Tensor:
    """Frames in which what is behind a mask is filled in.

    Args:
        frames: `[N, H, W]` in [0, 1].
        mask: `[N, H, W]`, 0 or 1.
    """
    return fill(frames[:, None], 1 - mask[:, None])[:, 0]
