"""Corpora with duplicates of every degree, recipes, rows: what whole runs of deduplication are tested with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

NEAR = {"minhash_dedup": {"threshold": 0.8, "bands": 20, "rows": 6}}

Runner = Callable[..., tuple[dict[str, Any], Path]]


def rows(output: Path, series: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ds.dataset(output / series, format="parquet").to_table().to_pylist()
    return found


def near(**params: Any) -> dict[str, Any]:
    return {"minhash_dedup": {**NEAR["minhash_dedup"], **params}}


def families(seed: int = 1, originals: int = 40) -> list[str]:
    """Texts in families of edited copies, at every similarity, with exact copies and chains."""
    chance = np.random.default_rng(seed)
    texts = []
    for number in range(originals):
        text = [f"w{number}x{chance.integers(0, 400)}" for _ in range(int(chance.integers(20, 120)))]
        texts.append(" ".join(text))
        for _ in range(int(chance.integers(0, 6))):
            for place in chance.integers(0, len(text), int(chance.integers(0, 4))):
                text[place] = f"new{chance.integers(0, 10**6)}"
            texts.append(" ".join(text))
    return [texts[i] for i in chance.permutation(len(texts))]


def write(folder: Path, texts: list[str], files: int = 3, **columns: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    table = pa.table({"text": texts, "id": [f"d{i}" for i in range(len(texts))], **columns})
    size = -(-len(texts) // files)
    for number in range(files):
        pq.write_table(table.slice(number * size, size), folder / f"part-{number}.parquet", row_group_size=7)
    return folder


def write_families(folder: Path) -> Path:
    """`families` with a column `quality`, some of it null."""
    texts = families(seed=3)
    chance = np.random.default_rng(0)
    quality = pa.array([None if q < 0.1 else q for q in chance.random(len(texts))], pa.float64())
    return write(folder, texts, quality=quality)


BASE = " ".join(f"w{i}" for i in range(100))
LONGER = BASE + " and a little more"
OTHER = "something else that is like nothing in the other documents of this corpus at all"
