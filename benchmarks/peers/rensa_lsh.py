"""Peer: rensa's RMinHashLSH, looped as datasketch's: query, insert where nothing was found."""

from __future__ import annotations

import sys

from peer_io import BANDS, ROWS, THRESHOLD, measured, read_texts, shingles
from rensa import RMinHash, RMinHashLSH


def work() -> list[int]:
    """Each text is dropped if the index has a candidate for it; a text without shingles stays."""
    index = RMinHashLSH(THRESHOLD, BANDS * ROWS, BANDS)
    kept = []
    for row, text in enumerate(read_texts(sys.argv[1])):
        sketch = RMinHash(BANDS * ROWS, 42)
        found = shingles(text)
        sketch.update(found)
        if not found or not index.query(sketch):
            kept.append(row)
            if found:
                index.insert(row, sketch)
    return kept


if __name__ == "__main__":
    measured("rensa", work)
