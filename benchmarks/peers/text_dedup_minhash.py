"""Peer: text-dedup's MinHash command, with its own tokens (runs of word characters), two processes."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from datasets import load_from_disk
from peer_io import BANDS, ROWS, SHINGLE, THRESHOLD, measured, read_texts


def work(folder: Path) -> list[int]:
    """Run the command; the row numbers that come out. The first shingle-less text stands for all of them there."""
    texts = read_texts(sys.argv[1])
    pq.write_table(pa.table({"text": texts, "row": list(range(len(texts)))}), folder / "in.parquet")
    options = {
        "path": "parquet", "data_files": folder / "in.parquet", "split": "train", "cache_dir": folder / "cache",
        "output": folder / "out", "column": "text", "batch_size": 10_000, "num_proc": 2, "ngram": SHINGLE,
        "min_length": 0, "num_perm": BANDS * ROWS, "threshold": THRESHOLD, "b": BANDS, "r": ROWS,
        "hash_func": "xxh3", "hash_bits": 32,
    }  # fmt: skip
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    subprocess.run([sys.executable, "-m", "text_dedup.minhash", *words], check=True, cwd=folder)
    return sorted(load_from_disk(str(folder / "out"))["row"])


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        measured("text-dedup", lambda: work(Path(temporary)))
