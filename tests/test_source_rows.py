"""Source rows by key, and whole columns, of files of every format, as they were read by the run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from filters.errors import InputError
from pipeline.result import Result
from pipeline.source_rows import scan_sources, source_rows

ROWS = [{"text": f"text {n}", "url": f"u{n}" if n % 3 else None, "size": n, "tags": ["a"]} for n in range(50)]


def write_parquet(path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(ROWS), path, row_group_size=7)


def write_arrow(path: Path) -> None:
    with pa.ipc.new_file(path, pa.Table.from_pylist(ROWS).schema) as writer:
        writer.write_table(pa.Table.from_pylist(ROWS), max_chunksize=11)


def write_stream(path: Path) -> None:
    with pa.ipc.new_stream(path, pa.Table.from_pylist(ROWS).schema) as writer:
        writer.write_table(pa.Table.from_pylist(ROWS), max_chunksize=11)


def write_lines(path: Path) -> None:
    """Blank lines are no rows; a key may come late, and be of another type there."""
    lines = [json.dumps(row) + "\n" * (1 + n % 3) for n, row in enumerate(ROWS)]
    path.write_text("\ufeff" + "".join(lines))


FORMATS: dict[str, Callable[[Path], None]] = {
    "a.parquet": write_parquet,
    "a.arrow": write_arrow,
    "stream.arrow": write_stream,
    "a.jsonl": write_lines,
}


def result_of(*paths: Path) -> Result:
    inputs = [
        {"ordinal": n, "path": str(path), "size": path.stat().st_size, "rows": None} for n, path in enumerate(paths)
    ]
    recipe = {"input": {"text_column": "text", "format": None}}
    return Result("out", {"inputs": inputs, "recipe": recipe, "files": {}})


@pytest.mark.parametrize("name", FORMATS)
def test_rows_by_key(tmp_path: Path, name: str) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        FORMATS[name](tmp_path / folder / name)
    result = result_of(tmp_path / "one" / name, tmp_path / "two" / name)
    wanted = [0, 49, 6, 7, (1 << 40) + 13, 1 << 40]
    found = source_rows(result, wanted, ["size", "url", "nowhere"])
    assert found == {key: {**{n: ROWS[key % 2**40][n] for n in ("size", "url")}, "nowhere": None} for key in wanted}
    with pytest.raises(InputError, match="has no row 50"):
        source_rows(result, [50], ["text"])


@pytest.mark.parametrize("name", FORMATS)
def test_whole_columns_as_strings(tmp_path: Path, name: str) -> None:
    FORMATS[name](tmp_path / name)
    columns = ["text", "url", "nowhere", "tags", "size"]
    rows: list[dict[str, Any]] = []
    keys: list[int] = []
    reports: list[int] = []
    for batch_keys, batch in scan_sources(result_of(tmp_path / name), columns, lambda n, size: reports.append(n)):
        keys += batch_keys.tolist()
        rows += batch.to_pylist()
    assert keys == list(range(50)) and sum(reports) == 50
    for row, given in zip(rows, ROWS, strict=True):
        assert (row["text"], row["url"], row["nowhere"], row["tags"]) == (given["text"], given["url"], None, None)
        assert row["size"] == str(given["size"])


def test_lines_of_strings_alone_come_out_the_same(tmp_path: Path) -> None:
    """The fast way, which other types fall back from."""
    write_lines(tmp_path / "a.jsonl")
    rows = [
        row for _, batch in scan_sources(result_of(tmp_path / "a.jsonl"), ["url", "text"]) for row in batch.to_pylist()
    ]
    assert rows == [{"url": row["url"], "text": row["text"]} for row in ROWS]


def test_a_file_that_has_changed_is_refused(tmp_path: Path) -> None:
    write_lines(tmp_path / "a.jsonl")
    result = result_of(tmp_path / "a.jsonl")
    with (tmp_path / "a.jsonl").open("a") as file:
        file.write("\n")
    for read in (lambda: source_rows(result, [0], ["text"]), lambda: list(scan_sources(result, ["text"]))):
        with pytest.raises(InputError, match="has changed since the run read it"):
            read()
