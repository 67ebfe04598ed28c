"""The latest frames taken apart: ground, figures, their places and their looks."""

import pytest
import torch
from torch import Tensor

from videogeneration.models.ground import put_together
from videogeneration.models.layers import (
    Layers,
    Looks,
    TakingApart,
    before_black,
    close_ups,
    unlike,
    where_they_were,
)


def square(row: int, column: int, side: int = 8, size: int = 32) -> Tensor:
    """A bright square `[size, size]` and darkness around it."""
    picture = torch.zeros(size, size)
    picture[row : row + side, column : column + side] = 1
    return picture


def place(row: float, column: float, side: int = 8, size: int = 32) -> list[float]:
    """Its centre, x and y in half frames."""
    return [2 * (column + side / 2) / size - 1, 2 * (row + side / 2) / size - 1]


def test_no_figure_stays_behind_on_the_ground() -> None:
    """Where a figure stood is what lies around it, its rim too, or what an older frame shows."""
    cover = 0.9 * square(11, 11)[None, None]
    places = torch.tensor(place(11, 11)).expand(1, 1, 5, 2)
    frames = torch.full((1, 5, 32, 32), 0.5)
    frames[:, -1, 10:20, 10:20] = 1
    _, touched = where_they_were(cover, places)
    ground = put_together(frames, torch.tensor([[False, False, False, False, True]]), touched)
    assert (ground - 0.5).abs().max() < 0.05
    # the frame before shows it, for the figure was elsewhere
    frames[:, -2] = 0.7
    places = places.clone()
    places[:, :, -2] = torch.tensor(place(11, -20))
    _, touched = where_they_were(cover, places)
    there = torch.tensor([[False, False, False, True, True]])
    ground = put_together(frames, there, touched)
    assert (ground[..., 10:20, 10:20] - 0.7).abs().max() < 0.02
    # it stood there too: neither does
    _, touched = where_they_were(cover, torch.tensor(place(11, 11)).expand(1, 1, 5, 2))
    around = put_together(frames, there, touched)[..., 12:18, 12:18]
    assert (around - 0.5).abs().max() < 0.12


def test_figures_were_where_their_tracks_say() -> None:
    cover = square(12, 16)[None, None]
    places = torch.tensor([[[place(12, 4), place(8, 10), place(12, 16)]]])
    near, touched = where_they_were(cover, places)
    assert near.shape == touched.shape == (1, 1, 3, 32, 32)
    for k, (row, column) in enumerate([(12, 4), (8, 10), (12, 16)]):
        assert (near[0, 0, k] - square(row, column)).abs().max() < 0.6
        inside = square(row, column) > 0
        assert touched[0, 0, k][inside].min() > 0.8
    assert torch.equal(near[:, :, -1], cover)
    assert touched.sum() > 1.5 * near.sum()


def test_a_close_up_moves_with_its_figure() -> None:
    pictures = torch.stack([square(4, 6), square(15, 12)])[None]
    seen = close_ups(pictures, torch.tensor([[[place(4, 6), place(15, 12)]]]))
    assert seen.shape == (1, 1, 2, 32 * 16)
    assert torch.allclose(seen[0, 0, 0], seen[0, 0, 1], atol=1e-4)
    assert 0.1 < seen.mean() < 0.9
    elsewhere = close_ups(pictures, torch.tensor([[[place(4, 9), place(15, 12)]]]))
    assert (elsewhere[0, 0, 0] - elsewhere[0, 0, 1]).abs().mean() > 0.05


def walker(looks: list[int], start: int = 0) -> Layers:
    """Layers of a figure that shows, frame by frame, one of several looks on its way."""
    frames, places = [], []
    for k, look in enumerate(looks):
        frame = 0.5 * square(4, 4 + 2 * k, side=8)
        frame[12:20, 4 + 2 * k + look : 6 + 2 * k + look] = 1
        frames.append(frame)
        places.append(place(8, 4 + 2 * k))
    stack, there = torch.stack(frames)[None], torch.ones(1, len(looks), dtype=torch.bool)
    there[:, :start] = False
    covers = (stack > 0).float()[:, None]
    found = torch.ones(1, 1, len(looks), dtype=torch.bool)
    stood = torch.tensor([[places]])
    return Layers(torch.zeros(1, 1, 32, 32), stack, there, stack, covers, stood, found)


@pytest.mark.parametrize(("period", "looks"), [(2, [0, 6, 0, 6, 0]), (3, [0, 3, 6, 0, 3])])
def test_looks_come_round(period: int, looks: list[int]) -> None:
    """Before anything is learned: the period is measured."""
    layers = walker(looks)
    chooser = Looks(embedding=4, count=5, ahead=6)
    with torch.no_grad():
        chooser.expect.weight.zero_()
        chooser.expect.bias.zero_()
        chooser.trust.fill_(3.0)
    chosen = chooser(layers, torch.zeros(1, 1, 8)).argmax(3).flatten().tolist()
    assert [looks[s] for s in chosen] == [looks[(5 + k) % period] for k in range(6)]


def test_looks_that_show_less_of_a_figure_are_shunned() -> None:
    """At the edge of the frame it is cut off."""
    layers = walker([0, 6, 0, 6, 0])
    chooser = Looks(embedding=4, count=5, ahead=6)
    assert chooser(layers, torch.zeros(1, 1, 8)).softmax(3)[..., 0].max() > 0.05
    layers.covers[0, 0, 0, :, :8] = 0
    assert chooser(layers, torch.zeros(1, 1, 8)).softmax(3)[..., 0].max() < 0.005


def test_looks_are_shunned_where_a_figure_would_reach_beyond_the_edge() -> None:
    """What is cut out of it there may be as much, shadow and all."""
    layers = walker([0, 6, 0, 6, 0])
    chooser = Looks(embedding=4, count=5, ahead=6)
    shares = chooser(layers, torch.zeros(1, 1, 8)).softmax(3)[..., 1]
    layers.places[0, 0, 1, 0] = -0.9
    assert (chooser(layers, torch.zeros(1, 1, 8)).softmax(3)[..., 1] < 0.2 * shares).all()


def test_looks_from_frames_in_which_a_figure_was_not_found_are_never_chosen() -> None:
    """Nobody knows where to carry them from."""
    layers = walker([0, 6, 0, 6, 0])
    layers.found[0, 0, 3] = False
    looks = Looks(embedding=4, count=5, ahead=6)(layers, torch.zeros(1, 1, 8)).softmax(3)
    assert looks[..., 3].max() == 0
    assert looks[..., 1].max() > 0.05


def test_missing_looks_are_never_chosen() -> None:
    layers = walker([0, 6, 0, 6, 0], start=3)
    looks = Looks(embedding=4, count=5, ahead=6)(layers, torch.zeros(1, 1, 8))
    assert looks.softmax(3)[..., :3].max() == 0
    alone = walker([0, 6, 0, 6, 0], start=4)
    looks = Looks(embedding=4, count=5, ahead=6)(alone, torch.zeros(1, 1, 8))
    assert (looks.argmax(3) == 4).all()
    assert looks.isfinite().all()


@pytest.mark.parametrize(("commits", "sharp"), [(False, False), (True, False), (True, True)])
def test_figures_have_the_looks_that_were_chosen(commits: bool, sharp: bool) -> None:
    """And go on from where the newest stands."""
    layers = walker([0, 6, 0, 6, 0])
    chosen = torch.tensor([3, 4, 1])
    # whoever commits himself needs only a hint
    hint = 0.5 if commits else 50.0
    looks = hint * torch.nn.functional.one_hot(chosen, 5).float()[None, None]
    centres = layers.places[:, :, -1]
    figures, own, ways = layers.figures(centres, torch.zeros(1, 1, 3, 4), looks, commits, sharp)
    # where a figure stands in the end: its own place and the way from there
    assert torch.allclose(own + ways[..., :2], centres[:, :, None].expand(1, 1, 3, 2), atol=1e-6)
    shift = [2, 0, 6] if commits and sharp else [0, 0, 0]
    for k, (s, back) in enumerate(zip(chosen.tolist(), shift, strict=True)):
        moved = torch.roll(figures[0, 0, k, 0], back, 1)
        true = torch.roll(layers.frames[0, s], 2 * (4 - s), 1)
        assert (moved - true).abs().mean() < 0.005


def test_unlike_is_about_the_lower_half() -> None:
    these = torch.rand(1, 1, 3, 512)
    others = these.clone()
    others[..., :256] = 0
    assert unlike(these, others)[0, 0].diagonal().abs().max() < 1e-5
    assert unlike(these, these).mean() == pytest.approx(1.0)


def test_before_a_black_ground_the_newest_frame_is_all_there_is() -> None:
    history, cover = torch.rand(2, 10, 16, 16), torch.rand(2, 3, 16, 16)
    places = torch.zeros(2, 3, 10, 2)
    valid = (torch.arange(10) >= 4).expand(2, 10)
    layers = before_black(history, valid, cover, places)
    assert torch.equal(layers.found[:, 0], valid)
    assert layers.cut is None
    assert torch.equal(layers.seen, cover * history[:, -1:])
    figures, own, _ = layers.figures(torch.zeros(2, 3, 2), torch.zeros(2, 3, 4, 4), None)
    assert figures.shape == (2, 3, 1, 2, 16, 16)
    assert own.shape == (2, 3, 1, 2)


def test_what_is_cut_out_differs_from_the_ground() -> None:
    """Taught a few times what differs, it is found in every frame, and nothing where none is."""
    torch.manual_seed(0)
    apart = TakingApart(3)
    ground = 0.5 * torch.rand(1, 1, 32, 32)
    stood = [square(12, 4), square(12, 12), square(12, 20)]
    frames = torch.stack([torch.where(s > 0, 1.0, ground[0, 0]) for s in stood])
    history, valid = torch.zeros(1, 10, 32, 32), torch.arange(10)[None] >= 7
    history[:, -3:] = frames
    places = torch.zeros(1, 1, 10, 2)
    places[0, 0, -3:] = torch.tensor([place(12, 4), place(12, 12), place(12, 20)])
    cover = square(12, 20)[None, None]
    true = torch.stack(stood)
    optimizer = torch.optim.Adam(apart.parameters(), 1e-2)
    for _ in range(60):
        cut = apart(history, valid, cover, places).cut
        assert cut is not None
        loss = torch.nn.functional.binary_cross_entropy_with_logits(cut[0, 0], true)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    about = places + torch.tensor([0.1, -0.1])
    layers = apart(history, valid, cover, about)
    assert (layers.places - places)[0, 0, -3:].abs().max() < 0.5 * 2 / 32, "found to the pixel"
    assert ((layers.covers[0, 0] > 0.5) == (true > 0.5)).float().mean() > 0.97
    assert (layers.ground - ground).abs().mean() < 0.08
    empty = torch.zeros_like(history)
    empty[:, -3:] = ground
    assert apart(empty, valid, cover, places).covers.mean() < 0.1


def test_a_ground_that_is_known_is_not_looked_for() -> None:
    """A bit of a figure that nobody takes for one would else be ground in the newest frame."""
    apart = TakingApart(3)
    known = 0.5 * torch.rand(1, 1, 32, 32)
    history = known.repeat(1, 10, 1, 1)
    history[:, -1, 10:20, 31] = 0.9
    cover, about = torch.zeros(1, 1, 32, 32), torch.zeros(1, 1, 10, 2)
    valid = torch.ones(1, 10, dtype=torch.bool)
    assert apart(history, valid, cover, about).ground[0, 0, 10:20, 31].min() > 0.8
    layers = apart(history, valid, cover, about, known)
    assert torch.equal(layers.ground, known)
    assert torch.equal(layers.away[:, -1:], history[:, -1:] - known)


def test_what_a_figure_showed_beyond_the_edge_is_not_known() -> None:
    """Half of it is outside by now: of an older frame nobody knows the other half."""
    cover = torch.zeros(1, 1, 32, 32)
    cover[..., 10:20, 28:] = 1
    places = torch.tensor([[[place(15, 14), place(15, 20), place(15, 29)]]])
    near, touched = where_they_were(cover, places)
    assert near[0, 0, 1, 12:18, 20:22].min() > 0.8
    assert (near[0, 0, 1, 12:18, 24:28] - 0.5).abs().max() < 0.1
    assert touched[0, 0, 1, 5:25, 24:26].min() > 0.7
    assert touched[0, 0, 1, :, 31:].max() == 0, "not so far from its middle"
    assert touched[0, 0, 0, :, 26:].max() == 0, "too far away"
    assert touched[0, 0, 2, :, :20].max() == 0


def test_of_who_is_not_found_nothing_stays_on_the_ground() -> None:
    """In the newest frame a last bit of it is at the edge, too little to look for."""
    apart = TakingApart(3)
    history, valid = torch.full((1, 10, 64, 64), 0.5), torch.ones(1, 10, dtype=torch.bool)
    history[0, -3, 20:40, 38:52], history[0, -2, 20:40, 52:] = 0.1, 0.1
    history[0, -1, 20:22, 63:] = 0.1
    cover = torch.zeros(1, 1, 64, 64)
    cover[..., 20:22, 63:] = 1
    about = torch.zeros(1, 1, 10, 2)
    about[0, 0, -3:, 0] = torch.tensor([0.4, 0.8, 1.0])
    assert (apart(history, valid, cover, about).ground - 0.5).abs().max() < 0.02
