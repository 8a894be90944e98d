"""A made-up result of any size, in seconds: all files of a real one, with input files, but of texts that nobody ran.

Its numbers agree with each other as those of a run do: kept + dropped = read, survivors are kept, clusters have the
sizes that they say. Its recipe is real, so that `explain` can run it once more.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from filters.chain import EDITS_LOG_SCHEMA, REJECTS_SCHEMA
from pipeline.recipe import Recipe, parse_recipe
from pipeline.yaml_document import load_yaml
from transforms.layout import FORMAT_VERSION, ROW_BITS
from transforms.manifest import Account, funnel
from transforms.marking import EXACT_SCHEMA, NEAR_SCHEMA, PAIRS_SCHEMA

FILES = 20
SOURCES = ("books", "forum", "news", "web")
_LANGUAGES = np.array(["en", "de", "fr", "ru", "zh", "es", "ja", "pt"])
_ROW_GROUP = 100_000
_KEPT, _SHORT, _UNSURE, _EXACT, _NEAR = range(5)
_SHARES = (0.70, 0.05, 0.05, 0.08, 0.12)
_FATES = {
    _SHORT: ("length", "too_few_words", 5.0),
    _UNSURE: ("language", "language_uncertain", 0.65),
    _EXACT: ("exact_dedup", "exact_duplicate", None),
    _NEAR: ("minhash_dedup", "near_duplicate", 0.8),
}


def write_result(folder: Path, documents: int, *, words: int = 40, seed: int = 1) -> tuple[Path, Path]:
    """Write `folder`/raw and `folder`/out: input files and a result of `documents` documents. Returns both."""
    drawn = np.random.default_rng(seed)
    raw, output = folder / "raw", folder / "out"
    per_file = documents // FILES
    paths = [raw / SOURCES[n % len(SOURCES)] / f"part-{n:03d}.parquet" for n in range(FILES)]
    keys = np.concatenate([(n << ROW_BITS) + np.arange(per_file) for n in range(FILES)])
    fate = drawn.choice(len(_SHARES), len(keys), p=_SHARES)
    fate[0] = _KEPT
    language = _LANGUAGES[drawn.zipf(1.6, len(keys)) % len(_LANGUAGES)]
    sizes = np.zeros(len(keys), np.int64)
    vocabulary = np.array([f"word{n}" for n in range(5000)])
    texts: list[str] = []
    for number, path in enumerate(paths):
        rows = slice(number * per_file, (number + 1) * per_file)
        chosen = vocabulary[drawn.integers(0, len(vocabulary), (per_file, words))]
        mine = [
            f"{' '.join(row)} document {key}" for row, key in zip(chosen.tolist(), keys[rows].tolist(), strict=True)
        ]
        sizes[rows] = [len(text) for text in mine]
        texts += mine
        url = [f"https://site{key % 997}.example/page/{key}" for key in keys[rows].tolist()]
        _write(path, [pa.table({"url": url, "text": mine})])
    survivor = _survivors(keys, fate, drawn)
    records = [
        _series(output, "shards", _shards(keys, fate, language, sizes, texts, survivor)),
        _series(output, "rejects", [_rejects(keys, fate, language, sizes, survivor, paths, drawn)]),
        _series(output, "edits", [_edits(keys, paths, drawn)]),
        _series(
            output, "dedup/exact_dedup/documents", [_documents(keys, fate == _EXACT, survivor, sizes, paths, drawn)]
        ),
        _series(
            output,
            "dedup/minhash_dedup/documents",
            [_documents(keys, fate == _NEAR, survivor, sizes, paths, drawn, near=True)],
        ),
        _series(output, "dedup/minhash_dedup/pairs", [_pairs(keys, fate == _NEAR, survivor, paths, drawn)]),
    ]
    manifest = _manifest(_recipe(raw, output), fate, sizes, paths, per_file, dict(records))
    (output / "manifest.json").write_text(json.dumps(manifest))
    return raw, output


def _recipe(raw: Path, output: Path) -> Recipe:
    stages = [
        {"length": {"min_words": 5}},
        {"language": {"min_score": 0.65}},
        {"pii": {"kinds": ["email"]}},
        "exact_dedup",
        {"minhash_dedup": {"bands": 14, "rows": 8}},
    ]
    data = {"input": {"paths": str(raw)}, "stages": stages, "output": {"path": str(output)}}
    return parse_recipe(load_yaml("synthetic.yaml", yaml.safe_dump(data)))


def _survivors(keys: np.ndarray, fate: np.ndarray, drawn: np.random.Generator) -> np.ndarray:
    """Who stands for each document: itself, or of a duplicate one that is kept, some of many."""
    kept = np.flatnonzero(fate == _KEPT)
    gone = np.flatnonzero((fate == _EXACT) | (fate == _NEAR))
    survivor = keys.copy()
    survivor[gone] = keys[kept[(drawn.pareto(0.5, len(gone)) * 100).astype(np.int64) % len(kept)]]
    return survivor


def _located(keys: np.ndarray, paths: list[Path]) -> dict[str, Any]:
    names = pa.array([str(path) for path in paths])
    files = names.take(pa.array(keys >> ROW_BITS))
    return {"doc_key": keys, "source_file": files, "source_row": keys & ((1 << ROW_BITS) - 1)}


def _like(schema: pa.Schema, columns: dict[str, Any]) -> pa.Table:
    """Columns in the order of a schema, source file and row behind the key, what is not given null."""
    rows = len(columns["doc_key"])
    names = [
        "doc_key",
        "source_file",
        "source_row",
        *(name for name in schema.names if name not in ("doc_key", "text")),
    ]
    arrays = {}
    for name in names:
        kind = schema.field(name).type if name in schema.names else None
        arrays[name] = pa.array(columns[name], kind) if name in columns else pa.nulls(rows, kind)
    return pa.table(arrays)


def _shards(
    keys: np.ndarray, fate: np.ndarray, language: np.ndarray, sizes: np.ndarray, texts: list[str], survivor: np.ndarray
) -> Iterator[pa.Table]:
    rows = np.flatnonzero(fate == _KEPT)
    size = dict(zip(*(part.tolist() for part in np.unique(survivor, return_counts=True)), strict=True))
    for part in np.array_split(rows, 5):
        mine = keys[part]
        yield pa.table(
            {
                "doc_key": mine,
                "url": [f"https://site{key % 997}.example/page/{key}" for key in mine.tolist()],
                "text": [texts[row] for row in part.tolist()],
                "length_chars": sizes[part],
                "length_words": np.full(len(part), 42),
                "language": language[part],
                "language_score": np.full(len(part), 0.9),
                "exact_dedup_cluster_size": np.ones(len(part), np.int64),
                "minhash_dedup_cluster_size": [size[key] for key in mine.tolist()],
            }
        )


def _rejects(
    keys: np.ndarray, fate: np.ndarray, language: np.ndarray, sizes: np.ndarray, survivor: np.ndarray,
    paths: list[Path], drawn: np.random.Generator,
) -> pa.Table:  # fmt: skip
    rows = np.flatnonzero(fate != _KEPT)
    mine, gone = keys[rows], fate[rows]
    duplicate = gone >= _EXACT
    return _like(
        REJECTS_SCHEMA,
        {
            **_located(mine, paths),
            "stage": [_FATES[one][0] for one in gone.tolist()],
            "reason": [_FATES[one][1] for one in gone.tolist()],
            "value": np.where(gone == _SHORT, 3.0, drawn.uniform(0.8, 1.0, len(rows))),
            "threshold": [_FATES[one][2] for one in gone.tolist()],
            "survivor": pa.array(survivor[rows], mask=~duplicate),
            "kept_as": pa.array(survivor[rows], mask=~duplicate),
            "language": pa.array(language[rows].tolist(), mask=gone == _SHORT),
            "text_bytes": sizes[rows],
        },
    )


def _edits(keys: np.ndarray, paths: list[Path], drawn: np.random.Generator) -> pa.Table:
    mine = np.sort(drawn.choice(keys, len(keys) // 10, replace=False))
    rows = len(mine)
    return _like(
        EDITS_LOG_SCHEMA,
        {
            **_located(mine, paths),
            "stage": ["pii"] * rows,
            "kind": ["email"] * rows,
            "start": np.arange(rows),
            "end": np.arange(rows) + 9,
            "action": ["redact"] * rows,
        },
    )


def _documents(
    keys: np.ndarray, gone: np.ndarray, survivor: np.ndarray, sizes: np.ndarray, paths: list[Path],
    drawn: np.random.Generator, *, near: bool = False,
) -> pa.Table:  # fmt: skip
    stays = np.isin(keys, survivor[gone])
    rows = np.flatnonzero(gone | stays)
    mine, theirs = keys[rows], np.where(gone[rows], survivor[rows], keys[rows])
    distinct, place, count = np.unique(theirs, return_inverse=True, return_counts=True)
    least = np.full(len(distinct), np.iinfo(np.int64).max)
    np.minimum.at(least, place, mine)
    columns = {**_located(mine, paths), "survivor": theirs, "cluster": least[place], "cluster_size": count[place]}
    if near:
        columns |= {
            "similarity": np.where(gone[rows], drawn.uniform(0.8, 1.0, len(rows)), 1.0),
            "shared_bands": np.where(gone[rows], drawn.integers(1, 14, len(rows)), 0),
            "component": least[place],
            "component_size": count[place],
            "same_as": mine,
            "compared": gone[rows].astype(np.int64),
            "decided": np.ones(len(rows), np.bool_),
            "paired": np.ones(len(rows), np.bool_),
            "text_bytes": sizes[rows],
            "ranks": [[]] * len(rows),
        }
    return _like(NEAR_SCHEMA if near else EXACT_SCHEMA, columns)


def _pairs(
    keys: np.ndarray, gone: np.ndarray, survivor: np.ndarray, paths: list[Path], drawn: np.random.Generator
) -> pa.Table:
    rows = np.repeat(np.flatnonzero(gone), 4)
    return _like(
        PAIRS_SCHEMA,
        {
            **_located(keys[rows], paths),
            "other": survivor[rows],
            "similarity": drawn.uniform(0.5, 1.0, len(rows)),
            "shared_bands": drawn.integers(1, 14, len(rows)),
        },
    )


def _series(output: Path, series: str, tables: Any) -> tuple[str, list[dict[str, Any]]]:
    parts = list(tables)
    files = []
    for number, table in enumerate(parts):
        path = f"{series}/part-{number:05d}-of-{len(parts):05d}.parquet"
        data = _write(output / path, [table])
        files.append(
            {
                "path": path,
                "rows": len(table),
                "text_bytes": 0,
                "size": len(data),
                "sha256": hashlib.sha256(data).hexdigest(),
            }
        )
    return series, files


def _write(path: Path, tables: list[pa.Table]) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    with pq.ParquetWriter(path, tables[0].schema, compression="zstd") as writer:
        for table in tables:
            writer.write_table(table, row_group_size=_ROW_GROUP)
    return path.read_bytes()


def _manifest(
    recipe: Recipe, fate: np.ndarray, sizes: np.ndarray, paths: list[Path], per_file: int, files: dict[str, Any]
) -> dict[str, Any]:
    tally = Account().tally
    tally.add(("read", "read"), len(fate), int(sizes.sum()))
    for number, (stage, reason, _) in _FATES.items():
        tally.add((stage, reason), int((fate == number).sum()), int(sizes[fate == number].sum()))
    steps = funnel(tally, [(stage.id, stage.name) for stage in recipe.stages])
    return {
        "format_version": FORMAT_VERSION,
        "versions": {"beamsift": "synthetic"},
        "runner": {"name": "local", "workers": 1},
        "recipe": recipe.as_dict(),
        "inputs": [
            {"ordinal": n, "path": str(path), "size": path.stat().st_size, "rows": per_file}
            for n, path in enumerate(paths)
        ],
        "seconds": 100.0,
        "read": steps[0]["in"],
        "kept": steps[-1]["out"],
        "annotate_only": False,
        "stages": steps,
        "warnings": [],
        "files": files,
    }
