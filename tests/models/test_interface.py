"""What every generator of films does: losses, frames, films; what it is shown on the way."""

import weakref
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from toys import LEFT, RIGHT, block_store, start, windows_over
from videogeneration.data.clips import HISTORY
from videogeneration.data.windows import WindowSettings
from videogeneration.models.interface import Batch, FilmModel, push
from videogeneration.training.checkpoints import build

pytestmark = pytest.mark.slow

SMALL: dict[str, dict[str, Any]] = {
    "generator": {"widths": (16, 32), "latent": 8, "dense": 64, "embedding": 32},
    "unet": {"widths": (8, 16), "embedding": 16},
    "simvp": {"spatial": 8, "temporal": 32},
    "original": {},
}
"""The generator of people has tests of its own: it must have people before it."""


class Counting(FilmModel):
    """Draws the newest frame, one grey value brighter each time; keeps what it was shown."""

    def __init__(self, keep: bool = True, horizon: int = 1) -> None:
        super().__init__()
        self.keep, self.horizon, self.seen = keep, horizon, list[Batch]()
        self.drawn = list[weakref.ref[Tensor]]()

    def predict(self, batch: Batch) -> Tensor:
        if self.keep:
            self.seen.append(batch)
        newest = batch.history[:, -1]
        frames = torch.stack([newest + (k + 1) / 255 for k in range(self.horizon)], 1)
        self.drawn.append(weakref.ref(frames))
        return frames


def greys(frames: Tensor) -> list[int]:
    return (frames[..., 0, 0] * 255).round().int().tolist()


def numbered(first: int, count: int) -> Batch:
    """A film of grey values first, first + 1, ..., of which there are so many."""
    history, valid = torch.zeros(1, HISTORY, 4, 6), torch.zeros(1, HISTORY, dtype=torch.bool)
    history[0, HISTORY - count :] = torch.arange(first, first + count)[:, None, None] / 255
    valid[0, HISTORY - count :] = True
    return Batch.to_continue(history, valid, torch.zeros(1, 7, 14))


def given(batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    return batch.history, batch.history_valid, batch.caption


def test_push_drops_the_oldest_and_adds_the_newest() -> None:
    batch = numbered(3, 4)
    history, valid = push(batch.history, batch.history_valid, torch.full((1, 2, 4, 6), 99 / 255))
    assert greys(history[0]) == [0] * 4 + [3, 4, 5, 6, 99, 99]
    assert valid[0].tolist() == [False] * 4 + [True] * 6
    # a model may draw more than it sees
    history, _ = push(batch.history, batch.history_valid, torch.ones(1, 14, 4, 6))
    assert greys(history[0]) == [255] * HISTORY
    assert greys(batch.history[0]) == [0] * 6 + [3, 4, 5, 6], "what was given stays"


@pytest.mark.parametrize("horizon", [1, 4, 10])
def test_thirty_steps_and_what_the_network_sees_on_the_way(horizon: int) -> None:
    network, batch = Counting(horizon=horizon), numbered(3, 2)
    film = network.generate(*given(batch), 30)
    assert film.shape == (1, 30, 4, 6)
    assert greys(film[0]) == [5 + step for step in range(30)]
    assert len(network.seen) == -(-30 // horizon)
    for call, seen in enumerate(network.seen):
        shown = list(range(3, 5 + call * horizon))[-HISTORY:]
        missing = HISTORY - len(shown)
        assert greys(seen.history[0]) == [0] * missing + shown
        assert seen.history_valid[0].tolist() == [False] * missing + [True] * len(shown)
        assert seen.noise.eq(0).all()
        assert torch.equal(seen.caption, batch.caption)


def test_frames_are_drawn_when_they_are_asked_for() -> None:
    network = Counting()
    film = network.rollout(*given(numbered(3, 1)))
    for count in (1, 2, 3):
        next(film)
        assert len(network.seen) == count


def test_no_more_frames_are_kept_than_a_history_holds() -> None:
    network = Counting(keep=False)
    film = network.rollout(*given(numbered(3, 1)))
    for _ in range(100):
        next(film)
    assert sum(frame() is not None for frame in network.drawn) <= HISTORY


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Batch:
    """Windows over blocks, with all that a model may ask for."""
    clips = block_store(tmp_path_factory.mktemp("blocks") / "clips", each=2)
    windows = windows_over(
        clips, WindowSettings(), batch_size=3, future=10, labels=("poses", "background")
    )
    return windows.batch(0)


def small(name: str) -> FilmModel:
    torch.manual_seed(0)
    network = build(name, {"height": 32, "width": 32, **SMALL[name]})
    assert isinstance(network, FilmModel)
    return network


def cut_to(batch: Batch, horizon: int) -> Batch:
    """Windows with fewer future frames."""
    changed = {
        "future": batch.future[:, :horizon],
        "future_valid": batch.future_valid[:, :horizon],
        "labels": {
            name: x[:, : HISTORY + horizon] if name.startswith("poses") else x
            for name, x in batch.labels.items()
        },
    }
    return Batch(**{**vars(batch), **changed})


@pytest.mark.parametrize("name", SMALL)
class TestEveryFilmModel:
    def test_draws_frames_in_range(self, name: str, batch: Batch) -> None:
        network = small(name).eval()
        frames = network.predict(batch)
        assert frames.shape == (3, network.horizon, 32, 32)
        assert frames.dtype == torch.float32
        assert frames.min() >= 0
        assert frames.max() <= 1

    def test_films_of_a_batch_do_not_mix(self, name: str) -> None:
        network = small(name).eval()
        both = start(torch.rand(2, HISTORY, 32, 32), LEFT, RIGHT)
        alone = start(both.history[1:], RIGHT)
        films = network.generate(*given(both), 12)
        assert films.shape == (2, 12, 32, 32)
        assert torch.allclose(network.generate(*given(alone), 12)[0], films[1], atol=1e-3)

    def test_every_weight_learns_from_its_loss(self, name: str, batch: Batch) -> None:
        network = small(name)
        loss, figures = network.training_loss(network.lesson(cut_to(batch, network.horizon)))
        loss.backward()
        assert "mse" in figures
        gradients = [p.grad for p in network.parameters()]
        assert all(g is not None and g.isfinite().all() for g in gradients)

    def test_a_model_is_told_which_frames_there_are(self, name: str) -> None:
        network = small(name).eval()
        with torch.no_grad():
            for weight in network.parameters():  # some begin at nothing
                weight += 0.02 * torch.randn_like(weight)
        film = torch.rand(1, HISTORY, 32, 32)
        film[:, :5] = 0
        five = start(film, LEFT)
        ten = Batch.to_continue(film, torch.ones(1, HISTORY, dtype=torch.bool), five.caption)
        same = torch.allclose(network.predict(five), network.predict(ten), atol=1e-5)
        # to the original's network a missing frame is black
        assert same == (name == "original")

    def test_groups_hold_every_weight_once(self, name: str) -> None:
        network = small(name)
        grouped = [id(p) for group in network.parameter_groups() for p in group["params"]]
        assert sorted(grouped) == sorted(id(p) for p in network.parameters())


@pytest.mark.parametrize("name", ["unet", "simvp"])
def test_it_learns_to_continue_a_film(name: str) -> None:
    """A square that goes on by two pixels a frame; a sentence says to which side, if it is read."""
    network = small(name)
    told = start(torch.zeros(2, HISTORY, 32, 32), LEFT, RIGHT).caption
    film = torch.full((2, 20, 32, 32), 0.2)
    for time in range(20):
        for side, way in enumerate((-1, 1)):
            column = 13 + way * min(time - 9, 4)
            film[side, time, 12:20, column : column + 6] = 0.9
    # from a single frame, where only the sentence tells
    history, valid = film[:, :HISTORY].clone(), torch.ones(2, HISTORY, dtype=torch.bool)
    if name == "unet":
        history[:, :-1], valid[:, :-1] = 0, False
    future = film[:, HISTORY : HISTORY + network.horizon]
    batch = Batch(history, valid, future, valid[:, : network.horizon] | True, told, torch.zeros(2))
    optimizer = torch.optim.Adam(network.parameters(), 4e-3)
    for _ in range(100):
        loss, _ = network.training_loss(network.lesson(batch))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    drawn = network.eval().predict(batch).detach()
    copied = (future - history[:, -1:]).square().mean()
    assert (drawn - future).square().mean() < 0.4 * copied


def test_simvp_reads_no_sentence_and_takes_missing_frames_for_the_oldest() -> None:
    network = small("simvp").eval()
    film = torch.rand(1, HISTORY, 32, 32)
    film[:, :6] = 0
    five, other = start(film, LEFT), start(film, RIGHT)
    assert torch.equal(network.predict(five), network.predict(other))
    film[:, :6] = film[:, 6:7]
    assert torch.equal(network.predict(five), network.predict(start(film, LEFT)))


def test_an_untrained_unet_is_near_the_newest_frame() -> None:
    film = start(torch.rand(2, HISTORY, 32, 32), LEFT, RIGHT)
    away = (small("unet").eval().predict(film) - film.history).abs().mean((0, 2, 3))
    assert away.argmin() == HISTORY - 1
    assert away[-1] < 0.15


@pytest.mark.parametrize(
    ("name", "changes", "named"),
    [
        ("unet", {"widths": (12,)}, "widths"),
        ("unet", {"height": 36}, "36x32"),
        ("unet", {"history": 9}, "history"),
        ("unet", {"pixel": 0}, "pixel"),
        # the nearest one is named, not all
        ("unet", {"widht": 8}, "^widht: there is no such setting; did you mean 'widt"),
        ("simvp", {"temporal": 24}, "temporal"),
        ("simvp", {"spatial": 3}, "spatial"),
        ("simvp", {"depth": 0}, "depth"),
        ("simvp", {"height": 36}, "36x32"),
        ("simvp", {"patch": 0}, "patch"),
    ],
)
def test_settings_that_cannot_be(name: str, changes: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        build(name, {"height": 32, "width": 32, **changes})


def test_a_model_with_only_a_square_error_defines_what_it_predicts() -> None:
    class Grey(FilmModel):
        def __init__(self) -> None:
            super().__init__()
            self.grey = nn.Parameter(torch.tensor(0.5))

        def predict(self, batch: Batch) -> Tensor:
            return self.grey.expand(len(batch.history), 1, *batch.history.shape[-2:])

    film = start(torch.rand(2, HISTORY, 8, 8), LEFT, RIGHT)
    valid = torch.tensor([[True], [False]])
    future = torch.full((2, 1, 8, 8), 0.9)
    batch = Batch(**{**vars(film), "future": future, "future_valid": valid})
    loss, figures = Grey().training_loss(batch)
    assert loss.item() == pytest.approx(0.4**2)
    assert figures["mse"].item() == pytest.approx(0.4**2)
    weight = torch.ones(2, 1, 8, 8)
    weight[:, :, :, 4:] = 3
    future[:, :, :, 4:] = 0.5
    loss, figures = Grey().training_loss(Batch(**{**vars(batch), "weight": weight}))
    assert figures["mse"].item() == pytest.approx(0.4**2 / 2)
    assert loss.item() == pytest.approx(0.4**2 / 4)
