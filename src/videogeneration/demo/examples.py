"""Pictures to try the page with, drawn here: people in colour, icons, digits."""

import io
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from videogeneration.sources.digits import optdigits
from videogeneration.sources.icons import icons
from videogeneration.sources.people.figure import Clothes, Figure, Part, Person
from videogeneration.sources.people.plans import draw_plan, habits, perform
from videogeneration.sources.people.scene import HEIGHT, WIDTH, Camera

Colour = tuple[int, int, int]

ENLARGED = 4
"""How many times as large as a recording's frame a picture of a person is."""

FINER = 3
"""Pixels that are drawn for one, in both directions."""

HAIR, TROUSERS, TOP, SKIN = 28.0, 52.0, 105.0, 200.0
"""Greys by which the parts of a figure are told apart."""


@dataclass(frozen=True)
class Look:
    """How an example's person looks, and where.

    Attributes:
        name: What the picture is called.
        action: What the person is doing.
        side: To which side: -1 left, 1 right.
        column: Where the feet are, a share of the picture's width.
        seed: What is not said here is drawn from it.
        hair: Colour of hair and shoes.
        trousers: Their colour.
        top: Its colour.
        skin: Its colour.
        wall: Colours of the wall above and of the ground below.
    """

    name: str
    action: str
    side: float
    column: float
    seed: int
    hair: Colour
    trousers: Colour
    top: Colour
    skin: Colour
    wall: tuple[Colour, Colour]


LOOKS = (
    Look("in red", "walking", 1.0, 0.42, 3, (50, 34, 26), (46, 62, 104), (196, 60, 48),
         (226, 178, 146), ((222, 214, 198), (164, 150, 132))),
    Look("in green", "handclapping", -1.0, 0.5, 5, (30, 26, 28), (92, 84, 72), (38, 112, 104),
         (150, 104, 76), ((196, 208, 214), (138, 142, 140))),
    Look("in yellow", "walking", -1.0, 0.6, 11, (96, 62, 34), (44, 46, 52), (232, 176, 52),
         (238, 196, 166), ((206, 216, 196), (150, 156, 124))),
)  # fmt: skip


def examples(source: str) -> Iterator[tuple[str, bytes]]:
    """Pictures to try with a source's networks: names and PNG files, drawn one by one."""
    if source == "kth":
        for look in LOOKS:
            yield look.name, _png(draw_person(look))
    elif source == "icons":
        drawn = icons(("house", "fish", "rocket"))
        for name, icon in zip(drawn.elements, drawn.images, strict=True):
            yield name, _png(_on_black(icon))
    elif source == "mnist":
        digits = optdigits()
        for name in ("digit 3", "digit 5"):
            yield name, _png(_on_black(digits.images[digits.samples(name, "test")[0]]))


def draw_person(look: Look) -> np.ndarray:
    """A person in colour, uint8 `[480, 640, 3]`."""
    rng = np.random.default_rng(look.seed)
    person = Person(1.0, 1.05, 0.51, 1.0, SKIN, HAIR, "short", False)
    clothes = Clothes(
        top=TOP, sleeve=TOP, trousers=TROUSERS, shoes=HAIR, hat=TOP, bare_arms=False,
        bare_legs=False, collar=False, hem=0.02, bulk=0.005, trouser_width=1.0, headwear="none",
        band=None, opening=None, opening_width=0.1, bag=None,
    )  # fmt: skip
    camera = Camera(scale=84.0, ground=106.0, horizon=-10.0, distance=12.0)
    sides = (look.side, look.side)
    plan = draw_plan((look.action, None), sides, habits(rng), person.leg_length, "d1", rng)
    performance = perform([plan], 1, 5.0)
    heading = performance.heading[0]
    figure = Figure(person, clothes, performance.joints[0], heading, float(camera.tilt), 1.0)
    scale = ENLARGED * FINER
    feet = np.array([look.column * WIDTH, 106.0])
    canvas = cv2.resize(_place(look, rng), None, fx=FINER, fy=FINER)
    _shade(canvas, feet * scale, 84.0 * scale)
    parts = [part for part in figure.parts() if part.layer[0] >= 0]
    for part in sorted(parts, key=lambda part: part.layer[0]):
        corners = (part.outline[0] * [84.0, -84.0] + feet) * scale
        cv2.fillPoly(canvas, [np.round(corners * 16).astype(np.int32)], _colour(look, part), 8, 4)
    picture = cv2.resize(canvas, None, fx=1 / FINER, fy=1 / FINER, interpolation=cv2.INTER_AREA)
    grain = rng.normal(0, 2.5, picture.shape)
    return np.clip(cv2.GaussianBlur(picture, (0, 0), 0.8) + grain, 0, 255).astype(np.uint8)


def _place(look: Look, rng: np.random.Generator) -> np.ndarray:
    """A wall and what one stands on, float `[480, 640, 3]`."""
    height, width = HEIGHT * ENLARGED, WIDTH * ENLARGED
    rows, columns = np.mgrid[:height, :width] / [[[height]], [[width]]]
    below = np.clip((rows - 0.72) * height / 3, 0, 1)[..., None]
    wall, floor = (np.array(colour, float) for colour in look.wall)
    light = 1.06 - 0.35 * np.hypot(columns - 0.45, rows - 0.35)[..., None] ** 2
    clouds = cv2.resize(rng.normal(0, 1, (60, 20)), (width, height), interpolation=cv2.INTER_CUBIC)
    ground = floor * (0.9 + 0.35 * (rows[..., None] - 0.72)) + 3 * clouds[..., None]
    return np.asarray((wall * (1 - below) + ground * below) * light)


def _shade(canvas: np.ndarray, feet: np.ndarray, body: float) -> None:
    """Darken the ground around the feet, in place."""
    shade = np.zeros(canvas.shape[:2], np.float32)
    centre = (int(feet[0]), int(feet[1]))
    cv2.ellipse(shade, centre, (int(0.2 * body), int(0.035 * body)), 0, 0, 360, 0.45, -1)
    canvas *= 1 - cv2.GaussianBlur(shade, (0, 0), body / 40)[..., None]


def _colour(look: Look, part: Part) -> tuple[float, ...]:
    """A part's colour, as dark or light as its grey is beside what it belongs to."""
    kinds = {HAIR: look.hair, TROUSERS: look.trousers, TOP: look.top, SKIN: look.skin}
    kind = min(kinds, key=lambda grey: abs(np.log(part.grey / grey)))
    return tuple(min(255.0, channel * part.grey / kind) for channel in kinds[kind])


def _on_black(sprite: np.ndarray) -> np.ndarray:
    """A sprite above the middle of a black picture, uint8 `[256, 256]`."""
    picture = np.zeros((256, 256), np.uint8)
    factor = 100 / max(sprite.shape)
    large = cv2.resize(sprite, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    height, width = large.shape
    top, left = 90 - height // 2, 128 - width // 2
    picture[top : top + height, left : left + width] = large
    return picture


def _png(picture: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return file.getvalue()
