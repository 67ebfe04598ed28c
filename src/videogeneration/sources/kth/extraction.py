"""From a folder of recordings to captioned clips."""

import logging
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar

import cv2
import numpy as np
from tqdm import tqdm

from videogeneration.captions import ACTIONS, action_caption
from videogeneration.data.clips import ClipWriter
from videogeneration.sources.kth.sequences import (
    LIST_NAME,
    KthError,
    ListedVideo,
    SequenceList,
    read_sequence_list,
    unknown_name,
)
from videogeneration.sources.kth.splits import (
    ASSIGNMENTS,
    PARTS,
    SplitAssignment,
    assign_splits,
    check_lists,
)
from videogeneration.sources.kth.videos import VideoError, VideoFile, find_videos, read_frames
from videogeneration.sources.kth.view import in_view, walk
from videogeneration.vision.direction import Direction, median_background, read_direction

logger = logging.getLogger(__name__)

MOVING_ACTIONS = ("walking", "jogging", "running")
"""Actions whose sentence names a direction."""

_BAD_SHARE = 0.1
"""Largest share of videos that may be bad: beyond it something is wrong with the whole folder."""

_NAMES_IN_LOG = 8

_BACKGROUND_STEP = 10
"""Every tenth frame of a video goes into its background: the others differ little from them."""

_READING_SIZE = 64
"""Pixels across in which directions are read; a figure there still covers over a hundred."""

_VIEW_SIZE = 32
"""Pixels across in which is read whether the person is in view: in all frames, hence fewer."""

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class KthSettings:
    """What to make of the recordings.

    Attributes:
        actions: Any of the six actions.
        size: Height and width of the clips' frames in pixels.
        frame_step: Every so many frames are kept; 5 makes 5 frames a second.
        phases: `all` makes a clip of every phase, `frame_step` clips a sequence that start one
            frame apart; `first` makes one, which starts with the sequence.
        split: `authors`, `prediction`, or lists of subjects by part.
        test_subjects: Subjects for testing instead of the split's; `17+20` on a command line.
        processes: Videos read side by side; 0 means one for every core.
    """

    actions: tuple[str, ...] = ("walking",)
    size: int = 128
    frame_step: int = 5
    phases: Literal["all", "first"] = "all"
    split: str | Mapping[str, Sequence[int]] = "authors"
    test_subjects: tuple[int, ...] = ()
    processes: int = 0

    def __post_init__(self) -> None:
        actions = self.actions
        object.__setattr__(
            self, "actions", tuple(actions.split("+") if isinstance(actions, str) else actions)
        )
        object.__setattr__(self, "test_subjects", _subjects(self.test_subjects))
        if not self.actions:
            raise ValueError(f"actions: name at least one of {', '.join(ACTIONS)}")
        for action in self.actions:
            if action not in ACTIONS:
                raise ValueError(unknown_name("actions", action, tuple(ACTIONS)))
        _check_integer("size", self.size, 16, 1024)
        _check_integer("frame_step", self.frame_step, 1, 1000)
        _check_integer("processes", self.processes, 0, 1024)
        if self.phases not in ("all", "first"):
            raise ValueError(unknown_name("phases", self.phases, ("all", "first")))
        if isinstance(self.split, Mapping):
            check_lists(self.split)
        elif self.split not in ASSIGNMENTS:
            raise ValueError(unknown_name("split", self.split, ASSIGNMENTS) + ", or lists by part")


@dataclass
class ExtractionReport:
    """What came of an extraction.

    Attributes:
        folder: The folder read.
        videos: Number of videos that clips were made of.
        sequences: Number of sequences that clips were made of.
        clips: Number of clips written.
        frames: Number of frames written.
        frames_decoded: Number of video frames run through.
        short_clips: Number of clips left out because they have fewer than two frames.
        missing: Names of listed videos that are not in the folder.
        unlisted: Names of videos in the folder that the list does not have.
        bad: What is wrong with every video that was skipped.
        unreadable: Sequences left out because their direction cannot be read.
        subjects: The subjects of every part.
        note: Why the parts are not the ones asked for, or None.
    """

    folder: str
    videos: int = 0
    sequences: int = 0
    clips: int = 0
    frames: int = 0
    frames_decoded: int = 0
    short_clips: int = 0
    missing: list[str] = field(default_factory=list)
    unlisted: list[str] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    subjects: dict[str, list[int]] = field(default_factory=dict)
    note: str | None = None

    def lines(self) -> list[str]:
        """The report for a log, a line a fact."""
        lines = [
            f"{self.folder}: {self.clips} clips of {self.frames} frames from {self.sequences} "
            f"sequences of {self.videos} videos"
        ]
        lines += [
            f"{part}: " + (", ".join(f"person {s:02d}" for s in subjects) or "nobody")
            for part, subjects in self.subjects.items()
        ]
        if self.note:
            lines.append(self.note)
        for what, names in (
            ("videos in the list but not in the folder", self.missing),
            ("videos in the folder but not in the list, left out", self.unlisted),
        ):
            if names:
                lines.append(f"{len(names)} {what}: {_abbreviated(names)}")
        if self.unreadable:
            lines.append(
                f"{len(self.unreadable)} sequences left out because their direction cannot be "
                f"read: {', '.join(self.unreadable)}"
            )
        lines += [f"skipped: {reason}" for reason in self.bad]
        if self.short_clips:
            lines.append(f"{self.short_clips} clips of fewer than two frames left out")
        return lines

    def to_dict(self) -> dict[str, Any]:
        """The report as plain values, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class _Sequence:
    """A sequence's frames, uint8 `[n, size, size]` at the full rate, and what was read from them.

    `in_view` is bool `[n]`: where the person is well in view; `poses` are `[n, 3]`, see
    `motion.view.walk`.
    """

    name: str
    number: int
    frames: np.ndarray
    direction: Direction | None
    in_view: np.ndarray
    poses: np.ndarray


def extract_clips(folder: Path, writer: ClipWriter, settings: KthSettings) -> ExtractionReport:
    """Make captioned clips of the KTH recordings in a folder.

    Videos are read side by side, a few ahead of the one that is written, in threads: OpenCV decodes
    outside the interpreter's lock. What is written does not depend on their number.

    Args:
        folder: Holds `00sequences.txt` and the videos, see `find_videos`.
        writer: Takes the clips, `settings.size` pixels high and wide. The columns are `clip_id`,
            `split`, `caption`, `subject`, `action`, `scenario`, `sequence` (from 1), `phase`,
            `view_start` and `view_end` (first frame of the clip with the person well in view, and
            the one after the last; 0 and 0 for none), `direction` and `direction_confidence` (None
            for actions without a direction).
        settings: What to make of them.

    Raises:
        KthError: There are no videos or no list, more than a tenth of the videos is bad, or the
            subjects cannot be split as asked; names the files.
    """
    folder = Path(folder)
    found = find_videos(folder, settings.actions)
    listed = read_sequence_list(folder / LIST_NAME)
    if not found:
        raise KthError(
            f"{folder}: no video of {' or '.join(settings.actions)}; files are looked for as "
            "<action>/personNN_<action>_dM_uncomp.avi, in the folder itself and in <action>.zip"
        )
    chosen = [video for video in listed.videos.values() if video.action in settings.actions]
    videos = [video for video in chosen if video.name in found]
    if not videos:
        raise KthError(f"{listed.path}: lists none of the {len(found)} videos in {folder}")
    split = assign_splits(
        (video.subject for video in videos),
        settings.split,
        settings.test_subjects,
        listed.authors_split,
    )
    report = ExtractionReport(
        str(folder),
        missing=[video.name for video in chosen if video.name not in found],
        unlisted=sorted(found.keys() - listed.videos.keys()),
        subjects={part: split.subjects(part) for part in PARTS},
        note=split.note,
    )
    _write(videos, found, listed, writer, settings, split, report)
    if len(report.bad) > _BAD_SHARE * len(videos):
        raise KthError(
            f"{folder}: {len(report.bad)} of {len(videos)} videos cannot be used:\n  "
            + "\n  ".join(report.bad)
        )
    if not report.clips:
        raise KthError(f"{folder}: no clip came of {len(videos)} videos; {report.lines()[-1]}")
    for line in report.lines():
        logger.info(line)
    return report


def _write(
    videos: Sequence[ListedVideo],
    found: Mapping[str, VideoFile],
    listed: SequenceList,
    writer: ClipWriter,
    settings: KthSettings,
    split: SplitAssignment,
    report: ExtractionReport,
) -> None:
    """Read the videos and append their clips, video by video in the given order."""
    read = partial(_read_or_reason, found=found, list_path=listed.path, size=settings.size)
    workers = settings.processes or os.cpu_count() or 1
    results = _side_by_side(read, videos, workers)
    for video, result in tqdm(
        zip(videos, results, strict=True), "Reading KTH", len(videos), unit="video", disable=None
    ):
        if isinstance(result, VideoError):
            report.bad.append(str(result))
            continue
        report.videos += 1
        report.frames_decoded += max(last for _, last in video.ranges)
        for sequence in result:
            _append(sequence, video, writer, settings, split.parts[video.subject], report)


def _append(
    sequence: _Sequence,
    video: ListedVideo,
    writer: ClipWriter,
    settings: KthSettings,
    part: str,
    report: ExtractionReport,
) -> None:
    """Append the clips of one sequence, one for each phase."""
    direction = sequence.direction
    if direction is not None and direction.label is None:
        report.unreadable.append(sequence.name)
        return
    label = direction.label if direction else None
    written = report.clips
    for phase in range(settings.frame_step if settings.phases == "all" else 1):
        frames = sequence.frames[phase :: settings.frame_step]
        if len(frames) < 2:
            report.short_clips += 1
            continue
        seen = np.flatnonzero(sequence.in_view[phase :: settings.frame_step])
        writer.append(
            frames,
            sequence.poses[phase :: settings.frame_step, None],
            clip_id=f"{sequence.name}_p{phase}",
            split=part,
            caption=action_caption(video.action, label),
            subject=video.subject,
            action=video.action,
            scenario=video.scenario,
            sequence=sequence.number,
            phase=phase,
            view_start=int(seen[0]) if len(seen) else 0,
            view_end=int(seen[-1]) + 1 if len(seen) else 0,
            direction=label,
            direction_confidence=direction.confidence if direction else None,
        )
        report.clips += 1
        report.frames += len(frames)
    report.sequences += report.clips > written


def _read_or_reason(
    video: ListedVideo, found: Mapping[str, VideoFile], list_path: Path, size: int
) -> list[_Sequence] | VideoError:
    """The sequences of a video, or what is wrong with it."""
    try:
        return read_sequences(video, found[video.name], list_path, size)
    except VideoError as error:
        return error


def read_sequences(
    video: ListedVideo, file: VideoFile, list_path: Path, size: int
) -> list[_Sequence]:
    """Decode a video's sequences and read their directions."""
    wanted = np.zeros(max(last for _, last in video.ranges), bool)
    wanted[::_BACKGROUND_STEP] = True
    for first, last in video.ranges:
        wanted[first - 1 : last] = True
    frames, count = read_frames(file, wanted, size)
    for first, last in video.ranges:
        if last > count:
            raise VideoError(
                f"{file}: {list_path} lists frames {first}-{last} of {video.name}, but the video "
                f"has {count}; get the file again, or correct the list"
            )
    moving = video.action in MOVING_ACTIONS
    # figures are large: every other pixel will do, and keeps the reading a small part of the time
    small, tiny = _thinned(frames, _READING_SIZE), _thinned(frames, _VIEW_SIZE)
    background = median_background(small[::_BACKGROUND_STEP]) if moving else None
    sequences = []
    for number, (first, last) in enumerate(video.ranges, start=1):
        part, count = slice(first - 1, last), last - first + 1
        # who boxes, claps or waves stays in view, and melts into the median over time
        seen, poses = np.ones(count, bool), np.full((count, 3), np.nan)
        if moving:
            seen = in_view(tiny[part])
            poses[:, :2] = walk(small[part]) * (size / small.shape[1])
            poses[:, 2] = 0
        direction = read_direction(small[part], background) if moving else None
        name = f"{video.name}_s{number}"
        sequences.append(_Sequence(name, number, frames[part], direction, seen, poses))
    return sequences


def _thinned(frames: np.ndarray, size: int) -> np.ndarray:
    """Every n-th pixel of square frames, so that about so many are left across; a view."""
    step = max(1, frames.shape[1] // size)
    return frames[:, ::step, ::step]


def _side_by_side(
    function: Callable[[_Item], _Result], items: Iterable[_Item], workers: int
) -> Iterator[_Result]:
    """The results of a function in order, computed in threads a little ahead of their use.

    At most two results a thread wait, so memory does not grow with the number of items.
    """
    threads = cv2.getNumThreads()
    # the videos are the parallel work: threads inside OpenCV would only wait for each other on
    # pictures this small
    cv2.setNumThreads(1)
    try:
        with ThreadPoolExecutor(workers) as pool:
            waiting: deque[Future[_Result]] = deque()
            try:
                for item in items:
                    waiting.append(pool.submit(function, item))
                    if len(waiting) > 2 * workers:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()
    finally:
        cv2.setNumThreads(threads)


def _subjects(value: Any) -> tuple[int, ...]:
    """Subjects from a list, one number, or `17+20` as it is written on a command line."""
    try:
        if isinstance(value, str):
            return tuple(int(number) for number in value.split("+") if number)
        subjects = (value,) if isinstance(value, int) else tuple(value)
        if not all(isinstance(subject, int) for subject in subjects):
            raise TypeError
        return subjects
    except (TypeError, ValueError):
        raise ValueError(
            f"test_subjects: {value!r} is no list of subjects; write [17, 20], or 17+20 on the "
            "command line"
        ) from None


def _check_integer(name: str, value: Any, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"{name}: {value!r} is not a whole number from {least} to {most}")


def _abbreviated(names: Sequence[str]) -> str:
    more = len(names) - _NAMES_IN_LOG
    return ", ".join(names[:_NAMES_IN_LOG]) + (f" and {more} more" if more > 0 else "")
