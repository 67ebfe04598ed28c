"""Single films of random people, with their labels, and such films' poses without pictures."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from videogeneration.captions import action_caption
from videogeneration.models.people.skeleton import KEYPOINTS
from videogeneration.sources.people.acts import ACTIONS, TRAVELLING, Array
from videogeneration.sources.people.figure import Clothes, Figure, Person, projected
from videogeneration.sources.people.labels import SIDES, Labels
from videogeneration.sources.people.plans import (
    SCENARIOS,
    Performance,
    Plan,
    draw_plan,
    habits,
    perform,
)
from videogeneration.sources.people.scene import HEIGHT, WIDTH, Camera, Film, draw_place

COMPRESSED = 0.4
"""Share of single films that show the traces of compression. Recordings are compressed anyway."""

_ROOM = 0.4  # body heights to the edge of the picture that somebody needs to be wholly in view
_AT_ONCE = 500  # people whose poses are worked out together: some 200 kB for each of them


@dataclass(frozen=True)
class Poses:
    """What N people do over T frames as a camera sees it; see `Labels`, with N before all.

    Attributes:
        keypoints: float32 `[N, T, 16, 2]`.
        scale: float32 `[N, T]`.
        heading: float32 `[N, T]`.
        phase: float32 `[N, T]`.
        action: str `[N, T]`.
        direction: int8 `[N, T]`.
        captions: What everyone does in the end, str `[N]`.
    """

    keypoints: NDArray[np.float32]
    scale: NDArray[np.float32]
    heading: NDArray[np.float32]
    phase: NDArray[np.float32]
    action: NDArray[np.str_]
    direction: NDArray[np.int8]
    captions: NDArray[np.str_]


_Drawn = tuple[str, Person, Camera, Plan, tuple[float, float]]


def draw_film(
    rng: np.random.Generator,
    frames: int = 12,
    fps: float = 5,
    actions: Sequence[str] = ACTIONS,
    transitions: float = 0.3,
) -> tuple[NDArray[np.uint8], Labels]:
    """Draw a film of a random person, in random clothes, in a random place.

    The person is in the picture, wholly or in part, in the first frame, and may leave it.

    Args:
        rng: What everything is drawn from.
        frames: How many frames, T.
        fps: Frames a second.
        actions: One of these is done in the end.
        transitions: Share of films in which something else is done first: another action of the
            six, or the same one to the other side. The change begins within the first half, and who
            stops or turns round for it is in view then.

    Returns:
        The frames, uint8 `[T, 120, 160]`, and their labels.
    """
    scenario, person, camera, plan, start = _drawn(rng, frames, fps, actions, transitions)
    clothes = Clothes.drawn(rng, bool(rng.random() < 0.35))
    film = Film(draw_place(scenario, camera, clothes, rng), rng)
    drawn, labels = filmed(film, camera, person, clothes, perform([plan], frames, fps), start, fps)
    if rng.random() < COMPRESSED:
        drawn = _compressed(drawn, int(rng.integers(35, 96)))
    return drawn, labels


def draw_poses(
    n: int,
    frames: int,
    fps: float,
    rng: np.random.Generator,
    actions: Sequence[str] = ACTIONS,
    transitions: float = 0.5,
) -> Poses:
    """What `draw_film` would show of `n` people, at least one, without pictures.

    The other arguments are those of `draw_film`.
    """
    parts = [
        _poses(
            [
                _drawn(rng, frames, fps, actions, transitions)
                for _ in range(min(_AT_ONCE, n - first))
            ],
            frames,
            fps,
        )
        for first in range(0, n, _AT_ONCE)
    ]
    return Poses(
        **{
            field.name: np.concatenate([getattr(part, field.name) for part in parts])
            for field in fields(Poses)
        }
    )


def _poses(drawn: Sequence[_Drawn], frames: int, fps: float) -> Poses:
    """Poses of those who were drawn."""
    _, people, cameras, plans, starts = zip(*drawn, strict=True)
    performance = perform(plans, frames, fps)
    camera = Camera.several(cameras)
    heights = np.array([[person.height] for person in people])
    _, scales, keypoints = _seen(camera, heights, performance, np.array(starts))
    second = performance.action[:, -1], performance.direction[:, -1]
    return Poses(
        keypoints=keypoints,
        scale=scales.astype(np.float32),
        heading=_wrapped(performance.heading),
        phase=performance.phase.astype(np.float32),
        action=np.array(ACTIONS)[performance.action],
        direction=performance.direction.astype(np.int8),
        captions=np.array(
            [
                action_caption(ACTIONS[action], SIDES[int(direction)])
                for action, direction in zip(*second, strict=True)
            ]
        ),
    )


def _drawn(
    rng: np.random.Generator, frames: int, fps: float, actions: Sequence[str], transitions: float
) -> _Drawn:
    """A scenario, a person, a camera, what the person does, and where the feet are in frame 0."""
    scenario = str(rng.choice(SCENARIOS))
    person, camera = Person.drawn(rng), Camera.drawn(scenario, rng)
    acts, sides = draw_actions(str(rng.choice(actions)), transitions, rng)
    plan = draw_plan(acts, sides, habits(rng, acts), person.leg_length, scenario, rng)
    begins = float(rng.uniform(0, 0.5) * (frames - 1) / fps)
    if acts[0] in TRAVELLING:
        height = float(camera.scale) * person.height
        pace = plan.acts[0].tempo * height
        # who changes goes on for half of the change, and is in view then
        stop = 0.0 if acts[1] is None else _ROOM * height + pace * plan.lasts / 2
        # mostly with some of the way through the picture still to go
        left = stop + max(pace / fps, WIDTH - 8 - stop) * rng.random() ** 0.6
        begins = min(begins, (left - stop) / pace)
        column = WIDTH / 2 + sides[0] * (WIDTH / 2 - 4 - left)
    else:
        column = np.clip(rng.normal(WIDTH / 2, 24), 20, WIDTH - 20)
    if acts[1] is not None:
        plan = replace(plan, begins=begins)
    depth = rng.normal(0, 0.5 if scenario == "d2" and acts[0] in TRAVELLING else 0.2)
    return scenario, person, camera, plan, (camera.across(column, depth), depth)


def draw_actions(
    last: str, transitions: float, rng: np.random.Generator
) -> tuple[tuple[str, str | None], tuple[float, float]]:
    """What is done first and then, and to which side, see `draw_plan`.

    Args:
        last: What is done in the end.
        transitions: How often something else comes first.
        rng: What is drawn from.
    """
    side = float(rng.choice([-1, 1]))
    if rng.random() >= transitions:
        return (last, None), (side, side)
    first = str(rng.choice(ACTIONS))
    if first == last and last in TRAVELLING:
        return (first, last), (-side, side)
    if first == last:
        first = str(rng.choice([action for action in ACTIONS if action != last]))
    if last == "boxing":  # who stops to box mostly looks where the way led
        return (first, last), (side if rng.random() < 0.7 else -side, side)
    return (first, last), (float(rng.choice([-1, 1])), side)


def _seen(
    camera: Camera,
    heights: Array,
    performance: Performance,
    starts: Array,
    shaken: Array | float = 0.0,
) -> tuple[Array, Array, NDArray[np.float32]]:
    """People of some heights `[N, 1]` who start somewhere (across, depth) `[N, 2]`, in pixels.

    Returns:
        Where their feet are, `[N, T, 2]`, scales `[N, T]` and keypoints `[N, T, 16, 2]`.
    """
    across, depth = performance.across + starts[:, :1], performance.depth + starts[:, 1:]
    columns, rows, scales = camera.seen(across, depth)
    feet, scales = np.stack([columns, rows], -1) + shaken, scales * heights
    joints, tilt = performance.joints[..., : len(KEYPOINTS), :], np.asarray(camera.tilt)[..., None]
    plane = projected(joints, performance.heading[..., None], tilt)
    plane = plane * scales[..., None, None] * [1.0, -1.0]
    # pixel centres are at whole numbers, the corners of polygons half a pixel off
    return feet, scales, (feet[..., None, :] + plane - 0.5).astype(np.float32)


def filmed(
    film: Film,
    camera: Camera,
    person: Person,
    clothes: Clothes,
    performance: Performance,
    start: tuple[float, float],
    fps: float,
) -> tuple[NDArray[np.uint8], Labels]:
    """Film what one person, who starts somewhere (across, depth, in body heights), does.

    Returns:
        T frames, uint8 `[T, 120, 160]`, and their labels.
    """
    frames = performance.across.shape[1]
    shaken = film.shaken(frames, fps)
    height = np.array([[person.height]])
    (feet,), (scale,), (keypoints,) = _seen(camera, height, performance, np.array([start]), shaken)
    inside = (keypoints > -0.5) & (keypoints < np.array([WIDTH, HEIGHT]) - 0.5)
    heading = performance.heading[0]
    figure = Figure(
        person, clothes, performance.joints[0], heading, float(camera.tilt), film.place.light
    )
    drawn, alpha = film.frames(figure.parts(), feet, scale, shaken, fps)
    return drawn, Labels(
        keypoints=keypoints,
        keypoints_valid=inside.all(-1),
        silhouette=alpha,
        background=np.round(film.place.background).astype(np.uint8),
        scale=scale.astype(np.float32),
        heading=_wrapped(heading),
        phase=performance.phase[0].astype(np.float32),
        action=np.array(ACTIONS)[performance.action[0]],
        direction=performance.direction[0].astype(np.int8),
        present=np.ones(frames, bool),
    )


def _compressed(frames: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """Frames as they come out of a JPEG file, which blurs noise and edges much as a video does."""
    coded = [cv2.imencode(".jpg", f, [cv2.IMWRITE_JPEG_QUALITY, quality])[1] for f in frames]
    return np.array([cv2.imdecode(code, cv2.IMREAD_GRAYSCALE) for code in coded], np.uint8)


def _wrapped(heading: Array) -> NDArray[np.float32]:
    """Angles in (-pi, pi]."""
    return np.angle(np.exp(1j * heading)).astype(np.float32)
