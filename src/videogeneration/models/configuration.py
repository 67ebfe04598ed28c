"""What configurations of networks share."""

from typing import Annotated

from pydantic import Field

from videogeneration.validated import validated

Widths = tuple[Annotated[int, Field(ge=8, multiple_of=8)], ...]
"""Channels of levels, which group norm divides by 8."""


@validated
class FrameConfig:
    """What clips and their sentences decide of a network.

    Attributes:
        height: Frame height in pixels.
        width: Frame width in pixels.
        words: Rows of the one-hot caption.
        vocabulary: Columns of the one-hot caption.
    """

    height: int = Field(128, ge=1)
    width: int = Field(128, ge=1)
    words: int = Field(7, ge=1)
    vocabulary: int = Field(14, ge=1)


def check_frames(height: int, width: int, step: int, why: str = "") -> None:
    """Raise a ValueError where the sides of frames, in pixels, are no multiples of `step`."""
    if height % step or width % step:
        raise ValueError(
            f"{height}x{width} frames; their sides must be multiples of {step}{why}: choose "
            "another size of clips, such as kth.clips.size or icons.scenes.canvas"
        )
