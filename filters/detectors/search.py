"""Search of one text by many detectors, in time linear in the text: candidates in bytes, each judged in its window.

    bytes --hints--> which detectors --patterns--> candidates --prove--> findings, the weaker of two that overlap gone

Sieves find the lines in which hints occur at all; only detectors whose hint does look there. A pattern that several
detectors share is matched once. Nothing but a candidate and its window is ever decoded; but lines with numbers in other
digits than ASCII's are read once more, folded (filters.detectors.folding).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import pyarrow as pa
import re2

from filters.detectors.contract import CONTEXT, Detector
from filters.detectors.folding import fold, may_fold
from filters.detectors.sieve import Sieves, Stretch, quiet, sieves

CUSTOM_BYTES = 1024
"""Most bytes of a value that a recipe's own pattern finds. Also an RE2 pattern can take quadratic time to find all its
matches: each search of `a.*b|a` in a line of `a` reads to the end of it. So no search of such a pattern sees more."""

_Whole = TypeVar("_Whole", str, bytes)

_UTF8_MOST = 4  # bytes to a code point
_REACH = _UTF8_MOST * CONTEXT
_NOT_FOLDED = frozenset(("secret", "custom"))
"""Groups that are not looked for in folded text: tokens are ASCII, and a recipe's pattern may name other digits."""


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
    multiline: bool


@dataclass(frozen=True)
class Scanner:
    """Detectors, ready to search. Made by `scanner`, once for the same detectors.

    folded: those that are looked for in folded text, as bits.
    """

    detectors: tuple[Detector, ...]
    sieves: Sieves
    shapes: tuple[_Shape, ...]
    placeholders: re.Pattern[bytes] | None
    folded: int

    def promising(self, texts: pa.LargeStringArray) -> dict[int, list[Stretch]]:
        """Rows in which some hint occurs, in order, and the stretches where; for `find`."""
        return self.sieves.promising(texts)

    def find(self, data: bytes, stretches: Sequence[Stretch] | None = None) -> list[Found]:
        """Findings in one text, in order, without overlap. stretches: what `promising` told of it, if it was asked.

        Where two overlap stays the one whose detector is listed first, of one detector the one that begins first,
        then the longer one. Placeholders in the text say nothing: `<PHONE>` is no cue that the number behind it is a
        phone's, or one number would betray a whole column of them.
        """
        if self.placeholders is not None:
            data, hidden = self.placeholders.subn(_blank, data)
            stretches = None if hidden else stretches
        if stretches is None:
            stretches = self.sieves.look(data)
        found = list(self._search(data, stretches))
        for stretch in stretches:
            if self.folded and stretch.wanted >> len(self.detectors) & 1:
                found += self._search_folded(data, stretch)
        if len(found) > 1:
            found.sort(key=lambda one: (one.detector, one.start, -one.end))
            found = _without_overlap(found, len(data))
        return found

    def _search(self, data: bytes, stretches: Sequence[Stretch]) -> Iterator[Found]:
        """Findings of every detector where its hint occurs, in no order."""
        wanted = 0
        for stretch in stretches:
            wanted |= stretch.wanted
        for shape in self.shapes:
            if shape.multiline and shape.mask & wanted:
                yield from self._prove(data, shape, Stretch(0, len(data), wanted))
            elif shape.mask & wanted:
                for stretch in stretches:
                    if shape.mask & stretch.wanted:
                        yield from self._prove(data, shape, stretch)

    def _search_folded(self, data: bytes, stretch: Stretch) -> Iterator[Found]:
        """What is found in a stretch once it is folded, and would have the stretch folded if it stood there alone."""
        text, folded, first = _folded(data, stretch)
        read = folded.encode()
        wanted = [one._replace(wanted=one.wanted & self.folded) for one in self.sieves.look(read)]
        found = sorted(self._search(read, wanted)) if folded != text else []
        places = sorted({place for one in found for place in one[:2]})
        chars = dict(zip(places, code_points(read, places), strict=True))
        written = dict(zip(places, byte_offsets(text, [chars[place] for place in places]), strict=True))
        for start, end, number in found:
            begin, stop = first + written[start], first + written[end]
            # What another number's hint brought to light would come and go with that number.
            if stretch.start <= begin and stop <= stretch.end and may_fold(text[chars[start] : chars[end]]):
                yield Found(begin, stop, number)

    def _prove(self, data: bytes, shape: _Shape, stretch: Stretch) -> Iterator[Found]:
        proofs = [(n, self.detectors[n].prove) for n in shape.detectors if stretch.wanted >> n & 1]
        # The line end before a stretch is there for patterns that begin with what stands in front of a value.
        for start, end in candidates(shape.regex, data, shape.most_bytes, max(stretch.start - 1, 0), stretch.end):
            before, value, after = window(data, start, end)
            text, first = before + value + after, len(before)
            last = first + len(value)
            for number, prove in proofs:
                # Findings come in order, so each is measured from the end of the one before: a candidate may be a
                # line of 10 MB with a value every few bytes.
                at, seen = start, first
                for inner_first, inner_last in prove(text, first, last):
                    begin = at + len(text[seen:inner_first].encode())
                    at, seen = begin + len(text[inner_first:inner_last].encode()), inner_last
                    if begin < at:
                        yield Found(begin, at, number)


@functools.lru_cache(maxsize=64)
def scanner(detectors: tuple[Detector, ...]) -> Scanner:
    """Compile the patterns of some detectors; their order is their rank. Raises re2.error for one that is invalid."""
    shapes: dict[tuple[str, int | None, bool], list[int]] = {}
    for number, detector in enumerate(detectors):
        most = CUSTOM_BYTES if detector.group == "custom" else None
        shapes.setdefault((detector.pattern, most, detector.multiline), []).append(number)
    return Scanner(
        detectors,
        sieves(detectors),
        tuple(
            _Shape(re2.compile(pattern, quiet()), sum(1 << n for n in numbers), tuple(numbers), most, multiline)
            for (pattern, most, multiline), numbers in shapes.items()
        ),
        _any_of({detector.placeholder for detector in detectors}),
        sum(1 << number for number, detector in enumerate(detectors) if detector.group not in _NOT_FOLDED),
    )


def _any_of(placeholders: Iterable[str]) -> re.Pattern[bytes] | None:
    """A pattern of those that begin and end with punctuation, as in `<EMAIL>`; others might be words of the text."""
    marked = [text for text in placeholders if len(text) > 2 and not (text[0].isalnum() or text[-1].isalnum())]
    return re.compile(b"|".join(re.escape(text.encode()) for text in sorted(marked))) if marked else None


def _blank(match: re.Match[bytes]) -> bytes:
    return b">" * len(match[0])


def candidates(
    regex: Any, data: bytes, most_bytes: int | None = None, first: int = 0, last: int | None = None
) -> Iterator[tuple[int, int]]:
    """Matches that are not empty, in order, as bytes [start, end), within [first, last) where nothing is to be bounded.

    With `most_bytes` no search sees further than that beyond the stretch, as long again, in which matches may begin:
    time is linear in the text whatever the pattern, and a longer value is not found whole.
    """
    if most_bytes is None or len(data) <= most_bytes:
        for match in regex.finditer(data, first, len(data) if last is None else last):
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
    # A cut may go through a character, which is then left out: it is further away than any that is wanted.
    before = data[max(0, start - _REACH) : start].decode("utf-8", "ignore")[-CONTEXT:]
    after = data[end : end + _REACH].decode("utf-8", "ignore")[:CONTEXT]
    return before, data[start:end].decode("utf-8", "ignore"), after


def _folded(data: bytes, stretch: Stretch) -> tuple[str, str, int]:
    """A stretch with what a proof may see around it, as it is and folded; and the byte of `data` at which it begins."""
    before, inside, after = window(data, stretch.start, stretch.end)
    # Read together: what stands on both sides of a separator decides about it.
    text = before + inside + after
    return text, fold(text), stretch.start - len(before.encode())


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
    return _measured(data, offsets, lambda part: len(part.decode()))


def byte_offsets(text: str, places: Sequence[int]) -> list[int]:
    """Offsets in bytes for ascending offsets in code points, in one pass.

    >>> byte_offsets("é号a", [0, 1, 2, 3])
    [0, 2, 5, 6]
    """
    return _measured(text, places, lambda part: len(part.encode()))


def _measured(whole: _Whole, places: Sequence[int], size: Callable[[_Whole], int]) -> list[int]:
    """How much there is before each of some ascending places, where `size` says how much a part is."""
    total = last = 0
    found = []
    for place in places:
        total += size(whole[last:place])
        last = place
        found.append(total)
    return found
