"""How many copies of a document are trained on, and on which side of the validation split it is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash
from numpy.typing import NDArray

from filters.exact import ExactParams, content_hashes
from filters.keep import source_place
from filters.texts import as_text_array
from filters.tokens.params import MixtureParams, ValidationParams
from filters.tokens.permutation import chances


def whole_copies(weights: NDArray[np.float64], keys: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Copies of every document, int64: the weight, or one of its neighbours with the chance that makes it the mean.

    >>> whole_copies(np.array([2.0, 0.0, 1.0]), np.arange(3), seed=1).tolist()
    [2, 0, 1]
    """
    whole = np.floor(weights)
    return (whole + (chances(seed, "mixture", keys) < weights - whole)).astype(np.int64)


def weighted_groups(batch: pa.RecordBatch, uri: str, params: MixtureParams) -> pa.Array:
    """Which of the names in `weights` every row falls under, strings; "" where none. uri: of the rows' source file.

    >>> params = MixtureParams(weights={"wiki": 2.0})
    >>> weighted_groups(pa.record_batch({"text": ["a"]}), "s3://b/raw/wiki/part-0.parquet", params).to_pylist()
    ['wiki']
    """
    names = list(params.weights)
    if params.grouping.column is None:
        place = source_place(uri, names)
        return pa.array([names[place] if place < len(names) else ""] * len(batch), pa.string())
    values = params.grouping.values(batch, uri)
    if values is None:
        return pa.array([""] * len(batch), pa.string())
    return pc.if_else(pc.is_in(values, value_set=pa.array(names, pa.string())), values, "")


def document_weights(
    batch: pa.RecordBatch, groups: pa.Array, params: MixtureParams, size_column: str | None
) -> NDArray[np.float64]:
    """Mean number of copies of every row. groups: of `weighted_groups`; size_column: of cluster sizes."""
    names = pa.array(list(params.weights), pa.string())
    table = np.array([*params.weights.values(), params.default])
    weights = table[pc.fill_null(pc.index_in(groups, names), len(names)).to_numpy(zero_copy_only=False)]
    if params.cluster_size is not None and size_column is not None:
        sizes = pc.fill_null(batch[size_column], 1).to_numpy(zero_copy_only=False)
        weights = weights * copies_by_size(sizes, params.cluster_size.table)
    return np.asarray(weights)


def copies_by_size(sizes: NDArray[np.int64], table: Sequence[tuple[int, float]]) -> NDArray[np.float64]:
    """Copies for every cluster size; sizes below 1 count as 1.

    >>> copies_by_size(np.array([1, 4, 99, 100, 5000]), ((1, 1.0), (3, 3.0), (100, 0.5))).tolist()
    [1.0, 3.0, 3.0, 0.5, 0.5]
    """
    limits, copies = np.array([size for size, _ in table]), np.array([value for _, value in table])
    return np.asarray(copies[np.maximum(np.searchsorted(limits, sizes, side="right") - 1, 0)])


def validation_mask(
    batch: pa.RecordBatch, text_column: str, params: ValidationParams, clusters: Sequence[tuple[str, str]]
) -> NDArray[np.bool_]:
    """Which rows are set apart; all of a group are, or none. clusters: (cluster, its size) columns, best first."""
    group = content_hashes(as_text_array(batch[text_column]), ExactParams(normalise="whitespace"))[:, 0]
    if params.by is not None:
        values = batch[params.by].cast(pa.string()).cast(pa.binary())
        named = [None if value is None else xxhash.xxh3_64_intdigest(value) for value in values.to_pylist()]
        group = np.array([own if name is None else name for own, name in zip(group, named, strict=True)], np.uint64)
    else:
        for cluster, size in reversed(clusters):
            several = pc.fill_null(pc.greater(batch[size], 1), False).to_numpy(zero_copy_only=False)
            # A cluster is a key, a text is a hash: what both would be called by chance goes to one side, no more.
            group = np.where(several, batch[cluster].fill_null(0).to_numpy().astype(np.uint64), group)
    return np.asarray(chances(params.seed, "validation", group) < params.share)
