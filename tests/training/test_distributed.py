"""Several processes that train one network end as one process does."""

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


def trained(
    store: Path, folder: Path, count: int, dies: int = 0, kind: str = "unet", **settings: Any
) -> dict[str, torch.Tensor]:
    """Weights of a network that so many processes have trained."""
    meeting = dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    with ExitStack() as stack:
        # a pool each: one that loses a process ends the others
        pools = [stack.enter_context(worker_processes(1)) for _ in range(count)]
        asked = [
            pool.submit(
                train_shared,
                kind,
                store,
                folder,
                {**SETTINGS, **settings},
                (meeting.port, rank, count),
                dies,
            )
            for rank, pool in enumerate(pools)
        ]
        for done in asked:
            done.result(timeout=300)
    return load_file(folder / "weights.safetensors")


@pytest.fixture(scope="module")
def alone(store: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, torch.Tensor]:
    """Weights that one process ends with."""
    return trained(store, tmp_path_factory.mktemp("alone"), 1)


def assert_same(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    assert expected.keys() == found.keys()
    for name, weight in expected.items():
        torch.testing.assert_close(found[name], weight, atol=1e-5, rtol=0)


def test_two_processes_end_with_the_weights_of_one(
    store: Path, tmp_path: Path, alone: dict[str, torch.Tensor]
) -> None:
    assert_same(trained(store, tmp_path, 2), alone)
    history = Checkpoint(tmp_path).history()
    assert history["step"].tolist() == [2, 4, 6]
    assert not Checkpoint(tmp_path).state.exists()


def test_people_whose_windows_share_little_are_learned_alike(store: Path, tmp_path: Path) -> None:
    """The first process has the windows without labels: what counts is unequally shared."""
    weights = [
        trained(store, tmp_path / str(count), count, kind="people", steps=4) for count in (1, 2)
    ]
    for found in weights:
        # a soft-argmax does not feel it: its gradient is rounding alone
        found.pop("reader.votes.bias")
    assert_same(weights[1], weights[0])


def test_a_process_that_dies_ends_the_training_which_goes_on_later(
    store: Path, tmp_path: Path, alone: dict[str, torch.Tensor]
) -> None:
    with pytest.raises(ProcessLost, match="is gone or cannot be reached; run again"):
        trained(store, tmp_path, 2, dies=4)
    assert read_state(Checkpoint(tmp_path).state)["step"] == 4
    assert_same(trained(store, tmp_path, 1), alone)


def test_fewer_windows_than_processes_are_refused(store: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="batch_size: 1, but 2 processes"):
        trained(store, tmp_path, 2, steps=2, batch_size=1)
