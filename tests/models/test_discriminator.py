"""Adversaries."""

import torch
import torch.nn.functional as F
from torch import Tensor

from videogeneration.models.discriminator import DiscriminatorConfig, FeatureDiscriminator

CONFIG = DiscriminatorConfig(words=2, vocabulary=3, past=1, head=8)


def see(frames: Tensor) -> list[Tensor]:
    """Grey values at half and at a quarter of the size, as two and three channels."""
    half = F.avg_pool2d(frames[:, None], 2)
    return [half.repeat(1, 2, 1, 1), F.avg_pool2d(half, 2).repeat(1, 3, 1, 1)]


def judge() -> FeatureDiscriminator:
    torch.manual_seed(0)
    return FeatureDiscriminator(CONFIG, see, (2, 3)).eval()


def test_patches_are_scored_and_frames_get_gradients() -> None:
    frame = torch.rand(2, 32, 32, requires_grad=True)
    score = judge()(frame, torch.rand(2, 10, 32, 32), torch.zeros(2, 2, 3))
    assert score.shape[0] == 2
    assert score.shape[1:] == (4, 4)
    score.sum().backward()
    assert frame.grad is not None
    assert (frame.grad.abs().sum((1, 2)) > 0).all()


def test_the_latest_frame_and_the_sentence_count_and_older_frames_do_not() -> None:
    network, frame, past = judge(), torch.rand(1, 32, 32), torch.rand(1, 10, 32, 32)
    silent, told = torch.zeros(1, 2, 3), torch.ones(1, 2, 3)
    score = network(frame, past, silent)
    assert not torch.equal(score, network(frame, past, told))
    other = past.clone()
    other[:, :9] = 0
    assert torch.equal(score, network(frame, other, silent))
    other[:, 9] = 0
    assert not torch.equal(score, network(frame, other, silent))
