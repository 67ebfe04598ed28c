"""One's own pictures and videos: seen as they are meant to be, at the pace of the network."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import tifffile
from PIL import Image

from videogeneration.sources import photos, picture_files
from videogeneration.sources.photos import Frame, PictureError, read_pictures
from videogeneration.sources.source import PictureFormat

SCENE = Frame(32, 32, PictureFormat(background="scene"))
BLACK = Frame(32, 32, PictureFormat(background="black"))
TURNED_RIGHT = 6
"""The EXIF orientation of a picture that has to be turned to the right to be seen upright."""


def only(path: Path, frame: Frame = SCENE, fps: float = 5.0) -> np.ndarray:
    """The frames of a file."""
    (shot,) = read_pictures(path, frame, fps)
    assert shot.frames.dtype == shot.pictures.dtype == np.uint8
    assert shot.frames.shape[1:] == (frame.height, frame.width)
    assert len(shot.frames) == len(shot.pictures)
    return shot.frames


def saved(path: Path, pixels: np.ndarray, mode: str | None = None, **options: object) -> Path:
    picture = Image.fromarray(pixels)
    (picture.convert(mode) if mode else picture).save(path, **options)  # type: ignore[arg-type]
    return path


def test_exif_turns_a_picture_upright(tmp_path: Path) -> None:
    upright = np.zeros((64, 64), np.uint8)
    upright[:32] = 200
    exif = Image.Exif()
    exif[0x112] = TURNED_RIGHT
    path = saved(tmp_path / "photo.jpg", np.rot90(upright), exif=exif, quality=95)
    (frame,) = only(path)
    assert frame[:14].mean() == pytest.approx(200, abs=4)
    assert frame[18:].mean() == pytest.approx(0, abs=4)


def test_colours_become_their_light(tmp_path: Path) -> None:
    pixels = np.zeros((40, 40, 3), np.uint8)
    pixels[..., 1] = 255
    expected = round(0.587 * 255)
    for name in ("green.png", "green.webp", "green.tiff"):
        assert np.abs(only(saved(tmp_path / name, pixels)).astype(int) - expected).max() <= 4
    assert np.abs(only(saved(tmp_path / "palette.png", pixels, "P")) - expected).max() <= 4
    deep = np.full((40, 40), 40_000, np.uint16)
    assert (only(saved(tmp_path / "deep.png", deep)) == round(40_000 / 257)).all()


@pytest.mark.parametrize(("ink", "ground"), [(0, 255), (255, 0)])
def test_what_is_drawn_on_nothing_can_be_seen(tmp_path: Path, ink: int, ground: int) -> None:
    pixels = np.full((32, 32, 4), ink, np.uint8)
    pixels[..., 3] = 0
    pixels[8:24, 8:24, 3] = 255
    (frame,) = only(saved(tmp_path / "drawn.png", pixels))
    assert (frame[8:24, 8:24] == ink).all()
    assert (frame[:8] == ground).all()
    # a network of light elements on black sees both alike
    (frame,) = only(tmp_path / "drawn.png", BLACK)
    assert (frame[8:24, 8:24] == 255).all()
    assert (frame[:8] == 0).all()


def test_padding_shows_everything_and_goes_on_naturally() -> None:
    wide = np.full((50, 200), 120, np.uint8)
    wide[:, 90:110] = 20
    framed = SCENE.bring(wide)
    assert (framed[0] == framed[-1]).all()
    # a quarter of the height is picture; the sky goes on above, without a step
    assert np.abs(framed[12:20, :12].astype(int) - 120).max() <= 1
    assert np.abs(framed[:, :8].astype(int) - 120).max() <= 2
    tall = BLACK.bring(np.full((200, 50), 90, np.uint8))
    assert (tall[:, 12:20] == 90).all()
    assert (tall[:, :12] == 0).all()
    assert (tall[:, 20:] == 0).all()


def test_cropping_fills_the_frame_from_the_middle() -> None:
    wide = np.zeros((50, 200), np.uint8)
    wide[:, 75:125] = 200
    assert (replace(SCENE, fit="crop").bring(wide) == 200).all()
    assert (replace(SCENE, fit="crop").bring(wide.T) == 200).all()


@pytest.mark.parametrize("fit", ["pad", "crop"])
def test_a_camera_s_picture_is_squeezed_as_the_recordings_were(fit) -> None:  # type: ignore[no-untyped-def]
    camera = np.zeros((120, 160), np.uint8)
    camera[:, 40:80] = 200
    framed = Frame(128, 128, PictureFormat(4 / 3, "scene"), fit).bring(camera)
    assert (framed[:, 33:63] == 200).all()
    assert (framed[:, :31] == 0).all()
    assert (framed[:, 66:] == 0).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (7, 3000)])
@pytest.mark.parametrize("fit", ["pad", "crop"])
def test_any_shape_can_be_brought(shape: tuple[int, int], fit) -> None:  # type: ignore[no-untyped-def]
    assert Frame(32, 24, PictureFormat(4 / 3, "scene"), fit).bring(
        np.full(shape, 9, np.uint8)
    ).shape == (32, 24)


def numbered_video(
    path: Path, frames: int, fps: int, codec: str = "libx264", said: int = 0
) -> Path:
    """A video whose frame `i` has the even light `20 + 3 i`; its header may say another rate."""
    pictures = [np.full((48, 64), 20 + 3 * index, np.uint8) for index in range(frames)]
    return video(path, pictures, fps, codec, said)


def video(
    path: Path,
    pictures: list[np.ndarray],
    fps: int,
    codec: str = "libx264",
    said: int = 0,
    turned: int = 0,
) -> Path:
    """A video that its header says has another rate, and has to be turned counterclockwise."""
    codec = "mjpeg" if path.suffix == ".avi" else codec
    rate = said or fps
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        assert isinstance(stream, av.VideoStream)
        stream.height, stream.width = pictures[0].shape
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        if turned:
            stream.set_display_rotation(turned)
        for index, pixels in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(pixels, format="gray")
            frame.pts, frame.time_base = index * rate // fps, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize("ending", [".avi", ".mp4"])
def test_a_video_gives_its_last_frames_at_the_network_s_pace(tmp_path: Path, ending: str) -> None:
    path = numbered_video(tmp_path / f"walk{ending}", 60, fps=25)
    lights = only(path, fps=5.0).mean(axis=(1, 2))
    # every fifth frame
    assert lights == pytest.approx([20 + 3 * k for k in range(10, 60, 5)], abs=4)
    short = numbered_video(tmp_path / f"short{ending}", 12, fps=25)
    assert only(short, fps=5.0).mean(axis=(1, 2)) == pytest.approx([20, 35, 50], abs=4)


def test_a_moment_of_a_video_can_be_chosen(tmp_path: Path) -> None:
    path = numbered_video(tmp_path / "walk.avi", 60, fps=25)
    (shot,) = read_pictures(path, SCENE, 5.0, at=0.4)
    lights = [20, 35, 50]
    assert shot.frames.mean((1, 2)) == pytest.approx(lights, abs=4)
    assert shot.pictures.mean((1, 2, 3)) == pytest.approx(lights, abs=4)
    with pytest.raises(PictureError, match=r"walk\.avi: at: 9 seconds; it ends after 2\.4"):
        list(read_pictures(path, SCENE, 5.0, at=9))

    def leaves(frames: np.ndarray, inside: tuple[slice, slice]) -> list[float]:
        return [float(frame.mean() < 45) for frame in frames]

    list(read_pictures(path, SCENE, 5.0, leaves, at=0.2))
    with pytest.raises(PictureError, match=r"walk\.avi: at: nothing .* in view at 0\.4 seconds"):
        list(read_pictures(path, SCENE, 5.0, leaves, at=0.4))
    # a picture has one moment, and says so
    picture = saved(tmp_path / "one.png", np.zeros((40, 40), np.uint8))
    for at, notes in ((None, 0), (9, 1)):
        (shot,) = read_pictures(picture, SCENE, 5.0, at=at)
        assert sum("single picture" in note for note in shot.notes) == notes


def test_a_video_is_taken_where_most_is_to_be_seen(tmp_path: Path) -> None:
    path = numbered_video(tmp_path / "walk.avi", 60, fps=5)

    def visibility(frames: np.ndarray, inside: tuple[slice, slice]) -> list[float]:
        # somebody comes in at frame 20 and is gone at frame 31
        lights = frames.mean((1, 2))
        return ((lights > 20 + 3 * 19.5) & (lights < 20 + 3 * 30.5)).astype(float).tolist()

    (shot,) = read_pictures(path, SCENE, 5.0, visibility)
    assert shot.frames[-1].mean() == pytest.approx(20 + 3 * 25, abs=4)


def test_a_picture_keeps_its_size_shape_and_colours(tmp_path: Path) -> None:
    pixels = np.zeros((60, 40, 3), np.uint8)
    pixels[:, :20, 0], pixels[:, 20:, 2] = 200, 200
    path = saved(tmp_path / "tall.png", pixels)
    for fit, side in (("pad", 60), ("crop", 40)):
        (shot,) = read_pictures(path, replace(SCENE, fit=fit), 5.0)  # type: ignore[arg-type]
        # the network's frame is a square, and so is what is around the picture
        assert shot.pictures.shape[1] == side
        assert abs(shot.pictures.shape[2] - side) <= 1
        own = shot.pictures[0][shot.own]
        assert np.array_equal(own, pixels if fit == "pad" else pixels[10:50])
        assert shot.frames[0][shot.inside].shape == (32, 21 if fit == "pad" else 32)
    (shot,) = read_pictures(path, SCENE, 5.0, longest=30)
    assert shot.pictures[0][shot.own].shape == (30, 20, 3)
    assert shot.notes == ("its 40x60 pixels are brought to 20x30",)


def test_an_animation_is_a_video(tmp_path: Path) -> None:
    lights = [10, 60, 110, 160]
    pictures = [Image.fromarray(np.full((32, 32), light, np.uint8)) for light in lights]
    pictures[0].save(tmp_path / "film.gif", save_all=True, append_images=pictures[1:], duration=100)
    assert only(tmp_path / "film.gif", fps=10).mean(axis=(1, 2)).tolist() == lights
    assert only(tmp_path / "film.gif", fps=5).mean(axis=(1, 2)).tolist() == [10, 110]


@pytest.mark.parametrize("ending", ["gif", "webp", "avif", "png"])
@pytest.mark.parametrize("first", [0, 100])
def test_an_animation_starts_however_long_its_first_picture_is_shown(
    tmp_path: Path, ending: str, first: int
) -> None:
    path = tmp_path / f"film.{ending}"
    lights = [10, 60, 110, 160]
    pictures = [Image.fromarray(np.full((32, 32), light, np.uint8)) for light in lights]
    durations = [first, 100, 100, 100]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=durations)
    assert only(path, fps=5).mean(axis=(1, 2)) == pytest.approx([10, 110], abs=2)


def test_pages_of_a_document_are_no_film(tmp_path: Path) -> None:
    pages = [Image.fromarray(np.full((32, 32), light, np.uint8)) for light in (40, 200)]
    pages[0].save(tmp_path / "pages.tiff", save_all=True, append_images=pages[1:])
    assert only(tmp_path / "pages.tiff").mean(axis=(1, 2)).tolist() == [40]


@pytest.mark.parametrize("ending", ["webm", "mkv"])
def test_time_stamps_go_before_the_rate_of_the_header(tmp_path: Path, ending: str) -> None:
    codec = "libvpx-vp9" if ending == "webm" else "libx264"
    path = numbered_video(tmp_path / f"screen.{ending}", 60, 25, codec, said=1000)
    lights = only(path, fps=5.0).mean(axis=(1, 2))
    assert lights == pytest.approx([20 + 3 * k for k in range(10, 60, 5)], abs=4)


def test_a_video_of_another_pace_keeps_its_time(tmp_path: Path) -> None:
    seven = only(numbered_video(tmp_path / "seven.mp4", 28, fps=7), fps=5.0).mean(axis=(1, 2))
    # ten frames span two seconds
    assert seven[-1] - seven[0] == pytest.approx(3 * 7 * 9 / 5, abs=5)
    (shot,) = read_pictures(numbered_video(tmp_path / "four.mp4", 24, fps=4), SCENE, 5.0)
    four = shot.frames.mean(axis=(1, 2))
    assert len(four) == 10
    assert four[-1] - four[0] == pytest.approx(3 * 4 * 9 / 5, abs=5)
    (shot,) = read_pictures(numbered_video(tmp_path / "one.mp4", 20, fps=1), SCENE, 5.0)
    assert shot.frames.mean((1, 2)) == pytest.approx([20 + 3 * 19], abs=4)
    assert any("too few pictures a second" in note for note in shot.notes)
    (shot,) = read_pictures(tmp_path / "one.mp4", SCENE, 5.0, at=4.5)
    assert shot.frames.mean((1, 2)) == pytest.approx([20 + 3 * 4], abs=4)


def test_av1_in_mp4_is_read(tmp_path: Path) -> None:
    path = numbered_video(tmp_path / "walk.mp4", 12, 25, "libsvtav1")
    assert only(path, fps=5.0).mean(axis=(1, 2)) == pytest.approx([20, 35, 50], abs=4)


@pytest.mark.parametrize("turned", [90, 180, -90])
def test_a_video_is_turned_as_it_says(tmp_path: Path, turned: int) -> None:
    pixels = np.full((48, 64), 200, np.uint8)
    pixels[:24, :32] = 20
    path = video(tmp_path / "phone.mp4", [pixels] * 3, 5, turned=turned)
    (shot,) = read_pictures(path, SCENE, 5.0)
    own = shot.pictures[-1][shot.own][..., 0].astype(int)
    expected = np.rot90(pixels, turned // 90)
    assert own.shape == expected.shape
    assert np.abs(own - expected).mean() < 6


def test_a_video_s_damaged_part_is_left_out(tmp_path: Path) -> None:
    path = numbered_video(tmp_path / "walk.avi", 60, 25)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 2 // 3])
    lights = only(path, fps=5.0).mean(axis=(1, 2))
    assert 3 < len(lights) < 10
    assert lights == pytest.approx([20 + 15 * k for k in range(len(lights))], abs=4)


def test_of_a_long_video_the_start_is_looked_at(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = numbered_video(tmp_path / "long.avi", 60, 25)
    monkeypatch.setattr(photos, "MOST_FRAMES", 26)
    assert only(path, fps=5.0)[-1].mean() == pytest.approx(20 + 3 * 25, abs=4)
    assert "only its first 1 seconds are looked at" in caplog.text
    (shot,) = read_pictures(path, SCENE, 5.0, at=2)
    assert shot.frames[-1].mean() == pytest.approx(20 + 3 * 50, abs=4)


def test_a_phone_s_heic_is_whole(tmp_path: Path) -> None:
    # larger than one of the tiles that it is made of
    pixels = np.zeros((700, 1100, 3), np.uint8)
    pixels[:, 550:] = (200, 60, 0)
    path = saved(tmp_path / "photo.heic", pixels, quality=90)
    (shot,) = read_pictures(path, SCENE, 5.0)
    own = shot.pictures[0][shot.own].astype(int)
    assert own.shape == pixels.shape
    assert np.abs(own - pixels).mean() < 3
    path.write_bytes(path.read_bytes()[:600])
    with pytest.raises(PictureError, match=r"photo\.heic: cannot be read"):
        only(path)


@pytest.mark.parametrize(
    ("dtype", "white"),
    [("f4", 1.0), ("f4", 255.0), ("u2", 4095), ("u2", 65535), ("i4", 255), ("u4", 2**32 - 1)],
)
def test_a_tiff_of_any_numbers_is_seen(tmp_path: Path, dtype: str, white: float) -> None:
    light = np.linspace(0, 1, 32)[None].repeat(32, 0)
    tifffile.imwrite(tmp_path / "deep.tiff", (light * white).astype(dtype))
    (frame,) = only(tmp_path / "deep.tiff")
    assert np.abs(frame - light * 255).max() <= 1


def test_a_jpeg_of_200_megapixels_is_shrunk_while_it_is_read(tmp_path: Path) -> None:
    grey = Image.new("L", (16320, 12240), 90)
    grey.paste(180, (8160, 0, 16320, 12240))
    grey.save(tmp_path / "large.jpg")
    grey.save(tmp_path / "large.png", compress_level=1)
    (shot,) = read_pictures(tmp_path / "large.jpg", SCENE, 5.0)
    assert shot.notes == ("its 16320x12240 pixels are brought to 1280x960",)
    halves = np.split(shot.pictures[0][shot.own], 2, axis=1)
    assert [half.mean() for half in halves] == pytest.approx([90, 180], abs=1)
    with pytest.raises(PictureError, match=r"large\.png: more than 89 million pixels"):
        only(tmp_path / "large.png")


def test_long_and_odd_names_stay_apart(tmp_path: Path) -> None:
    grey = np.full((32, 32), 90, np.uint8)
    long = "photograph " * 21
    for name in (f"{long}1.png", f"{long}2.png", "ü" * 120 + ".png", "tab\tand\nline.png"):
        saved(tmp_path / name, grey)
    names = [shot.name for shot in read_pictures(tmp_path, SCENE, 5.0)]
    assert len(set(names)) == 4
    assert all(len(name.encode()) <= 120 and name.isprintable() for name in names)
    assert "tab_and_line" in names


@pytest.mark.parametrize(
    "content",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile {}\n",
    ],
)
def test_a_list_of_other_files_is_no_video(tmp_path: Path, content: str) -> None:
    other = numbered_video(tmp_path / "other.ts", 5, 5)
    for ending in ("m3u8", "mp4", "ffconcat"):
        (tmp_path / f"list.{ending}").write_text(content.format(other.name))
        with pytest.raises(PictureError, match="save it as JPEG, PNG or MP4"):
            only(tmp_path / f"list.{ending}")


def test_a_video_of_too_many_pixels_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = numbered_video(tmp_path / "walk.mp4", 3, 5)
    monkeypatch.setattr(picture_files, "MOST_FRAME_PIXELS", 64 * 48 - 1)
    with pytest.raises(PictureError, match=r"walk\.mp4: 64x48 pixels a frame; save it smaller"):
        only(path)


def test_a_folder_gives_each_of_its_files(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    grey = np.full((32, 32), 90, np.uint8)
    saved(tmp_path / "b.png", grey)
    saved(tmp_path / "a.png", grey)
    saved(tmp_path / "a.jpg", grey)
    numbered_video(tmp_path / "walk.avi", 3, fps=5)
    (tmp_path / "notes.txt").write_text("no picture" * 100)
    (tmp_path / ".hidden.png").write_bytes(b"")
    found = read_pictures(tmp_path, SCENE, 5.0)
    # names stay apart
    assert {shot.name: len(shot.frames) for shot in found} == {
        "a.jpg": 1,
        "a.png": 1,
        "b": 1,
        "walk": 3,
    }
    assert "notes.txt" in caplog.text
    assert "hidden" not in caplog.text


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match=r"image: .*nowhere\.jpg: no such file"):
        only(tmp_path / "nowhere.jpg")
    with pytest.raises(PictureError, match=r"image: .*no picture or video in this folder"):
        only(tmp_path)
    for name, content in (("text.txt", b"text" * 500), ("empty.png", b""), ("odd.mp4", b"123")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(PictureError, match=rf"image: .*{name}.*save it as JPEG, PNG or MP4"):
            only(tmp_path / name)
    whole = saved(tmp_path / "whole.png", np.random.default_rng(0).integers(0, 255, (64, 64), "u1"))
    (tmp_path / "half.png").write_bytes(whole.read_bytes()[:2000])
    with pytest.raises(PictureError, match=r"image: .*half\.png: cannot be read"):
        only(tmp_path / "half.png")
