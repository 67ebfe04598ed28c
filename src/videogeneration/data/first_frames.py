"""First frames of clips with their sentences, right and wrong: what a text-to-image GAN sees.

A batch is a pure function of the seed and the step's number, as in `windows`.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from videogeneration.captions import Grammar
from videogeneration.data.clips import Clips
from videogeneration.validated import validated


@validated
class FirstFrameSettings:
    """Which frames count as first ones, and how they are varied. Shares lie in [0, 1].

    Attributes:
        early: Share of the frames in which a clip's figure is in view, from their first on, that a
            first frame is drawn from; 0 for the very first.
        mirror: Share of pictures mirrored, with the sentence for the other side.
    """

    early: float = Field(0.3, ge=0, le=1)
    mirror: float = Field(0.5, ge=0, le=1)


@dataclass(frozen=True)
class PictureBatch:
    """Pictures for one step of training.

    Attributes:
        picture: float32 `[B, H, W]` in [0, 1].
        caption: float32 one-hot `[B, max_words, vocabulary]`: what it shows.
        wrong: The same for a sentence that the picture makes false.
        seen: float32 `[B, sights]`: one for each of the grammar's sights that it shows, else zero.
    """

    picture: Tensor
    caption: Tensor
    wrong: Tensor
    seen: Tensor

    def to(self, device: str) -> "PictureBatch":
        """The same batch on a device."""
        return PictureBatch(*(x.to(device, non_blocking=True) for x in vars(self).values()))


class FirstFrames:
    """First frames of clips, shuffled from a seed.

    Args:
        clips: Clips whose first frames are taken; those in which no figure is in view, or something
            else is done before what the caption says, are left out.
        grammar: The source's grammar.
        settings: Which frames, and how they are varied.
        seed: Everything random follows from it and the step's number.

    Raises:
        ValueError: No clip has a frame in view, or their sentences all show the same.
    """

    def __init__(
        self, clips: Clips, grammar: Grammar, settings: FirstFrameSettings, seed: int = 0
    ) -> None:
        self.clips, self.grammar, self.settings, self.seed = clips, grammar, settings, seed
        table = clips.table[clips.table["view_end"] > clips.table["view_start"]]
        if "caption_from" in table:  # where something else is done first, it says nothing
            table = table[table["caption_from"] <= table["view_start"]]
        if not len(table):
            raise ValueError(f"{clips.folder}: no clip has a frame with its figure in view")
        self._start = (table["start"] + table["view_start"]).to_numpy()
        in_view = (table["view_end"] - table["view_start"]).to_numpy()
        self._choice = np.maximum(np.ceil(settings.early * in_view).astype(int), 1)
        self._captions = [str(caption) for caption in table["caption"]]
        sentences = set(self._captions)
        self._turned = {sentence: grammar.mirrored(sentence) for sentence in sentences}
        if settings.mirror:
            sentences |= {sentence for sentence in self._turned.values() if sentence}
        self._meaning = {sentence: grammar.seen(sentence) for sentence in sentences}
        self._known = {sight for seen in self._meaning.values() for sight in seen}
        if len(self._known) < 2:
            raise ValueError(
                f"{clips.folder}: every clip shows the same ({', '.join(self._known)}), so no "
                "sentence is wrong; make clips of more"
            )

    def __len__(self) -> int:
        """Number of clips."""
        return len(self._start)

    def batch(self, step: int, size: int) -> PictureBatch:
        """The pictures of one step.

        Args:
            step: Its number, from 0.
            size: Number of pictures, drawn with replacement.
        """
        random = np.random.default_rng((self.seed, step))
        chosen = random.integers(len(self), size=size)
        places = self._start[chosen] + random.integers(self._choice[chosen])
        pictures, captions = self.clips.frames[places], [self._captions[i] for i in chosen]
        for place in np.flatnonzero(random.random(size) < self.settings.mirror):
            if turned := self._turned[captions[place]]:
                pictures[place], captions[place] = pictures[place, :, ::-1].copy(), turned
        wrong = [self._mistake(caption, random) for caption in captions]
        return PictureBatch(
            torch.from_numpy(pictures.astype(np.float32) / 255),
            one_hot(captions, self.grammar),
            one_hot(wrong, self.grammar),
            seen(captions, self.grammar),
        )

    def batches(self, start: int, stop: int, size: int) -> Iterator[PictureBatch]:
        """The batches of steps `start` to `stop`, made one ahead in the background."""
        with ThreadPoolExecutor(1) as pool:
            ahead = pool.submit(self.batch, start, size)
            for step in range(start, stop):
                ready, ahead = ahead, pool.submit(self.batch, min(step + 1, stop - 1), size)
                yield ready.result()

    def sample(self, most: int) -> tuple[np.ndarray, list[str]]:
        """A first frame of each of at most `most` clips, evenly spread, and their sentences.

        Returns:
            float32 `[N, H, W]` in [0, 1], not mirrored, and N sentences.
        """
        chosen = np.linspace(0, len(self) - 1, min(most, len(self))).round().astype(int)
        random = np.random.default_rng(self.seed)
        places = self._start[chosen] + random.integers(self._choice[chosen])
        pictures = self.clips.frames[places].astype(np.float32) / 255
        return pictures, [self._captions[place] for place in chosen]

    def _mistake(self, caption: str, random: np.random.Generator) -> str:
        """A wrong sentence of which pictures are known: to reject others teaches nothing."""
        wrong = [
            other
            for other in self.grammar.mistakes(caption)
            if self._known.issuperset(self.grammar.seen(other))
        ]
        return wrong[random.integers(len(wrong))]


def one_hot(captions: list[str], grammar: Grammar) -> Tensor:
    """Sentences as float32 `[B, max_words, vocabulary]`."""
    return torch.from_numpy(
        np.stack([grammar.vocabulary.encode(text) for text in captions])
    ).float()


def seen(captions: list[str], grammar: Grammar) -> Tensor:
    """What first frames of sentences show, float32 `[B, sights]`."""
    shown = [set(grammar.seen(text)) for text in captions]
    return torch.tensor([[float(sight in set_) for sight in grammar.sights] for set_ in shown])
