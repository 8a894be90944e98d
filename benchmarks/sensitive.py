"""Benchmark `sensitive`: all detectors together and by group, beside a plain search for e-mail and IPv4 addresses."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from statistics import median

import pyarrow as pa
import re2

from benchmarks.report import Result
from benchmarks.timing import cpu_seconds, interleave
from filters.detectors.catalog import DETECTORS
from filters.detectors.contract import Detector
from filters.detectors.scan import scan
from filters.texts import byte_lengths

BATCH_ROWS = 4096
EMAIL = r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"
IPV4 = r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}"


def plain_search(texts: list[str], compile_pattern: Callable[[str], re.Pattern[str]]) -> int:
    """What one writes first: two patterns, and `ipaddress` for the second.

    >>> plain_search(["a@b.org 8.8.8.8 999.1.1.1"], re.compile)
    2
    """
    email, address = compile_pattern(EMAIL), compile_pattern(IPV4)
    found = 0
    for text in texts:
        found += sum(1 for _ in email.finditer(text))
        found += sum(_is_address(match.group()) for match in address.finditer(text))
    return found


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def contenders() -> dict[str, tuple[Detector, ...]]:
    """Detectors by what the table calls them: all, e-mail and IPv4 as the plain search, every group."""
    groups = dict.fromkeys(detector.group for detector in DETECTORS.values())
    return {
        "all kinds": tuple(DETECTORS.values()),
        "email, ipv4": (DETECTORS["ipv4"], DETECTORS["email"]),
        **{group: tuple(d for d in DETECTORS.values() if d.group == group) for group in groups},
    }


def measure(texts: pa.LargeStringArray, repeats: int) -> Result:
    """Scan the same texts with each, after one short scan that compiles patterns."""
    batches = [texts.slice(first, BATCH_ROWS) for first in range(0, len(texts), BATCH_ROWS)]
    listed = texts.to_pylist()
    found: dict[str, int] = {}

    def scanning(name: str, detectors: tuple[Detector, ...]) -> Callable[[], None]:
        def run() -> None:
            found[name] = sum(len(scan(batch, detectors)) for batch in batches)

        return run

    def searching(name: str, compile_pattern: Callable[[str], re.Pattern[str]]) -> Callable[[], None]:
        def run() -> None:
            found[name] = plain_search(listed, compile_pattern)

        return run

    works = {f"{name} ({len(ds)})": scanning(f"{name} ({len(ds)})", ds) for name, ds in contenders().items()}
    works["plain Python re: email, ipv4"] = searching("plain Python re: email, ipv4", re.compile)
    works["plain RE2: email, ipv4"] = searching("plain RE2: email, ipv4", re2.compile)
    for detectors in contenders().values():
        scan(texts.slice(0, 50), detectors)
    seconds = interleave({name: lambda work=work: cpu_seconds(work) for name, work in works.items()}, repeats)
    size = int(byte_lengths(texts).sum()) / 1e6
    return Result(
        "sensitive",
        "Personal data and secrets",
        ("", "MB/s per core", "slowest - fastest", "found"),
        tuple(
            (
                name,
                f"{size / median(taken):,.1f}",
                f"{size / max(taken):,.1f} - {size / min(taken):,.1f}",
                f"{found[name]:,}",
            )
            for name, taken in seconds.items()
        ),
        (
            f"{len(texts):,} texts, {size:,.1f} MB, in batches of {BATCH_ROWS:,} rows; processor time, "
            f"median of {repeats} interleaved rounds. In brackets how many kinds are looked for.",
            "The plain searches take anything of the shape, version numbers too.",
        ),
        {
            "texts": len(texts),
            "mb": size,
            "repeats": repeats,
            "runs": [
                {"name": name, "cpu_seconds": taken, "mb_per_s": size / median(taken), "found": found[name]}
                for name, taken in seconds.items()
            ],
        },
    )
