"""Which movement each element of a scene's film makes.

Classical means, nothing learned. An element's picture is cut out of the first frame, which is real
and known. Each of the six movements leads along a closed path (`captions.movements.path`); a film
makes the movement if the element is found on the path at a phase that keeps advancing. How well it
is found is normalised correlation; the best course of the phase through the film is dynamic
programming in which the speed may vary from frame to frame, so a film that drifts is still read.
Two more hypotheses, standing still and being gone, keep a film that does nothing from being read as
one that does.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from videogeneration.captions import MOVEMENTS
from videogeneration.captions.movements import Place, Poses, largest_orbit, path
from videogeneration.vision.correlation import match_templates
from videogeneration.vision.dynamic_programming import best_path
from videogeneration.vision.foreground import INK, enclosing_circle
from videogeneration.vision.warp import crop

STILL = "still"
"""Name of the hypothesis that an element does not move."""

PHASES = 48
"""Steps of a turn: 7.5 degrees each."""

TOLERANCE = 2
"""Pixels that an element may be off its path."""

SPECK = 0.02
"""Parts that have less than this share of a scene's lit pixels belong to no element."""

APART = 0.8
"""Least distance of two elements' centres, as a share of their radii together."""

PIXEL_CUT = 10
"""What a cut through a pixel of ink counts, against circles' squared radii in pixels."""

FAINT = 0.1
"""A patch with less than this share of the contrast of an element's picture shows nothing."""

PERIOD = (6.0, 16.0)
"""Shortest and longest period that is read, in frames; wider than what clips are made with, since a
generated film may run too fast or too slow."""

LIKENESS = 0.4
"""Least mean correlation with the first frame's picture along the path, -1 to 1."""

LEAD = 0.04
"""By how much a movement must explain the film better than standing still and than every other
movement; a ghost on two paths at once follows neither."""

PRESENCE = 0.5
"""Least share of the first frame's contrast that must be there, from mid-film on."""


@dataclass(frozen=True)
class Reading:
    """What an element does in a film.

    Attributes:
        movement: One of `captions.MOVEMENTS`; None where it stands still, is gone or is unlike.
        presence: Contrast within the element's circle over the first frame's, the median from
            mid-film on.
        poses: Where it was found in each frame on the best course, arrays `[T]`.
    """

    movement: str | None
    presence: float
    poses: Poses


def read_scene(
    frames: np.ndarray,
    first_frame: np.ndarray,
    places: Sequence[Place],
) -> list[Reading]:
    """Read what each element of a film does.

    Args:
        frames: float `[T, S, S]` in [0, 1]: the film, at least four frames; it may start anywhere.
        first_frame: float `[S, S]` in [0, 1]: the clip's first frame, from which pictures are cut.
        places: Where the elements are in the first frame.

    Returns:
        A reading an element, in the order of `places`.

    Raises:
        ValueError: Frames are too few, not square or of another size than the first.
    """
    frames = np.ascontiguousarray(frames, np.float32)
    first_frame = np.ascontiguousarray(first_frame, np.float32)
    if frames.ndim != 3 or frames.shape[1:] != first_frame.shape or len(set(first_frame.shape)) > 1:
        raise ValueError(
            f"frames are {frames.shape} and the first frame {first_frame.shape}; "
            "expected [T, S, S] and [S, S]"
        )
    if len(frames) < 4:
        raise ValueError(f"{len(frames)} frames: a movement cannot be read from fewer than 4")
    return [_read(frames, first_frame, place) for place in places]


def find_places(frame: np.ndarray, count: int) -> list[Place]:
    """Where the elements of a scene are.

    Circles that do not overlap can be parted by a straight line: two elements, even where they
    touch, are told apart by the line that leaves the smallest circles on its two sides and cuts
    through the least ink.

    Args:
        frame: float `[S, S]` in [0, 1], light on black.
        count: Number of elements, 1 or 2.

    Returns:
        As many places, or fewer where fewer elements can be told apart.

    Raises:
        ValueError: Another number of elements.
    """
    if count not in (1, 2):
        raise ValueError(f"{count} elements: places are found for 1 or 2")
    ink = (frame > INK).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    kept = stats[:, cv2.CC_STAT_AREA] >= SPECK * ink.sum()
    points = np.argwhere(ink.astype(bool) & kept[labels])[:, ::-1].astype(np.int32)
    if not len(points):
        return []
    found = [_circle(points)] if count == 1 else _parted(points)
    # what has no room to move is no element
    return [place for place in found if largest_orbit(place.radius, len(frame)) > 0]


def _parted(points: np.ndarray) -> list[Place]:
    """The two circles beside the best of all straight lines; none where even these overlap."""
    best, least = list[Place](), np.inf
    for turn in np.arange(0, np.pi, np.pi / 18):
        along = points @ np.array([np.cos(turn), np.sin(turn)])
        for line in np.arange(along.min() + 2, along.max() - 1, 2):
            one, other = _circle(points[along < line]), _circle(points[along >= line])
            cut = np.count_nonzero(np.abs(along - line) < 1)
            cost = one.radius**2 + other.radius**2 + PIXEL_CUT * cut
            if cost < least:
                best, least = [one, other], cost
    if not best:
        return []
    one, other = best
    apart = np.hypot(one.x - other.x, one.y - other.y)
    return best if apart >= APART * (one.radius + other.radius) else []


def _circle(points: np.ndarray) -> Place:
    return Place(*enclosing_circle(points))


def _read(frames: np.ndarray, first_frame: np.ndarray, place: Place) -> Reading:
    size = len(first_frame)
    phase = np.arange(PHASES) / PHASES
    template = _Template.cut(first_frame, place)
    upright = template.map(frames)
    turned = template.turned(frames, phase)
    courses = {}
    for movement in MOVEMENTS:
        loop = path(movement, phase, place, size)
        if movement.startswith("spin"):
            # the phase of a counterclockwise rotation runs the other way round
            match = turned if movement == "spin_clockwise" else turned[:, -np.arange(PHASES)]
        else:
            match = _look_up(upright, loop)
        courses[movement] = _best_course(loop, match)
    rest = path("spin_clockwise", np.zeros(len(frames)), place, size)
    still = _look_up(upright, path("spin_clockwise", np.zeros(1), place, size))
    courses[STILL] = float(still.mean()), rest
    scores = {name: score for name, (score, _) in courses.items()}
    best, second = sorted(scores, key=scores.__getitem__, reverse=True)[:2]
    poses = template.refine(frames, courses[best][1])
    presence = _presence(frames, first_frame, place, poses)
    moves = (
        best != STILL
        and scores[best] >= LIKENESS
        and scores[best] >= scores[second] + LEAD
        and presence >= PRESENCE
    )
    return Reading(best if moves else None, presence, poses)


@dataclass(frozen=True)
class _Template:
    """An element's picture at every angle, for normalised correlation within its circle.

    Attributes:
        first_frame: float32 `[S, S]`: where it is cut from.
        place: Where it is there.
        mask: bool `[k, k]`: the circle.
        min_norm: Norm below which a patch counts as faint.
    """

    first_frame: np.ndarray
    place: Place
    mask: np.ndarray
    min_norm: float

    @classmethod
    def cut(cls, first_frame: np.ndarray, place: Place) -> "_Template":
        mask = _disc(place.radius, place.radius + 0.75)
        picture = crop(first_frame, place.x, place.y, 0.0, len(mask))[mask]
        norm = float(np.linalg.norm(picture - picture.mean()))
        return cls(first_frame, place, mask, max(FAINT * norm, 1e-3))

    def match(self, image: np.ndarray, angles: Sequence[float] = (0.0,)) -> np.ndarray:
        """Correlation with the picture turned clockwise by angles in turns, wherever it fits in.

        Returns:
            float32 `[A, H - k + 1, W - k + 1]`, -1 to 1.
        """
        x, y, side = self.place.x, self.place.y, len(self.mask)
        turned = np.stack([crop(self.first_frame, x, y, angle, side) for angle in angles])
        return match_templates(image, turned, self.mask, self.min_norm)

    def map(self, frames: np.ndarray) -> np.ndarray:
        """Correlation of the upright picture at every position, best within the tolerance.

        Returns:
            float32 `[T, S, S]`, -1 to 1; 0 where the circle would leave the frame.
        """
        half = len(self.mask) // 2
        near = np.ones((2 * TOLERANCE + 1,) * 2, np.uint8)
        maps = np.zeros_like(frames)
        # the template is a rim larger than the circle, which may touch the frame's border
        rim = (TOLERANCE,) * 4
        inside = slice(half - TOLERANCE, frames.shape[1] - half + TOLERANCE)
        for frame, out in zip(frames, maps, strict=True):
            wide = cv2.copyMakeBorder(frame, *rim, cv2.BORDER_CONSTANT, value=0)
            out[inside, inside] = cv2.dilate(self.match(wide)[0], near)
        return maps

    def refine(self, frames: np.ndarray, poses: Poses) -> Poses:
        """Move each pose to where the element is found best nearby; angles stay as they are."""
        margin = TOLERANCE + 1
        side = len(self.mask) + 2 * margin
        x, y = poses.x.copy(), poses.y.copy()
        for t, frame in enumerate(frames):
            match = self.match(crop(frame, x[t], y[t], -poses.angle[t], side))[0]
            row, column = np.unravel_index(match.argmax(), match.shape)
            dx, dy = column - margin, row - margin
            turn = 2 * np.pi * poses.angle[t]
            x[t] += np.cos(turn) * dx - np.sin(turn) * dy
            y[t] += np.sin(turn) * dx + np.cos(turn) * dy
        return Poses(x, y, poses.angle)

    def turned(self, frames: np.ndarray, angles: np.ndarray) -> np.ndarray:
        """Correlation with the picture at each angle in its place, best within the tolerance.

        Args:
            frames: float32 `[T, S, S]`.
            angles: `[A]`, turns clockwise.

        Returns:
            float32 `[T, A]`.
        """
        side = len(self.mask) + 2 * TOLERANCE
        around = [crop(frame, self.place.x, self.place.y, 0.0, side) for frame in frames]
        return np.stack([self.match(image, angles.tolist()).max(axis=(1, 2)) for image in around])


def _look_up(maps: np.ndarray, loop: Poses) -> np.ndarray:
    """Correlation `[T, P]` at the positions of a path, from maps `[T, S, S]`."""
    last = maps.shape[1] - 1
    x = np.clip(np.rint(loop.x), 0, last).astype(int)
    y = np.clip(np.rint(loop.y), 0, last).astype(int)
    return maps[:, y, x]


def _best_course(loop: Poses, match: np.ndarray) -> tuple[float, Poses]:
    """The course of greatest mean correlation with an ever advancing phase.

    Args:
        loop: A path, arrays `[PHASES]`.
        match: The correlation `[T, PHASES]` at its phases.

    Returns:
        The mean correlation, and the poses that the course passes.
    """
    slowest = int(np.floor(PHASES / PERIOD[1]))
    fastest = int(np.ceil(PHASES / PERIOD[0]))
    # from phase to phase, round and round
    steps = np.arange(slowest, fastest + 1)[:, None]
    total, phase = best_path(match, (np.arange(PHASES) - steps) % PHASES)
    return total / len(match), Poses(loop.x[phase], loop.y[phase], loop.angle[phase])


def _presence(frames: np.ndarray, first_frame: np.ndarray, place: Place, poses: Poses) -> float:
    """Contrast in the element's circle along a course over the first frame's."""
    disc = _disc(place.radius, place.radius + 1)
    there = float(crop(first_frame, place.x, place.y, 0.0, len(disc))[disc].sum())
    late = range(len(frames) // 2, len(frames))
    seen = [crop(frames[t], poses.x[t], poses.y[t], 0.0, len(disc))[disc].sum() for t in late]
    return float(np.median(seen)) / max(there, 1e-6)


def _disc(radius: float, reach_out: float) -> np.ndarray:
    """A disc of radius `reach_out`, bool `[k, k]`; k is odd and depends on `radius` alone."""
    half = int(np.ceil(radius)) + 1
    grid = np.arange(-half, half + 1)
    return np.hypot(grid[:, None], grid[None]) <= reach_out
