"""Search of one text by many detectors, in time linear in the text: candidates in bytes, each judged in its window.

    bytes --hints--> which detectors --patterns--> candidates --prove--> findings, the weaker of two that overlap gone

Sieves of a few hints each pass over a batch, and single hints over what they leave; only detectors whose hint occurs
look at the text. A pattern that several detectors share is matched once. Nothing but a candidate and its window is
ever decoded.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import re2
from numpy.typing import NDArray

from filters.detectors.contract import CONTEXT, Detector

CUSTOM_BYTES = 1024
"""Most bytes of a value that a recipe's own pattern finds. Also an RE2 pattern can take quadratic time to find all its
matches: each search of `a.*b|a` in a line of `a` reads to the end of it. So no search of such a pattern sees more."""

SIEVE_HINTS = 8
"""Hints in one sieve. RE2 builds the states of its automaton as it meets them: 8 hints together pass over web text as
fast as one alone, 400 MB/s, but the 29 of all secrets need more states than it keeps, and crawl at 15 MB/s."""

_UTF8_MOST = 4  # bytes to a code point


class Found(NamedTuple):
    """A finding in one text: bytes [start, end) and the number of its detector."""

    start: int
    end: int
    detector: int


class _Shape(NamedTuple):
    """A pattern, and the detectors that it finds candidates for, as bits and by number."""

    regex: Any
    mask: int
    detectors: tuple[int, ...]
    most_bytes: int | None


class _Hint(NamedTuple):
    """A pattern, and the detectors whose candidates all contain a match of it, as bits."""

    pattern: str
    regex: Any
    mask: int


class _Sieve(NamedTuple):
    """Hints that are looked for together, first any of them, then each."""

    pattern: str
    regex: Any
    hints: tuple[_Hint, ...]


@dataclass(frozen=True)
class Scanner:
    """Detectors, ready to search. Made by `scanner`, once for the same detectors."""

    detectors: tuple[Detector, ...]
    sieves: tuple[_Sieve, ...]
    shapes: tuple[_Shape, ...]
    placeholders: re.Pattern[bytes] | None

    def promising(self, texts: pa.LargeStringArray) -> dict[int, int]:
        """Rows in which some hint occurs, in order, each with the detectors whose hints do, as bits."""
        wanted: dict[int, int] = {}
        for sieve in self.sieves:
            rows = _matching(texts, sieve.pattern)
            if not len(rows):
                continue
            left = texts.take(pa.array(rows))
            for hint in sieve.hints:
                for row in rows[_matching(left, hint.pattern)].tolist():
                    wanted[row] = wanted.get(row, 0) | hint.mask
        return dict(sorted(wanted.items()))

    def _wanted(self, data: bytes) -> int:
        """The same for one text."""
        wanted = 0
        for sieve in self.sieves:
            if sieve.regex.search(data) is not None:
                for hint in sieve.hints:
                    if hint.regex.search(data) is not None:
                        wanted |= hint.mask
        return wanted

    def find(self, data: bytes, wanted: int | None = None) -> list[Found]:
        """Findings in one text, in order, without overlap. wanted: what `promising` said of it, if it was asked.

        Where two overlap stays the one whose detector is listed first, of one detector the one that begins first,
        then the longer one. Placeholders in the text say nothing: `<PHONE>` is no cue that the number behind it is a
        phone's, or one number would betray a whole column of them.
        """
        if self.placeholders is not None:
            data, hidden = self.placeholders.subn(_blank, data)
            wanted = None if hidden else wanted
        if wanted is None:
            wanted = self._wanted(data)
        found: list[Found] = []
        for shape in self.shapes:
            if shape.mask & wanted:
                found += self._prove(data, shape, wanted)
        if len(found) > 1:
            found.sort(key=lambda one: (one.detector, one.start, -one.end))
            found = _without_overlap(found, len(data))
        return found

    def _prove(self, data: bytes, shape: _Shape, wanted: int) -> Iterator[Found]:
        proofs = [(n, self.detectors[n].prove) for n in shape.detectors if wanted >> n & 1]
        for start, end in candidates(shape.regex, data, shape.most_bytes):
            before, value, after = window(data, start, end)
            text, first = before + value + after, len(before)
            last = first + len(value)
            for number, prove in proofs:
                for inner_first, inner_last in prove(text, first, last):
                    if inner_first == first and inner_last == last:
                        yield Found(start, end, number)
                    elif inner_first < inner_last:
                        at = start + len(text[first:inner_first].encode())
                        yield Found(at, at + len(text[inner_first:inner_last].encode()), number)


@functools.lru_cache(maxsize=64)
def scanner(detectors: tuple[Detector, ...]) -> Scanner:
    """Compile the patterns of some detectors; their order is their rank. Raises re2.error for one that is invalid."""
    hint_masks: dict[str, int] = {}
    shapes: dict[tuple[str, int | None], list[int]] = {}
    for number, detector in enumerate(detectors):
        hint_masks[detector.hint] = hint_masks.get(detector.hint, 0) | 1 << number
        most = CUSTOM_BYTES if detector.group == "custom" else None
        shapes.setdefault((detector.pattern, most), []).append(number)
    hints = [_Hint(pattern, re2.compile(pattern, quiet()), mask) for pattern, mask in hint_masks.items()]
    return Scanner(
        detectors,
        tuple(_sieve(hints[first : first + SIEVE_HINTS]) for first in range(0, len(hints), SIEVE_HINTS)),
        tuple(
            _Shape(re2.compile(pattern, quiet()), sum(1 << n for n in numbers), tuple(numbers), most)
            for (pattern, most), numbers in shapes.items()
        ),
        _any_of({detector.placeholder for detector in detectors}),
    )


def _sieve(hints: Sequence[_Hint]) -> _Sieve:
    pattern = "|".join(f"(?:{hint.pattern})" for hint in hints)
    return _Sieve(pattern, re2.compile(pattern, quiet()), tuple(hints))


def _matching(texts: pa.LargeStringArray, pattern: str) -> NDArray[np.int64]:
    """Rows with a match, in order."""
    found = pc.match_substring_regex(texts, pattern)
    return np.flatnonzero(found.to_numpy(zero_copy_only=False))


def _any_of(placeholders: Iterable[str]) -> re.Pattern[bytes] | None:
    """A pattern of those that begin and end with punctuation, as in `<EMAIL>`; others might be words of the text."""
    marked = [text for text in placeholders if len(text) > 2 and not (text[0].isalnum() or text[-1].isalnum())]
    return re.compile(b"|".join(re.escape(text.encode()) for text in sorted(marked))) if marked else None


def _blank(match: re.Match[bytes]) -> bytes:
    return b">" * len(match[0])


def quiet() -> Any:
    """Options of RE2: an error is raised, not printed as well."""
    options = re2.Options()
    options.log_errors = False
    return options


def candidates(regex: Any, data: bytes, most_bytes: int | None = None) -> Iterator[tuple[int, int]]:
    """Matches that are not empty, in order, as bytes [start, end).

    With `most_bytes` no search sees further than that beyond the stretch, as long again, in which matches may begin:
    time is linear in the text whatever the pattern, and a longer value is not found whole.
    """
    if most_bytes is None or len(data) <= most_bytes:
        for match in regex.finditer(data):
            start, end = match.span()
            if start < end:
                yield start, end
        return
    at = 0
    for begin in range(0, len(data), most_bytes):
        stretch_end = begin + most_bytes
        at = max(at, begin)
        for match in regex.finditer(data, at, min(stretch_end + most_bytes, len(data))):
            start, end = match.span()
            if start >= stretch_end:
                break
            if start < end:
                yield start, end
            at = end


def window(data: bytes, start: int, end: int) -> tuple[str, str, str]:
    """The value and up to CONTEXT characters before and behind it.

    >>> data = "号码1381".encode()
    >>> window(data, 6, 10)
    ('号码', '1381', '')
    """
    reach = _UTF8_MOST * CONTEXT
    # A cut may go through a character, which is then left out: it is further away than any that is wanted.
    before = data[max(0, start - reach) : start].decode("utf-8", "ignore")[-CONTEXT:]
    after = data[end : end + reach].decode("utf-8", "ignore")[:CONTEXT]
    return before, data[start:end].decode("utf-8", "ignore"), after


def _without_overlap(ranked: Sequence[Found], size: int) -> list[Found]:
    """Of findings in order of rank those that overlap none before them, in order of the text."""
    taken = bytearray(size)
    kept = []
    for one in ranked:
        start, end, _ = one
        if taken.find(1, start, end) < 0:
            taken[start:end] = b"\1" * (end - start)
            kept.append(one)
    return sorted(kept)


def code_points(data: bytes, offsets: Sequence[int]) -> list[int]:
    """Offsets in code points for ascending offsets in bytes, in one pass.

    >>> code_points("é号a".encode(), [0, 2, 5, 6])
    [0, 1, 2, 3]
    """
    chars = last = 0
    found = []
    for offset in offsets:
        chars += len(data[last:offset].decode())
        last = offset
        found.append(chars)
    return found
