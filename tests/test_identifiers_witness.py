"""Rules of national numbers, accounts and wallets beside those of python-stdnum, an outside witness."""

from __future__ import annotations

import importlib
import itertools
import re
from collections.abc import Callable
from random import Random

import pytest

from filters.detectors import national_americas, national_asia, national_checks, national_europe
from filters.detectors.catalog import DETECTORS
from filters.detectors.ibans import LENGTHS, is_iban
from filters.detectors.wallets import is_bitcoin_base58

stdnum = pytest.importorskip("stdnum", reason="needs python-stdnum, an extra of development")

# Ours, theirs, a valid number.
CASES: dict[str, tuple[Callable[[str], bool], str, str]] = {
    "au_tfn": (national_checks.au_tfn, "au.tfn", "123456782"),
    "br_cnpj": (national_checks.br_cnpj, "br.cnpj", "11222333000181"),
    "br_cpf": (national_checks.br_cpf, "br.cpf", "11144477735"),
    "btc_address": (is_bitcoin_base58, "bitcoin", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"),
    "ca_sin": (national_americas.ca_sin, "ca.sin", "123456782"),
    "de_steuer_id": (national_europe.de_steuer_id, "de.idnr", "86095742719"),
    "es_dni": (national_checks.es_dni, "es.dni", "54362315K"),
    "es_nie": (national_checks.es_nie, "es.nie", "X2482300W"),
    "fi_personal_identity_code": (national_europe.fi_personal_identity_code, "fi.hetu", "131052-308T"),
    "fr_nir": (national_checks.fr_nir, "fr.nir", "295109912611193"),
    "iban": (is_iban, "iban", "GB82WEST12345698765432"),
    "in_aadhaar": (national_asia.in_aadhaar, "in_.aadhaar", "234123412346"),
    "in_pan": (national_asia.in_pan, "in_.pan", "ACUPA7085R"),
    "it_fiscal_code": (national_europe.it_fiscal_code, "it.codicefiscale", "RCCMNL83S18D969H"),
    "pl_pesel": (national_checks.pl_pesel, "pl.pesel", "44051401359"),
    "se_personnummer": (national_europe.se_personnummer, "se.personnummer", "8803200016"),
    "th_tnin": (national_asia.th_tnin, "th.pin", "1234567890121"),
    "tr_national_id": (national_asia.tr_national_id, "tr.tckimlik", "17291716060"),
    "uk_nhs": (national_checks.uk_nhs, "gb.nhs", "9434765870"),
    "us_ssn": (national_americas.us_ssn, "us.ssn", "536904399"),
    "za_id_number": (national_checks.za_id_number, "za.idnr", "7503305044089"),
}

# Where we differ on purpose: what only we take, and what only the witness takes.
OURS_ONLY: dict[str, Callable[[str], bool]] = {
    # Numbers of 900 and more are temporary, and given out; a date in the future is wrong only on some days.
    "fi_personal_identity_code": lambda value: value[7] == "9" or value[6] in "ABCDEF",
    "se_personnummer": lambda value: int(value[-6:-4]) > 60,  # co-ordination numbers
    "za_id_number": lambda value: value[10] == "2",  # refugees
}
WITNESS_ONLY: dict[str, Callable[[str], bool]] = {
    # Neither man nor woman, no month that is given out, no commune: the witness asks for none of them.
    "fr_nir": lambda value: value[0] not in "123478" or not _is_month(int(value[3:5])) or "000" in value[5:13],
    "in_pan": lambda value: value[3] == "K",  # in no list of the Income Tax Department
    "it_fiscal_code": lambda value: int(value[9:11]) > 71,  # 31 of a month and 40 for a woman
    "pl_pesel": lambda value: int(value[2:4]) > 32,  # born after 2099
    "se_personnummer": lambda value: value[-4:-1] == "000",
    "us_ssn": lambda value: len(set(value)) == 1,
    "za_id_number": lambda value: value[11] not in "89",
    "iban": lambda value: value[2:4] in ("00", "01", "99"),
}


def _is_month(month: int) -> bool:
    return 1 <= month <= 12 or 20 <= month <= 42 or month >= 50


def neighbours(value: str, random: Random) -> set[str]:
    """The number itself, with one or two characters of the same sort changed, and with all last two digits."""
    found = {value}
    for _ in range(300):
        chars = list(value)
        for at in random.sample(range(len(value)), random.choice((1, 2))):
            if chars[at].isalnum():
                chars[at] = random.choice("0123456789" if chars[at].isdigit() else "ABCDEFGHJKLMNPQRSTUVWXYZ")
        found.add("".join(chars))
    if value[-2:].isdigit():
        for _ in range(6):
            body = "".join(random.choice("0123456789") if char.isdigit() else char for char in value[:-2])
            found |= {f"{body}{check:02d}" for check in range(100)}
    return found


@pytest.mark.parametrize("kind", CASES)
def test_the_same_numbers_are_valid(kind: str) -> None:
    ours, name, example = CASES[kind]
    theirs = importlib.import_module(f"stdnum.{name}").is_valid
    assert ours(example) and theirs(example)
    random = Random(kind)
    noise = (random.randrange(256) for _ in itertools.count())
    seeds = [example, *(DETECTORS[kind].fake(example, noise) for _ in range(6))]
    numbers = {value for seed in seeds for value in neighbours(seed, random)}
    if kind == "iban":  # the witness also checks digits within the account parts of some countries
        numbers = {value for value in numbers if value[:2] in ("GB", "DE", "NL", "TR", "SA")}
    both = [value for value in numbers if ours(value) and theirs(value)]
    assert len(both) >= 7
    for value in sorted(numbers):
        if ours(value) and not theirs(value):
            assert kind in OURS_ONLY and OURS_ONLY[kind](value), value
        elif theirs(value) and not ours(value):
            assert kind in WITNESS_ONLY and WITNESS_ONLY[kind](value), value


def test_accounts_are_as_long_as_the_registry_says() -> None:
    registry = importlib.import_module("stdnum.iban")._ibandb
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    lengths = {}
    for country in (a + b for a in letters for b in letters):
        shape = registry.info(country)[0][1].get("bban", "") if registry.info(country) else ""
        if shape:
            lengths[country] = 4 + sum(int(length) for length in re.findall(r"([0-9]+)!", shape))
    assert lengths == LENGTHS
