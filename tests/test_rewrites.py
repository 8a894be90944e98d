"""Tests of the kernels of `c4` and `refinedweb_lines`: each cuts and measures what its slow twin does."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from filters.kernels import c4 as c4_kernel
from filters.kernels import refinedweb as refinedweb_kernel
from filters.kernels.characters import load_characters
from filters.quality import c4, refinedweb
from filters.texts import as_text_array
from tests import reference_rewrites
from tests.strategies import AWKWARD, texts

C4 = {
    "tfds": {},
    "datatrove": {"flavour": "datatrove", "min_sentences": 2},
    "loose": {"min_sentences": None, "end_marks": None, "min_words": None, "lorem_ipsum": False},
    "tight": {"max_chars": 60, "max_word_chars": 7, "min_words": 2, "min_sentences": 1, "end_marks": (".", "。", "),")},
    "no citations": {"citations": False, "min_words": 2, "min_sentences": 0, "policy": False},
    "odd": {"curly_bracket": False, "javascript": False, "min_words": 0, "min_sentences": 2},
}
REFINEDWEB = {
    "published": {},
    "all kept": {"max_removed_words": None},
    "tight": {"max_uppercase": 0.1, "max_digits": 0.3, "min_words": 3, "max_removed_words": 0.6},
    "off": {"max_uppercase": None, "max_digits": None, "min_words": None, "counters": False, "max_phrase_words": None},
    "phrases": {"max_phrase_words": 30, "min_words": 0, "max_uppercase": None, "max_removed_words": 0.9},
}
PIECES = [
    *("\n", "\n", "\r\n", "\r", "\x0b", "\x1c", "\x85", "\u2028", " ", " ", "  ", "\t", "\u3000", "\xa0", "\x1f"),
    *(".", ". ", "!", "? ", "...", '"', "'", ")", "。", "؟ ", "। ", "！", "? \xa0", ". \x0b", "),", "\x00"),
    *("[", "[1]", "[12]", "[]", "[edit]", "[citation needed]", "[citation", "[x]", "[1", "]"),
    *("lorem ", "ipsum", "Lorem Ipsum", "lorem [3]ipsum", "JavaScript", "java", "script", "{", "}"),
    *("Terms of Use", "privacy policy", "Coo\u212aie Policy", "uses cookies", "use of cookies", "use cookies", "use "),
    *("One two three four five. ", "A", "b", "word", "word ", "é", "É ", "İ", "漢", "字 ", "ǅ", "١", "²", "½"),
    *("3 likes", "1.2K\tViews", "3,4 m", "comments", " shares", "_", "(3)", "12", "5\u212a l\u0130kes", "٣ views"),
    *("items in cart", " Items In Cart ", "read more", "Read more...", "read more漢字。", "Sign-in", "sign-in "),
]  # fmt: skip
pages = st.lists(st.sampled_from(PIECES), max_size=25).map("".join)
SMALL = [
    "", "\n", "\r\n", "\r", " ", "a\rb", "\na", "a\n\nb\n", " \n a", "[1]", "[1] [2]", "One. \xa0[1]", "a [1]\n",
    "İtems in cart", "items in cartitems in cart", "items in cart read more...", "sign-in", "sign-in items in cart",
    "xread more abc", "xread moreab", "AB", "AAAb", "3 likes\n" * 3, "a 12 likes", "12 likes a", "1 2 likes",
    "foo items in cartbar", "foo items in cart\nbar",
]  # fmt: skip


def as_rows(rewritten, count):
    """(text, edits, values) of every row."""
    edits = [[] for _ in range(count)]
    for edit in rewritten.edits.to_pylist():
        edits[edit["row"]].append((edit["kind"], edit["start"], edit["end"]))
    values = [
        dict(zip(rewritten.columns, row, strict=True))
        for row in zip(*map(pa.Array.to_pylist, rewritten.columns.values()), strict=True)
    ]
    return list(zip(rewritten.texts.to_pylist(), edits, values, strict=True))


def check(stage, params, clean, text_list):
    found = as_rows(stage.rewrite(as_text_array(text_list), None, params), len(text_list))
    for text, (after, edits, values) in zip(text_list, found, strict=True):
        page = clean(text, params)
        assert (after, edits, values) == (*reference_rewrites.edits(page, text), page.values), text


@pytest.mark.parametrize("params", C4.values(), ids=C4)
@given(st.lists(st.one_of(pages, pages, texts), min_size=1, max_size=4))
@example(SMALL)
@example([text for text in AWKWARD if len(text) < 6000])
@settings(max_examples=25)
def test_c4_equals_its_twin(params, text_list):
    check(c4, c4.C4Params(**params), reference_rewrites.clean_c4, text_list)


@pytest.mark.parametrize("params", REFINEDWEB.values(), ids=REFINEDWEB)
@given(st.lists(st.one_of(pages, pages, texts), min_size=1, max_size=4))
@example(SMALL)
@example([text for text in AWKWARD if len(text) < 6000])
@settings(max_examples=25)
def test_refinedweb_equals_its_twin(params, text_list):
    check(refinedweb, refinedweb.RefinedWebLinesParams(**params), reference_rewrites.clean_refinedweb, text_list)


def test_a_slice_of_a_batch_is_rewritten_like_the_whole():
    given_texts = ["One two three four five.\nno\n" * 3, "a", "x\n" * 50, "漢 字\n"]
    for stage, params in ((c4, c4.C4Params(min_sentences=1)), (refinedweb, refinedweb.RefinedWebLinesParams())):
        whole = as_rows(stage.rewrite(as_text_array(given_texts), None, params), 4)
        part = stage.rewrite(as_text_array(given_texts)[1:3], None, params)
        assert as_rows(part, 2) == whole[1:3]
        assert not len(stage.rewrite(as_text_array([]), None, params).texts)


@given(st.binary(max_size=60))
def test_any_bytes_are_safe(data):
    offsets, content = np.array([0, len(data)]), np.frombuffer(data, np.uint8)
    offsets.flags.writeable = False  # as Arrow's buffers, so that no kernel compiles anew
    off = refinedweb.RefinedWebLinesParams(max_removed_words=None)
    for kernel, arguments in (
        (c4_kernel.cut_c4, (*c4.kernel_arguments(c4.C4Params(min_sentences=0, end_marks=None)), np.empty((1, 4), int))),
        (refinedweb_kernel.cut_refinedweb, (refinedweb.kernel_limits(off), np.empty((1, 2), int))),
    ):  # fmt: skip
        bounds = np.empty(2, np.int64)
        kernel(offsets, content, load_characters(), *arguments, np.empty(len(data), np.uint8), bounds)
        assert 0 <= bounds[1] <= len(data)


@pytest.mark.parametrize("mark", ["", "123456789", "漢字漢"])
def test_an_end_mark_is_one_to_eight_bytes(mark):
    with pytest.raises(ValidationError, match="1 to 8 bytes"):
        c4.C4Params(end_marks=(mark,))
