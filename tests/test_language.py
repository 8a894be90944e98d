"""The language stage: one label space, aliases, pieces of long texts, foreign lines, bounds from both sides."""

import fasttext
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from filters.catalog import FILTERS
from filters.chain import KEY, NOTE, Stage, run_stages
from filters.contract import prepared_state
from filters.errors import RecipeError
from filters.kernels.language import count_letters, long_lines, sample_pieces
from filters.kernels.unicode_table import load_table
from filters.language import SPREAD_PIECES, LanguageParams, least_scores, prepare
from filters.language_codes import canonical_code, resolve_codes
from filters.language_model import load_model, small_model_path
from filters.quality.bounds import FELL_TO_DEFAULT
from filters.texts import as_text_array, text_buffers
from tests.fasttext_files import Recipe, write_model
from tests.language_labels import GLOTLID_LIKE
from tests.reference import kind
from tests.strategies import AWKWARD, texts

ENGLISH = "The committee published its report on the water supply of the city in the spring of that year."
GERMAN = "Der Ausschuss veröffentlichte seinen Bericht über die Wasserversorgung der Stadt im Frühling jenes Jahres."
CHINESE = "委员会在那年春天发表了关于城市供水的报告，其中详细说明了各个地区的情况和今后的计划。"


def stage(**params):
    return Stage("language", "language", LanguageParams(**params))


def run(some, **params):
    keys = pa.array(range(len(some)), pa.int64())
    batch = pa.record_batch({KEY: keys, "text": pa.array(some, pa.large_string())})
    return run_stages(batch, [stage(**params)], "text")


def measured(some, **params):
    parameters = LanguageParams(**params)
    state = prepared_state(FILTERS["language"], parameters)
    found = FILTERS["language"].measure(as_text_array(some), None, state)
    assert {k: v.type for k, v in found.items()} == dict(FILTERS["language"].columns(parameters))
    return {k: v.to_pylist() for k, v in found.items()}


def small_model(path, *labels):
    """A model of random numbers with these labels, of two letters."""
    raw = write_model(path, Recipe(labels=len(labels))).read_bytes()
    for k, label in enumerate(labels):
        raw = raw.replace(f"__label__a{chr(97 + k)}".encode(), f"__label__{label}".encode())
    path.write_bytes(raw)
    return str(path)


def test_aliases_let_the_same_texts_pass():
    some = [ENGLISH, GERMAN, CHINESE]
    for allow in (["en", "zh"], ["eng", "zho"], ["eng_Latn", "zh-Hans"], ["EN", "cmn"]):
        assert run(some, allow=allow).kept["language"].to_pylist() == ["en", "zh"]


def test_names_are_canonical_whatever_the_model_calls_them(tmp_path):
    state = prepare(LanguageParams(model=small_model(tmp_path / "m.bin", "tl", "iw", "sh", "in")))
    assert state.codes == ("fil", "he", "sh", "id", "und")
    assert resolve_codes(["tl", "fil"], state.model.labels, "m") == {"fil"}


def test_a_model_with_labels_of_glotlid_s_shape_is_read_and_answers_in_our_codes(tmp_path):
    path = write_model(tmp_path / "glotlid.bin", Recipe(labels=len(GLOTLID_LIKE)))
    raw = path.read_bytes()
    for k, label in enumerate(GLOTLID_LIKE):
        old = f"__label__a{chr(97 + k)}\0".encode()
        assert raw.count(old) == 1
        raw = raw.replace(old, f"__label__{label}\0".encode())
    path.write_bytes(raw)
    library = fasttext.load_model(str(path))
    some = [ENGLISH, GERMAN, CHINESE, "и сад", "water", "عام"]
    found = measured(some, model=str(path))
    for text, code, score in zip(some, found[""], found["score"], strict=True):
        ((label,), (probability,)) = library.predict(text)
        assert code == canonical_code(label.removeprefix("__label__"))
        assert score == pytest.approx(min(probability, 1.0), abs=6e-5)
    first = canonical_code(library.predict(ENGLISH)[0][0].removeprefix("__label__"))
    assert run([ENGLISH], model=str(path), allow=[first]).kept["language"].to_pylist() == [first]
    with pytest.raises(RecipeError, match="deu_Latn"):
        prepare(LanguageParams(model=str(path), allow=["deu_Latn"]))


# What is read


def letters_of(text):
    return sum(kind(char) != "separator" and char not in "0123456789" for char in text)


def twin_pieces(text, max_chars, pieces):
    """The characters that are read, piece by piece."""
    if pieces == 1 or len(text) <= max_chars:
        return [text[:max_chars]] + [""] * (pieces - 1)
    size = max(max_chars // pieces, 1)
    begins = [(len(text) - size) * p // (pieces - 1) for p in range(pieces)]
    return [text[b : b + size] for b in begins]


@given(st.lists(texts, max_size=5), st.integers(1, 40), st.sampled_from([1, 2, 5]), st.integers(0, 9))
def test_pieces_are_those_of_the_twin(some, max_chars, pieces, enough):
    offsets, data = text_buffers(as_text_array(some))
    starts, stops = np.empty((2, len(some) * pieces), np.int64)
    letters = np.empty(len(some), np.int64)
    sample_pieces(offsets, data, load_table(), max_chars, pieces, enough, starts, stops, letters)
    raw = data.tobytes()
    found = [raw[a:b].decode() for a, b in zip(starts.tolist(), stops.tolist(), strict=True)]
    expected = [piece for text in some for piece in twin_pieces(text, max_chars, pieces)]
    if max_chars >= pieces:
        assert found == expected
    for row, text in enumerate(some):
        read = "".join(found[row * pieces : (row + 1) * pieces])
        assert letters[row] == min(enough, letters_of(read)), text


@given(st.lists(texts, max_size=4), st.integers(1, 8), st.integers(1, 30))
def test_lines_are_those_of_the_twin(some, min_letters, max_chars):
    offsets, data = text_buffers(as_text_array(some))
    table = load_table()
    rows, starts, stops, letters = np.empty((4, 999), np.int64)
    found = long_lines(offsets, data, table, min_letters, max_chars, rows, starts, stops, letters)
    raw = data.tobytes()
    got = [
        (r, raw[a:b].decode(), n)
        for r, a, b, n in zip(rows[:found].tolist(), starts.tolist(), stops.tolist(), letters.tolist(), strict=False)
    ]
    assert got == [
        (row, line[:max_chars], letters_of(line))
        for row, text in enumerate(some)
        for line in text.split("\n")
        if letters_of(line) >= min_letters
    ]
    for text in some:
        raw = text.encode()
        assert count_letters(np.frombuffer(raw, np.uint8), 0, len(raw), table, 10**9) == letters_of(text)


def test_spread_reads_all_over_a_long_text():
    """A menu of 1,000 characters in English before 20,000 of German: the beginning says English, the whole does not."""
    menu, body = ENGLISH * 11, GERMAN * 200
    assert measured([menu + body])[""] == ["en"]
    assert measured([menu + body], sample="spread")[""] == ["de"]
    assert measured([GERMAN], sample="spread") == measured([GERMAN])
    assert SPREAD_PIECES == 5


@pytest.mark.parametrize("sample", ["beginning", "spread"])
def test_awkward_texts_have_a_language_and_a_probability(sample):
    found = measured([*AWKWARD, "x" * 1_000_000, "</s>", "__label__en"], sample=sample, top=3, lines={})
    assert all(isinstance(code, str) and code for code in found[""])
    assert all(0 <= score <= 1 for score in found["score"])
    assert all(share is None or 0 <= share <= 1 for share in found["foreign"])
    for code, score, top in zip(found[""], found["score"], found["top"], strict=True):
        assert (top == []) == (code == "und")
        assert [t["score"] for t in top] == sorted((t["score"] for t in top), reverse=True)
        assert not top or top[0] == {"language": code, "score": score}


@pytest.mark.parametrize("text", ["", " ", "\u3000\n", "12 345", "😀 😀😀", "—…!?", "\x00", "</s>", "\u200b\u202e"])
def test_a_text_without_a_letter_has_no_language(text):
    assert measured([text], top=2, lines={}) == {"": ["und"], "score": [0.0], "top": [[]], "foreign": [None]}


def test_both_sides_of_the_least_letters():
    assert measured(["Ein Haus 99"], min_letters=7)[""] == ["de"]
    assert measured(["Ein Haus 99"], min_letters=8)[""] == ["und"]
    assert measured(["一二三四五"], min_letters=5)[""] != ["und"]
    # Letters that are not read do not count.
    assert measured(["Ein Haus"], min_letters=4, max_chars=3)[""] == ["und"]


def test_combining_marks_and_surrogate_edges_are_read():
    edges = "\ud7ff\ue000\uffff\U00010000\U0010ffff"
    assert measured([edges + GERMAN, "a\u0300\u0301" * 50, edges])[""][0] == "de"


# Judging


def test_both_sides_of_a_language_s_own_minimum():
    (score,) = measured([GERMAN])["score"]
    for limit, kept in ((score, 1), (min(score + 0.0001, 1.0), 0 if score < 1 else 1)):
        applied = run([GERMAN], min_score=0.99, min_scores={"deu": limit})
        assert len(applied.kept) == kept
    rows = run(["12", GERMAN], min_score=0.5, min_scores={"de": 1.0}).rejects.to_pylist()
    assert [(row["reason"], row["value"], row["threshold"]) for row in rows] == [
        ("language_uncertain", 0.0, 0.5),
        ("language_uncertain", score, 1.0),
    ]


def test_minima_come_from_the_recipe_then_from_a_table_then_for_all(tmp_path):
    path = small_model(tmp_path / "m.bin", "zh", "sr", "de", "xh")
    model = load_model(path)

    def least(**params):
        return dict(least_scores(LanguageParams(model=path, min_score=0.1, **params), model))

    assert least(min_scores={"zho": 0.6}) == {"zh": 0.6}  # without a script: that of every script
    assert least(limits="fineweb2") == {"zh": 0.692, "sr": 0.872, "de": 0.821}
    assert least(limits="fineweb2", min_scores={"de": 0.3, "xh": 0.2}) == {
        "zh": 0.692,
        "sr": 0.872,
        "de": 0.3,
        "xh": 0.2,
    }
    (tmp_path / "own.yaml").write_text("cmn_Hani: {score: 0.25}\nen: {score: 0.5}\nsr: {min_score: null}\n")
    assert least(limits=str(tmp_path / "own.yaml")) == {"zh": 0.25, "sr": None}
    noted = run([CHINESE, "12", "и сад"], model=path, limits=str(tmp_path / "own.yaml")).tally.documents
    others = [code for code in measured([CHINESE, "и сад"], model=path)[""] if code not in ("zh", "sr")]
    assert noted["language", NOTE + FELL_TO_DEFAULT] == len(others)
    (score,) = measured([CHINESE], model=path)["score"]
    (code,) = measured([CHINESE], model=path)[""]
    assert len(run([CHINESE], model=path, min_scores={code: score}).kept) == 1
    assert len(run([CHINESE], model=path, min_scores={code: score + 0.001}).kept) == 0


def test_lines_in_another_language_are_measured_and_judged():
    mixed = "\n".join([GERMAN, ENGLISH, GERMAN, "kurz", "Home"])
    letters = {line: letters_of(line) for line in (GERMAN, ENGLISH)}
    expected = letters[ENGLISH] / (2 * letters[GERMAN] + letters[ENGLISH])
    (share,) = measured([mixed], lines=True)["foreign"]
    assert share == pytest.approx(expected)
    assert measured([GERMAN, "kurz", ENGLISH + "\r\n\n" + ENGLISH], lines={})["foreign"] == [0.0, None, 0.0]
    assert len(run([mixed], lines={"max_foreign": share}).kept) == 1
    (row,) = run([mixed], lines={"max_foreign": share - 0.001}).rejects.to_pylist()
    assert (row["reason"], row["value"]) == ("mixed_languages", share)


def test_a_line_counts_as_foreign_only_if_it_is_long_and_sure():
    mixed = GERMAN + "\n" + ENGLISH
    assert measured([mixed], lines={"min_letters": letters_of(ENGLISH) + 1})["foreign"] == [0.0]
    assert measured([mixed], lines={"min_score": 1.0})["foreign"] == [0.0]


@given(st.lists(texts, max_size=6), st.integers(0, 6))
def test_a_batch_may_be_cut_anywhere(some, cut):
    params = {"sample": "spread", "max_chars": 20, "top": 2, "lines": {"min_letters": 3}, "min_scores": {"en": 0.5}}
    whole, parts = measured(some, **params), [measured(some[:cut], **params), measured(some[cut:], **params)]
    assert whole == {name: parts[0][name] + parts[1][name] for name in whole}


def test_a_slice_of_a_batch_is_read_as_it_stands():
    array = as_text_array([CHINESE, ENGLISH, "a\nb", GERMAN])
    state = prepared_state(FILTERS["language"], LanguageParams(lines={}, sample="spread", max_chars=50))
    measure = FILTERS["language"].measure
    assert measure(array.slice(1, 3), None, state)[""].to_pylist() == measure(array, None, state)[""].to_pylist()[1:]
    assert measure(array.slice(0, 0), None, state)[""].to_pylist() == []


@pytest.mark.parametrize(
    "wrong",
    [{"top": -1}, {"sample": "middle"}, {"min_letters": -1}, {"min_scores": {"en": 2}}, {"lines": {"min_letter": 3}},
     {"lines": {"max_foreign": 1.1}}, {"lines": 3}],
)  # fmt: skip
def test_impossible_parameters_are_refused(wrong):
    with pytest.raises(ValidationError):
        LanguageParams(**wrong)


@pytest.mark.corpus
def test_accuracy_on_labelled_texts_does_not_sink(corpora):
    """Of texts of 100 characters and more in languages of the model, 83 % are told right today (docs/language.md)."""
    table = pq.read_table(corpora / "lid" / "lid.parquet")
    known = {canonical_code(label) for label in load_model(None).labels}
    rows = [(t, canonical_code(x)) for t, x in zip(table["text"].to_pylist(), table["lang"].to_pylist(), strict=True)]
    rows = [(text, code) for text, code in rows if code in known and len(text) >= 100]
    found = measured([text for text, _ in rows])[""]
    right = sum(code == answer for (_, code), answer in zip(rows, found, strict=True))
    assert len(rows) > 1000 and right / len(rows) > 0.82, right / len(rows)


def test_the_small_model_is_the_installed_one():
    assert small_model_path().name == "lid.176.ftz"
