"""MLflow's runs: where they go, what they are called and how they end."""

import logging
import multiprocessing
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

import mlflow
import pytest
from click.testing import CliRunner, Result
from filelock import FileLock
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from kedro.runner import ThreadRunner
from mlflow.entities import Run

from projects import new_project, run
from videogeneration.cli import cli
from videogeneration.data.clips import Clips
from videogeneration.pipelines.data import nodes
from videogeneration.reporting.report import versions
from videogeneration.runs import PROCESS

pytestmark = pytest.mark.slow

FEW = {"counts": {"train": 4, "validation": 1, "test": 2, "held_out": 1}}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project in which `mnist_data` has run, and which was moved then."""
    folder = new_project(tmp_path_factory.mktemp("first"))
    bootstrap_project(folder)
    make(folder)
    moved = tmp_path_factory.mktemp("second") / "moved"
    folder.rename(moved)
    # as in a copy from version control, which keeps no empty folder
    (moved / "conf" / "local" / "parameters.yml").unlink()
    (moved / "conf" / "local").rmdir()
    yield moved
    mlflow.set_tracking_uri(None)


def make(project: Path, **mnist: Any) -> None:
    bootstrap_project(project)
    run(project, "mnist_data", mnist={**FEW, **mnist})


def runs(project: Path) -> list[Run]:
    """The project's runs, the latest first."""
    client = mlflow.MlflowClient(f"sqlite:///{project / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("videogeneration")
    assert experiment
    return list(client.search_runs([experiment.experiment_id], order_by=["start_time DESC"]))


def test_a_moved_project_writes_to_its_own_folder(project: Path) -> None:
    make(project, seed=1)
    latest, first = runs(project)
    # what was asked for tells a run from others
    assert latest.info.run_name.startswith("mnist_data mnist.counts.train=4 ")
    assert "mnist.seed=1" in latest.info.run_name.split()
    for found in (latest, first):
        path = found.info.artifact_uri.removeprefix("file://")
        assert path == str(project / "mlartifacts" / found.info.run_id / "artifacts")
        assert (Path(path) / "preview_sheet.png").exists()


def test_a_run_says_what_it_depends_on(project: Path) -> None:
    data = runs(project)[0].data
    assert {name: data.tags.get(name) for name in versions()} == versions()
    clips = Clips.open(project / "data" / "03_primary" / "mnist" / "clips")
    assert data.params["mnist.clips.fingerprint"] == clips.fingerprint()
    assert data.params["mnist.counts.train"] == "4"


def test_the_environment_says_where_runs_go(
    project: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    before = len(runs(project))
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with caplog.at_level(logging.INFO, "videogeneration"):
        make(project)
    assert len(runs(project)) == before
    (found,) = runs(tmp_path)
    assert f"MLflow run {found.info.run_name}, {found.info.run_id}, in {uri}" in caplog.text


def test_runners_of_several_threads_are_refused(project: Path) -> None:
    before = len(runs(project))
    with KedroSession.create(project) as session:
        assert isinstance(session, KedroSession)
        with pytest.raises(ValueError, match="ThreadRunner is refused"):
            session.run(pipeline_names=["mnist_data"], runner=ThreadRunner())
    for word in ("--async", "--runner-params=is_async=True", "--runner=ParallelRunner"):
        done = kedro_run(project, word)
        assert done.exit_code == 1
        assert re.match("Error: a run with .* is refused: ", done.output.splitlines()[-1])
    for child in multiprocessing.active_children():
        child.terminate()  # of ParallelRunner: it would hold open the pipes of a browser's driver
    assert len(runs(project)) == before


def kedro_run(project: Path, *words: str) -> Result:
    """What `kedro run --pipelines=mnist_data` does."""
    asked = ["run", "--pipelines=mnist_data", *words]
    with chdir(project):
        return CliRunner().invoke(cli, asked, obj=bootstrap_project(project))


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("--params=mnist.folder=/nowhere", "/nowhere: "),
        (
            "--params=mnist.counts.train=many",
            "mnist.counts.train: 'many' should be a valid",
        ),
        ("--params=mnist.size=3", ".*there is no such setting"),
        ("--params=mnits.size=64", "parameter 'mnits' does not exist; .*mnist"),
        ("--pipelines=mnist_date", ".*'mnist_date'.* mnist_data"),
        ("--nodes=mnist.clips", ".*mnist.clips"),
        ("--env=nowhere", ".*nowhere"),
        ("--from-inputs=mnist.nothing", ".*mnist.nothing"),
    ],
)
def test_a_users_mistake_is_one_line_and_no_run(project: Path, word: str, message: str) -> None:
    before = len(runs(project))
    done = kedro_run(project, word)
    assert (done.exit_code, type(done.exception)) == (1, SystemExit)
    assert re.fullmatch(f"Error: {message}.*\n", done.output)
    assert len(runs(project)) == before


def test_a_setting_that_cannot_be_is_found_before_a_run_begins(
    project: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "videogeneration"):
        assert kedro_run(project, "--params=mnist.size=3").exit_code == 1
        trained = kedro_run(project, "--pipelines=mnist_mse", "--params=mnist.network.name=resnet")
        assert "Error: mnist.network.name: 'resnet'; choose one of generator" in trained.output
        assert "MLflow run" not in caplog.text
        assert kedro_run(project, "--params=mnist.folder=/nowhere").exit_code == 1
        assert "MLflow run" in caplog.text  # this is seen only when clips are made


def test_a_bug_keeps_its_traceback_and_its_run(
    project: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(nodes, "preview_sheet", lambda clips: int("no number"))
    done = kedro_run(project, "--nodes=mnist.data.preview")
    assert isinstance(done.exception, ValueError), done.output
    assert "preview([mnist.clips]) -> [mnist.preview_sheet] failed with error" in caplog.text
    latest = runs(project)[0]
    assert latest.info.status == "FAILED"
    mlflow.MlflowClient(f"sqlite:///{project / 'mlflow.db'}").delete_run(latest.info.run_id)


def interrupted(project: Path, number: signal.Signals) -> None:
    """A run that gets a signal soon after it has begun."""
    command = [sys.executable, "-m", "kedro", "run", "--pipelines=mnist_data"]
    begun = subprocess.Popen(
        [*command, "--params=mnist.counts.train=100000"],
        cwd=project,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        # whoever runs the tests in the background has it ignored
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert begun.stderr
    said = ""
    for line in begun.stderr:
        said += line
        if "Running node: make_clips" in line:
            break
    else:
        raise AssertionError(said)
    begun.send_signal(number)
    begun.communicate(timeout=60)
    assert begun.returncode != 0


def test_what_is_interrupted_is_killed_and_no_run_goes_on_for_ever(project: Path) -> None:
    interrupted(project, signal.SIGKILL)
    assert runs(project)[0].info.status == "RUNNING"
    interrupted(project, signal.SIGINT)
    interrupted(project, signal.SIGTERM)
    assert [found.info.status for found in runs(project)[:3]] == ["KILLED"] * 3
    make(project)
    statuses = [found.info.status for found in runs(project)]
    assert statuses == ["FINISHED", *["KILLED"] * 3, *["FINISHED"] * (len(statuses) - 4)]


def test_two_runs_at_once_do_not_write_the_same_data(project: Path) -> None:
    before = len(runs(project))
    with (
        FileLock(project / "data" / ".mnist.lock"),
        pytest.raises(ValueError, match=r"mnist: another run works on its data in .*moved"),
    ):
        make(project)
    assert len(runs(project)) == before
    make(project)
    # a run that has ended lets others begin
    with FileLock(project / "data" / ".mnist.lock", timeout=0):
        assert len(runs(project)) == before + 1


def test_a_run_is_known_from_its_first_moment_on(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else one that is killed then would go on for ever."""

    def killed(*_: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patched, pytest.raises(RuntimeError, match="killed"):
        patched.setattr("videogeneration.runs._close_killed", killed)
        make(project)
    mlflow.end_run()
    latest = runs(project)[0]
    assert latest.data.tags[PROCESS] == f"{socket.gethostname()} {os.getpid()}"
