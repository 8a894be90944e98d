"""A few plain detectors, for tests of what is done with findings: they stand in for kinds that the catalog lacks."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from filters.detectors.boundaries import continues, stands_alone
from filters.detectors.checksums import luhn
from filters.detectors.contract import Detector, Spans

_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"


def _email(window: str, start: int, end: int) -> Spans:
    local, _, domain = window[start:end].partition("@")
    start += len(local) - len(local.lstrip(".-'+%"))
    labels = domain.split(".")
    while len(labels) > 1 and not (len(labels[-1]) > 1 and labels[-1].isalpha() and labels[-1] != "png"):
        end -= len(labels.pop()) + 1
    good = 0 < len(local.lstrip(".-'+%")) <= 64 and not local.endswith(".") and len(labels) > 1 and all(labels)
    return [(start, end)] if good and stands_alone(window, start, end, "@") else []


def _fake_email(value: str, noise: Iterator[int]) -> str:
    local, _, domain = value.partition("@")
    return f"{_letters(len(local), noise)}@{_letters(len(domain) - 4, noise)}.com" if len(domain) > 4 else "q@zz.com"


def _letters(count: int, noise: Iterator[int]) -> str:
    return "".join("abcdefghijklmnopqrstuvwxyz"[next(noise) % 26] for _ in range(count))


def _ipv4(window: str, start: int, end: int) -> Spans:
    # A number behind such a word is a version.
    if re.search(r"(?:version|OID|v)[ .]?$", window[:start]) or continues(window, start - 1, ".-_"):
        return []
    if continues(window, end, "-_") or re.match(r"\.[0-9]", window[end:]):
        return []
    address = ipaddress.IPv4Address(window[start:end])
    return [] if address.is_loopback or address.is_unspecified else [(start, end)]


def _ipv6(window: str, start: int, end: int) -> Spans:
    value = window[start:end]
    if continues(window, start - 1, ":.") or continues(window, end, ":") or sum(map(bool, value.split(":"))) < 3:
        return []
    try:
        ipaddress.IPv6Address(value)
    except ValueError:
        return []
    return [(start, end)] if any(char.isdigit() for char in value) else []


def _fake_ipv4(value: str, noise: Iterator[int]) -> str:
    return ".".join(str(1 + next(noise) % 120) for _ in range(4))


def _fake_ipv6(value: str, noise: Iterator[int]) -> str:
    return ":".join(f"{next(noise) % 250 + 4096:x}" for _ in range(8))


def _card(window: str, start: int, end: int) -> Spans:
    return [(start, end)] if end - start == 16 and luhn(window[start:end]) else []


def _fake_card(value: str, noise: Iterator[int]) -> str:
    head = "".join(str(next(noise) % 10) for _ in range(15))
    return next(head + digit for digit in "0123456789" if luhn(head + digit))


def _phone(window: str, start: int, end: int) -> Spans:
    """Seven digits, if a cue is near; the name of the placeholder is a cue, as it may be in real ones."""
    cue = re.search(r"phone|call|电话", window[max(0, start - 20) : start], re.IGNORECASE)
    return [(start, end)] if end - start == 7 and cue else []


def _token(window: str, start: int, end: int) -> Spans:
    return [(start, end)] if stands_alone(window, start, end, "_") else []


PLAIN = (
    Detector(
        "email", "contact", "e-mail addresses",
        r"[\p{Latin}0-9._%+'-]+@[\p{Latin}0-9-]+(?:\.[\p{Latin}0-9-]+)+", "@",
        _email, "shape", "<EMAIL>", _fake_email,
    ),
    Detector(
        "api_token", "secret", "tokens", "tok_[0-9a-f]{8}", "tok_", _token, "shape", "<API_TOKEN>",
        lambda value, noise: "tok_" + "".join("0123456789abcdef"[next(noise) % 16] for _ in range(8)),
    ),
    Detector("card", "financial", "cards", "[0-9]+", "[0-9]{6}", _card, "luhn", "<CARD>", _fake_card),
    Detector(
        "short_phone", "contact", "phones", "[0-9]+", "[0-9]{6}", _phone, "cue", "<PHONE>",
        lambda value, noise: "".join(str(next(noise) % 10) for _ in range(7)),
    ),
    Detector(
        "ipv4", "network", "IPv4", rf"{_OCTET}(?:\.{_OCTET}){{3}}", r"[0-9]\.[0-9]{1,3}\.[0-9]",
        _ipv4, "range", "<IP_ADDRESS>", _fake_ipv4,
    ),
    Detector(
        "ipv6", "network", "IPv6", r"[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?:(?:\.[0-9]{1,3}){3})?",
        r":[0-9A-Fa-f]{0,4}:", _ipv6, "range", "<IP_ADDRESS>", _fake_ipv6,
    ),
)  # fmt: skip
