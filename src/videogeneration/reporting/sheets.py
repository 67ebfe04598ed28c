"""Contact sheets: films laid out as pictures, crisp, with what was given and what was generated."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from videogeneration.data.clips import Clips
from videogeneration.data.frames import to_uint8
from videogeneration.data.spread import spread

TRUTH = "truth"
"""Name of the row that holds recorded frames; they are neither marked nor counted as generated."""

Colour = tuple[int, int, int]

_PAPER: Colour = (255, 255, 255)
_INK: Colour = (20, 20, 20)
_FAINT: Colour = (120, 120, 120)
GIVEN: Colour = (150, 150, 150)
GENERATED: Colour = (230, 120, 0)

COLUMNS = 12
"""Most frames in a row of a contact sheet."""

PREVIEW_CLIPS, PREVIEW_COLUMNS = 8, 10
"""Most clips of a preview, and most frames of each of them."""

_CELL = 128  # frames are enlarged by a whole factor to about this size
_BORDER, _GAP, _MARGIN = 3, 4, 14
_TITLE, _TEXT, _SMALL = 17, 14, 12


@dataclass(frozen=True)
class SheetFilm:
    """Films of the same scene, to be compared row by row.

    Attributes:
        title: What is printed above them: the caption.
        rows: A film `[T, H, W]`, with colours `[T, H, W, 3]`, for every label (`truth`, `mse`,
            ...), uint8 or float in [0, 1], each with the given frames in front. Films may differ in
            length, not in size.
        given: How many frames at the front were given.
        first_step: Step of the first frame that was not given; 0 for a first frame that was drawn.
    """

    title: str
    rows: Mapping[str, np.ndarray]
    given: int
    first_step: int = 1

    def __post_init__(self) -> None:
        if not self.rows:
            raise ValueError(f"film '{self.title}': no rows to show")
        sizes = {film.shape[1:] for film in self.rows.values()}
        if len(sizes) > 1 or any(
            film.ndim not in (3, 4) or not len(film) for film in self.rows.values()
        ):
            shapes = {label: film.shape for label, film in self.rows.items()}
            raise ValueError(
                f"film '{self.title}': rows {shapes} are not all [T, H, W] of one size, T from 1"
            )
        if not 0 <= self.given <= self.length:
            raise ValueError(
                f"film '{self.title}': given is {self.given}; it must be 0 to {self.length}"
            )

    @property
    def length(self) -> int:
        """Number of frames of the longest row."""
        return max(len(film) for film in self.rows.values())

    def count(self, index: int) -> str:
        """What to call the frame at `index`: `given`, or its step."""
        return "given" if index < self.given else f"step {index - self.given + self.first_step}"


@dataclass(frozen=True)
class _Cell:
    """One picture on a sheet, uint8 `[H, W]` or `[H, W, 3]`, and the colour of its border."""

    frame: np.ndarray
    border: Colour = _PAPER


@dataclass(frozen=True)
class _Panel:
    """One block of a sheet: a title, a heading over every column and labelled rows of cells."""

    title: str
    headings: list[tuple[str, Colour]]
    rows: list[tuple[str, list[_Cell]]]
    note: str = ""

    @property
    def factor(self) -> int:
        """How many times frames are enlarged."""
        return max(1, round(_CELL / max(self.rows[0][1][0].frame.shape[:2])))

    @property
    def pitch(self) -> tuple[int, int]:
        """Height and width of an enlarged frame with its border and the gap after it."""
        height, width = self.rows[0][1][0].frame.shape[:2]
        around = 2 * _BORDER + _GAP
        return height * self.factor + around, width * self.factor + around

    @property
    def height(self) -> int:
        """Height of the whole block."""
        return _TITLE + 8 + _SMALL + 6 + len(self.rows) * self.pitch[0]


def contact_sheet(films: Sequence[SheetFilm]) -> Image.Image:
    """Several films below one another, a row a model, a column a moment.

    Frames that were given have a grey border, generated ones an orange one, true ones none; the
    heading counts steps from 1. A film with more frames than `COLUMNS` shows fewer of the given
    ones, at least the newest; then, where that is not enough, evenly spaced steps from first to
    last.

    Args:
        films: What to show.

    Returns:
        An RGB picture.

    Raises:
        ValueError: No films.
    """
    if not films:
        raise ValueError("contact sheet of 0 films: need 1")
    return _draw([_film_panel(film) for film in films])


def preview_sheet(clips: Clips) -> Image.Image:
    """Sample clips with their captions, evenly spaced over captions and clips.

    Args:
        clips: The clips to choose from.

    Returns:
        An RGB picture.

    Raises:
        ValueError: There are no clips.
    """
    if not len(clips):
        raise ValueError("preview of 0 clips: need 1")
    # in order of captions: clips in file order alternate in direction, so every second one of them
    # would show one direction only
    order = clips.table.reset_index(drop=True).sort_values("caption", kind="stable").index
    return _draw([_clip_panel(clips, index) for index in spread(order.tolist(), PREVIEW_CLIPS)])


def picture_sheet(rows: Sequence[tuple[str, np.ndarray]]) -> Image.Image:
    """Pictures that were generated below their sentences.

    Args:
        rows: For every sentence, pictures `[n, H, W]`, uint8 or float in [0, 1].

    Returns:
        An RGB picture.
    """
    panels = []
    for sentence, pictures in rows:
        cells = [_Cell(to_uint8(picture), GENERATED) for picture in pictures]
        panels.append(_Panel(sentence, [("", _FAINT)] * len(cells), [("", cells)]))
    return _draw(panels)


def _film_panel(film: SheetFilm) -> _Panel:
    moments = _moments_shown(film.length, film.given)
    rows = []
    for label, frames in film.rows.items():
        made = _PAPER if label == TRUTH else GENERATED
        cells = [
            _Cell(to_uint8(frames[moment]), GIVEN if moment < film.given else made)
            for moment in moments
            if moment < len(frames)
        ]
        rows.append((label, cells))
    headings = [
        (film.count(moment), _FAINT if moment < film.given else GENERATED) for moment in moments
    ]
    return _Panel(film.title, headings, rows)


def _clip_panel(clips: Clips, index: int) -> _Panel:
    row, frames = clips.table.iloc[index], clips[index]
    moments = spread(range(len(frames)), PREVIEW_COLUMNS)
    return _Panel(
        str(row["caption"]),
        [(f"frame {moment + 1}", _FAINT) for moment in moments],
        [("", [_Cell(to_uint8(frames[moment])) for moment in moments])],
        note=f"{row['clip_id']}, {row['split']}, {len(frames)} frames",
    )


def _moments_shown(length: int, given: int) -> list[int]:
    """Indices of the frames of a film that a contact sheet shows; `given` of them were given."""
    if length <= COLUMNS or given in (0, length):
        return spread(range(length), COLUMNS)
    shown = max(1, COLUMNS - (length - given))
    steps = np.linspace(given, length - 1, COLUMNS - shown).round().astype(int)
    return [*range(given - shown, given), *steps.tolist()]


def _draw(panels: Sequence[_Panel]) -> Image.Image:
    """Stack panels on a page that is as wide as the widest."""
    labels = {label for panel in panels for label, _ in panel.rows} - {""}
    # without labels the pictures themselves begin at the margin
    indent = _MARGIN + max((int(font(_TEXT).getlength(label)) + 10 for label in labels), default=0)
    pictures = max(indent + len(panel.headings) * panel.pitch[1] for panel in panels)
    texts = max(_note_left(panel) + int(font(_SMALL).getlength(panel.note)) for panel in panels)
    height = sum(panel.height + _MARGIN for panel in panels) + _MARGIN
    page = Image.new("RGB", (max(pictures, texts) + _MARGIN, height), _PAPER)
    top = _MARGIN
    for panel in panels:
        _draw_panel(page, panel, indent, top)
        top += panel.height + _MARGIN
    return page


def _note_left(panel: _Panel) -> int:
    """Where a panel's note begins: a little after its title."""
    return _MARGIN + int(font(_TITLE, bold=True).getlength(panel.title)) + 16


def _draw_panel(page: Image.Image, panel: _Panel, indent: int, top: int) -> None:
    draw = ImageDraw.Draw(page)
    height, width = panel.pitch
    draw.text((_MARGIN, top), panel.title, _INK, font(_TITLE, bold=True))
    draw.text((_note_left(panel), top + 4), panel.note, _FAINT, font(_SMALL))
    top += _TITLE + 8
    for column, (heading, colour) in enumerate(panel.headings):
        centre = indent + column * width + (width - _GAP) // 2
        draw.text((centre, top), heading, colour, font(_SMALL), anchor="ma")
    top += _SMALL + 6
    for label, cells in panel.rows:
        draw.text((_MARGIN, top + height // 2), label, _INK, font(_TEXT), anchor="lm")
        for column, cell in enumerate(cells):
            left = indent + column * width
            box = (left, top, left + width - _GAP - 1, top + height - _GAP - 1)
            draw.rectangle(box, fill=cell.border)
            picture = Image.fromarray(enlarge(cell.frame, panel.factor))
            page.paste(picture, (left + _BORDER, top + _BORDER))
        top += height


@cache
def font(size: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which comes with matplotlib, so that text looks the same everywhere.

    Args:
        size: Height in pixels.
        bold: The bold cut.
    """
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name, size)


def enlarge(frame: np.ndarray, factor: int, smooth: bool = False) -> np.ndarray:
    """A frame `factor` times as large.

    Args:
        frame: uint8 `[H, W]` or `[H, W, 3]`.
        factor: A whole number from 1.
        smooth: Bicubic between the pixels, for films; else every pixel becomes a square.

    Returns:
        The same, `factor * H` high and `factor * W` wide.
    """
    how = cv2.INTER_CUBIC if smooth else cv2.INTER_NEAREST
    height, width = frame.shape[:2]
    return cv2.resize(frame, (width * factor, height * factor), interpolation=how)


def small(film: np.ndarray, longest: int) -> np.ndarray:
    """A film to be shown beside others.

    Args:
        film: uint8 `[T, H, W, 3]`.
        longest: Pixels of the longer side; a smaller film stays as it is.
    """
    height, width = film.shape[1:3]
    if max(height, width) <= longest:
        return film
    columns, rows = (max(1, side * longest // max(height, width)) for side in (width, height))
    return np.array([cv2.resize(x, (columns, rows), interpolation=cv2.INTER_AREA) for x in film])
