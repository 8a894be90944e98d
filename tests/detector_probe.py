"""Run one detector over one text, the slow and obvious way: what the engine has to agree with."""

from __future__ import annotations

from functools import cache

import re2

from filters.detectors.contract import CONTEXT, Detector


@cache
def _compiled(pattern: str) -> re2._Regexp:
    return re2.compile(pattern.encode())


def findings(detector: Detector, text: str) -> list[tuple[int, int]]:
    """Spans of code points, after checking what the contract promises about candidates, hints and spans."""
    data = text.encode()
    hint = _compiled(detector.hint)
    spans: list[tuple[int, int]] = []
    seen = end = 0
    for match in _compiled(detector.pattern).finditer(data):
        assert hint.search(match.group()), f"{detector.kind}: the hint misses a candidate"
        assert detector.multiline or b"\n" not in match.group()[1:], f"{detector.kind}: a candidate of two lines"
        start = end + len(data[seen : match.start()].decode())
        end, seen = start + len(match.group().decode()), match.end()
        offset = max(0, start - CONTEXT)
        last = start
        for first, stop in detector.prove(text[offset : end + CONTEXT], start - offset, end - offset):
            assert last <= first + offset < stop + offset <= end, f"{detector.kind}: a finding outside its candidate"
            last = stop + offset
            spans.append((first + offset, last))
    return spans


def values(detector: Detector, text: str) -> list[str]:
    """What is found, as text."""
    return [text[start:end] for start, end in findings(detector, text)]
