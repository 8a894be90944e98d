"""Distributions that calibration shows: buckets in the order of numbers, quantiles that are NumPy's."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from filters.distribution import Distributions, buckets_of, value_of

finite = st.floats(allow_nan=False, allow_infinity=False)


@given(finite, finite)
def test_buckets_are_in_the_order_of_numbers(one: float, other: float) -> None:
    low, high = sorted((one, other))
    found = buckets_of(np.array([low, high]))
    assert found[0] <= found[1]
    for value, back in zip((low, high), value_of(found), strict=True):
        assert back == value or (abs(value - back) <= abs(value) / 1024 or abs(value) < 1e-300)
        assert abs(back) <= abs(value)


@given(st.lists(st.integers(0, 2047) | st.none(), min_size=1, max_size=60), st.integers(1, 5), st.floats(0, 1))
def test_quantiles_are_numpy_s(values: list[int | None], groups: int, share: float) -> None:
    found = Distributions()
    column = pa.array(values, pa.int64())
    group = np.arange(len(values)) % groups
    cut = len(values) // 2
    for part in (slice(0, cut), slice(cut, None)):
        found.add("x", column[part], group[part], [str(n) for n in range(groups)])
    whole = found.total("x")
    known = [value for value in values if value is not None]
    assert (whole.rows, whole.nulls) == (len(known), len(values) - len(known))
    expected = np.quantile(known, share, method="inverted_cdf") if known else None
    assert whole.quantiles([share]) == [expected]
    assert sum(whole.bars(0, 100, 7)) == len(known)
