"""Detectors of national numbers of Asia, Australia and South Africa.

Numbers that hold a date and a check digit, or are grouped as on their cards, count by themselves; those with one check
digit alone (Aadhaar, Turkish numbers with two are told from phone numbers no better) ask for a cue word.
"""

from __future__ import annotations

from collections.abc import Iterator

import re2

from filters.detectors import cues
from filters.detectors.boundaries import continues
from filters.detectors.checksums import is_digits, luhn_digit, mod11_2, mod11_2_digit, verhoeff, verhoeff_digit
from filters.detectors.codes import START
from filters.detectors.contract import Detector, Spans
from filters.detectors.national_checks import (
    au_medicare,
    au_tfn,
    is_date,
    is_short_date,
    kr_rrn_digit,
    sg_letter,
    th_tnin_digit,
    tr_digits,
    za_id_number,
)
from filters.detectors.national_kinds import code_detector, number_detector
from filters.detectors.number_fakes import digit, digits, long_date, short_date

# GB/T 2260: codes of provinces; the four municipalities have their districts under 01-03 only.
_DOZENS = ((11, 15), (21, 23), (31, 37), (41, 46), (50, 54), (61, 65), (71, 71), (81, 83))
_PROVINCES = frozenset(str(code) for first, last in _DOZENS for code in range(first, last + 1))
_MUNICIPALITIES = frozenset({"11", "12", "31", "50"})
_MAINLAND = [code for code in sorted(_PROVINCES) if code < "71"]


def is_cn_region(code: str) -> bool:
    """Whether six digits can be a region of GB/T 2260: a province, and a prefecture and county that may exist.

    >>> is_cn_region("110105"), is_cn_region("111111"), is_cn_region("991105")
    (True, False, False)
    """
    if code[:2] not in _PROVINCES:
        return False
    if code[:2] >= "71":  # Taiwan, Hong Kong, Macao; 83 for residence permits of people from Taiwan
        return code[2:] == "0000"
    return "01" <= code[2:4] <= ("03" if code[:2] in _MUNICIPALITIES else "90") and code[4:] != "00"


def cn_resident_id(value: str) -> bool:
    """Eighteen characters: region, date of birth, order, check character (GB 11643); or fifteen, as before 1999."""
    if not is_digits(value[:-1]) or not is_cn_region(value[:6]):
        return False
    if len(value) == 15:
        return is_digits(value) and is_short_date(value[6:12])
    return len(value) == 18 and is_date(int(value[6:10]), int(value[10:12]), int(value[12:14])) and mod11_2(value)


def _make_cn_resident_id(old: str, noise: Iterator[int]) -> str:
    province = _MAINLAND[int(digits(noise, 4)) % len(_MAINLAND)]
    body = f"{province}0{digit(noise, '123')}{digit(noise, '012')}{digit(noise, '123456789')}"
    if len(old) == 15:
        return body + short_date(noise) + digits(noise, 3)
    body += long_date(noise) + digits(noise, 3)
    # A last digit stays a digit and an X an X: what is written behind the number may depend on it.
    return body + mod11_2_digit(body)


_CN_PASSPORT = re2.compile(r"[EGDSPHKM][0-9]{8}|E[A-HJ-NP-Z][0-9]{7}|[DSP]E[0-9]{7}|1[45][0-9]{7}")


def cn_passport(value: str) -> bool:
    """E, G, D, S, P and eight digits, or two letters and seven; H, K, M and eight: permits.

    National Immigration Administration, series of ordinary, official and diplomatic passports.
    """
    return _CN_PASSPORT.fullmatch(value) is not None


def _make_passport(old: str, noise: Iterator[int]) -> str:
    head = old.rstrip("0123456789")
    return head + digits(noise, len(old) - len(head))


# GA 36: the province's character, the city's letter, five letters or digits without I and O; six with a D or F among
# them, first or last, for new energy; four before a character of use.
_PROVINCE = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_PLATE = re2.compile(
    rf"[{_PROVINCE}][A-HJ-NP-Z][·•・. -]?"
    r"(?:[0-9A-HJ-NP-Z]{5}|[A-HJK][0-9A-HJ-NP-Z][0-9]{4}|[0-9]{5}[A-HJK]|[0-9A-HJ-NP-Z]{4}[学警挂港澳领])"
)


def cn_plate(value: str) -> bool:
    """A plate as it is written."""
    return _PLATE.fullmatch(value) is not None


def _prove_plate(window: str, start: int, end: int) -> Spans:
    text = window[start:end]
    if continues(window, end, "_/-") or not cn_plate(text):
        return
    # 最新VS2019 is no plate, nor is 往北京T12345: in one piece, it needs four digits and no character in front.
    beside_han = start > 0 and "\u4e00" <= window[start - 1] <= "\u9fff"
    plain = not beside_han and sum(map(str.isdigit, text)) >= 4
    if text[2] in "·•・" or plain or cues.PLATE.near(window, start, end):
        yield start, end


def _fake_plate(value: str, noise: Iterator[int]) -> str:
    letters = "ABCDEFGHJK"
    while True:
        tail = "".join(
            digit(noise) if char.isdigit() else digit(noise, letters) if char.isascii() and char.isalpha() else char
            for char in value[2:]
        )
        new = _PROVINCE[int(digits(noise, 4)) % len(_PROVINCE)] + digit(noise, letters[:6]) + tail
        if new != value and cn_plate(new):
            return new


def in_aadhaar(value: str) -> bool:
    """Twelve digits from 2, Verhoeff (Unique Identification Authority of India)."""
    return len(value) == 12 and value[0] in "23456789" and verhoeff(value) and len(set(value)) > 2


def _make_aadhaar(old: str, noise: Iterator[int]) -> str:
    body = digit(noise, "23456789") + digits(noise, 10)
    return body + verhoeff_digit(body)


_PAN = re2.compile(r"[A-Z]{3}[ABCFGHJLPT][A-Z][0-9]{4}[A-Z]")


def in_pan(value: str) -> bool:
    """Three letters, the kind of holder, an initial, four digits, a check letter whose rule is not published.

    Income Tax Department of India, "Structure of PAN".
    """
    return _PAN.fullmatch(value) is not None and value[5:9] != "0000"


def _make_pan(old: str, noise: Iterator[int]) -> str:
    letters = "ABCDEFGHJKLMNPRSTVWXYZ"
    return digits(noise, 3, letters) + old[3] + digit(noise, letters) + digits(noise, 4) + digit(noise, letters)


_RRN_CENTURY = {**dict.fromkeys("1256", 1900), **dict.fromkeys("3478", 2000)}


def kr_rrn(value: str) -> bool:
    """Date of birth, sex and century (foreigners 5-8), place and order, check digit.

    Enforcement Rule of the Resident Registration Act. Numbers given out since October 2020 are random behind the sex,
    so that of a citizen is not asked for its check digit.
    """
    if len(value) != 13 or not is_digits(value) or value[6] not in _RRN_CENTURY:
        return False
    year = _RRN_CENTURY[value[6]] + int(value[:2])
    if not is_date(year, int(value[2:4]), int(value[4:6])):
        return False
    return value[6] in "1234" or kr_rrn_digit(value[:12]) == value[12]


def _make_rrn(old: str, noise: Iterator[int]) -> str:
    body = short_date(noise) + digit(noise, "12") + digits(noise, 5)
    return body + kr_rrn_digit(body)


def th_tnin(value: str) -> bool:
    """Thirteen digits: kind of person 1-8, province, district, group, order, check digit."""
    return len(value) == 13 and value[0] in "12345678" and th_tnin_digit(value[:12]) == value[12]


def _make_tnin(old: str, noise: Iterator[int]) -> str:
    body = digit(noise, "12345678") + digits(noise, 11)
    return body + th_tnin_digit(body)


def tr_national_id(value: str) -> bool:
    """Eleven digits, not from 0, with the right last two."""
    return len(value) == 11 and value[0] != "0" and tr_digits(value[:9]) == value[9:]


def _make_tr(old: str, noise: Iterator[int]) -> str:
    body = digit(noise, "123456789") + digits(noise, 8)
    return body + tr_digits(body)


def sg_fin(value: str) -> bool:
    """S, T (citizens), F, G, M (foreigners), seven digits and their letter."""
    return (
        len(value) == 9
        and value[0] in "STFGM"
        and is_digits(value[1:8])
        and sg_letter(value[0], value[1:8]) == value[8]
    )


def _make_sg(old: str, noise: Iterator[int]) -> str:
    series, body = digit(noise, "STFGM"), digits(noise, 7)
    return series + body + sg_letter(series, body)


def _make_za(old: str, noise: Iterator[int]) -> str:
    body = short_date(noise) + digits(noise, 4) + digit(noise, "01") + "8"
    return body + luhn_digit(body)


CN_RESIDENT_ID = number_detector(
    "cn_resident_id", "Chinese resident identity numbers", cn_resident_id, _make_cn_resident_id,
    proof="mod11-2+date+region", forms={"18", "17X", "6 8 4", "6 8 3X"}, cued={"15"}, cues=cues.CN_ID,
)  # fmt: skip
CN_PASSPORT = code_detector(
    "cn_passport", "Chinese passports and travel permits", cn_passport, _make_passport,
    proof="shape+cue", cues=cues.PASSPORT, alone=False,
)  # fmt: skip
CN_PLATE = Detector(
    kind="cn_plate",
    group="national",
    summary="Chinese vehicle plates",
    pattern=rf"[{_PROVINCE}][A-HJ-NP-Z][·•・. -]?[0-9A-HJ-NP-Z]{{4,6}}[学警挂港澳领]?",
    hint=rf"[{_PROVINCE}][A-HJ-NP-Z][·•・. -]?[0-9A-HJ-NP-Z]{{4}}",
    prove=_prove_plate,
    proof="province+shape",
    placeholder="<CN_PLATE>",
    fake=_fake_plate,
)
IN_AADHAAR = number_detector(
    "in_aadhaar", "Indian Aadhaar numbers", in_aadhaar, _make_aadhaar,
    proof="verhoeff+cue|alone", cued={"12", "4 4 4", "4-4-4"}, cues=cues.AADHAAR,
)  # fmt: skip
IN_PAN = code_detector(
    "in_pan", "Indian permanent account numbers", in_pan, _make_pan,
    proof="shape", pattern=START + r"[A-Za-z]{5}[0-9]{4}[A-Za-z]", hint=r"[A-Za-z]{5}[0-9]{4}[A-Za-z]",
    written=str.isupper, cues=cues.PAN, alone=False,
)  # fmt: skip
KR_RRN = number_detector(
    "kr_rrn", "Korean resident registration numbers", kr_rrn, _make_rrn,
    proof="date+sex", forms={"6-7"}, cued={"13"}, cues=cues.RRN,
)  # fmt: skip
TH_TNIN = number_detector(
    "th_tnin", "Thai identification numbers", th_tnin, _make_tnin,
    proof="mod11", forms={"1-4-5-2-1", "1 4 5 2 1"}, cued={"13"}, cues=cues.THAI_ID,
    # Codes of provinces, ISO 3166-2:TH.
    alone=lambda number: "10" <= number.digits[1:3] <= "96",
)  # fmt: skip
TR_NATIONAL_ID = number_detector(
    "tr_national_id", "Turkish identity numbers", tr_national_id, _make_tr,
    proof="mod10x2+cue|alone", cued={"11"}, cues=cues.TURKISH_ID,
)  # fmt: skip
SG_FIN = code_detector(
    "sg_fin", "Singapore identity numbers", sg_fin, _make_sg,
    proof="mod11", written=str.isupper, cues=cues.SINGAPORE_ID,
)  # fmt: skip
AU_TFN = number_detector(
    "au_tfn", "Australian tax file numbers", au_tfn, lambda old, noise: digits(noise, 9),
    proof="mod11+cue|alone", cued={"9", "3 3 3"}, cues=cues.TFN,
)  # fmt: skip
AU_MEDICARE = number_detector(
    "au_medicare", "Australian Medicare cards", au_medicare, lambda old, noise: digits(noise, len(old)),
    proof="mod10+cue|alone", cued={"10", "11", "4 5 1", "4 5 1 1"}, cues=cues.MEDICARE_AU,
)  # fmt: skip
ZA_ID_NUMBER = number_detector(
    "za_id_number", "South African identity numbers", za_id_number, _make_za,
    proof="luhn+date", forms={"13"}, cued={"6 4 3", "6 4 2 1"}, cues=cues.SOUTH_AFRICAN_ID,
)  # fmt: skip

ASIA = (
    CN_RESIDENT_ID, CN_PLATE, SG_FIN, KR_RRN, ZA_ID_NUMBER, TH_TNIN, TR_NATIONAL_ID, IN_AADHAAR, IN_PAN, AU_MEDICARE,
    AU_TFN, CN_PASSPORT,
)  # fmt: skip
