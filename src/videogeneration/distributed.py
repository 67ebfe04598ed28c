"""Several processes that train one network, each on its share of every batch.

All draw the same global batch, take their rows of it, divide losses by what counts in all of them,
and average their gradients: as if one process had taken the whole. Alone, every function here
leaves things as they are.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.utils._pytree import tree_map_only

Lesson = TypeVar("Lesson")

PATIENCE = timedelta(minutes=10)
"""How long a process waits for the others within a training."""

_STREAM = 1_000_000_007
"""Between the seeds of two processes; those of two steps differ by one."""


class ProcessLost(ConnectionError):
    """Another process of the training is gone."""


@contextmanager
def together(store: dist.Store, rank: int, count: int, local: int, cuda: bool) -> Iterator[None]:
    """Train with other processes: NCCL between GPUs, gloo between CPUs.

    Args:
        store: Where the processes find each other; used by no other training.
        rank: Number of this process, from 0; that one logs and writes.
        count: Number of processes.
        local: Number of this process on its machine: of its GPU.
        cuda: Whether they train on GPUs.

    Raises:
        ProcessLost: The others did not come, or went away.
    """
    if cuda:
        torch.cuda.set_device(local)
    with lost():
        dist.init_process_group(
            "nccl" if cuda else "gloo",
            store=store,
            rank=rank,
            world_size=count,
            timeout=PATIENCE,
        )
    try:
        yield
    finally:
        dist.destroy_process_group()


def rank() -> int:
    """Number of this process; 0, the first, logs and writes."""
    return dist.get_rank() if dist.is_initialized() else 0


def count() -> int:
    """Number of processes of the training."""
    return dist.get_world_size() if dist.is_initialized() else 1


def share(lesson: Lesson) -> Lesson:
    """The rows of each tensor of a lesson, drawn for all, that this process learns from.

    Args:
        lesson: A tree of tensors; of dataclasses those known to `torch.export.register_dataclass`.

    Raises:
        ValueError: There are fewer rows than processes.
    """
    if count() == 1:
        return lesson

    def own(x: Tensor) -> Tensor:
        if len(x) < count():
            raise ValueError(
                f"batch_size: {len(x)}, but {count()} processes; choose as many or more"
            )
        return x[rank() * len(x) // count() : (rank() + 1) * len(x) // count()]

    mine: Lesson = tree_map_only(Tensor, own, lesson)
    return mine


def mean_count(counted: Tensor) -> Tensor:
    """What the sum of a loss over this process's share is divided by: a mean over all shares.

    The mean of the gradients over the processes is that of the whole batch then, however unequal
    their shares are.

    Args:
        counted: Scalar: how much counts in this process's share.

    Returns:
        The mean over the processes, of all 1 at least: alone `counted` itself, but not 0.

    Raises:
        ProcessLost: Another process is gone.
    """
    if count() == 1:
        return counted.clamp(min=1)
    total = counted.detach().float()
    with lost():
        dist.all_reduce(total)
    return total.clamp(min=1) / count()


def draw_apart() -> None:
    """From here on draw other random numbers than the other processes, until the next step."""
    if count() > 1:
        torch.manual_seed(torch.initial_seed() + (rank() + 1) * _STREAM)


def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Replace gradients by their mean over the processes.

    Args:
        parameters: The same in all processes; what none has a gradient for keeps none.

    Raises:
        ProcessLost: Another process is gone.
    """
    if count() == 1:
        return
    parameters = list(parameters)
    known = [parameter.grad is not None for parameter in parameters]
    parts = [(torch.zeros_like(x) if x.grad is None else x.grad).flatten() for x in parameters]
    total = torch.cat([*parts, parts[0].new_tensor(known)])
    with lost():
        dist.all_reduce(total)
    total /= count()
    *means, knowing = total.split([*(x.numel() for x in parameters), len(known)])
    for parameter, mean, there in zip(parameters, means, knowing.tolist(), strict=True):
        if there:
            gradient = torch.empty_like(parameter) if parameter.grad is None else parameter.grad
            parameter.grad = gradient.copy_(mean.view_as(parameter))


def mean_figures(figures: Mapping[str, float]) -> dict[str, float]:
    """Figures for the curves, their mean over the processes."""
    if count() == 1:
        return dict(figures)
    return dict(zip(figures, _sum(list(figures.values())).div(count()).tolist(), strict=True))


def all_say(word: bool) -> bool:
    """Whether all processes say so; none goes on before all have said something."""
    return word if count() == 1 else bool(_sum([float(word)]).item() == count())


def _sum(values: list[float]) -> Tensor:
    device = "cuda" if dist.get_backend() == "nccl" else "cpu"
    total = torch.tensor(values, dtype=torch.float64, device=device)
    with lost():
        dist.all_reduce(total)
    return total


@contextmanager
def lost() -> Iterator[None]:
    """What torch raises where another process does not answer, as `ProcessLost`."""
    try:
        yield
    except RuntimeError as error:
        raise ProcessLost(
            "another process of the training is gone or cannot be reached; run again to go on from "
            "the last saved state. Machines with several network interfaces are told which one by "
            "GLOO_SOCKET_IFNAME, for GPUs NCCL_SOCKET_IFNAME"
        ) from error
