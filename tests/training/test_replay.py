"""Losses that a GPU replays as graphs."""

import pytest
import torch
from torch.utils._pytree import tree_leaves, tree_map

from models.people.figures import batch, people
from videogeneration.training.device import Device
from videogeneration.training.replay import training_loss

GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")


def test_on_a_cpu_a_loss_is_the_networks_own() -> None:
    model = people()
    assert model.replayed
    assert training_loss(model, Device("cpu", "float32")) == model.training_loss


def test_all_that_is_random_is_in_a_lesson_a_tree_of_tensors() -> None:
    model = people()
    lesson = model.lesson(batch())
    assert all(isinstance(x, torch.Tensor) for x in tree_leaves(lesson))
    loss, _ = model.training_loss(lesson)
    again, _ = model.training_loss(tree_map(torch.clone, lesson))
    assert torch.equal(loss, again)


@GPU
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_what_is_replayed_teaches_as_what_is_run(precision: str) -> None:
    device, results = Device("cuda", precision), []
    scene = batch().to("cuda")
    for replayed in (True, False):
        torch.manual_seed(0)
        model = device.place(people()).eval()
        loss_of = training_loss(model, device) if replayed else model.training_loss
        optimizer, course = torch.optim.SGD(model.parameters(), 1e-3), []
        # at first graphs are recorded, with random numbers of their own
        for step in (*range(6), *range(6)):
            recorded = len(course) >= 6
            torch.manual_seed(step)
            with device.autocast():
                loss, figures = loss_of(model.lesson(scene))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            if recorded:
                optimizer.step()
            course.append((loss.item(), figures["keypoints"].item()))
        results.append(torch.tensor(course[6:]))
    assert torch.isfinite(results[0]).all()
    assert len(set(results[0][:, 0].tolist())) == 6
    tolerance = 1e-3 if precision == "float32" else 3e-2
    torch.testing.assert_close(*results, rtol=tolerance, atol=tolerance)
