"""Style, types, the direction of imports, and what the repository holds."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
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


@pytest.mark.slow
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


def test_every_import_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {_normal(re.split(r"[\[~<>=!; ]", line)[0]) for line in project["dependencies"]}
    distributions, undeclared = packages_distributions(), set()
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            else:
                continue
            for module in {name.split(".")[0] for name in names}:
                if module in sys.stdlib_module_names or module == project["name"]:
                    continue
                if not declared & {_normal(name) for name in distributions.get(module, [module])}:
                    undeclared.add(f"{path.relative_to(ROOT)}: {module}")
    assert undeclared == set()


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.fixture(scope="module")
def tracked() -> list[str]:
    """Every file that git tracks, but for the networks that come along."""
    done = run("git", "ls-files", "-z")
    if done.returncode:
        pytest.skip("not a git checkout")
    names = [name for name in done.stdout.split("\0") if name]
    return [name for name in names if not name.startswith("src/videogeneration/networks/")]


@pytest.mark.parametrize("kind", DATA)
def test_the_repository_holds_no_data(tracked: list[str], kind: str) -> None:
    assert [name for name in tracked if name.lower().endswith(DATA[kind])] == []


def test_the_repository_holds_nothing_large(tracked: list[str]) -> None:
    files = [ROOT / name for name in tracked]
    assert [str(path) for path in files if path.is_file() and path.stat().st_size > LARGEST] == []


def test_layers_of_data_are_empty_and_runs_are_not_tracked(tracked: list[str]) -> None:
    assert {Path(name).name for name in tracked if name.startswith("data/")} <= {".gitkeep"}
    assert not [name for name in tracked if name.startswith(("mlruns/", "mlartifacts/"))]
