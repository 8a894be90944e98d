"""Detector `cn_mobile`: Chinese mobile numbers of eleven digits, which stand without any separator or cue."""

from __future__ import annotations

from collections.abc import Iterator

from filters.detectors.boundaries import continues
from filters.detectors.contract import Detector, Spans
from filters.detectors.disguise import pick, until
from filters.detectors.phone_words import COUNTED

# Three digits each of the operators' ranges (MIIT numbering plan; the same ranges as in libphonenumber's data of CN).
_CN_RANGES = frozenset(
    [*(f"13{d}" for d in range(10)), *(f"14{d}" for d in range(10)), *(f"15{d}" for d in (0, 1, 2, 3, 5, 6, 7, 8, 9))]
    + [*(f"16{d}" for d in (2, 5, 6, 7)), *(f"17{d}" for d in range(9)), *(f"18{d}" for d in range(10))]
    + [f"19{d}" for d in (0, 1, 2, 3, 5, 6, 7, 8, 9)]
)


def is_cn_mobile(digits: str) -> bool:
    """Whether 11 digits are a mobile number: an assigned range, and no round number or power of two such as 2**34."""
    if len(digits) != 11 or not digits.isdigit() or digits[:3] not in _CN_RANGES:
        return False
    value = int(digits)
    return value % 2**20 != 0 and value % 10**6 != 0


def _prove_cn_mobile(window: str, start: int, end: int) -> Spans:
    digits = "".join(char for char in window[start:end] if char.isdigit())
    head = window[:start]
    prefixed = head.endswith(("+86", "0086"))
    if not is_cn_mobile(digits) or COUNTED.search(head[-32:]):
        return
    if not prefixed and (continues(window, start - 1, "._-+$€£¥#^*/\\%&~")):
        return
    if continues(window, end, "_%"):
        return
    following, next_one = window[end : end + 1], window[end + 1 : end + 2]
    if following and following in ".,-/" and (next_one.isascii() and next_one.isalnum()):
        return
    if start and window[start - 1] in ",:" and window[start - 2 : start - 1].isdigit():
        return
    yield start, end


def _fake_cn_mobile(value: str, noise: Iterator[int]) -> str:
    places = [index for index, char in enumerate(value) if char.isdigit()]

    def make(stream: Iterator[int]) -> str:
        chars = list(value)
        for index in places[3:]:
            chars[index] = pick("0123456789", stream)
        return "".join(chars)

    return until(lambda made: [*_prove_cn_mobile(made, 0, len(made))] == [(0, len(made))], make, value, noise)


CN_MOBILE = Detector(
    kind="cn_mobile",
    group="contact",
    summary="Chinese mobile numbers of eleven digits, without the country code",
    pattern=r"1[3-9][0-9][ -]?[0-9]{4}[ -]?[0-9]{4}",
    hint=r"1[3-9][0-9][ -]?[0-9]{4}[ -]?[0-9]{4}",
    prove=_prove_cn_mobile,
    proof="operator-range",
    placeholder="<PHONE>",
    fake=_fake_cn_mobile,
)
