"""The clip store: whole or not at all, memory-mapped, one digest for equal clips."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from toys import numbered_clip, write_store
from videogeneration.data.clips import Clips, ClipWriter


def small_store(folder: Path) -> Clips:
    return write_store(
        folder,
        [
            (numbered_clip(0, 5), {"split": "train", "subject": 1}),
            (numbered_clip(1, 3), {"split": "test", "subject": 2}),
            (numbered_clip(2, 7), {"split": "train", "subject": 3}),
        ],
    )


def test_frames_and_rows_come_back(tmp_path: Path) -> None:
    clips = small_store(tmp_path / "clips")
    assert len(clips) == 3
    assert clips.size == (8, 8)
    for number, length in enumerate((5, 3, 7)):
        assert np.array_equal(clips[number], numbered_clip(number, length))
    assert list(clips.table.columns[:5]) == ["clip_id", "start", "length", "split", "caption"]
    assert clips.table["start"].tolist() == [0, 5, 8]
    assert clips.table["length"].tolist() == [5, 3, 7]
    assert clips.table["subject"].tolist() == [1, 2, 3]


def test_files_are_those_of_the_contract(tmp_path: Path) -> None:
    small_store(tmp_path / "clips")
    assert sorted(path.name for path in (tmp_path / "clips").iterdir()) == [
        "clips.parquet",
        "frames.npy",
        "poses.npy",
    ]
    frames = np.load(tmp_path / "clips" / "frames.npy")
    assert frames.dtype == np.uint8
    assert frames.shape == (15, 8, 8)
    assert len(pd.read_parquet(tmp_path / "clips" / "clips.parquet")) == 3


def test_header_is_right_after_many_appends(tmp_path: Path) -> None:
    frames = np.zeros((2, 4, 6), np.uint8)
    with ClipWriter(tmp_path / "clips", 4, 6) as writer:
        for number in range(1500):
            frames[:] = number % 251
            writer.append(frames, clip_id=str(number), split="train", caption="a")
    read = np.load(tmp_path / "clips" / "frames.npy")
    assert read.shape == (3000, 4, 6)
    assert np.array_equal(read[:, 0, 0], np.repeat(np.arange(1500) % 251, 2))


def test_frames_stay_on_disk(tmp_path: Path) -> None:
    clips = small_store(tmp_path / "clips")
    assert isinstance(clips.frames, np.memmap)
    assert isinstance(clips.split("train").frames, np.memmap)
    assert np.shares_memory(clips[2], clips.frames)
    with pytest.raises(ValueError, match="read-only"):
        clips.frames[0] = 0


def test_an_error_leaves_the_earlier_store_and_no_litter(tmp_path: Path) -> None:
    small_store(tmp_path / "clips")
    with pytest.raises(RuntimeError, match="broken"), ClipWriter(tmp_path / "clips", 8, 8) as w:
        w.append(numbered_clip(4, 6), clip_id="new", split="train", caption="a")
        raise RuntimeError("broken")
    assert [path.name for path in tmp_path.iterdir()] == ["clips"]
    assert np.array_equal(Clips.open(tmp_path / "clips")[2], numbered_clip(2, 7))


def test_an_error_in_the_first_store_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), ClipWriter(tmp_path / "clips", 8, 8):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_nothing_shows_before_the_end(tmp_path: Path) -> None:
    with ClipWriter(tmp_path / "clips", 8, 8) as writer:
        writer.append(numbered_clip(0, 5), clip_id="a", split="train", caption="a")
        assert not (tmp_path / "clips").exists()
    assert (tmp_path / "clips").exists()


def test_a_new_store_takes_the_old_ones_place(tmp_path: Path) -> None:
    small_store(tmp_path / "clips")
    write_store(tmp_path / "clips", [(numbered_clip(5, 4), {})])
    assert len(Clips.open(tmp_path / "clips")) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["clips"]


@pytest.mark.parametrize(
    "frames",
    [
        np.zeros((3, 8, 9), np.uint8),
        np.zeros((3, 8, 8), np.float32),
        np.zeros((1, 8, 8), np.uint8),
    ],
)
def test_frames_of_another_kind_are_refused(tmp_path: Path, frames: np.ndarray) -> None:
    with (
        pytest.raises(ValueError, match="clip odd"),
        ClipWriter(tmp_path / "clips", 8, 8) as writer,
    ):
        writer.append(frames, clip_id="odd", split="train", caption="a")
    assert list(tmp_path.iterdir()) == []


def test_a_store_without_clips_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no clip"), ClipWriter(tmp_path / "clips", 8, 8):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_missing_store_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="run the source's data pipeline"):
        Clips.open(tmp_path / "clips")


def test_frames_of_another_table_are_refused(tmp_path: Path) -> None:
    small_store(tmp_path / "clips")
    np.save(tmp_path / "clips" / "frames.npy", np.zeros((14, 8, 8), np.uint8))
    with pytest.raises(ValueError, match="disagree"):
        Clips.open(tmp_path / "clips")


def test_poses_lie_beside_the_frames(tmp_path: Path) -> None:
    poses = [np.random.default_rng(n).random((n + 3, 2, 3)) for n in range(2)]
    poses[0][1, 1] = np.nan
    clips = write_store(
        tmp_path / "clips",
        [(numbered_clip(number, number + 3), {"poses": poses[number]}) for number in range(2)],
    )
    assert clips.poses.dtype == np.float32
    assert np.allclose(clips.poses, np.concatenate(poses), equal_nan=True)
    assert small_store(tmp_path / "none").poses.shape == (15, 0, 3)


@pytest.mark.parametrize("shape", [(4, 2, 3), (3, 2, 2), (3, 1, 3)])
def test_poses_that_do_not_fit_are_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    fits = {"poses": np.zeros((3, 2, 3))}
    odd = {"poses": np.zeros(shape), "clip_id": "odd"}
    with pytest.raises(ValueError, match=r"clip odd: poses.*3 frames"):
        write_store(tmp_path / "clips", [(numbered_clip(0, 3), fits), (numbered_clip(1, 3), odd)])
    assert list(tmp_path.iterdir()) == []


def test_split_selects_whole_clips(tmp_path: Path) -> None:
    clips = small_store(tmp_path / "clips")
    train = clips.split("train")
    assert train.table["subject"].tolist() == [1, 3]
    assert np.array_equal(train[1], numbered_clip(2, 7))
    assert np.array_equal(clips.split("test")[0], numbered_clip(1, 3))
    assert train.table.index.tolist() == [0, 2]
    assert np.array_equal(clips.where(clips.table["subject"] > 1)[0], numbered_clip(1, 3))


def test_fingerprint_changes_with_a_pixel_and_with_a_row(tmp_path: Path) -> None:
    first = small_store(tmp_path / "first")
    assert small_store(tmp_path / "same").fingerprint() == first.fingerprint()
    assert first.split("train").fingerprint() != first.fingerprint()

    frames = np.load(tmp_path / "same" / "frames.npy")
    frames[14, 7, 7] ^= 1
    np.save(tmp_path / "same" / "frames.npy", frames)
    assert Clips.open(tmp_path / "same").fingerprint() != first.fingerprint()

    posed = [(numbered_clip(0, 3), {"poses": np.full((3, 1, 3), float(x))}) for x in range(2)]
    ones, others = (write_store(tmp_path / f"posed{x}", [posed[x]]) for x in range(2))
    assert ones.fingerprint() != others.fingerprint()

    table = pd.read_parquet(tmp_path / "first" / "clips.parquet")
    table.loc[1, "caption"] = "a person is boxing"
    table.to_parquet(tmp_path / "first" / "clips.parquet", index=False)
    other = Clips.open(tmp_path / "first")
    assert other.fingerprint() != first.fingerprint()
    # what is not selected does not count
    assert other.split("train").fingerprint() == first.split("train").fingerprint()
