"""Files of pictures and videos, as people have them, read picture by picture."""

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import pillow_heif
from PIL import Image, ImageOps, ImageSequence, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile

Image.init()  # else only a few formats are known by name
pillow_heif.register_heif_opener()

# fmt: off
PICTURES = (
    "JPEG", "PNG", "GIF", "WEBP", "AVIF", "HEIF", "TIFF", "BMP", "PPM", "ICO", "JPEG2000",
)
# fmt: on
"""What Pillow may read. It knows more, some of it by other programs that it starts."""

ANIMATIONS = ("GIF", "WEBP", "AVIF", "PNG")
"""Where several pictures are a film; in others they are pages, sizes or a depth map."""

VIDEOS = "mov,matroska,avi,mpegts,mpeg,flv,asf,ogg"
"""What FFmpeg may read. It knows lists of other files and addresses too."""

USUAL_FPS = 25.0
"""Frames a second of a video without time stamps that does not say how many it has."""

SHORTEST_DELAY, USUAL_DELAY = 0.01, 0.1
"""Seconds: an animation's picture of no more than the first is shown for the second, as browsers
do."""

MOST_FRAME_PIXELS = 40_000_000
"""Pixels of a video's frame: those of 8K."""

MOST_JPEG_PIXELS = 256_000_000
"""Pixels of a JPEG, which is shrunk while it is decoded; of others Pillow's own limit holds."""

DEPTHS = (1, 4, 8, 10, 12, 14, 16, 20, 24, 32)
"""Bits that a picture's numbers may have, whatever type they are stored in."""


class PictureError(ValueError):
    """A file that is no picture, or none that can be used; names it."""


class View(NamedTuple):
    """One picture of a file.

    Attributes:
        seconds: From the file's first picture to when this one is seen.
        size: Width and height in pixels.
        picture: Gives it, uint8 `[h, w, 3]`, maybe already smaller, until the next one is taken.
    """

    seconds: float
    size: tuple[int, int]
    picture: Callable[[], np.ndarray]


def views(path: Path, longest: int) -> Iterator[View]:
    """The pictures of a file, one after another.

    Args:
        path: A still, an animation or a video; several pictures in one file are a film only where
            its format has such.
        longest: Pictures with a longer side than this may come smaller, but not below it.

    Yields:
        Every picture; nothing where the file has none.

    Raises:
        PictureError: Its pictures are too large.
        Exception: Whatever Pillow and FFmpeg raise of a damaged file.
    """
    try:
        image = _opened(path)
    except UnidentifiedImageError:
        yield from _video(path)
        return
    with image:
        seconds = 0.0
        films = image.format in ANIMATIONS and getattr(image, "is_animated", False)
        # of stills the picture that the file opens with; it need not be the first
        for each in ImageSequence.Iterator(image) if films else [image]:
            turned = each.getexif().get(_ORIENTATION, 1) >= _ON_ITS_SIDE
            size = each.size[::-1] if turned else each.size
            if films:
                each.load()  # only now a WebP or AVIF knows how long it is shown
            delay = float(each.info.get("duration") or 0) / 1000
            yield View(seconds, size, lambda each=each: _colours(each, longest))  # type: ignore[misc]
            seconds += delay if delay > SHORTEST_DELAY else USUAL_DELAY


_ORIENTATION, _ON_ITS_SIDE = 0x112, 5  # of EXIF


def _opened(path: Path) -> Image.Image:
    """A picture's file, which is not decoded yet; too many pixels are refused."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            return Image.open(path, formats=PICTURES)
        except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
            most = Image.MAX_IMAGE_PIXELS or 0
            try:
                image = JpegImageFile(path)
                if image.width * image.height <= MOST_JPEG_PIXELS:
                    return image
                most = MOST_JPEG_PIXELS
                image.close()
            except SyntaxError:
                pass
            raise PictureError(
                f"more than {most // 1_000_000} million pixels; save it smaller"
            ) from error


def _video(path: Path) -> Iterator[View]:
    """The pictures of a video, turned as it says; none where it is no video."""
    allowed = {"format_whitelist": VIDEOS, "protocol_whitelist": "file"}
    try:
        container = av.open(str(path), options=allowed, metadata_errors="replace")
    except av.FFmpegError:
        return
    with container:
        if not container.streams.video:
            return
        stream = container.streams.video[0]
        if stream.width * stream.height > MOST_FRAME_PIXELS:
            raise PictureError(f"{stream.width}x{stream.height} pixels a frame; save it smaller")
        # frames that grow while the video runs are refused by the decoder
        stream.codec_context.options = {"max_pixels": str(MOST_FRAME_PIXELS)}
        stream.codec_context.thread_count, stream.thread_type = 4, "AUTO"
        first, seconds, usual = None, 0.0, 1 / float(stream.average_rate or USUAL_FPS)
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except av.FFmpegError:
                continue  # damaged; what comes after it may not be
            for frame in frames:
                # time stamps, not the rate: screen recorders write any
                if frame.time is not None:
                    first = frame.time if first is None else first
                    seconds = frame.time - first
                turns = round(frame.rotation / 90)
                size = (
                    (frame.width, frame.height) if turns % 2 == 0 else (frame.height, frame.width)
                )
                yield View(seconds, size, lambda f=frame, t=turns: _turned(f, t))  # type: ignore[misc]
                seconds += usual


def _turned(frame: av.VideoFrame, quarters: int) -> np.ndarray:
    """A video's frame, turned counterclockwise, uint8 `[h, w, 3]`."""
    return np.ascontiguousarray(np.rot90(frame.to_ndarray(format="rgb24"), quarters))


def _colours(image: Image.Image, longest: int) -> np.ndarray:
    """A picture as it is meant to be seen, uint8 `[h, w, 3]`; larger than `longest` or whole."""
    shrink = min(1.0, longest / max(image.size))
    image.draft("RGB", (round(image.width * shrink), round(image.height * shrink)))
    kind, numbers = image.format, getattr(image, "tag_v2", {}).get(_SAMPLE_FORMAT, (1,))
    image = ImageOps.exif_transpose(image)
    if image.mode == "F" or image.mode.startswith("I"):
        values = np.asarray(image)
        if values.dtype == np.int32 and kind == "TIFF" and numbers[0] == _UNSIGNED:
            values = values.view(np.uint32)
        light = np.nan_to_num(values.astype(np.float32), posinf=0, neginf=0)
        depths = DEPTHS if kind == "TIFF" or image.mode == "F" else (16,)
        fitting = [2.0**depth - 1 for depth in depths if light.max() <= 2.0**depth - 1]
        white = min(fitting, default=light.max())
        grey = (light.clip(0) * (255 / white)).clip(0, 255).round().astype(np.uint8)
        return np.repeat(grey[..., None], 3, 2)
    if not image.has_transparency_data:
        return np.array(image.convert("RGB"))
    image = image.convert("RGBA")
    image.thumbnail((longest, longest))  # before each number becomes a wide one
    drawn = np.asarray(image, np.float32)
    alpha = drawn[..., 3:] / 255
    light = (drawn[..., :3] @ _LIGHT * alpha[..., 0]).sum() / max(alpha.sum(), 1)
    # what is transparent becomes the opposite of what is not, so that this can be seen
    background = 255 if light < 127.5 else 0
    return (background + (drawn[..., :3] - background) * alpha).round().astype(np.uint8)


_SAMPLE_FORMAT, _UNSIGNED = 339, 1  # of TIFF
_LIGHT = np.array([0.299, 0.587, 0.114], np.float32)  # of red, green and blue
