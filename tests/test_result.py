"""Opening a result: a document is where its key says, whatever the files; what is no whole result is one sentence."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filters.errors import InputError, OutputError
from pipeline.result import Place, Result, open_result
from tests.slow_inspection import SlowResult


def test_every_document_is_found_in_its_place(inspected: Path) -> None:
    result, slow = open_result(str(inspected)), SlowResult(inspected)
    assert len(result.files("shards")) > 3
    tables = {
        str(path.relative_to(inspected)): pq.read_table(path)["doc_key"]
        for path in inspected.rglob("*.parquet")
        if path.parent.name in ("shards", "rejects")
    }
    for series, rows in (("shards", slow.shards), ("rejects", slow.rejects)):
        found = [result.place(series, row["doc_key"]) for row in rows[::7]]
        for place, row in zip(found, rows[::7], strict=True):
            assert place is not None
            assert tables[place.path][place.row].as_py() == row["doc_key"]
        other = "rejects" if series == "shards" else "shards"
        assert result.place(other, rows[0]["doc_key"]) is None


def test_source_rows_and_keys_lead_to_each_other(inspected: Path) -> None:
    result, slow = open_result(str(inspected)), SlowResult(inspected)
    for key in list(slow.raw)[::50]:
        source, row = result.source_of(key)
        assert (Path(source.path), row) == (slow.inputs[key >> 40], key & (2**40 - 1))
        assert result.key_of(source.path, row) == result.key_of("/".join(Path(source.path).parts[-2:]), row) == key
        assert result.key_of(os.path.relpath(source.path), row) == key


@pytest.mark.parametrize(
    ("path", "row", "message"),
    [
        ("no-such.parquet", 0, "is the end of no file"),
        ("parquet", 0, "is the end of no file"),
        ("one/part-00000.parquet", 10**6, "which has 1"),
        ("one/part-00000.parquet", 1 << 40, "has no row 1,099,511,627,776"),  # row 0 of the next file, by its bits
    ],
)
def test_a_source_row_that_is_not_there_is_refused(inspected: Path, path: str, row: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        open_result(str(inspected)).key_of(path, row)


@pytest.mark.parametrize("key", [-1, 99 << 40])
def test_a_key_of_no_file_is_refused(inspected: Path, key: int) -> None:
    with pytest.raises(InputError, match="is no document key"):
        open_result(str(inspected)).source_of(key)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    st.lists(st.lists(st.integers(0, 40), max_size=12), max_size=5),
    st.integers(1, 4),
    st.lists(st.integers(0, 41), min_size=1, max_size=6),
)
def test_rows_of_keys_are_those_of_a_whole_reading(
    tmp_path: Path, parts: list[list[int]], group: int, wanted: list[int]
) -> None:
    """Many rows of a key, keys that go on in the next row group or file, files and results without rows."""
    keys = sorted(key for part in parts for key in part)
    sizes = [len(part) for part in parts]
    files = []
    for number, size in enumerate(sizes):
        mine, keys = keys[:size], keys[size:]
        table = pa.table({"doc_key": pa.array(mine, pa.int64()), "place": pa.array([number] * size, pa.int64())})
        pq.write_table(table, tmp_path / f"{number}.parquet", row_group_size=group)
        files.append({"path": f"{number}.parquet", "rows": size})
    result = Result(str(tmp_path), {"files": {"edits": files}})
    whole = [row for table in result.tables("edits", ["doc_key", "place"]) for row in table.to_pylist()]
    expected = [row for row in whole if row["doc_key"] in wanted]
    assert result.rows("edits", wanted, ["place"]).to_pylist() == expected
    between = result.tables("edits", ["doc_key"], first_key=min(wanted), last_key=max(wanted))
    read = [key for table in between for key in table["doc_key"].to_pylist()]
    assert [key for key in read if min(wanted) <= key <= max(wanted)] == [
        row["doc_key"] for row in whole if min(wanted) <= row["doc_key"] <= max(wanted)
    ]
    for key in wanted:
        place = result.place("edits", key)
        first = next((row for row in expected if row["doc_key"] == key), None)
        assert (place is None) == (first is None)
        if place is not None and first is not None:
            before = [row for row in whole if row["place"] == first["place"] and row["doc_key"] < key]
            assert place == Place(f"{first['place']}.parquet", len(before))


def _manifest(output: Path, change: Any) -> None:
    path = output / "manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))


DAMAGE = {
    "no manifest": (lambda out: (out / "manifest.json").unlink(), "is not a result: it has no manifest.json"),
    "unfinished": (
        lambda out: ((out / "manifest.json").unlink(), (out / ".beamsift-unfinished").write_text("{}")),
        "a run there has not finished",
    ),
    "no JSON": (lambda out: (out / "manifest.json").write_text("{"), "is damaged"),
    "a list": (lambda out: (out / "manifest.json").write_text("[]"), "is damaged"),
    "older": (lambda out: _manifest(out, lambda m: m.update(format_version=0)), "was written in format 0"),
    "lacking": (lambda out: _manifest(out, lambda m: m.pop("inputs")), "is damaged: it lacks inputs"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_is_no_whole_result_is_one_sentence(inspected: Path, tmp_path: Path, damage: str) -> None:
    harm, message = DAMAGE[damage]
    output = tmp_path / "out"
    output.mkdir()
    shutil.copy(inspected / "manifest.json", output)
    harm(output)
    with pytest.raises(OutputError, match=message) as raised:
        open_result(str(output))
    assert "\n" not in str(raised.value)


def test_a_file_that_beamsift_did_not_write_is_named(inspected: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    shutil.copytree(inspected, output)
    (first, *_) = sorted((output / "rejects").iterdir())
    pq.write_table(pa.table({"other": [1]}), first)
    with pytest.raises(OutputError, match=f"{first.name} is not as beamsift wrote it"):
        open_result(str(output)).place("rejects", 0)
