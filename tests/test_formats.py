"""Tests of formats: what goes in comes out in every format, one schema fits all files, and hostile files are named."""

import contextlib
import gzip
import itertools
import json
import math
import os
import random
import traceback
import uuid
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from filters.errors import InputError
from transforms import jsonlines
from transforms.files import expand, join, remove_tree, write_bytes_atomic
from transforms.formats import inspect_corpus, read_units, unify_schemas
from transforms.json_shapes import MAX_DEPTH
from transforms.schemas import conform

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


# --- what goes in comes out


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


@pytest.mark.parametrize("name", FORMS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=records)
@example(rows=[])
@example(rows=[{"text": text} for text in AWKWARD])
@example(rows=[{"text": None}, {}, {"text": "a"}])
@example(rows=[{"text": "a", "meta": {"parts": [None, {"v": [None, 1]}]}}])
@example(rows=[{"text": "a", "meta": {"empty": {}}}, {"text": "b", "meta": {}}])
@example(rows=[{"tags": [None, None], "meta": {"parts": [{"v": [None, None]}, None]}}, {"tags": []}, {"tags": None}])
@example(rows=[{"text": "a", "hash": 1}, {"text": "b", "hash": 2**64 - 1}])
def test_every_format_brings_back_the_rows(name, rows, monkeypatch):
    monkeypatch.setattr(jsonlines, "BLOCK_BYTES", 80)  # so that lines fall on all sides of blocks
    # Without one text in its sample a JSON file rightly has no text column; that is tested elsewhere.
    rows = [{"text": "first", **row} if i == 0 else row for i, row in enumerate(rows)]
    folder = f"memory://{uuid.uuid4().hex}"
    write_bytes_atomic(join(folder, name), FORMS[name](rows))
    try:
        found, schema = read_all(join(folder, name))
        one_by_one, _ = read_all(join(folder, name), batch_rows=1)
    finally:
        remove_tree(folder)
    assert found == [filled(row, pa.struct(list(schema))) for row in rows]
    assert one_by_one == found
    assert set().union(*rows) <= set(schema.names)
    if "json" not in name:
        assert schema == SCHEMA


def test_all_formats_together_and_files_without_rows(tmp_path):
    rows = [{"text": text, "id": i, "meta": {"url": text}} for i, text in enumerate(AWKWARD)]
    for name, form in FORMS.items():
        put(tmp_path / name, form(rows))
        put(tmp_path / f"none-{name}", form([]))
    put(tmp_path / "none-0.jsonl", b"")
    found, schema = read_all(str(tmp_path))
    assert found == [filled(row, pa.struct(list(schema))) for row in rows] * len(FORMS)
    assert schema.field("text").type == pa.string()


def test_a_corpus_without_any_text_still_has_a_text_column(tmp_path):
    put(tmp_path / "a.jsonl", b"\n\n")
    assert read_all(str(tmp_path)) == ([], pa.schema([("text", pa.string())]))
    put(tmp_path / "b.jsonl", b'{"text": null, "id": 1}\n')
    assert read_all(str(tmp_path)) == (
        [{"text": None, "id": 1}],
        pa.schema([("text", pa.string()), ("id", pa.int64())]),
    )


def test_types_that_json_does_not_have_are_carried_through(tmp_path):
    table = pa.table(
        {
            "text": pa.array(["a", None, "a"]).dictionary_encode(),
            "when": pa.array([1, None, 2], pa.timestamp("us", "UTC")),
            "vector": pa.array([[1.0, 2.0]] * 3, pa.list_(pa.float32(), 2)),
            "price": pa.array([None, 1, 2], pa.decimal128(10, 2)),
            "counts": pa.array([[("a", 1)], None, []], pa.map_(pa.string(), pa.int32())),
            "blob": pa.array([b"\xff", b"", None]),
            "view": pa.array(["a", "b", None], pa.string_view()),
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    with pa.ipc.new_file(str(tmp_path / "b.arrow"), table.schema) as writer:
        writer.write_table(table)
    put(tmp_path / "c.jsonl", b'{"text": "json", "when": null}\n')
    found, schema = read_all(str(tmp_path))
    carried = {"text": pa.string(), "vector": pa.list_(pa.float32()), "view": pa.large_string()}
    plain = table.cast(pa.schema([field.with_type(carried.get(field.name, field.type)) for field in table.schema]))
    assert schema == plain.schema
    nothing = dict.fromkeys(schema.names)
    assert found == plain.to_pylist() * 2 + [{**nothing, "text": "json"}]


def test_columns_can_be_chosen_in_any_order(tmp_path):
    rows = [{"text": str(i), "id": i} for i in range(12)]
    for name, form in FORMS.items():
        put(tmp_path / name, form(rows))
    put(tmp_path / "z.jsonl", b'{"text": "a", "late": 7}\n')
    found, _ = read_all(str(tmp_path), columns=["late", "id"])
    assert found == [{"late": None, "id": i} for i in range(12)] * len(FORMS) + [{"late": 7, "id": None}]
    found, _ = read_all(str(tmp_path), columns=["late"], batch_rows=5)  # in most files there is no such column
    assert found == [{"late": None}] * 12 * len(FORMS) + [{"late": 7}]
    sources, schema = inspect_corpus(expand([str(tmp_path)]), text_column="text")
    with pytest.raises(InputError, match=r"no column 'texts' \(did you mean 'text'\?\)"):
        next(read_units(sources[0], schema=schema, first_unit=0, units=1, columns=["texts"], batch_rows=1))


def test_long_lines_and_many_short_ones(tmp_path):
    long = "ä" * 5_000_000
    put(tmp_path / "long.jsonl", lines_of([{"text": "a"}, {"text": long}, {"text": "b"}]))
    put(tmp_path / "many.jsonl.zst", zstd(b'{"text":""}\n' + b"{}\n" * 250_000))
    found, _ = read_all(str(tmp_path / "long.jsonl"))
    assert [row["text"] for row in found] == ["a", long, "b"]
    found, _ = read_all(str(tmp_path / "many.jsonl.zst"))
    assert len(found) == 250_001


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow", "a.jsonl"])
def test_batches_are_cut_by_bytes_and_a_huge_document_comes_alone(tmp_path, name):
    sizes = [10, 10, 5000, 10, 10, 10]
    put(tmp_path / name, FORMS[name]([{"text": "x" * size} for size in sizes]))
    (source,), schema = inspect_corpus(expand([str(tmp_path)]), text_column="text")
    units = max(1, len(source.unit_rows))
    batches = read_units(source, schema=schema, first_unit=0, units=units, batch_rows=100, batch_bytes=25)
    cut = [[len(text) for text in batch["text"].to_pylist()] for _, batch in batches]
    assert [5000] in cut
    assert max(sum(batch) for batch in cut if batch != [5000]) <= 25
    assert [size for batch in cut for size in batch] == sizes


def test_what_is_known_before_reading(tmp_path):
    rows = [{"text": "x" * 1000, "id": i} for i in range(12)]
    for name, form in FORMS.items():
        put(tmp_path / name, form(rows))
    sources, _ = inspect_corpus(expand([str(tmp_path)]), text_column="text")
    by_name = {Path(source.uri).name: source for source in sources}
    assert [source.ordinal for source in sources] == list(range(len(FORMS)))
    assert by_name["a.parquet"].unit_rows == by_name["a.arrow"].unit_rows == (5, 5, 2)
    assert by_name["b.arrow"].unit_rows == by_name["a.jsonl"].unit_rows == ()
    assert by_name["b.arrow"].format == "arrow_stream"
    column = pq.read_metadata(tmp_path / "a.parquet").row_group(0).column(2)
    assert column.path_in_schema == "text"
    assert by_name["a.parquet"].unit_bytes[0] == column.total_uncompressed_size
    assert by_name["a.jsonl"].unit_bytes == (by_name["a.jsonl"].size,)
    assert by_name["a.jsonl.gz"].unit_bytes == (by_name["a.jsonl.gz"].size * 4,)
    assert by_name["a.jsonl"].mtime_ns == (tmp_path / "a.jsonl").stat().st_mtime_ns


def test_a_format_that_is_given_overrules_names(tmp_path):
    put(tmp_path / "a.txt", b'{"text": "a"}\n')
    put(tmp_path / "b.data", gzip.compress(b'{"text": "b"}\n'))
    put(tmp_path / "c.bin", zstd(b'{"text": "c"}\n'))
    paths = [str(tmp_path / name) for name in ("a.txt", "b.data", "c.bin")]
    found, _ = read_all(*paths, format="jsonl")
    assert [row["text"] for row in found] == ["a", "b", "c"]
    assert "a.txt: its name does not tell the format; known extensions are .parquet" in refusal(*paths)
    assert "unknown format 'json' (did you mean 'jsonl'?)" in refusal(*paths, format="json")


# --- one schema


def test_strings_stay_strings_and_integers_keep_their_digits(tmp_path):
    rows = [{"text": "2020-01-01", "id": 2**53 + 1, "hash": 2**64 - 1, "in": [{"when": "2020-01-01T00:00:00Z"}]}]
    put(tmp_path / "a.jsonl", lines_of(rows))
    found, schema = read_all(str(tmp_path))
    assert found == rows
    assert schema.types[:3] == [pa.string(), pa.int64(), pa.uint64()]


NUMBERS = [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()]
KINDS = [
    *NUMBERS,
    pa.null(),
    pa.float16(),
    pa.float32(),
    pa.float64(),
    pa.bool_(),
    pa.string(),
    pa.large_string(),
    pa.string_view(),
    pa.dictionary(pa.int8(), pa.string()),
    pa.binary(),
    pa.timestamp("s"),
    pa.timestamp("us"),
    pa.list_(pa.int8()),
    pa.large_list(pa.float32()),
    pa.list_(pa.null()),
    pa.struct([("a", pa.int8())]),
    pa.struct([pa.field("b", pa.uint8(), nullable=False)]),
    pa.struct([("a", pa.string())]),
    pa.struct([]),
]


def unified(*kinds: pa.DataType) -> pa.DataType | None:
    try:
        return unify_schemas([(f"file{i}", pa.schema([("c", kind)])) for i, kind in enumerate(kinds)]).types[0]
    except InputError:
        return None


def canonical(kind: pa.DataType | None) -> str:
    """A type without the order of its fields, which follows the order of files."""
    if kind is not None and pa.types.is_struct(kind):
        return str(sorted(str(kind.field(i)) for i in range(kind.num_fields)))
    return str(kind)


def test_the_order_of_files_does_not_matter():
    for kinds in itertools.combinations(KINDS, 3):
        assert len({canonical(unified(*order)) for order in itertools.permutations(kinds)}) == 1, kinds


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (pa.null(), pa.list_(pa.int8()), pa.list_(pa.int8())),
        (pa.int8(), pa.uint8(), pa.int16()),
        (pa.int64(), pa.uint32(), pa.int64()),
        (pa.int64(), pa.uint64(), None),
        (pa.uint8(), pa.uint32(), pa.uint32()),
        (pa.float32(), pa.float64(), pa.float64()),
        (pa.int8(), pa.float32(), pa.float64()),
        (pa.string(), pa.string(), pa.string()),
        (pa.string(), pa.large_string(), pa.large_string()),
        (pa.string(), pa.string_view(), pa.large_string()),
        (pa.string(), pa.dictionary(pa.int8(), pa.string()), pa.string()),
        (pa.bool_(), pa.int8(), None),
        (pa.timestamp("s"), pa.timestamp("ms"), None),
        (pa.timestamp("s"), pa.string(), None),
        (pa.list_(pa.int8()), pa.large_list(pa.int16()), pa.large_list(pa.int16())),
        (pa.list_(pa.field("element", pa.int8())), pa.list_(pa.int8()), pa.list_(pa.int8())),
        (pa.struct([("a", pa.int8())]), pa.struct([("b", pa.null())]), pa.struct([("a", pa.int8()), ("b", pa.null())])),
        (pa.list_(pa.float32(), 3), pa.list_(pa.float64(), 3), pa.list_(pa.float64(), 3)),
        (pa.list_(pa.float32(), 3), pa.list_(pa.float32(), 2), pa.list_(pa.float32())),
        (pa.list_(pa.float32(), 3), pa.list_(pa.float64()), pa.list_(pa.float64())),
        (pa.list_(pa.float32(), 3), pa.null(), pa.list_(pa.float32())),
        (pa.string_view(), pa.string_view(), pa.large_string()),
        (pa.binary_view(), pa.null(), pa.large_binary()),
        (pa.list_(pa.string_view()), pa.list_view(pa.string()), pa.list_(pa.large_string())),
        (pa.large_list_view(pa.int8()), pa.list_(pa.int8()), pa.large_list(pa.int8())),
        (pa.dictionary(pa.int8(), pa.string_view()), pa.string(), pa.large_string()),
        (pa.map_(pa.string(), pa.int8()), pa.map_(pa.string(), pa.int16()), pa.map_(pa.string(), pa.int16())),
        (pa.list_(pa.struct([("a", pa.int8())])), pa.list_(pa.struct([("a", pa.string())])), None),
    ],
)
def test_two_types_become_one(a, b, expected):
    assert unified(a, b) == expected
    assert canonical(unified(b, a)) == canonical(expected)


def test_every_number_type_holds_what_it_unifies():
    for a, b in itertools.product(NUMBERS, NUMBERS):
        wide = unified(a, b)
        for kind in (a, b):
            info = np.iinfo(str(kind))
            if wide is not None:
                assert pa.array([info.min, info.max], kind).cast(wide).to_pylist() == [info.min, info.max]


def test_columns_missing_somewhere_are_nullable_and_metadata_goes():
    a = pa.schema([pa.field("x", pa.int8(), nullable=False, metadata={"k": "v"})], metadata={"pandas": "{}"})
    b = pa.schema([pa.field("x", pa.int8(), nullable=False), pa.field("y", pa.int8(), nullable=False)])
    schema = unify_schemas([("a", a), ("b", b)])
    assert schema == pa.schema([pa.field("x", pa.int8(), nullable=False), pa.field("y", pa.int8())])
    assert schema.metadata is None
    assert schema.field("x").metadata is None


def test_what_is_inside_a_column_that_some_file_lacks_is_nullable():
    inner = pa.field("x", pa.int8(), nullable=False)
    kind = pa.struct([inner, pa.field("l", pa.list_(pa.field("item", pa.struct([inner]), nullable=False)))])
    has, lacks = pa.schema([("meta", kind)]), pa.schema([("n", pa.int8())])
    assert unify_schemas([("a", has), ("b", has)]).types == [kind]
    loose = pa.struct([("x", pa.int8()), ("l", pa.list_(pa.struct([("x", pa.int8())])))])
    for other in (lacks, pa.schema([("meta", pa.null())])):
        assert unify_schemas([("a", has), ("b", other)]).field("meta").type == loose


def test_a_conflict_names_files_column_and_types(tmp_path):
    put(tmp_path / "a.jsonl", lines_of([{"text": "a", "meta": {"tags": [{"n": 1}]}}]))
    put(tmp_path / "b.jsonl", lines_of([{"text": "a", "meta": {"tags": [{"n": "x"}]}}]))
    message = refusal(str(tmp_path))
    assert "column 'meta.tags[].n' is int64 in" in message
    assert "a.jsonl but string in" in message
    assert "b.jsonl; give it one type" in message


def test_the_same_column_twice_is_refused(tmp_path):
    table = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], names=["text", "text"])
    with pa.ipc.new_file(str(tmp_path / "a.arrow"), table.schema) as writer:
        writer.write_table(table)
    assert "has two columns named 'text'" in refusal(str(tmp_path))


def test_what_parquet_cannot_hold_is_refused_before_the_work(tmp_path):
    table = pa.table({"text": ["a"], "u": pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array([1])])})
    with pa.ipc.new_file(str(tmp_path / "a.arrow"), table.schema) as writer:
        writer.write_table(table)
    assert "column 'u' is of type sparse_union" in refusal(str(tmp_path))


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_conform_fills_and_widens_at_any_depth(data):
    narrow = pa.struct([("n", pa.int64()), ("tags", pa.list_(pa.string())), ("s", pa.struct([("a", pa.int64())]))])
    item = pa.struct([("a", pa.float64()), ("new", pa.string())])
    wide = pa.struct(
        [("new", pa.list_(item)), ("s", item), ("tags", pa.large_list(pa.large_string())), ("n", pa.int64())]
    )
    small = st.one_of(st.none(), st.integers(-100, 100))
    inner = st.fixed_dictionaries({}, optional={"a": small})
    row = st.fixed_dictionaries(
        {}, optional={"n": small, "tags": st.one_of(st.none(), st.lists(texts)), "s": st.one_of(st.none(), inner)}
    )
    column = data.draw(st.lists(st.one_of(st.none(), st.lists(st.one_of(st.none(), row), max_size=3)), max_size=8))
    batch = pa.record_batch([pa.array(column, pa.list_(narrow))], ["c"])
    start = data.draw(st.integers(0, len(column)))
    target = pa.large_list(wide)
    found = conform(batch.slice(start), pa.schema([("c", target)]))
    found.validate(full=True)
    assert found["c"].to_pylist() == [filled(value, target) for value in column[start:]]


@pytest.mark.parametrize(
    ("narrow", "wide", "column"),
    [
        (pa.map_(pa.string(), pa.int8()), pa.map_(pa.large_string(), pa.float64()), [[("a", 1)], None, [("b", None)]]),
        (pa.list_(pa.int8(), 2), pa.list_(pa.float32(), 2), [[1, 2], None, [None, 3]]),
        (pa.dictionary(pa.int8(), pa.string()), pa.large_string(), ["a", None, "a"]),
        (pa.list_(pa.int8(), 2), pa.list_(pa.float32()), [[1, 2], None, [None, 3]]),
        (pa.list_(pa.list_(pa.int8(), 2)), pa.list_(pa.large_list(pa.int8())), [[[1, 2], None], None, []]),
        (pa.list_view(pa.string_view()), pa.list_(pa.large_string()), [["a", None], None, []]),
        (
            pa.large_list_view(pa.struct([("a", pa.int8())])),
            pa.large_list(pa.struct([("a", pa.int8())])),
            [[{"a": 1}], []],
        ),
        (pa.struct([("v", pa.binary_view())]), pa.struct([("v", pa.large_binary())]), [{"v": b"a"}, None]),
        (pa.map_(pa.string_view(), pa.string_view()), pa.map_(pa.large_string(), pa.large_string()), [[("a", "b")]]),
        (pa.string_view(), pa.large_string(), ["a", None, "a"]),
        (pa.list_(pa.dictionary(pa.int8(), pa.string())), pa.list_(pa.string()), [["a", None], None, []]),
        (pa.null(), pa.map_(pa.string(), pa.int8()), [None, None, None]),
        (pa.struct([]), pa.struct([("_empty", pa.null())]), [{}, None, {}]),
    ],
)
def test_conform_of_types_that_are_rare(narrow, wide, column):
    batch = pa.record_batch([pa.array([column[0], *column], narrow)], ["c"])
    found = conform(batch.slice(1), pa.schema([("c", wide)]))
    found.validate(full=True)
    assert found.schema.types == [wide]
    assert found["c"].to_pylist() == [filled(value, wide) for value in column]


def test_whole_numbers_that_double_cannot_hold_are_refused(tmp_path):
    pq.write_table(pa.table({"text": ["a"], "n": [2**53 + 1]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"text": ["a"], "n": [0.5]}), tmp_path / "b.parquet")
    assert "a.parquet, row group 0: column 'n': a value of type int64 does not fit double" in refusal(str(tmp_path))


# --- the text column


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow", "b.arrow", "a.jsonl"])
def test_the_text_column_must_be_there(tmp_path, name):
    put(tmp_path / name, FORMS[name]([{"id": 1, "text": "a"}]))
    message = refusal(str(tmp_path), text_column="Texts")
    assert f"{name} has no column 'Texts' (did you mean 'text'?); its columns are: id" in message


def test_the_text_column_must_hold_strings(tmp_path):
    put(tmp_path / "a.jsonl", b'{"text": 1}\n')
    assert "column 'text' is of type int64, expected strings" in refusal(str(tmp_path / "a.jsonl"))
    pq.write_table(pa.table({"text": [b"a"]}), tmp_path / "a.parquet")
    assert "column 'text' is of type binary, expected strings" in refusal(str(tmp_path / "a.parquet"))
    table = pa.table({"text": pa.array([1]).dictionary_encode()})
    with pa.ipc.new_file(str(tmp_path / "a.arrow"), table.schema) as writer:
        writer.write_table(table)
    assert "is of type dictionary" in refusal(str(tmp_path / "a.arrow"))


# --- hostile JSON lines


GOOD = b'{"text": "SECRET", "id": 1, "meta": {"tags": ["SECRET"]}}\n'


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b'{"text": "SECRET"', "malformed JSON: Expecting ',' delimiter (character 18)"),
        (b'{"text": "SECRET', "malformed JSON: Unterminated string starting at (character 10)"),
        (b'{"text": "SECRET\\x"}', "malformed JSON: Invalid \\escape (character 17)"),
        (b'{"text": "SECRET\tx"}', "malformed JSON: Invalid control character at (character 17)"),
        (b'{"text": "SECRET\0"}', "malformed JSON: Invalid control character at (character 17)"),
        (b'{"text": "SECRET"} {"text": "SECRET"}', "malformed JSON: Extra data (character 20)"),
        (b'{"text":', "malformed JSON: Expecting value (character 9)"),
        (b"\0", "malformed JSON: Expecting value (character 1)"),
        (b'{"text": "SECRET \xff"}', "invalid UTF-8 (byte 18 of the line)"),
        (b'{"text": "SECRET \\ud800"}', "an escaped character that cannot be represented"),
        (b'{"text": "SECRET", "meta": {"n": 1, "n": 1}}', "key 'n' is given twice"),
        (b"null", "expected an object in braces, found JSON of kind null"),
        (b'["SECRET"]', "expected an object in braces, found JSON of kind array"),
        (b'"SECRET"', "found JSON of kind string"),
        (b'{"text": 7}', "column 'text' is of kind integer"),
        (b'{"text": {"a": "SECRET"}}', "column 'text' is of kind object"),
        (b'{"text": "SECRET", "id": true}', "column 'id' is of kind boolean"),
        (b'{"text": "SECRET", "id": "SECRET"}', "column 'id' is of kind string"),
        (b'{"meta": {"tags": [1]}}', "column 'meta.tags[]' is of kind integer"),
        (b'{"meta": {"tags": "SECRET"}}', "column 'meta.tags' is of kind string"),
    ],
)
def test_a_bad_line_is_named_in_the_sample_and_after_it(tmp_path, line, expected):
    data = GOOD * 3 + b"\n" + line + b"\n" + GOOD * 3
    put(tmp_path / "a.jsonl", data)
    in_sample, after = refusal(str(tmp_path)), refusal(str(tmp_path), schema_sample_bytes=1)
    for message in (in_sample, after):
        assert f"{tmp_path}/a.jsonl, line 5: " in message
        assert expected in message
    put(tmp_path / "a.jsonl", gzip.compress(b"\xef\xbb\xbf\r\n" + line + b"\r\n"))
    if not line.startswith(b"{"):  # alone it can only be malformed, not another kind than before
        assert "line 2: " in refusal(str(tmp_path), format="jsonl")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b'{"text": "SECRET", "new": 1}', "key 'new' was not seen before"),
        (b'{"text": "SECRET", "meta": {"new": {"deep": 1}}}', "key 'meta.new' was not seen before"),
        (b'{"text": "SECRET", "id": 1.5}', "column 'id' is of kind float, expected int64"),
        (b'{"text": "SECRET", "id": 9223372036854775808}', "column 'id' is an integer too large for int64"),
    ],
)
def test_what_the_sample_did_not_show_is_never_dropped(tmp_path, line, expected):
    put(tmp_path / "a.jsonl", GOOD + line + b"\n")
    message = refusal(str(tmp_path), schema_sample_bytes=1)
    assert "a.jsonl, line 2: " + expected in message
    assert "raise schema_sample_bytes" in message
    assert len(read_all(str(tmp_path))[0]) == 2


def test_a_key_that_another_file_has_is_no_surprise(tmp_path):
    put(tmp_path / "a.jsonl", GOOD + b'{"text": "b", "new": 2}\n')
    put(tmp_path / "b.jsonl", b'{"text": "c", "new": 3}\n')
    found, _ = read_all(str(tmp_path), schema_sample_bytes=1)
    assert [row["new"] for row in found] == [None, 2, 3]


def test_a_json_array_is_named_as_such(tmp_path):
    put(tmp_path / "a.json", json.dumps([{"text": "SECRET"}], indent=1))
    assert "a.json, line 1: a JSON array, expected one object per line; convert it with jq" in refusal(str(tmp_path))


def test_objects_over_several_lines_are_refused_wherever_blocks_end(tmp_path):
    put(tmp_path / "a.jsonl", GOOD * 5 + b'{"text":\n"SECRET"}\n')
    assert "line 6: malformed JSON" in refusal(str(tmp_path), schema_sample_bytes=1)


def test_nesting_has_an_end(tmp_path):
    def nested(depth):
        return b'{"text": "a", "n": ' + b"[" * depth + b"]" * depth + b"}\n"

    put(tmp_path / "a.jsonl", nested(MAX_DEPTH - 1))
    assert read_all(str(tmp_path))[0][0]["text"] == "a"
    for depth in (MAX_DEPTH + 1, 100_000):
        put(tmp_path / "a.jsonl", nested(depth))
        assert f"line 1: nested deeper than {MAX_DEPTH} levels" in refusal(str(tmp_path))
        put(tmp_path / "a.jsonl", b'{"text": "a", "n": 1}\n' + nested(depth))
        assert "line 2: " in refusal(str(tmp_path), schema_sample_bytes=1)


def test_integers_of_more_than_64_bits_are_refused(tmp_path):
    for digits in (str(2**64), str(-(2**63) - 1), "9" * 5000):
        put(tmp_path / "a.jsonl", f'{{"text": "a", "n": {digits}}}\n')
        assert "line 1: " in refusal(str(tmp_path))
    put(tmp_path / "a.jsonl", b'{"text": "a", "n": -1}\n{"text": "a", "n": 9223372036854775808}\n')
    assert "line 2: column 'n' holds an integer of more than 64 bits" in refusal(str(tmp_path))


def test_a_number_too_large_for_a_double_is_refused(tmp_path):
    put(tmp_path / "a.jsonl", b'{"text": "a", "n": 0.5}\n{"text": "SECRET", "n": 1e999}\n')
    assert "a.jsonl, line 2: malformed JSON: a number or" in refusal(str(tmp_path))


def test_numbers_that_are_not_numbers_pass(tmp_path):
    put(tmp_path / "a.jsonl", b'{"text": "a", "n": NaN}\n{"text": "a", "n": -Infinity}\n')
    found, _ = read_all(str(tmp_path))
    assert math.isnan(found[0]["n"])
    assert found[1]["n"] == -math.inf


@pytest.mark.parametrize("pack", [gzip.compress, zstd])
def test_a_compressed_file_that_is_cut_short_or_damaged(tmp_path, pack):
    end = {gzip.compress: ".gz", zstd: ".zst"}[pack]
    noise = random.Random(1)
    data = pack(b"".join(lines_of([{"text": noise.randbytes(50).hex()}]) for _ in range(2000)))
    path = tmp_path / f"a.jsonl{end}"
    for cut in (0, 1, 5, len(data) // 2, len(data) - 1):
        put(path, data[:cut])
        assert "cut short" in refusal(str(path), schema_sample_bytes=1000)
    put(path, data + data[:-1])
    assert "cut short" in refusal(str(path), schema_sample_bytes=1000)
    put(path, b"this is plain text")
    assert "damaged" in refusal(str(path))
    broken = bytearray(data)
    broken[len(data) // 2 : len(data) // 2 + 20] = bytes(20)
    put(path, bytes(broken))
    assert "damaged" in refusal(str(path), schema_sample_bytes=1000)


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_whatever_the_bytes_there_are_rows_or_an_input_error(data):
    noise = data.draw(st.randoms(use_true_random=False))
    rows = [{"text": "a", "meta": {"tags": [None, "x"], "n": 1}}, {"text": None, "meta": None}, {"text": "é", "f": 1.5}]
    broken = bytearray(lines_of(rows))
    for _ in range(noise.randint(1, 4)):
        at = noise.randrange(len(broken))
        insert = noise.choice([b"null", b"{", b"}", b"[", b"]", b"\n", b'"', b",", b":", b"1", b"\xff", b"\0", b"\\u"])
        broken[at : at + noise.randint(0, 4)] = insert
    uri = f"memory://{uuid.uuid4().hex}/a.jsonl"
    write_bytes_atomic(uri, GOOD + bytes(broken))
    try:
        found, _ = read_all(uri, schema_sample_bytes=data.draw(st.sampled_from([1, 1 << 20])))
    except InputError as error:
        assert "a.jsonl" in str(error)
    else:
        lines = [line for line in (GOOD + bytes(broken)).split(b"\n") if line.strip()]
        assert [row["text"] for row in found] == [json.loads(line).get("text") for line in lines]
    remove_tree(uri.removesuffix("/a.jsonl"))


# --- hostile Parquet and Arrow files


def noisy_rows(n: int) -> list[dict]:
    noise = random.Random(7)
    return [{"text": noise.randbytes(100).hex(), "id": i} for i in range(n)]


def test_parquet_files_that_are_none(tmp_path):
    data = as_parquet(noisy_rows(20))
    path = tmp_path / "a.parquet"
    for content, expected in [
        (b"", "not a Parquet file: it has no footer (0 bytes)"),
        (b'{"text": "SECRET"}\n', "not a Parquet file: it has no footer"),
        (data[: len(data) // 2], "cut short: it has no footer"),
        (data[:-1], "cut short: it has no footer"),
        (data[:4] + bytes(len(data) - 12) + data[-8:], "footer: damaged or cut short"),
        (data[len(data) // 2 :], "footer: damaged or cut short"),
    ]:
        put(path, content)
        if content == data[len(data) // 2 :]:
            continue  # a lost beginning shows only in row groups, see below
        assert expected in refusal(str(path))


def test_a_damaged_row_group_is_named(tmp_path):
    data = bytearray(as_parquet(noisy_rows(20)))
    path = tmp_path / "a.parquet"
    put(path, bytes(data))
    column = pq.read_metadata(path).row_group(2).column(2)
    start = column.dictionary_page_offset or column.data_page_offset
    data[start : start + column.total_compressed_size] = b"\xff" * column.total_compressed_size
    put(path, bytes(data))
    assert "a.parquet, row group 2: damaged or cut short" in refusal(str(path))
    (source,), schema = inspect_corpus(expand([str(path)]), text_column="text")
    good = list(read_units(source, schema=schema, first_unit=0, units=2, batch_rows=100))
    assert sum(batch.num_rows for _, batch in good) == 10


def test_parquet_that_pyarrow_cannot_read_back_is_named_as_such(tmp_path):
    table = pa.table({"text": ["a", "b"], "v": pa.array([[1, 2], None], pa.list_(pa.int8(), 2))})
    pq.write_table(table, tmp_path / "a.parquet")
    with contextlib.suppress(pa.ArrowInvalid):
        pq.read_table(tmp_path / "a.parquet")
        pytest.skip("this pyarrow can")
    message = refusal(str(tmp_path))
    assert "a.parquet, row group 0: a column of lists of fixed size holds nulls" in message


def test_parquet_without_row_groups_is_one_empty_unit(tmp_path):
    pq.ParquetWriter(tmp_path / "a.parquet", SCHEMA).close()
    (source,), schema = inspect_corpus(expand([str(tmp_path)]), text_column="text")
    assert source.unit_rows == source.unit_bytes == ()
    assert list(read_units(source, schema=schema, first_unit=0, units=1, batch_rows=10)) == []


def invalid_texts(good: int, bad: bytes = b"SECRET\xff") -> pa.Array:
    values = [b"fine"] * good + [bad] + [b"fine"] * 3
    raw = pa.array(values, pa.binary())
    return pa.Array.from_buffers(pa.string(), len(raw), raw.buffers())


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow", "b.arrow"])
@pytest.mark.parametrize("place", [0, 1, 12])
def test_invalid_utf8_is_named_by_row(tmp_path, name, place):
    table = pa.table({"id": range(place + 4), "text": invalid_texts(place)})
    if name == "a.parquet":
        pq.write_table(table, tmp_path / name, row_group_size=6)
    else:
        with (pa.ipc.new_file if name == "a.arrow" else pa.ipc.new_stream)(
            str(tmp_path / name), table.schema
        ) as writer:
            writer.write_table(table, max_chunksize=6)
    message = refusal(str(tmp_path))
    assert f"{name}, " in message
    assert f"{place // 6}, row {place}: column 'text' holds invalid UTF-8" in message


def test_invalid_utf8_in_other_columns_too(tmp_path):
    table = pa.table({"text": ["a"] * 4, "tags": pa.array([["x"]] * 4)})
    bad = pa.ListArray.from_arrays(pa.array([0, 1, 2, 3, 4], pa.int32()), invalid_texts(0))
    pq.write_table(table.set_column(1, "tags", bad), tmp_path / "a.parquet")
    assert "column 'tags' holds invalid UTF-8" in refusal(str(tmp_path))


@pytest.mark.parametrize("new", [pa.ipc.new_file, pa.ipc.new_stream])
def test_arrow_files_that_are_damaged(tmp_path, new):
    data = as_arrow(noisy_rows(20), new)
    path = tmp_path / "a.arrow"
    for content in (b"", b"SECRET text", data[:20], data[: len(data) // 2], data[:-1]):
        put(path, content)
        assert "damaged or cut short" in refusal(str(path)) or "is cut short" in refusal(str(path))


def test_an_arrow_stream_cut_between_batches_is_found(tmp_path):
    """It reads as a shorter stream without complaint, so only its end mark can tell."""
    sink = pa.BufferOutputStream()
    table = pa.Table.from_pylist(noisy_rows(20), schema=SCHEMA)
    writer = pa.ipc.new_stream(sink, SCHEMA)
    writer.write_table(table)
    cut = sink.tell()
    writer.close()
    put(tmp_path / "a.arrow", sink.getvalue().to_pybytes()[:cut])
    assert "is cut short: an Arrow stream without its end mark" in refusal(str(tmp_path))


@pytest.mark.parametrize("name", FORMS)
def test_a_file_that_changes_while_it_is_read(tmp_path, name):
    path = tmp_path / name
    put(path, FORMS[name](noisy_rows(20)))
    (source,), schema = inspect_corpus(expand([str(path)]), text_column="text")

    def read():
        return read_units(source, schema=schema, first_unit=0, units=max(1, len(source.unit_rows)), batch_rows=2)

    before = path.stat()
    batches = read()
    next(batches)
    put(path, FORMS[name](noisy_rows(21)))
    with pytest.raises(InputError, match=rf"{name} changed while the run was reading it"):
        list(batches)
    with pytest.raises(InputError, match=rf"{name} changed while the run was reading it"):
        next(read())
    put(path, FORMS[name](noisy_rows(20)))
    with pytest.raises(InputError, match="changed while"):
        next(read())  # the same size at another time
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert sum(batch.num_rows for _, batch in read()) == 20
    path.unlink()
    with pytest.raises(InputError, match=rf"{name}: there is no such file"):
        next(read())


def test_units_that_are_not_there(tmp_path):
    put(tmp_path / "a.jsonl", GOOD)
    (source,), schema = inspect_corpus(expand([str(tmp_path)]), text_column="text")
    with pytest.raises(ValueError, match="has one unit"):
        next(read_units(source, schema=schema, first_unit=1, units=1, batch_rows=1))


def test_nothing_to_inspect():
    with pytest.raises(InputError, match="no input files"):
        inspect_corpus([], text_column="text")
