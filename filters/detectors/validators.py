"""Checks that a recipe's own detector can name: functions of the digits and letters of a value, by name."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable

ENTROPY_BITS = 3.0
"""Bits to a character that make a token look random: base64 noise of 20 characters has about 4, words 2 to 3."""


def luhn(value: str) -> bool:
    """Whether the last digit checks the others (ISO/IEC 7812-1): every second one from the right is doubled.

    >>> luhn("79927398713"), luhn("79927398710"), luhn("x")
    (True, False, False)
    """
    if not (value.isascii() and value.isdigit() and len(value) > 1):
        return False
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(value))]
    return sum(number // 10 + number % 10 for number in doubled) % 10 == 0


def entropy(value: str) -> bool:
    """Whether the characters are as mixed as those of a random token: ENTROPY_BITS or more.

    >>> entropy("aaaabbbb"), entropy("9f8a7c6b5e4d3021")
    (False, True)
    """
    counts = Counter(value).values()
    return -sum(n / len(value) * math.log2(n / len(value)) for n in counts) >= ENTROPY_BITS if value else False


def none(value: str) -> bool:
    """Nothing is checked: the shape says it all."""
    return True


VALIDATORS: dict[str, Callable[[str], bool]] = {
    "entropy": entropy,
    "luhn": luhn,
    "none": none,
}
"""Each is given a value without its spaces, hyphens, dots and slashes."""
