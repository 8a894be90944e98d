"""Peer: datasketch's MinHashLSH: query, insert where nothing was found."""

from __future__ import annotations

import sys

from datasketch import MinHash, MinHashLSH
from peer_io import BANDS, ROWS, measured, query_then_insert, read_texts


def sketch(found: list[bytes]) -> MinHash:
    """MinHash of a text's shingles."""
    made = MinHash(num_perm=BANDS * ROWS)
    made.update_batch(found)
    return made


if __name__ == "__main__":
    index = MinHashLSH(num_perm=BANDS * ROWS, params=(BANDS, ROWS))
    measured("datasketch", lambda: query_then_insert(read_texts(sys.argv[1]), index, sketch))
