"""Worker processes of their own, for what is drawn in many parts."""

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

import cv2

from videogeneration.data.ahead import ahead

_Job = TypeVar("_Job")
_Result = TypeVar("_Result")


def done(
    function: Callable[[_Job], _Result], jobs: Sequence[_Job], processes: int
) -> Iterator[_Result]:
    """The results of jobs in order, from processes (0: one a core) that are a few jobs ahead.

    A single process is this one.
    """
    workers = min(processes or os.cpu_count() or 1, len(jobs))
    if workers <= 1:
        yield from map(function, jobs)
        return
    with worker_processes(workers) as pool:
        yield from ahead(pool, function, jobs, 2 * workers)


def worker_processes(count: int) -> ProcessPoolExecutor:
    """Processes that work side by side, with one thread each in OpenCV.

    They end when this process does, even if it is killed: else they would wait for ever for work,
    or go on writing where its next run writes.
    """
    # spawn: a fork of a process that already runs torch's threads may hang
    return ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), _begin)


def _begin() -> None:
    cv2.setNumThreads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
