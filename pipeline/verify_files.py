"""Files of a result beside what the manifest says of them: there, complete, the same bytes, the same numbers."""

from __future__ import annotations

import hashlib
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from filters.texts import byte_lengths
from transforms.corpus import TEXT_BYTES
from transforms.files import files_below, join, open_filesystem
from transforms.filesystems import FILE_ERRORS, reason
from transforms.layout import OWN_FOLDERS, STAGING

_CHUNK = 8 << 20


def check_files(output: str, manifest: dict[str, Any]) -> tuple[int, list[tuple[str, str]]]:
    """(files looked at, findings): size, SHA-256, rows and bytes of text of every file that the manifest lists."""
    findings, count = [], 0
    text = manifest["recipe"]["input"]["text_column"]
    for series, files in manifest["files"].items():
        for file in files:
            count += 1
            what = _damage(join(output, file["path"]), file, text if series == "shards" else TEXT_BYTES)
            if what:
                findings.append((file["path"], what))
    return count, findings


def _damage(uri: str, file: dict[str, Any], weighed: str) -> str | None:
    """What is wrong with one file, None if nothing is. weighed: the column of texts, or of their sizes."""
    try:
        filesystem, path = open_filesystem(uri)
        with filesystem.open_input_file(path) as source:
            size, digest = source.size(), hashlib.sha256()
            if size != file["size"]:
                return f"has {size:,} bytes, the manifest says {file['size']:,}"
            while chunk := source.read_buffer(_CHUNK):
                digest.update(chunk)
            if digest.hexdigest() != file["sha256"]:
                return "holds other bytes than were written: its SHA-256 is not that of the manifest"
            if not uri.endswith(".parquet"):
                return None
            rows, text_bytes = _numbers(source, weighed)
    except FileNotFoundError:
        return "is missing"
    except FILE_ERRORS as error:
        return f"cannot be read: {reason(error)}"
    if rows != file["rows"]:
        return f"has {rows:,} rows, the manifest says {file['rows']:,}"
    if text_bytes is not None and text_bytes != file.get("text_bytes", text_bytes):
        return f"has {text_bytes:,} bytes of text, the manifest says {file['text_bytes']:,}"
    return None


def _numbers(source: pa.NativeFile, weighed: str) -> tuple[int, int | None]:
    """Rows and bytes of text of a Parquet file; None of one that has no such column."""
    reader = pq.ParquetFile(source)
    rows = reader.metadata.num_rows
    if weighed not in reader.schema_arrow.names:
        return rows, None
    total = 0
    for batch in reader.iter_batches(columns=[weighed], use_threads=False):
        column = batch[weighed]
        integers = pa.types.is_integer(column.type)
        total += int(pc.sum(column).as_py() or 0) if integers else int(byte_lengths(column).sum())
    return rows, total


def check_strays(output: str, manifest: dict[str, Any]) -> tuple[int, list[tuple[str, str]]]:
    """(folders looked at, findings): files in the result's folders that the manifest does not list.

    A training job that reads `shards/*.parquet` would take them for a part of the result.
    """
    listed = {file["path"] for files in manifest["files"].values() for file in files}
    folders = [name for name in OWN_FOLDERS if name != STAGING]
    found = [f"{folder}/{name}" for folder in folders for name in files_below(join(output, folder))]
    return len(folders), [(path, "is not listed in the manifest") for path in found if path not in listed]
