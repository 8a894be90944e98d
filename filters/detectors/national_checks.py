"""Check digits of national numbers. Each takes the number without separators; the source of each rule is named.

Names are those of the detectors' kinds. Only digits and capital letters are expected here: detectors normalise.
"""

from __future__ import annotations

import datetime

from filters.detectors.checksums import is_digits, luhn, luhn_digit, weighted_sum


def is_date(year: int, month: int, day: int) -> bool:
    """Whether the day exists, not before 1800 and not after 2099 (no clock: results do not depend on today)."""
    if not 1800 <= year <= 2099:
        return False
    try:
        datetime.date(year, month, day)
    except ValueError:
        return False
    return True


def is_short_date(yymmdd: str) -> bool:
    """Whether six digits are a day of some century (29 February too)."""
    return is_digits(yymmdd) and is_date(2000 + int(yymmdd[:2]), int(yymmdd[2:4]), int(yymmdd[4:6]))


def _mod11_low(total: int) -> str:
    return str(11 - total % 11 if total % 11 > 1 else 0)


def br_cpf_digits(prefix: str) -> str:
    """Two digits for nine: weights 10..2, then 11..2, modulo 11 (Receita Federal, Instrução Normativa 1548/2015).

    >>> br_cpf_digits("111444777")
    '35'
    """
    first = _mod11_low(weighted_sum(prefix, range(10, 1, -1)))
    return first + _mod11_low(weighted_sum(prefix + first, range(11, 1, -1)))


def br_cpf(value: str) -> bool:
    """Eleven digits, not all the same, with the right last two."""
    return len(value) == 11 and is_digits(value) and len(set(value)) > 1 and br_cpf_digits(value[:9]) == value[9:]


_CNPJ = (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)


def br_cnpj_digits(prefix: str) -> str:
    """Two digits for twelve characters: weights 5..2 9..2, then 6..2 9..2, modulo 11.

    A character counts as its code minus 48, so that letters can be used too, as new numbers from July 2026 have them
    (Receita Federal, Instrução Normativa 2229/2024).

    >>> br_cnpj_digits("112223330001"), br_cnpj_digits("12ABC34501DE")
    ('81', '35')
    """
    values = [ord(char) - 48 for char in prefix]
    for weights in (_CNPJ[1:], _CNPJ):
        total = sum(value * weight for value, weight in zip(values, weights, strict=True))
        values.append(int(_mod11_low(total)))
    return f"{values[-2]}{values[-1]}"


def br_cnpj(value: str) -> bool:
    """Twelve digits or capital letters, not all the same, and their two digits."""
    return (
        len(value) == 14
        and value.isascii()
        and value.isalnum()
        and value == value.upper()
        and len(set(value)) > 1
        and br_cnpj_digits(value[:12]) == value[12:]
    )


_DNI = "TRWAGMYFPDXBNJZSQVHLCKE"


def es_letter(digits: str) -> str:
    """The letter of a DNI, by the remainder of 23 (Ministerio del Interior, "Cálculo del dígito de control del NIF").

    >>> es_letter("12345678")
    'Z'
    """
    return _DNI[int(digits) % 23]


def es_dni(value: str) -> bool:
    """Seven or eight digits and their letter."""
    return len(value) in (8, 9) and is_digits(value[:-1]) and es_letter(value[:-1]) == value[-1]


def es_nie(value: str) -> bool:
    """X, Y or Z, which count as 0, 1, 2, seven digits and their letter.

    >>> es_nie("X1234567L")
    True
    """
    return len(value) == 9 and value[0] in "XYZ" and es_dni(str("XYZ".index(value[0])) + value[1:])


def fr_nir_key(prefix: str) -> str:
    """The two digits of the key: 97 minus the remainder by 97, with 2A as 19 and 2B as 18 (INSEE, "NIR").

    >>> fr_nir_key("2550814168025")
    '38'
    """
    department = {"2A": "19", "2B": "18"}.get(prefix[5:7], prefix[5:7])
    return f"{97 - int(prefix[:5] + department + prefix[7:]) % 97:02d}"


def fr_nir(value: str) -> bool:
    """Fifteen characters: sex, year, month (or 20-42, 50-99 where it is not known), department, commune, order, key."""
    head = value[:5] + value[7:]
    if len(value) != 15 or not is_digits(head) or value[0] not in "123478":
        return False
    if not (is_digits(value[5:7]) or value[5:7] in ("2A", "2B")) or value[5:7] == "00" or value[10:13] == "000":
        return False
    month = int(value[3:5])
    return (1 <= month <= 12 or 20 <= month <= 42 or month >= 50) and fr_nir_key(value[:13]) == value[13:]


def kr_rrn_digit(prefix: str) -> str:
    """The digit for twelve: weights 2..9 2..5, modulo 11. Numbers given out since October 2020 have a random one.

    >>> kr_rrn_digit("900101123456")
    '8'
    """
    return str((11 - weighted_sum(prefix, (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)) % 11) % 10)


def pl_pesel_digit(prefix: str) -> str:
    """The digit for ten: weights 1 3 7 9 repeated, modulo 10 (Ustawa o ewidencji ludności, art. 15).

    >>> pl_pesel_digit("4405140135")
    '9'
    """
    return str(-weighted_sum(prefix, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)) % 10)


def pl_pesel(value: str) -> bool:
    """Eleven digits: a date whose month tells the century (80 for 1800, 0 for 1900, 20 for 2000), order, check."""
    if len(value) != 11 or not is_digits(value):
        return False
    century, month = divmod(int(value[2:4]), 20)
    year = (1900, 2000, 2100, 2200, 1800)[century] + int(value[:2])
    return is_date(year, month, int(value[4:6])) and pl_pesel_digit(value[:10]) == value[10]


def tr_digits(prefix: str) -> str:
    """Two digits for nine: seven times the odd places less the even ones, modulo 10; then the sum of all ten.

    >>> tr_digits("100000001")
    '46'
    """
    numbers = [int(digit) for digit in prefix]
    tenth = (7 * sum(numbers[::2]) - sum(numbers[1::2])) % 10
    return f"{tenth}{(sum(numbers) + tenth) % 10}"


def th_tnin_digit(prefix: str) -> str:
    """The digit for twelve: weights 13..2, 11 minus the remainder by 11 (Bureau of Registration Administration).

    >>> th_tnin_digit("123456789012")
    '1'
    """
    return str((11 - weighted_sum(prefix, range(13, 1, -1)) % 11) % 10)


def uk_nhs(value: str) -> bool:
    """Ten digits: weights 10..2 and 1, modulo 11 (NHS Data Dictionary, "NHS NUMBER").

    >>> uk_nhs("9434765919")
    True
    """
    return len(value) == 10 and is_digits(value) and weighted_sum(value, range(10, 0, -1)) % 11 == 0


def au_tfn(value: str) -> bool:
    """Nine digits: weights 1 4 3 7 5 8 6 9 10, modulo 11 (Australian Taxation Office).

    >>> au_tfn("123456782")
    True
    """
    return len(value) == 9 and is_digits(value) and weighted_sum(value, (1, 4, 3, 7, 5, 8, 6, 9, 10)) % 11 == 0


def au_medicare(value: str) -> bool:
    """Ten digits (a card's issue number last), or eleven with the person's: weights 1 3 7 9 1 3 7 9, modulo 10.

    >>> au_medicare("2123456701")
    True
    """
    if len(value) not in (10, 11) or not is_digits(value) or value[0] not in "23456" or value[9] == "0":
        return False
    return weighted_sum(value, (1, 3, 7, 9, 1, 3, 7, 9)) % 10 == int(value[8])


def za_id_number(value: str) -> bool:
    """Thirteen digits: date, order, citizen (0), resident (1) or refugee (2), 8 or 9, Luhn.

    Department of Home Affairs; Identification Act 68 of 1997.

    >>> za_id_number("8001015009087")
    True
    """
    return len(value) == 13 and is_short_date(value[:6]) and value[10] in "012" and value[11] in "89" and luhn(value)


def us_npi(value: str) -> bool:
    """Ten digits from 1 or 2 with the Luhn digit of 80840 and the first nine (45 CFR 162.406).

    >>> us_npi("1234567893")
    True
    """
    return len(value) == 10 and is_digits(value) and value[0] in "12" and luhn_digit("80840" + value[:9]) == value[9]


FI_CHECK = "0123456789ABCDEFHJKLMNPRSTUVWXY"


def fi_check(ddmmyy: str, order: str) -> str:
    """The check character of a date and an order number, by the remainder of 31.

    Digital and Population Data Services Agency, "The personal identity code".

    >>> fi_check("131052", "308")
    'T'
    """
    return FI_CHECK[int(ddmmyy + order) % 31]


_ODD_VALUES = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)
_ODD = {
    **{chr(65 + i): value for i, value in enumerate(_ODD_VALUES)},
    **{str(i): value for i, value in enumerate(_ODD_VALUES[:10])},
}
_EVEN = {**{str(digit): digit for digit in range(10)}, **{chr(65 + i): i for i in range(26)}}


def it_fiscal_letter(prefix: str) -> str:
    """The last letter of a codice fiscale, for fifteen characters (Decreto Ministeriale 23 December 1976).

    >>> it_fiscal_letter("MRTMTT25D09F205")
    'Z'
    """
    total = sum(_ODD[char] for char in prefix[::2]) + sum(_EVEN[char] for char in prefix[1::2])
    return chr(65 + total % 26)


_SG = {"S": (0, "JZIHGFEDCBA"), "T": (4, "JZIHGFEDCBA"), "F": (0, "XWUTRQPNMLK"), "G": (4, "XWUTRQPNMLK")}
_SG["M"] = (3, "KLJNPQRTUWX")


def sg_letter(series: str, digits: str) -> str:
    """The last letter of a Singapore NRIC or FIN: weights 2 7 6 5 4 3 2, an offset by series, modulo 11.

    The authority does not publish the rule; this one is generally used, and tested on published examples.

    >>> sg_letter("S", "2740116")
    'C'
    """
    offset, letters = _SG[series]
    remainder = (offset + weighted_sum(digits, (2, 7, 6, 5, 4, 3, 2))) % 11
    return letters[10 - remainder] if series == "M" else letters[remainder]


def de_id_digit(prefix: str) -> str:
    """The digit for a serial number: weights 7 3 1, A=10 ... Z=35, modulo 10 (ICAO Doc 9303-3, 4.9)."""
    total = sum(int(char, 36) * weight for char, weight in zip(prefix, (7, 3, 1) * 3, strict=False))
    return str(total % 10)
