"""A result to look into: the sample corpus in two folders, beside a file of texts that mean ill to a terminal."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

ESCAPE, EIGHT_BIT, OVERRIDE, MARKUP = "\x1b[2J\x1b]0;owned\x07", "\x9b31m", "\u202egnp.exe", "[bold red]:smile:[/x]"
HOSTILE = f"{ESCAPE} {EIGHT_BIT} {OVERRIDE} {MARKUP} \u2028 \r \x08"
SECRET = "someone.secret@corp-mail.com"
"""Stands in a text; the recipe redacts it."""


def hostile_rows() -> list[dict[str, Any]]:
    """Documents that are kept, dropped by a rule, exact and near duplicates, all with HOSTILE in text and URL."""
    body = " ".join(f"word{n}" for n in range(80))
    other = " ".join(f"thing{n}" for n in range(80))
    texts = [
        f"{HOSTILE} {body}",
        f"{HOSTILE} {body}",
        f"{HOSTILE} {body} one more word",
        HOSTILE[:20],
        f"{other} {HOSTILE} write to {SECRET} for more",
    ]
    return [{"text": text, "url": f"https://evil{HOSTILE}.example/{n}"} for n, text in enumerate(texts)]


def recipe(raw: Path, **output: Any) -> dict[str, Any]:
    """Every kind of stage, budgets, small files and row groups."""
    return {
        "input": {"paths": str(raw)},
        "stages": [
            {"length": {"min_chars": 30, "min_words": 5}},
            {"language": {"min_score": 0.2}},
            {"pii": {"kinds": ["email"]}},
            {"exact_dedup": {"normalise": "whitespace"}},
            {"minhash_dedup": {"threshold": 0.8, "bands": 14, "rows": 8}},
        ],
        "output": {"shard_bytes": 300_000, "row_group_bytes": 20_000, **output},
        "guards": {
            "budgets": [
                {"by": "language", "max_removed": 0.05, "min_documents": 10},
                {"by": "source", "max_removed": 0.9, "stages": ["minhash_dedup"]},
            ]
        },
    }


def write_raw(sample: Path, folder: Path) -> Path:
    """Lay out the input below `folder`/raw."""
    raw = folder / "raw"
    for number, path in enumerate(sorted((sample / "raw").iterdir())):
        target = raw / ("one" if number < 3 else "two") / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    pq.write_table(pa.Table.from_pylist(hostile_rows()), raw / "two" / "x\x1b[31m[red].parquet")
    return raw
