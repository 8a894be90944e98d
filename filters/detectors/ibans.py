"""International bank account numbers: the length for each country, and the remainder by 97 that must be one."""

from __future__ import annotations

from collections.abc import Iterator

import re2

from filters.detectors.boundaries import continues
from filters.detectors.checksums import mod97
from filters.detectors.contract import Spans
from filters.detectors.number_fakes import compact, digit, written_like

# SWIFT, IBAN Registry (ISO 13616): total length by country.
LENGTHS = {
    country: length
    for length, countries in {
        15: "NO", 16: "BE", 18: "DK FK FI FO GL NL SD", 19: "MK SI", 20: "AT BA EE KZ LT LU MN XK",
        21: "CH HR LI LV", 22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ OM SO TL",
        24: "AD CZ ES MD PK RO SA SE SK TN VG", 25: "LY PT ST", 26: "IS TR", 27: "BI DJ FR GR IT MC MR SM",
        28: "AL AZ BY CY DO GT HN HU LB NI PL SV", 29: "BR EG PS QA UA", 30: "JO KW MU YE", 31: "MT SC", 32: "LC",
        33: "RU",
    }.items()
    for country in countries.split()
}  # fmt: skip

SHAPE = r"(?:^|[^0-9A-Za-z])[A-Z]{2}[0-9]{2}(?:[ -]?[0-9A-Z]){11,}"
HINT = r"[A-Z]{2}[0-9]{2}[ -]?[0-9A-Z]{3}"
_WITHOUT_SEPARATORS = str.maketrans("", "", " -")
_HEAD = re2.compile(r"[A-Z]{2}[0-9]{2}")


def is_iban(value: str) -> bool:
    """Whether `value` (capitals and digits, no spaces) has its country's length and a remainder of one.

    The check digits are 02 to 98: 00, 01 and 99 have the same remainder as others and are not given out.

    >>> is_iban("DE89370400440532013000"), is_iban("DE88370400440532013000"), is_iban("DE8937040044053201300")
    (True, False, False)
    """
    return LENGTHS.get(value[:2]) == len(value) and "02" <= value[2:4] <= "98" and mod97(value[4:] + value[:4]) == 1


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
