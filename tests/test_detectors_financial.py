"""Detectors of cards, accounts and wallets: found in every script, not found with a wrong check, fakes, look-alikes."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.detectors.catalog import DETECTORS
from filters.detectors.financial import FINANCIAL
from filters.detectors.ibans import LENGTHS, is_iban
from filters.detectors.issuers import network
from filters.detectors.keccak import keccak256
from filters.detectors.wallets import is_segwit
from tests.detect import values
from tests.identifier_properties import (
    HARD_NEGATIVES,
    check_fake,
    check_found,
    check_wrong_is_not_found,
)
from tests.strategies_identifiers import FINANCIAL_KINDS
from tests.strategies_surroundings import surroundings

KIND_NAMES = [detector.kind for detector in FINANCIAL]
CARD, IBAN = DETECTORS["payment_card"], DETECTORS["iban"]


def test_every_kind_is_tested() -> None:
    assert sorted(FINANCIAL_KINDS) == sorted(KIND_NAMES)


@pytest.mark.parametrize("kind", KIND_NAMES)
@given(data=st.data())
def test_a_valid_one_is_found_in_every_script(kind: str, data: st.DataObject) -> None:
    check_found(kind, data.draw(FINANCIAL_KINDS[kind].values), data.draw(surroundings()))


@pytest.mark.parametrize("kind", [kind for kind in KIND_NAMES if FINANCIAL_KINDS[kind].checked])
@given(data=st.data())
def test_another_check_character_is_not_found(kind: str, data: st.DataObject) -> None:
    other = data.draw(st.sampled_from(FINANCIAL_KINDS[kind].checked))
    check_wrong_is_not_found(kind, data.draw(FINANCIAL_KINDS[kind].values), data.draw(surroundings()), other)


@pytest.mark.parametrize("kind", KIND_NAMES)
@given(data=st.data(), seed=st.integers(0, 2**32))
def test_a_fake_is_another_one_found_whole(kind: str, data: st.DataObject, seed: int) -> None:
    check_fake(kind, data.draw(FINANCIAL_KINDS[kind].values), data.draw(surroundings()), seed)


@pytest.mark.parametrize("text", HARD_NEGATIVES)
def test_look_alikes_are_left_alone(text: str) -> None:
    for before, after in (("", ""), ("编号", "已登记"), ("see ", " for details"), ("رقم ", "، شكرا")):
        for detector in FINANCIAL:
            assert values(detector, before + text + after) == [], detector.kind


@given(value=FINANCIAL_KINDS["iban"].values, place=st.integers(0, 40), other=st.sampled_from("0123456789"))
def test_an_account_with_another_digit_is_not_found(value: str, place: int, other: str) -> None:
    place %= len(value)
    if value[place].isdigit() and value[place] != other:
        assert values(IBAN, f"({value[:place]}{other}{value[place + 1 :]})") == []


@given(value=FINANCIAL_KINDS["iban"].values)
def test_an_account_that_goes_on_is_not_found(value: str) -> None:
    assert values(IBAN, f"({value}7)") == []
    assert values(IBAN, f"(A{value})") == []


def test_accounts_beside_each_other_and_beside_words() -> None:
    one, two = "DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432"
    assert values(IBAN, f"{one} {two} BIC COBADEFF") == [one, two]
    assert values(IBAN, f"IBAN {one}BIC") == []
    assert values(IBAN, f"IBAN: {one}。") == [one]


# The examples that the SWIFT registry prints for some of its countries.
@pytest.mark.parametrize(
    "value",
    [
        "AL47212110090000000235698741", "AD1200012030200359100100", "BE68539007547034", "BR9700360305000010009795493P1",
        "CH9300762011623852957", "ES9121000418450200051332", "FR1420041010050500013M02606", "GB29NWBK60161331926819",
        "MT84MALT011000012345MTLCAST001S", "NO9386011117947", "SC18SSCB11010000000000001497USD", "XK051212012345678906",
    ],
)  # fmt: skip
def test_published_accounts_are_valid(value: str) -> None:
    assert is_iban(value)
    assert LENGTHS[value[:2]] == len(value)
    assert not is_iban(value[:-1])


# Numbers that the networks and payment services publish for tests.
@pytest.mark.parametrize(
    ("number", "name"),
    [
        ("4111111111111111", "visa"), ("5555555555554444", "mastercard"), ("2223003122003222", "mastercard"),
        ("378282246310005", "amex"), ("6011111111111117", "discover"), ("3530111333300000", "jcb"),
        ("6200000000000005", "unionpay"), ("6205500000000000004", "unionpay"), ("2200000000000004", "mir"),
    ],
)  # fmt: skip
def test_published_cards_are_found(number: str, name: str) -> None:
    assert network(number) == name
    assert values(CARD, f"卡{number}号") == [number]


@pytest.mark.parametrize("number", ["30569309025904", "4222222222222", "122000000000003", "9558801502108764410"])
def test_rare_and_ambiguous_cards_need_a_word(number: str) -> None:
    assert values(CARD, f"see {number}") == []
    assert values(CARD, f"my credit card: {number}") == [number]
    assert values(CARD, f"银行卡号{number}") == [number]


def test_several_cards_on_a_line() -> None:
    text = "4012888888881881 4012-8888-8888-1881 4012 8888 8888 1881"
    assert values(CARD, text) == ["4012888888881881", "4012-8888-8888-1881", "4012 8888 8888 1881"]


def test_a_card_inside_a_wrong_account_number_is_none() -> None:
    assert values(CARD, "RS35 2600 0560 1001 6113 70") == []


# BIP 173 and BIP 350, "Test vectors": invalid addresses.
@pytest.mark.parametrize(
    "address",
    [
        "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5", "bc1qr508d6qejxtdg4y5r3zarvaryvqyzf3du",
        "bc1gmk9yu", "bc1p38j9r5y49hruaue7wxjce0updqjuyyx0kh56v8s25huc6995vvpql3jow4",
        "bc1rw5uspcuf", "BC1QR508D6QEJXTDG4Y5R3ZARVARYV98GJ9P",
        "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd",
        "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7KV8F3T4",
    ],
)  # fmt: skip
def test_published_wrong_addresses(address: str) -> None:
    assert not is_segwit(address)
    assert values(DETECTORS["btc_bech32"], f"地址{address}。") == []


def test_constants_are_no_wallets() -> None:
    assert values(DETECTORS["eth_address"], "0x" + "0" * 39 + "1") == []
    assert values(DETECTORS["eth_address"], "0x7a3d73e021f3555af9edbd7b6c251786ba3a663") == []


@given(st.binary(max_size=300))
def test_keccak_is_sha3_but_for_its_padding(data: bytes) -> None:
    assert keccak256(data, padding=6) == hashlib.sha3_256(data).digest()


# The examples of EIP-55.
@pytest.mark.parametrize("value", [
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB", "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
])  # fmt: skip
def test_the_case_of_an_ethereum_address_is_its_proof(value: str) -> None:
    eth = DETECTORS["eth_address"]
    assert values(eth, f"号{value}。") == [value]
    wrong = "0x" + value[2:].swapcase()
    assert values(eth, wrong) == values(eth, value.lower()) == []
    assert values(eth, f"钱包{wrong}") == [wrong]
    fake = eth.fake(value, iter(range(256)))
    assert values(eth, fake) == [fake] != [value]
