"""Verification: which members of provisional components stay, by exact similarity to those that stay.

Documents are judged in the order of the keep rules; each is compared with the survivors that share a band with it and
dropped only if one of them reaches the threshold. So no chain a ~ b ~ c removes c for a, every removal has a survivor
and an exact similarity for evidence, and the outcome depends on nothing but the documents and the rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from filters.graphs import Keys
from filters.kernels.verify import CONTAINMENT, JACCARD, anchor_to_survivors
from filters.members import Members, collapse_twins

PAIRS = 16
"""Pairs written down for a document, and dropped documents it is compared with for the record."""
NOTED = 64
"""Candidates of a document whose similarity is worked out also where it is below the threshold."""
RECORDED_FROM = 0.5
"""Similarities below this (and below the threshold) are not told apart and not written down."""

_DOCUMENTS_AT_ONCE = 100_000


@dataclass(frozen=True)
class Criteria:
    """What makes a document a duplicate of a survivor, and how much is looked at.

    verify: `exact` asks for `threshold` by `measure`; `none` drops all of a component but its first. measure:
    `jaccard`, shared / union; `containment`, shared / smaller set. max_component: documents compared at once.
    most_survivors: that one document is compared with, of a slice; of more, those that share fewest bands are left
    out, and the document may stay for it. most_walked: survivors of one bucket that a document looks at, those judged
    last before it; both bound the time of buckets in which nearly all documents differ.
    """

    threshold: float
    verify: Literal["exact", "none"] = "exact"
    measure: Literal["jaccard", "containment"] = "jaccard"
    max_component: int = 1_000_000
    most_survivors: int = 256
    most_walked: int = 1000


@dataclass(frozen=True)
class Decisions:
    """What becomes of members, one row each.

    survivor: key of the document kept in its stead, its own if it stays. cluster, cluster_size: smallest key among,
    and number of, the documents that have this survivor. similarity: exact, with the survivor; 1.0 if it stays, NaN
    where nothing was verified. shared: bands shared with it. component, component_size: before verification.
    same_as: key of the document that stands for all with the same set of shingles. compared: documents it was
    compared with. decided: it met all earlier survivors in its buckets; paired: it met all earlier documents in them.
    again: it stays, but would be dropped if the survivors alone were judged once more.
    """

    key: Keys
    survivor: Keys
    cluster: Keys
    cluster_size: NDArray[np.int64]
    similarity: NDArray[np.float64]
    shared: NDArray[np.int64]
    component: Keys
    component_size: NDArray[np.int64]
    same_as: Keys
    compared: NDArray[np.int64]
    decided: NDArray[np.int64]
    paired: NDArray[np.int64]
    again: NDArray[np.int64]
    ranks: NDArray[np.int64]

    def __len__(self) -> int:
        """How many members."""
        return len(self.key)


@dataclass(frozen=True)
class Pairs:
    """Pairs of members that were compared: key, earlier (by the keep rules): int64; similarity: float64, exact;
    shared: int64, bands."""

    key: Keys
    earlier: Keys
    similarity: NDArray[np.float64]
    shared: NDArray[np.int64]


def decide(members: Members, criteria: Criteria) -> tuple[Decisions, Pairs]:
    """Decide about all members of some components, in whatever order and parts they came."""
    standing, everyone, stands_for = collapse_twins(members)
    order = standing.order(standing.root)
    ranked = standing.take(order)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    outcome = _Outcome.none_dropped(len(ranked))
    if criteria.verify == "none":
        outcome.anchor_to_first(ranked.root)
    else:
        _verify_all(ranked, criteria, outcome)
    again = _dropped_by_a_second_pass(ranked, criteria, outcome)
    return _decisions(ranked, everyone, place[stands_for], outcome, again), outcome.all_pairs(ranked.key)


def _verify_all(ranked: Members, criteria: Criteria, outcome: _Outcome) -> None:
    for first, last in _chunks(ranked.root, min(criteria.max_component, _DOCUMENTS_AT_ONCE)):
        _verify(ranked, first, last, criteria, outcome)


def _dropped_by_a_second_pass(ranked: Members, criteria: Criteria, outcome: _Outcome) -> NDArray[np.bool_]:
    """Whether each document stays but falls when the survivors are judged by themselves."""
    falls = np.zeros(len(ranked), np.bool_)
    stays = np.flatnonzero(outcome.survivor == np.arange(len(ranked)))
    # A survivor meets the same survivors again, unless other slices are cut now and a limit kept some apart.
    sliced = np.unique(ranked.root, return_counts=True)[1].max(initial=0) > criteria.max_component
    if criteria.verify == "exact" and sliced and not outcome.decided.all():
        second = _Outcome.none_dropped(len(stays))
        _verify_all(ranked.take(stays), criteria, second)
        falls[stays] = second.survivor != np.arange(len(stays))
    return falls


class _Outcome:
    """Rows (places in the order of judging) of survivors, and how they were found.

    pairs: of each slice, (later, earlier, bands shared) and similarities, at most PAIRS - 1 for one document if it
    is a slice of several, else PAIRS. apart: the survivor lies in an earlier slice, so this pair is not among them.
    """

    def __init__(self, survivor: NDArray[np.int64]) -> None:
        rows = len(survivor)
        self.survivor = survivor
        self.similarity = np.ones(rows)
        self.shared, self.compared = np.zeros(rows, np.int64), np.zeros(rows, np.int64)
        self.decided, self.paired = np.ones(rows, np.bool_), np.ones(rows, np.bool_)
        self.apart = np.zeros(rows, np.bool_)
        self.pairs: list[tuple[NDArray[np.int64], NDArray[np.float64]]] = []

    @classmethod
    def none_dropped(cls, rows: int) -> _Outcome:
        return cls(np.arange(rows))

    def anchor_to_first(self, root: Keys) -> None:
        """The first of every component stays, unverified."""
        first = np.ones(len(root), np.bool_)
        first[1:] = root[1:] != root[:-1]
        self.survivor = np.flatnonzero(first)[np.cumsum(first) - 1] if len(root) else self.survivor
        self.similarity[~first] = np.nan

    def all_pairs(self, key: Keys) -> Pairs:
        """Pairs to be written down; of comparisons with earlier slices only the evidence."""
        apart = np.flatnonzero(self.apart)
        evidence = np.column_stack([apart, self.survivor[apart], self.shared[apart]])
        rows = np.concatenate([evidence, *(rows for rows, _ in self.pairs)])
        similarity = np.concatenate([self.similarity[apart], *(values for _, values in self.pairs)])
        return Pairs(key[rows[:, 0]], key[rows[:, 1]], similarity, rows[:, 2])


def _chunks(root: Keys, most: int) -> list[tuple[int, int]]:
    """Runs of whole components of at most `most` documents together; a larger one is a run of its own."""
    ends = np.append(np.flatnonzero(root[1:] != root[:-1]) + 1, len(root)).tolist() if len(root) else []
    runs: list[tuple[int, int]] = []
    first = last = 0
    for end in ends:
        if end - first > most and last > first:
            runs.append((first, last))
            first = last
        last = end
    return [*runs, (first, last)] if last > first else runs


def _verify(ranked: Members, first: int, last: int, criteria: Criteria, outcome: _Outcome) -> None:
    """Judge documents [first, last). A component above the limit is taken slice by slice, in order.

    Each slice meets the survivors of all slices before it, one after the other, then itself: at most two slices are
    at hand at once, and the outcome is that of the whole (but for the limits on comparisons, which hold for a slice).
    So time grows with the square of the number of slices.
    """
    most = criteria.max_component
    slices = [np.arange(a, min(a + most, last)) for a in range(first, last, most)]
    survivors: list[NDArray[np.int64]] = []
    for rows in slices:
        for earlier in survivors:
            _compare(ranked, earlier, rows, criteria, outcome)
        _compare(ranked, rows[:0], rows, criteria, outcome, pairs=PAIRS - (len(slices) > 1))
        survivors.append(rows[outcome.survivor[rows] == rows])
    # Later slices never met what an earlier one dropped: a replay must not take their pairs for all there are.
    outcome.paired[first + most : last] = False


def _compare(
    ranked: Members,
    fixed: NDArray[np.int64],
    rows: NDArray[np.int64],
    criteria: Criteria,
    outcome: _Outcome,
    *,
    pairs: int = 0,
) -> None:
    """Compare `rows` with the survivors `fixed`, or, where there are none, among themselves; keep the best evidence.

    pairs: written down for each of `rows`.
    """
    at = np.concatenate([fixed, rows])
    bucket_offsets, buckets, n_buckets = bucket_ids(ranked.bands[at])
    gone = outcome.survivor[at] != at
    # Against the survivors of an earlier slice, rows only look: they meet each other in their own pass.
    gone[len(fixed) :] |= len(fixed) > 0
    n = len(at)
    survivor, shared, compared = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int64)
    similarity, decided, paired = np.empty(n), np.empty(n, np.bool_), np.empty(n, np.bool_)
    others = 0 if len(fixed) else PAIRS
    found, values = np.empty((len(rows) * pairs, 3), np.int64), np.empty(len(rows) * pairs)
    begin = ranked.begin[at]
    written = anchor_to_survivors(
        begin, begin + ranked.set_size[at], ranked.words, bucket_offsets, buckets, n_buckets, len(fixed), gone,
        CONTAINMENT if criteria.measure == "containment" else JACCARD, criteria.threshold,
        min(criteria.threshold, RECORDED_FROM), (criteria.most_survivors, others, criteria.most_walked, NOTED, pairs),
        survivor, similarity, shared, compared, decided, paired, found, values,
    )  # fmt: skip
    outcome.pairs.append((np.column_stack([at[found[:written, :2]], found[:written, 2]]), values[:written].copy()))
    own = slice(len(fixed), n)
    dropped_here = survivor[own] != np.arange(len(fixed), n)
    better = dropped_here & ((outcome.survivor[rows] == rows) | (similarity[own] > outcome.similarity[rows]))
    outcome.survivor[rows[better]] = at[survivor[own][better]]
    outcome.similarity[rows[better]] = similarity[own][better]
    outcome.shared[rows[better]] = shared[own][better]
    outcome.apart[rows[better]] = len(fixed) > 0
    outcome.compared[rows] += compared[own]
    outcome.decided[rows] &= decided[own]
    outcome.paired[rows] &= paired[own] if not len(fixed) else decided[own]


def _decisions(
    ranked: Members, everyone: Members, rows: NDArray[np.int64], outcome: _Outcome, again: NDArray[np.bool_]
) -> Decisions:
    """Rows of all members, twins included: `rows` says who stands for each of `everyone`."""
    _, component = np.unique(ranked.root, return_inverse=True)
    component_size = np.bincount(component, weights=ranked.weight).astype(np.int64)[component]
    size = np.bincount(outcome.survivor, weights=ranked.weight, minlength=len(ranked)).astype(np.int64)
    lowest = np.full(len(ranked), np.iinfo(np.int64).max)
    np.minimum.at(lowest, outcome.survivor, ranked.lowest)
    survivor = outcome.survivor[rows]
    twin = ranked.key[rows] != everyone.key
    stays = survivor == rows
    bands = ranked.bands.shape[1]
    return Decisions(
        key=everyone.key,
        survivor=ranked.key[survivor],
        cluster=lowest[survivor],
        cluster_size=size[survivor],
        similarity=np.where(stays, 1.0, outcome.similarity[rows]),
        shared=np.where(stays, np.where(twin, bands, 0), outcome.shared[rows]),
        component=ranked.root[rows],
        component_size=component_size[rows],
        same_as=ranked.key[rows],
        compared=outcome.compared[rows],
        decided=outcome.decided[rows].astype(np.int64),
        paired=outcome.paired[rows].astype(np.int64),
        again=(again[rows] & ~twin).astype(np.int64),
        ranks=everyone.ranks,
    )


def bucket_ids(bands: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Buckets that hold two documents or more, numbered densely, as lists per document.

    bands: uint64 (documents, bands). Returns offsets, int64 (documents + 1,), bucket numbers, int64, and how many
    buckets there are.
    """
    _, inverse, sizes = np.unique(bands.ravel(), return_inverse=True, return_counts=True)
    shared = (sizes[inverse] > 1).reshape(bands.shape)
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(shared.sum(axis=1))]).astype(np.int64)
    numbers, dense = np.unique(bands[shared], return_inverse=True)
    return offsets, dense.astype(np.int64), len(numbers)
