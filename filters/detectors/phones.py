"""Detectors `phone` and `cn_mobile`: numbers to call, international or as people of a country write them.

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
from filters.detectors.contract import Detector, Spans
from filters.detectors.disguise import pick, until

# ITU-T E.164 section 6: at most 15 digits with the country code. Shorter than 7 is a service, not a person.
_LEAST, _MOST, _MOST_NATIONAL = 7, 15, 13
_MOST_GROUPS = 7
_GAP = r"[ ().\-/\x{A0}\x{2010}-\x{2015}\x{2212}]"
_EXTENSION = r"(?:,? ?(?:ext\.?|EXT\.?|Ext\.?|extension|x|доб\.?|转|轉|分机|內線|内線) ?[0-9]{1,6})"
_PATTERN = rf"\(?[+＋]?[ (]?[0-9](?:{_GAP}{{0,3}}[0-9]){{6,}}{_EXTENSION}?"
_EXTENSION_END = re2.compile(rf"{_EXTENSION}$")

_STRONG = re2.compile(
    r"(?i)(?:(?:^|[^\p{Latin}])(?:tele?(?:phone|fono?|fon|foon)?|t[ée]l(?:[ée]phone)?|phones?|mobile|mob|cell ?phone|cell:"
    r"|fax|hotline|whatsapp|handy|mobil|rufnummer|celular|m[óo]vil|portable|cellulare|sms|ring|gsm|telefonnummer)"
    r"|телефон|тел\.|моб\.|факс|電話|电话|电話|手机|手機|携帯|传真|傳真|热线|熱線|座机|联系方式|전화|핸드폰|휴대폰|연락처|팩스"
    r"|โทร|เบอร์|มือถือ|هاتف|جوال|موبايل|تلفون|تليفون|فاكس|واتس|تلفن|موبایل|טלפון|נייד|फ़ोन|फोन|मोबाइल|ফোন|τηλ|điện thoại"
    r"|telepon|telefonu?)\.?(?:[^\n.!?;。！？；]{0,24}[^0-9\p{Latin}])?$"
)
_WEAK = re2.compile(
    r"(?i)(?:number|contact|call|dial|reach|text (?:me|us)|nummer|num[ée]ro|n[úu]mero|numero|contato|kontakt|llame|joindre"
    r"|rufen|номер|звон|связ|контакт|番号|連絡|号码|號碼|联系|聯絡|致电|拨打|번호|연락|문의|หมายเลข|ติดต่อ|رقم|اتصل|التواصل)"
    r"[^\n]{0,20}$"
)
# A number of one of these is counted, not called.
_NOT_CALLED = re2.compile(
    r"(?i)(?:(?:^|[^\p{Latin}])(?:isbn(?:-1[03])?|issn|ismn|doi|orders?|invoice|serial|s/n|sku|part|model|version|ticket|case"
    r"|tracking|bug|issue|page|pp|parcel|patent|oid|account|acct|iban|swift|tax|(?:steuer|ust)-?id(?:nr)?|ssn|aadhaar|passport|cpf|cnpj|nir|nino|dni"
    r"|nie|iso|iec|ieee|rfc|gb/?t|zip|timestamp|id|pesel|npi|vat|siren|siret|nhs|tfn|abn)"
    r"(?: ?-?(?:no|nr|num|number|nummer|id|code|card)s?)?|订单|訂單|单号|單號|运单|快递|快遞|账号|帐号|帳號|卡号|卡號|身份证号?|发票"
    r"|編號|注文(?:番号)?|주문(?:번호)?|송장(?:번호)?|заказа?|счета?|инн|снилс|№)(?: is| ist| es| est)?[^\p{L}\n0-9]{0,4}$"
)

_ASIA_HYPHENS = re2.compile(r"0[0-9]{1,4}[-‐‑–－][0-9]{1,4}[-‐‑–－][0-9]{3,4}")
_CN_LANDLINE = re2.compile(r"\(?0[0-9]{2,3}(?:\)|[-‐‑–]|\)[- ])[0-9]{7,8}")
_NANP = re2.compile(
    r"(?:\+?1[-. ])?(?:\([2-9][0-9]{2}\)[-. ]{0,3}[2-9][0-9]{2}[-. ][0-9]{4}|[2-9][0-9]{2}([-.])[2-9][0-9]{2}([-.])[0-9]{4})"
)
_BRACKETED = re2.compile(r"\(0?[1-9][0-9]{1,4}\) ?9? ?[0-9]{3,5}[- ]?[0-9]{3,5}")
_RU = re2.compile(r"8[- ]?\(?[3-9][0-9]{2}\)?[- ][0-9]{3}[- ][0-9]{2}[- ][0-9]{2}")
_DISTINCT = (
    (_NANP, ("US",)),
    (_ASIA_HYPHENS, ("JP", "KR", "TW")),
    (_CN_LANDLINE, ("CN",)),
    (_RU, ("RU",)),
    (_BRACKETED, ("BR", "JP", "GB", "AU", "CN", "TW", "KR", "DE", "MX", "VN", "TR")),
)

_BY_SCRIPT = (
    (re2.compile(r"[\p{Hiragana}\p{Katakana}]"), ("JP",)),
    (re2.compile(r"\p{Hangul}"), ("KR",)),
    (re2.compile(r"\p{Han}"), ("CN", "TW", "HK", "JP", "SG", "MO")),
    (re2.compile(r"\p{Thai}"), ("TH",)),
    (re2.compile(r"\p{Cyrillic}"), ("RU", "UA", "KZ", "BY", "BG", "RS")),
    (re2.compile(r"\p{Arabic}"), ("EG", "SA", "AE", "IR", "MA", "IQ", "JO", "DZ", "KW", "QA", "PK")),
    (re2.compile(r"\p{Hebrew}"), ("IL",)),
    (re2.compile(r"\p{Greek}"), ("GR", "CY")),
    (re2.compile(r"\p{Devanagari}"), ("IN", "NP")),
)
_LATIN = (
    "US", "GB", "DE", "FR", "ES", "IT", "BR", "PT", "NL", "BE", "CH", "AT", "MX", "AR", "CL", "CO", "PL", "TR", "AU",
    "NZ", "IN", "ID", "VN", "SE", "NO", "DK", "FI", "IE", "ZA", "IL", "JP", "KR", "CZ", "RO", "HU", "PH", "MY", "SG",
)  # fmt: skip
# Dates, spans of years, decimals, ISBN, IPv4 addresses with what follows them.
_NOT_A_NUMBER = re2.compile(
    r"(?:1[89]|20)[0-9]{2}[-./ ][01]?[0-9][-./ ][0-3]?[0-9]|[0-3]?[0-9][-./ ][01]?[0-9][-./ ](?:1[89]|20)[0-9]{2}"
    r"|(?:1[5-9]|20)[0-9]{2} ?[-–—/] ?(?:1[5-9]|20)[0-9]{2}|[0-9]+\.[0-9]+|97[89][-0-9 ]{10,}"
    r"|[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?:[^0-9]{1,3}[0-9]+)*|[0-9]{4}[–—][0-9]{4}"
)
# The rest of an IBAN, the groups of four of cards, accounts and tables, and those of a US SSN.
_IBAN_HEAD = re2.compile(r"(?:^|[^A-Za-z0-9])[A-Z]{2}[0-9]{2} ?(?:[0-9A-Z]{4} ?)*$")
_FOURS = re2.compile(
    r"[0-9]{4}(?: [0-9]{4}){2,}|[1-9][0-9]{3}(?:-[0-9]{4}){2,}|[0-9]{4} [0-9]{6} [0-9]{5}|[0-9]{3}[-. ][0-9]{2}[-. ][0-9]{4}"
)


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


def _regions(around: str) -> tuple[str, ...]:
    """Countries whose way of writing numbers is to be tried, by the scripts of the surroundings."""
    for script, regions in _BY_SCRIPT:
        if script.search(around):
            return (*regions, *_LATIN) if regions[0] in ("CN", "EG", "RU") else (*regions, *_LATIN[:6])
    return _LATIN


def _groups(number: str) -> int:
    """How many runs of digits a number is written in; a row of a table has more than any number."""
    return sum(char.isdigit() and not before.isdigit() for before, char in zip(" " + number, number, strict=False))


def _is_number(number: str, before: str, around: str) -> bool:
    """Whether `number`, free of neighbours and extension, is one to call."""
    digits = sum(char.isdigit() for char in number)
    if not _LEAST <= digits <= _MOST or len(set(number) & set("0123456789")) < 3 or _groups(number) > _MOST_GROUPS:
        return False
    strong = bool(_STRONG.search(before))
    if number.lstrip("(")[:1] in ("+", "＋"):
        return _valid(number, None) or (strong and _possible(number, None))
    if digits > _MOST_NATIONAL or _NOT_A_NUMBER.fullmatch(number) or _FOURS.fullmatch(number):
        return False
    if _NOT_CALLED.search(before) or _IBAN_HEAD.search(before):
        return False
    for shape, regions in _DISTINCT:
        if shape.fullmatch(number) and any(_valid(number, region) for region in regions):
            return True
    grouped = not number.isdigit()
    if strong:
        guesses = _regions(around)
        if _is_cn_mobile(number) and not grouped:
            return False
        return any(_valid(number, region) for region in guesses) or (digits <= 8 and _possible(number, guesses[0]))
    if number.startswith("00") and grouped:
        return _valid("+" + number[2:], None)
    return grouped and digits >= 8 and bool(_WEAK.search(before)) and any(_valid(number, r) for r in _regions(around))


def _pieces(window: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The candidate, or the parts of one too long for a number: numbers in a row stand apart by ` / ` or more spaces."""
    if sum(char.isdigit() for char in window[start:end]) <= _MOST:
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
    for first, last in _pieces(window, start, end):
        span = _proved(window, first, last)
        if span:
            yield span


def _proved(window: str, start: int, end: int) -> tuple[int, int] | None:
    found = window[start:end]
    extension = _EXTENSION_END.search(found)
    number = found[: extension.start()] if extension else found
    while number.startswith(("(", " ")) and (number[0] == " " or number.count("(") > number.count(")")):
        number, start = number[1:], start + 1
    if not 9 <= len(number) + 2 or number.count("(") != number.count(")") or number.count("(") > 1:
        return None
    international = "+" in number[:2] or "＋" in number[:2]
    if not _stands(window, start, start + len(number), end, international):
        return None
    before = window[max(0, start - 40) : start]
    if not _is_number(number, before, window):
        return None
    return start, end


def _stands(window: str, start: int, number_end: int, end: int, international: bool) -> bool:
    """Whether no neighbour makes the digits a part of something longer: a decimal, a sum, a path, a name."""
    previous = window[start - 1 : start] if start else ""
    if continues(window, start - 1, "+") or continues(window, end):
        return False
    if not international and previous and previous in "-_/\\$€£¥#%^*<&@~.":
        return False
    if previous and previous in ".,:" and window[start - 2 : start - 1].isdigit():
        return False
    following, next_one = window[end : end + 1], window[end + 1 : end + 2]
    if following and following in "=%^*_@" or (following and following in "+-–—/\\.,:" and next_one.isdigit()):
        return False
    return not (following and following in "-_" and continues(window, end + 1))


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

# Three digits each of the operators' ranges (MIIT numbering plan; the same ranges as in libphonenumber's data of CN).
_CN_RANGES = frozenset(
    [*(f"13{d}" for d in range(10)), *(f"14{d}" for d in range(10)), *(f"15{d}" for d in (0, 1, 2, 3, 5, 6, 7, 8, 9))]
    + [*(f"16{d}" for d in (2, 5, 6, 7)), *(f"17{d}" for d in range(9)), *(f"18{d}" for d in range(10))]
    + [f"19{d}" for d in (0, 1, 2, 3, 5, 6, 7, 8, 9)]
)


def _is_cn_mobile(digits: str) -> bool:
    """Whether 11 digits are a mobile number: an assigned range, and no round number or power of two such as 2**34."""
    if len(digits) != 11 or not digits.isdigit() or digits[:3] not in _CN_RANGES:
        return False
    value = int(digits)
    return value % 2**20 != 0 and value % 10**6 != 0


def _prove_cn_mobile(window: str, start: int, end: int) -> Spans:
    digits = "".join(char for char in window[start:end] if char.isdigit())
    head = window[:start]
    prefixed = head.endswith(("+86", "0086"))
    if not _is_cn_mobile(digits) or _NOT_CALLED.search(head[-32:]):
        return
    if not prefixed and (continues(window, start - 1, "._-+$€£¥#^*/\\%&~")):
        return
    if continues(window, end, "_%"):
        return
    following, next_one = window[end : end + 1], window[end + 1 : end + 2]
    if following and following in ".,-/" and (next_one.isascii() and next_one.isalnum()):
        return
    if start and window[start - 1] in ",:" and window[start - 2 : start - 1].isdigit():
        return
    yield start, end


def _fake_cn_mobile(value: str, noise: Iterator[int]) -> str:
    places = [index for index, char in enumerate(value) if char.isdigit()]

    def make(stream: Iterator[int]) -> str:
        chars = list(value)
        for index in places[3:]:
            chars[index] = pick("0123456789", stream)
        return "".join(chars)

    return until(lambda made: [*_prove_cn_mobile(made, 0, len(made))] == [(0, len(made))], make, value, noise)


CN_MOBILE = Detector(
    kind="cn_mobile",
    group="contact",
    summary="Chinese mobile numbers of eleven digits, without the country code",
    pattern=r"1[3-9][0-9][ -]?[0-9]{4}[ -]?[0-9]{4}",
    hint=r"1[3-9][0-9][ -]?[0-9]{4}[ -]?[0-9]{4}",
    prove=_prove_cn_mobile,
    proof="operator-range",
    placeholder="<PHONE>",
    fake=_fake_cn_mobile,
)
