"""International bank account numbers: the shape for each country, and the remainder by 97 that must be one."""

from __future__ import annotations

from collections.abc import Iterator

import re2

from filters.detectors.boundaries import continues
from filters.detectors.checksums import mod97
from filters.detectors.contract import Spans
from filters.detectors.number_fakes import compact, digit, written_like

# SWIFT, IBAN Registry (ISO 13616), release 101: what follows the check digits; n digits, a letters, c either.
_ACCOUNTS = {
    "n11": "NO", "n12": "BE", "a2n12": "FK", "a4n10": "NL", "n14": "DK FI FO GL SD", "n15": "SI", "n3c10n2": "MK",
    "n16": "AT BA EE LT MN XK", "n3c13": "KZ LU", "a4c13": "LV", "n17": "HR", "n5c12": "CH LI", "a2n16": "GE",
    "a4c14": "BH", "a4n14": "GB IE", "a4n6c8": "BG", "n18": "CR DE ME RS VA", "a4c15": "GI", "a4n15": "IQ",
    "n19": "AE IL SO TL", "n3c16": "OM", "a4c16": "PK RO", "a4n16": "VG", "c20": "MD", "n20": "CZ ES SE SK TN",
    "n2c18": "SA", "n8c12": "AD", "n21": "LY PT ST", "n22": "IS", "n6c16": "TR", "a1n10c12": "IT SM",
    "n10c11n2": "FR MC", "n23": "BI DJ MR", "n7c16": "GR", "a4c20": "AZ", "a4n20": "HN NI SV", "c24": "GT",
    "c4n20": "DO", "c4n4c16": "BY", "n24": "HU PL", "n4c20": "LB", "n8c16": "AL CY", "a4c21": "PS QA",
    "n23a1c1": "BR", "n25": "EG", "n6c19": "UA", "a4c22": "KW", "a4n19a3": "MU", "a4n4c18": "JO YE", "a4n20a3": "SC",
    "a4n5c18": "MT", "a4c24": "LC", "n14c15": "RU",
}  # fmt: skip
_SORTS = {"n": "[0-9]", "a": "[A-Z]", "c": "[0-9A-Z]"}
_PARTS = re2.compile(r"([nac])([0-9]+)")


def _pattern(account: str) -> re2._Regexp:
    return re2.compile("".join(f"{_SORTS[sort]}{{{length}}}" for sort, length in _PARTS.findall(account)))


STRUCTURES = {country: _pattern(text) for text, countries in _ACCOUNTS.items() for country in countries.split()}
"""What an account part looks like, by country."""

LENGTHS = {
    country: 4 + sum(int(length) for _, length in _PARTS.findall(text))
    for text, countries in _ACCOUNTS.items()
    for country in countries.split()
}
"""Total length, by country."""

SHAPE = r"(?:^|[^0-9A-Za-z])[A-Z]{2}[0-9]{2}(?:[ -]?[0-9A-Z]){11,}"
HINT = r"[A-Z]{2}[0-9]{2}[ -]?[0-9A-Z]{3}"
_WITHOUT_SEPARATORS = str.maketrans("", "", " -")
_HEAD = re2.compile(r"[A-Z]{2}[0-9]{2}")


def is_iban(value: str) -> bool:
    """Whether `value` (capitals and digits, no spaces) has its country's shape and a remainder of one.

    The check digits are 02 to 98: 00, 01 and 99 have the same remainder as others and are not given out.

    >>> is_iban("DE89370400440532013000"), is_iban("DE88370400440532013000"), is_iban("DE8937040044053201300")
    (True, False, False)
    """
    structure = STRUCTURES.get(value[:2])
    return (
        structure is not None
        and structure.fullmatch(value[4:]) is not None
        and "02" <= value[2:4] <= "98"
        and mod97(value[4:] + value[:4]) == 1
    )


def check_digits(country: str, account: str) -> str:
    """The two check digits for a country and its account part.

    >>> check_digits("GB", "WEST12345698765432")
    '82'
    """
    return f"{98 - mod97(account + country + '00'):02d}"


def _end(window: str, start: int, limit: int, length: int) -> int:
    """Where `length` letters and digits with single separators of one kind end; -1 if `limit` comes first."""
    separator, at, count = "", start, 0
    while at < limit:
        if window[at] in " -":
            separator = separator or window[at]
            if window[at] != separator:
                return -1
        else:
            count += 1
            if count == length:
                return at + 1
        at += 1
    return -1


def prove(window: str, start: int, end: int) -> Spans:
    """The account numbers of a candidate: right length, right remainder, and nothing that goes on."""
    reached = start
    for head in _HEAD.finditer(window[start:end]):
        at = start + head.start()
        length = LENGTHS.get(head.group()[:2], 0)
        if not length or at < reached or continues(window, at - 1, "_/-+"):
            continue
        if not is_iban(window[at : min(end, at + 2 * length)].translate(_WITHOUT_SEPARATORS)[:length]):
            continue
        stop = _end(window, at, end, length)
        if stop > 0 and not continues(window, stop, "_"):
            reached = stop
            yield at, stop


def fake(value: str, noise: Iterator[int]) -> str:
    """Another account of the same country: letters stay letters and digits digits, the check digits are right."""
    old = compact(value)
    while True:
        account = "".join(
            digit(noise) if char.isdigit() else digit(noise, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") for char in old[4:]
        )
        new = old[:2] + check_digits(old[:2], account) + account
        if new != old and is_iban(new):
            return written_like(value, new)
