"""Numbers in digits of other scripts and with other separators, as detectors read them: in ASCII.

    ٤١١١ ١١١١ ١١١١ ١١١١    ０３－１２３４－５６７８    DE89 3704 0044 0532 0130 00 (no-break spaces)

Patterns know ASCII alone: classes of all digits would make each of them slower for every text. So a stretch with such
a number is read once more, folded. Characters become characters, one by one: places in characters stay.
"""

from __future__ import annotations

import re

import re2

ZEROS = "٠۰०০๐０"
"""The zero of each kind of digits that is read: Arabic-Indic, Persian, Devanagari, Bengali, Thai, full width."""

_SPACES = "\u00a0\u2007\u2009\u202f\u3000"
_HYPHENS = "\u2010\u2011\u2212\uff0d"
_SEPARATORS = str.maketrans(
    {**dict.fromkeys(_SPACES, " "), **dict.fromkeys(_HYPHENS, "-"), "．": ".", "٫": ".", "／": "/", "٬": ",", "：": ":"}
)
"""Decimal points and thousands separators of Arabic stay what they are between digits: neither is a space."""

_DIGITS = {ord(zero) + value: str(value) for zero in ZEROS for value in range(10)}
_ZERO_OF = {chr(ord(zero) + value): zero for zero in ZEROS for value in range(10)}
_SHORT, _LONG = (
    "[" + "".join(f"{zero}-{chr(ord(zero) + 9)}" for zero in zeros) + "]" for zeros in (ZEROS[:2], ZEROS[2:])
)
_GAP = rf"[ ().:/．／：٫{_SPACES}{_HYPHENS}-]{{0,2}}"

# Six digits of two bytes or of three, as runs or apart; or digits and capitals around one of the separators.
HINT = (
    rf"(?:{_SHORT}{_GAP}){{5}}{_SHORT}|(?:{_LONG}{_GAP}){{5}}{_LONG}"
    rf"|[0-9A-Z]\x{{A0}}[0-9A-Z]|[0-9A-Z][{_SPACES[1:]}{_HYPHENS}][0-9A-Z]"
)
"""RE2 of what a text holds if folding it may show a number; read by `leads` and therefore cheap to look for."""

_HINT = re2.compile(HINT)

_BETWEEN = re.compile(f"(?<=[0-9A-Z])[{_SPACES}{_HYPHENS}](?=[0-9A-Z])|(?<=[0-9])[．٫／٬：](?=[0-9])")


def may_fold(value: str) -> bool:
    """Whether a value holds what `HINT` looks for.

    >>> may_fold("０３－１２３４－５６７８"), may_fold("２００１:db８::１")
    (True, False)
    """
    return _HINT.search(value) is not None


def fold(text: str) -> str:
    """The text with ASCII digits, and ASCII separators between digits (spaces and hyphens: or capitals).

    >>> fold("هاتف ٠١٢٣"), fold("４－５"), fold("号４：是"), fold("A\\u00a01 a\\u00a01")
    ('هاتف 0123', '4-5', '号4：是', 'A 1 a\\xa01')
    """
    if text.isascii():
        return text
    return _BETWEEN.sub(lambda found: found[0].translate(_SEPARATORS), text.translate(_DIGITS))


def unfold(made: str, like: str) -> str:
    """A made-up value with the digits and separators of the value that it stands for, where they are as long.

    >>> unfold("07 5", "٤١\\u00a0٢"), unfold("ab1", "ab1")
    ('٠٧\\xa0٥', 'ab1')
    """
    read = fold(like)
    if read == like or len(made) != len(like):
        return made
    return "".join(map(_written_like, made, read, like))


def _written_like(made: str, read: str, written: str) -> str:
    if made.isascii() and made.isdigit() and written in _ZERO_OF:
        return chr(ord(_ZERO_OF[written]) + int(made))
    return written if made == read else made
