"""Texts of documents in pieces: plain, spelled out, different from another text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from pipeline.report.wording import is_plain, spelled

Segment = tuple[str, str]
"""(kind, text): kind is "" for plain text, `code` for a character that is spelled out, `differs` for what only this
text has."""

_PIECES = re.compile(r"[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|\w+|\s+|.", re.S)


def differences(text: str, other: str) -> list[tuple[int, int]]:
    """Spans of a text that the other one has not, by words; in scripts without spaces by characters.

    >>> differences("The quick fox.", "The slow fox.")
    [(4, 9)]
    """
    pieces, others = _PIECES.findall(text), _PIECES.findall(other)
    ends = [0]
    for piece in pieces:
        ends.append(ends[-1] + len(piece))
    matcher = SequenceMatcher(None, pieces, others, autojunk=False)
    return [(ends[a], ends[b]) for kind, a, b, _, _ in matcher.get_opcodes() if kind in ("replace", "delete")]


def segments(text: str, spans: Sequence[tuple[int, int]] = ()) -> list[Segment]:
    """A text in pieces. spans: in order, of what differs.

    >>> segments("ab\\u202ecd", [(3, 5)])
    [('', 'ab'), ('code', '\\\\u202e'), ('differs', 'cd')]
    """
    found: list[Segment] = []
    at = 0
    for start, end in [*spans, (len(text), len(text))]:
        found += _spelled(text[at:start], "") + _spelled(text[start:end], "differs")
        at = end
    return found


def _spelled(text: str, kind: str) -> list[Segment]:
    if text.isprintable():
        return [(kind, text)] if text else []
    found: list[Segment] = []
    start = 0
    for place, char in enumerate(text):
        if not is_plain(char):
            found += [(kind, text[start:place])] if place > start else []
            found.append(("code", spelled(char)))
            start = place + 1
    return found + ([(kind, text[start:])] if start < len(text) else [])
