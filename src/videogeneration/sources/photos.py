"""One's own pictures and videos, brought to the frame that a network knows."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from videogeneration.data.clips import HISTORY
from videogeneration.sources.picture_files import PictureError, View, views
from videogeneration.sources.source import PictureFormat

logger = logging.getLogger(__name__)

LONGEST = 1280
"""Pixels of the longer side of a picture; a larger one is brought to it."""

MOST_FRAMES = 15_000
"""Frames of a video that are looked at; of those that are larger than 4 million pixels fewer."""

NAME_BYTES = 100
"""Length of a shot's name; names of films add a sentence, and file systems allow 255."""

ENOUGH = 0.95
"""Share of the most that can be seen of a figure from which on all of it is in view."""

_BRIGHT = 127.5


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
        rows, columns = self.inside(grey)
        grey = self._cropped(grey)
        inner = _resized(grey, *self._inner(grey))
        rim = (rows.start, self.height - rows.stop, columns.start, self.width - columns.stop)
        if self.format.background == "black":
            return cv2.copyMakeBorder(inner, *rim, cv2.BORDER_CONSTANT, value=0)
        # blurred, so that the grain of the edge does not run out into streaks
        soft = cv2.GaussianBlur(inner, (0, 0), self.width / 16)
        wide = cv2.copyMakeBorder(soft, *rim, cv2.BORDER_REPLICATE)
        wide[rows, columns] = inner
        return wide

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
        path: A file that Pillow or FFmpeg reads, of any size and colours, or a folder of such; what
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
            a video ends before `at`, or nothing is in view then.
    """

    def read(file: Path, name: str) -> Shot:
        try:
            return _read(file, name, frame, fps, visibility, at, longest)
        except PictureError as error:
            raise PictureError(f"image: {file}: {error}") from error
        # in a damaged file, Pillow's and FFmpeg's readers may come upon anything
        except Exception as error:
            said = " ".join(str(error).split()) or type(error).__name__
            raise PictureError(f"image: {file}: cannot be read ({said})") from error

    if path.is_file():
        yield read(path, _short(path.stem))
        return
    if not path.is_dir():
        raise PictureError(f"image: {path}: no such file or folder")
    files = sorted(file for file in path.iterdir() if file.is_file() and file.name[0] != ".")
    found = False
    for file, name in zip(files, _names(files), strict=True):
        try:
            shot = read(file, name)
        except PictureError as error:
            logger.warning("%s", error)
            continue
        found = True
        yield shot
    if not found:
        raise PictureError(f"image: {path}: no picture or video in this folder that can be used")


def _names(files: Sequence[Path]) -> list[str]:
    """What the files' films are called: as short as they stay apart."""
    names = [_short(file.stem) for file in files]
    count = Counter(names)
    names = [
        _short(file.name) if count[name] > 1 else name
        for file, name in zip(files, names, strict=True)
    ]
    count = Counter(names)
    return [f"{number}_{name}" if count[name] > 1 else name for number, name in enumerate(names)]


def _short(name: str) -> str:
    """What files can be named after: not too long, and without what cannot be printed."""
    printable = "".join(letter if letter.isprintable() else "_" for letter in name)
    return printable.encode()[:NAME_BYTES].decode(errors="ignore")


def _read(
    path: Path,
    name: str,
    frame: Frame,
    fps: float,
    visibility: Visibility,
    at: float | None,
    longest: int,
) -> Shot:
    """The shot that a file gives."""
    seen: dict[int, np.ndarray] = {}
    inside, ended, notes = (slice(0), slice(0)), True, []
    for tick, view in _at_pace(path, fps, longest, at is None):
        if at is not None and tick > at * fps + _EARLY:
            ended = False
            break
        picture = view.picture()
        seen[tick] = frame.bring(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY))
        inside = frame.inside(picture)
        if at is not None and len(seen) > HISTORY:
            del seen[next(iter(seen))]
    if not seen:
        raise PictureError(
            "no picture that Pillow reads, no video that FFmpeg reads; save it as JPEG, PNG or MP4"
        )
    ticks = list(seen)
    last = ticks[-1]
    if len(ticks) > 1:
        end = (2 * last - ticks[-2]) / fps
        if at is None:
            last = ticks[moment(visibility(np.array(list(seen.values())), inside))]
        elif ended and at >= end:
            raise PictureError(f"at: {at} seconds; it ends after {end:.1f}")
        elif not visibility(seen[last][None], inside)[0]:
            raise PictureError(
                f"at: nothing to animate is in view at {last / fps:.1f} seconds; name another "
                "moment, or none, and one is found"
            )
        another = "; `at` says another moment" if at is None else ""
        notes.append(f"films start at {last / fps:.1f} seconds{another}")
    elif at is not None and ended:
        notes.append("it is a single picture, of which `at` says nothing")
    times = range(max(ticks[0], last + 1 - HISTORY), last + 1)
    shown = [ticks[index - 1] for index in np.searchsorted(ticks, times, "right")]
    if 2 * len(set(shown)) < len(shown):
        notes.append("it has too few pictures a second to show motion; only the last is taken")
        shown = [last]
    pictures: dict[int, np.ndarray] = {}
    for tick, view in _at_pace(path, fps, longest, at is None):
        if tick in shown:
            pictures[tick] = _bounded(view.picture(), longest)
            size = "x".join(map(str, view.size))
        if tick == last:
            break
    own_size = "x".join(map(str, pictures[last].shape[1::-1]))
    if own_size != size:
        notes.append(f"its {size} pixels are brought to {own_size}")
    around, own = zip(*(frame.around(pictures[tick]) for tick in shown), strict=True)
    given = np.array([seen[tick] for tick in shown])
    return Shot(name, given, np.array(around), own[-1], inside, tuple(notes))


def _at_pace(path: Path, fps: float, longest: int, bounded: bool) -> Iterator[tuple[int, View]]:
    """The first picture of every `1 / fps` seconds that has one, and which one it is.

    Args:
        path: The file.
        fps: Pictures a second.
        longest: How large they are to be at least on their longer side.
        bounded: Whether to stop after `MOST_FRAMES`.
    """
    tick, looked_at = -1, 0.0
    for view in views(path, longest):
        looked_at += max(1, view.size[0] * view.size[1] / 4e6)
        if bounded and looked_at > MOST_FRAMES:
            logger.warning(
                "image: %s: only its first %d seconds are looked at; `at` says another moment",
                *(path, view.seconds),
            )
            return
        if (now := int(view.seconds * fps + _EARLY)) > tick:
            tick = now
            yield tick, view


_EARLY = 0.01  # share of a tick; time stamps are rounded


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
