"""Tests of `c4` and `refinedweb_lines` as stages: what they cut, what they drop, and that edits account for it."""

import itertools

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.catalog import FILTERS
from filters.chain import KEY, run_stages
from tests import reference_statistics
from tests.quality_stages import reasons, run, stage
from tests.strategies import texts


def rewritten(name, text, **params):
    """(text afterwards, kinds and spans of its edits)."""
    applied = run([text], stage(name, **params))
    edits = applied.edits.to_pylist()
    (after,) = applied.kept["text"].to_pylist()
    return after, [(edit["kind"], edit["start"], edit["end"]) for edit in edits]


LONG = "x" * 1001
C4_LINES = [
    # (line, kind of its cut, or what stays of it)
    ("One two three four five.", "One two three four five."),
    ('  Is it "two three four five"  ', 'Is it "two three four five"'),
    ("One two three four.", "too_few_words"),
    ("One two three four five", "no_end_mark"),
    ("One two three four five...", "no_end_mark"),
    ("One two three four five'", "no_end_mark"),
    (f"One two three {LONG} five.", "long_word"),
    (f"One two three {LONG[1:]} five.", f"One two three {LONG[1:]} five."),
    ("Please enable JavaScript in your browser.", "javascript"),
    ("We make use of Cookies here, you know.", "policy"),
    ("It was[12] so then[edit] and now[citation needed].", "It was so then and now."),
    ("One [1] [2] three four five.", "too_few_words"),  # counted after citations are cut
    ("", "white_space"),
]


@pytest.mark.parametrize(("line", "outcome"), C4_LINES)
def test_c4_judges_lines(line, outcome):
    good = "This line here is kept."
    after, edits = rewritten("c4", f"{good}\n{line}\n{good}", min_sentences=2)
    if " " in outcome:
        assert after == f"{good}\n{outcome}\n{good}"
        assert {kind for kind, _, _ in edits} <= {"white_space", "citation"}
    else:
        assert after == f"{good}\n{good}"
        assert edits == [(outcome, len(good) + 1, len(good) + 1 + len(line) + 1)]


def test_c4_flavours_differ_as_published():
    four = "One two three four five' " * 4
    page = "\n".join(["One two three' "] * 5)
    assert rewritten("c4", page, flavour="datatrove")[0] == "\n".join(["One two three'"] * 5)
    assert reasons([page, four], stage("c4")) == ["too_few_sentences"] * 2
    params = FILTERS["c4"].Params(flavour="datatrove", min_words=4)
    assert (params.min_words, params.min_sentences, params.max_chars) == (4, 5, None)
    assert rewritten("c4", "One [1] [2].\n" * 5, flavour="datatrove")[0] == "\n".join(["One  ."] * 5)


def test_a_page_is_dropped_by_the_first_line_with_a_forbidden_word_that_came_so_far():
    good, bracket, lorem = "One two three four five.", "One two three { five.", "One Lorem ipsum four five."
    found = reasons(
        [
            f"{good}\n{bracket}\n{lorem}",
            f"{lorem}\n{bracket}",
            "a { b\n" + f"{good}\n" * 3,
            "{ and javascript in this line.",
        ],
        stage("c4"),
    )
    assert found == ["curly_bracket", "lorem_ipsum", None, "too_few_sentences"]


def test_a_page_that_is_dropped_stays_as_it_was():
    applied = run_stages(
        pa.record_batch(
            {KEY: pa.array([1]), "text": pa.array(["no end\nOne two three four five."], pa.large_string())}
        ),
        [stage("c4")],
        "text",
        keep_text=True,
    )
    assert applied.rejects["text"].to_pylist() == ["no end\nOne two three four five."]
    assert not len(applied.edits)


REFINEDWEB_LINES = [
    ("MENU HOME Ab", "uppercase"),
    ("ABcd", "too_few_words"),
    ("AB cd", "AB cd"),
    ("123456", "digits"),
    ("12 34 56", "12 34 56"),
    ("3 likes", "counter"),
    ("1.2K  Views!", "counter"),
    ("3 likes it", "3 likes it"),
    ("word", "too_few_words"),
    ("two words", "two words"),
    ("You have 2 items in cart now", "You have 2 now"),
    ("Items in Cart", "phrase"),
    ("see here Read more...", "see here"),
    ("Read more...", "phrase"),
    ("Sign-in to see it", "to see it"),
    (
        "one two three four five six seven eight nine ten Sign-in",
        "one two three four five six seven eight nine ten Sign-in",
    ),
    (
        "Sign-in two three four five six seven eight nine ten eleven",
        "Sign-in two three four five six seven eight nine ten eleven",
    ),
    ("", ""),
]


@pytest.mark.parametrize(("line", "outcome"), REFINEDWEB_LINES)
def test_refinedweb_judges_lines(line, outcome):
    good = "this line here is kept."
    after, edits = rewritten("refinedweb_lines", f"{good}\n{line}\n{good}", max_removed_words=None)
    if " " in outcome or not outcome:
        assert after == f"{good}\n{outcome}\n{good}"
        assert {kind for kind, _, _ in edits} == ({"phrase"} if outcome != line else set())
    else:
        assert after == f"{good}\n{good}"
        assert edits == [(outcome, len(good) + 1, len(good) + 1 + len(line) + 1)]


LINES = [line for line, _ in (*C4_LINES, *REFINEDWEB_LINES)]
pages = st.lists(st.sampled_from([*LINES, " ", "\u3000", "\r", "é É.", "İ read more..."]), max_size=9).flatmap(
    lambda lines: st.sampled_from(["\n", "\r\n", "\n\n"]).map(lambda end: end.join(lines))
)


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("c4", {"min_sentences": 0}),
        ("c4", {"min_sentences": 0, "end_marks": None}),
        ("refinedweb_lines", {"max_removed_words": None}),
    ],
)
@given(st.one_of(pages, texts))
@settings(max_examples=150)
def test_edits_account_for_everything_but_white_space(name, params, text):
    off = {"lorem_ipsum": False, "curly_bracket": False} if name == "c4" else {}
    applied = run([text], stage(name, **params, **off))
    if len(applied.kept):
        (after,) = applied.kept["text"].to_pylist()
        edits = [(e["kind"], e["start"], e["end"]) for e in applied.edits.to_pylist()]
        assert edits == sorted(edits, key=lambda edit: edit[1:])
        assert all(0 <= start < end <= len(text) for _, start, end in edits)
        assert all(a[2] <= b[1] for a, b in itertools.pairwise(edits))
        assert bool(edits) == (after != text)
        if edits != [("white_space", 0, len(text))]:
            assert reference_statistics.edited(text, edits) == "".join(after.split())
