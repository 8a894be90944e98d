"""Tests of verification: the same survivors as a quadratic twin, whatever the order, parts and slices they come in."""

from __future__ import annotations

import dataclasses
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.errors import RecipeError
from filters.keep import LAST, Best, Sources, check_sources, rank_rows, source_place
from filters.kernels.verify import CONTAINMENT, JACCARD, common_at_least, common_at_most, profiles, similarity_at_least
from filters.members import Members, unpack_members
from filters.replay import Evidence, replay
from filters.verification import Criteria, decide
from tests import reference

sets_of_numbers = st.frozensets(st.integers(0, 12), min_size=1, max_size=8)
# A document: shingles, and a bucket in each of three bands. Equal shingles must mean equal buckets, as signatures do.
bucket = st.integers(0, 3)


AT_ONCE = "filters.verification._ROWS_AT_ONCE"


@st.composite
def corpora(draw: st.DrawFn) -> tuple[list[frozenset[int]], list[tuple[int, ...]]]:
    sets = draw(st.lists(sets_of_numbers, min_size=1, max_size=14))
    bands: dict[frozenset[int], tuple[int, ...]] = {}
    for one in sets:
        if one not in bands:
            bands[one] = tuple(10 * band + draw(bucket) for band in range(3))
    return sets, [bands[one] for one in sets]


def members(sets, bands, keys=None, ranks=None) -> Members:
    """Members of one component."""
    rows = len(sets)
    sizes = np.array([len(one) for one in sets], np.int64)
    words = np.array([number for one in sets for number in sorted(one)], np.uint64)
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
    keys = np.arange(rows) if keys is None else np.asarray(keys, np.int64)
    ranks = np.empty((rows, 0), np.int64) if ranks is None else np.asarray(ranks, np.int64).reshape(rows, -1)
    bands = np.array(bands, np.uint64).reshape(rows, -1)
    return Members.of_sets(keys, np.full(rows, keys.min()), (offsets, words), bands, ranks)


def outcome(decisions):
    """(survivor, similarity, shared bands) by key."""
    order = np.argsort(decisions.key)
    columns = (decisions.survivor, decisions.similarity, decisions.shared)
    return list(zip(*(column[order].tolist() for column in columns), strict=True))


@pytest.mark.parametrize("measure", ["jaccard", "containment"])
@given(corpora(), st.sampled_from([0.2, 0.5, 0.75, 1.0]))
def test_decisions_equal_the_quadratic_twin(measure, corpus, threshold):
    sets, bands = corpus
    decisions, _ = decide(members(sets, bands), Criteria(threshold, measure=measure))
    expected = reference.anchored([set(s) for s in sets], [set(b) for b in bands], threshold, measure)
    assert outcome(decisions) == expected
    assert decisions.decided.all()


@given(corpora(), st.randoms(use_true_random=False), st.integers(1, 5), st.sampled_from([2, 3, 1000]))
def test_order_parts_and_slices_change_nothing(corpus, chance, parts, slice_size):
    sets, bands = corpus
    whole, _ = decide(members(sets, bands), Criteria(0.5))
    places = list(range(len(sets)))
    chance.shuffle(places)
    packed = b""
    for part in range(parts):
        mine = places[part::parts]
        if mine:
            piece = members([sets[i] for i in mine], [bands[i] for i in mine], mine)
            packed += piece.take(np.arange(len(mine))[::-1]).pack()
    words = np.frombuffer(packed, np.uint64).copy()
    found = unpack_members(words)
    found = Members(**{**vars(found), "root": np.zeros(len(found), np.int64)})
    decisions, _ = decide(found, Criteria(0.5, max_component=slice_size))
    assert outcome(decisions) == outcome(whole)
    for name in ("cluster", "cluster_size", "component_size", "same_as"):
        assert (
            getattr(decisions, name)[np.argsort(decisions.key)].tolist()
            == getattr(whole, name)[np.argsort(whole.key)].tolist()
        )


@given(corpora(), st.sampled_from([2, 1000]), st.sampled_from(["exact", "none"]))
def test_arrays_in_files_and_small_parts_change_nothing(corpus, slice_size, verify):
    sets, bands = corpus
    criteria = Criteria(0.5, verify=verify, max_component=slice_size)
    held = decide(unpack_members(np.frombuffer(members(sets, bands).pack(), np.uint64)), criteria)
    with patch("filters.room.MAPPED_FROM", 0), patch("filters.room._STEP", 2), patch(AT_ONCE, 2):
        mapped = decide(unpack_members(np.frombuffer(members(sets, bands).pack(), np.uint64)), criteria)
    for one, other in zip(held, mapped, strict=True):
        order, other_order = (np.lexsort((getattr(x, "earlier", x.key), x.key)) for x in (one, other))
        for name, column in vars(one).items():
            np.testing.assert_array_equal(column[..., order], getattr(other, name)[..., other_order], name)


@given(corpora(), st.data())
def test_ranks_come_before_keys(corpus, data):
    sets, bands = corpus
    ranks = data.draw(st.lists(st.integers(-3, 3), min_size=len(sets), max_size=len(sets)))
    decisions, _ = decide(members(sets, bands, ranks=ranks), Criteria(0.5))
    order = sorted(range(len(sets)), key=lambda i: (ranks[i], i))
    expected = reference.anchored([set(sets[i]) for i in order], [set(bands[i]) for i in order], 0.5)
    by_key = {order[i]: (order[survivor], *rest) for i, (survivor, *rest) in enumerate(expected)}
    assert outcome(decisions) == [by_key[key] for key in range(len(sets))]


@given(corpora(), st.data(), st.sampled_from([0.5, 0.8]))
def test_a_replay_of_what_was_written_equals_the_run(corpus, data, threshold):
    """Twins of different rank among them: each keeps a rank of its own in the evidence."""
    sets, bands = corpus
    ranks = data.draw(st.lists(st.integers(-3, 3), min_size=len(sets), max_size=len(sets)))
    run, pairs = decide(members(sets, bands, ranks=ranks), Criteria(threshold))
    assert run.ranks[0].tolist() == [ranks[key] for key in run.key]
    assert replay(evidence_of(run, pairs), threshold).survivor.tolist() == run.survivor.tolist()


def evidence_of(run, pairs) -> Evidence:
    paired = run.paired.astype(np.bool_)
    documents = (run.key, run.same_as, run.component, paired, run.ranks.T)
    return Evidence(*documents, pairs.key, pairs.earlier, pairs.similarity)


def test_a_replay_in_another_order_is_unsure_of_what_a_new_run_might_drop():
    """A page with more near copies than pairs are written down for: the last one, put first, would drop all."""
    page = set(range(100))
    sets = [page | {1000 + i} - {i} for i in range(20)]
    sets = [frozenset(one - {i}) for i, one in enumerate(sets)] + [frozenset(range(70))]
    bands = [(0, 1 + i) for i in range(len(sets))]
    run, pairs = decide(members(sets, bands), Criteria(0.99))
    first = np.where(run.key == 20, 0, 1)[:, None]
    again, _ = decide(members(sets, bands, ranks=[1] * 20 + [0]), Criteria(0.6))
    evidence = dataclasses.replace(evidence_of(run, pairs), ranks=first)
    replayed = replay(evidence, 0.6, reordered=True)
    dropped = dict(zip(again.key.tolist(), (again.survivor != again.key).tolist(), strict=True))
    missed = [key for key, survivor in zip(run.key, replayed.survivor, strict=True) if dropped[key] and survivor == key]
    assert missed
    assert set(missed) <= set(run.key[replayed.unsure].tolist())


@pytest.mark.parametrize("slice_size", [1000, 20, 7])
def test_pairs_of_a_document_are_bounded_and_hold_its_evidence_however_it_is_sliced(slice_size):
    chance = np.random.default_rng(5)
    page = np.arange(60)
    sets = [frozenset(page[chance.random(60) > 0.2].tolist()) for _ in range(90)]
    bands = [(0, 1 + i % 3) for i in range(90)]
    run, pairs = decide(members(sets, bands), Criteria(0.75, max_component=slice_size))
    assert np.bincount(pairs.key).max() <= 16
    written = set(zip(pairs.key.tolist(), pairs.earlier.tolist(), strict=True))
    assert len(written) == len(pairs.key)
    gone = (run.survivor != run.key) & (run.same_as == run.key)
    assert gone.sum() > 20
    assert set(zip(run.key[gone].tolist(), run.survivor[gone].tolist(), strict=True)) <= written


def test_later_slices_of_a_component_do_not_claim_that_all_their_pairs_are_recorded():
    sets = [frozenset(range(10)), frozenset(range(9)), frozenset(range(8))]
    whole, _ = decide(members(sets, [(0,)] * 3), Criteria(0.85))
    sliced, _ = decide(members(sets, [(0,)] * 3), Criteria(0.85, max_component=2))
    assert outcome(whole) == outcome(sliced)
    assert whole.paired.all()
    assert dict(zip(sliced.key.tolist(), sliced.paired.tolist(), strict=True)) == {0: 1, 1: 1, 2: 0}


@given(corpora())
def test_clusters_are_the_documents_of_a_survivor(corpus):
    sets, bands = corpus
    decisions, _ = decide(members(sets, bands), Criteria(0.5))
    survivor = dict(zip(decisions.key.tolist(), decisions.survivor.tolist(), strict=True))
    columns = (decisions.key, decisions.cluster, decisions.cluster_size)
    for key, cluster, size in zip(*(column.tolist() for column in columns), strict=True):
        same = [other for other in survivor if survivor[other] == survivor[key]]
        assert (cluster, size) == (min(same), len(same))


@given(corpora())
def test_pairs_are_all_that_share_a_bucket_with_their_similarity(corpus):
    sets, bands = corpus
    decisions, pairs = decide(members(sets, bands), Criteria(0.5))
    found = dict(
        zip(zip(pairs.key.tolist(), pairs.earlier.tolist(), strict=True), pairs.similarity.tolist(), strict=True)
    )
    expected = {}
    distinct = [i for i in range(len(sets)) if sets[i] not in sets[:i]]
    for later in distinct:
        for earlier in (i for i in distinct if i < later):
            value = reference.similarity(set(sets[later]), set(sets[earlier]), "jaccard")
            if set(bands[later]) & set(bands[earlier]) and value >= 0.5:
                expected[later, earlier] = value
    assert found == expected
    assert decisions.paired.all()


def test_without_verification_the_first_of_a_component_stays():
    decisions, pairs = decide(members([{1}, {2}, {3}], [(0,), (0,), (0,)]), Criteria(0.9, verify="none"))
    assert decisions.survivor.tolist() == [0, 0, 0]
    assert np.isnan(decisions.similarity[1:]).all() and len(pairs.key) == 0


def test_a_bucket_where_all_differ_has_bounded_cost_and_says_so():
    """Beyond the limits a document is compared with those that share most bands; it stays rather than go unproved."""
    rows = 60
    sets = [{i, 100 + i} for i in range(rows)] + [{0, 100}]
    bands = [(0, 1000 + i) for i in range(rows)] + [(0, 1000)]
    sets[-1] = {0, 100, 200}
    decisions, _ = decide(members(sets, bands), Criteria(0.6, most_survivors=5, most_walked=10))
    assert decisions.compared.max() <= 5
    found = outcome(decisions)
    assert found[rows] == (0, 2 / 3, 2)  # most bands shared: compared first
    assert [survivor for survivor, _, _ in found[:rows]] == list(range(rows))
    assert not decisions.decided[decisions.key == rows].any()


def versions_of_four_pages(seed: int) -> tuple[list[frozenset[int]], list[tuple[int, ...]]]:
    """80 documents at every similarity in one bucket and some smaller ones, a few of them twins of others."""
    chance = np.random.default_rng(seed)
    pages = [chance.integers(0, 2**62, 20) for _ in range(4)]
    sets, bands = [], []
    for row in range(80):
        kept = pages[row % 4][chance.random(20) > chance.choice([0.05, 0.15, 0.3])]
        sets.append(frozenset([*kept.tolist(), int(chance.integers(0, 2**62))]))
        bands.append((0, 1 + int(chance.integers(0, 3)), 10 + int(chance.integers(0, 8))))
    for twin, original in ((30, 4), (55, 54), (79, 1)):
        sets[twin], bands[twin] = sets[original], bands[original]
    return sets, bands


@pytest.mark.parametrize(("max_component", "some_fall"), [(25, True), (80, False)], ids=["in slices", "at once"])
def test_what_falls_in_a_second_pass_is_what_a_fresh_pass_over_the_survivors_drops(max_component, some_fall):
    """Slices are cut elsewhere when only survivors are left, so some meet whom a limit had kept from them."""
    criteria = Criteria(0.6, max_component=max_component, most_survivors=3, most_walked=12)
    falling = 0
    for seed in range(4):
        sets, bands = versions_of_four_pages(seed)
        first, _ = decide(members(sets, bands), criteria)
        stay = np.sort(first.key[first.survivor == first.key]).tolist()
        assert len(stay) < 80 and not first.decided.all()
        fresh, _ = decide(members([sets[key] for key in stay], [bands[key] for key in stay], stay), criteria)
        fall = fresh.key[fresh.survivor != fresh.key]
        assert sorted(first.key[first.again.astype(np.bool_)].tolist()) == sorted(fall.tolist())
        falling += len(fall)
    assert (falling > 0) is some_fall


@pytest.mark.parametrize("rows", [500, 2000])
def test_documents_that_all_differ_in_one_bucket_are_compared_with_a_bounded_number_of_others(rows):
    chance = np.random.default_rng(rows)
    sets = [frozenset(chance.integers(0, 2**62, 30).tolist()) for _ in range(rows)]
    bands = [(0, i + 1) for i in range(rows)]
    # The last one is a copy of an early one but for a shingle, and meets it in a bucket of few as well.
    sets.append(sets[3] - {min(sets[3])} | {5})
    bands.append((0, 4))
    decisions, pairs = decide(members(sets, bands), Criteria(0.8))
    assert decisions.compared.max() <= Criteria(0.8).most_survivors
    assert outcome(decisions)[-1] == (3, 29 / 31, 2)
    assert [survivor for survivor, _, _ in outcome(decisions)[:-1]] == list(range(rows))
    assert list(zip(pairs.key, pairs.earlier, pairs.shared, strict=True)) == [(rows, 3, 2)]


@pytest.mark.parametrize("measure", ["jaccard", "containment"])
@pytest.mark.parametrize(("size", "rows"), [(40, 70), (150, 250), (3000, 100)])
def test_what_profiles_rule_out_changes_no_decision(monkeypatch, measure, size, rows):
    """Many versions of one page at similarities on both sides of the threshold: beyond the first candidates of a
    document, sets are merged only where their profiles leave room for it."""
    chance = np.random.default_rng(size)
    page = np.unique(chance.integers(0, 2**63, size))
    sets = []
    for _ in range(rows):
        kept = page[chance.random(len(page)) > chance.choice([0.02, 0.1, 0.2, 0.6])]
        own = chance.integers(0, 2**63, max(2, int(size * chance.choice([0.0, 0.05, 0.3]))))
        sets.append(frozenset(np.concatenate([kept, own]).tolist()))
    bands = [(0, 1 + row % 7, 100 + row) for row in range(rows)]
    decisions = []
    for noted in (1, 10**6):
        monkeypatch.setattr("filters.verification.NOTED", noted)
        decisions.append(decide(members(sets, bands), Criteria(0.7, measure=measure))[0])
    assert outcome(decisions[0]) == outcome(decisions[1])
    assert decisions[0].decided.all() and decisions[1].decided.all()
    stay = sum(survivor == key for key, (survivor, *_) in enumerate(outcome(decisions[0])))
    assert 1 < stay < rows - 10
    assert outcome(decisions[0]) == reference.anchored([set(s) for s in sets], [set(b) for b in bands], 0.7, measure)


@given(sets_of_numbers, sets_of_numbers, st.integers(0, 2**64 - 1), st.integers(1, 300))
def test_profiles_bound_what_two_sets_share(left, right, spread, repeat):
    sets = [
        np.unique(np.array([(n * repeat + k) * spread % 2**64 for n in one for k in range(repeat)], np.uint64))
        for one in (left, right)
    ]
    ends = np.cumsum([len(one) for one in sets])
    begins = ends - [len(one) for one in sets]
    out, usable = np.zeros((2, 128), np.uint8), np.empty(2, np.bool_)
    profiles(begins, ends, np.concatenate(sets), out, usable)
    for row, one in enumerate(sets):
        counts = np.bincount((one >> np.uint64(57)).astype(np.int64), minlength=128)
        assert usable[row] == (counts.max() <= 255)
        assert not usable[row] or out[row].tolist() == counts.tolist()
    if usable.all():
        assert common_at_most(out[0], out[1]) >= len(np.intersect1d(*sets))
        assert common_at_most(out[0], out[0]) == len(sets[0])


@given(sets_of_numbers, sets_of_numbers, st.sampled_from([0.1, 0.5, 2 / 3, 0.8, 1.0]), st.booleans())
def test_similarity_equals_python_sets(left, right, floor, containment):
    a, b = (np.array(sorted(one), np.uint64) for one in (left, right))
    exact = reference.similarity(set(left), set(right), "containment" if containment else "jaccard")
    found = similarity_at_least(a, b, floor, CONTAINMENT if containment else JACCARD)
    assert found == (exact if exact >= floor else -1.0)
    common = len(left & right)
    for needed in range(9):
        assert common_at_least(a, b, needed) == (common if common >= needed else -1)
        assert common_at_least.py_func(a, b, needed) == (common if common >= needed else -1)


# Keep rules


def test_longest_best_and_sources_as_ranks():
    batch = pa.record_batch({"q": [0.5, None, 2.0, float("nan"), -0.0, 0.0], "s": ["b", "a", None, "c", "a", "b"]})
    sizes = np.arange(6)
    assert rank_rows(batch, sizes, "x", ["first"]).shape == (6, 0)
    assert rank_rows(batch, sizes, "x", ["longest"])[:, 0].tolist() == [0, -1, -2, -3, -4, -5]
    best = rank_rows(batch, sizes, "x", [Best(best="q")])[:, 0]
    assert np.argsort(best, kind="stable").tolist() == [2, 0, 4, 5, 1, 3]
    assert best[4] == best[5] and best[1] == best[3] == LAST
    lowest = rank_rows(batch, sizes, "x", [Best(best="q", order="lowest")])[:, 0]
    assert np.argsort(lowest, kind="stable").tolist() == [4, 5, 0, 2, 1, 3]
    assert rank_rows(batch, sizes, "x", [Sources(sources=("a", "b"), column="s")])[:, 0].tolist() == [1, 0, 2, 2, 0, 1]
    both = rank_rows(batch, sizes, "/d/wiki/1.parquet", [Sources(sources=("web", "wiki")), "longest"])
    assert both.tolist() == [[1, -i] for i in range(6)]


@settings(max_examples=200)
@given(st.lists(st.one_of(st.none(), st.floats()), min_size=1, max_size=8), st.booleans())
def test_best_orders_doubles_as_numbers_are_ordered(values, highest):
    rule = Best(best="q", order="highest" if highest else "lowest")
    ranks = rank_rows(
        pa.record_batch({"q": pa.array(values, pa.float64())}), np.zeros(len(values), np.int64), "", [rule]
    )
    for a, rank_a in zip(values, ranks[:, 0].tolist(), strict=True):
        for b, rank_b in zip(values, ranks[:, 0].tolist(), strict=True):
            known = [value is not None and value == value for value in (a, b)]
            if all(known):
                assert (rank_a < rank_b) == (a > b if highest else a < b)
            elif any(known):
                assert (rank_a < rank_b) == known[0]


def test_best_orders_large_integers_exactly():
    values = pa.array([2**53, 2**53 + 1, None, -(2**62)], pa.int64())
    ranks = rank_rows(pa.record_batch({"q": values}), np.zeros(4, np.int64), "", [Best(best="q")])[:, 0]
    assert np.argsort(ranks).tolist() == [1, 0, 3, 2]


@pytest.mark.parametrize(
    ("uri", "source", "belongs"),
    [
        ("/raw/wiki/a.parquet", "wiki", True),
        ("/raw/wiki/deep/a.parquet", "wiki", True),
        ("/raw/wikis/a.parquet", "wiki", False),
        ("/raw/wiki/a.parquet", "/raw/wiki/", True),
        ("gs://b/books-1.parquet", "books-*.parquet", True),
        ("gs://b/books-1.parquet", "gs://b", True),
        ("/raw/a.parquet", "a.parquet", True),
        ("/raw/a.parquet", "b", False),
    ],
)
def test_a_source_is_a_file_a_folder_or_a_glob(uri, source, belongs):
    assert (source_place(uri, [source]) == 0) is belongs


def test_a_source_without_files_is_refused():
    check_sources([Sources(sources=("wiki",))], ["/raw/wiki/a.parquet"])
    with pytest.raises(RecipeError, match="'wikki', but no input file lies there"):
        check_sources([Sources(sources=("wiki", "wikki"))], ["/raw/wiki/a.parquet", "/raw/web/a.parquet"])


def test_a_source_that_holds_everything_is_refused_where_others_follow():
    """The folder above all inputs may have the name of one of them."""
    uris = ["/home/web/corpus/wiki/a.parquet", "/home/web/corpus/web/a.parquet"]
    with pytest.raises(RecipeError, match="'web', but all input files lie there"):
        check_sources([Sources(sources=("web", "wiki"))], uris)
    check_sources([Sources(sources=("corpus/web", "wiki"))], uris)
    check_sources([Sources(sources=("wiki", "web"))], uris)
