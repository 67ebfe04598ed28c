"""Windows: which frames and which sentence a network sees, told from the frames' grey values."""

from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from toys import (
    LEFT,
    RIGHT,
    VARIED,
    block_clip,
    decoded,
    numbered_clip,
    window_settings,
    windows_over,
    write_store,
)
from videogeneration.captions import ActionGrammar
from videogeneration.data.clips import HISTORY, Clip, Clips, ClipStream, write_clips
from videogeneration.data.windows import (
    Windows,
    WindowSettings,
    histories,
)
from videogeneration.models.interface import Batch

LENGTHS = (15, 2, 12, 6)
PLAIN = window_settings()


@pytest.fixture
def clips(tmp_path: Path) -> Clips:
    """Four clips of 15, 2, 12 and 6 frames, in turn to the left and to the right."""
    return write_store(
        tmp_path / "clips",
        [
            (numbered_clip(number, length), {"caption": (LEFT, RIGHT)[number % 2]})
            for number, length in enumerate(LENGTHS)
        ],
    )


def numbers(frames: Tensor) -> list[tuple[int, int] | None]:
    """Clip and frame number of every frame; None where it is missing."""
    values = (frames[:, 0, 3] * 255).round().int().tolist()
    return [divmod(value - 1, 20) if value else None for value in values]


def sentence(batch: Batch, window: int) -> str:
    return decoded(ActionGrammar().vocabulary, batch.caption[window].numpy())


def mirrored(frames: Tensor) -> bool:
    return bool(frames[-1, 0, -1] == 1)


def epoch(windows: Windows) -> list[tuple[Batch, int]]:
    """All windows of the first epoch."""
    found = []
    for step in range(-(-len(windows) // windows.batch_size)):
        batch = windows.batch(step)
        found += [(batch, place) for place in range(windows.batch_size)]
    return found[: len(windows)]


def test_newest_frame_is_last_and_directly_before_the_future(clips: Clips) -> None:
    windows = windows_over(clips, PLAIN, batch_size=4, future=2)
    lengths = set()
    for batch, place in epoch(windows):
        history, future = numbers(batch.history[place]), numbers(batch.future[place])
        present = [number for number in history if number is not None]
        clip, newest = present[-1]
        lengths.add(len(present))
        # as many frames as the clip has before the future, at most ten, the missing ones in front
        first = max(0, newest - HISTORY + 1)
        assert present == [(clip, frame) for frame in range(first, newest + 1)]
        assert history == [None] * (HISTORY - len(present)) + present
        # as many as the clip has, at most two
        more = LENGTHS[clip] - 1 - newest
        assert future == [(clip, newest + 1), (clip, newest + 2) if more > 1 else None]
        assert batch.future_valid[place].tolist() == [True, more > 1]
        assert sentence(batch, place) == (LEFT, RIGHT)[clip % 2]
    assert lengths == set(range(1, HISTORY + 1))


def test_missing_frames_are_older_ones_and_zero(clips: Clips) -> None:
    for batch, place in epoch(windows_over(clips, VARIED, batch_size=4)):
        valid = batch.history_valid[place]
        count = int(valid.sum())
        assert 1 <= count <= HISTORY
        assert valid.tolist() == [False] * (HISTORY - count) + [True] * count
        shown = batch.history[place].flatten(1).amax(1) > 0
        assert torch.equal(shown, valid)


def test_a_black_frame_is_a_frame(tmp_path: Path) -> None:
    """However bright or dark it is made."""
    clips = write_store(tmp_path / "clips", [(np.zeros((12, 8, 8), np.uint8), {})])
    settings = window_settings(brightness=0.5, contrast=0.5)
    batch = windows_over(clips, settings, batch_size=32).batch(0)
    black = batch.history[:, -1].flatten(1).amax(1) == 0
    assert black.any()
    assert batch.history_valid[:, -1].all()
    assert batch.future_valid[:, 0].all()


def test_shapes_types_and_range(clips: Clips) -> None:
    batch = windows_over(clips, VARIED, batch_size=3, future=2).batch(0)
    assert batch.history.shape == (3, 10, 8, 8)
    assert batch.future.shape == (3, 2, 8, 8)
    assert batch.caption.shape == (3, 7, 14)
    assert batch.future_valid.shape == (3, 2)
    assert batch.future_valid.dtype == torch.bool
    assert batch.history_valid.shape == (3, 10)
    assert batch.noise.eq(0).all()
    for tensor in (batch.history, batch.future, batch.caption):
        assert tensor.dtype == torch.float32
        assert tensor.min() >= 0
        assert tensor.max() <= 1


def test_every_window_occurs_once_an_epoch(clips: Clips) -> None:
    windows = windows_over(clips, PLAIN, batch_size=1)
    assert len(windows) == sum(length - 1 for length in LENGTHS)

    def seen(steps: range) -> list[tuple[int, int] | None]:
        return [numbers(windows.batch(step).future[0])[0] for step in steps]

    every = Counter((c, f) for c, length in enumerate(LENGTHS) for f in range(1, length))
    first, second = seen(range(len(windows))), seen(range(len(windows), 2 * len(windows)))
    assert Counter(first) == Counter(second) == every
    assert first != second
    assert first != sorted(every)


def test_clips_that_end_early_still_have_windows(clips: Clips) -> None:
    windows = windows_over(clips, PLAIN, batch_size=1, future=15)
    assert len(windows) == sum(length - 1 for length in LENGTHS)


def test_clips_that_teach_nothing_are_refused(tmp_path: Path) -> None:
    never = {"view_start": 7, "view_end": 8}
    clips = write_store(tmp_path / "clips", [(numbered_clip(0, 8), never)])
    with pytest.raises(ValueError, match="no clip goes on"):
        windows_over(clips, PLAIN, batch_size=1)


@pytest.mark.parametrize("mirror", [0.0, 1.0])
def test_poses_go_with_their_frames(tmp_path: Path, mirror: float) -> None:
    """A white pixel that walks along a row, and turns a little in every frame."""
    frames, poses = np.full((9, 8, 8), 20, np.uint8), np.full((9, 2, 3), np.nan)
    for time in range(8):
        frames[time, 3, time] = 255
        poses[time, 0] = time, 3, 0.1 * time
    clips = write_store(tmp_path / "clips", [(frames, {"poses": poses})])
    settings = window_settings(single_frame=0.3, mirror=mirror)
    turned = set()
    for batch, place in epoch(
        windows_over(clips, settings, batch_size=2, future=3, labels=["poses"])
    ):
        shown = torch.cat([batch.history[place], batch.future[place]])
        valid = torch.cat([batch.history_valid[place], batch.future_valid[place]])
        poses, known = batch.labels["poses"][place], batch.labels["poses_valid"][place]
        assert not known[~valid].any()
        assert not known[:, 1].any()
        for frame, there, (x, y, turn) in zip(shown, known[:, 0], poses[:, 0], strict=True):
            bright = (frame == 1).nonzero()
            if not there:
                assert not len(bright)
                continue
            assert bright.tolist() == [[int(y), int(x)]]
            turned.add((int(x), round(float(turn), 1)))
    expected = {(7 - t, -0.1 * t) if mirror else (t, 0.1 * t) for t in range(8)}
    assert {(x, round(turn, 1) + 0.0) for x, turn in turned} == {
        (x, round(turn, 1) + 0.0) for x, turn in expected
    }


@pytest.mark.parametrize("mirror", [0.0, 1.0])
def test_labels_of_people_go_with_their_frames(tmp_path: Path, mirror: float) -> None:
    """A white pixel that walks along a row is head, foot and silhouette, and looks to the right."""
    frames = np.full((8, 8, 8), 20, np.uint8)
    frames[np.arange(8), 3, np.arange(8)] = 255
    place = np.stack([np.arange(8), np.full(8, 3)], -1).astype(np.float32)
    labels = {
        "keypoints": np.repeat(place[:, None], 16, 1),
        "silhouette": np.where(frames == 255, 255, 0).astype(np.uint8),
        "heading": np.zeros(8, np.float32),
    }
    row = {"clip_id": "clip0", "split": "train", "caption": RIGHT, "view_start": 0, "view_end": 8}
    store = write_clips(tmp_path / "clips", ClipStream((8, 8), iter([Clip(frames, row, labels)])))
    settings = window_settings(single_frame=0.0, mirror=mirror)
    windows = windows_over(store, settings, batch_size=2, future=3, labels=list(labels))
    for batch, place_in in epoch(windows):
        shown = torch.cat([batch.history[place_in], batch.future[place_in]])
        there = torch.cat([batch.history_valid[place_in], batch.future_valid[place_in]])
        keypoints, silhouette, heading = (batch.labels[name][place_in] for name in labels)
        assert there.any()
        for frame, points, alpha, angle in zip(
            shown[there], keypoints[there], silhouette[there], heading[there], strict=True
        ):
            bright = (frame == 1).nonzero()
            assert torch.equal(bright.flip(1).expand(16, 2), points.long())
            assert torch.equal((alpha == 1).nonzero(), bright)
            assert float(angle) == pytest.approx(np.pi * mirror)


@pytest.mark.parametrize("mirror", [0.0, 1.0])
def test_what_is_behind_a_walker_is_told(tmp_path: Path, mirror: float) -> None:
    """The ground brightens to the right, and so it does, mirrored, to the left."""
    clips = []
    for number, length in enumerate((12, 9)):
        frames, poses = block_clip("left", number, size=48, length=length)
        ramp = np.linspace(20, 120, 48).round().astype(np.uint8)
        frames = np.where(frames == 0, ramp, frames)
        clips.append((frames, {"caption": LEFT, "poses": poses if number == 0 else np.nan * poses}))
    store = write_store(tmp_path / "clips", clips)
    settings = window_settings(mirror=mirror, single_frame=0.0)
    windows = windows_over(store, settings, batch_size=8, labels=["poses", "background"])
    labels = windows.batch(0).labels
    known = labels["poses_valid"][:, 9, 0]
    assert 0 < known.sum() < 8
    ramp = torch.from_numpy(ramp[::-1].copy() if mirror else ramp) / 255
    assert torch.equal(labels["background_valid"], known)
    assert torch.allclose(labels["background"][known], ramp.expand(int(known.sum()), 48, 48))
    assert "background" not in windows_over(store, settings, batch_size=8).batch(0).labels


def test_a_selection_keeps_its_own_captions(clips: Clips) -> None:
    chosen = clips.where(clips.table["clip_id"].isin(["clip1", "clip2"]))
    captions = np.stack([ActionGrammar().vocabulary.encode(s) for s in clips.table["caption"]])
    windows = Windows(chosen, captions, ActionGrammar(), PLAIN, 1)
    for batch, place in epoch(windows):
        found = numbers(batch.future[place])[0]
        assert found is not None
        assert found[0] in (1, 2)
        assert sentence(batch, place) == (LEFT, RIGHT)[found[0] % 2]


def test_mirror_turns_the_picture_and_the_sentence(clips: Clips) -> None:
    settings = window_settings(single_frame=0.0, mirror=1.0)
    for batch, place in epoch(windows_over(clips, settings, batch_size=4)):
        found = numbers(batch.future[place])[0]
        assert found is not None
        assert mirrored(batch.history[place])
        assert mirrored(batch.future[place])
        assert sentence(batch, place) == (RIGHT, LEFT)[found[0] % 2]


def test_shares_are_shares(clips: Clips) -> None:
    windows = windows_over(clips, window_settings(mirror=0.5, single_frame=0.25), batch_size=50)
    turned = alone = 0
    for step in range(16):
        batch = windows.batch(step)
        for place in range(50):
            (following,) = numbers(batch.future[place])
            assert following is not None
            is_mirrored = mirrored(batch.future[place])
            turned += is_mirrored
            # of clips that begin in view other windows have one frame too, those before the second
            alone += following[1] > 1 and int(batch.history_valid[place].sum()) == 1
            assert sentence(batch, place) == (LEFT, RIGHT)[(following[0] + is_mirrored) % 2]
    assert 0.44 < turned / 800 < 0.56
    assert 0.15 < alone / 800 < 0.28


def test_single_frames_lie_where_the_figure_is_in_view(tmp_path: Path) -> None:
    view = {"view_start": 4, "view_end": 9}
    clips = write_store(tmp_path / "clips", [(numbered_clip(0, 15), view)])
    settings = window_settings(single_frame=1.0)
    seen = set()
    for batch, place in epoch(windows_over(clips, settings, batch_size=7)) * 4:
        history = numbers(batch.history[place])
        assert history[:-1] == [None] * 9
        (following,) = numbers(batch.future[place])
        assert history[-1] is not None
        newest = history[-1][1]
        assert following == (0, newest + 1)
        seen.add(newest)
    assert seen == set(range(4, 9))


def test_single_frames_leave_room_for_the_future(tmp_path: Path) -> None:
    view = {"view_start": 3, "view_end": 6}
    clips = write_store(tmp_path / "clips", [(numbered_clip(0, 6), view)])
    settings = window_settings(single_frame=1.0)
    for batch, place in epoch(windows_over(clips, settings, batch_size=3, future=2)):
        newest = numbers(batch.history[place])[-1]
        assert newest in ((0, 3), (0, 4))
        last = (0, 5) if newest == (0, 3) else None
        assert numbers(batch.future[place]) == [(0, newest[1] + 1), last]


def test_a_clip_that_never_shows_the_figure_gives_ordinary_windows(tmp_path: Path) -> None:
    view = {"view_start": 0, "view_end": 0}
    clips = write_store(tmp_path / "clips", [(numbered_clip(0, 15), view)])
    found = epoch(windows_over(clips, window_settings(single_frame=1.0), batch_size=1))
    assert Counter(numbers(batch.future[0])[0] for batch, _ in found) == Counter(
        (0, frame) for frame in range(1, 15)
    )


@pytest.mark.parametrize("future", [1, 3])
@pytest.mark.parametrize("view", [(0, 0), (0, 2), (5, 9), (8, 9)])
def test_windows_never_leave_their_clip(tmp_path: Path, view: tuple[int, int], future: int) -> None:
    columns = {"view_start": view[0], "view_end": view[1]}
    clips = write_store(
        tmp_path / "clips", [(numbered_clip(number, 12), columns) for number in range(3)]
    )
    settings = window_settings(single_frame=0.3)
    for batch, place in epoch(windows_over(clips, settings, batch_size=5, future=future)) * 2:
        history, following = numbers(batch.history[place]), numbers(batch.future[place])
        shown = [number for number in [*history, *following] if number is not None]
        clip, first = shown[0]
        assert shown == [(clip, first + i) for i in range(len(shown))]


def test_windows_begin_where_the_figure_is_in_view(tmp_path: Path) -> None:
    view = {"view_start": 4, "view_end": 9}
    clips = write_store(tmp_path / "clips", [(numbered_clip(0, 15), view)])
    found = epoch(windows_over(clips, PLAIN, batch_size=1))
    newest = Counter(numbers(batch.history[0])[-1] for batch, _ in found)
    assert newest == Counter((0, frame) for frame in range(4, 14))
    # what came before is in the history
    assert all(numbers(batch.history[0])[-5] is not None for batch, _ in found)


def test_single_frames_at_the_start(clips: Clips) -> None:
    settings = window_settings(single_frame=1.0, single_frame_at_start=True)
    for batch, place in epoch(windows_over(clips, settings, batch_size=4)):
        (newest,) = numbers(batch.history[place, -1:])
        assert newest is not None
        assert newest[1] == 0
        assert numbers(batch.future[place]) == [(newest[0], 1)]


def equal(one: Batch, other: Batch) -> bool:
    names = ("history", "history_valid", "future", "future_valid", "caption")
    return all(torch.equal(getattr(one, name), getattr(other, name)) for name in names) and all(
        torch.equal(x, other.labels[name]) for name, x in one.labels.items()
    )


def test_a_batch_depends_on_its_step_and_the_seed_only(clips: Clips) -> None:
    forward = windows_over(clips, VARIED, batch_size=4)
    in_order = [forward.batch(step) for step in range(20)]
    other = windows_over(clips, VARIED, batch_size=4)
    shuffled = {step: other.batch(step) for step in (13, 2, 19, 0, 7, 13, 1)}
    assert all(equal(batch, in_order[step]) for step, batch in shuffled.items())
    assert not any(equal(a, b) for a, b in pairwise(in_order))
    assert not equal(windows_over(clips, VARIED, batch_size=4, seed=1).batch(0), in_order[0])


def test_batches_are_those_of_their_steps(clips: Clips) -> None:
    windows = windows_over(clips, VARIED, batch_size=4)
    stream = list(windows.batches(3, 12))
    assert len(stream) == 9
    for step, batch in enumerate(stream, 3):
        assert equal(batch, windows.batch(step))
    assert list(windows.batches(5, 5)) == []


def test_brightness_and_contrast_are_the_same_for_a_whole_window(tmp_path: Path) -> None:
    clip = np.full((12, 8, 8), 100, np.uint8)
    clip[:, 4:] = 150
    clips = write_store(tmp_path / "clips", [(clip, {})])
    settings = window_settings(single_frame=0.0, brightness=0.2, contrast=0.5)
    batch = windows_over(clips, settings, batch_size=16).batch(0)
    dark, light = batch.history[:, -1, 0, 0], batch.history[:, -1, 7, 0]
    assert torch.equal(batch.future[:, 0, 0, 0], dark)
    assert torch.equal(batch.future[:, 0, 7, 0], light)
    gain = (light - dark) / (50 / 255)
    assert gain.min() < 0.8
    assert gain.max() > 1.2
    assert gain.min() > 0.49
    assert gain.max() < 1.51


@pytest.mark.parametrize("name", ["mirror", "single_frame", "brightness", "contrast"])
@pytest.mark.parametrize("value", [-0.1, 1.5, float("nan")])
def test_a_share_out_of_range_is_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"(?s){name}.*(greater|less|finite)"):
        WindowSettings(**{name: value})  # type: ignore[arg-type]


def test_unknown_names_and_wrong_types_are_refused() -> None:
    with pytest.raises(ValueError, match="miror"):
        WindowSettings(miror=0.5)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="mirror"):
        WindowSettings(mirror="often")  # type: ignore[arg-type]


def test_histories_have_their_missing_frames_at_the_front() -> None:
    def grey(first: int, count: int) -> np.ndarray:
        values = np.arange(first, first + count, dtype=np.float32)
        return np.broadcast_to(values[:, None, None] / 255, (count, 4, 6)).copy()

    history, valid = histories([grey(5, 1), grey(0, 3), grey(1, 14)])
    assert history.shape == (3, HISTORY, 4, 6)
    found = (history[..., 0, 0] * 255).round().int().tolist()
    assert found == [[0] * 9 + [5], [0] * 8 + [1, 2], list(range(5, 15))]
    assert valid.sum(1).tolist() == [1, 3, 10], "a black frame is a frame"
    assert valid[:, -1].all()
