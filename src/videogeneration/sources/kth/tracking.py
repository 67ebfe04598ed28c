"""Which way the person of a recorded sequence walks, and which frames show all of it.

These are labels for recordings, of which nobody knows more than is seen; a renderer knows its own.
They follow from where the figure's centre is: what judges films (`evaluation.judges`) matches
pictures of it.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from videogeneration.vision.foreground import centroids, find_figure, is_visible

_SIZE = 64
"""Pixels across that are looked at; a figure there still covers over a hundred."""

_MIN_STRENGTH = 0.4
"""Least strength of a figure that is wholly there, as a share of the sequence's strong frames'."""

EDGE = 0.2
"""Share of the picture's width at either side in which a figure is only entering or leaving."""

_MIN_DISPLACEMENT = 0.1
"""Least way from the first to the last frame that shows all of a walker, as a share of the width:
who sways where it stands stays below."""

_MIN_CONFIDENCE = 0.5
"""Least confidence of a direction that is given a label: who passes has over 0.9, who turns round
has less."""


@dataclass(frozen=True)
class Track:
    """What is read from a sequence of T frames.

    Attributes:
        in_view: bool `[T]`: the figure has most of its strength and its centre is not near an edge.
        direction: `left` or `right`; None where it does not clearly go anywhere.
        confidence: 0 to 1: the net share of pairs of frames that agree on the direction (the
            magnitude of Kendall's rank correlation of the column with time).
    """

    in_view: np.ndarray
    direction: Literal["left", "right"] | None
    confidence: float


def track(frames: np.ndarray, background: np.ndarray) -> Track:
    """Follow the person of a sequence.

    Every column of the picture counts by how much of a figure it shows, squared: a person is high
    where its shadow is flat. Its centre is read where all of the figure is seen.

    Args:
        frames: uint8 or float in [0, 1], `[T, H, W]`.
        background: The same scene without the person, uint8 or float in [0, 1], `[H, W]`.
    """
    step = max(1, frames.shape[2] // _SIZE)
    figure = np.abs(find_figure(frames[:, ::step, ::step], background[::step, ::step]))
    width = figure.shape[2]
    figure *= figure.sum(axis=1, keepdims=True)
    strength, columns = figure.sum(axis=(1, 2)), centroids(figure)[:, 0] / width
    strong = is_visible(figure) & (strength >= _MIN_STRENGTH * np.quantile(strength, 0.8))
    inside = np.abs(columns - 0.5) < 0.5 - EDGE
    # a long shadow may reach the edge from anywhere
    whole = inside | ~figure[:, :, [0, -1]].any(axis=(1, 2))
    times = np.flatnonzero(strong & whole)
    if len(times) < 2:
        return Track(strong & inside, None, 0.0)
    return Track(strong & inside, *_direction(columns[times]))


def _direction(columns: np.ndarray) -> tuple[Literal["left", "right"] | None, float]:
    """Which way centres `[N]` go, in shares of the picture's width, and how surely."""
    earlier, later = np.triu_indices(len(columns), 1)
    agreement = float(np.sign(columns[later] - columns[earlier]).mean())
    displacement = abs(columns[-1] - columns[0])
    if displacement < _MIN_DISPLACEMENT or abs(agreement) < _MIN_CONFIDENCE:
        return None, abs(agreement)
    return ("right" if agreement > 0 else "left"), abs(agreement)
