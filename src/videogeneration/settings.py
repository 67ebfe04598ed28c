"""Kedro's project settings: https://docs.kedro.org/en/stable/configure/."""

import os
import warnings

from videogeneration.config import ConfigLoader
from videogeneration.hooks import SummaryHooks
from videogeneration.runs import RunHooks

# MLflow's word to its makers, its bars for copying three files, an address for every node
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")

# what other libraries say to their own developers
for category in (DeprecationWarning, FutureWarning):
    warnings.filterwarnings("ignore", category=category)
warnings.filterwarnings("ignore", message=".*register_new_resolver")
warnings.filterwarnings("ignore", message=".*Any type hint is inferred as AnyType")

HOOKS = (SummaryHooks(), RunHooks())

CONFIG_LOADER_CLASS = ConfigLoader
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    # a source's parameters merge, so that an environment changes single values
    "merge_strategy": {"parameters": "soft"},
}
