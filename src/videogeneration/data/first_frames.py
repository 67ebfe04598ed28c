"""First frames of clips with their sentences, right and wrong: what a text-to-image GAN sees.

A batch is a pure function of the seed and the step's number, as in `windows`.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import cv2
import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from videogeneration.captions import Grammar
from videogeneration.data.ahead import ahead
from videogeneration.data.clips import Clips
from videogeneration.data.frames import to_float
from videogeneration.data.spread import spread
from videogeneration.models.people.skeleton import HEAD, PELVIS
from videogeneration.validated import validated

_EDGE = 2
"""Outermost pixels of a frame that is moved which are left out: recordings often end before."""


@validated
class FirstFrameSettings:
    """Which frames count as first ones, and how they are varied. Shares lie in [0, 1].

    Attributes:
        early: Share of the frames in which a clip's figure is in view, from their first on, that a
            first frame is drawn from; 0 for the very first.
        mirror: Share of pictures mirrored, with the sentence for the other side.
        height: Height of a person from the middle of the head to the feet, as a share of the
            picture's: pictures are moved and enlarged until somebody stands in the middle, so high.
            Only frames that show somebody whole are taken, of sources that know `keypoints`. 0
            leaves pictures as they are.
    """

    early: float = Field(0.3, ge=0, le=1)
    mirror: float = Field(0.5, ge=0, le=1)
    height: float = Field(0, ge=0, lt=1)


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
        ValueError: No clip has a frame in view, or a whole figure where that is asked for, or their
            sentences all show the same.
    """

    def __init__(
        self, clips: Clips, grammar: Grammar, settings: FirstFrameSettings, seed: int = 0
    ) -> None:
        self.grammar, self.settings, self.seed = grammar, settings, seed
        table = clips.table[clips.table["view_end"] > clips.table["view_start"]]
        if "caption_from" in table:  # where something else is done first, it says nothing
            table = table[table["caption_from"] <= table["view_start"]]
        if not len(table):
            raise ValueError(f"{clips.folder}: no clip has a frame with its figure in view")
        in_view = (table["view_end"] - table["view_start"]).to_numpy()
        early = np.maximum(np.ceil(settings.early * in_view).astype(int), 1)
        starts = (table["start"] + table["view_start"]).to_numpy()
        places = [start + np.arange(count) for start, count in zip(starts, early, strict=True)]
        if settings.height:
            whole = clips.labels.get("keypoints_valid")
            places = [some[:0] if whole is None else some[whole[some].all(1)] for some in places]
            table = table[[len(some) > 0 for some in places]]
            if not len(table):
                raise ValueError(
                    f"{clips.folder}: no clip knows the keypoints of a whole person; set "
                    "first_frames.height to 0 and image_generator.spread to 1"
                )
        self.clips = replace(clips, table=table)
        self._places = [some for some in places if len(some)]
        self._counts = np.array([len(some) for some in self._places])
        self._captions = [str(caption) for caption in table["caption"]]
        sentences = set(self._captions)
        self._turned = {sentence: grammar.mirrored(sentence) for sentence in sentences}
        if settings.mirror:
            sentences |= {sentence for sentence in self._turned.values() if sentence}
        self._known = {sight for sentence in sentences for sight in grammar.seen(sentence)}
        if len(self._known) < 2:
            raise ValueError(
                f"{clips.folder}: every clip shows the same ({', '.join(self._known)}), so no "
                "sentence is wrong; make clips of more"
            )

    def __len__(self) -> int:
        """Number of clips."""
        return len(self._places)

    def batch(self, step: int, size: int) -> PictureBatch:
        """The pictures of one step.

        Args:
            step: Its number, from 0.
            size: Number of pictures, drawn with replacement.
        """
        random = np.random.default_rng((self.seed, step))
        chosen = random.integers(len(self), size=size)
        pictures, captions = self._pictures(chosen, random), [self._captions[i] for i in chosen]
        for place in np.flatnonzero(random.random(size) < self.settings.mirror):
            if turned := self._turned[captions[place]]:
                pictures[place], captions[place] = pictures[place, :, ::-1].copy(), turned
        wrong = [self._mistake(caption, random) for caption in captions]
        return PictureBatch(
            torch.from_numpy(to_float(pictures)),
            one_hot(captions, self.grammar),
            one_hot(wrong, self.grammar),
            seen(captions, self.grammar),
        )

    def batches(self, start: int, stop: int, size: int) -> Iterator[PictureBatch]:
        """The batches of steps `start` to `stop`, made one ahead in the background."""
        with ThreadPoolExecutor(1) as pool:
            yield from ahead(pool, partial(self.batch, size=size), range(start, stop), 1)

    def sample(self, most: int) -> tuple[np.ndarray, list[str]]:
        """A first frame of each of at most `most` clips, evenly spread, and their sentences.

        Returns:
            float32 `[N, H, W]` in [0, 1], not mirrored, and N sentences.
        """
        chosen = np.array(spread(range(len(self)), most), int)
        random = np.random.default_rng(self.seed)
        pictures = to_float(self._pictures(chosen, random))
        return pictures, [self._captions[place] for place in chosen]

    def _pictures(self, chosen: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """A first frame of each of some clips, uint8 `[N, H, W]`."""
        offsets = random.integers(self._counts[chosen])
        places = [int(self._places[i][offset]) for i, offset in zip(chosen, offsets, strict=True)]
        if not self.settings.height:
            return self.clips.frames[places]
        return np.stack([self._standing(*which) for which in zip(chosen, places, strict=True)])

    def _standing(self, clip: int, place: int) -> np.ndarray:
        """The frame at a place, its person in the middle at the settings' height; uint8 `[H, W]`.

        What comes into the picture is the clip's background, mirrored at its edges.
        """
        height, width = self.clips.size
        keypoints = self.clips.labels["keypoints"][place] - _EDGE
        high = self.settings.height * (height - 1)
        feet = float(keypoints[:, 1].max())
        scale = high / max(feet - float(keypoints[HEAD, 1]), 1.0)
        across = (width - 1) / 2 - scale * float(keypoints[PELVIS, 0])
        down = (height - 1 + high) / 2 - scale * feet
        move = np.array([[scale, 0, across], [0, scale, down]])

        def moved(picture: np.ndarray) -> np.ndarray:
            inner = picture[_EDGE:-_EDGE, _EDGE:-_EDGE]
            return cv2.warpAffine(inner, move, (width, height), borderMode=cv2.BORDER_REFLECT_101)

        frame, background = moved(self.clips.frames[place]), self.clips.background(clip)
        if background is None:
            return frame
        shown = np.full((height - 2 * _EDGE, width - 2 * _EDGE), 255, np.uint8)
        inside = cv2.warpAffine(shown, move, (width, height)) == 255
        return np.where(inside, frame, moved(background))

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
