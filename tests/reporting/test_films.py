"""Films are read back and compared with what was written."""

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from videogeneration.reporting.films import Reel, mp4_film, side_by_side, strip, write_film
from videogeneration.reporting.sheets import SheetFilm


@pytest.fixture(scope="module")
def walker(shared_data: Path) -> np.ndarray:
    """Recorded frames as they are on disk, uint8 `[12, 120, 160]`."""
    path = shared_data / "kth" / "walking" / "person01_walking_d1_uncomp.avi"
    video = cv2.VideoCapture(str(path))
    frames = [cv2.cvtColor(video.read()[1], cv2.COLOR_BGR2GRAY) for _ in range(60)]
    return np.stack(frames[::5])


def decode(path: Path) -> np.ndarray:
    """Every frame of a film, uint8 `[T, H, W]`."""
    with av.open(str(path)) as container:
        return np.stack([f.to_ndarray(format="gray") for f in container.decode(video=0)])


def test_mp4_is_what_browsers_play(walker: np.ndarray, tmp_path: Path) -> None:
    write_film(tmp_path / "film", walker, fps=5)
    with av.open(str(tmp_path / "film.mp4")) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert (stream.height, stream.width) == (360, 480)
        assert stream.average_rate == 5
        assert stream.frames == len(walker)
        assert float(container.duration) / av.time_base == pytest.approx(len(walker) / 5)
    # the index comes before the pictures, so that a film starts before it is loaded
    data = (tmp_path / "film.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_mp4_shows_the_frames(walker: np.ndarray, tmp_path: Path) -> None:
    write_film(tmp_path / "film", walker, fps=5, scale=2, smooth=False)
    large = walker.repeat(2, axis=1).repeat(2, axis=2)
    difference = np.abs(decode(tmp_path / "film.mp4").astype(int) - large)
    assert difference.mean() < 3
    # light is neither lifted nor squeezed by the way through limited-range YUV
    ramp = np.broadcast_to(np.arange(256, dtype=np.uint8), (3, 256, 256))
    write_film(tmp_path / "ramp", ramp, fps=5, scale=1)
    assert np.abs(decode(tmp_path / "ramp.mp4").astype(int) - ramp).max() <= 4


def test_gif_is_exact(walker: np.ndarray, tmp_path: Path) -> None:
    write_film(tmp_path / "film", walker, fps=5, scale=1)
    with Image.open(tmp_path / "film.gif") as picture:
        assert picture.n_frames == len(walker)
        assert picture.info["loop"] == 0
        for index, frame in enumerate(walker):
            picture.seek(index)
            assert picture.info["duration"] == 200
            np.testing.assert_array_equal(np.asarray(picture.convert("L")), frame)


def test_a_gif_keeps_frames_that_do_not_change(tmp_path: Path) -> None:
    write_film(tmp_path / "film", np.full((4, 20, 20), 77, np.uint8), fps=10, scale=1)
    with Image.open(tmp_path / "film.gif") as picture:
        durations = []
        for index in range(picture.n_frames):
            picture.seek(index)
            durations.append(picture.info["duration"])
    assert sum(durations) == 400


@pytest.mark.parametrize(("size", "expected"), [((64, 64), 256), ((300, 301), 300)])
def test_films_are_large_enough_to_watch_and_even(
    size: tuple[int, int], expected: int, tmp_path: Path
) -> None:
    write_film(tmp_path / "film", np.zeros((2, *size), np.uint8), fps=5)
    film = decode(tmp_path / "film.mp4")
    assert min(film.shape[1:]) == expected
    assert film.shape[1] % 2 == film.shape[2] % 2 == 0


def test_a_long_film_is_never_held_as_a_whole(tmp_path: Path) -> None:
    length, side = 1000, 64

    def frames() -> Iterator[np.ndarray]:
        for index in range(length):
            frame = np.zeros((side, side), np.uint8)
            frame[20:40, index % 40 : index % 40 + 20] = 200
            yield frame

    tracemalloc.start()
    write_film(tmp_path / "film", frames(), fps=25, scale=1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < length * side * side / 4
    for ending in (".gif", ".mp4"):
        assert len(decode(tmp_path / f"film{ending}")) == length


def test_a_film_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "film"
    written = write_film(path, np.zeros((3, 32, 32), np.uint8), fps=5)
    assert [file.name for file in written] == ["film.gif", "film.mp4"]
    before = [file.read_bytes() for file in written]

    def broken() -> Iterator[np.ndarray]:
        yield np.zeros((32, 32), np.uint8)
        raise RuntimeError("the network stopped")

    with pytest.raises(RuntimeError, match="the network stopped"):
        write_film(path, broken(), fps=5)
    assert [file.read_bytes() for file in written] == before
    assert sorted(tmp_path.iterdir()) == written


def test_bad_films_are_refused(tmp_path: Path) -> None:
    good = np.zeros((2, 32, 32), np.uint8)
    with pytest.raises(ValueError, match="film: no frames"):
        write_film(tmp_path / "film", [], fps=5)
    with pytest.raises(ValueError, match=r"film: a frame is float32 \[32, 32\], not uint8"):
        write_film(tmp_path / "film", good.astype(np.float32), fps=5)
    with pytest.raises(ValueError, match=r"a frame is uint8 \[8, 8\], not uint8 \[32, 32\]"):
        write_film(tmp_path / "film", [good[0], np.zeros((8, 8), np.uint8)], fps=5)
    with pytest.raises(ValueError, match="fps: 0"):
        write_film(tmp_path / "film", good, fps=0)
    with pytest.raises(ValueError, match="scale: 0"):
        write_film(tmp_path / "film", good, fps=5, scale=0)
    assert not list(tmp_path.iterdir())


def test_side_by_side_plays_every_film_and_dims_the_ended() -> None:
    short, long = np.full((3, 128, 128), 100, np.uint8), np.full((6, 128, 128), 61, np.uint8)
    first = SheetFilm("a title", {"truth": short, "mse": long}, given=1)
    second = SheetFilm("another", {"truth": long}, given=1)
    film = list(side_by_side([first, second]))
    assert len(film) == 6
    assert len({frame.shape for frame in film}) == 1
    picture = 256 * 256
    for index, frame in enumerate(film):
        assert frame.dtype == np.uint8
        # text is smoothed and may have a few pixels of any grey
        assert (frame == 61).sum() == pytest.approx(2 * picture, abs=200)
        assert (frame == (100 if index < 3 else 50)).sum() == pytest.approx(picture, abs=200)


def test_an_ended_film_in_colours_keeps_them(tmp_path: Path) -> None:
    red = np.full((6, 256, 256, 3), (200, 60, 40), np.uint8)
    scene = SheetFilm("", {"short": red[:3], "long": red}, given=1)
    gif, _ = Reel([scene], 5).write(tmp_path / "film")
    with Image.open(gif) as film:
        film.seek(5)
        both = np.asarray(film.convert("RGB"), int).reshape(-1, 3)
    assert (np.abs(both - (200, 60, 40)).max(1) < 8).sum() > 1.9 * 256 * 256


def test_side_by_side_shows_frames_in_the_order_of_rows() -> None:
    left, right = np.full((2, 128, 128), 90, np.uint8), np.full((2, 128, 128), 190, np.uint8)
    frame = next(side_by_side([SheetFilm("", {"truth": left, "gan": right}, given=1)]))
    middle = frame[frame.shape[0] // 2]
    assert np.flatnonzero(middle == 90).max() < np.flatnonzero(middle == 190).min()


def test_side_by_side_of_several_sizes_is_refused() -> None:
    small = SheetFilm("", {"a": np.zeros((2, 64, 64), np.uint8)}, given=1)
    large = SheetFilm("", {"a": np.zeros((2, 128, 128), np.uint8)}, given=1)
    with pytest.raises(ValueError, match="need one size"):
        next(side_by_side([small, large]))


def test_long_labels_are_broken_into_lines_and_make_room() -> None:
    film = np.full((1, 64, 64), 200, np.uint8)
    long = "the house is moving up and down " * 2
    short, wrapped = (
        next(side_by_side([SheetFilm("", {"left": film, label: film}, given=1)]))
        for label in ("right", long)
    )
    assert wrapped.shape[1] == short.shape[1]
    assert wrapped.shape[0] == short.shape[0] + 18
    # nothing is written over the pictures
    assert (wrapped == 200).sum() == pytest.approx(2 * 256 * 256, abs=100)
    assert (wrapped[-256 - 8 : -8, 8:264] == 200).all()


def test_a_film_keeps_its_colours(tmp_path: Path) -> None:
    film = np.zeros((3, 40, 60, 3), np.uint8)
    film[:, :, :30], film[:, :, 30:] = (200, 40, 40), (40, 40, 200)
    for path in write_film(tmp_path / "film", film, fps=5, scale=1):
        with av.open(str(path)) as container:
            frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        assert len(frames) == 3
        for frame in frames:
            assert np.abs(frame[:, 5:25].mean((0, 1)) - (200, 40, 40)).max() < 12
            assert np.abs(frame[:, 35:55].mean((0, 1)) - (40, 40, 200)).max() < 12


def test_side_by_side_in_colour() -> None:
    red = np.zeros((2, 64, 64, 3), np.uint8)
    red[..., 0] = 200
    page = next(side_by_side([SheetFilm("", {"one": red, "other": red[..., ::-1]}, given=1)]))
    left, right = page[100:200, :264].max((0, 1)), page[100:200, 280:].max((0, 1))
    assert left.tolist() == [200, 16, 16]
    assert right.tolist() == [16, 16, 200]


def test_a_strip_shows_films_beside_one_another_above_a_bar(tmp_path: Path) -> None:
    rows = {"truth": np.full((2, 16, 16), 200, np.uint8), "gan": np.full((4, 16, 16), 50, np.uint8)}
    frames = list(strip(SheetFilm("a title", rows, given=1)))
    assert {(frame.shape, frame.dtype.name) for frame in frames} == {((262, 512, 3), "uint8")}
    assert [(x[10, 10].tolist(), x[10, 300].tolist()) for x in frames] == [
        ([light] * 3, [50] * 3) for light in (200, 200, 100, 100)
    ]
    # a quarter of the bar a frame, grey for what was given
    for index, frame in enumerate(frames):
        bar = [frame[-1, x].tolist() for x in (10, 140, 260, 390)]
        assert bar[: index + 1] == [[150] * 3, *[[230, 120, 0]] * index]
        assert all(light == [40] * 3 for light in bar[index + 1 :])
    (tmp_path / "film.mp4").write_bytes(mp4_film(frames, 5))
    assert decode(tmp_path / "film.mp4").shape == (4, 262, 512)
    with pytest.raises(ValueError, match="no frames"):
        mp4_film([], 5)
