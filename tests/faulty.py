"""Processes that die at a chosen moment: `kill -9` of a run, just before its n-th file of some place gets its name."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

KILLED = -signal.SIGKILL


def kill_when_named(recipe: Path, place: str, nth: int) -> int:
    """Go on with a recipe in a process of its own that kills itself; gives how it ended: KILLED, if it came that far.

    place: part of the path of the files that are counted, in the order in which they are finished.
    """
    code = f"import tests.faulty; tests.faulty.run_to_death({str(recipe)!r}, {place!r}, {nth})"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode


def run_to_death(recipe: str, place: str, nth: int) -> None:
    """In the process that is to die."""
    from pipeline.recipe import load_recipe
    from pipeline.run import run
    from transforms import atomic

    rename, named = atomic._rename, []

    def counted(filesystem: object, source: str, target: str) -> None:
        named.extend([target] if place in target else [])
        if len(named) == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        rename(filesystem, source, target)

    atomic._rename = counted
    run(load_recipe(recipe), resume=True)
