"""Films for a judge of actions: true ones, and ones in which nobody does what a sentence says.

Nothing but true clips is needed. Who is filmed while walking and played backwards walks backwards;
who is held does nothing; a figure can be wiped out to the clip's background, or moved over it in
one unchanging pose.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice

import cv2
import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from videogeneration.captions import ActionGrammar
from videogeneration.data.ahead import ahead
from videogeneration.data.clips import Clips
from videogeneration.validated import validated
from videogeneration.vision.background import median_background
from videogeneration.vision.foreground import THRESHOLD

BACKWARDS = "backwards"
"""The reading of a film whose figure goes one way and looks the other."""

NOTHING = "nothing"
"""The reading of a film whose figure stands still or glides, or which has none."""


_SEEN = 3
"""Frames in which somebody is in view, at least: who sees fewer cannot tell what is done."""

_LEAST = 5
"""Frames of a caption's action in a film that begins with another, at least."""


def readings(grammar: ActionGrammar) -> tuple[str, ...]:
    """All that a judge can read from a film; a direction, where there is one, is read apart."""
    return (*dict.fromkeys(map(deed, grammar.sentences())), BACKWARDS, NOTHING)


def deed(sentence: str) -> str:
    """What somebody does, without its direction: `walking`, `clapping hands`."""
    return sentence.removeprefix("a person is ").split(" to the ")[0]


def frozen(film: np.ndarray, moving: int = 1) -> np.ndarray:
    """A film `[T, H, W]` that stands still after its first `moving` frames."""
    return film[np.minimum(np.arange(len(film)), moving - 1)]


def wiped_out(film: np.ndarray, background: np.ndarray, present: int = 1) -> np.ndarray:
    """A film `[T, H, W]` whose figure is gone after its first `present` frames."""
    gone = np.repeat(background[None].astype(film.dtype), len(film) - present, axis=0)
    return np.concatenate([film[:present], gone])


def gliding(frame: np.ndarray, background: np.ndarray, displacement: np.ndarray) -> np.ndarray:
    """A figure that is moved over its background in one unchanging pose.

    Args:
        frame: float32 `[H, W]` in [0, 1], with the whole figure in view.
        background: The same without it.
        displacement: Pixels to the right of where it is in `frame`, `[T]`.

    Returns:
        float32 `[T, H, W]`.
    """
    height, width = frame.shape
    foreground = (np.abs(frame - background) > THRESHOLD / 2).astype(np.float32)
    alpha = cv2.GaussianBlur(cv2.dilate(foreground, np.ones((3, 3))), (0, 0), 1.0)
    film = np.empty((len(displacement), height, width), np.float32)
    for shown, pixels in zip(film, displacement, strict=True):
        shift = np.array([[1, 0, pixels], [0, 1, 0]], np.float32)
        moved = cv2.warpAffine(alpha, shift, (width, height))
        looks = cv2.warpAffine(frame, shift, (width, height), borderMode=cv2.BORDER_REPLICATE)
        shown[:] = background + moved * (looks - background)
    return film


@validated
class ActionFilmSettings:
    """Which films a judge of actions learns from.

    Attributes:
        size: Height and width of the films in pixels.
        frames: Fewest and most frames of a film; those of a batch have as many, or end before.
        frame_step: Every so many of a clip's frames are taken, in any phase: 5 where clips have 25
            frames a second.
        backwards: Share of travellers' films that are played backwards too.
        nothing: Share of films in which nothing is done.
        mirror: Share of films that are mirrored.
        zoom: Figures are up to so much larger or smaller, as a share.
        shift: Most pixels by which films are moved, half as many up and down.
        tremble: Most by which each frame of a traveller is moved up or down by itself, the standard
            deviation in pixels: how much who walks bounces differs from person to person.
        brightness: Standard deviation of a change of brightness.
        contrast: Standard deviation of a change of contrast, as a share.
        inverted: Share of films shown as their negative.
        blur: Most blur, the standard deviation in pixels.
        noise: Most noise, the standard deviation.
    """

    size: int = Field(96, ge=1)
    frames: tuple[int, int] = (6, 11)
    frame_step: int = Field(1, ge=1)
    backwards: float = Field(0.75, ge=0, lt=1)
    nothing: float = Field(0.2, ge=0, lt=1)
    mirror: float = Field(0.5, ge=0, lt=1)
    zoom: float = Field(0.15, ge=0, lt=1)
    shift: int = Field(8, ge=0)
    tremble: float = Field(0.6, ge=0)
    brightness: float = Field(0.1, ge=0)
    contrast: float = Field(0.25, ge=0)
    inverted: float = Field(0.1, ge=0, lt=1)
    blur: float = Field(0.8, ge=0)
    noise: float = Field(0.02, ge=0)

    def __post_init__(self) -> None:
        if not 2 <= self.frames[0] <= self.frames[1]:
            raise ValueError(f"frames: {self.frames}; give the fewest, at least 2, and the most")


@dataclass(frozen=True)
class FilmBatch:
    """Films and what they show.

    Attributes:
        film: float32 `[B, T, H, W]` in [0, 1].
        valid: bool `[B, T]`: frames that belong to the film.
        reading: int64 `[B]`, places in `readings`.
    """

    film: Tensor
    valid: Tensor
    reading: Tensor

    @classmethod
    def joined(cls, batches: Iterable["FilmBatch"]) -> "FilmBatch":
        """Batches of films of the same size and number of frames, as one."""
        parts = [(batch.film, batch.valid, batch.reading) for batch in batches]
        return cls(*map(torch.cat, zip(*parts, strict=True)))

    def to(self, device: str) -> "FilmBatch":
        """The same on a device."""
        return FilmBatch(self.film.to(device), self.valid.to(device), self.reading.to(device))


class ActionFilms:
    """Films cut from clips, shuffled from a seed; every action is shown as often as any other.

    Args:
        clips: True clips; those in which somebody is hardly in view are left out. Where something
            else is done first, a column `caption_from` has the frame from which the caption holds.
        grammar: The source's grammar.
        settings: Which films, and how they are varied.
        seed: Everything random follows from it and the step's number.

    Raises:
        ValueError: No clip shows anybody for long enough.
    """

    def __init__(
        self, clips: Clips, grammar: ActionGrammar, settings: ActionFilmSettings, seed: int = 0
    ) -> None:
        self.settings, self.seed = settings, seed
        in_view = clips.table["view_end"] - clips.table["view_start"]
        self.clips = clips.where(in_view >= _SEEN * settings.frame_step)
        if not len(self.clips):
            raise ValueError(f"{clips.folder}: no clip has {_SEEN} frames with its figure in view")
        table = self.clips.table
        self._readings = {reading: place for place, reading in enumerate(readings(grammar))}
        self._view = table[["view_start", "view_end"]].to_numpy()
        self._begins = np.zeros(len(table), int)
        if "caption_from" in table:
            self._begins = table["caption_from"].to_numpy()
        self._captions = [str(caption) for caption in table["caption"]]
        sentences = set(self._captions)
        self._travels = {sentence: grammar.travels(sentence) for sentence in sentences}
        deeds = np.array([deed(caption) for caption in self._captions])
        self._groups = [np.flatnonzero(deeds == name) for name in sorted(set(deeds))]

    def batch(self, step: int, size: int) -> FilmBatch:
        """The films of one step, `size` of them."""
        random = np.random.default_rng((self.seed, step))
        height = width = self.settings.size
        # it follows from the step alone, so that batches of several kinds can be joined
        fewest, most = self.settings.frames
        length = int(np.random.default_rng(step).integers(fewest, most + 1))
        films = np.zeros((size, length, height, width), np.float32)
        valid = np.zeros((size, length), bool)
        read = np.zeros(size, np.int64)
        for place, (film, reading) in enumerate(islice(self._films(length, random), size)):
            films[place, : len(film)] = film
            valid[place, : len(film)] = True
            read[place] = self._readings[reading]
        return FilmBatch(torch.from_numpy(films), torch.from_numpy(valid), torch.from_numpy(read))

    def batches(self, start: int, stop: int, size: int) -> Iterator[FilmBatch]:
        """The batches of steps `start` to `stop`, made one ahead in the background."""
        with ThreadPoolExecutor(1) as pool:
            batches = ahead(pool, partial(self.batch, size=size), range(start, stop), 1)
            yield from self.clips.releasing(batches)

    def _films(self, length: int, random: np.random.Generator) -> Iterator[tuple[np.ndarray, str]]:
        """Films, varied, and their readings, one after another.

        Who is played backwards is shown forwards just before, varied alike: of films of different
        people a network takes far longer to learn what the difference is.
        """
        while True:
            group = self._groups[random.integers(len(self._groups))]
            number, seed = int(random.choice(group)), int(random.integers(2**32))
            travels = self._travels[self._captions[number]]
            twice = travels and random.random() < self.settings.backwards
            for backwards in (False, True):
                alike = np.random.default_rng(seed)
                film, reading = self._film(number, length, backwards, alike)
                yield self._varied(film, travels, alike), reading
                if reading == NOTHING or not twice:
                    break

    def _film(
        self, number: int, length: int, backwards: bool, random: np.random.Generator
    ) -> tuple[np.ndarray, str]:
        """A film of one clip, float32 `[<= length, H, W]` in [0, 1], and its reading."""
        clip, caption, step = self.clips[number], self._captions[number], self.settings.frame_step
        first, end = self._view[number]
        # a phase of which something is in view
        phase = int(random.integers(step)) if end - first >= step else int(first) % step
        clip = clip[phase::step]
        first, end, begins = (
            max(0, -(-(int(place) - phase) // step)) for place in (first, end, self._begins[number])
        )
        travels = self._travels[caption]
        nothing = random.random() < self.settings.nothing
        if backwards and end - begins > 1:
            # what was done before the caption's action would come after it
            clip, first, end, begins = clip[begins:], max(0, first - begins), end - begins, 0
            clip, first, end = clip[::-1], len(clip) - end, len(clip) - first
        else:
            backwards = False
        # from the middle of what is in view on, a runner is still seen for two frames
        latest = (max(first, begins) + end - 1) // 2 if travels else end - length
        first = max(first, begins + _LEAST - length)
        start = int(random.integers(first, max(first, latest) + 1))
        film = self._unit(clip[start : start + length])
        if nothing:
            return self._nothing(film, clip, length, travels, random), NOTHING
        if backwards:
            return film, BACKWARDS
        return film, deed(caption)

    def _unit(self, frames: np.ndarray) -> np.ndarray:
        """Frames in the films' size, float32 in [0, 1]."""
        size = (self.settings.size, self.settings.size)
        small = [cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in frames]
        scale = 255 if frames.dtype == np.uint8 else 1
        return np.stack(small).astype(np.float32) / scale

    def _nothing(
        self,
        film: np.ndarray,
        clip: np.ndarray,
        length: int,
        travels: bool,
        random: np.random.Generator,
    ) -> np.ndarray:
        kind = random.choice(["frozen", "wiped out", "gliding"] if travels else ["frozen"])
        film = film[np.minimum(np.arange(length), len(film) - 1)]
        if kind == "frozen":
            return frozen(film, int(random.integers(1, 3)))
        background = self._unit(median_background(clip)[None])[0]
        if kind == "wiped out":
            return wiped_out(film, background, int(random.integers(1, 3)))
        pace = random.uniform(2, 30) * random.choice([-1, 1]) * film.shape[2] / 128
        return gliding(film[0], background, pace * np.arange(length))

    def _varied(self, film: np.ndarray, travels: bool, random: np.random.Generator) -> np.ndarray:
        """Another view of the same: mirrored, moved, enlarged, in other greys, with noise."""
        s = self.settings
        height, width = film.shape[1:]
        scale = 1 + random.uniform(-s.zoom, s.zoom)
        flip = -1.0 if random.random() < s.mirror else 1.0
        dx, dy = random.uniform(-s.shift, s.shift, 2) * (1, 0.5)
        across, down = flip * scale, scale
        matrix = np.array(
            [
                [across, 0, (1 - across) * (width - 1) / 2 + dx],
                [0, down, (1 - down) * (height - 1) / 2 + dy],
            ]
        )
        gain, offset = 1 + random.normal(0, s.contrast), random.normal(0, s.brightness)
        gain = float(np.clip(gain, 0.4, 1.8)) * (-1 if random.random() < s.inverted else 1)
        middle = float(film.mean())
        offset = float(np.clip(middle + offset, 0.25, 0.75)) - middle
        blur, noise = random.uniform(0, s.blur), random.uniform(0, s.noise)
        moves = np.repeat(matrix[None], len(film), 0)
        if travels:  # of who stands it would hide the little that moves
            moves[:, 1, 2] += random.uniform(0, s.tremble) * random.standard_normal(len(film))
        varied = np.empty_like(film)
        for shown, frame, move in zip(varied, film, moves, strict=True):
            moved = cv2.warpAffine(frame, move, (width, height), borderMode=cv2.BORDER_REPLICATE)
            shown[:] = cv2.GaussianBlur(moved, (0, 0), blur) if blur > 0.4 else moved
        varied = middle + offset + gain * (varied - middle)
        # evenly spread: it is drawn five times as fast as normal noise
        varied += (
            np.sqrt(12, dtype=np.float32) * noise * (random.random(varied.shape, np.float32) - 0.5)
        )
        return np.clip(varied, 0, 1)
