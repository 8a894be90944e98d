"""What every peer's script does around its work: read the texts, take the time, write what stays."""

from __future__ import annotations

import json
import re
import resource
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

BANDS, ROWS, SHINGLE, THRESHOLD = 14, 8, 5, 0.8
TOKEN = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff]"
    "|[^\\W_\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff]+"
)
"""Tokens as in `benchmarks.corpus`, which a peer's environment cannot import."""


def read_texts(path: str) -> list[str]:
    """The column `text` of a Parquet file."""
    import pyarrow.parquet as pq

    texts: list[str] = pq.read_table(path, columns=["text"])["text"].to_pylist()
    return texts


def shingles(text: str) -> list[bytes]:
    """Distinct shingles of a text, for libraries that leave them to their caller."""
    tokens = TOKEN.findall(text.lower())
    last = max(1, len(tokens) - SHINGLE + 1) if tokens else 0
    return list({" ".join(tokens[i : i + SHINGLE]).encode(errors="replace") for i in range(last)})


def query_then_insert(texts: list[str], index: Any, sketch: Callable[[list[bytes]], Any]) -> list[int]:
    """Rows that stay when each text is dropped for any candidate in the index, else put into it.

    So the documentation of datasketch and of rensa loop it. A text without shingles stays.
    """
    kept = []
    for row, text in enumerate(texts):
        found = shingles(text)
        sketched = sketch(found) if found else None
        if sketched is None or not index.query(sketched):
            kept.append(row)
            if sketched is not None:
                index.insert(row, sketched)
    return kept


def peak_mib() -> float:
    """Most memory that this process, or one it waited for, ever held.

    Not `ru_maxrss` of this process where the kernel says it otherwise: Linux lets a new program begin with the peak
    of the process that started it, here the benchmark, which holds more than some peers.
    """
    waited_for = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    status = Path("/proc/self/status")
    if status.exists():
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="utf-8"))
        own = int(found[1]) if found else 0
    else:
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    scale = 2**20 if sys.platform == "darwin" else 2**10
    return max(own, waited_for) / scale


def measured(package: str, work: Callable[[], list[int]]) -> None:
    """Run `work`, which gives the rows that stay, and write them with what it took to the file named second."""

    def processor() -> float:
        kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, kinds))

    before, cpu = time.perf_counter(), processor()
    kept = work()
    seconds, cpu = time.perf_counter() - before, processor() - cpu
    result = {
        "version": version(package),
        "seconds": seconds,
        "cpu_seconds": cpu,
        "peak_mib": peak_mib(),
        "kept": kept,
    }
    Path(sys.argv[2]).write_text(json.dumps(result), encoding="utf-8")
