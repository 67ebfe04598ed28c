"""Places and the camera that looks at them: ground or wall, light, shadow, noise."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from videogeneration.sources.people.figure import Part, projected
from videogeneration.sources.people.gait import Array, Pose

WIDTH, HEIGHT = 160, 120
SUPERSAMPLING = 3
SHIFT = 4  # binary digits after the point in OpenCV's polygon corners
NOISE_FRAMES = 24
CLOTH = 240  # side of the texture of cloth, pixels

Picture = NDArray[np.float32]


@dataclass(frozen=True)
class Camera:
    """A camera that looks level across a flat ground.

    Attributes:
        scale: Pixels of a body height at depth 0.
        ground: Row of the ground at depth 0.
        horizon: Row of the horizon; far above the picture when the camera looks down.
        distance: Distance of depth 0 from the camera, body heights.
    """

    scale: float
    ground: float
    horizon: float
    distance: float

    @property
    def tilt(self) -> float:
        """How far up the picture something a body height behind appears, body heights."""
        return (self.ground - self.horizon) / (self.distance * self.scale)

    def seen(self, across: Array, depth: Array) -> tuple[Array, Array, Array]:
        """Column, row and scale of points on the ground, in pixels.

        Args:
            across: Place from the picture's middle to the right, body heights.
            depth: Place away from the camera, body heights.
        """
        nearness = 1 / (1 + depth / self.distance)
        row = self.horizon + (self.ground - self.horizon) * nearness
        return WIDTH / 2 + across * self.scale * nearness, row, self.scale * nearness


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
        camera: The camera.
        background: The empty place, float32 `[120, 160]`, 0 to 255.
        exposure: What greys of people are multiplied by.
        noise: Standard deviation of the camera's noise.
        shadows: Shadows that people cast.
        light: The lit side of people: -1 left, 1 right.
    """

    camera: Camera
    background: Picture
    exposure: float
    noise: float
    shadows: tuple[Shadow, ...]
    light: float


def draw_place(scenario: str, rng: np.random.Generator) -> Place:
    """Draw a place for a scenario: `d1` to `d3` outdoors (`d2` seen from above), `d4` indoors."""
    return _indoors(rng) if scenario == "d4" else _outdoors(scenario, rng)


def _outdoors(scenario: str, rng: np.random.Generator) -> Place:
    scale = float(np.clip(rng.normal({"d1": 80, "d2": 70, "d3": 83}[scenario], 6), 62, 96))
    head_room = rng.uniform(0.25, 0.6) * (112 - scale)
    ground = head_room + scale
    if scenario == "d2":
        camera = Camera(scale, ground, ground - rng.uniform(190, 250), rng.uniform(8, 10))
    else:
        camera = Camera(scale, ground, ground - rng.uniform(120, 170), rng.uniform(11, 14))
    bright = rng.random() < {"d1": 0.35, "d2": 0.4, "d3": 0.1}[scenario]
    light = float(rng.choice([-1, 1]))
    sunny = rng.random() < (0.08 if scenario == "d1" else 0.3)
    length = rng.uniform(0.9, 1.8) if sunny else 0.4
    lean = np.array(
        [[1.0, -light * length], [0.0, -rng.uniform(0.08, 0.3) * np.sign(0.7 - rng.random())]]
    )
    cast = (
        Shadow(rng.uniform(0.4, 0.62), 0.8, lean) if sunny else Shadow(0.10, 2.5, lean * [1, 0.3])
    )
    return Place(
        camera=camera,
        background=_ground(rng.uniform(206, 232) if bright else rng.uniform(127, 143), rng),
        exposure=rng.uniform(1.25, 1.5) if bright else rng.uniform(0.9, 1.1),
        noise=rng.uniform(2.2, 4.0),
        shadows=(cast, _contact(0.28)),
        light=light,
    )


def _contact(strength: float) -> Shadow:
    """The dim patch that everyone has under the feet."""
    return Shadow(strength, 2.0, np.array([[0.55, 0.0], [0.0, -0.015]]), (0.0, 0.5))


def _indoors(rng: np.random.Generator) -> Place:
    scale = float(np.clip(rng.normal(98, 3.5), 88, 106))
    ground = float(rng.uniform(108, 112.5))
    side = float(rng.choice([-1, 1]))
    spread = float(rng.uniform(0.06, 0.2))
    walls = [
        Shadow(
            rng.uniform(0.16, 0.4),
            rng.uniform(2.5, 5.0),
            np.eye(2) * rng.uniform(0.98, 1.06),
            (side * rng.uniform(8, 22), -rng.uniform(2, 5)),
            spread,
        )
    ]
    if rng.random() < 0.5:
        walls.append(
            Shadow(0.1, 3.5, np.eye(2) * 1.04, (-side * rng.uniform(14, 28), -4.0), spread)
        )
    return Place(
        camera=Camera(scale, ground, ground - rng.uniform(70, 100), rng.uniform(8, 11)),
        background=_wall(ground, rng),
        exposure=rng.uniform(0.7, 0.95),
        noise=rng.uniform(2.0, 2.9),
        shadows=(*walls, _contact(0.4)),
        light=-side,
    )


def _cloud(rng: np.random.Generator, across: float, down: float) -> Picture:
    """Smooth noise of mean 0 and standard deviation 1, blurred by the two sigmas in pixels."""
    margin = 3 * int(max(across, down) + 1)
    noise = rng.standard_normal((HEIGHT + 2 * margin, WIDTH + 2 * margin)).astype(np.float32)
    cloud = cv2.GaussianBlur(noise, (0, 0), across, sigmaY=down)
    cloud = cloud[margin : margin + HEIGHT, margin : margin + WIDTH]
    return ((cloud - cloud.mean()) / cloud.std()).astype(np.float32)


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
    bright, falloff = rng.uniform(128, 176), rng.uniform(24, 50)
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


class Film:
    """Draws the frames of one recording.

    Args:
        place: Where it is made.
        rng: What the noise is drawn from.
    """

    def __init__(self, place: Place, rng: np.random.Generator) -> None:
        self.place, self.rng = place, rng
        grain = rng.standard_normal((NOISE_FRAMES, HEIGHT + 16, WIDTH + 16), np.float32)
        noise = np.stack([cv2.GaussianBlur(g, (0, 0), 0.45) for g in grain])
        self._noise = noise * np.float32(place.noise / noise.std())
        cloth = rng.standard_normal((CLOTH, CLOTH), np.float32)
        self._cloth = 1 + 0.18 * cv2.GaussianBlur(cloth, (0, 0), 1.6)

    def empty(self) -> NDArray[np.uint8]:
        """A frame with nobody in it."""
        return self._recorded(self.place.background)

    def frames(
        self, parts: list[Part], columns: Array, rows: Array, scales: Array
    ) -> tuple[list[NDArray[np.uint8]], NDArray[np.uint8]]:
        """Draw a figure in every frame.

        Args:
            parts: The dressed figure over T frames.
            columns: Column of the feet `[T]`.
            rows: Row of the feet `[T]`.
            scales: Pixels of a body height `[T]`.

        Returns:
            T frames, uint8 `[120, 160]`, and the figure's alpha, uint8 `[T, 120, 160]`.
        """
        flip = scales[:, None, None] * [1.0, -1.0]
        silhouettes = [part.outline * flip for part in parts]
        frames = np.repeat(self.place.background[None], len(columns), axis=0)
        outer = [s for s, part in zip(silhouettes, parts, strict=True) if not part.inner]
        feet = np.stack([columns, rows], -1)[:, None]
        for shadow in self.place.shadows:
            self._cast(frames, shadow, outer, feet)
        outlines = [feet + silhouette for silhouette in silhouettes]
        alpha = self._paint(frames, parts, outlines, feet)
        return [self._recorded(frame) for frame in frames], alpha

    def _cast(self, frames: Picture, shadow: Shadow, silhouettes: list[Array], feet: Array) -> None:
        """Darken the frames where the silhouettes' shadow falls."""
        move = feet + shadow.offset
        move[..., 0] += shadow.spread * (feet[..., 0] - WIDTH / 2)
        flip = np.array([1.0, -1.0])  # rows count down, heights up
        cast = [((flip * outline) @ shadow.matrix.T) * flip + move for outline in silhouettes]
        boxes = _boxes(cast, margin=int(3 * shadow.blur) + 2)
        cast = [_corners(outline - boxes[:, None, 0]) for outline in cast]
        for t, ((left, top), (right, bottom)) in enumerate(boxes.tolist()):
            if left >= right or top >= bottom:
                continue
            mask = np.zeros((bottom - top, right - left), np.uint8)
            for corners in cast:
                cv2.fillPoly(mask, [corners[t]], 255, cv2.LINE_AA, SHIFT)
            mask = cv2.GaussianBlur(mask, (0, 0), shadow.blur, borderType=cv2.BORDER_REPLICATE)
            frames[t, top:bottom, left:right] *= 1 - mask * np.float32(shadow.strength / 255)

    def _paint(
        self, frames: Picture, parts: list[Part], outlines: list[Array], feet: Array
    ) -> NDArray[np.uint8]:
        """Lay the figure over the frames, antialiased by supersampling its box.

        Returns:
            Its alpha, uint8 of the frames' shape.
        """
        alpha = np.zeros(frames.shape, np.uint8)
        order = np.argsort(np.stack([part.layer for part in parts]), axis=0, kind="stable").T
        greys = [min(part.grey * self.place.exposure, 245.0) for part in parts]
        boxes = _boxes(outlines, margin=2)
        scaled = [_corners((o - boxes[:, None, 0]) * SUPERSAMPLING) for o in outlines]
        # cloth goes with the person who wears it
        weave = boxes[:, 0] - np.round(feet[:, 0]).astype(int) + [120, 150]
        for t, ((left, top), (right, bottom)) in enumerate(boxes.tolist()):
            if left >= right or top >= bottom:
                continue
            width, height = right - left, bottom - top
            drawn = np.zeros((height * SUPERSAMPLING, width * SUPERSAMPLING, 2), np.uint8)
            for i in order[t]:
                cv2.fillPoly(drawn, [scaled[i][t]], (greys[i], 255), cv2.LINE_8, SHIFT)
            small = cv2.resize(drawn, (width, height), interpolation=cv2.INTER_AREA)
            columns = (np.arange(width) + weave[t, 0]) % CLOTH
            rows = (np.arange(height) + weave[t, 1]) % CLOTH
            box = frames[t, top:bottom, left:right]
            box *= 1 - small[..., 1] * np.float32(1 / 255)
            box += small[..., 0] * self._cloth[rows[:, None], columns]
            box[...] = cv2.GaussianBlur(box, (3, 3), 0.55)
            alpha[t, top:bottom, left:right] = cv2.GaussianBlur(small[..., 1], (3, 3), 0.55)
        return alpha

    def _recorded(self, frame: Picture) -> NDArray[np.uint8]:
        """Add the camera's noise."""
        which, down, right = self.rng.integers([NOISE_FRAMES, 16, 16])
        noisy = frame + self._noise[which, down : down + HEIGHT, right : right + WIDTH]
        return np.clip(noisy + 0.5, 0, 255).astype(np.uint8)


def keypoints(
    pose: Pose, heading: Array, tilt: float, columns: Array, rows: Array, scales: Array
) -> NDArray[np.float32]:
    """The joints `KEYPOINTS` on the picture.

    Args:
        pose: The skeleton over T frames.
        heading: See `Labels.heading`, `[T]`.
        tilt: See `Camera.tilt`.
        columns: Column of the ground under the pelvis `[T]`.
        rows: Row of it `[T]`.
        scales: Pixels of a body height `[T]`.

    Returns:
        float32 `[T, 16, 2]`, pixels, see `Labels.keypoints`.
    """
    (left_leg, right_leg), (left_arm, right_arm) = pose.legs, pose.arms
    joints = [pose.head, pose.nose, pose.neck, pose.pelvis]
    joints += [left_arm.shoulder, right_arm.shoulder, left_arm.elbow, right_arm.elbow]
    joints += [left_arm.wrist, right_arm.wrist, left_leg.knee, right_leg.knee]
    joints += [left_leg.ankle, right_leg.ankle, left_leg.toe, right_leg.toe]
    plane = projected(np.stack(joints, 1), heading[:, None], tilt)
    feet = np.stack([columns, rows], -1)[:, None]
    # pixel centres are at whole numbers, the corners of polygons half a pixel off
    return (feet + plane * scales[:, None, None] * [1.0, -1.0] - 0.5).astype(np.float32)


def _boxes(outlines: list[Array], margin: int) -> NDArray[np.int64]:
    """Boxes `[T, 2, 2]` (left and top, right and bottom) around outlines, within the picture."""
    corners = np.concatenate(outlines, axis=1)
    low = np.floor(corners.min(axis=1)).astype(int) - margin
    high = np.ceil(corners.max(axis=1)).astype(int) + margin + 1
    return np.stack([np.maximum(low, 0), np.minimum(high, [WIDTH, HEIGHT])], axis=1)


def _corners(corners: Array) -> NDArray[np.int32]:
    """Corners as OpenCV draws them: fixed point, pixel centres at whole numbers."""
    return np.round((corners - 0.5) * (1 << SHIFT)).astype(np.int32)
