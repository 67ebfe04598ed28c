"""Rollouts: what the network is shown, frame after frame."""

import weakref

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from toys import LEFT, RIGHT, generator
from videogeneration.captions import ActionGrammar, CaptionError
from videogeneration.data.clips import HISTORY
from videogeneration.models.generator import Drawing
from videogeneration.rollout import history_of, push, roll_out

VOCABULARY = ActionGrammar().vocabulary


class Counting(nn.Module):
    """Draws the newest frame, one grey value brighter each time; keeps what it was shown."""

    def __init__(self, keep: bool = True, ahead: int = 1) -> None:
        super().__init__()
        self.keep, self.ahead, self.seen = keep, ahead, list[tuple[Tensor, Tensor]]()
        self.drawn = list[weakref.ref[Tensor]]()

    def forward(self, history: Tensor, caption: Tensor) -> Tensor:
        if self.keep:
            self.seen.append((history.clone(), caption.clone()))
        frames = torch.stack([history[:, -1] + (k + 1) / 255 for k in range(self.ahead)], 1)
        self.drawn.append(weakref.ref(frames))
        return frames


def numbered(first: int, count: int) -> np.ndarray:
    """Frames of grey values first, first + 1, ..."""
    values = np.arange(first, first + count, dtype=np.float32) / 255
    return np.broadcast_to(values[:, None, None], (count, 4, 6)).copy()


def greys(frames: Tensor | np.ndarray) -> list[int]:
    return (np.asarray(frames)[..., 0, 0] * 255).round().astype(int).tolist()


def test_push_drops_the_oldest_and_adds_the_newest() -> None:
    history = torch.from_numpy(numbered(1, HISTORY))[None]
    pushed = push(history, torch.full((1, 2, 4, 6), 99 / 255))
    assert greys(pushed[0]) == [*range(3, HISTORY + 1), 99, 99]
    assert greys(history[0]) == list(range(1, HISTORY + 1))


def test_history_has_its_missing_frames_at_the_front() -> None:
    history = history_of([numbered(5, 1), numbered(7, 3), numbered(1, 14)])
    assert history.shape == (3, HISTORY, 4, 6)
    assert greys(history[0]) == [0] * 9 + [5]
    assert greys(history[1]) == [0] * 7 + [7, 8, 9]
    assert greys(history[2]) == list(range(5, 15))


@pytest.mark.parametrize("ahead", [1, 4, 10])
def test_thirty_steps_and_what_the_network_sees_on_the_way(ahead: int) -> None:
    network = Counting(ahead=ahead)
    given = [numbered(3, 2), numbered(100, 5)]
    films = list(roll_out(network, given, [LEFT, RIGHT], VOCABULARY, 30))
    assert len(films) == 30
    assert all(frame.shape == (2, 4, 6) and frame.dtype == np.float32 for frame in films)
    assert [greys(frame) for frame in films] == [[5 + step, 105 + step] for step in range(30)]
    assert len(network.seen) == -(-30 // ahead)
    for call, (history, caption) in enumerate(network.seen):
        step = call * ahead
        for film, (first, count) in enumerate([(3, 2), (100, 5)]):
            shown = list(range(first, first + count + step))[-HISTORY:]
            assert greys(history[film]) == [0] * (HISTORY - len(shown)) + shown
        assert VOCABULARY.decode(caption[0].numpy()) == LEFT
        assert VOCABULARY.decode(caption[1].numpy()) == RIGHT


def test_unknown_word_is_an_error_before_anything_is_drawn() -> None:
    network = Counting()
    with pytest.raises(CaptionError, match=r"'lfet'.*left"):
        list(
            roll_out(network, [numbered(3, 1)], ["a person is walking to the lfet"], VOCABULARY, 3)
        )
    assert network.seen == []


def test_frames_are_drawn_when_they_are_asked_for() -> None:
    network = Counting()
    film = roll_out(network, [numbered(3, 1)], [LEFT], VOCABULARY, 10_000_000)
    next(film)
    assert len(network.seen) == 1
    next(film)
    assert len(network.seen) == 2


def test_no_more_frames_are_kept_than_a_history_holds() -> None:
    network = Counting(keep=False)
    for _ in roll_out(network, [numbered(3, 1)], [LEFT], VOCABULARY, 100):
        pass
    assert len(network.drawn) == 100
    assert sum(frame() is not None for frame in network.drawn) <= HISTORY


def test_a_film_s_ground_stays_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    network = generator(sources=3)
    grounds, draw = [], network.draw

    def spy(*given: Tensor, ground: Tensor | None = None) -> Drawing:
        drawing = draw(*given, ground=ground)
        grounds.append((ground, drawing.layers.ground))
        return drawing

    monkeypatch.setattr(network, "draw", spy)
    given = [np.random.default_rng(0).random((3, 32, 32), np.float32)]
    list(roll_out(network, given, [LEFT], VOCABULARY, 3 * network.ahead))
    (first, found), *later = grounds
    assert first is None
    assert len(later) == 2
    for told, kept in later:
        assert told is not None
        assert torch.equal(told, found)
        assert torch.equal(kept, found)


def test_a_generator_in_training_mode_draws_without_dropout_and_gradients() -> None:
    network = generator(dropout=0.9).train()
    given = [np.random.default_rng(0).random((3, 32, 32), np.float32)]
    first, second = (list(roll_out(network, given, [LEFT], VOCABULARY, 12)) for _ in range(2))
    assert np.array_equal(first, second)
    assert np.min(first) >= 0
    assert np.max(first) <= 1
    assert torch.is_grad_enabled()
