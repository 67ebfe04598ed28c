"""The KTH human action dataset (Schuldt, Laptev, Caputo, ICPR 2004) in its own layout.

`sequences` reads the dataset's list, `videos` finds and decodes its files, `splits` divides the
subjects, `extraction` makes captioned clips of it all.
"""

from videogeneration.sources.kth.extraction import ExtractionReport, KthSettings, extract_clips
from videogeneration.sources.kth.sequences import (
    LIST_NAME,
    KthError,
    ListedVideo,
    SequenceList,
    read_sequence_list,
)
from videogeneration.sources.kth.splits import SplitAssignment, assign_splits
from videogeneration.sources.kth.videos import VideoError, VideoFile, find_videos, read_frames

__all__ = [
    "LIST_NAME",
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
