"""What a run of the local runner is doing: progress while it lasts, and its times, rates and memory when it is over."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from transforms.progress import ProgressReader

Totals = dict[str, tuple[int, int, int]]

Report = Callable[[Totals], None]
"""Called about twice a second with (documents, bytes, dropped) by phase."""

_INTERVAL = 0.5


@dataclass
class Watched:
    """What was seen of a run. folder: for workers to write progress to."""

    folder: str
    _reader: ProgressReader
    _began: dict[str, float] = field(default_factory=dict)
    _moved: dict[str, tuple[float, tuple[int, int, int]]] = field(default_factory=dict)
    _peak: int = 0
    _looking: threading.Lock = field(default_factory=threading.Lock)

    def look(self) -> Totals:
        """Read what workers have reported since the last look, and how much memory all processes hold."""
        with self._looking:
            totals, now = self._reader.look(), time.monotonic()
            for phase, total in totals.items():
                self._began.setdefault(phase, now - _INTERVAL)
                if self._moved.get(phase, (0.0, None))[1] != total:
                    self._moved[phase] = (now, total)
            self._peak = max(self._peak, _resident_bytes())
            return totals

    def timing(self) -> dict[str, Any]:
        """For the manifest. phases: wall time from the first to the last report of each, which overlap where workers
        are in different ones. stages: of those that run row by row, the time they took, added up over all workers.
        peak_resident_bytes: of all processes together; pages they share are counted in each. Seen twice a second.
        """
        with suppress(Exception):  # then up to the last look that did not fail
            self.look()
        with self._looking:
            return self._timing()

    def _timing(self) -> dict[str, Any]:
        phases = [
            {
                "phase": phase,
                "documents": total[0],
                "bytes": total[1],
                "dropped": total[2],
                "seconds": round(max(moved - self._began[phase], 0.0), 1),
            }
            for phase, (moved, total) in self._moved.items()
        ]
        stages = [
            {"id": stage, "documents": documents, "bytes": size, "seconds": round(seconds, 3)}
            for stage, (documents, size, seconds) in self._reader.stages.items()
        ]
        return {"phases": phases, "stages": stages, "peak_resident_bytes": self._peak}


def _resident_bytes() -> int:
    process = psutil.Process()
    total = 0
    for one in [process, *process.children(recursive=True)]:
        with suppress(psutil.Error):  # it has ended
            total += one.memory_info().rss
    return total


@contextmanager
def watching(report: Report | None) -> Iterator[Watched]:
    """A thread that looks at the run and tells `report`, while the context lasts."""
    with tempfile.TemporaryDirectory(prefix=f"beamsift-progress-{os.getpid()}-") as folder:
        watched = Watched(folder, ProgressReader(Path(folder)))
        done = threading.Event()

        def watch() -> None:
            # What is shown about a run must not decide how it ends: the first look that fails is the last.
            with suppress(Exception):
                while not done.wait(_INTERVAL):
                    look()
            with suppress(Exception):
                look()

        def look() -> None:
            totals = watched.look()
            if report is not None:
                report(totals)

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield watched
        finally:
            done.set()
            thread.join()
