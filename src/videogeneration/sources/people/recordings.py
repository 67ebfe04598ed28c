"""Whole recordings of rendered walkers, as files in the layout of the KTH data set."""

import json
import logging
import math
import multiprocessing
import os
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, fields, replace
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from videogeneration.sources.people.figure import Clothes, Figure, Person
from videogeneration.sources.people.gait import (
    GAITS,
    STROKES,
    Array,
    Cycle,
    Gait,
    Pose,
    stand,
)
from videogeneration.sources.people.labels import Labels, joined, labels_path, write_labels
from videogeneration.sources.people.scene import (
    HEIGHT,
    WIDTH,
    Film,
    Place,
    draw_place,
    keypoints,
)

logger = logging.getLogger(__name__)

ACTIONS = ("walking", "jogging", "running", "boxing", "handclapping", "handwaving")
SCENARIOS = ("d1", "d2", "d3", "d4")
MAX_SUBJECTS = 25
FRAMES_PER_SECOND = 25
LIST_NAME = "00sequences.txt"
SETTINGS_NAME = "settings.json"
RENDERER = 2
"""Raised when the same settings draw other pictures, so that old folders are drawn anew."""

INDOOR_PACE = 0.67  # a room is short: people slow down

Frame = NDArray[np.uint8]
Sequences = list[tuple[int, int]]


@dataclass(frozen=True)
class PeopleSettings:
    """What to render.

    Attributes:
        subjects: How many people, 1 to 25, numbered from 1.
        actions: Any of the six KTH actions.
        scenarios: Any of `d1` to `d4`: outdoors, at a slant, in other clothes, indoors.
        sequences: Sequences a recording, 1 or more; passes alternate in direction.
        seed: What everything is drawn from.
        processes: Worker processes; 0 is one a core. The films do not depend on it.
        turning: Share of passes, 0 to 1, in which the person turns round and goes back.

    Raises:
        ValueError: A value is out of range; the message names the field.
    """

    subjects: int = 20
    actions: tuple[str, ...] = ("walking",)
    scenarios: tuple[str, ...] = SCENARIOS
    sequences: int = 4
    seed: int = 0
    processes: int = 0
    turning: float = 0.0

    def __post_init__(self) -> None:
        _check_whole("subjects", self.subjects, 1, MAX_SUBJECTS)
        _check_whole("sequences", self.sequences, 1)
        _check_whole("seed", self.seed, 0)
        _check_whole("processes", self.processes, 0)
        _check_names("actions", self.actions, ACTIONS)
        _check_names("scenarios", self.scenarios, SCENARIOS)
        object.__setattr__(self, "actions", tuple(self.actions))
        object.__setattr__(self, "scenarios", tuple(self.scenarios))
        number = isinstance(self.turning, int | float) and not isinstance(self.turning, bool)
        if not number or not 0 <= self.turning <= 1:
            raise ValueError(f"turning is {self.turning!r}; it must be a number from 0 to 1")


def _check_whole(field: str, value: int, low: int, high: int | None = None) -> None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or not low <= value <= (value if high is None else high):
        allowed = f"of {low} or more" if high is None else f"from {low} to {high}"
        raise ValueError(f"{field} is {value!r}; it must be a whole number {allowed}")


def _check_names(field: str, values: Sequence[str], known: tuple[str, ...]) -> None:
    listed = isinstance(values, tuple | list)
    if not listed or not values or len(set(values)) < len(values) or set(values) - set(known):
        raise ValueError(
            f"{field} is {values!r}; it must be a list of different names out of {', '.join(known)}"
        )


def render_recordings(folder: Path, settings: PeopleSettings) -> Path:
    """Render recordings of people who do not exist.

    Writes `<action>/personNN_<action>_dM_uncomp.avi` (MPEG-4, grey, 160x120, 25 frames a second),
    beside each of them the labels of all its frames (see `labels.read_labels`), `00sequences.txt`
    and `settings.json`. The folder appears whole or not at all. If it holds what the same settings
    rendered before, nothing is done; if it holds what other settings rendered, it is replaced.

    Args:
        folder: Where the recordings go.
        settings: What to render.

    Returns:
        The folder.

    Raises:
        FileExistsError: The folder holds something that was not rendered here.
        OSError: A file cannot be written.
    """
    folder = Path(folder)
    if _is_finished(folder, settings):
        return folder
    if folder.exists() and not (folder / SETTINGS_NAME).is_file() and any(folder.iterdir()):
        raise FileExistsError(
            f"{folder} holds files that were not rendered here; name another folder for the "
            "rendered recordings, or empty it"
        )
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        _render_into(partial, settings)
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def _record(settings: PeopleSettings) -> dict[str, object]:
    """What decides the films: all settings but the number of processes."""
    return {"renderer": RENDERER} | {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in asdict(settings).items()
        if name != "processes"
    }


def _is_finished(folder: Path, settings: PeopleSettings) -> bool:
    try:
        written = json.loads((folder / SETTINGS_NAME).read_text())
    except (OSError, ValueError):
        return False
    videos = [folder / job.path for job in _jobs(settings)]
    files = videos + [labels_path(video) for video in videos]
    return written == _record(settings) and all(path.is_file() for path in files)


@dataclass(frozen=True)
class _Job:
    """One recording to make."""

    action: str
    subject: int
    scenario: str

    @property
    def name(self) -> str:
        return f"person{self.subject:02d}_{self.action}_{self.scenario}"

    @property
    def path(self) -> str:
        return f"{self.action}/{self.name}_uncomp.avi"


def _jobs(settings: PeopleSettings) -> list[_Job]:
    return [
        _Job(action, subject, scenario)
        for subject in range(1, settings.subjects + 1)
        for action in sorted(settings.actions)
        for scenario in sorted(settings.scenarios)
    ]


def _render_into(folder: Path, settings: PeopleSettings) -> None:
    jobs = _jobs(settings)
    for action in settings.actions:
        (folder / action).mkdir()
    workers = min(settings.processes or os.cpu_count() or 1, len(jobs))
    logger.info("Rendering %d recordings in %d processes", len(jobs), workers)
    arguments = ([folder] * len(jobs), [settings] * len(jobs), jobs)
    if workers == 1:
        sequences = list(map(_write_recording, *arguments))
    else:
        # spawn: a fork of a process that already runs torch's threads may hang
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers, context, cv2.setNumThreads, (1,)) as pool:
            sequences = list(pool.map(_write_recording, *arguments))
    (folder / LIST_NAME).write_bytes(_sequence_list(jobs, sequences).encode())
    (folder / SETTINGS_NAME).write_text(json.dumps(_record(settings), indent=2) + "\n")


def _sequence_list(jobs: list[_Job], sequences: list[Sequences]) -> str:
    """The text of `00sequences.txt`, as the data set has it, down to tabs and line ends."""
    actions = ", ".join(sorted({job.action for job in jobs}))
    lines = [
        "",
        f"This folder contains rendered sequences of {actions} performed by",
        f"{jobs[-1].subject} subjects, in the layout of the KTH data set.",
        "",
        "Subdivision of sequences with respect to the subject:",
        "",
        "Training:   person11, 12, 13, 14, 15, 16, 17, 18",
        "Validation: person19, 20, 21, 23, 24, 25, 01, 04",
        "Test:       person22, 02, 03, 05, 06, 07, 08, 09, 10",
        "",
    ]
    subject = 0
    for job, ranges in zip(jobs, sequences, strict=True):
        if job.subject != subject:
            lines.append("")
            subject = job.subject
        tabs = "\t" * (4 - len(job.name) // 8)
        lines.append(f"{job.name}{tabs}frames\t{', '.join(f'{a}-{b}' for a, b in ranges)}")
    return "\r\n".join([*lines, ""])


def _write_recording(folder: Path, settings: PeopleSettings, job: _Job) -> Sequences:
    """Render and write one recording and its labels; return the frame ranges of its sequences."""
    path = folder / job.path
    frames, sequences, labels = _film(settings, job)
    writer = cv2.VideoWriter(
        str(path), cv2.VideoWriter.fourcc(*"XVID"), FRAMES_PER_SECOND, (WIDTH, HEIGHT), False
    )
    try:
        if not writer.isOpened():
            raise OSError(f"cannot write {path}: no MPEG-4 encoder, or the folder is not writable")
        for frame in frames:
            writer.write(frame)
    finally:
        writer.release()
    check = cv2.VideoCapture(str(path))
    count = int(check.get(cv2.CAP_PROP_FRAME_COUNT))
    check.release()
    if count != len(frames):
        raise OSError(f"{path} has {count} of {len(frames)} frames: is the disk full?")
    write_labels(path, labels)
    return sequences


def _film(settings: PeopleSettings, job: _Job) -> tuple[list[Frame], Sequences, Labels]:
    """All frames of a recording, the 1-based inclusive ranges of its sequences, and its labels."""
    scenario = SCENARIOS.index(job.scenario)
    person = Person.drawn(np.random.default_rng([settings.seed, job.subject]))
    # the same clothes in all scenarios but the one of other clothes
    other = job.scenario == "d3"
    clothes = Clothes.drawn(np.random.default_rng([settings.seed, job.subject, 1, other]), other)
    action = ACTIONS.index(job.action)
    rng = np.random.default_rng([settings.seed, job.subject, 2, action, scenario])
    place = draw_place(job.scenario, rng)
    film = Film(place, rng)
    frames: list[Frame] = []
    sequences: Sequences = []
    labels: list[Labels] = []
    for motion in _motions(settings, job, person, place, rng):
        if sequences and job.action in GAITS:  # cut between passes
            empty = [film.empty() for _ in range(rng.integers(2, 16))]
            frames += empty
            labels.append(_nobody(labels[-1], len(empty)))
        drawn, known = _drawn(film, person, clothes, motion)
        sequences.append((len(frames) + 1, len(frames) + len(drawn)))
        frames += drawn
        labels.append(known)
    return frames, sequences, joined(labels)


def draw_film(
    rng: np.random.Generator,
    frames: int = 12,
    fps: float = 5,
    actions: Sequence[str] = ACTIONS,
) -> tuple[NDArray[np.uint8], Labels]:
    """Draw a film of a random person, in random clothes, in a random place.

    The person is in the picture, wholly or in part, in the first frame, and may leave it.

    Args:
        rng: What everything is drawn from.
        frames: How many frames, T.
        fps: Frames a second.
        actions: One of these is done.

    Returns:
        The frames, uint8 `[T, 120, 160]`, and their labels.
    """
    scenario = str(rng.choice(SCENARIOS))
    person, clothes = Person.drawn(rng), Clothes.drawn(rng, other=bool(rng.random() < 0.5))
    place = draw_place(scenario, rng)
    action = str(rng.choice(actions))
    if action in GAITS:
        gait = GAITS[action].varied(rng)
        rightwards = bool(rng.random() < 0.5)
        speed = gait.speed * rng.normal(1, 0.05) * (INDOOR_PACE if scenario == "d4" else 1.0)
        line = _slant(scenario, rng) + rng.normal(0, 0.06)
        motion = _pass(
            action, gait, person, place, speed, line, rightwards, False, rng, fps, frames
        )
        columns = place.camera.seen(motion.across, motion.depth)[0]
        start = int(rng.choice(np.flatnonzero((columns > 4) & (columns < WIDTH - 4))))
    else:
        motion = next(_standing(action, person, rng, fps, frames))
        start = 0
    drawn, labels = _drawn(
        Film(place, rng), person, clothes, motion.part(slice(start, start + frames))
    )
    return np.stack(drawn), labels


def _drawn(
    film: Film, person: Person, clothes: Clothes, motion: "_Motion"
) -> tuple[list[Frame], Labels]:
    """Draw a sequence; return its frames and what is known of them."""
    place = film.place
    figure = Figure(person, clothes, motion.heading, place.camera.tilt, place.light)
    columns, rows, scales = place.camera.seen(motion.across, motion.depth)
    scales = scales * person.height
    frames, alpha = film.frames(figure.dress(motion.pose), columns, rows, scales)
    joints = keypoints(motion.pose, motion.heading, place.camera.tilt, columns, rows, scales)
    inside = (joints > -0.5) & (joints < np.array([WIDTH, HEIGHT]) - 0.5)
    count = len(frames)
    return frames, Labels(
        keypoints=joints,
        keypoints_valid=np.all(inside, axis=-1),
        silhouette=alpha,
        background=np.round(place.background).astype(np.uint8),
        scale=scales.astype(np.float32),
        heading=np.angle(np.exp(1j * motion.heading)).astype(np.float32),
        phase=motion.phase.astype(np.float32),
        action=np.full(count, motion.action),
        direction=motion.direction.astype(np.int8),
        present=np.ones(count, bool),
    )


def _nobody(before: Labels, count: int) -> Labels:
    """The labels of frames of the same place with nobody in them."""
    last = before.part(slice(-1, None))
    blank = {
        field.name: np.repeat(np.zeros_like(getattr(last, field.name)), count, axis=0)
        for field in fields(Labels)
    }
    known = {"background": before.background, "action": np.repeat(last.action, count)}
    return Labels(**blank | known)


@dataclass(frozen=True)
class _Motion:
    """One sequence: T poses, where they stand (body heights), and what else is known of them.

    See `Labels` for `heading`, `phase`, `action` and `direction`.
    """

    action: str
    pose: Pose
    across: Array
    depth: Array
    heading: Array
    phase: Array
    direction: NDArray[np.int64]

    def part(self, frames: slice) -> "_Motion":
        """Some of the frames."""
        return replace(
            self,
            pose=self.pose.part(frames),
            across=self.across[frames],
            depth=self.depth[frames],
            heading=self.heading[frames],
            phase=self.phase[frames],
            direction=self.direction[frames],
        )


def _motions(
    settings: PeopleSettings, job: _Job, person: Person, place: Place, rng: np.random.Generator
) -> Iterator[_Motion]:
    """The sequences of a recording."""
    if job.action not in GAITS:
        standing = _standing(job.action, person, rng, FRAMES_PER_SECOND)
        yield from islice(standing, settings.sequences)
        return
    gait = GAITS[job.action].varied(np.random.default_rng([settings.seed, job.subject, 3]))
    slant = _slant(job.scenario, rng)
    pace = gait.speed * (INDOOR_PACE if job.scenario == "d4" else 1.0)
    rightwards = bool(rng.random() < 0.5)
    for _ in range(settings.sequences):
        turning = bool(rng.random() < settings.turning)
        speed = pace * rng.normal(1, 0.05)
        line = slant + rng.normal(0, 0.06)
        yield _pass(job.action, gait, person, place, speed, line, rightwards, turning, rng)
        rightwards = rightwards == turning  # who turned comes back from the same side


def _slant(scenario: str, rng: np.random.Generator) -> float:
    """Angle of the way to the picture plane, radians."""
    return float(rng.uniform(0.75, 0.95) * rng.choice([-1, 1])) if scenario == "d2" else 0.0


def _standing(
    action: str, person: Person, rng: np.random.Generator, fps: float, frames: int | None = None
) -> Iterator[_Motion]:
    """Endless sequences of someone who stands; only the time goes on between them."""
    tempo, across = rng.uniform(1.1, 2.2), rng.uniform(-0.12, 0.12)
    towards = rng.choice([0.0, np.pi]) if action == "boxing" else -np.pi / 2
    heading = towards + rng.normal(0, 0.1)
    start = 0
    while True:
        count = frames or int(rng.integers(85, 126))
        seconds = np.arange(start, start + count) / fps
        still = np.zeros(count)
        pose = stand(action, seconds, person.leg_length, tempo)
        turns = seconds * tempo / STROKES[action]
        yield _Motion(
            action, pose, still + across, still, still + heading, turns, still.astype(int)
        )
        start += count


def _pass(
    action: str,
    gait: Gait,
    person: Person,
    place: Place,
    speed: float,
    line: float,
    rightwards: bool,
    turning: bool,
    rng: np.random.Generator,
    fps: float = FRAMES_PER_SECOND,
    beyond: int = 0,
) -> _Motion:
    """One pass through the picture, in by one edge and out by the other, or turning in between.

    Args:
        action: What it is called.
        gait: How the person goes.
        person: The build.
        place: The place.
        speed: Body heights a second.
        line: Angle of the way to the picture plane, radians; positive leads away to the right.
        rightwards: Whether the pass starts to the right.
        turning: Whether the person turns round in mid-picture.
        rng: What the details are drawn from.
        fps: Frames a second.
        beyond: Frames to go on after the other edge.
    """
    # slower people make shorter steps, not only fewer
    cycle = Cycle(gait.strided(float(np.sqrt(speed / gait.speed))), person.leg_length)
    camera, sign = place.camera, 1.0 if rightwards else -1.0
    step = speed / fps
    half_width = (0.2 + 0.15 * (gait.speed > 1)) * camera.scale * 1.1
    pixels = step * camera.scale * abs(math.cos(line))

    def beyond_edge() -> float:
        """Column, from the middle, at which a film starts or ends."""
        if rng.random() < 0.2:  # in view
            return WIDTH / 2 - rng.uniform(0, 20)
        return WIDTH / 2 + half_width + pixels * rng.uniform(0, 13)

    start, end = -sign * beyond_edge(), sign * beyond_edge()
    # where the way crosses the start's column: column = scale * across / (1 + depth / distance)
    along = start / (camera.scale * math.cos(line) - start * math.sin(line) / camera.distance)
    limit = 60 + int(8 * WIDTH / pixels) + beyond
    heading = np.full(limit, line if rightwards else line + np.pi)
    effort = np.ones(limit)
    if turning:
        end = start
        middle = abs(along) / step + rng.uniform(-0.2, 0.2) * camera.scale / pixels
        turned = np.clip((np.arange(limit) - middle) / (rng.uniform(16, 26) * fps / 25), 0, 1)
        heading = heading + rng.choice([-1, 1]) * np.pi * turned**2 * (3 - 2 * turned)
        effort = 1 - 0.6 * np.sin(np.pi * turned)
    phase = rng.random() + np.cumsum(effort) * step / cycle.stride
    made = np.diff(cycle.way(phase), prepend=cycle.way(phase[:1]))
    across = along * math.cos(line) + np.cumsum(made * np.cos(heading))
    depth = along * math.sin(line) + np.cumsum(made * np.sin(heading))
    columns = camera.seen(across, depth)[0] - WIDTH / 2
    leaving = (columns * np.sign(end) >= abs(end)) & (np.cos(heading) * end > 0)
    count = max(int(np.argmax(leaving)), 1) + beyond
    direction = np.full(limit, int(sign))
    if turning:
        direction[turned > 0] *= -1
    pose = cycle.pose(phase)
    return _Motion(action, pose, across, depth, heading, phase, direction).part(slice(count))
