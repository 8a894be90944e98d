"""Rewrite `pii`: replace e-mail and IP addresses by typed placeholders, right beside any script.

Patterns run in linear time (RE2). Word boundaries are not used: they fail where an address touches a Chinese
character, so what may stand beside an address is checked explicitly.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import re2
from pydantic import Field, field_validator

from filters.contract import EDITS_SCHEMA, Rewrite, Rewritten, StageParams

Kind = Literal["email", "ip"]

# Shape only; lengths and labels are checked on what is found, because counted repetitions make RE2 slow.
EMAIL = re2.compile(r"[\p{Latin}0-9._%+'-]+@[\p{Latin}0-9-]+(?:\.[\p{Latin}0-9-]+)+")
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
IPV4 = re2.compile(_OCTET + r"(?:\." + _OCTET + r"){3}")
IPV6 = re2.compile(r"[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?:(?:\.[0-9]{1,3}){3})?")
# A number with dots is not an address behind one of these words: version, release, section and the like.
_NUMBERING_WORDS = (
    "version", "versión", "versão", "versione", "versie", "wersja", "verze", "sürüm", "release", "build",
    "revision", "section", "chapter", "clause", "abschnitt", "kapitel", "chapitre",
    "версия", "версии", "версию", "версией", "إصدار", "الإصدار", "نسخه", "รุ่น", "เวอร์ชัน", "संस्करण",
    "버전", "버젼", "版本", "版", "第", "バージョン", "节", "節", "章", "§",
)  # fmt: skip
# Other words end like the short ones ("server", "android", "ipsec"): those must begin a word.
_SHORT = ("ver", "v", "rev", "sec", "sect", "oid")
_NUMBERING = re2.compile(
    r"(?i)(?:[^\p{Latin}](?:" + "|".join(_SHORT) + ")|" + "|".join(map(re2.escape, _NUMBERING_WORDS)) + r")[\s.:：#=]*$"
)
_FIFTH = re.compile(r"\.[0-9]")
_CONTEXT_CHARS = 16
# `icon@2x.png` is a file.
_FILE_ENDINGS = frozenset(
    {
        "png",
        "jpg",
        "jpeg",
        "gif",
        "svg",
        "webp",
        "bmp",
        "ico",
        "css",
        "js",
        "json",
        "html",
        "htm",
        "xml",
        "pdf",
        "mp3",
        "zip",
    }
)
# A cheap sieve over the whole batch: only texts with one of these are looked at closely.
_SIEVE = {"email": "@", "ip": r"[0-9]\.[0-9]{1,3}\.[0-9]|:[0-9A-Fa-f]{0,4}:"}
_PLACEHOLDERS: dict[Kind, str] = {"email": "<EMAIL>", "ip": "<IP_ADDRESS>"}


class PiiParams(StageParams):
    """kinds: what to replace. ip_scope: `public` leaves private and reserved addresses, as FineWeb does.

    placeholders: text that takes an address's place, by kind.
    """

    kinds: tuple[Kind, ...] = ("email", "ip")
    ip_scope: Literal["all", "public"] = "all"
    placeholders: dict[Kind, str] = Field(default_factory=lambda: dict(_PLACEHOLDERS))

    @field_validator("placeholders")
    @classmethod
    def _placeholders_hold_nothing_to_find(cls, value: dict[Kind, str]) -> dict[Kind, str]:
        for kind, text in value.items():
            if any(finder.search(text) for finder in (EMAIL, IPV4, IPV6)):
                raise ValueError(f"placeholder for {kind} looks like an address itself: {text!r}")
        return {**_PLACEHOLDERS, **value}


@dataclass(frozen=True, order=True)
class Span:
    """A finding: code points [start, end) of the text."""

    start: int
    end: int
    kind: Kind


def _continues(text: str, index: int, chars: str) -> bool:
    """Whether the character at `index` exists and is an ASCII letter or digit or one of `chars`."""
    if not 0 <= index < len(text):
        return False
    char = text[index]
    return (char.isascii() and char.isalnum()) or char in chars


def find_emails(text: str) -> Iterator[Span]:
    """E-mail addresses, ASCII or with Latin letters.

    Lengths are those of RFC 5321: a local part of at most 64 characters, domain labels of at most 63.

    >>> [text[s.start:s.end] for text in ["邮箱abc@example.com联系"] for s in find_emails(text)]
    ['abc@example.com']
    """
    if "@" not in text:
        return
    for match in EMAIL.finditer(text):
        start, end = match.span()
        local, _, domain = match.group().partition("@")
        start += len(local) - len(local.lstrip(".-'+%"))
        # A sentence may go on after the address: labels are given up from the right until the last is a domain's.
        labels = domain.split(".")
        while len(labels) > 1 and not _is_top_level(labels[-1]):
            end -= len(labels.pop()) + 1
        if (
            0 < len(local.lstrip(".-'+%")) <= 64
            and not local.endswith(".")
            and len(labels) > 1
            and all(0 < len(label) < 64 and label.strip("-") == label for label in labels)
            and not _continues(text, start - 1, "@")
            and not _continues(text, end, "@")
        ):
            yield Span(start, end, "email")


def _is_top_level(label: str) -> bool:
    return 2 <= len(label) <= 24 and label.isalpha() and label.lower() not in _FILE_ENDINGS


def find_ips(text: str, scope: str = "all") -> Iterator[Span]:
    """IPv4 and IPv6 addresses; not versions, object identifiers or section numbers, loopback or unspecified.

    >>> [s for s in find_ips("version 1.2.3.4, OID 1.3.6.1.4.1.311")]
    []
    >>> find_ips("服务器8.8.8.8宕机").__next__()
    Span(start=3, end=10, kind='ip')
    """
    for match in IPV4.finditer(text):
        start, end = match.span()
        # A fifth number, before or behind, makes it something else; so does a letter.
        if _continues(text, start - 1, ".-_") or _continues(text, end, "-_") or _FIFTH.match(text, end):
            continue
        context = text[start - _CONTEXT_CHARS : start] if start > _CONTEXT_CHARS else " " + text[:start]
        if _NUMBERING.search(context):
            continue
        if not match.group().startswith("0.") and _in_scope(ipaddress.IPv4Address(match.group()), scope):
            yield Span(start, end, "ip")
    for match in IPV6.finditer(text) if ":" in text else ():
        start, end = match.span()
        if _continues(text, start - 1, ":.") or _continues(text, end, ":"):
            continue
        found = match.group()
        # `a::b` is a name in many programming languages: three groups and a digit make it an address.
        if sum(map(bool, found.split(":"))) < 3 or not any(char.isdigit() for char in found):
            continue
        try:
            address = ipaddress.IPv6Address(found)
        except ValueError:
            continue
        if _in_scope(address, scope):
            yield Span(start, end, "ip")


def _in_scope(address: ipaddress.IPv4Address | ipaddress.IPv6Address, scope: str) -> bool:
    if address.is_unspecified or address.is_loopback:
        return False
    return scope == "all" or address.is_global


def find_spans(text: str, params: PiiParams) -> list[Span]:
    """All findings in order; where two overlap the one that begins first stays, the longer one of two.

    What is found no longer touches its neighbours: the rest is searched again, so that redacting twice changes nothing.
    """
    spans: list[Span] = []
    while fresh := _find_once(text, params):
        spans += fresh
        parts, last = [], 0
        for span in fresh:
            parts += [text[last : span.start], ">" * (span.end - span.start)]
            last = span.end
        text = "".join([*parts, text[last:]])
    return sorted(spans)


def _find_once(text: str, params: PiiParams) -> list[Span]:
    found = [*find_emails(text)] if "email" in params.kinds else []
    if "ip" in params.kinds:
        found += find_ips(text, params.ip_scope)
    spans: list[Span] = []
    for span in sorted(found, key=lambda span: (span.start, -span.end)):
        if not spans or span.start >= spans[-1].end:
            spans.append(span)
    return spans


def replace_spans(text: str, spans: Sequence[Span], params: PiiParams) -> str:
    """The text with every span replaced by its placeholder; all other characters stay.

    >>> text = "write to a@example.org"
    >>> replace_spans(text, find_spans(text, PiiParams()), PiiParams())
    'write to <EMAIL>'
    """
    parts, last = [], 0
    for span in spans:
        parts += [text[last : span.start], params.placeholders[span.kind]]
        last = span.end
    return "".join([*parts, text[last:]])


def rewrite(texts: pa.LargeStringArray, batch: pa.RecordBatch, params: PiiParams) -> Rewritten:
    """Replace findings; counts per kind as int64 columns `email`, `ip`."""
    counts = {kind: np.zeros(len(texts), np.int64) for kind in params.kinds}
    sieve = pc.match_substring_regex(texts, "|".join(_SIEVE[kind] for kind in params.kinds))
    edits: list[tuple[int, str, int, int]] = []
    replaced: dict[int, str] = {}
    for row in np.flatnonzero(sieve.to_numpy(zero_copy_only=False)).tolist():
        text = texts[row].as_py()
        spans = find_spans(text, params)
        if spans:
            replaced[row] = replace_spans(text, spans, params)
        for span in spans:
            counts[span.kind][row] += 1
            edits.append((row, span.kind, span.start, span.end))
    if replaced:
        mask = np.zeros(len(texts), np.bool_)
        mask[list(replaced)] = True
        texts = pc.replace_with_mask(texts, pa.array(mask), pa.array(list(replaced.values()), pa.large_string()))
    record = pa.RecordBatch.from_pylist(
        [dict(zip(EDITS_SCHEMA.names, edit, strict=True)) for edit in edits], schema=EDITS_SCHEMA
    )
    return Rewritten(texts, {kind: pa.array(counts[kind]) for kind in params.kinds}, record)


PII = Rewrite(
    name="pii",
    summary="e-mail and IP addresses become placeholders",
    Params=PiiParams,
    columns=lambda params: {kind: pa.int64() for kind in params.kinds},
    rewrite=rewrite,
    rules=lambda params: [],
)
