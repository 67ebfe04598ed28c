"""Runs that are killed somewhere, and what the next run makes of it: `make test-kills`.

Data making, trainings, predictions and evaluation of people and icons are killed in turn, each at a
random moment, in an empty project or in one where other settings have run to their end before. The
plain run that follows must end as one that nobody killed.
"""

import hashlib
import json
import os
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

OTHER: dict[str, Any] = {
    "kth": {"people": {"seed": 2}, "mse": {"steps": 14}, "text_to_image": {"steps": 9}},
    "icons": {"seed": 2, "mse": {"steps": 310}, "text_to_image": {"steps": 9}},
}
"""What ran before, for longer, on other clips."""

SHOWN = ["follow_captions", "score_models", "score_long_films", "score_images"]
SHOWN += ["show_films", "draw_sheets", "draw_image_sheet", "plot_scores"]

STAGES = {
    "start": [""],
    "data": ["make_clips", "make_clips", "make_clips", "encode_captions", "report_clips"],
    "mse": ["train_mse"],
    "gan": ["train_gan"],
    "text_to_image": ["train_text_to_image", "train_classifier"],
    "predictions": ["predict"],
    "evaluation": SHOWN,
}
"""Nodes that are killed in turn; the start is all that comes before the first of them."""


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


def kedro_run(project: Path, source: str, killed: Moment | None = None) -> Log:
    """Everything of a source, in a process of its own."""
    command = [sys.executable, "-m", "kedro", "run"]
    command.append(f"--pipelines={source}_gan,{source}_text_to_image")
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
        if path.name.startswith("mlflow.db") or path.name.endswith(".lock"):
            content = b""
        found[name] = hashlib.sha256(content).hexdigest()[:12]
    run = runs(project)[0]
    found["status"] = run.info.status
    for name, value in run.data.metrics.items():
        found[f"metric {name}"] = repr(value)
    artifacts = project / "mlartifacts" / run.info.run_id / "artifacts"
    for path in artifacts.rglob("*"):
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
        folder: The project, or where a new one is made.
        end: What there is when a run of it has ended, see `ends`.
        log: What that run said.
    """

    folder: Path
    end: dict[str, str]
    log: Log


def _settings(project: Path, source: str, older: bool) -> None:
    settings = dict(SMALL)
    if older:
        own = dict(SMALL[source])
        for name, value in OTHER[source].items():
            own[name] = {**own[name], **value} if isinstance(value, dict) else value
        settings[source] = own
    (project / "conf" / "local" / "parameters.yml").write_text(yaml.safe_dump(settings))


def prepare(folder: Path, source: str, again: bool) -> Before:
    """A project to begin with, and the end of a run in a copy of it."""
    begun = new_project(folder / f"{source}-{again}")
    if again:
        _settings(begun, source, older=True)
        log = kedro_run(begun, source)
        assert log.code == 0, log.text[-3000:]
    _settings(begun, source, older=False)
    straight = folder / f"{source}-{again}-straight"
    shutil.copytree(begun, straight)
    log = kedro_run(straight, source)
    assert log.code == 0, log.text[-3000:]
    return Before(begun, ends(straight), log)


@dataclass
class Try:
    """A run that was killed.

    Attributes:
        stage: Of `STAGES`.
        what: Source, project and moment.
        wrong: What was not as it should be after the next run.
    """

    stage: str
    what: str
    wrong: list[str]


def tries(folder: Path, count: int, seed: int) -> Iterator[Try]:
    """Kill runs, each followed by a plain one."""
    rng = np.random.default_rng(seed)
    cases = [(source, again) for source in ("kth", "icons") for again in (False, True)]
    projects = {case: prepare(folder, *case) for case in cases}
    for number in range(count):
        stage = list(STAGES)[number % len(STAGES)]
        source, again = cases[int(rng.integers(len(cases)))]
        before = projects[source, again]
        node = str(rng.choice(STAGES[stage]))
        moment = Moment(node, float(rng.uniform(0, before.log.lasts(node))))
        project = folder / f"try{number}"
        shutil.copytree(before.folder, project)
        wrong = list(_try(project, source, moment, before.end))
        what = f"{source}, {'after another run' if again else 'new'}, {moment}"
        if not wrong:
            shutil.rmtree(project)
        yield Try(stage, what, wrong)


def _try(project: Path, source: str, moment: Moment, expected: dict[str, str]) -> Iterator[str]:
    killed = kedro_run(project, source, moment)
    if killed.code != -signal.SIGKILL:
        yield f"ended by itself with {killed.code}: {killed.text[-2000:]}"
    yield from (f"goes on: {command}" for command in left_processes(project))
    after = kedro_run(project, source)
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
