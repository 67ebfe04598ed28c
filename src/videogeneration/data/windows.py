"""Windows over clips: up to ten past frames, the caption, and the frames that follow.

A batch is a pure function of the seed and the step's number. An interrupted training therefore goes
on with the very batches that it would have seen, and no random state needs to be kept.
"""

import os
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, lru_cache

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from videogeneration.captions import Grammar
from videogeneration.data.ahead import ahead
from videogeneration.data.clips import HISTORY, Clips
from videogeneration.data.frames import to_float
from videogeneration.models.interface import Batch
from videogeneration.validated import validated


@validated
class WindowSettings:
    """How windows are cut and varied. Shares are probabilities in [0, 1].

    Attributes:
        mirror: Share of windows mirrored, with the sentence that is true then; none is where the
            grammar has no such sentence.
        single_frame: Share of windows whose history is one frame, as when a film starts from a
            picture; it is taken where a clip's figure is in view.
        single_frame_at_start: Take it from a clip's first frame only.
        brightness: Largest shift of the grey values, in [0, 1].
        contrast: Largest relative change of the contrast, in [0, 1].
    """

    mirror: float = Field(0.5, ge=0, le=1)
    single_frame: float = Field(0.33, ge=0, le=1)
    single_frame_at_start: bool = False
    brightness: float = Field(0.1, ge=0, le=1)
    contrast: float = Field(0.2, ge=0, le=1)


class Windows:
    """Batches of windows over clips, shuffled from a seed.

    Args:
        clips: Clips to cut windows from.
        captions: One-hot uint8 `[clips of the store, max_words, vocabulary]`.
        grammar: The source's grammar; says a mirrored clip's sentence.
        settings: How windows are varied.
        batch_size: Windows a batch.
        future: K, the number of frames to predict after the history, or as many as the clip has.
        seed: Everything random follows from it and the step's number.
        labels: Names of the labels that batches shall have, where the clips know them; see `Batch`.
        sequences: Number of sequences without pictures beside every window, where the clips have
            them; see `Batch`.

    Raises:
        ValueError: No clip is long enough.
    """

    def __init__(
        self,
        clips: Clips,
        captions: np.ndarray,
        grammar: Grammar,
        settings: WindowSettings,
        batch_size: int,
        future: int = 1,
        seed: int = 0,
        labels: Collection[str] = (),
        sequences: int = 0,
    ) -> None:
        self.sequences = sequences if clips.sequences else 0
        self.labels = labels
        wanted = {*labels, *(f"{name}_valid" for name in labels)}
        self._labels = {name: x for name, x in clips.labels.items() if name in wanted}
        self.clips, self.settings, self.batch_size = clips, settings, batch_size
        self.grammar = grammar
        self.future, self.seed = future, seed
        table = clips.table
        self._start = table["start"].to_numpy()
        self._length = table["length"].to_numpy()
        self._view = table[["view_start", "view_end"]].to_numpy()
        self._known = np.ones(len(table), bool)
        if "labels_valid" in table:
            self._known = table["labels_valid"].to_numpy(bool)
        # before a figure is in view nothing says when it will come: there is nothing to learn
        self._ends = np.cumsum(np.maximum(self._length - 1 - self._view[:, 0], 0))
        if not len(self._ends) or self._ends[-1] == 0:
            raise ValueError(f"{clips.folder}: no clip goes on after its figure is in view")

        self._captions, self._rows = captions, table.index.to_numpy()
        self._sentences = [str(caption) for caption in table["caption"]]
        self._turned, self._encoded = cache(self._turn), cache(self._encode)
        # threads may be in two epochs at once
        self._order = lru_cache(2)(self._shuffled)

    def __len__(self) -> int:
        """Number of windows."""
        return int(self._ends[-1])

    def batch(self, step: int) -> Batch:
        """Cut the windows of one step.

        Args:
            step: Its number, from 0; epochs follow one another, each in an order of its own.
        """
        picked = [self._window(step * self.batch_size + i) for i in range(self.batch_size)]
        random = np.random.default_rng((self.seed, 1, step))
        s, count, (height, width) = self.settings, self.batch_size, self.clips.size
        frames = np.zeros((count, HISTORY + self.future, height, width), np.float32)
        valid = np.zeros(frames.shape[:2], bool)
        captions = np.empty((count, *self._captions.shape[1:]), np.float32)
        labels = {
            name: np.zeros((*frames.shape[:2], *x.shape[1:]), _unit(x[:0]).dtype)
            for name, x in self._labels.items()
        }
        background = np.zeros((count, height, width), np.float32)
        background_valid = np.zeros(count, bool)
        for i, (clip, offset) in enumerate(picked):
            mirror, single = random.random(2) < (s.mirror, s.single_frame)
            own = self._sentences[clip]
            mirror, sentence = self._turned(own, bool(mirror))
            cut, past, known, behind = self._cut(clip, offset, mirror, bool(single), random)
            place = slice(HISTORY - past, HISTORY - past + len(cut))
            frames[i, place], valid[i, place] = cut, True
            for name, values in known.items():
                labels[name][i, place] = values
            captions[i] = (
                self._captions[self._rows[clip]] if sentence == own else self._encoded(sentence)
            )
            if behind is not None:
                background[i], background_valid[i] = behind, True
        labels["labels_valid"] = self._known[[clip for clip, _ in picked]]
        if "background" in self.labels:
            labels |= {"background": background, "background_valid": background_valid}
        if self.sequences:
            labels |= self._sequences(random)
        return Batch(
            history=torch.from_numpy(frames[:, :HISTORY]),
            history_valid=torch.from_numpy(valid[:, :HISTORY]),
            future=torch.from_numpy(frames[:, HISTORY:]),
            future_valid=torch.from_numpy(valid[:, HISTORY:]),
            caption=torch.from_numpy(captions),
            noise=torch.zeros(count),
            labels={name: torch.from_numpy(values) for name, values in labels.items()},
        )

    def batches(self, start: int, stop: int) -> Iterator[Batch]:
        """The batches of steps `start` to `stop`, cut ahead in the background.

        On many cores several are cut at once: a GPU would wait for a single thread.
        """
        threads = max(1, (os.cpu_count() or 1) // 4)
        with ThreadPoolExecutor(threads) as pool:
            batches = ahead(pool, self.batch, range(start, stop), threads)
            yield from self.clips.releasing(batches)

    def _window(self, number: int) -> tuple[int, int]:
        """Clip, and the number of the window in it, of the n-th window drawn."""
        epoch, place = divmod(number, len(self))
        window = self._order(epoch)[place]
        clip = int(np.searchsorted(self._ends, window, side="right"))
        before = self._ends[clip - 1] if clip else 0
        return clip, int(window - before)

    def _shuffled(self, epoch: int) -> np.ndarray:
        """The windows in the order of an epoch."""
        return np.random.default_rng((self.seed, 0, epoch)).permutation(len(self))

    def _cut(
        self, clip: int, offset: int, mirror: bool, single: bool, random: np.random.Generator
    ) -> tuple[np.ndarray, int, dict[str, np.ndarray], np.ndarray | None]:
        """Cut one window.

        Returns:
            Frames, float32 `[T, H, W]` in [0, 1]; how many of them are the history; labels
            `[T, ...]` by name; and the background, `[H, W]` in [0, 1], or None.
        """
        length, (first, last) = int(self._length[clip]), self._view[clip]
        newest = min(first + offset % max(length - 1 - first, 1), length - 2)
        oldest = max(0, newest - HISTORY + 1)
        if self.settings.single_frame_at_start:
            first, last = 0, 1
        if single and first < min(last, length - 1):
            newest = oldest = int(random.integers(first, min(last, length - 1)))
        places = self._start[clip] + np.arange(oldest, min(newest + self.future + 1, length))
        cut = self.clips.frames[places]
        labels = {name: _unit(values[places]) for name, values in self._labels.items()}
        if mirror:
            cut = cut[:, :, ::-1]
            labels = {name: _mirrored(name, x, cut.shape[2]) for name, x in labels.items()}
        greys = self._greys(random)
        background = self.clips.background(clip) if "background" in self.labels else None
        if background is not None:
            background = greys[background[:, ::-1] if mirror else background]
        return np.take(greys, cut, mode="clip"), newest + 1 - oldest, labels, background

    def _sequences(self, random: np.random.Generator) -> dict[str, np.ndarray]:
        """Some of the sequences without pictures, `[B, N, ...]` by name."""
        shape, store = (self.batch_size, self.sequences), self.clips.sequences
        chosen = random.integers(len(store["caption"]), size=shape)
        wanted = random.random(shape) < self.settings.mirror
        turned = [
            self._turned(str(sentence), bool(mirror))
            for sentence, mirror in zip(store["caption"][chosen].flat, wanted.flat, strict=True)
        ]
        flip = np.array([mirror for mirror, _ in turned]).reshape(shape)
        cut = {name: np.asarray(x)[chosen] for name, x in store.items() if name != "caption"}
        for name, values in cut.items():
            values[flip] = _mirrored(name, values[flip], self.clips.size[1])
        said = np.stack([self._encoded(sentence) for _, sentence in turned])
        cut["caption"] = said.reshape(*shape, *said.shape[1:])
        return {f"motion_{name}": values for name, values in cut.items()}

    def _turn(self, sentence: str, mirror: bool) -> tuple[bool, str]:
        """Whether to mirror a clip, where a sentence says what it is then; and that sentence."""
        shown = self.grammar.mirrored(sentence) if mirror else None
        return shown is not None, shown or sentence

    def _encode(self, sentence: str) -> np.ndarray:
        """A sentence, one-hot float32 `[max_words, vocabulary]`."""
        return self.grammar.vocabulary.encode(sentence).astype(np.float32)

    def _greys(self, random: np.random.Generator) -> np.ndarray:
        """What each of the 256 grey values becomes, float32 in [0, 1]: one look-up a pixel."""
        greys = to_float(np.arange(256))
        gain = 1 + self.settings.contrast * random.uniform(-1, 1)
        shift = self.settings.brightness * random.uniform(-1, 1)
        if self.settings.contrast or self.settings.brightness:
            greys = ((greys - 0.5) * gain + 0.5 + shift).clip(0, 1)
        return greys.astype(np.float32)


def _unit(values: np.ndarray) -> np.ndarray:
    """Labels as networks take them: pictures in [0, 1], numbers as float32, truths as they are."""
    if values.dtype == np.uint8:
        return to_float(values)
    return values if values.dtype == bool else values.astype(np.float32, copy=False)


def _mirrored(name: str, values: np.ndarray, width: int) -> np.ndarray:
    """A label of mirrored frames; left and right of a person are not told apart, see `Batch`."""
    if name == "poses":
        return values * np.array([-1, 1, -1], np.float32) + np.array([width - 1, 0, 0], np.float32)
    if name == "keypoints":
        return values * np.array([-1, 1], np.float32) + np.array([width - 1, 0], np.float32)
    if name == "heading":
        return np.float32(np.pi) - values
    return values[:, :, ::-1] if name == "silhouette" else values


def histories(given: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
    """Stack the given frames of several films into histories, as a film model takes them.

    Args:
        given: For every film float32 `[C, H, W]` in [0, 1]; the last ten frames count.

    Returns:
        float32 `[B, 10, H, W]`, newest last, missing older frames zero; and which of these there
        are, bool `[B, 10]`.
    """
    history = torch.zeros(len(given), HISTORY, *given[0].shape[1:])
    valid = torch.zeros(len(given), HISTORY, dtype=torch.bool)
    for film, there, frames in zip(history, valid, given, strict=True):
        latest = torch.from_numpy(frames[-HISTORY:])
        film[HISTORY - len(latest) :] = latest
        there[HISTORY - len(latest) :] = True
    return history, valid
