"""Films to watch: GIF and H.264 MP4, written frame by frame, and several films in one."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import av
import numpy as np
from PIL import Image, ImageDraw

from videogeneration.data.frames import to_uint8
from videogeneration.reporting.sheets import GENERATED, GIVEN, SheetFilm, enlarge, font
from videogeneration.stored import whole

WATCHABLE = 256
"""Films are enlarged by a whole factor until their shorter side has at least so many pixels."""

_DARK, _LIGHT, _FAINT = "#101010", "#ebebeb", "#969696"
_STRIP, _LINE, _GAP = 22, 18, 8
_LABEL = 14

_BAR, _EMPTY = 6, (40, 40, 40)

# crf 18 is all but lossless to the eye
_H264 = {"crf": "18", "preset": "medium", "tune": "animation"}
_KINDS: dict[str, tuple[str, dict[str, str], dict[str, str]]] = {
    "mp4": ("libx264", {"movflags": "+faststart"}, _H264),
    "gif": ("gif", {"loop": "0"}, {}),
}
"""By a file's format its codec, and options of its container and of its encoder."""


def write_film(
    path: Path | str,
    frames: Iterable[np.ndarray],
    fps: float,
    scale: int | None = None,
    smooth: bool = True,
) -> list[Path]:
    """Write a film twice: as an endless GIF and as an H.264 MP4 that browsers play.

    Frames are taken one by one, so a film may be as long as one likes; the files appear when they
    are complete. A GIF counts in hundredths of a second, so its `fps` is exact only for 1, 2, 4, 5,
    10, 20, 25, 50 and rounded to the next hundredth between them.

    Args:
        path: The files to write, without `.gif` and `.mp4`.
        frames: uint8 `[H, W]` or `[H, W, 3]` each, all of one shape; an array of them will do.
        fps: Frames a second.
        scale: Whole factor by which frames are enlarged; None for `WATCHABLE` pixels.
        smooth: Enlarge bicubically; else every pixel becomes a square.

    Returns:
        The two files.

    Raises:
        ValueError: No frames, a frame of another type or size, a wrong `fps` or `scale`.
    """
    if scale is not None and scale < 1:
        raise ValueError(f"scale: {scale}; it must be a whole number from 1")
    gif, mp4 = (Path(f"{path}{ending}") for ending in (".gif", ".mp4"))
    with _encoder(gif, fps) as add_to_gif, _encoder(mp4, fps) as add_to_mp4:
        for frame in _checked(frames, str(path)):
            large = _watchable(frame, scale, smooth)
            add_to_gif(large)
            add_to_mp4(large)
    return [gif, mp4]


def mp4_film(frames: Iterable[np.ndarray], fps: float) -> bytes:
    """The MP4 of `write_film`, for pages that carry their films in themselves.

    Args:
        frames: uint8 `[H, W]` or `[H, W, 3]` each, all of one shape, of the size to be shown.
        fps: Frames a second.

    Raises:
        ValueError: As `write_film`.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        with _encoder(path, fps) as add:
            for frame in _checked(frames, "a film"):
                add(_watchable(frame, 1, smooth=True))
        return path.read_bytes()


def _checked(frames: Iterable[np.ndarray], name: str) -> Iterator[np.ndarray]:
    """Frames as they are; a ValueError where there are none, or one of another kind."""
    shape = None
    for frame in frames:
        right = frame.ndim == 2 or frame.shape[2:] == (3,)
        if frame.dtype != np.uint8 or not right or shape not in (None, frame.shape):
            raise ValueError(
                f"{name}: a frame is {frame.dtype} {list(frame.shape)}, not uint8 "
                f"{list(shape) if shape else '[H, W] or [H, W, 3]'}"
            )
        shape = frame.shape
        yield frame
    if shape is None:
        raise ValueError(f"{name}: no frames to write")


@contextmanager
def _encoder(path: Path, fps: float) -> Iterator[Callable[[np.ndarray], None]]:
    """A function that adds a frame to a file beside `path`, which takes its place at the end."""
    if not 0.1 <= fps <= 240:
        raise ValueError(f"fps: {fps} frames a second; it must be 0.1 to 240")
    rate = Fraction(fps).limit_denominator(1000)
    form = path.suffix[1:]
    codec, container, options = _KINDS[form]
    with whole(path) as temporary, av.open(temporary, "w", format=form, options=container) as file:
        stream = file.add_stream(codec, rate=rate, options=options)
        assert isinstance(stream, av.VideoStream)  # the type follows from the codec
        # several threads hold back dozens of frames and make the bytes depend on the machine
        stream.thread_count = 1

        palette = None

        def add(frame: np.ndarray) -> None:
            nonlocal palette
            kind = "gray" if frame.ndim == 2 else "rgb24"
            if form == "gif" and frame.ndim == 3:
                # the first frame's colours serve all: what stands still does not flicker
                palette = palette or Image.fromarray(frame).quantize(256)
                picture = _with_palette(frame, palette)
            else:
                picture = av.VideoFrame.from_ndarray(frame, format=kind)
            if not stream.codec_context.is_open:
                stream.height, stream.width = frame.shape[:2]
                stream.pix_fmt = picture.format.name if form == "gif" else "yuv420p"
            file.mux(stream.encode(picture))

        yield add
        file.mux(stream.encode())


def _with_palette(frame: np.ndarray, palette: Image.Image) -> av.VideoFrame:
    """A frame `[H, W, 3]` in the 256 colours of a picture."""
    indices = Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE)
    colours = np.zeros((256, 4), np.uint8)
    known = np.reshape(palette.getpalette() or [], (-1, 3))
    # opaque, red, green, blue
    colours[:, 0], colours[: len(known), 1:] = 255, known
    both: Any = (np.asarray(indices), colours)
    return av.VideoFrame.from_ndarray(both, format="pal8")


def _watchable(frame: np.ndarray, scale: int | None, smooth: bool) -> np.ndarray:
    """A frame as the encoders want it: enlarged, with even sides."""
    factor = scale or _factor(*frame.shape[:2])
    large = enlarge(frame, factor, smooth) if factor > 1 else frame
    odd = [(0, side % 2) for side in large.shape[:2]] + [(0, 0)] * (large.ndim - 2)
    return np.ascontiguousarray(np.pad(large, odd, "edge"))


def _factor(height: int, width: int) -> int:
    """How many times frames of this size are enlarged."""
    return max(1, -(-WATCHABLE // min(height, width)))


def _wrapped(text: str, width: int) -> str:
    """A text with line breaks between words so that no line is wider, if words allow."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font(_LABEL).getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return "\n".join(lines)


@dataclass(frozen=True)
class Reel:
    """What is to be written as one film.

    Attributes:
        films: The scenes, one below the other, see `side_by_side`; or one film as it is, uint8
            `[T, H, W]` or `[T, H, W, 3]`.
        fps: Frames a second.
    """

    films: Sequence[SheetFilm] | np.ndarray
    fps: float

    def write(self, path: Path) -> list[Path]:
        """Write it to `<path>.gif` and `<path>.mp4`, see `write_film`."""
        if isinstance(self.films, np.ndarray):
            return write_film(path, self.films, self.fps)
        return write_film(path, side_by_side(self.films), self.fps, scale=1)


def side_by_side(films: Sequence[SheetFilm]) -> Iterator[np.ndarray]:
    """One film that plays many: a row for every scene, its films beside one another.

    A film that has ended stands still on its last frame, dimmed if it is grey, until the longest is
    over.

    Args:
        films: The scenes, all with pictures of one size; `truth | mse | gan` is the rows' order.

    Yields:
        uint8 `[height, width]` or `[height, width, 3]` frames to be written with `scale=1`.

    Raises:
        ValueError: No films, or films of several sizes.
    """
    sizes = {film.shape[1:] for scene in films for film in scene.rows.values()}
    if len(sizes) != 1:
        raise ValueError(f"side by side: films have sizes {sorted(sizes)}; they need one size")
    height, width, *colours = sizes.pop()
    factor = _factor(height, width)
    height, width = height * factor, width * factor

    # each row has its title and step above it, each film its label, in as many lines as it needs
    bold = font(15, bold=True)
    labels = [[_wrapped(label, width) for label in scene.rows] for scene in films]
    heads = [2 * _STRIP + _LINE * max(label.count("\n") for label in row) for row in labels]
    *tops, bottom = accumulate((head + height + _GAP for head in heads), initial=_GAP)
    *lefts, right = (_GAP + n * (width + _GAP) for n in range(max(map(len, labels)) + 1))
    # room for the step behind the longest title
    right = max(right, int(max(bold.getlength(scene.title) for scene in films)) + 120)
    empty = Image.new("RGB" if colours else "L", (right, bottom), _DARK)
    draw = ImageDraw.Draw(empty)
    for scene, row, top in zip(films, labels, tops, strict=True):
        draw.text((_GAP, top), scene.title, _LIGHT, bold)
        for left, label in zip(lefts, row, strict=False):
            corner = left, top + _STRIP
            draw.text(corner, label, _FAINT, font(_LABEL), spacing=_LINE - _LABEL)

    for index in range(max(scene.length for scene in films)):
        page = empty.copy()
        draw = ImageDraw.Draw(page)
        for scene, top, head in zip(films, tops, heads, strict=True):
            count = scene.count(min(index, scene.length - 1))
            draw.text((right - _GAP, top), count, _FAINT, font(_LABEL), anchor="ra")
            for left, film in zip(lefts, scene.rows.values(), strict=False):
                picture = enlarge(_at(film, index), factor, smooth=True)
                page.paste(Image.fromarray(picture), (left, top + head))
        yield np.asarray(page)


def strip(scene: SheetFilm) -> Iterator[np.ndarray]:
    """One film that plays those of a scene beside one another, without a word on it.

    Along its lower edge a bar grows, grey while frames are given and then orange, as on contact
    sheets.

    Args:
        scene: A scene; a film of it that has ended stands still, as in `side_by_side`.

    Yields:
        uint8 `[height, width, 3]`.
    """
    height, width = next(iter(scene.rows.values())).shape[1:3]
    factor = _factor(height, width)
    for index in range(scene.length):
        frames = [enlarge(_at(film, index), factor, smooth=True) for film in scene.rows.values()]
        joined = np.concatenate(frames, axis=1)
        page = joined if joined.ndim == 3 else np.repeat(joined[:, :, None], 3, axis=2)
        bar = np.full((_BAR, page.shape[1], 3), _EMPTY, np.uint8)
        for step in range(index + 1):
            first, end = (page.shape[1] * x // scene.length for x in (step, step + 1))
            bar[:, first:end] = GIVEN if step < scene.given else GENERATED
        yield np.concatenate([page, bar])


def _at(film: np.ndarray, index: int) -> np.ndarray:
    """A film's frame, or its last one when it has ended, a grey one dimmed.

    The few colours of a GIF are those of its first frame, and none of them dim.
    """
    if index < len(film):
        return to_uint8(film[index])
    return to_uint8(film[-1]) // (2 if film.ndim == 3 else 1)
