"""Protocols: where films start, which frames are given, and which are the truth."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from toys import LEFT, RIGHT, numbered_clip, write_store
from videogeneration.data.clips import Clips
from videogeneration.evaluation.protocols import Protocol, Start, middle_starts, starts


def store(folder: Path, *rows: dict[str, Any]) -> Clips:
    """A clip of twelve numbered frames for every row."""
    return write_store(
        folder / "clips", [(numbered_clip(number, 12), row) for number, row in enumerate(rows)]
    )


def view(first: int, end: int, **columns: Any) -> dict[str, Any]:
    return {"view_start": first, "view_end": end, **columns}


@pytest.mark.parametrize(
    ("name", "context", "horizon"), [("1to10", 1, 10), ("5to10", 5, 10), ("10to25", 10, 25)]
)
def test_names(name: str, context: int, horizon: int) -> None:
    protocol = Protocol.parse(name)
    assert (protocol.context, protocol.horizon) == (context, horizon)
    assert str(protocol) == name


@pytest.mark.parametrize("name", ["5in10", "0to10", "5to0", "5to", "", "5to10 ", "-1to10", "05to1"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"protocols: .*5to10"):
        Protocol.parse(name)


def numbers(frames: np.ndarray) -> list[int]:
    return [int(value) - 1 for value in frames[:, 0, 3]]


def test_a_start_is_followed_without_a_gap(tmp_path: Path) -> None:
    clips = store(tmp_path, view(0, 12), view(0, 12))
    assert numbers(Start(1, 6, RIGHT).film(clips, 3)) == [20 + frame for frame in (6, 7, 8, 9)]
    # a clip that ends early counts for the steps that it has
    assert numbers(Start(1, 9, RIGHT).film(clips, 10)) == [29, 30, 31]


def test_films_start_at_the_first_frame_in_view(tmp_path: Path) -> None:
    clips = store(tmp_path, view(0, 12), view(3, 9, caption=LEFT), view(6, 9))
    found = starts(clips, Protocol.parse("1to10"))
    assert found == [Start(0, 0, RIGHT), Start(1, 3, LEFT), Start(2, 6, RIGHT)]
    found = starts(clips, Protocol.parse("5to10"))
    assert [(start.clip, start.newest) for start in found] == [(0, 4), (1, 4), (2, 6)]


def test_clips_without_a_start_are_left_out(tmp_path: Path) -> None:
    clips = store(
        tmp_path,
        view(0, 0),  # never in view
        view(0, 4),  # out of view before five frames are there
        view(11, 12),  # nothing comes after it
        view(10, 12),
    )
    assert [s.clip for s in starts(clips, Protocol.parse("1to10"))] == [1, 3]
    assert [s.clip for s in starts(clips, Protocol.parse("5to10"))] == [3]
    assert starts(clips, Protocol.parse("12to1")) == []


def test_of_several_phases_only_the_first_counts(tmp_path: Path) -> None:
    clips = store(tmp_path, *(view(0, 12, phase=phase) for phase in (0, 1, 2, 0, 1)))
    assert [s.clip for s in starts(clips, Protocol.parse("1to10"))] == [0, 3]
    assert [s.clip for s in middle_starts(clips)] == [0, 3]


def test_starts_of_a_selection_number_the_clips_of_the_whole_store(tmp_path: Path) -> None:
    clips = store(tmp_path, view(0, 12), view(0, 12, split="test"), view(2, 12, split="test"))
    found = starts(clips.split("test"), Protocol.parse("1to10"))
    assert [(s.clip, s.newest) for s in found] == [(1, 0), (2, 2)]
    assert numbers(found[1].film(clips, 1)) == [42, 43]


def test_most_spreads_the_starts_evenly(tmp_path: Path) -> None:
    clips = store(tmp_path, *(view(0, 12) for _ in range(11)))
    assert [s.clip for s in starts(clips, Protocol.parse("1to10"), 3)] == [0, 5, 10]
    assert [s.clip for s in middle_starts(clips, 3)] == [0, 5, 10]
    assert len(starts(clips, Protocol.parse("1to10"), 11)) == 11


def test_middle_starts_lie_halfway_through_the_view(tmp_path: Path) -> None:
    clips = store(tmp_path, view(2, 11), view(5, 6), view(0, 0), view(11, 12), view(0, 12))
    found = middle_starts(clips)
    # the last is in view all the time: it starts with its first frame, as scenes do
    assert [(s.clip, s.newest) for s in found] == [(0, 6), (1, 5), (4, 0)]
