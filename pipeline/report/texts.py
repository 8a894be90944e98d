"""Texts of documents in pieces: plain, spelled out, different from another text."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.hostile_text import spelled
from pipeline.report.wording import is_plain
from pipeline.text_diff import diff_words

Segment = tuple[str, str]
"""(kind, text): kind is "" for plain text, `code` for a character that is spelled out, `differs` for what only this
text has."""


def beside(left: str, right: str) -> tuple[list[Segment], list[Segment]]:
    """Two texts with what differs between them marked, by words.

    >>> beside("The quick fox", "The slow fox")[0]
    [('', 'The '), ('differs', 'quick '), ('', 'fox')]
    """
    pieces = diff_words(left, right).pieces
    return (
        segments([("" if piece.same else "differs", piece.left) for piece in pieces]),
        segments([("" if piece.same else "differs", piece.right) for piece in pieces]),
    )


def segments(parts: Sequence[Segment]) -> list[Segment]:
    """Parts of a text with every character that would not show as itself spelled out.

    >>> segments([("", "ab\\u202ecd")])
    [('', 'ab'), ('code', '\\\\u202e'), ('', 'cd')]
    """
    return [segment for kind, text in parts for segment in _spelled(text, kind)]


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
