"""`python -m tests.fuzz`: thousands of broken inputs, in processes of their own; says which crash, hang or surprise.

    python -m tests.fuzz                                       # 10,000 inputs
    python -m tests.fuzz --targets kernels --bounds            # kernels compiled with bounds checks
    python -m tests.fuzz --targets kernels --interpret --inputs 200     # kernels as plain Python
    python -m tests.fuzz --targets readers --first 4711 --inputs 1      # one input again

An input is its number: the same number is the same input. A process works through many; when it dies or stops
answering, the input it was at is the culprit, and another process goes on behind it.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

import psutil

SHARES = {"readers": 0.6, "recipes": 0.2, "stages": 0.1, "kernels": 0.1}
MOST_BYTES = 3 << 30
"""That a process may hold; what damage claims must not be taken from the machine."""


def selftest(number: int) -> str:
    """Goes wrong in every way."""
    if number == 1:
        return str(1 // 0)
    if number == 2:
        os.abort()
    while number == 3:
        time.sleep(1)
    return "result"


def work(target: str, first: int, inputs: int, state: Path) -> None:
    """In a process of its own: run inputs one by one, appending to `state` each number and what became of it."""

    def run(number: int) -> str:
        if target == "selftest":
            return selftest(number)
        from tests.fuzz_targets import TARGETS

        return TARGETS[target](random.Random(f"{target} {number}"))

    with state.open("a", buffering=1) as log:
        for number in range(first, first + inputs):
            log.write(f"{number} ")
            log.flush()
            try:
                outcome = run(number)
            except Exception as error:
                where = traceback.extract_tb(error.__traceback__)[-1]
                outcome = f"SURPRISE {type(error).__name__} at {Path(where.filename).name}:{where.lineno}"
            log.write(outcome + "\n")


def fuzz(
    target: str, first: int, inputs: int, *, seconds: float, environment: dict[str, str]
) -> tuple[Counter[str], list[str]]:
    """(outcomes, defects) of so many inputs. seconds: that an input may take, and the start of a process ten times."""
    outcomes: Counter[str] = Counter()
    defects: list[str] = []
    end = first + inputs
    while first < end:
        with tempfile.TemporaryDirectory() as folder:
            state = Path(folder, "state")
            arguments = ["--work", target, str(first), str(end - first), str(state)]
            command = [sys.executable, "-m", "tests.fuzz", *arguments]
            process = subprocess.Popen(command, env={**os.environ, **environment}, stderr=subprocess.DEVNULL)
            end_of_it = _wait(process, state, seconds)
            lines = state.read_text().splitlines() if state.exists() else []
        done = [line.split(" ", 1) for line in lines if not line.endswith(" ")]
        outcomes.update(outcome.split(" ")[0] for _, outcome in done)
        defects += [f"{target} {number}: {outcome}" for number, outcome in done if outcome.startswith("SURPRISE")]
        if not lines:
            raise SystemExit(f"{' '.join(command)} does not start")
        first += len(done)
        if first < end:
            defects.append(f"{target} {first}: {end_of_it or f'CRASH with status {process.returncode}'}")
            first += 1
    return outcomes, defects


def _wait(process: subprocess.Popen[bytes], state: Path, seconds: float) -> str | None:
    """Wait while it goes on; one that does not, or holds too much memory, is killed, and why is returned."""
    size, since = -1, time.monotonic()
    while process.poll() is None:
        now = state.stat().st_size if state.exists() else -1
        if now != size:
            size, since = now, time.monotonic()
        held = _held(process.pid)
        if held > MOST_BYTES or time.monotonic() - since > seconds * (1 if size > 0 else 10):
            process.kill()
            process.wait()
            return f"MEMORY, {held >> 20:,} MiB" if held > MOST_BYTES else "HANG"
        time.sleep(0.05)
    return None


def _held(pid: int) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--targets", nargs="+", choices=[*SHARES], default=[*SHARES])
    parser.add_argument("--inputs", type=int, default=10_000, help="over all targets")
    parser.add_argument("--first", type=int, default=0, help="number of the first")
    parser.add_argument("--seconds", type=float, default=60, help="that an input may take")
    parser.add_argument("--bounds", action="store_true", help="compile kernels with bounds checks (minutes)")
    parser.add_argument("--interpret", action="store_true", help="run kernels as plain Python (slow)")
    parser.add_argument("--work", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        target, first, inputs, state = given.work
        work(target, int(first), int(inputs), Path(state))
        return
    environment = {"NUMBA_DISABLE_JIT": "1"} if given.interpret else {}
    total, failed = sum(SHARES[target] for target in given.targets), []
    with tempfile.TemporaryDirectory() as cache:
        if given.bounds:  # what is compiled with checks must not be kept beside what is compiled without
            environment |= {"NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": cache}
        for target in given.targets:
            began, inputs = time.monotonic(), round(given.inputs * SHARES[target] / total)
            outcomes, defects = fuzz(target, given.first, inputs, seconds=given.seconds, environment=environment)
            took = time.monotonic() - began
            print(
                json.dumps({"target": target, "inputs": inputs, "seconds": round(took, 1), "outcomes": outcomes}),
                flush=True,
            )
            failed += defects
    for defect in failed:
        print(defect)
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
