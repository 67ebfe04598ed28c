"""Settings check themselves, and say what is wrong in one line."""

from dataclasses import FrozenInstanceError, asdict, replace
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from videogeneration.validated import SettingsError, validated, within


@validated
class Inner:
    """Settings inside of others."""

    share: float = Field(0.5, ge=0, le=1)


@validated
class Training:
    """Settings as a training has them."""

    steps: int = Field(800, ge=1)
    loss: Literal["hinge", "least_squares"] = "hinge"
    widths: tuple[Annotated[int, Field(multiple_of=8)], ...] = Field((8, 16), min_length=1)
    inner: Inner = Field(default_factory=Inner)

    def __post_init__(self) -> None:
        if list(self.widths) != sorted(self.widths):
            raise ValueError("widths: let them grow")


def test_defaults_lists_and_whole_numbers() -> None:
    training = Training(widths=[8, 24], inner={"share": 1})  # type: ignore[arg-type]
    assert asdict(training) == {
        "steps": 800,
        "loss": "hinge",
        "widths": (8, 24),
        "inner": {"share": 1.0},
    }
    assert replace(training, steps=5).steps == 5
    with pytest.raises(FrozenInstanceError):
        training.steps = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"steps": 0}, "^steps: 0 should be greater than or equal to 1$"),
        ({"steps": "many"}, "^steps: 'many' should be a valid integer"),
        ({"loss": "l2"}, "^loss: 'l2' should be 'hinge' or 'least_squares'$"),
        ({"setps": 3}, "^setps: there is no such setting; did you mean 'steps'\\?$"),
        ({"zzz": 3}, "there are steps, loss, widths, inner"),
        ({"widths": []}, r"^widths: \[\] should have at least 1 item, not 0$"),
        ({"widths": [8, 12]}, r"^widths\.1: 12 should be a multiple of 8$"),
        ({"widths": [12]}, r"^widths\.0: 12 should be a multiple of 8$"),
        ({"widths": [16, 8]}, "^widths: let them grow$"),
        ({"inner": {"share": 2}}, "^inner.share: 2 should be less than or equal to 1$"),
        ({"inner": {"share": float("nan")}}, "^inner.share: nan should be a finite number$"),
        ({"steps": 0, "loss": 1}, "steps.*\nloss"),
    ],
)
def test_a_wrong_setting_is_named(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        Training(**wrong)


def test_a_copy_is_checked_too() -> None:
    with pytest.raises(SettingsError, match=r"^steps: -1"):
        replace(Training(), steps=-1)


def test_settings_within_others_are_named_as_a_user_writes_them() -> None:
    with pytest.raises(SettingsError) as caught:
        Training(steps=0, inner={"share": 2})  # type: ignore[arg-type]
    said = str(within("network.deep", caught.value)).splitlines()
    assert [line.partition(": ")[0] for line in said] == [
        "network.deep.steps",
        "network.deep.inner.share",
    ]
    assert str(within("network", ValueError("36x32 frames"))) == "network: 36x32 frames"
