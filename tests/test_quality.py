"""Style, types, the direction of imports, and what the repository holds."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

DATA = {
    "arrays and tables": (".npy", ".npz", ".parquet", ".csv", ".idx", ".mat", ".h5"),
    "weights": (".safetensors", ".pt", ".pth", ".ckpt", ".onnx", ".pkl", ".joblib"),
    "films": (".avi", ".mp4", ".mov", ".mkv", ".webm"),
    "databases": (".db", ".sqlite", ".sqlite3"),
    "archives": (".zip", ".gz", ".tar", ".7z", ".bz2", ".xz"),
}

LARGEST = 2_000_000
"""Bytes; the largest thing that belongs here is the film on top of the README."""


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "command",
    [
        ("-m", "ruff", "check", "."),
        ("-m", "ruff", "format", "--check", "."),
        ("-m", "mypy"),
        ("-c", "from importlinter.cli import lint_imports_command as lint; lint()"),
    ],
    ids=["ruff", "format", "mypy", "imports"],
)
def test_tools_find_nothing(command: tuple[str, ...]) -> None:
    done = run(sys.executable, *command)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def tracked() -> list[str]:
    """Every file that git tracks."""
    done = run("git", "ls-files", "-z")
    if done.returncode:
        pytest.skip("not a git checkout")
    return [name for name in done.stdout.split("\0") if name]


@pytest.mark.parametrize("kind", DATA)
def test_the_repository_holds_no_data(tracked: list[str], kind: str) -> None:
    assert [name for name in tracked if name.lower().endswith(DATA[kind])] == []


def test_the_repository_holds_nothing_large(tracked: list[str]) -> None:
    files = [ROOT / name for name in tracked]
    assert [str(path) for path in files if path.is_file() and path.stat().st_size > LARGEST] == []


def test_layers_of_data_are_empty_and_runs_are_not_tracked(tracked: list[str]) -> None:
    assert {Path(name).name for name in tracked if name.startswith("data/")} <= {".gitkeep"}
    assert not [name for name in tracked if name.startswith(("mlruns/", "mlartifacts/"))]
