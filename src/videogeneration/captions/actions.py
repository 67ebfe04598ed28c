"""What is said of people: `a person is walking to the left`, `a person is boxing`."""

from dataclasses import dataclass
from functools import cached_property

from videogeneration.captions.grammar import ListedGrammar
from videogeneration.captions.vocabulary import CaptionError, Vocabulary, tokenize

ACTIONS: dict[str, str] = {
    "walking": "walking to the",
    "jogging": "jogging to the",
    "running": "running to the",
    "boxing": "boxing",
    "handclapping": "clapping hands",
    "handwaving": "waving hands",
}
"""KTH's six actions and how a sentence calls them; those that travel end in a direction."""

DIRECTIONS = ("left", "right")


@dataclass(frozen=True)
class ActionGrammar(ListedGrammar, kind="actions"):
    """`a person is walking to the left`, `a person is boxing`, and so on.

    Attributes:
        actions: Those of `ACTIONS` that clips show. Its vocabulary has the words of all six.
    """

    actions: tuple[str, ...] = tuple(ACTIONS)

    def sentences(self) -> list[str]:
        """Every sentence of the grammar."""
        return [
            action_caption(action, direction)
            for action in self.actions
            for direction in (DIRECTIONS if ACTIONS[action].endswith(" the") else (None,))
        ]

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """Every word of the six actions' sentences."""
        return Vocabulary.of(ActionGrammar().sentences())

    def mirrored(self, sentence: str) -> str:
        """The same action to the other side; an action without a side stays as it is."""
        swap = dict(zip(DIRECTIONS, reversed(DIRECTIONS), strict=True))
        return " ".join(swap.get(word, word) for word in tokenize(sentence))

    def travels(self, sentence: str) -> bool:
        """Whether the sentence sends somebody to a side."""
        return self.mirrored(sentence) != self.check(sentence)

    def alternatives(self, sentence: str) -> list[str]:
        """Every other sentence: whatever somebody does, anything may come next."""
        own = self.check(sentence)
        return [other for other in self.sentences() if other != own]

    def seen(self, sentence: str) -> tuple[str, ...]:
        """Where the sentence sends somebody: one picture does not say how fast, or what comes."""
        *_, side = tokenize(self.check(sentence))
        return (f"to the {side}" if side in DIRECTIONS else "on the spot",)


def action_caption(action: str, direction: str | None) -> str:
    """The sentence for a KTH sequence.

    Args:
        action: One of `ACTIONS`.
        direction: `left` or `right` for walking, jogging and running; None for the others.
    """
    phrase = ACTIONS[action]
    if phrase.endswith(" the") != (direction in DIRECTIONS):
        raise CaptionError(f"action '{action}' cannot have the direction {direction!r}")
    return f"a person is {phrase} {direction}" if direction else f"a person is {phrase}"
