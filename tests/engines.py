"""Engines for tests: found on this machine, or a skip that says how to get them."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from filters.errors import RunnerError
from pipeline.flink import find_java, find_job_server
from pipeline.prism import MODULE, find_prism

CACHE = Path.home() / ".cache" / "beamsift-tests"
"""What was built for tests stays here from run to run."""


def free_port() -> int:
    """A port of this machine that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(port: int, process: subprocess.Popen[bytes], seconds: float = 120) -> None:
    """Until something listens on the port. Raises RuntimeError if the process ends first."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with status {process.returncode}")
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        time.sleep(0.1)
    raise RuntimeError(f"nothing listens on port {port} after {seconds:.0f} s")


def prism_or_skip() -> Path:
    """Prism of the installed Beam's version: from CACHE, or where `--runner prism` finds it. Building takes long."""
    from apache_beam.version import __version__

    built = CACHE / f"prism-{__version__}" / "prism"
    if built.is_file():
        return built
    try:
        return find_prism([])
    except RunnerError:
        pytest.skip(f"there is no Prism here; to test with it: GOBIN={built.parent} go install {MODULE}@v{__version__}")


def job_server_or_skip() -> Path:
    """Beam's job server for Flink, where `--runner flink` finds it."""
    try:
        find_java([])
        return find_job_server([])
    except RunnerError as error:
        pytest.skip(str(error))


@contextlib.contextmanager
def worker_pool() -> Iterator[str]:
    """Beam's worker pool, as it runs beside a TaskManager: `host:port`; each worker is a process of its own."""
    port = free_port()
    # The pool starts workers as `python`, whichever comes first on the PATH.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-m", "apache_beam.runners.worker.worker_pool_main", f"--service_port={port}"]
    pool = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(port, pool)
        yield f"localhost:{port}"
    finally:
        _end(pool)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
