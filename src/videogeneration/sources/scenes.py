"""Scenes: one or two elements on black, each making one of six movements, and their sentence."""

import math
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

import cv2
import numpy as np

from videogeneration.captions import MOVEMENTS, SceneGrammar
from videogeneration.captions.movements import Place, Poses, largest_orbit, path, reach
from videogeneration.data.clips import SPLITS, ClipWriter
from videogeneration.sources.sprites import Sprites, check_name

HELD_OUT = "held_out"
"""Key of `counts` for clips that show a pair held out of training; they are in split `test`."""

OVERSAMPLING = 4
"""Pixels of a sprite's source picture to one pixel of a frame."""

RIM = 2
"""Pixels around the canvas while painting: an element's box may be that much wider than it is."""

PLACES_TRIED = 24
"""Places drawn before one that does not suit is settled otherwise."""


@dataclass(frozen=True)
class SceneSettings:
    """How scenes look and move.

    With the last three at False, one frame and its sentence leave only the period open.

    Attributes:
        canvas: Side of the square frames in pixels.
        frames: Frames a clip.
        period: Shortest and longest time of a whole turn, or of the way there and back, in frames.
        size: Smallest and largest diameter of an element's enclosing circle, in pixels.
        two_elements: Share of clips with two elements, 0 to 1.
        movements: Which of `captions.MOVEMENTS` there are.
        orbit: Smallest distance from the picture's centre at which an element starts, in pixels:
            from there on a circle round the centre can be told from standing still.
        held_out: (element, movement) pairs that only clips of `counts["held_out"]` show.
        free_direction: Clips also set out to the left and upwards.
        free_centre: Circles go round any point that keeps them in the picture.
        free_angle: Elements that rotate in place start at any angle.
    """

    canvas: int = 64
    frames: int = 20
    period: tuple[float, float] = (8.0, 12.0)
    size: tuple[float, float] = (22.0, 30.0)
    two_elements: float = 0.5
    movements: tuple[str, ...] = tuple(MOVEMENTS)
    orbit: float = 8.0
    held_out: tuple[tuple[str, str], ...] = ()
    free_direction: bool = False
    free_centre: bool = False
    free_angle: bool = False

    def __post_init__(self) -> None:
        # YAML has lists where a frozen value needs tuples
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, list):
                value = tuple(tuple(v) if isinstance(v, list) else v for v in value)
                object.__setattr__(self, field.name, value)
        for name, low in (("period", 4.0), ("size", 6.0)):
            value = getattr(self, name)
            if len(value) != 2 or not low <= value[0] <= value[1]:
                raise ValueError(f"{name}={value}: give [smallest, largest], at least {low:g}")
        if self.period[1] > 100:
            raise ValueError(f"period={self.period}: at most 100 frames")
        if self.frames < 2:
            raise ValueError(f"frames={self.frames}: a clip needs at least 2")
        if not 0 <= self.two_elements <= 1:
            raise ValueError(f"two_elements={self.two_elements}: a share, 0 to 1")
        if self.orbit < 0:
            raise ValueError(f"orbit={self.orbit}: at least 0")
        room = largest_orbit(self.size[1] / 2, self.canvas)
        if room < self.orbit:
            least = math.ceil(self.canvas + 2 * (self.orbit - room))
            raise ValueError(
                f"canvas={self.canvas}: too small for an element of {self.size[1]:g} pixels that "
                f"starts {self.orbit:g} from the centre; at least {least}, or less size or orbit"
            )
        if not self.movements:
            raise ValueError("movements: name at least one")
        for movement in self.movements:
            check_name(movement, MOVEMENTS, "movement")
        for pair in self.held_out:
            if len(pair) != 2:
                raise ValueError(f"held_out: {pair} is no (element, movement) pair")
            check_name(pair[1], self.movements, "held_out: movement")


@dataclass(frozen=True)
class Actor:
    """An element of one clip and what it does.

    Attributes:
        element: Its name.
        movement: One of `captions.MOVEMENTS`.
        sample: Its picture, as an index into the sprites' images.
        place: Where it is in the first frame; its radius gives the size.
        period: Frames a turn.
        angle: Rotation in the first frame, in turns, clockwise.
        direction: 1, or -1 where it sets out to the left or upwards.
        centre: What a circle goes round, x and y in pixels.
    """

    element: str
    movement: str
    sample: int
    place: Place
    period: float
    angle: float
    direction: int
    centre: tuple[float, float]

    def poses(self, frames: int, canvas: int) -> Poses:
        """Its pose in every frame, arrays `[frames]`."""
        phase = self.direction * np.arange(frames) / self.period
        poses = path(self.movement, phase, self.place, canvas, self.centre)
        return Poses(poses.x, poses.y, poses.angle + self.angle)


def make_clips(
    writer: ClipWriter,
    sprites: Sprites,
    settings: SceneSettings,
    counts: Mapping[str, int],
    seed: int = 0,
) -> None:
    """Draw clips and their table into a clip store.

    A clip depends on the seed, its split and its place there, not on how many there are. Its row
    holds `clip_id`, `split`, `caption`, `held_out`, and lists with a value for each element:
    `elements`, `movements`, `samples`, `periods`, `sizes` (diameter) and `x`, `y` (centre in the
    first frame), in frames and pixels.

    Args:
        writer: An opened store of `settings.canvas` squared.
        sprites: Pictures of the elements.
        settings: How scenes look and move.
        counts: Clips of `train`, `validation`, `test`, and `held_out`: further clips in split
            `test` whose first element makes a movement that training never showed of it.
        seed: Decides everything that is drawn at random.

    Raises:
        ValueError: Counts or held-out pairs do not fit the sprites.
    """
    _check(sprites, settings, counts)
    grammar = SceneGrammar(sprites.elements)
    painter = Painter(sprites, settings.canvas)
    for name, count in counts.items():
        split = "test" if name == HELD_OUT else name
        for index, (scene, actors) in enumerate(scenes(sprites, settings, name, count, seed)):
            writer.append(
                painter.paint(actors, settings.frames),
                _poses(actors, settings),
                clip_id=f"{name}-{index:06d}",
                split=split,
                caption=grammar.sentence(scene),
                view_start=0,
                view_end=settings.frames,
                **_columns(actors),
                held_out=name == HELD_OUT,
            )


def scenes(
    sprites: Sprites, settings: SceneSettings, name: str, count: int, seed: int
) -> Iterator[tuple[list[tuple[str, str]], list[Actor]]]:
    """Draw the scenes of a split: what each sentence says, and how its elements move.

    Args:
        sprites: Pictures of the elements.
        settings: How scenes look and move.
        name: `train`, `validation`, `test` or `held_out`.
        count: Number of scenes.
        seed: Decides everything that is drawn at random.
    """
    stream = [*SPLITS, HELD_OUT].index(name)
    deal = _deal(sprites.elements, settings, name == HELD_OUT, [seed, stream])
    split = "test" if name == HELD_OUT else name
    for index in range(count):
        share = settings.two_elements
        two = math.floor((index + 1) * share) > math.floor(index * share)
        scene = deal.draw(2 if two else 1)
        rng = np.random.default_rng([seed, stream, index])
        yield scene, _cast(scene, sprites, settings, split, rng)


class Painter:
    """Paints elements in their poses, antialiased, at sub-pixel positions and any angle.

    Args:
        sprites: Pictures of the elements.
        canvas: Side of the frames in pixels.
    """

    def __init__(self, sprites: Sprites, canvas: int) -> None:
        self.sprites, self.canvas = sprites, canvas

    def paint(self, actors: list[Actor], frames: int) -> np.ndarray:
        """Paint a clip: the pixel-wise maximum of its elements.

        Args:
            actors: The elements; every later one is merged into the earlier.
            frames: Number of frames.

        Returns:
            uint8 `[frames, canvas, canvas]`.

        Raises:
            ValueError: An element would leave the frame.
        """
        side = self.canvas + 2 * RIM
        wide = np.zeros((frames, side, side), np.uint8)
        for actor in actors:
            self._add(wide, actor)
        return np.ascontiguousarray(wide[:, RIM:-RIM, RIM:-RIM])

    def _add(self, wide: np.ndarray, actor: Actor) -> None:
        """Merge an element into frames that are a rim wider than the canvas on each side."""
        radius = actor.place.radius
        picture, x0, y0, source_radius = self._source(actor.sample, radius)
        poses = actor.poses(len(wide), self.canvas)
        scale = source_radius / radius
        turn = 2 * np.pi * poses.angle
        cos, sin = scale * np.cos(turn), scale * np.sin(turn)
        half = math.ceil(radius) + 1
        left = np.floor(poses.x).astype(int) - half + RIM
        top = np.floor(poses.y).astype(int) - half + RIM
        # the affine map from a pixel of the box around the element back to its picture
        x, y = poses.x + RIM - left, poses.y + RIM - top
        rows = [cos, sin, x0 - cos * x - sin * y, -sin, cos, y0 + sin * x - cos * y]
        maps = np.stack(rows, axis=-1).reshape(-1, 2, 3)
        side = 2 * half + 1
        corners = np.stack([left, top])
        if corners.min() < 0 or corners.max() + side > wide.shape[1]:
            raise ValueError(
                f"the {actor.element} at ({actor.place.x:g}, {actor.place.y:g}) would leave the "
                f"frame of {self.canvas} pixels when {MOVEMENTS[actor.movement]}"
            )
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        for frame, matrix, i, j in zip(wide, maps, top.tolist(), left.tolist(), strict=True):
            box = cv2.warpAffine(picture, matrix, (side, side), flags=flags)
            view = frame[i : i + side, j : j + side]
            np.maximum(view, box, out=view)

    def _source(self, sample: int, radius: float) -> tuple[np.ndarray, float, float, float]:
        """A sprite's picture for sampling at a size, and its circle's centre and radius therein.

        A picture much larger than needed is averaged over the area of a frame's pixel, a small one
        is enlarged first: sampling it between pixels then neither flickers nor blurs.
        """
        picture = self.sprites.images[sample]
        x, y, source_radius = self.sprites.circles[sample]
        shrink = source_radius / radius
        if shrink < OVERSAMPLING:
            zoom = math.ceil(OVERSAMPLING / shrink)
            picture = cv2.resize(picture, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_CUBIC)
            # pixel centres move when a picture is enlarged about its corner
            x, y = (x + 0.5) * zoom - 0.5, (y + 0.5) * zoom - 0.5
            source_radius, shrink = source_radius * zoom, shrink * zoom
        # an odd width keeps the picture where it is
        width = 2 * round((shrink - 1) / 2) + 1
        return (
            cv2.blur(picture, (width, width), borderType=cv2.BORDER_CONSTANT),
            x,
            y,
            source_radius,
        )


def _check(sprites: Sprites, settings: SceneSettings, counts: Mapping[str, int]) -> None:
    for name, count in counts.items():
        check_name(name, [*SPLITS, HELD_OUT], "counts: split")
        if count < 0:
            raise ValueError(f"counts: {name}={count}; at least 0")
    for element, _ in settings.held_out:
        check_name(element, sprites.elements, "held_out: element")
    if counts.get(HELD_OUT) and not settings.held_out:
        raise ValueError(f"counts: {HELD_OUT}={counts[HELD_OUT]}, but held_out lists no pair")
    allowed = {
        element
        for element in sprites.elements
        for movement in settings.movements
        if (element, movement) not in settings.held_out
    }
    if len(allowed) < (2 if settings.two_elements else 1):
        raise ValueError("held_out: leaves too few elements to make a scene of")


class _Deck:
    """Deals (element, movement) pairs for ever, movements and elements in equal shares.

    Each round holds every pair once; it is dealt so that every movement comes once before any comes
    again, as long as its pairs last.
    """

    def __init__(self, pairs: list[tuple[str, str]], rng: np.random.Generator) -> None:
        self._pairs, self._rng = pairs, rng
        self._left: deque[tuple[str, str]] = deque()

    def draw(self, without: str | None = None) -> tuple[str, str]:
        """The next pair, or the next of another element than `without`; others keep their turn."""
        skipped: list[tuple[str, str]] = []
        while True:
            if not self._left:
                self._left.extend(self._shuffled())
            pair = self._left.popleft()
            if pair[0] != without:
                self._left.extendleft(reversed(skipped))
                return pair
            skipped.append(pair)

    def _shuffled(self) -> list[tuple[str, str]]:
        piles: dict[str, list[tuple[str, str]]] = {}
        for place in self._rng.permutation(len(self._pairs)):
            pair = self._pairs[place]
            piles.setdefault(pair[1], []).append(pair)
        dealt = []
        for turn in range(max(map(len, piles.values()))):
            hand = [pile[turn] for pile in piles.values() if turn < len(pile)]
            dealt += [hand[place] for place in self._rng.permutation(len(hand))]
        return dealt


@dataclass(frozen=True)
class _Dealer:
    """Deals scenes: the first element from one deck, the second from another or the same."""

    first: _Deck
    second: _Deck

    def draw(self, elements: int) -> list[tuple[str, str]]:
        scene = [self.first.draw()]
        if elements == 2:
            scene.append(self.second.draw(without=scene[0][0]))
        return scene


def _deal(
    elements: tuple[str, ...], settings: SceneSettings, held_out: bool, seed: list[int]
) -> _Dealer:
    """Dealer of a split's scenes; with `held_out`, every first pair is a held-out one."""
    pairs = [(element, movement) for element in elements for movement in settings.movements]
    allowed = [pair for pair in pairs if pair not in settings.held_out]
    deck = _Deck(allowed, np.random.default_rng(seed))
    if not held_out:
        return _Dealer(deck, deck)
    return _Dealer(_Deck(list(settings.held_out), np.random.default_rng([*seed, 1])), deck)


def _cast(
    scene: list[tuple[str, str]],
    sprites: Sprites,
    settings: SceneSettings,
    split: str,
    rng: np.random.Generator,
) -> list[Actor]:
    """Draw what a scene leaves open: samples, sizes, places, periods."""
    radii = rng.uniform(*settings.size, len(scene)) / 2
    starts = _starts([float(radius) for radius in radii], settings, rng)
    actors = []
    for (element, movement), start in zip(scene, starts, strict=True):
        samples = sprites.samples(element, split)
        backwards = settings.free_direction and movement in ("left_right", "up_down")
        spins = settings.free_angle and movement.startswith("spin")
        circles = settings.free_centre and movement.startswith("circle")
        middle = (settings.canvas - 1) / 2
        actors.append(
            Actor(
                element,
                movement,
                sample=int(samples[rng.integers(len(samples))]),
                place=start,
                period=float(rng.uniform(*settings.period)),
                angle=float(rng.uniform()) if spins else 0.0,
                direction=int(rng.choice([1, -1])) if backwards else 1,
                centre=_centre(start, settings, rng) if circles else (middle, middle),
            )
        )
    return actors


def _starts(radii: list[float], settings: SceneSettings, rng: np.random.Generator) -> list[Place]:
    """Places in a ring round the picture's centre, the second apart from the first.

    Every movement starts in the same ring, so that any other movement could be asked of the same
    first frame and would stay in the picture.
    """
    first = _in_ring(radii[0], settings, rng)
    if len(radii) == 1:
        return [first]
    for _ in range(PLACES_TRIED):
        second = _in_ring(radii[1], settings, rng)
        if math.hypot(first.x - second.x, first.y - second.y) >= radii[0] + radii[1]:
            return [first, second]
    # nothing was free: opposite each other on the outermost circles
    turn = math.atan2(first.y - (settings.canvas - 1) / 2, first.x - (settings.canvas - 1) / 2)
    return [
        _on_circle(radius, largest_orbit(radius, settings.canvas), angle, settings)
        for radius, angle in zip(radii, (turn, turn + math.pi), strict=True)
    ]


def _in_ring(radius: float, settings: SceneSettings, rng: np.random.Generator) -> Place:
    outer = largest_orbit(radius, settings.canvas)
    distance = math.sqrt(rng.uniform(settings.orbit**2, outer**2))  # uniform over the area
    return _on_circle(radius, distance, float(rng.uniform(0, 2 * np.pi)), settings)


def _on_circle(radius: float, distance: float, turn: float, settings: SceneSettings) -> Place:
    middle = (settings.canvas - 1) / 2
    return Place(middle + distance * math.cos(turn), middle + distance * math.sin(turn), radius)


def _centre(start: Place, settings: SceneSettings, rng: np.random.Generator) -> tuple[float, float]:
    """The centre of a circle through the start that stays in the picture.

    The picture's own centre is always one, so that it is the answer where no other was found.
    """
    low, high = reach(start.radius, settings.canvas)
    for _ in range(PLACES_TRIED):
        x, y = rng.uniform(low, high, 2)
        distance = math.hypot(start.x - x, start.y - y)
        room = min(x - low, high - x, y - low, high - y)
        if settings.orbit <= distance <= room:
            return float(x), float(y)
    return (settings.canvas - 1) / 2, (settings.canvas - 1) / 2


def _poses(actors: list[Actor], settings: SceneSettings) -> np.ndarray:
    """Where the elements are, `[frames, 1 or 2, 3]` as `ClipWriter.append` takes them.

    As many as a clip may have; one that there is not is nowhere.
    """
    count = 2 if settings.two_elements else 1
    poses = np.full((settings.frames, count, 3), np.nan)
    for figure, actor in enumerate(actors):
        there = actor.poses(settings.frames, settings.canvas)
        poses[:, figure] = np.stack([there.x, there.y, there.angle], axis=1)
    return poses


def _columns(actors: list[Actor]) -> dict[str, list[Any]]:
    """What the table keeps of a clip's elements."""
    return {
        "elements": [actor.element for actor in actors],
        "movements": [actor.movement for actor in actors],
        "samples": [actor.sample for actor in actors],
        "periods": [round(actor.period, 4) for actor in actors],
        "sizes": [round(2 * actor.place.radius, 4) for actor in actors],
        "x": [round(actor.place.x, 4) for actor in actors],
        "y": [round(actor.place.y, 4) for actor in actors],
    }
