"""Calibration: judging again by columns is running again."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from filters.errors import BeamsiftError, OutputError, RecipeError
from pipeline.calibration import EVERY, calibrate
from pipeline.cli.calibrate import show
from pipeline.cli.main import cli
from pipeline.outcomes import language_column
from pipeline.result import Result
from tests.annotated_results import TEXTS, Named, dropped_by, write_result
from tests.strategies import word_texts

STAGES: Named = [
    ("language", {"min_score": 0.3, "min_scores": {"zh": 0.5}}),
    ("gopher_repetition", {"limits": "fineweb2"}),
    ("gopher_quality", {"limits": "fineweb2", "min_words": 10, "by_language": {"fr": {"max_word_length": 4}}}),
    ("fineweb_quality", {}),
    ("pii", {"max_per_1000_words": {"email": 5}}),
    ("length", {"min_words": 8}),
]

changes = st.lists(
    st.one_of(
        st.tuples(st.just("language.min_score"), st.floats(0, 1)),
        st.tuples(st.just("language.min_scores.de"), st.floats(0, 1)),
        st.tuples(st.just("language.limits"), st.sampled_from([None, "fineweb2"])),
        st.tuples(st.just("gopher_repetition.limits"), st.sampled_from([None, "fineweb2"])),
        st.tuples(st.just("gopher_quality.by_language.de.min_words"), st.sampled_from([None, 0, 30, 99])),
        st.tuples(st.just("gopher_quality.by_language.fr.max_word_length"), st.floats(1, 9)),
        st.tuples(st.just("fineweb_quality.by_language.en.max_newlines"), st.sampled_from([None, 0.0, 0.2])),
        st.tuples(st.just("language.allow"), st.sampled_from([None, ["en"], ["en", "de", "fr"]])),
        st.tuples(st.just("gopher_repetition.max_duplicate_lines"), st.sampled_from([None, 0.0, 0.1, 0.9])),
        st.tuples(st.just("gopher_repetition.max_top_2grams"), st.floats(0, 1)),
        st.tuples(st.just("gopher_quality.min_words"), st.sampled_from([None, 0, 3, 9, 40, 60])),
        st.tuples(st.just("gopher_quality.min_stop_words"), st.integers(0, 8)),
        st.tuples(st.just("gopher_quality.max_word_length"), st.floats(2, 9)),
        st.tuples(st.just("fineweb_quality.min_terminal_lines"), st.sampled_from([None, 0.0, 0.5, 1.0])),
        st.tuples(st.just("pii.max_per_1000_words.email"), st.integers(0, 50)),
        st.tuples(st.just("length.max_words"), st.sampled_from([None, 1, 20, 100])),
        st.tuples(st.just("length.min_words"), st.integers(0, 60)),
    ),
    max_size=4,
)


def with_changes(named: Named, made: list[tuple[str, Any]]) -> Named:
    """The stages with the parameters set, the obvious way."""
    params = {name: dict(given) for name, given in named}
    for target, value in made:
        stage, *path = target.split(".")
        inner = params[stage]
        for part in path[:-1]:
            inner[part] = dict(inner.get(part, {}))
            inner = inner[part]
        inner[path[-1]] = value
    return list(params.items())


def told(found: dict[str, Any], which: str) -> dict[tuple[str, str], int]:
    """Documents dropped, by stage and reason."""
    return {(row["stage"], row["reason"]): row[which][EVERY] for row in found["dropped"] if row[which][EVERY]}


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_result(tmp_path_factory.mktemp("result"), TEXTS, STAGES)


@settings(max_examples=30)
@given(made=changes)
def test_judging_again_is_running_again(result: str, made: list[tuple[str, Any]]) -> None:
    found = calibrate(result, changes=[f"{target}={json.dumps(value)}" for target, value in made])
    assert told(found, "run") == dropped_by(TEXTS, STAGES)
    assert told(found, "now") == dropped_by(TEXTS, with_changes(STAGES, made))
    assert found["unsure"] == 0
    for which in ("run", "now"):
        assert found["kept"][which][EVERY] + sum(told(found, which).values()) == found["documents"][EVERY] == len(TEXTS)
    kept = {name: n for name, n in found["kept"]["now"].items() if name != EVERY}
    assert sum(kept.values()) == found["kept"]["now"][EVERY]
    assert found["kept"]["now"][EVERY] - found["kept"]["run"][EVERY] == found["stay_now"] - found["drop_now"]


@settings(max_examples=25)
@given(
    st.lists(word_texts, max_size=8),
    st.integers(0, 12),
    st.sampled_from([None, 1, 9]),
    st.sampled_from([1, 2, 8, None]),
)
def test_a_stricter_limit_of_a_rewrite_is_running_again(
    texts: list[str], words: int, longest: int | None, sentences: int | None
) -> None:
    named: Named = [
        ("c4", {"flavour": "datatrove", "end_marks": None, "min_sentences": 1, "min_words": 1}),
        ("length", {"min_words": 3}),
    ]
    made = [("length.min_words", words), ("length.max_words", longest), ("c4.min_sentences", sentences)]
    with tempfile.TemporaryDirectory() as folder:
        output = write_result(Path(folder), texts, named)
        if texts:
            found = calibrate(output, changes=[f"{target}={json.dumps(value)}" for target, value in made])
            ran = dropped_by(texts, with_changes(named, made))
            differ = sum((told(found, "now").get(key, 0) != n) for key, n in ran.items())
            assert not differ or found["unsure"]
            if sentences:
                assert told(found, "now") == ran
                assert not found["unsure"]


def test_a_relaxed_limit_of_a_rewrite_that_left_texts_alone_is_unsure(tmp_path: Path) -> None:
    output = write_result(tmp_path, ["One line.", "One. Two.\nThree."], [("c4", {"end_marks": None, "min_words": 1})])
    assert calibrate(output)["unsure"] == 0
    found = calibrate(output, changes=["c4.min_sentences=1"])
    assert (found["stay_now"], found["unsure"]) == (1, 1)


def test_other_recipes_judge_too(result: str, tmp_path: Path) -> None:
    def recipe(named: Named) -> str:
        (tmp_path / "r.yaml").write_text(
            yaml.safe_dump(
                {"input": {"paths": "x"}, "output": {"path": "y"}, "stages": [{name: params} for name, params in named]}
            )
        )
        return str(tmp_path / "r.yaml")

    looser = with_changes(STAGES, [("gopher_quality.min_words", 2), ("length.min_words", 1)])
    assert told(calibrate(result, recipe=recipe(looser)), "now") == dropped_by(TEXTS, looser)
    fewer = [stage for stage in looser if stage[0] != "fineweb_quality"]
    assert told(calibrate(result, recipe=recipe(fewer)), "now") == dropped_by(TEXTS, fewer)
    for wrong, match in (
        ([*STAGES[1:], STAGES[0]], "another order needs another run"),
        ([*STAGES, ("url_blocklist", {"domains": ["a.org"]})], "no stage 'url_blocklist'"),
        ([stage for stage in STAGES if stage[0] != "pii"], "'pii' cannot be left out"),
    ):
        with pytest.raises(RecipeError, match=match):
            calibrate(result, recipe=recipe(wrong))


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ("length", "write stage.param=value"),
        ("length=3", "write stage.param=value"),
        ("length.min_words=", "write stage.param=value.* null turns a rule off"),
        ("gopher_quality.min_words@=3", "write stage.param=value"),
        ("lenght.min_words=3", "did you mean 'length'"),
        ("length.min_wrods=3", "--set length.min_wrods=3: unknown key 'min_wrods'; did you mean 'min_words'"),
        ("length.min_words=many", "--set length.min_words=many: expected a whole number, got the text 'many'$"),
        ("length.min_words=[", "the value is not YAML"),
        ("length.min_words@de=3", "min_words of 'length' is one limit for all languages"),
        ("gopher_quality.min_words@xx=3", "'xx' is no language code"),
        ("gopher_quality.min_wrods@de=3", "de: unknown limit 'min_wrods'; did you mean 'min_words'"),
        ("gopher_quality.min_words@de=-3", "expected at least 0, got the number -3$"),
        ("gopher_repetition.language_column=lang", "need a column 'lang', and the run wrote none"),
        ("gopher_quality.language_column=lang", "language_column is no limit"),
        ("language.min_score@tlh=0.3", "language 'tlh'.* is not among the 176 labels"),
        ("language.model=lid.bin", "model is no limit"),
        ("language.max_chars=10", "max_chars is no limit"),
        ("gopher_quality.stop_words=[a]", "stop_words is no limit.*max_word_length, max_symbols, max_bullet_lines"),
        ("gopher_quality.limits=null", "limits is no limit"),
        ("pii.max_per_1000_words.ip=1", "did not measure 'pii_ip_per_1000_words'"),
        ("pii.kinds=[email]", "kinds is no limit"),
    ],
)
def test_what_columns_cannot_tell_is_an_error(result: str, change: str, match: str) -> None:
    with pytest.raises(RecipeError, match=match):
        calibrate(result, changes=[change])


def test_other_errors(result: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no stage 'x'"):
        calibrate(result, stages=["x"])
    with pytest.raises(RecipeError, match="no document has the language xx"):
        calibrate(result, languages=["xx"])
    with pytest.raises(OutputError, match="not a result"):
        calibrate(str(tmp_path))
    plain = json.loads(Path(result, "manifest.json").read_text())
    (tmp_path / "manifest.json").write_text(json.dumps({**plain, "annotate_only": False}))
    with pytest.raises(OutputError, match="--annotate-only"):
        calibrate(str(tmp_path))


def test_shares_and_limits_are_told_by_language(result: str) -> None:
    found = calibrate(result)
    assert found["by"] == "language"
    assert sum(n for name, n in found["documents"].items() if name != EVERY) == len(TEXTS)
    (words,) = (one for one in found["statistics"] if one["column"] == "length_words")
    assert {name: one["rows"] for name, one in words["groups"].items()} == found["documents"]
    assert [row["statistic"] for row in found["rules"] if row["stage"] == "length"] == ["words"]
    rule = next(row for row in found["rules"] if row["reason"] == "words_too_long")
    assert rule["limit"]["column"] == "gopher_quality_limits"
    assert rule["limit"]["by_name"]["deu_Latn"] != rule["limit"]["default"]
    assert rule["applied"][0] == 4.0 < rule["applied"][-1]  # French
    for row in found["rules"]:
        assert row["first"][EVERY] <= row["alone"][EVERY] == sum(n for k, n in row["alone"].items() if k != EVERY)
    few = next(row for row in found["rules"] if row["reason"] == "too_few_words" and row["stage"] == "length")
    counted = pa.concat_tables([pq.read_table(path) for path in sorted(Path(result, "shards").iterdir())])
    assert few["alone"][EVERY] == sum(n < 8 for n in counted["length_words"].to_pylist())
    german = calibrate(result, languages=["de"])
    assert german["documents"] == {EVERY: found["documents"]["de"], "de": found["documents"]["de"]}
    assert german["kept"]["run"][EVERY] == found["kept"]["run"].get("de", 0)
    assert {one["stage"] for one in calibrate(result, stages=["length"])["statistics"]} == {"length"}


def test_documents_are_counted_by_any_column(result: str) -> None:
    found = calibrate(result, by="gopher_quality_limits")
    assert found["by"] == "gopher_quality_limits"
    assert set(found["documents"]) >= {EVERY, "fra_Latn", "default"}
    assert sum(n for name, n in found["documents"].items() if name != EVERY) == len(TEXTS)
    french = calibrate(result, by="gopher_quality_limits", languages=["fra_Latn"])
    assert french["documents"] == {EVERY: found["documents"]["fra_Latn"], "fra_Latn": found["documents"]["fra_Latn"]}
    (rule,) = (rule for rule in french["rules"] if rule["reason"] == "words_too_long")
    assert rule["applied"] == [4.0]
    with pytest.raises(RecipeError, match="unknown column 'lenght_words'; did you mean 'length_words'"):
        calibrate(result, by="lenght_words")


def test_a_column_of_too_many_values_is_refused(result: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.calibration.MAX_GROUPS", 3)
    with pytest.raises(RecipeError, match="'doc_key' has more than 3 different values"):
        calibrate(result, by="doc_key")


def test_the_column_that_limits_look_at_is_counted_by(tmp_path: Path) -> None:
    named: Named = [("language", {}), ("gopher_quality", {"language_column": "language_reason", "min_words": 2})]
    output = write_result(tmp_path, TEXTS, named)
    assert calibrate(output)["by"] == "language"
    change = "gopher_quality.by_language={de: {min_words: 3}}"
    assert calibrate(output, changes=[change, "gopher_quality.language_column=language"])["by"] == "language"
    assert (
        calibrate(output, changes=[change, "gopher_quality.language_column=language_score"])["by"] == "language_score"
    )


def test_the_command(result: str) -> None:
    def call(*args: str) -> str:
        done = CliRunner().invoke(cli, ["calibrate", result, *args], catch_exceptions=False)
        assert done.exit_code == 0
        return done.output

    assert ">= 0 to 3" in call("--stage", "gopher_quality")
    assert "<= 4 " in call("--stage", "gopher_quality", "--language", "fr")
    assert "Kept, by gopher_quality_limits" in call("--by", "gopher_quality_limits", "--set", "length.max_words=9")
    assert "A run keeps" in call()
    changed = call("--set", "length.min_words=1", "--set", "gopher_quality.min_words=1")
    assert "Kept, by language" in changed
    assert "No document is unsure." in changed
    assert json.loads(call("--json", "-l", "en"))["documents"][EVERY] > 0
    with pytest.raises(BeamsiftError):
        call("--set", "length.min_words")


def test_a_column_language_of_lists_is_not_that_of_the_language(tmp_path: Path) -> None:
    output = write_result(tmp_path, TEXTS, [("length", {"min_words": 8})])
    for path in Path(output, "shards").iterdir():
        table = pq.read_table(path)
        pq.write_table(table.append_column("language", pa.array([["de", "en"]] * len(table))), path)
    assert calibrate(output)["by"] is None
    manifest = json.loads(Path(output, "manifest.json").read_text())
    assert language_column(Result(output, {**manifest, "stages": []})) is None


def test_values_of_a_corpus_are_no_markup(tmp_path: Path) -> None:
    output = write_result(tmp_path, TEXTS, [("length", {"min_words": 8})])
    for path in Path(output, "shards").iterdir():
        table = pq.read_table(path)
        table = table.append_column("[source]", pa.array(["[/x] :smile:", "[red]a"] * 10, pa.string())[: len(table)])
        pq.write_table(table, path)
    done = CliRunner().invoke(
        cli, ["calibrate", output, "--by", "[source]", "--set", "length.min_words=1"], catch_exceptions=False
    )
    assert "[/x] :smile:" in done.output and "[red]a" in done.output
    assert "Kept, by [source]" in done.output and done.output.count("[source]") == 2


@pytest.mark.parametrize(
    ("width", "shown", "left_out"), [(64, "first %", "50 %"), (80, "50 %", "1 to 99 %"), (120, "90 %", "…")]
)
def test_no_number_is_cut_off_on_a_narrow_terminal(result: str, width: int, shown: str, left_out: str) -> None:
    console = Console(width=width, file=io.StringIO(), color_system=None)
    show(calibrate(result, changes=["length.min_words=1"], stages=["gopher_repetition"]), console)
    output = console.file.getvalue()  # type: ignore[attr-defined]
    table = output[: output.index("Documents dropped")]
    assert shown in table and left_out not in table and "…" not in table
    assert "duplicate_paragraph_chars" in table
    assert max(map(len, output.splitlines()[:-3])) <= width


def test_what_a_limit_drops_is_coloured(result: str) -> None:
    console = Console(width=120, file=io.StringIO(), force_terminal=True, color_system="standard")
    show(calibrate(result, changes=["length.min_words=60"], stages=["length"]), console)
    (line,) = (line for line in console.file.getvalue().splitlines() if ">= 60" in line)  # type: ignore[attr-defined]
    red = "".join(part.split("\x1b[0m")[0] for part in line.split("\x1b[31m")[1:])
    bars = [char for char in line if char in "▁▂▃▄▅▆▇█"]
    assert "▇" in red or "█" in red
    assert 0 < sum(char in "▁▂▃▄▅▆▇█" for char in red) < len(bars)


Runner = Callable[..., tuple[dict[str, Any], Path]]


def test_deduplication_is_judged_again_as_far_as_is_known(tmp_path: Path, run_recipe: Runner) -> None:
    texts = ["copy of a text with some words", "copy of a text with  some words", "two words", "two  words"]
    texts += ["copy of a text with some  words", "one two three four five", "one two three four five "]
    raw = tmp_path / "raw.jsonl"
    raw.write_text("".join(json.dumps({"text": text, "n": n}) + "\n" for n, text in enumerate(texts)))

    def recipe(least: int, most: int, later: int) -> dict[str, Any]:
        stages = [
            {"length": {"min_words": least, "max_chars": most}},
            {"exact_dedup": {"keep": [{"best": "n"}]}},
            {"length": {"min_words": later}, "id": "later"},
        ]
        return {"input": {"paths": str(raw)}, "stages": stages}

    _, output = run_recipe(recipe(3, 99, 6), annotate_only=True)
    # What copies were compared with, more that were not compared, a survivor that leaves before it is compared.
    for limits, unsure in (((6, 99, 9), 0), ((2, 99, 1), 2), ((3, 30, 1), 1)):
        named = zip(("length.min_words", "length.max_chars", "later.min_words"), limits, strict=True)
        found = calibrate(str(output), changes=[f"{name}={limit}" for name, limit in named])
        manifest, _ = run_recipe(recipe(*limits), name="run-" + "-".join(map(str, limits)))
        ran = {
            (step["id"], reason): count["documents"]
            for step in manifest["stages"]
            for reason, count in step["dropped"].items()
        }
        assert found["unsure"] == unsure, limits
        off = sum(abs(ran.get(key, 0) - told(found, "now").get(key, 0)) for key in {*ran, *told(found, "now")})
        assert off <= 2 * unsure, (limits, ran, told(found, "now"))
        assert told(found, "run") == {
            ("length", "too_few_words"): 2,
            ("exact_dedup", "exact_duplicate"): 3,
            ("later", "too_few_words"): 1,
        }
