"""Other numbers of the same shape: random digits from a stream of bytes, written like the value they stand for."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from filters.detectors.contract import Fake
from filters.detectors.national_checks import is_date

TRIES = 10_000
"""Random values to try for one that passes; the rarest kind needs some tens."""

Make = Callable[[str, Iterator[int]], str]
"""`make(compact, noise)`: a value of the same length without separators, mostly but not always valid."""


def digit(noise: Iterator[int], choices: str = "0123456789") -> str:
    """One of `choices` (at most 256), each as likely as the others.

    >>> digit(iter([255, 13]), "abc")
    'b'
    """
    limit = 256 - 256 % len(choices)
    while (byte := next(noise)) >= limit:
        pass
    return choices[byte % len(choices)]


def digits(noise: Iterator[int], count: int, choices: str = "0123456789") -> str:
    """`count` random characters of `choices`."""
    return "".join(digit(noise, choices) for _ in range(count))


def short_date(noise: Iterator[int], order: str = "ymd") -> str:
    """Six digits of a day of 1930-1999, written year, month, day or in another `order`."""
    parts = {
        "y": f"{30 + int(digits(noise, 4)) % 70:02d}",
        "m": f"{1 + int(digits(noise, 4)) % 12:02d}",
        "d": f"{1 + int(digits(noise, 4)) % 28:02d}",
    }
    return "".join(parts[part] for part in order)


def long_date(noise: Iterator[int]) -> str:
    """Eight digits of a day of 1930-1999."""
    text = "19" + short_date(noise)
    assert is_date(int(text[:4]), int(text[4:6]), int(text[6:]))
    return text


def compact(value: str) -> str:
    """`value` without what is not an ASCII letter or digit, in capitals."""
    return "".join(char for char in value if char.isascii() and char.isalnum()).upper()


def written_like(value: str, characters: str) -> str:
    """`characters` with the separators of `value`, and in lower case where its letters are.

    >>> written_like("ab-12 c", "XY34Z")
    'xy-34 z'
    """
    if value.islower():
        characters = characters.lower()
    source = iter(characters)
    return "".join(next(source) if char.isascii() and char.isalnum() else char for char in value)


def fake_number(make: Make, check: Callable[[str], bool]) -> Fake:
    """A `fake` that makes values until one passes `check` and differs, and writes it like the value."""

    def fake(value: str, noise: Iterator[int]) -> str:
        old = compact(value)
        for _ in range(TRIES):
            new = make(old, noise)
            if new != old and len(new) == len(old) and check(new):
                return written_like(value, new)
        raise AssertionError(f"no other value of this kind in {TRIES} tries")

    return fake
