"""The steps of normalisation, each by itself: a text in, the changes it asks for out."""

from __future__ import annotations

import bisect
import itertools
import re
import unicodedata
from collections.abc import Iterator, Sequence

from filters.normalise.editing import Change
from filters.normalise.params import LINE_ENDS

_LINE_END = re.compile(f"\r\n|[{LINE_ENDS}]")
_RUN = re.compile(r"(?<=\S) {2,}")
_BRACKET = re.compile(r"[\[\]]")
_MOST_MARK = 64
_MANY_MARKS = 64
MARK = re.compile(
    r"\[(?:"
    r"[0-9]{1,4}(?:\s?[,;–-]\s?[0-9]{1,4})*"
    r"|(?:note|nb|n|lower-alpha)\s[0-9]{1,3}"
    r"|edit|update|who\?|whom\?|when\?|where\?|which\?|why\?|by whom\?|according to whom\?|vague|sic|dubious"
    r"|dead link|permanent dead link|not in citation given|failed verification|better source needed|page needed"
    r"|original research\?|unreliable source\?|(?:citation|clarification|source|sources|verification|year)s? needed"
    r")\]",
    re.IGNORECASE,
)
"""Marks that Wikipedia and texts made from it carry: footnotes by number or letter, and requests to editors."""


def line_ends(text: str) -> list[Change]:
    """Every other end of a line becomes a newline.

    >>> line_ends("a\\r\\nb\\x0cc")
    [(1, 3, '\\n'), (4, 5, '\\n')]
    """
    return [(*match.span(), "\n") for match in _LINE_END.finditer(text)]


def runs_of(pattern: re.Pattern[str], text: str, new: str) -> list[Change]:
    """Every run of some characters, each of which becomes `new`.

    >>> runs_of(re.compile("[\\x00\\x01]+"), "a\\x00\\x01b", "")
    [(1, 3, '')]
    """
    return [(*match.span(), new * (match.end() - match.start())) for match in pattern.finditer(text)]


def citations(text: str) -> list[Change]:
    """Marks in brackets, also those that stand where another one was cut: brackets are read as they nest.

    >>> citations("so[1] it[[2]3] is[x]")
    [(2, 5, ''), (8, 14, '')]
    """
    cut: list[tuple[int, int]] = []
    characters = [0]  # in the cuts up to each
    opened: list[int] = []
    for match in _BRACKET.finditer(text):
        if match.group() == "[":
            opened.append(match.start())
        elif opened:
            start, end = opened.pop(), match.end()
            first = bisect.bisect(cut, (start, start))
            own = end - start - (characters[-1] - characters[first])
            if own <= _MOST_MARK and _is_mark(text, start, end, cut[first:]):
                del cut[first:], characters[first + 1 :]
                cut.append((start, end))
                characters.append(characters[-1] + end - start)
    return [(start, end, "") for start, end in cut]


def _is_mark(text: str, start: int, end: int, inner: Sequence[tuple[int, int]]) -> bool:
    """Whether characters [start, end) without those within are a mark."""
    pieces = []
    for a, b in inner:
        pieces.append(text[start:a])
        start = b
    return MARK.fullmatch("".join([*pieces, text[start:end]])) is not None


def nfc(text: str) -> list[Change]:
    """Clusters of a character and its marks that are not in normal form C.

    >>> nfc("cafe\\u0301!")
    [(3, 5, 'é')]
    """
    if unicodedata.is_normalized("NFC", text):
        return []
    found = []
    for start, end in _clusters(text):
        new = unicodedata.normalize("NFC", _in_order(text[start:end]))
        if new != text[start:end]:
            found.append((start, end, new))
    return found


def _in_order(cluster: str) -> str:
    """The same cluster with marks in canonical order, if there are many: Python's own sorting takes their square."""
    if len(cluster) <= _MANY_MARKS:
        return cluster
    points = [point for char in cluster for point in unicodedata.normalize("NFD", char)]
    runs = itertools.groupby(points, key=lambda point: unicodedata.combining(point) > 0)
    return "".join(point for marks, run in runs for point in (sorted(run, key=unicodedata.combining) if marks else run))


def _clusters(text: str) -> Iterator[tuple[int, int]]:
    """Spans that composition does not cross: each begins with what is neither a mark nor a joining Hangul letter."""
    start = 0
    for at, char in enumerate(text):
        if at and (char < "\u0300" or not _continues(char)):
            yield start, at
            start = at
    yield start, len(text)


def _continues(char: str) -> bool:
    return "\u1160" <= char <= "\u11ff" or unicodedata.category(char)[0] == "M"


def fold(text: str) -> list[Change]:
    """Spaces and tabs at line ends, and runs of spaces within a line; what a line begins with stays.

    >>> fold("  a  b \\n")
    [(3, 5, ' '), (6, 7, '')]
    """
    found: list[Change] = []
    start = 0
    for line in text.split("\n"):
        bare = line.rstrip(" \t")
        if "  " in bare:
            found += [(start + a, start + b, " ") for a, b in (match.span() for match in _RUN.finditer(bare))]
        if len(bare) < len(line):
            found.append((start + len(bare), start + len(line), ""))
        start += len(line) + 1
    return found


def blank_lines(text: str, most: int) -> list[Change]:
    """Blank lines behind the first `most` of a run; a line is blank if it has nothing but spaces and tabs.

    >>> blank_lines("a\\n\\n \\n\\nb", 1)
    [(2, 5, '')]
    """
    lines = text.split("\n")
    found: list[Change] = []
    start = run = first = 0
    for number, line in enumerate(lines):
        end = start + len(line)
        run = 0 if line.strip(" \t") else run + 1
        if run == most + 1:
            first = max(start - 1, 0)  # the newline before it goes along
            found.append((first, end, ""))
        elif run > most:
            found[-1] = (first, end, "")
        if most == 0 and run == number + 1 < len(lines):  # at the very beginning: the newline behind it, too
            found[-1] = (0, end + 1, "")
        start = end + 1
    return [change for change in found if change[0] < change[1]]
