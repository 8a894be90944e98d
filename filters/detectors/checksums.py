"""General check digits: Luhn, ISO 7064, Verhoeff, weighted sums. `x(value)` judges, `x_digit(prefix)` completes.

Values are strings of ASCII digits (or what the docstring says) without separators; other characters make a value
wrong, never an error.
"""

from __future__ import annotations

from collections.abc import Sequence

DIGITS = frozenset("0123456789")


def is_digits(value: str) -> bool:
    """Whether `value` is one or more ASCII digits (`str.isdigit` also takes those of other scripts)."""
    return bool(value) and value.isascii() and value.isdigit()


def weighted_sum(digits: str, weights: Sequence[int]) -> int:
    """Sum of digit times weight, from the left, as far as the shorter of both goes.

    >>> weighted_sum("123", (3, 2, 1))
    10
    """
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False))


_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def luhn_digit(prefix: str) -> str:
    """The digit that completes `prefix` (ISO/IEC 7812-1, annex B): every second digit from the right counts double.

    >>> luhn_digit("7992739871")
    '3'
    """
    total = sum(_DOUBLED[int(digit)] for digit in prefix[::-2]) + sum(int(digit) for digit in prefix[-2::-2])
    return str(-total % 10)


def luhn(value: str) -> bool:
    """Whether the last digit is the Luhn digit of the others, of which there are some.

    >>> luhn("79927398713"), luhn("79927398710"), luhn("0"), luhn("")
    (True, False, False, False)
    """
    return len(value) > 1 and is_digits(value) and luhn_digit(value[:-1]) == value[-1]


def mod10_3(value: str) -> bool:
    """Whether the digits, each second one from the right but one three times, sum to a multiple of ten.

    EAN, UPC, GTIN and ISBN-13 (GS1 General Specifications, 7.9).

    >>> mod10_3("4006381333931"), mod10_3("4006381333932"), mod10_3("0")
    (True, False, False)
    """
    return len(value) > 1 and is_digits(value) and weighted_sum(value[::-1], (1, 3) * len(value)) % 10 == 0


def mod11(value: str) -> bool:
    """Whether the digits, weighted 1, 2, 3 ... from the right, sum to a multiple of eleven; a last X counts as ten.

    ISBN-10, ISSN, numbers of the NHS.

    >>> mod11("0306406152"), mod11("080442957X"), mod11("0306406153"), mod11("X")
    (True, True, False, False)
    """
    if len(value) < 2 or not is_digits(value[:-1]) or value[-1] not in "0123456789X":
        return False
    last = 10 if value[-1] == "X" else int(value[-1])
    return (weighted_sum(value[-2::-1], range(2, len(value) + 1)) + last) % 11 == 0


_LETTER_VALUES = {ord(letter): str(value) for value, letter in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZ", 10)}


def mod97(value: str) -> int:
    """Remainder by 97 of `value` (digits and A-Z) with A=10 ... Z=35 written as two digits: ISO/IEC 7064, MOD 97-10.

    >>> mod97("WEST12345698765432GB82")
    1
    """
    return int(value.translate(_LETTER_VALUES)) % 97


def mod11_2_digit(prefix: str) -> str:
    """The check character, 0-9 or X, of ISO/IEC 7064, MOD 11-2: Chinese resident numbers (GB 11643), ORCID.

    >>> mod11_2_digit("11010519491231002")
    'X'
    """
    total = 0
    for digit in prefix:
        total = (total + int(digit)) * 2
    return "0123456789X"[(12 - total) % 11]


def mod11_2(value: str) -> bool:
    """Whether the last character is the check character of the others; `x` counts as `X`.

    >>> mod11_2("11010519491231002X"), mod11_2("110105194912310021")
    (True, False)
    """
    return is_digits(value[:-1]) and mod11_2_digit(value[:-1]) == value[-1].upper()


def mod11_10_digit(prefix: str) -> str:
    """The check digit of ISO/IEC 7064, MOD 11,10: German tax numbers.

    >>> mod11_10_digit("8609574271")
    '9'
    """
    carry = 10
    for digit in prefix:
        carry = (carry + int(digit)) % 10 or 10
        carry = carry * 2 % 11
    return str((11 - carry) % 10)


def mod11_10(value: str) -> bool:
    """Whether the last digit is the check digit of the others."""
    return is_digits(value) and len(value) > 1 and mod11_10_digit(value[:-1]) == value[-1]


# Verhoeff, "Error detecting decimal codes" (1969): the dihedral group of order 10, and powers of one permutation.
_TIMES = tuple(
    tuple(
        ((i + j) % 5 if j < 5 else 5 + (i + j) % 5) if i < 5 else (5 + (i - j) % 5 if j < 5 else (i - j) % 5)
        for j in range(10)
    )
    for i in range(10)
)
_FIRST = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def _permutations() -> tuple[tuple[int, ...], ...]:
    rows = [tuple(range(10))]
    while len(rows) < 8:
        rows.append(tuple(_FIRST[digit] for digit in rows[-1]))
    return tuple(rows)


_PERMUTED = _permutations()


def _verhoeff_state(digits_from_right: str, position: int) -> int:
    state = 0
    for place, digit in enumerate(digits_from_right, position):
        state = _TIMES[state][_PERMUTED[place % 8][int(digit)]]
    return state


def verhoeff_digit(prefix: str) -> str:
    """The Verhoeff digit of `prefix`: Indian Aadhaar.

    >>> verhoeff_digit("236")
    '3'
    """
    return str(_TIMES[_verhoeff_state(prefix[::-1], 1)].index(0))


def verhoeff(value: str) -> bool:
    """Whether the last digit is the Verhoeff digit of the others.

    >>> verhoeff("2363"), verhoeff("2364")
    (True, False)
    """
    return is_digits(value) and _verhoeff_state(value[::-1], 0) == 0
