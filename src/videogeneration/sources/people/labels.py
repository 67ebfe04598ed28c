"""What a renderer knows of its own frames: joints, silhouette, place, heading, phase, action.

Nothing here is estimated. Pixel coordinates are those of the frame, x to the right and y down, with
the pixels' centres at whole numbers.
"""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from videogeneration.captions import action_caption
from videogeneration.stored import reading, whole

MOST_BYTES = 500_000_000
"""Of a video's labels; a minute's have 30 million."""

SIDES: dict[int, Literal["left", "right"] | None] = {-1: "left", 0: None, 1: "right"}
"""What the numbers of `Labels.direction` are called."""


@dataclass(frozen=True)
class Labels:
    """What is known of a film of T frames with one person.

    Attributes:
        keypoints: float32 `[T, 16, 2]`, pixels: the joints `skeleton.KEYPOINTS`, also those that
            are hidden behind the body or lie outside the frame; zero where nobody is `present`.
            Left and right are the person's own.
        keypoints_valid: bool `[T, 16]`: somebody is present and the joint lies inside the frame.
        silhouette: uint8 `[T, H, W]`: the person's alpha without the shadow, 0 to 255.
        background: uint8 `[H, W]`: the place without the person, its shadow and the noise.
        scale: float32 `[T]`: pixels of the standing person's height at that distance.
        heading: float32 `[T]`, radians in (-pi, pi]: where the body faces: 0 is to the picture's
            right, pi to the left, pi / 2 away from the camera, -pi / 2 to it.
        phase: float32 `[T]`: turns of the gait (two steps; starts at a right heel strike) or of the
            repeated gesture. It counts on from frame to frame.
        action: str `[T]`: one of the six actions; from the frame in which one starts to change.
        direction: int8 `[T]`: where the person is going: -1 is left, 1 is right, 0 is nowhere. It
            changes when a turn begins, `heading` in its course.
        present: bool `[T]`: whether the person is there at all, be it outside the frame; false
            between the passes of a recording.
    """

    keypoints: NDArray[np.float32]
    keypoints_valid: NDArray[np.bool_]
    silhouette: NDArray[np.uint8]
    background: NDArray[np.uint8]
    scale: NDArray[np.float32]
    heading: NDArray[np.float32]
    phase: NDArray[np.float32]
    action: NDArray[np.str_]
    direction: NDArray[np.int8]
    present: NDArray[np.bool_]

    def __post_init__(self) -> None:
        frames = len(self.keypoints)
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name != "background" and len(value) != frames:
                raise ValueError(f"{field.name} has {len(value)} frames, keypoints {frames}")

    def __len__(self) -> int:
        return len(self.keypoints)

    def caption(self, frame: int) -> str:
        """The sentence that is true of what the person does or begins to do in a frame."""
        return action_caption(str(self.action[frame]), SIDES[int(self.direction[frame])])

    def part(self, frames: slice) -> "Labels":
        """The labels of some of the frames."""
        cut = {f.name: getattr(self, f.name)[frames] for f in fields(self)}
        return Labels(**cut | {"background": self.background})


def joined(parts: Sequence[Labels]) -> Labels:
    """The labels of films of one place, end to end."""
    together = {
        field.name: np.concatenate([getattr(part, field.name) for part in parts])
        for field in fields(Labels)
        if field.name != "background"
    }
    return Labels(background=parts[0].background, **together)


def labels_path(video: Path) -> Path:
    """Where the labels of a video lie: beside it, `personNN_<action>_dM_labels.npz`."""
    return video.with_name(video.stem.removesuffix("_uncomp") + "_labels.npz")


def write_labels(video: Path, labels: Labels) -> None:
    """Write labels beside a video, whole or not at all.

    Raises:
        OSError: The file cannot be written.
    """
    with whole(labels_path(video)) as path:
        np.savez_compressed(path, **{f.name: getattr(labels, f.name) for f in fields(labels)})


def read_labels(video: Path) -> Labels | None:
    """The labels of a video, frame by frame for all of it; None where there are none.

    Raises:
        ValueError: The file is damaged or holds other labels; names it.
    """
    path = labels_path(Path(video))
    if not path.is_file():
        return None
    with reading(path, "render the recordings anew"):
        with zipfile.ZipFile(path) as members:
            if sum(member.file_size for member in members.infolist()) > MOST_BYTES:
                raise ValueError(f"more than {MOST_BYTES:,} bytes of labels")
        with np.load(path, allow_pickle=False) as stored:
            return Labels(**{field.name: stored[field.name] for field in fields(Labels)})
