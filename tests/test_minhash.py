"""Tests of duplicates: signatures are datasketch's, Jaccard is exact, bands meet as often as they should."""

import itertools
import math
import random
from collections import defaultdict
from pathlib import Path

import datasketch
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from filters import minhash
from filters.kernels.minhash import CHUNK
from filters.verification import bucket_ids
from tests import reference
from tests.strategies import AWKWARD, text_lists, texts, word_texts

PAIRS = Path(__file__).parents[2] / "shared" / "corpora" / "pairs"


def witness(text, size, num_perm=128, seed=1):
    """datasketch's own MinHash of a text's shingles."""
    found = datasketch.MinHash(num_perm=num_perm, seed=seed, hashfunc=reference.shingle_hash32, scheme="affine32")
    shingles = list(dict.fromkeys(reference.shingles(text, size)))
    for first in range(0, len(shingles), 10_000):  # memory of a matrix is shingles x permutations
        found.update_batch(shingles[first : first + 10_000])
    return found


def words(count, seed=0, vocabulary=5000):
    """A text of so many words."""
    chosen = random.Random(seed)
    return " ".join(f"w{chosen.randrange(vocabulary)}" for _ in range(count))


def edited(text, edits, seed):
    """The text with some words replaced."""
    chosen = random.Random(seed)
    found = text.split()
    for _ in range(edits):
        found[chosen.randrange(len(found))] = f"new{chosen.randrange(10**6)}"
    return " ".join(found)


# Signatures


@pytest.mark.parametrize(("size", "num_perm", "seed"), [(1, 128, 1), (2, 16, 7), (5, 112, 1), (8, 64, 2**32 - 1)])
def test_signatures_of_awkward_texts_are_datasketchs(size, num_perm, seed):
    rows, counts = minhash.signatures(AWKWARD, num_perm=num_perm, shingle_size=size, seed=seed)
    assert rows.dtype == np.uint32
    for text, row, count in zip(AWKWARD, rows, counts, strict=True):
        assert row.tolist() == witness(text, size, num_perm, seed).hashvalues.tolist()
        assert count == len(reference.shingles(text, size))


@given(text_lists, st.sampled_from([1, 2, 5, 8]), st.sampled_from([2, 16, 128]), st.sampled_from([0, 1, 42]))
def test_signatures_of_any_texts_are_datasketchs(batch, size, num_perm, seed):
    rows, counts = minhash.signatures(batch, num_perm=num_perm, shingle_size=size, seed=seed)
    assert rows.tolist() == [witness(text, size, num_perm, seed).hashvalues.tolist() for text in batch]
    assert counts.tolist() == [len(reference.shingles(text, size)) for text in batch]


@pytest.mark.parametrize("size", [1, 2, 5, 8, 64])
def test_no_shingle_is_lost_or_made_twice_where_a_long_text_is_cut(size):
    """A text is hashed in stretches of CHUNK + size tokens: lengths around one, two and three of them."""
    cuts = [CHUNK, CHUNK + size, 2 * CHUNK + size + 1, 2 * (CHUNK + size)]
    lengths = sorted({cut + off for cut in cuts for off in (0, 1)})
    full = words(lengths[-1] + 1).split()
    endings = ["", " !!! ", "漢"]
    batch = [" ".join(full[:length]) + endings[length % 3] for length in lengths]
    rows, counts = minhash.signatures(batch, num_perm=4, shingle_size=size)
    offsets, sets = minhash.shingle_sets(batch, size)
    for i, text in enumerate(batch):
        shingles = reference.shingles(text, size)
        assert counts[i] == len(shingles)
        assert sets[offsets[i] : offsets[i + 1]].tolist() == sorted(set(map(reference.shingle_hash, shingles)))
        if i % 7 == 0:
            assert rows[i].tolist() == witness(text, size, 4).hashvalues.tolist()


def test_a_batch_does_not_leak_from_row_to_row():
    """Rows equal those of the texts alone, in any order, in slices and chunks."""
    batch = [*AWKWARD, words(CHUNK + 5), "one", words(3)]
    rows, counts = minhash.signatures(batch, num_perm=16)
    backwards, _ = minhash.signatures(batch[::-1], num_perm=16)
    assert (backwards[::-1] == rows).all()
    for i, text in enumerate(batch):
        alone, count = minhash.signatures([text], num_perm=16)
        assert (alone[0] == rows[i]).all() and count[0] == counts[i]
    array = pa.array(batch, pa.string())
    sliced, _ = minhash.signatures(array.slice(3, 20), num_perm=16)
    assert (sliced == rows[3:23]).all()
    chunked, _ = minhash.signatures(pa.chunked_array([array[:5], array[5:5], array[5:]]), num_perm=16)
    assert (chunked == rows).all()


@given(text_lists, text_lists)
def test_signatures_do_not_depend_on_neighbours(left, right):
    together, _ = minhash.signatures(left + right, num_perm=8)
    apart = np.concatenate([minhash.signatures(part, num_perm=8)[0] for part in (left, right)])
    assert (together == apart).all()


def test_a_smaller_signature_is_the_beginning_of_no_other_seed():
    """Seeds give different signatures; the order of the permutations is datasketch's for each num_perm."""
    text = words(50)
    first, _ = minhash.signatures([text], seed=1)
    second, _ = minhash.signatures([text], seed=2)
    assert (first != second).mean() > 0.9


def test_a_text_without_tokens_has_the_signature_of_the_empty_set():
    rows, counts = minhash.signatures(["", "!!", "\x00"], num_perm=8)
    assert counts.tolist() == [0, 0, 0]
    assert (rows == 0xFFFFFFFF).all()
    assert minhash.signatures([], num_perm=8)[0].shape == (0, 8)


@given(word_texts, word_texts, st.sampled_from([1, 2]))
def test_a_row_loads_into_datasketch_and_gives_the_same_estimate(left, right, size):
    (a, b), _ = minhash.signatures([left, right], shingle_size=size)
    ours = float((a == b).mean())
    assert minhash.as_datasketch(a).jaccard(minhash.as_datasketch(b)) == ours
    plain = [datasketch.MinHash(hashvalues=row, scheme="affine32") for row in (a, b)]
    assert plain[0].jaccard(plain[1]) == ours == witness(left, size).jaccard(witness(right, size))


def test_a_loaded_row_goes_on_as_datasketchs():
    """Merged and indexed: the union's signature is the signature of both texts' shingles."""
    left, right = words(40, 1), words(40, 2)
    (a, b), _ = minhash.signatures([left, right], seed=3)
    union = minhash.as_datasketch(a, seed=3)
    union.merge(minhash.as_datasketch(b, seed=3))
    expected = witness(left, 5, seed=3)
    expected.update_batch(reference.shingles(right, 5))
    assert (union.hashvalues == expected.hashvalues).all()
    index = datasketch.MinHashLSH(threshold=0.8, num_perm=128)
    index.insert("left", minhash.as_datasketch(a, seed=3))
    assert index.query(witness(left, 5, seed=3)) == ["left"]


# Exact Jaccard and its estimate


@given(word_texts, word_texts, st.sampled_from([1, 2, 5, 8]))
def test_jaccard_equals_the_twin(left, right, size):
    assert minhash.jaccard(left, right, size) == reference.jaccard(left, right, size)


@given(texts, texts, st.sampled_from([1, 2, 5]))
def test_jaccard_of_any_texts_equals_the_twin_and_is_symmetric(left, right, size):
    found = minhash.jaccard(left, right, size)
    assert found == reference.jaccard(left, right, size) == minhash.jaccard(right, left, size)
    assert minhash.jaccard(left, left, size) == (1.0 if reference.tokens(left) else 0.0)


def test_jaccard_by_hand():
    assert minhash.jaccard("a b c", "b c d", 1) == 0.5
    assert minhash.jaccard("a b c d", "b c d e", 2) == 0.5
    assert minhash.jaccard("", "") == 0.0
    assert minhash.jaccard("a b", "b a") == 0.0
    assert minhash.jaccard("A, b!", "a B") == 1.0


@given(text_lists, st.sampled_from([1, 5]))
def test_shingle_sets_equal_the_twin(batch, size):
    offsets, sets = minhash.shingle_sets(batch, size)
    expected = [sorted({reference.shingle_hash(s) for s in reference.shingles(text, size)}) for text in batch]
    assert [sets[a:b].tolist() for a, b in itertools.pairwise(offsets)] == expected


def test_shingle_sets_do_not_depend_on_where_memory_makes_them_cut(monkeypatch):
    whole = minhash.shingle_sets(AWKWARD)
    monkeypatch.setattr(minhash, "_BATCH_BYTES", 50)
    cut = minhash.shingle_sets(AWKWARD)
    assert all((a == b).all() for a, b in zip(whole, cut, strict=True))


def test_the_estimate_is_within_five_standard_errors():
    """300 pairs over the whole range; 1,024 permutations; the mean error, too, is that of an unbiased estimate."""
    n, errors = 1024, []
    for seed in range(300):
        left = words(400, seed)
        right = edited(left, seed % 60, seed)
        exact = minhash.jaccard(left, right)
        a, b = minhash.signatures([left, right], num_perm=n)[0]
        sigma = math.sqrt(max(exact * (1 - exact), 1 / n) / n)
        errors.append((float((a == b).mean()) - exact) / sigma)
    assert max(map(abs, errors)) < 5
    assert abs(np.mean(errors)) < 0.3


# Bands


@pytest.mark.parametrize(("bands", "rows"), [(14, 8), (9, 13), (20, 5), (1, 1)])
@pytest.mark.parametrize("jaccard", [0.0, 0.5, 0.7, 0.8, 0.9, 1.0])
def test_collision_probability_is_what_a_simulation_gives(bands, rows, jaccard):
    n = 20_000
    chance = np.random.default_rng(bands * rows)
    left = chance.integers(0, 2**32, (n, bands * rows), np.uint32)
    other = chance.integers(0, 2**32, left.shape, np.uint32)
    right = np.where(chance.random(left.shape) < jaccard, left, other)
    met = (minhash.band_hashes(left, bands, rows) == minhash.band_hashes(right, bands, rows)).any(axis=1).mean()
    p = minhash.collision_probability(jaccard, bands, rows)
    assert abs(met - p) <= 5 * math.sqrt(p * (1 - p) / n) + 1e-9


def test_equal_rows_of_different_bands_do_not_meet():
    hashes = minhash.band_hashes(np.zeros((2, 12), np.uint32), 4, 3)
    assert (hashes[0] == hashes[1]).all()
    assert len(np.unique(hashes[0])) == 4


def test_band_hashes_look_at_their_rows_only():
    row = np.arange(12, dtype=np.uint32)[None]
    for at in range(12):
        changed = row.copy()
        changed[0, at] += 1
        differs = (minhash.band_hashes(row, 3, 3) != minhash.band_hashes(changed, 3, 3))[0]
        assert differs.tolist() == [at // 3 == band for band in range(3)]


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7, 0.8, 0.9])
@pytest.mark.parametrize("num_perm", [32, 64, 128, 256])
def test_optimal_layout_is_datasketchs(threshold, num_perm):
    index = datasketch.MinHashLSH(threshold=threshold, num_perm=num_perm)
    assert minhash.optimal_layout(threshold, num_perm) == (index.b, index.r)
    even = minhash.MinHashParams(threshold=threshold, num_perm=num_perm, miss_weight=0.5)
    assert even.layout() == (index.b, index.r)


@pytest.mark.parametrize(("threshold", "num_perm"), [(1.0, 128), (0.99, 128), (0.95, 16), (0.8, 2)])
def test_thresholds_near_one_have_a_layout_although_datasketch_refuses_one_band(threshold, num_perm):
    assert minhash.optimal_layout(threshold, num_perm) == (2, num_perm // 2)
    assert minhash.collision_probability(1.0, 2, num_perm // 2) == 1.0


def test_a_heavier_weight_on_misses_finds_more():
    found = [minhash.collision_probability(0.8, *minhash.optimal_layout(0.8, 128, w)) for w in (0.1, 0.5, 0.9)]
    assert found == sorted(found) and found[0] < found[-1]


@given(st.floats(0.01, 1), st.integers(2, 300), st.floats(0.5, 0.9999))
def test_high_recall_layout_keeps_its_promise_with_the_longest_bands_that_can(threshold, num_perm, recall):
    bands, rows = minhash.high_recall_layout(threshold, num_perm, recall)
    assert 1 <= bands * rows <= num_perm
    if rows > 1:
        assert minhash.collision_probability(threshold, bands, rows) >= recall
    if rows < num_perm:
        assert minhash.collision_probability(threshold, num_perm // (rows + 1), rows + 1) < recall


def test_fineweb_layout_is_taken_as_given():
    assert minhash.MinHashParams(bands=14, rows=8).layout() == (14, 8)


@pytest.mark.parametrize(
    "wrong",
    [{"bands": 3}, {"rows": 3}, {"bands": 100, "rows": 100}, {"threshold": 0}, {"threshold": 1.1}, {"num_perm": 1},
     {"shingle_size": 0}, {"shingle_size": 65}, {"seed": -1}, {"seed": 1 << 32}, {"treshold": 0.8}],
    ids=str,
)  # fmt: skip
def test_impossible_parameters_are_refused(wrong):
    with pytest.raises(ValidationError):
        minhash.MinHashParams(**wrong)


@given(st.lists(st.lists(st.integers(0, 4), min_size=3, max_size=3), max_size=8))
def test_bucket_ids_list_the_buckets_that_are_shared(rows):
    hashes = np.array(rows, np.uint64).reshape(-1, 3) * np.uint64(5) + np.arange(3, dtype=np.uint64)
    offsets, numbers, n = bucket_ids(hashes)
    members = defaultdict(set)
    for doc in range(len(rows)):
        for bucket in hashes[doc].tolist():
            members[bucket].add(doc)
    expected = sorted(sorted(docs) for docs in members.values() if len(docs) > 1)
    found = defaultdict(list)
    for doc in range(len(rows)):
        for number in numbers[offsets[doc] : offsets[doc + 1]].tolist():
            found[number].append(doc)
    assert sorted(found.values()) == expected
    assert sorted(found) == list(range(n))


# Outside witness: pairs of documents with a Jaccard that others computed


def pairs_of(language, limit):
    documents = pq.read_table(PAIRS / f"docs_{language}.parquet", columns=["id", "text"])
    by_id = dict(zip(documents["id"].to_pylist(), documents["text"].to_pylist(), strict=True))
    rows = pq.read_table(PAIRS / f"pairs_{language}.parquet", columns=["id_a", "id_b", "jaccard"]).to_pylist()
    step = max(1, len(rows) // limit)
    return [(by_id[r["id_a"]], by_id[r["id_b"]], r["jaccard"]) for r in rows[::step]]


@pytest.mark.corpus
@pytest.mark.skipif(not PAIRS.is_dir(), reason="needs ../shared/corpora/pairs")
@pytest.mark.parametrize("language", ["en", "zh"])
def test_jaccard_agrees_with_labelled_pairs(language):
    """Their words may hold `_`, ours do not: the mean difference is small, not nothing."""
    pairs = pairs_of(language, 3600)
    difference = [abs(minhash.jaccard(left, right) - labelled) for left, right, labelled in pairs]
    assert np.mean(difference) < 0.01


@pytest.mark.corpus
@pytest.mark.skipif(not PAIRS.is_dir(), reason="needs ../shared/corpora/pairs")
@pytest.mark.parametrize("language", ["en", "zh"])
def test_recall_of_fourteen_by_eight_follows_the_s_curve(language):
    """Mean over pairs of each tenth of Jaccard; many seeds make up for few pairs."""
    pairs = pairs_of(language, 900)
    exact = np.array([minhash.jaccard(left, right) for left, right, _ in pairs])
    expected = np.array([minhash.collision_probability(j, 14, 8) for j in exact])
    met = np.zeros(len(pairs))
    seeds = range(4)
    for seed in seeds:
        sides = [
            minhash.band_hashes(minhash.signatures([p[side] for p in pairs], num_perm=112, seed=seed)[0], 14, 8)
            for side in (0, 1)
        ]
        met += (sides[0] == sides[1]).any(axis=1)
    met /= len(seeds)
    for tenth in range(10):
        inside = (exact >= tenth / 10) & (exact < (tenth + 1) / 10)
        if inside.sum() < 10:
            continue
        sigma = math.sqrt((expected * (1 - expected))[inside].sum() / len(seeds)) / inside.sum()
        assert abs(met[inside].mean() - expected[inside].mean()) < 5 * sigma + 0.002
    assert (met[exact == 1] == 1).all()
