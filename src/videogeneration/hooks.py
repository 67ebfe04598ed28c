"""What happens around a run: scores go to MLflow, and a summary is printed at the end."""

import sys
from dataclasses import asdict, is_dataclass
from typing import Any

import mlflow
import pandas as pd
from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from rich.console import Console
from rich.table import Table

from videogeneration.evaluation.scoring import summarise

IMAGES_SHOWN = {
    "named_right": "named right",
    "diversity": "diversity",
    "classifier_frechet": "classifier Fréchet",
}

SHOWN = {
    "foreground_psnr": "fg PSNR",
    "psnr": "PSNR",
    "ssim": "SSIM",
    "presence": "presence",
    "position_error": "pos. error",
    "sharpness": "sharpness",
}

FOLLOWING = {
    "caption_following": ("followed", "films from one picture that do what the sentence says"),
    "film_following": ("film_followed", "films from sentences that do what these say"),
}
"""Tables of obedience: the prefix of their figures in MLflow, and the heading."""

LOOKED_AT = ("scores", "films", "image_scores", "text_to_video_films")
"""What a pipeline makes when there is something to look at."""


class SummaryHooks:
    """Settings and scores into the run, and a short table when all is done."""

    @hook_impl(trylast=True)
    def before_node_run(self, inputs: dict[str, Any]) -> None:
        """Log settings value by value; kedro-mlflow keeps a dataclass as one long text."""
        if mlflow.active_run() is None:
            return
        for name, value in inputs.items():
            if name.startswith("params:") and is_dataclass(value) and not isinstance(value, type):
                prefix = name.removeprefix("params:")
                mlflow.log_params({f"{prefix}.{key}": x for key, x in asdict(value).items()})

    @hook_impl
    def after_node_run(self, outputs: dict[str, Any]) -> None:
        """Log the means of score tables, so that runs can be compared in `mlflow ui`."""
        if mlflow.active_run() is None:
            return
        for name, data in outputs.items():
            source, _, table = name.partition(".")
            if table == "scores":
                mlflow.log_metrics(_score_metrics(source, data))
            elif table in FOLLOWING:
                rates = {
                    f"{source}/{FOLLOWING[table][0]}/{row.model}/{row.caption}": float(row.rate)
                    for row in data.itertuples()
                }
                mlflow.log_metrics(rates)
            elif table == "image_scores":
                mlflow.log_metrics(_image_metrics(source, data))

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline, catalog: CatalogProtocol) -> None:
        """Print the scores and where to look."""
        console = Console(width=100) if not sys.stdout.isatty() else Console()
        made = sorted(name.partition(".")[::2] for name in pipeline.all_outputs())
        for source, table in made:
            if table == "scores":
                console.print(_score_table(source, catalog.load(f"{source}.{table}")))
        for source, table in made:
            if table in FOLLOWING:
                following = catalog.load(f"{source}.{table}")
                console.print(_following_table(source, FOLLOWING[table][1], following))
            elif table == "image_scores":
                console.print(_image_table(source, catalog.load(f"{source}.{table}")))
        for source in sorted({source for source, table in made if table in LOOKED_AT}):
            console.print(
                f"\nLook at [b]data/08_reporting/{source}/[/b]: contact sheets, films, scores. "
                "Compare runs with [b]make ui[/b] (mlflow ui), see the pipeline with "
                "[b]kedro viz run[/b]."
            )


def _score_metrics(source: str, scores: pd.DataFrame) -> dict[str, float]:
    table = summarise(scores)
    return {
        f"{source}/{row['protocol']}/{row['model']}/{name}": float(row[name])
        for _, row in table.iterrows()
        for name in SHOWN
        if pd.notna(row[name])
    }


def _score_table(source: str, scores: pd.DataFrame) -> Table:
    table = Table(title=f"{source}: mean over steps, test films only")
    for heading in ("protocol", "model", "films", *SHOWN.values()):
        table.add_column(heading, justify="left" if heading in ("protocol", "model") else "right")
    for _, row in summarise(scores).iterrows():
        values = [f"{row[name]:.2f}" if pd.notna(row[name]) else "-" for name in SHOWN]
        table.add_row(row["protocol"], row["model"], str(row["n"]), *values)
    return table


def _following_table(source: str, heading: str, following: pd.DataFrame) -> Table:
    table = Table(title=f"{source}: {heading}")
    for heading in ("model", "caption", "films", "followed"):
        table.add_column(heading, justify="left" if heading in ("model", "caption") else "right")
    for row in following.itertuples():
        table.add_row(str(row.model), str(row.caption), str(row.n), f"{row.rate:.0%}")
    return table


def _image_metrics(source: str, scores: pd.DataFrame) -> dict[str, float]:
    return {
        f"{source}/pictures/{str(row['pictures']).replace(' ', '_')}/{name}": float(row[name])
        for _, row in scores.iterrows()
        for name in IMAGES_SHOWN
        if pd.notna(row[name])
    }


def _image_table(source: str, scores: pd.DataFrame) -> Table:
    table = Table(title=f"{source}: first frames drawn from sentences of the test split")
    for heading in ("pictures", "n", *IMAGES_SHOWN.values()):
        table.add_column(heading, justify="left" if heading == "pictures" else "right")
    for _, row in scores.iterrows():
        values = [f"{row[name]:.2f}" if pd.notna(row[name]) else "-" for name in IMAGES_SHOWN]
        table.add_row(str(row["pictures"]), str(row["n"]), *values)
    return table
