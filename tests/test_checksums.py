"""Check digits against equations written another way, and against numbers that others publish."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.detectors import checksums, national_checks, wallets
from filters.detectors.cues import Cues
from filters.detectors.digit_runs import FORMS, numbers, prove_numbers
from filters.detectors.number_fakes import digit, written_like
from tests import reference_identifiers as ref
from tests.strategies_identifiers import digits


@given(value=st.text("0123456789", min_size=2, max_size=24))
def test_general_schemes_agree_with_their_equations(value: str) -> None:
    assert checksums.luhn(value) == ref.luhn(value)
    assert checksums.verhoeff(value) == ref.verhoeff(value)
    assert checksums.mod11_10(value) == ref.mod11_10(value)
    assert checksums.mod11_2(value) == ref.mod11_2(value)
    assert ref.luhn(value + checksums.luhn_digit(value))
    assert ref.verhoeff(value + checksums.verhoeff_digit(value))
    assert ref.mod11_10(value + checksums.mod11_10_digit(value))
    assert ref.mod11_2(value + checksums.mod11_2_digit(value))


@given(value=st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=40))
def test_mod97_agrees_with_a_running_remainder(value: str) -> None:
    assert checksums.mod97(value) == ref.mod97(value)


NATIONAL: list[tuple[Callable[[str], str], Callable[[str], bool], int]] = [
    (national_checks.br_cpf_digits, ref.cpf, 9),
    (national_checks.br_cnpj_digits, ref.cnpj, 12),
    (national_checks.es_letter, ref.dni, 8),
    (national_checks.fr_nir_key, ref.nir, 13),
    (national_checks.kr_rrn_digit, ref.rrn, 12),
    (national_checks.pl_pesel_digit, ref.pesel, 10),
    (national_checks.tr_digits, ref.turkish, 9),
    (national_checks.th_tnin_digit, ref.thai, 12),
]


@pytest.mark.parametrize(("complete", "valid", "length"), NATIONAL, ids=lambda value: getattr(value, "__name__", None))
@given(data=st.data())
def test_national_digits_solve_their_equation(
    complete: Callable[[str], str], valid: Callable[[str], bool], length: int, data: st.DataObject
) -> None:
    prefix = data.draw(digits(length))
    assert valid(prefix + complete(prefix))


@given(series=st.sampled_from("STFGM"), number=digits(7))
def test_singapore_letters_solve_their_equation(series: str, number: str) -> None:
    assert ref.nric(series + number + national_checks.sg_letter(series, number))


@given(value=st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=15, max_size=15))
def test_italian_letters_agree_with_the_printed_table(value: str) -> None:
    assert ref.fiscal(value + national_checks.it_fiscal_letter(value))


@given(value=digits(10, "23456"))
def test_australian_cards_agree_with_their_equation(value: str) -> None:
    """The issue number, last, is not checked, but it is no 0."""
    assert national_checks.au_medicare(value) == (ref.medicare(value) and value[9] != "0")


@given(value=digits(10))
def test_weighted_numbers_agree_with_their_equations(value: str) -> None:
    assert national_checks.uk_nhs(value) == ref.nhs(value)
    assert national_checks.au_tfn(value[:9]) == ref.tfn(value[:9])
    assert national_checks.us_npi(value) == (value[0] in "12" and ref.npi(value))


PUBLISHED: list[tuple[Callable[[str], bool], str]] = [
    (checksums.luhn, "79927398713"),  # Wikipedia
    (checksums.mod11_2, "0000000218250097"),  # ORCID, "Structure of the ORCID Identifier"
    (checksums.mod11_2, "11010519491231002X"),  # GB 11643
    (checksums.mod11_10, "65929970489"),  # Bundeszentralamt für Steuern
    (checksums.mod11_10, "86095742719"),
    (checksums.verhoeff, "2363"),  # Wikipedia
    (checksums.verhoeff, "123451"),
    (national_checks.br_cpf, "11144477735"),
    (national_checks.br_cnpj, "11222333000181"),
    (national_checks.br_cnpj, "12ABC34501DE35"),  # Receita Federal, new numbers with letters
    (national_checks.es_dni, "12345678Z"),
    (national_checks.es_nie, "X1234567L"),
    (national_checks.fr_nir, "255081416802538"),  # Wikipedia
    (national_checks.pl_pesel, "44051401359"),  # Wikipedia
    (national_checks.uk_nhs, "9434765919"),  # NHS Data Dictionary
    (national_checks.au_tfn, "123456782"),
    (national_checks.za_id_number, "8001015009087"),
    (national_checks.us_npi, "1234567893"),  # Centers for Medicare & Medicaid Services
    (wallets.is_bitcoin_base58, "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"),  # the first block
    (wallets.is_bitcoin_base58, "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy"),
    (wallets.is_segwit, "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4"),  # BIP 173
    (wallets.is_segwit, "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0"),  # BIP 350
]  # fmt: skip


@pytest.mark.parametrize(("check", "value"), PUBLISHED)
def test_published_numbers_pass_and_their_neighbours_do_not(check: Callable[[str], bool], value: str) -> None:
    assert check(value)
    for place, char in enumerate(value):
        if char.isdigit():
            other = str((int(char) + 1) % 10)
            assert not check(value[:place] + other + value[place + 1 :]), place


@pytest.mark.parametrize(
    "check", list(dict.fromkeys(check for check, _ in PUBLISHED)), ids=lambda check: check.__name__
)
@pytest.mark.parametrize("value", ["", "x", "１２３４５６７８９０", "-1", "12 34", "\u0661\u0662\u0663", "A" * 14])
def test_anything_else_is_wrong_and_no_error(check: Callable[[str], bool], value: str) -> None:
    assert not check(value)


@given(version=st.sampled_from([0, 5, 111]), body=st.binary(min_size=20, max_size=20))
def test_base58check_agrees_with_long_division_and_comes_back(version: int, body: bytes) -> None:
    payload = bytes([version]) + body
    text = wallets.base58check_encode(payload)
    assert text == ref.base58check(version, body)
    assert wallets.base58check_decode(text) == payload
    assert wallets.is_bitcoin_base58(text) == (version in (0, 5))


@given(program=st.lists(st.integers(0, 31), min_size=32, max_size=32), version=st.integers(0, 16))
def test_bech32_finds_every_single_error(program: list[int], version: int) -> None:
    """BIP 173 promises that any one wrong character is found."""
    address = wallets.bech32_encode("bc", [version, *program])
    assert wallets.is_segwit(address)
    for place in range(3, len(address)):
        other = "q" if address[place] != "q" else "p"
        assert not wallets.is_segwit(address[:place] + other + address[place + 1 :])


@given(number=st.text("0123456789", min_size=9, max_size=19))
def test_a_number_in_one_piece_is_read_as_it_is(number: str) -> None:
    assert [(n.digits, n.form) for n in numbers(f"第{number}号", 1, 1 + len(number))] == [(number, str(len(number)))]


def _all_readings(text: str) -> set[tuple[int, int]]:
    """Every way to read groups between spaces as a number, by looking at all of them."""
    words = text.split(" ")
    starts = [sum(len(word) + 1 for word in words[:at]) for at in range(len(words))]
    found = set()
    for i in range(len(words)):
        for j in range(i, len(words)):
            form = " ".join(str(len(word)) for word in words[i : j + 1])
            whole = i == j and len(words[i]) >= 9
            before = i > 0 and len(words[i - 1]) == len(words[i]) and len(words[i]) < 9
            behind = j < len(words) - 1 and len(words[j + 1]) == len(words[j]) and j > i
            if form in FORMS and not before and not (behind and not whole):
                found.add((starts[i], starts[j] + len(words[j])))
    return found


@given(lengths=st.lists(st.sampled_from([1, 2, 3, 4, 5, 6, 9, 13, 16]), min_size=1, max_size=12))
def test_readings_of_a_row_of_groups_are_all_and_only_those_of_brute_force(lengths: list[int]) -> None:
    text = " ".join("7" * length for length in lengths)
    assert {(n.start, n.end) for n in numbers(text, 0, len(text))} == _all_readings(text)


def test_a_form_that_is_never_read_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"'5 5'"):
        prove_numbers(str.isdigit, {"5 5"})


def test_cues_are_whole_words_in_latin_and_anywhere_in_other_scripts() -> None:
    cues = Cues("PAN", "пасп", "护照")
    for text in ("pan: 1", "号PAN1", "паспорт 1", "持护照1", "PAN\n1"):
        assert cues.near(text, len(text) - 1, len(text)), text
    for text in ("span 1", "PANs 1", "японский 1", "护 照1", "1"):
        assert not cues.near(text, len(text) - 1, len(text)), text


@given(noise=st.lists(st.integers(0, 255), min_size=50, max_size=50))
def test_a_random_digit_is_of_its_alphabet(noise: list[int]) -> None:
    assert digit(iter([*noise, 0]), "abc") in "abc"


def test_every_choice_is_as_likely() -> None:
    """All bytes once: those above the largest multiple are thrown away, the others fall evenly."""
    counts = dict.fromkeys("0123456789", 0)
    for byte in range(250):
        counts[digit(iter([byte]))] += 1
    assert set(counts.values()) == {25}
    assert digit(iter([250, 255, 3])) == "3"


def test_separators_and_case_are_kept() -> None:
    assert written_like("a-1 b", "X2Y") == "x-2 y"
    assert written_like("A-1 b", "X2Y") == "X-2 Y"
