"""Telling a secret from what only stands for one: placeholders of documentation, templates, runs, words."""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise

_MARKS = (
    "example", "your", "xxxx", "placeholder", "changeme", "change_me", "change-me", "dummy", "sample", "redacted",
    "insert", "replace", "todo", "fake", "secret", "password", "foobar", "****", "....", "----", "____", "${", "$(",
    "#{", "{{", "}}", "%(", "<", ">", "…",
)  # fmt: skip
_RUN = 6
# A value written by hand repeats itself; random hexadecimal of 20 characters and more has over 3 bits a character.
_LEAST_BITS = 3.0


def is_dummy(value: str) -> bool:
    """Whether the value is a placeholder, a template, a repetition or a run such as `123456` or `abcdef`.

    >>> is_dummy("YOUR_API_KEY"), is_dummy("${AWS_SECRET}"), is_dummy("k3J1mQ80xzPf")
    (True, True, False)
    """
    low = value.lower()
    return any(mark in low for mark in _MARKS) or _has_run(low)


def _has_run(text: str) -> bool:
    """Whether characters rise by one (`123456`), or stay the same, often enough that no chance made them."""
    rising = same = 1
    for before, char in pairwise(text):
        step = ord(char) - ord(before)
        rising = rising + 1 if step == 1 else 1
        same = same + 1 if step == 0 else 1
        if rising >= _RUN or same >= _RUN:
            return True
    return False


def bits_per_char(value: str) -> float:
    """Shannon entropy of the characters of `value`, in bits a character; 0 for the empty one.

    >>> bits_per_char("aaaa"), bits_per_char("abcd")
    (0.0, 2.0)
    """
    counts = Counter(value).values()
    return sum(-count / len(value) * math.log2(count / len(value)) for count in counts) or 0.0


def looks_random(value: str, least_bits: float = _LEAST_BITS) -> bool:
    """Whether a program rather than a person wrote the value.

    >>> looks_random("ghZ81kQpX02mVb7T"), looks_random("xxxxxxxxxxxxxxxx"), looks_random("")
    (True, False, False)
    """
    return not is_dummy(value) and bits_per_char(value) >= least_bits
