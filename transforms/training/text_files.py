"""Shards of texts with all their columns in the shuffled order: Parquet, or JSON lines compressed with zstd."""

from __future__ import annotations

import base64
import datetime
import decimal
import json
import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from transforms.atomic import AtomicFile
from transforms.files import atomic_writer, join
from transforms.shards import GROUP_ROWS
from transforms.training.options import TrainingFile, TrainingOptions


def write_texts(tables: Iterable[pa.Table], folder: str, shard: int, options: TrainingOptions) -> list[TrainingFile]:
    """Write tables one after the other in every format of texts; nothing if there is no row."""
    rows = 0
    sinks: dict[str, tuple[str, AtomicFile]] = {}
    with ExitStack() as stack:
        writers: list[Callable[[pa.Table], None]] = []
        for table in tables:
            if not len(table):
                continue
            if not writers:
                for name in options.params.text_formats:
                    path = f"{folder}/{name}/part-{shard:05d}.{'parquet' if name == 'text_parquet' else 'jsonl.zst'}"
                    sink = stack.enter_context(atomic_writer(join(options.output, path)))
                    parquet = name == "text_parquet"
                    writer = _parquet(sink, table.schema, options) if parquet else _json(sink)
                    writers.append(stack.enter_context(writer))
                    sinks[name] = path, sink
            for write in writers:
                write(table)
            rows += len(table)
    return [TrainingFile(name, path, rows, sink.bytes, sink.sha256) for name, (path, sink) in sinks.items()]


@contextmanager
def _parquet(sink: AtomicFile, schema: pa.Schema, options: TrainingOptions) -> Iterator[Any]:
    with pq.ParquetWriter(sink, schema, compression="zstd", compression_level=options.compression_level) as writer:

        def write(table: pa.Table) -> None:
            text_bytes = pc.sum(pc.binary_length(table[options.text_column])).as_py()
            rows = len(table) * options.row_group_bytes // max(text_bytes, 1)
            writer.write_table(table, row_group_size=min(max(rows, 1), GROUP_ROWS))

        yield write


@contextmanager
def _json(sink: AtomicFile) -> Iterator[Any]:
    with pa.CompressedOutputStream(pa.PythonFile(sink, "w"), "zstd") as stream:

        def write(table: pa.Table) -> None:
            for batch in table.to_batches(max_chunksize=1024):
                stream.write("".join(json_line(row) for row in batch.to_pylist()).encode())

        yield write


def json_line(row: dict[str, Any]) -> str:
    r"""One row as a line of JSON; what JSON has no word for becomes one: dates in ISO 8601, bytes in base64, NaN null.

    >>> json_line({"text": "é", "day": datetime.date(2024, 2, 29), "score": float("nan")})
    '{"text": "é", "day": "2024-02-29", "score": null}\n'
    """
    try:
        return json.dumps(row, ensure_ascii=False, allow_nan=False, default=_plain) + "\n"
    except ValueError:  # NaN or infinity, somewhere
        return json.dumps(_finite(row), ensure_ascii=False, default=_plain) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, decimal.Decimal):
        return str(value)
    raise TypeError(f"no JSON for a value of type {type(value).__name__}")


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list) else value
