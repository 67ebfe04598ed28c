"""`docs/add_a_source.md`, followed as it stands."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from docs.pages import Walkthrough

FEW = (
    "ball.train=24,ball.test=12,ball.mse.steps=8,ball.mse.warmup=2,ball.gan.steps=3,"
    "ball.gan.discriminator_warmup=2,ball.mse.batch_size=4,ball.gan.batch_size=4,"
    "ball.text_to_image.steps=3,ball.text_to_image.discriminator_warmup=2,ball.classifier.steps=3,"
    "ball.image_evaluation.sample_every=2,ball.image_evaluation.pictures=16,"
    "ball.evaluation.films=4,ball.evaluation.long_steps=12,ball.evaluation.sheet_films=2,"
    "ball.benchmark.minutes=0.01,ball.text_to_video.samples=2,ball.text_to_video.steps=4"
)
"""What the page trains for minutes, in seconds."""


@pytest.mark.slow
def test_the_page_adds_a_source_as_it_stands(tmp_path: Path) -> None:
    page = Walkthrough("add_a_source.md", tmp_path / "project")
    project, (train, animate) = page.project, page.commands
    # the page has a block of parameters for every pipeline
    parameters = yaml.safe_load(page.blocks("yaml")[0])["ball"]
    assert {"mse", "gan", "benchmark", "text_to_image"} <= parameters.keys()
    page.kedro(f"{train},ball_text_to_image --params={FEW}")

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
    page.kedro(animate)
    made = {path.name for path in (project / "data" / "08_reporting" / "animate").rglob("*.*")}
    assert {f"ball_the-large-ball-is-rolling-to-the-left.{x}" for x in ("gif", "mp4")} <= made
    page.kedro(f"kedro run --pipelines=ball_text_to_video,ball_benchmark --params={FEW}")
    assert len(list((report / "text_to_video").glob("*.mp4"))) == 2
    benchmark = pd.read_csv(report / "benchmark_scores.csv")
    assert {"copy_last", "ours", "original"} <= set(benchmark["model"])
