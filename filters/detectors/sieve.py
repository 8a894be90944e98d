"""Where in a batch of texts it is worth to look for what: hints, a few at a time, over stretches of whole lines.

    texts --cut behind line ends--> stretches --leads, all at once--> some, for each hint --the hint--> where for whom

Long documents hold nearly every hint somewhere; most of their lines hold none. Hints without a lead are looked for by
RE2, a few at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import re2
from numpy.typing import NDArray

from filters.detectors import folding
from filters.detectors.contract import Detector
from filters.detectors.leads import LONGEST, Lead, leads
from filters.kernels.stretches import cut_lines, find_leads
from filters.texts import text_buffers

SIEVE_HINTS = 14
"""Hints in one sieve of RE2, which makes the states of its automaton as it meets them: this many together pass over
web text nearly as fast as one alone, at 400 MB/s, but all 29 of secrets need more states than it keeps: 15 MB/s."""

STRETCH = 1024
"""Bytes of a stretch, about: it ends with the line that reaches so far. Shorter ones cost more than they save."""


class Stretch(NamedTuple):
    """Bytes [start, end) of a text, and the detectors whose hints occur there, as bits.

    The bit behind those of all detectors says that there are numbers to be folded.
    """

    start: int
    end: int
    wanted: int


class _Hint(NamedTuple):
    """A pattern, and the detectors whose candidates all contain a match of it, as bits."""

    pattern: str
    regex: Any
    mask: int


class _Sieve(NamedTuple):
    """Hints that are looked for together, first any of them, then each; whole: in a text rather than in its lines."""

    pattern: str
    regex: Any
    hints: tuple[_Hint, ...]
    whole: bool


@dataclass(frozen=True)
class _Leads:
    """Leads of some hints, ready for `find_leads`. hints: each with its own leads, as bits by word."""

    hints: tuple[tuple[_Hint, dict[int, np.uint64]], ...]
    tables: NDArray[np.uint64]
    ends: NDArray[np.uint64]


@dataclass(frozen=True)
class Sieves:
    """Hints of some detectors, ready to be looked for. Made by `sieves`."""

    leads: _Leads
    sieves: tuple[_Sieve, ...]

    def promising(self, texts: pa.LargeStringArray) -> dict[int, list[Stretch]]:
        """Rows in which some hint occurs, in order, and the stretches where."""
        bounds = text_buffers(texts)[0]
        found: dict[int, list[Stretch]] = {}
        for whole in (False, True):
            cuts = bounds if whole else line_cuts(texts)
            starts = np.flatnonzero(np.diff(cuts))
            wanted = self._wanted(_array(texts, starts, cuts), whole)
            rows = np.searchsorted(bounds, cuts[starts], "right") - 1
            for piece, mask in sorted(wanted.items()):
                row, first, last = int(rows[piece]), cuts[starts[piece]], cuts[starts[piece] + 1]
                stretch = Stretch(int(first - bounds[row]), int(last - bounds[row]), mask)
                found.setdefault(row, []).append(stretch)
        return dict(sorted(found.items()))

    def _wanted(self, pieces: pa.LargeStringArray, whole: bool) -> dict[int, int]:
        """Pieces in which some hint occurs, and the detectors whose hints do."""
        wanted: dict[int, int] = {}

        def look(hint: _Hint, rows: NDArray[np.int64], some: pa.LargeStringArray) -> None:
            for row in rows[_matching(some, hint.pattern)].tolist():
                wanted[row] = wanted.get(row, 0) | hint.mask

        if not whole and self.leads.hints and len(pieces):
            cuts, data = text_buffers(pieces)
            fits = np.empty((len(self.leads.tables), len(pieces)), np.uint64)
            find_leads(cuts, data, self.leads.tables, self.leads.ends, fits)
            for hint, words in self.leads.hints:
                rows = np.unique(np.concatenate([np.flatnonzero(fits[word] & bits) for word, bits in words.items()]))
                if len(rows):
                    look(hint, rows, pieces.take(pa.array(rows)))
        for sieve in self.sieves:
            if sieve.whole == whole and len(rows := _matching(pieces, sieve.pattern)):
                some = pieces.take(pa.array(rows))
                for hint in sieve.hints:
                    look(hint, rows, some)
        return wanted

    def look(self, data: bytes) -> list[Stretch]:
        """The same for one text, as one stretch."""
        wanted = 0
        for hint, _ in self.leads.hints:
            if hint.regex.search(data) is not None:
                wanted |= hint.mask
        for sieve in self.sieves:
            if sieve.regex.search(data) is not None:
                for hint in sieve.hints:
                    if hint.regex.search(data) is not None:
                        wanted |= hint.mask
        return [Stretch(0, len(data), wanted)] if wanted else []


def sieves(detectors: Sequence[Detector]) -> Sieves:
    """Compile the hints of some detectors, whose numbers are their places. Raises re2.error for one that is invalid."""
    masks: dict[tuple[bool, str], int] = {}
    for number, detector in enumerate(detectors):
        # A hint of its own lies in one line; one that is the pattern may go on as far as that does.
        key = detector.multiline and detector.hint == detector.pattern, detector.hint
        masks[key] = masks.get(key, 0) | 1 << number
    if detectors:
        masks[False, folding.HINT] = 1 << len(detectors)
    led: list[tuple[_Hint, list[Lead]]] = []
    others: dict[bool, list[_Hint]] = {False: [], True: []}
    for (whole, pattern), mask in masks.items():
        hint = _Hint(pattern, _compiled(pattern), mask)
        found = None if whole else leads(pattern)
        if found is None:
            others[whole].append(hint)
        else:
            led.append((hint, found))
    return Sieves(
        _leads(led),
        tuple(
            _sieve(hints[first : first + SIEVE_HINTS], whole)
            for whole, hints in others.items()
            for first in range(0, len(hints), SIEVE_HINTS)
        ),
    )


def _leads(led: Sequence[tuple[_Hint, Sequence[Lead]]]) -> _Leads:
    """Tables for `find_leads`; leads are numbered as they come."""
    words = -(-sum(len(found) for _, found in led) // 64)
    tables = np.zeros((words, LONGEST, 256), np.uint64)
    ends = np.zeros((words, LONGEST), np.uint64)
    hints, number = [], 0
    for hint, found in led:
        own: dict[int, np.uint64] = {}
        for lead in found:
            word, bit = number // 64, np.uint64(1 << number % 64)
            own[word] = own.get(word, np.uint64(0)) | bit
            for place in range(LONGEST):
                if place < len(lead):
                    tables[word, place, sorted(lead[place])] |= bit
                else:
                    tables[word, place] |= bit
                    ends[word, place] |= bit
            number += 1
        hints.append((hint, own))
    return _Leads(tuple(hints), tables, ends)


def _sieve(hints: Sequence[_Hint], whole: bool) -> _Sieve:
    pattern = "|".join(f"(?:{hint.pattern})" for hint in hints)
    return _Sieve(pattern, _compiled(pattern), tuple(hints), whole)


def _compiled(pattern: str) -> Any:
    return re2.compile(pattern, quiet())


def quiet() -> Any:
    """Options of RE2: an error is raised, not printed as well."""
    options = re2.Options()
    options.log_errors = False
    return options


def line_cuts(texts: pa.LargeStringArray) -> NDArray[np.int64]:
    """Offsets into the bytes of a text array at which it is cut: where a text begins or ends, and behind line ends.

    >>> line_cuts(pa.array(["one line", "x\\n" * 1000], pa.large_string())).tolist()
    [0, 8, 1032, 2008]
    """
    bounds, data = text_buffers(texts)
    cuts = np.empty(len(bounds) + int(bounds[-1] - bounds[0]) // STRETCH, np.int64)
    return cuts[: cut_lines(bounds, data, STRETCH, cuts)]


def _array(texts: pa.LargeStringArray, starts: NDArray[np.int64], cuts: NDArray[np.int64]) -> pa.LargeStringArray:
    """The stretches as a text array, without copying their bytes."""
    offsets = np.append(cuts[starts], cuts[-1])
    return pa.LargeStringArray.from_buffers(len(starts), pa.py_buffer(offsets), texts.buffers()[2])


def _matching(texts: pa.LargeStringArray, pattern: str) -> NDArray[np.int64]:
    """Rows with a match, in order."""
    found = pc.match_substring_regex(texts, pattern)
    return np.flatnonzero(found.to_numpy(zero_copy_only=False))
