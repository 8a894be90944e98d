"""Unicode's full case folding beside the character classes, fixed to one Unicode version as those are.

Python's own `str.casefold` changes with the interpreter (3.10 does not know 40 letters that 3.11 folds).
`case_folding.txt` beside this file holds the foldings; `python -m filters.kernels.case_folding` writes it anew from
the running interpreter. Python 3.11 to 3.13 (Unicode 14.0 to 15.1) write the same file.
"""

from __future__ import annotations

import functools
import sys
import unicodedata
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from filters.kernels.compiled import helper
from filters.kernels.tokens import decode
from filters.kernels.unicode_table import CODE_POINTS, load_table

MANY = np.uint32(1 << 26)
"""Flag of an entry that folds to several characters; its low 24 bits are a row of the second table."""

SPACE = np.uint32(1 << 27)
"""Flag of white space, as `str.isspace` has it. All of it folds to one space."""

LOW = np.uint32(0xFFFFFF)
_FILE = Path(__file__).with_name("case_folding.txt")
WHITE_SPACE = (
    0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x1C, 0x1D, 0x1E, 0x1F, 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B),
    0x2028, 0x2029, 0x202F, 0x205F, 0x3000,
)  # fmt: skip
"""Code points of `str.isspace`: bidirectional types WS, B and S, and category Zs."""


@functools.cache
def load_folding() -> tuple[NDArray[np.uint32], NDArray[np.int32]]:
    """Class and case folding of every code point.

    The first, uint32 (0x110000,), is `flags | class << 24 | folded`; the second, int32 (foldings to several characters,
    4), holds how many characters and the characters. Folding never changes a character's class.

    >>> table, many = load_folding()
    >>> chr(table[ord("A")] & LOW), many[table[ord("ß")] & LOW].tolist() == [2, ord("s"), ord("s"), 0]
    ('a', True)
    """
    table = (load_table() >> np.uint32(24) << np.uint32(24)) | np.arange(CODE_POINTS, dtype=np.uint32)
    many: list[list[int]] = []
    for line in _FILE.read_text(encoding="ascii").splitlines():
        kind, *fields = line.split()
        if kind == "one":
            span = slice(int(fields[0], 16), int(fields[1], 16) + 1)
            table[span] += np.uint32(int(fields[2]) & 0xFFFFFFFF)
        elif kind == "many":
            point, *into = (int(field, 16) for field in fields)
            table[point] = (table[point] & ~LOW) | MANY | np.uint32(len(many))
            many.append([len(into), *into, 0, 0][:4])
    for point in WHITE_SPACE:
        table[point] = SPACE | np.uint32(0x20)
    return table, np.array(many, np.int32)


@functools.cache
def _translation() -> dict[int, str]:
    table, many = load_folding()
    single = {p: chr(table[p] & LOW) for p in np.flatnonzero((table & LOW) != np.arange(CODE_POINTS)).tolist()}
    several = np.flatnonzero(table & MANY).tolist()
    return {**single, **{p: "".join(map(chr, many[row, 1 : many[row, 0] + 1])) for row, p in enumerate(several)}}


def fold(text: str) -> str:
    """The text as the kernels compare it: folded, runs of white space one space, none at its ends.

    >>> fold(" Große \\n ΣΊΣΥΦΟΣ")
    'grosse σίσυφοσ'
    """
    return " ".join(text.split()).translate(_translation())


@helper
def behind_space(data, i, stop, table):
    """The byte of the first character from byte `i` on that is no white space, or `stop`."""
    while i < stop:
        point, after = decode(data, i, stop)
        if table[point] & SPACE == 0:
            break
        i = after
    return i


@helper
def next_folded(data, i, stop, part, table, many):
    """A character of the folded text: (code point, byte to go on from, part to go on from).

    A run of white space is one space. `part` counts the characters that the one at byte `i` has given already.
    """
    point, after = decode(data, i, stop)
    entry = table[point]
    low = entry & LOW
    if entry & SPACE:
        after = behind_space(data, after, stop, table)
    elif entry & MANY:
        folded = np.uint32(many[low, part + 1])
        if part + 1 < many[low, 0]:
            return folded, i, part + 1
        return folded, after, 0
    return low, after, 0


def main() -> None:
    """Write `case_folding.txt` from the running interpreter."""
    ones: list[list[int]] = []
    lines = [f"# Full case folding, Unicode {unicodedata.unidata_version}: first, last, distance; or what it becomes."]
    for point in range(CODE_POINTS):
        folded = chr(point).casefold() if not 0xD800 <= point < 0xE000 else chr(point)
        if len(folded) > 1:
            lines.append(f"many {point:X} " + " ".join(f"{ord(char):X}" for char in folded))
        elif (delta := ord(folded) - point) != 0:
            if ones and ones[-1][1] == point - 1 and ones[-1][2] == delta:
                ones[-1][1] = point
            else:
                ones.append([point, point, delta])
    lines += [f"one {first:X} {last:X} {delta}" for first, last, delta in ones]
    _FILE.write_text("\n".join(lines) + "\n", encoding="ascii")
    print(f"{_FILE.name}: {len(lines)} lines, Unicode {unicodedata.unidata_version}", file=sys.stderr)


if __name__ == "__main__":
    main()
