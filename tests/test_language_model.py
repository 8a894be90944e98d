"""Our fastText kernel: the same labels and scores as the library's, to the last bit, for every kind of model."""

import functools

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.errors import RecipeError
from filters.fasttext_file import NotReadableError, read_fasttext, word_hash
from filters.language_model import Pieces, by_kernel, by_library, huffman_tree, load_model, small_model_path
from filters.texts import as_text_array, text_buffers
from tests.fasttext_files import KINDS, Recipe, write_model
from tests.strategies import AWKWARD, texts

PITFALLS = [
    "</s>", "a </s> b", "a</s>b", "</</s>s>", "</s", "<", ">", "< >", "<a>", "__label__aa", "__label__", "__label",
    "__label__zz the __label__aa und", "the\x00und", "\x00", "the\x85und", "a\x1c\x1d\x1e\x1fb",
    "\u1680a\u2000b\u200ac",
    "a\u200bb", "\u2028\u2029\u202f\u205f\u3000", "\u3001\u2070\u1681", "the " * 1500, "我" * 9000, "x" * 20_000,
]  # fmt: skip
"""Texts around fastText's marks, its white space and Python's, and texts longer than the kernel's buffer."""


def pieces_of(array):
    """Every text of an array, whole."""
    offsets, data = text_buffers(array)
    return Pieces(data, np.arange(len(array) + 1), offsets[:-1].copy(), offsets[1:].copy())


def named(model, answer):
    labels, scores = answer
    return [
        [(model.labels[label], score) for label, score in zip(row, row_scores, strict=True) if label >= 0]
        for row, row_scores in zip(labels.tolist(), scores.tolist(), strict=True)
    ]


def assert_equal(kernel, library, pieces, k=1):
    """Labels and scores are the same, bit by bit; among equal scores any order will do."""
    ours, theirs = named(kernel, kernel.predict(pieces, k)), named(library, library.predict(pieces, k))
    for row, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
        assert [s for _, s in mine] == [s for _, s in other], pieces.text(row)[:100]
        least = mine[-1][1] if len(mine) == k else -1
        assert {x for x in mine if x[1] > least} == {x for x in other if x[1] > least}, pieces.text(row)[:100]
        if k == 1:
            assert mine == other, pieces.text(row)[:100]


@functools.cache
def small():
    return by_kernel("small", read_fasttext(small_model_path())), by_library(small_model_path())


@pytest.fixture(scope="module", params=KINDS, ids=str)
def pair(request, tmp_path_factory):
    path = write_model(tmp_path_factory.mktemp("model") / "m.bin", KINDS[request.param])
    return by_kernel("m", read_fasttext(path)), by_library(path)


@pytest.mark.parametrize("k", [1, 3, 50])
def test_every_kind_of_model_predicts_as_the_library_does(pair, k):
    assert_equal(*pair, pieces_of(as_text_array([*AWKWARD, *PITFALLS])), k)


@pytest.mark.parametrize("k", [1, 5, 176])
def test_the_small_model_predicts_as_the_library_does(k):
    assert_equal(*small(), pieces_of(as_text_array([*AWKWARD, *PITFALLS])), k)


@given(st.lists(texts, max_size=8))
def test_any_text_is_predicted_as_the_library_does(some):
    assert_equal(*small(), pieces_of(as_text_array(some)))


@pytest.mark.corpus
def test_every_text_of_the_corpora_is_predicted_as_the_library_does(corpora):
    """All of lid/, and the first 300 characters of every web document; docs/language.md says how to do all of it."""
    lid = pq.read_table(corpora / "lid" / "lid.parquet")["text"]
    web = [pq.read_table(path)["text"] for path in sorted((corpora / "web").glob("*.parquet"))[:2]]
    for column in (lid, *web):
        array = as_text_array(pc.utf8_slice_codeunits(column.combine_chunks().drop_null(), 0, 300))
        assert_equal(*small(), pieces_of(array))


def test_pieces_are_read_as_lines_of_one_text():
    array = as_text_array(["one two three", "vier fünf sechs", "</s>"])
    _, data = text_buffers(array)
    split = Pieces(data, np.array([0, 3, 3, 4]), np.array([0, 3, 8, 13]), np.array([3, 8, 8, 29]))
    joined = as_text_array(["one two t", "", "vier fünf sechs"])
    kernel, library = small()
    assert_equal(kernel, library, split)
    assert named(kernel, kernel.predict(split, 2)) == named(kernel, kernel.predict(pieces_of(joined), 2))


def test_a_batch_without_texts():
    for model in small():
        labels, scores = model.predict(pieces_of(pa.array([], pa.large_string())), 1)
        assert labels.shape == scores.shape == (0, 1)


def test_fasttext_hashes_bytes_with_their_sign():
    # Published 32-bit FNV-1a of "foobar"; a byte above 127 differs from it, which is fastText's peculiarity.
    assert word_hash(b"foobar") == 0xBF9CF968
    assert word_hash("é".encode()) != _fnv1a("é".encode())


def _fnv1a(data):
    value = 2166136261
    for byte in data:
        value = (value ^ byte) * 16777619 & 0xFFFFFFFF
    return value


@given(st.lists(st.integers(1, 20), min_size=1, max_size=30))
def test_the_tree_has_the_least_path_length(counts):
    """Huffman's is the cheapest: merging the two smallest with a heap costs the same."""
    import heapq

    counts = sorted(counts, reverse=True)
    left, right = huffman_tree(np.array(counts))
    cost, heap = 0, list(counts)
    heapq.heapify(heap)
    while len(heap) > 1:
        both = heapq.heappop(heap) + heapq.heappop(heap)
        cost += both
        heapq.heappush(heap, both)
    sizes = [*counts]
    for node in range(len(counts), 2 * len(counts) - 1):
        sizes.append(sizes[left[node]] + sizes[right[node]])
    assert sum(sizes[len(counts) :]) == cost


def test_what_the_reader_does_not_know_is_left_to_the_library(tmp_path):
    path = write_model(tmp_path / "ns.bin", Recipe(loss="ns"))
    with pytest.raises(NotReadableError, match="loss 2"):
        read_fasttext(path)
    model = load_model(str(path))
    assert model.by == "library"
    assert named(model, model.predict(pieces_of(as_text_array(["the"])), 1))


def test_a_model_is_loaded_once_and_anew_when_its_file_changes(tmp_path):
    path = write_model(tmp_path / "m.bin", Recipe())
    first = load_model(str(path))
    assert load_model(str(path)) is first and first.by == "kernel"
    write_model(path, Recipe(labels=9))
    assert len(load_model(str(path)).labels) == 9


@pytest.mark.parametrize("kind", ["softmax", "pruned", "quantised output"])
def test_a_damaged_file_is_refused_wherever_it_ends(tmp_path, kind):
    whole = write_model(tmp_path / "m.bin", KINDS[kind]).read_bytes()
    for size in (0, 4, 30, 100, 140, len(whole) // 2, len(whole) - 1):
        path = tmp_path / f"{size}.bin"
        path.write_bytes(whole[:size])
        with pytest.raises(NotReadableError):
            read_fasttext(path)


def test_a_file_that_is_no_model_is_named(tmp_path):
    (tmp_path / "text.bin").write_text("not a model, not a model, not a model")
    with pytest.raises(RecipeError, match=r"text\.bin is not a fastText"):
        load_model(str(tmp_path / "text.bin"))
    with pytest.raises(RecipeError, match=r"cannot be read|not a fastText"):
        load_model(str(tmp_path))
