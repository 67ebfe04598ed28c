"""What is said of scenes: `the house is moving up and down`, two elements joined by `and`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from videogeneration.captions.grammar import Grammar
from videogeneration.captions.vocabulary import CaptionError, Vocabulary, tokenize

MOVEMENTS: dict[str, str] = {
    "left_right": "moving left and right",
    "up_down": "moving up and down",
    "circle_clockwise": "rotating clockwise",
    "circle_counterclockwise": "rotating counterclockwise",
    "spin_clockwise": "rotating in place clockwise",
    "spin_counterclockwise": "rotating in place counterclockwise",
}
"""The six movements of the synthetic scenes and how a sentence calls them."""


@dataclass(frozen=True)
class SceneGrammar(Grammar, kind="scenes"):
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
        element = max(self.elements, key=lambda name: len(name.split()))
        return Vocabulary.of([*self.sentences(), self.sentence([(element, longest)] * 2)])

    def sentences(self) -> list[str]:
        """Every sentence with one element."""
        return [self.sentence([(e, m)]) for e in self.elements for m in MOVEMENTS]

    def complete(self, text: str) -> str:
        """The sentence that somebody means, see `Grammar`; of two elements, each by itself."""
        return self.check(" and ".join(super(SceneGrammar, self).complete(x) for x in _parts(text)))

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
        for clause in _parts(sentence):
            match = re.fullmatch(r"the (.+?) is (.+)", clause)
            if not match or match[1] not in self.elements or match[2] not in movements:
                example = self.sentence([(self.elements[0], "up_down")])
                raise CaptionError(
                    f"caption '{sentence}': cannot read '{clause}'; say it like '{example}'"
                )
            scene.append((match[1], movements[match[2]]))
        if len(scene) > 2:
            raise CaptionError(f"caption '{sentence}' names {len(scene)} elements; at most two")
        return scene

    def check(self, sentence: str) -> str:
        """The sentence in its normal form; `CaptionError` where the grammar cannot say it."""
        return self.sentence(self.parse(sentence))

    def alternatives(self, sentence: str) -> list[str]:
        """The same elements with every other movement of the first of them."""
        (element, movement), *others = self.parse(sentence)
        return [self.sentence([(element, m), *others]) for m in MOVEMENTS if m != movement]

    def clauses(self, sentence: str) -> tuple[str, ...]:
        """The elements' movements, as sentences call them."""
        return tuple(MOVEMENTS[movement] for _, movement in self.parse(sentence))

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


def _parts(sentence: str) -> list[str]:
    """What a sentence says of each element."""
    return [x.strip() for x in re.split(r"\band (?=the\b)", " ".join(tokenize(sentence)))]
