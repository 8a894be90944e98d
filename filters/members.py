"""Members of components: what verification must know of a document, and how it travels.

A member carries its buckets and its set of shingle hashes, and nothing else of its text. Members with the same set
are one to every measure here, so that only the first of them, the *standing* one, is compared.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np
import xxhash
from numpy.typing import NDArray

from filters.graphs import Keys
from filters.room import filled, room, taken

_NUMBERS = ("key", "root", "lowest", "weight", "set_size")


@dataclass(frozen=True)
class Members:
    """Members of components, one row each. Columns come first in arrays of two dimensions.

    key, root, lowest, weight, set_size: int64 (members,). root: smallest key of the component. lowest, weight:
    smallest key among, and number of, the documents of the same set that this one stands for. set_hash: uint64
    (2, members). ranks: int64 (rules, members), see `filters.keep`.
    words: uint64. The sorted distinct shingle hashes are `words[begin:begin + set_size]` (set_size 0 where nothing is
    verified), the buckets `words[bands_begin:bands_begin + band_count]`; begin, bands_begin: int64 (members,).
    """

    key: Keys
    root: Keys
    lowest: Keys
    weight: NDArray[np.int64]
    set_size: NDArray[np.int64]
    begin: NDArray[np.int64]
    bands_begin: NDArray[np.int64]
    set_hash: NDArray[np.uint64]
    ranks: NDArray[np.int64]
    band_count: int
    words: NDArray[np.uint64]

    @classmethod
    def of_sets(
        cls,
        key: Keys,
        root: Keys,
        sets: tuple[NDArray[np.int64], NDArray[np.uint64]],
        bands: NDArray[np.uint64],
        ranks: NDArray[np.int64],
        *,
        verified: bool = True,
    ) -> Members:
        """Members that stand for themselves only.

        key, root: int64 (members,). sets: offsets, int64 (members + 1,), and hashes. bands: uint64 (members, bands).
        ranks: int64 (members, rules). verified: sets tell who is whose twin; else nobody is.
        """
        offsets, hashes = sets
        return cls(
            key=key,
            root=root,
            lowest=key,
            weight=np.ones(len(key), np.int64),
            set_size=np.diff(offsets),
            begin=offsets[:-1],
            bands_begin=len(hashes) + np.arange(len(key)) * bands.shape[1],
            set_hash=hash_sets(offsets, hashes).T if verified else np.stack([key, key]).view(np.uint64),
            ranks=ranks.T,
            band_count=bands.shape[1],
            words=np.concatenate([hashes, bands.ravel()]),
        )

    def __len__(self) -> int:
        """How many members."""
        return len(self.key)

    def bands(self, rows: NDArray[np.int64] | slice = slice(None)) -> NDArray[np.uint64]:
        """Buckets of some of the rows, uint64 (rows, bands)."""
        return self.words[self.bands_begin[rows][:, None] + np.arange(self.band_count)]

    def take(self, rows: NDArray[np.int64]) -> Members:
        """Some of the rows; sets and buckets stay where they are."""
        return self._with({name: taken(getattr(self, name), rows) for name in _COLUMNS})

    def _with(self, columns: dict[str, Any]) -> Members:
        return Members(**columns, band_count=self.band_count, words=self.words)

    def pack(self) -> bytes:
        """As bytes: [members, ranks, bands, words], a table, the sets. Packed members may be joined."""
        numbers = np.stack([getattr(self, name) for name in _NUMBERS], axis=1).view(np.uint64)
        table = np.concatenate([numbers, self.set_hash.T, self.ranks.T.view(np.uint64), self.bands()], axis=1)
        head = np.array([len(self), len(self.ranks), self.band_count, self.set_size.sum()], np.uint64)
        ends = self.begin + self.set_size
        sets = [self.words[a:b].tobytes() for a, b in zip(self.begin.tolist(), ends.tolist(), strict=True)]
        return b"".join([head.tobytes(), table.tobytes(), *sets])

    def order(self, *heads: NDArray[Any], rows: NDArray[np.int64] | slice = slice(None)) -> NDArray[np.int64]:
        """Places of some of the rows in order of `heads`, then of who stays: ranks, then key."""
        return np.lexsort((self.key[rows], *(column[rows] for column in (*self.ranks[::-1], *heads[::-1]))))


_COLUMNS = tuple(f.name for f in fields(Members) if f.name not in ("band_count", "words"))


class _Packed(NamedTuple):
    """Where the table of one packed piece begins in the words, and its shape."""

    at: int
    rows: int
    ranks: int
    bands: int

    @property
    def width(self) -> int:
        return len(_NUMBERS) + 2 + self.ranks + self.bands


def unpack_members(words: NDArray[np.uint64]) -> Members:
    """All members of any number of packed ones, one after the other in `words`: their sets and buckets stay there."""
    pieces, at = [], 0
    while at < len(words):
        rows, ranks, bands, size = words[at : at + 4].astype(np.int64).tolist()
        pieces.append(_Packed(at + 4, rows, ranks, bands))
        at += 4 + rows * pieces[-1].width + size
    total = sum(piece.rows for piece in pieces)
    ranks, bands = (pieces[0].ranks, pieces[0].bands) if pieces else (0, 0)
    numbers = {name: room(total) for name in (*_NUMBERS, "begin", "bands_begin")}
    set_hash, rank = room(2, total, dtype=np.uint64), room(ranks, total)
    first = len(_NUMBERS)
    filled_to = 0
    for piece in pieces:
        own = slice(filled_to, filled_to + piece.rows)
        end = piece.at + piece.rows * piece.width
        table = words[piece.at : end].reshape(piece.rows, piece.width)
        for i, name in enumerate(_NUMBERS):
            numbers[name][own] = table[:, i].view(np.int64)
        set_hash[:, own] = table[:, first : first + 2].T
        rank[:, own] = table[:, first + 2 : first + 2 + ranks].T.view(np.int64)
        sizes = numbers["set_size"][own]
        numbers["begin"][own] = end + np.cumsum(sizes) - sizes
        numbers["bands_begin"][own] = piece.at + first + 2 + ranks + np.arange(piece.rows) * piece.width
        filled_to += piece.rows
    return Members(**numbers, set_hash=set_hash, ranks=rank, band_count=bands, words=words)


def hash_sets(set_offsets: NDArray[np.int64], sets: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """XXH3 128 of every set, uint64 (sets, 2)."""
    view = np.ascontiguousarray(sets).view(np.uint8).data
    digests = [xxhash.xxh3_128_digest(view[8 * a : 8 * b]) for a, b in itertools.pairwise(set_offsets.tolist())]
    return np.frombuffer(b"".join(digests), np.uint64).reshape(-1, 2)


class Twins(NamedTuple):
    """Of members with the same set, the one that stands for all: the first by rank and key.

    standing: int64 (sets,), rows of these. stands_for: int64 (members,), place in `standing` of the one that stands
    for each. lowest, weight: int64 (sets,), as in `Members`, of all that each stands for.
    """

    standing: NDArray[np.int64]
    stands_for: NDArray[np.int64]
    lowest: Keys
    weight: NDArray[np.int64]


def find_twins(members: Members) -> Twins:
    """Who stands for whom. Twins have the same signature, so also the same buckets and component."""
    order = members.order(*members.set_hash)
    first = np.zeros(len(order), np.bool_)
    first[:1] = True
    for half in members.set_hash:
        ordered = taken(half, order)
        first[1:] |= ordered[1:] != ordered[:-1]
    starts = np.flatnonzero(first)
    stands_for = room(len(order))
    stands_for[order] = np.cumsum(first) - 1
    lowest, weight = filled(len(starts), np.iinfo(np.int64).max), filled(len(starts), 0)
    np.minimum.at(lowest, stands_for, members.lowest)
    np.add.at(weight, stands_for, members.weight)
    return Twins(order[starts], stands_for, lowest, weight)


def standing_members(members: Members, twins: Twins, order: NDArray[np.int64] | None = None) -> Members:
    """Those that stand for all, in an order of places in `twins.standing`, if not in that."""
    order = np.arange(len(twins.standing)) if order is None else order
    of_all = {name: taken(getattr(twins, name), order) for name in ("lowest", "weight")}
    rows = twins.standing[order]
    return members._with({n: of_all[n] if n in of_all else taken(getattr(members, n), rows) for n in _COLUMNS})


def join_members(parts: Sequence[Members]) -> Members:
    """Members of several batches, with their sets and buckets in one array."""
    columns = {name: np.concatenate([getattr(part, name) for part in parts], axis=-1) for name in _COLUMNS}
    begins = np.concatenate([[0], np.cumsum([len(part.words) for part in parts])])[:-1]
    shift = np.repeat(begins, [len(part) for part in parts]).astype(np.int64)
    columns |= {name: columns[name] + shift for name in ("begin", "bands_begin")}
    words = np.concatenate([part.words for part in parts])
    return Members(**columns, band_count=parts[0].band_count, words=words)
