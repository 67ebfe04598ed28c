"""A judge of actions: what the figure of a film does, read from its frames by a trained network.

The network (`models.action_judge`) learns from true clips of training subjects alone, see
`action_films`, and shares nothing with what generates films.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from videogeneration.captions import DIRECTIONS
from videogeneration.data.action_films import BACKWARDS, NOTHING, deed, readings
from videogeneration.evaluation.judges import PeopleJudge
from videogeneration.evaluation.pictures import frechet
from videogeneration.models.action_judge import ActionJudge

_AT_ONCE = 32  # films


@dataclass(frozen=True)
class ActionReading:
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
        """The most probable sentence, or `backwards` or `nothing`."""
        return max(self.probabilities, key=self.probabilities.__getitem__)


@dataclass(frozen=True)
class ActionsJudge(PeopleJudge):
    """Reads which of the grammar's sentences a film shows.

    Attributes:
        network: Trained on true clips, ready to read.
        frame_step: Every so many of a film's frames are read: 5 for films at 25 frames a second
            and a network that learned at 5. All phases of that step are read, and their mean taken.
        alike: Actions that count as one.
    """

    network: ActionJudge
    frame_step: int = 1
    alike: frozenset[str] = frozenset({"jogging", "running"})

    def __post_init__(self) -> None:
        known = len(readings(self.grammar))
        if self.network.config.readings != known:
            raise ValueError(
                f"network: it tells {self.network.config.readings} readings apart, but the grammar "
                f"has {known}; train it for the same actions"
            )
        if self.frame_step < 1:
            raise ValueError(f"frame_step: {self.frame_step}; choose 1 or more")

    def reading(self, film: np.ndarray) -> ActionReading:
        """Read a film, float32 `[T, H, W]` in [0, 1], two frames or more."""
        return self.read_all([film])[0]

    def read(self, film: np.ndarray, clip: np.ndarray, row: Mapping[str, Any]) -> str | None:
        """The most probable sentence; None for who walks backwards or does nothing."""
        sentence = self.reading(film).sentence
        return sentence if sentence in self.grammar.sentences() else None

    @torch.no_grad()
    def read_all(self, films: Sequence[np.ndarray]) -> list[ActionReading]:
        """Read films of one frame size, each as in `reading`; faster than one by one."""
        phases = [self._phases(film) for film in films]
        rows = [
            (*row, float(speed))
            for film, valid in self._batches([phase for some in phases for phase in some])
            for row, speed in zip(
                self.network(film, valid).float().softmax(1).tolist(),
                self.network.velocity(film, valid).tolist(),
                strict=True,
            )
        ]
        found = iter(rows)
        return [self._reading(np.mean([next(found) for _ in some], axis=0)) for some in phases]

    def followed(
        self,
        film: np.ndarray,
        sentence: str,
        clip: np.ndarray | None = None,
        row: Mapping[str, Any] | None = None,
    ) -> bool:
        """Whether a film shows what the sentence says; who walks backwards follows nothing.

        The film is all that is read: `clip` and `row` are not looked at.
        """
        return self._same(self.reading(film).sentence) == self._same(self.grammar.check(sentence))

    @torch.no_grad()
    def features(self, films: Sequence[np.ndarray]) -> np.ndarray:
        """Space-time features of films, float64 `[N, C]`; see `frechet_distance`."""
        phases = [self._phases(film) for film in films]
        found = [
            self.network.features(film, valid)
            for film, valid in self._batches([phase for some in phases for phase in some])
        ]
        rows = iter(torch.cat(found).double().numpy())
        return np.stack([np.mean([next(rows) for _ in some], axis=0) for some in phases])

    def frechet_distance(self, true: Sequence[np.ndarray], films: Sequence[np.ndarray]) -> float:
        """How far films are from true ones in what figures look like and how they move.

        The Fréchet distance of the network's space-time features, as in Unterthiner et al.,
        "Towards Accurate Generative Models of Video", 2018, whose network is another one:
        comparable only with the same judge's, on as many films of the same sentences.

        Args:
            true: True films, as in `reading`; a few hundred.
            films: Generated ones.
        """
        for name, some in (("true", true), ("films", films)):
            if len(some) < 2:
                raise ValueError(f"{name}: {len(some)} films; a distance needs two or more")
        return frechet(self.features(true), self.features(films))

    def _same(self, sentence: str) -> str:
        """The sentence, with one name for all actions that count as one."""
        action = deed(sentence)
        return sentence.replace(action, min(self.alike)) if action in self.alike else sentence

    def _phases(self, film: np.ndarray) -> list[np.ndarray]:
        if film.ndim != 3 or len(film) < 2:
            raise ValueError(f"film: shape {film.shape} is not [T, H, W] with two frames or more")
        some = [film[phase :: self.frame_step] for phase in range(self.frame_step)]
        return [phase for phase in some if len(phase) > 1] or [film[[0, -1]]]

    def _batches(self, films: Sequence[np.ndarray]) -> Iterator[tuple[Tensor, Tensor]]:
        """Films and which of their frames are valid, some at once."""
        device = next(self.network.parameters()).device
        self.network.eval()
        for first in range(0, len(films), _AT_ONCE):
            some = films[first : first + _AT_ONCE]
            frames = max(map(len, some))
            film = np.zeros((len(some), frames, *some[0].shape[1:]), np.float32)
            valid = np.zeros((len(some), frames), bool)
            for place, one in enumerate(some):
                film[place, : len(one)], valid[place, : len(one)] = one, True
            yield torch.from_numpy(film).to(device), torch.from_numpy(valid).to(device)

    def _reading(self, row: np.ndarray) -> ActionReading:
        """A reading from a row of probabilities and a velocity."""
        *found, velocity = row.tolist()
        probability = dict(zip(readings(self.grammar), found, strict=True))
        side = DIRECTIONS[velocity > 0]
        read = dict.fromkeys(self.grammar.sentences(), 0.0)
        read |= {kind: probability[kind] for kind in (BACKWARDS, NOTHING)}
        for sentence in self.grammar.sentences():
            if not self.grammar.alternatives(sentence):
                read[sentence] = probability[deed(sentence)]
            elif velocity == 0:
                # who walks on the spot goes nowhere; both sides' sentences come by here
                read[NOTHING] += probability[deed(sentence)] / len(DIRECTIONS)
            elif sentence.split()[-1] == side:
                read[sentence] = probability[deed(sentence)]
        return ActionReading(read, velocity)
