"""Pages of `docs/`, followed as they stand by someone who has the project and the page."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from projects import ROOT, new_project


class Walkthrough:
    """A page that adds something to the project, and a project in which that was done.

    Args:
        page: File name in `docs/`.
        folder: Where the project comes.
    """

    def __init__(self, page: str, folder: Path) -> None:
        self.text = (ROOT / "docs" / page).read_text()
        self.project = new_project(folder)
        shutil.rmtree(self.project / "src")
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "src", self.project / "src", ignore=ignored)
        self._write_files()
        self._change_lines()

    @property
    def commands(self) -> list[str]:
        """The page's commands."""
        return [command.strip() for command in self.blocks("console")]

    def blocks(self, kind: str) -> list[str]:
        """The page's blocks of code in a language."""
        return re.findall(rf"```{kind}\n(.*?)```", self.text, re.DOTALL)

    def kedro(self, command: str) -> None:
        """Run one of the page's commands."""
        path = os.pathsep.join([str(self.project / "src"), os.environ.get("PYTHONPATH", "")])
        done = subprocess.run(
            [sys.executable, "-m", *shlex.split(command)],
            cwd=self.project,
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]

    def _write_files(self) -> None:
        """Files are named in a line of their own before their block."""
        named = re.findall(r"^`((?:src|conf)/\S+)`.*?```\w+\n(.*?)```", self.text, re.M | re.S)
        assert named
        for name, block in named:
            (self.project / name).write_text(block)

    def _change_lines(self) -> None:
        """Blocks of differences change the file that is named last before them."""
        for place in re.finditer(r"```diff\n(.*?)```", self.text, re.S):
            name = re.findall(r"In `(\S+)`", self.text[: place.start()])[-1]
            lines = place[1].splitlines()
            before = "\n".join(line[1:] for line in lines if line[0] != "+")
            after = "\n".join(line[1:] for line in lines if line[0] != "-")
            text = (self.project / name).read_text()
            assert text.count(before) == 1, f"{name} no longer has {before!r}"
            (self.project / name).write_text(text.replace(before, after))
