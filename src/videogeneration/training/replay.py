"""Losses as graphs of kernels that a GPU replays: it would wait for thousands of small ones.

A. Nguyen et al., "Accelerating PyTorch with CUDA Graphs", PyTorch blog, 2021.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map

from videogeneration import distributed
from videogeneration.models.interface import FilmModel
from videogeneration.training.device import Device

Loss = tuple[Tensor, Mapping[str, Tensor]]


def training_loss(network: FilmModel, device: Device) -> Callable[[Any], Loss]:
    """A network's `training_loss`, on a GPU as graphs that are replayed where it may be.

    Several processes, which talk to each other in the middle of it, run it.

    Args:
        network: On its device.
        device: Device and precision.
    """
    if device.name == "cpu" or not network.replayed or distributed.count() > 1:
        return network.training_loss
    graphs: dict[tuple[torch.Size, ...], Callable[[Any], Loss]] = {}

    def replay(lesson: Any) -> Loss:
        # one graph for each set of shapes that lessons have
        shapes = tuple(x.shape for x in tree_leaves(lesson))
        if shapes not in graphs:
            graphs[shapes] = _record(network, device, lesson)
        # what a graph returns is overwritten when it is replayed
        loss, figures = graphs[shapes](lesson)
        return loss.clone(), {name: x.detach().clone() for name, x in figures.items()}

    return replay


def _record(network: FilmModel, device: Device, lesson: Any) -> Callable[[Any], Loss]:
    """Record a graph whose inputs are copies of a lesson's tensors."""
    inputs = tree_map(lambda x: x.clone(memory_format=torch.contiguous_format), lesson)
    # recorded on a stream of its own, replayed on another: meant so
    torch.autograd.graph.set_warn_on_accumulate_grad_stream_mismatch(False)
    # a cache of rounded weights would be recorded as it is now
    with device.autocast(cached=False):
        return torch.cuda.make_graphed_callables(  # type: ignore[return-value]
            _Loss(network), (inputs,), allow_unused_input=True
        )


class _Loss(nn.Module):
    """A network's loss as a module, whose weights get their gradients."""

    def __init__(self, network: FilmModel) -> None:
        super().__init__()
        self.network = network

    def forward(self, lesson: Any) -> Loss:
        return self.network.training_loss(lesson)
