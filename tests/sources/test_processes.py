"""Worker processes do not outlive the process that they work for."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from projects import ROOT

POOL = """
import os, signal
from videogeneration.sources.processes import worker_processes
if __name__ == "__main__":
    pool = worker_processes(2)
    print(*{pool.submit(os.getpid).result() for _ in range(9)}, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.slow
def test_they_end_with_a_process_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "pool.py"
    script.write_text(POOL)
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    # not `run`, which waits for all who hold the pipe
    with subprocess.Popen(
        [sys.executable, script], env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        workers = [int(x) for x in process.stdout.readline().split()]
        assert process.wait(60) == -signal.SIGKILL
    assert workers
    for _ in range(200):
        if not any(Path(f"/proc/{worker}/status").exists() for worker in workers):
            return
        time.sleep(0.05)
    raise AssertionError("they go on")
