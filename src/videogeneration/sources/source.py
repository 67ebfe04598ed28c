"""A source of clips: everything that the rest of the project needs to know of one."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from videogeneration.captions import Grammar
from videogeneration.evaluation.judges import Judge


@dataclass(frozen=True)
class Clip:
    """One clip.

    Attributes:
        frames: uint8 `[n, H, W]`, at least two.
        row: Its row in the clips' table: `clip_id`, `split`, `caption`, `view_start`, `view_end`
            (first frame with the figure well in view, and the one after the last) and what the
            source knows.
        labels: What the source knows of every frame, arrays `[n, ...]` by name.
        background: uint8 `[H, W]`: what is behind the figures; None where nobody knows.
    """

    frames: np.ndarray
    row: Mapping[str, Any]
    labels: Mapping[str, np.ndarray] = field(default_factory=dict)
    background: np.ndarray | None = None


@dataclass
class ClipStream:
    """Clips one after another, and what there is to report of them when all have been taken.

    Attributes:
        size: Height and width of every frame in pixels.
        clips: Made while they are taken.
        report: What came of it, plain values; complete when the last clip has been taken.
    """

    size: tuple[int, int]
    clips: Iterable[Clip]
    report: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PictureFormat:
    """How one's own picture is brought to a source's frame.

    Attributes:
        aspect: Width over height of the scene that fills a frame.
        background: `scene`: the picture's edge goes on where it has to be widened; `black`:
            figures are light on black, and a picture that is dark on light is inverted.
    """

    aspect: float = 1.0
    background: Literal["scene", "black"] = "black"


@dataclass(frozen=True)
class Source:
    """Where clips come from.

    Attributes:
        name: Namespace of its pipelines, parameters and data.
        settings: Typed settings of its clips, a class; its fields are the source's own parameters.
        prepare: Settings and a folder to the raw material: pictures of elements, or the folder of
            recordings; what it makes it may keep in the folder.
        make_clips: Raw material and settings to clips.
        grammar: What can be said of its clips, from its settings.
        judge: Says whether films do what a sentence of the grammar says.
        picture: How one's own pictures are brought to its frames.
        labels: Names of the labels that its clips have.
    """

    name: str
    settings: type[Any]
    prepare: Callable[[Any, Path], Any]
    make_clips: Callable[[Any, Any], ClipStream]
    grammar: Callable[[Any], Grammar]
    judge: Callable[[Grammar], Judge]
    picture: PictureFormat = PictureFormat()
    labels: tuple[str, ...] = ()
