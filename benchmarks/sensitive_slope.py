"""Benchmark `sensitive_slope`: time per MB of one line of 1 and 10 MB, of ordinary text and of text made to be slow."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle
from pathlib import Path

import pyarrow as pa

from benchmarks.report import Result
from benchmarks.sensitive_examples import examples
from benchmarks.sensitive_peers import CORPUS
from filters.detectors.catalog import DETECTORS
from filters.detectors.scan import scan

MEGABYTES = (1, 10)

REPEATED: Mapping[str, str] = {
    "digits": "8675309",
    "digits and spaces": "8 6 7 5 3 0 9 ",
    "dotted ones": "1.",
    "addresses": "8.8.4.4 ",
    "a@": "a@",
    "a@b.": "a@b.",
    "e-mail": "a@example.com ",
    "colons": ":",
    "hexadecimal and colons": "fe80:",
    "eyJ": "eyJ",
    "eyJ.": "eyJhbGciOiJIUzI1NiJ9.",
    "base64": "TWFuIGlzIGRpc3Rpbmd1aXNoZWQ",
    "-----BEGIN": "-----BEGIN RSA PRIVATE KEY-----",
    "-----BEGIN A": "-----BEGIN A ",
    "+1 (": "+1 (",
    "+1 (4": "+1 (408) ",
    "://:": "://a:",
    "a://b:c@": "a://b:c@",
    "password=": "password=",
    "secret key": "aws_secret_key ",
    "(at)": "a (at) ",
    "a dot": "a dot ",
    "1 Main": "1 Main ",
    "card": "4111 1111 1111 1111 ",
    "IBAN": "DE89 3704 0044 0532 0130 00 ",
    "AB12": "AB12",
    "0x": "0x0123456789abcdef",
    "<PHONE>": "<PHONE> ",
    "digits of full width": "４１１１ １１１１ １１１１ １１１１ ",
    "Arabic digits": "٠١٠٠ ١٢٣٤٥٦٧ ",
    "no-break spaces": "4 1\u00a01 1\u00a0",
    "range": "8.8.4.4-8.8.4.9 ",
    "Python 45": "Python 45.1.2.3 ",
    "://é:": "://é:",
}
"""What is said again and again. Each aims at a shape that could look further and further ahead for every beginning, or
at a list of findings that could be gone through for every finding."""


def one_line(texts: pa.LargeStringArray, size: int) -> str:
    """`size` characters of the texts on one line."""
    parts, held = [], 0
    for text in cycle(texts.to_pylist()):
        parts.append(" ".join(text.split()))
        held += len(parts[-1]) + 1
        if held >= size:
            return " ".join(parts)[:size]
    return ""


def inputs(texts: pa.LargeStringArray, size: int, lines: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Texts of `size` bytes or little more on one line, by name: ordinary text, REPEATED, and `lines` of values."""
    yield "ordinary text", one_line(texts, size)
    for name, part in [*REPEATED.items(), *((f"`{kind}`", line) for kind, line in lines.items())]:
        yield name, part * -(-size // len(part.encode()))


def measure(texts: pa.LargeStringArray, megabytes: Sequence[float] = MEGABYTES, corpus: Path = CORPUS) -> Result:
    """Scan each input in every size for all kinds, once. corpus: labelled files, for a value of every kind."""
    detectors = tuple(DETECTORS.values())
    scan(texts.slice(0, 10), detectors)
    lines = examples(corpus)
    taken: dict[str, list[float]] = {}
    for size in megabytes:
        for name, text in inputs(texts, int(size * 1e6), lines):
            given = pa.array([text], pa.large_string())
            started = time.process_time()
            scan(given, detectors)
            taken.setdefault(name, []).append((time.process_time() - started) / (len(text.encode()) / 1e6))
    return Result(
        "sensitive_slope",
        "Personal data and secrets: seconds per MB of one line",
        ("", *(f"{size:g} MB" for size in megabytes), "last / first"),
        tuple(
            (name, *(f"{t:.3f}" for t in seconds), f"{seconds[-1] / max(seconds[0], 1e-9):.2f}")
            for name, seconds in taken.items()
        ),
        (
            f"All {len(detectors)} kinds, processor time, one run; the names say what the line repeats.",
            "Linear where the numbers of a row are about the same.",
            "Names of kinds: a value of the kind with the words before it, nothing else."
            if lines
            else f"No values of every kind: {corpus} has no labelled files.",
        ),
        {"megabytes": list(megabytes), "runs": [{"name": n, "seconds_per_mb": t} for n, t in taken.items()]},
    )
