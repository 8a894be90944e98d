"""The report's page: what it is made from and what not, and what hostile texts can do in it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from filters.errors import OutputError
from pipeline.cli.main import cli
from pipeline.reject_sample import sample_rejects
from pipeline.report.charts import bin_counts, edges_for, place
from pipeline.report.contents import INPUTS, collect
from pipeline.report.figures import statistic_chart
from pipeline.report.page import render
from pipeline.report.texts import beside, segments
from pipeline.report.wording import is_plain, plain
from pipeline.result import open_result
from tests.report_pages import read_page
from tests.report_results import SECRET, documents, rows


@pytest.fixture(params=["dropped", "annotated"])
def output(report_results: dict[str, Path], request: pytest.FixtureRequest) -> Path:
    return report_results[request.param]


def test_samples_are_documents_of_the_reason_as_they_left(output: Path) -> None:
    """The page shows their texts, those of the source for what no stage edited, and no secret."""
    contents = collect(open_result(str(output)), per_reason=500, kept=5000)
    page = render(contents)
    found = documents(output)
    raw = {}
    for entry in json.loads((output / "manifest.json").read_text())["inputs"]:
        source = Path(entry["path"])
        raw |= {
            entry["ordinal"] << 40 | row: text
            for row, text in enumerate(json_texts(source) if "json" in source.name else parquet_texts(source))
        }
    assert sum(SECRET in (text or "") for text in raw.values()) == 3
    edited = {row["doc_key"] for row in rows(output, "edits")}
    shown = {one.key: one for group in contents["samples"].values() for one in group}
    kept = {one.key: one for one in contents["kept_samples"]}
    assert shown.keys() == {one["doc_key"] for one in found if one["stage"]}
    assert kept.keys() == {one["doc_key"] for one in found if not one["stage"]}
    for one in [*shown.values(), *kept.values()]:
        text = raw[one.key]
        if text is None:
            assert (one.text, one.missing) == (None, "It has no text.")
        elif one.key not in edited:
            assert (one.text, one.chars) == (text[:1200], len(text))
    assert edited & shown.keys() and SECRET not in page
    assert "Kept in its stead" in page or "Its survivor at this stage" in page


def json_texts(path: Path) -> list[str | None]:
    with pa.input_stream(path) as source:  # decompresses by the name
        data = source.read()
    return [json.loads(line)["text"] for line in data.splitlines() if line.strip()]


def parquet_texts(path: Path) -> list[str | None]:
    found: list[str | None] = pq.read_table(path, columns=["text"])["text"].to_pylist()
    return found


def test_the_same_result_gives_the_same_page_and_the_same_sample(output: Path) -> None:
    one, other = (render(collect(open_result(str(output)))) for _ in range(2))
    assert one == other
    few, more = (collect(open_result(str(output)), per_reason=n, kept=n)["samples"] for n in (1, 3))
    for outcome, group in few.items():
        assert [one.key for one in group] == [one.key for one in more[outcome]][:1]


def test_samples_are_those_of_sample_rejects(report_results: dict[str, Path]) -> None:
    result = open_result(str(report_results["dropped"]))
    shown = collect(result, per_reason=3)["samples"]
    assert len(shown) > 4
    for (stage, reason), group in shown.items():
        same = sample_rejects(result, stage=stage, reason=reason, count=3)["documents"]
        assert {one.key: one.text or "" for one in group} == {row["doc_key"]: row["text"][:1200] for row in same}


def test_no_texts_if_none_are_wanted(report_results: dict[str, Path], tmp_path: Path) -> None:
    target = tmp_path / "page.html"
    done = CliRunner().invoke(cli, ["report", str(report_results["dropped"]), "-o", str(target), "--samples", "0"])
    assert (done.exit_code, done.output) == (0, f"Wrote {target}, 0.1 MB. Open it in a browser.\n")
    page = read_page(target.read_text("utf-8"))
    assert not page.find("article") and not page.find("section", id="samples")


def test_the_page_stays_small(report_results: dict[str, Path], tmp_path: Path) -> None:
    """Of many files and long recipes the page shows the first ones and says how many more there are."""
    output = tmp_path / "copy"
    shutil.copytree(report_results["dropped"], output)
    manifest = json.loads((output / "manifest.json").read_text())
    last = manifest["inputs"][-1]
    more = [{**last, "ordinal": last["ordinal"] + n, "path": f"/more/{n}/part.jsonl"} for n in range(1, 2001)]
    manifest["inputs"] += more
    manifest["recipe"]["input"]["paths"] = [f"/more/{n}/{100 * 'x'}" for n in range(1500)]
    (output / "manifest.json").write_text(json.dumps(manifest))
    contents = collect(open_result(str(output)))
    assert len(contents["inputs"]) == INPUTS and contents["inputs_left"] == len(manifest["inputs"]) - INPUTS
    page = render(contents)
    assert len(page) < 800_000
    assert f"The first {INPUTS} of {len(manifest['inputs']):,}" in page and "more characters: see manifest.json" in page


@pytest.mark.parametrize("damage", ["gone", "cut", "no manifest", "half a manifest", "old"])
def test_what_is_no_whole_result_gets_one_sentence_and_no_page(
    report_results: dict[str, Path], tmp_path: Path, damage: str
) -> None:
    output, target = tmp_path / "copy", tmp_path / "page.html"
    shutil.copytree(report_results["dropped"], output)
    file = next((output / "dedup" / "minhash_dedup" / "pairs").iterdir())
    manifest = output / "manifest.json"
    if damage == "gone":
        file.unlink()
    elif damage == "cut":
        file.write_bytes(file.read_bytes()[:100])
    elif damage == "no manifest":
        manifest.unlink()
    elif damage == "half a manifest":
        manifest.write_bytes(manifest.read_bytes()[:1000])
    else:
        manifest.write_text(manifest.read_text().replace('"format_version": 1', '"format_version": 0'))
    done = CliRunner().invoke(cli, ["report", str(output), "-o", str(target)])
    assert isinstance(done.exception, OutputError)
    sentence = str(done.exception)
    assert "\n" not in sentence and str(output) in sentence and not target.exists()
    said = {"gone": file.name, "cut": file.name, "no manifest": "not a result", "half a manifest": "damaged"}
    assert said.get(damage, "format 0") in sentence


def test_a_source_that_is_gone_is_said_in_place_of_its_texts(report_results: dict[str, Path], tmp_path: Path) -> None:
    output = tmp_path / "copy"
    shutil.copytree(report_results["dropped"], output)
    manifest = output / "manifest.json"
    manifest.write_text(manifest.read_text().replace("/raw/plain/", "/raw/away/"))
    page = read_page(render(collect(open_result(str(output)))))
    missing = [p.words for p in page.find("p", "rest") if p.words.startswith("Its text cannot be shown: ")]
    assert missing and all("/raw/away/" in one for one in missing)


def test_limits_that_differ_by_language_are_drawn_beside_the_default() -> None:
    limit = {"reason": "too_many_hashes", "keep": "<=", "value": 2.0, "by_name": {"de": 1.0, "fr": None, "ja": 3.0}}
    kept, here, elsewhere = [5, 4, 0, 0], [0, 0, 2, 0], [0, 0, 0, 1]
    one = {"stage": "rules", "statistic": "hashes", "whole": True, "edges": [0, 1, 2, 3, 4], "limits": [limit],
           "nulls": 7, "kept": kept, "here": here, "elsewhere": elsewhere}  # fmt: skip
    found = statistic_chart(one, [{"stage": "rules", "reason": "too_many_hashes", "documents": 2}])
    xs = dict(zip(one["edges"], place(np.array(one["edges"]), np.array(one["edges"])), strict=True))
    assert [(line.kind, line.x, line.text) for line in found["chart"].lines] == [
        ("faint", xs[2], ""), ("faint", xs[4], ""), ("limit", xs[3], "≤ 2"),
    ]  # fmt: skip
    assert found["caption"] == "2 too_many_hashes (keeps ≤ 2, others by language) · 7 not measured"
    assert found["chart"].bins[2].tip == "2\n2 removed by this limit\nbelow: 9 of 12 (75.0 %)"


@given(
    st.lists(st.floats(-1e6, 1e9) | st.floats(5e8, 5.00000001e8) | st.integers(0, 50).map(float), min_size=1),
    st.lists(st.floats(-10, 1e5), max_size=3),
    st.booleans(),
)
def test_every_number_lies_in_one_bin_and_no_bin_on_both_sides_of_a_limit(
    values: list[float], limits: list[float], whole: bool
) -> None:
    if whole:
        values, limits = [float(round(v)) for v in values], [float(round(v)) for v in limits]
    edges = edges_for(min(values), max(values), limits, whole=whole)
    assert (np.diff(edges) > 0).all() and len(edges) < 200
    assert bin_counts(np.array(values), edges).sum() == len(values)
    assert set(limits) <= set(edges.tolist())
    xs = place(edges, edges)
    assert xs == sorted(xs)


@given(st.text(), st.text())
def test_nothing_is_lost_and_nothing_hides_in_a_text(one: str, other: str) -> None:
    for text, shown in zip((one, other), beside(one, other), strict=True):
        assert "".join(part for _, part in shown) == plain(text)
        assert all(is_plain(char) for _, part in shown for char in part)
    assert segments([("", one)]) == [part for part in segments([("", one)]) if part[1]]


@pytest.mark.parametrize(
    ("texts", "stages", "annotate", "lead"),
    [
        ([], [], False, "Kept 0 of 0 documents, 0 B of 0 B of text."),
        (["a b", None], [{"length": {"min_words": 9}}], True, "A run would keep 0 of 2 documents (0 %), 0 B of 3 B of"),
        (["a b"], [{"minhash_dedup": {"verify": "none"}}], False, "Kept 1 of 1 documents (100.0 %), 3 B of 3 B of"),
    ],
)
def test_results_with_next_to_nothing_in_them(
    texts: list[str | None],
    stages: list[Any],
    annotate: bool,
    lead: str,
    run_recipe: Callable[..., Any],
    tmp_path: Path,
) -> None:
    pq.write_table(pa.table({"text": pa.array(texts, pa.string())}), tmp_path / "raw.parquet")
    recipe = {"input": {"paths": str(tmp_path / "raw.parquet")}, "stages": stages}
    _, output = run_recipe(recipe, annotate_only=annotate)
    page = read_page(render(collect(open_result(str(output)))))
    assert page.find("p", "lead")[0].words.startswith(lead)
