"""Kedro's project settings: https://docs.kedro.org/en/stable/configure/."""

import os
import warnings

# Kedro's and MLflow's words to their makers, MLflow's bars for copying three files, an address for
# every node
os.environ.setdefault("KEDRO_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")

# what other libraries say to their own developers
for category in (DeprecationWarning, FutureWarning):
    warnings.filterwarnings("ignore", category=category)
warnings.filterwarnings("ignore", message=".*register_new_resolver")
# MLflow insists on telling users of kedro-mlflow's own models to add type hints to them
with warnings.catch_warnings(record=True):
    import kedro_mlflow.framework.hooks  # noqa: F401

# after what these libraries say while they are imported
from videogeneration.config import ConfigLoader  # noqa: E402
from videogeneration.hooks import SummaryHooks  # noqa: E402
from videogeneration.pipelines.training.workers import WorkerHooks  # noqa: E402
from videogeneration.runs import RunHooks  # noqa: E402

warnings.filterwarnings("ignore", message=".*Any type hint is inferred as AnyType")

HOOKS = (SummaryHooks(), RunHooks(), WorkerHooks())

CONFIG_LOADER_CLASS = ConfigLoader
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    # a source's parameters merge, so that an environment changes single values
    "merge_strategy": {"parameters": "soft"},
}
