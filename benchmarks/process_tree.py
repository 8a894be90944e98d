"""Run a command and watch its whole process tree: wall time, processor time, peak memory."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

INTERVAL = 0.05
_LEAST_REST = 9
"""Times the cost of a look that the watcher rests after it, so that it takes at most 10 % of a core."""


@dataclass(frozen=True)
class Usage:
    """What a command took. memory: which number of each process was added up, `pss`, `uss` or `rss`.

    looks, watching_seconds: how often memory was read, and the processor time that took in the watching process.
    largest: MiB of the largest process of each program, by the program's name.
    """

    seconds: float
    cpu_seconds: float
    peak_mib: float
    memory: str
    looks: int
    watching_seconds: float
    output: str
    largest: dict[str, float] = field(default_factory=dict)


def watch(command: Sequence[str], cwd: Path) -> Usage:
    """Run a command to its end. Raises RuntimeError with its last words if it fails."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started, watching = time.perf_counter(), time.process_time()
        child = subprocess.Popen(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        peak, looks, kind, cpu = 0, 0, "rss", {}
        largest: dict[str, int] = {}
        try:
            while True:
                before = time.perf_counter()
                held, kind = _look(child.pid, cpu, kind, largest)
                peak, looks = max(peak, held), looks + 1
                ended = _wait(child, max(INTERVAL, _LEAST_REST * (time.perf_counter() - before)))
                if ended:
                    break
        finally:
            if child.returncode is None:
                child.kill()
                child.wait()
        seconds = time.perf_counter() - started
        out.seek(0)
        err.seek(0)
        if child.returncode:
            words = err.read().decode(errors="replace")[-2000:]
            raise RuntimeError(f"{' '.join(command)} failed with {child.returncode}: {words}")
        return Usage(
            seconds=seconds,
            # The kernel's total misses processes nobody waited for, ours the last moments of each: take the larger.
            cpu_seconds=max(ended.ru_utime + ended.ru_stime, sum(cpu.values())),
            peak_mib=peak / 2**20,
            memory=kind,
            looks=looks,
            watching_seconds=time.process_time() - watching,
            output=out.read().decode(),
            largest={name: held / 2**20 for name, held in largest.items()},
        )


def _wait(child: subprocess.Popen[bytes], rest: float) -> object | None:
    """Resource usage of the child if it ends within `rest` seconds; looks often, so that wall time is exact to 5 ms."""
    until = time.perf_counter() + rest
    while True:
        pid, status, usage = os.wait4(child.pid, os.WNOHANG)
        if pid:
            child.returncode = os.waitstatus_to_exitcode(status)
            return usage
        left = until - time.perf_counter()
        if left <= 0:
            return None
        time.sleep(min(0.005, left))


def _look(
    pid: int, cpu: dict[tuple[int, float], float], kind: str, largest: dict[str, int] | None = None
) -> tuple[int, str]:
    """Bytes that the tree holds now, and which kind of number that is; processor times go to `cpu`.

    largest: most bytes of one process so far, by the program's name.
    """
    total = 0
    try:
        root = psutil.Process(pid)
        tree = [root, *root.children(recursive=True)]
    except psutil.Error:
        return 0, kind
    for process in tree:
        with contextlib.suppress(psutil.Error):  # gone meanwhile
            held, kind = _memory(process)
            times = process.cpu_times()
            cpu[process.pid, process.create_time()] = times.user + times.system
            total += held
            if largest is not None:
                name = process.name()
                largest[name] = max(largest.get(name, 0), held)
    return total, kind


def _memory(process: psutil.Process) -> tuple[int, str]:
    """PSS shares memory among the processes that map it, so a tree adds up; then USS; RSS counts it again and again."""
    try:
        info = process.memory_full_info()
    except psutil.AccessDenied:
        info = process.memory_info()
    kind = next(kind for kind in ("pss", "uss", "rss") if getattr(info, kind, 0) or kind == "rss")
    return getattr(info, kind), kind
