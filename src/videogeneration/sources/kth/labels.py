"""What is known of a sequence: read from the labels that a renderer wrote, else estimated."""

from dataclasses import dataclass, field
from typing import Any, Literal

import cv2
import numpy as np

from videogeneration.sources.kth.videos import VideoError, VideoFile
from videogeneration.sources.kth.view import in_view, walk
from videogeneration.sources.people import Labels, read_labels
from videogeneration.sources.people.labels import labels_path
from videogeneration.vision.direction import median_background, read_direction

LABELS = (
    "poses",
    "poses_valid",
    "keypoints",
    "keypoints_valid",
    "silhouette",
    "scale",
    "heading",
    "phase",
)
"""Labels of people: `poses` and `poses_valid` of all who walk; rendered people have the others too,
see `people.Labels`, in pixels of the clip's frame. A pose is the pelvis where it is known."""

_EDGE = 0.2
"""Share of the picture's width at either side in which a figure is only entering or leaving."""

_READING_SIZE = 64
"""Pixels across in which directions are read; a figure there still covers over a hundred."""

_VIEW_SIZE = 32
"""Pixels across in which is read whether the person is in view: in all frames, hence fewer."""


@dataclass(frozen=True)
class Known:
    """What is known of a sequence of n frames.

    Attributes:
        direction: `left` or `right`; None where it cannot be told, or there is none.
        confidence: 0 to 1: how sure the direction is; None where the action has none.
        in_view: bool `[n]`: where the person is well in view.
        labels: Arrays `[n, ...]` by name, see `LABELS`.
        background: uint8 `[H, W]`: what is behind the person; None where nobody knows.
    """

    direction: Literal["left", "right"] | None
    confidence: float | None
    in_view: np.ndarray
    labels: dict[str, np.ndarray] = field(default_factory=dict)
    background: np.ndarray | None = None


def has_labels(video: VideoFile) -> bool:
    """Whether a renderer's labels lie beside a video."""
    return video.member is None and labels_path(video.path).is_file()


def labels_of(video: VideoFile, count: int) -> Labels:
    """The labels of a video's first `count` frames.

    Raises:
        VideoError: They are of fewer frames, or cannot be read.
    """
    try:
        labels = read_labels(video.path)
    except ValueError as error:
        raise VideoError(str(error)) from error
    if labels is None or len(labels) < count:
        raise VideoError(
            f"{labels_path(video.path)}: no labels of all {count} frames of the video; render the "
            "recordings anew"
        )
    return labels


def known(labels: Labels, moving: bool, size: int) -> Known:
    """What a renderer's labels say of a sequence.

    Args:
        labels: Of its frames.
        moving: Whether the action has a direction.
        size: Height and width of the clips' frames in pixels.
    """
    height, width = labels.background.shape
    scales = np.array([size / width, size / height])
    # the centre of a pixel has whole coordinates in both
    keypoints = ((labels.keypoints + 0.5) * scales - 0.5).astype(np.float32)
    root = ((labels.root + 0.5) * scales - 0.5).astype(np.float32)
    valid = labels.present
    poses = np.zeros((len(labels), 1, 3), np.float32)
    poses[:, 0, :2] = root * valid[:, None]
    across = (root[:, 0] + 0.5) / size
    sides = set(labels.direction[valid].tolist())
    side: dict[Any, Literal["left", "right"]] = {-1: "left", 1: "right"}
    return Known(
        # who turns goes to neither side
        direction=side[sides.pop()] if moving and len(sides) == 1 else None,
        confidence=1.0 if moving else None,
        in_view=valid & (across > _EDGE) & (across < 1 - _EDGE),
        labels={
            "poses": poses,
            "poses_valid": valid[:, None],
            "keypoints": keypoints * valid[:, None, None],
            "keypoints_valid": labels.keypoints_valid,
            "silhouette": np.stack([_resized(frame, size) for frame in labels.silhouette]),
            "scale": (labels.scale * scales[1]).astype(np.float32),
            "heading": labels.heading,
            "phase": labels.phase,
        },
        background=_resized(labels.background, size),
    )


def estimated(frames: np.ndarray, moving: bool, background: np.ndarray | None) -> Known:
    """What can be read from a sequence's frames.

    Args:
        frames: uint8 `[n, size, size]`.
        moving: Whether the action has a direction. Who boxes, claps or waves stays in view, and
            melts into the median over time: neither place nor background is known.
        background: Of the whole video, at the size of `thinned` frames; None where not `moving`.
    """
    count, size = len(frames), frames.shape[1]
    poses, valid = np.zeros((count, 1, 3), np.float32), np.zeros((count, 1), bool)
    labels = {"poses": poses, "poses_valid": valid}
    if not moving:
        return Known(None, None, np.ones(count, bool), labels)
    small = thinned(frames)
    direction = read_direction(small, background)
    path = walk(small) * (size / small.shape[1])
    valid[:, 0] = ~np.isnan(path[:, 0])
    poses[:, 0, :2] = np.where(valid, path, 0)
    behind = (255 * median_background(frames)).round().astype(np.uint8)
    seen = in_view(thinned(frames, _VIEW_SIZE))
    return Known(direction.label, direction.confidence, seen, labels, behind)


def thinned(frames: np.ndarray, size: int = _READING_SIZE) -> np.ndarray:
    """Every n-th pixel of square frames, so that about so many are left across; a view.

    Figures are large: every other pixel will do, and keeps the reading a small part of the time.
    """
    step = max(1, frames.shape[1] // size)
    return frames[:, ::step, ::step]


def _resized(picture: np.ndarray, size: int) -> np.ndarray:
    """uint8 `[size, size]`, made as frames are."""
    return cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)
