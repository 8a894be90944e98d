"""Detectors of national numbers of the United States, Canada and Brazil.

United States numbers have no check digit (but for providers): the hyphens are their proof, or a cue word. One in ten
numbers passes a Luhn digit, so Canada's and providers' numbers always need a cue.
"""

from __future__ import annotations

from collections.abc import Iterator

import re2

from filters.detectors import cues
from filters.detectors.checksums import is_digits, luhn, luhn_digit
from filters.detectors.codes import START
from filters.detectors.national_checks import br_cnpj, br_cnpj_digits, br_cpf, br_cpf_digits, us_npi
from filters.detectors.national_kinds import code_detector, number_detector
from filters.detectors.number_fakes import digit, digits

# Printed on a wallet insert and in an advertisement, used by thousands (Social Security Administration, "SSN misused").
_SSN_VOID = frozenset({"078051120", "219099999"})


def us_ssn(value: str) -> bool:
    """Area not 000, 666 or 9xx, group not 00, serial not 0000.

    Social Security Administration, "SSN Randomization" (2011).
    """
    return (
        len(value) == 9
        and is_digits(value)
        and value[:3] not in ("000", "666")
        and value[0] != "9"
        and value[3:5] != "00"
        and value[5:] != "0000"
        and len(set(value)) > 1
        and value not in _SSN_VOID
    )


def us_itin(value: str) -> bool:
    """9xx, group 50-65, 70-88, 90-92 or 94-99 (Internal Revenue Service, Publication 1915 and IRM 3.21.263)."""
    if len(value) != 9 or not is_digits(value) or value[0] != "9":
        return False
    group = int(value[3:5])
    return 50 <= group <= 65 or 70 <= group <= 88 or (90 <= group <= 99 and group != 93)


def ca_sin(value: str) -> bool:
    """Nine digits, Luhn, not from 0 (unused) or 8 (business numbers) (Employment and Social Development Canada)."""
    return len(value) == 9 and luhn(value) and value[0] not in "08" and len(set(value)) > 1


def _make_itin(old: str, noise: Iterator[int]) -> str:
    return "9" + digits(noise, 8)


def _make_luhn9(old: str, noise: Iterator[int]) -> str:
    body = digit(noise, "12345679") + digits(noise, 7)
    return body + luhn_digit(body)


def _make_npi(old: str, noise: Iterator[int]) -> str:
    body = digit(noise, "12") + digits(noise, 8)
    return body + luhn_digit("80840" + body)


def _make_cpf(old: str, noise: Iterator[int]) -> str:
    body = digits(noise, 9)
    return body + br_cpf_digits(body)


def _make_cnpj(old: str, noise: Iterator[int]) -> str:
    letters = "ABCDEFGHJKLMNPRSTVWXYZ"
    body = "".join(digit(noise) if char.isdigit() else digit(noise, letters) for char in old[:8]) + old[8:12]
    return body + br_cnpj_digits(body)


# Centers for Medicare & Medicaid Services, "Understanding the MBI format": letters without S, L, O, I, B, Z.
_L = "AC-HJKMNP-RT-Y"
_MBI = re2.compile(f"[1-9][{_L}][0-9{_L}][0-9][{_L}][0-9{_L}][0-9][{_L}][{_L}][0-9][0-9]")
_MBI_LETTERS = "ACDEFGHJKMNPQRTUVWXY"


def us_mbi(value: str) -> bool:
    """Eleven letters and digits, each place with its own set; no check digit."""
    return _MBI.fullmatch(value) is not None


def _make_mbi(old: str, noise: Iterator[int]) -> str:
    return "".join(digit(noise) if char.isdigit() else digit(noise, _MBI_LETTERS) for char in old)


US_SSN = number_detector(
    "us_ssn", "United States social security numbers", us_ssn, lambda old, noise: digits(noise, 9),
    proof="area+group+serial", forms={"3-2-4"}, cued={"9", "3 2 4", "3.2.4"}, cues=cues.SSN,
    alone=lambda number: number.form != "9",
)  # fmt: skip
US_ITIN = number_detector(
    "us_itin", "United States individual taxpayer numbers", us_itin, _make_itin,
    proof="area+group", forms={"3-2-4"}, cued={"9", "3 2 4"}, cues=cues.ITIN,
    alone=lambda number: number.form != "9",
)  # fmt: skip
US_NPI = number_detector(
    "us_npi", "United States provider numbers", us_npi, _make_npi,
    proof="luhn+cue|alone", cued={"10", "4-3-3", "4 3 3"}, cues=cues.NPI,
)  # fmt: skip
US_MBI = code_detector(
    "us_mbi", "United States Medicare beneficiary numbers", us_mbi, _make_mbi,
    proof="shape", pattern=START + r"[1-9][A-Za-z][0-9A-Za-z][0-9]-?[A-Za-z][0-9A-Za-z][0-9]-?[A-Za-z]{2}[0-9]{2}",
    hint=r"[1-9][A-Za-z][0-9A-Za-z][0-9]-?[A-Za-z]", written=lambda text: text.count("-") in (0, 2) and text.isupper(),
    cues=cues.MEDICARE_US,
)  # fmt: skip
CA_SIN = number_detector(
    "ca_sin", "Canadian social insurance numbers", ca_sin, _make_luhn9,
    proof="luhn+cue|alone", cued={"9", "3 3 3", "3-3-3"}, cues=cues.SIN,
)  # fmt: skip
BR_CPF = number_detector(
    "br_cpf", "Brazilian taxpayers, persons", br_cpf, _make_cpf,
    proof="mod11x2", forms={"3.3.3-2"}, cued={"11", "9-2", "3 3 3 2", "3.3.3.2", "3-3-3-2"}, cues=cues.CPF,
)  # fmt: skip
BR_CNPJ = code_detector(
    "br_cnpj", "Brazilian taxpayers, companies", br_cnpj, _make_cnpj,
    proof="mod11x2", pattern=START + r"(?:[0-9A-Z]{2}\.?[0-9A-Z]{3}\.?[0-9A-Z]{3}/[0-9A-Z]{4}-?[0-9]{2}|[0-9]{14})",
    hint=r"[0-9A-Z]{3}/[0-9A-Z]{4}-?[0-9]{2}|[0-9]{14}", written=lambda text: text[10:11] == "/" and text[15:16] == "-",
    cues=cues.CNPJ,
)  # fmt: skip

AMERICAS = (BR_CNPJ, BR_CPF, US_ITIN, US_SSN, US_MBI, US_NPI, CA_SIN)
