"""A pseudo-random order of documents that is a function of key and seed: no state, no order of calls.

Documents in order of `ranks` stand in a permutation in which every document may take every place. For one seed the
rank is a bijection of the key, so there are no ties among documents; copies of documents can tie, with a chance of
about n**2 / 2**65.
"""

from __future__ import annotations

import numpy as np
import xxhash
from numpy.typing import NDArray

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def mix64(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The next output of SplitMix64 for each state, uint64 (Steele, Lea and Flood 2014, "Fast Splittable PRNGs").

    A bijection; a change of one bit changes about half of all bits.

    >>> int(mix64(np.array([1234567], np.uint64))[0])     # first value of the published sequence for this seed
    6457827717110365317
    """
    with np.errstate(over="ignore"):
        x = values + _GOLDEN
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return np.asarray(x ^ (x >> np.uint64(31)))


def keyed_hash(seed: int, purpose: str, *columns: NDArray[np.int64] | NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Hash of every row of some integer columns, uint64; rows of one column never share one.

    purpose: a word; draws for different purposes have nothing to do with each other.
    """
    state: NDArray[np.uint64] | np.uint64 = np.uint64(xxhash.xxh3_64_intdigest(f"{purpose}:{seed}".encode()))
    for column in columns:
        state = mix64(np.asarray(state ^ column.astype(np.uint64)))
    return np.asarray(state)


def ranks(seed: int, keys: NDArray[np.int64], copies: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Place of every copy of a document among all possible places, uint64. copies: its number, from 0 on."""
    return keyed_hash(seed, "order", keys, copies)


def chances(seed: int, purpose: str, keys: NDArray[np.int64] | NDArray[np.uint64]) -> NDArray[np.float64]:
    """A number in [0, 1) for every key."""
    return np.asarray((keyed_hash(seed, purpose, keys) >> np.uint64(11)) * 2.0**-53)


def bucket(rank: NDArray[np.uint64], buckets: int) -> NDArray[np.int64]:
    """Which of `buckets` equal parts of the range of ranks each lies in, int64. Order of ranks is order of parts.

    >>> bucket(np.array([0, 1 << 63, (1 << 64) - 1], np.uint64), 3).tolist()
    [0, 1, 2]
    """
    return np.asarray(((rank >> np.uint64(32)) * np.uint64(buckets)) >> np.uint64(32)).astype(np.int64)


def bucket_bounds(number: int, buckets: int) -> tuple[int, int]:
    """First rank of a part, and the first after it.

    >>> bucket_bounds(2, 3)[1] == 1 << 64
    True
    """
    first, last = (-(-(n << 32) // buckets) << 32 for n in (number, number + 1))
    return first, last
