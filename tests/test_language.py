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
from filters.chain import KEY, Stage, run_stages
from filters.contract import prepared_state
from filters.errors import RecipeError
from filters.kernels.language import count_letters, long_lines, sample_pieces
from filters.kernels.unicode_table import load_table
from filters.language import SPREAD_PIECES, LanguageParams, prepare
from filters.language_codes import canonical_code, resolve_code, resolve_codes
from filters.language_model import load_model, small_model_path
from filters.texts import as_text_array, text_buffers
from tests.fasttext_files import Recipe, write_model
from tests.reference import kind
from tests.strategies import AWKWARD, texts

ENGLISH = "The committee published its report on the water supply of the city in the spring of that year."
GERMAN = "Der Ausschuss veröffentlichte seinen Bericht über die Wasserversorgung der Stadt im Frühling jenes Jahres."
CHINESE = "委员会在那年春天发表了关于城市供水的报告，其中详细说明了各个地区的情况和今后的计划。"
GLOTLID_LIKE = (
    "eng_Latn",
    "srp_Cyrl",
    "srp_Latn",
    "arb_Arab",
    "arz_Arab",
    "cmn_Hani",
    "nob_Latn",
    "zxx_Zxxx",
    "twi_Latn",
)


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


# Codes


@pytest.mark.parametrize(
    ("label", "code"),
    [
        # Two letters where there are two, macrolanguages as CLDR has them.
        ("en", "en"), ("eng", "en"), ("eng_Latn", "en"), ("arb_Arab", "ar"), ("pes_Arab", "fa"), ("swh_Latn", "sw"),
        ("zsm_Latn", "ms"), ("ekk_Latn", "et"), ("lvs_Latn", "lv"), ("npi_Deva", "ne"), ("ory_Orya", "or"),
        ("iw", "he"),
        # Not the macrolanguage: what is written and read apart stays apart.
        ("arz_Arab", "arz"), ("yue_Hant", "yue"), ("nob_Latn", "nb"), ("nno_Latn", "nn"), ("ckb_Arab", "ckb"),
        # The usual script is left out, another is not.
        ("srp_Cyrl", "sr"), ("srp_Latn", "sr-Latn"), ("zho_Hans", "zh"), ("zho_Hant", "zh-Hant"), ("cmn_Hani", "zh"),
        ("kor_Hang", "ko"), ("jpn_Jpan", "ja"), ("uzn_Latn", "uz"), ("uzn_Cyrl", "uz-Cyrl"), ("azj_Latn", "az"),
        ("kas_Deva", "ks-Deva"), ("mni_Beng", "mni"), ("aai_Latn", "aai"), ("hin_Latn", "hi-Latn"),
        # Wikipedia's codes in lid.176, and what is no language.
        ("als", "gsw"), ("als_Latn", "sq"), ("sh", "sh"), ("hbs_Latn", "sh"), ("tl", "fil"), ("bh", "bho"),
        ("eml", "eml"),
        ("und_Latn", "und-Latn"), ("zxx_Zxxx", "zxx-Zxxx"), ("hq", "hq"), ("wiki page", "wiki page"), ("", ""),
    ],
)  # fmt: skip
def test_a_label_has_one_code(label, code):
    assert canonical_code(label) == code
    assert canonical_code(code) == code


def test_labels_of_the_small_model_stay_apart():
    labels = load_model(None).labels
    assert len(labels) == len({canonical_code(label) for label in labels}) == 176


@pytest.mark.parametrize(
    ("code", "labels", "stands_for"),
    [
        ("eng", GLOTLID_LIKE, {"en"}), ("en", GLOTLID_LIKE, {"en"}), ("eng_Latn", GLOTLID_LIKE, {"en"}),
        ("EN-latn", GLOTLID_LIKE, {"en"}), ("sr", GLOTLID_LIKE, {"sr", "sr-Latn"}),
        ("sr-Latn", GLOTLID_LIKE, {"sr-Latn"}),
        ("sr-Cyrl", GLOTLID_LIKE, {"sr"}), ("srp_Latn", GLOTLID_LIKE, {"sr-Latn"}), ("ar", GLOTLID_LIKE, {"ar"}),
        ("arz", GLOTLID_LIKE, {"arz"}), ("zh", GLOTLID_LIKE, {"zh"}), ("und", GLOTLID_LIKE, {"und"}),
        ("als", ("als", "sq"), {"gsw"}), ("als", ("gsw_Latn", "als_Latn"), {"sq"}),
        ("zh", ("zho_Hans", "zho_Hant"), {"zh", "zh-Hant"}),
        ("zh-Hans", ("zho_Hans", "zho_Hant"), {"zh"}), ("hq", ("hq", "cc"), {"hq"}),
    ],
)  # fmt: skip
def test_a_code_of_a_recipe_stands_for_labels(code, labels, stands_for):
    assert resolve_code(code, labels, "m.bin") == stands_for


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("nb", "did you mean no"), ("zh-Hant", "did you mean zh"), ("pt-BR", "did you mean pt"),
        ("xx", "'xx' is no language code"),
        ("english", "did you mean en"), ("gremlin", "is no language code"), ("tlh", "'tlh'"),
        ("", "'' is no language code"),
        ("en en", "is no language code"),
    ],
)  # fmt: skip
def test_a_code_that_cannot_be_is_refused_with_a_near_one(code, message):
    for params in ({"allow": ("de", code)}, {"min_scores": {code: 0.5}}):
        with pytest.raises(RecipeError) as refused:
            prepare(LanguageParams(**params))
        assert message in str(refused.value)


def test_aliases_let_the_same_texts_pass():
    some = [ENGLISH, GERMAN, CHINESE]
    for allow in (["en", "zh"], ["eng", "zho"], ["eng_Latn", "zh-Hans"], ["EN", "cmn"]):
        assert run(some, allow=allow).kept["language"].to_pylist() == ["en", "zh"]


def test_names_are_canonical_whatever_the_model_calls_them(tmp_path):
    path = write_model(tmp_path / "m.bin", Recipe(labels=4))  # labels aa, ab, ac, ad
    raw = path.read_bytes()
    for old, new in ((b"aa", b"tl"), (b"ab", b"iw"), (b"ac", b"sh"), (b"ad", b"in")):
        raw = raw.replace(b"__label__" + old, b"__label__" + new)
    path.write_bytes(raw)
    state = prepare(LanguageParams(model=str(path)))
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


def test_the_margin_is_the_score_less_the_language_s_own_minimum():
    (score,) = measured([GERMAN])["score"]
    for limit, kept in ((score, 1), (min(score + 0.0001, 1.0), 0 if score < 1 else 1)):
        applied = run([GERMAN], min_score=0.99, min_scores={"deu": limit})
        assert len(applied.kept) == kept
    found = measured([GERMAN, ENGLISH, ""], min_score=0.25, min_scores={"de": 0.5})
    expected = [found["score"][0] - 0.5, found["score"][1] - 0.25, -0.25]
    assert found["margin"] == pytest.approx(expected, abs=1e-9)
    (row,) = run(["12"], min_score=0.5, min_scores={"de": 0.1}).rejects.to_pylist()
    assert (row["reason"], row["value"], row["threshold"]) == ("language_uncertain", -0.5, 0.0)


def test_a_minimum_without_a_script_is_that_of_every_script(tmp_path):
    path = write_model(tmp_path / "m.bin", Recipe(labels=3))
    raw = path.read_bytes()
    for old, new in ((b"aa", b"zh"), (b"ab", b"sr"), (b"ac", b"en")):
        raw = raw.replace(b"__label__" + old, b"__label__" + new)
    path.write_bytes(raw)
    state = prepare(LanguageParams(model=str(path), min_score=0.1, min_scores={"zho": 0.6}))
    assert state.min_scores.tolist() == [0.6, 0.1, 0.1, 0.1]


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
