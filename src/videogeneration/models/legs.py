"""Walking from a single look.

It is taken for a puppet: what is below its hips is two legs, which swing about them as far as it
goes, step by step, so that feet do not slide, and bend at the knee.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from videogeneration.models.ground import fill
from videogeneration.models.motions import positions

STEP = 0.3
"""Length of a step in body heights."""

STANDS = 0.15
"""Who goes no farther, in lengths of a leg, stands still."""

HASTE = 0.4
"""Most steps in a frame; who goes faster takes longer ones."""

WIDEST = 0.6
"""How far apart feet may be, as a share of both legs' length."""

HIPS = 0.5
"""Where the hips are, as a share of the height, from the top."""

SHINS = (0.6, 0.9)
"""Where it is looked how far apart legs are: shares of the way from the hips down to the feet."""

KNEE = 0.75
"""How far a knee is bent as its leg comes forward, in radians."""

THICK = (0.26, 0.14)
"""How thick a leg usually is at the hips and at the ankle, in its lengths."""

ANKLE, FOOT = 0.88, 1.2
"""From there on down it becomes so much thicker, by its lengths."""

OVERLAP = (0.4, 1.0)
"""Legs whose middles are so many halves of their width from each other hide each other, or do not.
"""

ROOM = 1.3
"""So many times as thick a leg may be."""

SIDE, ROWS, COLUMNS = 0.8, 48, 81
"""How far to the side legs are looked for, in their lengths, and in how many places."""

NARROW = 7
"""Half of a leg's width in such places."""

DISTINCT, FAINT = 0.7, 0.2
"""What differs from the ground by this share of what differs most about its height is leg, and by
how little that may differ, as a share of what differs most of all."""

SHADOW = (0.2, 0.4)
"""What differs by such a share of that is a shadow, or wholly a leg."""

SECOND = 0.7
"""By how much what one leg shows counts less for the other."""

BENT = 0.1
"""What it costs a leg's way down to step aside."""


@torch.no_grad()
def swing(looks: Tensor, ground: Tensor, ways: Tensor) -> Tensor:
    """Let figures walk.

    Of every row below the hips it is known where the legs are; row by row each is put where it is
    then, straight as long as its foot stands, bent at the knee as it comes forward. All else stays
    as it is: the body, hands, a shadow beside the feet.

    Args:
        looks: `[N, 2, H, W]` in [0, 1]: their own light in a frame, and how much they cover.
        ground: `[N, H, W]` in [0, 1]: what is behind them.
        ways: `[N, K, 4]`: where they go, see `motions.Motion`.

    Returns:
        `[N, K, 2, H, W]` in [0, 1]: how they look then, at the place where they are now.
    """
    height, width = looks.shape[2:]
    # the rim of what is cut out shows the ground
    seen = (looks[:, 0] - looks[:, 1] * ground).abs()
    # in half heights both ways: a leg keeps its length
    shape = looks.new_tensor([width / height, 1.0])
    hips, long = _hips(seen, shape)
    stance, most = _stance(seen, hips, long, shape)
    # and from here on in lengths of a leg, from the hips
    place = (positions(height, width, looks.device) * shape - hips) / long
    across, down = place[:, 0, :, 0], place[:, :, 0, 1]
    sharp = long * height / 2

    gone = (ways[:, :, :2] * shape).norm(dim=2) / long[:, :, 0, 0]
    forward = torch.where(ways[:, -1:, 0] < 0, -1.0, 1.0)
    # a shadow differs less; the rim of a leg as well
    firm = seen / _at_rows(most, down[:, None])[:, 0, :, None]
    firm = ((firm - SHADOW[0]) / (SHADOW[1] - SHADOW[0])).clamp(0, 1)
    firm = F.max_pool2d(firm[:, None], 3, 1, 1)
    shown = torch.cat([looks, seen[:, None]], 1)
    drawn = [_beside(shown, firm, stance, across, down, sharp)]
    for side, (lean, bend) in enumerate(_gait(stance, gone, forward)):
        rows, ahead = _leg(down, lean, bend)
        off = across[:, None, None] - (forward[..., None] * ahead)[..., None]
        first, last = (_at_rows(leg, rows)[..., None] for leg in stance)
        source = torch.stack([(first, last)[side] + off, rows[..., None].expand_as(off)], 4)
        grid = (source * long[..., None] + hips[..., None, :]) / shape
        leg = F.grid_sample(shown * firm, grid.flatten(1, 2), "bicubic", align_corners=False)
        # it ends where the other begins, unless one hides the other
        half = _thick(rows)[..., None] / 2
        between = (last - first) / 2
        apart = ((between / half - OVERLAP[0]) / (OVERLAP[1] - OVERLAP[0])).clamp(0, 1)
        inner = half - apart * (half - between).clamp(min=0)
        half = torch.where((off > 0) == (side == 1), ROOM * half, inner)
        share = ((half - off.abs()) * sharp + 1.5).clamp(0, 1) * (rows > 0)[..., None]
        drawn.append(leg.unflatten(2, (-1, height)).transpose(1, 2) * share[:, :, None])
    body, one, other = drawn
    stays = (gone[:, -1] < STANDS)[:, None, None, None, None]
    legs = torch.where(one[:, :, 2:] > other[:, :, 2:], one, other)
    walks = torch.where(legs[:, :, 2:] > body[:, :, 2:], legs, body)[:, :, :2].clamp(0, 1)
    return torch.where(stays, looks[:, None], walks)


def _hips(seen: Tensor, shape: Tensor) -> tuple[Tensor, Tensor]:
    """Where legs begin `[N, 1, 1, 2]`, and how long they are `[N, 1, 1, 1]`, in half heights.

    Args:
        seen: `[N, H, W]`: how much a pixel differs from the ground.
        shape: The frame's half width and half height.
    """
    height, width = seen.shape[1:]
    x, y = (positions(height, width, seen.device) * shape).unbind(-1)
    x, y = x[0], y[:, 0]
    top, feet = _reach(seen.sum(2), y)
    tall = (feet - top).clamp(min=1e-3)
    hips = top + HIPS * tall
    # a shadow is broader than a body, and weaker; a shirt alone may be as pale as a wall
    light = seen.square().sum(1)
    broad = 2 * (height // 16) + 1
    middle = x[F.avg_pool1d(light, broad, 1, broad // 2).argmax(1), None]
    light = light * ((x - middle).abs() < broad / height)
    middle = (light @ x) / light.sum(1).clamp(min=1e-6)
    return torch.stack([middle, hips], 1)[:, None, None], ((1 - HIPS) * tall)[:, None, None, None]


def _gait(stance: Tensor, gone: Tensor, forward: Tensor) -> list[tuple[Tensor, Tensor]]:
    """How far forward the left leg is swung, and how far its knee is bent, and the right one's.

    Args:
        stance: `[2, N, ROWS]`: where they are now, see `_stance`.
        gone: `[N, K]`: how far figures have gone then, in lengths of a leg.
        forward: `[N, 1]`: -1 who goes to the left, 1 to the right.

    Returns:
        Radians `[N, K]`.
    """
    step = torch.maximum(gone.new_tensor(STEP / (1 - HIPS)), gone[:, :1] / HASTE)
    most = (step / 2).clamp(max=WIDEST)
    shins = slice(int(SHINS[0] * ROWS), int(SHINS[1] * ROWS))
    apart = (stance[1] - stance[0])[:, shins].mean(1, keepdim=True) / sum(SHINS)
    # who stands with open legs closes them first; a step is done when he has gone its length
    phase = torch.arccos((apart / most).clamp(0, 1)) + torch.pi * gone / step
    legs = []
    for side in (-1, 1):
        # the one in front has just come down
        own = phase + torch.pi * (forward * side < 0)
        legs.append(((most * own.cos()).atan(), KNEE * (-own.sin()).clamp(min=0).square()))
    return legs


def _beside(
    shown: Tensor, firm: Tensor, stance: Tensor, across: Tensor, down: Tensor, sharp: Tensor
) -> Tensor:
    """What is no leg: `[N, 1, 3, H, W]` of `shown`, `[N, 3, H, W]`; see `swing`."""
    rows = down[:, None]
    first, last = (_at_rows(leg, rows)[:, 0, :, None] for leg in stance)
    away = torch.maximum(first - across[:, None], across[:, None] - last)
    # clothes hang from the hips without a gap
    wide = ROOM * _thick(down) / 2 * (1 + (down / 0.4).clamp(0, 1))
    leg = ((wide[..., None] - away) * sharp[:, 0] + 0.5).clamp(0, 1) * (down > 0)[..., None]
    # a shadow goes on behind the legs
    known = 1 - leg[:, None] * firm
    behind = fill(shown.flatten(0, 1)[:, None], known.expand_as(shown).flatten(0, 1)[:, None])
    return behind.view_as(shown)[:, None]


def _leg(down: Tensor, lean: Tensor, bend: Tensor) -> tuple[Tensor, Tensor]:
    """Where the rows of a leg are in frames to come; all in lengths of it, from the hips.

    Args:
        down: `[N, H]`: how far down a row is.
        lean: `[N, K]`: how far forward the leg is swung, in radians.
        bend: `[N, K]`: the bend of its knee, of which the thigh shares in half nearly.

    Returns:
        `[N, K, H]` each: the row of the straight leg that is seen there, and how far forward.
    """
    down, lean, bend = down[:, None], lean[..., None], bend[..., None]
    thigh, shin = lean + 0.45 * bend, lean - 0.55 * bend
    # a straight leg reaches the ground however far it is swung
    knee = 0.5 * thigh.cos() / lean.cos()
    below = (down - knee).clamp(min=0)
    above = down.clamp(max=knee).where(down > 0, 0.0)
    rows = torch.where(down > 0, above * 0.5 / knee + below * lean.cos() / shin.cos(), down)
    return rows, above * thigh.tan() + below * shin.tan()


def _at_rows(values: Tensor, rows: Tensor) -> Tensor:
    """Values `[N, ROWS]` of rows from the hips to the feet, at rows `[N, K, H]` between them."""
    grid = torch.stack([torch.zeros_like(rows), 2 * rows - 1], 3).flatten(1, 2)[:, None]
    some = F.grid_sample(values[:, None, :, None], grid, padding_mode="border", align_corners=True)
    return some.view_as(rows)


def _stance(seen: Tensor, hips: Tensor, long: Tensor, shape: Tensor) -> tuple[Tensor, Tensor]:
    """Where someone's legs are in every row below the hips.

    Each is the way down from the hips that shows most, by dynamic programming; what the first one
    shows counts little for the second, but of closed legs both are the same.

    Args:
        seen: `[N, H, W]`: how much a pixel differs from the ground.
        hips: `[N, 1, 1, 2]`, and
        long: `[N, 1, 1, 1]`, see `_hips`.
        shape: The frame's half width and half height.

    Returns:
        `[2, N, ROWS]` in lengths of a leg: the left leg in the picture, and the right one; and how
        much differs most about their height, `[N, ROWS]`.
    """
    rows = torch.linspace(0, 1, ROWS, device=seen.device)
    columns = torch.linspace(-SIDE, SIDE, COLUMNS, device=seen.device)
    cells = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), 2)
    grid = (hips + cells * long) / shape
    light = F.grid_sample(seen[:, None], grid, align_corners=False)[:, 0]
    # shoes may be darker than trousers
    most = F.max_pool1d(light.amax(2), 5, 1, 2)
    most = torch.maximum(most, FAINT * most.amax(1, keepdim=True)).clamp(min=1e-3)
    light = (light / (DISTINCT * most[..., None])).clamp(max=1)
    half = _thick(rows) / 2
    legs = [torch.zeros_like(light[:, :, 0])] * 2
    hidden = torch.zeros_like(light)
    for leg in (0, 1, 0, 1):
        way = columns[_way_down(light * (1 - SECOND * hidden))]
        hidden = ((columns - way[..., None]).abs() < half[:, None]).float()
        legs[leg] = F.avg_pool1d(way, 5, 1, 2, count_include_pad=False)
    return torch.stack(legs).sort(0).values, most


def _thick(rows: Tensor) -> Tensor:
    """How thick a leg usually is, rows and width in its lengths; at its end is a foot."""
    rows = rows.clamp(0, 1)
    return THICK[0] + (THICK[1] - THICK[0]) * rows + FOOT * (rows - ANKLE).clamp(min=0)


def _way_down(light: Tensor) -> Tensor:
    """Columns `[N, ROWS]` of the way through `[N, ROWS, COLUMNS]` about which there is most."""
    for _ in range(2):
        light = F.avg_pool1d(light, NARROW, 1, NARROW // 2)
    best, turns = light[:, 0] + light.new_full((COLUMNS,), -1e4), []
    best[:, COLUMNS // 2] += 1e4
    for row in light.unbind(1)[1:]:
        beside = F.pad(best, (1, 1), value=-1e4)
        steps = torch.stack([beside[:, :-2] - BENT, best, beside[:, 2:] - BENT])
        best, turn = steps.max(0)
        best = best + row
        turns.append(turn - 1)
    columns = [best.argmax(1)]
    for turn in reversed(turns):
        columns.append(columns[-1] + turn.gather(1, columns[-1][:, None])[:, 0])
    return torch.stack(columns[::-1], 1)


def _reach(light: Tensor, cells: Tensor) -> tuple[Tensor, Tensor]:
    """Where light `[N, cells]` begins and where it ends, but for a hundredth on both sides."""
    share = light.cumsum(1) / light.sum(1, keepdim=True).clamp(min=1e-6)
    first = (share > 0.01).int().argmax(1)
    last = (share > 0.99).int().argmax(1)
    return cells[first], cells[last]
