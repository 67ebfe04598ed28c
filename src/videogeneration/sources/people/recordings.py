"""Whole recordings of rendered people, as files in the layout of the KTH data set."""

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from videogeneration.sources.people.acts import ACTIONS, TRAVELLING, Array, Gait
from videogeneration.sources.people.figure import Clothes, Person
from videogeneration.sources.people.films import draw_actions, filmed
from videogeneration.sources.people.labels import Labels, joined, labels_path, write_labels
from videogeneration.sources.people.plans import SCENARIOS, Performance, draw_plan, habits, perform
from videogeneration.sources.people.scene import HEIGHT, WIDTH, Camera, Film, Frame, draw_place
from videogeneration.sources.processes import done
from videogeneration.stored import whole
from videogeneration.validated import validated

logger = logging.getLogger(__name__)

MAX_SUBJECTS = 25
"""As many as the data set has."""

FRAMES_PER_SECOND = 25
LIST_NAME = "00sequences.txt"
SETTINGS_NAME = "settings.json"
RENDERER = 9
"""Raised when the same settings give other pictures or labels: old folders are drawn anew."""

LONGEST = 14
"""Longest sequence, seconds."""

Action = Literal["walking", "jogging", "running", "boxing", "handclapping", "handwaving"]
Scenario = Literal["d1", "d2", "d3", "d4"]
Sequences = list[tuple[int, int]]


@validated
class PeopleSettings:
    """What to render: a small KTH of up to 25 people, and films of many more people.

    Attributes:
        subjects: How many people are recorded, numbered from 1.
        recordings: Recordings of each of them: every action in one scenario, then every action in
            another one, and so on, until there are so many, or all.
        films: Short single films, each of another person in another place; see `draw_film`.
        actions: Any of the six KTH actions.
        scenarios: Any of `d1` to `d4`: outdoors, at a slant, in other clothes, indoors.
        sequences: Sequences a recording; passes alternate in direction.
        transitions: Share of sequences in which another action, or the same one to the other side,
            comes first. A recording is called by what is done in the end.
        seed: What everything is drawn from.
        processes: Worker processes; 0 is one a core. The films do not depend on it.
    """

    subjects: int = Field(25, ge=1, le=MAX_SUBJECTS)
    recordings: int = Field(6, ge=1, le=24)
    films: int = Field(2000, ge=0)
    actions: tuple[Action, ...] = Field(get_args(Action), min_length=1)
    scenarios: tuple[Scenario, ...] = Field(get_args(Scenario), min_length=1)
    sequences: int = Field(1, ge=1)
    transitions: float = Field(0.3, ge=0, le=1)
    seed: int = Field(0, ge=0)
    processes: int = Field(0, ge=0)


def render_recordings(folder: Path, settings: PeopleSettings) -> Path:
    """Render recordings of people who do not exist.

    Writes `<action>/personNN_<action>_dM_uncomp.avi` (MPEG-4, grey, 160x120, 25 frames a second),
    beside each of them the labels of all its frames (see `labels.read_labels`), `00sequences.txt`
    and `settings.json`. The folder appears whole or not at all. If it holds what the same settings
    rendered before, nothing is done; if it holds what other settings rendered, it is replaced.
    Gives the folder back.

    Raises:
        FileExistsError: The folder holds something that was not rendered here.
        OSError: A file cannot be written.
    """
    if _is_finished(folder, settings):
        return folder
    if folder.exists() and not (folder / SETTINGS_NAME).is_file() and any(folder.iterdir()):
        raise FileExistsError(
            f"{folder} holds files that were not rendered here; name another folder for the "
            "rendered recordings, or empty it"
        )
    with whole(folder) as partial:
        partial.mkdir()
        _render_into(partial, settings)
    return folder


def _record(settings: PeopleSettings) -> dict[str, object]:
    """What decides the recordings."""
    return {"renderer": RENDERER} | {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in asdict(settings).items()
        if name not in ("films", "processes")
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
class Job:
    """One recording to make."""

    action: str
    subject: int
    scenario: str

    @property
    def name(self) -> str:
        """As the data set calls it: `person01_boxing_d1`."""
        return f"person{self.subject:02d}_{self.action}_{self.scenario}"

    @property
    def path(self) -> str:
        """Of its file, from the folder of recordings."""
        return f"{self.action}/{self.name}_uncomp.avi"


def _jobs(settings: PeopleSettings) -> list[Job]:
    actions, scenarios = sorted(set(settings.actions)), sorted(set(settings.scenarios))
    jobs = []
    for subject in range(1, settings.subjects + 1):
        rng = np.random.default_rng([settings.seed, subject, 4])
        rounds = [rng.permutation(scenarios) for _ in actions]
        in_turn = [
            Job(action, subject, str(rounds[which][turn]))
            for turn, (which, action) in product(range(len(scenarios)), enumerate(actions))
        ]
        jobs += sorted(in_turn[: settings.recordings], key=lambda job: (job.action, job.scenario))
    return jobs


def _render_into(folder: Path, settings: PeopleSettings) -> None:
    jobs = _jobs(settings)
    for action in set(settings.actions):
        (folder / action).mkdir()
    logger.info("Rendering %d recordings", len(jobs))
    write = partial(_write_recording, folder, settings)
    sequences = list(done(write, jobs, settings.processes))
    (folder / LIST_NAME).write_bytes(sequence_list(jobs, sequences).encode())
    (folder / SETTINGS_NAME).write_text(json.dumps(_record(settings), indent=2) + "\n")


def sequence_list(jobs: list[Job], sequences: list[Sequences]) -> str:
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


def _write_recording(folder: Path, settings: PeopleSettings, job: Job) -> Sequences:
    """Render and write one recording and its labels; return the frame ranges of its sequences."""
    path = folder / job.path
    frames, sequences, labels = film_recording(settings, job)
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


def film_recording(settings: PeopleSettings, job: Job) -> tuple[list[Frame], Sequences, Labels]:
    """All frames of a recording, the 1-based inclusive ranges of its sequences, and its labels."""
    scenario = SCENARIOS.index(job.scenario)
    person = Person.drawn(np.random.default_rng([settings.seed, job.subject]))
    # the same clothes in all scenarios but the one of other clothes
    other = job.scenario == "d3"
    wardrobe = np.random.default_rng([settings.seed, job.subject, 1, other])
    clothes = Clothes.drawn(wardrobe, other)
    gaits = habits(np.random.default_rng([settings.seed, job.subject, 3]))
    action = ACTIONS.index(job.action)
    rng = np.random.default_rng([settings.seed, job.subject, 2, action, scenario])
    camera = Camera.drawn(job.scenario, rng)
    film = Film(draw_place(job.scenario, camera, clothes, rng), rng)
    frames: list[Frame] = []
    sequences: Sequences = []
    labels: list[Labels] = []
    side = float(rng.choice([-1, 1]))
    for _ in range(settings.sequences):
        if sequences and job.action in TRAVELLING:  # cut between passes
            empty = [film.empty() for _ in range(rng.integers(2, 16))]
            frames += empty
            labels.append(_nobody(labels[-1], len(empty)))
        performance, start = _sequence(job, settings.transitions, side, person, gaits, camera, rng)
        drawn, known = filmed(film, camera, person, clothes, performance, start, FRAMES_PER_SECOND)
        sequences.append((len(frames) + 1, len(frames) + len(drawn)))
        frames += list(drawn)
        labels.append(known)
        side = -side
    return frames, sequences, joined(labels)


def _nobody(before: Labels, count: int) -> Labels:
    """The labels of frames of the same place with nobody in them."""
    last = before.part(slice(-1, None))
    blank = {
        field.name: np.repeat(np.zeros_like(getattr(last, field.name)), count, axis=0)
        for field in fields(Labels)
    }
    known = {"background": before.background, "action": np.repeat(last.action, count)}
    return Labels(**blank | known)


def _sequence(
    job: Job,
    transitions: float,
    side: float,
    person: Person,
    gaits: Mapping[str, Gait],
    camera: Camera,
    rng: np.random.Generator,
) -> tuple[Performance, tuple[float, float]]:
    """One sequence: what the person does, and where the person is in its first frame.

    Who travels comes in by one edge, now and then in view, passes the middle at depth 0, so that
    the camera sees all of the person there, and leaves by the other; who changes from one action to
    another does so well in view.
    """
    acts, sides = draw_actions(job.action, transitions, rng)
    sides = (sides[0] * sides[1] * side, side)
    plan = draw_plan(acts, sides, gaits, person.leg_length, job.scenario, rng)
    reach = (0.22 + 0.15 * (job.action == "running")) * float(camera.scale) * person.height

    def beyond_edge() -> float:
        """Column, from the middle, at which a film starts or ends."""
        inside = rng.random() < 0.2
        return WIDTH / 2 + (-rng.uniform(0, 20) if inside else reach + rng.uniform(0, 25))

    frames = LONGEST * FRAMES_PER_SECOND
    begins, depth = float(rng.uniform(0.8, 2.4)), 0.0
    if acts[0] in TRAVELLING:
        column = -sides[0] * beyond_edge()
        alone = perform([replace(plan, begins=np.inf)], frames, FRAMES_PER_SECOND)
        middle = _first(_columns(alone, camera, column, depth) * sides[0] > 0)
        depth = -float(alone.depth[0, min(middle, frames - 1)])
        columns = _columns(alone, camera, column, depth) * sides[0]
        passed = _first(columns > rng.uniform(-25, 25)) / FRAMES_PER_SECOND
        # who stops or slows down goes on for half of the change
        in_view = _first(columns > 15 - WIDTH / 2) / FRAMES_PER_SECOND
        begins = max(in_view, passed - plan.lasts / 2)
    else:
        column = float(rng.normal(0, 8 if acts[1] is None else 20))
    if acts[1] is not None:
        plan = replace(plan, begins=begins)
    performance = perform([plan], frames, FRAMES_PER_SECOND)
    if job.action in TRAVELLING:
        changed = 0.0 if acts[1] is None else plan.begins + plan.lasts
        left = _columns(performance, camera, column, depth) * side >= beyond_edge()
        left &= np.arange(frames) >= changed * FRAMES_PER_SECOND
        count = max(_first(left), 2)
    else:
        start = 0.0 if acts[1] is None else plan.begins + plan.lasts
        count = int((start + rng.uniform(3.0, 3.6)) * FRAMES_PER_SECOND)
    return performance.part(slice(count)), (camera.across(column + WIDTH / 2, depth), depth)


def _columns(performance: Performance, camera: Camera, start: float, depth: float) -> Array:
    """Columns from the middle of somebody who starts in one of them, `[T]`."""
    across = performance.across[0] + camera.across(start + WIDTH / 2, depth)
    return camera.seen(across, performance.depth[0] + depth)[0] - WIDTH / 2


def _first(happened: NDArray[np.bool_]) -> int:
    """The first frame in which something happened, or how many there are."""
    return int(np.argmax(happened)) if happened.any() else len(happened)
