"""Numbers about a result, from its manifest and Parquet files: funnel, languages, duplicates, cluster sizes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from filters.annotate import WOULD_DROP_AT
from filters.errors import OutputError
from transforms.files import join, open_filesystem
from transforms.filesystems import FILE_ERRORS, reason
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
        "annotate_only": manifest.get("annotate_only", False),
        "stages": manifest["stages"],
        "files": {series: _totals(files) for series, files in manifest["files"].items()},
        "languages": _languages(output, manifest, language) if language else [],
        "duplicates": {stage: _clusters(output, manifest, stage) for stage in dedups},
    }


def _totals(files: list[dict[str, Any]]) -> dict[str, int]:
    return {"files": len(files), **{key: sum(file[key] for file in files) for key in ("rows", "size")}}


def read_series(output: str, manifest: dict[str, Any], series: str, columns: list[str]) -> Iterator[pa.Table]:
    """Some columns of all files of a series, row group by row group. Raises OutputError naming a file that is gone."""
    for file in manifest["files"].get(series, []):
        uri = join(output, file["path"])
        try:
            filesystem, path = open_filesystem(uri)
            with filesystem.open_input_file(path) as source:
                reader = pq.ParquetFile(source)
                if not reader.num_row_groups:  # no row, but a schema
                    yield reader.read(columns=columns)
                for group in range(reader.num_row_groups):
                    yield reader.read_row_group(group, columns=columns)
        except FILE_ERRORS as error:
            raise OutputError(
                f"{uri}, which the manifest lists, cannot be read ({reason(error)}); "
                "bring the file back or run the recipe again"
            ) from error


def _languages(output: str, manifest: dict[str, Any], column: str) -> list[dict[str, Any]]:
    """Documents kept by language, most first; of an annotated result those that a run would keep."""
    counts: Counter[str | None] = Counter()
    marked = [WOULD_DROP_AT] if manifest.get("annotate_only") else []
    for table in read_series(output, manifest, "shards", [column, *marked]):
        if marked:
            table = table.filter(pc.is_null(table[WOULD_DROP_AT]))
        for entry in pc.value_counts(table[column]):
            counts[entry["values"].as_py()] += entry["counts"].as_py()
    found = [{"language": name, "documents": documents} for name, documents in counts.items()]
    return sorted(found, key=lambda row: (-row["documents"], str(row["language"])))


def _clusters(output: str, manifest: dict[str, Any], stage: str) -> dict[str, Any]:
    """Clusters of one deduplication: how many, how large, which are the largest."""
    documents = clusters = 0
    classes: Counter[int] = Counter()
    largest = np.zeros((0, 2), np.int64)  # (key of the survivor, documents), most documents first, then by key
    columns = ["doc_key", "survivor", "cluster_size"]
    for table in read_series(output, manifest, f"dedup/{stage}/documents", columns):
        table = table.filter(pc.greater(table["cluster_size"], 1))
        keys, survivors, sizes = (table[name].to_numpy() for name in columns)
        stays = keys == survivors
        documents += len(keys)
        clusters += int(stays.sum())
        classes.update(np.searchsorted(_SIZE_CLASSES, sizes[stays], side="right").tolist())
        largest = np.concatenate([largest, np.stack([keys[stays], sizes[stays]], axis=1)])
        largest = largest[np.argsort(-largest[:, 1], kind="stable")[:5]]
    return {
        "clusters": clusters,
        "documents": documents,
        "dropped": documents - clusters,
        "sizes": [{"size": _class_name(i), "clusters": classes[i]} for i in sorted(classes)],
        "largest": [{"survivor": key, "documents": size} for key, size in largest.tolist()],
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
