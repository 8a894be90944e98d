"""Texts worked out again are those that the run itself had when documents left, whatever edited them on the way."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.recipe import parse_recipe
from pipeline.rejudged import recipe_of
from pipeline.replay_row import editing_stages, texts_at
from pipeline.result import Result, open_result
from pipeline.yaml_document import load_yaml
from tests.conftest import run_in
from tests.slow_inspection import SlowResult

BODY = " ".join(f"word{n}" for n in range(50))
TEXTS = [
    None,
    f"write\u00a0to a.b@corp-mail.com about {BODY}",
    f"write to c.d@corp-mail.com about {BODY}, too",  # a near copy, both redacted before they are compared
    f"write to c.d@corp-mail.com about {BODY}, too",
    "too short",
    "the server has the IP address 8.8.8.8 and not much else is to be said of it here",  # found after, and left
    "quite another text that stays as it is, in the end, for all that we know of it all",
]
STAGES = [
    {"normalise": {}},
    {"length": {"min_words": 3}},
    {"pii": {"kinds": ["email"]}},
    {"exact_dedup": {}},
    {"minhash_dedup": {"threshold": 0.7}},
    {"pii": {"kinds": ["ip"], "policy": "drop_document"}, "id": "late"},
]


@pytest.fixture(scope="module")
def holding(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A result whose rejects hold their texts."""
    folder = tmp_path_factory.mktemp("replay")
    pq.write_table(pa.table({"text": TEXTS}), folder / "a.parquet")
    recipe = {"input": {"paths": str(folder / "a.parquet")}, "stages": STAGES, "output": {"reject_text": True}}
    return run_in(folder, recipe)[1]


@pytest.fixture(scope="module")
def bare(holding: Path) -> Path:
    """The same result as it is where the recipe does not ask for texts."""
    output = shutil.copytree(holding, holding.parent / "bare")
    for path in (output / "rejects").iterdir():
        pq.write_table(pq.read_table(path).drop_columns(["text"]), path)
    return output


def test_texts_that_the_rejects_hold_are_worked_out_again(holding: Path, bare: Path) -> None:
    slow = SlowResult(holding)
    wanted = {row["doc_key"]: row["text"] or "" for row in [*slow.rejects, *slow.shards]}
    assert {row["stage"] for row in slow.rejects} == {"read", "length", "exact_dedup", "minhash_dedup", "late"}
    for output in (bare, holding):
        result = open_result(str(output))
        recipe = recipe_of(result.output, result.manifest)
        assert texts_at(result, recipe, list(wanted)) == wanted
        # As they came to a deduplication: after the edits before it, also of what left behind it.
        before = texts_at(result, recipe, [1, 2, 5], "minhash_dedup")
        assert [before[1], before[2]] == [f"write to <EMAIL> about {BODY}{end}" for end in ("", ", too")]
        assert "8.8.8.8" in before[5]


def test_a_text_is_not_read_from_the_source_where_it_is_at_hand(holding: Path) -> None:
    slow = SlowResult(holding)
    result = open_result(str(holding))
    gone = [{**entry, "path": f"{entry['path']}.gone"} for entry in result.manifest["inputs"]]
    stages = result.recipe["stages"][:-1]  # the last one edits texts, so that the shards would not do
    manifest = {**result.manifest, "inputs": gone, "recipe": {**result.recipe, "stages": stages}}
    texts = texts_at(Result(str(holding), manifest), recipe_of("out", manifest), [1, 2], "minhash_dedup")
    assert texts == {row["doc_key"]: row["text"] for row in [*slow.shards, *slow.rejects] if row["doc_key"] in (1, 2)}


def test_only_stages_that_edit_run_for_a_text_and_those_whose_columns_they_read(tmp_path: Path) -> None:
    (tmp_path / "en.txt").write_text("phrase\n")
    lists = [{"path": f"{tmp_path}/en.txt", "language": "en"}]
    stages = [
        {"length": {}},
        {"language": {}},
        {"normalise": {}},
        {"blocklist_lines": {"lists": lists}},
        "exact_dedup",
        {"pii": {"kinds": ["email"]}},
    ]
    data = {"input": {"paths": "raw"}, "output": {"path": "out"}, "stages": stages}
    recipe = parse_recipe(load_yaml("recipe.yaml", json.dumps(data)))
    before = ["language", "normalise", "blocklist_lines"]  # whose lists go by the language
    assert [stage.id for stage in editing_stages(recipe, "exact_dedup")] == before
    assert [stage.id for stage in editing_stages(recipe, None)] == [*before, "pii"]
    assert [stage.id for stage in editing_stages(recipe, "normalise")] == ["normalise"]
    assert editing_stages(recipe, "length") == []
