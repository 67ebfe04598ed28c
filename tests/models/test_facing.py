"""Which way someone looks, and turning round."""

import torch
from torch import Tensor

from videogeneration.data.clips import HISTORY
from videogeneration.models.facing import Facing, mirrored
from videogeneration.models.generator_losses import facing_loss


def someone(right: bool, column: int, feet: int) -> Tensor:
    """A head with a nose on a body, and toes: `[2, 64, 64]`."""
    look = torch.zeros(64, 64)
    look[8:16, column - 4 : column + 4] = look[16:feet, column - 3 : column + 3] = 1
    look[11:13, column + 4 : column + 6] = look[feet - 2 : feet, column + 3 : column + 6] = 1
    if not right:
        look = look[:, torch.arange(2 * column - 1, 2 * column - 65, -1).clamp(0, 63)]
    return torch.stack([0.6 * look, look])


def test_who_is_mirrored_stays_where_he_is() -> None:
    looks = torch.stack([someone(True, 30, 50), someone(False, 18, 44)])
    turned = mirrored(looks)
    assert (turned[0] - someone(False, 30, 50)).abs().sum() < 0.15 * turned[0].sum()
    assert (turned[1] - someone(True, 18, 44)).abs().sum() < 0.15 * turned[1].sum()
    assert torch.allclose(turned.sum((2, 3)), looks.sum((2, 3)))


def test_light_and_contrast_say_nothing_of_where_someone_looks() -> None:
    torch.manual_seed(0)
    facing = Facing().eval()
    light, cover = 0.2 + 0.2 * torch.rand(64, 64), someone(True, 30, 50)[1]
    looks = torch.stack([torch.stack([cover * x, cover]) for x in (light, 2 * light, light + 0.3)])
    one, stronger, lighter = facing(looks, torch.zeros(3, 2))
    assert torch.allclose(one, stronger, atol=1e-4)
    assert torch.allclose(one, lighter, atol=1e-4)


def test_where_someone_looks_is_learned_from_where_he_goes() -> None:
    """A third goes backwards: these clips are played so."""
    torch.manual_seed(0)
    facing = Facing(width=4)
    optimizer = torch.optim.Adam(facing.parameters(), 3e-3)

    def some(count: int) -> tuple[Tensor, Tensor, Tensor]:
        right, columns = torch.rand(count) < 0.5, torch.randint(20, 44, (count,))
        feet = torch.randint(40, 56, (count,))
        looks = [
            someone(bool(r), int(c), int(f)) for r, c, f in zip(right, columns, feet, strict=True)
        ]
        return torch.stack(looks), torch.stack([(columns - 31.5) / 32, 0 * columns], 1), right

    for _ in range(120):
        looks, centres, right = some(16)
        backwards = torch.rand(16) < 0.33
        way = torch.where(right ^ backwards, 0.1, -0.1)
        poses = torch.zeros(16, 20, 1, 3)
        poses[:, 5:, 0, 0] = way[:, None] * torch.arange(-4, 11)
        valid = (torch.arange(20) >= 5)[None, :, None].expand(16, 20, 1)
        said = facing(looks, centres)[:, None]
        loss = facing_loss(said, poses, valid, backwards, HISTORY - 1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    facing.eval()
    looks, centres, right = some(50)
    logits = facing(looks, centres)
    assert ((logits > 0) == right).float().mean() > 0.95
    assert ((facing(mirrored(looks), centres) < 0) == right).float().mean() > 0.95
    # who stands, or is at the edge, teaches nothing
    poses[..., 0] = torch.tensor(0.95)
    assert facing_loss(logits[:16, None], poses, valid, backwards, HISTORY - 1) == 0
