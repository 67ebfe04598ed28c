"""`docs/add_a_source.md`, followed as it stands by someone who has the project and the page."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from projects import ROOT, new_project

PAGE = (ROOT / "docs" / "add_a_source.md").read_text()

FEW = (
    "ball.train=24,ball.test=12,ball.mse.steps=8,ball.mse.warmup=2,ball.gan.steps=3,"
    "ball.gan.discriminator_warmup=2,ball.mse.batch_size=4,ball.gan.batch_size=4,"
    "ball.text_to_image.steps=3,ball.text_to_image.discriminator_warmup=2,ball.classifier.steps=3,"
    "ball.image_evaluation.sample_every=2,ball.benchmark.minutes=0.01"
)
"""What the page trains for minutes, in seconds."""


def blocks(kind: str) -> list[str]:
    """The page's blocks of code in a language."""
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)


def follow_the_page(project: Path) -> None:
    """Write the files that the page has, and change the lines that it changes."""
    shutil.rmtree(project / "src")
    shutil.copytree(ROOT / "src", project / "src", ignore=shutil.ignore_patterns("__pycache__"))
    module, parameters = re.findall(r"^`((?:src|conf)/\S+)`", PAGE, re.MULTILINE)
    (project / module).write_text(blocks("python")[0])
    (project / parameters).write_text(blocks("yaml")[0])
    registry = project / re.findall(r"In `(\S+)`", PAGE)[0]
    text = registry.read_text()
    for diff in blocks("diff"):
        lines = diff.splitlines()
        before = "\n".join(line[1:] for line in lines if line[0] != "+")
        after = "\n".join(line[1:] for line in lines if line[0] != "-")
        assert text.count(before) == 1, f"{registry.name} no longer has {before!r}"
        text = text.replace(before, after)
    registry.write_text(text)


def kedro(project: Path, command: str) -> None:
    """Run one of the page's commands."""
    path = os.pathsep.join([str(project / "src"), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-m", *_words(command)],
        cwd=project,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]


def _words(command: str) -> list[str]:
    """A command's words, quotes taken off."""
    return [word.replace('"', "") for word in re.findall(r'(?:[^\s"]|"[^"]*")+', command)]


@pytest.mark.slow
def test_the_page_adds_a_source_as_it_stands(tmp_path: Path) -> None:
    project = new_project(tmp_path / "project")
    follow_the_page(project)
    # the page has a block of parameters for every pipeline
    assert {"mse", "gan", "benchmark", "text_to_image"} <= yaml.safe_load(blocks("yaml")[0])[
        "ball"
    ].keys()
    train, animate = (command.strip() for command in blocks("console"))
    kedro(project, f"{train},ball_text_to_image --params={FEW}")

    report = project / "data" / "08_reporting" / "ball"
    scores = pd.read_csv(report / "scores.csv")
    assert {"copy_last", "mse", "gan"} <= set(scores["model"])
    assert set(scores["protocol"]) == {"1to10", "5to10"}
    following = pd.read_csv(report / "caption_following.csv").set_index(["model", "caption"])
    assert following.loc[("truth", "own"), "rate"] == 1
    assert following.loc[("copy_last", "own"), "followed"] == 0
    assert {("mse", "swapped"), ("gan", "own")} <= set(following.index)
    for name in ("preview_sheet", "contact_sheet", "text_to_image_sheet"):
        with Image.open(report / f"{name}.png") as sheet:
            assert min(sheet.size) > 100
    films = {path.name for path in report.rglob("*") if path.suffix in (".gif", ".mp4")}
    assert {"1to10.gif", "1to10.mp4", "5to10.gif"} <= films

    picture = np.zeros((80, 80), np.uint8)
    picture[30:60, 30:60] = 255
    Image.fromarray(picture).save(project / "ball.png")
    kedro(project, animate)
    made = {path.name for path in (project / "data" / "08_reporting" / "animate").rglob("*.*")}
    assert {"ball.gif", "ball.mp4"} <= made
    kedro(project, f"kedro run --pipelines=ball_text_to_video,ball_benchmark --params={FEW}")
    assert len(list((report / "text_to_video").glob("*.mp4"))) == 2
    benchmark = pd.read_csv(report / "benchmark_scores.csv")
    assert {"copy_last", "ours", "original"} <= set(benchmark["model"])
