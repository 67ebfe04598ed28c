"""What a source can say.

A grammar says everything a source's captions can contain; its vocabulary follows from it and never
from a sample of clips, so two runs on different clips agree on every word's index.
"""

import difflib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict
from functools import cached_property
from typing import Any, ClassVar

from videogeneration.captions.vocabulary import CaptionError, Vocabulary, tokenize

NEAREST, FEW = 3, 12
"""How many sentences are offered in the place of one that is not known; few are offered whole."""


class Grammar(ABC):
    """What a source can say; a frozen dataclass whose fields are plain values.

    A subclass names its `kind`, under which a checkpoint remembers it; one without is abstract.
    """

    kind: ClassVar[str]
    _kinds: ClassVar[dict[str, type["Grammar"]]] = {}

    def __init_subclass__(cls, kind: str | None = None) -> None:
        if kind is None:
            return
        if kind in Grammar._kinds:
            raise TypeError(f"grammar '{kind}' exists already; choose another kind")
        cls.kind = kind
        Grammar._kinds[kind] = cls

    @property
    @abstractmethod
    def vocabulary(self) -> Vocabulary:
        """Every word the source can use."""

    @abstractmethod
    def check(self, sentence: str) -> str:
        """The sentence in its normal form; `CaptionError` where the grammar cannot say it."""

    @abstractmethod
    def sentences(self) -> list[str]:
        """Sentences to choose from; of those that join others, their parts."""

    def complete(self, text: str) -> str:
        """The sentence that somebody means.

        Args:
            text: A sentence, or the beginnings of some of its words: `walk left`, `wave`.

        Raises:
            CaptionError: There is none, or several; names them, or the nearest.
        """
        known, words = self.sentences(), tokenize(text)
        if " ".join(words) in known:
            return " ".join(words)
        meant = [sentence for sentence in known if _abridges(words, sentence.split())]
        if words and len(meant) == 1:
            return meant[0]
        if words and 1 < len(meant) <= FEW:
            raise CaptionError(f"caption '{text}' may mean {_quoted(meant)}; say which")
        near = sorted(known, key=lambda sentence: -_likeness(words, sentence.split()))
        shown = _quoted(near if len(near) <= FEW else near[:NEAREST])
        raise CaptionError(f"caption '{text}' is no sentence that is known here; nearest: {shown}")

    def mirrored(self, sentence: str) -> str | None:
        """The sentence that is true of the mirrored clip; None where there is none, as here."""
        return None

    @abstractmethod
    def alternatives(self, sentence: str) -> list[str]:
        """Other sentences that could be asked of the same first frame."""

    def clauses(self, sentence: str) -> tuple[str, ...]:
        """What the sentence tells every figure to do, without the figures' names.

        Here it is the sentence: it has one figure, and no name for it.
        """
        return (self.check(sentence),)

    @property
    @abstractmethod
    def sights(self) -> tuple[str, ...]:
        """Everything that a first frame can show and a sentence name."""

    @abstractmethod
    def seen(self, sentence: str) -> tuple[str, ...]:
        """Which of the sights the sentence's first frame shows."""

    @abstractmethod
    def mistakes(self, sentence: str) -> list[str]:
        """Sentences that the first frame of this one makes false, as near to it as can be."""

    def description(self) -> dict[str, Any]:
        """The grammar as plain values, with its words in the order of the one-hot columns."""
        fields = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()  # type: ignore[call-overload]
        }
        words, max_words = self.vocabulary.words, self.vocabulary.max_words
        return {"kind": self.kind, **fields, "words": list(words), "max_words": max_words}

    @classmethod
    def from_description(cls, description: Mapping[str, Any]) -> "Grammar":
        """The grammar that `description` described.

        Raises:
            CaptionError: No grammar of this kind is known, or its words are not those that this
                version of the grammar has.
        """
        fields = dict(description)
        kind, words = fields.pop("kind"), fields.pop("words")
        del fields["max_words"]
        if kind not in Grammar._kinds:
            known = ", ".join(Grammar._kinds)
            raise CaptionError(f"grammar '{kind}' is none of {known}; register its source")
        grammar = Grammar._kinds[kind](
            **{k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()}
        )
        if list(grammar.vocabulary.words) != list(words):
            raise CaptionError(
                "the vocabulary was made by another version of the grammar; run the data pipeline "
                "and train again"
            )
        return grammar


def _abridges(words: list[str], sentence: list[str]) -> bool:
    """Whether words are beginnings of some of a sentence's, in order."""
    rest = iter(sentence)
    # "wave" begins "waving" as "walk" begins "walking"
    stems = [word.removesuffix("e") if len(word) > 3 else word for word in words]
    return all(any(full.startswith(stem) for full in rest) for stem in stems)


def _quoted(sentences: list[str]) -> str:
    return ", ".join(f"'{sentence}'" for sentence in sentences)


def _likeness(words: list[str], sentence: list[str]) -> float:
    """How much a sentence says what the words say; few of its own words decide between equals."""

    def ratio(one: str, other: str) -> float:
        return difflib.SequenceMatcher(None, one, other).ratio()

    found = sum(max(ratio(word, each) for each in sentence) ** 2 for word in words)
    return found - 0.01 * len(sentence)


class ListedGrammar(Grammar):
    """A grammar of a few sentences, which are listed.

    A subclass has `sentences`, all of them, and `seen`; `mirrored` where it can say what is true
    then.
    """

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The words of all sentences."""
        return Vocabulary.of(self.sentences())

    def check(self, sentence: str) -> str:
        """The sentence in its normal form; `CaptionError` where the grammar cannot say it."""
        self.vocabulary.encode(sentence)
        normal, sentences = " ".join(tokenize(sentence)), self.sentences()
        if normal not in sentences:
            near = difflib.get_close_matches(normal, sentences, n=1, cutoff=0.0)
            raise CaptionError(
                f"caption '{sentence}' is none of the {len(sentences)} sentences that clips were "
                f"made with; did you mean '{near[0]}'?"
            )
        return normal

    @cached_property
    def _shown(self) -> dict[str, tuple[str, ...]]:
        """What every sentence's first frame shows."""
        return {sentence: self.seen(sentence) for sentence in self.sentences()}

    def alternatives(self, sentence: str) -> list[str]:
        """Other sentences whose first frame shows the same."""
        own = self.check(sentence)
        return [x for x, seen in self._shown.items() if x != own and seen == self._shown[own]]

    @property
    def sights(self) -> tuple[str, ...]:
        """What the first frames of all sentences show."""
        return tuple(dict.fromkeys(sight for seen in self._shown.values() for sight in seen))

    def mistakes(self, sentence: str) -> list[str]:
        """Sentences whose first frame shows something else."""
        own = self._shown[self.check(sentence)]
        return [x for x, seen in self._shown.items() if seen != own]
