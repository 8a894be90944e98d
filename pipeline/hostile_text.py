"""Which characters of other people's text may be shown as they are."""

from __future__ import annotations

import unicodedata

_WRITTEN = "\u200c\u200d\u3000"
"""Joiners that Persian, Hindi and emoji are written with; the space of Chinese and Japanese."""


def is_harmless(char: str) -> bool:
    """Whether a character neither commands a terminal, nor turns text around, nor cannot be seen: none of Unicode's
    categories C, Zl and Zp, but for what texts are written with.

    >>> [is_harmless(char) for char in ("a", "\\u202e", "\\x1b", "\\n", "\\u200d")]
    [True, False, False, False, True]
    """
    if char.isprintable() or char in _WRITTEN:
        return True
    category = unicodedata.category(char)
    return not (category.startswith("C") or category in ("Zl", "Zp"))


def spelled(char: str) -> str:
    """A character by its number, as programmers write it.

    >>> spelled("\\u202e")
    '\\\\u202e'
    """
    return char.encode("unicode_escape").decode()
