"""Hypothesis strategies for valid identifiers of each kind, and for what stands around them in any script.

Check characters come from `reference_identifiers`, never from the code under test.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import strategies as st

from tests import reference_identifiers as ref

Strategy = st.SearchStrategy[str]

UPPER = "ABCDEFGHJKLMNPRSTUVWXYZ"


def digits(length: int, first: str = "0123456789") -> Strategy:
    return st.tuples(st.sampled_from(first), st.text("0123456789", min_size=length - 1, max_size=length - 1)).map(
        "".join
    )


def letters(length: int, alphabet: str = UPPER) -> Strategy:
    return st.text(alphabet, min_size=length, max_size=length)


def dates(form: str, first: int = 1930, last: int = 2005) -> Strategy:
    return st.dates(datetime.date(first, 1, 1), datetime.date(last, 12, 31)).map(lambda day: day.strftime(form))


def joined(*parts: Strategy) -> Strategy:
    return st.tuples(*parts).map("".join)


def completed(body: Strategy, valid: Callable[[str], bool], alphabet: str = "0123456789", length: int = 1) -> Strategy:
    """Bodies with the check characters that make them valid; bodies that have none are left out."""
    return body.map(lambda text: ref.complete(text, valid, alphabet, length)).filter(bool).map(str)


def grouped(values: Strategy, *forms: str) -> Strategy:
    """Values written in one of `forms`, as in `3.3.3-2`; characters behind the last group follow it."""

    def write(value: str, form: str) -> str:
        out, group, source = [], "", iter(value)
        for char in form + "\0":
            if char.isdigit():
                group += char
                continue
            out += [next(source) for _ in range(int(group))]
            out.append(char)
            group = ""
        return "".join(out[:-1]) + "".join(source)

    return st.builds(write, values, st.sampled_from(forms))


@dataclass(frozen=True)
class Kind:
    """values: valid identifiers as written. cue: what must be near by, if anything. checked: whether the last character
    is a check character, so that any other of its alphabet makes it wrong."""

    values: Strategy
    cue: str = ""
    checked: str = ""


def _cards() -> Strategy:
    def card(prefixes: list[str], length: int) -> Strategy:
        body = st.sampled_from(prefixes).flatmap(
            lambda head: st.text("0123456789", min_size=length - 1 - len(head), max_size=length - 1 - len(head)).map(
                lambda tail: head + tail
            )
        )
        return completed(body.filter(lambda text: len(set(text)) > 2), ref.luhn)

    sixteen = card(["4", "51", "55", "2221", "2720", "6011", "65", "3528", "3589", "62", "81", "2200", "6759"], 16)
    return st.one_of(
        grouped(sixteen, "16", "4 4 4 4", "4-4-4-4"),
        grouped(card(["34", "37"], 15), "15", "4 6 5", "4-6-5"),
        grouped(card(["300", "305", "36", "38", "39"], 14), "4 6 4", "4-6-4"),
        grouped(card(["62"], 19), "19", "6 13", "4 4 4 4 3"),
    )


# Country, and the shape of its account part: a letter, a digit or either, as the SWIFT registry prints it.
_IBAN_SHAPES = {
    "DE": "n" * 18, "GB": "aaaa" + "n" * 14, "FR": "n" * 10 + "c" * 11 + "nn", "NO": "n" * 11, "ES": "n" * 20,
    "MT": "aaaa" + "n" * 5 + "c" * 18, "NL": "aaaa" + "n" * 10, "SC": "aaaa" + "n" * 20 + "aaa", "BR": "n" * 23 + "ac",
    "SA": "nn" + "c" * 18, "CH": "n" * 5 + "c" * 12, "PL": "n" * 24, "TR": "n" * 22,
}  # fmt: skip


@st.composite
def ibans(draw: st.DrawFn) -> str:
    country = draw(st.sampled_from(sorted(_IBAN_SHAPES)))
    alphabets = {"a": "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "n": "0123456789", "c": "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"}
    account = "".join(draw(st.sampled_from(alphabets[sort])) for sort in _IBAN_SHAPES[country])
    check = next(f"{k:02d}" for k in range(2, 99) if ref.mod97(account + country + f"{k:02d}") == 1)
    value = country + check + account
    separator = draw(st.sampled_from(["", " ", "-"]))
    return separator.join(value[at : at + 4] for at in range(0, len(value), 4))


FINANCIAL_KINDS: dict[str, Kind] = {
    "payment_card": Kind(_cards(), checked="0123456789"),
    "iban": Kind(ibans()),
    "btc_address": Kind(
        st.builds(
            ref.base58check, st.sampled_from([0, 5]), st.binary(min_size=20, max_size=20).filter(lambda data: data[0])
        ),
        checked="123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz",
    ),
    "btc_bech32": Kind(
        # The addresses of BIP 173 and BIP 350, and of their tests.
        st.sampled_from(
            [
                "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
                "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
                "bc1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qccfmv3",
                "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
                "bc1pw508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7kt5nd6y",
            ]
        ),
    ),
    "eth_address": Kind(
        st.text("0123456789abcdefABCDEF", min_size=40, max_size=40)
        .filter(lambda text: len(set(text.lower())) >= 8)
        .map("0x{}".format),
        "wallet ",
    ),
}
