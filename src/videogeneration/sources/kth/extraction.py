"""From a folder of recordings to captioned clips."""

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from tqdm import tqdm

from videogeneration.data.ahead import ahead
from videogeneration.data.clips import Clip, ClipStream
from videogeneration.sources.kth.labels import Known, estimated, has_labels, known, labels_of
from videogeneration.sources.kth.sequences import (
    LIST_NAME,
    KthError,
    ListedVideo,
    read_sequence_list,
)
from videogeneration.sources.kth.settings import KthSettings
from videogeneration.sources.kth.splits import PARTS, SplitAssignment, assign_splits
from videogeneration.sources.kth.videos import VideoError, VideoFile, find_videos, read_frames
from videogeneration.sources.people.labels import labels_path

logger = logging.getLogger(__name__)

_BAD_SHARE = 0.1
"""Largest share of videos that may be bad: beyond it something is wrong with the whole folder."""

_NAMES_IN_LOG = 8


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
        short: What is left out of every video that ends before its list does.
        unreadable: Sequences left out because their direction cannot be read.
        subjects: The subjects of every part.
        note: Why the parts are not the ones asked for, or None.
        labels: Whether labels are a renderer's; else they are estimated from the frames.
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
    short: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    subjects: dict[str, list[int]] = field(default_factory=dict)
    note: str | None = None
    labels: bool = False

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
        lines += self.short
        if self.unreadable:
            lines.append(
                f"{len(self.unreadable)} sequences left out because their direction cannot be "
                f"read: {', '.join(self.unreadable)}"
            )
        lines += [f"skipped: {reason}" for reason in self.bad]
        if self.short_clips:
            lines.append(f"{self.short_clips} clips of fewer than two frames left out")
        return lines


@dataclass(frozen=True)
class _Video:
    """A video's whole sequences, and what is said of it if there are others."""

    sequences: list["_Sequence"]
    short: str | None
    decoded: int


@dataclass(frozen=True)
class _Sequence:
    """A sequence's frames, uint8 `[n, size, size]` at the full rate, and what is known of them."""

    name: str
    number: int
    frames: np.ndarray
    known: Known


def extract_clips(folder: Path, settings: KthSettings) -> ClipStream:
    """Make captioned clips of the KTH recordings in a folder.

    Videos are read side by side, a few ahead of the one that is taken, in threads: OpenCV decodes
    outside the interpreter's lock. What is made does not depend on their number.

    Args:
        folder: Holds `00sequences.txt` and the videos, see `find_videos`. Where a renderer's labels
            lie beside every video, see `people.read_labels`, they are read; else what is known of
            people who walk is estimated.
        settings: What to make of them.

    Returns:
        Clips of `settings.clips.size` pixels. Their rows have `clip_id`, `split`, `caption`,
        `subject`, `action`, `scenario`, `sequence` (from 1), `phase`, `labels_valid` (whether the
        labels are known), `view_start` and `view_end` (first frame of the clip with the person well
        in view, and the one after the last; 0 and 0 for none), `caption_from` (the first frame from
        which on nothing else is done than the caption says), `direction` and `direction_confidence`
        (None for actions without a direction). The report is an `ExtractionReport`.

    Raises:
        KthError: There are no videos or no list, or the subjects cannot be split as asked; while
            clips are taken, more than a tenth of the videos is bad. Names the files.
    """
    found = find_videos(folder, settings.actions)
    listed = read_sequence_list(_list_of(folder))
    if not found:
        raise KthError(
            f"{folder}: no video of {' or '.join(settings.actions)}; files are looked for as "
            "personNN_<action>_dM_uncomp.avi, plain and in zip archives"
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
        labels=all(has_labels(found[video.name]) for video in videos),
    )
    size = settings.clips.size
    stream = ClipStream((size, size), ())
    files = {found[video.name].path for video in videos}
    stream.files = [listed.path, *files, *(map(labels_path, files) if report.labels else ())]

    def read(video: ListedVideo) -> _Video | VideoError:
        """The sequences of a video, or what is wrong with it."""
        try:
            return _read_sequences(video, found[video.name], listed.path, size, report.labels)
        except VideoError as error:
            return error

    stream.clips = _clips(videos, read, settings, split, report, stream.report)
    return stream


def _list_of(folder: Path) -> Path:
    """The data set's list, in the folder or below it."""
    found = [path for path in folder.rglob("*.txt") if path.name.lower() == LIST_NAME]
    return min(found, key=lambda path: len(path.parts), default=folder / LIST_NAME)


def _clips(
    videos: Sequence[ListedVideo],
    read: Callable[[ListedVideo], _Video | VideoError],
    settings: KthSettings,
    split: SplitAssignment,
    report: ExtractionReport,
    published: dict[str, Any],
) -> Iterator[Clip]:
    """The clips, video by video in the given order; the report is published after the last."""
    results = _read_ahead(read, videos, settings.clips.processes or os.cpu_count() or 1)
    for video, result in tqdm(
        zip(videos, results, strict=True), "Reading KTH", len(videos), unit="video", disable=None
    ):
        if isinstance(result, VideoError):
            report.bad.append(str(result))
            continue
        report.videos += 1
        report.frames_decoded += result.decoded
        if result.short:
            report.short.append(result.short)
        for sequence in result.sequences:
            yield from _cut(sequence, video, settings, split.parts[video.subject], report)
    if len(report.bad) > _BAD_SHARE * len(videos):
        raise KthError(
            f"{report.folder}: {len(report.bad)} of {len(videos)} videos cannot be used:\n  "
            + "\n  ".join(report.bad)
        )
    if not report.clips:
        raise KthError(
            f"{report.folder}: no clip came of {len(videos)} videos; {report.lines()[-1]}"
        )
    for line in report.lines():
        logger.info(line)
    published.update(asdict(report))


def _cut(
    sequence: _Sequence,
    video: ListedVideo,
    settings: KthSettings,
    part: str,
    report: ExtractionReport,
) -> Iterator[Clip]:
    """The clips of one sequence, one for each phase."""
    known, step = sequence.known, settings.clips.frame_step
    if known.caption is None:
        report.unreadable.append(sequence.name)
        return
    made = report.clips
    for phase in range(step if settings.clips.phases == "all" else 1):
        frames = sequence.frames[phase::step]
        if len(frames) < 2:
            report.short_clips += 1
            continue
        row = {
            "clip_id": f"{sequence.name}_p{phase}",
            "split": part,
            **clip_row(known, slice(phase, None, step)),
            "subject": video.subject,
            "action": video.action,
            "scenario": video.scenario,
            "sequence": sequence.number,
            "phase": phase,
        }
        labels = {name: values[phase::step] for name, values in known.labels.items()}
        yield Clip(frames, row, labels, known.background)
        report.clips += 1
        report.frames += len(frames)
    report.sequences += report.clips > made


def clip_row(known: Known, kept: slice) -> dict[str, Any]:
    """What a clip's row says of the frames that are kept of a sequence."""
    seen = np.flatnonzero(known.in_view[kept])
    others = np.flatnonzero(known.does_other[kept])
    return {
        "caption": known.caption,
        "view_start": int(seen[0]) if len(seen) else 0,
        "view_end": int(seen[-1]) + 1 if len(seen) else 0,
        "caption_from": int(others[-1]) + 1 if len(others) else 0,
        "direction": known.direction,
        "direction_confidence": known.confidence,
        "labels_valid": known.labels_valid,
    }


def _read_sequences(
    video: ListedVideo, file: VideoFile, list_path: Path, size: int, labelled: bool
) -> _Video:
    """Decode a video's sequences, and read or estimate what is known of them."""
    needed = max(last for _, last in video.ranges)
    wanted = np.zeros(needed, bool)
    for first, last in video.ranges:
        wanted[first - 1 : last] = True
    frames, count = read_frames(file, wanted, size)
    whole = {
        number: slice(first - 1, last)
        for number, (first, last) in enumerate(video.ranges, start=1)
        if last <= count
    }
    short = None
    if len(whole) < len(video.ranges):
        short = (
            f"{file} has {count} frames, and {list_path} lists its sequences up to frame {needed}: "
            f"{len(video.ranges) - len(whole)} of {len(video.ranges)} left out"
        )
        if not whole:
            raise VideoError(f"{short}; get the file again, or correct the list")
    labels = labels_of(file, count) if labelled else None
    sequences = []
    for number, part in whole.items():
        fact = known(labels.part(part), size) if labels else estimated(frames[part], video.action)
        sequences.append(_Sequence(f"{video.name}_s{number}", number, frames[part], fact))
    return _Video(sequences, short, count)


def _read_ahead(
    read: Callable[[ListedVideo], _Video | VideoError], videos: Sequence[ListedVideo], workers: int
) -> Iterator[_Video | VideoError]:
    """Videos in order, read in threads a little ahead of their use."""
    threads = cv2.getNumThreads()
    # the videos are the parallel work: threads inside OpenCV would only wait for each other on
    # pictures this small
    cv2.setNumThreads(1)
    try:
        with ThreadPoolExecutor(workers) as pool:
            yield from ahead(pool, read, videos, 2 * workers)
    finally:
        cv2.setNumThreads(threads)


def _abbreviated(names: Sequence[str]) -> str:
    more = len(names) - _NAMES_IN_LOG
    return ", ".join(names[:_NAMES_IN_LOG]) + (f" and {more} more" if more > 0 else "")
