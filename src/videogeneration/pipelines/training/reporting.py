"""Live curves in MLflow, and runs within a run."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

import mlflow
from mlflow.entities import Metric

from videogeneration.training.loop import Report


def mlflow_report(prefix: str) -> Report:
    """Send a training's curves to the active MLflow run while it goes on.

    Args:
        prefix: Put before every figure's name: `kth/mse` gives `kth/mse/loss`.

    Returns:
        A report that does nothing where no run is active.
    """
    run = mlflow.active_run()
    if run is None:
        return lambda rows: None
    client, run_id = mlflow.MlflowClient(), run.info.run_id

    def report(rows: list[dict[str, float]]) -> None:
        now = int(time.time() * 1000)
        metrics = [
            Metric(f"{prefix}/{name}", float(value), now, int(row["step"]))
            for row in rows
            for name, value in row.items()
            if name != "step" and math.isfinite(value)
        ]
        client.log_batch(run_id, metrics, synchronous=False)

    return report


@contextmanager
def nested_run(name: str) -> Iterator[bool]:
    """Be in a run below the active one: that of this name, or a new one where there is none.

    Yields:
        Whether there is a run at all; without an active one nothing is opened.
    """
    parent = mlflow.active_run()
    if parent is None:
        yield False
        return
    same = f"tags.`mlflow.parentRunId` = '{parent.info.run_id}' and attributes.run_name = '{name}'"
    found = mlflow.MlflowClient().search_runs([parent.info.experiment_id], same)
    run_id = found[0].info.run_id if found else None
    with mlflow.start_run(run_id=run_id, run_name=name, nested=True):
        yield True
