"""Judges: does a film do what its sentence says? Read from its frames, no trained network."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from videogeneration.captions import ActionGrammar, Grammar, SceneGrammar
from videogeneration.captions.movements import places
from videogeneration.evaluation.elements import find_places, movement_followed, read_scene
from videogeneration.vision.direction import contrast, median_background, positions, read_direction

STEPS_PRESENT = 4
"""Steps that a walker must stay in the picture for, unless it walks out as it was told."""

_PRESENT = 0.5
"""Least contrast of a figure that is still there, as a share of the given frame's."""

_PRESENT_ALONE = 0.35
"""The same where the film is its own background: its median keeps something of a long shadow."""

_GONE = 0.2
"""Most contrast that is left where a figure was, as a share of the given frame's."""

_NEAR_EDGE = 0.3
"""A walker whose centre is within this share of the width from an edge is leaving there."""


class Judge(Protocol):
    """Knows a source's scenes."""

    @property
    def grammar(self) -> Grammar:
        """What the source can say."""

    def background(self, clip: np.ndarray) -> np.ndarray:
        """The clip's `[T, H, W]` background without figures, float32 `[H, W]` in [0, 1]."""

    def followed(
        self,
        film: np.ndarray,
        sentence: str,
        clip: np.ndarray | None = None,
        row: Mapping[str, Any] | None = None,
    ) -> bool:
        """Whether a film does what a sentence says.

        Args:
            film: float32 `[1 + T, H, W]` in [0, 1], the given frame first.
            sentence: What was asked; need not be what the clip shows.
            clip: The clip that the given frame comes from, uint8 `[L, H, W]`; None where there is
                none, and the film is all that is known.
            row: The clip's row in the table; None likewise.
        """

    def read(self, film: np.ndarray, clip: np.ndarray, row: Mapping[str, Any]) -> str | None:
        """The sentence that a film follows, of those that its first frame can be asked.

        None where it follows none. The arguments are those of `followed`.
        """

    def left(self, film: np.ndarray, sentence: str, clip: np.ndarray) -> bool | None:
        """Whether a long film's figure has left the picture as the sentence says.

        None where the sentence sends nobody out of the picture. The arguments are those of
        `followed`.
        """


@dataclass(frozen=True)
class KthJudge:
    """Reads whether a walker goes to the side that the sentence says, and is still there."""

    grammar: ActionGrammar

    def background(self, clip: np.ndarray) -> np.ndarray:
        """The median over time: the camera stands still."""
        return median_background(clip)

    def followed(
        self,
        film: np.ndarray,
        sentence: str,
        clip: np.ndarray | None = None,
        row: Mapping[str, Any] | None = None,
    ) -> bool:
        """Whether the walker goes where it is told; one that stays or fades follows nothing."""
        return self._side(film, clip) == sentence.split()[-1]

    def read(self, film: np.ndarray, clip: np.ndarray, row: Mapping[str, Any]) -> str | None:
        """The clip's sentence, to the side that the walker goes to."""
        side, shown = self._side(film, clip), str(row["caption"])
        told = [shown, *self.grammar.alternatives(shown)]
        return next((sentence for sentence in told if sentence.split()[-1] == side), None)

    def _side(self, film: np.ndarray, clip: np.ndarray | None) -> str | None:
        """Where the walker goes to; None for one that stays or fades."""
        background = self.background(film if clip is None else clip)
        share = _PRESENT_ALONE if clip is None else _PRESENT
        last = _last_present(contrast(film, background), share)
        if last < 1:
            return None
        side = read_direction(film[: last + 1], background).label
        early = last < min(STEPS_PRESENT, len(film) - 1)
        return None if side and early and not _is_near(side, film[last], background) else side

    def left(self, film: np.ndarray, sentence: str, clip: np.ndarray) -> bool | None:
        """Whether the walker was last seen at the side that the sentence says, and is gone."""
        if not self.grammar.alternatives(sentence):
            return None
        background = self.background(clip)
        strength = contrast(film, background)
        if strength[-1] > _GONE * strength[0]:
            return False
        return _is_near(sentence.split()[-1], film[_last_present(strength, _PRESENT)], background)


def _last_present(strength: np.ndarray, share: float) -> int:
    """The last frame before a figure's contrast `[T]` first falls below a share of its first."""
    present = strength >= share * strength[0]
    return len(strength) - 1 if present.all() else int(np.argmin(present)) - 1


def _is_near(side: str, frame: np.ndarray, background: np.ndarray) -> bool:
    """Whether the figure's centre is near one side of the frame `[H, W]`."""
    x = positions(frame[None], background)[0, 1] / frame.shape[1]
    return bool(x < _NEAR_EDGE if side == "left" else x > 1 - _NEAR_EDGE)


@dataclass(frozen=True)
class SceneJudge:
    """Reads whether every element makes the movement that the sentence says."""

    grammar: SceneGrammar

    def background(self, clip: np.ndarray) -> np.ndarray:
        """Black."""
        return np.zeros(clip.shape[1:], np.float32)

    def followed(
        self,
        film: np.ndarray,
        sentence: str,
        clip: np.ndarray | None = None,
        row: Mapping[str, Any] | None = None,
    ) -> bool:
        """Whether all elements move as told; one that stands still or is gone follows nothing."""
        asked = [movement for _, movement in self.grammar.parse(sentence)]
        if clip is None or row is None:
            # which is which cannot be told from places alone
            found = find_places(film[0], len(asked))
            made = [reading.movement for reading in read_scene(film, film[0], found)]
            return sorted(map(str, made)) == sorted(asked)
        first = clip[0].astype(np.float32) / 255
        return all(movement_followed(film, first, places(row), asked))

    def read(self, film: np.ndarray, clip: np.ndarray, row: Mapping[str, Any]) -> str | None:
        """The clip's elements with the movements that they make."""
        elements = [element for element, _ in self.grammar.parse(str(row["caption"]))]
        readings = read_scene(film, clip[0].astype(np.float32) / 255, places(row))
        scene = [(e, r.movement) for e, r in zip(elements, readings, strict=True) if r.movement]
        return self.grammar.sentence(scene) if len(scene) == len(elements) else None

    def left(self, film: np.ndarray, sentence: str, clip: np.ndarray) -> bool | None:
        """None: every element stays in its picture."""
        return None


def judge_of(grammar: Grammar) -> Judge:
    """The judge for what a grammar speaks of."""
    if isinstance(grammar, ActionGrammar):
        return KthJudge(grammar)
    if isinstance(grammar, SceneGrammar):
        return SceneJudge(grammar)
    raise TypeError(f"no judge for {type(grammar).__name__}")
