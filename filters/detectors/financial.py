"""Detectors of payment cards, bank accounts and wallets."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator

import re2

from filters.detectors import ibans
from filters.detectors.boundaries import is_whole_text
from filters.detectors.checksums import luhn_digit
from filters.detectors.codes import START, prove_code, stands_free, trimmed
from filters.detectors.contract import Detector, Spans
from filters.detectors.cues import CARD, ETHEREUM
from filters.detectors.digit_runs import HINT, SHAPE, numbers
from filters.detectors.issuers import is_card, is_rare_card
from filters.detectors.keccak import eip55
from filters.detectors.number_fakes import digits, fake_number
from filters.detectors.wallets import (
    base58check_decode,
    base58check_encode,
    bech32_encode,
    is_bitcoin_base58,
    is_segwit,
)

# As embossed: in one, in fours, and the groupings of 14 (Diners), 15 (American Express) and 19 digits. In one, 14
# digits need a cue: the bar codes in books of libraries begin with 3 and end with a Luhn digit, like those of Diners.
CARD_FORMS = frozenset(
    [str(length) for length in range(15, 20)]
    + [
        form.replace(" ", separator)
        for form in ("4 4 4 4", "4 4 4 4 3", "4 6 5", "4 6 4", "6 13")
        for separator in " -"
    ]
)
CUED_CARD_FORMS = CARD_FORMS | {"12", "13", "14", "4 4 4 4 1", "4 4 4 4 2", "4-4-4-4-2"}


_IBAN_HEAD = re2.compile(r"(?:^|[^0-9A-Za-z])[A-Z]{2}[0-9]{2}[ -]$")


def _prove_card(window: str, start: int, end: int) -> Spans:
    reached = start
    for number in numbers(window, start, end):
        if number.start < reached or number.form not in CUED_CARD_FORMS or not is_rare_card(number.digits):
            continue
        if _IBAN_HEAD.search(window[max(0, number.start - 6) : number.start]) is not None:
            continue  # the middle of an account number
        if (
            (number.form in CARD_FORMS and is_card(number.digits))
            or CARD.near(window, number.start, number.end)
            or is_whole_text(window, number.start, number.end)
        ):
            reached = number.end
            yield number.start, number.end


def _make_card(old: str, noise: Iterator[int]) -> str:
    body = old[:6] + digits(noise, len(old) - 7)
    return body + luhn_digit(body)


PAYMENT_CARD = Detector(
    kind="payment_card",
    group="financial",
    summary="credit and debit card numbers, Chinese bank cards among them",
    pattern=SHAPE,
    hint=HINT,
    prove=_prove_card,
    proof="luhn+issuer+length",
    placeholder="<PAYMENT_CARD>",
    # The issuer may be told: rare and domestic numbers keep their cue, so they need no more than the rare check.
    fake=fake_number(_make_card, is_rare_card),
)

IBAN = Detector(
    kind="iban",
    group="financial",
    summary="international bank account numbers of the countries in the SWIFT registry",
    pattern=ibans.SHAPE,
    hint=ibans.HINT,
    prove=ibans.prove,
    proof="mod97+country_shape",
    placeholder="<IBAN>",
    fake=ibans.fake,
)


def _fake_base58(value: str, noise: Iterator[int]) -> str:
    payload = base58check_decode(value)
    assert payload is not None
    # Nine of ten hashes give the usual length; the short ones of hashes that begin with zeros are not imitated.
    for attempt in itertools.count():
        new = base58check_encode(payload[:1] + hashlib.sha256(digits(noise, 40).encode()).digest()[:20])
        if new != value and (len(new) == len(value) or attempt > 100):
            return new
    raise AssertionError("unreachable")


BTC_ADDRESS = Detector(
    kind="btc_address",
    group="financial",
    summary="Bitcoin addresses in Base58Check",
    pattern=START + r"[13][1-9A-HJ-NP-Za-km-z]{25,}",
    hint=r"[13][1-9A-HJ-NP-Za-km-z]{20}",
    prove=prove_code(is_bitcoin_base58),
    proof="base58check",
    placeholder="<BTC_ADDRESS>",
    fake=_fake_base58,
)


def _fake_bech32(value: str, noise: Iterator[int]) -> str:
    version = "qpzry9x8gf2tvdw0s3jn54khce6mua7l".index(value.lower()[3])
    length = len(value) - 3 - 1 - 6  # without `bc1`, the version and the check characters
    padding = 5 * length % 8
    while True:
        program = [next(noise) & 31 for _ in range(length)]
        program[-1] = program[-1] >> padding << padding
        new = bech32_encode("bc", [version, *program])
        if new != value.lower():
            return new.upper() if value.isupper() else new


BTC_BECH32 = Detector(
    kind="btc_bech32",
    group="financial",
    summary="Bitcoin addresses of witness programs, Bech32 and Bech32m",
    pattern=r"(?:bc1|BC1)[02-9AC-HJ-NP-Zac-hj-np-z]{20,}",
    hint=r"[bB][cC]1[02-9AC-HJ-NP-Zac-hj-np-z]{12}",
    prove=prove_code(is_segwit),
    proof="bech32",
    placeholder="<BTC_ADDRESS>",
    fake=_fake_bech32,
)


def _may_be_eth(text: str) -> bool:
    # Zeros, ones or a counter are constants of a program.
    return len(text) == 42 and len(set(text[2:].lower())) >= 8


def _is_eth(text: str) -> bool:
    """Whether the case of its letters checks an address (EIP-55)."""
    digits_ = text[2:]
    return _may_be_eth(text) and digits_ not in (digits_.lower(), digits_.upper()) and eip55(digits_) == digits_


def _prove_eth(window: str, start: int, end: int) -> Spans:
    start, end = trimmed(window, start, end)
    text = window[start:end]
    # The hash is the dearest proof of all, so it comes last.
    if stands_free(window, start, end) and _may_be_eth(text) and (ETHEREUM.near(window, start, end) or _is_eth(text)):
        yield start, end


def _fake_eth(value: str, noise: Iterator[int]) -> str:
    """One that is checked as the value is: by its case, or else by the words around it."""
    alphabet = "0123456789ABCDEF" if value[2:].upper() == value[2:] else "0123456789abcdef"
    checked = _is_eth(value)
    while True:
        new = digits(noise, 40, alphabet)
        new = value[:2] + (eip55(new) if checked else new)
        if new != value and (_is_eth(new) if checked else _may_be_eth(new)):
            return new


ETH_ADDRESS = Detector(
    kind="eth_address",
    group="financial",
    summary="Ethereum addresses: 0x and forty hexadecimal digits, checked by their case or behind a word",
    pattern=START + r"0[xX][0-9A-Fa-f]{40}",
    hint=r"0[xX][0-9A-Fa-f]{16}",
    prove=_prove_eth,
    proof="eip55|cue",
    placeholder="<ETH_ADDRESS>",
    fake=_fake_eth,
)

FINANCIAL: tuple[Detector, ...] = (IBAN, BTC_ADDRESS, BTC_BECH32, ETH_ADDRESS, PAYMENT_CARD)
