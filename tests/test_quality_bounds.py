"""Tests of the quality filters' rules: both sides of every bound, their order, and texts without much in them."""

import pytest

from filters.catalog import FILTERS
from filters.quality import gopher_quality, gopher_repetition
from tests.quality_stages import QUALITY, only, reasons, rules_of, run, stage
from tests.strategies import AWKWARD

FLAVOURS = ("datatrove", "dolma", "dclm")
W = {"words": "whitespace"}
DCLM, DOLMA = {"flavour": "dclm", **W}, {"flavour": "dolma"}
SENTENCE = "It has five words here."

# (filter, parameter, further parameters, a text that just passes, one that just fails, reason)
BOUNDARIES = [
    ("gopher_quality", "min_words", {}, "a " * 50, "a " * 49, "too_few_words"),
    ("gopher_quality", "min_words", W, "a " * 50, "a " * 49 + "- ?!", "too_few_words"),
    ("gopher_quality", "min_words", {}, "漢" * 50, "漢" * 49, "too_few_words"),
    ("gopher_quality", "max_words", {}, "a " * 100_000, "a " * 100_001, "too_many_words"),
    ("gopher_quality", "min_word_length", {}, "aaa", "aaa aa", "words_too_short"),
    ("gopher_quality", "min_word_length", DOLMA, "aaa a aaa", "aaa aa", "words_too_short"),
    ("gopher_quality", "min_word_length", DCLM, "aa, a,,", "aa, a,", "words_too_short"),
    ("gopher_quality", "max_word_length", {}, "a" * 10, "a" * 11, "words_too_long"),
    ("gopher_quality", "max_word_length", DOLMA, "a " * 2 + "a" * 99, "a " + "a" * 99, "words_too_long"),
    ("gopher_quality", "max_symbols", {}, "# " + "a " * 10, "# " + "a " * 9, "too_many_hashes"),
    ("gopher_quality", "max_symbols", W, "# " + "a " * 9, "# " + "a " * 8, "too_many_hashes"),
    ("gopher_quality", "max_symbols", {}, "…" + "a " * 10, "…" + "a " * 9, "too_many_ellipses"),
    ("gopher_quality", "max_symbols", {}, "......" + "a " * 20, "......" + "a " * 19, "too_many_ellipses"),
    ("gopher_quality", "max_symbols", {}, "#..." + "a " * 10, "##..." + "a " * 10, "too_many_hashes"),
    ("gopher_quality", "max_symbols", DOLMA, "##… " + "a " * 9, "##… " + "a " * 8, "too_many_symbols"),
    ("gopher_quality", "max_symbols", DCLM, "#. . . " + "a " * 17, "#. . . " + "a " * 16, "too_many_symbols"),
    ("gopher_quality", "max_bullet_lines", {}, " • a\n" * 9 + "a", " - a\n" * 10 + "a", "too_many_bullet_lines"),
    ("gopher_quality", "max_bullet_lines", DOLMA, "* a\n" * 9 + " * a", "* a\n" * 9 + "* a", "too_many_bullet_lines"),
    ("gopher_quality", "max_bullet_lines", DCLM, "● a\n\n" * 9 + "a", "● a\n\n" * 10 + "a", "too_many_bullet_lines"),
    (
        "gopher_quality",
        "max_ellipsis_lines",
        {},
        "a...\n" * 3 + "a\n" * 7,
        "a… \n" * 3 + "a\n" * 6,
        "too_many_ellipsis_lines",
    ),
    ("gopher_quality", "max_ellipsis_lines", DOLMA, "a...\na… \na", "a…\na…\na", "too_many_ellipsis_lines"),
    (
        "gopher_quality",
        "max_ellipsis_lines",
        DCLM,
        "a. . .\n" * 3 + "a\n\n" * 7,
        "a. . .\n" * 3 + "a\n" * 6,
        "too_many_ellipsis_lines",
    ),
    ("gopher_quality", "min_letter_words", {}, "a a a a 1", "a a a 1", "too_few_letter_words"),
    ("gopher_quality", "min_letter_words", W, "a a a a -", "a a a -", "too_few_letter_words"),
    ("gopher_quality", "min_stop_words", {}, "the, of", "the the", "too_few_stop_words"),
    ("gopher_quality", "min_stop_words", W, "the of", "the, of The", "too_few_stop_words"),
    ("gopher_quality", "min_stop_words", DOLMA, "the the", "the The", "too_few_stop_words"),
    ("gopher_quality", "min_stop_words", DCLM, "the The", "the the,", "too_few_stop_words"),
    (
        "gopher_repetition",
        "max_duplicate_paragraphs",
        {},
        "a\n\n" * 4 + "\n\n".join("bcdefg"),
        "a\n\n" * 4 + "\n\n".join("bcdef"),
        "duplicate_paragraphs",
    ),
    (
        "gopher_repetition",
        "max_duplicate_paragraphs",
        DCLM,
        "a\n\n" * 3 + "\n\n".join("bcdefgh"),
        "a\n\n" * 3 + "\n\n".join("bcdefg"),
        "duplicate_paragraphs",
    ),
    (
        "gopher_repetition",
        "max_duplicate_paragraph_chars",
        {},
        "aa\n\naa\n\nbb",
        "aaa\n\naaa\n\nbb",
        "duplicate_paragraph_chars",
    ),
    (
        "gopher_repetition",
        "max_duplicate_paragraph_chars",
        DCLM,
        "a\n\na\n\n" + "b" * 8,
        "a\n\na\n\n" + "b" * 7,
        "duplicate_paragraph_chars",
    ),
    (
        "gopher_repetition",
        "max_duplicate_lines",
        {},
        "a\n" * 4 + "\n".join("bcdefg"),
        "a\n" * 4 + "\n".join("bcdef"),
        "duplicate_lines",
    ),
    (
        "gopher_repetition",
        "max_duplicate_lines",
        DOLMA,
        "a\n" * 3 + "\n".join("bcdefgh"),
        "a\n" * 3 + "\n".join("bcdefg"),
        "duplicate_lines",
    ),
    ("gopher_repetition", "max_duplicate_lines", DCLM, "a", "a\n a", "duplicate_lines"),
    ("gopher_repetition", "max_duplicate_line_chars", {}, "aa\naa\nbbbb", "aa\naa\nbbb", "duplicate_line_chars"),
    ("gopher_repetition", "max_duplicate_line_chars", DOLMA, "a\na\nbbbbbbbb", "a\na\nbbbbbbb", "duplicate_line_chars"),
    ("gopher_repetition", "max_duplicate_line_chars", DCLM, "a\na\nbbbbbbbb", "a\na\nbbbbbbb", "duplicate_line_chars"),
    ("gopher_repetition", "max_top_2grams", W, "a b " + "c" * 11, "a b " + "c" * 10, "top_2grams"),
    ("gopher_repetition", "max_top_2grams", DOLMA, "a b " + "c" * 8, "a b " + "c" * 7, "top_2grams"),
    ("gopher_repetition", "max_top_2grams", DCLM, "a b c d", "a b a b c d e f g h i j k l", "top_2grams"),
    ("gopher_repetition", "max_top_3grams", W, "a b c " + "d" * 22, "a b c " + "d" * 21, "top_3grams"),
    ("gopher_repetition", "max_top_4grams", W, "a b c d " + "e" * 36, "a b c d " + "e" * 35, "top_4grams"),
    (
        "fineweb_quality",
        "min_terminal_lines",
        {},
        "a.\n" * 3 + "a\n" * 22,
        "a.\n" * 3 + "a\n" * 23,
        "too_few_terminal_lines",
    ),
    ("fineweb_quality", "min_terminal_lines", {}, "说。", "说。 ", "too_few_terminal_lines"),
    (
        "fineweb_quality",
        "min_terminal_lines",
        {"exclude_zero": True},
        "a",
        "a.\n" + "a\n" * 8,
        "too_few_terminal_lines",
    ),
    (
        "fineweb_quality",
        "max_short_lines",
        {},
        ("a" * 30 + "\n") * 67 + ("a" * 31 + "\n") * 33,
        ("a" * 30 + "\n") * 3 + "a" * 31,
        "too_many_short_lines",
    ),
    ("fineweb_quality", "max_duplicate_chars", {}, "a\na\n" + "b" * 98, "a\na\n" + "b" * 97, "duplicate_line_chars"),
    ("fineweb_quality", "max_newlines", {}, "a " * 10 + "\n" * 3, "a " * 9 + "\n" * 3, "too_many_newlines"),
    ("c4", "max_chars", {}, "a" * 190_000, "a" * 190_001, "page_too_long"),
    ("c4", "min_sentences", {}, "A. B. C.", "A. B.", "too_few_sentences"),
    ("c4", "min_sentences", {"flavour": "datatrove"}, "A. B. C. D. E.", "A. B. C. D.", "too_few_sentences"),
    ("c4", None, {}, "lorem  ipsum", "a Lorem Ipsum b", "lorem_ipsum"),
    ("c4", None, {}, "a}", "a{", "curly_bracket"),
    (
        "refinedweb_lines",
        "max_removed_words",
        {"min_words": 2},
        "a " * 19 + "\nb",
        "a " * 18 + "\nb",
        "too_many_words_removed",
    ),
    ("refinedweb_lines", None, {}, "a", "-", "no_words"),
]
for _n in range(5, 11):
    # n letters twice are n duplicate characters of 4n - 1, filled up with one word of `_more` to the limit.
    _limit = getattr(gopher_repetition.GopherRepetitionParams(), f"max_duplicate_{_n}grams")
    _run = " ".join("abcdefghij"[:_n])
    _room = round(_n / _limit) - (4 * _n - 1) - 1
    _enough = _n / _limit == round(_n / _limit)
    BOUNDARIES.append(
        (
            "gopher_repetition",
            f"max_duplicate_{_n}grams",
            W,
            f"{_run} {_run} " + "z" * (_room + (not _enough)),
            f"{_run} {_run} " + "z" * (_room - 1),
            f"duplicate_{_n}grams",
        )
    )


@pytest.mark.parametrize(("name", "param", "more", "passes", "fails", "reason"), BOUNDARIES)
def test_every_rule_has_a_text_on_both_sides_of_its_bound(name, param, more, passes, fails, reason):
    assert reasons([passes, fails], only(name, param, **more)) == [None, reason]


def test_the_table_of_boundaries_is_complete():
    tried = {(name, reason) for name, _, _, _, _, reason in BOUNDARIES}
    possible = {("fineweb_quality", "no_lines"), ("gopher_repetition", "empty_text")}
    for flavour in FLAVOURS:
        for name in ("gopher_quality", "gopher_repetition"):
            possible |= {(name, rule.reason) for rule in FILTERS[name].rules(FILTERS[name].Params(flavour=flavour))}
    for name in ("fineweb_quality", "c4", "refinedweb_lines"):
        possible |= {(name, rule.reason) for rule in FILTERS[name].rules(FILTERS[name].Params())}
    assert possible - tried == {("fineweb_quality", "no_lines"), ("gopher_repetition", "empty_text")}
    assert reasons(["", " \n", "a"], stage("gopher_repetition"))[0] == "empty_text"
    assert reasons([" \n\t"], stage("gopher_repetition", flavour="dclm")) == ["empty_text"]
    assert reasons(["", " \n\t", "."], only("fineweb_quality", None)) == ["no_lines", "no_lines", None]


def test_rules_come_in_the_published_order_and_the_first_that_fails_wins():
    order = [rule.reason for rule in rules_of("gopher_repetition")]
    assert order[:5] == [
        "empty_text",
        "duplicate_paragraphs",
        "duplicate_paragraph_chars",
        "duplicate_lines",
        "duplicate_line_chars",
    ]
    assert order[5:] == [*(f"top_{n}grams" for n in (2, 3, 4)), *(f"duplicate_{n}grams" for n in range(5, 11))]
    order = [rule.reason for rule in rules_of("gopher_repetition", flavour="dclm")]
    assert order[1:5] == [
        "duplicate_lines",
        "duplicate_paragraphs",
        "duplicate_line_chars",
        "duplicate_paragraph_chars",
    ]
    assert reasons(["# " * 9], stage("gopher_quality")) == ["too_few_words"]
    assert reasons(["aa # " * 60], stage("gopher_quality")) == ["words_too_short"]


@pytest.mark.parametrize("name", QUALITY)
def test_all_limits_off_keeps_every_text_but_the_empty_ones(name):
    more = {"lorem_ipsum": False, "curly_bracket": False} if name == "c4" else {}
    kept = reasons(AWKWARD, only(name, None, **more))
    assert set(kept) <= {None, "empty_text", "no_lines", "no_words"}


def test_a_share_of_nothing_is_not_judged():
    columns = run(["😀", "#"], only("gopher_quality", None)).kept
    assert columns["gopher_quality_words"].to_pylist() == [0, 0]
    assert columns["gopher_quality_hashes"].to_pylist() == [None, None]
    assert reasons(["😀 😀", "#"], stage("gopher_quality", min_words=None, min_stop_words=None)) == [None, None]


def test_word_length_says_nothing_where_characters_are_words():
    lengths = run(["สวัสดี", "漢字 ab", "漢 ab cd", "漢 ab"], only("gopher_quality", None)).kept[
        "gopher_quality_word_length"
    ]
    assert lengths.to_pylist() == [None, None, 5 / 3, 1.5]


AWKWARD_NUMBERS = [
    # (text, words, their mean length, share of them with a letter, lines that are not blank)
    ("", 0, None, None, 0),
    (" \t\r\n\u3000", 0, None, None, 0),
    ("a", 1, 1.0, 1.0, 1),
    ("\x00", 0, None, None, 1),
    ("x" * 1_000_000, 1, 1e6, 1.0, 1),
    ("ab " * 333_333 + "c", 333_334, 666_667 / 333_334, 1.0, 1),
    ("😀 👩‍👩‍👧‍👦 🏳️‍🌈", 1, 1.0, 0.0, 1),  # the variation selector is a mark, emoji are no words
    ("😀😀", 0, None, None, 1),
    ("مرحبا بالعالم", 2, 6.0, 1.0, 1),
    ("\u202eab\u202c \u200fשלום", 2, 3.0, 1.0, 1),
    ("e\u0301a\u0300\u0301", 1, 5.0, 1.0, 1),
    ("\u0301\u0301", 1, 2.0, 0.0, 1),
    ("a\ud7ffb\ue000c\uffffd\U00010000e\U0010fffff", 5, 7 / 5, 1.0, 1),  # U+10000 is a letter, its neighbours none
    ("ที่", 3, None, 1.0, 1),  # a vowel and a tone sign are words there
]


@pytest.mark.parametrize(("text", "words", "length", "letters", "lines"), AWKWARD_NUMBERS)
def test_awkward_texts_are_measured_as_documented(text, words, length, letters, lines):
    kept = run([text], only("gopher_quality", None), only("fineweb_quality", None)).kept
    assert reasons([text], only("fineweb_quality", None)) == ["no_lines" if lines == 0 else None]
    if len(kept):
        (row,) = kept.to_pylist()
        assert (row["gopher_quality_words"], row["fineweb_quality_lines"]) == (words, lines)
        assert row["gopher_quality_word_length"] == (length if length is None else pytest.approx(length))
        assert row["gopher_quality_letter_words"] == letters


@pytest.mark.parametrize("name", QUALITY)
def test_a_null_leaves_before_any_rule_and_its_neighbours_are_judged_alone(name):
    applied = run([None, "a", None, ""], stage(name))
    rejects = applied.rejects.to_pylist()
    assert [row["doc_key"] for row in rejects if row["reason"] == "null_text"] == [0, 2]
    others = [row["reason"] for row in rejects if row["stage"] != "read"]
    assert others == run(["a", ""], stage(name)).rejects["reason"].to_pylist()
    assert len(applied.kept) + len(rejects) == 4


def test_every_bound_names_its_source():
    every = [*gopher_quality.BOUNDS, *(bound for some in gopher_repetition.BOUNDS.values() for bound in some)]
    assert all(bound.source for bound in every)
