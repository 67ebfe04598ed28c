"""Films to watch: GIF and H.264 MP4, written frame by frame, and several films in one."""

import os
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageDraw

from videogeneration.evaluation.sheets import SheetFilm, enlarge, font, to_uint8

WATCHABLE = 256
"""Films are enlarged by a whole factor until their shorter side has at least so many pixels."""

_DARK, _LIGHT, _FAINT = 16, 235, 150
_STRIP, _GAP = 22, 8


def write_mp4(
    path: Path | str,
    frames: Iterable[np.ndarray],
    fps: float,
    scale: int | None = None,
    smooth: bool = True,
) -> None:
    """Write an H.264 film that browsers play (yuv420p, even sizes, index in front).

    Frames are taken one by one, so a film may be as long as one likes; the file appears when it is
    complete.

    Args:
        path: The file to write, whatever its ending.
        frames: uint8 `[H, W]` each, all of one size; an array `[T, H, W]` will do.
        fps: Frames a second.
        scale: Whole factor by which frames are enlarged; None for `WATCHABLE` pixels.
        smooth: Enlarge bicubically; else every pixel becomes a square.

    Raises:
        ValueError: No frames, a frame of another type or size, a wrong `fps` or `scale`.
    """
    # crf 18 is all but lossless to the eye
    options = {"crf": "18", "preset": "medium", "tune": "animation"}
    container = {"movflags": "+faststart"}
    _write(
        Path(path), frames, fps, scale, smooth, ("mp4", "libx264", "yuv420p"), container, options
    )


def write_gif(
    path: Path | str,
    frames: Iterable[np.ndarray],
    fps: float,
    scale: int | None = None,
    smooth: bool = True,
) -> None:
    """Write an endless grey GIF; arguments and errors are those of `write_mp4`.

    A GIF counts in hundredths of a second, so `fps` is exact only for 1, 2, 4, 5, 10, 20, 25, 50
    and rounded to the next hundredth between them.
    """
    _write(Path(path), frames, fps, scale, smooth, ("gif", "gif", "gray"), {"loop": "0"}, {})


def _write(
    path: Path,
    frames: Iterable[np.ndarray],
    fps: float,
    scale: int | None,
    smooth: bool,
    kind: tuple[str, str, str],
    container_options: dict[str, str],
    codec_options: dict[str, str],
) -> None:
    """Encode `frames` into a file beside `path`, which takes its place when it is complete."""
    if not 0.1 <= fps <= 240:
        raise ValueError(f"fps: {fps} frames a second; it must be 0.1 to 240")
    if scale is not None and scale < 1:
        raise ValueError(f"scale: {scale}; it must be a whole number from 1")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}-{os.getpid()}")
    rate = Fraction(fps).limit_denominator(1000)
    try:
        large = _enlarged(path, frames, scale, smooth)
        _encode(temporary, large, rate, kind, container_options, codec_options)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _enlarged(
    path: Path, frames: Iterable[np.ndarray], scale: int | None, smooth: bool
) -> Iterator[np.ndarray]:
    """Frames ready for the encoder: checked, enlarged, with even sizes."""
    shape = None
    for frame in frames:
        if frame.dtype != np.uint8 or frame.ndim != 2 or shape not in (None, frame.shape):
            raise ValueError(
                f"{path}: a frame is {frame.dtype} {list(frame.shape)}, not uint8 "
                f"{list(shape) if shape else '[H, W]'}"
            )
        shape = frame.shape
        factor = scale or max(1, -(-WATCHABLE // min(shape)))
        large = enlarge(frame, factor, smooth) if factor > 1 else frame
        yield np.pad(large, ((0, large.shape[0] % 2), (0, large.shape[1] % 2)), "edge")
    if shape is None:
        raise ValueError(f"{path}: no frames to write")


def _encode(
    path: Path,
    frames: Iterator[np.ndarray],
    fps: Fraction,
    kind: tuple[str, str, str],
    container_options: dict[str, str],
    codec_options: dict[str, str],
) -> None:
    form, codec, pixels = kind
    first = next(frames)
    with av.open(path, "w", format=form, options=container_options) as container:
        stream = container.add_stream(codec, rate=fps, options=codec_options)
        assert isinstance(stream, av.VideoStream)  # the type follows from the codec
        stream.height, stream.width = first.shape
        stream.pix_fmt = pixels
        # several threads hold back dozens of frames and make the bytes depend on the machine
        stream.thread_count = 1
        for image in _first_then(first, frames):
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="gray")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())


def _first_then(first: np.ndarray, rest: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    yield first
    yield from rest


def side_by_side(films: Sequence[SheetFilm], smooth: bool = True) -> Iterator[np.ndarray]:
    """One film that plays many: a row for every scene, its films beside one another.

    Each row has its title and step above it, each film its label. A film that has ended stands
    still on its last frame, dimmed, until the longest is over.

    Args:
        films: The scenes, all with pictures of one size; `truth | mse | gan` is the rows' order.
        smooth: Enlarge bicubically; else every pixel becomes a square.

    Yields:
        uint8 `[height, width]` frames to be written with `scale=1`.

    Raises:
        ValueError: No films, or films of several sizes.
    """
    sizes = {film.shape[1:] for scene in films for film in scene.rows.values()}
    if len(sizes) != 1:
        raise ValueError(f"side by side: films have sizes {sorted(sizes)}; they need one size")
    height, width = sizes.pop()
    factor = max(1, -(-WATCHABLE // min(height, width)))
    cell = height * factor, width * factor
    page = _page(films, cell)
    for index in range(max(scene.length for scene in films)):
        yield _paint(page, films, index, factor, cell, smooth)


def _corner(scene: int, column: int, cell: tuple[int, int]) -> tuple[int, int]:
    """Top and left of a film's picture."""
    top = _GAP + scene * (2 * _STRIP + cell[0] + _GAP) + 2 * _STRIP
    return top, _GAP + column * (cell[1] + _GAP)


def _page(films: Sequence[SheetFilm], cell: tuple[int, int]) -> Image.Image:
    """The page with everything that does not change: titles and labels."""
    columns = max(len(scene.rows) for scene in films)
    bottom, right = _corner(len(films), 0, cell)[0] - 2 * _STRIP, _corner(0, columns, cell)[1]
    titles = [font(15, bold=True).getlength(scene.title) for scene in films]
    # room for the step behind the longest title
    page = Image.new("L", (max(right, int(max(titles)) + 120), bottom), _DARK)
    draw = ImageDraw.Draw(page)
    for number, scene in enumerate(films):
        top, left = _corner(number, 0, cell)
        draw.text((left, top - 2 * _STRIP), scene.title, _LIGHT, font(15, bold=True))
        for column, label in enumerate(scene.rows):
            draw.text((_corner(number, column, cell)[1], top - _STRIP), label, _FAINT, font(14))
    return page


def _paint(
    page: Image.Image,
    films: Sequence[SheetFilm],
    index: int,
    factor: int,
    cell: tuple[int, int],
    smooth: bool,
) -> np.ndarray:
    """The page with every film's frame at `index`."""
    page = page.copy()
    draw = ImageDraw.Draw(page)
    for number, scene in enumerate(films):
        top = _corner(number, 0, cell)[0] - 2 * _STRIP
        moment = min(index, scene.length - 1)
        draw.text((page.width - _GAP, top), scene.count(moment), _FAINT, font(14), anchor="ra")
        for column, film in enumerate(scene.rows.values()):
            frame = enlarge(to_uint8(film[min(index, len(film) - 1)]), factor, smooth)
            if index >= len(film):
                frame = frame // 2
            top, left = _corner(number, column, cell)
            page.paste(Image.fromarray(frame), (left, top))
    return np.asarray(page)
