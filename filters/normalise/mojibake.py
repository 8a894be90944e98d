"""Text that was decoded by the wrong encoding, repaired by ftfy, which is asked about suspicious lines only.

ftfy's own test whether a text is bad reads about 2 MB/s. So a line is first matched with the same expression in RE2,
made a little wider (`is_suspicious`), and a batch by a table of bytes before that (`lead_and_trail`); what neither
suspects ftfy would not change.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import re2
from numpy.typing import NDArray

from filters.normalise.editing import Change
from filters.normalise.params import MojibakeParams

_FEW = 16
"""So many texts are matched one by one: Arrow compiles the expression for each call, in 2 ms."""


@functools.cache
def _ftfy() -> Any:
    # Imported by the process that needs it: it takes 60 ms.
    import ftfy
    import ftfy.badness
    import ftfy.chardata

    return ftfy


@functools.cache
def lead_and_trail() -> tuple[frozenset[str], frozenset[str]]:
    """Characters that ftfy's encodings have for the first bytes of UTF-8 sequences, and for the others.

    To the others belong a space, `?` and U+001A, which stand for lost bytes. C1 controls are both, so that one is
    enough in a line of others; `find_oddities` takes them for odd by themselves.
    """
    lead: set[str] = set()
    trail = {" ", "?", "\x1a"}
    for encoding in _ftfy().chardata.CHARMAP_ENCODINGS:
        lead.update(bytes(range(0xC0, 0xF5)).decode(encoding, "ignore"))
        trail.update(bytes(range(0x80, 0xC0)).decode(encoding, "ignore"))
    return frozenset(lead), frozenset(trail)


@functools.cache
def suspicious_pattern() -> str:
    """ftfy's expression for badness in RE2's syntax; what RE2 has for ASCII only is any character here."""
    pattern, compact, inside = _ftfy().badness.BADNESS_RE.pattern, [], False
    at = 0
    while at < len(pattern):
        char = pattern[at]
        if char == "\\":
            two = pattern[at : at + 2]
            compact.append(("." if two in ("\\s", "\\w") else two) if not inside else two)
            at += 2
            if two in ("\\s", "\\w") and at < len(pattern) and pattern[at] in "?+*":
                compact.append(pattern[at])
                at += 1
            continue
        if inside:
            inside = char != "]" or compact[-1] == "[" or compact[-2:] == ["[", "^"]
            compact.append("\\" + char if char in "[" else char)
        elif char == "[":
            inside = True
            compact.append(char)
        elif char == "#":  # a comment
            at = pattern.index("\n", at)
        elif char != "^" and not char.isspace():
            compact.append(char)
        at += 1
    return "(?s)" + "".join(compact)


@functools.cache
def _suspicious() -> Any:
    return re2.compile(suspicious_pattern())


def are_suspicious(texts: pa.LargeStringArray) -> NDArray[np.bool_]:
    """Which texts ftfy might repair a line of."""
    if len(texts) < _FEW:
        return np.array([_suspicious().search(text.as_buffer().to_pybytes()) is not None for text in texts], np.bool_)
    found: NDArray[np.bool_] = pc.match_substring_regex(texts, suspicious_pattern()).to_numpy(zero_copy_only=False)
    return found


def repaired(line: str, params: MojibakeParams) -> str:
    """One line as ftfy would have it; of all that ftfy can do only its encoding repair."""
    ftfy = _ftfy()
    fixed: str = ftfy.fix_encoding(line, ftfy.TextFixerConfig(unescape_html=False, **params.model_dump()))
    return fixed


def repairs(text: str, params: MojibakeParams) -> list[Change]:
    """A change for each line that ftfy repairs, less what stays at both its ends.

    >>> repairs("fine\\nun cafÃ© noir", MojibakeParams())
    [(11, 13, 'é')]
    """
    found: list[Change] = []
    start = 0
    for line in text.split("\n"):
        if not line.isascii() and _suspicious().search(line):
            new = repaired(line, params)
            if new != line:
                head = _common(line, new)
                tail = _common(line[head:][::-1], new[head:][::-1])
                found.append((start + head, start + len(line) - tail, new[head : len(new) - tail]))
        start += len(line) + 1
    return found


def _common(one: str, other: str) -> int:
    """Characters that two texts begin with in common."""
    most = min(len(one), len(other))
    if one[:most] == other[:most]:
        return most
    low = 0
    while low < most:  # the first difference lies in [low, most)
        middle = (low + most) // 2
        if one[low : middle + 1] == other[low : middle + 1]:
            low = middle + 1
        else:
            most = middle
    return low
