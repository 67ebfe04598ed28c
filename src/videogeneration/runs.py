"""MLflow's runs: where they go, what they are called, what they are told, and how they end."""

import atexit
import json
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

import click
import mlflow
from filelock import FileLock, Timeout
from kedro.config import OmegaConfigLoader
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.framework.project import pipelines
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from kedro_mlflow.framework.hooks.mlflow_hook import mlflow_hook

from videogeneration.data.clips import Clips
from videogeneration.database import SQLITE, prepare
from videogeneration.mistakes import mistake
from videogeneration.reporting.report import versions
from videogeneration.sources import SOURCES
from videogeneration.training.mse import chosen_network
from videogeneration.validated import SettingsError, check_name, within

logger = logging.getLogger(__name__)

PROCESS = "videogeneration.process"
"""Tag of a run: host and number of the process that it belongs to."""

ONE_THREAD = (
    "a run with --async, ParallelRunner or ThreadRunner is refused: MLflow knows its run in one "
    "thread only, and a training uses all cores anyway"
)


class RunHooks:
    """What kedro-mlflow leaves open."""

    def __init__(self) -> None:
        self._begun: set[str] = set()
        self._locks: list[FileLock] = []
        self._clips: set[str] = set()

    @hook_impl(wrapper=True)
    def after_context_created(self, context: KedroContext) -> Iterator[None]:
        """Say where runs go before kedro-mlflow asks: to `MLFLOW_TRACKING_URI`, if it is set.

        Else to the project's own database and folder, from wherever it is called, and also after
        it was moved or copied. Artifacts of a server's runs go through the server.
        """
        loader, project = context.config_loader, Path(context.project_path)
        assert isinstance(loader, OmegaConfigLoader)  # as the settings say
        # Kedro wants the folder of a user's own settings, which a copy of the project may lack
        if Path(loader.conf_source).is_dir():
            Path(loader.conf_source, loader.default_run_env or "").mkdir(exist_ok=True)
        loader.config_patterns.setdefault("mlflow", ["mlflow*", "mlflow*/**", "**/mlflow*"])
        settings = loader["mlflow"]
        server, experiment = settings["server"], settings["tracking"]["experiment"]
        named = os.environ.get("MLFLOW_TRACKING_URI")
        uri = named or server["mlflow_tracking_uri"]
        place = experiment.get("create_experiment_kwargs", {}).get("artifact_location", "")
        if uri.startswith("http"):
            experiment.pop("create_experiment_kwargs", None)
        elif not named and uri.startswith(SQLITE):
            database = project / uri.removeprefix(SQLITE)
            uri = f"{SQLITE}{database}"
            if place and "://" not in place:
                prepare(database, experiment["name"], (project / place).as_uri())
        server["mlflow_tracking_uri"] = uri
        loader["mlflow"] = settings
        yield
        if not named:  # MLflow has set it: another project in this process, or one called from it,
            os.environ.pop("MLFLOW_TRACKING_URI", None)  # would take it for its user's word

    @hook_impl(wrapper=True)
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: CatalogProtocol
    ) -> Iterator[None]:
        """Be the only run of its sources, name it, and close those whose process is gone."""
        command = click.get_current_context(silent=True)
        asked = command.params if command is not None else {}
        in_threads = asked.get("is_async") or (asked.get("runner_params") or {}).get("is_async")
        if in_threads or any(x in run_params["runner"] for x in ("ParallelRunner", "ThreadRunner")):
            raise ValueError(ONE_THREAD)
        _refuse_unread(catalog)
        _read_sources(pipeline, catalog)
        self._lock(Path(run_params["project_path"]), pipeline)
        # of an earlier run in this process: kedro-mlflow would open it again where it tracks none
        mlflow_hook.run_id = None
        own = mlflow.active_run() is None
        # a run has this tag from its first moment on, and so have those within it
        os.environ["MLFLOW_RUN_CONTEXT"] = json.dumps(
            {PROCESS: f"{socket.gethostname()} {os.getpid()}"}
        )
        yield
        run = mlflow.active_run()
        if run is None or not own:
            return
        self._begun.add(run.info.run_id)
        client = mlflow.MlflowClient()
        _close_killed(client, run.info.experiment_id, self._begun)
        name = "+".join(sorted(map(_called, run_params["pipeline_names"] or ["__default__"])))
        name = " ".join([name, *_changed(run_params.get("runtime_params") or {})])
        mlflow.set_tags({"mlflow.runName": name, **versions()})
        self._clips.clear()
        _end_as_killed()
        logger.info("MLflow run %s, %s, in %s", name, run.info.run_id, mlflow.get_tracking_uri())

    @hook_impl(tryfirst=True)
    def before_node_run(self, inputs: dict[str, Any], is_async: bool) -> None:
        """Give kedro-mlflow settings value by value: of a dataclass it would log one long text.

        Kedro gives hooks a copy of the inputs.
        """
        if is_async:
            raise ValueError(ONE_THREAD)
        for name, value in inputs.items():
            if name.startswith("params:"):
                inputs[name] = _plain(value)
                if is_dataclass(value):
                    text = ", ".join(f"{key}={x}" for key, x in inputs[name].items())
                    logger.info("%s: %s", name.removeprefix("params:"), text)

    @hook_impl
    def after_dataset_loaded(self, dataset_name: str, data: Any) -> None:
        """Tell the run which clips it uses: `kth.clips.fingerprint`, a parameter of the run."""
        if isinstance(data, Clips) and self._begun and dataset_name not in self._clips:
            self._clips.add(dataset_name)
            mlflow.log_param(f"{dataset_name}.fingerprint", data.fingerprint())

    @hook_impl(trylast=True)
    def after_pipeline_run(self) -> None:
        """End the run: kedro-mlflow opens it once more for every node."""
        while (run := mlflow.active_run()) and run.info.run_id in self._begun:
            mlflow.end_run()
        self._end()

    @hook_impl(trylast=True)
    def on_pipeline_error(self, error: Exception) -> None:
        """Kedro-mlflow has ended the run; SIGTERM ends the process as it did before.

        A run that only shows a user's mistake is put into MLflow's bin. Where a file failed in the
        midst of a training, as on a full disk, it stays.
        """
        client = mlflow.MlflowClient()
        for run_id in self._begun if mistake(error) is not None else ():
            run = client.get_run(run_id)
            lost = isinstance(error, OSError) and run.data.metrics
            if run.info.status == "FAILED" and not lost:
                client.delete_run(run_id)
                logger.info("deleted the run %s, which shows only a mistake", run.info.run_name)
        self._end()

    def _end(self) -> None:
        self._begun.clear()
        self._unlock()
        if signal.getsignal(signal.SIGTERM) is _exit:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def _lock(self, project: Path, pipeline: Pipeline) -> None:
        """Let no other run write the data of the same sources; a killed one holds nothing.

        Raises:
            ValueError: Another run does.
        """
        self._unlock()  # of a run in this process that was interrupted
        for source in sorted(
            SOURCES.keys() & {str(x.namespace).split(".")[0] for x in pipeline.nodes}
        ):
            path = project / "data" / f".{source}.lock"
            path.parent.mkdir(exist_ok=True)
            lock = FileLock(path, timeout=0, thread_local=False, fallback_to_soft=False)
            try:
                lock.acquire()
            except Timeout:
                self._unlock()
                raise ValueError(
                    f"{source}: another run works on its data in {project} ({path} is locked); "
                    "wait until it ends, or copy the project"
                ) from None
            except OSError as error:
                self._unlock()
                raise ValueError(f"{path} cannot be written ({error.strerror})") from error
            self._locks.append(lock)

    def _unlock(self) -> None:
        while self._locks:
            self._locks.pop().release(force=True)


def _plain(value: Any) -> Any:
    """Settings within settings as dictionaries."""
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return {key: _plain(x) for key, x in value.items()} if isinstance(value, dict) else value


def _called(pipeline: str) -> str:
    """A pipeline's name; of the default one, that which it has beside it."""
    if pipeline != "__default__":
        return pipeline
    same = [name for name, value in pipelines.items() if value is pipelines[pipeline]]
    return next((name for name in same if name != pipeline), pipeline)


def _changed(parameters: dict[str, Any], within: str = "") -> Iterator[str]:
    """What parameters were given to a run: `kth.mse.steps=20`."""
    for name, value in parameters.items():
        if isinstance(value, dict):
            yield from _changed(value, f"{within}{name}.")
        else:
            yield f"{within}{name}={value}"


def _refuse_unread(catalog: CatalogProtocol) -> None:
    """Refuse parameters that no pipeline reads, such as those of a mistyped source.

    Raises:
        ValueError: There are some; names those that are read.
    """
    read = sorted(
        {
            name.removeprefix("params:").partition(".")[0]
            for pipeline in pipelines.values()
            for name in pipeline.inputs()
            if name.startswith("params:")
        }
    )
    given = {str(name).partition(":")[2].partition(".")[0] for name in catalog}
    for name in sorted(given):
        if name and not name.startswith("_"):  # where YAML keeps what several blocks share
            check_name(name, read, "parameter")


def _read_sources(pipeline: Pipeline, catalog: CatalogProtocol) -> None:
    """Read what a pipeline's sources are told, before a run is announced.

    Raises:
        SettingsError: It cannot be, see `Source.read_settings` and `chosen_network`.
    """
    every = {name for known in pipelines.values() for name in known.inputs()}
    for name, source in SOURCES.items():
        own = f"params:{name}"
        if own in pipeline.inputs():
            others = {
                x.removeprefix(f"{own}.").partition(".")[0]
                for x in every
                if x.startswith(f"{own}.")
            }
            source.read_settings(catalog.load(own), others)
        if f"{own}.network" in pipeline.inputs():
            try:
                chosen_network(catalog.load(f"{own}.network"))
            except SettingsError as error:
                raise within(name, error) from None


def _close_killed(client: mlflow.MlflowClient, experiment: str, own: set[str]) -> None:
    """Close what is said to be running, and whose process on this machine is gone."""
    found = client.search_runs([experiment], "attributes.status = 'RUNNING'")
    running = {run.info.run_id: run for run in found if run.info.run_id not in own}
    for run_id, run in running.items():
        host, _, process = run.data.tags.get(PROCESS, "").rpartition(" ")
        if host == socket.gethostname() and not _alive(int(process)):
            client.set_terminated(run_id, "KILLED")
            logger.info("closed the run %s, which was killed", run.info.run_name)


def _alive(process: int) -> bool:
    if process == os.getpid():  # an earlier one had this number: its runs are not ours
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        pass
    return True


def _end_as_killed() -> None:
    """Let a run that is open when the process ends be KILLED, also after SIGTERM."""
    atexit.unregister(_kill_open)
    # after MLflow's own, so before it: the last one is called first
    atexit.register(_kill_open)
    main = threading.current_thread() is threading.main_thread()
    if main and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _exit)


def _exit(number: int, frame: object) -> None:
    sys.exit(128 + number)


def _kill_open() -> None:
    while mlflow.active_run():
        mlflow.end_run("KILLED")
