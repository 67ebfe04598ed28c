"""Labels and judge on all recorded passes, whose truth was read by eye."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from videogeneration.evaluation.judges.direction import read_direction
from videogeneration.sources.kth import LIST_NAME, find_videos, read_frames, read_sequence_list
from videogeneration.sources.kth.tracking import track
from videogeneration.vision.background import median_background
from videogeneration.vision.foreground import contrast, find_figure

# Which way the first pass of every recorded video goes, read from contact sheets of all passes. The
# other passes of each video alternate: that was seen on the same sheets.
FIRST_DIRECTIONS: dict[str, str] = json.loads(
    Path(__file__).with_name("kth_first_directions.json").read_text()
)


def recorded_passes(folder: Path) -> Iterator[tuple[str, str, np.ndarray, np.ndarray]]:
    """Name, true direction, frames at full rate and the video's background, of every pass."""
    listed = read_sequence_list(folder / LIST_NAME).videos
    for name, file in find_videos(folder, ["walking", "jogging", "running"]).items():
        ranges = listed[name].ranges
        frames, _ = read_frames(file, np.ones(max(last for _, last in ranges), bool), 64)
        background = median_background(frames[::10])
        first = FIRST_DIRECTIONS[name]
        second = "left" if first == "right" else "right"
        for index, (start, end) in enumerate(ranges):
            truth = second if index % 2 else first
            yield f"{name}_s{index + 1}", truth, frames[start - 1 : end], background


def test_every_recorded_pass_is_read_right(shared_data: Path) -> None:
    wrong, videos = [], set()
    for name, truth, frames, background in recorded_passes(shared_data / "kth"):
        opposite = "left" if truth == "right" else "right"
        every_fifth = frames[2::5]
        own_background = median_background(every_fifth)
        strength = contrast(find_figure(every_fifth, own_background))
        entering = int(np.argmax(strength >= 0.3 * strength.max()))
        well_in_view = int(np.argmax(strength >= 0.7 * strength.max()))
        readings = {
            "label": (track(frames, median_background(frames)).direction, truth),
        }
        for what, expected, film, behind in (
            ("full rate", truth, frames, background),
            ("every fifth", truth, every_fifth, background),
            ("every fifth, mirrored", opposite, every_fifth[:, :, ::-1], background[:, ::-1]),
            ("11 frames in view", truth, every_fifth[well_in_view:][:11], own_background),
            # here the centre of what is visible is no guide, see the judge
            ("6 frames entering", truth, every_fifth[entering:][:6], own_background),
            ("4 frames in view", truth, every_fifth[well_in_view:][:4], own_background),
        ):
            readings[f"judge, {what}"] = read_direction(film, behind).label, expected
        wrong += [(name, how, said) for how, (said, right) in readings.items() if said != right]
        videos.add(name.rpartition("_")[0])
    assert not wrong
    assert videos == FIRST_DIRECTIONS.keys()
