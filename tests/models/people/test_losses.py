"""The people's auxiliary losses."""

import torch

from videogeneration.models.people.losses import (
    background_loss,
    feature_loss,
    in_shadow,
    shadow_loss,
    tint_error,
)

ALL = torch.ones(1, dtype=torch.bool)


def test_a_shadow_counts_beside_the_figure() -> None:
    background = torch.linspace(0.4, 0.6, 32).expand(1, 32, 32)
    silhouette, shadow = torch.zeros(2, 1, 32, 32)
    silhouette[:, 8:24, 14:18] = 1
    shadow[:, 22:26, 18:28] = 0.3
    true = torch.where(silhouette > 0, 0.1, background * (1 - shadow))

    def loss(shadow: torch.Tensor, frames: torch.Tensor = true) -> float:
        return float(shadow_loss(shadow, frames, background, silhouette, ALL))

    # how bright the whole frame is does not matter
    assert loss(shadow) < 1e-4 and loss(shadow, 0.8 * true) < 1e-4
    nothing = loss(torch.zeros_like(shadow))
    assert nothing > 20 * loss(shadow)
    # what the figure covers is nobody's shadow
    assert loss(shadow + silhouette) == loss(shadow)
    assert float(shadow_loss(shadow, true, background, silhouette, ~ALL)) == 0


def test_before_a_black_background_a_shadow_teaches_little() -> None:
    black, frames = torch.zeros(1, 32, 32), torch.full((1, 32, 32), 0.5)
    assert float(shadow_loss(0 * black, frames, black - 1e-3, black, ALL)) < 10


def test_what_is_darker_beside_a_figure_is_in_shadow() -> None:
    background = torch.linspace(0.4, 0.6, 32).expand(1, 32, 32)
    silhouette, shadow = torch.zeros(2, 1, 32, 32)
    silhouette[:, 8:24, 14:18] = 1
    shadow[:, 22:26, 20:28] = 0.3
    torch.manual_seed(0)
    noise = 0.01 * torch.randn(1, 32, 32)
    frames = torch.where(silhouette > 0, 0.1, background * (1 - shadow)) + noise
    # how bright the whole frame is does not matter
    for bright in (frames, 0.8 * frames):
        found = in_shadow(bright, background, silhouette)
        assert (found[shadow > 0] == 1).all()
        assert found.sum() < 2.5 * (shadow > 0).sum()
        assert (found[silhouette > 0] == 0).all()
    # an arm that was overlooked
    hidden = silhouette.clone()
    hidden[:, 8:12] = 0
    assert (in_shadow(frames, background, hidden)[:, 8, 14:18] == 1).all()


def test_what_figures_and_shadows_cover_counts_as_much_as_the_rest() -> None:
    true, covered, shaded = torch.full((1, 32, 32), 0.5), *torch.zeros(2, 1, 32, 32)
    covered[:, :, :4], shaded[:, :, 4:8] = 1, 1
    rest = 1 - covered - shaded

    def loss(where: torch.Tensor, counts: torch.Tensor = ALL) -> float:
        return float(background_loss(true + 0.1 * where, shaded, true, covered, shaded, counts))

    assert torch.allclose(
        torch.tensor([loss(where) for where in (covered, shaded, rest)]),
        torch.tensor([0.1 / 8 + 0.1, 0.1 / 8 + 0.1, 0.6 / 8]),
    )
    assert loss(rest, ~ALL) == 0
    # shadows are to be found, and no others: what is taken for one is smoothed
    right, nothing, everywhere = (
        float(background_loss(true, said, true, covered, shaded, ALL))
        for said in (shaded, 0 * shaded, 0 * shaded + 1)
    )
    assert right == 0 and nothing > 0.05 and everywhere > 0.05


def test_features_are_compared_whatever_their_size() -> None:
    torch.manual_seed(0)
    true = [torch.randn(2, 4, 16, 16), torch.randn(2, 8, 8, 8)]
    both, first = torch.tensor([True, True]), torch.tensor([True, False])
    assert float(feature_loss([3 * x for x in true], true, both)) < 1e-3
    drawn = [x.clone() for x in true]
    drawn[1][1] = 0
    assert float(feature_loss(drawn, true, both)) > 0.1
    assert float(feature_loss(drawn, true, first)) == 0


def test_a_pixel_of_another_colour_is_wrong_though_its_grey_is_right() -> None:
    frames = torch.full((1, 16, 16), 0.5)
    tint = torch.tensor([0.3, 0.0, -0.3]).view(1, 3, 1, 1).expand(1, 3, 16, 16)
    errors = [
        float(tint_error(frames[:, None] + colour, tint, torch.ones(1, 16, 16), ALL))
        for colour in (tint, -tint)
    ]
    assert errors[0] < 1e-6 and errors[1] > 0.3
