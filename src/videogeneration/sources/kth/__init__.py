"""The KTH human action dataset (Schuldt, Laptev, Caputo, ICPR 2004) in its own layout.

`sequences` reads the dataset's list, `videos` finds and decodes its files, `splits` divides the
subjects, `labels` says what is known of a sequence, `extraction` makes captioned clips of it all.
"""

from pathlib import Path

from videogeneration.captions import ActionGrammar
from videogeneration.data.clips import ClipStream
from videogeneration.evaluation.judges import KthJudge
from videogeneration.sources.kth.extraction import ExtractionReport, extract_clips
from videogeneration.sources.kth.labels import LABELS
from videogeneration.sources.kth.sequences import (
    LIST_NAME,
    KthError,
    ListedVideo,
    SequenceList,
    read_sequence_list,
)
from videogeneration.sources.kth.settings import ClipSettings, KthSettings
from videogeneration.sources.kth.splits import SplitAssignment, assign_splits
from videogeneration.sources.kth.videos import VideoError, VideoFile, find_videos, read_frames
from videogeneration.sources.people import render_recordings
from videogeneration.sources.source import PictureFormat, Source

CAMERA_ASPECT = 4 / 3
"""Width over height of what a camera saw; a frame shows it squeezed into a square."""


def _make(settings: KthSettings, folder: Path) -> ClipStream:
    if settings.folder:
        return extract_clips(Path(settings.folder), settings)
    return extract_clips(render_recordings(folder / "rendered", settings.people), settings)


SOURCE = Source(
    name="kth",
    settings=KthSettings,
    make_clips=_make,
    grammar=lambda settings: ActionGrammar(settings.actions),
    judge=KthJudge,
    picture=PictureFormat(CAMERA_ASPECT, "scene"),
    labels=LABELS,
)

__all__ = [
    "LIST_NAME",
    "SOURCE",
    "ClipSettings",
    "ExtractionReport",
    "KthError",
    "KthSettings",
    "ListedVideo",
    "SequenceList",
    "SplitAssignment",
    "VideoError",
    "VideoFile",
    "assign_splits",
    "extract_clips",
    "find_videos",
    "read_frames",
    "read_sequence_list",
]
