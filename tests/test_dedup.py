"""Deduplication in whole runs: evidence for every removal, the same survivors however the work is cut."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests import reference
from tests.conftest import digests, run_in
from tests.dedup_corpora import NEAR, Runner, families, near, rows, write


def test_every_removal_has_exact_evidence_with_a_document_that_stays(tmp_path: Path, run_recipe: Runner) -> None:
    raw = write(tmp_path / "raw", families())
    manifest, output = run_recipe({"input": {"paths": str(raw)}, "stages": [NEAR], "output": {"reject_text": True}})
    kept = {row["doc_key"]: row["text"] for row in rows(output, "shards")}
    gone = {row["doc_key"]: row for row in rows(output, "rejects")}
    evidence = {row["doc_key"]: row for row in rows(output, "dedup/minhash_dedup/documents")}
    assert len(gone) > 30
    for key, reject in gone.items():
        assert reject["survivor"] in kept and evidence[key]["survivor"] == reject["survivor"]
        exact = reference.jaccard(reject["text"], kept[reject["survivor"]])
        assert exact >= 0.8 and reject["value"] == evidence[key]["similarity"] == exact
        assert evidence[key]["shared_bands"] > 0
    for key, row in evidence.items():
        assert (row["survivor"] == key) == (key in kept)
    texts = {**kept, **{key: row["text"] for key, row in gone.items()}}
    pairs = rows(output, "dedup/minhash_dedup/pairs")
    assert len(pairs) > 30
    for pair in pairs:
        assert pair["similarity"] == reference.jaccard(texts[pair["doc_key"]], texts[pair["other"]])
    assert manifest["kept"]["documents"] == len(kept)


def test_survivors_equal_a_brute_force_where_bands_find_everything(tmp_path: Path, run_recipe: Runner) -> None:
    """With one row to a band every pair at 0.5 is found; the chance to miss one is 2**-100."""
    texts = families(seed=2)
    raw = write(tmp_path / "raw", texts)
    stage = near(threshold=0.5, bands=100, rows=1)
    _, output = run_recipe({"input": {"paths": str(raw)}, "stages": [stage]})
    assert [row["text"] for row in rows(output, "shards")] == reference.survivors(texts, 0.5)


def cut_recipe(raw: Path, **cuts: int) -> dict[str, Any]:
    stages = [{"exact_dedup": {"keep": "longest"}}, near(keep=[{"best": "quality"}, "longest"])]
    return {"input": {"paths": str(raw)}, "stages": stages, "run": cuts}


@pytest.fixture(scope="module")
def uncut(duplicated: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Digests of a run with default cuts."""
    folder = tmp_path_factory.mktemp("uncut")
    return digests(run_in(folder, cut_recipe(duplicated))[1])


@pytest.mark.parametrize(
    "cuts",
    [
        {"partitions": 1},
        {"partitions": 50, "split_bytes": 1},
        {"split_bytes": 1 << 30, "batch_rows": 3},
        {"workers": 2, "split_bytes": 5000},
    ],
    ids=str,
)
def test_the_same_evidence_however_the_work_is_cut(
    duplicated: Path, uncut: dict[str, str], run_recipe: Runner, cuts: dict[str, Any]
) -> None:
    assert digests(run_recipe(cut_recipe(duplicated, **cuts))[1]) == uncut


def test_records_that_go_through_the_runners_shuffle_give_the_same(
    duplicated: Path, run_recipe: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pipeline.graph

    recipe = {"input": {"paths": str(duplicated)}, "stages": ["exact_dedup", NEAR]}
    _, first = run_recipe(recipe, "first", keep_staging=True)
    assert list((first / "staging").rglob("*.records"))
    places = pipeline.graph.Places
    monkeypatch.setattr("pipeline.graph.Places", lambda *args, **given: places(*args, **{**given, "spill": False}))
    _, second = run_recipe(recipe, "second", keep_staging=True)
    assert not list((second / "staging").rglob("*.records"))
    for output in (first, second):
        shutil.rmtree(output / "staging")
    assert digests(first) == digests(second)


def test_renamed_files_keep_the_same_documents_where_the_keep_rule_is_not_their_order(
    duplicated: Path, tmp_path: Path, run_recipe: Runner
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for path in duplicated.iterdir():
        shutil.copy(path, other / f"{'zyx'[int(path.stem[-1])]}.parquet")
    # No two copies of a family are of one length here but exact ones, which are the same document to a reader.
    stages = [{"exact_dedup": {"keep": [{"best": "quality"}, "longest"]}}, near(keep=[{"best": "quality"}, "longest"])]
    kept = []
    for name, folder in (("a", duplicated), ("b", other)):
        _, output = run_recipe({"input": {"paths": str(folder)}, "stages": stages}, name)
        kept.append(sorted((row["text"], row["quality"] or -1) for row in rows(output, "shards")))
    assert kept[0] == kept[1]
