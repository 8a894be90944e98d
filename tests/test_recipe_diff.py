"""Two recipes on the same documents: what each makes of every one, deduplication and edits included."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from pipeline.cli.main import cli
from pipeline.recipe_diff import _dealt, diff_recipes

LONG = " ".join(f"word{n}" for n in range(60))
TEXTS = [
    LONG,
    LONG + " and more",  # a near copy: the second recipe looks for such
    "three words only",  # too short for the second
    "write to someone@corp-mail.com, or to nobody, about all that is to be told of it",  # redacted by the second
    "seven words that both recipes will keep",
    None,  # leaves both, as it is read
]
FIRST = "stages: [{length: {min_words: 3}}]"
SECOND = """
stages:
  - length: {min_words: 5}
  - pii: {kinds: [email]}
  - minhash_dedup: {threshold: 0.8}
guards: {budgets: [{by: source, max_removed: 0.0, action: fail, min_documents: 1}]}
"""


@pytest.fixture(scope="module")
def recipes(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("recipes")
    pq.write_table(pa.table({"text": TEXTS}), folder / "a.parquet")
    for name, stages in (("first", FIRST), ("second", SECOND)):
        (folder / f"{name}.yaml").write_text(f"input: {{paths: nowhere}}\noutput: {{path: {folder}/out}}\n{stages}\n")
    return [str(folder / f"{name}.yaml") for name in ("first", "second")]


@pytest.fixture(scope="module")
def found(recipes: list[str]) -> dict[str, Any]:
    return diff_recipes(recipes, [str(Path(recipes[0]).parent / "a.parquet")])


def test_documents_on_which_they_disagree(recipes: list[str], found: dict[str, Any]) -> None:
    assert (found["documents_read"], found["disagree"]) == (6, 3)
    assert Counter({tuple(row["outcomes"]): row["documents"] for row in found["outcomes"]}) == {
        ("kept", "kept"): 2,
        ("kept", "minhash_dedup: near_duplicate"): 1,
        ("kept", "length: too_few_words"): 1,
        ("kept", "kept, another text"): 1,
        ("read: null_text", "read: null_text"): 1,
    }
    by_row = {document["source_row"]: document for document in found["documents"]}
    assert set(by_row) == {1, 2, 3}
    assert by_row[2]["verdicts"][0] is None
    assert (by_row[2]["verdicts"][1]["value"], by_row[2]["verdicts"][1]["threshold"]) == (3.0, 5.0)
    assert by_row[3]["texts"] == [TEXTS[3], TEXTS[3].replace("someone@corp-mail.com", "<EMAIL>")]
    # The outputs that the recipes name are not written to, and their budgets end nothing.
    assert not (Path(recipes[0]).parent / "out").exists()


def test_they_are_shown_side_by_side(
    recipes: list[str], found: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.recipe_diff.diff_recipes", lambda *args, **options: found)
    done = CliRunner().invoke(cli, ["diff-recipes", *recipes, "--input", "a.parquet"])
    assert done.exit_code == 0, done.output
    assert "They disagree on 3 of 6 documents." in done.output
    assert "(2) length: too_few_words  3 (limit 5)" in done.output
    assert "[-someone@corp-mail.com" in done.output
    told = CliRunner().invoke(cli, ["diff-recipes", *recipes, "--input", "a.parquet", "--json"])
    assert json.loads(told.stdout) == json.loads(json.dumps(found))


def test_examples_are_dealt_from_every_kind_of_disagreement() -> None:
    assert _dealt([[0, 1, 2, 3, 4], [10], [20, 21]], 5) == [0, 10, 20, 1, 21]
    assert _dealt([], 5) == []
