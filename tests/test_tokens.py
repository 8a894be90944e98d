"""Tests of words: the kernels find, lower and hash the tokens that the slow twin finds, in any script and any bytes."""

import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.kernels import tokens as kernels
from filters.kernels.unicode_table import CODE_POINTS, LONE, SEPARATOR, WORD, char_class, load_table, lower_char
from filters.texts import as_text_array, text_buffers
from tests import reference
from tests.strategies import AWKWARD, text_lists, texts

KINDS = {"separator": SEPARATOR, "word": WORD, "lone": LONE}


def hashes_of(text, buffer=None):
    """Token hashes of a text (or bytes) through an output buffer of a given size."""
    data = np.frombuffer(text if isinstance(text, bytes) else text.encode(), np.uint8)
    found, i = [], 0
    while True:
        out = np.empty(buffer or len(data) + 1, np.uint64)
        count, i = kernels.token_hashes(data, i, len(data), load_table(), out)
        found += out[:count].tolist()
        if count < len(out):
            assert i == len(data)
            return found


def decoded(data, decode=kernels.decode):
    """All code points of some bytes, with the number of bytes each took."""
    array, found, i = np.frombuffer(data, np.uint8), [], 0
    while i < len(array):
        point, after = decode(array, i, len(array))
        assert i < after <= len(array)
        found.append((int(point), after - i))
        i = after
    return found


def test_table_is_unicodedata_where_the_interpreter_knows_the_character():
    table = load_table()
    assert table.shape == (CODE_POINTS,)
    known = [p for p in range(CODE_POINTS) if unicodedata.category(chr(p)) != "Cn"]
    expected = np.array([KINDS[reference.kind(chr(p))] << 24 | ord(reference.lower(chr(p))) for p in known], np.uint32)
    wrong = np.flatnonzero(table[known] != expected)
    assert [hex(known[i]) for i in wrong] == []


def test_table_lowers_and_classifies_once():
    """A lower-cased character is its own lower case and stays in its class."""
    table = load_table()
    lower = table & np.uint32(0xFFFFFF)
    assert (lower[lower] == lower).all()
    assert (table >> np.uint32(24) == table[lower] >> np.uint32(24)).all()


@pytest.mark.parametrize(
    ("char", "expected"),
    [("a", WORD), ("é", WORD), ("7", WORD), ("\u0301", WORD), ("한", WORD), ("ع", WORD), ("ह", WORD), ("漢", LONE),
     ("𠀀", LONE), ("ひ", LONE), ("カ", LONE), ("ﾊ", LONE), ("ไ", LONE), ("ຂ", LONE), ("ក", LONE), ("မ", LONE),
     ("々", LONE), ("_", SEPARATOR), ("-", SEPARATOR), ("。", SEPARATOR), ("😀", SEPARATOR), ("\u200d", SEPARATOR),
     ("\x00", SEPARATOR), ("\ufffd", SEPARATOR), ("\ufeff", SEPARATOR)],
)  # fmt: skip
def test_classes_by_example(char, expected):
    assert char_class(char) == load_table()[ord(char)] >> 24 == expected


def test_lower_case_never_changes_the_length():
    assert [lower_char(c) for c in "AİẞΣǅ"] == ["a", "İ", "ß", "σ", "ǆ"]


def test_fnv_and_fmix_have_their_published_values():
    """FNV-1a 64 of "a" and "foobar" (draft-eastlake-fnv), before the mixer; MurmurHash3's mixer of 0 and 1."""
    for text, value in [("a", 0xAF63DC4C8601EC8C), ("foobar", 0x85944171F73967E8)]:
        assert hashes_of(text) == [reference.fmix64(value)]
    assert kernels.fmix64(np.uint64(0)) == 0
    assert kernels.fmix64(np.uint64(1)) == 0xB456BCFC34C2CB2C


@given(st.integers(0, 2**64 - 1))
def test_fmix64_equals_its_twin(h):
    expected = reference.fmix64(h)
    assert int(kernels.fmix64(np.uint64(h))) == expected
    with np.errstate(over="ignore"):
        assert int(kernels.fmix64.py_func(np.uint64(h))) == expected


@pytest.mark.parametrize("text", AWKWARD, ids=lambda text: ascii(text[:12]))
def test_hashes_of_awkward_texts_equal_the_twin(text):
    assert hashes_of(text) == [reference.token_hash(token) for token in reference.tokens(text)]


@given(texts)
def test_hashes_of_any_text_equal_the_twin(text):
    assert hashes_of(text) == [reference.token_hash(token) for token in reference.tokens(text)]


@given(texts)
def test_compiled_and_plain_python_agree(text):
    data = np.frombuffer(text.encode(), np.uint8)
    fast, slow = np.zeros(len(data) + 1, np.uint64), np.zeros(len(data) + 1, np.uint64)
    with np.errstate(over="ignore"):
        plain = kernels.token_hashes.py_func(data, 0, len(data), load_table(), slow)
    assert kernels.token_hashes(data, 0, len(data), load_table(), fast) == plain
    assert fast.tolist() == slow.tolist()


@given(texts, st.integers(1, 7))
def test_a_small_buffer_cuts_between_tokens(text, buffer):
    assert hashes_of(text, buffer) == hashes_of(text)


@given(texts)
def test_case_does_not_matter_one_character_at_a_time(text):
    assert hashes_of("".join(map(reference.lower, text))) == hashes_of(text)


@given(text_lists)
def test_counts_equal_the_twin_whatever_the_batch(batch):
    offsets, data = text_buffers(as_text_array(batch))
    words, chars = np.full(len(batch), -1), np.full(len(batch), -1)
    kernels.count_tokens_and_chars(offsets, data, load_table(), words, chars)
    assert words.tolist() == [len(reference.tokens(text)) for text in batch]
    assert chars.tolist() == [len(text) for text in batch]


def test_counts_of_awkward_texts_equal_the_twin():
    test_counts_equal_the_twin_whatever_the_batch.hypothesis.inner_test(AWKWARD)


@given(texts)
def test_decode_equals_python(text):
    expected = [(ord(char), len(char.encode())) for char in text]
    assert decoded(text.encode()) == expected
    assert decoded(text.encode(), kernels.decode.py_func) == expected


def test_decode_knows_every_code_point():
    every = "".join(map(chr, [*range(0xD800), *range(0xE000, CODE_POINTS)]))
    data = np.frombuffer(every.encode(), np.uint8)
    words, chars = np.zeros(1, np.int64), np.zeros(1, np.int64)
    kernels.count_tokens_and_chars(np.array([0, len(data)]), data, load_table(), words, chars)
    assert chars[0] == len(every)
    for point in [0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x10FFFF]:
        assert decoded(chr(point).encode()) == [(point, len(chr(point).encode()))]


def spoilt():
    """Bytes that are nearly UTF-8: texts with bytes changed, cut and put in, and bytes of any kind."""
    near = st.tuples(texts, st.binary(max_size=4), st.integers(0, 100), st.integers(0, 3))
    return st.one_of(st.binary(max_size=40), near.map(lambda t: _spoil(t[0].encode(), *t[1:])))


def _spoil(data, extra, at, cut):
    at = at % (len(data) + 1)
    return data[:at] + extra + data[at + cut :]


@given(spoilt())
def test_decode_reads_any_bytes_to_their_end(data):
    found = decoded(data)
    assert sum(taken for _, taken in found) == len(data)
    assert found == decoded(data, kernels.decode.py_func)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        # The good beginning is read as Python reads it, the first bad byte becomes U+FFFD.
        good = data[: error.start].decode()
        assert [point for point, _ in found[: len(good) + 1]] == [*map(ord, good), 0xFFFD]
        assert found[len(good)][1] == 1
    else:
        assert [point for point, _ in found] == list(map(ord, text))


@given(spoilt(), st.integers(1, 5))
def test_tokens_of_any_bytes_are_those_of_their_decoding(data, buffer):
    text = "".join(chr(point) for point, _ in decoded(data))
    expected = [
        reference.token_hash(token)
        for token in reference.tokens("".join(c if unicodedata.category(c) != "Cn" else " " for c in text))
    ]
    if all(unicodedata.category(c) != "Cn" for c in text):
        assert hashes_of(data) == expected
    assert hashes_of(data, buffer) == hashes_of(data)


@pytest.mark.parametrize(
    "data",
    [b"\xc0\x80", b"\xe0\x80\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80", b"\xff", b"\x80",
     b"\xe6\xbc", b"\xf0\x9f\x98", b"\xc3"],
    ids=["overlong", "overlong slash", "surrogate", "above", "five bytes", "ff", "continuation", "cut han",
         "cut emoji", "cut e"],
)  # fmt: skip
def test_what_is_not_utf8_separates(data):
    assert [point for point, _ in decoded(data)] == [0xFFFD] * len(data)
    assert hashes_of(b"ab" + data + b"cd") == hashes_of("ab cd")
    assert hashes_of(b"ab" + data) == hashes_of("ab")


def test_decode_does_not_read_past_its_stop():
    data = np.frombuffer("漢字".encode(), np.uint8)
    assert kernels.decode(data, 0, 3) == (ord("漢"), 3)
    assert kernels.decode(data, 0, 2) == (0xFFFD, 1)


def test_combining_marks_stay_with_their_word_and_zwj_separates():
    assert reference.tokens("e\u0301tude") == ["e\u0301tude"]
    assert len(hashes_of("e\u0301tude")) == 1
    assert len(hashes_of("ab\u200dcd")) == 2
