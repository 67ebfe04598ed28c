"""Labels of all recorded passes, whose truth was read by eye."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from videogeneration.sources.kth.sequences import LIST_NAME, read_sequence_list
from videogeneration.sources.kth.tracking import track
from videogeneration.sources.kth.videos import find_videos, read_frames
from videogeneration.vision.background import median_background

pytestmark = pytest.mark.slow

# Which way the first pass of every recorded video goes, read from contact sheets of all passes. The
# other passes of each video alternate: that was seen on the same sheets.
FIRST_DIRECTIONS: dict[str, str] = json.loads(
    Path(__file__).with_name("kth_first_directions.json").read_text()
)


def recorded_passes(folder: Path) -> Iterator[tuple[str, str, np.ndarray]]:
    """Name, true direction and frames at full rate of every pass."""
    listed = read_sequence_list(folder / LIST_NAME).videos
    for name, file in find_videos(folder, ["walking", "jogging", "running"]).items():
        ranges = listed[name].ranges
        frames, _ = read_frames(file, np.ones(max(last for _, last in ranges), bool), 64)
        first = FIRST_DIRECTIONS[name]
        second = "left" if first == "right" else "right"
        for index, (start, end) in enumerate(ranges):
            truth = second if index % 2 else first
            yield f"{name}_s{index + 1}", truth, frames[start - 1 : end]


def test_every_recorded_pass_is_read_right(shared_data: Path) -> None:
    wrong, videos = [], set()
    for name, truth, frames in recorded_passes(shared_data / "kth"):
        if track(frames, median_background(frames)).direction != truth:
            wrong.append(name)
        videos.add(name.rpartition("_")[0])
    assert not wrong
    assert videos == FIRST_DIRECTIONS.keys()
