"""Runs that are killed somewhere, and what the next run makes of it: `make test-kills`.

Data making, trainings, predictions and evaluation are killed in turn, each at a random moment: of
icons in a new project, of people in one where other settings have run to their end before. The
plain run that follows must end as one that nobody killed.
"""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import yaml
from mlflow.entities import Run

from projects import ROOT, TINY, new_project

SECONDS = 300
"""For one run, after which it counts as hanging."""

SHARED = ["mse", "discriminator", "gan", "text_to_image", "classifier"]
SHARED += ["image_discriminator", "image_evaluation"]

SMALL: dict[str, Any] = {
    **TINY,
    "icons": {
        "counts": {"train": 12, "validation": 2, "test": 4, "held_out": 2},
        "network": {
            "generator": {"widths": [16, 24], "latent": 8, "dense": 32, "embedding": 16},
        },
        **{name: TINY["kth"][name] for name in SHARED},
        # long enough for a state to go on from
        "mse": {**TINY["kth"]["mse"], "steps": 300},
        "image_generator": {"noise": 9, "widths": [16, 8]},
        "evaluation": {"films": 4, "sheet_films": 2, "long_steps": 12},
    },
}

BEFORE: dict[str, dict[str, Any]] = {
    "kth": {"people": {"seed": 2}, "mse": {"steps": 14}, "text_to_image": {"steps": 9}},
}
"""What ran before, for longer and on other clips, by source."""

SHOWN = ["follow_captions", "score_models", "score_long_films", "show_films"]
SHOWN += ["draw_sheets", "plot_scores", "register_model"]

STAGES = {
    "start": ("data", [""]),
    "data": ("data", ["make_clips", "make_clips", "make_clips", "encode_captions"]),
    "mse": ("mse", ["train_mse"]),
    "gan": ("gan", ["train_gan"]),
    "text_to_image": ("text_to_image", ["train_text_to_image", "train_classifier"]),
    "predictions": ("mse", ["predict"]),
    "evaluation": ("mse", SHOWN),
}
"""Pipelines, and nodes of theirs in which they are killed; the start is all before the first."""


@dataclass
class Log:
    """What a run said.

    Attributes:
        code: Its exit status.
        text: All it said.
        begun: Seconds from its start to that of every node, by name; the start itself is `""`.
        seconds: How long it took.
    """

    code: int = 0
    text: str = ""
    begun: dict[str, float] = field(default_factory=lambda: {"": 0.0})
    seconds: float = 0.0

    def lasts(self, node: str) -> float:
        """Seconds from the start of a node to that of the next one."""
        later = [x for x in (*self.begun.values(), self.seconds) if x > self.begun[node]]
        return min(later, default=self.seconds) - self.begun[node]


@dataclass(frozen=True)
class Moment:
    """When a run is killed: so many seconds after a node has begun."""

    node: str
    seconds: float

    def __str__(self) -> str:
        return f"{self.seconds:.2f} s into {self.node or 'the start'}"


def kedro_run(project: Path, pipelines: str, killed: Moment | None = None) -> Log:
    """A run in a process of its own."""
    command = [sys.executable, "-m", "kedro", "run", f"--pipelines={pipelines}"]
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "src"),
        "PYTHONUNBUFFERED": "1",
        "OMP_NUM_THREADS": "1",
    }
    environment.pop("MLFLOW_TRACKING_URI", None)
    log, start = Log(), time.monotonic()
    with subprocess.Popen(
        command,
        cwd=project,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        if killed is not None and not killed.node:
            _kill(process, killed)
        for line in process.stdout:
            log.text += line
            if "Running node: " in line:
                node = line.split("Running node: ")[1].split(":")[0]
                log.begun[node] = time.monotonic() - start
                if killed is not None and node == killed.node:
                    _kill(process, killed)
                    break
        process.communicate(timeout=SECONDS)
    log.code, log.seconds = process.returncode, time.monotonic() - start
    return log


def _kill(process: "subprocess.Popen[str]", moment: Moment) -> None:
    time.sleep(moment.seconds)
    process.send_signal(signal.SIGKILL)


def left_processes(project: Path) -> list[str]:
    """Processes that still work in a project, after some seconds to end."""
    for _ in range(40):
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if Path(os.readlink(process / "cwd")) == project.resolve():
                    found.append((process / "cmdline").read_text().replace("\0", " "))
            except OSError:
                continue
        if not found:
            return []
        time.sleep(0.25)
    return found


def ends(project: Path) -> dict[str, str]:
    """What there is in a project when a run has ended: digests of files, by name."""
    found = {}
    for path in sorted(project.rglob("*")):
        name = str(path.relative_to(project))
        if path.is_dir() or name.split("/")[0] in ("conf", "src", "mlartifacts", ".viz"):
            continue
        content = path.read_bytes()
        if path.name == "config.json":
            described = json.loads(content)
            content = json.dumps({**described, "finished": None}).encode()
        if path.suffix == ".html":  # says when networks were finished
            content = re.sub(rb"\d{4}-\d\d-\d\d \d\d:\d\d", b"", content)
        if path.suffix in (".json", ".html"):  # may say where the project is
            content = content.replace(str(project).encode(), b"")
        if path.name.startswith("mlflow.db") or path.name.endswith(".lock"):
            content = b""
        found[name] = hashlib.sha256(content).hexdigest()[:12]
    run = runs(project)[0]
    found["status"] = run.info.status
    for name, value in run.data.metrics.items():
        found[f"metric {name}"] = repr(value)
    artifacts = project / "mlartifacts" / run.info.run_id / "artifacts"
    for path in artifacts.rglob("*"):
        if path.name.startswith("step_") or path.name == "text_to_image":
            continue  # what was learned so far stays with the run that was killed
        found[f"artifact {path.relative_to(artifacts)}"] = "there"
    return found


def runs(project: Path) -> list[Run]:
    """A project's runs in MLflow, the latest first."""
    client = mlflow.MlflowClient(f"sqlite:///{project / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("videogeneration")
    assert experiment is not None
    return list(client.search_runs([experiment.experiment_id], order_by=["start_time DESC"]))


@dataclass
class Before:
    """A project before a run, and how that run ends.

    Attributes:
        end: What there is when it has ended, see `ends`.
        log: What it said.
    """

    end: dict[str, str]
    log: Log


@dataclass
class Try:
    """A run that was killed.

    Attributes:
        stage: Of `STAGES`.
        what: Source and moment.
        wrong: What was not as it should be after the next run.
    """

    stage: str
    what: str
    wrong: list[str]


class Kills:
    """Projects, runs of theirs that are killed, and the runs that follow.

    Args:
        folder: Where the projects are.
        seed: Of the moments.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder, self._rng = folder, np.random.default_rng(seed)
        self._straight: dict[str, Before] = {}

    def tries(self, count: int) -> Iterator[Try]:
        """Kill runs, each followed by a plain one."""
        for number in range(count):
            stage = list(STAGES)[number % len(STAGES)]
            source = ("kth", "icons")[number // len(STAGES) % 2]
            name, nodes = STAGES[stage]
            before = self._ending(source, f"{source}_{name}")
            node = str(self._rng.choice(nodes))
            moment = Moment(node, float(self._rng.uniform(0, before.log.lasts(node))))
            project = self._folder / f"try{number}"
            shutil.copytree(self._begun(source), project)
            wrong = list(_try(project, f"{source}_{name}", moment, before.end))
            if not wrong:
                shutil.rmtree(project)
            yield Try(stage, f"{source}, {moment}", wrong)

    def _begun(self, source: str) -> Path:
        """The project before the runs of a source."""
        project = self._folder / source
        if project.exists():
            return project
        new_project(project, bare=True)
        if source in BEFORE:
            own = dict(SMALL[source])
            for name, value in BEFORE[source].items():
                own[name] = {**own[name], **value}
            write_settings(project, {**SMALL, source: own})
            _whole(project, f"{source}_gan,{source}_text_to_image")
        write_settings(project, SMALL)
        return project

    def _ending(self, source: str, pipeline: str) -> Before:
        """How a run ends that nobody kills."""
        if pipeline not in self._straight:
            project = self._folder / f"{pipeline}_straight"
            shutil.copytree(self._begun(source), project)
            log = _whole(project, pipeline)
            self._straight[pipeline] = Before(ends(project), log)
        return self._straight[pipeline]


def write_settings(project: Path, settings: dict[str, Any]) -> None:
    """Settings of a project's own."""
    (project / "conf" / "local" / "parameters.yml").write_text(yaml.safe_dump(settings))


def _whole(project: Path, pipelines: str) -> Log:
    log = kedro_run(project, pipelines)
    assert log.code == 0, log.text[-3000:]
    return log


def _try(project: Path, pipeline: str, moment: Moment, expected: dict[str, str]) -> Iterator[str]:
    killed = kedro_run(project, pipeline, moment)
    if killed.code != -signal.SIGKILL:
        yield f"ended by itself with {killed.code}: {killed.text[-2000:]}"
    yield from (f"goes on: {command}" for command in left_processes(project))
    after = kedro_run(project, pipeline)
    if after.code != 0:
        yield f"the next run ends with {after.code}: {after.text[-2000:]}"
        return
    found = ends(project)
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            yield f"{name}: {found.get(name)}, not {expected.get(name)}"
    for run in runs(project)[1:]:
        if run.info.status not in ("KILLED", "FAILED", "FINISHED"):
            yield f"a run stays {run.info.status}"
