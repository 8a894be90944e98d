"""Verification: which members of provisional components stay, by exact similarity to those that stay.

Documents are judged in the order of the keep rules; each is compared with the survivors that share a band with it and
dropped only if one of them reaches the threshold. So no chain a ~ b ~ c removes c for a, every removal has a survivor
and an exact similarity for evidence, and the outcome depends on nothing but the documents and the rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from filters.graphs import Keys
from filters.kernels.verify import CONTAINMENT, JACCARD, anchor_to_survivors
from filters.members import Members, find_twins, standing_members
from filters.room import filled, room, taken

PAIRS = 16
"""Pairs written down for a document, and dropped documents it is compared with for the record."""
NOTED = 64
"""Candidates of a document whose similarity is worked out also where it is below the threshold."""
RECORDED_FROM = 0.5
"""Similarities below this (and below the threshold) are not told apart and not written down."""

_DOCUMENTS_AT_ONCE = 100_000
_ROWS_AT_ONCE = 1_000_000


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
    again: it stays, but would be dropped if the survivors alone were judged once more. ranks: int64 (rules, members).
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
    parts = list(judge(members, criteria))
    return (
        _joined(Decisions, [part for part in parts if isinstance(part, Decisions)]),
        _joined(Pairs, [part for part in parts if isinstance(part, Pairs)]),
    )


def judge(members: Members, criteria: Criteria) -> Iterator[Pairs | Decisions]:
    """`decide`, in parts: pairs as they are found, then decisions. There is a part of each kind, if an empty one.

    What is held for each member are places in orders, some forty bytes; all else lies in `filters.room`.
    """
    twins = find_twins(members)
    order = members.order(members.root, rows=twins.standing)
    place = room(len(order))
    place[order] = np.arange(len(order))
    rows = taken(place, twins.stands_for)
    del place
    ranked = standing_members(members, twins, order)
    del order, twins
    outcome = _Outcome.none_dropped(len(ranked))
    if criteria.verify == "none":
        outcome.anchor_to_first(ranked.root)
    else:
        yield from _at_once(_verify_all(ranked, criteria, outcome))
    yield from outcome.evidence_apart(ranked.key)
    again = _dropped_by_a_second_pass(ranked, criteria, outcome)
    yield from _decisions(ranked, members, rows, outcome, again)


_Columns = TypeVar("_Columns", Decisions, Pairs)


def _joined(kind: type[_Columns], parts: Sequence[_Columns]) -> _Columns:
    return kind(**{f.name: np.concatenate([getattr(part, f.name) for part in parts], axis=-1) for f in fields(kind)})


def _at_once(parts: Iterable[Pairs]) -> Iterator[Pairs]:
    """Fewer parts, of about a million pairs."""
    held: list[Pairs] = []
    rows = 0
    for part in parts:
        held.append(part)
        rows += len(part.key)
        if rows >= _ROWS_AT_ONCE:
            yield _joined(Pairs, held)
            held, rows = [], 0
    if held:
        yield _joined(Pairs, held)


def _verify_all(ranked: Members, criteria: Criteria, outcome: _Outcome) -> Iterator[Pairs]:
    for first, last in _chunks(ranked.root, min(criteria.max_component, _DOCUMENTS_AT_ONCE)):
        yield from _verify(ranked, first, last, criteria, outcome)


def _dropped_by_a_second_pass(ranked: Members, criteria: Criteria, outcome: _Outcome) -> NDArray[np.bool_]:
    """Whether each document stays but falls when the survivors are judged by themselves."""
    falls = filled(len(ranked), False, np.bool_)
    # A survivor meets the same survivors again, unless other slices are cut now and a limit kept some apart.
    sliced = np.diff(_starts(ranked.root), append=len(ranked)).max(initial=0) > criteria.max_component
    if criteria.verify == "exact" and sliced and not outcome.decided.all():
        stays = np.flatnonzero(outcome.stays())
        second = _Outcome.none_dropped(len(stays))
        for _ in _verify_all(ranked.take(stays), criteria, second):
            pass
        falls[stays] = ~second.stays()
    return falls


class _Outcome:
    """Rows (places in the order of judging) of survivors, and how they were found.

    apart: the survivor lies in an earlier slice, so that this pair is not among those written of any slice.
    """

    def __init__(self, survivor: NDArray[np.int64]) -> None:
        rows = len(survivor)
        self.survivor = survivor
        self.similarity = filled(rows, 1.0, np.float64)
        self.shared, self.compared = filled(rows, 0), filled(rows, 0)
        self.decided, self.paired = (filled(rows, True, np.bool_) for _ in range(2))
        self.apart = filled(rows, False, np.bool_)

    @classmethod
    def none_dropped(cls, rows: int) -> _Outcome:
        survivor = room(rows)
        survivor[:] = np.arange(rows)
        return cls(survivor)

    def stays(self) -> NDArray[np.bool_]:
        return self.survivor == np.arange(len(self.survivor))

    def anchor_to_first(self, root: Keys) -> None:
        """The first of every component stays, unverified."""
        starts = _starts(root)
        self.survivor[:] = np.repeat(starts, np.diff(starts, append=len(root)))
        self.similarity[~self.stays()] = np.nan

    def evidence_apart(self, key: Keys) -> Iterator[Pairs]:
        """Of comparisons with earlier slices, the evidence."""
        for first in range(0, max(len(key), 1), _ROWS_AT_ONCE):
            rows = first + np.flatnonzero(self.apart[first : first + _ROWS_AT_ONCE])
            yield Pairs(key[rows], key[self.survivor[rows]], self.similarity[rows], self.shared[rows])


def _starts(root: Keys) -> NDArray[np.int64]:
    """Where the components begin, in members in order of these."""
    return np.append(0, np.flatnonzero(root[1:] != root[:-1]) + 1) if len(root) else np.zeros(0, np.int64)


def _chunks(root: Keys, most: int) -> list[tuple[int, int]]:
    """Runs of whole components of at most `most` documents together; a larger one is a run of its own."""
    ends = np.append(_starts(root)[1:], len(root)).tolist() if len(root) else []
    runs: list[tuple[int, int]] = []
    first = last = 0
    for end in ends:
        if end - first > most and last > first:
            runs.append((first, last))
            first = last
        last = end
    return [*runs, (first, last)] if last > first else runs


def _verify(ranked: Members, first: int, last: int, criteria: Criteria, outcome: _Outcome) -> Iterator[Pairs]:
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
        yield _compare(ranked, rows[:0], rows, criteria, outcome, pairs=PAIRS - (len(slices) > 1))
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
) -> Pairs:
    """Compare `rows` with the survivors `fixed`, or, where there are none, among themselves; keep the best evidence.

    pairs: written down for each of `rows`.
    """
    at = np.concatenate([fixed, rows])
    bucket_offsets, buckets, n_buckets = bucket_ids(ranked.bands(at))
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
    later, earlier, bands = found[:written].T
    return Pairs(ranked.key[at[later]], ranked.key[at[earlier]], values[:written].copy(), bands.copy())


def _decisions(
    ranked: Members, everyone: Members, rows: NDArray[np.int64], outcome: _Outcome, again: NDArray[np.bool_]
) -> Iterator[Decisions]:
    """Rows of all members, twins included: `rows` says who stands for each of `everyone`."""
    size, lowest = filled(len(ranked), 0), filled(len(ranked), np.iinfo(np.int64).max)
    np.add.at(size, outcome.survivor, ranked.weight)
    np.minimum.at(lowest, outcome.survivor, ranked.lowest)
    starts = _starts(ranked.root)
    component_size = np.add.reduceat(ranked.weight, starts) if len(starts) else starts
    for first in range(0, max(len(everyone), 1), _ROWS_AT_ONCE):
        own = slice(first, first + _ROWS_AT_ONCE)
        row, key = rows[own], everyone.key[own]
        survivor, leader = outcome.survivor[row], ranked.key[row]
        twin, stays = leader != key, survivor == row
        yield Decisions(
            key=key,
            survivor=ranked.key[survivor],
            cluster=lowest[survivor],
            cluster_size=size[survivor],
            similarity=np.where(stays, 1.0, outcome.similarity[row]),
            shared=np.where(stays, np.where(twin, ranked.band_count, 0), outcome.shared[row]),
            component=ranked.root[row],
            component_size=component_size[np.searchsorted(starts, row, side="right") - 1],
            same_as=leader,
            compared=outcome.compared[row],
            decided=outcome.decided[row].astype(np.int64),
            paired=outcome.paired[row].astype(np.int64),
            again=(again[row] & ~twin).astype(np.int64),
            ranks=everyone.ranks[:, own],
        )


def bucket_ids(bands: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Buckets that hold two documents or more, numbered densely, as lists per document.

    bands: uint64 (documents, bands). Returns offsets, int64 (documents + 1,), bucket numbers, int64, and how many
    buckets there are.
    """
    flat = bands.ravel()
    order = np.argsort(flat, kind="stable")
    ordered = flat[order]
    first, last = np.ones(len(flat), np.bool_), np.ones(len(flat), np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    last[:-1] = first[1:]
    del ordered  # of a large slice each of these is as large as the sets
    number = np.cumsum(first & ~last)
    buckets = int(number[-1]) if len(number) else 0
    number[first & last] = 0
    dense = np.empty_like(number)
    dense[order] = number
    del order, number
    shared = dense > 0
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(shared.reshape(bands.shape).sum(axis=1))])
    return offsets.astype(np.int64), dense[shared] - 1, buckets
