"""Detector `mac`: addresses of network cards (EUI-48, IEEE 802) as they are usually written."""

from __future__ import annotations

from collections.abc import Iterator

import re2

from filters.detectors.boundaries import continues, stands_alone
from filters.detectors.contract import Detector, Spans
from filters.detectors.disguise import hex_shape, until

_MAC_CUE = re2.compile(r"(?i)(?:mac|ethernet|hwaddr|hardware|physical|物理地址|bssid|адрес)[^\n]{0,24}$")
_MAC_BLANK = frozenset(["000000000000", "ffffffffffff"])


def _prove_mac(window: str, start: int, end: int) -> Spans:
    text = window[start:end]
    separator = next(char for char in text if char in ":-.")
    # `MAC:00:1a:...`: letters before the address that happen to be hexadecimal.
    while text.count(separator) > 5 and continues(window, start - 1) and not text[:1].isdigit():
        start, text = start + 3, text[3:]
    if text.count(separator) != (2 if separator == "." else 5) or not stands_alone(window, start, end, "_"):
        return
    before, after = window[start - 1 : start] if start else "", window[end : end + 1]
    # A seventh group on either side makes it a fingerprint or a serial number.
    if before in ("-", ".") or (before == separator and continues(window, start - 2) and window[start - 2].isdigit()):
        return
    if after == separator and continues(window, end + 1):
        return
    digits = text.replace(separator, "").lower()
    # Six pairs of decimal digits with hyphens are a date and time, three fours with dots a price list.
    spoken = digits.isdigit() and separator in "-." and not _MAC_CUE.search(window[max(0, start - 40) : start])
    if len(digits) == 12 and digits not in _MAC_BLANK and not spoken:
        yield start, end


def _fake_mac(value: str, noise: Iterator[int]) -> str:
    return until(
        lambda made: [*_prove_mac(made, 0, len(made))] == [(0, len(made))], lambda n: hex_shape(value, n), value, noise
    )


_PAIR = "[0-9A-Fa-f]{2}"
MAC = Detector(
    kind="mac",
    group="network",
    summary="MAC addresses (EUI-48) with colons, hyphens or as three groups of four",
    pattern=(
        rf"(?:{_PAIR}:){{5}}(?:{_PAIR}:)*{_PAIR}|(?:{_PAIR}-){{5}}(?:{_PAIR}-)*{_PAIR}"
        r"|[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}"
    ),
    hint=rf"(?:{_PAIR}[:-]){{5}}|[0-9A-Fa-f]{{4}}\.[0-9A-Fa-f]{{4}}\.[0-9A-Fa-f]{{4}}",
    prove=_prove_mac,
    proof="eui48+context",
    placeholder="<MAC>",
    fake=_fake_mac,
)
