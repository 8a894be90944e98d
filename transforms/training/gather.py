"""Rows of a range of ranks out of the staged files of all Splits, in order: what a shard is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from filters.chain import KEY
from filters.tokens.permutation import bucket, bucket_bounds
from transforms.files import open_filesystem
from transforms.training.stage import RANK


@dataclass(frozen=True)
class RankRange:
    """Part `number` of `parts` equal ones of all ranks."""

    number: int
    parts: int

    def cut(self, pieces: int) -> list[RankRange]:
        """The same range as `pieces` ranges, in order."""
        return [RankRange(self.number * pieces + i, self.parts * pieces) for i in range(pieces)]

    def holds(self, rank: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Which ranks lie in it."""
        return np.asarray(bucket(rank, self.parts) == self.number)


def read_range(uri: str, ranks: RankRange, columns: Sequence[str] | None = None) -> pa.Table:
    """Rows of one staged file whose ranks lie in a range; only the record batches that can hold them are read."""
    filesystem, path = open_filesystem(uri)
    first, end = bucket_bounds(ranks.number, ranks.parts)
    with filesystem.open_input_file(path) as file:
        reader = pa.ipc.open_file(file)
        if columns is not None:
            fields = [reader.schema.get_field_index(name) for name in columns]
            reader = pa.ipc.open_file(file, options=pa.ipc.IpcReadOptions(included_fields=fields))
        edges = np.array([first, end - 1], np.uint64)
        low, high = bucket(edges, reader.num_record_batches).tolist()
        table = pa.Table.from_batches([reader.get_batch(i) for i in range(low, high + 1)], reader.schema)
    return table.filter(pa.array(ranks.holds(table[RANK].to_numpy())))


def gather_range(uris: Sequence[str], ranks: RankRange, columns: Sequence[str] | None = None) -> pa.Table:
    """Rows of all staged files in a range, in order of rank (and key, should two ranks be equal), without the rank."""
    table = pa.concat_tables([read_range(uri, ranks, columns) for uri in uris])
    order = np.lexsort((table[KEY].to_numpy(), table[RANK].to_numpy()))
    return table.drop_columns([RANK]).take(pa.array(order))


def stream_of(lists: pa.ChunkedArray, dtype: np.dtype[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """(all tokens one after the other, length of every document) of a column of lists."""
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy().astype(np.int64)
    return pc.list_flatten(lists).to_numpy().astype(dtype, copy=False), lengths
