"""Explain: what is said of a document is what the run recorded, and what the stages say again; never its secrets."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from filters.errors import InputError
from pipeline.cli.main import cli
from pipeline.explain import explain_document, explain_text
from pipeline.find import Found, find_documents, guess
from pipeline.outcomes import outcomes_by
from pipeline.recipe import Recipe
from pipeline.rejudged import recipe_of
from pipeline.result import Result as Opened
from pipeline.result import open_result
from tests.inspected import HOSTILE, SECRET
from tests.slow_inspection import SlowResult


@pytest.fixture(scope="module")
def result(inspected: Path) -> Opened:
    return open_result(str(inspected))


@pytest.fixture(scope="module")
def slow(inspected: Path) -> SlowResult:
    return SlowResult(inspected)


@pytest.fixture(scope="module")
def recipe(result: Opened) -> Recipe:
    return recipe_of(result.output, result.manifest)


def steps(explained: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {step["id"]: step for step in explained["stages"]}


def some_of_each_reason(slow: SlowResult) -> list[dict[str, Any]]:
    seen: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in slow.rejects:
        seen.setdefault((row["stage"], row["reason"]), []).append(row)
    return [row for rows in seen.values() for row in rows[:4]]


def test_a_dropped_document_left_where_its_first_failing_rule_is(result: Opened, slow: SlowResult) -> None:
    order = [stage["id"] for stage in result.stages]
    rows = some_of_each_reason(slow)
    assert {row["stage"] for row in rows} == {"read", "length", "language", "exact_dedup", "minhash_dedup"}
    for row in rows:
        explained = explain_document(result, row["doc_key"])
        assert explained["notes"] == []
        assert explained["outcome"] == "dropped"
        assert slow.series("rejects")[explained["place"]["row"]]["doc_key"] == row["doc_key"]
        statuses = {stage: step["status"] for stage, step in steps(explained).items()}
        at = order.index(row["stage"])
        assert statuses[row["stage"]] == "dropped"
        assert set(list(statuses.values())[at + 1 :]) <= {"not reached"}
        assert not {"dropped", "not reached"} & set(list(statuses.values())[:at])
        if row["value"] is not None and "dedup" not in row["stage"]:
            failed = [check for check in steps(explained)[row["stage"]]["checks"] if not check["passed"]]
            # Worked out again from the source row: the same number, held against the same limit.
            assert (failed[0]["reason"], failed[0]["value"], failed[0]["limit"]) == (
                row["reason"], row["value"], row["threshold"],
            )  # fmt: skip


def test_a_duplicate_leads_to_its_survivor_and_to_what_is_kept(result: Opened, slow: SlowResult) -> None:
    places = {(path.name, row): key for path, row, key in _shard_rows(slow)}
    for row in [row for row in slow.rejects if row["survivor"] is not None][::5]:
        explained = explain_document(result, row["doc_key"])
        found = steps(explained)[row["stage"]]["duplicate"]
        assert found["survivor"] == row["survivor"]
        assert (Path(found["survivor_file"]), found["survivor_row"]) == (
            slow.inputs[row["survivor"] >> 40], row["survivor"] % 2**40,
        )  # fmt: skip
        assert found["similarity"] == row["value"]
        place = explained["kept_as"]["place"]
        assert places[Path(place["path"]).name, place["row"]] == row["kept_as"] == explained["kept_as"]["doc_key"]
        assert explained["kept_as"]["similarity"] == row["kept_similarity"]


def _shard_rows(slow: SlowResult) -> Any:
    for path in sorted((slow.output / "shards").glob("*.parquet")):
        for row, key in enumerate(pq.read_table(path)["doc_key"].to_pylist()):
            yield path, row, key


def test_a_kept_document_passes_every_rule_with_its_own_values(result: Opened, slow: SlowResult) -> None:
    for row in slow.shards[::60]:
        explained = explain_document(result, row["doc_key"])
        assert explained["values"] == "recorded"
        for step in explained["stages"]:
            assert step["status"] in ("passed", "edited")
            for check in step["checks"]:
                assert check["passed"] and check["value"] == row[check["column"]]


def test_edits_are_told_by_span_and_never_by_value(result: Opened, slow: SlowResult) -> None:
    edits = slow.series("edits")
    (key,) = {key for key, row in slow.raw.items() if SECRET in (row["text"] or "")}
    explained = explain_document(result, key)
    (mine,) = [edit for edit in edits if edit["doc_key"] == key]
    (told,) = steps(explained)["pii"]["edits"]
    assert told == {name: mine[name] for name in told}
    assert slow.raw[key]["text"][told["start"] : told["end"]] == SECRET
    assert SECRET not in json.dumps(explained)


def test_without_the_source_what_is_recorded_is_told(inspected: Path, slow: SlowResult, tmp_path: Path) -> None:
    manifest = json.loads((inspected / "manifest.json").read_text())
    for entry in manifest["inputs"]:
        entry["path"] = f"{tmp_path}/gone/{Path(entry['path']).name}"
    row = next(row for row in slow.rejects if row["reason"] == "too_few_words")
    explained = explain_document(Opened(str(inspected), manifest), row["doc_key"])
    assert explained["dropped_by"]["value"] == row["value"]
    assert steps(explained)["length"]["checks"] is None
    (note,) = explained["notes"]
    assert "cannot be worked out again" in note and "there is no such file" in note


def test_a_source_that_has_changed_is_not_believed(inspected: Path, slow: SlowResult, tmp_path: Path) -> None:
    manifest = json.loads((inspected / "manifest.json").read_text())
    for entry in manifest["inputs"]:
        entry["size"] += 1
    row = next(row for row in slow.rejects if row["reason"] == "too_few_words")
    (note,) = explain_document(Opened(str(inspected), manifest), row["doc_key"])["notes"]
    assert "has changed since the run read it" in note


def test_another_limit_than_that_of_the_run_is_noticed(inspected: Path, slow: SlowResult) -> None:
    """As other models, lists or versions would show: the stages say something else now than they did."""
    manifest = json.loads((inspected / "manifest.json").read_text())
    manifest["recipe"]["stages"][0]["length"]["min_words"] = 0
    row = next(row for row in slow.rejects if row["reason"] == "too_few_words")
    (note,) = explain_document(Opened(str(inspected), manifest), row["doc_key"])["notes"]
    assert "nothing drops this document" in note


def test_an_annotated_result_tells_where_a_run_would_drop(tmp_path: Path) -> None:
    from tests.conftest import run_in

    texts = [None, "too short", "a text of six words, or so", "another one of six words, or so"]
    urls = [f"https://{name}.example/" for name in "aabb"]
    pq.write_table(pa.table({"text": texts, "url": urls}), tmp_path / "a.parquet")
    recipe = {"input": {"paths": str(tmp_path / "a.parquet")}, "stages": [{"length": {"min_words": 5}}, {"pii": {}}]}
    _, output = run_in(tmp_path, recipe, annotate_only=True)
    marked = open_result(str(output))
    explained = [explain_document(marked, key) for key in range(4)]
    would = {"stage": "length", "reason": "too_few_words"}
    assert [one["would_be_dropped_by"] for one in explained] == [None, would, None, None]
    assert [one["outcome"] for one in explained] == ["dropped", "kept", "kept", "kept"]
    assert [step["status"] for step in explained[1]["stages"]] == ["passed", "dropped", "not reached"]
    by = {group["value"]: group for group in outcomes_by(marked, "domain")}
    assert {name: (group["documents"], group["kept"]) for name, group in by.items()} == {
        "a.example": (2, 0), "b.example": (2, 2)
    }  # fmt: skip
    assert by["a.example"]["dropped"] == {"read": {"null_text": 1}, "length": {"too_few_words": 1}}
    assert outcomes_by(marked, "source")[0]["dropped"] == by["a.example"]["dropped"]


def test_a_text_in_no_corpus_goes_the_way_it_would_have_gone(recipe: Recipe, slow: SlowResult) -> None:
    rows = [row for row in some_of_each_reason(slow) if "dedup" not in row["stage"] and row["stage"] != "read"]
    for row in rows:
        explained = explain_text(recipe, {"text": slow.raw[row["doc_key"]]["text"]})
        assert explained["dropped_by"] == {"stage": row["stage"], "reason": row["reason"]}
    kept = slow.shards[3]
    explained = explain_text(recipe, {"text": slow.raw[kept["doc_key"]]["text"]})
    assert explained["outcome"] == "kept" and explained["text"] == kept["text"]
    assert steps(explained)["minhash_dedup"]["status"] == "not judged"


def test_a_column_that_a_stage_reads_must_be_given(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("bad.example\n")
    path = tmp_path / "recipe.yaml"
    path.write_text(f"""
input: {{paths: raw}}
output: {{path: out}}
stages: [{{url_blocklist: {{lists: [{{path: {tmp_path}/list.txt, category: bad}}]}}}}]
""")
    without = run("explain", "--recipe", str(path), "--text", "-", input="a text")
    assert "the recipe reads a column 'url'; give its value, as in --column url=..." in str(without.exception)
    url = ("--column", "url=https://bad.example/page")
    given = run("explain", "--recipe", str(path), "--text", "-", *url, "--json", input="a text")
    assert json.loads(given.stdout)["dropped_by"]["stage"] == "url_blocklist"


def run(*args: str, input: str | None = None) -> Result:
    return CliRunner().invoke(cli, list(args), input=input)


def test_a_document_is_found_by_key_row_url_and_text(result: Opened, slow: SlowResult) -> None:
    row = next(row for row in slow.rejects if row["reason"] == "near_duplicate")
    key = row["doc_key"]
    path, number = slow.inputs[key >> 40], key % 2**40
    raw = slow.raw[key]
    for document, how in (
        (str(key), "key"),
        (f"{path}:{number}", "row"),
        (f"{path.parent.name}/{path.name}:{number}", "row"),
        (raw["url"], "url"),
        (raw["text"], "text"),
    ):
        assert guess(result, document) == how
        expected = tuple(
            other
            for other, values in slow.raw.items()
            if {"url": values["url"] == raw["url"], "text": raw["text"] in (values["text"] or "")}.get(
                how, other == key
            )
        )
        assert find_documents(result, document) == Found(how, expected)


def test_a_text_as_the_run_left_it_is_found_among_the_kept(result: Opened, slow: SlowResult) -> None:
    (key,) = {key for key, row in slow.raw.items() if SECRET in (row["text"] or "")}
    (kept,) = [row for row in slow.shards if row["doc_key"] == key]
    piece = kept["text"][-40:]
    assert piece not in slow.raw[key]["text"]
    assert find_documents(result, piece).keys == (key,)


@pytest.mark.parametrize(
    ("document", "how", "message"),
    [
        ("no text has this", None, "no document holds this piece of text"),
        ("https://nowhere.example/", None, "no document has 'https://nowhere.example/' as its 'url'"),
        ("", None, "an empty text is in every document"),
        ("x", "key", "'x' is no document key"),
        ("x", "row", "'x' is no source row"),
    ],
)
def test_a_document_that_is_not_there_is_one_sentence(result: Opened, document: str, how: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        find_documents(result, document, how=how)


def test_a_row_behind_the_last_is_refused(result: Opened, slow: SlowResult) -> None:
    lines = next(i for i, path in enumerate(slow.inputs) if path.suffix == ".zst")
    with pytest.raises(InputError, match="has no document in row 99,999"):
        explain_document(result, (lines << 40) + 99_999)


def test_the_command_explains_one_and_lists_many(inspected: Path, slow: SlowResult) -> None:
    row = next(row for row in slow.rejects if row["reason"] == "near_duplicate")
    shown = run("explain", str(inspected), str(row["doc_key"]))
    assert shown.exit_code == 0, shown.output
    assert f"{row['value']:.6g}" in shown.output and "minhash_dedup" in shown.output
    told = json.loads(run("explain", str(inspected), str(row["doc_key"]), "--json").stdout)
    assert told == json.loads(json.dumps(explain_document(open_result(str(inspected)), row["doc_key"])))
    many = run("explain", str(inspected), "e ", "--as", "text", "--quiet")
    assert many.exit_code == 1 and "More than 20 documents are meant" in many.output
    assert run("explain", str(inspected)).exit_code == run("explain", "--text", "-").exit_code == 2


def test_hostile_documents_are_found_by_their_own_text(result: Opened, slow: SlowResult) -> None:
    hostile = {key for key, row in slow.raw.items() if HOSTILE in (row["text"] or "")}
    assert set(find_documents(result, HOSTILE).keys) == hostile and len(hostile) == 4


def test_a_result_that_was_moved_is_the_same(inspected: Path, tmp_path: Path, slow: SlowResult) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(inspected, moved)
    key = slow.rejects[5]["doc_key"]
    there, here = (explain_document(open_result(str(path)), key) for path in (moved, inspected))
    assert there == here
