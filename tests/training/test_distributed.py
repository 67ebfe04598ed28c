"""Several processes that train one network end as one process does."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from safetensors.torch import load_file

from toys import block_store, train_shared
from videogeneration.distributed import ProcessLost
from videogeneration.sources.processes import worker_processes
from videogeneration.training.checkpoints import Checkpoint, read_state

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return block_store(tmp_path_factory.mktemp("blocks") / "clips", each=4).folder


SETTINGS = {"steps": 6, "batch_size": 5, "warmup": 1, "learning_rate": 3e-4}
"""An odd batch: shares of two and three windows, with different numbers of true frames."""


Pools = Sequence[ProcessPoolExecutor]


@pytest.fixture(scope="module")
def pools() -> Iterator[Pools]:
    """Two processes that trainings share in turn: their imports take longer than these."""
    with ExitStack() as stack:
        yield new_pools(stack)


def new_pools(stack: ExitStack) -> Pools:
    # a pool each: one that loses a process ends the others
    return [stack.enter_context(worker_processes(1)) for _ in range(2)]


def trained(
    pools: Pools, store: Path, folder: Path, dies: int = 0, kind: str = "unet", **settings: Any
) -> dict[str, torch.Tensor]:
    """Weights of a network that these processes have trained."""
    meeting = dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    asked = [
        pool.submit(
            train_shared,
            kind,
            store,
            folder,
            {**SETTINGS, **settings},
            (meeting.port, rank, len(pools)),
            dies,
        )
        for rank, pool in enumerate(pools)
    ]
    for done in asked:
        done.result(timeout=300)
    return load_file(folder / "weights.safetensors")


@pytest.fixture(scope="module")
def alone(
    pools: Pools, store: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, torch.Tensor]:
    """Weights that one process ends with."""
    return trained(pools[:1], store, tmp_path_factory.mktemp("alone"))


def assert_same(
    found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor], apart: float = 1e-5
) -> None:
    assert expected.keys() == found.keys()
    for name, weight in expected.items():
        torch.testing.assert_close(
            found[name], weight, atol=apart, rtol=0, msg=lambda said, name=name: f"{name}: {said}"
        )


def test_two_processes_end_with_the_weights_of_one(
    pools: Pools, store: Path, tmp_path: Path, alone: dict[str, torch.Tensor]
) -> None:
    assert_same(trained(pools, store, tmp_path), alone)
    history = Checkpoint(tmp_path).history()
    assert history["step"].tolist() == [2, 4, 6]
    assert not Checkpoint(tmp_path).state.exists()


def test_people_whose_windows_share_little_are_learned_alike(
    pools: Pools, store: Path, tmp_path: Path
) -> None:
    """The first process has the windows without labels: what counts is unequally shared."""
    weights = [
        trained(pools[:count], store, tmp_path / str(count), kind="people", steps=4)
        for count in (1, 2)
    ]
    for found in weights:
        # softmaxes do not feel them: their gradients are rounding alone
        for name in ("reader.votes.bias", "renderer.choice.2.bias"):
            found.pop(name)
    # Adam makes a step of what is rounding, a weight in ten thousands; four in four steps at most
    assert_same(weights[1], weights[0], apart=4 * SETTINGS["learning_rate"])
    apart = [(weights[1][name].float() - x.float()).abs() for name, x in weights[0].items()]
    share = torch.cat([x.flatten() for x in apart]).gt(3e-5).float().mean()
    assert share < 1e-3


def test_a_process_that_dies_ends_the_training_which_goes_on_later(
    pools: Pools, store: Path, tmp_path: Path, alone: dict[str, torch.Tensor]
) -> None:
    lost = pytest.raises(ProcessLost, match="is gone or cannot be reached; run again")
    with ExitStack() as stack, lost:
        trained(new_pools(stack), store, tmp_path, dies=4)
    assert read_state(Checkpoint(tmp_path).state)["step"] == 4
    assert_same(trained(pools[:1], store, tmp_path), alone)


def test_fewer_windows_than_processes_are_refused(
    pools: Pools, store: Path, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="batch_size: 1, but 2 processes"):
        trained(pools, store, tmp_path, steps=2, batch_size=1)
