"""Icons: named glyphs of the solid font in the `fontawesomefree` package (CC BY 4.0 / SIL OFL)."""

import json
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from videogeneration.captions import SceneGrammar
from videogeneration.data.clips import ClipStream
from videogeneration.evaluation.judges import SceneJudge
from videogeneration.sources.scenes import ElementSettings, make_clips
from videogeneration.sources.source import Source
from videogeneration.sources.sprites import ANY_SPLIT, Sprites
from videogeneration.validated import Listed, check_name, validated

# fmt: off
ICONS: tuple[str, ...] = (
    "anchor", "bell", "book", "broom", "bullhorn", "bus", "car", "carrot", "cat", "chair",
    "church", "clock", "crown", "dog", "dove", "drum", "fish", "flag", "flask", "gift", "guitar",
    "hammer", "headphones", "heart", "horse", "house", "key", "leaf", "lightbulb", "lock",
    "magnet", "medal", "microphone", "microscope", "moon", "mountain", "music", "phone", "plane",
    "rocket", "sailboat", "snowman", "stamp", "tooth", "train", "tree", "trophy", "truck",
    "umbrella", "wrench",
)
# fmt: on
"""Icons that look unlike each other and whose angle can be seen: no near-symmetric glyph."""

SIDE = 96
"""Side of an icon's picture in pixels: enough for any size on a 64x64 frame."""

ASSETS = files("fontawesomefree") / "static" / "fontawesomefree"
FONT, METADATA = "otfs/Font Awesome 6 Free-Solid-900.otf", "metadata/icons.json"


def icons(names: Iterable[str] = ICONS) -> Sprites:
    """Draw icons.

    Args:
        names: Names from the font's metadata, each one plain word.

    Returns:
        One sample an icon, for all splits.

    Raises:
        ValueError: A name does not exist (near ones are named) or is not one plain word.
    """
    names = tuple(names)
    known = _code_points()
    for name in names:
        check_name(name, known, "icon")
    font = ImageFont.truetype(str(ASSETS / FONT), SIDE * 2)
    images = [_draw(known[name], font) for name in names]
    return Sprites(
        elements=names,
        images=np.array(images, np.uint8).reshape(-1, SIDE, SIDE),
        labels=np.arange(len(names)),
        splits=np.full(len(names), ANY_SPLIT),
    )


def _draw(code_point: int, font: ImageFont.FreeTypeFont) -> np.ndarray:
    """A glyph, its bounding box centred and as large as fits, uint8 `[SIDE, SIDE]`."""
    large = Image.new("L", (SIDE * 5, SIDE * 5))
    middle = (large.width / 2, large.height / 2)
    ImageDraw.Draw(large).text(middle, chr(code_point), font=font, fill=255, anchor="mm")
    glyph = np.array(large.crop(large.getbbox()))
    room = SIDE - 4  # a black rim, so that interpolation at the border finds black
    scale = room / max(glyph.shape)
    size = [max(1, round(side * scale)) for side in glyph.shape[::-1]]
    glyph = cv2.resize(glyph, size, interpolation=cv2.INTER_AREA)
    picture = np.zeros((SIDE, SIDE), np.uint8)
    top, left = (SIDE - glyph.shape[0]) // 2, (SIDE - glyph.shape[1]) // 2
    picture[top : top + glyph.shape[0], left : left + glyph.shape[1]] = glyph
    return picture


@cache
def _code_points() -> dict[str, int]:
    """Code points of the solid font's icons by name, of the names that are one plain word."""
    metadata = json.loads((ASSETS / METADATA).read_text("utf-8"))
    return {
        name: int(icon["unicode"], 16)
        for name, icon in metadata.items()
        if "solid" in icon["free"] and name.isalpha() and len(name) > 1
    }


@validated
class IconSettings(ElementSettings):
    """Clips of moving icons; see also `ElementSettings`.

    Attributes:
        elements: Solid icons of Font Awesome whose names are one plain word.
    """

    elements: Annotated[tuple[str, ...], Listed] = ICONS
    held_out: tuple[tuple[str, str], ...] = (
        ("house", "spin_clockwise"),
        ("car", "up_down"),
        ("bell", "circle_clockwise"),
        ("rocket", "left_right"),
        ("fish", "circle_counterclockwise"),
        ("key", "spin_counterclockwise"),
    )


def _make(settings: IconSettings, folder: Path) -> ClipStream:
    return make_clips(icons(settings.elements), settings)


SOURCE = Source(
    name="icons",
    settings=IconSettings,
    make_clips=_make,
    grammar=lambda settings: SceneGrammar(settings.elements),
    judge=SceneJudge,
)
