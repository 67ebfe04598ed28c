"""Legs that move where a single frame shows a walker only once."""

import pytest
import torch
from torch import Tensor

from videogeneration.models.legs import STEP, swing

TALL = 80
"""Height of the walker in pixels, from row 10 of 128 down."""


def walker(aside: int = 0, column: int = 64, lean: int = 0) -> Tensor:
    """Someone dark whose feet are so far from their middle, and that from his: `[2, 128, 128]`."""
    cover = torch.zeros(128, 128)
    cover[10:50, column - 6 : column + 6] = 1
    for row in range(50, 90):
        for shift in (lean - aside, lean + aside):
            foot = column + round(shift * (row - 50) / 40)
            cover[row, foot - 3 : foot + 3] = 1
    return torch.stack([0.2 * cover, cover])


def film(look: Tensor, steps: list[float], down: bool = False) -> Tensor:
    """How he looks so many steps later: `[K, 2, 128, 128]`."""
    ways = torch.zeros(1, len(steps), 4)
    ways[..., int(down)] = torch.tensor(steps) * STEP * TALL / 64
    return swing(look[None], torch.full((1, 128, 128), 0.6), ways)[0]


def stance(picture: Tensor) -> int:
    """Pixels from the back foot's heel to the toes of the one in front."""
    feet = (picture[1, 84:89].mean(0) > 0.5).nonzero()
    return int(feet.max() - feet.min()) + 1


def test_closed_legs_open_and_close_again() -> None:
    drawn = film(walker(), [0.01, 0.25, 0.5, 0.75, 1.0])
    wide = [stance(picture) for picture in drawn]
    assert wide[0] == pytest.approx(6, abs=2)
    assert wide[0] < wide[1] < wide[2]
    assert wide[2] == pytest.approx(STEP * TALL + 6, abs=4)
    assert wide[1] == pytest.approx(wide[3], abs=2)
    assert wide[4] == pytest.approx(6, abs=2)
    # there is nothing between them, and above the belt nothing changes
    assert drawn[2, 1, 80, 61:67].max() < 0.1
    assert (drawn - walker())[:, :, :49].abs().max() < 0.02


def test_open_legs_close_and_open_again() -> None:
    drawn = film(walker(10), [0.01, 0.4, 0.7, 1.0])
    wide = [stance(picture) for picture in drawn]
    assert (drawn[0] - walker(10)).abs().mean() < 0.2 * walker(10).mean()
    assert wide[0] == pytest.approx(26, abs=3)
    assert wide[1] < 14
    assert wide[3] == pytest.approx(wide[0], abs=3)
    # both legs are as thick as they were
    mass = drawn[:, 1, 75:89].sum((1, 2))
    assert mass[3].item() == pytest.approx(walker(10)[1, 75:89].sum().item(), rel=0.15)


def test_legs_hang_from_the_hips() -> None:
    drawn = film(walker(10, lean=8), [0.01, 0.35])[1]
    assert stance(drawn) < 14
    assert drawn[1, 75:89].sum() > 0.5 * walker(0)[1, 75:89].sum()
    feet = (drawn[1, 84:89].mean(0) > 0.5).nonzero().float()
    assert feet.mean() == pytest.approx(64, abs=3)


def test_the_leg_that_comes_forward_is_bent_and_leaves_the_ground() -> None:
    for way in (1, -1):
        drawn = film(walker(), [way * 0.01, way * 0.5])
        knees = (drawn[:, 1, 66:72].mean(1) > 0.5).nonzero()
        bent, open_ = (knees[knees[:, 0] == k, 1].float() - 63.5 for k in (0, 1))
        # the knee is in front of the closed leg on which he stands
        assert (way * bent).max() > 6
        assert (way * bent).min() > -5
        assert open_.mean().abs() < 2
        toes = (drawn[0, 1, 88] > 0.5).nonzero().float() - 63.5
        assert toes.abs().max() < 5, "one foot alone is on the ground"


def test_what_is_no_leg_stays_with_the_body() -> None:
    look = walker()
    look[:, 86:90, 72:100] = torch.tensor([0.5, 1.0])[:, None, None]
    drawn = film(look, [0.01, 0.5, 1.0])
    assert torch.equal(drawn[:, :, 86:90, 88:100], look[:, 86:90, 88:100].expand(3, -1, -1, -1))


def test_a_shadow_at_the_feet_stays_with_the_body() -> None:
    """It differs less than they do."""
    look = walker()
    shadow = torch.tensor([0.5, 1.0])[:, None, None].expand(2, 8, 30)
    look[:, 84:92, 50:80] = torch.where(look[1:, 84:92, 50:80] > 0, look[:, 84:92, 50:80], shadow)
    drawn = film(look, [0.3, 0.6, 1.0])
    assert (drawn[:, :, 91, 50:80] - shadow[:, 7]).abs().max() < 0.1
    dark = drawn[:, 0, 84:90, 50:80] < 0.4
    assert dark.any(dim=(1, 2)).all(), "the feet"
    # also between them and where they were
    assert (drawn[1, 0, 86:89, 62:66] - 0.5).abs().max() < 0.12
    assert (drawn[1, 1, 86:89, 62:66] - 1).abs().max() < 0.12


def test_the_rim_of_a_leg_goes_with_it() -> None:
    soft = torch.nn.functional.avg_pool2d(walker()[None], 3, 1, 1)[0]
    drawn = film(soft, [0.01, 0.5])[1]
    assert drawn[1, 78:88, 61:67].max() < 0.05


def test_who_runs_takes_longer_steps() -> None:
    drawn = film(walker(), [1.0, 2.0, 3.0, 4.0, 5.0])
    wide = [stance(picture) for picture in drawn]
    assert max(wide) > STEP * TALL + 16
    assert wide[4] == pytest.approx(6, abs=3), "two of them in five frames"
    assert min(wide[:4]) > 20


def test_who_stays_where_he_is_stands_still() -> None:
    drawn = film(walker(10), [0.0, 0.0])
    assert torch.equal(drawn, walker(10).expand_as(drawn))


def test_steps_are_as_long_wherever_he_goes_and_stands() -> None:
    drawn = film(walker(column=90), [0.5])
    assert torch.allclose(drawn.roll(-26, 3), film(walker(), [0.5]), atol=0.02)
    assert stance(film(walker(), [0.5], down=True)[0]) == stance(drawn[0])


def test_the_rim_of_what_is_cut_out_hides_no_leg() -> None:
    """It shows the ground; where legs cross it is drawn over."""
    look = walker()
    look[:, 10:90, 56:73] = torch.where(
        look[1:, 10:90, 56:73] > 0, look[:, 10:90, 56:73], torch.tensor([0.6, 1.0])[:, None, None]
    )
    drawn = film(look, [0.3])[0]
    assert drawn[0, 51:57, 61:67].max() < 0.4


def test_nobody_has_no_legs() -> None:
    nobody = torch.zeros(2, 128, 128)
    drawn = film(nobody, [0.3, 0.6])
    assert drawn.isfinite().all()
    assert drawn.max() == 0
