"""Tests of formats: what goes in comes out, in every format."""

import gzip
import uuid
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings

from filters.errors import InputError
from tests.format_files import AWKWARD, FORMS, SCHEMA, filled, lines_of, put, read_all, records, refusal, zstd
from transforms import jsonlines
from transforms.files import expand, join, remove_tree, write_bytes_atomic
from transforms.formats import inspect_corpus, read_units


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
