"""Engines for tests: found on this machine, or fetched and built through the package clients it has; else a skip."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from filters.errors import RunnerError
from pipeline.flink import artifact, find_java, find_job_server, flink_version
from pipeline.prism import MODULE, find_prism

CACHE = Path.home() / ".cache" / "beamsift-tests"
"""What was built for tests stays here from run to run."""

_FETCH_SECONDS, _BUILD_SECONDS = 300, 1200


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
    """Prism of the installed Beam's version: found, or built with Go."""
    from apache_beam.version import __version__

    built = CACHE / f"prism-{__version__}" / "prism"
    if built.is_file():
        return built
    if shutil.which("go") is None:
        try:
            return find_prism([])
        except RunnerError:
            pytest.skip("Prism needs Go to be built, and there is no Go here")
    environment = {**os.environ, "GOBIN": str(built.parent), "GOFLAGS": ""}
    try:
        subprocess.run(
            ["go", "install", f"{MODULE}@v{__version__}"],
            env=environment, check=True, capture_output=True, timeout=_BUILD_SECONDS,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"Prism cannot be built with Go here: {error}")
    return built


def job_server_or_skip() -> Path:
    """Beam's job server for Flink, found, or fetched with Maven."""
    try:
        find_java([])
    except RunnerError as error:
        pytest.skip(str(error))
    with contextlib.suppress(RunnerError):
        return find_job_server([])
    if shutil.which("mvn") is None:
        pytest.skip("Flink needs Maven to fetch Beam's job server, and there is no mvn here")
    name, version = artifact(flink_version([]))
    wanted = f"org.apache.beam:{name}:{version}"
    command = ["mvn", "-B", "-q", "dependency:get", "-Dtransitive=false", f"-Dartifact={wanted}"]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=_FETCH_SECONDS, cwd=Path.home())
        return find_job_server([])
    except (OSError, subprocess.SubprocessError, RunnerError):
        pytest.skip(f"Maven has no {wanted} here")


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
