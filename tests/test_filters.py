"""Tests of row-wise stages: bounds from both sides, any cut of a batch, nothing lost, addresses beside any script."""

import itertools
import time

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
from filters.pii import PiiParams, find_emails, find_ips, find_spans, replace_spans
from filters.texts import as_text_array
from tests import reference
from tests.strategies import AWKWARD, texts

PII = PiiParams()


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
         "survivor": None, "kept_as": None, "kept_similarity": None, "text_bytes": 0, "text": None}
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
     ("pii", {"kinds": ("phone",)}), ("pii", {"placeholders": {"phone": "x"}})],
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
                "detail": None, "survivor": None, "kept_as": None, "kept_similarity": None,
                "text_bytes": len(outside.encode()), "text": None}  # fmt: skip
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


@pytest.mark.parametrize(
    ("label", "hint"),
    [("eng", "'eng' (did you mean en"), ("EN", "'EN' (did you mean en"), ("zh-cn", "zh"), ("q9", "'q9' is not among")],
)
def test_an_unknown_label_is_refused_with_a_near_one(label, hint):
    with pytest.raises(RecipeError) as refused:
        FILTERS["language"].prepare(LanguageParams(allow=("de", label)))
    assert hint in str(refused.value) and "176 labels" in str(refused.value)


def test_a_model_that_is_missing_or_none_is_refused(tmp_path):
    with pytest.raises(RecipeError, match="does not exist"):
        FILTERS["language"].prepare(LanguageParams(model=str(tmp_path / "absent.bin")))
    (tmp_path / "text.bin").write_text("not a model")
    with pytest.raises(RecipeError, match=r"text\.bin is not a fastText"):
        FILTERS["language"].prepare(LanguageParams(model=str(tmp_path / "text.bin")))


# pii


def emails(text):
    return [text[span.start : span.end] for span in find_emails(text)]


def ips(text, scope="all"):
    return [text[span.start : span.end] for span in find_ips(text, scope)]


def redacted(text, params=PII):
    return replace_spans(text, find_spans(text, params), params)


BESIDE = ["{}", "邮箱{}联系", "メールは{}まで", "อีเมล{}ครับ", "이메일{}로", "ايميل {} هنا",
          "({})", "<{}>", '"{}"', "{},", "{}.",
          "{}。", "{}!", "😀{}😀", "a {}\n", "\u00a0{}\u3000", "：{}；"]  # fmt: skip


@pytest.mark.parametrize("around", BESIDE)
@pytest.mark.parametrize(
    "address", ["abc@example.com", "first.last+tag@mail.example.co.uk", "müller@exämple.de", "x_1@a-b.io"]
)
def test_an_email_is_found_beside_any_script(address, around):
    assert emails(around.format(address)) == [address]
    assert redacted(around.format(address)) == around.format("<EMAIL>")


@pytest.mark.parametrize(
    "text",
    ["icon@2x.png", "logo@3x.jpg and a@b.css", "@handle", "a@b", "a@@b.com", "a@b@c.com", "me@localhost", "a@.com",
     "a@-b.com", "a@b-.com", "a.@b.com", "x" * 65 + "@b.com", "a@" + "b" * 64 + ".com",
     "a @b.com", "a@b.1", "@media.css",
     "user@10"],
)  # fmt: skip
def test_what_is_no_email(text):
    assert emails(text) == []
    assert redacted(text) == text


def test_emails_of_a_sentence():
    assert emails("to a@b.com, c@d.org; e@f.net.") == ["a@b.com", "c@d.org", "e@f.net"]
    assert emails("x" * 64 + "@b.com") == ["x" * 64 + "@b.com"]
    assert emails("write a@b.com.\nThen") == ["a@b.com"]
    assert emails("-a@b.com '+a@b.com'") == ["a@b.com", "a@b.com"]


@pytest.mark.parametrize("around", BESIDE)
@pytest.mark.parametrize(
    "address", ["8.8.8.8", "192.168.0.1", "255.255.255.255", "2001:db8::8a2e:370:7334", "fe80::1:2"]
)
def test_an_ip_is_found_beside_any_script(address, around):
    assert ips(around.format(address)) == [address]
    assert redacted(around.format(address)) == around.format("<IP_ADDRESS>")


@pytest.mark.parametrize("text", ["server 8.8.8.8", "Server: 8.8.8.8", "driver 8.8.8.8",
"Tel Aviv 8.8.8.8", "8.8.8.8:80",
                                  "http://8.8.8.8/a", "observer 8.8.8.8", "8.8.8.8/24", "android 8.8.8.8",
                                  "IPsec: 8.8.8.8", "Kyïv 8.8.8.8"])  # fmt: skip
def test_a_word_that_only_ends_like_a_version_does_not_hide_an_ip(text):
    assert ips(text) == ["8.8.8.8"]


@pytest.mark.parametrize(
    "text",
    ["version 1.2.3.4", "Version: 1.2.3.4", "v1.2.3.4", "v 1.2.3.4", "ver. 1.2.3.4",
    "release 10.0.0.1", "build #1.2.3.4",
     "OID 1.3.6.1", "1.3.6.1.4.1.311", "OID=1.3.6.1.4.1", "section 1.2.3.4", "Section 4.3.2.1", "subsection 1.2.3.4",
     "§ 1.2.3.4", "chapter 1.2.3.4", "1.2.3.4.5", "1.2.3", "256.1.1.1", "1.2.3.256",
     "1.2.3.4-beta", "a1.2.3.4", "1.2.3.4a",
     "-1.2.3.4", "01.2.3.4", "1.2.3.04", "12:30:45", "std::vector", "a::b::c", "1:2", "::",
     "00:1A:2B:3C:4D:5E", "版本v1.2.3.4",
     "Programmversion 1.2.3.4", "软件版本 1.2.3.4", "软件 v 1.2.3.4", "(ver 1.2.3.4)", "x" * 20 + " rev. 1.2.3.4"],
)  # fmt: skip
def test_what_is_no_ip(text):
    assert ips(text) == []
    assert redacted(text) == text


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "127.1.2.3", "0.0.0.0", "::1", "::", "0:0:0:0:0:0:0:1", "0:0:0:0:0:0:0:0"]
)
def test_loopback_and_unspecified_stay(address):
    assert redacted(f"listen on {address} only") == f"listen on {address} only"


@pytest.mark.parametrize(
    "address", ["2001:0db8:85a3:0000:0000:8a2e:0370:7334", "2001:db8::1", "1:2:3:4:5:6:7:8", "::ffff:1:2", "FE80::A:1"]
)
def test_ipv6_in_its_spellings(address):
    assert ips(f"host {address}, port") == [address]
    assert ips(f"[{address}]:80") == [address]


def test_scope_public_leaves_private_addresses():
    text = "10.0.0.1 172.16.0.1 192.168.1.1 8.8.8.8 169.254.1.1 fe80::1:2 2606:4700::1111"
    assert ips(text, "public") == ["8.8.8.8", "2606:4700::1111"]
    assert len(ips(text)) == 7
    assert redacted("10.0.0.1 8.8.8.8", PiiParams(ip_scope="public")) == "10.0.0.1 <IP_ADDRESS>"


def test_of_two_findings_at_one_place_the_longer_is_replaced():
    assert redacted("10.0.0.1@example.com") == "<EMAIL>"


def test_many_addresses_in_one_text_are_found_in_linear_time():
    """Half a megabyte, 40,000 addresses: a second is plenty, a copy of the text per address takes minutes."""
    text = "at 8.8.8.8 or a@b.com, " * 20_000
    begun = time.process_time()
    assert len(find_spans(text, PII)) == 40_000
    assert time.process_time() - begun < 20


def test_what_is_freed_by_a_neighbour_is_found_too():
    assert redacted("a@example.com::1:2:3") == "<EMAIL><IP_ADDRESS>"
    assert redacted("1.2.3.4::1:2:3") == "<IP_ADDRESS><IP_ADDRESS>"


def test_kinds_and_placeholders():
    text = "a@b.com 8.8.8.8"
    assert redacted(text, PiiParams(kinds=("ip",))) == "a@b.com <IP_ADDRESS>"
    assert redacted(text, PiiParams(kinds=("email",))) == "<EMAIL> 8.8.8.8"
    assert redacted(text, PiiParams(placeholders={"email": "[mail]"})) == "[mail] <IP_ADDRESS>"
    assert redacted(text, PiiParams(placeholders={"email": "", "ip": ""})) == " "
    assert measured("pii", [text, ""], kinds=("ip",)) == {"ip": [1, 0]}
    for wrong in ("x@example.com", "1.2.3.4", "::1:2"):
        with pytest.raises(ValidationError, match="looks like an address"):
            PiiParams(placeholders={"email": wrong})


pieces = st.sampled_from(
    ["a@b.com", "x.y@z.org", "8.8.8.8", "10.0.0.1", "1.2.3.4.5", "2001:db8::1", "::1:2:3", "127.0.0.1", "v", "version ",
     " ", ".", ":", "@", "-", "1", "a", "邮箱", "ก", "😀", "\n", "<EMAIL>", "icon@2x.png", "%", "_", "'"]
)  # fmt: skip
near_addresses = st.lists(pieces, max_size=8).map("".join)


@settings(max_examples=300)
@given(near_addresses)
def test_redacting_twice_changes_nothing_more(text):
    assert redacted(redacted(text)) == redacted(text)


@settings(max_examples=60)
@given(st.lists(st.one_of(near_addresses, texts), max_size=6))
def test_edits_point_at_what_was_replaced(some):
    applied = run(some, stage("pii"))
    after = applied.kept["body"].to_pylist()
    for row, (before, new) in enumerate(zip(some, after, strict=True)):
        edits = [e for e in applied.edits.to_pylist() if e[KEY] == 100 + row]
        rebuilt, last = [], 0
        for edit in edits:
            assert edit["stage"] == "pii" and last <= edit["start"] < edit["end"] <= len(before)
            rebuilt += [before[last : edit["start"]], PII.placeholders[edit["kind"]]]
            last = edit["end"]
        assert "".join([*rebuilt, before[last:]]) == new
        assert len(edits) == applied.kept["pii_email"][row].as_py() + applied.kept["pii_ip"][row].as_py()
        # The sieve over the batch lets nothing through that the search alone would find.
        assert new == redacted(before)


def test_texts_without_addresses_are_untouched():
    applied = run(AWKWARD, stage("pii"))
    assert applied.kept["body"].to_pylist() == AWKWARD
    assert len(applied.edits) == 0 and ("pii", "edited") not in applied.tally.documents


def test_edits_count_documents_and_the_change_in_bytes():
    applied = run(["a@b.com and c@d.org", "no", "8.8.8.8"], stage("pii", id="clean"))
    assert applied.tally.documents["clean", "edited"] == 2
    assert applied.tally.bytes["clean", "edited"] == len("<IP_ADDRESS>") - len("8.8.8.8")
    assert applied.edits.to_pylist() == [
        {KEY: 100, "stage": "clean", "kind": "email", "start": 0, "end": 7},
        {KEY: 100, "stage": "clean", "kind": "email", "start": 12, "end": 19},
        {KEY: 102, "stage": "clean", "kind": "ip", "start": 0, "end": 7},
    ]


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
