"""Tests of the text statistics: every kernel equals its slow twin, on texts of any script and on the awkward ones."""

import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from filters.kernels import characters, lines, repeats, words
from filters.kernels.characters import FLAGS, load_characters
from filters.kernels.unicode_table import CODE_POINTS
from filters.quality.statistics import StopWords
from filters.texts import as_text_array, text_buffers
from tests import reference, reference_statistics
from tests.strategies import AWKWARD, texts

COUNTING = {"published": repeats.PUBLISHED, "dolma": repeats.DOLMA, "dclm": repeats.DCLM}

# Lines, bullets, ellipses, repeats and every kind of line break, dense enough to meet each other.
PIECES = [
    "\n",
    "\n",
    "\n\n",
    "\r\n",
    "\r",
    "\x0b",
    "\x0c",
    "\x1c",
    "\x85",
    "\u2028",
    " ",
    " ",
    "\u3000",
    "\t",
    "-",
    "•",
    "*",
    "●",
    "...",
    ".",
    "…",
    ". . .",
    " . ",
    "#",
    "a",
    "b",
    "word",
    "the",
    "The",
    "of",
    "be",
    "你",
    "好",
    "。",
    "x!",
    "5",
    "É",
    "a b c d e f g",
    "\ufeff",
    "😀",
    "e\u0301",
    "and\nagain\n",
    "one two three four five six seven eight nine ten eleven ",
]
page_texts = st.lists(st.sampled_from(PIECES), max_size=60).map("".join)
few_words = st.lists(st.sampled_from(["a", "bb", "你", "好", "C", "."]), max_size=80).map(" ".join)
any_texts = st.one_of(texts, page_texts, few_words)
awkward = [text for text in AWKWARD if len(text) < 2000]


def table_of(kernel, columns, text_list, *arguments):
    offsets, data = text_buffers(as_text_array(text_list))
    out = np.zeros((len(text_list), columns), np.int64)
    kernel(offsets, data, load_characters(), *arguments, out)
    return out


def named(module, row, names):
    return {name: int(row[getattr(module, name)]) for name in names}


def check_words(text_list, flavour):
    found = table_of(words.word_counts, words.WORD_COUNTS, text_list, flavour == "whitespace")
    for text, row in zip(text_list, found, strict=True):
        expected = reference_statistics.word_counts(text, flavour)
        assert named(words, row, expected) == expected


def check_lines(text_list, counting, short=5):
    found = table_of(lines.line_counts, lines.LINE_COUNTS, text_list, COUNTING[counting], short)
    for text, row in zip(text_list, found, strict=True):
        expected = reference_statistics.line_counts(text, counting, short)
        assert named(lines, row, expected) == expected, repr(text)


def check_repeats(text_list, flavour, counting):
    arguments = (flavour == "whitespace", COUNTING[counting])
    found = table_of(repeats.repeat_counts, repeats.REPEAT_COUNTS, text_list, *arguments)
    for text, row in zip(text_list, found, strict=True):
        expected = reference_statistics.repeat_counts(text, flavour, counting)
        for name, value in expected.items():
            base, _, n = name.partition(" ")
            assert row[getattr(repeats, base) + int(n or 0)] == value, (name, text)


FLAVOURS = pytest.mark.parametrize("flavour", ["beamsift", "whitespace"])
COUNTINGS = pytest.mark.parametrize("counting", COUNTING)


@FLAVOURS
@given(st.lists(any_texts, max_size=4))
@example(awkward)
def test_word_counts_equal_their_twin(flavour, text_list):
    check_words(text_list, flavour)


@COUNTINGS
@given(st.lists(any_texts, max_size=4))
@example(awkward)
@example(
    [
        "",
        "\n",
        "\n\n",
        " \n ",
        "a\n",
        "\na",
        "a\n\na\n\n\n a",
        "a\r\n\r\nb\r",
        "-\n- \n -",
        ".\n..\n...\n....",
        "a\nb\n\nb\na\n\na\nb",
        "a\na\n\nb\nb\n\nabcdefgh\nabcdefghabcdefgh",
        "abcdefghijklmnop\nijklmnopabcdefgh\nabcdefghijklmnop\nabcdefgh\0",
        "a \n\n  \n\nb ",
    ]
)
@settings(max_examples=200)
def test_line_counts_equal_their_twin(counting, text_list):
    check_lines(text_list, counting)


@FLAVOURS
@COUNTINGS
@given(st.lists(any_texts, max_size=3))
@example(awkward)
def test_repeat_counts_equal_their_twin(flavour, counting, text_list):
    check_repeats(text_list, flavour, counting)


@FLAVOURS
def test_a_line_of_a_megabyte_and_one_word_of_a_megabyte(flavour):
    text_list = [*AWKWARD[-4:], "the cat sat on the mat and then again " * 27_000, "x" * 1_000_000, "漢" * 340_000]
    check_words(text_list, flavour)
    check_lines(text_list, "published", 30)
    check_repeats(text_list[:5], flavour, "published")


@pytest.mark.parametrize("fold", [False, True])
@FLAVOURS
@given(st.lists(any_texts, max_size=4), st.data())
def test_stop_words_equal_their_twin(flavour, fold, text_list, data):
    lists = [{"the", "be", "of", "a"}, {"你", "好", "b"}, set()]
    hashes, offsets = [], [0]
    for listed in lists:
        hashes += [reference.token_hash(word) for word in sorted(listed)]
        offsets.append(len(hashes))
    chosen = np.array([data.draw(st.integers(-1, 2)) for _ in text_list], np.int64)
    distinct, total = np.full((2, len(text_list)), -5, np.int64)
    text_offsets, bytes_ = text_buffers(as_text_array(text_list))
    words.stop_words(
        text_offsets,
        bytes_,
        load_characters(),
        flavour == "whitespace",
        fold,
        chosen,
        np.array(offsets),
        np.array(hashes, np.uint64),
        distinct,
        total,
    )
    for k, text in enumerate(text_list):
        listed = lists[chosen[k]] if chosen[k] >= 0 else set()
        assert (distinct[k], total[k]) == reference_statistics.stop_words(text, flavour, listed, fold)


inner_words = st.text(st.sampled_from("aé你好人😀 "), min_size=1, max_size=4)
inner_texts = st.lists(st.sampled_from([*"aé你好人😀 ", "aaa", "你你", "ä", "佀", "\0"]), max_size=40).map("".join)


@given(st.lists(st.tuples(st.one_of(inner_texts, any_texts), st.sampled_from(["x", "y", "z", "none"])), max_size=6),
       st.dictionaries(st.sampled_from(["x", "y"]), st.sets(inner_words, max_size=9)))  # fmt: skip
def test_stop_words_within_others_equal_their_twin(chosen, lists):
    lists = {**lists, "z": {"the", "你"}}
    counted = StopWords({name: sorted(words) for name, words in lists.items()}, "beamsift", within=frozenset("xy"))
    distinct, total = counted.count(
        as_text_array([t for t, _ in chosen]), pa.array([n for _, n in chosen], pa.string())
    )
    for k, (text, name) in enumerate(chosen):
        listed = lists.get(name, set())
        twin = reference_statistics.stop_words_within(text, listed)
        if name == "z":
            twin = reference_statistics.stop_words(text, "beamsift", listed)
        assert (distinct[k], total[k]) == twin, (text, listed)


@given(st.binary(max_size=60))
def test_any_bytes_are_safe(data):
    offsets = np.array([0, len(data)])
    offsets.flags.writeable = False  # as Arrow's buffers, so that no kernel compiles anew
    array = np.frombuffer(data, np.uint8)
    for kernel, columns, arguments in (
        (words.word_counts, words.WORD_COUNTS, (True,)),
        (lines.line_counts, lines.LINE_COUNTS, (COUNTING["dclm"], 30)),
        (repeats.repeat_counts, repeats.REPEAT_COUNTS, (False, 0)),
    ):
        out = np.zeros((1, columns), np.int64)
        kernel(offsets, array, load_characters(), *arguments, out)
        assert (out >= 0).all()


def test_the_character_table_is_what_str_says_where_the_interpreter_knows_the_character():
    table = load_characters()
    known = [p for p in range(CODE_POINTS) if unicodedata.category(chr(p)) not in ("Cn", "Cs")]
    for name, asks in characters._ASKED.items():
        wrong = [hex(p) for p in known if bool(table[p] & FLAGS[name]) != asks(chr(p))]
        assert wrong == [], name
    assert sum(bool(entry) for entry in table & FLAGS["terminal"]) == 159
    assert sum(bool(entry) for entry in table & FLAGS["symbol"]) == 281
