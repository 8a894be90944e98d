"""Numbers in other digits and with other separators: found where the same number in ASCII is, and replaced alike."""

from __future__ import annotations

import re
from itertools import cycle
from random import Random
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from filters.chain import KEY, Stage, run_stages
from filters.detectors.catalog import DETECTORS
from filters.detectors.folding import HINT, ZEROS, fold, unfold
from filters.detectors.leads import leads
from filters.detectors.scan import scan
from filters.pii.params import PiiParams
from tests.strategies import texts
from tests.strategies_surroundings import KINDS
from tests.test_validators import VALID

ALL = tuple(DETECTORS.values())
PHONES = {"phone": ("tel. ", "+49 30 901820"), "cn_mobile": ("手机", "13812345678")}
# The kinds that are written in digits and separators alone.
NUMBERS = [kind for kind in KINDS if kind not in ("btc_address", "btc_bech32", "eth_address")]
SIX = re.compile(r"(?:[0-9][ ./-]{0,2}){5}[0-9]")
"""What is looked for in other digits: short numbers within letters, as in a plate, are not worth it."""

IBAN = "DE89\u00a03704\u00a00044\u00a00532\u00a00130\u00a000"
NO_BREAK = "\u00a0\u202f\u2007\u2009"


def written(value: str, zero: str, spaces: str) -> str:
    """`value` in the digits of `zero`, with one of `spaces` after the other for each space."""
    space = cycle(spaces)
    return "".join(chr(ord(zero) + int(c)) if c in "0123456789" else next(space) if c == " " else c for c in value)


def found(text: str) -> list[tuple[str, str]]:
    findings = scan(pa.array([text], pa.large_string()), ALL)
    places = zip(findings.start.tolist(), findings.end.tolist(), findings.kinds, strict=True)
    return [(text[start:end], kind) for start, end, kind in places]


@settings(max_examples=100)
@given(st.sampled_from(NUMBERS), st.sampled_from(["0", *ZEROS]), st.sampled_from([" ", *NO_BREAK]), st.data())
def test_a_value_is_found_as_if_it_were_written_in_ascii(kind: str, zero: str, space: str, data: st.DataObject) -> None:
    value = data.draw(KINDS[kind].values)
    assume(zero == "0" or SIX.search(value))
    before = data.draw(st.sampled_from(["号", "رقم ", "は「", "第一行\n"])) + KINDS[kind].cue
    after = data.draw(st.sampled_from(["", "。", "です", "، شكرا", "\n"]))
    other = written(value, zero, space)
    expected = [(written(one, zero, space), name) for one, name in found(before + value + after)]
    assert expected and found(before + other + after) == expected


@pytest.mark.parametrize(
    ("text", "value", "kind"),
    [
        ("هاتف: ٠١٠٠١٢٣٤٥٦٧ شكرا", "٠١٠٠١٢٣٤٥٦٧", "phone"),
        ("تلفن: ۰۲۱-۸۸۹۹۷۷۶۶", "۰۲۱-۸۸۹۹۷۷۶۶", "phone"),
        ("電話：０３－１２３４－５６７８まで", "０３－１２３４－５６７８", "phone"),
        ("手机１３８１２３４５６７８。", "１３８１２３４５６７８", "cn_mobile"),
        ("身份证１１０１０５１９４９１２３１００２X", "１１０１０５１９４９１２３１００２X", "cn_resident_id"),
        ("卡号４０１２８８８８８８８８１８８１", "４０１２８８８８８８８８１８８１", "payment_card"),
        (f"IBAN {IBAN}.", IBAN, "iban"),
        (IBAN.replace("\u00a0", "\u202f"), IBAN.replace("\u00a0", "\u202f"), "iban"),
        ("4012\u20118888\u20118888\u20111881", "4012\u20118888\u20118888\u20111881", "payment_card"),
        ("आधार २३४१ २३४१ २३४६", "२३४१ २३४१ २३४६", "in_aadhaar"),
        ("เลขประจำตัวประชาชน: ๓๔๕๖๗๘๙๐๑๒๓๔๗", "๓๔๕๖๗๘๙๐๑๒๓๔๗", "th_tnin"),
        ("主机１９２．１６８．１０．２０", "１９２．１６８．１０．２０", "ipv4"),
    ],
)  # fmt: skip
def test_as_people_write_them(text: str, value: str, kind: str) -> None:
    assert found(text) == [(value, kind)]


@pytest.mark.parametrize(
    "text",
    ["٣٫١٤١٥٩٢٦٥٣٥٨٩٧٩٣٢٣٨٤٦", "السعر ٢٣٦٬٣٤٤٫٤٢", "２０１１－１１－０９", "版本１２．３４．５６．７８",
     "订单号２０２４８４９０２５７２７９６７１３", "10\u202f000\u202f000 €", "ISBN ９７８－７－１１１－５４７４２－６",
     "１：２：３：４：５：６：７：８",
     "سنة ١٩٩٠-٢٠٢٠", "٤٠١٢٨٨٨٨٨٨٨٨١٨٨٢"],
)  # fmt: skip
def test_look_alikes_in_other_digits_are_left_alone(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize("value", ["２００１:db８::１", "IP １.1.1.1"])
def test_what_is_found_does_not_depend_on_other_numbers(value: str) -> None:
    """A number too short to be read in other digits is not read beside a longer one either."""
    alone = found(f"主机{value} 。")
    assert [one for one in found(f"主机{value} 。手机１３８１２３４５６７８") if one[1] != "cn_mobile"] == alone


@given(st.one_of(texts, st.text("٠۱2３.．\u00a0 -－٫：A号", max_size=40)))
def test_folding_keeps_places_and_is_done_once(text: str) -> None:
    read = fold(text)
    assert len(read) == len(text) and fold(read) == read
    assert unfold(read, text) == text


def test_the_hint_is_looked_for_with_all_others() -> None:
    """Were it left to RE2, every text would be read once more for it."""
    assert leads(HINT) is not None


def test_other_digits_are_replaced_by_the_same_digits(tmp_path: Any) -> None:
    (tmp_path / "key").write_text("a key of more than sixteen bytes")
    text = f"هاتف ٠١٠٠١٢٣٤٥٦٧، IBAN {IBAN}; 卡号４０１２８８８８８８８８１８８１"

    def after(**params: Any) -> str:
        params = {"kinds": ("all",), "key": {"file": str(tmp_path / "key")}, **params}
        columns = {KEY: pa.array([0]), "text": pa.array([text], pa.large_string())}
        stage = Stage("pii", "pii", PiiParams(**params))
        return run_stages(pa.record_batch(columns), [stage], "text").kept["text"][0].as_py()

    assert after() == "هاتف <PHONE>، IBAN <IBAN>; 卡号<PAYMENT_CARD>"
    new = after(policy="pseudonymise")
    assert len(new) == len(text) and [name for _, name in found(new)] == ["phone", "iban", "payment_card"]
    for char, old in zip(new, text, strict=True):
        assert char == old or (
            old.isdigit() and char.isdigit() and fold(char).isascii() and ord(char) // 16 == ord(old) // 16
        )
    assert new != text and after(policy="pseudonymise") == new


def test_own_kinds_see_the_text_as_it_is_and_their_validators_any_digits() -> None:
    own = {"code": {"pattern": "[٠-٩]{11}", "validator": "luhn"}, "plain": {"pattern": "X[0-9]{6}"}}
    detectors = PiiParams(kinds=("email",), custom=own).detectors()
    text = "٧٩٩٢٧٣٩٨٧١٣ ٧٩٩٢٧٣٩٨٧١٠ X１２３４５６ X123456"
    findings = scan(pa.array([text], pa.large_string()), detectors)
    assert [(k, s) for k, s in zip(findings.kinds, findings.start.tolist(), strict=True)] == [
        ("code", 0),
        ("plain", 32),
    ]


def test_one_wrong_digit_is_noticed_in_any_digits() -> None:
    random = Random(7)
    for zero in ZEROS:
        for value in VALID["iban"][:1]:
            wrong = value[:-1] + str((int(value[-1]) + random.randint(1, 9)) % 10)
            assert found(written(value, zero, " ")) and not found(written(wrong, zero, " "))
