"""Files for the tests of formats: written in every format, read back, and refused."""

import gzip
import json
import traceback
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import strategies as st

from filters.errors import InputError
from transforms.files import expand
from transforms.formats import inspect_corpus, read_units

AWKWARD = [
    "",
    " ",
    "\n",
    "\r\n",
    "\0",
    "a\0b",
    '"',
    "\\",
    "é",
    "e\u0301\u0302\u0303",
    "🎉👩‍👩‍👧",
    "שלום עולם",
    "\u202eلامس\u202c",
    "ไทย",
    "\ufeff",
    "\u2028\u0085",
    "2020-01-01T00:00:00Z",
    "null",
    "{}",
    "x" * 5000,
]


def zstd(data: bytes) -> bytes:
    return pa.compress(data, codec="zstd", asbytes=True)


def put(path: Path, data: bytes | str) -> str:
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return str(path)


def lines_of(rows: list[object], end: str = "\n") -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + end for row in rows).encode()


def read_all(*paths: str, columns=None, batch_rows: int = 10_000, **options) -> tuple[list[dict], pa.Schema]:
    """Rows of all files through both functions, unit by unit; row numbers are checked on the way."""
    sources, schema = inspect_corpus(expand(paths), text_column="text", **options)
    rows: list[dict] = []
    for source in sources:
        next_row = 0
        for unit in range(len(source.unit_rows)) if source.unit_rows else [0]:
            batches = read_units(
                source, schema=schema, first_unit=unit, units=1, columns=columns, batch_rows=batch_rows
            )
            for row, batch in batches:
                assert row == next_row
                assert 0 < batch.num_rows <= batch_rows
                assert batch.schema.names == (columns or schema.names)
                batch.validate(full=True)
                rows += batch.to_pylist()
                next_row += batch.num_rows
        assert not source.unit_rows or next_row == sum(source.unit_rows)
    return rows, schema


def refusal(*paths: str, text_column: str = "text", **options) -> str:
    """The message of the InputError that inspecting or reading gives; one line, and never text of a document."""
    with pytest.raises(InputError) as caught:
        sources, schema = inspect_corpus(expand(paths), text_column=text_column, **options)
        for source in sources:
            units = max(1, len(source.unit_rows))
            list(read_units(source, schema=schema, first_unit=0, units=units, batch_rows=1000))
    message = str(caught.value)
    assert "\n" not in message
    assert "SECRET" not in "".join(traceback.format_exception(caught.value)).replace("SECRET\\", "")
    return message


texts = st.one_of(st.none(), st.sampled_from(AWKWARD), st.text(max_size=30))
INNER = pa.struct([("k", pa.string()), ("v", pa.list_(pa.int64()))])
META = pa.struct([("url", pa.string()), ("empty", pa.struct([("never", pa.null())])), ("parts", pa.list_(INNER))])
SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("hash", pa.uint64()),
        ("text", pa.string()),
        ("score", pa.float64()),
        ("flag", pa.bool_()),
        ("tags", pa.list_(pa.string())),
        ("meta", META),
    ]
)


def values(kind: pa.DataType) -> st.SearchStrategy:
    if pa.types.is_struct(kind):
        fields = {kind.field(i).name: values(kind.field(i).type) for i in range(kind.num_fields)}
        return st.one_of(st.none(), st.fixed_dictionaries({}, optional=fields))
    if pa.types.is_list(kind):
        return st.one_of(st.none(), st.lists(values(kind.value_type), max_size=4))
    return {
        pa.string(): texts,
        pa.int64(): st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)),
        pa.uint64(): st.one_of(st.none(), st.integers(0, 2**64 - 1)),
        pa.float64(): st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)),
        pa.bool_(): st.one_of(st.none(), st.booleans()),
        pa.null(): st.none(),
    }[kind]


records = st.lists(values(pa.struct(list(SCHEMA))).filter(bool), max_size=12)


def filled(value, kind: pa.DataType):
    """The slow twin of nulls for what is missing: a value as a column of this type holds it."""
    if value is None:
        return None
    if pa.types.is_struct(kind):
        return {
            kind.field(i).name: filled(value.get(kind.field(i).name), kind.field(i).type)
            for i in range(kind.num_fields)
        }
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return [filled(item, kind.value_type) for item in value]
    return value


def as_json(rows, end="\n"):
    return lines_of(rows, end)


def as_parquet(rows):
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), sink, row_group_size=5)
    return sink.getvalue().to_pybytes()


def as_arrow(rows, new=pa.ipc.new_file):
    sink = pa.BufferOutputStream()
    with new(sink, SCHEMA) as writer:
        writer.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), max_chunksize=5)
    return sink.getvalue().to_pybytes()


FORMS = {
    "a.jsonl": as_json,
    "b.json": lambda rows: b"\xef\xbb\xbf\n  \r\n" + as_json(rows, "\r\n\n \t\r\n"),
    "c.ndjson": lambda rows: as_json(rows).rstrip(b"\n"),
    "a.jsonl.gz": lambda rows: gzip.compress(as_json(rows)),
    "b.jsonl.gz": lambda rows: b"".join(gzip.compress(as_json([row])) for row in rows) or gzip.compress(b""),
    "a.jsonl.zst": lambda rows: zstd(as_json(rows)),
    "b.jsonl.zst": lambda rows: b"".join(zstd(as_json([row])) for row in rows) or zstd(b""),
    "a.parquet": as_parquet,
    "a.arrow": as_arrow,
    "b.arrow": lambda rows: as_arrow(rows, pa.ipc.new_stream),
}
