"""Places and the camera that looks at them: ground or wall, light, shadow, noise."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from videogeneration.sources.people.acts import Array
from videogeneration.sources.people.figure import Clothes, Part

WIDTH, HEIGHT = 160, 120
SUPERSAMPLING = 3
SHIFT = 4  # binary digits after the point in OpenCV's polygon corners
NOISE_FRAMES = 24
CLOTH = 240  # side of the texture of cloth, pixels

STANDS_OUT = 25
"""Least difference of clothes from the place behind, greys; the arms of 95 % of recorded walkers
differ more."""

SIGHT = 70  # how far beyond the frame somebody still casts a shadow into it, pixels

Picture = NDArray[np.float32]
Frame = NDArray[np.uint8]


@dataclass(frozen=True)
class Camera:
    """A camera, or N of them (`[N, 1]`), that looks level across a flat ground.

    Attributes:
        scale: Pixels of a body height at depth 0.
        ground: Row of the ground at depth 0.
        horizon: Row of the horizon; far above the picture when the camera looks down.
        distance: Distance of depth 0 from the camera, body heights.
    """

    scale: Array | float
    ground: Array | float
    horizon: Array | float
    distance: Array | float

    @classmethod
    def drawn(cls, scenario: str, rng: np.random.Generator) -> "Camera":
        """Draw a camera for a scenario: `d2` looks down from a hill, `d4` stands near a wall."""
        if scenario == "d4":
            scale = float(np.clip(rng.normal(97, 5), 84, 108))
            ground = float(rng.uniform(107, 112.5))
            return cls(scale, ground, ground - rng.uniform(70, 100), rng.uniform(8, 11))
        # the camera of d2 is zoomed out now and then
        mean, spread, least = (66, 14, 34) if scenario == "d2" else (82, 9, 60)
        scale = float(np.clip(rng.normal(mean, spread), least, 100))
        ground = scale + rng.uniform(0.25, 0.6) * (113 - scale)
        if scenario == "d2":
            return cls(scale, ground, ground - rng.uniform(190, 250), rng.uniform(8, 10))
        return cls(scale, ground, ground - rng.uniform(120, 170), rng.uniform(11, 14))

    @classmethod
    def several(cls, cameras: Sequence["Camera"]) -> "Camera":
        """N cameras as one, to be used on arrays `[N, T]`."""
        return cls(
            *(
                np.array([[getattr(camera, field.name)] for camera in cameras])
                for field in fields(cls)
            )
        )

    @property
    def tilt(self) -> Array | float:
        """How far up the picture something a body height behind appears, body heights."""
        return (self.ground - self.horizon) / (self.distance * self.scale)

    def seen(self, across: Array, depth: Array) -> tuple[Array, Array, Array]:
        """Column, row and scale of points on the ground, in pixels.

        Args:
            across: Place from the picture's middle to the right, body heights.
            depth: Place away from the camera, body heights. Nothing comes nearer than a quarter of
                the camera's distance.
        """
        nearness = 1 / np.maximum(1 + depth / self.distance, 0.25)
        row = self.horizon + (self.ground - self.horizon) * nearness
        return WIDTH / 2 + across * self.scale * nearness, row, self.scale * nearness

    def across(self, column: float, depth: float) -> float:
        """Where somebody at this depth stands, seen in this column; see `seen`."""
        return float((column - WIDTH / 2) * (1 + depth / self.distance) / self.scale)


@dataclass(frozen=True)
class Shadow:
    """A shadow: the silhouette laid on the ground or thrown at a wall.

    Attributes:
        strength: Share of the light it takes, 0 to 1.
        blur: Softness, pixels.
        matrix: 2x2 map from the silhouette (x right, y up, from the feet) to the shadow.
        offset: Where the shadow's feet are from the person's, pixels (right, down).
        spread: Further offset to the right for each pixel that the feet are right of the middle.
    """

    strength: float
    blur: float
    matrix: Array
    offset: tuple[float, float] = (0.0, 0.0)
    spread: float = 0.0


@dataclass(frozen=True)
class Place:
    """Where a recording is made.

    Attributes:
        background: The empty place, float32 `[120, 160]`, 0 to 255.
        exposure: What greys of people are multiplied by.
        blur: How unsharp people are, pixels.
        noise: Standard deviation of the camera's noise.
        shadows: Shadows that people cast.
        contact: Share of the light that the dim patch takes that everyone has under the feet.
        light: The lit side of people: -1 left, 1 right.
        shutter: Share of a frame at 25 a second for which the shutter is open.
        gain: How much brighter the camera makes a picture that a dark person fills wholly.
        shake: How far the camera shakes, pixels.
    """

    background: Picture
    exposure: float
    blur: float
    noise: float
    shadows: tuple[Shadow, ...]
    contact: float
    light: float
    shutter: float
    gain: float
    shake: float


def draw_place(scenario: str, camera: Camera, clothes: Clothes, rng: np.random.Generator) -> Place:
    """Draw a place for a scenario: `d1` to `d3` outdoors, `d4` indoors.

    It is mostly one where all of the clothes can be seen, as in the recordings: nobody could tell
    what is done by sleeves of the ground's own grey.
    """
    for _ in range(12):
        place = _indoors(camera, rng) if scenario == "d4" else _outdoors(scenario, rng)
        greys = place.exposure * np.array([clothes.top, clothes.sleeve, clothes.trousers])
        if np.abs(greys - place.background.mean()).min() > STANDS_OUT:
            break
    return place


def _outdoors(scenario: str, rng: np.random.Generator) -> Place:
    weather = rng.random()
    bright = weather < {"d1": 0.35, "d2": 0.4, "d3": 0.25}[scenario]
    dark = weather > 0.93
    light = float(rng.choice([-1, 1]))
    sunny = rng.random() < (0.15 if scenario == "d1" else 0.3)
    length = rng.uniform(0.9, 1.8) if sunny else 0.4
    lean = np.array(
        [[1.0, -light * length], [0.0, -rng.uniform(0.14, 0.36) * np.sign(0.7 - rng.random())]]
    )
    cast = (
        Shadow(rng.uniform(0.4, 0.62), 0.8, lean) if sunny else Shadow(0.10, 2.5, lean * [1, 0.3])
    )
    grey = (
        rng.uniform(200, 238) if bright else rng.uniform(60, 110) if dark else rng.uniform(115, 150)
    )
    return Place(
        background=_ground(grey, rng),
        exposure=rng.uniform(1.2, 1.65) if bright else rng.uniform(0.85, 1.15),
        blur=rng.uniform(0.3, 0.7),
        noise=rng.uniform(1.2, 3.4),
        shadows=(cast,),
        contact=0.28,
        light=light,
        shutter=rng.uniform(0, 0.3),
        gain=rng.uniform(0, 0.5),
        shake=rng.uniform(0, 1.2) if rng.random() < 0.25 else 0.0,
    )


def _indoors(camera: Camera, rng: np.random.Generator) -> Place:
    side = float(rng.choice([-1, 1]))
    spread = float(rng.uniform(0.06, 0.2))
    walls = [
        Shadow(
            rng.uniform(0.12, 0.4),
            rng.uniform(2.5, 5.0),
            np.eye(2) * rng.uniform(0.98, 1.06),
            (side * rng.uniform(8, 26), -rng.uniform(2, 5)),
            spread,
        )
    ]
    if rng.random() < 0.5:
        walls.append(
            Shadow(0.1, 3.5, np.eye(2) * 1.04, (-side * rng.uniform(14, 28), -4.0), spread)
        )
    return Place(
        background=_wall(float(camera.ground), rng),
        exposure=rng.uniform(0.7, 1.05),
        blur=rng.uniform(0.3, 0.7),
        noise=rng.uniform(1.0, 2.4),
        shadows=tuple(walls),
        contact=0.4,
        light=-side,
        shutter=rng.uniform(0.2, 0.75),
        gain=rng.uniform(0, 0.6),
        shake=0.0,
    )


def _cloud(rng: np.random.Generator, across: float, down: float) -> Picture:
    """Smooth noise of mean 0 and standard deviation 1, blurred by the two sigmas in pixels.

    What is smooth is drawn on a coarser grid and enlarged, which is many times faster.
    """
    step = np.array([max(1.0, down / 1.5), max(1.0, across / 1.5)])
    sigma = np.array([down, across]) / step
    margin = 4
    size = np.ceil(np.array([HEIGHT, WIDTH]) / step).astype(int) + 2 * margin
    noise = rng.standard_normal(size, np.float32)
    cloud = cv2.GaussianBlur(noise, (0, 0), sigma[1], sigmaY=sigma[0])[
        margin:-margin, margin:-margin
    ]
    cloud = cv2.resize(cloud, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    mean, deviation = cv2.meanStdDev(cloud)
    return (cloud - np.float32(mean[0, 0])) * np.float32(1 / max(deviation[0, 0], 1e-6))


def _ground(mean: float, rng: np.random.Generator) -> Picture:
    """Gravel or asphalt: grain, streaks that lie flat in perspective, patches, a fading light."""
    rows = np.linspace(-1, 1, HEIGHT, dtype=np.float32)[:, None]
    coarse = (rows + 1) / 2  # what is near is seen larger
    contrast = rng.uniform(0.9, 1.7)
    grain = (1 - coarse) * _cloud(rng, 0.5, 0.3) + coarse * _cloud(rng, 0.6, 0.45)
    streaks = (1 - coarse) * _cloud(rng, 5, 0.6) + coarse * _cloud(rng, 6, 1.2)
    texture = 3.9 * grain + 2.4 * streaks + 1.2 * _cloud(rng, 16, 2.5)
    light = rng.uniform(2, 8) * _cloud(rng, 45, 12) + rng.uniform(4, 16) * -rows
    picture = mean + contrast * texture + light
    if rng.random() < 0.45:  # worn patches, brighter
        patches = _cloud(rng, rng.uniform(4, 9), rng.uniform(1, 2))
        picture += 26 * np.clip(patches - rng.uniform(1.9, 2.5), 0, 1)
    if rng.random() < 0.35:  # a painted line or a furrow
        slope, row = rng.uniform(-0.2, 0.25), rng.uniform(-20, 60)
        line = np.abs(np.arange(HEIGHT)[:, None] - row - slope * np.arange(WIDTH)) < 0.8
        wear = np.clip(_cloud(rng, 6, 1) + 0.8, 0, 1.5)
        picture += (
            cv2.GaussianBlur(line.astype(np.float32), (0, 0), 0.6) * wear * rng.choice([-22, 24])
        )
    for _ in range(rng.poisson(3)):
        picture[rng.integers(HEIGHT), rng.integers(WIDTH)] += rng.uniform(-40, 45)
    return _edge(picture)


def _wall(ground: float, rng: np.random.Generator) -> Picture:
    """A lit wall that darkens to the corners, a skirting board and a carpet."""
    columns, rows = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    centre_x, centre_y = rng.uniform(55, 105), rng.uniform(45, 80)
    away = np.hypot((columns - centre_x) / 80, (rows - centre_y) / 62)
    bright = rng.uniform(110, 205)
    falloff = bright * rng.uniform(0.12, 0.34)
    wall = bright - falloff * away**1.6 + 1.0 * _cloud(rng, 8, 0.6) + 2.0 * _cloud(rng, 20, 20)
    slope = rng.uniform(-0.02, 0.02)
    below = rows - (ground - rng.uniform(7, 13)) - slope * (columns - 80)
    board, floor = np.clip(below + 4.5, 0, 1), np.clip(below, 0, 1)
    picture = wall + board * rng.uniform(8, 20) - 9 * ((below > -5.6) & (below < -4.5))
    grain = 3.0 * _cloud(rng, 0.9, 0.6) + 3.0 * _cloud(rng, 6, 1.5)
    carpet = bright * rng.uniform(0.52, 0.72) - 0.6 * falloff * away + grain
    picture = picture * (1 - floor) + carpet * floor
    return _edge(picture)


def _edge(picture: NDArray[np.floating]) -> Picture:
    """Add the light first row that the recordings' digitiser left, and stay in range."""
    picture[0] += 28
    return np.clip(picture, 4, 250).astype(np.float32)


@lru_cache(1)
def _grain() -> Picture:
    """Noise of many frames, standard deviation 1; every film uses other parts of it."""
    grain = np.random.default_rng(0).standard_normal(
        (NOISE_FRAMES, HEIGHT + 32, WIDTH + 32), np.float32
    )
    grain = np.stack([cv2.GaussianBlur(frame, (0, 0), 0.45) for frame in grain])
    return grain / grain.std()


@lru_cache(1)
def _cloth() -> Picture:
    """The texture of cloth, mean 1, repeated to be larger than any figure."""
    cloth = np.random.default_rng(1).standard_normal((CLOTH, CLOTH), np.float32)
    return np.tile(1 + 0.18 * cv2.GaussianBlur(cloth, (0, 0), 1.6), (4, 4))


class Film:
    """Draws the frames of one recording.

    Args:
        place: Where it is made.
        rng: What noise and shaking are drawn from.
    """

    def __init__(self, place: Place, rng: np.random.Generator) -> None:
        self.place, self.rng = place, rng

    def empty(self) -> Frame:
        """A frame with nobody in it."""
        return self._recorded(self.place.background)

    def shaken(self, frames: int, fps: float) -> Array:
        """How far the camera is off in each frame, pixels `[T, 2]`: it sways slowly."""
        if not self.place.shake:
            return np.zeros((frames, 2))
        turns = np.arange(frames)[:, None] / fps * self.rng.uniform(0.3, 1.2, 2) + self.rng.random(
            2
        )
        return self.place.shake * np.sin(2 * np.pi * turns)

    def frames(
        self, parts: list[Part], feet: Array, scales: Array, shaken: Array, fps: float
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Draw a figure in every frame.

        Args:
            parts: The dressed figure over T frames.
            feet: Column and row of the feet `[T, 2]`.
            scales: Pixels of a body height `[T]`.
            shaken: See `shaken`; how far the background is moved. The feet have been already.
            fps: Frames a second.

        Returns:
            T frames and the figure's alpha, both uint8 `[T, 120, 160]`.
        """
        layers = np.stack([part.layer for part in parts], 1)
        order = [
            row[layer[row] >= 0]
            for row, layer in zip(np.argsort(layers, 1, kind="stable"), layers, strict=True)
        ]
        flip = scales[:, None, None] * [1.0, -1.0]
        outlines = [part.outline * flip + feet[:, None] for part in parts]
        corners = np.concatenate(outlines, 1)
        low = np.floor(corners.min(1)).astype(int) - 4
        high = np.ceil(corners.max(1)).astype(int) + 5
        ends = np.cumsum([outline.shape[1] for outline in outlines])[:-1]
        fixed = np.round(((corners - low[:, None]) * SUPERSAMPLING - 0.5) * (1 << SHIFT))
        polygons = np.split(fixed.astype(np.int32), ends, axis=1)
        greys = [min(part.grey * self.place.exposure, 250.0) for part in parts]
        # who goes fast is blurred while the shutter is open
        speed = np.abs(np.gradient(feet[:, 0])) if len(feet) > 1 else np.zeros(1)
        smear = 1 + 2 * np.round(speed * fps / 25 * self.place.shutter / 2).astype(int).clip(0, 3)
        frames = np.empty((len(feet), HEIGHT, WIDTH), np.uint8)
        alpha = np.zeros_like(frames)
        for t in range(len(feet)):
            frame = _moved(self.place.background, shaken[t])
            if high[t, 0] > -SIGHT and low[t, 0] < WIDTH + SIGHT:
                drawn = [(polygons[i][t], greys[i], parts[i].convex) for i in order[t]]
                figure = self._figure(drawn, low[t], high[t], feet[t], smear[t])
                for shadow in self.place.shadows:
                    _cast(frame, shadow, figure[..., 1], low[t] - feet[t], feet[t])
                _darken(frame, _patch(figure.shape[1]), feet[t], self.place.contact)
                self._lay(frame, alpha[t], figure, low[t])
            frames[t] = self._recorded(frame, alpha[t])
        return frames, alpha

    def _figure(
        self,
        polygons: list[tuple[NDArray[np.int32], float, bool]],
        low: NDArray[np.int64],
        high: NDArray[np.int64],
        feet: Array,
        smear: int,
    ) -> NDArray[np.uint8]:
        """The figure in its box, antialiased by supersampling: grey times alpha, and alpha."""
        width, height = (high - low).tolist()
        canvas = np.zeros((height * SUPERSAMPLING, width * SUPERSAMPLING, 2), np.uint8)
        for corners, grey, convex in polygons:
            if convex:  # several times faster
                cv2.fillConvexPoly(canvas, corners, (grey, 255), cv2.LINE_8, SHIFT)
            else:
                cv2.fillPoly(canvas, [corners], (grey, 255), cv2.LINE_8, SHIFT)
        figure = cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA)
        # cloth goes with the person who wears it
        left, top = ((low - np.round(feet).astype(int)) % CLOTH).tolist()
        cloth = _cloth()[top : top + height, left : left + width]
        figure[..., 0] = cv2.multiply(figure[..., 0], cloth, dtype=cv2.CV_8U)
        figure = cv2.GaussianBlur(figure, (3, 3), self.place.blur)
        return np.asarray(cv2.blur(figure, (smear, 1)) if smear > 1 else figure, np.uint8)

    def _lay(
        self, frame: Picture, alpha: Frame, figure: NDArray[np.uint8], low: NDArray[np.int64]
    ) -> None:
        """Lay a figure over a frame, and its alpha into another."""
        inside, part = _overlap(low, figure.shape[:2])
        cut = figure[part]
        box = frame[inside]
        box *= 1 - cut[..., 1] * np.float32(1 / 255)
        box += cut[..., 0]
        alpha[inside] = cut[..., 1]

    def _recorded(self, frame: Picture, alpha: Frame | None = None) -> Frame:
        """Add the camera's gain and noise."""
        which, down, right = self.rng.integers([NOISE_FRAMES, 32, 32])
        noise = _grain()[which, down : down + HEIGHT, right : right + WIDTH]
        gain = 1.0 if alpha is None else 1 + self.place.gain * cv2.mean(alpha)[0] / 255
        noisy = cv2.addWeighted(frame, gain, noise, self.place.noise, 0, dtype=cv2.CV_8U)
        return np.asarray(noisy, np.uint8)


def _moved(picture: Picture, offset: Array) -> Picture:
    """A copy of a picture, moved by (right, down) pixels."""
    if not offset.any():
        return picture.copy()
    matrix = np.hstack([np.eye(2), offset[:, None]])
    moved = cv2.warpAffine(picture, matrix, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.float32)


def _cast(
    frame: Picture, shadow: Shadow, alpha: NDArray[np.uint8], corner: Array, feet: Array
) -> None:
    """Darken a frame where a figure's shadow falls.

    Args:
        frame: The frame, changed in place.
        shadow: The shadow.
        alpha: The figure in its box, uint8 `[h, w]`.
        corner: The box's corner from the feet, pixels (right, down).
        feet: Where the feet are.
    """
    height, width = alpha.shape
    (a, b), (c, d) = shadow.matrix.tolist()
    b, c = -b, -c  # rows count down, heights up
    x, y = corner.tolist()
    across, down = feet.tolist()
    across += shadow.offset[0] + shadow.spread * (across - WIDTH / 2)
    down += shadow.offset[1]
    # where the box's corners fall
    columns = [across + a * u + b * v for u in (x, x + width) for v in (y, y + height)]
    rows = [down + c * u + d * v for u in (x, x + width) for v in (y, y + height)]
    margin = int(3 * shadow.blur) + 2
    left, right = max(int(min(columns)) - margin, 0), min(int(max(columns)) + margin, WIDTH)
    top, bottom = max(int(min(rows)) - margin, 0), min(int(max(rows)) + margin, HEIGHT)
    if left >= right or top >= bottom:
        return
    wide, high = right - left, bottom - top
    # soft shadows are drawn on a coarser grid
    step = max(1.0, shadow.blur / 1.2)
    size = int(np.ceil(wide / step)) + (step > 1), int(np.ceil(high / step)) + (step > 1)
    affine = np.array(
        [
            [a, b, across + a * x + b * y - left],
            [c, d, down + c * x + d * y - top],
        ]
    )
    if abs(d) < 0.5:  # a low sun flattens the figure: average over the rows that fall together
        alpha = np.asarray(cv2.blur(alpha, (1, int(1 / max(abs(d), 0.05)))), np.uint8)
    mask = cv2.warpAffine(alpha, affine / step, size, flags=cv2.INTER_LINEAR)
    mask = cv2.GaussianBlur(mask, (0, 0), shadow.blur / step)
    if step > 1:
        back = np.array([[1 / step, 0, 0], [0, 1 / step, 0]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        mask = cv2.warpAffine(mask, back, (wide, high), flags=flags)
    box = frame[top:bottom, left:right]
    box *= 1 - mask * np.float32(shadow.strength / 255)


@lru_cache(256)
def _patch(width: int) -> Frame:
    """What is dim under the feet of somebody who is so wide, in pixels."""
    patch = np.zeros((15, width + 6), np.uint8)
    size = (width - 8) * 11 // 20, 1
    cv2.ellipse(
        patch, (patch.shape[1] // 2, 7), (max(size[0] // 2, 1), size[1]), 0, 0, 360, 255, -1
    )
    return np.asarray(cv2.GaussianBlur(patch, (0, 0), 2.0), np.uint8)


def _darken(frame: Picture, patch: Frame, feet: Array, strength: float) -> None:
    """Take light from a frame, in place, where a patch lies around the feet."""
    size = patch.shape
    low = np.round(feet - [size[1] / 2, size[0] / 2]).astype(int)
    inside, part = _overlap(low, size)
    frame[inside] *= 1 - patch[part] * np.float32(strength / 255)


def _overlap(
    low: NDArray[np.int64], size: tuple[int, int]
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Where a box of this size (rows, columns) lies in the frame, and which part of it does."""
    inside, part = [], []
    for start, length, limit in zip(low.tolist()[::-1], size, (HEIGHT, WIDTH), strict=True):
        first = max(start, 0)
        end = max(min(start + length, limit), first)
        inside.append(slice(first, end))
        part.append(slice(first - start, end - start))
    return (inside[0], inside[1]), (part[0], part[1])
