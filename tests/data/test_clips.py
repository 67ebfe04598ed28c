"""The clip store: whole or not at all, memory-mapped, one digest for equal clips."""

import shutil
import tracemalloc
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from toys import numbered_clip, windows_over, write_store
from videogeneration.data import clips as clips_module
from videogeneration.data.clips import Clip, Clips, ClipStream, origin, write_clips
from videogeneration.data.windows import WindowSettings
from videogeneration.sources.kth import KthSettings
from videogeneration.sources.people import PeopleSettings


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
    store = tmp_path / "clips"
    small_store(store)
    files = {str(path.relative_to(store)) for path in store.rglob("*") if path.is_file()}
    assert files == {"backgrounds.npy", "clips.parquet", "frames.npy", "report.json"}
    frames = np.load(store / "frames.npy")
    assert frames.dtype == np.uint8
    assert frames.shape == (15, 8, 8)
    assert len(pd.read_parquet(store / "clips.parquet")) == 3


def stream(clips: Iterable[Clip], size: tuple[int, int] = (8, 8)) -> ClipStream:
    return ClipStream(size, clips, {"made": "for tests"})


def row(name: str = "a") -> dict[str, str]:
    return {"clip_id": name, "split": "train", "caption": "a"}


def test_header_is_right_after_many_clips(tmp_path: Path) -> None:
    frames = np.zeros((2, 4, 6), np.uint8)
    many = (Clip(frames + n % 251, row(str(n))) for n in range(1500))
    write_clips(tmp_path / "clips", stream(many, (4, 6)))
    read = np.load(tmp_path / "clips" / "frames.npy")
    assert read.shape == (3000, 4, 6)
    assert np.array_equal(read[:, 0, 0], np.repeat(np.arange(1500) % 251, 2))


def test_memory_does_not_grow_with_the_clips(tmp_path: Path) -> None:
    """Sixteen times as many clips, with labels, take about the same memory at their peak."""

    def peak(count: int) -> int:
        def clips() -> Iterator[Clip]:
            for n in range(count):
                frames = np.full((20, 64, 64), n % 251, np.uint8)
                yield Clip(frames, row(str(n)), {"silhouette": frames.copy()}, frames[0])

        tracemalloc.start()
        write_clips(tmp_path / f"{count}", stream(clips(), (64, 64)))
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(10)
    # 400 clips are 64 MB
    assert peak(400) < peak(25) + 2_000_000


def test_the_report_is_what_the_stream_says_at_its_end(tmp_path: Path) -> None:
    said = stream(())

    def clips() -> Iterator[Clip]:
        yield Clip(numbered_clip(0, 5), row())
        said.report["clips"] = 1

    said.clips = clips()
    assert write_clips(tmp_path / "clips", said).report() == {"made": "for tests", "clips": 1}


def test_frames_stay_on_disk(tmp_path: Path) -> None:
    clips = small_store(tmp_path / "clips")
    assert isinstance(clips.frames, np.memmap)
    assert isinstance(clips.split("train").frames, np.memmap)
    assert np.shares_memory(clips[2], clips.frames)
    with pytest.raises(ValueError, match="read-only"):
        clips.frames[0] = 0


def resident(path: Path) -> int:
    """Bytes of a mapped file that this process has in memory."""
    mapped, total = False, 0
    for line in Path("/proc/self/smaps").read_text().splitlines():
        first, *rest = line.split()
        if not first.endswith(":"):
            mapped = rest[-1:] == [str(path)]
        elif mapped and first == "Rss:":
            total += 1024 * int(rest[0])
    return total


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="Linux says what is mapped")
def test_what_was_read_does_not_stay_in_memory(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (20, 64, 64), np.uint8)
    stored = [(np.roll(noise, shift, 0), {"split": "train"}) for shift in range(300)]
    clips, path = write_store(tmp_path / "clips", stored), tmp_path / "clips" / "frames.npy"
    size = path.stat().st_size
    assert clips.frames.sum() and resident(path) > 0.9 * size
    clips.fingerprint()
    assert resident(path) < 0.1 * size
    cut = windows_over(clips, WindowSettings(), batch_size=1, future=4)
    largest = max(resident(path) for _ in cut.batches(0, 300))
    assert 0 < largest < 0.6 * size


def breaks(error: BaseException) -> Iterator[Clip]:
    yield Clip(numbered_clip(4, 6), row("new"))
    raise error


def test_an_error_leaves_the_earlier_store_and_no_litter(tmp_path: Path) -> None:
    small_store(tmp_path / "clips")
    with pytest.raises(RuntimeError, match="broken"):
        write_clips(tmp_path / "clips", stream(breaks(RuntimeError("broken"))))
    assert [path.name for path in tmp_path.iterdir()] == ["clips"]
    assert np.array_equal(Clips.open(tmp_path / "clips")[2], numbered_clip(2, 7))


def of_origin(value: str, number: int) -> ClipStream:
    return ClipStream((8, 8), [Clip(numbered_clip(number, 5), row())], origin=value)


def test_clips_of_the_same_origin_are_not_made_again(tmp_path: Path) -> None:
    store = tmp_path / "clips"
    write_clips(store, of_origin("one", 0))
    taken = ClipStream((8, 8), breaks(AssertionError("a clip was taken")), origin="one")
    assert np.array_equal(write_clips(store, taken)[0], numbered_clip(0, 5))
    assert np.array_equal(write_clips(store, of_origin("other", 1))[0], numbered_clip(1, 5))
    # where nobody knows what they are made from, nor where the store is damaged
    assert np.array_equal(write_clips(store, of_origin("", 2))[0], numbered_clip(2, 5))
    assert np.array_equal(write_clips(store, of_origin("", 3))[0], numbered_clip(3, 5))
    write_clips(store, of_origin("one", 0))
    (store / "frames.npy").write_bytes(b"damaged")
    assert np.array_equal(write_clips(store, of_origin("one", 4))[0], numbered_clip(4, 5))


def test_settings_and_files_are_an_origin(tmp_path: Path) -> None:
    video, other = tmp_path / "video.avi", tmp_path / "elsewhere" / "video.avi"
    other.parent.mkdir()
    video.write_bytes(b"one")
    other.write_bytes(b"one")
    first = origin(WindowSettings(), [video])
    assert origin(WindowSettings(), [other]) == first
    other.write_bytes(b"two")
    assert origin(WindowSettings(), [other]) != first
    assert origin(WindowSettings(mirror=0.1), [video]) != first
    assert origin(WindowSettings(), [video, other]) != first
    # nor does their order count, nor one that cannot be read
    assert origin(WindowSettings(), [other, video]) == origin(WindowSettings(), [video, other])
    assert origin(WindowSettings(), [tmp_path / "elsewhere"]) != first


def test_what_decides_no_clips_is_no_origin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few, many = (KthSettings(people=PeopleSettings(processes=count)) for count in (1, 8))
    first = origin(few, [])
    assert origin(many, []) == first
    assert origin(replace(few, clips=replace(few.clips, processes=3)), []) == first
    assert origin(replace(few, people=PeopleSettings(seed=1)), []) != first
    assert origin(replace(few, clips=replace(few.clips, size=64)), []) != first
    # of the code, what makes clips
    package = tmp_path / "videogeneration"
    shutil.copytree(Path(clips_module.__file__).parents[1], package)
    monkeypatch.setattr(clips_module, "_PACKAGE", package)
    assert origin(few, []) == first
    for path in ("cli.py", "models/unet.py", "training/loop.py"):
        (package / path).write_text("")
        assert origin(few, []) == first
    for path in ("sources/people/films.py", "data/clips.py", "vision/warp.py"):
        before = origin(few, [])
        (package / path).write_text("")
        assert origin(few, []) != before


def test_an_error_in_the_first_store_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        write_clips(tmp_path / "clips", stream(breaks(KeyboardInterrupt())))
    assert list(tmp_path.iterdir()) == []


def test_nothing_shows_before_the_end(tmp_path: Path) -> None:
    def clips() -> Iterator[Clip]:
        yield Clip(numbered_clip(0, 5), row())
        assert not (tmp_path / "clips").exists()

    write_clips(tmp_path / "clips", stream(clips()))
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
    with pytest.raises(ValueError, match="clip odd"):
        write_clips(tmp_path / "clips", stream([Clip(frames, row("odd"))]))
    assert list(tmp_path.iterdir()) == []


def test_a_store_without_clips_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no clip"):
        write_clips(tmp_path / "clips", stream(()))
    assert list(tmp_path.iterdir()) == []


def test_a_missing_store_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="run the source's data pipeline"):
        Clips.open(tmp_path / "clips")


def test_frames_of_another_table_are_refused(tmp_path: Path) -> None:
    small_store(tmp_path / "clips")
    np.save(tmp_path / "clips" / "frames.npy", np.zeros((14, 8, 8), np.uint8))
    with pytest.raises(ValueError, match="disagree"):
        Clips.open(tmp_path / "clips")


def labelled(number: int, labels: dict[str, np.ndarray], behind: int | None = None) -> Clip:
    background = None if behind is None else np.full((8, 8), behind, np.uint8)
    return Clip(numbered_clip(number, number + 3), row(f"clip{number}"), labels, background)


def test_labels_lie_beside_the_frames(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    poses = [random.random((n + 3, 2, 3)).astype(np.float32) for n in range(2)]
    valid = [random.random((n + 3, 2)) > 0.5 for n in range(2)]
    made = [labelled(n, {"poses": poses[n], "poses_valid": valid[n]}) for n in range(2)]
    clips = write_clips(tmp_path / "clips", stream(made))
    assert set(clips.labels) == {"poses", "poses_valid"}
    assert np.array_equal(clips.labels["poses"], np.concatenate(poses))
    assert np.array_equal(clips.labels["poses"][clips.rows(1)], poses[1])
    assert np.array_equal(clips.labels["poses_valid"], np.concatenate(valid))
    assert clips.labels["poses_valid"].dtype == bool
    assert isinstance(clips.labels["poses"], np.memmap)
    assert dict(small_store(tmp_path / "none").labels) == {}


@pytest.mark.parametrize(
    "labels",
    [
        {"poses": np.zeros((4, 2, 3), np.float32)},
        {"poses": np.zeros((5, 2, 2), np.float32)},
        {"poses": np.zeros((4, 2, 3))},
        {"angle": np.zeros((4, 2, 3), np.float32)},
        {},
    ],
)
def test_labels_that_do_not_fit_are_refused(tmp_path: Path, labels: dict[str, np.ndarray]) -> None:
    made = [labelled(0, {"poses": np.zeros((3, 2, 3), np.float32)}), labelled(2, labels)]
    with pytest.raises(ValueError, match=r"clip clip2: .*poses"):
        write_clips(tmp_path / "clips", stream(made))
    assert list(tmp_path.iterdir()) == []


def test_backgrounds_lie_beside_the_clips(tmp_path: Path) -> None:
    made = [labelled(0, {}, 7), labelled(1, {}), labelled(2, {}, 9)]
    clips = write_clips(tmp_path / "clips", stream(made))
    found = [clips.background(n) for n in range(3)]
    assert found[1] is None
    assert (found[0] == 7).all() and (found[2] == 9).all()  # type: ignore[union-attr]
    assert clips.table["background_valid"].tolist() == [True, False, True]
    # a selection keeps its own
    (last,) = [clips.where(clips.table["clip_id"] == "clip2").background(0)]
    assert (last == 9).all()  # type: ignore[union-attr]
    with pytest.raises(ValueError, match="clip odd: the background"):
        odd = Clip(numbered_clip(0, 3), row("odd"), {}, np.zeros((4, 8), np.uint8))
        write_clips(tmp_path / "odd", stream([odd]))


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

    def printed(name: str, x: float, behind: int | None = None) -> str:
        clip = labelled(0, {"poses": np.full((3, 1, 3), x, np.float32)}, behind)
        return write_clips(tmp_path / name, stream([clip])).fingerprint()

    prints = [printed("0", 0), printed("1", 1), printed("2", 1, 5), printed("3", 1, 6)]
    assert len(set(prints)) == 4
    assert printed("4", 1, 6) == prints[3]

    table = pd.read_parquet(tmp_path / "first" / "clips.parquet")
    table.loc[1, "caption"] = "a person is boxing"
    table.to_parquet(tmp_path / "first" / "clips.parquet", index=False)
    other = Clips.open(tmp_path / "first")
    assert other.fingerprint() != first.fingerprint()
    # what is not selected does not count
    assert other.split("train").fingerprint() == first.split("train").fingerprint()


def test_what_is_not_there_is_a_hole_in_its_file(tmp_path: Path) -> None:
    """Labels that nobody knows take no room, at the end of a file neither."""
    frames = np.zeros((6, 64, 64), np.uint8)
    made = [Clip(frames, row("a")), Clip(frames + 7, row("b")), Clip(frames, row("c"))]
    clips = write_clips(tmp_path / "clips", stream(made, (64, 64)))
    for index, value in enumerate((0, 7, 0)):
        assert np.array_equal(clips[index], frames + value)


def test_lists_in_a_row_come_back(tmp_path: Path) -> None:
    frames = np.zeros((2, 8, 8), np.uint8)
    rows = [{**row("a"), "sizes": [1.5, 2.0]}, {**row("b"), "sizes": [3.0]}]
    clips = write_clips(tmp_path / "clips", stream([Clip(frames, each) for each in rows]))
    assert [list(sizes) for sizes in clips.table["sizes"]] == [[1.5, 2.0], [3.0]]
