"""The order of documents is a permutation in which chance decides, and depends on key and seed alone."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from filters.tokens.mixture import copies_by_size, document_weights, validation_mask, weighted_groups, whole_copies
from filters.tokens.params import FINEWEB2_COPIES, MixtureParams, ValidationParams
from filters.tokens.permutation import bucket, bucket_bounds, chances, mix64, ranks


def order(keys: np.ndarray, seed: int) -> np.ndarray:
    """Where each key stands."""
    return np.argsort(np.argsort(ranks(seed, keys, np.zeros(len(keys), np.int64))))


def test_mix64_is_splitmix64() -> None:
    # The published sequence of SplitMix64 for seed 1234567: the state grows by the golden ratio, each output is mixed.
    expected = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    golden = np.uint64(0x9E3779B97F4A7C15)
    with np.errstate(over="ignore"):
        states = np.uint64(1234567) + np.arange(5, dtype=np.uint64) * golden
    assert mix64(states).tolist() == expected


def keys_of_a_corpus() -> np.ndarray:
    """Keys as they are: a few files, rows one after the other."""
    return np.concatenate([(file << 40) + np.arange(16) for file in range(4)])


def test_every_document_may_stand_everywhere() -> None:
    keys, seeds = keys_of_a_corpus(), 3000
    places = np.zeros((len(keys), len(keys)), np.int64)
    for seed in range(seeds):
        places[np.arange(len(keys)), order(keys, seed)] += 1
    # 64 x 64 cells, each row and column adds up to the number of seeds: (n - 1)^2 degrees of freedom.
    statistic = ((places - seeds / len(keys)) ** 2 / (seeds / len(keys))).sum()
    assert stats.chi2(df=(len(keys) - 1) ** 2).sf(statistic) > 1e-4


def test_neighbours_are_as_often_before_each_other_as_not() -> None:
    keys, seeds = keys_of_a_corpus(), 2000
    before = sum((np.diff(order(keys, seed)) > 0).astype(np.int64) for seed in range(seeds))
    z = (before - seeds / 2) / np.sqrt(seeds / 4)
    assert np.abs(z).max() < 4.5
    # and do not stay together: the mean distance of two that were neighbours is a third of all places
    distances = np.mean([np.abs(np.diff(order(keys, seed))).mean() for seed in range(200)])
    assert abs(distances - (len(keys) + 1) / 3) < 0.3


def test_two_seeds_have_nothing_to_do_with_each_other() -> None:
    keys = np.arange(20_000)
    for other in (1, 2, 1 << 40):
        correlation = stats.spearmanr(order(keys, 0), order(keys, other)).statistic
        assert abs(correlation) < 4 / np.sqrt(len(keys))


def test_a_rank_depends_on_key_seed_and_copy_alone() -> None:
    keys = np.arange(1000)
    whole = ranks(3, keys, keys * 0)
    assert len(np.unique(whole)) == 1000
    assert (ranks(3, keys[::-1], keys * 0) == whole[::-1]).all()
    assert not (ranks(3, keys, keys * 0 + 1) == whole).any()
    assert not (ranks(4, keys, keys * 0) == whole).any()


@pytest.mark.parametrize("parts", [1, 2, 3, 7, 1000, (1 << 31) - 1])
def test_parts_of_all_ranks_follow_each_other(parts: int) -> None:
    some = {number for number in (0, 1, parts // 2, parts - 1) if number < parts}
    for number in some:
        first, end = bucket_bounds(number, parts)
        assert bucket(np.array([first, end - 1], np.uint64), parts).tolist() == [number, number]
        assert number + 1 == parts or bucket_bounds(number + 1, parts)[0] == end
    assert (bucket_bounds(0, parts)[0], bucket_bounds(parts - 1, parts)[1]) == (0, 1 << 64)


def test_copies_are_the_weight_on_average() -> None:
    keys = np.arange(40_000)
    for weight in (0.0, 0.3, 1.0, 2.5):
        copies = whole_copies(np.full(len(keys), weight), keys, seed=1)
        assert set(copies.tolist()) <= {int(weight), int(np.ceil(weight))}
        part = weight - int(weight)
        assert abs(copies.mean() - weight) <= 4 * np.sqrt(part * (1 - part) / len(keys))
    assert abs(chances(1, "mixture", keys).mean() - 0.5) < 0.01


def test_fineweb2_copies_are_those_of_its_readme() -> None:
    sizes = np.array([0, 1, 2, 3, 4, 5, 99, 100, 999, 1000, 10**6])
    assert copies_by_size(sizes, FINEWEB2_COPIES).tolist() == [1, 1, 2, 3, 3, 5, 5, 8, 8, 1, 1]


def test_weights_are_of_group_times_cluster() -> None:
    params = MixtureParams.model_validate(
        {"by": "language", "weights": {"en": 0.5}, "default": 2, "cluster_size": {"copies": "fineweb2"}}
    )
    batch = pa.record_batch({"language": ["en", "de", None], "size": [2, 1, None]})
    groups = weighted_groups(batch, "raw/a.parquet", params)
    assert groups.to_pylist() == ["en", "", ""]
    assert document_weights(batch, groups, params, "size").tolist() == [1.0, 2.0, 2.0]


def test_a_source_is_the_first_name_that_fits() -> None:
    params = MixtureParams(weights={"wiki": 3, "books-*.parquet": 0.5})
    batch = pa.record_batch({"text": ["a", "b"]})
    for uri, name, weight in (
        ("/raw/wiki/a.parquet", "wiki", 3),
        ("b/books-1.parquet", "books-*.parquet", 0.5),
        ("c", "", 1),
    ):
        groups = weighted_groups(batch, uri, params)
        assert groups.to_pylist() == [name, name]
        assert document_weights(batch, groups, params, None).tolist() == [weight, weight]


def test_duplicates_are_on_one_side() -> None:
    texts = [f"text number {n % 500}" + " " * (n // 500) for n in range(1000)]
    batch = pa.record_batch({"text": texts})
    mask = validation_mask(batch, "text", ValidationParams(share=0.3), ())
    assert (mask[:500] == mask[500:]).all()
    assert 90 < mask[:500].sum() < 210
    clusters = pa.record_batch({"text": texts, "c": [n // 4 for n in range(1000)], "s": [4] * 800 + [1] * 200})
    mask = validation_mask(clusters, "text", ValidationParams(share=0.3), (("c", "s"),))
    by_cluster = mask[:800].reshape(-1, 4)
    assert (by_cluster.all(axis=1) == by_cluster.any(axis=1)).all()
    assert 0 < mask[:800].sum() < 800
    sites = pa.record_batch({"text": texts, "site": [f"{n % 40}.org" for n in range(1000)]})
    mask = validation_mask(sites, "text", ValidationParams(share=0.3, by="site"), (("c", "s"),))
    assert (mask.reshape(-1, 40) == mask[:40]).all()


def test_the_side_does_not_depend_on_what_stands_beside() -> None:
    texts = [f"text {n}" for n in range(300)]
    params = ValidationParams(share=0.2, seed=7)
    whole = validation_mask(pa.record_batch({"text": texts}), "text", params, ())
    alone = [validation_mask(pa.record_batch({"text": [text]}), "text", params, ())[0] for text in texts]
    assert whole.tolist() == alone
