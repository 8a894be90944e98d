"""What may stand beside a value: boundaries that hold in every script.

`\\b` is of no use here: in `电话13812345678转` no word ends before the number. So a value is taken to go on only where
the neighbour could belong to it: an ASCII letter or digit, or a character that its detector names.
"""

from __future__ import annotations

from filters.detectors.contract import CONTEXT


def continues(text: str, index: int, chars: str = "") -> bool:
    """Whether the character at `index` exists and is an ASCII letter or digit or one of `chars`.

    >>> continues("号138", 0), continues("a138", 0), continues("-138", 0, "-"), continues("138", -1)
    (False, True, True, False)
    """
    if not 0 <= index < len(text):
        return False
    char = text[index]
    return (char.isascii() and char.isalnum()) or char in chars


def stands_alone(text: str, start: int, end: int, chars: str = "") -> bool:
    """Whether nothing continues `text[start:end]` on either side.

    >>> stands_alone("号138转", 1, 4), stands_alone("v138", 1, 4)
    (True, False)
    """
    return not continues(text, start - 1, chars) and not continues(text, end, chars)


def is_whole_text(window: str, start: int, end: int) -> bool:
    """Whether there is nothing but white space in the CONTEXT characters on either side of `window[start:end]`.

    No more is asked: a candidate that is a line of numbers has one question for each of them.

    >>> is_whole_text(" 138 ", 1, 4), is_whole_text("n 138", 2, 5)
    (True, False)
    """
    return not window[max(0, start - CONTEXT) : start].strip() and not window[end : end + CONTEXT].strip()
