"""`docs/add_a_network.md`, followed as it stands."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from docs.pages import Walkthrough

FEW = (
    "icons.counts.train=40,icons.counts.validation=2,icons.counts.test=8,icons.counts.held_out=4,"
    "icons.mse.steps=6,icons.mse.warmup=2,icons.mse.batch_size=4,icons.evaluation.films=4,"
    "icons.evaluation.long_steps=12,icons.evaluation.sheet_films=2"
)
"""What the page trains for minutes, in seconds."""


@pytest.mark.slow
def test_the_page_adds_a_network_as_it_stands(tmp_path: Path) -> None:
    page = Walkthrough("add_a_network.md", tmp_path / "project")
    project, (train, animate) = page.project, page.commands
    page.kedro(f"{train},{FEW}")
    report, models = (project / "data" / x / "icons" for x in ("08_reporting", "06_models"))
    described = json.loads((models / "mse" / "config.json").read_text())
    assert described["network"] == "small"
    assert described["config"]["channels"] == 16
    assert {"copy_last", "mse"} <= set(pd.read_csv(report / "scores.csv")["model"])
    following = pd.read_csv(report / "caption_following.csv")
    assert {("mse", "own"), ("mse", "swapped")} <= set(
        zip(following["model"], following["caption"], strict=True)
    )
    films = {path.name for path in report.rglob("*.mp4")}
    assert "1to10.mp4" in films

    picture = np.zeros((80, 80), np.uint8)
    picture[30:60, 30:60] = 255
    Image.fromarray(picture).save(project / "house.png")
    page.kedro(animate)
    made = {path.name for path in (project / "data" / "08_reporting" / "animate").rglob("*.*")}
    assert {f"house_the-house-is-moving-up-and-down.{x}" for x in ("gif", "mp4")} <= made
