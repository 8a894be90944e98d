"""Runs that drop nothing: their verdicts and counts are those of a run that does, and every row is measured."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.annotate import WOULD_DROP_AT, WOULD_DROP_REASON, annotate_stages
from filters.catalog import FILTERS
from filters.chain import KEY, Stage, run_stages
from filters.errors import BudgetError, ConservationError, RecipeError
from pipeline.cli.main import cli
from pipeline.recipe import parse_recipe
from pipeline.run import check, run
from pipeline.sample_corpus import write_sample_corpus
from pipeline.yaml_document import load_yaml
from tests.conftest import digests
from tests.strategies import word_texts

STAGES: list[Any] = [
    {"length": {"min_chars": 20, "min_words": 5}},
    {"language": {"min_score": 0.4}},
    {"pii": {"ip_scope": "public"}},
    "exact_dedup",
    {"length": {"max_words": 400}, "id": "shorter"},
    {"minhash_dedup": {"threshold": 0.8, "bands": 14, "rows": 8}},
    {"pii": {"kinds": ["email"]}, "id": "again"},
    {"length": {"min_words": 30}, "id": "longer"},
]

Runner = Callable[..., tuple[dict[str, Any], Path]]


def recipe(sample: Path, stages: list[Any] | None = None, **run_options: Any) -> dict[str, Any]:
    return {
        "input": {"paths": str(sample / "raw")},
        "stages": STAGES if stages is None else stages,
        "output": {"shard_bytes": 200_000, "row_group_bytes": 50_000},
        "guards": {"second_pass_sample": 0.2},
        "run": run_options,
    }


def rows(output: Path, series: str) -> pa.Table:
    return ds.dataset(output / series, format="parquet").to_table().sort_by(KEY)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fewer documents than other tests have: these run a recipe five times."""
    folder = tmp_path_factory.mktemp("sample")
    write_sample_corpus(folder, seed=3, documents=200)
    return folder


@pytest.fixture(scope="module")
def annotated(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    output = tmp_path_factory.mktemp("annotated") / "out"
    data = recipe(sample)
    data["output"]["path"] = str(output)
    return run(parse_recipe(load_yaml("recipe.yaml", json.dumps(data))), annotate_only=True), output


def test_verdicts_are_those_of_a_run(annotated: tuple[dict[str, Any], Path], sample: Path, run_recipe: Runner) -> None:
    manifest, output = run_recipe(recipe(sample))
    marked = rows(annotated[1], "shards")
    would = marked.filter(pc.is_valid(marked[WOULD_DROP_AT]))
    without_text = pc.field("reason") == "null_text"
    rejects = rows(output, "rejects")
    dropped = rejects.filter(~without_text)
    assert len({*zip(dropped["stage"].to_pylist(), dropped["reason"].to_pylist(), strict=True)}) >= 6
    for theirs, ours in ((KEY, KEY), ("stage", WOULD_DROP_AT), ("reason", WOULD_DROP_REASON)):
        assert would[ours].to_pylist() == dropped[theirs].to_pylist()
    assert rows(annotated[1], "rejects").to_pylist() == rejects.filter(without_text).to_pylist()
    kept = rows(output, "shards")
    same = marked.filter(pc.is_null(marked[WOULD_DROP_AT])).select(kept.column_names)
    assert same.to_pylist() == kept.to_pylist()
    # The account, too: what a run tells of every stage, an annotation tells of what it would do.
    found = annotated[0]
    for ours, theirs in zip(found["stages"], manifest["stages"], strict=True):
        notes = {k: v for k, v in ours.get("notes", {}).items() if k != "edited_beyond"}
        assert {**ours, "notes": notes} == {**theirs, "notes": theirs.get("notes", {})}
    assert found["warnings"] == manifest["warnings"]
    assert (found["annotate_only"], manifest["annotate_only"]) == (True, False)
    assert found["kept"]["documents"] + len(rows(annotated[1], "rejects")) == found["read"]["documents"] == 200


def test_every_document_is_measured_and_judged_by_every_stage(annotated: tuple[dict[str, Any], Path]) -> None:
    marked = rows(annotated[1], "shards")
    words = marked["longer_words"].to_numpy()
    assert not marked["longer_words"].null_count
    assert marked["longer_reason"].to_pylist() == ["too_few_words" if n < 30 else None for n in words]
    assert pc.sum(pc.and_(pc.is_valid(marked["longer_reason"]), pc.not_equal(marked[WOULD_DROP_AT], "longer"))).as_py()
    gone = marked.filter(pc.equal(marked[WOULD_DROP_AT], "exact_dedup"))
    assert (gone["exact_dedup_survivor"].to_numpy() < gone[KEY].to_numpy()).all()
    assert not set(gone["exact_dedup_survivor"].to_pylist()) & set(gone[KEY].to_pylist())


def test_annotations_do_not_depend_on_how_the_work_is_cut(
    annotated: tuple[dict[str, Any], Path], sample: Path, run_recipe: Runner
) -> None:
    _, output = run_recipe(recipe(sample, batch_rows=7, split_bytes=20_000, partitions=3), annotate_only=True)
    assert digests(output) == digests(annotated[1])


some_stages = st.lists(
    st.sampled_from(
        [
            ("length", {"min_words": 3}),
            ("length", {"max_words": 6}),
            ("c4", {"flavour": "datatrove", "end_marks": None, "min_sentences": 1, "min_words": 2}),
            ("gopher_quality", {"min_words": 2, "min_stop_words": None, "min_word_length": 1}),
            ("gopher_repetition", {}),
            ("pii", {}),
        ]
    ),
    max_size=5,
)


@settings(max_examples=20)
@given(st.lists(word_texts | st.none() | st.just("a@b.org http://x.y\nwords and words"), max_size=8), some_stages)
def test_annotating_is_running_with_everybody_on_board(texts: list[str | None], named: list[tuple[str, Any]]) -> None:
    stages = [Stage(f"s{n}", name, FILTERS[name].Params(**params)) for n, (name, params) in enumerate(named)]
    batch = pa.record_batch({KEY: pa.array(range(len(texts)), pa.int64()), "text": pa.array(texts, pa.string())})
    run = run_stages(batch, stages, "text")
    found, alive = annotate_stages(batch, stages, "text")
    assert found.rejects.drop_columns("text") == run.rejects.drop_columns("text")
    assert found.kept.filter(pa.array(alive)).select(run.kept.schema.names) == run.kept
    assert found.kept[KEY].to_pylist() == [n for n, text in enumerate(texts) if text is not None]
    assert {k: v for k, v in found.tally.documents.items() if "edited_beyond" not in k[1]} == run.tally.documents
    # A second pass over annotated rows, some of which are gone.
    half = np.arange(len(found.kept)) % 2 == 0
    later = [Stage("later", "length", FILTERS["length"].Params(min_words=4))]
    again, left = annotate_stages(found.kept, later, "text", half)
    words = again.kept["later_words"].to_numpy()
    assert left.tolist() == (half & (words >= 4)).tolist()


def test_bytes_are_proved_edits_of_the_gone_included(annotated: tuple[dict[str, Any], Path]) -> None:
    from transforms.manifest import prove_conservation
    from transforms.shards import ShardRecord

    steps = annotated[0]["stages"]
    shards = annotated[0]["kept"]
    left = len(rows(annotated[1], "rejects"))
    records = [
        ShardRecord("shards", "a", shards["documents"], shards["bytes"], 0, ""),
        ShardRecord("rejects", "b", left, 0, 0, ""),
    ]
    prove_conservation(steps, records, annotate=True)
    for wrong in (
        records[:1],
        [ShardRecord("shards", "a", shards["documents"], shards["bytes"] - 1, 0, ""), records[1]],
    ):
        with pytest.raises(ConservationError):
            prove_conservation(steps, wrong, annotate=True)


def test_a_budget_that_fails_a_run_warns_of_it(sample: Path, run_recipe: Runner) -> None:
    data = recipe(sample, [{"length": {"min_words": 60}}])
    data["guards"]["budgets"] = [{"by": "source", "max_removed": 0.01, "action": "fail"}]
    with pytest.raises(BudgetError):
        run_recipe(data, name="one")
    manifest, _ = run_recipe(data, name="two", annotate_only=True)
    assert "budget" in manifest["warnings"][0]


def test_a_column_that_is_taken_is_refused(tmp_path: Path) -> None:
    (tmp_path / "raw.jsonl").write_text('{"text": "a", "would_drop_at": "b", "length_reason": "c"}\n')
    for stages, match in (([], "would_drop_at"), ([{"length": {"min_words": 2}}], "length_reason")):
        data = {
            "input": {"paths": str(tmp_path / "raw.jsonl")},
            "stages": stages,
            "output": {"path": str(tmp_path / "o")},
        }
        parsed = parse_recipe(load_yaml("r.yaml", json.dumps(data)))
        check(parsed)
        with pytest.raises(RecipeError, match=match):
            check(parsed, annotate_only=True)


def test_the_command_and_stats_say_what_would_be_dropped(sample: Path, tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(
        json.dumps({**recipe(sample, STAGES[:2]), "output": {"path": str(tmp_path / "o")}})
    )
    done = CliRunner().invoke(cli, ["run", str(tmp_path / "r.yaml"), "--annotate-only", "-q"], catch_exceptions=False)
    assert "a run would keep" in done.output
    told = CliRunner().invoke(cli, ["stats", str(tmp_path / "o")], catch_exceptions=False).output
    assert "would drop" in told
    assert "Languages a run would keep" in told
    stats = json.loads(CliRunner().invoke(cli, ["stats", str(tmp_path / "o"), "--json"]).output)
    assert sum(row["documents"] for row in stats["languages"]) == stats["stages"][-1]["out"]["documents"]
