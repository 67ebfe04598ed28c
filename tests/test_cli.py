"""What the project changes of Kedro's own commands."""

from typing import Any

import pytest

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
