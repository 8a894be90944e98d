"""What a run has done so far, as small files that workers append to and the command line reads.

Works the same in one process and in many on one machine; a run without a progress folder writes nothing. These
numbers are for looking at: a retried bundle counts twice. Counts that matter come from the data. So nothing here
ever stops a run: a full disk ends the numbers, not the work.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

from filters.chain import StageTimes


class Progress:
    """Appends lines of (phase, documents, bytes, dropped) to a file of this process's own."""

    def __init__(self, folder: str | None, phase: str) -> None:
        self._folder = folder
        self._phase = phase

    def add(self, documents: int, size: int, dropped: int = 0) -> None:
        """Report work that is done."""
        self._write([self._phase, documents, size, dropped])

    def add_stages(self, times: StageTimes) -> None:
        """Report how long stages took that ran row by row."""
        for stage, taken in times.items():
            self._write({"stage": stage, "taken": taken})

    def _write(self, report: Any) -> None:
        if not self._folder:
            return
        line = json.dumps(report) + "\n"
        try:
            with (Path(self._folder) / str(os.getpid())).open("ab", buffering=0) as file:
                file.write(line.encode())
        except OSError:
            self._folder = None  # the disk is full, or the run is over and its folder gone


class ProgressReader:
    """Adds up what workers have written; every look reads only what is new."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[Path, int] = defaultdict(int)
        self._totals: dict[str, tuple[int, int, int]] = {}
        self.stages: dict[str, tuple[int, int, float]] = {}
        """(documents, bytes, seconds) of stages that ran row by row, in the order first seen."""

    def look(self) -> dict[str, tuple[int, int, int]]:
        """(documents, bytes, dropped) so far, by phase in the order first seen."""
        for path in sorted(self._folder.iterdir()):
            with path.open("rb") as file:
                file.seek(self._read[path])
                data = file.read()
            whole = data[: data.rfind(b"\n") + 1]  # a line may be half written, also for good
            self._read[path] += len(whole)
            for line in whole.splitlines():
                self._add(line)
        return dict(self._totals)

    def _add(self, line: bytes) -> None:
        try:
            found = json.loads(line)
        except ValueError:  # cut short by a full disk
            return
        if isinstance(found, dict):
            taken = self.stages.get(found["stage"], (0, 0, 0.0))
            documents, size, seconds = (one + other for one, other in zip(taken, found["taken"], strict=True))
            self.stages[found["stage"]] = (documents, size, seconds)
            return
        phase, documents, size, dropped = found
        before = self._totals.get(phase, (0, 0, 0))
        self._totals[phase] = (before[0] + documents, before[1] + size, before[2] + dropped)
