"""Detectors `private_key`, `aws_access_key` and `aws_secret_key`."""

from __future__ import annotations

from collections.abc import Iterator

import re2

from filters.detectors.boundaries import continues, stands_alone
from filters.detectors.contract import Detector, Spans
from filters.detectors.disguise import pick, same_shape, until
from filters.detectors.dummies import is_dummy, looks_random

_LABEL = r"(?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?"
_MARKER = re2.compile(rf"-----(BEGIN|END) {_LABEL}-----")
# Base64 lines after a beginning that has no end: what is left of a block that was cut. `\n` may be written out.
_CUT_BODY = re2.compile(r"^(?:(?:\s|\\r|\\n)*[A-Za-z0-9+/=]{16,})+")
_LEAST_CUT = 40


def _prove_private_key(window: str, start: int, end: int) -> Spans:
    found = window[start:end]
    opened: int | None = None
    opened_end = 0
    for marker in _MARKER.finditer(found):
        if marker.group(1) == "BEGIN":
            if opened is not None:
                yield from _cut_block(found, start, opened, opened_end, marker.start())
            opened, opened_end = marker.span()
        elif opened is not None:
            body = found[opened_end : marker.start()]
            if _holds_key(body):
                yield start + opened, start + marker.end()
            opened = None
    if opened is not None:
        yield from _cut_block(found, start, opened, opened_end, len(found))


def _holds_key(body: str) -> bool:
    """Whether there is something between the markers: not dots, nor one short word such as `key`."""
    letters = sum(char.isascii() and char.isalnum() for char in body)
    return letters >= 16 and "..." not in body and "…" not in body


def _cut_block(found: str, offset: int, opened: int, opened_end: int, limit: int) -> Iterator[tuple[int, int]]:
    body = _CUT_BODY.match(found[opened_end:limit])
    if body and looks_random(body.group()) and len(body.group()) >= _LEAST_CUT:
        yield offset + opened, offset + opened_end + body.end()


def _fake_private_key(value: str, noise: Iterator[int]) -> str:
    """The same markers and header lines around other base64 of the same shape."""
    begin = _MARKER.match(value)
    if begin is None:
        return same_shape(value, noise)
    ends = [marker for marker in _MARKER.finditer(value) if marker.group(1) == "END"]
    stop = ends[-1].start() if ends else len(value)
    body = value[begin.end() : stop]
    header = body.rfind(":") + 1
    header = body.find("\n", header) + 1 if header else 0
    kept, random = value[: begin.end() + header], body[header:]

    def make(stream: Iterator[int]) -> str:
        return kept + "\\n".join(same_shape(line, stream) for line in random.split("\\n")) + value[stop:]

    return until(lambda made: [*_prove_private_key(made, 0, len(made))] == [(0, len(made))], make, value, noise)


PRIVATE_KEY = Detector(
    kind="private_key",
    group="secret",
    summary="PEM private keys, the whole block; not public keys and certificates",
    # The body is all that PEM may hold (RFC 7468, RFC 1421 headers), markers too: the proof finds the end.
    pattern=rf"-----BEGIN {_LABEL}-----[A-Za-z0-9+/=\s:,.()\\\"'-]*",
    hint="PRIVATE KEY",
    prove=_prove_private_key,
    proof="pem-block",
    placeholder="<PRIVATE_KEY>",
    fake=_fake_private_key,
    multiline=True,
)

_BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def _prove_access_key(window: str, start: int, end: int) -> Spans:
    key = window[start:end]
    if stands_alone(window, start, end, "_-/+") and len(set(key[4:])) > 5 and not is_dummy(key[4:]):
        yield start, end


def _fake_access_key(value: str, noise: Iterator[int]) -> str:
    def make(stream: Iterator[int]) -> str:
        return value[:4] + "".join(pick(_BASE32, stream) for _ in value[4:])

    return until(lambda made: [*_prove_access_key(made, 0, len(made))] == [(0, len(made))], make, value, noise)


AWS_ACCESS_KEY = Detector(
    kind="aws_access_key",
    group="secret",
    summary="AWS access key identifiers",
    # AWS IAM user guide, "Unique identifiers": prefixes of what is a key; sixteen characters of base 32 follow.
    pattern=r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}",
    hint=r"A(?:KIA|SIA|BIA|CCA)[A-Z2-7]{4}",
    prove=_prove_access_key,
    proof="prefix+base32",
    placeholder="<AWS_ACCESS_KEY>",
    fake=_fake_access_key,
)

_SECRET_VALUE = re2.compile(r"[A-Za-z0-9/+]+$")


_SECRET_CUE = r"(?i:aws[_ .-]?secret|secret[_ .-]?(?:access[_ .-]?)?key|aws[_ .-]?(?:access[_ .-]?)?key)"


def _prove_secret_key(window: str, start: int, end: int) -> Spans:
    value = _SECRET_VALUE.search(window[start:end])
    if value is None:
        return
    secret = value.group()
    mixed = all(any(map(test, secret)) for test in (str.isdigit, str.isupper, str.islower))
    if len(secret) == 40 and mixed and looks_random(secret, 3.5) and not continues(window, end, "=_-"):
        yield start + value.start(), end


def _fake_secret_key(value: str, noise: Iterator[int]) -> str:
    return until(looks_random, lambda stream: same_shape(value, stream), value, noise)


AWS_SECRET_KEY = Detector(
    kind="aws_secret_key",
    group="secret",
    summary="AWS secret access keys behind a word that says so",
    pattern=(
        rf"{_SECRET_CUE}[A-Za-z_]*"
        r"[\"'\]]{0,2}\s{0,3}(?:=>|:=|[:=,：])?\s{0,3}[\"'`]?[A-Za-z0-9/+]{40}[A-Za-z0-9/+]*"
    ),
    hint=_SECRET_CUE,
    prove=_prove_secret_key,
    proof="cue+entropy",
    placeholder="<AWS_SECRET_KEY>",
    fake=_fake_secret_key,
    multiline=True,
)
