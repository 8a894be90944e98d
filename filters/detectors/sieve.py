"""Where in a batch of texts it is worth to look for what: hints, a few at a time, over stretches of whole lines.

    texts --cut behind line ends--> stretches --sieves of a few hints--> some --single hints--> which detectors, where

Long documents hold nearly every hint somewhere; most of their lines hold none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import re2
from numpy.typing import NDArray

from filters.detectors.contract import Detector
from filters.kernels.stretches import cut_lines
from filters.texts import text_buffers

SIEVE_HINTS = 14
"""Hints in one sieve. RE2 makes the states of its automaton as it meets them: 10 hints together pass over web text as
fast as one alone, 400 MB/s, but the 29 of all secrets need more states than it keeps, and crawl at 15 MB/s."""

STRETCH = 1024
"""Bytes of a stretch, about: it ends with the line that reaches so far. Shorter ones cost more than they save."""


class Stretch(NamedTuple):
    """Bytes [start, end) of a text, and the detectors whose hints occur there, as bits."""

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
class Sieves:
    """Hints of some detectors, ready to be looked for. Made by `sieves`."""

    sieves: tuple[_Sieve, ...]

    def promising(self, texts: pa.LargeStringArray) -> dict[int, list[Stretch]]:
        """Rows in which some hint occurs, in order, and the stretches where."""
        found: dict[int, list[Stretch]] = {}
        for whole in (False, True):
            chosen = [sieve for sieve in self.sieves if sieve.whole == whole]
            if not chosen:
                continue
            bounds = text_buffers(texts)[0]
            cuts = bounds if whole else line_cuts(texts)
            starts = _filled(cuts)
            wanted = _wanted(chosen, _array(texts, starts, cuts))
            rows = np.searchsorted(bounds, cuts[starts], "right") - 1
            for piece, mask in wanted.items():
                row, first, last = int(rows[piece]), cuts[starts[piece]], cuts[starts[piece] + 1]
                stretch = Stretch(int(first - bounds[row]), int(last - bounds[row]), mask)
                found.setdefault(row, []).append(stretch)
        return dict(sorted(found.items()))

    def look(self, data: bytes) -> list[Stretch]:
        """The same for one text, as one stretch."""
        wanted = 0
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
    found: list[_Sieve] = []
    for whole in (False, True):
        hints = [_Hint(hint, _compiled(hint), mask) for (across, hint), mask in masks.items() if across == whole]
        found += [_sieve(hints[first : first + SIEVE_HINTS], whole) for first in range(0, len(hints), SIEVE_HINTS)]
    return Sieves(tuple(found))


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


def _filled(cuts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Numbers of the stretches between cuts that are not empty, as texts may be."""
    return np.flatnonzero(np.diff(cuts))


def _array(texts: pa.LargeStringArray, starts: NDArray[np.int64], cuts: NDArray[np.int64]) -> pa.LargeStringArray:
    """The stretches as a text array, without copying their bytes."""
    offsets = np.append(cuts[starts], cuts[-1])
    return pa.LargeStringArray.from_buffers(len(starts), pa.py_buffer(offsets), texts.buffers()[2])


def _wanted(chosen: Iterable[_Sieve], pieces: pa.LargeStringArray) -> dict[int, int]:
    """Pieces in which some hint occurs, and the detectors whose hints do."""
    wanted: dict[int, int] = {}
    for sieve in chosen:
        rows = _matching(pieces, sieve.pattern)
        if len(rows):
            left = pieces.take(pa.array(rows))
            for hint in sieve.hints:
                for row in rows[_matching(left, hint.pattern)].tolist():
                    wanted[row] = wanted.get(row, 0) | hint.mask
    return wanted


def _matching(texts: pa.LargeStringArray, pattern: str) -> NDArray[np.int64]:
    """Rows with a match, in order."""
    found = pc.match_substring_regex(texts, pattern)
    return np.flatnonzero(found.to_numpy(zero_copy_only=False))
