"""Web applications, served in the background while a test asks them."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import uvicorn
from fastapi import FastAPI


@contextmanager
def served_app(app: FastAPI) -> Iterator[str]:
    """The address at which an application is served meanwhile."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    (bound,) = server.servers[0].sockets
    yield f"http://127.0.0.1:{bound.getsockname()[1]}"
    server.should_exit = True
    thread.join()


MOST_PORT = 49151
"""Kedro-Viz takes no port above it."""


@contextmanager
def served_command(folder: Path, *words: str) -> Iterator[str]:
    """The address at which a Python command with the option `--port` serves meanwhile."""
    port = MOST_PORT + 1
    while port > MOST_PORT:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
    command = [sys.executable, *words, f"--port={port}"]
    quiet = subprocess.DEVNULL
    # a group of its own: such servers start processes that outlive them
    server = subprocess.Popen(
        command, cwd=folder, stdout=quiet, stderr=quiet, start_new_session=True
    )
    address = f"http://127.0.0.1:{port}"
    try:
        while True:
            assert server.poll() is None, f"{command} has ended"
            try:
                with urlopen(address):
                    break
            except (URLError, ConnectionError):
                time.sleep(0.2)
        yield address
    finally:
        with suppress(ProcessLookupError):  # where it has ended
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()
