"""The people's auxiliary losses."""

import torch

from videogeneration.models.people.losses import shadow_loss

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
