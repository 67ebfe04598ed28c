"""Contact sheets: the right frames at the right places, and told apart."""

from pathlib import Path

import numpy as np
import pytest

from toys import write_store
from videogeneration.data.clips import Clips
from videogeneration.reporting.sheets import (
    SheetFilm,
    contact_sheet,
    enlarge,
    picture_sheet,
    preview_sheet,
)

GREY, ORANGE = (150, 150, 150), (230, 120, 0)


def numbered(length: int, size: int = 128) -> np.ndarray:
    """A film whose frame `i` has the even light `40 + 5 i`, uint8."""
    lights = 40 + 5 * np.arange(length, dtype=np.uint8)
    return np.broadcast_to(lights[:, None, None], (length, size, size)).copy()


def area(sheet: np.ndarray, colour: int | tuple[int, int, int]) -> int:
    """Number of pixels of exactly this colour."""
    return int((sheet == colour).all(axis=-1).sum())


def shown(sheet: np.ndarray, length: int) -> list[int]:
    """Which frames of a numbered film are on a sheet."""
    return [index for index in range(length) if area(sheet, 40 + 5 * index) > 10_000]


def test_every_frame_is_shown_at_its_own_size() -> None:
    film = SheetFilm("a title", {"truth": numbered(6), "mse": numbered(6)[:3]}, given=2)
    sheet = np.asarray(contact_sheet([film]))
    for index in range(6):
        expected = 128 * 128 * (2 if index < 3 else 1)
        # text is smoothed and may have a few pixels of any grey
        assert area(sheet, 40 + 5 * index) == pytest.approx(expected, abs=60)


def test_small_frames_are_enlarged_by_a_whole_factor() -> None:
    sheet = np.asarray(contact_sheet([SheetFilm("small", {"mse": numbered(2, size=64)}, given=1)]))
    assert area(sheet, 40) == pytest.approx(128 * 128, abs=60)
    assert area(sheet, 45) == pytest.approx(128 * 128, abs=60)


def test_given_frames_are_grey_generated_orange_and_true_ones_plain() -> None:
    border = (128 + 6) ** 2 - 128**2
    film = SheetFilm("", {"truth": numbered(5), "gan": numbered(5)}, given=2)
    sheet = np.asarray(contact_sheet([film]))
    # two given frames in each of two rows; three generated ones in the row of the model
    assert area(sheet, GREY) == pytest.approx(4 * border, abs=40)
    assert area(sheet, ORANGE) == pytest.approx(3 * border, rel=0.1)
    truth_alone = SheetFilm("", {"truth": numbered(5)}, given=5)
    assert area(np.asarray(contact_sheet([truth_alone])), ORANGE) == 0


def test_steps_come_before_given_frames_where_columns_are_few() -> None:
    film = SheetFilm("", {"mse": numbered(15)}, given=5)
    assert shown(np.asarray(contact_sheet([film])), 15) == list(range(3, 15))
    short = SheetFilm("", {"mse": numbered(12)}, given=5)
    assert shown(np.asarray(contact_sheet([short])), 12) == list(range(12))
    long = SheetFilm("", {"mse": numbered(36)}, given=5)
    assert shown(np.asarray(contact_sheet([long])), 36) == [4, *range(5, 36, 3)]


def test_several_films_stand_below_one_another() -> None:
    one = SheetFilm("first", {"mse": numbered(3)}, given=1)
    alone, both = contact_sheet([one]), contact_sheet([one, one])
    assert both.width == alone.width
    assert 1.9 * alone.height < both.height < 2 * alone.height
    longer = contact_sheet([SheetFilm("a very long title " * 10, {"mse": numbered(3)}, given=1)])
    assert longer.width > alone.width


def test_counting_starts_at_one_after_the_given_frames() -> None:
    film = SheetFilm("", {"mse": numbered(4)}, given=2)
    assert [film.count(index) for index in range(4)] == ["given", "given", "step 1", "step 2"]


def test_a_first_frame_that_was_drawn_is_step_zero() -> None:
    film = SheetFilm("", {"": numbered(3)}, given=0, first_step=0)
    assert [film.count(index) for index in range(3)] == ["step 0", "step 1", "step 2"]


def test_bad_sheets_are_refused() -> None:
    with pytest.raises(ValueError, match=r"'odd'.*one size"):
        SheetFilm("odd", {"a": numbered(2, 64), "b": numbered(2, 128)}, given=1)
    with pytest.raises(ValueError, match="T from 1"):
        SheetFilm("empty", {"a": numbered(0)}, given=0)
    with pytest.raises(ValueError, match="given is 3; it must be 0 to 2"):
        SheetFilm("", {"a": numbered(2)}, given=3)
    with pytest.raises(ValueError, match="no rows"):
        SheetFilm("", {}, given=0)
    with pytest.raises(ValueError, match="contact sheet of 0 films"):
        contact_sheet([])


@pytest.fixture
def clips(tmp_path: Path) -> Clips:
    """Sixteen clips, left and right in turn; clip `i` has the even light `40 + 5 i`."""
    return write_store(
        tmp_path / "clips",
        [
            (
                np.full((20, 64, 64), 40 + 5 * index, np.uint8),
                {"caption": f"a person is walking to the {('left', 'right')[index % 2]}"},
            )
            for index in range(16)
        ],
    )


def test_preview_shows_every_caption(clips: Clips) -> None:
    seen = shown(np.asarray(preview_sheet(clips)), 16)
    assert len(seen) == 8
    assert sum(index % 2 for index in seen) == 4
    few = clips.where(np.arange(16) < 6)
    assert shown(np.asarray(preview_sheet(few)), 16) == list(range(6))


def test_preview_of_nothing_is_refused(clips: Clips) -> None:
    with pytest.raises(ValueError, match="preview of 0 clips"):
        preview_sheet(clips.split("test"))


def test_frames_are_enlarged_by_whole_pixels() -> None:
    frame = np.array([[3, 4]], np.uint8)
    np.testing.assert_array_equal(enlarge(frame, 2), [[3, 3, 4, 4]] * 2)


def test_picture_sheet_has_a_block_a_sentence() -> None:
    drawn = np.zeros((3, 16, 16), np.float32)
    one = np.asarray(picture_sheet([("a house", drawn)]))
    two = np.asarray(picture_sheet([("a house", drawn), ("a car", drawn)]))
    assert one.shape[0] < 2 * 128 < two.shape[0]
    orange = (one == (230, 120, 0)).all(-1)
    # three pictures are framed
    assert np.ptp(np.nonzero(orange)[0]) < 140
    assert orange.any(0).sum() > 2 * 128
    black = (one == 0).all(-1).sum()
    assert black == 3 * 128 * 128
