"""Tests of row-wise stages: bounds from both sides, any cut of a batch, nothing lost, addresses beside any script."""

import itertools

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from filters.blocklist import BlocklistParams
from filters.catalog import FILTERS
from filters.chain import EDITS_LOG_SCHEMA, KEY, REJECTS_SCHEMA, Stage, run_stages
from filters.contract import Rewrite, Rule, judge, prepared_state
from filters.errors import RecipeError
from filters.language import LanguageParams
from filters.length import LengthParams
from filters.texts import as_text_array
from tests import reference
from tests.strategies import AWKWARD, texts


def stage(name, id=None, **params):
    return Stage(id or name, name, FILTERS[name].Params(**params))


TEXT = pa.large_string()


def batch_of(texts, kind=TEXT):
    """A batch with keys from 100, a text and a column of its own."""
    keys = pa.array(range(100, 100 + len(texts)), pa.int64())
    notes = pa.array(map(str, range(len(texts))), pa.string())
    return pa.record_batch({KEY: keys, "body": pa.array(texts, kind), "note": notes})


def run(texts, *stages, **options):
    return run_stages(batch_of(texts), stages, "body", **options)


def kept(texts, *stages):
    return run(texts, *stages).kept["body"].to_pylist()


def measured(name, texts, **params):
    """Columns of one stage by itself, through the list of all stages."""
    kind, array = FILTERS[name], as_text_array(texts)
    parameters = kind.Params(**params)
    state = prepared_state(kind, parameters)
    if isinstance(kind, Rewrite):
        found = kind.rewrite(array, batch_of(texts), state).columns
    else:
        found = kind.measure(array, batch_of(texts), state)
    assert {k: v.type for k, v in found.items()} == dict(kind.columns(parameters))
    return {k: v.to_pylist() for k, v in found.items()}


@pytest.fixture(scope="session")
def phrases(tmp_path_factory):
    """A blocklist in spaced and unspaced scripts."""
    path = tmp_path_factory.mktemp("lists") / "phrases.txt"
    path.write_text("# bad words\nBad Word\nbad\n\n  casino  \n赌场\n澳门赌场\nสล็อต\nstraße\n", encoding="utf-8")
    return str(path)


@pytest.fixture(scope="session")
def every_stage(phrases):
    return [
        stage("pii"),
        stage("length", min_chars=1, max_chars=5000, min_words=1, max_words=3000),
        stage("language", min_score=0.2),
        stage("blocklist", path=phrases, max_hits=1),
        stage("length", id="short", max_words=200),
    ]


# The contract, for every stage


def test_the_list_of_stages_knows_its_names():
    assert all(kind.name == name and kind.summary for name, kind in FILTERS.items())
    assert list(FILTERS) == sorted(FILTERS)


ADDRESSES = [
    "mail me@example.com now",
    "邮箱a@b.com，服务器8.8.8.8。",
    "2001:db8::1 and x@y.org and 1.1.1.1",
    "bad bad 赌场",
]
MANY = [*AWKWARD, None, *ADDRESSES, None, "bad word casino", "The cat sat on the mat."]


def applied_equal(whole, parts):
    for name in ("rejects", "edits"):
        joined = pa.concat_tables([getattr(part, name) for part in parts])
        order = [(KEY, "ascending")] if name == "rejects" else [(KEY, "ascending"), ("start", "ascending")]
        assert joined.sort_by(order).equals(getattr(whole, name).sort_by(order))
    assert (
        pa.Table.from_batches([part.kept for part in parts])
        .combine_chunks()
        .equals(pa.Table.from_batches([whole.kept]).combine_chunks())
    )
    documents, sizes = {}, {}
    for part in parts:
        for outcome in part.tally.documents:
            documents[outcome] = documents.get(outcome, 0) + part.tally.documents[outcome]
            sizes[outcome] = sizes.get(outcome, 0) + part.tally.bytes[outcome]
    assert documents == dict(whole.tally.documents)
    assert sizes == dict(whole.tally.bytes)


def test_a_batch_may_be_cut_anywhere(every_stage):
    batch = batch_of(MANY)
    whole = run_stages(batch, every_stage, "body", keep_text=True)
    for cut in range(0, len(MANY) + 1, 3):
        parts = [run_stages(part, every_stage, "body", keep_text=True) for part in (batch[:cut], batch[cut:])]
        applied_equal(whole, parts)
    applied_equal(whole, [run_stages(batch.slice(i, 1), every_stage, "body", keep_text=True) for i in range(len(MANY))])


@settings(max_examples=25)
@given(st.data())
def test_any_batch_may_be_cut_anywhere(every_stage, data):
    some = data.draw(st.lists(st.one_of(texts, st.none(), st.sampled_from(ADDRESSES)), max_size=8))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(some)), max_size=3)))
    batch = batch_of(some)
    parts = [batch.slice(a, b - a) for a, b in itertools.pairwise([0, *cuts, len(some)])]
    whole = run_stages(batch, every_stage, "body")
    applied_equal(whole, [run_stages(part, every_stage, "body") for part in parts])


def check_conservation(texts, applied):
    """read = kept + dropped in documents; read + edits = kept + dropped in bytes."""
    tally = applied.tally
    drops = {outcome for outcome in tally.documents if outcome[1] not in ("read", "edited")}
    edits = {outcome for outcome in tally.documents if outcome[1] == "edited"}
    assert tally.documents["read", "read"] == len(texts) == len(applied.kept) + len(applied.rejects)
    assert sum(tally.documents[d] for d in drops) == len(applied.rejects)
    kept_bytes = sum(len(text.encode()) for text in applied.kept["body"].to_pylist())
    dropped = sum(tally.bytes[d] for d in drops)
    assert dropped == sum(applied.rejects["text_bytes"].to_pylist())
    assert tally.bytes["read", "read"] == sum(len((text or "").encode()) for text in texts)
    assert tally.bytes["read", "read"] + sum(tally.bytes[e] for e in edits) == kept_bytes + dropped
    seen = applied.kept[KEY].to_pylist() + applied.rejects[KEY].to_pylist()
    assert sorted(seen) == list(range(100, 100 + len(texts)))
    assert applied.kept[KEY].to_pylist() == sorted(applied.kept[KEY].to_pylist())


def test_no_document_and_no_byte_is_lost(every_stage):
    for ordered in (every_stage, every_stage[::-1], []):
        applied = run(MANY, *ordered)
        check_conservation(MANY, applied)
        assert applied.rejects.schema == REJECTS_SCHEMA and applied.edits.schema == EDITS_LOG_SCHEMA
    assert run(MANY, *every_stage).tally.documents["pii", "edited"] == 3


@settings(max_examples=25)
@given(st.lists(st.one_of(texts, st.none(), st.sampled_from(ADDRESSES)), max_size=8))
def test_no_document_and_no_byte_of_any_batch_is_lost(every_stage, some):
    check_conservation(some, run(some, *every_stage))


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_no_rows_and_only_nulls(every_stage, kind):
    nothing = run_stages(batch_of([], kind), every_stage, "body")
    assert len(nothing.kept) == len(nothing.rejects) == len(nothing.edits) == 0
    assert not nothing.tally.documents
    nulls = run_stages(batch_of([None, None], kind), every_stage, "body")
    assert nulls.kept.schema == nothing.kept.schema
    assert nulls.rejects["reason"].to_pylist() == ["null_text"] * 2
    names = [name for one in every_stage for name in one.columns()]
    assert nothing.kept.schema.names == [KEY, "body", "note", *names]


def test_a_null_text_leaves_where_it_is_read():
    applied = run(["a", None, ""])
    assert applied.kept["body"].to_pylist() == ["a", ""]
    assert applied.rejects.to_pylist() == [
        {KEY: 101, "stage": "read", "reason": "null_text", "value": None, "threshold": None, "detail": None,
         "survivor": None, "kept_as": None, "kept_similarity": None, "kept_measure": None, "language": None,
         "text_bytes": 0, "text": None}
    ]  # fmt: skip
    assert applied.tally.documents == {("read", "read"): 3, ("read", "null_text"): 1}


def test_a_document_leaves_at_its_first_failing_rule():
    strict = stage("length", min_chars=3, max_words=1)
    later = stage("length", id="later", min_chars=100)
    applied = run(["a", "a b", "a b c", "abc"], strict, later)
    rows = [(r["stage"], r["reason"], r["value"], r["threshold"]) for r in applied.rejects.sort_by(KEY).to_pylist()]
    assert rows == [
        ("length", "too_few_chars", 1, 3),
        ("length", "too_many_words", 2, 1),
        ("length", "too_many_words", 3, 1),
        ("later", "too_few_chars", 3, 100),
    ]
    assert len(applied.kept) == 0
    assert applied.tally.documents["length", "too_many_words"] == 2
    assert applied.tally.bytes["length", "too_many_words"] == 8


def test_rejects_carry_their_text_only_if_asked_for_and_stay_redacted():
    stages = [stage("pii"), stage("length", max_chars=3)]
    assert run(["to a@b.com"], *stages).rejects["text"].to_pylist() == [None]
    (row,) = run(["to a@b.com"], *stages, keep_text=True).rejects.to_pylist()
    assert row["text"] == "to <EMAIL>" and row["text_bytes"] == len("to <EMAIL>")


def test_survivors_keep_their_columns_and_get_the_stages():
    applied = run(["one two", "x", "three four five"], stage("length", id="size", min_words=2))
    assert applied.kept.to_pydict() == {
        KEY: [100, 102], "body": ["one two", "three four five"], "note": ["0", "2"],
        "size_chars": [7, 15], "size_words": [2, 3],
    }  # fmt: skip


def test_a_filter_never_touches_the_text(every_stage):
    looking = [one for one in every_stage if one.name != "pii"]
    by_key = dict(enumerate(MANY, start=100))
    survivors = run(MANY, *looking).kept
    assert all(by_key[row[KEY]] == row["body"] for row in survivors.to_pylist())


@pytest.mark.parametrize(
    ("keep", "passing", "failing"), [(">=", [5, 6], [4]), (">", [6], [5]), ("<=", [5, 4], [6]), ("<", [4], [5])]
)
def test_rules_compare_as_they_read(keep, passing, failing):
    column = pa.array([*passing, *failing, None], pa.int64())
    verdicts = judge({"n": column}, [Rule("wrong", "n", keep, 5)], len(column))
    assert verdicts.kept.tolist() == [True] * len(passing) + [False] * len(failing) + [True]
    assert verdicts.value[~verdicts.kept].tolist() == failing
    assert np.isnan(verdicts.value[verdicts.kept]).all()


def test_a_rule_of_names_says_which_name():
    verdicts = judge({"l": pa.array(["en", "de", None])}, [Rule("no", "l", "in", frozenset(["en"]))], 3)
    assert verdicts.detail == [None, "de", None] and verdicts.kept.tolist() == [True, False, True]


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("length", {"min_word": 1}), ("length", {"min_chars": -1}), ("language", {"allow": ()}),
     ("language", {"min_score": 1.5}), ("blocklist", {}), ("blocklist", {"path": "x", "max_hits": -1}),
     ("pii", {"kinds": ("phon",)}), ("pii", {"placeholders": {"fax": "x"}})],
)  # fmt: skip
def test_unknown_and_impossible_parameters_are_refused(name, wrong):
    with pytest.raises(ValidationError):
        FILTERS[name].Params(**wrong)


def test_parameters_do_not_change():
    with pytest.raises(ValidationError):
        LengthParams(min_chars=1).min_chars = 2


def test_a_state_is_prepared_once(phrases):
    first = prepared_state(FILTERS["blocklist"], BlocklistParams(path=phrases))
    assert prepared_state(FILTERS["blocklist"], BlocklistParams(path=phrases)) is first
    assert prepared_state(FILTERS["blocklist"], BlocklistParams(path=phrases, max_hits=2)) is not first


# length


@pytest.mark.parametrize(
    ("bound", "inside", "outside", "reason", "value"),
    [
        ({"min_chars": 1}, "!", "", "too_few_chars", 0),
        ({"min_chars": 3}, "漢字漢", "漢字", "too_few_chars", 2),
        ({"max_chars": 1}, "😀", "😀!", "too_many_chars", 2),
        ({"max_chars": 2}, "é!", "e\u0301!", "too_many_chars", 3),
        ({"min_words": 1}, "a", "!", "too_few_words", 0),
        ({"min_words": 2}, "漢字", "abc", "too_few_words", 1),
        ({"min_words": 4}, "สวัส", "สวั", "too_few_words", 3),
        ({"max_words": 1}, "Abc-", "a-b", "too_many_words", 2),
        ({"max_words": 2}, "a漢", "a漢b", "too_many_words", 3),
    ],
)
def test_both_sides_of_every_bound_of_length(bound, inside, outside, reason, value):
    applied = run([inside, outside], stage("length", **bound))
    assert applied.kept["body"].to_pylist() == [inside]
    (row,) = applied.rejects.to_pylist()
    expected = {KEY: 101, "stage": "length", "reason": reason, "value": value, "threshold": next(iter(bound.values())),
                "detail": None, "survivor": None, "kept_as": None, "kept_similarity": None, "kept_measure": None,
                "language": None, "text_bytes": len(outside.encode()), "text": None}  # fmt: skip
    assert row == expected


def test_bounds_left_out_do_not_judge():
    assert kept(AWKWARD, stage("length")) == AWKWARD
    assert kept(AWKWARD, stage("length", min_chars=0, min_words=0)) == AWKWARD


def test_length_measures_what_the_twin_counts():
    found = measured("length", AWKWARD)
    assert found == {"chars": [len(t) for t in AWKWARD], "words": [len(reference.tokens(t)) for t in AWKWARD]}


@given(st.lists(texts, max_size=6), st.integers(0, 20), st.integers(0, 20))
def test_a_stricter_bound_keeps_fewer(some, low, more):
    loose = kept(some, stage("length", min_words=low))
    strict = kept(some, stage("length", min_words=low + more))
    assert strict == [text for text in loose if len(reference.tokens(text)) >= low + more]


# language

GREETINGS = {
    "en": "The weather is nice today and we are going for a walk in the park.",
    "de": "Das Wetter ist heute schön und wir gehen im Park spazieren.",
    "zh": "今天天气很好，我们去公园散步。",
    "ja": "今日は天気がいいので、公園を散歩します。",
    "th": "วันนี้อากาศดี เราไปเดินเล่นในสวนสาธารณะ",
    "ar": "الطقس جميل اليوم ونحن ذاهبون في نزهة في الحديقة",
    "ru": "Сегодня хорошая погода, и мы идём гулять в парк.",
}


def test_languages_are_told_apart_and_only_the_allowed_pass():
    assert measured("language", list(GREETINGS.values()))[""] == list(GREETINGS)
    applied = run(list(GREETINGS.values()), stage("language", allow=("en", "zh")))
    assert applied.kept["language"].to_pylist() == ["en", "zh"]
    rows = applied.rejects.to_pylist()
    assert {row["reason"] for row in rows} == {"language_not_allowed"}
    assert [row["detail"] for row in rows] == ["de", "ja", "th", "ar", "ru"]
    assert {(row["value"], row["threshold"]) for row in rows} == {(None, None)}


def test_the_score_equal_to_its_bound_passes():
    (score,) = measured("language", [GREETINGS["de"]])["score"]
    assert 0.5 < score <= 1
    assert kept([GREETINGS["de"]], stage("language", min_score=score)) == [GREETINGS["de"]]
    (row,) = run(["zxcv qwer"], stage("language", min_score=1.0)).rejects.to_pylist()
    assert (row["reason"], row["threshold"], row["detail"]) == ("language_uncertain", 1.0, None)
    assert 0 < row["value"] < 1


def test_language_is_judged_before_certainty():
    (row,) = run([""], stage("language", allow=("en",), min_score=0.5)).rejects.to_pylist()
    assert (row["reason"], row["detail"]) == ("language_not_allowed", "und")


@pytest.mark.parametrize("text", ["", " ", "\n\t\r\n", "\u3000\u2028\u00a0"])
def test_white_space_has_no_language(text):
    assert measured("language", [text]) == {"": ["und"], "score": [0.0]}
    assert kept([text], stage("language")) == [text]


def test_awkward_texts_have_a_label_and_a_probability():
    found = measured("language", [*AWKWARD, "__label__en", "</s>", "__label__xx hello\n__label__yy"])
    assert all(label for label in found[""])
    assert all(0 <= score <= 1 for score in found["score"])


def test_lines_do_not_matter_and_only_the_beginning_is_read():
    joined = GREETINGS["en"].replace(" ", "\n")
    assert measured("language", [joined]) == measured("language", [GREETINGS["en"]])
    long = GREETINGS["en"] + GREETINGS["ru"] * 50
    assert measured("language", [long], max_chars=len(GREETINGS["en"])) == measured("language", [GREETINGS["en"]])


def test_a_model_that_is_missing_or_none_is_refused(tmp_path):
    with pytest.raises(RecipeError, match="does not exist"):
        FILTERS["language"].prepare(LanguageParams(model=str(tmp_path / "absent.bin")))
    (tmp_path / "text.bin").write_text("not a model")
    with pytest.raises(RecipeError, match=r"text\.bin is not a fastText"):
        FILTERS["language"].prepare(LanguageParams(model=str(tmp_path / "text.bin")))


# blocklist


@pytest.mark.parametrize(
    ("text", "hits"),
    [
        ("", 0), ("bad", 1), ("BAD", 1), ("Bad.", 1), ("badly", 0), ("sinbad", 0), ("bad1", 0), ("1bad", 0),
        ("bad_", 1), ("not-bad-at-all", 1), ("bad word", 1), ("BAD WORD", 1), ("bad words", 1), ("bad bad", 2),
        ("a bad word, a bad one", 2), ("e\u0301bad", 0), ("bad\u0301", 0), ("casino", 1), ("casinos", 0),
        ("赌场", 1), ("在澳门赌场玩", 1), ("澳门赌场和赌场", 2), ("abc赌场abc", 1), ("赌 场", 0), ("casino赌场", 2),
        ("เล่นสล็อตออนไลน์", 1), ("STRASSE", 1), ("Straße", 1), ("strassen", 0), ("# bad words", 1), ("# words", 0),
    ],
)  # fmt: skip
def test_phrases_stand_as_words(phrases, text, hits):
    assert measured("blocklist", [text], path=phrases) == {"hits": [hits]}


def test_the_longest_phrase_of_a_place_counts_and_none_overlap(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text("a b\nb c\na b c d\nc d e\n漢字\n字典\n漢字典\n")
    found = measured("blocklist", ["a b c", "a b c d e", "b c d e", "漢字典", "漢字字典"], path=str(path))
    assert found["hits"] == [1, 1, 1, 1, 2]


def test_both_sides_of_the_bound_of_a_blocklist(phrases):
    applied = run(["bad", "bad, bad"], stage("blocklist", path=phrases, max_hits=1))
    assert applied.kept["blocklist_hits"].to_pylist() == [1]
    (row,) = applied.rejects.to_pylist()
    assert (row["reason"], row["value"], row["threshold"]) == ("too_many_blocklist_hits", 2, 1)
    assert kept(["good", "bad"], stage("blocklist", path=phrases)) == ["good"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        (b"", "holds no phrase"),
        (b"# only\n\n  # comments\n", "holds no phrase"),
        (b"good\n\xff\xfe\n", "not UTF-8"),
        (b"fine\n!!!\n", r"list\.txt:2: a phrase needs a letter"),
    ],
)
def test_a_list_that_cannot_be_used_is_refused(tmp_path, content, message):
    path = tmp_path / "list.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RecipeError, match=message) as refused:
        FILTERS["blocklist"].prepare(BlocklistParams(path=str(path)))
    assert str(path) in str(refused.value)


def test_a_folder_is_no_list(tmp_path):
    with pytest.raises(RecipeError, match="cannot be read"):
        FILTERS["blocklist"].prepare(BlocklistParams(path=str(tmp_path)))


def test_a_byte_order_mark_and_windows_lines_do_not_spoil_a_list(tmp_path):
    path = tmp_path / "list.txt"
    path.write_bytes(b"\xef\xbb\xbfbad\r\ncasino\r\n")
    assert measured("blocklist", ["bad", "casino"], path=str(path)) == {"hits": [1, 1]}


@given(texts)
def test_case_of_the_text_does_not_matter(phrases, text):
    state = prepared_state(FILTERS["blocklist"], BlocklistParams(path=phrases))
    assert state.count(text.casefold()) == state.count(text) >= 0
