"""Tests of the quality filters as stages: shared statistics, cut batches, parameters that cannot be meant."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from filters.catalog import FILTERS
from filters.chain import KEY
from filters.contract import prepared_state
from filters.errors import RecipeError
from filters.kernels import lines as line_kernels
from filters.quality.statistics import StopWords, line_statistics
from filters.texts import as_text_array
from pipeline.recipe import parse_recipe
from pipeline.yaml_document import load_yaml
from tests.quality_stages import only, run, stage
from tests.strategies import texts


def test_statistics_are_made_once_for_a_chain_and_leave_no_trace(monkeypatch):
    made = []
    from filters.quality import statistics

    measure = statistics._measure
    monkeypatch.setattr(statistics, "_measure", lambda kernel, *rest: made.append(kernel) or measure(kernel, *rest))
    prose = [
        f"The woman with {n} of these animals and that kitten wanted to remain there, and nobody went with them."
        for n in range(9)
    ]
    pages = [f"{text} {text.upper()}" for text in prose] + ["of the a a a a a a a"]
    chain = [
        only("gopher_repetition", "max_top_2grams"),
        stage("gopher_quality", min_words=20, max_word_length=9),
        stage("fineweb_quality"),
    ]
    applied = run(pages, *chain)
    assert made.count(line_kernels.line_counts) == 1 and len(made) == 3  # lines, runs, words
    assert 0 < len(applied.kept) < len(pages)
    assert not any("\0" in name for name in applied.kept.schema.names)
    made.clear()
    alone = [run(pages, one).rejects for one in chain]
    assert len(made) == 2 + 2 + 2
    together = {row[KEY]: row["reason"] for row in applied.rejects.to_pylist()}
    for rejects in reversed(alone):
        for row in rejects.to_pylist():
            together.setdefault(row[KEY], row["reason"])
    first = {}
    for rejects in alone:
        for row in rejects.to_pylist():
            first.setdefault(row[KEY], row["reason"])
    assert together == first


def test_a_rewrite_between_makes_them_anew():
    text = "No end here\n" * 3 + "This line has an end and words enough. It has two sentences. Or three."
    applied = run(
        [text], only("fineweb_quality", None), stage("c4"), stage("fineweb_quality", id="again", max_short_lines=None)
    )
    assert applied.kept["fineweb_quality_lines"].to_pylist() == [4]
    assert applied.kept["again_lines"].to_pylist() == [1]


def test_a_stage_can_be_called_by_hand():
    kind = FILTERS["fineweb_quality"]
    params = kind.Params()
    found = kind.measure(as_text_array(["One.\nTwo"]), pa.record_batch({"x": [1]}), prepared_state(kind, params))
    assert found["terminal_lines"].to_pylist() == [0.5]
    assert line_statistics("datatrove").name.startswith("\0")


CHAIN = [
    stage("gopher_repetition", max_top_2grams=None, max_top_3grams=None, max_top_4grams=None),
    stage("c4", min_sentences=1, min_words=1),
    stage("gopher_quality", min_words=1, min_word_length=1, min_stop_words=None, limits="fineweb2"),
    stage("refinedweb_lines", max_removed_words=0.5, min_words=1),
    stage("fineweb_quality", max_short_lines=None, max_newlines=None, limits="fineweb2"),
]


@settings(max_examples=30)
@given(st.lists(texts, min_size=1, max_size=8), st.integers(1, 3))
def test_any_cut_of_a_batch_gives_the_same(text_list, size):
    languages = ["en", "zh", "xx", "th"] * 2
    whole = run(text_list, *CHAIN, languages=languages[: len(text_list)])
    parts = [
        run(text_list[i : i + size], *CHAIN, languages=languages[i : min(i + size, len(text_list))])
        for i in range(0, len(text_list), size)
    ]
    assert whole.kept["text"].to_pylist() == [text for part in parts for text in part.kept["text"].to_pylist()]
    names = [name for name in whole.kept.schema.names if name != KEY]
    joined = pa.Table.from_batches([part.kept for part in parts])
    assert joined.select(names).to_pylist() == pa.Table.from_batches([whole.kept]).select(names).to_pylist()
    documents = sum((part.tally.documents for part in parts), start=type(whole.tally.documents)())
    assert documents == whole.tally.documents


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("gopher_quality", {"min_word": 3}),
        ("gopher_quality", {"max_symbols": -1}),
        ("gopher_repetition", {"flavour": "nemo"}),
        ("c4", {"flavour": "x"}),
        ("fineweb_quality", {"limits": "fineweb3"}),
        ("gopher_quality", {"stop_words": []}),
    ],
)
def test_parameters_that_cannot_be_meant_are_refused(name, params):
    with pytest.raises(ValidationError):
        FILTERS[name].Params(**params)


def test_a_recipe_error_names_the_key():
    text = "input: {paths: a}\noutput: {path: b}\nstages:\n  - c4: {min_sentence: 2}\n"
    with pytest.raises(RecipeError, match=r"recipe.yaml:4: .*'min_sentence'; did you mean 'min_sentences'"):
        parse_recipe(load_yaml("recipe.yaml", text))


def test_too_many_stop_words():
    with pytest.raises(ValueError, match="at most 64"):
        StopWords({"x": [f"w{i}" for i in range(65)]}, "beamsift")
