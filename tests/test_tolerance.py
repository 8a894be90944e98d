"""Damage that a recipe tolerates: every good row is kept, every other one is in rejects with its place and cause."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from filters.chain import KEY, UNREADABLE_DETAIL, UNREADABLE_REASON
from filters.errors import InputError, RecipeError
from pipeline.verify import verify
from tests.conftest import digests, run_in
from transforms.corpus import cut_splits, open_corpus, write_plan
from transforms.read import read_split
from transforms.split import ROW_BITS
from transforms.tolerance import Tolerance

ROWS = 30
GROUP = 10


def parquet(path: Path) -> None:
    pq.write_table(table(), path, row_group_size=GROUP, compression="none", use_dictionary=False)


def arrow(path: Path) -> None:
    with pa.ipc.new_file(str(path), table().schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table(), max_chunksize=GROUP)


def stream(path: Path) -> None:
    with pa.ipc.new_stream(str(path), table().schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table(), max_chunksize=GROUP)


def lines(path: Path) -> None:
    path.write_bytes(b"".join(json.dumps(row).encode() + b"\n" for row in table().to_pylist()))


def table() -> pa.Table:
    return pa.table({"text": [f"the text of row {i:03d} " * 20 for i in range(ROWS)], "n": range(ROWS)})


def replace_bytes(path: Path, old: bytes, new: bytes) -> None:
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new, 1))


def invalid_row(path: Path) -> None:
    replace_bytes(path, b"row 013 ", b"row \xff\xfe3 ")


def bad_lines(path: Path) -> None:
    replace_bytes(path, b'{"text": "the text of row 013 ', b'{"text": the text of row 013 ')
    replace_bytes(path, b'"n": 29', b'"n": "a word"')


def damaged_group(path: Path) -> None:
    """Texts of rows 10 to 19: plain in Parquet; the fifth of nine packed buffers in Arrow files."""
    data = bytearray(path.read_bytes())
    packed = [at for at in range(len(data)) if data[at : at + 4] == b"\x28\xb5\x2f\xfd"]
    at = packed[4] if packed else data.index(b"row 010 ") - 30
    data[at : at + 60] = b"\xee" * 60
    path.write_bytes(data)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5])


def packed_and_cut(path: Path) -> None:
    data = gzip.compress(path.read_bytes())
    path.write_bytes(data[: len(data) // 2])


def read(folder: Path, *kinds: str, most: int = 100) -> tuple[list[tuple[int, int]], list[tuple[int, str, str]]]:
    """((key, n) of all good rows, (key, reason, detail) of the others), keys in order over both."""
    corpus = open_corpus([str(folder)], tolerance=Tolerance(frozenset(kinds), most))
    plan = str(folder.parent / "plan.parquet")
    write_plan(corpus, plan, 1)
    good, bad, keys = [], [], []
    for split in cut_splits(corpus, 1, plan):
        for batch in read_split(split, batch_rows=4):
            keys += batch[KEY].to_pylist()
            if UNREADABLE_REASON in batch.schema.names:
                assert batch["text"].null_count == len(batch) <= 4
                bad += zip(
                    *(batch[name].to_pylist() for name in (KEY, UNREADABLE_REASON, UNREADABLE_DETAIL)), strict=True
                )
            else:
                good += zip(batch[KEY].to_pylist(), batch["n"].to_pylist(), strict=True)
    assert keys == sorted(set(keys))
    return good, bad


CASES = [
    pytest.param(
        "a.parquet", parquet, invalid_row, "row", [13], "row group 1, row 13: column 'text'", id="row, parquet"
    ),
    pytest.param("a.parquet", parquet, damaged_group, "row_group", range(10, 20), "row group 1", id="row group"),
    pytest.param("a.arrow", arrow, damaged_group, "row_group", range(10, 20), "record batch 1", id="record batch"),
    pytest.param("a.jsonl", lines, bad_lines, "line", [13, 29], "line 14: malformed", id="lines"),
    pytest.param("a.jsonl", lines, invalid_row, "line", [13], "line 14: invalid UTF-8", id="line that is not UTF-8"),
]


@pytest.mark.parametrize(("name", "write", "damage", "kind", "lost", "why"), CASES)
def test_all_but_what_is_damaged_is_read(
    tmp_path: Path, name: str, write: Callable, damage: Callable, kind: str, lost: Any, why: str
) -> None:
    (tmp_path / "raw").mkdir()
    path = tmp_path / "raw" / name
    write(path)
    damage(path)
    with pytest.raises(InputError, match=r"a\.(parquet|arrow|jsonl), "):
        read(tmp_path / "raw", *({"file", "row_group", "row", "line"} - {kind}))
    good, bad = read(tmp_path / "raw", kind)
    assert [n for _, n in good] == [n for n in range(ROWS) if n not in lost]
    assert all(key == n for key, n in good)
    assert [key for key, _, _ in bad] == list(lost)
    assert {reason for _, reason, _ in bad} == {f"unreadable_{kind}"}
    assert f"{path}, {why}" in bad[0][2] and "the text of" not in bad[0][2]


@pytest.mark.parametrize(
    ("name", "write", "damage", "least"),
    [
        ("a.parquet", parquet, cut, 0),
        ("a.arrow", arrow, cut, 0),
        ("b.arrow", stream, cut, 0),
        ("b.arrow", stream, damaged_group, 10),
        ("a.jsonl.gz", lines, packed_and_cut, 0),
    ],
)
def test_a_file_that_cannot_be_read_on_counts_as_one(
    tmp_path: Path, name: str, write: Callable, damage: Callable, least: int
) -> None:
    (tmp_path / "raw").mkdir()
    path = tmp_path / "raw" / name
    write(path)
    damage(path)
    parquet(tmp_path / "raw" / "z.parquet")
    with pytest.raises(InputError, match=name):
        read(tmp_path / "raw", "row", "line", "row_group")
    good, ((key, reason, detail),) = read(tmp_path / "raw", "file")
    assert len(good) >= ROWS + least and sum(key >> ROW_BITS == 1 for key, _ in good) == ROWS
    assert key == len(good) - ROWS and reason == "unreadable_file" and str(path) in detail


def test_more_than_so_many_end_the_run_early(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    lines(tmp_path / "raw" / "a.jsonl")
    bad_lines(tmp_path / "raw" / "a.jsonl")
    with pytest.raises(InputError, match=r"line 30: .*max_documents is 1"):
        read(tmp_path / "raw", "line", most=1)


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("damaged")
    for name in ("raw", "good"):
        (folder / name).mkdir()
    lines(folder / "raw" / "a.jsonl")
    parquet(folder / "raw" / "b.parquet")
    parquet(folder / "raw" / "c.parquet")
    bad_lines(folder / "raw" / "a.jsonl")
    damaged_group(folder / "raw" / "b.parquet")
    cut(folder / "raw" / "c.parquet")
    return folder


def tolerant(**limits: Any) -> dict[str, Any]:
    return {"kinds": ["line", "row_group", "file"], "max_documents": 13, "max_share": 0.5, **limits}


def test_a_run_accounts_for_all_that_was_tolerated(damaged: Path) -> None:
    recipe = {"input": {"paths": str(damaged / "raw"), "tolerate": tolerant()}, "stages": ["exact_dedup"]}
    manifest, output = run_in(damaged, recipe)
    dropped = manifest["stages"][0]["dropped"]
    assert {reason: count["documents"] for reason, count in dropped.items()} == {
        "unreadable_line": 2, "unreadable_row_group": 10, "unreadable_file": 1,
    }  # fmt: skip
    assert manifest["read"]["documents"] == 61
    assert "13 documents could not be read" in manifest["warnings"][0]
    rejects = pq.read_table(output / "rejects").filter(pa.compute.field("stage") == "read")
    assert len(rejects) == 13 and all(str(damaged / "raw") in detail for detail in rejects["detail"].to_pylist())
    assert verify(str(output)).findings == []
    pieces = {**recipe, "run": {"split_bytes": 100, "batch_rows": 3}}
    assert digests(run_in(damaged, pieces, "pieces")[1]) == digests(output)


@pytest.mark.parametrize("limit", [{"max_documents": 12}, {"max_share": 0.2}])
def test_a_run_fails_above_its_limits(damaged: Path, limit: dict[str, Any]) -> None:
    recipe = {"input": {"paths": str(damaged / "raw"), "tolerate": tolerant(**limit)}}
    with pytest.raises(InputError, match="13 of 61 documents could not be read, more than input"):
        run_in(damaged, recipe, "above")
    assert not (damaged / "above" / "manifest.json").exists()


def test_unknown_kinds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="'lines'"):
        run_in(tmp_path, {"input": {"paths": "x", "tolerate": {"kinds": ["lines"]}}})
