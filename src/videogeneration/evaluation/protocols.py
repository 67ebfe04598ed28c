"""Where films start and how far they go: `5to10` gives five frames and asks for ten."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from videogeneration.data.clips import Clips
from videogeneration.data.spread import spread


@dataclass(frozen=True)
class Protocol:
    """How many frames are given and how many are drawn.

    Attributes:
        context: Given frames.
        horizon: Generated frames.
    """

    context: int
    horizon: int

    @classmethod
    def parse(cls, name: str) -> "Protocol":
        """Read a name like `5to10`.

        Raises:
            ValueError: The name is of another form, or a number is zero.
        """
        match = re.fullmatch(r"([1-9]\d*)to([1-9]\d*)", name)
        if not match:
            raise ValueError(f"protocols: '{name}'; write <context>to<horizon>, such as 5to10")
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"{self.context}to{self.horizon}"


@dataclass(frozen=True)
class Start:
    """A place in a clip at which a film starts.

    Attributes:
        clip: Number of the clip in the whole clip store.
        newest: The newest given frame's place in the clip.
        caption: What the clip shows.
    """

    clip: int
    newest: int
    caption: str

    def film(self, clips: Clips, horizon: int) -> np.ndarray:
        """The newest given frame and what follows it in the store, uint8 `[<= 1 + horizon, H, W]`.

        Args:
            clips: The whole store.
            horizon: Largest number of frames that follow.
        """
        return clips[self.clip][self.newest : self.newest + 1 + horizon]


def starts(clips: Clips, protocol: Protocol, most: int = 10_000) -> list[Start]:
    """One start a clip: the first at which the newest given frame shows the figure well.

    Clips without such a frame, or with nothing left after it, have none.

    Args:
        clips: A selection. Of a KTH sequence's phases only the first counts.
        protocol: How many frames are given.
        most: Largest number of starts, evenly spread over the clips.
    """
    found = []
    for number, first, end, length, caption in _in_view(clips):
        newest = max(first, protocol.context - 1)
        if newest < min(end, length - 1):
            found.append(Start(number, newest, caption))
    return spread(found, most)


def middle_starts(clips: Clips, most: int = 10_000) -> list[Start]:
    """One start a clip, from a single frame, halfway through what is in view.

    From mid-picture a figure can obey either sentence for several steps before it leaves.
    """
    found = []
    for number, first, end, length, caption in _in_view(clips):
        newest = 0 if end == length and first == 0 else (first + end - 1) // 2
        if first < end and newest < length - 1:
            found.append(Start(number, newest, caption))
    return spread(found, most)


def _in_view(clips: Clips) -> Iterator[tuple[int, int, int, int, str]]:
    """Number in the store, first frame in view, the one after the last, length and caption.

    Of a KTH sequence's phases only the first counts: the others are nearly the same film.
    """
    for number, (_, row) in zip(clips.table.index, clips.table.iterrows(), strict=True):
        if row.get("phase", 0) == 0:
            first, end, length = (int(row[x]) for x in ("view_start", "view_end", "length"))
            yield int(number), first, end, length, str(row["caption"])
