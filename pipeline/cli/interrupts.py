"""Ctrl-C during a run: one sentence, no worker left behind, exit status 130."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

from pipeline.signals import on_interrupt

INTERRUPTED = (
    "Interrupted. What was written so far is not a result; run again with --resume to go on, without to start over."
)


@contextmanager
def leaving_at_once() -> Iterator[None]:
    """While the context lasts, Ctrl-C ends the process then and there.

    Raising KeyboardInterrupt is no way out of a run: Beam wraps it into an error of the step that was running, a
    callback of Numba's compiler swallows it, and threads print tracebacks of their own.
    """
    with on_interrupt(_leave):
        yield


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    # The interrupted code may be inside print, so its buffers and locks are left alone.
    show_cursor = b"\x1b[?25h" if sys.stderr.isatty() else b""
    with suppress(OSError):
        os.write(2, show_cursor + b"\n" * bool(show_cursor) + INTERRUPTED.encode() + b"\n")
    with suppress(Exception):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # what threads have to say about the end of their workers
        import psutil

        ours = [os.getpid()]
        for child in psutil.Process().children(recursive=True):
            ours.append(child.pid)
            child.kill()
        # Copies of models, progress, results that were to be compared: whoever makes one names it by its process.
        for pid in ours:
            for folder in Path(tempfile.gettempdir()).glob(f"beamsift-*-{pid}-*"):
                shutil.rmtree(folder, ignore_errors=True)
    os._exit(130)
