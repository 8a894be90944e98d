"""Timing that survives a busy machine: processor time, rounds of one run each, medians, ratios within a round."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import TypeVar

T = TypeVar("T")


LEAST_SECONDS = 0.3
"""Quick work is done again until it took so long: one run of a few milliseconds is mostly noise."""


def cpu_seconds(work: Callable[[], object]) -> float:
    """Processor seconds, of all threads of this process, that `work` takes; the garbage collector rests meanwhile."""
    gc.collect()
    was_on = gc.isenabled()
    gc.disable()
    try:
        start, times, taken = time.process_time(), 0, 0.0
        while not times or taken < LEAST_SECONDS:
            work()
            times += 1
            taken = time.process_time() - start
        return taken / times
    finally:
        if was_on:
            gc.enable()


def interleave(runs: Mapping[str, Callable[[], T]], repeats: int) -> dict[str, list[T]]:
    """Results of `repeats` rounds of one run each; every round begins with another, so that none is always first.

    >>> order = []
    >>> interleave({name: lambda name=name: order.append(name) or len(order) for name in "ab"}, 2)
    {'a': [1, 4], 'b': [2, 3]}
    """
    if repeats < 1:
        raise ValueError(f"repeats must be 1 or more, got {repeats}")
    names = list(runs)
    results: dict[str, list[T]] = {name: [] for name in names}
    for turn in range(repeats):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            results[name].append(runs[name]())
    return results


def median_ratio(values: Sequence[float], base: Sequence[float]) -> float:
    """Median over the rounds of value / base: what slows a whole round down cancels out.

    >>> median_ratio([2.0, 8.0, 2.0], [1.0, 2.0, 1.0])
    2.0
    """
    return median(value / other for value, other in zip(values, base, strict=True))
