"""Numbers about a result, from its manifest and Parquet files: funnel, languages, duplicates, cluster sizes."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from transforms.files import join, open_filesystem
from transforms.layout import load_manifest

_SIZE_CLASSES = (2, 3, 4, 5, 10, 100, 1000)


def collect_stats(output: str) -> dict[str, Any]:
    """Everything `beamsift stats` shows, as plain data. Raises OutputError if the folder is not a result."""
    manifest = load_manifest(output)
    language = next((s["id"] for s in manifest["stages"] if s["name"] == "language"), None)
    dedups = [s["id"] for s in manifest["stages"] if s["name"] in ("exact_dedup", "minhash_dedup")]
    return {
        "output": output,
        "seconds": manifest["seconds"],
        "read": manifest["read"],
        "kept": manifest["kept"],
        "stages": manifest["stages"],
        "files": {series: _totals(files) for series, files in manifest["files"].items()},
        "languages": _languages(output, manifest, language) if language else [],
        "duplicates": {stage: _clusters(output, manifest, stage) for stage in dedups},
    }


def _totals(files: list[dict[str, Any]]) -> dict[str, int]:
    return {"files": len(files), **{key: sum(file[key] for file in files) for key in ("rows", "size")}}


def _read(output: str, manifest: dict[str, Any], series: str, columns: list[str]) -> pa.Table:
    """Some columns of all files of a series."""
    tables = []
    for file in manifest["files"].get(series, []):
        filesystem, path = open_filesystem(join(output, file["path"]))
        with filesystem.open_input_file(path) as source:
            tables.append(pq.read_table(source, columns=columns))
    return pa.concat_tables(tables)


def _languages(output: str, manifest: dict[str, Any], column: str) -> list[dict[str, Any]]:
    """Documents kept by language, most first."""
    counts = pc.value_counts(_read(output, manifest, "shards", [column])[column])
    found = [{"language": entry["values"].as_py(), "documents": entry["counts"].as_py()} for entry in counts]
    return sorted(found, key=lambda row: (-row["documents"], str(row["language"])))


def _clusters(output: str, manifest: dict[str, Any], stage: str) -> dict[str, Any]:
    """Clusters of one deduplication: how many, how large, which are the largest."""
    table = _read(output, manifest, f"dedup/{stage}", ["doc_key", "survivor", "cluster_size"])
    survivors = table.filter(pc.equal(table["doc_key"], table["survivor"]))
    sizes = survivors["cluster_size"].to_numpy()
    classes = Counter(np.searchsorted(_SIZE_CLASSES, sizes, side="right").tolist())
    largest = np.argsort(-sizes, kind="stable")[:5]
    return {
        "clusters": len(survivors),
        "documents": len(table),
        "dropped": len(table) - len(survivors),
        "sizes": [{"size": _class_name(i), "clusters": classes[i]} for i in sorted(classes)],
        "largest": [{"survivor": survivors["doc_key"][int(i)].as_py(), "documents": int(sizes[i])} for i in largest],
    }


def _class_name(index: int) -> str:
    """Name of the cluster sizes between two bounds.

    >>> [_class_name(i) for i in (1, 4, 5, 7)]
    ['2', '5-9', '10-99', '1000+']
    """
    first = _SIZE_CLASSES[index - 1]
    if index == len(_SIZE_CLASSES):
        return f"{first}+"
    last = _SIZE_CLASSES[index] - 1
    return str(first) if first == last else f"{first}-{last}"
