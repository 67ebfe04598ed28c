"""Where the six movements lead: a closed path each, from where an element is in the first frame.

A path is a function of the phase alone, in turns since the first frame, so that a film which runs
faster or slower than another still lies on the same path.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from videogeneration.captions.scenes import MOVEMENTS

SPACE = 0.5
"""Pixels kept free between an element's circle and the outermost pixels' centres."""


@dataclass(frozen=True)
class Place:
    """Where an element is in the first frame.

    Attributes:
        x: Column of its centre in pixels; 0 is the centre of the leftmost pixel.
        y: Row of its centre in pixels, downwards.
        radius: Radius in pixels of the circle around the centre that encloses it at every angle.
    """

    x: float
    y: float
    radius: float


@dataclass(frozen=True)
class Poses:
    """An element's poses, arrays of one shape.

    Attributes:
        x: Columns of the centre in pixels.
        y: Rows of the centre in pixels, downwards.
        angle: Rotation against the first frame, in turns, clockwise as seen on the screen.
    """

    x: np.ndarray
    y: np.ndarray
    angle: np.ndarray


def places(row: Mapping[str, Any]) -> list[Place]:
    """Where the elements of a row of the clips' table are in its first frame."""
    return [
        Place(float(x), float(y), float(size) / 2)
        for x, y, size in zip(row["x"], row["y"], row["sizes"], strict=True)
    ]


def reach(radius: float, canvas: int) -> tuple[float, float]:
    """Smallest and largest coordinate of a centre whose circle stays in the picture."""
    return radius + SPACE, canvas - 1 - radius - SPACE


def largest_orbit(radius: float, canvas: int) -> float:
    """Radius of the widest circle round the picture's centre that an element can travel on."""
    return (canvas - 1) / 2 - radius - SPACE


def path(movement: str, phase: np.ndarray, place: Place, canvas: int) -> Poses:
    """Follow a movement from an element's place.

    Left-right and up-down bounce at constant speed between the picture's borders and set out to the
    right and downwards; circles go round the picture's centre.

    Args:
        movement: One of `captions.MOVEMENTS`.
        phase: Turns since the first frame, any shape; 1 is back at the start.
        place: Where the element is at phase 0.
        canvas: Side of the square picture in pixels.

    Returns:
        The poses, in the shape of `phase`.
    """
    still = np.zeros_like(phase)
    if movement == "left_right":
        return Poses(_bounce(phase, place.x, reach(place.radius, canvas)), place.y + still, still)
    if movement == "up_down":
        return Poses(place.x + still, _bounce(phase, place.y, reach(place.radius, canvas)), still)
    sense = -1.0 if movement.endswith("counterclockwise") else 1.0
    if movement in ("circle_clockwise", "circle_counterclockwise"):
        middle = (canvas - 1) / 2
        # rows count downwards, so a growing angle turns clockwise on the screen
        turn = math.atan2(place.y - middle, place.x - middle) + sense * 2 * np.pi * phase
        distance = math.hypot(place.x - middle, place.y - middle)
        return Poses(middle + distance * np.cos(turn), middle + distance * np.sin(turn), still)
    if movement in ("spin_clockwise", "spin_counterclockwise"):
        return Poses(place.x + still, place.y + still, sense * phase + still)
    raise ValueError(f"movement '{movement}' is none of {', '.join(MOVEMENTS)}")


def _bounce(phase: np.ndarray, start: float, limits: tuple[float, float]) -> np.ndarray:
    """A triangle wave between the limits that is at `start` and rising at phase 0."""
    low, high = limits
    width = max(high - low, 1e-6)
    turns = phase + min(max((start - low) / width, 0.0), 1.0) / 2
    return low + width * (1 - np.abs(2 * (turns % 1) - 1))
