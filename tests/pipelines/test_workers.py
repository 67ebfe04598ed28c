"""Several processes train within one run: by a parameter, and started by torchrun."""

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import pytest
import torch
import yaml
from kedro.framework.startup import bootstrap_project
from kedro.validation.exceptions import ParameterValidationError
from safetensors.torch import load_file

from projects import ROOT, TINY, new_project, run

pytestmark = pytest.mark.slow

MNIST: dict[str, Any] = {
    "counts": {"train": 6, "validation": 1, "test": 2, "held_out": 1},
    "network": {"name": "unet", "unet": {"widths": [16, 32], "embedding": 16}},
    # float32, the square error alone, and nothing drawn within the network
    "mse": {"steps": 6, "batch_size": 5, "warmup": 1, "learning_rate": 3e-4},
}

TRAIN = ["mnist.training.train_mse"]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project with clips, in which one process has trained."""
    folder = new_project(tmp_path_factory.mktemp("project"))
    settings = yaml.safe_dump({**TINY, "mnist": MNIST})
    (folder / "conf" / "local" / "parameters.yml").write_text(settings)
    bootstrap_project(folder)
    run(folder, "mnist_mse", ["mnist.data.make_clips", "mnist.data.encode_captions", *TRAIN])
    yield folder
    mlflow.set_tracking_uri(None)


@pytest.fixture
def alone(project: Path) -> Iterator[dict[str, torch.Tensor]]:
    """Its weights; what is trained is forgotten."""
    folder = project / "data" / "06_models" / "mnist" / "mse"
    weights = load_file(folder / "weights.safetensors")
    kept = folder.rename(folder.with_name("kept"))
    yield weights
    shutil.rmtree(folder, ignore_errors=True)
    kept.rename(folder)


def count_runs(project: Path) -> int:
    client = mlflow.MlflowClient(f"sqlite:///{project / 'mlflow.db'}")
    return len(client.search_runs(["1"]))


def assert_trained(project: Path, expected: dict[str, torch.Tensor]) -> None:
    folder = project / "data" / "06_models" / "mnist" / "mse"
    found = load_file(folder / "weights.safetensors")
    for name, weight in expected.items():
        torch.testing.assert_close(found[name], weight, atol=1e-5, rtol=0)


def test_a_parameter_says_how_many(project: Path, alone: dict[str, torch.Tensor]) -> None:
    before = count_runs(project)
    bootstrap_project(project)
    run(project, "mnist_mse", TRAIN, compute={**TINY["compute"], "processes": 2})
    assert_trained(project, alone)
    assert count_runs(project) == before + 1


def test_torchrun_starts_the_run_once_and_the_others_help(
    project: Path, alone: dict[str, torch.Tensor]
) -> None:
    before = count_runs(project)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=1", "--nnodes=2"]
    command += ["--master-addr=127.0.0.1", f"--master-port={port}"]
    asked = ["-m", "kedro", "run", "--pipelines=mnist_mse", f"--nodes={TRAIN[0]}"]
    hosts = [
        subprocess.Popen(
            [*command, f"--node-rank={rank}", *asked],
            cwd=project,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(2)
    ]
    said = [host.communicate(timeout=300)[0] for host in hosts]
    assert [host.returncode for host in hosts] == [0, 0], said
    assert_trained(project, alone)
    assert count_runs(project) == before + 1
    assert re.search("MLflow run", said[0]) and not re.search("MLflow run", said[1])


def test_a_number_that_cannot_be_is_refused(project: Path) -> None:
    bootstrap_project(project)
    # as all settings say it, before anything is made
    with pytest.raises(ParameterValidationError, match="processes: 0 should be greater than"):
        run(project, "mnist_mse", TRAIN, compute={**TINY["compute"], "processes": 0})
