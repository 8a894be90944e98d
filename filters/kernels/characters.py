"""What the statistics of a text ask of a character, one table lookup for all of it, fixed to one Unicode version.

`load_characters()` is `load_table()` of `unicode_table` (class and lower case) with these bits added:

    LETTER    str.isalpha: Unicode categories L*
    DIGIT     str.isdigit: decimal digits of any script, superscripts, circled digits
    UPPER     str.isupper of the character alone
    SPACE     str.isspace: what str.split() and str.strip() take for white space
    BREAK     where str.splitlines() ends a line
    TERMINAL  ends a sentence in some script: the 159 characters of datatrove 0.10.1 (`TERMINAL_PUNCTUATION` of
              `utils/text.py`), nearly Unicode's property Sentence_Terminal
    SMALL     Unicode category Ll
    NUMERAL   a number, but no decimal digit and no letter: superscripts, fractions, Roman numerals; with DIGIT all of
              Unicode's category N
    SYMBOL    a word of these alone is no word to Gopher's rules in datatrove 0.10.1 (`PUNCTUATION_SET`): punctuation
              and controls; `％` and `１` are among them there, so they are here

`characters.txt` beside this file holds them as ranges; `python -m filters.kernels.characters` writes all but
TERMINAL and SYMBOL anew from the running interpreter.
"""

from __future__ import annotations

import functools
import sys
import unicodedata
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from filters.kernels.unicode_table import CODE_POINTS, load_table

LETTER, DIGIT, UPPER = np.uint32(1 << 21), np.uint32(1 << 22), np.uint32(1 << 23)
SPACE, BREAK, TERMINAL, SYMBOL = np.uint32(1 << 26), np.uint32(1 << 27), np.uint32(1 << 28), np.uint32(1 << 29)
SMALL, NUMERAL = np.uint32(1 << 30), np.uint32(1 << 31)
LOWER = np.uint32(0x1FFFFF)
"""Mask of the lower-cased code point; the class stays at bits 24 and 25."""

FLAGS = {
    "letter": LETTER,
    "digit": DIGIT,
    "upper": UPPER,
    "space": SPACE,
    "break": BREAK,
    "small": SMALL,
    "numeral": NUMERAL,
    "terminal": TERMINAL,
    "symbol": SYMBOL,
}
_ASKED = {
    "letter": str.isalpha,
    "digit": str.isdigit,
    "upper": str.isupper,
    "space": str.isspace,
    "break": lambda char: len(f"a{char}a".splitlines()) > 1,
    "small": lambda char: unicodedata.category(char) == "Ll",
    "numeral": lambda char: char.isnumeric() and not char.isdecimal() and not char.isalpha(),
}
_FILE = Path(__file__).with_name("characters.txt")


def character_has(char: str, flag: str) -> bool:
    """Whether a character has a property, by the table.

    >>> character_has("。", "terminal"), character_has("\\u3000", "space"), character_has("a", "upper")
    (True, True, False)
    """
    return bool(load_characters()[ord(char)] & FLAGS[flag])


@functools.cache
def load_characters() -> NDArray[np.uint32]:
    """Lower case, class and properties of every code point: uint32, shape (0x110000,)."""
    table = load_table().copy()
    for kind, first, last in _lines():
        table[first : last + 1] |= FLAGS[kind]
    return table


def _lines() -> list[tuple[str, int, int]]:
    rows = [line.split() for line in _FILE.read_text(encoding="ascii").splitlines() if not line.startswith("#")]
    return [(kind, int(first, 16), int(last, 16)) for kind, first, last in rows]


def _ranges(points: list[int]) -> list[tuple[int, int]]:
    """Runs of consecutive numbers as (first, last).

    >>> _ranges([1, 2, 3, 7])
    [(1, 3), (7, 7)]
    """
    runs: list[tuple[int, int]] = []
    for point in points:
        if runs and runs[-1][1] == point - 1:
            runs[-1] = (runs[-1][0], point)
        else:
            runs.append((point, point))
    return runs


def main() -> None:
    """Write `characters.txt` from the running interpreter; `terminal` and `symbol` stay as they are."""
    kept = [(kind, a, b) for kind, a, b in _lines() if kind not in _ASKED]
    found = []
    for kind, asks in _ASKED.items():
        points = [p for p in range(CODE_POINTS) if not 0xD800 <= p <= 0xDFFF and asks(chr(p))]
        found += [(kind, a, b) for a, b in _ranges(points)]
    lines = [f"# Unicode {unicodedata.unidata_version}; `terminal` and `symbol` are datatrove's sets."]
    lines += [f"{kind} {a:X} {b:X}" for kind, a, b in [*found, *kept]]
    _FILE.write_text("\n".join(lines) + "\n", encoding="ascii")
    print(f"{_FILE.name}: {len(lines)} lines", file=sys.stderr)


if __name__ == "__main__":
    main()
