"""Where sample number n of a training output is: what a trainer needs to go on where it stopped. No Beam here."""

from __future__ import annotations

import json
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from filters.errors import OutputError
from transforms.files import exists, join, read_bytes
from transforms.training.options import FOLDER, INDEX, SIDES


@dataclass(frozen=True)
class Place:
    """One sample: the file of its shard (of Megatron the `.bin`), and which of the file's samples it is."""

    path: str
    row: int


@dataclass(frozen=True)
class SampleIndex:
    """Samples of one side in one format, in the shuffled order.

    A trainer that keeps the number of samples it has seen finds the next one here, whatever the sizes of shards.

    >>> index = SampleIndex("s3://b/train", ("parquet/part-00000.parquet", "parquet/part-00002.parquet"), (100, 50))
    >>> len(index), index.locate(100)
    (150, Place(path='s3://b/train/parquet/part-00002.parquet', row=0))
    """

    folder: str
    paths: tuple[str, ...]
    samples: tuple[int, ...]

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    @cached_property
    def _ends(self) -> list[int]:
        """Number of the first sample after each shard."""
        return list(accumulate(self.samples))

    def locate(self, number: int) -> Place:
        """Place of a sample, counted from 0. Raises IndexError beyond the last."""
        if not 0 <= number < len(self):
            raise IndexError(f"sample {number:,} of {len(self):,}; begin the next epoch at sample 0")
        shard = bisect_right(self._ends, number)
        return Place(join(self.folder, self.paths[shard]), number - (self._ends[shard - 1] if shard else 0))


def load_index(output: str, side: str = SIDES[0], format: str = "parquet") -> SampleIndex:
    """The index of a result. Raises OutputError if there is none for this side and format."""
    folder = join(output, FOLDER, side)
    uri = join(folder, INDEX)
    if not exists(uri):
        raise OutputError(f"{uri} is not there; {output} holds no training output of side {side!r}")
    formats = json.loads(read_bytes(uri))["formats"]
    if format not in formats:
        raise OutputError(f"{uri} has no format {format!r}; there are: {', '.join(formats)}")
    shards = formats[format]["shards"]
    return SampleIndex(folder, tuple(s["path"] for s in shards), tuple(s["samples"] for s in shards))
