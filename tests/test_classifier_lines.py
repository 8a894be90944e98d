"""Stage `classifier_lines`: the lines that the library's own scores would cut, what is told of them, budgets."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from filters import classifier_lines
from filters.catalog import FILTERS
from filters.chain import KEY, Stage, run_stages
from filters.classifier_lines import ClassifierLinesParams
from filters.kernels.unicode_table import load_table
from tests.fasttext_files import KINDS, write_model
from tests.strategies import AWKWARD, texts
from tests.test_classifier import by_library

LABEL = "ae"
LINES = ("the a\n", "это я\r\n", "und 漢字 the\n", "\n", "  \n", "1234 -- 5\n", "<a>\n", "the the und", "é")
some_lines = st.lists(st.sampled_from(LINES), max_size=8).map("".join)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(write_model(tmp_path_factory.mktemp("models") / "lines.bin", KINDS["word n-grams"]))


def stage(model, **params):
    params = {"keep": "below", "threshold": 0.4, **params}
    return Stage("cut", "classifier_lines", ClassifierLinesParams(model=model, label=LABEL, **params))


def run(some, one):
    columns = {KEY: pa.array(range(len(some)), pa.int64()), "text": pa.array(some, pa.large_string())}
    return run_stages(pa.record_batch(columns), [one], "text")


def is_letter(char):
    """Of the project's classes: letters, marks, numbers; here without ASCII digits."""
    return bool(load_table()[ord(char)] >> 24) and not "0" <= char <= "9"


def slowly(text, path, keep, threshold):
    """Text, spans of the cut lines and the worst score, by the library, line by line."""
    kept, cut, scores, at = [], [], [], 0
    for line in text.split("\n"):
        ended = line + "\n" if at + len(line) < len(text) else line
        found = by_library(path, line) if any(map(is_letter, line)) else {}
        score = round(found.get(LABEL, 0.0), 6) if found else None
        scores += [] if score is None else [score]
        goes = score is not None and (score > threshold if keep == "below" else score < threshold)
        cut += [(at, at + len(ended))] if goes else []
        kept += [] if goes else [ended]
        at += len(ended)
    return "".join(kept), cut, (max if keep == "below" else min)(scores, default=None)


@settings(max_examples=20)
@given(st.lists(st.one_of(some_lines, texts), max_size=4), st.sampled_from(["below", "above"]))
def test_lines_are_cut_as_the_twin_cuts_them(model, some, keep):
    one = stage(model, keep=keep)
    applied = run(some, one)
    expected = [slowly(text, model, keep, 0.4) for text in some]
    assert applied.kept["text"].to_pylist() == [text for text, _, _ in expected]
    edits = [(e[KEY], e["kind"], e["start"], e["end"]) for e in applied.edits.to_pylist()]
    assert edits == [(row, "line", *span) for row, (_, cut, _) in enumerate(expected) for span in cut]
    assert applied.kept["cut_lines"].to_pylist() == [len(cut) for _, cut, _ in expected]
    worst = applied.kept["cut_worst_score"].to_pylist()
    assert worst == [pytest.approx(score, abs=2e-6) if score is not None else None for *_, score in expected]
    again = run(applied.kept["text"].to_pylist(), one)
    assert len(again.edits) == 0 and again.kept["text"].equals(applied.kept["text"])
    parts = [run(part, one).kept["text"].to_pylist() for part in (some[:1], some[1:])]
    assert parts[0] + parts[1] == applied.kept["text"].to_pylist()


def test_the_lines_of_these_tests_are_cut_and_kept(model):
    """Else the twin would agree about nothing."""
    whole = "".join(LINES)
    for keep in ("below", "above"):
        left = run([whole], stage(model, keep=keep)).kept["text"][0].as_py()
        assert 0 < len(left) < len(whole)


def test_awkward_texts_and_many_lines_at_once(model, monkeypatch):
    one = stage(model)
    expected = [slowly(text, model, "below", 0.4)[0] for text in AWKWARD]
    assert run(AWKWARD, one).kept["text"].to_pylist() == expected
    monkeypatch.setattr(classifier_lines, "_LINES_AT_ONCE", 3)
    assert run(AWKWARD, one).kept["text"].to_pylist() == expected


def test_without_a_threshold_lines_are_only_scored_and_it_stays_itself(model):
    applied = run(["the a\n\n"], stage(model, threshold=None))
    score = applied.kept["cut_worst_score"][0].as_py()
    assert score == pytest.approx(by_library(model, "the a")[LABEL], abs=2e-6) and len(applied.edits) == 0
    for threshold, stays in ((score, True), (score - 1e-6, False)):
        assert (run(["the a\n\n"], stage(model, threshold=threshold)).kept["text"][0].as_py() == "the a\n\n") is stays


def test_short_lines_are_not_judged(model):
    short, long = "the a\n", "the a the a\n"
    one = stage(model, threshold=0.0, min_letters=8)
    assert run([short + long], one).kept["text"].to_pylist() == [short]


def test_budgets_drop_the_document(model):
    some = ["the a\n1\n1\n", "the a\nthe a\n1\n"]
    for budget, value in (({"max_lines": 1}, 2), ({"max_share": 0.6}, 12 / 14)):
        applied = run(some, stage(model, threshold=0.0, **budget))
        assert applied.kept["text"].to_pylist() == ["1\n1\n"]
        (row,) = applied.rejects.to_pylist()
        name = "too_many_lines_cut_by_classifier" if "max_lines" in budget else "too_much_cut_by_classifier"
        assert (row["reason"], row["value"]) == (name, value)


def test_what_cannot_be_meant_is_refused():
    parameters = FILTERS["classifier_lines"].Params
    with pytest.raises(ValidationError, match="keep"):
        parameters(model="m", label="l", threshold=0.5)
    with pytest.raises(ValidationError, match="without a threshold nothing is: add one"):
        parameters(model="m", label="l", keep="below", max_lines=3)
