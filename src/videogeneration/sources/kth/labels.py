"""What is known of a sequence: read from the labels that a renderer wrote, else estimated."""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from videogeneration.captions import action_caption
from videogeneration.data.frames import to_uint8
from videogeneration.models.people.skeleton import KEYPOINTS, PELVIS
from videogeneration.sources.kth.tracking import EDGE, track
from videogeneration.sources.kth.videos import VideoError, VideoFile
from videogeneration.sources.people import Labels, Poses, read_labels
from videogeneration.sources.people.acts import TRAVELLING
from videogeneration.sources.people.labels import SIDES, labels_path
from videogeneration.sources.people.scene import HEIGHT, WIDTH
from videogeneration.vision.background import median_background


@dataclass(frozen=True)
class Known:
    """What is known of a sequence of n frames.

    Attributes:
        caption: What is done in its end; None where it cannot be told.
        direction: `left` or `right`; None where it cannot be told, or there is none.
        confidence: 0 to 1: how sure the direction is; None where the action has none.
        in_view: bool `[n]`: where the person is well in view and does what the caption says.
        does_other: bool `[n]`: where the person is there and does something else.
        labels: Arrays `[n, ...]` by name, in pixels of the clip's frame, see `people.Labels`; zero
            where nobody knows. `follows` says whether the caption is what the person does in a
            frame, or whether that comes later.
        labels_valid: Whether these are known.
        background: uint8 `[H, W]`: what is behind the person; None where nobody knows.
    """

    caption: str | None
    direction: Literal["left", "right"] | None
    confidence: float | None
    in_view: np.ndarray
    does_other: np.ndarray
    labels: dict[str, np.ndarray]
    labels_valid: bool
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


def known(labels: Labels, size: int) -> Known:
    """What a renderer's labels say of a sequence.

    Args:
        labels: Of its frames.
        size: Height and width of the clips' frames in pixels.
    """
    height, width = labels.background.shape
    scales = np.array([size / width, size / height])
    # the centre of a pixel has whole coordinates in both
    keypoints = ((labels.keypoints + 0.5) * scales - 0.5).astype(np.float32)
    valid = labels.present
    last = int(np.flatnonzero(valid)[-1])
    direction = SIDES[int(labels.direction[last])]
    follows = valid & (labels.action == labels.action[last])
    follows &= labels.direction == labels.direction[last]
    across = (keypoints[:, PELVIS, 0] + 0.5) / size
    return Known(
        caption=labels.caption(last),
        direction=direction,
        confidence=1.0 if direction else None,
        in_view=follows & (across > EDGE) & (across < 1 - EDGE),
        does_other=valid & ~follows,
        labels={
            "present": valid,
            "follows": follows,
            "keypoints": keypoints * valid[:, None, None],
            "keypoints_valid": labels.keypoints_valid,
            "silhouette": np.stack([resized(frame, size) for frame in labels.silhouette]),
            "scale": (labels.scale * scales[1]).astype(np.float32),
            "heading": labels.heading,
            "phase": labels.phase,
        },
        labels_valid=True,
        background=resized(labels.background, size),
    )


def sequences_of(poses: Poses, size: int) -> dict[str, np.ndarray]:
    """Poses without pictures as labels, in pixels of frames of `size`; see `ClipStream`."""
    scales = np.array([size / WIDTH, size / HEIGHT])
    final = poses.action == poses.action[:, -1:]
    return {
        "keypoints": ((poses.keypoints + 0.5) * scales - 0.5).astype(np.float32),
        "scale": (poses.scale * scales[1]).astype(np.float32),
        "heading": poses.heading,
        "present": np.ones(poses.scale.shape, bool),
        "follows": final & (poses.direction == poses.direction[:, -1:]),
        "caption": poses.captions,
    }


def estimated(frames: np.ndarray, action: str) -> Known:
    """What can be read from a sequence's frames.

    Args:
        frames: uint8 `[n, size, size]`.
        action: What the person does. Who boxes, claps or waves stays in view, and melts into the
            median over time: the background is not known.
    """
    count = len(frames)
    labels = {
        "present": np.zeros(count, bool),
        "follows": np.zeros(count, bool),
        "keypoints": np.zeros((count, len(KEYPOINTS), 2), np.float32),
        "keypoints_valid": np.zeros((count, len(KEYPOINTS)), bool),
        "silhouette": np.zeros_like(frames),
        "scale": np.zeros(count, np.float32),
        "heading": np.zeros(count, np.float32),
        "phase": np.zeros(count, np.float32),
    }
    if action not in TRAVELLING:
        in_view, never = np.ones(count, bool), np.zeros(count, bool)
        return Known(action_caption(action, None), None, None, in_view, never, labels, False)
    background = median_background(frames)
    walk = track(frames, background)
    return Known(
        action_caption(action, walk.direction) if walk.direction else None,
        walk.direction,
        walk.confidence,
        walk.in_view,
        np.zeros(count, bool),
        labels,
        labels_valid=False,
        background=to_uint8(background),
    )


def resized(picture: np.ndarray, size: int) -> np.ndarray:
    """uint8 `[size, size]`, made as frames are."""
    return cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)
