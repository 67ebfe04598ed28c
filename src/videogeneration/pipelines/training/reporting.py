"""Live curves in MLflow."""

import math
import time

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
        # MLflow takes at most a thousand figures at once
        for first in range(0, len(metrics), 1000):
            client.log_batch(run_id, metrics[first : first + 1000], synchronous=False)

    return report
