"""Scenes: one or two elements on black, each making one of six movements, and their sentence."""

import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated

import cv2
import numpy as np
from pydantic import Field

from videogeneration.captions import MOVEMENTS, SceneGrammar
from videogeneration.captions.movements import Place, Poses, largest_orbit, path
from videogeneration.data.clips import SPLITS, Clip, ClipStream
from videogeneration.sources.sprites import Sprites
from videogeneration.validated import Listed, check_name, validated

HELD_OUT = "held_out"
"""Key of `counts` for clips that show a pair held out of training; they are in split `test`."""

OVERSAMPLING = 4
"""Pixels of a sprite's source picture to one pixel of a frame."""

RIM = 2
"""Pixels around the canvas while painting: an element's box may be that much wider than it is."""

ORBIT = 8.0
"""Smallest distance from the picture's centre at which an element starts, in pixels: from there on
a circle round the centre can be told from standing still."""

PLACES_TRIED = 24
"""Places drawn before one that does not suit is settled otherwise."""


_Period = Annotated[float, Field(ge=4, le=100)]
_Size = Annotated[float, Field(ge=6)]


@validated
class SceneSettings:
    """How scenes look and move.

    One frame and its sentence leave only the period open.

    Attributes:
        canvas: Side of the square frames in pixels.
        frames: Frames a clip.
        period: Shortest and longest time of a whole turn, or of the way there and back, in frames.
        size: Smallest and largest diameter of an element's enclosing circle, in pixels.
        two_elements: Share of clips with two elements, 0 to 1.
        movements: Which of `captions.MOVEMENTS` there are.
    """

    canvas: int = Field(default=64, ge=16, le=1024)
    frames: int = Field(default=20, ge=2)
    period: tuple[_Period, _Period] = (8.0, 12.0)
    size: tuple[_Size, _Size] = (22.0, 30.0)
    two_elements: float = Field(default=0.75, ge=0, le=1)
    movements: Annotated[tuple[str, ...], Listed] = tuple(MOVEMENTS)

    def __post_init__(self) -> None:
        for name in ("period", "size"):
            smallest, largest = getattr(self, name)
            if smallest > largest:
                raise ValueError(f"{name}: {[smallest, largest]}; give [smallest, largest]")
        room = largest_orbit(self.size[1] / 2, self.canvas)
        if room < ORBIT:
            least = math.ceil(self.canvas + 2 * (ORBIT - room))
            raise ValueError(
                f"canvas: {self.canvas} is too small for an element of {self.size[1]:g} pixels "
                f"that starts {ORBIT:g} from the centre; at least {least}, or less size"
            )
        if not self.movements:
            raise ValueError("movements: name at least one")
        for movement in self.movements:
            check_name(movement, MOVEMENTS, "movement")


@validated
class Counts:
    """Numbers of clips.

    Attributes:
        train: For training.
        validation: For validation.
        test: For testing.
        held_out: Further clips in split `test` whose first element makes a movement that training
            never showed of it.
    """

    train: int = Field(default=6000, ge=0)
    validation: int = Field(default=200, ge=0)
    test: int = Field(default=200, ge=0)
    held_out: int = Field(default=100, ge=0)


@validated
class ElementSettings:
    """Clips of elements that move.

    Attributes:
        held_out: (element, movement) pairs that only the clips of `counts.held_out` show.
        seed: Decides everything that is drawn at random.
        counts: How many clips.
        scenes: How they look and move.
    """

    held_out: tuple[tuple[str, str], ...] = ()
    seed: int = Field(default=0, ge=0)
    counts: Counts = Counts()
    scenes: SceneSettings = SceneSettings()

    def __post_init__(self) -> None:
        for _, movement in self.held_out:
            check_name(movement, self.scenes.movements, "held_out: movement")
        if self.counts.held_out and not self.held_out:
            raise ValueError(f"counts.held_out: {self.counts.held_out}, but held_out lists no pair")


@dataclass(frozen=True)
class Actor:
    """An element of one clip and what it does.

    Attributes:
        element: Its name.
        movement: One of `captions.MOVEMENTS`.
        sample: Its picture, as an index into the sprites' images.
        place: Where it is in the first frame; its radius gives the size.
        period: Frames a turn.
    """

    element: str
    movement: str
    sample: int
    place: Place
    period: float

    def poses(self, frames: int, canvas: int) -> Poses:
        """Its pose in every frame, arrays `[frames]`."""
        return path(self.movement, np.arange(frames) / self.period, self.place, canvas)


def make_clips(sprites: Sprites, settings: ElementSettings) -> ClipStream:
    """Draw clips of moving elements.

    A clip depends on the seed, its split and its place there, not on how many there are. Its row
    holds `clip_id`, `split`, `caption`, `held_out`, and lists with a value for each element:
    `sizes` (diameter) and `x`, `y` (centre in the first frame), in pixels. Its labels are `poses`
    (float32 `[n, P, 3]`: the centre's column and row in pixels, and turns clockwise) and
    `poses_valid` (bool `[n, P]`), P being the number of elements that a clip may have.

    Args:
        sprites: Pictures of the elements.
        settings: How many clips, and how they look and move.

    Raises:
        ValueError: Held-out pairs do not fit the sprites.
    """
    _check(sprites, settings)
    clips = _clips(sprites, settings)
    canvas, counts = settings.scenes.canvas, asdict(settings.counts)
    return ClipStream((canvas, canvas), clips, {"clips": counts, "elements": len(sprites.elements)})


def _clips(sprites: Sprites, settings: ElementSettings) -> Iterator[Clip]:
    grammar, look = SceneGrammar(sprites.elements), settings.scenes
    painter = Painter(sprites, look.canvas)
    figures = 2 if look.two_elements else 1
    black = np.zeros((look.canvas, look.canvas), np.uint8)
    for name, count in asdict(settings.counts).items():
        split = "test" if name == HELD_OUT else name
        drawn = scenes(sprites, look, name, count, settings.seed, settings.held_out)
        for index, (scene, actors) in enumerate(drawn):
            row = {
                "clip_id": f"{name}-{index:06d}",
                "split": split,
                "caption": grammar.sentence(scene),
                "view_start": 0,
                "view_end": look.frames,
                # read by `captions.movements.places`
                "sizes": [round(2 * actor.place.radius, 4) for actor in actors],
                "x": [round(actor.place.x, 4) for actor in actors],
                "y": [round(actor.place.y, 4) for actor in actors],
                "held_out": name == HELD_OUT,
            }
            frames = painter.paint(actors, look.frames)
            yield Clip(frames, row, _poses(actors, look, figures), black)


def scenes(
    sprites: Sprites,
    settings: SceneSettings,
    name: str,
    count: int,
    seed: int,
    held_out: Sequence[tuple[str, str]] = (),
) -> Iterator[tuple[list[tuple[str, str]], list[Actor]]]:
    """Draw the scenes of a split: what each sentence says, and how its elements move.

    Args:
        sprites: Pictures of the elements.
        settings: How scenes look and move.
        name: `train`, `validation`, `test` or `held_out`.
        count: Number of scenes.
        seed: Decides everything that is drawn at random.
        held_out: (element, movement) pairs that only `held_out` shows.
    """
    stream = [*SPLITS, HELD_OUT].index(name)
    pairs = [(element, movement) for element in sprites.elements for movement in settings.movements]
    deck = _Deck([x for x in pairs if x not in held_out], np.random.default_rng([seed, stream]))
    first, split = deck, name
    if name == HELD_OUT:
        first, split = _Deck(list(held_out), np.random.default_rng([seed, stream, 1])), "test"
    for index in range(count):
        share = settings.two_elements
        two = math.floor((index + 1) * share) > math.floor(index * share)
        scene = [first.draw()]
        if two:
            scene.append(deck.draw(without=scene[0][0]))
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
            actors: The elements.
            frames: Number of frames.

        Returns:
            uint8 `[frames, canvas, canvas]`.

        Raises:
            ValueError: An element would leave the frame.
        """
        side = self.canvas + 2 * RIM
        wide = np.zeros((len(actors), frames, side, side), np.uint8)
        for own, actor in zip(wide, actors, strict=True):
            self._add(own, actor)
        return wide[..., RIM:-RIM, RIM:-RIM].max(axis=0)

    def _add(self, wide: np.ndarray, actor: Actor) -> None:
        """Paint an element into empty frames that are a rim wider than the canvas on each side."""
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
            frame[i : i + side, j : j + side] = cv2.warpAffine(
                picture, matrix, (side, side), flags=flags
            )

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
        picture = cv2.blur(picture, (width, width), borderType=cv2.BORDER_CONSTANT)
        return picture, x, y, source_radius


def _check(sprites: Sprites, settings: ElementSettings) -> None:
    for element, _ in settings.held_out:
        check_name(element, sprites.elements, "held_out (to be set with elements): element")
    allowed = {
        element
        for element in sprites.elements
        for movement in settings.scenes.movements
        if (element, movement) not in settings.held_out
    }
    if len(allowed) < (2 if settings.scenes.two_elements else 1):
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
        actors.append(
            Actor(
                element,
                movement,
                sample=int(samples[rng.integers(len(samples))]),
                place=start,
                period=float(rng.uniform(*settings.period)),
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
    distance = math.sqrt(rng.uniform(ORBIT**2, outer**2))  # uniform over the area
    return _on_circle(radius, distance, float(rng.uniform(0, 2 * np.pi)), settings)


def _on_circle(radius: float, distance: float, turn: float, settings: SceneSettings) -> Place:
    middle = (settings.canvas - 1) / 2
    return Place(middle + distance * math.cos(turn), middle + distance * math.sin(turn), radius)


def _poses(actors: list[Actor], settings: SceneSettings, figures: int) -> dict[str, np.ndarray]:
    """Labels `poses` and `poses_valid`, see `make_clips`."""
    poses = np.zeros((settings.frames, figures, 3), np.float32)
    valid = np.zeros((settings.frames, figures), bool)
    for figure, actor in enumerate(actors):
        made = actor.poses(settings.frames, settings.canvas)
        poses[:, figure] = np.stack([made.x, made.y, made.angle], axis=1)
        valid[:, figure] = True
    return {"poses": poses, "poses_valid": valid}
