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
    data: dict[str, Any] = {
        "input": {"paths": str(sample / "raw")},
        "stages": STAGES if stages is None else stages,
        "output": {"shard_bytes": 200_000, "row_group_bytes": 50_000, "reject_text": True},
        "run": run_options,
    }
    if stages is None:
        data["training"] = {"formats": ["text_parquet"], "validation": {"share": 0.1}, "mixture": {"default": 1.5}}
    return data


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
    stage = {"minhash_dedup": {"threshold": 0.8, "bands": 14, "rows": 8, "verify": "none"}}
    _, output = run_recipe(recipe(sample, [stage]))
    truth = truth_by_key(sample)
    by_id = {row["id"]: key for key, row in truth.items()}
    members = rows(output, "dedup/minhash_dedup/documents").to_pylist()
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
    exact = rows(output, "dedup/exact_dedup/documents")
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


@pytest.mark.parametrize("name", ["a.jsonl", "b.parquet"])
@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda pieces: [], id="a whole Split"),
        pytest.param(lambda pieces: pieces[:-1], id="its last piece"),
        pytest.param(lambda pieces: pieces[1:], id="its first piece"),
        pytest.param(lambda pieces: [*pieces, pieces[-1]], id="a piece twice"),
    ],
)
def test_a_split_that_is_lost_or_doubled_fails_the_run(
    tmp_path: Path, run_recipe: Runner, monkeypatch: pytest.MonkeyPatch, name: str, spoil: Callable[..., Any]
) -> None:
    from filters.errors import ConservationError
    from transforms import apply

    texts = [f"text number {i}" for i in range(40)]
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/a.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    pq.write_table(pa.table({"text": texts}), tmp_path / "raw/b.parquet")
    recipe = {"input": {"paths": str(tmp_path / "raw")}, "run": {"split_bytes": 100, "batch_rows": 5}}
    stage_split, seen = apply.stage_split, []

    def staged(split: Any, *args: Any) -> Any:
        pieces = list(stage_split(split, *args))
        seen.append(len(pieces))
        return iter(spoil(pieces) if split.uri.endswith(name) else pieces)

    monkeypatch.setattr(apply, "stage_split", staged)
    with pytest.raises(ConservationError, match=name):
        run_recipe(recipe)
    assert min(seen) > 2
    assert not (tmp_path / "out/manifest.json").exists()


def test_rows_that_a_file_does_not_yield_fail_the_run(
    tmp_path: Path, run_recipe: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    from filters.errors import ConservationError
    from transforms import apply

    pq.write_table(pa.table({"text": ["a", "b", "c"]}), tmp_path / "a.parquet")
    (tmp_path / "b.jsonl").write_text('{"text": "d"}\n')
    read_split = apply.read_split
    monkeypatch.setattr(
        apply, "read_split", lambda split, **kwargs: (batch.slice(0, 1) for batch in read_split(split, **kwargs))
    )
    paths = [str(tmp_path / "a.parquet"), str(tmp_path / "b.jsonl")]
    with pytest.raises(ConservationError, match="1 documents read of 3"):
        run_recipe({"input": {"paths": paths}})


RARE = {
    "fixed": pa.array([[1, 2], None, [3, 4]], pa.list_(pa.int8(), 2)),
    "view": pa.array(["a", None, "b"], pa.string_view()),
    "bytes": pa.array([b"a", None, b"b"], pa.binary_view()),
    "views": pa.array([["a", None], None, []], pa.list_(pa.string_view())),
    "list_view": pa.array([[1], None, [2, 3]], pa.list_view(pa.int64())),
    "meta": pa.array([{"n": 1}] * 3, pa.struct([pa.field("n", pa.int64(), nullable=False)])),
    "deep": pa.array([{"v": [1, 2]}, None, {"v": [3, 4]}], pa.struct([("v", pa.list_(pa.int8(), 2))])),
    "tensor": pa.FixedShapeTensorArray.from_numpy_ndarray(np.arange(6, dtype=np.int8).reshape(3, 2)),
    "__place": pa.array([1, 2, 3]),
}


@pytest.mark.parametrize("name", RARE)
@pytest.mark.parametrize("lacking", [False, True])
def test_columns_of_rare_types_and_names_pass_through_a_run(
    tmp_path: Path, run_recipe: Runner, name: str, lacking: bool
) -> None:
    texts = pa.array(["x one", "x two", None], pa.string_view() if name == "view" else pa.string())
    table = pa.table({"text": texts, name: RARE[name]})
    with pa.ipc.new_file(str(tmp_path / "a.arrow"), table.schema) as writer:
        writer.write_table(table)
    if lacking:
        (tmp_path / "b.jsonl").write_text('{"text": "x three"}\n')
    stages = [{"length": {"min_chars": 1}}, "exact_dedup"]
    _, output = run_recipe({"input": {"paths": str(tmp_path)}, "stages": stages})
    assert rows(output, "shards")[name].to_pylist() == RARE[name].to_pylist()[:2] + [None] * lacking


def test_lists_of_fixed_size_stay_what_they_are_where_nothing_is_null(tmp_path: Path, run_recipe: Runner) -> None:
    vectors = pa.array([[1, 2], [3, 4]], pa.list_(pa.float32(), 2))
    pq.write_table(pa.table({"text": ["x one", "x two"], "v": vectors}), tmp_path / "a.parquet")
    _, output = run_recipe({"input": {"paths": str(tmp_path / "a.parquet")}})
    assert rows(output, "shards")["v"].combine_chunks().equals(vectors)


def test_row_groups_of_tiny_texts_end_after_so_many_rows(
    tmp_path: Path, run_recipe: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transforms.shards.GROUP_ROWS", 100)
    texts = ["", "a", *("tiny" for _ in range(248)), "long " * 100, *("tiny" for _ in range(130))]
    pq.write_table(pa.table({"text": texts}), tmp_path / "a.parquet", row_group_size=70)
    recipe = {"input": {"paths": str(tmp_path / "a.parquet")}, "output": {"row_group_bytes": 1200}}
    for number, cuts in enumerate(({"batch_rows": 7}, {"split_bytes": 100}, {})):
        _, output = run_recipe({**recipe, "run": cuts}, f"out{number}")
        file = pq.ParquetFile(output / "shards/part-00000-of-00001.parquet")
        groups = [file.metadata.row_group(i).num_rows for i in range(file.metadata.num_row_groups)]
        # 1,200 bytes are never 100 rows of 4 bytes; the long text passes the first multiple, on row 250.
        assert groups == [100, 100, 51, 100, 30]
        assert rows(output, "shards")["text"].to_pylist() == texts


def test_stages_may_be_named_like_steps_of_the_run(tmp_path: Path, run_recipe: Runner) -> None:
    pq.write_table(pa.table({"text": ["one text", "one text", "another"]}), tmp_path / "a.parquet")
    names = ["ReadCorpus", "WriteManifest", "filter", "Write", "shards"]
    stages = [{"exact_dedup": {}, "id": name} for name in names]
    manifest, _ = run_recipe({"input": {"paths": str(tmp_path / "a.parquet")}, "stages": ["length", *stages]})
    assert manifest["kept"]["documents"] == 2
    assert [step["id"] for step in manifest["stages"]] == ["read", "length", *names]


def test_types_come_back_as_parquet_holds_them(tmp_path: Path, run_recipe: Runner) -> None:
    # README, "On your own data": carried through in the types that Parquet has for them.
    columns = {
        "text": pa.array(["one text"]),
        "when": pa.array([1], pa.timestamp("s")),
        "day": pa.array([0], pa.date64()),
        "kind": pa.array(["web"]).dictionary_encode(),
        "view": pa.array(["x"], pa.string_view()),
    }
    with pa.ipc.new_file(str(tmp_path / "a.arrow"), pa.table(columns).schema) as writer:
        writer.write_table(pa.table(columns))
    _, output = run_recipe({"input": {"paths": str(tmp_path / "a.arrow")}})
    shard = rows(output, "shards")
    found = {name: str(shard.schema.field(name).type) for name in columns if name != "text"}
    assert found == {"when": "timestamp[ms]", "day": "date32[day]", "kind": "string", "view": "large_string"}
    assert shard["when"].to_pylist() == columns["when"].to_pylist()


@pytest.mark.parametrize("stages", [[], ["exact_dedup"], ["minhash_dedup"]], ids=str)
@pytest.mark.parametrize(
    ("files", "kept"), [([["", ""]], 2), ([["", ""], ["hello world", "x"]], 4), ([["x y z"], ["x y z", "", "a"]], 4)]
)
def test_rows_that_weigh_nothing_are_written_too(
    tmp_path: Path, run_recipe: Runner, files: list[list[str]], kept: int, stages: list[str]
) -> None:
    """A Split may have nothing but empty texts left."""
    for number, texts in enumerate(files):
        pq.write_table(pa.table({"text": texts}), tmp_path / f"{number}.parquet", row_group_size=1)
    data = {"input": {"paths": str(tmp_path / "*.parquet")}, "stages": stages, "run": {"split_bytes": 1}}
    manifest, output = run_recipe(data)
    found = rows(output, "shards")["text"].to_pylist()
    texts = [text for file in files for text in file]
    expected = list(dict.fromkeys(texts)) if stages == ["exact_dedup"] else texts
    if stages == ["minhash_dedup"]:
        expected = [text for i, text in enumerate(texts) if not text or text not in texts[:i]]
    assert found == expected
    assert manifest["kept"]["documents"] == len(expected) <= kept
