"""One detector over one text, without the engine: candidates by RE2 over bytes, a window around each, the proof."""

from __future__ import annotations

import re2

from filters.detectors.contract import CONTEXT, Detector


def spans(detector: Detector, text: str) -> list[tuple[int, int]]:
    """Findings as [start, end) in characters of `text`."""
    data = text.encode()
    found = []
    for match in re2.compile(detector.pattern).finditer(data):
        start = len(data[: match.start()].decode())
        end = start + len(match.group().decode())
        first = max(0, start - CONTEXT)
        for begin, stop in detector.prove(text[first : end + CONTEXT], start - first, end - first):
            assert start - first <= begin < stop <= end - first, "a finding lies inside its candidate"
            found.append((first + begin, first + stop))
    return found


def values(detector: Detector, text: str) -> list[str]:
    """What the detector finds in `text`."""
    return [text[start:end] for start, end in spans(detector, text)]


def hinted(detector: Detector, text: str) -> bool:
    """Whether the detector's hint would let it look at `text`."""
    return re2.compile(detector.hint).search(text.encode()) is not None
