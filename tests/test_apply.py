"""Staging: what is held in memory for one file is bounded, whatever the filters keep and the columns weigh."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from filters.chain import READ, Stage
from filters.length import LENGTH
from transforms import apply
from transforms.apply import StagingOptions, stage_split
from transforms.corpus import open_corpus, read_plan, write_plan
from transforms.progress import ProgressReader
from transforms.split import Split


def plan(folder: Path, table: pa.Table) -> Split:
    """The one Split of a JSON-lines file, which can be cut only when it is read."""
    lines = [json.dumps(row) for row in table.to_pylist()]
    (folder / "a.jsonl").write_text("\n".join(lines))
    write_plan(open_corpus([str(folder / "a.jsonl")]), str(folder / "plan"), 1 << 20)
    (split,) = read_plan(str(folder / "plan"))
    return split


def dropping_all() -> list[Stage]:
    return [Stage("length", "length", LENGTH.Params(min_words=1000))]


def test_a_filter_that_drops_everything_does_not_fill_the_memory(tmp_path: Path) -> None:
    split = plan(tmp_path, pa.table({"text": ["ten bytes "] * 100}))
    options = StagingOptions(str(tmp_path / "s"), batch_rows=5, split_bytes=200, progress=str(tmp_path / "progress"))
    (tmp_path / "progress").mkdir()
    pieces = list(stage_split(split, dropping_all(), "text", options))
    assert [piece.tally.documents[(READ, READ)] for piece in pieces] == [20] * 5
    assert [piece.rows for piece in pieces] == [0] * 5
    assert [piece.last for piece in pieces] == [False] * 4 + [True]
    # Progress counts what was read, not what was kept.
    assert ProgressReader(tmp_path / "progress").look() == {"filter": (100, 1000, 100)}


@pytest.mark.parametrize("stages", [[], dropping_all()], ids=["kept", "dropped"])
def test_rows_without_text_are_bounded_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stages: list[Stage]
) -> None:
    monkeypatch.setattr(apply, "PART_ROWS", 30)
    split = plan(tmp_path, pa.table({"text": pa.array([None, ""] * 50, pa.string())}))
    pieces = list(stage_split(split, stages, "text", StagingOptions(str(tmp_path / "s"), batch_rows=10)))
    assert [piece.tally.documents[(READ, READ)] for piece in pieces] == [30, 30, 30, 10]


def test_heavy_columns_count_toward_a_row_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply, "_ROW_GROUP_BYTES", 10_000)
    split = plan(tmp_path, pa.table({"text": ["short"] * 100, "blob": ["x" * 1000] * 100}))
    (piece,) = stage_split(split, [], "text", StagingOptions(str(tmp_path / "s"), batch_rows=1))
    groups = pq.ParquetFile(piece.uri).metadata
    assert [groups.row_group(i).num_rows for i in range(groups.num_row_groups)] == [10] * 10
