"""Other values of the same shape, for `fake`: what every family of detectors draws its made-up values with."""

from __future__ import annotations

import functools
import string
import unicodedata
from collections.abc import Callable, Iterator

_CLASSES = (string.digits, string.ascii_lowercase, string.ascii_uppercase)
_TRIES = 1000


def varied(noise: Iterator[int]) -> Iterator[int]:
    """`noise` (0-255) stirred by a linear congruential generator (the constants of ANSI C's example `rand`).

    So a constant or periodic source still gives other values on a second try, and a random one stays random.

    >>> from itertools import islice, repeat
    >>> list(islice(varied(repeat(0)), 4))
    [0, 220, 4, 101]
    """
    state = 0
    for byte in noise:
        state = (state * 1103515245 + 12345 + byte) % 2**31
        yield byte ^ (state >> 16 & 255)


def pick(alphabet: str, noise: Iterator[int]) -> str:
    """One character of an alphabet of at most 256."""
    return alphabet[next(noise) % len(alphabet)]


def same_shape(value: str, noise: Iterator[int]) -> str:
    """Digits become digits, lower case lower, upper case upper, other letters letters of their script; the rest stays.

    >>> from itertools import count
    >>> same_shape("Ab-19.ж", count())
    'Ab-23.д'
    """
    return "".join(pick(alphabet, noise) if len(alphabet) > 1 else alphabet for alphabet in map(_alphabet, value))


@functools.lru_cache(maxsize=4096)
def _alphabet(char: str) -> str:
    """What a character may become: of others than ASCII, letters and digits of the same kind among its 64 neighbours.

    Scripts are assigned in whole columns of a table, so that these are of the same script.
    """
    for alphabet in _CLASSES:
        if char in alphabet:
            return alphabet
    kind = unicodedata.category(char)
    if char <= "\x7f" or kind not in ("Ll", "Lu", "Lo", "Nd"):
        return char
    first = ord(char) & ~63
    return "".join(chr(code) for code in range(first, first + 64) if unicodedata.category(chr(code)) == kind)


def hex_shape(value: str, noise: Iterator[int]) -> str:
    """Hexadecimal digits become others of the same case (digits may become letters of the case the value has).

    >>> from itertools import count
    >>> hex_shape("0f:1a", count(9))
    '9a:bc'
    """
    alphabet = "0123456789ABCDEF" if any(char in "ABCDEF" for char in value) else "0123456789abcdef"
    return "".join(pick(alphabet, noise) if char in string.hexdigits else char for char in value)


def until(accept: Callable[[str], bool], make: Callable[[Iterator[int]], str], value: str, noise: Iterator[int]) -> str:
    """The first of the made values that is accepted and is not `value` itself.

    After 1,000 tries the last one made: a shape so narrow has no second value.
    """
    stream = varied(noise)
    made = value
    for _ in range(_TRIES):
        made = make(stream)
        if made != value and accept(made):
            break
    return made


def found_whole(prove: Callable[[str, int, int], object], value: str) -> bool:
    """Whether `prove` finds exactly `value` where it is the whole text."""
    return list(prove(value, 0, len(value))) == [(0, len(value))]  # type: ignore[call-overload]
