"""Detectors of tokens that a provider marks with a prefix.

A token must stand alone and look random: documentation is full of `ghp_xxxxxxxx`. GitHub and npm put a CRC-32 of the
random part into its last six characters (base 62). A right one is proof by itself; a wrong one is no proof against:
tokens made up for tests and in training data rarely have a right one, and one bad character of a copied token would
let the rest of it through.
"""

from __future__ import annotations

import string
import zlib
from collections.abc import Callable, Iterator

import re2

from filters.detectors.boundaries import stands_alone
from filters.detectors.contract import Detector, Fake, Prove, Spans
from filters.detectors.disguise import hex_shape, same_shape, until
from filters.detectors.dummies import looks_random
from filters.detectors.token_table import TOKEN_KINDS, Token, TokenKind

_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_SUMMED = 36


def crc32_base62(text: str) -> str:
    """Six characters: CRC-32 of `text` in base 62 (digits, upper case, lower case), the checksum of GitHub and npm.

    Source: GitHub blog, "Behind GitHub's new authentication token formats" (2021). The example is the published test
    token of detect-secrets.

    >>> crc32_base62("wWPw5k4aXcaT4fNP0UcnZwJUVFk6LO")
    '0pINUx'
    """
    number, digits = zlib.crc32(text.encode()), ""
    while number:
        number, place = divmod(number, 62)
        digits = _BASE62[place] + digits
    return digits.rjust(6, "0")


def has_checksum(body: str) -> bool:
    """Whether the last six of 36 characters are the CRC-32 of those before."""
    return len(body) == _SUMMED and crc32_base62(body[:-6]) == body[-6:]


def _is_token(body: str, token: Token) -> bool:
    if not token.least <= len(body) <= token.most or not (token.check is None or token.check(body)):
        return False
    if token.checksum and has_checksum(body):
        return True
    return looks_random(body) and any(char.isdigit() or char.isupper() for char in body)


def _shapes(kind: TokenKind) -> list[tuple[re2._Regexp, Token]]:
    return [(re2.compile(f"^{token.prefix}({token.body}){token.suffix}$"), token) for token in kind.tokens]


def _prover(kind: TokenKind) -> Prove:
    shapes = _shapes(kind)

    def prove(window: str, start: int, end: int) -> Spans:
        for shape, token in shapes:
            found = shape.match(window[start:end])
            if found and _is_token(found.group(1), token) and (stands_alone(window, start, end, "_-")):
                return [(start + found.start(1) if token.cue else start, end)]
        return []

    return prove


def _faker(kind: TokenKind) -> Fake:
    shapes = _shapes(kind)
    reshape = hex_shape if kind.hexadecimal else same_shape

    def fake(value: str, noise: Iterator[int]) -> str:
        for shape, token in shapes:
            found = re2.match(f"^({token.body})$", value) if token.cue else shape.match(value)
            if found:
                span = found.span(1)
                accept = _accepter(shape, token, span)
                return until(accept, _maker(token, span, value, reshape), value, noise)
        return same_shape(value, noise)

    return fake


def _accepter(shape: re2._Regexp, token: Token, span: tuple[int, int]) -> Callable[[str], bool]:
    """Whether a made value would be found: the shape of the token around it, and a body that is one."""
    return lambda made: (token.cue or bool(shape.match(made))) and _is_token(made[slice(*span)], token)


def _maker(
    token: Token, span: tuple[int, int], value: str, reshape: Callable[[str, Iterator[int]], str]
) -> Callable[[Iterator[int]], str]:
    """Other random characters between the same prefix and suffix, with a right checksum where there was one."""
    body = value[slice(*span)]
    summed = token.checksum and has_checksum(body)

    def make(noise: Iterator[int]) -> str:
        parts = body.split(token.keep) if token.keep else [body]
        made = token.keep.join(reshape(part, noise) for part in parts)
        if summed:
            made = made[:-6] + crc32_base62(made[:-6])
        return value[: span[0]] + made + value[span[1] :]

    return make


def _detector(kind: TokenKind) -> Detector:
    return Detector(
        kind=kind.kind,
        group="secret",
        summary=kind.summary,
        pattern="|".join(f"{token.prefix}{token.body}{token.suffix}" for token in kind.tokens),
        hint=kind.hint,
        prove=_prover(kind),
        proof="crc32-or-entropy" if any(token.checksum for token in kind.tokens) else "prefix+entropy",
        placeholder=f"<{kind.kind.upper()}>",
        fake=_faker(kind),
    )


TOKENS: tuple[Detector, ...] = tuple(map(_detector, TOKEN_KINDS))
