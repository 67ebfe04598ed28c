"""Words, and a sentence as a one-hot matrix."""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np


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


def tokenize(sentence: str) -> list[str]:
    """Lower-case words without punctuation."""
    return re.findall(r"[a-z0-9]+", sentence.lower())
