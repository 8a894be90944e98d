"""Which duplicates stay, in whole runs: keep rules, containment, tags."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from filters.errors import RecipeError
from tests import reference
from tests.conftest import digests
from tests.dedup_corpora import BASE, LONGER, NEAR, OTHER, Runner, families, near, rows, write


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    texts = families(seed=3)
    chance = np.random.default_rng(0)
    quality = pa.array([None if q < 0.1 else q for q in chance.random(len(texts))], pa.float64())
    return write(tmp_path_factory.mktemp("dedup") / "raw", texts, quality=quality)


@pytest.mark.parametrize(
    ("keep", "stays"),
    [
        ("first", "d0"),
        ("longest", "d1"),
        ({"best": "score"}, "d2"),
        ({"best": "score", "order": "lowest"}, "d1"),
        ({"sources": ["gold", "web"], "column": "source"}, "d2"),
        ({"sources": ["part-2.parquet", "*/part-1*"]}, "d2"),
        ([{"sources": ["web"], "column": "source"}, "longest"], "d1"),
    ],
    ids=str,
)
def test_keep_rules_choose_who_stays(tmp_path: Path, run_recipe: Runner, keep: Any, stays: str) -> None:
    texts = [BASE, LONGER, BASE + " end", OTHER]
    raw = write(tmp_path / "raw", texts, 4, score=[0.5, 0.1, 0.9, 0.0], source=["web", "web", "gold", "gold"])
    _, output = run_recipe({"input": {"paths": str(raw)}, "stages": [near(keep=keep)]})
    assert [row["id"] for row in rows(output, "shards")] == [stays, "d3"]
    texts = [BASE, BASE + "\n\n", "  " + BASE, OTHER]
    raw = write(tmp_path / "raw-exact", texts, 4, score=[0.5, 0.1, 0.9, 0.0], source=["web", "web", "gold", "gold"])
    _, output = run_recipe({"input": {"paths": str(raw)}, "stages": [{"exact_dedup": {"keep": keep}}]}, "exact")
    # Two characters of white space on either side: of one length, so the longest is the first of them.
    assert [row["id"] for row in rows(output, "shards")] == [stays, "d3"]


def test_containment_catches_an_excerpt_and_keeps_the_whole(tmp_path: Path, run_recipe: Runner) -> None:
    whole = " ".join(f"w{i}" for i in range(300))
    excerpt = " ".join(f"w{i}" for i in range(120))
    raw = write(tmp_path / "raw", [excerpt, OTHER, whole])
    stage = {"minhash_dedup": {"threshold": 0.9, "bands": 64, "rows": 2}}
    manifest, _ = run_recipe({"input": {"paths": str(raw)}, "stages": [stage]}, "jaccard")
    assert manifest["kept"]["documents"] == 3
    stage["minhash_dedup"]["measure"] = "containment"
    _, output = run_recipe({"input": {"paths": str(raw)}, "stages": [stage]}, "containment")
    assert [row["id"] for row in rows(output, "shards")] == ["d1", "d2"]
    assert rows(output, "rejects")[0]["value"] == 1.0


def test_containment_finds_an_excerpt_of_half_the_length_with_the_bands_it_chooses(
    tmp_path: Path, run_recipe: Runner
) -> None:
    chance = np.random.default_rng(4)
    wholes = [[f"w{number}x{i}" for i in range(120)] for number in range(30)]
    starts = chance.integers(0, 60, len(wholes))
    excerpts = [whole[start : start + 62] for whole, start in zip(wholes, starts, strict=True)]
    raw = write(tmp_path / "raw", [" ".join(words) for words in wholes + excerpts])
    stage = {"minhash_dedup": {"measure": "containment", "threshold": 0.9}}
    manifest, output = run_recipe({"input": {"paths": str(raw)}, "stages": [stage]})
    kept = {row["id"] for row in rows(output, "shards")}
    assert {f"d{i}" for i in range(30)} <= kept
    # An excerpt of half of the shingles has a Jaccard of 0.5: found by 42 bands of 3 rows with a chance of 0.996.
    assert manifest["kept"]["documents"] <= 31


def test_tag_keeps_all_rows_and_names_their_survivors(duplicated: Path, run_recipe: Runner) -> None:
    recipe = {"input": {"paths": str(duplicated)}, "stages": ["exact_dedup", NEAR]}
    _, dropped = run_recipe(recipe, "dropped")
    tag = [{"exact_dedup": {"action": "tag"}}, near(action="tag")]
    manifest, tagged = run_recipe({**recipe, "stages": tag}, "tagged")
    found = rows(tagged, "shards")
    assert len(found) == manifest["read"]["documents"] == manifest["kept"]["documents"]
    kept = {row["doc_key"] for row in rows(dropped, "shards")}
    # Without the exact stage's removals near duplicates are judged among more documents, to the same end.
    assert {row["doc_key"] for row in found if row["minhash_dedup_survivor"] == row["doc_key"]} == kept
    texts = {row["doc_key"]: row["text"] for row in found}
    for row in found:
        assert row["minhash_dedup_cluster"] <= row["doc_key"]
        assert row["minhash_dedup_similarity"] == reference.jaccard(row["text"], texts[row["minhash_dedup_survivor"]])
    notes = manifest["stages"][2]["notes"]
    assert notes["tagged"]["documents"] == len(found) - len(kept)


def test_the_same_tags_however_the_work_is_cut(tmp_path: Path, run_recipe: Runner) -> None:
    """Copies, exact ones and ones of the same shingles, that lie in one Split or in several."""
    chance = np.random.default_rng(5)
    texts = families(seed=5, originals=12)
    texts += [f" {text}\n" for text in texts[::2]] + [text.upper() for text in texts[::2]]
    texts = [texts[i] for i in chance.permutation(len(texts))]
    raw = write(tmp_path / "raw", texts, quality=chance.random(len(texts)))
    keep = [{"best": "quality"}, "longest"]
    stages = [{"exact_dedup": {"action": "tag", "keep": keep}}, near(action="tag", keep=keep)]
    recipe = {"input": {"paths": str(raw)}, "stages": stages}
    _, first = run_recipe(recipe, "first")
    _, second = run_recipe({**recipe, "run": {"split_bytes": 1, "partitions": 3}}, "second")
    assert digests(first) == digests(second)
    for stage in ("exact_dedup", "minhash_dedup"):
        tagged = [row for row in rows(first, "shards") if row[f"{stage}_cluster_size"] > 1]
        assert len({row[f"{stage}_cluster"] for row in tagged}) > 5
        assert any(row[f"{stage}_survivor"] != row[f"{stage}_cluster"] for row in tagged)


@pytest.mark.parametrize(
    ("keep", "message"),
    [
        ({"best": "score"}, r"stage 'minhash_dedup' needs a column 'score'; there are: text, id"),
        ({"best": "id"}, r"keep best needs a column of numbers, but 'id' is string"),
        ({"sources": ["wiki"]}, r"stage 'minhash_dedup': keep names the source 'wiki', but no input file lies there"),
        ("longset", r"keep.*longset"),
        ({"best": "id", "ordre": "lowest"}, r"keep"),
        ([], r"keep"),
        (["first", "longest"], r"rules after it never count; put it last"),
    ],
    ids=str,
)
def test_keep_rules_that_cannot_work_are_refused_before_the_run(
    tmp_path: Path, run_recipe: Runner, keep: Any, message: str
) -> None:
    raw = write(tmp_path / "raw", [BASE, LONGER])
    with pytest.raises(RecipeError, match=message):
        run_recipe({"input": {"paths": str(raw)}, "stages": [near(keep=keep)]})
