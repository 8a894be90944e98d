"""What every peer's script about personal data does: read texts, find spans, take the time of its usual call."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from peer_io import read_texts

Found = list[tuple[int, int, str]]
"""Code points [start, end) and kind, by the peer's name."""

HIDDEN = "\ue000"
"""Stands for a character that was found, so that offsets stay while patterns follow one another as in the peer."""


class Recorder:
    """In place of a compiled pattern whose `sub` redacts: notes what it would replace, and leaves the length as it is.

    What the replacement takes over as group 1 is not part of the finding.
    """

    def __init__(self, pattern: Any, kind: str, found: Found, valid: Callable[[str], bool] | None = None) -> None:
        self.pattern, self.kind, self.found, self.valid = pattern, kind, found, valid

    def sub(self, replacement: Any, text: str) -> str:
        """The text with what was found hidden."""

        def hide(match: Any) -> str:
            if self.valid and not self.valid(match.group(0)):
                return str(match.group(0))
            keeps = isinstance(replacement, str) and replacement.startswith("\\1")
            start, end = match.end(1) if keeps else match.start(), match.end()
            self.found.append((start, end, self.kind))
            return text[match.start() : start] + HIDDEN * (end - start)

        return str(self.pattern.sub(hide, text))


def main(package: str, work: Callable[[str], object], spans: Callable[[str], Found]) -> None:
    """Time `work` on every text of the file named first, `spans` of those of the third argument, write both.

    A text that the peer fails on counts as one without findings.
    """
    texts, labelled = read_texts(sys.argv[1]), read_texts(sys.argv[3])
    failed = 0

    def careful(call: Callable[[str], Any], text: str) -> Any:
        nonlocal failed
        try:
            return call(text)
        except Exception:
            failed += 1
            return []

    for text in labelled[:20]:
        careful(work, text)
    failed, before = 0, time.process_time()
    for text in texts:
        careful(work, text)
    seconds = time.process_time() - before
    result = {
        "version": version(package),
        "cpu_seconds": seconds,
        "found": [careful(spans, text) for text in labelled],
        "failed": failed,
    }
    Path(sys.argv[2]).write_text(json.dumps(result), encoding="utf-8")
