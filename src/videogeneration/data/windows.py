"""Windows over clips: up to ten past frames, the caption, and the frames that follow.

A batch is a pure function of the seed and the step's number. An interrupted training therefore goes
on with the very batches that it would have seen, and no random state needs to be kept.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import torch
from torch import Tensor

from videogeneration.captions import Grammar
from videogeneration.data.clips import HISTORY, Clips
from videogeneration.validated import validated
from videogeneration.vision.direction import median_background

SEEN, SHADOW = 3.0, 0.35
"""What differs from the ground so many times as much as usual is no grain of a camera, and what
differs by more than this share of what differs most is no shadow."""

LIGHTNESS = (0.3, 1.2)
"""Other clothes differ from the ground by so many times as much as those that were worn, lighter or
darker: least and largest."""


@validated
class WindowSettings:
    """How windows are cut and varied. Shares are probabilities in [0, 1].

    Attributes:
        mirror: Share of windows mirrored, with the sentence for the other side.
        backwards: Share of windows played backwards, with the sentence for the other side.
        single_frame: Share of windows whose history is one frame, as when a film starts from a
            picture; it is taken where a clip's figure is in view.
        single_frame_at_start: Take it from a clip's first frame only.
        clothes: Share of windows in which people wear other clothes, lighter or darker, above their
            hips and below, where the ground behind them is known.
        brightness: Largest shift of the grey values, in [0, 1].
        contrast: Largest relative change of the contrast, in [0, 1].
    """

    mirror: float = 0.0
    backwards: float = 0.0
    single_frame: float = 0.3
    single_frame_at_start: bool = False
    clothes: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not 0 <= value <= 1:
                raise ValueError(f"{name}: {value}; choose a number from 0 to 1")


@dataclass(frozen=True)
class Batch:
    """Windows for one step of training.

    Attributes:
        history: float32 `[B, 10, H, W]` in [0, 1], newest last, missing older frames zero.
        future: float32 `[B, K, H, W]`: the frames that follow, zero after the clip's last.
        known: bool `[B, K]`: which of these there are; the first always.
        caption: float32 one-hot `[B, max_words, vocabulary]`.
        poses: float32 `[B, 10 + K, P, 3]`: where the figures are in the history and in the future,
            column and row in pixels and turns clockwise; NaN where that is not known.
        ground: float32 `[B, H, W]` in [0, 1]: what is behind the figures; NaN where that is not
            known.
        backwards: bool `[B]`: which are played backwards, so that people walk so.
    """

    history: Tensor
    future: Tensor
    known: Tensor
    caption: Tensor
    poses: Tensor
    ground: Tensor
    backwards: Tensor

    def to(self, device: str) -> "Batch":
        """The same batch on a device."""
        return Batch(*(x.to(device, non_blocking=True) for x in vars(self).values()))


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
        grounds: Whether to say what is behind figures: the clip's median, where these are known to
            walk through it.

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
        grounds: bool = False,
    ) -> None:
        self.grounds = grounds
        # of so many clips at once: each is a frame in memory
        self._ground = lru_cache(4000)(self._median)
        self.clips, self.settings, self.batch_size = clips, settings, batch_size
        self.future, self.seed = future, seed
        table = clips.table
        self._start = table["start"].to_numpy()
        self._length = table["length"].to_numpy()
        self._view = table[["view_start", "view_end"]].to_numpy()
        # before a figure is in view nothing says when it will come: there is nothing to learn
        self._ends = np.cumsum(np.maximum(self._length - 1 - self._view[:, 0], 0))
        if not len(self._ends) or self._ends[-1] == 0:
            raise ValueError(f"{clips.folder}: no clip goes on after its figure is in view")

        self._captions, self._rows = captions, table.index.to_numpy()
        self._opposites: dict[str, np.ndarray] = {}
        if settings.mirror or settings.backwards:
            self._opposites = {
                sentence: grammar.vocabulary.encode(grammar.opposite(sentence))
                for sentence in table["caption"].unique()
            }
        self._epoch, self._order = -1, np.empty(0, int)

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
        known = np.zeros((count, self.future), bool)
        captions = np.empty((count, *self._captions.shape[1:]), np.float32)
        poses = np.full((*frames.shape[:2], *self.clips.poses.shape[1:]), np.nan, np.float32)
        ground = np.full((count, height, width), np.nan, np.float32)
        backwards = np.zeros(count, bool)
        for i, (clip, offset) in enumerate(picked):
            mirror, back, single = random.random(3) < (s.mirror, s.backwards, s.single_frame)
            cut, past, there, captions[i], behind = self._cut(
                clip, offset, mirror, back, single, random
            )
            backwards[i] = back
            if behind is not None:
                ground[i] = behind
            frames[i, HISTORY - past : HISTORY - past + len(cut)] = cut
            known[i, : len(cut) - past] = True
            poses[i, HISTORY - past : HISTORY - past + len(cut)] = there
        return Batch(
            torch.from_numpy(frames[:, :HISTORY]),
            torch.from_numpy(frames[:, HISTORY:]),
            torch.from_numpy(known),
            torch.from_numpy(captions),
            torch.from_numpy(poses),
            torch.from_numpy(ground),
            torch.from_numpy(backwards),
        )

    def batches(self, start: int, stop: int) -> Iterator[Batch]:
        """The batches of steps `start` to `stop`, cut one ahead in the background."""
        with ThreadPoolExecutor(1) as pool:
            ahead = pool.submit(self.batch, start)
            for step in range(start, stop):
                ready, ahead = ahead, pool.submit(self.batch, min(step + 1, stop - 1))
                yield ready.result()

    def _window(self, number: int) -> tuple[int, int]:
        """Clip, and the number of the window in it, of the n-th window drawn."""
        epoch, place = divmod(number, len(self))
        if epoch != self._epoch:
            self._epoch = epoch
            self._order = np.random.default_rng((self.seed, 0, epoch)).permutation(len(self))
        window = self._order[place]
        clip = int(np.searchsorted(self._ends, window, side="right"))
        before = self._ends[clip - 1] if clip else 0
        return clip, int(window - before)

    def _cut(
        self,
        clip: int,
        offset: int,
        mirror: np.bool_,
        backwards: np.bool_,
        single: np.bool_,
        random: np.random.Generator,
    ) -> tuple[np.ndarray, int, np.ndarray, np.ndarray, np.ndarray | None]:
        """Cut one window.

        Returns:
            Its frames `[n, H, W]` in [0, 1], the number of past ones among them, the poses, the
            one-hot caption, and the ground `[H, W]`, if it is asked for and known.
        """
        length, (first, last) = int(self._length[clip]), self._view[clip]
        if backwards and last:
            first, last = length - last, length - first
        newest = min(first + offset % max(length - 1 - first, 1), length - 2)
        oldest = max(0, newest - HISTORY + 1)
        if self.settings.single_frame_at_start:
            first, last = 0, 1
        if single and first < min(last, length - 1):
            newest = oldest = int(random.integers(first, min(last, length - 1)))
        places = np.arange(oldest, min(newest + self.future + 1, length))
        past = newest + 1 - oldest
        if backwards:
            places = length - 1 - places
        places += self._start[clip]
        cut, poses = self.clips.frames[places], self.clips.poses[places]
        if mirror:
            cut = cut[:, :, ::-1]
            poses = poses * [-1, 1, -1] + [cut.shape[2] - 1, 0, 0]
        caption = self._captions[self._rows[clip]]
        if mirror != backwards:
            caption = self._opposites[str(self.clips.table["caption"].iat[clip])]
        greys, ground = self._greys(random), None
        if self.grounds and not np.isnan(poses[0]).all():
            ground = self._ground(clip)
            ground = ground[:, ::-1] if mirror else ground
            if random.random() < self.settings.clothes:
                cut = in_other_clothes(cut, ground, poses[:, 0, 1], random)
            ground = greys[ground]
        return np.take(greys, cut, mode="clip"), past, poses, caption, ground

    def _median(self, clip: int) -> np.ndarray:
        """The ground of a clip, uint8 `[H, W]`."""
        return (255 * median_background(self.clips[clip])).round().astype(np.uint8)

    def _greys(self, random: np.random.Generator) -> np.ndarray:
        """What each of the 256 grey values becomes, float32 in [0, 1]: one look-up a pixel."""
        greys = np.arange(256, dtype=np.float32) / 255
        gain = 1 + self.settings.contrast * random.uniform(-1, 1)
        shift = self.settings.brightness * random.uniform(-1, 1)
        if self.settings.contrast or self.settings.brightness:
            # a present frame is never all zero: zero says that a frame is missing
            greys = ((greys - 0.5) * gain + 0.5 + shift).clip(1 / 255, 1)
        return greys.astype(np.float32)


def in_other_clothes(
    frames: np.ndarray, ground: np.ndarray, hips: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    """Dress the person of a film anew: a few people's clothes would be learned by heart.

    Args:
        frames: uint8 `[T, H, W]`.
        ground: uint8 `[H, W]`: what is behind the person.
        hips: `[T]`, rows; above them and below clothes differ.
        random: Draws the two shades, the same in all frames.

    Returns:
        uint8 `[T, H, W]`, never 0 where it was not: how far a pixel is from the ground, times a
        factor.
    """
    away = frames.astype(np.int16) - ground
    # what changes everywhere is the camera's gain
    away -= np.median(away[:, ::8, ::8], axis=(1, 2)).astype(np.int16)[:, None, None]
    seen = np.stack([cv2.blur(np.abs(frame).astype(np.uint8), (5, 5)) for frame in away])
    grain = np.median(seen[:, ::4, ::4], axis=(1, 2))
    most = np.quantile(seen[:, ::2, ::2], 0.995, axis=(1, 2))
    worn = seen > np.maximum(SEEN * grain, SHADOW * most)[:, None, None]
    # the outline too
    worn = np.stack([cv2.dilate(mask.astype(np.uint8), np.ones((5, 5))) > 0 for mask in worn])
    above, below = random.uniform(*LIGHTNESS, 2) * random.choice([-1, 1], 2)
    rows = np.arange(frames.shape[1])[:, None]
    shade = np.where(rows < hips[:, None, None], above, below) - 1
    other = (frames + shade * away).clip(np.minimum(frames, 1), 255)
    return np.where(worn, other, frames).astype(np.uint8)
