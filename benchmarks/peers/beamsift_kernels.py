"""Not a peer: our kernels over texts in memory, in a process of their own like the peers, so that memory compares."""

from __future__ import annotations

import sys
from pathlib import Path

from peer_io import measured, read_texts

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.dedup_peers import ours
from filters.texts import as_text_array


def work() -> list[int]:
    """Rows that stay."""
    return ours(as_text_array(read_texts(sys.argv[1])))


if __name__ == "__main__":
    ours(as_text_array(["a b c d e f", "a b c d e f", "g"] * 20))  # compiles, as imports do outside the clock
    measured("beamsift", work)
