"""One's own pictures and videos, brought to the frame that a network knows."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from PIL import Image, ImageOps, ImageSequence, UnidentifiedImageError

from videogeneration.data.clips import HISTORY
from videogeneration.sources.source import PictureFormat

logger = logging.getLogger(__name__)

USUAL_FPS = 25.0
"""Frames a second of a video that does not say how many it has."""

LONGEST = 1280
"""Pixels of the longer side of a picture; a larger one is brought to it."""

ENOUGH = 0.95
"""Share of the most that can be seen of a figure from which on all of it is in view."""

_BRIGHT = 127.5


class PictureError(ValueError):
    """A file that is no picture, or none that can be used; names it."""


@dataclass(frozen=True)
class Frame:
    """What a network's frame looks like.

    Attributes:
        height: In pixels.
        width: In pixels.
        format: How pictures are brought to it.
        fit: `pad` shows the whole picture and widens it; `crop` fills the frame from its middle.
    """

    height: int
    width: int
    format: PictureFormat
    fit: Literal["pad", "crop"] = "pad"

    def bring(self, grey: np.ndarray) -> np.ndarray:
        """Bring a picture to this frame.

        Args:
            grey: uint8 `[h, w]`, any size.

        Returns:
            uint8 `[height, width]`.
        """
        if self.format.background == "black" and np.median(_border(grey)) > _BRIGHT:
            grey = 255 - grey
        grey = self._cropped(grey)
        return self._padded(_resized(grey, *self._inner(grey)))

    def around(self, picture: np.ndarray) -> tuple[np.ndarray, tuple[slice, slice]]:
        """A picture at its own size with as much around it as `bring` puts there.

        Args:
            picture: uint8 `[h, w, 3]`, any size.

        Returns:
            uint8 `[H, W, 3]`, and the rows and columns of it that are the picture's.
        """
        picture = self._cropped(picture)
        rims: list[int] = []
        own: list[slice] = []
        sides = zip(picture.shape, (self.height, self.width), self._inner(picture), strict=False)
        for side, frame, inner in sides:
            before = round((frame - inner) // 2 * side / inner)
            rims += [before, round(frame * side / inner) - side - before]
            own.append(slice(before, before + side))
        top, bottom, left, right = rims
        wide = cv2.copyMakeBorder(picture, top, bottom, left, right, cv2.BORDER_REPLICATE)
        return wide, (own[0], own[1])

    def inside(self, picture: np.ndarray) -> tuple[slice, slice]:
        """Rows and columns of this frame that show a picture, `[h, w, ...]`."""
        rows, columns = self._inner(self._cropped(picture))
        top, left = (self.height - rows) // 2, (self.width - columns) // 2
        return slice(top, top + rows), slice(left, left + columns)

    def _excess(self, picture: np.ndarray) -> float:
        """How much too wide a picture is for the frame; below 1 it is too high."""
        return picture.shape[1] / picture.shape[0] / self.format.aspect

    def _cropped(self, picture: np.ndarray) -> np.ndarray:
        """The middle of a picture, in the frame's shape; all of it where it is to be padded."""
        if self.fit == "pad":
            return picture
        excess, (height, width) = self._excess(picture), picture.shape[:2]
        rows, columns = round(height / max(1, 1 / excess)), round(width / max(1, excess))
        top, left = (height - rows) // 2, (width - columns) // 2
        return picture[top : top + rows, left : left + columns]

    def _inner(self, picture: np.ndarray) -> tuple[int, int]:
        """Height and width of a picture within the frame."""
        if self.fit == "crop":
            return self.height, self.width
        excess = self._excess(picture)
        height, width = self.height / max(1, excess), self.width * min(1, excess)
        return max(1, round(height)), max(1, round(width))

    def _padded(self, inner: np.ndarray) -> np.ndarray:
        """A picture in the middle of the frame, and what is natural around it."""
        spare_rows, spare_columns = self.height - inner.shape[0], self.width - inner.shape[1]
        top, left = spare_rows // 2, spare_columns // 2
        rim = (top, spare_rows - top, left, spare_columns - left)
        if self.format.background == "black":
            return cv2.copyMakeBorder(inner, *rim, cv2.BORDER_CONSTANT, value=0)
        # blurred, so that the grain of the edge does not run out into streaks
        soft = cv2.GaussianBlur(inner, (0, 0), self.width / 16)
        wide = cv2.copyMakeBorder(soft, *rim, cv2.BORDER_REPLICATE)
        wide[top : top + inner.shape[0], left : left + inner.shape[1]] = inner
        return wide


@dataclass(frozen=True)
class Shot:
    """What a film starts from: one or several frames, newest last.

    Attributes:
        name: The file's, without its ending.
        frames: uint8 `[C, height, width]`: as a network sees them, C at most ten.
        pictures: uint8 `[C, H, W, 3]`: the same at their own size, with what is around them.
        own: Rows and columns of `pictures` that are the user's.
        inside: Rows and columns of `frames` that show them.
        notes: What was done to it, a line each.
    """

    name: str
    frames: np.ndarray
    pictures: np.ndarray
    own: tuple[slice, slice]
    inside: tuple[slice, slice]
    notes: tuple[str, ...] = ()


Visibility = Callable[[np.ndarray, tuple[slice, slice]], Sequence[float]]
"""How much of what can be animated each of the frames, uint8 `[N, height, width]`, shows, 0 to 1;
given which rows and columns of them are the picture."""


def read_pictures(
    path: Path,
    frame: Frame,
    fps: float,
    visibility: Visibility = lambda frames, inside: [1.0] * len(frames),
    at: float | None = None,
    longest: int = LONGEST,
) -> Iterator[Shot]:
    """Read a picture, a video, or a folder of them.

    Args:
        path: A file that Pillow or OpenCV reads, of any size and colours, or a folder of such; what
            is neither picture nor video in a folder is skipped and named in the log.
        frame: What they are brought to.
        fps: At how many frames a second a video is looked at: the pace that the network knows.
        visibility: Decides the moment of a video that is taken: its end, or the middle of the
            longest time that most is in view.
        at: Seconds from a video's start to the moment that is taken instead.
        longest: Pixels of a picture's longer side; larger ones are brought to it.

    Yields:
        Every picture; of a video ten frames or fewer, up to a moment.

    Raises:
        PictureError: There is no such file, it cannot be read, the folder has nothing that can, or
            a video ends before `at`.
    """

    def read(file: Path, name: str) -> Shot:
        try:
            return _read(_Reel.of(file), name, frame, fps, visibility, at, longest)
        except PictureError as error:
            raise PictureError(f"image: {file}: {error}") from error
        # the bases of what can go wrong in a damaged file are many
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise PictureError(f"image: {file}: cannot be read ({error})") from error

    if path.is_file():
        yield read(path, path.stem)
        return
    if not path.is_dir():
        raise PictureError(f"image: {path}: no such file or folder")
    files = sorted(file for file in path.iterdir() if file.is_file() and file.name[0] != ".")
    stems = [file.stem for file in files]
    found = False
    for file in files:
        try:
            shot = read(file, file.stem if stems.count(file.stem) == 1 else file.name)
        except PictureError as error:
            logger.warning("%s", error)
            continue
        found = True
        yield shot
    if not found:
        raise PictureError(f"image: {path}: no picture or video in this folder")


@dataclass(frozen=True)
class _Reel:
    """The pictures of a file.

    Attributes:
        pictures: Begins anew at the first one: uint8 `[h, w, 3]` each.
        fps: Pictures a second; None for a still.
    """

    pictures: Callable[[], Iterator[np.ndarray]]
    fps: float | None

    @classmethod
    def of(cls, path: Path) -> "_Reel":
        try:
            with Image.open(path) as image:
                duration = image.info.get("duration")
                # phones put several pictures into one file; only in a film do they have durations
                fps = 1000 / float(duration) if duration and _is_film(image) else None
            return cls(partial(_pictures, path, fps is None), fps)
        except UnidentifiedImageError:
            return cls(partial(_video_pictures, path), _video_fps(path))


def _is_film(image: Image.Image) -> bool:
    return getattr(image, "is_animated", False)


def _read(
    reel: _Reel,
    name: str,
    frame: Frame,
    fps: float,
    visibility: Visibility,
    at: float | None,
    longest: int,
) -> Shot:
    """The shot that a file gives."""
    step = max(1, round(reel.fps / fps)) if reel.fps else 1
    frames = [frame.bring(_grey(picture)) for picture in islice(reel.pictures(), None, None, step)]
    if not frames:
        raise PictureError(
            "no picture that Pillow reads, no video that OpenCV reads; save it as JPEG, PNG or MP4"
        )
    inside, last, notes = frame.inside(next(reel.pictures())), 0, []
    if reel.fps and len(frames) > 1:
        seconds = step / reel.fps
        last = moment(visibility(np.array(frames), inside)) if at is None else round(at / seconds)
        if last >= len(frames):
            raise PictureError(f"at: {at} seconds; it ends after {len(frames) * seconds:.1f}")
        notes.append(f"films start at {last * seconds:.1f} seconds; `at` says another moment")
    first = max(0, last + 1 - HISTORY)
    chosen = list(islice(reel.pictures(), first * step, last * step + 1, step))
    small = [_bounded(picture, longest) for picture in chosen]
    if small[0].shape != chosen[0].shape:
        sizes = ["x".join(map(str, x.shape[1::-1])) for x in (chosen[0], small[0])]
        notes.append("its {} pixels are brought to {}".format(*sizes))
    pictures, own = zip(*(frame.around(picture) for picture in small), strict=True)
    given = np.array(frames[first : last + 1])
    return Shot(name, given, np.array(pictures), own[-1], inside, tuple(notes))


def moment(visibility: Sequence[float]) -> int:
    """The frame of a video that a film starts from.

    Args:
        visibility: How much there is to be seen in each.

    Returns:
        The last one if that shows most; else the middle of the longest time that does.
    """
    most = np.asarray(visibility) >= ENOUGH * max(visibility)
    if most[-1]:
        return len(most) - 1
    edges = np.flatnonzero(np.diff(np.concatenate([[False], most, [False]]).astype(int)))
    starts, ends = edges[::2], edges[1::2]
    longest = int((ends - starts).argmax())
    return int(starts[longest] + ends[longest] - 1) // 2


def _pictures(path: Path, still: bool) -> Iterator[np.ndarray]:
    """The picture of a file that Pillow reads, or those of an animation."""
    with Image.open(path) as image:
        for each in ImageSequence.Iterator(image):
            yield _colours(each)
            if still:
                return


def _video_fps(path: Path) -> float:
    with _opened(path) as capture:
        return capture.get(cv2.CAP_PROP_FPS) or USUAL_FPS


def _video_pictures(path: Path) -> Iterator[np.ndarray]:
    """The pictures of a video, turned as it says; none where it is no video."""
    with _opened(path) as capture:
        # FFmpeg would draw the letters of a text file
        reads = int(capture.get(cv2.CAP_PROP_FOURCC)) != cv2.VideoWriter.fourcc(*"ansi")
        while reads:
            reads, picture = capture.read()
            if reads:
                yield cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


@contextmanager
def _opened(path: Path) -> Iterator[cv2.VideoCapture]:
    level = cv2.utils.logging.getLogLevel()
    # what OpenCV would say to a file that is no video, an error says better
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    try:
        yield capture
    finally:
        capture.release()
        cv2.utils.logging.setLogLevel(level)


def _colours(image: Image.Image) -> np.ndarray:
    """A picture as it is meant to be seen, uint8 `[h, w, 3]`."""
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        grey = (np.asarray(image, np.float64) / 257).clip(0, 255).round().astype(np.uint8)
        return np.repeat(grey[..., None], 3, 2)
    if not image.has_transparency_data:
        return np.array(image.convert("RGB"))
    drawn = np.asarray(image.convert("RGBA"), np.float64)
    alpha = drawn[..., 3:] / 255
    light = (_grey(drawn[..., :3].astype(np.uint8))[..., None] * alpha).sum() / max(alpha.sum(), 1)
    # what is transparent becomes the opposite of what is not, so that this can be seen
    background = 255 if light < _BRIGHT else 0
    return (background + (drawn[..., :3] - background) * alpha).round().astype(np.uint8)


def _grey(picture: np.ndarray) -> np.ndarray:
    """A picture's light, uint8 `[h, w]`."""
    return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)


def _bounded(picture: np.ndarray, longest: int) -> np.ndarray:
    """A picture whose longer side has no more pixels than this."""
    height, width = picture.shape[:2]
    factor = longest / max(height, width)
    if factor >= 1:
        return picture
    return _resized(picture, max(1, round(height * factor)), max(1, round(width * factor)))


def _border(grey: np.ndarray) -> np.ndarray:
    """The outermost pixels."""
    return np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])


def _resized(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """A picture of this size: averaged over areas where it shrinks, smooth where it grows."""
    shrinks = height * width <= picture.shape[0] * picture.shape[1]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return cv2.resize(picture, (width, height), interpolation=how)
