"""The character classes behind the project's one definition of a word, fixed to one Unicode version.

Python's own `unicodedata` changes with the interpreter, so two workers on different versions would see different
words. `unicode.txt` beside this file holds the classes as ranges; `python -m filters.kernels.unicode_table`
writes it anew from the running interpreter (15.1.0 was written by Python 3.13).
"""

from __future__ import annotations

import functools
import sys
import unicodedata
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SEPARATOR, WORD, LONE = 0, 1, 2
"""Classes: ends a word; belongs to a run that is a word; is a token by itself (scripts without spaces)."""

CODE_POINTS = 0x110000
_FILE = Path(__file__).with_name("unicode.txt")

# Scripts written without spaces between words: Han and Kana, and the complex-context scripts (line breaking
# class SA) of Unicode Standard Annex 14. Python has no script property; the character names carry it.
_LONE_PREFIXES = (
    "CJK UNIFIED IDEOGRAPH", "CJK COMPATIBILITY IDEOGRAPH", "IDEOGRAPHIC ", "HIRAGANA ", "KATAKANA",
    "HALFWIDTH KATAKANA", "HENTAIGANA ", "THAI ", "LAO ", "KHMER ", "MYANMAR ", "TAI LE ", "NEW TAI LUE ",
    "TAI THAM ", "TAI VIET ", "AHOM ",
)  # fmt: skip


def char_class(char: str) -> int:
    """Class of one character by the running interpreter's Unicode data: letters, marks and numbers make words.

    >>> [char_class(c) for c in "a-漢"]
    [1, 0, 2]
    """
    if unicodedata.category(char)[0] not in "LMN":
        return SEPARATOR
    return LONE if unicodedata.name(char, "").startswith(_LONE_PREFIXES) else WORD


def lower_char(char: str) -> str:
    """Lower case of one character, by itself; unchanged where it would become several characters.

    >>> lower_char("Σ"), lower_char("İ")
    ('σ', 'İ')
    """
    lower = char.lower()
    return lower if len(lower) == 1 else char


@functools.cache
def load_table() -> NDArray[np.uint32]:
    """Class and lower case of every code point: uint32, shape (0x110000,), `class << 24 | lower`."""
    table = np.arange(CODE_POINTS, dtype=np.uint32)
    for line in _FILE.read_text(encoding="ascii").splitlines():
        if not line or line.startswith("#"):
            continue
        kind, first, last, *delta = line.split()
        span = slice(int(first, 16), int(last, 16) + 1)
        if kind == "lower":
            table[span] += np.uint32(int(delta[0]) & 0xFFFFFFFF)
        else:
            table[span] |= np.uint32((WORD if kind == "word" else LONE) << 24)
    return table


def _ranges(values: list[int]) -> list[tuple[int, int, int]]:
    """Runs of one non-zero value as (first, last, value)."""
    runs: list[tuple[int, int, int]] = []
    for point, value in enumerate(values):
        if not value:
            continue
        if runs and runs[-1][1] == point - 1 and runs[-1][2] == value:
            runs[-1] = (runs[-1][0], point, value)
        else:
            runs.append((point, point, value))
    return runs


def main() -> None:
    """Write `unicode.txt` from the running interpreter."""
    points = [chr(p) for p in range(CODE_POINTS)]
    lines = [f"# Unicode {unicodedata.unidata_version}; lower-case distances come first, then classes."]
    deltas = [ord(lower_char(c)) - ord(c) for c in points]
    lines += [f"lower {a:X} {b:X} {d}" for a, b, d in _ranges(deltas)]
    lines += [f"{('', 'word', 'lone')[k]} {a:X} {b:X}" for a, b, k in _ranges([char_class(c) for c in points])]
    _FILE.write_text("\n".join(lines) + "\n", encoding="ascii")
    print(f"{_FILE.name}: {len(lines)} lines, Unicode {unicodedata.unidata_version}", file=sys.stderr)


if __name__ == "__main__":
    main()
