"""Peer: datatrove's four MinHash steps with FineWeb's layout, one process, its English word tokeniser."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from datatrove.executor.local import LocalPipelineExecutor
from datatrove.pipeline.dedup import (
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupFilter,
    MinhashDedupSignature,
)
from datatrove.pipeline.dedup.minhash import MinhashConfig
from datatrove.pipeline.readers import ParquetReader
from datatrove.pipeline.writers import JsonlWriter
from peer_io import BANDS, ROWS, SHINGLE, measured, read_texts


def prepare(folder: Path) -> str:
    """The texts with their row numbers as ids, where datatrove's reader looks for them."""
    texts = read_texts(sys.argv[1])
    (folder / "in").mkdir()
    table = pa.table({"text": texts, "id": [str(row) for row in range(len(texts))]})
    pq.write_table(table, folder / "in" / "a.parquet")
    return str(folder / "in")


def work(folder: Path, source: str) -> list[int]:
    """Signatures, buckets, clusters, filter; the ids that come out."""
    config = MinhashConfig(n_grams=SHINGLE, num_buckets=BANDS, hashes_per_bucket=ROWS)
    names = ("signatures", "buckets", "remove", "out")
    signatures, buckets, remove, out = (str(folder / name) for name in names)
    steps = (
        (1, [ParquetReader(source), MinhashDedupSignature(signatures, config)]),
        (BANDS, [MinhashDedupBuckets(signatures, buckets, config=config)]),
        (1, [MinhashDedupCluster(buckets, remove, config=config)]),
        (1, [ParquetReader(source), MinhashDedupFilter(remove), JsonlWriter(out, compression=None)]),
    )
    for number, (tasks, pipeline) in enumerate(steps):
        LocalPipelineExecutor(pipeline, tasks=tasks, workers=1, logging_dir=str(folder / f"log{number}")).run()
    kept = []
    for path in Path(out).iterdir():
        with path.open(encoding="utf-8", newline="\n") as lines:  # a text may hold other line breaks, as U+2028
            kept += [int(json.loads(line)["id"]) for line in lines]
    return sorted(kept)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        given = prepare(Path(temporary))
        measured("datatrove", lambda: work(Path(temporary), given))
