"""Deduplication in whole runs: evidence for every removal, the same survivors everywhere, keep rules, tags, limits."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from filters.errors import ConvergenceError, RecipeError
from filters.minhash import MinHashParams
from filters.verification import Criteria
from tests import reference
from tests.conftest import digests, run_in
from transforms.shuffle import gather_words

NEAR = {"minhash_dedup": {"threshold": 0.8, "bands": 20, "rows": 6}}

Runner = Callable[..., tuple[dict[str, Any], Path]]


def rows(output: Path, series: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ds.dataset(output / series, format="parquet").to_table().to_pylist()
    return found


def near(**params: Any) -> dict[str, Any]:
    return {"minhash_dedup": {**NEAR["minhash_dedup"], **params}}


def families(seed: int = 1, originals: int = 40) -> list[str]:
    """Texts in families of edited copies, at every similarity, with exact copies and chains."""
    chance = np.random.default_rng(seed)
    texts = []
    for number in range(originals):
        text = [f"w{number}x{chance.integers(0, 400)}" for _ in range(int(chance.integers(20, 120)))]
        texts.append(" ".join(text))
        for _ in range(int(chance.integers(0, 6))):
            for place in chance.integers(0, len(text), int(chance.integers(0, 4))):
                text[place] = f"new{chance.integers(0, 10**6)}"
            texts.append(" ".join(text))
    return [texts[i] for i in chance.permutation(len(texts))]


def write(folder: Path, texts: list[str], files: int = 3, **columns: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    table = pa.table({"text": texts, "id": [f"d{i}" for i in range(len(texts))], **columns})
    size = -(-len(texts) // files)
    for number in range(files):
        pq.write_table(table.slice(number * size, size), folder / f"part-{number}.parquet", row_group_size=7)
    return folder


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


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    texts = families(seed=3)
    chance = np.random.default_rng(0)
    quality = pa.array([None if q < 0.1 else q for q in chance.random(len(texts))], pa.float64())
    return write(tmp_path_factory.mktemp("dedup") / "raw", texts, quality=quality)


def cut_recipe(raw: Path, **cuts: int) -> dict[str, Any]:
    stages = [{"exact_dedup": {"keep": "longest"}}, near(keep=[{"best": "quality"}, "longest"])]
    return {"input": {"paths": str(raw)}, "stages": stages, "run": cuts}


@pytest.fixture(scope="module")
def uncut(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Digests of a run with default cuts."""
    folder = tmp_path_factory.mktemp("uncut")
    return digests(run_in(folder, cut_recipe(raw))[1])


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
    raw: Path, uncut: dict[str, str], run_recipe: Runner, cuts: dict[str, Any]
) -> None:
    assert digests(run_recipe(cut_recipe(raw, **cuts))[1]) == uncut


def test_records_that_go_through_the_runners_shuffle_give_the_same(
    raw: Path, run_recipe: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pipeline.graph

    recipe = {"input": {"paths": str(raw)}, "stages": ["exact_dedup", NEAR]}
    _, first = run_recipe(recipe, "first", keep_staging=True)
    assert list((first / "staging").rglob("*.records"))
    places = pipeline.graph.Places
    monkeypatch.setattr("pipeline.graph.Places", lambda *args, **given: places(*args, **{**given, "spill": False}))
    _, second = run_recipe(recipe, "second", keep_staging=True)
    assert not list((second / "staging").rglob("*.records"))
    for output in (first, second):
        shutil.rmtree(output / "staging")
    assert digests(first) == digests(second)


def test_members_beyond_memory_are_mapped_from_a_file(
    raw: Path, run_recipe: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = {"input": {"paths": str(raw)}, "stages": [NEAR]}
    _, first = run_recipe(recipe, "first")
    held: list[bool] = []

    def noted(parts: Iterable[bytes], most_bytes: int) -> np.ndarray:
        words = gather_words(parts, most_bytes)
        held.append(isinstance(words.base, np.memmap))
        return words

    monkeypatch.setattr("transforms.minhash_dedup.gather_words", noted)
    monkeypatch.setattr("transforms.minhash_dedup.MAP_ABOVE", 1)
    _, second = run_recipe({**recipe, "stages": [near(max_component=3)]}, "second", workers=1)
    kept = [[row["id"] for row in rows(output, "shards")] for output in (first, second)]
    assert kept[0] == kept[1]
    assert held and all(held)


def versions_of_one_page(seed: int = 0) -> list[str]:
    """A hundred texts, each with a word or two of one page replaced."""
    chance = np.random.default_rng(seed)
    page = [f"w{i}" for i in range(60)]
    return [
        " ".join(word if chance.random() > share else f"n{chance.integers(10**9)}" for word in page)
        for share in chance.choice([0.02, 0.04], 100)
    ]


def test_survivors_that_a_limit_kept_apart_are_noted_and_fall_in_a_second_run(
    tmp_path: Path, run_recipe: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slices are cut elsewhere when only survivors are left, so some meet whom a limit had kept from them."""

    def limited(params: MinHashParams) -> Criteria:
        return Criteria(params.threshold, max_component=30, most_survivors=1, most_walked=3)

    monkeypatch.setattr(MinHashParams, "criteria", property(limited))
    raw = write(tmp_path / "raw", versions_of_one_page(), files=2)
    recipe = {"input": {"paths": str(raw)}, "stages": [near(threshold=0.75)]}
    manifest, first = run_recipe(recipe, "first", workers=1)
    survivors = {"paths": str(first / "shards"), "drop_columns": ["doc_key", "minhash_dedup_cluster_size"]}
    again, _ = run_recipe({**recipe, "input": survivors}, "second", workers=1)
    noted = manifest["stages"][1]["notes"]["second_pass_dropped"]["documents"]
    assert noted == again["read"]["documents"] - again["kept"]["documents"] > 0


def test_renamed_files_keep_the_same_documents_where_the_keep_rule_is_not_their_order(
    raw: Path, tmp_path: Path, run_recipe: Runner
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for path in raw.iterdir():
        shutil.copy(path, other / f"{'zyx'[int(path.stem[-1])]}.parquet")
    # No two copies of a family are of one length here but exact ones, which are the same document to a reader.
    stages = [{"exact_dedup": {"keep": [{"best": "quality"}, "longest"]}}, near(keep=[{"best": "quality"}, "longest"])]
    kept = []
    for name, folder in (("a", raw), ("b", other)):
        _, output = run_recipe({"input": {"paths": str(folder)}, "stages": stages}, name)
        kept.append(sorted((row["text"], row["quality"] or -1) for row in rows(output, "shards")))
    assert kept[0] == kept[1]


# Keep rules


BASE = " ".join(f"w{i}" for i in range(100))
LONGER = BASE + " and a little more"
OTHER = "something else that is like nothing in the other documents of this corpus at all"


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


def test_tag_keeps_all_rows_and_names_their_survivors(raw: Path, run_recipe: Runner) -> None:
    recipe = {"input": {"paths": str(raw)}, "stages": ["exact_dedup", NEAR]}
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


# Limits


def test_a_document_too_long_to_compare_stays_and_is_counted(tmp_path: Path, run_recipe: Runner) -> None:
    long = " ".join(f"w{i}" for i in range(500))
    raw = write(tmp_path / "raw", [long, long + " end", BASE, BASE + " end"], 2)
    manifest, output = run_recipe({"input": {"paths": str(raw)}, "stages": [near(max_shingles=400)]})
    assert [row["id"] for row in rows(output, "shards")] == ["d0", "d1", "d2"]
    assert manifest["stages"][1]["notes"]["too_long_to_compare"]["documents"] == 2


def test_documents_that_meet_more_survivors_than_are_compared_stay_and_are_counted(
    tmp_path: Path, run_recipe: Runner
) -> None:
    """300 pages of one template: all share a bucket, none are alike, and the limit is 256 survivors for each."""
    template = " ".join(f"w{i}" for i in range(60))
    texts = [f"{template} {' '.join(f'own{page}x{i}' for i in range(40))}" for page in range(300)]
    assert 0.3 < reference.jaccard(*texts[:2]) < 0.5
    raw = write(tmp_path / "raw", texts)
    stage = near(bands=100, rows=1)  # one pair in 10 ** 17 shares no bucket
    manifest, output = run_recipe({"input": {"paths": str(raw)}, "stages": [stage]})
    assert manifest["kept"] == manifest["read"]
    assert manifest["stages"][1]["notes"]["not_fully_compared"]["documents"] == 300 - 257
    assert [text for text in manifest["warnings"] if "kept 43 documents that share buckets with more" in text]
    documents = sorted(rows(output, "dedup/minhash_dedup/documents"), key=lambda row: row["doc_key"])
    assert [row["decided"] for row in documents] == [True] * 257 + [False] * 43
    assert max(row["compared"] for row in documents) == 256


def test_components_that_do_not_converge_are_an_error(tmp_path: Path, run_recipe: Runner) -> None:
    """A path of documents, each like the next alone, each in a Split of its own."""
    words = [f"w{i}" for i in range(600)]
    texts = [" ".join(words[i : i + 60]) for i in range(0, 540, 6)]
    folder = tmp_path / "raw"
    folder.mkdir()
    for number, text in enumerate(texts):
        pq.write_table(pa.table({"text": [text]}), folder / f"{number:03d}.parquet")
    recipe = {"input": {"paths": str(folder)}, "stages": [{"minhash_dedup": {"bands": 64, "rows": 2}}]}
    with pytest.raises(ConvergenceError, match=r"did not converge in 1 rounds.*component_rounds"):
        run_recipe({**recipe, "run": {"component_rounds": 1}}, "short", workers=1)
    _, output = run_recipe(recipe, "enough", workers=1)
    sizes = {row["component_size"] for row in rows(output, "dedup/minhash_dedup/documents")}
    assert max(sizes) > 20


def test_a_second_pass_removes_nothing(raw: Path, run_recipe: Runner) -> None:
    _, first = run_recipe({"input": {"paths": str(raw)}, "stages": [NEAR]}, "first")
    again = {"paths": str(first / "shards"), "drop_columns": ["doc_key", "minhash_dedup_cluster_size"]}
    manifest, _ = run_recipe({"input": again, "stages": [NEAR]}, "second")
    assert manifest["kept"] == manifest["read"]


# Through several stages


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


# Skew


def skewed(copies: Callable[[int], str], documents: int = 1200) -> list[str]:
    """Half of all documents in one bucket, the other half in clusters whose sizes follow Zipf's law."""
    chance = np.random.default_rng(7)
    texts = [copies(i) for i in range(documents // 2)]
    while len(texts) < documents:
        text = " ".join(f"z{len(texts)}w{i}" for i in range(40))
        size = min(int(chance.zipf(1.6)), documents - len(texts))
        texts += [f"{text} copy {i}" for i in range(size)]
    return [texts[i] for i in chance.permutation(documents)]


def uniform(documents: int = 1200) -> list[str]:
    texts = [" ".join(f"u{i // 2}w{k}" for k in range(40)) + f" copy {i % 2}" for i in range(documents)]
    return [texts[i] for i in np.random.default_rng(8).permutation(documents)]


def loads(monkeypatch: pytest.MonkeyPatch, run_recipe: Runner, raw: Path, name: str) -> dict[str, int]:
    """Bytes that the fullest partition of each shuffle receives in a run."""
    import transforms.components
    from transforms.shuffle import Shuffle

    received: dict[tuple[str, int], int] = {}

    def note(shuffle: str, records: Any) -> Any:
        for partition, payload in records:
            received[shuffle, partition] = received.get((shuffle, partition), 0) + len(payload)
            yield partition, payload

    send, half_round = Shuffle.send, transforms.components._HalfRoundFn.process

    def noted(self: Any, element: Any) -> Any:
        messages = list(half_round(self, element))
        tagged = [message for message in messages if not isinstance(message, tuple)]
        return [*tagged, *note("edges", [message for message in messages if isinstance(message, tuple)])]

    with monkeypatch.context() as patch:
        patch.setattr(Shuffle, "send", lambda self, records, key: send(self, note(key.rsplit("-", 1)[1], records), key))
        patch.setattr("transforms.components._HalfRoundFn.process", noted)
        run = {"split_bytes": 30_000, "partitions": 8, "workers": 1}
        run_recipe({"input": {"paths": str(raw)}, "stages": [near()], "run": run}, name)
    return {shuffle: max(size for (other, _), size in received.items() if other == shuffle) for shuffle, _ in received}


def test_a_page_that_is_half_of_the_corpus_makes_no_hot_partition(
    tmp_path: Path, run_recipe: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of many versions of a page the sets meet in one partition, mapped from a file; the rest is as even as ever."""
    page = " ".join(f"w{i}" for i in range(40))
    even = loads(monkeypatch, run_recipe, write(tmp_path / "even", uniform()), "a")
    copies = loads(monkeypatch, run_recipe, write(tmp_path / "copies", skewed(lambda i: page)), "b")
    versions = loads(monkeypatch, run_recipe, write(tmp_path / "versions", skewed(lambda i: f"{page * 5} {i}")), "c")
    assert set(even) == set(copies) == set(versions) == {"buckets", "members", "edges"}
    for shuffle, most in even.items():
        assert copies[shuffle] <= 2 * most, shuffle
        assert shuffle == "members" or versions[shuffle] <= 2 * most, shuffle
