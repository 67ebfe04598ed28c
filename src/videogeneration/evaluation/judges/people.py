"""The judge of people: what does somebody do in a film? Read by a network that has learned it.

The network (`models.action_judge`) learns from true clips of training subjects alone, see
`data.action_films`, and shares nothing with what generates films or labels recordings.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from videogeneration.captions import DIRECTIONS, ActionGrammar
from videogeneration.data.action_films import BACKWARDS, NOTHING, deed, readings
from videogeneration.models.action_judge import ActionJudge
from videogeneration.vision.background import median_background
from videogeneration.vision.foreground import centroids, contrast, find_figure, is_visible

_AT_ONCE = 32  # films

_END = 11
"""Frames at the end of a long film in which somebody is still read, of those that are looked at."""

_GONE = 0.2
"""Most contrast that is left of a figure that is gone, as a share of the given frame's: legs that
cross and a shadow that is not drawn leave more."""

_NEAR_EDGE = 0.3
"""A walker whose centre is within this share of the width from an edge is leaving there."""

_ALIKE = ("jogging", "running")
"""Actions that count as one."""


@dataclass(frozen=True)
class Reading:
    """What a film shows.

    Attributes:
        probabilities: Of every sentence of the grammar, of `backwards` (the figure goes one way and
            looks the other) and of `nothing` (it stands still or glides, or is gone). They add up
            to 1.
        velocity: How fast the figure travels to the right at the end, as a share of the frame's
            width in one frame; 0 where it does not.
    """

    probabilities: Mapping[str, float]
    velocity: float

    @property
    def sentence(self) -> str:
        """The most probable sentence, or `backwards` or `nothing`.

        Whether somebody travels, and forwards, is decided before the pace.
        """
        probability = self.probabilities
        paces = [said for said in probability if said.endswith(DIRECTIONS)]
        others = [said for said in probability if said not in paces]
        best = max(others, key=probability.__getitem__)
        if sum(probability[said] for said in paces) > probability[best]:
            return max(paces, key=probability.__getitem__)
        return best


@dataclass(frozen=True)
class PeopleJudge:
    """Reads which of the grammar's sentences a film shows; who walks backwards follows none.

    Attributes:
        grammar: What can be said.
        network: Trained on true clips, ready to read.
    """

    grammar: ActionGrammar
    network: ActionJudge

    def __post_init__(self) -> None:
        known = len(readings(self.grammar))
        if self.network.config.readings != known:
            raise ValueError(
                f"judge: its network tells {self.network.config.readings} readings apart, but the "
                f"grammar has {known}; train it for the same actions"
            )

    def background(self, clip: np.ndarray, sentence: str) -> np.ndarray | None:
        """The median over time, in which who stays would be seen: None."""
        return median_background(clip) if self.grammar.travels(sentence) else None

    def reading(self, film: np.ndarray) -> Reading:
        """Read a film, float32 `[T, H, W]` in [0, 1], two frames or more."""
        return self.read_all([film])[0]

    def read(self, film: np.ndarray, clip: np.ndarray, row: Mapping[str, Any]) -> str | None:
        """The most probable sentence; None for who walks backwards or does nothing."""
        sentence = self.reading(film).sentence
        return sentence if sentence in self.grammar.sentences() else None

    @torch.no_grad()
    def read_all(self, films: Iterable[np.ndarray]) -> list[Reading]:
        """Read films of one frame size, each as in `reading`; faster than one by one."""
        found = []
        for film, valid, counts in self._batches(films):
            probabilities = self.network(film, valid).float().softmax(1)
            velocity = self.network.velocity(film, valid)[:, None]
            rows = torch.cat([probabilities, velocity], 1)
            found += [self._reading(row) for row in _means(rows, counts)]
        return found

    def followed(
        self,
        film: np.ndarray,
        sentence: str,
        clip: np.ndarray | None = None,
        row: Mapping[str, Any] | None = None,
    ) -> bool:
        """Whether a film shows what the sentence says.

        The film is all that is read: `clip` and `row` are not looked at.
        """
        return self._same(self.reading(film).sentence) == self._same(self.grammar.check(sentence))

    @torch.no_grad()
    def features(self, films: Iterable[np.ndarray]) -> np.ndarray:
        """Space-time features of films, float64 `[N, C]`, for a Fréchet distance.

        As in Unterthiner et al., "Towards Accurate Generative Models of Video", 2018, whose network
        is another one: comparable only with the same judge's, on as many films of the same
        sentences.
        """
        rows = [
            _means(self.network.features(film, valid), counts)
            for film, valid, counts in self._batches(films)
        ]
        return np.concatenate(rows)

    def ending(
        self, film: np.ndarray, sentence: str, background: np.ndarray | None
    ) -> Mapping[str, bool]:
        """Who travels is gone, and was last seen at its side; who stays still does as told."""
        if not self.grammar.travels(sentence):
            end = film[-_END * self.network.config.frame_step :]
            return {"still": self.followed(end, sentence)}
        if background is None:
            return {}
        figure = find_figure(film, background)
        strength = contrast(figure)
        (present,) = np.nonzero(strength > _GONE * strength[0])
        if not len(present):  # nobody can be told from the background
            return {}
        last = int(present[-1])
        gone = last < len(film) - 1
        return {"left": gone and _is_near(sentence.split()[-1], figure[last])}

    def _same(self, sentence: str) -> str:
        """The sentence, with one name for all actions that count as one."""
        action = deed(sentence)
        return sentence.replace(action, _ALIKE[0]) if action in _ALIKE else sentence

    def _phases(self, film: np.ndarray) -> list[np.ndarray]:
        """A film at the pace that was learned, as often as there are phases of it."""
        if film.ndim != 3 or len(film) < 2:
            raise ValueError(f"film: shape {film.shape} is not [T, H, W] with two frames or more")
        step = self.network.config.frame_step
        some = [film[phase::step] for phase in range(step)]
        return [phase for phase in some if len(phase) > 1] or [film[[0, -1]]]

    def _batches(
        self, films: Iterable[np.ndarray]
    ) -> Iterator[tuple[Tensor, Tensor, Sequence[int]]]:
        """Phases of some films at once, which of their frames are valid, and how many a film."""
        device = next(self.network.parameters()).device
        self.network.eval()
        waiting = iter(films)
        while chosen := [self._phases(film) for film in islice(waiting, _AT_ONCE)]:
            some = [phase for phases in chosen for phase in phases]
            frames = max(map(len, some))
            film = np.zeros((len(some), frames, *some[0].shape[1:]), np.float32)
            valid = np.zeros((len(some), frames), bool)
            for place, one in enumerate(some):
                film[place, : len(one)], valid[place, : len(one)] = one, True
            counts = [len(phases) for phases in chosen]
            yield torch.from_numpy(film).to(device), torch.from_numpy(valid).to(device), counts

    def _reading(self, row: np.ndarray) -> Reading:
        """A reading from a row of probabilities and a velocity."""
        *found, velocity = row.tolist()
        probability = dict(zip(readings(self.grammar), found, strict=True))
        side = DIRECTIONS[velocity > 0]
        read = dict.fromkeys(self.grammar.sentences(), 0.0)
        read |= {kind: probability[kind] for kind in (BACKWARDS, NOTHING)}
        for sentence in self.grammar.sentences():
            if not self.grammar.travels(sentence):
                read[sentence] = probability[deed(sentence)]
            elif velocity == 0:
                # who walks on the spot goes nowhere; both sides' sentences come by here
                read[NOTHING] += probability[deed(sentence)] / len(DIRECTIONS)
            elif sentence.split()[-1] == side:
                read[sentence] = probability[deed(sentence)]
        return Reading(read, velocity)


def _means(rows: Tensor, counts: Sequence[int]) -> np.ndarray:
    """The mean row of every film, float64, of rows of phases, so many a film."""
    return np.stack([part.mean(0).cpu().numpy() for part in rows.double().split(list(counts))])


def _is_near(side: str, figure: np.ndarray) -> bool:
    """Whether the figure's centre in one frame `[H, W]` is near one side."""
    if not is_visible(figure[None])[0]:
        return False
    x = centroids(figure[None])[0, 0] / figure.shape[1]
    return bool(x < _NEAR_EDGE if side == "left" else x > 1 - _NEAR_EDGE)
