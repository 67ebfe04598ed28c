"""The pipelines, run by Kedro in a project of their own with tiny settings."""

import json
import logging
import math
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import av
import mlflow
import pandas as pd
import pytest
from click.testing import CliRunner
from kedro.framework.project import pipelines
from kedro.framework.startup import bootstrap_project
from PIL import Image

from projects import ROOT, TINY, new_project, run
from servers import served_command
from videogeneration.captions import ActionGrammar, action_caption
from videogeneration.cli import cli
from videogeneration.data.clips import Clips
from videogeneration.evaluation.predictions import Predictions
from videogeneration.evaluation.scoring import summarise
from videogeneration.mistakes import mistake
from videogeneration.training import speed
from videogeneration.training.checkpoints import Checkpoint

pytestmark = pytest.mark.slow

SCORES = [
    "model",
    "protocol",
    "step",
    "n",
    "psnr",
    "ssim",
    "foreground_psnr",
    "presence",
    "position_error",
    "sharpness",
]
"""What every table has; more may follow."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project in which `kth_gan` has run once."""
    folder = new_project(tmp_path_factory.mktemp("project"))
    before = Path.cwd()
    os.chdir(folder)
    try:
        bootstrap_project(folder)
        run(folder, "kth_gan")
        yield folder
    finally:
        mlflow.set_tracking_uri(None)
        os.chdir(before)


def test_kedro_run_without_a_name_needs_no_settings(project: Path) -> None:
    """Kedro checks the settings of every pipeline then, of those too that ask for something."""
    run(project, None, ["kth.data.preview"])


def test_pipelines_by_name() -> None:
    bootstrap_project(ROOT)
    stages = ("data", "mse", "gan", "benchmark", "text_to_image", "text_to_video")
    expected = {f"{s}_{p}" for s in ("kth", "icons", "mnist") for p in stages}
    assert expected | {"__default__", "animate"} <= set(pipelines)
    assert {n.name for n in pipelines["__default__"].nodes} == {
        n.name for n in pipelines["kth_gan"].nodes
    }
    for source in ("kth", "icons", "mnist"):
        data, mse, gan = (
            {node.name for node in pipelines[f"{source}_{stage}"].nodes}
            for stage in ("data", "mse", "gan")
        )
        assert data < mse < gan
        assert f"{source}.training.train_mse" in mse - data
        assert gan - mse == {f"{source}.training.train_gan"}


def reporting(project: Path) -> Path:
    return project / "data" / "08_reporting" / "kth"


def test_scores_have_the_columns_of_the_contract(project: Path) -> None:
    scores = pd.read_csv(reporting(project) / "scores.csv")
    assert list(scores.columns[: len(SCORES)]) == SCORES
    assert {"left_in_time", "n_figure", "n_left", "frechet"} <= set(scores.columns)
    assert {"copy_last", "mse", "gan"} <= set(scores["model"])
    assert set(scores["protocol"]) == {"1to10", "5to10"}
    for _, rows in scores.groupby(["model", "protocol"]):
        assert rows["step"].tolist() == list(range(1, len(rows) + 1))
        assert len(rows) <= 10
        assert (rows["n"].diff().dropna() <= 0).all()
        assert rows["n"].iloc[0] >= 1
        # of whole films, at the last step
        last = rows["step"].max()
        assert rows["frechet"].notna().tolist() == [step == last for step in rows["step"]]
    assert scores["psnr"].between(1, 100).all()
    assert scores["ssim"].between(-1, 1).all()
    # the same films for every model
    for _, rows in scores.groupby(["protocol", "step"]):
        assert rows["n"].nunique() == 1


@pytest.mark.parametrize("width", [1280, 390])
def test_the_report_is_one_page_that_needs_nothing_else(
    project: Path, browser: Any, width: int
) -> None:
    path = reporting(project) / "report.html"
    assert path.stat().st_size < 10_000_000
    page, asked, errors = browser.new_page(viewport={"width": width, "height": 844}), [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: errors.append(error))
    page.goto(path.as_uri())
    # films play while they are in view
    page.locator("video").first.scroll_into_view_if_needed()
    page.wait_for_function("document.querySelector('video').currentTime > 0")
    page.click("video >> nth=0")
    assert page.evaluate("document.querySelector('video').paused")
    # the page itself does not scroll sideways; what is wider scrolls within
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("[...document.querySelectorAll('video')].every(x => x.readyState > 1)")
    assert page.evaluate("[...document.images].every(x => x.complete && x.naturalWidth)")
    assert [url for url in asked if not url.startswith("data:")] == [path.as_uri()]
    assert errors == []
    text = page.inner_text("main")
    # every sentence from one picture, the tables with their baselines, what it was made with
    shown = page.locator("#sentences ~ .films >> nth=0").locator("figcaption").all_inner_texts()
    assert sorted(shown) == sorted(ActionGrammar(("walking", "boxing")).sentences())
    scores = pd.read_csv(reporting(project) / "scores.csv")
    for model in ("truth", *scores["model"].unique()):
        assert model in text
    means = summarise(scores).set_index(["protocol", "model"])
    assert f"{means.loc[('5to10', 'gan'), 'psnr']:.2f}" in text
    clips = Clips.open(project / "data" / "03_primary" / "kth" / "clips")
    assert clips.fingerprint() in text
    page.click("text=Training of gan")
    assert "discriminator warmup" in page.inner_text("main")
    page.close()


def test_kedro_viz_plays_the_films_and_shows_the_tables(project: Path, browser: Any) -> None:
    with served_command(project, "-m", "kedro", "viz", "run", "--no-browser") as address:
        with urlopen(f"{address}/api/pipelines/kth_gan") as answer:
            graph = json.load(answer)
        stages = {"kth", "kth.data", "kth.training", "kth.evaluation"}
        assert set(graph["modular_pipelines"]) - {"__root__"} == stages
        ids = {node["name"]: node["id"] for node in graph["nodes"]}
        page = browser.new_page()
        page.goto(f"{address}/?pid=kth_gan&sid={ids['kth.films']}")
        page.wait_for_function("document.querySelector('video')?.currentTime > 0")
        page.goto(f"{address}/?pid=kth_gan&sid={ids['kth.scores_table']}")
        page.wait_for_selector("td >> text=5to10", state="attached")
        psnr = pd.read_csv(reporting(project) / "scores.csv")["psnr"].iloc[0]
        assert page.locator(f"td >> text='{float(f'{psnr:.4g}')}'").count()
        page.close()


def test_every_film_has_its_scores(project: Path) -> None:
    films = pd.read_csv(reporting(project) / "scored_films.csv")
    assert list(films.columns) == ["model", "protocol", "clip_id", *SCORES[4:], "left_in_time"]
    scores = pd.read_csv(reporting(project) / "scores.csv")
    for (model, protocol), rows in films.groupby(["model", "protocol"]):
        chosen = scores[(scores["model"] == model) & (scores["protocol"] == protocol)]
        assert rows["clip_id"].is_unique
        assert len(rows) == chosen["n"].max()
        assert chosen["psnr"].min() - 3 < rows["psnr"].mean() < chosen["psnr"].max() + 3


def test_caption_following_has_truth_own_and_swapped(project: Path) -> None:
    table = pd.read_csv(reporting(project) / "caption_following.csv")
    assert list(table.columns) == ["model", "caption", "n", "followed", "rate"]
    rows = set(zip(table["model"], table["caption"], strict=True))
    models = ("copy_last", "mse", "gan")
    assert rows == {("truth", "own")} | {(m, c) for m in models for c in ("own", "swapped")}
    assert (table["followed"] <= table["n"]).all()
    assert table["rate"].tolist() == pytest.approx((table["followed"] / table["n"]).tolist(), 1e-3)
    assert (table[table["model"] == "copy_last"]["followed"] == 0).all()


def test_following_is_told_of_every_asked_sentence(project: Path) -> None:
    table = pd.read_csv(reporting(project) / "sentence_following.csv")
    assert list(table.columns) == ["model", "caption", "asked", "n", "followed", "rate"]
    following = pd.read_csv(reporting(project) / "caption_following.csv")
    total = table.groupby(["model", "caption"], sort=False)[["n", "followed"]].sum()
    assert total.to_numpy().tolist() == following[["n", "followed"]].to_numpy().tolist()


def test_confusion_says_what_was_read_of_every_asked_sentence(project: Path) -> None:
    table = pd.read_csv(reporting(project) / "confusion.csv")
    assert list(table.columns) == ["model", "asked", "read", "n"]
    sentences = {f"a person is walking to the {side}" for side in ("left", "right")}
    sentences |= {"a person is boxing"}
    assert set(table["asked"]) == sentences
    assert set(table["read"]) <= sentences | {"nothing"}
    following = pd.read_csv(reporting(project) / "caption_following.csv")
    # every film once, and the diagonal is who has followed
    for model, rows in table.groupby("model"):
        counted = following[following["model"] == model]
        assert rows["n"].sum() == counted["n"].sum()
        assert rows[rows["asked"] == rows["read"]]["n"].sum() == counted["followed"].sum()


def test_long_films_are_scored(project: Path) -> None:
    table = pd.read_csv(reporting(project) / "long.csv")
    assert table["model"].tolist() == ["copy_last", "mse", "gan"]
    assert set(table["steps"]) == {12}


def films_drawn(project: Path) -> dict[str, int]:
    """When the predictions were written, and the networks."""
    folder = project / "data"
    files = [folder / "07_model_output" / "kth" / "predictions" / "frames.arrow"]
    files += sorted((folder / "06_models").rglob("*.safetensors"))
    return {str(path): path.stat().st_mtime_ns for path in files}


def test_every_film_is_drawn_once(project: Path) -> None:
    predictions = Predictions.open(project / "data" / "07_model_output" / "kth" / "predictions")
    columns = ["model", "protocol", "kind", "clip_id", "sentence"]
    assert not predictions.table.duplicated(columns).any()
    kinds = {"protocol", "own", "swapped", "long", "every_sentence"}
    assert set(predictions.table["kind"]) == kinds
    for film in predictions.select():
        assert predictions.frames(film.film).shape == (film.steps, 32, 32)


def test_scores_can_be_made_again_without_training_or_drawing(project: Path) -> None:
    before, folder = films_drawn(project), reporting(project)
    tables = ("scores", "caption_following", "long")
    kept = {name: (folder / f"{name}.csv").read_text() for name in tables}
    for name in tables:
        (folder / f"{name}.csv").unlink()
    again = [f"kth.evaluation.{x}" for x in READING]
    run(project, "kth_gan", from_nodes=again, tags=["evaluation"])
    assert {name: (folder / f"{name}.csv").read_text() for name in tables} == kept
    assert films_drawn(project) == before


READING = ("score_models", "follow_captions", "score_long_films")


def test_tags_choose_a_stage(project: Path) -> None:
    before, folder = films_drawn(project), reporting(project)
    scores = (folder / "scores.csv").stat().st_mtime_ns
    made = [*folder.glob("*.png"), *(folder / "films").iterdir()]
    made = [path for path in made if not path.name.endswith("_losses.png")]
    for path in made:
        path.unlink()
    run(project, "kth_gan", tags=["reporting"])
    assert all(path.exists() for path in made)
    assert films_drawn(project) == before
    assert (folder / "scores.csv").stat().st_mtime_ns == scores


def test_a_run_ends_with_the_names_of_what_it_made(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(
        project,
        "kth_gan",
        ["kth.training.train_mse", "kth.evaluation.draw_sheets", "kth.evaluation.show_films"],
    )
    said = capsys.readouterr()
    sheets = ("contact", "caption", "long", "best_and_worst")
    made = {f"data/08_reporting/kth/{name}_sheet.png" for name in sheets}
    made |= {"data/08_reporting/kth/films", "data/06_models/kth/mse"}
    assert {line.strip() for line in said.out.splitlines() if "data/" in line} == made
    assert all((project / name).exists() for name in made)
    # bars are for terminals
    assert "\r" not in said.out + said.err


def test_every_node_has_the_tag_of_its_stage() -> None:
    bootstrap_project(ROOT)
    stages = {"data", "training", "evaluation", "reporting"}
    for pipeline in pipelines.values():
        for node in pipeline.nodes:
            assert node.tags & stages, node.name
    tagged = {
        tag: {node.name for node in pipelines["kth_gan"].nodes if tag in node.tags}
        for tag in stages
    }
    assert tagged["training"] == {
        "kth.training.train_judge",
        "kth.training.train_mse",
        "kth.training.train_gan",
    }
    assert tagged["evaluation"] == {
        "kth.evaluation.predict",
        *(f"kth.evaluation.{name}" for name in READING),
    }
    assert "kth.data.make_clips" in tagged["data"]
    assert "kth.evaluation.draw_sheets" in tagged["reporting"]


def test_clips_follow_the_contract(project: Path) -> None:
    clips = Clips.open(project / "data" / "03_primary" / "kth" / "clips")
    assert clips.size == (32, 32)
    table = clips.table
    assert {"subject", "action", "scenario", "sequence", "direction"} <= set(table.columns)
    for action, direction, caption in zip(
        table["action"], table["direction"], table["caption"], strict=True
    ):
        assert caption == action_caption(action, direction if action == "walking" else None)
    # by subject, never by window; every fourth where the split leaves nobody for testing
    recorded = table[~table["clip_id"].str.startswith("film")]
    assert len(table) - len(recorded) == TINY["kth"]["people"]["films"]  # type: ignore[index]
    assert recorded.groupby("subject")["split"].nunique().eq(1).all()
    assert set(table[table["split"] == "test"]["subject"]) == {4}
    report = json.loads((reporting(project) / "clips_report.json").read_text())
    assert "every fourth" in report["note"]


def test_pictures_and_plots_exist(project: Path) -> None:
    sheets = [f"{x}_sheet" for x in ("preview", "contact", "caption", "long", "best_and_worst")]
    for name in (*sheets, "score_plot", "confusion_plot"):
        with Image.open(reporting(project) / f"{name}.png") as picture:
            assert min(picture.size) > 100, name
    for name in ("mse_losses", "gan_losses", "judge_losses"):
        assert (reporting(project) / f"{name}.png").exists()


def test_the_notebook_reads_a_run(project: Path) -> None:
    """In IPython, which shows objects by their names; Jupyter itself is an extra."""
    cells = json.loads((ROOT / "notebooks" / "read_a_run.ipynb").read_text())["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    # Jupyter runs it where it lies
    below = project / "notebooks"
    below.mkdir()
    (below / "cells.ipy").write_text("\n".join(code))
    words = ("-m", "IPython", "--no-banner", "--colors=NoColor", "cells.ipy")
    done = subprocess.run(
        [sys.executable, *words], cwd=below, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    films = list((reporting(project) / "films").glob("*.mp4"))
    assert done.stdout.count("display.Video object") == len(films) > 0
    assert done.stdout.count("display.Image object") == len(["mse", "gan", "judge"]) + 3
    # what it has shown of somebody's run is not kept with it
    assert all(not cell.get("outputs") for cell in cells)


def test_films_are_gif_and_h264(project: Path) -> None:
    for protocol, frames in (("1to10", 11), ("5to10", 15)):
        with Image.open(reporting(project) / "films" / f"{protocol}.gif") as gif:
            assert getattr(gif, "n_frames", 1) > 1
        with av.open(str(reporting(project) / "films" / f"{protocol}.mp4")) as film:
            assert film.streams.video[0].codec_context.name == "h264"
            assert 2 <= sum(1 for _ in film.decode(video=0)) <= frames


def test_mlflow_has_parameters_curves_scores_and_pictures(project: Path) -> None:
    client = mlflow.MlflowClient(f"sqlite:///{project / 'mlflow.db'}")
    (experiment,) = [e for e in client.search_experiments() if e.name == "videogeneration"]
    first = client.search_runs([experiment.experiment_id], order_by=["start_time ASC"])[0]
    assert first.info.status == "FINISHED"
    assert first.info.run_name == "kth_gan"
    # settings one by one, nested ones too, and no text of a whole class
    assert first.data.params["kth.mse.steps"] == "10"
    assert first.data.params["kth.judge.films.size"] == "32"
    assert not [name for name, value in first.data.params.items() if "Settings(" in value]
    metrics = first.data.metrics
    for name in (
        "kth/mse/loss",
        "kth/gan/discriminator_loss",
        "kth/gan/generator_loss",
        "kth/gan/accuracy_real",
        "kth/gan/accuracy_generated",
        "scores/kth/5to10/mse/foreground_psnr",
        "scores/kth/1to10/copy_last/psnr",
        "scores/kth/followed/gan/swapped",
        "scores/kth/followed/truth/own",
        "scores/kth/followed_sentence/mse/own/a person is boxing",
        "kth/judge/right",
        "scores/kth/5to10/mse/frechet",
        "scores/kth/1to10/mse/sharpness",
    ):
        assert name in metrics, name
        assert math.isfinite(metrics[name]), name
    curve = client.get_metric_history(first.info.run_id, "kth/mse/loss")
    assert [point.step for point in curve] == [10]
    by_step = client.get_metric_history(first.info.run_id, "kth/steps/1to10/copy_last/psnr")
    scores = pd.read_csv(reporting(project) / "scores.csv")
    rows = scores[(scores["model"] == "copy_last") & (scores["protocol"] == "1to10")]
    assert [point.step for point in by_step] == rows["step"].tolist()
    assert [point.value for point in by_step] == pytest.approx(rows["psnr"].tolist())
    kept = {file.path for file in client.list_artifacts(first.info.run_id, "kth")}
    reports = {"scores.csv", "confusion.csv", "confusion_plot.png", "models"}
    assert {f"kth/{name}" for name in reports} <= kept
    # what MLflow shows side by side when runs are compared lies at the root
    kept = {file.path for file in client.list_artifacts(first.info.run_id)}
    shown = {"report.html", "1to10.gif", "5to10.mp4", "contact_sheet.png", "long_sheet.png"}
    assert shown <= kept


def test_mlflow_shows_the_report_and_its_films_play(project: Path, browser: Any) -> None:
    client = mlflow.MlflowClient(f"sqlite:///{project / 'mlflow.db'}")
    (experiment,) = [e for e in client.search_experiments() if e.name == "videogeneration"]
    first = client.search_runs([experiment.experiment_id], order_by=["start_time ASC"])[0]
    place = f"/#/experiments/{experiment.experiment_id}/runs/{first.info.run_id}"
    words = ("-m", "mlflow", "ui", f"--backend-store-uri=sqlite:///{project / 'mlflow.db'}")
    with served_command(project, *words, "--workers=1") as address:
        page = browser.new_page()
        page.goto(f"{address}{place}/artifacts/report.html")
        report = page.frame_locator("iframe")
        report.locator("video").first.scroll_into_view_if_needed()
        playing = "film => film.currentTime > 0 || new Promise(x => film.ontimeupdate = x)"
        report.locator("video").first.evaluate(playing)
        page.close()


def test_checkpoints_can_be_used(project: Path) -> None:
    for name in ("mse", "gan", "judge"):
        checkpoint = Checkpoint(project / "data" / "06_models" / "kth" / name)
        checkpoint.load()
        assert not checkpoint.state.exists()


def weights(project: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path): (path.stat().st_mtime_ns, path.read_bytes())
        for path in (project / "data" / "06_models").rglob("*.safetensors")
    }


TRAINING = ["kth.training.train_mse", "kth.training.train_gan", "kth.training.train_judge"]
IMAGES = [
    f"kth.images.{name}"
    for name in ("train_text_to_image", "train_classifier", "score_images", "draw_image_sheet")
]


def test_text_to_image_draws_scores_and_is_not_repeated(
    project: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = project / "data" / "06_models" / "kth"
    try:
        run(project, "kth_text_to_image", IMAGES)
        assert type(Checkpoint(folder / "text_to_image").load()).__name__ == "ImageGenerator"
        scores = pd.read_csv(reporting(project) / "image_scores.csv")
        assert list(scores.columns) == [
            "pictures",
            "n",
            "named_right",
            "diversity",
            "classifier_frechet",
        ]
        assert scores["pictures"].tolist() == ["real test", "generated"]
        assert scores["n"].nunique() == 1
        assert scores["named_right"].between(0, 1).all()
        assert "first frames drawn from sentences" in capsys.readouterr().out
        with Image.open(reporting(project) / "text_to_image_sheet.png") as sheet:
            assert min(sheet.size) > 100

        client = mlflow.MlflowClient(f"sqlite:///{project / 'mlflow.db'}")
        (experiment,) = [e for e in client.search_experiments() if e.name == "videogeneration"]
        last = client.search_runs([experiment.experiment_id], order_by=["start_time DESC"])[0]
        for name in ("generator_loss", "discriminator_loss", "accuracy_right", "accuracy_wrong"):
            assert f"kth/text_to_image/{name}" in last.data.metrics
        assert "scores/kth/pictures/generated/named_right" in last.data.metrics
        samples = client.list_artifacts(last.info.run_id, "kth/text_to_image")
        steps = [Path(file.path).name for file in samples]
        assert steps == ["step_000003.png", "step_000006.png"]

        before = weights(project)
        with caplog.at_level(logging.INFO, "videogeneration"):
            run(project, "kth_text_to_image", IMAGES)
        assert weights(project) == before
        assert caplog.text.count("already trained with these inputs and settings") == 2
    finally:
        for name in ("text_to_image", "classifier"):
            shutil.rmtree(folder / name, ignore_errors=True)


def test_a_finished_training_is_not_repeated(
    project: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = weights(project)
    assert len(before) == 3
    with caplog.at_level(logging.INFO, "videogeneration"):
        run(project, "kth_gan", [*DATA, *TRAINING])
    assert weights(project) == before
    assert caplog.text.count("already trained with these inputs and settings") == 3


def test_networks_are_listed_set_aside_and_restored(project: Path) -> None:
    models = project / "data" / "06_models" / "kth"
    kept, before = project / "kept", weights(project)
    shutil.copytree(models, kept)
    try:
        for path in models.glob("*/config.json"):  # trained before they were scored
            os.utime(path, (1000, 1000))
        listed = command(project, "networks")
        for name, steps in (("gan", 10), ("mse", 10), ("judge", 2)):
            (line,) = (x for x in listed.splitlines() if x.split()[:2] == ["kth", name])
            # with a score of those that make films
            assert (f" {steps} " in line) and ("%" in line) == (name != "judge")

        run(project, "kth_gan", ["kth.training.train_mse"], kth={"mse": {"steps": 3}})
        assert (models / "mse_10_steps").is_dir()
        client = mlflow.MlflowClient(f"sqlite:///{project / 'mlflow.db'}")
        (experiment,) = [e for e in client.search_experiments() if e.name == "videogeneration"]
        first = client.search_runs([experiment.experiment_id], order_by=["start_time ASC"])[0]
        said = command(project, "restore", first.info.run_id, "--network", "kth/mse")
        assert said.startswith("restored kth/mse (people, 10 steps, ")
        shutil.rmtree(models / "mse_10_steps")
        assert {path: found[1] for path, found in weights(project).items()} == {
            path: found[1] for path, found in before.items()
        }
        with pytest.raises(AssertionError, match=r"Error: 0123: .*not found"):
            command(project, "restore", "0123")
        with pytest.raises(AssertionError, match=r"Error: .* 'kth/best' does not exist; known"):
            command(project, "restore", first.info.run_id, "--network", "kth/best")
    finally:
        shutil.rmtree(models)
        kept.rename(models)


def command(project: Path, *arguments: str) -> str:
    """What one of the project's own commands prints."""
    done = CliRunner().invoke(cli, arguments, obj=bootstrap_project(project))
    assert done.exit_code == 0, done.output
    return done.output


def test_changed_settings_train_anew_and_say_why(
    project: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = project / "data" / "06_models" / "kth"
    kept = {name: folder / f"{name}.kept" for name in ("mse", "gan")}
    for name, aside in kept.items():
        shutil.copytree(folder / name, aside)
    before = weights(project)
    try:
        with caplog.at_level(logging.INFO, "videogeneration"):
            run(project, "kth_gan", TRAINING, kth={"gan": {"steps": 5}})
        assert "gan.steps: 6 -> 5" in caplog.text
        changed = [path for path, found in weights(project).items() if found != before.get(path)]
        assert [Path(path).parent.name for path in changed] == ["gan", "gan_10_steps"]
    finally:
        shutil.rmtree(folder / "gan_10_steps", ignore_errors=True)
        for name, aside in kept.items():
            shutil.rmtree(folder / name)
            aside.rename(folder / name)


DATA = ["kth.data.make_clips", "kth.data.encode_captions"]
MSE, GAN, JUDGE = ([name] for name in TRAINING)

BAD = [
    # what is given, the node that meets it, what the message must say
    ({"windows": {"mirror": 2.0}}, MSE, r"mirror.*2"),
    ({"windows": {"miror": 0.5}}, MSE, "miror"),
    ({"network": {"name": "resnet"}}, MSE, "resnet.*generator"),
    ({"network": {"depth": 3}}, MSE, r"network\.depth.*network\.people\.depth"),
    (
        {"network": {"name": "generator", "generator": {"widths": [16]}}},
        MSE,
        # named as a user writes it
        r"network\.generator\.widths: \[16\] should have at least 2 items",
    ),
    ({"network": {"name": "generator", "generator": {"widths": "wide"}}}, MSE, "widths.*wide"),
    ({"network": {"name": "generator", "generator": {"dense": "many"}}}, MSE, "dense.*many"),
    ({"network": {"name": "generator", "generator": {"horizon": 0}}}, MSE, "horizon: 0"),
    (
        {"network": {"name": "generator", "generator": {"widths": [16, 32]}}},
        MSE,
        "before black.*people, unet",
    ),
    ({"mse": {"steps": "many"}}, MSE, "steps"),
    ({"mse": {"learning_rate": -1.0}}, MSE, "learning_rate.*-1"),
    ({"mse": {"weight_decay": -1.0}}, MSE, "weight_decay.*-1"),
    ({"mse": {"stepps": 5}}, MSE, "stepps"),
    ({"discriminator": {"past": 11}}, GAN, "past.*11"),
    ({"discriminator": {"past": "some"}}, GAN, "past.*some"),
    ({"gan": {"schedule": "both"}}, GAN, r"schedule.*both.*joint"),
    ({"gan": {"loss": "wasserstein"}}, GAN, "loss.*wasserstein.*hinge"),
    ({"judge": {"steps": 0}}, JUDGE, "steps: 0"),
    ({"judge": {"films": {"frames": [8, 6]}}}, JUDGE, "frames.*fewest"),
    (
        {"evaluation": {"protocols": ["5in10"]}},
        ["kth.evaluation.predict"],
        r"protocols.*5in10.*5to10",
    ),
    (
        {"evaluation": {"protocols": ["5to9999"]}},
        ["kth.evaluation.predict"],
        r"protocols.*5to9999.*most 100",
    ),
    ({"evaluation": {"films": 0}}, ["kth.evaluation.predict"], "films: 0"),
    ({"evaluation": {"long_steps": 5000}}, ["kth.evaluation.predict"], "long_steps: 5000.*1000"),
    ({"text_to_image": {"loss": "wasserstein"}}, IMAGES[:1], "loss.*wasserstein.*hinge"),
    ({"image_generator": {"size": 30}}, IMAGES[:1], "size.*30.*22"),
    ({"image_generator": {"depth": 3}}, IMAGES[:1], "depth"),
    ({"first_frames": {"early": 2.0}}, IMAGES[:1], r"early.*2"),
]


@pytest.mark.parametrize(
    ("given", "nodes", "message"), BAD, ids=[json.dumps(given) for given, *_ in BAD]
)
def test_bad_parameters_end_in_one_clear_message(
    project: Path, given: dict[str, Any], nodes: list[str], message: str
) -> None:
    (project / "empty").mkdir(exist_ok=True)
    store = project / "data" / "03_primary" / "kth"
    before = {path: path.stat().st_mtime_ns for path in store.rglob("*")}, weights(project)
    with pytest.raises(Exception, match=f"(?s){message}"):
        run(project, "kth_text_to_image" if nodes == IMAGES[:1] else "kth_gan", nodes, kth=given)
    # nothing is half-written
    after = {path: path.stat().st_mtime_ns for path in store.rglob("*")}, weights(project)
    assert after == before


@pytest.mark.parametrize(
    ("pipeline", "given", "message"),
    [
        ("kth_gan", {"discriminator": {"past": 11}}, r"^kth\.discriminator\.past: 11"),
        ("icons_gan", {"discriminator": {"wide": 8}}, r"^icons\.discriminator\.wide: .*'widths'"),
        (
            "kth_text_to_image",
            {"image_generator": {"noise": 3}},
            r"^kth\.image_generator\.noise: 3",
        ),
        (
            "kth_text_to_image",
            {"image_discriminator": {"widths": [0]}},
            r"^kth\.image_discriminator\.widths\.0: 0",
        ),
    ],
)
def test_networks_that_are_trained_last_are_checked_first(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    pipeline: str,
    given: dict[str, Any],
    message: str,
) -> None:
    other = new_project(tmp_path / "project")
    bootstrap_project(other)
    monkeypatch.chdir(other)
    with pytest.raises(Exception) as caught:
        run(other, pipeline, **{pipeline.partition("_")[0]: given})
    assert re.search(message, mistake(caught.value) or "")
    assert not (other / "data" / "03_primary").exists()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"device": "tpu"}, r"^compute\.device: .*tpu.*cuda"),
        ({"precision": "half"}, r"^compute\.precision: .*half"),
        ({"presicion": "float32"}, r"^compute\.presicion: .*did you mean 'precision'\?$"),
        ({"processes": 0}, r"^compute\.processes: 0"),
    ],
)
def test_bad_compute_is_named(project: Path, given: dict[str, Any], message: str) -> None:
    with pytest.raises(Exception) as caught:
        run(project, "kth_gan", TRAINING, compute=given)
    assert re.search(message, mistake(caught.value) or "")


def test_recordings_on_the_command_line(shared_data: Path, tmp_path: Path) -> None:
    """`kth_data` on real recordings of four subjects, two of them named for testing."""
    project, recordings = new_project(tmp_path / "project", bare=True), tmp_path / "kth"
    (recordings / "walking").mkdir(parents=True)
    shutil.copy(shared_data / "kth" / "00sequences.txt", recordings)
    for subject in (1, 2, 17, 20):
        (video,) = sorted((shared_data / "kth" / "walking").glob(f"person{subject:02d}_*_d1_*"))
        shutil.copy(video, recordings / "walking")
    parameters = f"kth.source=recorded,kth.folder={recordings},kth.test_subjects=2+17"
    parameters += ",kth.actions=walking,kth.mixed=false"
    command = ["-m", "kedro", "run", "--pipeline=kth_data", f"--params={parameters}"]
    done = subprocess.run(
        [sys.executable, *command], cwd=project, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    table = Clips.open(project / "data" / "03_primary" / "kth" / "clips").table
    assert set(table[table["split"] == "test"]["subject"]) == {2, 17}
    assert set(table[table["split"] == "train"]["subject"]) == {1, 20}
    assert len(table) == 16
    # within every walking video the directions alternate
    for _, rows in table.groupby("subject"):
        assert rows["direction"].tolist() in (["left", "right"] * 2, ["right", "left"] * 2)
    assert "videos in the list but not in the folder" in done.stdout + done.stderr
    with Image.open(project / "data" / "08_reporting" / "kth" / "preview_sheet.png") as picture:
        assert min(picture.size) > 100


@pytest.fixture(scope="module")
def benchmark(project: Path) -> Iterator[Path]:
    """The project's reports after `kth_benchmark` has run, too; fewer steps are timed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(speed, "_TIMED", 4)
        patch.setattr(speed, "_WARMUP", 1)
        run(project, "kth_benchmark")
        yield reporting(project)


VARIANTS = ["ours", "original", "unet", "simvp", "narrow"]


def test_benchmark_compares_variants_and_baselines(benchmark: Path) -> None:
    scores = pd.read_csv(benchmark / "benchmark_scores.csv")
    assert list(scores.columns[: len(SCORES)]) == SCORES
    assert set(scores["model"]) == {"copy_last", "warp_last", *VARIANTS}
    table = pd.read_csv(benchmark / "benchmark_comparison.csv")
    assert len(table) == 2 * (2 + len(VARIANTS))
    for _, rows in table.set_index("model").groupby("protocol"):
        level = rows["foreground_psnr"]
        assert rows["above_copy_last"].tolist() == pytest.approx(list(level - level["copy_last"]))
        assert rows["above_original"].tolist() == pytest.approx(list(level - level["original"]))
    following = pd.read_csv(benchmark / "benchmark_caption_following.csv")
    assert set(following["model"]) == {"truth", "copy_last", *VARIANTS}
    endings = pd.read_csv(benchmark / "benchmark_long.csv")
    assert endings["model"].tolist() == ["copy_last", *VARIANTS]
    assert set(endings["steps"]) == {12}
    sheets = [f"{x}_sheet" for x in ("contact", "caption", "long", "best_and_worst")]
    for name in (*sheets, "score_plot"):
        with Image.open(benchmark / f"benchmark_{name}.png") as picture:
            assert min(picture.size) > 100, name
    for ending in ("gif", "mp4"):
        assert (benchmark / "benchmark_films" / f"5to10.{ending}").exists()
    # the scores of the ordinary pipelines stay where they are
    assert {"mse", "gan"} <= set(pd.read_csv(benchmark / "scores.csv")["model"])


def test_benchmark_says_how_fast_each_learns_and_draws(benchmark: Path, project: Path) -> None:
    table = pd.read_csv(benchmark / "benchmark_speed.csv").set_index("model")
    assert list(table.index) == VARIANTS
    assert (table[["minutes", "examples_per_second", "milliseconds_a_frame"]] > 0).all(axis=None)
    assert table.loc["original", ["learns_times", "draws_times"]].tolist() == [1, 1]
    assert table.loc["narrow", "parameters"] < table.loc["ours", "parameters"]
    for name in VARIANTS:
        checkpoint = Checkpoint(project / "data" / "06_models" / "kth" / "benchmark" / name)
        assert table.loc[name, "steps"] == checkpoint.history()["step"].iloc[-1]
        assert checkpoint.description()["network"] == (
            "people" if name in ("ours", "narrow") else name
        )


def test_every_variant_has_a_run_of_its_own(benchmark: Path, project: Path) -> None:
    client = mlflow.MlflowClient(f"sqlite:///{project / 'mlflow.db'}")
    (experiment,) = [e for e in client.search_experiments() if e.name == "videogeneration"]
    runs = client.search_runs([experiment.experiment_id])
    nested = {r.info.run_name: r for r in runs if "mlflow.parentRunId" in r.data.tags}
    assert set(nested) == {f"kth {name}" for name in VARIANTS}
    parents = {run.data.tags["mlflow.parentRunId"] for run in nested.values()}
    assert len(parents) == 1
    assert nested["kth narrow"].data.params["network.condition"] == "16"
    for name in VARIANTS:
        assert nested[f"kth {name}"].info.status == "FINISHED"
        metrics = nested[f"kth {name}"].data.metrics
        expected = ("5to10/above_copy_last", "followed/own", "long/sharpness")
        expected = {f"scores/kth/{x}" for x in (*expected, "speed/examples_per_second")}
        assert {"kth/mse/loss", *expected} <= set(metrics)
    parent = client.get_run(parents.pop())
    assert "scores/kth/5to10/narrow/foreground_psnr" in parent.data.metrics
    kept = {file.path for file in client.list_artifacts(parent.info.run_id, "kth")}
    assert "kth/benchmark_comparison.csv" in kept
    kept = {file.path for file in client.list_artifacts(parent.info.run_id)}
    assert {"benchmark_long_sheet.png", "5to10.gif"} <= kept


def test_variants_can_be_scored_again_without_training(benchmark: Path, project: Path) -> None:
    kept, before = (benchmark / "benchmark_scores.csv").read_text(), weights(project)
    (benchmark / "benchmark_scores.csv").unlink()
    run(project, "kth_benchmark", tags=["evaluation"])
    assert (benchmark / "benchmark_scores.csv").read_text() == kept
    assert weights(project) == before


def test_finished_variants_are_not_repeated(
    benchmark: Path, project: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = weights(project)
    changed = {"benchmark": {"variants": {"narrow": {"network": {"people": {"condition": 24}}}}}}
    with caplog.at_level(logging.INFO, "videogeneration"):
        run(project, "kth_benchmark", ["kth.benchmark.train_variants"], kth=changed)
    assert caplog.text.count("already trained with these inputs and settings") == 4
    assert "network.condition: 16 -> 24" in caplog.text
    after = weights(project)
    changed = {Path(x).parent.name.split("_")[0] for x in after if after[x] != before.get(x)}
    assert changed == {"narrow"}


def test_a_bad_variant_is_named(benchmark: Path, project: Path) -> None:
    bad = {"benchmark": {"variants": {"deep": {"network": {"people": {"depth": 3}}}}}}
    with pytest.raises(Exception, match=r"benchmark\.variants\.deep.*depth"):
        run(project, "kth_benchmark", ["kth.benchmark.train_variants"], kth=bad)


def test_the_full_configuration_scores_the_protocol_of_the_literature(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of `conf/full` but its size, on the recordings that the project has rendered."""
    other = new_project(tmp_path / "project")
    monkeypatch.chdir(other)
    small = {
        "folder": str(project / "data" / "01_raw" / "kth" / "rendered"),
        "people": {"subjects": 2, "recordings": 1, "films": 4, "processes": 1},
        "motions": 40,
        "clips": {"size": 32},
        "network": TINY["kth"]["network"],  # type: ignore[index]
        "mse": {"steps": 2, "batch_size": 4},
        "discriminator": {"widths": [8, 16]},
        "gan": {"steps": 1, "discriminator_warmup": 1, "batch_size": 4},
        "judge": {"steps": 1, "batch_size": 4, "films": {"size": 32}},
        "evaluation": {"films": 4, "sheet_films": 1, "long_steps": 3},
    }
    run(other, "kth_gan", env="full", compute=TINY["compute"], kth=small)
    table = Clips.open(other / "data" / "03_primary" / "kth" / "clips").table
    taught = table["clip_id"].str.startswith(("rendered", "film"))
    assert (~taught).sum() == 8
    # 25 frames a second, every one of them
    kept = Clips.open(project / "data" / "03_primary" / "kth" / "clips").table
    assert (table["length"] > 4 * kept["length"].max()).any()
    scores = pd.read_csv(reporting(other) / "scores.csv")
    assert set(scores["protocol"]) == {"1to10", "10to20"}
    assert set(scores["model"]) == {"copy_last", "warp_last", "mse", "gan"}
    assert scores[scores["protocol"] == "10to20"]["step"].max() == 20
