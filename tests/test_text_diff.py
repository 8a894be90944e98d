"""Differences of texts: nothing is lost, what is said to be the same is, and no text makes it slow."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.text_diff import MOST_WORDS, diff_words, words_of

words = st.lists(st.sampled_from(["a", "bb ", "c, ", "漢字", "\n", "ไทย", "é", "x" * 30, " "]), max_size=30).map(
    "".join
)
texts = st.one_of(words, st.text(max_size=60))


@given(texts)
def test_words_join_to_the_text(text: str) -> None:
    assert "".join(words_of(text)) == text


@given(texts, texts, st.integers(1, 20))
def test_both_sides_join_to_their_texts_up_to_what_was_not_compared(left: str, right: str, most: int) -> None:
    found = diff_words(left, right, most)
    for side, text, rest in (("left", left, found.left_rest), ("right", right, found.right_rest)):
        joined = "".join(getattr(piece, side) for piece in found.pieces)
        assert joined == text[: len(text) - rest]


@given(texts, texts)
def test_a_difference_is_found_if_and_only_if_there_is_one(left: str, right: str) -> None:
    assert all(piece.same for piece in diff_words(left, right).pieces) == (left == right)


@given(words, words, words)
def test_one_changed_place_between_equal_ones_is_found_by_itself(before: str, changed: str, after: str) -> None:
    """At most the words at its borders go along."""
    found = diff_words(f"{before} . {after}", f"{before} . {changed} . {after}")
    added = sum(len(piece.right) - len(piece.left) for piece in found.pieces)
    assert added == len(changed) + 3


def test_a_word_is_changed_as_a_whole() -> None:
    found = diff_words("he was walking home", "he was talking home")
    assert [(piece.left, piece.right) for piece in found.pieces if not piece.same] == [("walking ", "talking ")]
    found = diff_words("step by step", "step by steps")
    assert [(piece.left, piece.right) for piece in found.pieces if not piece.same] == [("step", "steps")]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("a b " * 10**6, "b a " * 10**6),
        ("a" * 10**7, "b" * 10**7),
        ("x " + "same " * 10**6 + "y", "z " + "same " * 10**6 + "w"),
        (" ".join(map(str, range(10**5))), " ".join(map(str, reversed(range(10**5))))),
    ],
    ids=["two words", "one word", "two ends", "turned round"],
)
def test_long_texts_take_bounded_time(left: str, right: str) -> None:
    began = time.process_time()
    found = diff_words(left, right)
    assert time.process_time() - began < 10  # a second or less on a quiet machine; not at all without bounds
    assert sum(len(words_of(piece.left)) for piece in found.pieces if not piece.same) <= MOST_WORDS
