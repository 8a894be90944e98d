"""Checks that a recipe's own detector can name: functions of a value as it is written, by name."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from filters.detectors import checksums
from filters.detectors.dummies import bits_per_char
from filters.detectors.folding import fold
from filters.detectors.ibans import is_iban
from filters.detectors.keccak import eip55
from filters.detectors.wallets import base58check_decode, is_bech32

ENTROPY_BITS = 3.0
"""Bits to a character that make a token look random: base64 noise of 20 characters has about 4, words 2 to 3."""

Check = Callable[[str], bool]

_SEPARATORS = str.maketrans("", "", " -./\u00a0\u202f\u2010\u2011")


def entropy(value: str) -> bool:
    """Whether the characters are as mixed as those of a random token: ENTROPY_BITS or more.

    >>> entropy("aaaabbbb"), entropy("9f8a7c6b5e4d3021")
    (False, True)
    """
    return bits_per_char(value) >= ENTROPY_BITS


def isbn(value: str) -> bool:
    """Whether ten or thirteen characters are the number of a book (ISO 2108).

    >>> isbn("0306406152"), isbn("080442957X"), isbn("9780306406157"), isbn("9770306406150")
    (True, True, True, False)
    """
    if len(value) == 13:
        return value.startswith(("978", "979")) and checksums.mod10_3(value)
    return len(value) == 10 and checksums.mod11(value)


def mod97(value: str) -> bool:
    """Whether letters and digits, of either case, have the remainder 1 by 97 (ISO/IEC 7064, MOD 97-10): LEI.

    >>> mod97("529900T8BM49AURSDO55"), mod97("529900T8BM49AURSDO54"), mod97("é")
    (True, False, False)
    """
    return value.isascii() and value.isalnum() and checksums.mod97(value.upper()) == 1


def ip(value: str) -> bool:
    """Whether it is an address of IPv4 or IPv6, without port and length of a prefix."""
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


def ethereum(value: str) -> bool:
    """Whether forty hexadecimal digits, behind `0x` or not, have the case that checks them (EIP-55)."""
    digits = value.removeprefix("0x")
    return len(digits) == 40 and not set(digits.lower()) - set("0123456789abcdef") and eip55(digits) == digits


def none(value: str) -> bool:
    """Nothing is checked: the shape says it all."""
    return True


def _bare(check: Check) -> Check:
    """`check` of a value in ASCII digits, without its separators."""
    return lambda value: check(fold(value).translate(_SEPARATORS))


VALIDATORS: dict[str, Check] = {
    "base58check": lambda value: base58check_decode(value) is not None,
    "bech32": is_bech32,
    "ean": _bare(checksums.mod10_3),
    "eip55": ethereum,
    "entropy": _bare(entropy),
    "iban": _bare(lambda value: is_iban(value.upper())),
    "ip": ip,
    "isbn": _bare(lambda value: isbn(value.upper())),
    "luhn": _bare(checksums.luhn),
    "mod11": _bare(lambda value: checksums.mod11(value.upper())),
    "mod11_10": _bare(checksums.mod11_10),
    "mod11_2": _bare(checksums.mod11_2),
    "mod97": _bare(mod97),
    "none": none,
    "verhoeff": _bare(checksums.verhoeff),
}
"""Each is given a value as it is written; those of numbers pass over spaces, hyphens, dots and slashes in it."""
