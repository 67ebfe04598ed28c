"""A picture, a sentence and a trained network become films: for pipeline, command and page."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import torch

from videogeneration.captions import Grammar
from videogeneration.data.first_frames import one_hot
from videogeneration.data.frames import to_float
from videogeneration.data.windows import histories
from videogeneration.models.interface import FilmModel, Sight
from videogeneration.models.registry import FILM_MODELS
from videogeneration.networks import NAME, packaged
from videogeneration.sources import SOURCES
from videogeneration.sources.photos import LONGEST, Frame, PictureError, Shot, read_pictures
from videogeneration.training.checkpoints import Checkpoint, CheckpointError, find_trained, newest
from videogeneration.validated import check_name

logger = logging.getLogger(__name__)

GENERATORS = ("gan", "mse")
"""Names of a source's generators; the one that was finished last is used."""

AT_ONCE = 64
"""Frames of a video that are looked at together."""

VISIBLE = 20
"""Difference of two frames, of 255, from which on something is there that was not."""


@dataclass(frozen=True)
class Film:
    """A film from a picture.

    Attributes:
        sentence: What was told.
        seed: What decided everything that is drawn at random.
        frames: uint8 `[T, H, W, 3]` in the picture's shape, the given ones in front.
        given: How many these are.
    """

    sentence: str
    seed: int
    frames: np.ndarray
    given: int

    @property
    def steps(self) -> int:
        """Number of drawn frames."""
        return len(self.frames) - self.given


@dataclass(frozen=True)
class Animator:
    """A trained network that animates people's pictures.

    Attributes:
        network: Draws.
        grammar: What can be said to it.
        frame: What it sees of a picture.
        summary: Which network it is, in a line.
        device: Where it is.
    """

    network: FilmModel
    grammar: Grammar
    frame: Frame
    summary: str
    device: str = "cpu"

    @classmethod
    def load(
        cls,
        models_folder: Path,
        source: str,
        model: str | None = None,
        fit: Literal["pad", "crop"] = "pad",
        device: str = "cpu",
    ) -> "Animator":
        """Load a trained network.

        Args:
            models_folder: Of all sources' networks.
            source: Name of a registered source.
            model: Name of the network, `package` for the one that comes with the package; None for
                the newest of `gan` and `mse`, and that one where neither is trained.
            fit: What is done with a picture of another shape than the network's, see `Frame`.
            device: Where it is to draw.

        Raises:
            ValueError: There is no such source.
            CheckpointError: There is no such network.
        """
        check_name(source, SOURCES, "source:")
        return cls.open(choose_generator(models_folder / source, model), source, fit, device)

    @classmethod
    def open(
        cls,
        checkpoint: Checkpoint,
        source: str,
        fit: Literal["pad", "crop"] = "pad",
        device: str = "cpu",
    ) -> "Animator":
        """As `load`, from a network's own folder."""
        config = checkpoint.description()["config"]
        frame = Frame(config["height"], config["width"], SOURCES[source].picture, fit)
        network = checkpoint.film_model(device)
        return cls(network, checkpoint.grammar(), frame, _summary(checkpoint, source), device)

    def read(
        self, path: Path, fps: float, at: float | None = None, longest: int = LONGEST
    ) -> Iterator[Shot]:
        """What films can start from: a picture, a moment of a video, or a folder of them.

        See `read_pictures`.
        """
        return read_pictures(path, self.frame, fps, self._visibility, at, longest)

    def remark(self, shot: Shot) -> str:
        """What is to be said of a picture before it is animated; empty where nothing is.

        Raises:
            PictureError: It shows nothing that can be animated.
        """
        (sight,) = self._look(shot.frames[-1:], shot.inside)
        said = sight.remark and f"picture '{shot.name}' {sight.remark}"
        if not sight.in_view:
            raise PictureError(said)
        return said

    def films(
        self, shot: Shot, sentences: Sequence[str], steps: int, samples: int = 1, seed: int = 0
    ) -> list[Film]:
        """Films of one picture, sentence by sentence and sample by sample.

        A film is shorter where nothing is left in the picture. A network that draws nothing at
        random gives one sample.

        Args:
            shot: The picture.
            sentences: In the grammar's normal form.
            steps: Frames to draw.
            samples: Films a sentence, with this seed and those that follow.
            seed: Decides everything that is drawn at random.
        """
        films: list[Film] = []
        for sentence in sentences:
            own = [self._film(shot, sentence, steps, seed)]
            for number in range(1, samples):
                own.append(self._film(shot, sentence, steps, seed + number))
                if np.array_equal(own[0].frames, own[-1].frames):
                    logger.info("this network draws one film of a picture and a sentence")
                    own.pop()
                    break
            films += own
        return films

    @torch.no_grad()
    def _film(self, shot: Shot, sentence: str, steps: int, seed: int) -> Film:
        history, valid = (x.to(self.device) for x in histories([to_float(shot.frames)]))
        pictures = torch.from_numpy(shot.pictures).to(self.device).movedim(-1, 1)[None] / 255
        caption = one_hot([sentence], self.grammar).to(self.device)
        parts: list[np.ndarray] = []
        given = len(shot.frames)
        for part in self.network.paint(pictures, history, valid, caption, seed):
            own = part[0, :, :, *shot.own].movedim(1, -1)
            parts.append((255 * own).round().byte().cpu().numpy())
            if sum(map(len, parts)) >= given + steps:
                return Film(sentence, seed, np.concatenate(parts)[: given + steps], given)
        # nobody is left; who left the picture before that was only in what is around it
        frames = np.concatenate(parts)
        last = len(frames)
        while last > given + 1 and cv2.absdiff(frames[last - 2], frames[-1]).max() < VISIBLE:
            last -= 1
        return Film(sentence, seed, frames[:last], given)

    def _look(self, frames: np.ndarray, inside: tuple[slice, slice]) -> list[Sight]:
        sights: list[Sight] = []
        for first in range(0, len(frames), AT_ONCE):
            seen = torch.from_numpy(to_float(frames[first : first + AT_ONCE])).to(self.device)
            sights += self.network.look_at(seen, inside)
        return sights

    def _visibility(self, frames: np.ndarray, inside: tuple[slice, slice]) -> list[float]:
        return [sight.in_view for sight in self._look(frames, inside)]


def choose_generator(folder: Path, name: str | None) -> Checkpoint:
    """A source's trained generator: the named one, or the newest.

    Where none is trained it is the one that comes with the package, which has a name, too.

    Raises:
        CheckpointError: It is not trained, and how to train one or which there are; or it draws no
            next frames.
    """
    found = packaged(folder.name)
    comes_along = found.description()
    if name != NAME or not comes_along:
        try:
            found = newest(folder, [name] if name else GENERATORS)
        except CheckpointError as error:
            if name or not comes_along:
                raise CheckpointError(f"{error}; {_hint(folder, name)}") from error
    if not _draws_films(found):
        network = found.description()["network"]
        raise CheckpointError(f"model: {found.folder} holds a {network}, which draws no films")
    return found


def _hint(folder: Path, name: str | None) -> str:
    """What to do where a network is missing: take one of those there are, or train it."""
    there = [x for x in find_trained(folder) if _draws_films(x)]
    known = [x.folder.relative_to(folder).as_posix() for x in there]
    if packaged(folder.name).description():
        known.append(NAME)
    if known and name not in GENERATORS:
        return f"there are {', '.join(known)}"
    return f"train one: kedro run --pipelines={folder.name}_{name if name in GENERATORS else 'mse'}"


def _draws_films(checkpoint: Checkpoint) -> bool:
    return checkpoint.description()["network"] in FILM_MODELS


def _summary(checkpoint: Checkpoint, source: str) -> str:
    """Which network it is, and whether the one that comes along was trained for longer.

    Of a network that began with that one nothing is said.
    """
    said, other = checkpoint.summary(), packaged(source)
    inputs = checkpoint.description()["inputs"]
    # an adversary's network has all that its MSE training depended on under `mse`
    began = inputs.get("start") or inputs.get("mse", {}).get("start")
    if other.description() and checkpoint.steps < other.steps and began != other.fingerprint():
        said += f"; the one that comes along, --model {NAME}, was trained for {other.steps} steps"
    return said
