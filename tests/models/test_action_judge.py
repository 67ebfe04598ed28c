"""The network of the judge of actions: what it tracks and what it looks at."""

import numpy as np
import pytest
import torch

from videogeneration.models.action_judge import ActionJudge, ActionJudgeConfig

SIZE = 64


def block(columns: list[float], top: int = 20, height: int = 24) -> torch.Tensor:
    """A dark striped block on a textured wall, its left side at these columns, `[1, T, H, W]`."""
    wall = 0.6 + 0.05 * torch.rand(SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    film = wall.repeat(1, len(columns), 1, 1)
    for time, column in enumerate(columns):
        left = round(column)
        shown = film[0, time, top : top + height, max(left, 0) : max(left + 8, 0)]
        shown[:] = 0.1
        shown[::4] = 0.3
    return film


def everywhere(film: torch.Tensor) -> torch.Tensor:
    return torch.ones(film.shape[:2], dtype=torch.bool)


@pytest.fixture
def network() -> ActionJudge:
    torch.manual_seed(0)
    return ActionJudge(ActionJudgeConfig(size=SIZE, crop=(32, 24), widths=(8, 16))).eval()


@pytest.mark.parametrize("speed", [-12, -3, 0, 5, 16])
def test_velocity_of_a_block(network: ActionJudge, speed: int) -> None:
    film = block([28 + speed * (time - 2) for time in range(5)])
    assert network.velocity(film, everywhere(film)).item() == pytest.approx(
        speed / SIZE, abs=0.5 / SIZE
    )


@pytest.mark.parametrize("down", [-8, 8])
def test_velocity_of_who_comes_nearer_or_goes_away_at_a_slant(
    network: ActionJudge, down: int
) -> None:
    frames = [block([28 + 10 * time], 32 + down * time, height=8) for time in range(-2, 3)]
    film = torch.cat(frames, 1)
    assert network.velocity(film, everywhere(film)).item() == pytest.approx(
        10 / SIZE, abs=0.5 / SIZE
    )


def test_velocity_is_the_last_one_also_of_who_has_left(network: ActionJudge) -> None:
    turning = block([20, 26, 32, 38, 32, 26, 20, 14, 8])
    assert network.velocity(turning, everywhere(turning)).item() < 0
    starting = block([10, 10, 10, 10, 10, 16, 22, 28, 34])
    assert network.velocity(starting, everywhere(starting)).item() > 0
    left = block([40, 48, 56, 64, 72, 80, 88, 96])
    assert network.velocity(left, everywhere(left)).item() == pytest.approx(8 / SIZE, abs=1 / SIZE)


def test_flicker_of_the_camera_is_no_velocity(network: ActionJudge) -> None:
    film = (
        block([28] * 6)
        + 0.1 * torch.rand(6, generator=torch.Generator().manual_seed(1))[None, :, None, None]
    )
    assert network.velocity(film, everywhere(film)).item() == 0


def test_features_do_not_depend_on_where_and_which_way_somebody_goes(network: ActionJudge) -> None:
    film = block([16 + 6 * time for time in range(5)])
    features = network.features(film, everywhere(film))
    mirrored = network.features(film.flip(3), everywhere(film))
    standing = block([28] * 5)
    other = network.features(standing, everywhere(standing))
    assert (features - mirrored).abs().max() < 0.1 * (features - other).abs().max()


def test_of_who_stands_what_is_about_the_arms_is_looked_at(network: ActionJudge) -> None:
    def standing(top: int) -> torch.Tensor:
        """Somebody whose hand appears in every other frame."""
        film = torch.full((1, 8, SIZE, SIZE), 0.6)
        film[:, :, top : top + 20, 28:36] = 0.2
        film[:, ::2, top + 6 : top + 9, 36:40] = 0.2
        return film

    def features(film: torch.Tensor) -> torch.Tensor:
        return network.features(film, everywhere(film))

    film = standing(20)
    apart = (features(film) - features(film[:, ::2])).abs().max()
    assert (features(film) - features(standing(10))).abs().max() < 0.01 * apart


def test_frames_that_are_not_valid_are_not_looked_at(network: ActionJudge) -> None:
    film = block([16 + 6 * time for time in range(5)])
    longer = torch.cat([film, torch.rand(1, 3, SIZE, SIZE)], 1)
    valid = torch.arange(8)[None] < 5
    torch.testing.assert_close(
        network(longer, valid), network(film, everywhere(film)), atol=1e-4, rtol=1e-4
    )


@pytest.mark.parametrize("length", [2, 3])
def test_short_films_have_logits(network: ActionJudge, length: int) -> None:
    film = block([20 + 6 * time for time in range(length)])
    logits = network(film, everywhere(film))
    assert logits.shape == (1, 8)
    assert np.isfinite(logits.detach().numpy()).all()


def test_velocities_are_as_exact_under_autocast(network: ActionJudge) -> None:
    film = block([40, 48, 56, 64, 72, 80, 88, 96])
    with torch.autocast("cpu", torch.bfloat16):
        assert network.velocity(film, everywhere(film)) == 8 / SIZE
        assert network(film, everywhere(film)).isfinite().all()


def test_it_is_small() -> None:
    assert sum(p.numel() for p in ActionJudge(ActionJudgeConfig()).parameters()) < 200_000


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        # pydantic says these in one way for all settings
        ({"widths": (12,)}, r"^widths\.0: 12 should be a multiple of 8$"),
        ({"crop": (64, 8)}, r"^crop: \(64, 8\); choose 16 or more"),
        ({"size": 15}, "^size: 15 should be greater than or equal to 16$"),
        ({"readings": 1}, "^readings: 1 should be greater than or equal to 2$"),
        ({"dropout": 1.0}, "^dropout: 1.0 should be less than 1$"),
        ({"fastest": 0.5}, "^fastest: 0.5 should be less than 0.5$"),
    ],
)
def test_configurations_that_cannot_be(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ActionJudgeConfig(**changes)  # type: ignore[arg-type]
