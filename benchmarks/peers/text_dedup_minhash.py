"""Peer: text-dedup's MinHash command, one process, with its own tokens (what lies between non-word characters)."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from datasets import load_from_disk
from peer_io import BANDS, ROWS, SHINGLE, THRESHOLD, measured, read_texts
from text_dedup.minhash import main


def prepare(folder: Path) -> Path:
    """The texts with their row numbers."""
    texts = read_texts(sys.argv[1])
    pq.write_table(pa.table({"text": texts, "row": list(range(len(texts)))}), folder / "in.parquet")
    return folder / "in.parquet"


def work(folder: Path, source: Path) -> list[int]:
    """Run the command here, so that its imports stay outside the clock; the row numbers that come out.

    It drops texts below `min_length` tokens unless told otherwise, which is no deduplication: none here.
    """
    options = {
        "path": "parquet", "data_files": source, "split": "train", "cache_dir": folder / "cache",
        "output": folder / "out", "column": "text", "batch_size": 10_000, "num_proc": 1, "ngram": SHINGLE,
        "min_length": 0, "num_perm": BANDS * ROWS, "threshold": THRESHOLD, "b": BANDS, "r": ROWS,
        "hash_func": "xxh3", "hash_bits": 32,
    }  # fmt: skip
    main([word for name, value in options.items() for word in (f"--{name}", str(value))], standalone_mode=False)
    return sorted(load_from_disk(str(folder / "out"))["row"])


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        given = prepare(Path(temporary))
        measured("text-dedup", lambda: work(Path(temporary), given))
