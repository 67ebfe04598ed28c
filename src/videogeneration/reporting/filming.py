"""Films from first frames and sentences, written while they are drawn, for as long as one likes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import numpy as np
from torch import nn

from videogeneration.captions import Vocabulary
from videogeneration.reporting.films import Page, write_film
from videogeneration.reporting.sheets import SheetFilm, moments_shown
from videogeneration.rollout import roll_out

OPENING = 20
"""Generated frames that are kept of every film, to be judged."""


@dataclass(frozen=True)
class Scene:
    """Films that are shown beside one another.

    Attributes:
        title: What is printed above them.
        given: float32 `[B, C, H, W]` in [0, 1]: the frames that every film starts from, newest
            last.
        sentences: What every film is told.
        labels: What is printed above every film.
        drawn: Whether the given frames were drawn too; they are shown as step 0 then.
    """

    title: str
    given: np.ndarray
    sentences: Sequence[str]
    labels: Sequence[str]
    drawn: bool = False


@dataclass
class Filmed:
    """What is left of a scene's films when they are written.

    Attributes:
        files: The GIF and the MP4.
        frames: float32 `[B, H, W]` each: the frames of a contact sheet, given ones first.
        given: How many of them were given.
        steps: Steps of the others; 0 is a first frame that was drawn.
        start: float32 `[B, H, W]` each: the newest given frame and the first `OPENING` steps.
    """

    files: list[Path] = field(default_factory=list)
    frames: list[np.ndarray] = field(default_factory=list)
    given: int = 0
    steps: list[int] = field(default_factory=list)
    start: list[np.ndarray] = field(default_factory=list)

    @property
    def openings(self) -> np.ndarray:
        """The films' beginnings, float32 `[B, 1 + T, H, W]`, the newest given frame first."""
        return np.stack(self.start, axis=1)

    def sheet(self, title: str, rows: dict[str, int]) -> SheetFilm:
        """Some of the films for a contact sheet.

        Args:
            title: What is printed above them.
            rows: The films' numbers by what is printed beside them.
        """
        frames = np.stack(self.frames, axis=1)
        shown = {label: frames[number] for label, number in rows.items()}
        return SheetFilm(title, shown, self.given, self.steps)


def film(
    scene: Scene,
    network: nn.Module,
    vocabulary: Vocabulary,
    steps: int,
    path: Path,
    fps: float,
    device: str = "cpu",
) -> Filmed:
    """Draw a scene's films and write them side by side, in memory that does not grow with `steps`.

    Args:
        scene: Where the films start, and what they are told.
        network: A generator.
        vocabulary: Encodes the sentences.
        steps: Frames to draw.
        path: The GIF and the MP4, without their endings.
        fps: Frames a second.
        device: Where the network runs.
    """
    given = scene.given.shape[1]
    shown = set(moments_shown(given + steps, given))
    page = Page([(scene.title, scene.labels)], scene.given.shape[2:])
    filmed = Filmed()

    def pages() -> Iterator[np.ndarray]:
        drawn = roll_out(network, list(scene.given), scene.sentences, vocabulary, steps, device)
        for moment, frames in enumerate(chain(scene.given.swapaxes(0, 1), drawn)):
            step = moment - given + 1
            counted = step > 0 or scene.drawn
            if moment in shown:
                filmed.frames.append(frames)
                if counted:
                    filmed.steps.append(step)
            if 0 <= step <= OPENING:
                filmed.start.append(frames)
            yield page.paint([frames], [f"step {step}" if counted else "given"])

    filmed.files = write_film(path, pages(), fps, scale=1)
    filmed.given = len(filmed.frames) - len(filmed.steps)
    return filmed
