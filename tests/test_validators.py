"""Checks that a recipe's own kinds can name: published values, other libraries' judgement, one wrong character."""

from __future__ import annotations

import importlib
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.detectors.custom import custom_detector
from filters.detectors.validators import VALIDATORS
from filters.errors import RecipeError
from tests.detect import values

VALID = {
    "base58check": ["1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ"],
    "bech32": ["bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "A12UEL5L",
               "split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w"],
    "ean": ["4006381333931", "73513537", "400-6381-333931"],
    "eip55": ["0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"],
    "entropy": ["9f8a7c6b5e4d3021"],
    "iban": ["DE89370400440532013000", "gb82 WEST 1234 5698 7654 32"],
    "ip": ["192.0.2.1", "2001:db8::1"],
    "isbn": ["978-0-306-40615-7", "0-8044-2957-X"],
    "luhn": ["79927398713", "7992 7398 713"],
    "mod11": ["0306406152", "943 476 5919"],
    "mod11_10": ["86095742719"],
    "mod11_2": ["0000-0002-1825-0097", "0000-0001-5109-3700", "11010519491231002x"],
    "mod97": ["529900T8BM49AURSDO55", "5299 00T8 BM49 AURS DO55"],
    "none": ["anything"],
    "verhoeff": ["2363"],
}  # fmt: skip
"""Published examples: Bitcoin wiki, BIP 173, EIP-55, ISO 7064, ORCID's documentation, GLEIF, and as in the checks."""

INVALID = {
    "base58check": "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb", "bech32": "A12UEL5M", "ean": "4006381333932",
    "eip55": "0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "entropy": "aaaabbbb", "iban": "DE88370400440532013000",
    "ip": "192.0.2.256", "isbn": "978-0-306-40615-8", "luhn": "79927398710", "mod11": "0306406153",
    "mod11_10": "86095742718", "mod11_2": "0000-0002-1825-0098", "mod97": "529900T8BM49AURSDO54", "verhoeff": "2364",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(VALIDATORS))
def test_a_kind_with_a_validator_finds_what_it_says_is_right(name: str) -> None:
    detector = custom_detector("own", r"[0-9A-Za-z][0-9A-Za-z.: -]*[0-9A-Za-z]", validator=name)
    for value in VALID[name]:
        assert values(detector, f"号“{value}”") == [value], name
    if name != "none":
        assert values(detector, f"号“{INVALID[name]}”") == []
    assert detector.proof == name


@pytest.mark.parametrize("name", sorted(VALIDATORS))
@given(value=st.one_of(st.text(max_size=40), st.text("0123456789ABFXabfx. -", max_size=40)))
def test_any_text_is_right_or_wrong_and_never_an_error(name: str, value: str) -> None:
    assert VALIDATORS[name](value) in (True, False)


@pytest.mark.parametrize(("ours", "theirs"), [(n, n) for n in ("ean", "isbn", "luhn", "verhoeff")] + [("mod97", "lei")])
def test_another_library_agrees(ours: str, theirs: str) -> None:
    witness = importlib.import_module("." + theirs, pytest.importorskip("stdnum").__name__)

    @given(st.text("0123456789X", min_size=2, max_size=20))
    def agrees(value: str) -> None:
        # Theirs knows but some lengths of articles.
        if ours != "ean" or len(value) in (8, 12, 13, 14):
            assert VALIDATORS[ours](value) == witness.is_valid(value)

    agrees()


@given(st.sampled_from(["luhn", "verhoeff", "mod97", "mod11_2", "mod11_10", "mod11", "iban", "isbn", "ean"]), st.data())
def test_one_wrong_digit_is_noticed(name: str, data: st.DataObject) -> None:
    value = data.draw(st.sampled_from(VALID[name]))
    place = data.draw(st.sampled_from([i for i, char in enumerate(value) if char.isdigit()]))
    digit = data.draw(st.sampled_from([d for d in "0123456789" if d != value[place]]))
    assert not VALIDATORS[name](value[:place] + digit + value[place + 1 :])


def test_a_named_part_of_the_pattern_is_checked_alone() -> None:
    detector = custom_detector("own", "M7-(?P<checked>[0-9]{11})", validator="luhn")
    assert values(detector, "M7-79927398713 M7-79927398710") == ["M7-79927398713"]
    fake = detector.fake("M7-79927398713", iter(Random(1).randbytes(10_000)))
    assert fake.startswith("M7-") and fake != "M7-79927398713" and values(detector, fake) == [fake]


def test_an_unknown_validator_is_refused_with_all_names() -> None:
    with pytest.raises(
        RecipeError, match=r"unknown validator 'Verhoef'; did you mean 'verhoeff'\?; known: base58"
    ) as e:
        custom_detector("own", "[0-9]+", validator="Verhoef")
    assert all(name in str(e.value) for name in VALIDATORS)
