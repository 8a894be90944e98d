"""`deduplicate_texts`: survivors are those of brute force, in order; anything but a list of texts is refused."""

from __future__ import annotations

import random

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters import minhash
from tests import reference
from tests.strategies import AWKWARD, texts
from tests.test_minhash import edited, words


def planted(seed, originals=25, length=60):
    """Texts with near duplicates of all degrees, exact ones, empty and token-free ones, shuffled."""
    chosen = random.Random(seed)
    batch = []
    for i in range(originals):
        text = words(chosen.randrange(3, length), seed * 1000 + i)
        batch.append(text)
        for _ in range(chosen.randrange(4)):
            text = edited(text, chosen.randrange(3), chosen.random())  # chains: copies of copies
            batch.append(text if chosen.random() < 0.7 else text.upper() + "!")
    batch += ["", "", "...", "!!!", "...", "漢字" * 9, "漢字" * 9 + "。"]
    chosen.shuffle(batch)
    return batch


@pytest.mark.parametrize("threshold", [0.5, 0.7, 0.8, 0.9, 1.0])
@pytest.mark.parametrize("seed", range(6))
def test_deduplicate_texts_equals_brute_force(threshold, seed):
    batch = planted(seed)
    kept = minhash.deduplicate_texts(batch, threshold)
    assert kept == reference.survivors(batch, threshold)
    assert len(kept) < len(batch)
    assert minhash.deduplicate_texts(kept, threshold) == kept


@pytest.mark.parametrize(("size", "seed"), [(1, 1), (2, 5), (8, 9)])
def test_deduplicate_texts_equals_brute_force_for_other_shingles_and_seeds(size, seed):
    batch = planted(seed)
    assert minhash.deduplicate_texts(batch, 0.8, shingle_size=size, seed=seed) == reference.survivors(batch, 0.8, size)


@settings(max_examples=50)
@given(st.lists(texts, max_size=12), st.sampled_from([0.5, 0.9, 1.0]))
def test_deduplicate_texts_keeps_order_and_drops_only_what_has_a_survivor(batch, threshold):
    kept = minhash.deduplicate_texts(batch, threshold)
    first = list(dict.fromkeys(batch))
    assert kept == [text for text in first if text in set(kept)]
    assert minhash.deduplicate_texts(kept, threshold) == kept
    for at, text in enumerate(first):
        if text not in kept:
            assert any(reference.jaccard(text, other) >= threshold for other in first[:at] if other in kept)


def test_a_chain_is_anchored_to_its_survivors():
    """b is too like a, c is too like b but not like a: c stays, for b has gone."""
    a = " ".join(f"w{i}" for i in range(30))
    b = a + " x1 x2 x3"
    c = b + " y1 y2 y3 y4"
    assert reference.jaccard(a, b) > 0.85 and reference.jaccard(b, c) > 0.85 > reference.jaccard(a, c)
    assert minhash.deduplicate_texts([a, b, c], 0.85) == [a, c]
    assert minhash.deduplicate_texts([b, a, c], 0.85) == [b]


def test_a_pair_exactly_at_the_threshold_is_a_duplicate():
    """0.55 * 100 is above 55 in floating point, 55 / 100 >= 0.55 is true: the comparison must be the second."""
    whole = " ".join(f"w{i}" for i in range(100))
    part = " ".join(f"w{i}" for i in range(55))
    assert minhash.jaccard(whole, part, 1) == 0.55
    assert minhash.deduplicate_texts([whole, part], 0.55, shingle_size=1) == [whole]
    assert minhash.deduplicate_texts([whole, part], 0.5501, shingle_size=1) == [whole, part]


def test_a_stricter_threshold_drops_no_more():
    batch = planted(3)
    kept = [len(minhash.deduplicate_texts(batch, threshold)) for threshold in (0.4, 0.6, 0.8, 0.9, 1.0)]
    assert kept == sorted(kept)


def test_small_lists():
    assert minhash.deduplicate_texts([]) == []
    assert minhash.deduplicate_texts(["", "", ""]) == [""]
    assert minhash.deduplicate_texts(["!", "?", "!", "", " "]) == ["!", "?", "", " "]
    assert minhash.deduplicate_texts(["a", "A", "a"]) == ["a"]
    assert minhash.deduplicate_texts(AWKWARD * 2) == minhash.deduplicate_texts(AWKWARD)


def test_short_texts_of_scripts_without_spaces_do_not_collapse():
    batch = ["今天天气很好", "明天天气很好", "今日は晴れです", "明日は雨です", "วันนี้อากาศดี", "พรุ่งนี้ฝนตก"]
    batch += ["你好", "再见", "漢", "字"]
    assert minhash.deduplicate_texts(batch) == batch
    assert minhash.deduplicate_texts([*batch, "今天天气很好。"]) == batch


@pytest.mark.parametrize("wrong", [[1], ["a", None], [b"a"], "one text", [["a"]]], ids=str)
def test_anything_but_a_list_of_str_is_a_type_error(wrong):
    with pytest.raises(TypeError, match="str"):
        minhash.deduplicate_texts(wrong)


@pytest.mark.parametrize("threshold", [0, -0.1, 1.0001, float("nan"), float("inf")])
def test_a_threshold_outside_its_range_is_a_value_error(threshold):
    with pytest.raises(ValueError, match="threshold"):
        minhash.deduplicate_texts(["a"], threshold)


def test_nulls_are_refused_with_their_number():
    with pytest.raises(ValueError, match="2 nulls"):
        minhash.signatures(pa.array(["a", None, None]))
