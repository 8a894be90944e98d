"""Calibration: judging again by columns is running again; distributions are those of the numbers."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.catalog import FILTERS
from filters.contract import Filter, prepared_state
from filters.distribution import Distributions, buckets_of, value_of
from filters.errors import BeamsiftError, OutputError, RecipeError
from pipeline.calibration import EVERY, calibrate
from pipeline.cli.main import cli
from tests.annotated_results import Named, batch_of, dropped_by, write_result
from tests.strategies import word_texts

LINES = "The end of the line is here. It has a few words in it."
TEXTS = [
    "short",
    "The cat sat on the mat and that was it for the day, with all to be said of it. " * 3,
    "Der Hund und die Katze sind im Haus, und sie haben dort das Essen von der Frau. " * 4,
    "- one\n- two\n- three\n- four\n",
    "# # # a # b #",
    "\n".join([LINES] * 6),
    f"{LINES}\nTwo lines of it... and {{ a bracket",
    "Le chat est dans la maison et il ne veut pas sortir de la pièce où il dort. " * 2,
    "11 22 33 44 55 66 77 88 99",
    "",
    "你好，世界。这是一个测试。" * 5,
]
STAGES: Named = [
    ("language", {"min_score": 0.3}),
    ("gopher_repetition", {"limits": "fineweb2"}),
    ("gopher_quality", {"limits": "fineweb2", "min_words": 10}),
    ("fineweb_quality", {}),
    ("pii", {"max_per_1000_words": {"email": 5}}),
    ("length", {"min_words": 8}),
]

changes = st.lists(
    st.one_of(
        st.tuples(st.just("language.min_score"), st.floats(0, 1)),
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
            inner[part] = dict(inner[part])
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
        ("length", "stage.param=value"),
        ("length=3", "stage.param=value"),
        ("lenght.min_words=3", "did you mean 'length'"),
        ("length.min_wrods=3", "did you mean 'min_words'"),
        ("length.min_words=many", "min_words"),
        ("length.min_words=[", "length.min_words"),
        ("language.model=lid.bin", "model is no limit"),
        ("language.max_chars=10", "max_chars is no limit"),
        ("gopher_quality.stop_words=[a]", "stop_words is no limit"),
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
    assert found["language_column"] == "language"
    assert sum(n for name, n in found["documents"].items() if name != EVERY) == len(TEXTS)
    (words,) = (one for one in found["statistics"] if one["column"] == "length_words")
    assert {name: one["rows"] for name, one in words["languages"].items()} == found["documents"]
    assert [row["statistic"] for row in found["rules"] if row["stage"] == "length"] == ["words"]
    rule = next(row for row in found["rules"] if row["reason"] == "words_too_long")
    assert rule["limit"]["by"] == "gopher_quality_limits"
    assert rule["limit"]["deu_Latn"] != rule["limit"]["default"]
    for row in found["rules"]:
        assert row["first"][EVERY] <= row["alone"][EVERY] == sum(n for k, n in row["alone"].items() if k != EVERY)
    few = next(row for row in found["rules"] if row["reason"] == "too_few_words" and row["stage"] == "length")
    counted = pa.concat_tables([pq.read_table(path) for path in sorted(Path(result, "shards").iterdir())])
    assert few["alone"][EVERY] == sum(n < 8 for n in counted["length_words"].to_pylist())
    german = calibrate(result, languages=["de"])
    assert german["documents"] == {EVERY: found["documents"]["de"], "de": found["documents"]["de"]}
    assert german["kept"]["run"][EVERY] == found["kept"]["run"].get("de", 0)
    assert {one["stage"] for one in calibrate(result, stages=["length"])["statistics"]} == {"length"}


finite = st.floats(allow_nan=False, allow_infinity=False)


@given(finite, finite)
def test_buckets_are_in_the_order_of_numbers(one: float, other: float) -> None:
    low, high = sorted((one, other))
    found = buckets_of(np.array([low, high]))
    assert found[0] <= found[1]
    for value, back in zip((low, high), value_of(found), strict=True):
        assert back == value or (abs(value - back) <= abs(value) / 1024 or abs(value) < 1e-300)
        assert abs(back) <= abs(value)


@given(st.lists(st.integers(0, 2047) | st.none(), min_size=1, max_size=60), st.integers(1, 5), st.floats(0, 1))
def test_quantiles_are_numpy_s(values: list[int | None], groups: int, share: float) -> None:
    found = Distributions()
    column = pa.array(values, pa.int64())
    group = np.arange(len(values)) % groups
    cut = len(values) // 2
    for part in (slice(0, cut), slice(cut, None)):
        found.add("x", column[part], group[part], [str(n) for n in range(groups)])
    whole = found.total("x")
    known = [value for value in values if value is not None]
    assert (whole.rows, whole.nulls) == (len(known), len(values) - len(known))
    expected = np.quantile(known, share, method="inverted_cdf") if known else None
    assert whole.quantiles([share]) == [expected]
    assert sum(whole.bars(0, 100, 7)) == len(known)


OTHERS: dict[str, dict[str, Any]] = {
    "blocklist": {"action": "measure", "max_hits": 3},
    "blocklist_lines": {"max_share": 0.5},
    "classifier": {"threshold": 0.5, "keep": "below"},
    "url_blocklist": {"action": "measure", "max_soft_words": 3},
}
"""Limits of stages that need files or other columns: listed, and their stages are looked at by `columns` alone."""


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_limits_change_no_measurement(name: str) -> None:
    """Each parameter that is called a limit is one: what a stage measures and writes does not depend on it."""
    kind = FILTERS[name]
    if name in OTHERS:
        given = {"classifier": {"model": "m", "label": "l"}, "url_blocklist": {"domains": ["a.org"]}}.get(
            name, {"path": "p"}
        )
        plain, other = kind.Params(**given), kind.Params(**given, **OTHERS[name])
        assert set(OTHERS[name]) <= set(kind.limits(plain)) <= set(kind.Params.model_fields)
        assert dict(kind.columns(plain)) == dict(kind.columns(other))
        return
    special = {"allow": ["de"], "lines.max_foreign": None, "max_per_1000_words": {"email": 7}}
    base = {"max_per_1000_words": {"email": 1}} if name == "pii" else {}
    plain = kind.Params(**base)
    limits = [limit for limit in kind.limits(plain) if special.get(limit, 0) is not None]
    changed = kind.Params(**{**base, **{limit: special.get(limit, 1) for limit in limits}})
    assert not limits or changed != plain
    if not isinstance(kind, Filter) and not kind.edits_dropped:
        return  # what it measures of documents that it keeps is judged by the tests above
    outcomes = []
    for params in (plain, changed):
        texts = batch_of(TEXTS)["text"].cast(pa.large_string())
        state = prepared_state(kind, params)
        if isinstance(kind, Filter):
            outcomes.append((kind.measure(texts, batch_of(TEXTS), state), None))
        else:
            made = kind.rewrite(texts, batch_of(TEXTS), state)
            outcomes.append((made.columns, made.texts))
    assert outcomes[0] == outcomes[1]


def test_a_score_measured_against_minima_is_no_column_for_others() -> None:
    params = FILTERS["language"].Params
    assert "min_score" in FILTERS["language"].limits(params())
    assert "min_score" not in FILTERS["language"].limits(params(min_scores={"de": 0.5}))


def test_the_command(result: str) -> None:
    def call(*args: str) -> str:
        done = CliRunner().invoke(cli, ["calibrate", result, *args], catch_exceptions=False)
        assert done.exit_code == 0
        return done.output

    assert "by language" in call("--stage", "gopher_quality")
    assert "A run keeps" in call()
    changed = call("--set", "length.min_words=1", "--set", "gopher_quality.min_words=1")
    assert "Kept, by language" in changed
    assert "No document is unsure." in changed
    assert json.loads(call("--json", "-l", "en"))["documents"][EVERY] > 0
    with pytest.raises(BeamsiftError):
        call("--set", "length.min_words")


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
