"""The judge of scenes: does every element make the movement that it was told to make?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from videogeneration.captions import SceneGrammar
from videogeneration.captions.movements import places
from videogeneration.data.frames import to_float
from videogeneration.evaluation.judges.elements import Place, find_places, read_scene


@dataclass(frozen=True)
class SceneJudge:
    """Reads whether every element makes the movement that the sentence says."""

    grammar: SceneGrammar

    def background(self, clip: np.ndarray, sentence: str) -> np.ndarray:
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
            made = _movements(film, film[0], find_places(film[0], len(asked)))
            return sorted(map(str, made)) == sorted(asked)
        return _movements(film, to_float(clip[0]), places(row)) == asked

    def read(self, film: np.ndarray, clip: np.ndarray, row: Mapping[str, Any]) -> str | None:
        """The clip's elements with the movements that they make."""
        elements = [element for element, _ in self.grammar.parse(str(row["caption"]))]
        made = _movements(film, to_float(clip[0]), places(row))
        scene = [(e, movement) for e, movement in zip(elements, made, strict=True) if movement]
        return self.grammar.sentence(scene) if len(scene) == len(elements) else None

    def ending(
        self, film: np.ndarray, sentence: str, background: np.ndarray | None
    ) -> Mapping[str, bool]:
        """Every element stays in its picture; what it does after many steps is not read."""
        return {}


def _movements(film: np.ndarray, first: np.ndarray, where: Sequence[Place]) -> list[str | None]:
    """What the elements of a first frame do in a film."""
    return [reading.movement for reading in read_scene(film, first, where)]
