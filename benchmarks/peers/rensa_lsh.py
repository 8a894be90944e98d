"""Peer: rensa's RMinHashLSH: query, insert where nothing was found."""

from __future__ import annotations

import sys

from peer_io import BANDS, ROWS, THRESHOLD, measured, query_then_insert, read_texts
from rensa import RMinHash, RMinHashLSH

_SEED = 42


def sketch(found: list[bytes]) -> RMinHash:
    """MinHash of a text's shingles."""
    made = RMinHash(BANDS * ROWS, _SEED)
    made.update(found)
    return made


if __name__ == "__main__":
    index = RMinHashLSH(THRESHOLD, BANDS * ROWS, BANDS)
    measured("rensa", lambda: query_then_insert(read_texts(sys.argv[1]), index, sketch))
