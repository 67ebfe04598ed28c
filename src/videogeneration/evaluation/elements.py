"""Which movement each element of a scene's film makes, and which element it is.

Classical means, nothing learned. An element's picture is cut out of the first frame, which is real
and known. Each of the six movements leads along a closed path (`paths.path`); a film makes the
movement if the element is found on the path at a phase that keeps advancing. How well it is found
is normalised correlation; the best course of the phase through the film is dynamic programming
(Viterbi) in which the speed may vary from frame to frame, so a film that drifts is still read. Two
more hypotheses, standing still and being gone, keep a film that does nothing from being read as one
that does.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from videogeneration.captions import MOVEMENTS
from videogeneration.captions.movements import Place, Poses, largest_orbit, path, reach

STILL = "still"
"""Name of the hypothesis that an element does not move."""

PHASES = 48
"""Steps of a turn: 7.5 degrees each."""

TOLERANCE = 2
"""Pixels that an element may be off its path."""

PATCH = 28
"""Side in pixels of an element's picture for naming."""

INK = 0.125
"""Least light of a pixel that belongs to an element, in [0, 1]."""

SPECK = 0.02
"""Parts that have less than this share of a scene's lit pixels belong to no element."""

APART = 0.8
"""Least distance of two elements' centres, as a share of their radii together."""

PIXEL_CUT = 10
"""What a cut through a pixel of ink counts, against circles' squared radii in pixels."""

BLURS = (1.2, 2.4)
"""Blurs, as a Gaussian's sigma in pixels, under which pictures are recognised too."""


@dataclass(frozen=True)
class ReaderSettings:
    """What counts as a movement.

    Attributes:
        period: Shortest and longest period that is read, in frames; wider than what clips are made
            with, since a generated film may run too fast or too slow.
        likeness: Least mean correlation with the first frame's picture along the path, -1 to 1.
        lead: By how much a movement must explain the film better than standing still and than every
        other movement; a ghost on two paths at once follows neither.
        presence: Least share of the first frame's contrast that must be there, from mid-film on.
        free_centre: Circles may go round any point, not only the picture's centre.
    """

    period: tuple[float, float] = (6.0, 16.0)
    likeness: float = 0.4
    lead: float = 0.04
    presence: float = 0.5
    free_centre: bool = False

    def __post_init__(self) -> None:
        low, high = self.period
        if not 3 <= low <= high <= PHASES:
            raise ValueError(f"period={self.period}: give [shortest, longest] within 3 to {PHASES}")


@dataclass(frozen=True)
class Reading:
    """What an element does in a film.

    Attributes:
        movement: One of `captions.MOVEMENTS`; None where it stands still, is gone or is unlike.
        scores: Mean correlation along the best course of each movement, and of `still`.
        presence: Contrast within the element's circle over the first frame's, the median from
            mid-film on.
        poses: Where it was found in each frame on the best course, arrays `[T]`.
        picture: float32 `[PATCH, PATCH]`: what it looks like from mid-film on, turned back upright
            and centred, its circle filling the square; for `Gallery.name`.
    """

    movement: str | None
    scores: dict[str, float]
    presence: float
    poses: Poses
    picture: np.ndarray


def read_scene(
    frames: np.ndarray,
    first_frame: np.ndarray,
    places: Sequence[Place],
    settings: ReaderSettings | None = None,
) -> list[Reading]:
    """Read what each element of a film does.

    Args:
        frames: float `[T, S, S]` in [0, 1]: the film, at least four frames; it may start anywhere.
        first_frame: float `[S, S]` in [0, 1]: the clip's first frame, from which pictures are cut.
        places: Where the elements are in the first frame.
        settings: What counts as a movement.

    Returns:
        A reading an element, in the order of `places`.

    Raises:
        ValueError: Frames are too few, not square or of another size than the first.
    """
    settings = settings or ReaderSettings()
    frames = np.ascontiguousarray(frames, np.float32)
    first_frame = np.ascontiguousarray(first_frame, np.float32)
    if frames.ndim != 3 or frames.shape[1:] != first_frame.shape or len(set(first_frame.shape)) > 1:
        raise ValueError(
            f"frames are {frames.shape} and the first frame {first_frame.shape}; "
            "expected [T, S, S] and [S, S]"
        )
    if len(frames) < 4:
        raise ValueError(f"{len(frames)} frames: a movement cannot be read from fewer than 4")
    return [_read(frames, first_frame, place, settings) for place in places]


def movement_followed(
    frames: np.ndarray,
    first_frame: np.ndarray,
    places: Sequence[Place],
    movements: Sequence[str],
    settings: ReaderSettings | None = None,
) -> list[bool]:
    """Whether each element makes the movement that was asked of it and is still there.

    What is asked need not be what the clip shows: the same first frame serves every question.

    Args:
        frames: float `[T, S, S]` in [0, 1]: the film.
        first_frame: float `[S, S]` in [0, 1].
        places: Where the elements are in the first frame.
        movements: What was asked of each, in the same order.
        settings: What counts as a movement.
    """
    readings = read_scene(frames, first_frame, places, settings)
    return [reading.movement == asked for reading, asked in zip(readings, movements, strict=True)]


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
    """The smallest circle around pixels, int32 `[N, 2]` columns and rows."""
    (x, y), radius = cv2.minEnclosingCircle(cv2.convexHull(points))
    return Place(x, y, radius + 0.5)  # to the outer edge of the outermost pixels


@dataclass(frozen=True)
class _Course:
    """A way through the film: its mean correlation, and the poses it passes."""

    score: float
    poses: Poses


def _read(
    frames: np.ndarray, first_frame: np.ndarray, place: Place, settings: ReaderSettings
) -> Reading:
    size = len(first_frame)
    phase = np.arange(PHASES) / PHASES
    template = _Template.cut(first_frame, place)
    upright = template.map(frames)
    turned = template.turned(frames, phase)
    courses = {}
    for movement in MOVEMENTS:
        if movement.startswith("spin"):
            # the phase of a counterclockwise rotation runs the other way round
            match = turned if movement == "spin_clockwise" else turned[:, -np.arange(PHASES)]
            options = [(path(movement, phase, place, size), match)]
        else:
            centres: list[tuple[float, float] | None] = [None]
            if settings.free_centre and movement.startswith("circle"):
                centres += _centres(place, size)
            loops = [path(movement, phase, place, size, centre) for centre in centres]
            options = [(loop, _look_up(upright, loop)) for loop in loops]
        courses[movement] = _best_course(options, settings)
    rest = path("spin_clockwise", np.zeros(len(frames)), place, size)
    still = _look_up(upright, path("spin_clockwise", np.zeros(1), place, size))
    courses[STILL] = _Course(float(still.mean()), rest)
    best, second = sorted(courses, key=lambda name: courses[name].score, reverse=True)[:2]
    poses = template.refine(frames, courses[best].poses)
    presence = _presence(frames, first_frame, place, poses)
    moves = (
        best != STILL
        and courses[best].score >= settings.likeness
        and courses[best].score >= courses[second].score + settings.lead
        and presence >= settings.presence
    )
    return Reading(
        movement=best if moves else None,
        scores={name: course.score for name, course in courses.items()},
        presence=presence,
        poses=poses,
        picture=_picture(frames, place, poses),
    )


@dataclass(frozen=True)
class _Template:
    """An element's picture at every angle, for normalised correlation within its circle.

    Attributes:
        first_frame: float32 `[S, S]`: where it is cut from.
        place: Where it is there.
        mask: bool `[k, k]`: the circle.
        floor: Norm below which a patch counts as faint: a tenth of the picture's own.
    """

    first_frame: np.ndarray
    place: Place
    mask: np.ndarray
    floor: float

    @classmethod
    def cut(cls, first_frame: np.ndarray, place: Place) -> "_Template":
        mask = _disc(place.radius, place.radius + 0.75)
        picture = cut_out(first_frame, place.x, place.y, 0.0, len(mask))[mask]
        floor = 0.1 * float(np.linalg.norm(picture - picture.mean()))
        return cls(first_frame, place, mask, max(floor, 1e-3))

    def at(self, angle: float) -> np.ndarray:
        """The picture turned clockwise by an angle in turns, unit norm, zero mean, `[k, k]`."""
        side = len(self.mask)
        picture = cut_out(self.first_frame, self.place.x, self.place.y, angle, side)
        picture = np.where(self.mask, picture, 0)
        picture = np.where(self.mask, picture - picture.sum() / self.mask.sum(), 0)
        return (picture / max(float(np.linalg.norm(picture)), 1e-6)).astype(np.float32)

    def map(self, frames: np.ndarray) -> np.ndarray:
        """Correlation of the upright picture at every position, best within the tolerance.

        Returns:
            float32 `[T, S, S]`, -1 to 1; 0 where the circle would leave the frame.
        """
        half = len(self.mask) // 2
        picture = self.at(0.0)
        near = np.ones((2 * TOLERANCE + 1,) * 2, np.uint8)
        maps = np.zeros_like(frames)
        # the template is a rim larger than the circle, which may touch the frame's border
        rim = (TOLERANCE,) * 4
        inside = slice(half - TOLERANCE, frames.shape[1] - half + TOLERANCE)
        for frame, out in zip(frames, maps, strict=True):
            wide = cv2.copyMakeBorder(frame, *rim, cv2.BORDER_CONSTANT, value=0)
            out[inside, inside] = cv2.dilate(self._correlate(wide, picture), near)
        return maps

    def _correlate(self, image: np.ndarray, picture: np.ndarray) -> np.ndarray:
        """Normalised correlation within the circle at every place where it fits in the image."""
        mask = self.mask.astype(np.float32)
        total = cv2.matchTemplate(image, mask, cv2.TM_CCORR)
        square = cv2.matchTemplate(image * image, mask, cv2.TM_CCORR)
        match = cv2.matchTemplate(image, picture, cv2.TM_CCORR)
        spread = np.sqrt(np.maximum(square - total * total / self.mask.sum(), 0))
        return match / np.maximum(spread, self.floor)

    def refine(self, frames: np.ndarray, poses: Poses) -> Poses:
        """Move each pose to where the element is found best nearby; angles stay as they are."""
        margin = TOLERANCE + 1
        side = len(self.mask) + 2 * margin
        picture = self.at(0.0)
        x, y = poses.x.copy(), poses.y.copy()
        for t, frame in enumerate(frames):
            upright = cut_out(frame, x[t], y[t], -poses.angle[t], side)
            match = self._correlate(upright, picture)
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
        side = len(self.mask)
        pictures = np.array([self.at(float(angle))[self.mask] for angle in angles])
        wide = side + 2 * TOLERANCE
        around = [cut_out(frame, self.place.x, self.place.y, 0.0, wide) for frame in frames]
        shifted = np.lib.stride_tricks.sliding_window_view(around, (side, side), axis=(1, 2))
        patches = shifted[..., self.mask].reshape(len(frames), -1, int(self.mask.sum()))
        patches = patches - patches.mean(axis=-1, keepdims=True)
        spread = np.maximum(np.linalg.norm(patches, axis=-1, keepdims=True), self.floor)
        return ((patches / spread) @ pictures.T).max(axis=1)


def cut_out(frame: np.ndarray, x: float, y: float, angle: float, side: int) -> np.ndarray:
    """What lies around a point, turned clockwise, float32 `[side, side]`; black beyond the frame.

    Args:
        frame: float32 `[H, W]`.
        x: Column of the point in pixels.
        y: Row of the point in pixels.
        angle: Turns clockwise by which the picture is turned.
        side: Side of the square to cut, odd.
    """
    cos, sin = np.cos(2 * np.pi * angle), np.sin(2 * np.pi * angle)
    half = side // 2
    matrix = np.array(
        [[cos, sin, x - cos * half - sin * half], [-sin, cos, y + sin * half - cos * half]]
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(frame, matrix, (side, side), flags=flags)


def _look_up(maps: np.ndarray, loop: Poses) -> np.ndarray:
    """Correlation `[T, P]` at the positions of a path, from maps `[T, S, S]`."""
    last = maps.shape[1] - 1
    x = np.clip(np.rint(loop.x), 0, last).astype(int)
    y = np.clip(np.rint(loop.y), 0, last).astype(int)
    return maps[:, y, x]


def _centres(place: Place, size: int) -> list[tuple[float, float]]:
    """Centres of circles through a place that stay in the picture, on a grid of two pixels."""
    low, high = reach(place.radius, size)
    steps = np.arange(low, high, 2.0)
    x, y = (grid.ravel() for grid in np.meshgrid(steps, steps))
    distance = np.hypot(place.x - x, place.y - y)
    room = np.minimum(np.minimum(x - low, high - x), np.minimum(y - low, high - y))
    inside = (distance <= room + 1) & (distance > 2 * TOLERANCE)
    return list(zip(x[inside].tolist(), y[inside].tolist(), strict=True))


def _best_course(options: Sequence[tuple[Poses, np.ndarray]], settings: ReaderSettings) -> _Course:
    """The course of greatest mean correlation with an ever advancing phase.

    Args:
        options: Paths, each with the correlation `[T, PHASES]` at its phases.
        settings: Gives the range of the speed.
    """
    match = np.array([match for _, match in options])  # [O, T, P]
    slowest = int(np.floor(PHASES / settings.period[1]))
    fastest = int(np.ceil(PHASES / settings.period[0]))
    steps = np.arange(slowest, fastest + 1)
    before = (np.arange(PHASES)[None] - steps[:, None]) % PHASES  # [steps, P]
    total = match[:, 0]
    chosen = []
    for now in match.transpose(1, 0, 2)[1:]:
        reached = total[:, before]  # [O, steps, P]
        step = reached.argmax(axis=1)
        chosen.append(step)
        total = np.take_along_axis(reached, step[:, None], axis=1)[:, 0] + now
    option, phase = np.unravel_index(total.argmax(), total.shape)
    score = float(total[option, phase]) / match.shape[1]
    course = [int(phase)]
    for step in reversed(chosen):
        course.append(int(before[step[option, course[-1]], course[-1]]))
    course.reverse()
    loop = options[int(option)][0]
    return _Course(score, Poses(loop.x[course], loop.y[course], loop.angle[course]))


def _presence(frames: np.ndarray, first_frame: np.ndarray, place: Place, poses: Poses) -> float:
    """Contrast in the element's circle along a course over the first frame's."""
    disc = _disc(place.radius, place.radius + 1)
    there = float(cut_out(first_frame, place.x, place.y, 0.0, len(disc))[disc].sum())
    late = range(len(frames) // 2, len(frames))
    seen = [cut_out(frames[t], poses.x[t], poses.y[t], 0.0, len(disc))[disc].sum() for t in late]
    return float(np.median(seen)) / max(there, 1e-6)


def _disc(radius: float, reach_out: float) -> np.ndarray:
    """A disc of radius `reach_out`, bool `[k, k]`; k is odd and depends on `radius` alone."""
    half = int(np.ceil(radius)) + 1
    grid = np.arange(-half, half + 1)
    return np.hypot(grid[:, None], grid[None]) <= reach_out


def _picture(frames: np.ndarray, place: Place, poses: Poses) -> np.ndarray:
    """The element's median look from mid-film on, `[PATCH, PATCH]`."""
    late = range(len(frames) // 2, len(frames))
    looks = [
        _normal_view(frames[t], poses.x[t], poses.y[t], -poses.angle[t], place.radius) for t in late
    ]
    # the median forgets another element that passes by
    return np.median(looks, axis=0).astype(np.float32)


def _normal_view(image: np.ndarray, x: float, y: float, angle: float, radius: float) -> np.ndarray:
    """A circle of an image turned clockwise and scaled to fill `[PATCH, PATCH]`."""
    scale = radius / (PATCH / 2 - 1)
    cos, sin = scale * np.cos(2 * np.pi * angle), scale * np.sin(2 * np.pi * angle)
    middle = (PATCH - 1) / 2
    matrix = np.array([[cos, sin, x - (cos + sin) * middle], [-sin, cos, y + (sin - cos) * middle]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(image, matrix, (PATCH, PATCH), flags=flags)


class Gallery:
    """Pictures of the known elements, to name what is seen in a film.

    The name is that of the most similar picture: normalised correlation, best over small turns and
    shifts, or over all turns where elements may start at any angle. Each known picture is there
    sharp and blurred, for films that are blurred.

    Args:
        elements: Names of the elements.
        images: uint8 `[N, h, w]`.
        labels: int `[N]`: place in `elements` of what an image shows.
        circles: `[N, 3]`: centre x, y and radius of what encloses it, in pixels.
        samples: How many images of an element are kept at the most.
        any_angle: Compare at every angle.
    """

    def __init__(
        self,
        elements: Sequence[str],
        images: np.ndarray,
        labels: np.ndarray,
        circles: np.ndarray,
        samples: int = 300,
        any_angle: bool = False,
    ) -> None:
        self.elements = tuple(elements)
        kept = np.concatenate(
            [np.flatnonzero(labels == label)[:samples] for label in range(len(self.elements))]
        )
        views = [_gallery_view(images[i], *circles[i]) for i in kept]
        blurred = [cv2.GaussianBlur(view, (0, 0), sigma) for sigma in BLURS for view in views]
        self._labels = np.tile(labels[kept], 1 + len(BLURS))
        self._views = _unit(np.array(views + blurred).reshape(len(self._labels), -1))
        turns = np.arange(36) / 36 if any_angle else np.array([-10.0, 0.0, 10.0]) / 360
        self._poses = [(dx, dy, a) for a in turns for dx in (-1, 0, 1) for dy in (-1, 0, 1)]

    def name(self, picture: np.ndarray) -> tuple[str, float]:
        """The most similar element and its correlation, -1 to 1.

        Args:
            picture: float32 `[PATCH, PATCH]`: a `Reading.picture`.
        """
        middle, radius = (PATCH - 1) / 2, PATCH / 2 - 1
        seen = [
            _normal_view(picture, middle + dx, middle + dy, angle, radius).ravel()
            for dx, dy, angle in self._poses
        ]
        match = (self._views @ _unit(np.array(seen)).T).max(axis=1)
        best = int(match.argmax())
        return self.elements[self._labels[best]], float(match[best])


def _gallery_view(image: np.ndarray, x: float, y: float, radius: float) -> np.ndarray:
    """A known picture in the form of `Reading.picture`, averaged where it has to shrink."""
    width = 2 * round((radius / (PATCH / 2) - 1) / 2) + 1
    smooth = cv2.blur(image, (width, width)) if width > 1 else image
    return _normal_view(smooth.astype(np.float32), x, y, 0.0, radius)


def _unit(rows: np.ndarray) -> np.ndarray:
    """Rows of zero mean and unit norm; a row without contrast becomes zero."""
    rows = rows - rows.mean(axis=1, keepdims=True)
    norm = np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows / np.maximum(norm, 1e-6)).astype(np.float32)
