"""What the project changes of Kedro's own commands."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from projects import ROOT
from videogeneration.cli import cli


def parsed(params: str) -> Any:
    """What `kedro run --params=...` makes of its text."""
    return cli.commands["run"].make_context("run", [f"--params={params}"]).params["params"]


@pytest.mark.parametrize(
    "path",
    ["2024", "007", "2024.10", "a: b.jpg", "#1.jpg", "photo #1.jpg", "[a].jpg", "@a.jpg", "yes",
     "- a", "*.jpg", "Köln \\ 1.jpg", "x=y.jpg", "~/photo.jpg"],
)  # fmt: skip
def test_paths_are_taken_as_they_stand(path: str) -> None:
    expected = {"animate": {"image": path, "steps": 3}, "mnist": {"folder": path}}
    assert parsed(f"animate.image={path}, animate.steps=3,mnist.folder={path}") == expected


def test_what_is_quoted_null_or_no_path_is_read_as_before() -> None:
    assert parsed("kth.folder='2024',mnist.folder=null,kth.actions=[boxing]") == {
        "kth": {"folder": "2024", "actions": ["boxing"]},
        "mnist": {"folder": None},
    }
    assert parsed("") == {}


@pytest.mark.slow
def test_the_installed_package_runs_where_no_project_lies(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    (tmp_path / "photo.jpg").write_text("no picture")
    asked = "--params=animate.image=photo.jpg,animate.caption=walk left"
    done = subprocess.run(
        [sys.executable, "-m", "videogeneration", "--pipelines=animate", asked],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("Error: image: photo.jpg: no picture that")
    # nothing is told to anybody, as in a project
    assert "usage data" not in done.stdout + done.stderr
