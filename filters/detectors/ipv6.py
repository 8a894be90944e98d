"""Detector `ipv6`: addresses in the notations of RFC 4291 section 2.2 and RFC 5952."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from filters.detectors.boundaries import continues
from filters.detectors.contract import Detector, Spans
from filters.detectors.disguise import hex_shape, pick, until
from filters.detectors.ip import fake_octet, is_public


def _prove_ipv6(window: str, start: int, end: int) -> Spans:
    text = window[start:end].rstrip(".")
    if text.endswith(":") and not text.endswith("::"):
        text = text[:-1]
    end = start + len(text)
    # `IP:2001:db8::1` has a label before it, `f:2001:db8::1` another group.
    labelled = window[start - 1 : start] == ":" and start > 1 and window[start - 2] not in ":0123456789abcdefABCDEF"
    if continues(window, start - 1, ":._") and not labelled:
        # `IPA:2001:db8::1`: letters before the address that happen to be hexadecimal.
        head, _, rest = text.partition(":")
        if not head.isalpha() or rest.startswith(":"):
            return
        text, start = rest, start + len(head) + 1
    if not continues(window, end, ":_") and _is_ipv6(text) and _is_meant(window, text, start, end):
        yield start, end


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def _is_meant(window: str, text: str, start: int, end: int) -> bool:
    """Whether a valid address is one: `a::b` is a name in many programming languages, `[::1]` a slice."""
    groups = [group for group in text.split(":") if group]
    if not any(char.isdigit() for char in text) or not groups:
        return False
    if "::" not in text:
        # Eight pairs are the name of a device (EUI-64) or of a disk; digits alone are a ratio.
        return any(len(group) > 2 for group in groups)
    if len(groups) >= 3 or "." in text:
        return any(len(group) > 2 for group in groups) or text.startswith("::ffff")
    first = groups[0].lower()
    if text == "::1":
        before, after = window[start - 1 : start] if start else "", window[end : end + 1]
        return (after != "]" or before == "[") and not (before == "[" and continues(window, start - 2, "_]) "))
    # fe80::1 (link-local), ff02::1 (multicast), 2001::1 (global unicast), fd00::1 (unique local), 64:ff9b::1
    return text[0] != ":" and (
        (
            len(first) == 4
            and (first[:3] in ("fe8", "fe9", "fea", "feb") or first[:2] in ("ff", "fc", "fd") or first[0] in "23")
        )
        or text.lower().startswith("64:ff9b::")
    )


def _fake_ipv6(value: str, noise: Iterator[int]) -> str:
    """Other groups behind the first, which says what kind of network it is; dotted parts change by octets."""
    public = is_public(value)
    head, colon, rest = value.partition(":")

    def make(stream: Iterator[int]) -> str:
        if "." in rest:
            hexes, _, dotted = value.rpartition(":")
            return f"{hexes}:{'.'.join(fake_octet(octet, stream) for octet in dotted.split('.'))}"
        if head and not rest.strip(":0123456789abcdefABCDEF"):
            return head + colon + hex_shape(rest, stream)
        return "".join(pick("123456789", stream) if char.isalnum() else char for char in value)

    def accept(made: str) -> bool:
        return _is_ipv6(made) and is_public(made) == public and [*_prove_ipv6(made, 0, len(made))] == [(0, len(made))]

    return until(accept, make, value, noise)


_GROUP = r"[0-9A-Fa-f]{1,4}"
IPV6 = Detector(
    kind="ipv6",
    group="network",
    summary="IPv6 addresses; not names of C++ and Rust, slices, times or ratios",
    pattern=(
        rf"(?:{_GROUP}:){{6,7}}[0-9A-Fa-f][0-9A-Fa-f.]{{0,14}}|(?:{_GROUP}:){{1,7}}:(?:[0-9A-Fa-f][0-9A-Fa-f:.]*)?"
        r"|::[0-9A-Fa-f][0-9A-Fa-f:.]*"
    ),
    hint=rf"::[0-9A-Fa-f]|[0-9A-Fa-f]::|:{_GROUP}:{_GROUP}:{_GROUP}:{_GROUP}:{_GROUP}:",
    prove=_prove_ipv6,
    proof="rfc4291+context",
    placeholder="<IP_ADDRESS>",
    fake=_fake_ipv6,
)
