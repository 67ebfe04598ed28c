"""One's own pictures and videos, brought to the frame that a network knows."""

import logging
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from PIL import Image, ImageOps, ImageSequence, UnidentifiedImageError

from videogeneration.data.clips import HISTORY

logger = logging.getLogger(__name__)

CAMERA_ASPECT = 4 / 3
"""Width over height of what a KTH camera saw; a network sees it squeezed into a square."""

USUAL_FPS = 25.0
"""Frames a second of a video that does not say how many it has."""

_BRIGHT = 127.5


class PictureError(ValueError):
    """A file that is no picture, or none that can be used; names it."""


@dataclass(frozen=True)
class Frame:
    """What a network's frame looks like.

    Attributes:
        height: In pixels.
        width: In pixels.
        aspect: Width over height of the scene that fills it.
        ground: `scene`: the picture's edge goes on where it has to be widened; `black`: elements
            are light on black, and a picture that is dark on light is turned into its negative.
        fit: `pad` shows the whole picture and widens it; `crop` fills the frame from its middle.
    """

    height: int
    width: int
    aspect: float = 1.0
    ground: Literal["scene", "black"] = "scene"
    fit: Literal["pad", "crop"] = "pad"

    def bring(self, grey: np.ndarray) -> np.ndarray:
        """Bring a picture to this frame.

        Args:
            grey: uint8 `[h, w]`, any size.

        Returns:
            uint8 `[height, width]`.
        """
        if self.ground == "black" and np.median(_border(grey)) > _BRIGHT:
            grey = 255 - grey
        height, width = grey.shape
        # how much too wide the picture is for the frame; below 1 it is too high
        excess = width / height / self.aspect
        if self.fit == "crop":
            height, width = round(height / max(1, 1 / excess)), round(width / max(1, excess))
            top, left = (grey.shape[0] - height) // 2, (grey.shape[1] - width) // 2
            return _resized(grey[top : top + height, left : left + width], self.height, self.width)
        inner_height = max(1, round(self.height / max(1, excess)))
        inner_width = max(1, round(self.width * min(1, excess)))
        return self._padded(_resized(grey, inner_height, inner_width))

    def _padded(self, inner: np.ndarray) -> np.ndarray:
        """A picture in the middle of the frame, and what is natural around it."""
        spare_rows, spare_columns = self.height - inner.shape[0], self.width - inner.shape[1]
        top, left = spare_rows // 2, spare_columns // 2
        rim = (top, spare_rows - top, left, spare_columns - left)
        if self.ground == "black":
            return cv2.copyMakeBorder(inner, *rim, cv2.BORDER_CONSTANT, value=0)
        # blurred, so that the grain of the edge does not run out into streaks
        soft = cv2.GaussianBlur(inner, (0, 0), self.width / 16)
        wide = cv2.copyMakeBorder(soft, *rim, cv2.BORDER_REPLICATE)
        wide[top : top + inner.shape[0], left : left + inner.shape[1]] = inner
        return wide


def read_pictures(path: Path, frame: Frame, fps: float) -> Iterator[tuple[str, np.ndarray]]:
    """Read a picture, a video, or a folder of them.

    Args:
        path: A file that Pillow or OpenCV reads, of any size and colours, or a folder of such; what
            is neither picture nor video in a folder is skipped and named in the log.
        frame: What they are brought to.
        fps: At how many frames a second a video is looked at: the pace that the network knows.

    Yields:
        For every file its name, unique in its folder, and uint8 `[C, height, width]`: the picture,
        or the last frames of the video, at most ten, newest last.

    Raises:
        PictureError: There is no such file, it cannot be read, or the folder has nothing that can.
    """
    if path.is_file():
        yield path.stem, _read(path, frame, fps)
        return
    if not path.is_dir():
        raise PictureError(f"image: {path}: no such file or folder")
    files = sorted(file for file in path.iterdir() if file.is_file() and file.name[0] != ".")
    stems = [file.stem for file in files]
    found = False
    for file in files:
        try:
            frames = _read(file, frame, fps)
        except PictureError as error:
            logger.warning("%s", error)
            continue
        found = True
        yield file.stem if stems.count(file.stem) == 1 else file.name, frames
    if not found:
        raise PictureError(f"image: {path}: no picture or video in this folder")


def _read(path: Path, frame: Frame, fps: float) -> np.ndarray:
    """The frames of one file, uint8 `[C, height, width]`."""
    try:
        frames = _read_picture(path, frame, fps)
    except UnidentifiedImageError:
        frames = _read_video(path, frame, fps)
    # the bases of what can go wrong in a damaged file are many
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise PictureError(f"image: {path}: cannot be read ({error})") from error
    if not len(frames):
        raise PictureError(
            f"image: {path}: no picture that Pillow reads, no video that OpenCV reads; save it as "
            "JPEG, PNG or MP4"
        )
    return frames


def _read_picture(path: Path, frame: Frame, fps: float) -> np.ndarray:
    """A still picture, or the last frames of an animated one."""
    with Image.open(path) as image:
        # phones put several pictures into one file; only in a film do they have durations
        if not (image.info.get("duration") and getattr(image, "is_animated", False)):
            return frame.bring(_grey(image))[None]
        last = _Last(1000 / float(image.info["duration"]), fps)
        for each in ImageSequence.Iterator(image):
            last.add(frame.bring(_grey(each)))
        return last.frames()


def _read_video(path: Path, frame: Frame, fps: float) -> np.ndarray:
    """The last frames of a video, turned as it says; none where it is no video."""
    level = cv2.utils.logging.getLogLevel()
    # what OpenCV would say to a file that is no video, an error says better
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    try:
        last = _Last(capture.get(cv2.CAP_PROP_FPS) or USUAL_FPS, fps)
        # FFmpeg would draw the letters of a text file
        reads = int(capture.get(cv2.CAP_PROP_FOURCC)) != cv2.VideoWriter.fourcc(*"ansi")
        while reads:
            reads, picture = capture.read()
            if reads:
                last.add(frame.bring(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)))
        return last.frames()
    finally:
        capture.release()
        cv2.utils.logging.setLogLevel(level)


class _Last:
    """The last frames of a film, as far apart as a network's.

    Args:
        fps: The film's frames a second.
        wanted_fps: The network's.
    """

    def __init__(self, fps: float, wanted_fps: float) -> None:
        self._step = max(1, round(fps / wanted_fps))
        self._frames: deque[np.ndarray] = deque(maxlen=(HISTORY - 1) * self._step + 1)

    def add(self, frame: np.ndarray) -> None:
        self._frames.append(frame)

    def frames(self) -> np.ndarray:
        return np.array(list(self._frames)[:: -self._step][::-1], np.uint8)


def _grey(image: Image.Image) -> np.ndarray:
    """A picture as it is meant to be seen, uint8 `[h, w]`."""
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        return (np.asarray(image, np.float64) / 257).clip(0, 255).round().astype(np.uint8)
    if not image.has_transparency_data:
        return np.array(image.convert("L"))
    grey, alpha = (np.asarray(band, np.float64) for band in image.convert("LA").split())
    # what is transparent becomes the opposite of what is not, so that this can be seen
    drawn = (grey * alpha).sum() / max(alpha.sum(), 1)
    ground = 255 if drawn < _BRIGHT else 0
    return (ground + (grey - ground) * alpha / 255).round().astype(np.uint8)


def _border(grey: np.ndarray) -> np.ndarray:
    """The outermost pixels."""
    return np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])


def _resized(grey: np.ndarray, height: int, width: int) -> np.ndarray:
    """uint8 `[height, width]`: averaged over areas where it shrinks, smooth where it grows."""
    shrinks = height * width <= grey.size
    how = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return cv2.resize(grey, (width, height), interpolation=how)
