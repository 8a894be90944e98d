"""Whole runs: the same bytes however the work is cut, nothing lost, and the planted truth of the sample found."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from filters.minhash import collision_probability
from tests.conftest import digests
from transforms.split import ROW_BITS

STAGES: list[Any] = [
    {"length": {"min_chars": 20, "min_words": 5}},
    {"language": {"min_score": 0.4}},
    {"blocklist": {"path": "configs/lists/sample-blocklist.txt", "max_hits": 2}},
    {"pii": {"ip_scope": "public"}},
    "exact_dedup",
    {"minhash_dedup": {"threshold": 0.8, "bands": 14, "rows": 8}},
]

Runner = Callable[..., tuple[dict[str, Any], Path]]


def recipe(sample: Path, stages: list[Any] | None = None, **run_options: Any) -> dict[str, Any]:
    return {
        "input": {"paths": str(sample / "raw")},
        "stages": STAGES if stages is None else stages,
        "output": {"shard_bytes": 200_000, "row_group_bytes": 50_000, "reject_text": True},
        "run": run_options,
    }


def rows(output: Path, series: str) -> pa.Table:
    return ds.dataset(output / series, format="parquet").to_table()


def truth_by_key(sample: Path) -> dict[int, dict[str, Any]]:
    truth = pq.read_table(sample / "truth.parquet").to_pylist()
    files = sorted(path.name for path in (sample / "raw").iterdir())
    return {files.index(row["file"]) << ROW_BITS | row["row"]: row for row in truth}


@pytest.fixture(scope="module")
def reference(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """One run with default cuts, in memory."""
    from pipeline.recipe import parse_recipe
    from pipeline.run import run
    from pipeline.yaml_document import load_yaml

    output = tmp_path_factory.mktemp("reference") / "out"
    data = recipe(sample)
    data["output"]["path"] = str(output)
    return run(parse_recipe(load_yaml("recipe.yaml", json.dumps(data)))), output


@pytest.mark.parametrize(
    "cuts",
    [
        pytest.param({"batch_rows": 1}, id="batches of one row"),
        pytest.param({"batch_rows": 10_000}, id="batches of 10,000 rows"),
        pytest.param({"split_bytes": 1}, id="a split for every row group"),
        pytest.param({"split_bytes": 1 << 30}, id="a split for every file"),
        pytest.param({"partitions": 1}, id="one partition"),
        pytest.param({"partitions": 97}, id="many partitions"),
        pytest.param({"workers": 2, "split_bytes": 50_000}, id="two worker processes"),
    ],
)
def test_results_do_not_depend_on_how_the_work_is_cut(
    reference: tuple[dict[str, Any], Path], sample: Path, run_recipe: Runner, cuts: dict[str, Any]
) -> None:
    _, output = run_recipe(recipe(sample, **cuts))
    assert digests(output) == digests(reference[1])


def test_results_do_not_depend_on_the_order_of_files_on_disk(
    reference: tuple[dict[str, Any], Path], sample: Path, tmp_path: Path, run_recipe: Runner
) -> None:
    # Rejects name their source file, so the copy must lie at the same path: move it away and back, last file first.
    raw, away = sample / "raw", tmp_path / "away"
    shutil.move(raw, away)
    raw.mkdir()
    for path in sorted(away.iterdir(), reverse=True):
        shutil.copy2(path, raw / path.name)
    _, output = run_recipe(recipe(sample))
    assert digests(output) == digests(reference[1])


def test_kept_and_dropped_are_what_was_read(reference: tuple[dict[str, Any], Path], sample: Path) -> None:
    manifest, output = reference
    kept, rejects = rows(output, "shards"), rows(output, "rejects")
    keys = kept["doc_key"].to_pylist() + rejects["doc_key"].to_pylist()
    assert sorted(keys) == sorted(truth_by_key(sample))
    assert manifest["read"]["documents"] == 600
    assert manifest["kept"]["documents"] == len(kept)
    assert manifest["kept"]["bytes"] == pc.sum(pc.binary_length(kept["text"])).as_py()
    for step in manifest["stages"]:
        for reason, count in step["dropped"].items():
            here = rejects.filter((pc.field("stage") == step["id"]) & (pc.field("reason") == reason))
            assert (len(here), pc.sum(here["text_bytes"]).as_py()) == (count["documents"], count["bytes"])


def test_shards_are_in_order_of_keys_and_of_equal_size(reference: tuple[dict[str, Any], Path]) -> None:
    manifest, output = reference
    keys, sizes = [], []
    for file in manifest["files"]["shards"]:
        table = pq.read_table(output / file["path"])
        keys += table["doc_key"].to_pylist()
        sizes.append(pc.sum(pc.binary_length(table["text"])).as_py())
        assert (len(table), sizes[-1]) == (file["rows"], file["text_bytes"])
    assert keys == sorted(keys)
    assert len(sizes) > 2
    assert max(sizes) - min(sizes) < 0.2 * max(sizes)


def test_columns_are_carried_through_unchanged(reference: tuple[dict[str, Any], Path], sample: Path) -> None:
    kept = rows(reference[1], "shards")
    raw = {}
    for number, path in enumerate(sorted((sample / "raw").glob("*.parquet"))):
        for row, values in enumerate(pq.read_table(path).to_pylist()):
            raw[number << ROW_BITS | row] = values
    compared = 0
    for row in kept.to_pylist():
        before = raw.get(row["doc_key"])
        for name, value in (before or {}).items():
            if name != "text":
                assert row[name] == value
                compared += 1
    assert compared > 1000
    assert pa.types.is_struct(kept.schema.field("meta").type)


def test_every_exact_duplicate_is_found_and_nothing_else(reference: tuple[dict[str, Any], Path], sample: Path) -> None:
    truth = truth_by_key(sample)
    rejects = rows(reference[1], "rejects").to_pylist()
    by_id = {row["id"]: key for key, row in truth.items()}
    gone = {row["doc_key"]: row for row in rejects}
    dropped = {row["doc_key"]: row["survivor"] for row in rejects if row["reason"] == "exact_duplicate"}
    for key, row in truth.items():
        if row["kind"] in ("exact", "exact_whitespace"):
            base = by_id[row["base_id"]]
            # One of the pair goes, unless both left for another reason first.
            assert (key in gone and base in gone) or key in dropped or base in dropped
    groups = {key: row["base_id"] or row["id"] for key, row in truth.items()}
    for key, survivor in dropped.items():
        assert groups[key] == groups[survivor]
        assert truth[key]["kind"] in ("exact", "exact_whitespace", "unique")


def test_near_duplicates_are_found_at_the_rate_of_the_s_curve(sample: Path, run_recipe: Runner) -> None:
    _, output = run_recipe(recipe(sample, [{"minhash_dedup": {"threshold": 0.8, "bands": 14, "rows": 8}}]))
    truth = truth_by_key(sample)
    by_id = {row["id"]: key for key, row in truth.items()}
    members = rows(output, "dedup").to_pylist()
    root = {row["doc_key"]: row["survivor"] for row in members}
    near = {key: row for key, row in truth.items() if row["kind"] == "near"}
    chances = np.array([collision_probability(row["jaccard"], 14, 8) for row in near.values()])
    found = sum(root.get(key, key) == root.get(by_id[row["base_id"]], -1) for key, row in near.items())
    spread = np.sqrt((chances * (1 - chances)).sum())
    assert len(near) > 30
    assert abs(found - chances.sum()) < 4 * max(spread, 1)
    groups = {key: row["base_id"] or row["id"] for key, row in truth.items()}
    strangers = [row for row in members if groups[row["doc_key"]] != groups[row["survivor"]] and _is_unique(truth, row)]
    assert not strangers


def _is_unique(truth: dict[int, dict[str, Any]], row: dict[str, Any]) -> bool:
    return truth[row["doc_key"]]["kind"] == truth[row["survivor"]]["kind"] == "unique"


def test_planted_addresses_are_gone_and_look_alikes_stay(reference: tuple[dict[str, Any], Path], sample: Path) -> None:
    truth, found, stayed = truth_by_key(sample), 0, 0
    raw = {row["doc_key"]: row for row in rows(reference[1], "shards").to_pylist()}
    texts = _raw_texts(sample)
    for key, row in truth.items():
        if key not in raw:
            continue
        for span in row["pii"]:
            value = texts[key][span["start"] : span["end"]]
            if span["kind"] in ("email", "ipv4", "ipv6", "ip"):
                assert value not in raw[key]["text"], (row["lang"], span["kind"])
                found += 1
        for span in row["negatives"]:
            if not row["pii"]:
                assert texts[key][span["start"] : span["end"]] in raw[key]["text"], (row["lang"], span["kind"])
                stayed += 1
    assert found > 20
    assert stayed > 3


def _raw_texts(sample: Path) -> dict[int, str]:
    texts = {}
    for number, path in enumerate(sorted((sample / "raw").iterdir())):
        if path.suffix == ".parquet":
            column = pq.read_table(path, columns=["text"])["text"].to_pylist()
        else:
            data = pa.CompressedInputStream(pa.OSFile(str(path)), "zstd").read()
            column = [json.loads(line)["text"] for line in data.decode().split("\n") if line]
        texts.update({number << ROW_BITS | row: text for row, text in enumerate(column)})
    return texts


def test_edits_point_at_what_was_replaced(reference: tuple[dict[str, Any], Path], sample: Path) -> None:
    texts = _raw_texts(sample)
    edits = rows(reference[1], "edits").to_pylist()
    assert len(edits) > 20
    for edit in edits:
        value = texts[edit["doc_key"]][edit["start"] : edit["end"]]
        assert ("@" in value) if edit["kind"] == "email" else ("." in value or ":" in value)
        assert texts[edit["doc_key"]] is not None


def test_a_second_run_over_the_output_drops_no_duplicates(sample: Path, run_recipe: Runner) -> None:
    _, first = run_recipe(recipe(sample), "first")
    added = [name for name in rows(first, "shards").column_names if name.startswith(("doc_key", "exact_", "minhash_"))]
    again = {
        "input": {"paths": str(first / "shards"), "drop_columns": added},
        "stages": ["exact_dedup", {"minhash_dedup": {"bands": 14, "rows": 8}}],
    }
    manifest, _ = run_recipe(again, "second")
    assert manifest["kept"] == manifest["read"]


def test_no_stages_is_a_copy(sample: Path, run_recipe: Runner) -> None:
    manifest, output = run_recipe(recipe(sample, []))
    nulls = manifest["stages"][0]["dropped"]["null_text"]["documents"]
    assert manifest["kept"]["documents"] == 600 - nulls == len(rows(output, "shards"))


def test_row_stages_after_a_deduplication_see_its_columns(sample: Path, run_recipe: Runner) -> None:
    stages = ["exact_dedup", {"length": {"min_words": 30}}, "minhash_dedup", "pii"]
    manifest, output = run_recipe(recipe(sample, stages))
    kept = rows(output, "shards")
    assert {"exact_dedup_cluster_size", "minhash_dedup_cluster_size", "pii_email"} <= set(kept.column_names)
    exact = rows(output, "dedup/exact_dedup")
    sizes = dict(zip(exact["doc_key"].to_pylist(), exact["cluster_size"].to_pylist(), strict=True))
    for key, size in zip(kept["doc_key"].to_pylist(), kept["exact_dedup_cluster_size"].to_pylist(), strict=True):
        assert size == sizes.get(key, 1)
    assert manifest["stages"][-1]["out"]["documents"] == len(kept)


def test_everything_dropped_leaves_an_empty_readable_result(sample: Path, run_recipe: Runner) -> None:
    manifest, output = run_recipe(recipe(sample, [{"length": {"min_words": 10**9}}, "exact_dedup", "minhash_dedup"]))
    assert manifest["kept"] == {"documents": 0, "bytes": 0}
    assert len(rows(output, "shards")) == 0
    assert len(rows(output, "rejects")) == 600


def test_an_empty_corpus_gives_an_empty_result(tmp_path: Path, run_recipe: Runner) -> None:
    pq.write_table(pa.table({"text": pa.array([], pa.string()), "n": pa.array([], pa.int64())}), tmp_path / "a.parquet")
    manifest, output = run_recipe({"input": {"paths": str(tmp_path / "a.parquet")}, "stages": STAGES})
    assert manifest["read"]["documents"] == 0
    assert rows(output, "shards").column_names[:2] == ["doc_key", "text"]


def test_staging_is_gone_unless_it_is_asked_for(sample: Path, run_recipe: Runner) -> None:
    _, output = run_recipe(recipe(sample, []), "without")
    assert not (output / "staging").exists() and not (output / ".beamsift-unfinished").exists()
    _, output = run_recipe(recipe(sample, []), "with", keep_staging=True)
    assert list((output / "staging").iterdir())


def test_a_repeated_bundle_changes_nothing(
    reference: tuple[dict[str, Any], Path], sample: Path, run_recipe: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner

    import pipeline.run

    make = pipeline.run.make_runner
    monkeypatch.setattr(pipeline.run, "make_runner", lambda *args: (FnApiRunner(bundle_repeat=1), make(*args)[1]))
    _, output = run_recipe(recipe(sample))
    assert digests(output) == digests(reference[1])


def test_a_document_larger_than_a_shard_leaves_no_empty_shard(tmp_path: Path, run_recipe: Runner) -> None:
    texts = ["word " * 20_000, *(f"short text number {i}" for i in range(50))]
    pq.write_table(pa.table({"text": texts}), tmp_path / "a.parquet", row_group_size=7)
    recipe = {"input": {"paths": str(tmp_path / "a.parquet")}, "output": {"shard_bytes": 300}}
    manifest, output = run_recipe(recipe)
    files = manifest["files"]["shards"]
    assert [file["path"] for file in files] == [
        f"shards/part-{i:05d}-of-{len(files):05d}.parquet" for i in range(len(files))
    ]
    assert min(file["rows"] for file in files) > 0
    assert rows(output, "shards")["text"].to_pylist() == texts
