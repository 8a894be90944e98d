"""Stage `classifier`: the library's own probabilities, both sides of the threshold, models that cannot be used."""

from __future__ import annotations

import functools
import hashlib

import fasttext
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from filters.catalog import FILTERS
from filters.chain import KEY, Stage, run_stages
from filters.classifier import ClassifierParams
from filters.errors import RecipeError
from filters.language_model import small_model_path
from tests.fasttext_files import KINDS, write_model
from tests.strategies import AWKWARD, texts

SMALL = str(small_model_path())
GREETING = "Good morning, how are you today my friend?"


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    return str(write_model(tmp_path_factory.mktemp("models") / "tiny.bin", KINDS["word n-grams"]))


def stage(**params):
    return Stage("classifier", "classifier", FILTERS["classifier"].Params(**params))


def run(some, one):
    columns = {KEY: pa.array(range(len(some)), pa.int64()), "text": pa.array(some, pa.large_string())}
    return run_stages(pa.record_batch(columns), [one], "text")


@functools.cache
def library(path):
    return fasttext.load_model(path).f


def by_library(path, text):
    """All labels and probabilities of one text, by the C++ library."""
    line = " ".join(text.replace("</s>", " ").replace("\0", " ").split())
    if not line:
        return {}
    found = library(path).predict(line + "\n", 1000, 0.0, "strict")
    return {label.removeprefix("__label__"): min(score, 1.0) for score, label in found}


def check(path, label, some):
    kept = run(some, stage(model=path, label=label)).kept
    for text, best, score in zip(some, *(kept[f"classifier{c}"].to_pylist() for c in ("", "_score")), strict=True):
        expected = by_library(path, text)
        if not expected:
            assert best is None and score is None
            continue
        assert score == pytest.approx(expected.get(label, 0.0), abs=2e-6)
        assert expected[best] == pytest.approx(max(expected.values()), abs=2e-6)


def test_scores_are_those_of_the_library_on_awkward_texts(tiny):
    check(tiny, sorted(by_library(tiny, "the"))[2], AWKWARD)
    check(SMALL, "en", [*AWKWARD[:20], GREETING])


@settings(max_examples=30)
@given(st.lists(texts, max_size=4))
def test_scores_are_those_of_the_library(tiny, some):
    check(tiny, sorted(by_library(tiny, "the"))[0], some)


@given(st.lists(texts, max_size=5), st.integers(0, 5))
@settings(max_examples=20)
def test_a_batch_may_be_cut_anywhere(tiny, some, cut):
    one = stage(model=tiny, label=sorted(by_library(tiny, "the"))[0], threshold=0.1)
    parts = [run(part, one).kept["text"].to_pylist() for part in (some[:cut], some[cut:])]
    assert run(some, one).kept["text"].to_pylist() == parts[0] + parts[1]


def test_both_sides_of_the_threshold_and_both_sides_kept():
    score = run([GREETING], stage(model=SMALL, label="en")).kept["classifier_score"][0].as_py()
    assert 0.3 < score < 1
    for keep, threshold, stays in [
        ("above", score, True), ("above", score + 1e-6, False), ("below", score, True), ("below", score - 1e-6, False),
    ]:  # fmt: skip
        applied = run([GREETING, ""], stage(model=SMALL, label="__label__en", threshold=threshold, keep=keep))
        assert len(applied.kept) == 1 + stays, (keep, threshold)
        reasons = applied.rejects["reason"].to_pylist()
        assert reasons == [] if stays else [f"classifier_score_too_{'low' if keep == 'above' else 'high'}"]


def test_more_labels_and_how_much_is_read():
    kept = run([GREETING + " Доброе утро, как дела" * 20], stage(model=SMALL, label="ru", more_labels=["en"])).kept
    assert kept["classifier"].to_pylist() == ["ru"] and kept["classifier_score_en"][0].as_py() < 0.3
    short = stage(model=SMALL, label="ru", more_labels=["en"], max_chars=len(GREETING))
    kept = run([GREETING + " Доброе утро, как дела" * 20], short).kept
    assert kept["classifier"].to_pylist() == ["en"] and kept["classifier_score"][0].as_py() < 0.1


def test_what_cannot_be_used_is_refused(tmp_path):
    prepare = FILTERS["classifier"].prepare
    with pytest.raises(RecipeError, match=r"absent\.bin does not exist"):
        prepare(ClassifierParams(model=str(tmp_path / "absent.bin"), label="x"))
    (tmp_path / "text.bin").write_text("not a model")
    with pytest.raises(RecipeError, match=r"text\.bin is not a fastText"):
        prepare(ClassifierParams(model=str(tmp_path / "text.bin"), label="x"))
    with pytest.raises(RecipeError, match=r"no label 'toxic'; it has 176: af, als"):
        prepare(ClassifierParams(model=SMALL, label="toxic"))
    right = hashlib.sha256(small_model_path().read_bytes()).hexdigest()
    assert prepare(ClassifierParams(model=SMALL, label="en", sha256=right)).model.labels
    with pytest.raises(RecipeError) as refused:
        prepare(ClassifierParams(model=SMALL, label="en", sha256="1" * 64))
    assert right in str(refused.value) and "1" * 64 in str(refused.value)
    with pytest.raises(ValidationError, match="share a column"):
        ClassifierParams(model=SMALL, label="en", more_labels=["a-b", "a_b"])
