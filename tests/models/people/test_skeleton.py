"""Keypoints as sets of pairs."""

import torch

from models.people.figures import track
from videogeneration.models.people.skeleton import PAIRS, assigned, canonical, swapped


def test_canonical_does_not_know_which_of_a_pair_came_first() -> None:
    keypoints = track(2, 3).keypoints
    for pair in range(len(PAIRS)):
        assert torch.equal(canonical(keypoints), canonical(swapped(keypoints, pair)))


def test_canonical_only_exchanges_whole_limbs() -> None:
    keypoints = track(1, 1).keypoints
    crossed = swapped(swapped(keypoints, 0), 1)
    assert torch.equal(canonical(crossed), canonical(keypoints))
    assert torch.equal(canonical(keypoints)[..., :4, :], keypoints[..., :4, :])


def test_the_better_order_of_a_pair_is_the_target() -> None:
    keypoints = track(2, 3).keypoints
    weight = torch.ones(keypoints.shape[:-1])
    target = assigned(keypoints, swapped(keypoints, 1), weight)
    assert torch.equal(target[..., :2], keypoints)


def test_a_keypoint_that_does_not_count_has_no_say() -> None:
    keypoints = track(1, 1).keypoints
    weight = torch.ones(keypoints.shape[:-1])
    weight[..., 10] = 0
    target = keypoints.clone()
    target[..., 10, :] += 1e4
    assert torch.equal(assigned(keypoints, target, weight)[..., :2], target)
