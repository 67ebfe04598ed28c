"""Pictures that somebody sends become films: for the page and for the served model."""

import base64
import io
import re
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from PIL import Image, UnidentifiedImageError

from videogeneration.animation import Animator, Film
from videogeneration.reporting.films import write_film
from videogeneration.sources.photos import PictureError

LARGEST_FILE = 25_000_000
"""Bytes of an upload."""

MOST_PIXELS = 50_000_000
"""Of a picture."""

LONGEST_SIDE = 640
"""Pixels of a film's longer side."""

MOST_STEPS, MOST_SAMPLES = 60, 4

FPS = 5.0


def animate_upload(
    animator: Animator,
    upload: bytes,
    name: str,
    sentence: str,
    steps: int,
    samples: int,
    seed: int,
    at: float | None = None,
) -> dict[str, Any]:
    """Films of a picture or video that somebody has sent; nothing is kept.

    Args:
        animator: Draws.
        upload: The file.
        name: Its name, for messages.
        sentence: What shall happen; the beginnings of some of its words will do.
        steps: Frames to draw.
        samples: Films.
        seed: Of the first film.
        at: Seconds from a video's start to the moment that films start from; None for one at which
            what can be animated is in view.

    Returns:
        `sentence` in full; `remark`, what is to be said of the picture; and `films`, each with
        `seed`, `steps`, `ended` (whether nobody was left) and the files `mp4` and `gif` in base64.

    Raises:
        CaptionError: The network does not know the sentence.
        PictureError: The file is no picture, too large, or shows nothing that can be animated.
    """
    told = animator.grammar.complete(sentence)
    _refuse_huge(upload)
    with TemporaryDirectory() as folder:
        # the name that a visitor knows, for messages
        file = Path(folder) / (re.sub(r"[^\w. -]", "_", Path(name).name)[-80:].strip(".") or "file")
        file.write_bytes(upload)
        try:
            (shot,) = animator.read(file, FPS, at, LONGEST_SIDE)
        except PictureError as error:
            raise PictureError(str(error).replace(f"image: {folder}/", "")) from error
        remark = animator.remark(shot)
        films = animator.films(shot, [told], steps, samples, seed)
        drawn = [_encoded(film, steps, Path(folder)) for film in films]
    return {"sentence": told, "remark": remark, "films": drawn}


def _refuse_huge(upload: bytes) -> None:
    """Refuse a picture of too many pixels before they are decoded."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            width, height = Image.open(io.BytesIO(upload)).size
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError):
        return  # a video, or what reading it will say more of
    except Image.DecompressionBombError:
        width = height = MOST_PIXELS
    if width * height > MOST_PIXELS:
        most = MOST_PIXELS // 1_000_000
        raise PictureError(f"the picture has more than {most} million pixels; make it smaller")


def _encoded(film: Film, steps: int, folder: Path) -> dict[str, Any]:
    """A film with its files."""
    gif, mp4 = write_film(folder / "film", film.frames, FPS)
    return {
        "seed": film.seed,
        "steps": film.steps,
        "ended": film.steps < steps,
        "mp4": base64.b64encode(mp4.read_bytes()).decode(),
        "gif": base64.b64encode(gif.read_bytes()).decode(),
    }
