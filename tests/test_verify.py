"""`beamsift verify`: a whole result passes, and each kind of damage or lie is named with its place."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from filters.errors import OutputError
from pipeline.cli.main import cli
from pipeline.verify import verify
from tests.conftest import run_in
from transforms.split import ROW_BITS

STAGES = [
    {"length": {"min_words": 8}},
    {"language": {"min_score": 0.4}},
    {"pii": {"kinds": ["email", "ip"]}},
    "exact_dedup",
    {"minhash_dedup": {"threshold": 0.7, "bands": 14, "rows": 8}},
]


@pytest.fixture(scope="module")
def result(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A result with drops of every kind, in several shards."""
    recipe = {"input": {"paths": str(sample / "raw")}, "stages": STAGES, "output": {"shard_bytes": 400_000}}
    manifest, output = run_in(tmp_path_factory.mktemp("verified"), recipe)
    assert all(stage["dropped"] or "edited" in stage for stage in manifest["stages"])
    assert len(manifest["files"]["shards"]) > 2
    return output


@pytest.fixture
def damaged(result: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(result, tmp_path / "out"))


def findings(output: Path) -> str:
    """All findings, a line each."""
    return "\n".join(f"{path}: {what}" for path, what in verify(str(output)).findings)


def rewrite(output: Path, path: str, change: Callable[[pa.Table], pa.Table]) -> None:
    """Change the rows of a file, and make the manifest agree about the file itself: only the story is wrong then."""
    file = output / path
    table = change(pq.read_table(file))
    pq.write_table(table, file)
    entry = {"rows": len(table), "size": file.stat().st_size, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
    if "text" in table.column_names or "text_bytes" in table.column_names:
        sizes = table["text_bytes"] if "text_bytes" in table.column_names else pc.binary_length(table["text"])
        entry["text_bytes"] = pc.sum(sizes).as_py() or 0
    manifest = json.loads((output / "manifest.json").read_text())
    for files in manifest["files"].values():
        for known in files:
            if known["path"] == path:
                known.update(entry)
    (output / "manifest.json").write_text(json.dumps(manifest))


def replaced(table: pa.Table, row: int, **values: Any) -> pa.Table:
    """The table with other values in one row."""
    rows = table.to_pylist()
    rows[row].update(values)
    return pa.Table.from_pylist(rows, table.schema)


def only(output: Path, series: str) -> str:
    (file,) = sorted((output / series).glob("*.parquet"))
    return str(file.relative_to(output))


def row_of(output: Path, path: str, **wanted: Any) -> int:
    """Number of the first row with these values."""
    rows = pq.read_table(output / path).to_pylist()
    return next(i for i, row in enumerate(rows) if all(row[name] == value for name, value in wanted.items()))


def test_a_whole_result(result: Path) -> None:
    done = CliRunner().invoke(cli, ["verify", str(result), "--json"])
    report = json.loads(done.output)
    assert done.exit_code == 0 and report["whole"] and report["findings"] == report["skipped"] == []
    manifest = json.loads((result / "manifest.json").read_text())
    assert report["checked"]["documents"] == manifest["read"]["documents"] == 600
    assert report["checked"]["rejects"] == 600 - manifest["kept"]["documents"]
    assert report["checked"]["duplicates"] > 10 and report["checked"]["limits"] > 10 and report["checked"]["edits"] > 10
    assert "All is well" in CliRunner().invoke(cli, ["verify", str(result)]).output


@pytest.mark.parametrize(
    "stages",
    [
        [{"minhash_dedup": {"threshold": 0.7, "action": "tag"}}, {"exact_dedup": {"action": "tag"}}],
        [{"minhash_dedup": {"measure": "containment", "threshold": 0.9}}, {"length": {"min_words": 40}}],
    ],
)
def test_a_whole_result_of_other_recipes(sample: Path, tmp_path: Path, stages: list[Any]) -> None:
    _, output = run_in(tmp_path, {"input": {"paths": str(sample / "raw")}, "stages": stages})
    assert findings(output) == ""


def test_an_annotated_result_is_whole(sample: Path, tmp_path: Path) -> None:
    recipe = {"input": {"paths": str(sample / "raw")}, "stages": STAGES}
    manifest, output = run_in(tmp_path, recipe, annotate_only=True)
    report = verify(str(output))
    assert report.findings == []
    dropped = sum(count["documents"] for stage in manifest["stages"] for count in stage["dropped"].values())
    assert report.checked["rejects"] == dropped > 10


def test_no_result() -> None:
    with pytest.raises(OutputError, match="not a result"):
        verify("/nowhere/at/all")


def test_a_damaged_file_is_named_and_the_exit_status_says_so(damaged: Path) -> None:
    shard = sorted((damaged / "shards").iterdir())[1]
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.write_bytes(data)
    done = CliRunner().invoke(cli, ["verify", str(damaged)])
    assert done.exit_code == 1
    assert f"shards/{shard.name} holds other bytes than were written" in done.output
    assert "Not checked while files are damaged" in done.output


def test_files_that_are_missing_cut_short_or_too_many(damaged: Path) -> None:
    one, two, *_ = sorted((damaged / "shards").iterdir())
    one.unlink()
    two.write_bytes(two.read_bytes()[:-1])
    (damaged / "shards" / "part-9.parquet").write_bytes(b"theirs")
    found = findings(damaged)
    assert f"shards/{one.name}: is missing" in found
    assert f"shards/{two.name}: has " in found and "shards/part-9.parquet: is not listed in the manifest" in found


def test_a_lost_document(damaged: Path) -> None:
    path = str(sorted((damaged / "shards").iterdir())[0].relative_to(damaged))
    key = pq.read_table(damaged / path)["doc_key"][3].as_py()
    rewrite(damaged, path, lambda table: pa.concat_tables([table.slice(0, 3), table.slice(4)]))
    assert f"document {key} of the input are nowhere in it" in findings(damaged)


def test_a_document_that_is_kept_and_dropped(damaged: Path) -> None:
    shard = str(sorted((damaged / "shards").iterdir())[0].relative_to(damaged))
    gone = pq.read_table(damaged / only(damaged, "rejects"))["doc_key"][0].as_py()
    rewrite(damaged, shard, lambda table: replaced(table, 0, doc_key=gone))
    found = findings(damaged)
    assert "both kept and dropped" in found and "nowhere in it" in found


def test_a_document_of_no_input(damaged: Path) -> None:
    rewrite(damaged, only(damaged, "rejects"), lambda table: replaced(table, len(table) - 1, doc_key=99 << ROW_BITS))
    assert f"document {99 << ROW_BITS} are of no file" in findings(damaged)


def test_counts_of_the_manifest(damaged: Path) -> None:
    path = damaged / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["stages"][1]["dropped"]["too_few_words"]["documents"] -= 1
    path.write_text(json.dumps(manifest))
    found = findings(damaged)
    assert "stage 'length'" in found and "left at length as too_few_words, the manifest says" in found


def test_edits_that_are_gone(damaged: Path) -> None:
    rewrite(damaged, only(damaged, "edits"), lambda table: table.slice(0, 0))
    assert "0 documents have edits of stage 'pii'" in findings(damaged)


@pytest.mark.parametrize(
    ("stage", "change", "expected"),
    [
        ("length", {"value": 1e9}, "was not outside the limit of too_few_words"),
        ("length", {"threshold": 9e9}, "was not outside the limit of too_few_words"),
        ("exact_dedup", {"survivor": 99 << ROW_BITS}, "the survivor of stage 'exact_dedup' was not there any more"),
        ("minhash_dedup", {"value": 0.99}, "rejects and this folder disagree about duplicates"),
        ("exact_dedup", {"kept_as": 99 << ROW_BITS}, "kept_as names a document that is not in the shards"),
    ],
)
def test_evidence_that_does_not_hold(damaged: Path, stage: str, change: dict[str, Any], expected: str) -> None:
    path = only(damaged, "rejects")
    row = row_of(damaged, path, stage=stage, **({"reason": "too_few_words"} if stage == "length" else {}))
    rewrite(damaged, path, lambda table: replaced(table, row, **change))
    assert expected in findings(damaged)


def test_a_survivor_that_was_dropped_before(damaged: Path) -> None:
    path = only(damaged, "rejects")
    short = pq.read_table(damaged / path).to_pylist()[row_of(damaged, path, stage="length")]["doc_key"]
    row = row_of(damaged, path, stage="exact_dedup")
    rewrite(damaged, path, lambda table: replaced(table, row, survivor=short))
    found = findings(damaged)
    assert "the survivor of stage 'exact_dedup' was not there any more" in found
    assert "dedup/exact_dedup/documents: rejects and this folder disagree" in found


def test_pairs_that_are_gone(damaged: Path) -> None:
    rewrite(damaged, only(damaged, "dedup/minhash_dedup/pairs"), lambda table: table.slice(0, 0))
    assert "no pair with the survivor of that similarity" in findings(damaged)


def test_a_similarity_below_the_threshold(damaged: Path) -> None:
    path = only(damaged, "dedup/minhash_dedup/documents")
    rows = pq.read_table(damaged / path).to_pylist()
    row = next(i for i, row in enumerate(rows) if row["survivor"] != row["doc_key"])
    rewrite(damaged, path, lambda table: replaced(table, row, similarity=0.2))
    assert f"document {rows[row]['doc_key']}: less similar than the threshold" in findings(damaged)
