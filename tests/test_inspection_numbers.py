"""Every number about a result is that of its files, counted again row by row in plain Python."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from filters.errors import InputError, RecipeError
from pipeline import stats
from pipeline.clusters import list_clusters, show_cluster, why
from pipeline.compare import compare
from pipeline.dedup_export import export
from pipeline.outcomes import outcomes_by
from pipeline.reject_sample import key_hash, sample_rejects
from pipeline.result import Result, open_result
from tests.slow_inspection import Row, SlowResult, plain

EXACT, NEAR = "exact_dedup", "minhash_dedup"


@pytest.fixture(scope="module")
def result(inspected: Path) -> Result:
    return open_result(str(inspected))


@pytest.fixture(scope="module")
def slow(inspected: Path) -> SlowResult:
    return SlowResult(inspected)


def groups_of(found: dict[Any, Row]) -> dict[Any, Row]:
    return {
        value: {**row, "dropped": {stage: dict(reasons) for stage, reasons in row["dropped"].items()}}
        for value, row in found.items()
    }


def test_outcomes_by_source(result: Result, slow: SlowResult) -> None:
    expected = slow.outcomes(lambda row: slow.source(row["doc_key"]))
    assert plain(outcomes_by(result, "source")) == groups_of(expected)
    assert set(expected) == {"one", "two"}


def test_outcomes_by_language(result: Result, slow: SlowResult) -> None:
    found = outcomes_by(result, "language")
    assert plain(found) == groups_of(slow.outcomes(lambda row: row["language"]))
    # Whoever left before the language was known is counted, too.
    assert sum(group["documents"] for group in found) == slow.manifest["read"]["documents"]


def test_outcomes_by_domain_and_by_a_column_of_the_input(result: Result, slow: SlowResult) -> None:
    found = plain(outcomes_by(result, "domain"))
    hostile = {value for value in found if value.startswith("evil")}
    expected = {value: row for value, row in slow.outcomes(slow.domain).items() if value != "evil"}
    assert len(hostile) == 1 and len(expected) > 20
    assert {value: row for value, row in found.items() if value not in hostile} == groups_of(expected)
    by_column = plain(outcomes_by(result, "source", column="source"))
    assert by_column == groups_of(slow.outcomes(lambda row: slow.raw[row["doc_key"]].get("source")))
    with pytest.raises(InputError, match="no input file has a column 'nowhere'"):
        outcomes_by(result, "domain", column="nowhere")


@pytest.mark.parametrize("by", ["source", "language", "domain"])
def test_sums_over_groups_are_the_funnel(result: Result, by: Any) -> None:
    groups = outcomes_by(result, by)
    for stage in result.stages:
        dropped = Counter[str]()
        for group in groups:
            dropped.update(group["dropped"].get(stage["id"], {}))
        assert dropped == {reason: count["documents"] for reason, count in stage["dropped"].items()}
    assert sum(group["kept"] for group in groups) == result.manifest["kept"]["documents"]


def duplicates(slow: SlowResult, stage: str) -> list[Row]:
    return [row for row in slow.series(f"dedup/{stage}/documents") if row["survivor"] != row["doc_key"]]


@pytest.mark.parametrize("stage", [EXACT, NEAR])
def test_sources_that_share_duplicates(result: Result, slow: SlowResult, stage: str) -> None:
    found = stats.duplicates_in_detail(result)[stage]["overlap"]
    counted = {
        (one, other): found["duplicates"][i][j]
        for i, one in enumerate(found["sources"])
        for j, other in enumerate(found["sources"])
        if found["duplicates"][i][j]
    }
    expected = Counter((slow.source(row["doc_key"]), slow.source(row["survivor"])) for row in duplicates(slow, stage))
    assert counted == expected
    assert len(expected) > 1


def test_similarities_and_bands(result: Result, slow: SlowResult) -> None:
    found = stats.duplicates_in_detail(result)[NEAR]
    pairs = [row["similarity"] for row in slow.series(f"dedup/{NEAR}/pairs")]
    dropped = [row["similarity"] for row in duplicates(slow, NEAR)]
    for number, one in enumerate(found["similarity"]["classes"]):
        low, high = number / 20, (number + 1) / 20
        last = number == 19

        def inside(values: list[float], low: float = low, high: float = high, last: bool = last) -> int:
            return sum(low <= value < high or (last and value == 1) for value in values)

        assert (one["pairs"], one["duplicates"]) == (inside(pairs), inside(dropped))
        assert one["chance"] == pytest.approx(1 - (1 - ((low + high) / 2) ** 8) ** 14)
    documents = slow.series(f"dedup/{NEAR}/documents")
    components = {row["component"]: row["component_size"] for row in documents}
    assert found["bands"] == {
        "bands": 14,
        "rows": 8,
        "met": len(documents),
        "components": len(components),
        "largest_component": max(components.values()),
        "compared": sum(row["compared"] for row in documents),
        "duplicates": len(dropped),
        "undecided": sum(not row["decided"] for row in documents),
        "shared": {
            str(bands): count
            for bands, count in sorted(Counter(row["shared_bands"] for row in duplicates(slow, NEAR)).items())
        },
    }


@pytest.mark.parametrize("edge", [0.15, 0.3, 0.35, 0.55, 0.7, 0.85, 0.95])
def test_a_similarity_on_a_bound_is_in_the_class_that_begins_there(edge: float) -> None:
    from pipeline.duplicates import EDGES, _histogram

    assert EDGES[int(np.flatnonzero(_histogram(np.array([edge])))[0])] == edge


def clusters_of(slow: SlowResult, stage: str) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = defaultdict(list)
    for row in slow.series(f"dedup/{stage}/documents"):
        found[row["survivor"]].append(row)
    return {survivor: rows for survivor, rows in found.items() if len(rows) > 1}


@pytest.mark.parametrize("stage", [EXACT, NEAR])
@pytest.mark.parametrize(("min_size", "source"), [(2, None), (3, None), (2, "one"), (2, "tw*")])
def test_the_largest_clusters(result: Result, slow: SlowResult, stage: str, min_size: int, source: str | None) -> None:
    found = list_clusters(result, stage, min_size=min_size, source=source, top=4)
    clusters = {
        survivor: rows
        for survivor, rows in clusters_of(slow, stage).items()
        if len(rows) >= min_size
        and (source is None or any(slow.source(row["doc_key"]).startswith(source[:2]) for row in rows))
    }
    assert (found["clusters"], found["documents"]) == (len(clusters), sum(map(len, clusters.values())))
    largest = sorted(clusters.items(), key=lambda item: (-len(item[1]), item[0]))[:4]
    assert [(one["survivor"], one["documents"]) for one in found["largest"]] == [(s, len(r)) for s, r in largest]
    for one, (survivor, rows) in zip(found["largest"], largest, strict=True):
        assert one["cluster"] == min(row["doc_key"] for row in rows)
        assert one["sources"] == Counter(slow.source(row["doc_key"]) for row in rows)
        least = (
            min((row["similarity"] for row in rows if row["doc_key"] != survivor), default=None)
            if stage == NEAR
            else None
        )
        assert one["least_similarity"] == least


@pytest.mark.parametrize("stage", [EXACT, NEAR])
def test_a_cluster_and_its_members(result: Result, slow: SlowResult, stage: str) -> None:
    for survivor, rows in list(clusters_of(slow, stage).items())[:10]:
        for key in (survivor, rows[-1]["doc_key"]):
            found = show_cluster(result, key, stage)
            assert found["survivor"] == found["members"][0]["doc_key"] == survivor
            assert found["documents"] == len(rows)
            assert {one["doc_key"] for one in found["members"]} == {row["doc_key"] for row in rows}
            if stage == NEAR:
                similar = [one["similarity"] for one in found["members"][1:]]
                assert similar == sorted(row["similarity"] for row in rows if row["doc_key"] != survivor)
        assert len(show_cluster(result, survivor, stage, most=1)["members"]) == 2


def test_a_document_without_duplicates_is_in_no_cluster(result: Result, slow: SlowResult) -> None:
    met = {row["doc_key"] for stage in (EXACT, NEAR) for row in slow.series(f"dedup/{stage}/documents")}
    alone = next(row["doc_key"] for row in slow.shards if row["doc_key"] not in met)
    with pytest.raises(InputError, match="belongs to no cluster"):
        show_cluster(result, alone)
    with pytest.raises(InputError, match="there is no deduplication 'dedup'"):
        show_cluster(result, alone, "dedup")
    with pytest.raises(InputError, match="there is no source 'three'; there are: one, two"):
        list_clusters(result, EXACT, source="three")


def test_why_tells_the_evidence_and_all_pairs(result: Result, slow: SlowResult) -> None:
    pairs = slow.series(f"dedup/{NEAR}/pairs")
    for row in duplicates(slow, NEAR)[:10]:
        exact, near = why(result, row["doc_key"])["stages"]
        assert near["evidence"]["similarity"] == row["similarity"]
        assert near["evidence"]["survivor"] == row["survivor"]
        mine = [pair for pair in pairs if row["doc_key"] in (pair["doc_key"], pair["other"])]
        others = {pair["other"] if pair["doc_key"] == row["doc_key"] else pair["doc_key"] for pair in mine}
        assert {pair["other"] for pair in near["pairs"]} == others
        assert [pair["similarity"] for pair in near["pairs"]] == sorted((p["similarity"] for p in mine), reverse=True)
        assert (exact["evidence"] is None) == (
            row["doc_key"] not in {one["doc_key"] for one in slow.series(f"dedup/{EXACT}/documents")}
        )


@pytest.mark.parametrize("end", [".parquet", ".csv"])
def test_exported_rows_are_the_recorded_ones(result: Result, slow: SlowResult, tmp_path: Path, end: str) -> None:
    def read(name: str) -> list[Row]:
        path = tmp_path / f"{name}{end}"
        return (pa.csv.read_csv(path) if end == ".csv" else pq.read_table(path)).to_pylist()

    assert export(result, NEAR, "pairs", str(tmp_path / f"pairs{end}")) == len(slow.series(f"dedup/{NEAR}/pairs"))
    for row, recorded in zip(read("pairs"), slow.series(f"dedup/{NEAR}/pairs"), strict=True):
        assert {name: row[name] for name in recorded} == recorded
        assert (Path(row["other_file"]), row["other_row"]) == (slow.inputs[row["other"] >> 40], row["other"] % 2**40)
    export(result, EXACT, "clusters", str(tmp_path / f"clusters{end}"))
    recorded = [row for row in slow.series(f"dedup/{EXACT}/documents") if row["cluster_size"] > 1]
    assert [{name: row[name] for name in recorded[0]} for row in read("clusters")] == recorded


def test_an_export_that_cannot_be_is_refused(result: Result, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"ends with .parquet or .csv"):
        export(result, NEAR, "pairs", str(tmp_path / "pairs.txt"))
    with pytest.raises(InputError, match="has recorded no pairs"):
        export(result, EXACT, "pairs", str(tmp_path / "pairs.csv"))


def test_budgets_stand_beside_what_was_removed(result: Result, slow: SlowResult) -> None:
    found = stats.budgets(result)
    languages = [row for row in found if row["by"] == "language"]
    reached = Counter(row["language"] for row in slow.shards)
    reached.update(row["language"] for row in slow.rejects if row["stage"] in (EXACT, NEAR))
    dropped = Counter(row["language"] for row in slow.rejects if row["stage"] == EXACT)
    exact = {row["value"]: (row["documents"], row["dropped"]) for row in languages if row["stage"] == EXACT}
    assert exact == {name: (count, dropped[name]) for name, count in reached.items() if count >= 10}
    assert {row["stage"] for row in found if row["by"] == "source"} == {NEAR}
    assert [row["exceeded"] for row in found] == [row["dropped"] / row["documents"] > row["budget"] for row in found]
    assert any(row["exceeded"] for row in found)


def test_without_budgets_there_is_nothing_to_compare(result: Result) -> None:
    manifest = {**result.manifest, "recipe": {**result.recipe, "guards": {"budgets": []}}}
    with pytest.raises(RecipeError, match="has no budgets"):
        stats.budgets(Result(result.output, manifest))


def test_timing_adds_up(result: Result, slow: SlowResult) -> None:
    found = stats.timing(result)
    assert found["peak_resident_bytes"] > 50 << 20
    by_stage = {row["id"]: row for row in found["stages"]}
    assert list(by_stage) == ["length", "language", "pii"]
    steps = {step["id"]: step["in"] for step in slow.manifest["stages"]}
    for stage, row in by_stage.items():
        assert (row["documents"], row["bytes"]) == (steps[stage]["documents"], steps[stage]["bytes"])
        assert row["seconds"] > 0
    dropped = {row["phase"]: row["dropped"] for row in found["phases"]}
    assert dropped[EXACT] == len(duplicates(slow, EXACT))
    assert dropped["filter"] == sum(row["stage"] not in (EXACT, NEAR) for row in slow.rejects)


def test_two_results_side_by_side(result: Result, inspected: Path, tmp_path: Path, slow: SlowResult) -> None:
    from tests.conftest import run_in
    from tests.inspected import recipe

    changed = recipe(inspected.parent / "raw")
    changed["stages"][0] = {"length": {"min_chars": 30, "min_words": 60}}
    changed["stages"].pop()
    del changed["guards"]
    _, output = run_in(tmp_path, changed)
    other, plainly = open_result(str(output)), SlowResult(output)
    found = compare(result, other)
    mine, its = ({row["doc_key"] for row in one.shards} for one in (slow, plainly))
    assert found["documents"] == {
        "both": len(mine & its), "first_only": len(mine - its), "second_only": len(its - mine)
    }  # fmt: skip
    assert min(found["documents"].values()) > 0
    steps = {step["id"]: step for step in found["stages"]}
    assert steps["minhash_dedup"]["out"] == [len(mine), None]
    words = [sum(row["reason"] == "too_few_words" for row in one.rejects) for one in (slow, plainly)]
    assert steps["length"]["reasons"]["too_few_words"] == words
    elsewhere = Result(str(output), {**other.manifest, "inputs": other.manifest["inputs"][1:]})
    assert compare(result, elsewhere)["documents"] is None


def test_a_sample_of_rejects_is_the_same_for_ever_and_grows(result: Result, slow: SlowResult) -> None:
    few = sample_rejects(result, stage="language", count=3)
    more = sample_rejects(result, stage="language", count=6)
    assert few == sample_rejects(result, stage="language", count=3)
    assert {row["doc_key"] for row in few["documents"]} < {row["doc_key"] for row in more["documents"]}
    left = [row for row in slow.rejects if row["stage"] == "language"]
    assert more["rejected"] == len(left) > 6
    drawn = sorted(left, key=lambda row: int(key_hash(np.array([row["doc_key"]]), 0)[0]))[:6]
    assert {row["doc_key"] for row in more["documents"]} == {row["doc_key"] for row in drawn}
    for row in more["documents"]:
        assert row["text"] == slow.raw[row["doc_key"]]["text"]
    others = sample_rejects(result, stage="language", count=6, seed=1)["documents"]
    assert {row["doc_key"] for row in others} != {row["doc_key"] for row in more["documents"]}


def test_a_sample_is_drawn_evenly() -> None:
    """Of keys in a row, each tenth is drawn about as often as the others."""
    keys = np.arange(20_000)
    drawn = np.argsort(key_hash(keys, 3))[:2000]
    assert np.bincount(drawn // 2000, minlength=10).max() < 260
    others = np.argsort(key_hash(keys, 4))[:2000]
    assert all(len(np.intersect1d(drawn, others + shift)) < 300 for shift in (-1, 0, 1))


def test_a_reason_that_nothing_left_for_is_refused_with_those_there_are(result: Result) -> None:
    with pytest.raises(InputError, match=r"nothing left by reason 'too_long'.*length: .*too_few_words"):
        sample_rejects(result, reason="too_long")


def test_counts_by_value_do_not_depend_on_how_often_they_are_added_up(
    result: Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = outcomes_by(result, "domain")
    monkeypatch.setattr("pipeline.outcomes._TABLES", 2)
    assert outcomes_by(result, "domain") == expected
    assert pc.sum(pa.array([group["documents"] for group in expected])).as_py() == result.manifest["read"]["documents"]
