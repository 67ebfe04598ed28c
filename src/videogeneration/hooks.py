"""What happens around a run: scores go to MLflow, and a summary is printed at the end."""

import os
import sys
import time
from typing import Any

import mlflow
import pandas as pd
from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from mlflow.entities import Metric
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from videogeneration.datasets.folders import CheckpointDataset, CheckpointsDataset
from videogeneration.evaluation.metrics import METRICS
from videogeneration.evaluation.scoring import FRECHET, summarise
from videogeneration.reporting.tables import TITLES, by_protocol, printed

LOGGED = {
    "scores": ("{row[protocol]}/{row[model]}/{column}", (*METRICS, FRECHET)),
    "caption_following": ("followed/{row[model]}/{row[caption]}", ("rate",)),
    "sentence_following": ("followed_sentence/{row[model]}/{row[caption]}/{row[asked]}", ("rate",)),
    "film_following": ("film_followed/{row[model]}/{row[caption]}", ("rate",)),
    "image_scores": (
        "pictures/{row[pictures]}/{column}",
        ("named_right", "diversity", "classifier_frechet"),
    ),
}
"""What a table's figures are called in MLflow, and the columns that they come from. They stand
below `scores/`, so that MLflow, which sorts by name, shows a training's curves before them."""


class SummaryHooks:
    """Scores into the run, and a short table when all is done."""

    @hook_impl
    def after_node_run(self, outputs: dict[str, Any]) -> None:
        """Log the means of score tables, so that runs can be compared in `mlflow ui`."""
        run = mlflow.active_run()
        if run is None:
            return
        for name, data in outputs.items():
            source, _, table = name.partition(".")
            table = table.removeprefix("benchmark_").removesuffix("_table")
            if table in LOGGED:
                mlflow.log_metrics(_figures(source, table, data))
            if table == "scores":
                _log_steps(run.info.run_id, source, data)

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline, catalog: CatalogProtocol) -> None:
        """Print the scores and where to look."""
        console = wide_console()
        made = sorted(pipeline.all_outputs())
        files = {name: catalog[name] for name in made if _is_looked_at(name, catalog)}
        shown = dict.fromkeys(name.partition(".")[0] for name in files)
        for source in shown:
            for table, title in TITLES.items():
                if f"{source}.{table}_table" in made:
                    data = catalog.load(f"{source}.{table}_table")
                    data = summarise(data) if table == "scores" else data
                    for name, rows in by_protocol(data):
                        about = f"{source} {name}".strip()
                        console.print(f"\n[b]{about}: {title}[/b]", readable(rows))
            console.print("\nLook at")
            for name, dataset in files.items():
                if name.startswith(f"{source}."):
                    path = os.path.relpath(dataset._describe()["filepath"])
                    console.print(f"  [b]{path}[/b]", soft_wrap=True, highlight=False)
        if shown.keys() - {"animate"}:
            console.print(
                "\nCompare runs with [b]make ui[/b], see the pipeline with [b]make viz[/b].",
                highlight=False,
            )


def _is_looked_at(name: str, catalog: CatalogProtocol) -> bool:
    """Whether an output is a file to open, or a trained network."""
    if name.endswith((".report", "_sheet", "_plot", "films")):
        return True
    return isinstance(catalog[name], CheckpointDataset | CheckpointsDataset)


def _log_steps(run_id: str, source: str, scores: pd.DataFrame) -> None:
    """Scores step by step, as curves: `kth/steps/5to10/mse/psnr`."""
    now = int(time.time() * 1000)
    metrics = [
        Metric(f"{source}/steps/{row['protocol']}/{row['model']}/{column}", row[column], now, step)
        for row in scores.to_dict("records")
        for column in METRICS
        if pd.notna(row[column]) and (step := int(row["step"]))
    ]
    mlflow.MlflowClient().log_batch(run_id, metrics)


def _figures(source: str, table: str, data: pd.DataFrame) -> dict[str, float]:
    """A table's figures by the names that they have in MLflow."""
    name, columns = LOGGED[table]
    rows = (summarise(data) if table == "scores" else data).to_dict("records")
    return {
        f"scores/{source}/{name.format(row=row, column=column)}": float(row[column])
        for row in rows
        for column in columns
        if pd.notna(row.get(column))
    }


def wide_console() -> Console:
    """Where tables are printed: as wide as a terminal, and in a file 100 columns."""
    return Console() if sys.stdout.isatty() else Console(width=100)


def readable(data: pd.DataFrame) -> Table:
    """The columns that have a heading; what was not measured is a dash."""
    table = Table(box=SIMPLE, collapse_padding=True)
    columns, rows = printed(data)
    for column in columns:
        table.add_column(column.heading, justify="left" if column.is_name else "right")
    for row in rows:
        table.add_row(*row)
    return table
