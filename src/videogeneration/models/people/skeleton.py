"""The keypoints of a person, what belongs together among them, and poses."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

KEYPOINTS = (
    "head",
    "nose",
    "neck",
    "pelvis",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
    "left_toe",
    "right_toe",
)
"""Names of the keypoints in the order of every tensor `[..., 16, 2]`: column and row."""

BODY = 2 * len(KEYPOINTS) + 2
"""Numbers of a body: keypoints from where it is, and the heading."""

HEAD, NECK, PELVIS = 0, 2, 3
ELBOWS, WRISTS = (6, 7), (8, 9)

TRUNK = (0, 2, 3, 4, 5)
"""Indices of the keypoints whose mean is where a body is, whatever arms and legs do."""

PAIRS = (
    ((4, 6, 8), (5, 7, 9)),
    ((10, 12, 14), (11, 13, 15)),
)
"""The chains of keypoints of the two arms and of the two legs.

A grey picture from the side does not say which of a pair is the left one: a pair is a set.
"""

LIMBS = (
    (2, 3),
    (2, 0),
    (0, 1),
    (2, 4),
    (2, 5),
    (4, 6),
    (5, 7),
    (6, 8),
    (7, 9),
    (3, 10),
    (3, 11),
    (10, 12),
    (11, 13),
    (12, 14),
    (13, 15),
)
"""Pairs of keypoints that a part of the body connects."""

RIGID = tuple(i for i, limb in enumerate(LIMBS) if limb not in ((0, 1), (2, 4), (2, 5)))
"""Indices of the limbs that carry what is around them: not those that are seen from their end."""


@cache
def _indices(values: tuple[int, ...], device: torch.device) -> Tensor:
    """Indices on a device; kept, for a GPU would wait for them each time."""
    return torch.tensor(values, device=device)


def constant(like: Tensor, *values: float) -> Tensor:
    """Numbers as a tensor of another one's type, filled in on its device: a GPU waits for none."""
    return torch.stack([like.new_full((), value) for value in values])


def chosen(values: Tensor, indices: Sequence[int], dim: int) -> Tensor:
    """Some of the places of a dimension, in the order of these indices."""
    return values.index_select(dim, _indices(tuple(indices), values.device))


def swapped(keypoints: Tensor, pair: int) -> Tensor:
    """Exchange the two chains of one pair.

    Args:
        keypoints: `[..., 16, D]`.
        pair: Index into `PAIRS`.
    """
    order = list(range(len(KEYPOINTS)))
    for first, second in zip(*PAIRS[pair], strict=True):
        order[first], order[second] = second, first
    return chosen(keypoints, order, -2)


def canonical(keypoints: Tensor) -> Tensor:
    """Put each pair into one order: the chain that is farther to the left of the picture first.

    Args:
        keypoints: `[..., 16, 2]`.

    Returns:
        The same shape; equal for inputs that differ by a swap of a pair.
    """
    for pair, (first, second) in enumerate(PAIRS):
        across = keypoints[..., 0]
        exchange = chosen(across, first, -1).sum(-1) > chosen(across, second, -1).sum(-1)
        keypoints = torch.where(exchange[..., None, None], swapped(keypoints, pair), keypoints)
    return keypoints


def assigned(keypoints: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Order the target's pairs so that they are nearest to what was read.

    Args:
        keypoints: `[..., 16, 2]`.
        target: `[..., 16, 2]`.
        weight: `[..., 16]`: how much a keypoint of the target counts, 0 for unknown ones.

    Returns:
        Target and weight together, `[..., 16, 3]`, each pair in the better of its two orders.
    """
    best = torch.cat([target, weight[..., None]], -1)
    for pair, chains in enumerate(PAIRS):
        members = [index for chain in chains for index in chain]
        other = swapped(best, pair)
        near, far = (
            (keypoints - option[..., :2]).square().sum(-1).sqrt() * option[..., 2]
            for option in (best, other)
        )
        exchange = chosen(far, members, -1).sum(-1) < chosen(near, members, -1).sum(-1)
        best = torch.where(exchange[..., None, None], other, best)
    return best


@dataclass(frozen=True)
class Poses:
    """What figures do in frames; the shapes start alike, mostly with `[B, T]`.

    Attributes:
        keypoints: `[..., 16, 2]`: columns and rows in pixels, also beyond the frame.
        scale: `[...]`: pixels of a body height.
        heading: `[..., 2]`: its cosine and sine; 0 is to the right, pi / 2 away.
    """

    keypoints: Tensor
    scale: Tensor
    heading: Tensor

    def last(self, valid: Tensor) -> "Poses":
        """The newest valid pose, `[B, 1, ...]`; the newest of all where none is."""
        steps = torch.arange(1, valid.shape[1] + 1, device=valid.device)
        index = torch.where(valid.any(1), (valid * steps).argmax(1), valid.shape[1] - 1)
        rows = torch.arange(len(valid), device=valid.device)
        return self.map(lambda x: x[rows, index][:, None])

    def then(self, *others: "Poses") -> "Poses":
        """All, one after the other."""
        tracks = [vars(track).values() for track in (self, *others)]
        return Poses(*(torch.cat(parts, 1) for parts in zip(*tracks, strict=True)))

    def frames(self, frames: slice) -> "Poses":
        """Some of the frames."""
        return self.map(lambda x: x[:, frames])

    def where(self, mask: Tensor, other: "Poses") -> "Poses":
        """The same where a mask is true, which has the shape of the scales; others elsewhere."""
        return Poses(
            torch.where(mask[..., None, None], self.keypoints, other.keypoints),
            torch.where(mask, self.scale, other.scale),
            torch.where(mask[..., None], self.heading, other.heading),
        )

    def not_tiny(self) -> "Poses":
        """The same, but no smaller than 8 pixels: what is read of nobody may be anything."""
        return Poses(self.keypoints, self.scale.clamp(min=8), self.heading)

    def map(self, change: Callable[[Tensor], Tensor]) -> "Poses":
        """The same change of each of the three."""
        return Poses(change(self.keypoints), change(self.scale), change(self.heading))
