"""Detectors of national numbers of Europe.

A date or a second check digit makes a number proof enough by itself; one check digit alone (PESEL, NHS, a German tax
number in one piece) does not, and asks for a cue word.
"""

from __future__ import annotations

from collections.abc import Iterator

import re2

from filters.detectors import cues
from filters.detectors.checksums import is_digits, luhn, luhn_digit, mod11_10, mod11_10_digit
from filters.detectors.codes import START, prove_code
from filters.detectors.contract import Detector
from filters.detectors.national_checks import (
    de_id_digit,
    es_dni,
    es_letter,
    es_nie,
    fi_check,
    fr_nir,
    fr_nir_key,
    is_date,
    is_short_date,
    it_fiscal_letter,
    pl_pesel,
    pl_pesel_digit,
    uk_nhs,
)
from filters.detectors.national_kinds import code_detector, number_detector
from filters.detectors.number_fakes import digit, digits, short_date

# HM Revenue & Customs, National Insurance Manual NIM39110: letters that prefixes do not have.
_NINO = re2.compile(r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z][0-9]{6}[A-D]")
_NINO_PREFIXES = frozenset({"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"})
_NINO_FORM = re2.compile(r"[A-Z]{2} ?(?:[0-9]{6}|[0-9]{2} [0-9]{2} [0-9]{2}|[0-9]{3} [0-9]{3}) ?[A-Z]")
_LETTERS = "ABCEGHJKLMNPRSTWXYZ"


def uk_nino(value: str) -> bool:
    """Two letters of those given out, six digits, A to D."""
    return _NINO.fullmatch(value) is not None and value[:2] not in _NINO_PREFIXES


def _make_nino(old: str, noise: Iterator[int]) -> str:
    return digits(noise, 2, _LETTERS) + digits(noise, 6) + digit(noise, "ABCD")


def de_steuer_id(value: str) -> bool:
    """Eleven digits, not from 0, right check digit, and of the first ten exactly one digit twice or three times.

    Abgabenordnung section 139b; Bundeszentralamt für Steuern, "Aufbau der Identifikationsnummer".
    """
    counts = sorted(value[:10].count(char) for char in set(value[:10]))
    return _de_steuer_id_check(value) and counts[-1] in (2, 3) and counts[:-1] == [1] * (len(counts) - 1)


def _de_steuer_id_check(value: str) -> bool:
    return len(value) == 11 and value[0] != "0" and len(set(value[:10])) > 4 and mod11_10(value)


def _make_steuer_id(old: str, noise: Iterator[int]) -> str:
    body = list(digits(noise, 1))
    while len(body) < 9:
        fresh = digit(noise)
        body += [fresh] if fresh not in body else []
    at = int(digit(noise, "12345678"))
    body.insert(at, body[int(digit(noise, "012345678"))])
    return "".join(body) + mod11_10_digit("".join(body))


def _make_dni(old: str, noise: Iterator[int]) -> str:
    body = digits(noise, len(old) - 1)
    return body + es_letter(body)


def _make_nie(old: str, noise: Iterator[int]) -> str:
    series, body = digit(noise, "XYZ"), digits(noise, 7)
    return series + body + es_letter(str("XYZ".index(series)) + body)


def _dni_written(text: str) -> bool:
    # Eight digits that are a day, with a letter behind them, are more often a date.
    return (text[:8].isdigit() and text[-1].isupper()) and not is_date(int(text[:4]), int(text[4:6]), int(text[6:8]))


def _make_nir(old: str, noise: Iterator[int]) -> str:
    month = f"{1 + int(digits(noise, 3)) % 12:02d}"
    body = digit(noise, "12") + digits(noise, 2) + month + f"{1 + int(digits(noise, 3)) % 95:02d}" + digits(noise, 6)
    return body + fr_nir_key(body)


def _make_pesel(old: str, noise: Iterator[int]) -> str:
    body = short_date(noise) + digits(noise, 4)
    return body + pl_pesel_digit(body)


_FI_CENTURY = {"+": 1800, **dict.fromkeys("-YXWVU", 1900), **dict.fromkeys("ABCDEF", 2000)}


def fi_personal_identity_code(text: str) -> bool:
    """Day, month, year, century sign, order, check character, as written.

    Digital and Population Data Services Agency, "The personal identity code"; more century signs since 2023.
    """
    if len(text) != 11 or text[6] not in _FI_CENTURY or not is_digits(text[:6] + text[7:10]):
        return False
    year = _FI_CENTURY[text[6]] + int(text[4:6])
    return is_date(year, int(text[2:4]), int(text[:2])) and text[7:10] > "001" and (
        fi_check(text[:6], text[7:10]) == text[10]
    )  # fmt: skip


def _fake_fi(value: str, noise: Iterator[int]) -> str:
    while True:
        date, order = short_date(noise, "dmy"), digits(noise, 3)
        new = date + value[6].upper() + order + fi_check(date, order)
        if new != value.upper() and fi_personal_identity_code(new):
            return new if value == value.upper() else new.lower()


_FISCAL = re2.compile(r"[A-Z]{6}[0-9][0-9LMNP-V][ABCDEHLMPRST][0-9LMNP-V]{2}[A-Z][0-9LMNP-V]{3}[A-Z]")
_MONTHS = "ABCDEHLMPRST"
_OMOCODIA = {ord(char): str(number) for number, char in enumerate("LMNPQRSTUV")}


def it_fiscal_code(value: str) -> bool:
    """Names, date (a woman's day plus 40), place, check letter; digits may be letters to tell twins apart.

    They are replaced from the right, so the first of the year is taken to be a digit.
    """
    if _FISCAL.fullmatch(value) is None or it_fiscal_letter(value[:15]) != value[15]:
        return False
    year, day = (int(value[at : at + 2].translate(_OMOCODIA)) for at in (6, 9))
    return is_short_date(f"{year:02d}{1 + _MONTHS.index(value[8]):02d}{day - 40 if day > 40 else day:02d}")


def _make_fiscal(old: str, noise: Iterator[int]) -> str:
    day = f"{1 + int(digits(noise, 3)) % 28:02d}"
    body = digits(noise, 6, "BCDFGLMNPRST") + digits(noise, 2) + digit(noise, "ABCDEHLMPRST") + day
    body += digit(noise, "ABCDEFGHL") + digits(noise, 3)
    return body + it_fiscal_letter(body)


def se_personnummer(value: str) -> bool:
    """Ten digits, or twelve with the century: a date (day plus 60 for a co-ordination number), order, Luhn.

    Skatteverket, "Personnummer" (SKV 704).
    """
    if len(value) not in (10, 12) or not luhn(value[-10:]) or value[:-10] not in ("", "18", "19", "20"):
        return False
    day = int(value[-6:-4])
    date = value[-10:-6] + f"{day - 60 if day > 60 else day:02d}"
    return is_short_date(date) and value[-4:-1] != "000"


def _make_personnummer(old: str, noise: Iterator[int]) -> str:
    body = short_date(noise) + digits(noise, 3)
    return ("19" if len(old) == 12 else "") + body + luhn_digit(body)


_ID_CARD = re2.compile(r"[CFGHJ-NPRTV-Z][0-9CFGHJ-NPRTV-Z]{8}[0-9]?")


def de_id_card(value: str) -> bool:
    """The serial number of an identity card, nine letters and digits, perhaps with its check digit as a tenth.

    Verordnung über Personalausweise; ICAO Doc 9303 for the digit.
    """
    return (
        _ID_CARD.fullmatch(value) is not None
        and sum(map(str.isdigit, value)) >= 4
        and (len(value) == 9 or de_id_digit(value[:9]) == value[9])
    )


def _make_id_card(old: str, noise: Iterator[int]) -> str:
    body = old[0] + digits(noise, 8)
    return body + de_id_digit(body) if len(old) == 10 else body


def uk_passport(value: str) -> bool:
    """Two letters and seven digits, with a cue only."""
    return len(value) == 9 and value[:2].isalpha() and is_digits(value[2:])


UK_NINO = code_detector(
    "uk_nino", "United Kingdom national insurance numbers", uk_nino, _make_nino,
    proof="prefix+suffix", pattern=START + r"[A-Za-z]{2} ?(?:[0-9] ?){6}[A-Da-d]", hint=r"(?:[0-9] ?){6}[A-Da-d]",
    written=lambda text: _NINO_FORM.fullmatch(text) is not None, cues=cues.NINO,
)  # fmt: skip
UK_NHS = number_detector(
    "uk_nhs", "United Kingdom health service numbers", uk_nhs, lambda old, noise: digits(noise, 10),
    proof="mod11+cue|alone", cued={"10", "3 3 4", "3-3-4"}, cues=cues.NHS,
)  # fmt: skip
UK_PASSPORT = code_detector(
    "uk_passport", "United Kingdom passports with letters", uk_passport,
    lambda old, noise: digits(noise, 2, _LETTERS) + digits(noise, 7), proof="shape+cue", cues=cues.PASSPORT,
    alone=False,
)  # fmt: skip
DE_STEUER_ID = number_detector(
    "de_steuer_id", "German tax identification numbers", de_steuer_id, _make_steuer_id,
    proof="mod11,10+repeat", forms={"2 3 3 3"}, cued={"11"}, cues=cues.TAX_DE, weak=_de_steuer_id_check,
)  # fmt: skip
DE_ID_CARD = code_detector(
    "de_id_card", "German identity cards", de_id_card, _make_id_card,
    proof="shape+cue", pattern=START + r"[CFGHJ-NPRTV-Z][0-9CFGHJ-NPRTV-Z]{8}[0-9]?",
    hint=r"[CFGHJ-NPRTV-Z][0-9CFGHJ-NPRTV-Z]{8}", cues=cues.DE_ID_CARD, alone=False,
)  # fmt: skip
ES_DNI = code_detector(
    "es_dni", "Spanish identity numbers", es_dni, _make_dni, proof="mod23", written=_dni_written, cues=cues.SPAIN
)
ES_NIE = code_detector(
    "es_nie", "Spanish numbers of foreigners", es_nie, _make_nie, proof="mod23", written=str.isupper, cues=cues.SPAIN
)
FR_NIR = code_detector(
    "fr_nir", "French social security numbers", fr_nir, _make_nir,
    proof="mod97+month",
    pattern=START + r"[1-478] ?[0-9]{2} ?[0-9]{2} ?[0-9][0-9ABab] ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}",
    hint=r"[0-9]{2} ?[0-9][0-9ABab] ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}", written=lambda text: True, cues=cues.NIR,
)  # fmt: skip
PL_PESEL = number_detector(
    "pl_pesel", "Polish population numbers", pl_pesel, _make_pesel,
    proof="mod10+date+cue|alone", cued={"11"}, cues=cues.PESEL,
)  # fmt: skip
IT_FISCAL_CODE = code_detector(
    "it_fiscal_code", "Italian tax codes", it_fiscal_code, _make_fiscal,
    proof="mod26+date",
    pattern=START
    + r"[A-Za-z]{6}[0-9][0-9LMNP-Vlmnp-v][A-Za-z][0-9LMNP-Vlmnp-v]{2}[A-Za-z][0-9LMNP-Vlmnp-v]{3}[A-Za-z]",
    hint=r"[A-Za-z]{3}[0-9][0-9LMNP-Vlmnp-v][A-Za-z][0-9LMNP-Vlmnp-v]{2}[A-Za-z]", written=lambda text: True,
)  # fmt: skip
SE_PERSONNUMMER = number_detector(
    "se_personnummer", "Swedish personal numbers", se_personnummer, _make_personnummer,
    proof="luhn+date", forms={"6-4", "8-4"}, cued={"10", "12"}, cues=cues.PERSONNUMMER,
)  # fmt: skip
FI_PERSONAL_IDENTITY_CODE = Detector(
    kind="fi_personal_identity_code",
    group="national",
    summary="Finnish personal identity codes",
    pattern=START + r"[0-9]{6}[-+A-FU-Ya-fu-y][0-9]{3}[0-9A-FHJ-NPR-Ya-fhj-npr-y]",
    hint=r"[0-9]{6}[-+A-FU-Ya-fu-y][0-9]{3}[0-9A-FHJ-NPR-Ya-fhj-npr-y]",
    prove=prove_code(
        fi_personal_identity_code, lambda text: fi_personal_identity_code(text.upper()), cues.HETU, alone=True
    ),
    proof="mod31+date",
    placeholder="<FI_PERSONAL_IDENTITY_CODE>",
    fake=_fake_fi,
)

EUROPE = (
    IT_FISCAL_CODE, FR_NIR, FI_PERSONAL_IDENTITY_CODE, ES_NIE, ES_DNI, UK_NINO, SE_PERSONNUMMER, DE_STEUER_ID, PL_PESEL,
    UK_NHS, DE_ID_CARD, UK_PASSPORT,
)  # fmt: skip
