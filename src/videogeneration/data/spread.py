"""A few of many things, evenly spread."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

_Thing = TypeVar("_Thing")


def spread(things: Sequence[_Thing], most: int) -> list[_Thing]:
    """At most `most` of some things, evenly spread from the first to the last."""
    places = np.linspace(0, len(things) - 1, min(most, len(things))).round().astype(int)
    return [things[place] for place in places.tolist()]
