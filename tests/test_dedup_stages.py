"""Evidence through several stages, in whole runs: what stands in the output for a document, and how similar it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import reference
from tests.dedup_corpora import BASE, NEAR, OTHER, Runner, families, near, rows, write


def test_evidence_leads_to_the_output_through_both_deduplications(tmp_path: Path, run_recipe: Runner) -> None:
    """An exact copy of a near copy: its survivor goes, so it is held against what is left."""
    near_copy = BASE + " and one more"
    raw = write(tmp_path / "raw", [BASE, near_copy, f"  {near_copy} ", OTHER], 4)
    _, output = run_recipe({"input": {"paths": str(raw)}, "stages": ["exact_dedup", NEAR]})
    kept = {row["id"]: row["doc_key"] for row in rows(output, "shards")}
    assert list(kept) == ["d0", "d3"]
    copy, near_one = sorted(rows(output, "rejects"), key=lambda row: row["stage"])
    exact = reference.jaccard(BASE, near_copy)
    assert (copy["stage"], copy["survivor"]) == ("exact_dedup", near_one["doc_key"])
    assert (copy["kept_as"], copy["kept_similarity"]) == (kept["d0"], exact)
    assert (near_one["survivor"], near_one["kept_as"], near_one["kept_similarity"]) == (kept["d0"], kept["d0"], exact)


@pytest.mark.parametrize("cuts", [{}, {"split_bytes": 1, "partitions": 3}], ids=str)
def test_every_removal_by_any_deduplication_has_exact_evidence_with_the_output(
    tmp_path: Path, run_recipe: Runner, cuts: dict[str, Any]
) -> None:
    texts = families(seed=6)
    chance = np.random.default_rng(6)
    texts += [f" {texts[i]}\n" for i in chance.integers(0, len(texts), 60)]
    raw = write(tmp_path / "raw", [texts[i] for i in chance.permutation(len(texts))])
    stages = [{"exact_dedup": {"keep": "longest"}}, near(), {"length": {"min_chars": 1}}]
    recipe = {"input": {"paths": str(raw)}, "stages": stages, "output": {"reject_text": True}, "run": cuts}
    manifest, output = run_recipe(recipe)
    kept = {row["doc_key"]: row["text"] for row in rows(output, "shards")}
    gone = rows(output, "rejects")
    assert len([row for row in gone if row["kept_as"] != row["survivor"]]) > 10
    for row in gone:
        assert row["kept_similarity"] == reference.jaccard(row["text"], kept[row["kept_as"]]) >= 0.8
    assert not any("copies of copies" in text or "none stands" in text for text in manifest["warnings"])


def test_a_survivor_that_a_filter_drops_later_is_a_warning(tmp_path: Path, run_recipe: Runner) -> None:
    raw = write(tmp_path / "raw", [BASE, BASE + " ", OTHER, OTHER], 4)
    stages = ["exact_dedup", {"length": {"min_words": 50}}]
    manifest, output = run_recipe({"input": {"paths": str(raw)}, "stages": stages})
    found = {row["doc_key"] >> 40: row for row in rows(output, "rejects") if row["stage"] == "exact_dedup"}
    assert (found[1]["kept_as"], found[1]["kept_similarity"]) == (found[1]["survivor"], 1.0)
    assert (found[3]["kept_as"], found[3]["kept_similarity"]) == (None, None)
    assert [text for text in manifest["warnings"] if "none stands for them" in text]
    assert manifest["stages"][1]["notes"]["survivor_left"]["documents"] == 1


def test_a_near_copy_of_a_near_copy_names_the_end_and_claims_no_similarity(tmp_path: Path, run_recipe: Runner) -> None:
    words = [f"w{i}" for i in range(102)]
    raw = write(tmp_path / "raw", [" ".join(words[i : i + 90]) for i in (0, 5, 12)], 3)
    stages = [
        {**near(threshold=threshold, bands=64, rows=2, keep={"sources": [source]}), "id": name}
        for name, threshold, source in (("one", 0.85, "part-1.parquet"), ("two", 0.8, "part-2.parquet"))
    ]
    manifest, output = run_recipe({"input": {"paths": str(raw)}, "stages": stages})
    keys = {row["id"]: row["doc_key"] for row in rows(output, "shards")}
    assert list(keys) == ["d2"]
    first, second = sorted(rows(output, "rejects"), key=lambda row: row["stage"])
    assert (first["stage"], first["survivor"], second["stage"]) == ("one", second["doc_key"], "two")
    assert (first["kept_as"], first["kept_similarity"]) == (keys["d2"], None)
    assert (second["kept_as"], second["kept_similarity"]) == (keys["d2"], second["value"])
    assert [text for text in manifest["warnings"] if "copies of copies" in text]


def test_evidence_of_stages_that_compare_different_shingles_is_not_carried_over(
    tmp_path: Path, run_recipe: Runner
) -> None:
    """The same words in another order: equal as bags of words, nothing alike in runs of five."""
    words = [f"w{i}" for i in range(60)]
    texts = [" ".join(text) for text in ([*words, "x1", "x2"], words, words[::-1])]
    bag = {"minhash_dedup": {"shingle_size": 1, "threshold": 1.0, "bands": 20, "rows": 2}, "id": "bag"}
    five = {"minhash_dedup": {"threshold": 0.8, "bands": 40, "rows": 2}, "id": "five"}
    recipe = {"input": {"paths": str(write(tmp_path / "raw", texts, 3))}, "stages": [bag, five]}
    manifest, output = run_recipe(recipe)
    (kept,) = [row["doc_key"] for row in rows(output, "shards")]
    turned, shorter = sorted(rows(output, "rejects"), key=lambda row: row["stage"])
    assert (turned["survivor"], shorter["survivor"]) == (shorter["doc_key"], kept)
    names = ("kept_as", "kept_similarity", "kept_measure")
    assert [turned[name] for name in names] == [kept, None, None]
    assert [shorter[name] for name in names] == [kept, reference.jaccard(*texts[:2]), "jaccard/5"]
    assert manifest["stages"][1]["notes"]["evidence_in_steps"]["documents"] == 1


def test_evidence_through_three_deduplications_and_an_edit(tmp_path: Path, run_recipe: Runner) -> None:
    """An exact copy, Splits that lose all they have, and an address that is redacted between two comparisons."""
    near_copy, other = BASE + " and one more", OTHER + " by nobody@mail.example.org"
    texts = [BASE, near_copy, f" {near_copy}", other, other + " ", OTHER + " by <EMAIL>"]
    raw = write(tmp_path / "raw", texts, 6)
    again = {"exact_dedup": {"keep": {"sources": ["part-5.parquet"]}}, "id": "again"}
    stages = ["exact_dedup", NEAR, {"pii": {"kinds": ["email"]}}, again]
    manifest, output = run_recipe({"input": {"paths": str(raw)}, "stages": stages})
    keys = {row["id"]: row["doc_key"] for row in rows(output, "shards")}
    assert list(keys) == ["d0", "d5"]
    names = ("stage", "kept_as", "kept_similarity", "kept_measure")
    found = {row["doc_key"] >> 40: tuple(row[name] for name in names) for row in rows(output, "rejects")}
    exact = reference.jaccard(BASE, near_copy)
    assert found == {
        1: ("minhash_dedup", keys["d0"], exact, "jaccard/5"),
        2: ("exact_dedup", keys["d0"], exact, "jaccard/5"),
        3: ("again", keys["d5"], 1.0, "text"),
        4: ("exact_dedup", keys["d5"], None, None),  # what it equals was redacted before it was compared again
    }
    assert manifest["stages"][1]["notes"]["evidence_in_steps"]["documents"] == 1
    assert [text for text in manifest["warnings"] if "'pii' edited 1 documents after 'minhash_dedup'" in text]
