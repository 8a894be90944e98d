"""Distributions of many statistics by group, in memory that does not grow with the rows.

A number counts in a bucket of its leading bits: sign, exponent and ten bits of mantissa. So buckets are a thousandth
wide, whole numbers below 2,048 have buckets of their own, and merging in any order gives the same counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

_DROPPED_BITS = 42  # 52 bits of mantissa less ten
_SIGN = np.uint64(1 << 63)
_BUCKET_BITS = 64 - _DROPPED_BITS


def buckets_of(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Bucket of every number, in the order of the numbers, int64 below 2**22.

    >>> found = buckets_of(np.array([-1.0, 0.0, 0.3, 0.30001, 2047.0, 2048.0, 2049.0]))
    >>> (np.diff(found) > 0).tolist()
    [True, True, False, True, True, False]
    """
    bits = (values + 0.0).view(np.uint64)
    ordered = np.where(bits & _SIGN, ~bits, bits | _SIGN)
    return (ordered >> np.uint64(_DROPPED_BITS)).astype(np.int64)


def value_of(buckets: NDArray[np.int64]) -> NDArray[np.float64]:
    """The number of a bucket that is nearest to zero, float64.

    >>> value_of(buckets_of(np.array([0.25, 7.0, 1000.0, -3.0]))).tolist()
    [0.25, 7.0, 1000.0, -3.0]
    """
    ordered = buckets.astype(np.uint64) << np.uint64(_DROPPED_BITS)
    negative = (ordered & _SIGN) == 0
    low = np.uint64((1 << _DROPPED_BITS) - 1)
    found: NDArray[np.float64] = np.where(negative, ~(ordered | low), ordered ^ _SIGN).view(np.float64)
    return found


@dataclass
class Distribution:
    """Counts of one statistic in one group. counts: by bucket; nulls: rows without a number."""

    counts: dict[int, int] = field(default_factory=dict)
    nulls: int = 0

    @property
    def rows(self) -> int:
        """Rows with a number."""
        return sum(self.counts.values())

    def merge(self, other: Distribution) -> None:
        """Add another one."""
        self.nulls += other.nulls
        for bucket, count in other.counts.items():
            self.counts[bucket] = self.counts.get(bucket, 0) + count

    def quantiles(self, shares: Sequence[float]) -> list[float | None]:
        """Numbers below or at which these shares of the rows lie, a thousandth exact; None where there is no row."""
        buckets = np.array(sorted(self.counts), np.int64)
        if not len(buckets):
            return [None] * len(shares)
        running = np.cumsum([self.counts[int(bucket)] for bucket in buckets])
        at = np.searchsorted(running, np.maximum(np.ceil(np.array(shares) * running[-1]), 1))
        return [float(value) for value in value_of(buckets)[at]]

    def bars(self, low: float, high: float, count: int) -> list[int]:
        """Rows in `count` equal ranges from low to high; what lies beyond counts in the first or last."""
        bars = np.zeros(count, np.int64)
        buckets = np.array(list(self.counts), np.int64)
        if len(buckets):
            width = (high - low) / count
            places = (value_of(buckets) - low) / width if width > 0 else np.zeros(len(buckets))
            np.add.at(bars, np.clip(places, 0, count - 1).astype(np.int64), list(self.counts.values()))
        return [int(bar) for bar in bars]


class Distributions:
    """Distributions of many statistics by statistic and group."""

    def __init__(self) -> None:
        self.found: dict[str, dict[str, Distribution]] = {}

    def add(self, name: str, values: pa.Array, groups: NDArray[np.int64], names: Sequence[str]) -> None:
        """Count the numbers of a column. groups: int64 (rows,), index into `names`; a NaN counts as a null."""
        numbers = pc.fill_null(values.cast(pa.float64(), safe=False), np.nan).to_numpy(zero_copy_only=False)
        known = ~np.isnan(numbers)
        of_name = self.found.setdefault(name, {})
        for group, nulls in zip(*np.unique(groups[~known], return_counts=True), strict=True):
            of_name.setdefault(names[group], Distribution()).nulls += int(nulls)
        keys = groups[known] << _BUCKET_BITS | buckets_of(numbers[known])
        for key, count in zip(*(part.tolist() for part in np.unique(keys, return_counts=True)), strict=True):
            counts = of_name.setdefault(names[key >> _BUCKET_BITS], Distribution()).counts
            bucket = key & ((1 << _BUCKET_BITS) - 1)
            counts[bucket] = counts.get(bucket, 0) + count

    def total(self, name: str) -> Distribution:
        """Of all groups."""
        whole = Distribution()
        for one in self.found.get(name, {}).values():
            whole.merge(one)
        return whole
