"""Members of components: what verification must know of a document, and how it travels.

A member carries its buckets and its set of shingle hashes, and nothing else of its text. Members with the same set
are one to every measure here, so that only the first of them, the *standing* one, is compared.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import xxhash
from numpy.typing import NDArray

from filters.graphs import Keys

_NUMBERS = ("key", "root", "lowest", "weight", "set_size")


@dataclass(frozen=True)
class Members:
    """Members of components, one row each.

    key, root, lowest, weight, set_size, begin: int64 (members,). root: smallest key of the component. lowest, weight:
    smallest key among, and number of, the documents of the same set that this one stands for. The sorted distinct
    shingle hashes are `words[begin:begin + set_size]`, uint64; set_size 0 where nothing is verified.
    set_hash: uint64 (members, 2). ranks: int64 (members, rules), see `filters.keep`. bands: uint64 (members, bands).
    """

    key: Keys
    root: Keys
    lowest: Keys
    weight: NDArray[np.int64]
    set_size: NDArray[np.int64]
    begin: NDArray[np.int64]
    set_hash: NDArray[np.uint64]
    ranks: NDArray[np.int64]
    bands: NDArray[np.uint64]
    words: NDArray[np.uint64]

    def __len__(self) -> int:
        """How many members."""
        return len(self.key)

    def take(self, rows: NDArray[np.int64]) -> Members:
        """Some of the rows; the sets stay where they are."""
        return _with_words({name: getattr(self, name)[rows] for name in _COLUMNS}, self.words)

    def pack(self) -> bytes:
        """As bytes: [members, ranks, bands, words], a table, the sets. Packed members may be joined."""
        numbers = np.stack([getattr(self, name) for name in _NUMBERS], axis=1).view(np.uint64)
        table = np.concatenate([numbers, self.set_hash, self.ranks.view(np.uint64), self.bands], axis=1)
        head = np.array([len(self), self.ranks.shape[1], self.bands.shape[1], self.set_size.sum()], np.uint64)
        ends = self.begin + self.set_size
        sets = [self.words[a:b].tobytes() for a, b in zip(self.begin.tolist(), ends.tolist(), strict=True)]
        return b"".join([head.tobytes(), table.tobytes(), *sets])

    def order(self, *heads: NDArray[np.int64] | NDArray[np.uint64]) -> NDArray[np.int64]:
        """Rows in order of `heads`, then of who stays: ranks, then key."""
        ranks = [self.ranks[:, i] for i in reversed(range(self.ranks.shape[1]))]
        return np.lexsort((self.key, *ranks, *reversed(heads)))


_COLUMNS = tuple(f.name for f in fields(Members) if f.name != "words")


def _with_words(columns: dict[str, NDArray[np.int64]], words: NDArray[np.uint64]) -> Members:
    return Members(**columns, words=words)  # type: ignore[arg-type]


def unpack_members(words: NDArray[np.uint64]) -> Members:
    """All members of any number of packed ones, one after the other in `words`, where their sets stay."""
    tables, begins, at = [], [], 0
    ranks = bands = 0
    while at < len(words):
        rows, ranks, bands, size = words[at : at + 4].astype(np.int64).tolist()
        width = len(_NUMBERS) + 2 + ranks + bands
        table = words[at + 4 : at + 4 + rows * width].reshape(rows, width)
        at += 4 + rows * width
        ends = at + np.cumsum(table[:, _NUMBERS.index("set_size")].view(np.int64))
        begins.append(ends - table[:, _NUMBERS.index("set_size")].view(np.int64))
        tables.append(np.array(table))  # out of the mapped file, if it is one
        at += size
    if not tables:
        tables, begins = [np.zeros((0, len(_NUMBERS) + 2), np.uint64)], [np.zeros(0, np.int64)]
    table = np.concatenate(tables)
    columns = {name: np.ascontiguousarray(table[:, i]).view(np.int64) for i, name in enumerate(_NUMBERS)}
    first = len(_NUMBERS) + 2
    return Members(
        **columns,
        begin=np.concatenate(begins),
        set_hash=np.ascontiguousarray(table[:, first - 2 : first]),
        ranks=np.ascontiguousarray(table[:, first : first + ranks]).view(np.int64),
        bands=np.ascontiguousarray(table[:, first + ranks :]),
        words=words,
    )


def hash_sets(set_offsets: NDArray[np.int64], sets: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """XXH3 128 of every set, uint64 (sets, 2)."""
    view = np.ascontiguousarray(sets).view(np.uint8).data
    digests = [xxhash.xxh3_128_digest(view[8 * a : 8 * b]) for a, b in itertools.pairwise(set_offsets.tolist())]
    return np.frombuffer(b"".join(digests), np.uint64).reshape(-1, 2)


def collapse_twins(members: Members) -> tuple[Members, Members, NDArray[np.int64]]:
    """Of members with the same set, the first by rank and key stands for all.

    Returns the standing ones, and all members given with the row of the one that stands for each. Twins have the same
    signature, so also the same buckets and component.
    """
    order = members.order(members.set_hash[:, 0], members.set_hash[:, 1])
    ordered = members.take(order)
    first = np.ones(len(order), np.bool_)
    first[1:] = (ordered.set_hash[1:] != ordered.set_hash[:-1]).any(axis=1)
    starts = np.flatnonzero(first)
    standing = ordered.take(starts)
    if len(starts):
        lowest, weight = np.minimum.reduceat(ordered.lowest, starts), np.add.reduceat(ordered.weight, starts)
        standing = replace(standing, lowest=lowest, weight=weight)
    return standing, ordered, np.cumsum(first) - 1


def join_members(parts: Sequence[Members], words: NDArray[np.uint64]) -> Members:
    """Members of several batches whose sets lie in one array."""
    return _with_words({name: np.concatenate([getattr(part, name) for part in parts]) for name in _COLUMNS}, words)
