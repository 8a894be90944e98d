"""Detector `phone`: numbers to call, international or as people of a country write them.

The shape proposes, what stands around decides how much is asked for, and the numbering plans of the phonenumbers
library (a port of Google's libphonenumber) have the last word. Three grades of trust:

1. `+` and a country code: the number must be valid there.
2. A national format that is hard to mistake, as `(408) 914-6482` or `03-1234-5678`: valid in a country that writes so.
3. Any other grouping needs a word for telephone or contact before it, in one of some twenty languages.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import re2

from filters.detectors.boundaries import continues
from filters.detectors.cn_mobile import is_cn_mobile
from filters.detectors.contract import CONTEXT, Detector, Spans
from filters.detectors.disguise import pick, until
from filters.detectors.phone_words import ADDRESSED, COUNTED, SPOKEN_OF, likely_regions

# ITU-T E.164 section 6: at most 15 digits with the country code. Shorter than 7 is a service, not a person.
_LEAST, _MOST, _MOST_NATIONAL = 7, 15, 13
_MOST_GROUPS = 7
_GAP = r"[ ().\-/\x{A0}\x{2010}-\x{2015}\x{2212}]"
_EXTENSION = r"(?:,? ?(?:ext\.?|EXT\.?|Ext\.?|extension|x|доб\.?|转|轉|分机|內線|内線) ?[0-9]{1,6})"
_PATTERN = rf"\(?[+＋]?[ (]?[0-9](?:{_GAP}{{0,3}}[0-9]){{6,}}{_EXTENSION}?"
_EXTENSION_END = re2.compile(rf"{_EXTENSION}$")

_ASIA_HYPHENS = re2.compile(r"0[0-9]{1,4}[-‐‑–－][0-9]{1,4}[-‐‑–－][0-9]{3,4}")
_CN_LANDLINE = re2.compile(r"\(?0[0-9]{2,3}(?:\)|[-‐‑–]|\)[- ])[0-9]{7,8}")
_NANP = re2.compile(r"(?:\+?1[-. ])?(?:\([2-9][0-9]{2}\)[-. ]{0,3}|[2-9][0-9]{2}[-.])[2-9][0-9]{2}[-. ][0-9]{4}")
_BRACKETED = re2.compile(r"\(0?[1-9][0-9]{1,4}\) ?9? ?[0-9]{3,5}[- ]?[0-9]{3,5}")
_RU = re2.compile(r"8[- ]?\(?[3-9][0-9]{2}\)?[- ][0-9]{3}[- ][0-9]{2}[- ][0-9]{2}")
_DISTINCT = (
    (_NANP, ("US",)),
    (_ASIA_HYPHENS, ("JP", "KR", "TW")),
    (_CN_LANDLINE, ("CN",)),
    (_RU, ("RU",)),
    (_BRACKETED, ("BR", "JP", "GB", "AU", "CN", "TW", "KR", "DE", "MX", "VN", "TR")),
)
_ANY_DISTINCT = re2.compile("|".join(shape.pattern for shape, _ in _DISTINCT))

# Dates, spans of years, decimals, ISBN, IPv4 addresses with what follows them; the groups of four of cards, accounts
# and tables, and those of a US SSN.
_NOT_A_NUMBER = re2.compile(
    r"(?:1[89]|20)[0-9]{2}[-./ ][01]?[0-9][-./ ][0-3]?[0-9]|[0-3]?[0-9][-./ ][01]?[0-9][-./ ](?:1[89]|20)[0-9]{2}"
    r"|(?:1[5-9]|20)[0-9]{2} ?[-–—/] ?(?:1[5-9]|20)[0-9]{2}|[0-9]+\.[0-9]+|97[89][-0-9 ]{10,}"
    r"|[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?:[^0-9]{1,3}[0-9]+)*|[0-9]{4}[–—][0-9]{4}"
    r"|[0-9]{4}(?: [0-9]{4}){2,}|[1-9][0-9]{3}(?:-[0-9]{4}){2,}|[0-9]{4} [0-9]{6} [0-9]{5}"
    r"|[0-9]{3}[-. ][0-9]{2}[-. ][0-9]{4}"
)
# In front of the rest of an IBAN.
_IBAN_HEAD = re2.compile(r"(?:^|[^A-Za-z0-9])[A-Z]{2}[0-9]{2} ?(?:[0-9A-Z]{4} ?)*$")
_TEN = frozenset("0123456789")


def _library() -> Any:
    """The phonenumbers package; it takes a tenth of a second to import, so only when there is something to ask."""
    import phonenumbers

    return phonenumbers


def _valid(number: str, region: str | None) -> bool:
    library = _library()
    try:
        return bool(library.is_valid_number(library.parse(number, region)))
    except library.NumberParseException:
        return False


def _possible(number: str, region: str | None) -> bool:
    """Whether the length is one of the region's, a local number without its area code included."""
    library = _library()
    try:
        parsed = library.parse(number, region)
    except library.NumberParseException:
        return False
    reason = library.is_possible_number_with_reason(parsed)
    return bool(reason in (library.ValidationResult.IS_POSSIBLE, library.ValidationResult.IS_POSSIBLE_LOCAL_ONLY))


def _groups(number: str) -> int:
    """How many runs of digits a number is written in; a row of a table has more than any number."""
    return sum(char.isdigit() and not before.isdigit() for before, char in zip(" " + number, number, strict=False))


def _digits(text: str) -> int:
    return sum(map(str.isdigit, text))


def _is_number(number: str, before: str, around: str) -> bool:
    """Whether `number`, free of neighbours and extension, is one to call. What costs little is asked first."""
    digits = _digits(number)
    if not _LEAST <= digits <= _MOST or len(_TEN & set(number)) < 3:
        return False
    if len(number) >= 2 * _MOST_GROUPS and _groups(number) > _MOST_GROUPS:
        return False
    if number.lstrip("(")[:1] in ("+", "＋"):
        return _valid(number, None) or (SPOKEN_OF.search(before) is not None and _possible(number, None))
    if digits > _MOST_NATIONAL:
        return False
    grouped = not number.isdigit()
    if not grouped and SPOKEN_OF.search(before) is None:
        return False
    if _NOT_A_NUMBER.fullmatch(number) or COUNTED.search(before) or _IBAN_HEAD.search(before):
        return False
    if _ANY_DISTINCT.fullmatch(number):
        for shape, regions in _DISTINCT:
            if shape.fullmatch(number) and any(_valid(number, region) for region in regions):
                return True
    if SPOKEN_OF.search(before):
        guesses = likely_regions(around)
        if is_cn_mobile(number) and not grouped:
            return False
        return any(_valid(number, region) for region in guesses) or (digits <= 8 and _possible(number, guesses[0]))
    if number.startswith("00") and grouped:
        return _valid("+" + number[2:], None)
    addressed = grouped and digits >= 8 and bool(ADDRESSED.search(before))
    return addressed and any(_valid(number, region) for region in likely_regions(around))


def _pieces(window: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The candidate, or the parts of one too long for a number: ` / ` or more than one space stands between them."""
    if _digits(window[start:end]) <= _MOST:
        yield start, end
        return
    last = start
    for cut in _CUTS.finditer(window[start:end]):
        yield last, start + cut.start()
        last = start + cut.end()
    if last > start:
        yield last, end


_CUTS = re2.compile(r" ?/ ?|  +")


def _prove(window: str, start: int, end: int) -> Spans:
    if end - start <= _MOST:
        # Most candidates are a part of something longer; nothing else need be asked of them.
        if continues(window, end) or (window[start] not in "( " and continues(window, start - 1, "+")):
            return []
        span = _proved(window, start, end)
        return [span] if span else []
    return [span for first, last in _pieces(window, start, end) if (span := _proved(window, first, last))]


def _proved(window: str, start: int, end: int) -> tuple[int, int] | None:
    found = window[start:end]
    extension = _EXTENSION_END.search(found) if _has_word(found) else None
    number = found[: extension.start()] if extension else found
    while number.startswith(("(", " ")) and (number[0] == " " or number.count("(") > number.count(")")):
        number, start = number[1:], start + 1
    if number.count("(") != number.count(")") or number.count("(") > 1:
        return None
    international = "+" in number[:2] or "＋" in number[:2]
    if not _stands(window, start, start + len(number), end, international):
        return None
    before, around = window[max(0, start - 40) : start], window[max(0, start - CONTEXT) : end + CONTEXT]
    if not _is_number(number, before, around):
        return None
    return start, end


def _has_word(found: str) -> bool:
    """Whether a candidate may have an extension: its words have letters, ASCII or not."""
    return not found.isascii() or found.lower() != found.upper()


def _stands(window: str, start: int, number_end: int, end: int, international: bool) -> bool:
    """Whether no neighbour makes the digits a part of something longer: a decimal, a sum, a path, a name."""
    previous = window[start - 1 : start] if start else " "
    following, next_one = window[end : end + 1] or " ", window[end + 1 : end + 2]
    if continues(window, start - 1, "+") or continues(window, end):
        return False
    # `2 + 33143096954` is a sum.
    if international and window[start : start + 2] in ("+ ", "＋ ") and window[:start].rstrip()[-1:].isdigit():
        return False
    if not international and previous in "-_/\\$€£¥#%^*<&@~.":
        return False
    if previous in ".,:" and window[start - 2 : start - 1].isdigit():
        return False
    if following in "=%^*_@" or (following in "+-–—/\\.,:" and next_one.isdigit()):
        return False
    return not (following in "-_" and continues(window, end + 1))


def _fake_phone(value: str, noise: Iterator[int]) -> str:
    """The last digits change, six or fewer, so that country and area stay and the number is still valid."""
    extension = _EXTENSION_END.search(value)
    body = value[: extension.start()] if extension else value
    places = [index for index, char in enumerate(body) if char.isdigit()]
    alone = [*_prove(value, 0, len(value))] == [(0, len(value))]

    def accept(made: str) -> bool:
        return not alone or [*_prove(made, 0, len(made))] == [(0, len(made))]

    def make(stream: Iterator[int]) -> str:
        chars = list(value)
        for index in places[-min(6, len(places) // 2) :]:
            chars[index] = pick("0123456789", stream)
        return "".join(chars)

    return until(accept, make, value, noise)


PHONE = Detector(
    kind="phone",
    group="contact",
    summary="telephone numbers, international and national",
    pattern=_PATTERN,
    hint=rf"[0-9](?:{_GAP}{{0,3}}[0-9]){{6}}",
    prove=_prove,
    proof="numbering-plan+context",
    placeholder="<PHONE>",
    fake=_fake_phone,
)
