"""Guards: removal budgets by source, language and domain; stages without effect; a second pass that is not at rest."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from filters.errors import BudgetError, RecipeError
from filters.groups import GROUPS_SCHEMA, Budget, GroupCounts, Grouping, add_up, exceeded

Runner = Callable[..., tuple[dict[str, Any], Path]]


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://www.Example.org/a?b=c@d", "example.org"),
        ("http://user:pass@example.org:8080/", "example.org"),
        ("//example.org/x", "example.org"),
        ("example.org/x", "example.org"),
        ("https://[2001:db8::1]:80/", "[2001:db8::1]"),
        ("https://例子.测试/路径", "例子.测试"),
        ("", ""),
        (None, ""),
    ],
)
def test_a_domain_is_the_host_of_an_address(url: str | None, host: str) -> None:
    batch = pa.record_batch({"url": pa.array([url], pa.string())})
    values = Grouping("domain", "url").values(batch, "x")
    assert values is not None and values.to_pylist() == [host]


def test_counts_add_up_over_batches_in_any_order() -> None:
    batch = pa.record_batch({"language": ["en", "de", "en", None]})
    dropped = np.array([True, False, False, True])
    groupings = [Grouping("language", "language"), Grouping("source", None), Grouping("domain", "url")]
    whole, parts = GroupCounts(groupings, "/raw/wiki/a.parquet"), []
    whole.add("length", batch, dropped)
    for row in (3, 0, 1, 2):
        part = GroupCounts(groupings, "/raw/wiki/a.parquet")
        part.add("length", batch.slice(row, 1), dropped[row : row + 1])
        parts.append(part.table())
    assert (
        add_up(parts).to_pylist()
        == add_up([whole.table()]).to_pylist()
        == [
            {"by": by, "value": value, "stage": "length", "documents": documents, "dropped": gone}
            for by, value, documents, gone in [
                ("language", "", 1, 1),
                ("language", "de", 1, 0),
                ("language", "en", 2, 1),
                ("source", "/raw/wiki", 4, 2),
            ]
        ]
    )


@pytest.mark.parametrize(
    ("budget", "expected"),
    [
        ({"max_removed": 0.5}, []),
        ({"max_removed": 0.49}, ["en"]),
        ({"max_removed": 0.1}, ["en", "de"]),
        ({"max_removed": 0.1, "min_documents": 101}, ["de"]),
        ({"max_removed": 0.1, "stages": ("other",)}, []),
        ({"max_removed": 0.1, "column": "lang"}, []),
    ],
    ids=str,
)
def test_a_budget_is_exceeded_by_a_larger_share_only(budget: dict[str, Any], expected: list[str]) -> None:
    rows = [("language", "en", "s", 100, 50), ("language", "de", "s", 1000, 200), ("language", "fr", "s", 9, 9)]
    counts = pa.table([list(column) for column in zip(*rows, strict=True)], schema=GROUPS_SCHEMA)
    found = exceeded(counts, [Budget(by="language", **budget)])
    assert [row["value"] for row in found] == expected


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """200 documents of two folders and two sites; all of `b` are one text."""
    for folder in ("a", "b"):
        (tmp_path / "raw" / folder).mkdir(parents=True)
        texts = [f"{folder} text number {i if folder == 'a' else 0} of a hundred in this folder" for i in range(100)]
        urls = [f"https://{'one' if i % 2 else 'www.two'}.example/{i}" for i in range(100)]
        table = pa.table({"text": texts, "url": urls, "language": ["en"] * 90 + ["de"] * 10})
        pq.write_table(table, tmp_path / "raw" / folder / "0.parquet", row_group_size=30)
    return tmp_path / "raw"


def counted(output: Path) -> Counter[tuple[str, str, str]]:
    table = ds.dataset(output / "groups", format="parquet").to_table().to_pylist()
    return Counter({(row["by"], Path(row["value"]).name, row["stage"]): row["dropped"] for row in table})


STAGES = [{"length": {"min_chars": 1}}, "exact_dedup", {"minhash_dedup": {"threshold": 0.99}}]


def recipe(raw: Path, **budget: Any) -> dict[str, Any]:
    return {
        "input": {"paths": [str(raw / "a"), str(raw / "b")]},
        "stages": STAGES,
        "guards": {"budgets": [{"by": "domain", "max_removed": 1}, {"by": "source", **budget}]},
    }


def test_a_source_that_vanishes_is_a_warning_in_manifest_and_summary(raw: Path, run_recipe: Runner) -> None:
    manifest, output = run_recipe(recipe(raw, max_removed=0.5))
    assert [text for text in manifest["warnings"] if "budget" in text] == [
        f"stage 'exact_dedup' removed 99.0 % of source '{raw / 'b'}' (99 of 100 documents); its budget is 50.0 %"
    ]
    found = counted(output)
    assert found["source", "b", "exact_dedup"] == 99 and found["source", "a", "exact_dedup"] == 0
    assert found["domain", "one.example", "exact_dedup"] + found["domain", "two.example", "exact_dedup"] == 99
    assert any("'length' removed and changed nothing" in text for text in manifest["warnings"])


def test_a_budget_that_fails_the_run_leaves_no_result(raw: Path, run_recipe: Runner, tmp_path: Path) -> None:
    with pytest.raises(BudgetError, match=r"removed 99\.0 % of source .*No manifest was written"):
        run_recipe(recipe(raw, max_removed=0.5, action="fail"))
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_group_counts_do_not_depend_on_how_the_work_is_cut(raw: Path, run_recipe: Runner) -> None:
    found = []
    for name, cuts in (("a", {}), ("b", {"split_bytes": 1, "batch_rows": 7, "partitions": 3})):
        _, output = run_recipe({**recipe(raw, max_removed=1), "run": cuts}, name)
        found.append(counted(output))
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("budget", "message"),
    [
        ({"by": "language", "max_removed": 0.5, "column": "lang"}, "counts by a column 'lang'; there are: text"),
        ({"by": "source", "max_removed": 0.5, "stages": ["lenght"]}, "names a stage 'lenght'; there are: length"),
        ({"by": "sauce", "max_removed": 0.5}, "guards.budgets"),
        ({"by": "source", "max_removed": 50}, "guards.budgets"),
    ],
    ids=str,
)
def test_budgets_that_cannot_work_are_refused(
    raw: Path, run_recipe: Runner, budget: dict[str, Any], message: str
) -> None:
    with pytest.raises(RecipeError, match=message):
        run_recipe({**recipe(raw, max_removed=1), "guards": {"budgets": [budget]}})


def test_a_stage_overtaken_by_an_edit_is_reported(tmp_path: Path, run_recipe: Runner) -> None:
    """The length is judged before addresses are cut out of the text; a second pass would judge otherwise."""
    texts = [f"mail someone.with.a.long.name.{i}@a-very-long-domain-name.example.org now" for i in range(50)]
    pq.write_table(pa.table({"text": texts}), tmp_path / "a.parquet")
    stages = [{"length": {"min_chars": 40}}, {"pii": {"kinds": ["email"]}}]
    data = {"input": {"paths": str(tmp_path / "a.parquet")}, "stages": stages, "guards": {"second_pass_sample": 1.0}}
    manifest, _ = run_recipe(data)
    notes = {step["id"]: step.get("notes", {}) for step in manifest["stages"]}
    assert notes["read"]["second_pass_sample"]["documents"] == 50
    assert notes["length"]["second_pass_dropped"]["documents"] == 50
    assert "second_pass_edited" not in notes["pii"]
    assert any("'length' would drop 50 documents if it ran again" in text for text in manifest["warnings"])
    other, _ = run_recipe({**data, "stages": stages[::-1]}, "other")
    assert other["warnings"] == []


def test_the_command_line_prints_warnings_apart_from_its_output(raw: Path, tmp_path: Path) -> None:
    from pipeline.cli.run import command

    data = recipe(raw, max_removed=0.5)
    (tmp_path / "recipe.yaml").write_text(json.dumps({**data, "output": {"path": str(tmp_path / "out")}}))
    result = CliRunner().invoke(command, [str(tmp_path / "recipe.yaml"), "--quiet"])
    assert result.exit_code == 0, result.output
    assert "Warning: stage 'exact_dedup' removed 99.0 % of source" in result.stderr
    assert "Warning" not in result.stdout
