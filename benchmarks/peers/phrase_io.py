"""What every script about phrase lists does: build, measure memory, search, write what it took."""

from __future__ import annotations

import gc
import json
import re
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from peer_io import peak_mib


def held_bytes() -> int:
    """Memory of this process now; 0 where the kernel does not say."""
    status = Path("/proc/self/status")
    found = re.search(r"VmRSS:\s+(\d+) kB", status.read_text(encoding="utf-8")) if status.exists() else None
    return int(found[1]) * 1024 if found else 0


def searched(build: Callable[[], Any], search: Callable[[Any], int]) -> tuple[Any, dict[str, float]]:
    """(what was built, processor seconds of building and of searching, bytes more than before, hits)."""
    gc.collect()
    before, started = held_bytes(), time.process_time()
    index = build()
    built = time.process_time()
    gc.collect()
    more, again = held_bytes() - before, time.process_time()
    hits = search(index)
    took = time.process_time() - again
    return index, {"build_seconds": built - started, "search_seconds": took, "more_bytes": more, "hits": hits}


def report(index: Any, numbers: dict[str, float], package: str = "", index_bytes: bool = False) -> None:
    """Write the numbers to the file named second."""
    told: dict[str, Any] = {**numbers, "peak_mib": peak_mib(), "version": version(package) if package else ""}
    if index_bytes:
        told["index_bytes"] = index.nbytes
    Path(sys.argv[2]).write_text(json.dumps(told), encoding="utf-8")
