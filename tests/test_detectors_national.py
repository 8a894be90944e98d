"""Detectors of national numbers: found in every script, not found with a wrong check or without a cue, look-alikes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.detectors.catalog import DETECTORS
from filters.detectors.national import NATIONAL
from tests.detect import values
from tests.identifier_properties import (
    HARD_NEGATIVES,
    check_fake,
    check_found,
    check_needs_cue,
    check_wrong_is_not_found,
)
from tests.strategies_national import NATIONAL_KINDS
from tests.strategies_surroundings import surroundings

KIND_NAMES = [detector.kind for detector in NATIONAL]


def test_every_kind_is_tested() -> None:
    assert sorted(NATIONAL_KINDS) == sorted(KIND_NAMES)


@pytest.mark.parametrize("kind", KIND_NAMES)
@given(data=st.data())
def test_a_valid_one_is_found_in_every_script(kind: str, data: st.DataObject) -> None:
    check_found(kind, data.draw(NATIONAL_KINDS[kind].values), data.draw(surroundings()))


@pytest.mark.parametrize("kind", [kind for kind in KIND_NAMES if NATIONAL_KINDS[kind].checked])
@given(data=st.data())
def test_another_check_character_is_not_found(kind: str, data: st.DataObject) -> None:
    other = data.draw(st.sampled_from(NATIONAL_KINDS[kind].checked))
    check_wrong_is_not_found(kind, data.draw(NATIONAL_KINDS[kind].values), data.draw(surroundings()), other)


@pytest.mark.parametrize("kind", [kind for kind in KIND_NAMES if NATIONAL_KINDS[kind].cue])
@given(data=st.data())
def test_a_weak_proof_needs_a_cue(kind: str, data: st.DataObject) -> None:
    value = data.draw(NATIONAL_KINDS[kind].values.filter(lambda value: not (kind == "de_steuer_id" and " " in value)))
    check_needs_cue(kind, value)


@pytest.mark.parametrize("kind", KIND_NAMES)
@given(data=st.data(), seed=st.integers(0, 2**32))
def test_a_fake_is_another_one_found_whole(kind: str, data: st.DataObject, seed: int) -> None:
    check_fake(kind, data.draw(NATIONAL_KINDS[kind].values), data.draw(surroundings()), seed)


@pytest.mark.parametrize("text", HARD_NEGATIVES)
def test_look_alikes_are_left_alone(text: str) -> None:
    for before, after in (("", ""), ("编号", "已登记"), ("see ", " for details"), ("رقم ", "، شكرا")):
        for detector in NATIONAL:
            assert values(detector, before + text + after) == [], detector.kind


@pytest.mark.parametrize("kind", KIND_NAMES)
def test_a_placeholder_holds_nothing_to_find(kind: str) -> None:
    for detector in DETECTORS.values():
        assert values(detector, DETECTORS[kind].placeholder) == []


# Published numbers, in a sentence each; the agency or the page that prints them is named where it is one.
@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("cn_resident_id", "身份证号11010519491231002X。", "11010519491231002X"),  # GB 11643, example
        ("cn_resident_id", "身份证：440524188001010014", "440524188001010014"),  # GB 11643, example
        ("cn_resident_id", "身份证号 610104620927690", "610104620927690"),
        ("cn_plate", "车牌号京A12345", "京A12345"),
        ("cn_plate", "（粤B·12345D）", "粤B·12345D"),
        ("cn_passport", "护照号码：E12345678", "E12345678"),
        ("us_ssn", "SSN 536904399", "536904399"),
        ("us_ssn", "사회보장번호 536 90 4399", "536 90 4399"),
        ("us_itin", "ITIN 912701234", "912701234"),
        ("us_mbi", "MBI 1eg4-te5-mk73", "1eg4-te5-mk73"),  # Centers for Medicare & Medicaid Services
        ("ca_sin", "mon NAS: 130 692 544", "130 692 544"),
        ("br_cpf", "o CPF 11144477735", "11144477735"),
        ("br_cnpj", "CNPJ 12.ABC.345/01DE-35", "12.ABC.345/01DE-35"),  # Receita Federal
        ("br_cnpj", "CNPJ 11222333000181", "11222333000181"),
        ("uk_nino", "nino: ab 12 34 56 c", "ab 12 34 56 c"),
        ("uk_nhs", "NHS number 943 476 5919", "943 476 5919"),  # NHS Data Dictionary
        ("de_steuer_id", "IdNr. 86095742719 liegt vor", "86095742719"),  # Bundeszentralamt für Steuern
        ("de_steuer_id", "65 929 970 489", "65 929 970 489"),
        ("es_dni", "DNI 12345678-z", "12345678-z"),
        ("es_nie", "NIE X1234567L", "X1234567L"),
        ("fr_nir", "n° 2 55 08 14 168 025 38", "2 55 08 14 168 025 38"),  # Wikipedia
        ("pl_pesel", "PESEL 44051401359", "44051401359"),  # Wikipedia
        ("it_fiscal_code", "c.f. MRTMTT25D09F205Z", "MRTMTT25D09F205Z"),  # Wikipedia
        ("fi_personal_identity_code", "131052-308T", "131052-308T"),  # Digital and Population Data Services Agency
        ("se_personnummer", "811218-9876", "811218-9876"),  # Skatteverket
        ("se_personnummer", "199109242397 är mitt pnr.", "199109242397"),
        ("kr_rrn", "주민등록번호 9601211021413", "9601211021413"),
        ("th_tnin", "เลขประจำตัวประชาชน: 3456789012347", "3456789012347"),
        ("tr_national_id", "TCKN numarası 10000000146", "10000000146"),
        ("sg_fin", "S9108268C", "S9108268C"),
        ("au_tfn", "TFN 876 543 210", "876 543 210"),
        ("za_id_number", "8001015009087", "8001015009087"),
        ("us_npi", "NPI 1234567893", "1234567893"),
        ("in_pan", "पैन ABCPE1234F", "ABCPE1234F"),
    ],
)  # fmt: skip
def test_published_numbers_are_found(kind: str, text: str, value: str) -> None:
    assert values(DETECTORS[kind], text) == [value]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("us_ssn", "SSN 000-12-3456"), ("us_ssn", "SSN 666-12-3456"), ("us_ssn", "SSN 900-12-3456"),
        ("us_ssn", "SSN 123-00-3456"), ("us_ssn", "SSN 123-45-0000"), ("us_ssn", "SSN 078-05-1120"),
        ("us_itin", "ITIN 911-89-1234"), ("us_itin", "ITIN 911-93-1234"), ("us_itin", "ITIN 811-70-1234"),
        ("uk_nino", "NINO FQ 00 00 00 C"), ("uk_nino", "NINO BG123612A"), ("uk_nino", "NINO AA 12 34 56 H"),
        ("cn_resident_id", "111111199901101512"), ("cn_resident_id", "440308199902301512"),
        ("cn_passport", "护照 A1234567"), ("cn_plate", "京I·12345"), ("cn_plate", "京A·1234O"),
        ("in_pan", "ABCDE1234F"), ("in_aadhaar", "Aadhaar 1234 5678 9012"), ("ca_sin", "SIN 046 454 286"),
        ("kr_rrn", "001332-1234567"), ("kr_rrn", "760413-5212134"), ("fi_personal_identity_code", "310289-211C"),
        ("se_personnummer", "19001309-2393"), ("za_id_number", "8001015009176"), ("br_cpf", "111.111.111-11"),
        ("us_mbi", "1SG4-TE5-MK73"), ("de_id_card", "Ausweis CHRONYMXY"), ("tr_national_id", "TCKN 02531814694"),
    ],
)  # fmt: skip
def test_what_was_never_given_out_is_not_found(kind: str, text: str) -> None:
    assert values(DETECTORS[kind], text) == []


def test_a_cue_must_be_near_and_a_whole_word() -> None:
    detector = DETECTORS["ca_sin"]
    assert values(detector, "the SIN is 130 692 544") == ["130 692 544"]
    assert values(detector, "130 692 544 is my SIN") == ["130 692 544"]
    assert values(detector, "130 692 544\nSIN") == []
    assert values(detector, "using 130 692 544") == []
    assert values(detector, "SIN" + " far" * 20 + " 130 692 544") == []


WHOLE = {
    "au_medicare": "2123 45670 1", "au_tfn": "876 543 210", "ca_sin": "130692544", "cn_resident_id": "610104620927690",
    "de_steuer_id": "86095742719", "es_dni": "55555555k", "es_nie": "x9613851n", "in_aadhaar": "2341 2341 2346",
    "kr_rrn": "9601211234567", "pl_pesel": "44051401458", "se_personnummer": "199201232387", "th_tnin": "1234567890121",
    "tr_national_id": "36493665440", "uk_nhs": "221 395 1837", "uk_nino": "tw987654a", "us_mbi": "1eg4-te5-mk73",
    "us_npi": "1245319599", "us_ssn": "078 05 1123", "br_cpf": "11144477735",
}  # fmt: skip
"""Values that need a cue, unless they are all there is of a text."""


@pytest.mark.parametrize("kind", WHOLE)
def test_a_checked_number_that_is_the_whole_text_needs_no_cue(kind: str) -> None:
    detector, value = DETECTORS[kind], WHOLE[kind]
    assert values(detector, value) == values(detector, f" \n{value}\n") == [value]
    for beside in (f"{value} ok", f"号{value}", f"{value}\n{value}", f"x {value}"):
        assert values(detector, beside) == []


@pytest.mark.parametrize(
    ("kind", "value"),
    [("us_ssn", "536904399"), ("us_itin", "912803456"), ("uk_passport", "AB1234567"), ("cn_passport", "E12345678"),
     ("de_id_card", "C01234565"), ("au_tfn", "000000000"), ("us_npi", "1111111112"), ("th_tnin", "1974567890124"),
     ("de_steuer_id", "12345678903"), ("in_pan", "abcpe1234f")],
)  # fmt: skip
def test_without_a_check_or_without_three_digits_it_does(kind: str, value: str) -> None:
    assert values(DETECTORS[kind], value) == []


def test_detectors_of_digits_share_one_search() -> None:
    shared = {detector.pattern for detector in NATIONAL if detector.pattern == DETECTORS["payment_card"].pattern}
    assert len(shared) == 1
    assert len({detector.pattern for detector in NATIONAL}) <= 12
