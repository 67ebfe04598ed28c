"""Sentences: what each source can say, and a sentence as a one-hot matrix.

A grammar says everything a source's captions can contain; its vocabulary follows from it and never
from a sample of clips, so two runs on different clips agree on every word's index.
"""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np

KTH_ACTIONS: dict[str, str] = {
    "walking": "walking to the",
    "jogging": "jogging to the",
    "running": "running to the",
    "boxing": "boxing",
    "handclapping": "clapping hands",
    "handwaving": "waving hands",
}
"""KTH's six actions and how a sentence calls them; those that travel end in a direction."""

DIRECTIONS = ("left", "right")

MOVEMENTS: dict[str, str] = {
    "left_right": "moving left and right",
    "up_down": "moving up and down",
    "circle_clockwise": "rotating clockwise",
    "circle_counterclockwise": "rotating counterclockwise",
    "spin_clockwise": "rotating in place clockwise",
    "spin_counterclockwise": "rotating in place counterclockwise",
}
"""The six movements of the synthetic scenes and how a sentence calls them."""


class CaptionError(ValueError):
    """A sentence that the source's grammar cannot say."""


@dataclass(frozen=True)
class Vocabulary:
    """The words of a grammar in a fixed order, and the length of its longest sentence.

    Attributes:
        words: Every word a sentence may contain; a word's index is its place here.
        max_words: Number of rows of a one-hot matrix.
    """

    words: tuple[str, ...]
    max_words: int

    @classmethod
    def of(cls, sentences: Iterable[str]) -> "Vocabulary":
        """The vocabulary of all the sentences that a grammar can say."""
        split = [sentence.split() for sentence in sentences]
        return cls(
            words=tuple(sorted({word for words in split for word in words})),
            max_words=max(len(words) for words in split),
        )

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of a one-hot matrix: (max_words, number of words)."""
        return self.max_words, len(self.words)

    def encode(self, sentence: str) -> np.ndarray:
        """Turn a sentence into a one-hot matrix.

        Args:
            sentence: Words; case and punctuation do not matter.

        Returns:
            uint8 `[max_words, vocabulary]`: a one in each word's column, zero rows after the last.

        Raises:
            CaptionError: A word is outside the vocabulary, or there are too many or none.
        """
        words = tokenize(sentence)
        for word in words:
            if word not in self.words:
                near = difflib.get_close_matches(word, self.words, n=3, cutoff=0.5)
                hint = (
                    f"did you mean {' or '.join(near)}?"
                    if near
                    else "known words: " + " ".join(self.words)
                )
                raise CaptionError(f"caption '{sentence}': unknown word '{word}'; {hint}")
        if not 0 < len(words) <= self.max_words:
            raise CaptionError(
                f"caption '{sentence}' has {len(words)} words; it needs 1 to {self.max_words}"
            )
        matrix = np.zeros(self.shape, np.uint8)
        matrix[np.arange(len(words)), [self.words.index(word) for word in words]] = 1
        return matrix

    def decode(self, matrix: np.ndarray) -> str:
        """Read a one-hot matrix `[max_words, vocabulary]` back into its sentence."""
        return " ".join(self.words[int(row.argmax())] for row in matrix if row.any())


def tokenize(sentence: str) -> list[str]:
    """Lower-case words without punctuation."""
    return re.findall(r"[a-z0-9]+", sentence.lower())


class Grammar(Protocol):
    """What a source can say."""

    @property
    def vocabulary(self) -> Vocabulary:
        """Every word the source can use."""

    def check(self, sentence: str) -> str:
        """The sentence in its normal form; `CaptionError` where the grammar cannot say it."""

    def opposite(self, sentence: str) -> str:
        """The sentence that is true of the mirrored clip, and of the clip played backwards."""

    def alternatives(self, sentence: str) -> list[str]:
        """Other sentences that could be asked of the same first frame."""

    @property
    def sights(self) -> tuple[str, ...]:
        """Everything that a first frame can show and a sentence name."""

    def seen(self, sentence: str) -> tuple[str, ...]:
        """Which of the sights the sentence's first frame shows."""

    def mistakes(self, sentence: str) -> list[str]:
        """Sentences that the first frame of this one makes false, as near to it as can be."""


@dataclass(frozen=True)
class KthGrammar:
    """`a person is walking to the left`, `a person is boxing`, and so on.

    Attributes:
        actions: Those of `KTH_ACTIONS` that clips show. Its vocabulary has the words of all six.
    """

    actions: tuple[str, ...] = tuple(KTH_ACTIONS)

    def sentences(self) -> list[str]:
        """Every sentence of the grammar."""
        return [
            kth_caption(action, direction)
            for action in self.actions
            for direction in (DIRECTIONS if KTH_ACTIONS[action].endswith(" the") else (None,))
        ]

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """Every word of the six actions' sentences."""
        return Vocabulary.of(KthGrammar().sentences())

    def check(self, sentence: str) -> str:
        """The sentence in its normal form; `CaptionError` where the grammar cannot say it."""
        return _one_of(sentence, self.sentences(), self.vocabulary)

    def opposite(self, sentence: str) -> str:
        """The same action to the other side; an action without a side stays as it is."""
        swap = dict(zip(DIRECTIONS, reversed(DIRECTIONS), strict=True))
        return " ".join(swap.get(word, word) for word in tokenize(sentence))

    def alternatives(self, sentence: str) -> list[str]:
        """The other side, or nothing for an action without a side."""
        opposite = self.opposite(sentence)
        return [] if opposite == self.check(sentence) else [opposite]

    @property
    def sights(self) -> tuple[str, ...]:
        """Every action, and for those that travel the side: `walking to the left`."""
        return tuple(_deed(sentence) for sentence in self.sentences())

    def seen(self, sentence: str) -> tuple[str, ...]:
        """The sentence's action and side."""
        return (_deed(self.check(sentence)),)

    def mistakes(self, sentence: str) -> list[str]:
        """Every other action, and the other side."""
        return [other for other in self.sentences() if other != self.check(sentence)]


def _deed(sentence: str) -> str:
    return sentence.removeprefix("a person is ")


def kth_caption(action: str, direction: str | None) -> str:
    """The sentence for a KTH sequence.

    Args:
        action: One of `KTH_ACTIONS`.
        direction: `left` or `right` for walking, jogging and running; None for the others.
    """
    phrase = KTH_ACTIONS[action]
    if phrase.endswith(" the") != (direction in DIRECTIONS):
        raise CaptionError(f"action '{action}' cannot have the direction {direction!r}")
    return f"a person is {phrase} {direction}" if direction else f"a person is {phrase}"


@dataclass(frozen=True)
class SceneGrammar:
    """`the house is moving up and down`, two elements joined by `and`.

    Attributes:
        elements: Names of the elements as one or two words: `house`, `digit 3`.
    """

    elements: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.elements:
            raise ValueError("elements: name at least one element")

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """Every word of sentences with one or two elements."""
        longest = max(MOVEMENTS, key=lambda movement: len(MOVEMENTS[movement].split()))
        single = [self.sentence([(e, m)]) for e in self.elements for m in MOVEMENTS]
        element = max(self.elements, key=lambda name: len(name.split()))
        return Vocabulary.of([*single, self.sentence([(element, longest)] * 2)])

    def sentence(self, scene: Sequence[tuple[str, str]]) -> str:
        """The sentence for one or two (element, movement) pairs."""
        return " and ".join(f"the {element} is {MOVEMENTS[move]}" for element, move in scene)

    def parse(self, sentence: str) -> list[tuple[str, str]]:
        """Read a sentence back into its one or two (element, movement) pairs.

        Raises:
            CaptionError: An unknown word, or words in an order that the grammar does not have.
        """
        self.vocabulary.encode(sentence)
        movements = {phrase: movement for movement, phrase in MOVEMENTS.items()}
        scene = []
        for clause in re.split(r"\band (?=the\b)", " ".join(tokenize(sentence))):
            match = re.fullmatch(r"the (.+?) is (.+)", clause.strip())
            if not match or match[1] not in self.elements or match[2] not in movements:
                example = self.sentence([(self.elements[0], "up_down")])
                raise CaptionError(
                    f"caption '{sentence}': cannot read '{clause.strip()}'; say it like '{example}'"
                )
            scene.append((match[1], movements[match[2]]))
        if len(scene) > 2:
            raise CaptionError(f"caption '{sentence}' names {len(scene)} elements; at most two")
        return scene

    def check(self, sentence: str) -> str:
        """The sentence in its normal form; `CaptionError` where the grammar cannot say it."""
        return self.sentence(self.parse(sentence))

    def opposite(self, sentence: str) -> str:
        """Not defined: a mirrored digit is no digit, and a clip's start is part of its movement."""
        raise ValueError(
            "mirror and backwards are augmentations for kth only; set them to 0 for this source"
        )

    def alternatives(self, sentence: str) -> list[str]:
        """The same elements with every other movement of the first of them."""
        (element, movement), *others = self.parse(sentence)
        return [self.sentence([(element, m), *others]) for m in MOVEMENTS if m != movement]

    @property
    def sights(self) -> tuple[str, ...]:
        """The elements; a first frame does not show how they will move."""
        return self.elements

    def seen(self, sentence: str) -> tuple[str, ...]:
        """The sentence's elements."""
        return tuple(element for element, _ in self.parse(sentence))

    def mistakes(self, sentence: str) -> list[str]:
        """Another element in the place of one of them, with the same movements."""
        scene = self.parse(sentence)
        shown = {element for element, _ in scene}
        return [
            self.sentence([*scene[:place], (other, scene[place][1]), *scene[place + 1 :]])
            for place in range(len(scene))
            for other in self.elements
            if other not in shown
        ]


def describe(grammar: Grammar) -> dict[str, Any]:
    """A grammar as plain values, with its words in the order of the one-hot columns."""
    if isinstance(grammar, KthGrammar):
        own = {"kind": "kth", "actions": list(grammar.actions)}
    else:
        own = {"kind": "scenes", "elements": list(getattr(grammar, "elements", ()))}
    return {
        **own,
        "words": list(grammar.vocabulary.words),
        "max_words": grammar.vocabulary.max_words,
    }


def grammar_of(description: Mapping[str, Any]) -> Grammar:
    """The grammar that `describe` described.

    Raises:
        CaptionError: Its words are not those that this version of the grammar has.
    """
    grammar: Grammar
    if description["kind"] == "scenes":
        grammar = SceneGrammar(tuple(description["elements"]))
    else:
        grammar = KthGrammar(tuple(description.get("actions", KTH_ACTIONS)))
    if list(grammar.vocabulary.words) != list(description["words"]):
        raise CaptionError(
            "the vocabulary was made by another version of the grammar; run the data pipeline and "
            "train again"
        )
    return grammar


def _one_of(sentence: str, sentences: Sequence[str], vocabulary: Vocabulary) -> str:
    """The normal form of a sentence that must be one of a list."""
    vocabulary.encode(sentence)
    normal = " ".join(tokenize(sentence))
    if normal not in sentences:
        near = difflib.get_close_matches(normal, sentences, n=1, cutoff=0.0)
        raise CaptionError(
            f"caption '{sentence}' is none of the {len(sentences)} sentences that clips were made "
            f"with; did you mean '{near[0]}'?"
        )
    return normal
