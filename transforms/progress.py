"""What a run has done so far, as small files that workers append to and the command line reads.

Works the same in one process and in many on one machine; a run without a progress folder writes nothing. These
numbers are for looking at: a retried bundle counts twice. Counts that matter come from the data.
"""

from __future__ import annotations

import os
import struct
from collections import defaultdict
from pathlib import Path

_RECORD = struct.Struct("<16sqqq")


class Progress:
    """Appends (phase, documents, bytes, dropped) records to a file of this process's own."""

    def __init__(self, folder: str | None, phase: str) -> None:
        self._folder = folder
        self._phase = phase.encode()[:16]

    def add(self, documents: int, size: int, dropped: int = 0) -> None:
        """Report work that is done."""
        if not self._folder:
            return
        try:
            with (Path(self._folder) / str(os.getpid())).open("ab", buffering=0) as file:
                file.write(_RECORD.pack(self._phase, documents, size, dropped))
        except FileNotFoundError:
            self._folder = None  # the run is over and its folder gone


def read_progress(folder: Path) -> dict[str, tuple[int, int, int]]:
    """(documents, bytes, dropped) so far, by phase."""
    totals: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for path in sorted(folder.iterdir()):
        data = path.read_bytes()
        for phase, *numbers in _RECORD.iter_unpack(data[: len(data) // _RECORD.size * _RECORD.size]):
            total = totals[phase.rstrip(b"\0").decode()]
            for i, number in enumerate(numbers):
                total[i] += number
    return {phase: (total[0], total[1], total[2]) for phase, total in totals.items()}
