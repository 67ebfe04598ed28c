"""Worker processes of their own, for what is drawn in many parts."""

import multiprocessing
import os
import threading
from concurrent.futures import ProcessPoolExecutor

import cv2


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
