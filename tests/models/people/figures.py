"""Small batches of drawn stick figures for the tests of the people's networks."""

import torch
from torch import Tensor

from videogeneration.models.interface import Batch
from videogeneration.models.people.background import BackgroundConfig
from videogeneration.models.people.motion import MotionConfig
from videogeneration.models.people.people import People, PeopleConfig
from videogeneration.models.people.pose import PoseConfig
from videogeneration.models.people.renderer import RendererConfig
from videogeneration.models.people.skeleton import Poses

SIZE, WORDS, VOCABULARY = 32, 3, 5

STANDING = torch.tensor(
    [
        [0.0, -0.43],
        [0.05, -0.42],
        [0.0, -0.35],
        [0.0, 0.0],
        [-0.08, -0.32],
        [0.08, -0.32],
        [-0.12, -0.16],
        [0.12, -0.16],
        [-0.14, -0.02],
        [0.14, -0.02],
        [-0.06, 0.24],
        [0.06, 0.24],
        [-0.09, 0.47],
        [0.09, 0.47],
        [-0.04, 0.5],
        [0.14, 0.5],
    ]
)
"""Someone who stands, `[16, 2]`: from the pelvis, in body heights."""

SCALE = 24.0


def track(batch: int, frames: int, seed: int = 0) -> Poses:
    """People who go to the right, each at a pace of his own, `[B, T]`."""
    generator = torch.Generator().manual_seed(seed)
    pace = 1 + torch.rand(batch, 1, 1, generator=generator)
    across = 8 + pace * torch.arange(frames)[None, :, None]
    root = torch.cat([across, torch.full_like(across, 16.0)], -1)
    sway = 0.03 * torch.randn(batch, frames, 16, 2, generator=generator)
    keypoints = root[:, :, None] + SCALE * (STANDING + sway)
    heading = torch.tensor([1.0, 0.0]).expand(batch, frames, 2)
    return Poses(keypoints, torch.full((batch, frames), SCALE), heading)


def people() -> People:
    """A small model of people, the same each time; its motion has something to say."""
    torch.manual_seed(0)
    config = PeopleConfig(
        words=WORDS,
        vocabulary=VOCABULARY,
        condition=8,
        references=2,
        horizon=2,
        pose=PoseConfig(width=8, typical_scale=SCALE),
        motion=MotionConfig(width=32, blocks=1, trajectory_width=32, trajectory_blocks=1, steps=2),
        background=BackgroundConfig(width=8, margin=1),
        renderer=RendererConfig(rows=32, columns=24, body=24.0, width=8, latent=16),
    )
    model = People(config)
    for network in (model.motion.trajectory, model.motion.body):
        torch.nn.init.normal_(network.leave[1].weight, std=0.1)  # type: ignore[arg-type]
    return model


def batch(count: int = 3, future: int = 3, labelled: bool = True) -> Batch:
    """Windows of dark figures on a grey ground, with labels."""
    frames = 10 + future
    poses = track(count, frames)
    pixels = torch.stack(
        torch.meshgrid(torch.arange(SIZE), torch.arange(SIZE), indexing="xy"), -1
    ).float()
    away = pixels - poses.keypoints[:, :, 3, None, None]
    silhouette = ((away / torch.tensor([3.0, 12.0])).square().sum(-1) < 1).float()
    ground = torch.linspace(0.4, 0.7, SIZE)[:, None].expand(count, SIZE, SIZE)
    drawn = ground[:, None] * (1 - silhouette) + 0.1 * silhouette
    inside = ((poses.keypoints >= 0) & (poses.keypoints < SIZE)).all(-1)
    caption = torch.eye(VOCABULARY)[torch.arange(WORDS)].expand(count, WORDS, VOCABULARY)
    labels: dict[str, Tensor] = {
        "keypoints": poses.keypoints,
        "keypoints_valid": inside,
        "present": torch.ones(count, frames, dtype=torch.bool),
        "follows": torch.ones(count, frames, dtype=torch.bool),
        "silhouette": silhouette,
        "scale": poses.scale,
        "heading": torch.zeros(count, frames),
        "background": ground,
        "background_valid": torch.ones(count, dtype=torch.bool),
        "labels_valid": torch.full((count,), labelled),
    }
    return Batch(
        drawn[:, :10],
        torch.ones(count, 10, dtype=torch.bool),
        drawn[:, 10:],
        torch.ones(count, future, dtype=torch.bool),
        caption,
        torch.zeros(count),
        labels=labels,
    )
