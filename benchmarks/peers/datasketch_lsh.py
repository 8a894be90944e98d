"""Peer: datasketch's MinHashLSH, as its documentation loops it: query, insert where nothing was found."""

from __future__ import annotations

import sys

from datasketch import MinHash, MinHashLSH
from peer_io import BANDS, ROWS, measured, read_texts, shingles


def work() -> list[int]:
    """Each text is dropped if the index has a candidate for it; a text without shingles stays."""
    index = MinHashLSH(num_perm=BANDS * ROWS, params=(BANDS, ROWS))
    kept = []
    for row, text in enumerate(read_texts(sys.argv[1])):
        sketch = MinHash(num_perm=BANDS * ROWS)
        found = shingles(text)
        sketch.update_batch(found)
        if not found or not index.query(sketch):
            kept.append(row)
            if found:
                index.insert(row, sketch)
    return kept


if __name__ == "__main__":
    measured("datasketch", work)
