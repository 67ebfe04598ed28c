"""Trainings on several processes within one run: `compute.processes`, or torchrun.

The run itself is the first process. The others wait until it comes to a training, run that very
node beside it, with the inputs that they read from the catalog themselves, and keep nothing: the
project's folder must be the same for all, on one machine or on a disk that several share.
"""

import logging
import os
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from itertools import count as numbers
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from kedro.framework.hooks import hook_impl
from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from kedro.pipeline.node import Node

from videogeneration import distributed
from videogeneration.sources.processes import worker_processes
from videogeneration.training.device import ComputeSettings

SHARED = "distributed"
"""Tag of the trainings that several processes share."""

COMPUTE = "params:compute"

PATIENCE = timedelta(days=30)
"""How long a process waits for the next training."""

Place = tuple[str, str | None, dict[str, Any]]
"""Which run it is: the project's folder, Kedro's environment and the parameters of the command."""


class WorkerHooks:
    """Start and end the other processes, and tell them what to train."""

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self._store: dist.Store | None = None
        self._pool: ProcessPoolExecutor | None = None
        self._helpers: list[Future[None]] = []
        self._trainings, self._joined = 0, ExitStack()

    @hook_impl(wrapper=True, tryfirst=True)
    def before_pipeline_run(self, run_params: dict[str, Any]) -> Iterator[None]:
        """Keep what another process needs to be in the same run; be one, where torchrun says so."""
        self._forget()
        self._place: Place = (
            str(run_params["project_path"]),
            run_params["env"],
            dict(run_params["runtime_params"] or {}),
        )
        rank = int(os.environ.get("RANK", "0"))
        if rank > 0:
            _help(self._place, _torchruns(), rank, int(os.environ["WORLD_SIZE"]))
            sys.exit(0)
        yield

    @hook_impl
    def before_node_run(self, node: Node, inputs: dict[str, Any]) -> None:
        """Have a training joined by all."""
        if SHARED not in node.tags:
            return
        compute = ComputeSettings(**inputs[COMPUTE])  # plain values, as `RunHooks` leaves them
        count = int(os.environ.get("WORLD_SIZE", compute.processes))
        if count > 1:
            store = self._store = self._store or self._found(count)
            store.set(_training(self._trainings), node.name)
            self._joined.enter_context(_joined(store, self._trainings, 0, count, compute))
            self._trainings += 1

    @hook_impl
    def after_node_run(self) -> None:
        """Leave the training."""
        self._joined.close()

    @hook_impl(tryfirst=True)
    def on_node_error(self, error: Exception) -> None:
        """Leave the training; say why another process is gone, where it could."""
        self._joined.close()
        for helper in self._helpers:
            if helper.done() and (reason := helper.exception()):
                error.add_note(f"another process: {reason}")

    @hook_impl
    def after_pipeline_run(self) -> None:
        """Let the others go."""
        self._joined.close()
        if self._store is not None:
            self._store.set(_training(self._trainings), "")
        if self._pool is not None:
            self._pool.shutdown()
        self._forget()

    @hook_impl
    def on_pipeline_error(self) -> None:
        """Let the others go, who may wait for this process."""
        self.after_pipeline_run()

    def _found(self, count: int) -> dist.Store:
        """Where the processes find each other; starts them where torchrun has not."""
        if "WORLD_SIZE" in os.environ:
            return _torchruns()
        store = dist.TCPStore(
            "127.0.0.1", 0, is_master=True, wait_for_workers=False, timeout=PATIENCE
        )
        self._pool = worker_processes(count - 1)
        self._helpers = [
            self._pool.submit(_help_here, self._place, store.port, rank, count)
            for rank in range(1, count)
        ]
        return store


def _torchruns() -> dist.Store:
    store, *_ = next(dist.rendezvous("env://", timeout=PATIENCE))
    return store


def _help_here(place: Place, port: int, rank: int, count: int) -> None:
    store = dist.TCPStore("127.0.0.1", port, is_master=False, timeout=PATIENCE)
    _help(place, store, rank, count)


def _help(place: Place, store: dist.Store, rank: int, count: int) -> None:
    """Run the trainings that the first process comes to."""
    project, env, parameters = place
    for number in numbers():
        with distributed.lost():
            name = store.get(_training(number)).decode()
        if not name:
            return
        # the run's own process has made folders and databases by now
        bootstrap_project(Path(project))
        for logger in ("videogeneration", "kedro", "kedro_mlflow", "mlflow"):
            logging.getLogger(logger).setLevel(logging.WARNING)
        with KedroSession.create(project, env=env, runtime_params=parameters) as session:
            assert isinstance(session, KedroSession)  # unless another class is configured
            catalog = session.load_context().catalog
            node = next(n for p in pipelines.values() for n in p.nodes if n.name == name)
            with _joined(store, number, rank, count, catalog.load(COMPUTE)):
                node.run({x: catalog.load(x) for x in node.inputs})


def _training(number: int) -> str:
    return f"training {number}"


def _joined(
    store: dist.Store, number: int, rank: int, count: int, compute: ComputeSettings
) -> ExitStack:
    """Be one of the processes of a training, with a share of this machine's cores."""
    local = int(os.environ.get("LOCAL_RANK", rank))
    here = int(os.environ.get("LOCAL_WORLD_SIZE", count))
    cuda = compute.device != "cpu" and torch.cuda.is_available()
    if cuda and ":" in compute.device:
        raise ValueError(f"compute.device: '{compute.device}', but {count} processes; use cuda")
    if cuda and here > torch.cuda.device_count():
        raise ValueError(
            f"compute.processes: {here} on {socket.gethostname()}, which has "
            f"{torch.cuda.device_count()} GPUs"
        )
    joined, threads = ExitStack(), torch.get_num_threads()
    own = dist.PrefixStore(f"{_training(number)} of {count}", store)
    joined.enter_context(distributed.together(own, rank, count, local, cuda))
    torch.set_num_threads(max(1, threads // here))
    joined.callback(torch.set_num_threads, threads)
    return joined
