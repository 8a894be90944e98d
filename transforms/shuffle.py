"""What crosses a shuffle: (partition, bytes), the bytes themselves or where they lie; and the way back to Splits."""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
from numpy.typing import NDArray

from filters.room import no_room
from transforms.files import atomic_writer, join, open_filesystem
from transforms.split import Split, pack, unpack

Records = tuple[int, bytes]
Keys = NDArray[np.int64]


@dataclass(frozen=True)
class Shuffle:
    """How packed records travel to their partitions.

    spill: a folder to write them to, so that only (file, offset, length) goes through the runner's shuffle: for a
    runner that holds shuffles in memory, as the local one does. None: the runner's shuffle carries them.
    """

    spill: str | None = None

    def send(self, records: Iterable[Records], name: str) -> Iterator[Records]:
        """Records as they are to be given to a GroupByKey. `name` must be the sender's own and stay the same."""
        if self.spill is None:
            yield from records
            return
        uri = join(self.spill, f"{name}.records")
        places: list[tuple[int, int, int]] = []
        at = 0
        with atomic_writer(uri) as file:
            for partition, payload in records:
                file.write(payload)
                places.append((partition, at, len(payload)))
                at += len(payload)
        for partition, begin, length in places:
            yield partition, f"{begin} {length} {uri}".encode()

    def receive(self, parts: Iterable[bytes]) -> Iterator[bytes]:
        """The payloads of one partition, in no order."""
        for part in parts:
            if self.spill is None:
                yield part
                continue
            begin, length, uri = part.decode().split(" ", 2)
            filesystem, path = open_filesystem(uri)
            with filesystem.open_input_file(path) as file:
                yield file.read_at(int(length), int(begin))


def gather_words(parts: Iterable[bytes], most_bytes: int) -> NDArray[np.uint64]:
    """Parts one after the other as uint64: in memory up to `most_bytes`, beyond that mapped from a temporary file."""
    held: list[bytes] = []
    size = 0
    parts = iter(parts)
    for part in parts:
        held.append(part)
        size += len(part)
        if size > most_bytes:
            break
    else:
        return np.frombuffer(b"".join(held), np.uint64)
    # The file has no name once it is mapped, and is gone with the last array that looks into it.
    with tempfile.TemporaryFile(prefix="beamsift-") as file:
        try:
            file.writelines(held)
            held.clear()
            for part in parts:
                size += len(part)
                file.write(part)
            file.flush()
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise no_room(error, size) from error
            raise
        return np.asarray(np.memmap(file, np.uint64, mode="r"))


def by_partition(hashes: NDArray[np.uint64], partitions: int, *columns: NDArray[Any]) -> Iterator[Records]:
    """Packed records (hash, columns ...) for each partition that receives any. The high bits choose."""
    yield from packed_by((hashes >> np.uint64(40)) % np.uint64(partitions), hashes, *columns)


def packed_by(target: NDArray[Any], *columns: NDArray[Any]) -> Iterator[Records]:
    """Packed records for each target (a partition, a Split's order) that receives any."""
    if not len(target):
        return
    order = np.argsort(target, kind="stable")
    target = target[order]
    ordered = [column[order] for column in columns]
    bounds = np.flatnonzero(np.append(True, target[1:] != target[:-1])).tolist()
    for first, last in zip(bounds, [*bounds[1:], len(target)], strict=True):
        yield int(target[first]), pack(*(column[first:last] for column in ordered))


class _JoinBytes(beam.CombineFn):
    """Concatenate packed records; who comes first does not matter, the reader sorts."""

    def create_accumulator(self) -> list[bytes]:
        return []

    def add_input(self, accumulator: list[bytes], element: bytes) -> list[bytes]:
        accumulator.append(element)
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[list[bytes]]) -> list[bytes]:
        return [b"".join(part for accumulator in accumulators for part in accumulator)]

    def extract_output(self, accumulator: list[bytes]) -> bytes:
        return b"".join(accumulator)


class AsBytes(beam.PTransform):
    """Packed records of all workers as a side input: one value, in no order, empty where there are none."""

    def expand(self, packed: beam.PCollection[bytes]) -> Any:  # noqa: D102
        # A default of the combination costs three transforms more than one of the side input.
        joining = beam.CombineGlobally(_JoinBytes()).without_defaults().with_output_types(bytes)
        return beam.pvalue.AsSingleton(packed | "Join" >> joining, default_value=b"")


def _bounds(split: Split) -> bytes:
    if split.last_key < split.first_key:
        return b""
    return pack(*(np.array([value], np.int64) for value in (split.first_key, split.order)))


class Ranges(beam.PTransform):
    """Packed (first key, order) of all Splits that have rows, a side input: the way from keys back to Splits."""

    def expand(self, splits: beam.PCollection[Split]) -> Any:  # noqa: D102
        return splits | "Bounds" >> beam.Map(_bounds).with_output_types(bytes) | AsBytes()


def by_split(ranges: bytes, keys: Keys, *columns: NDArray[Any]) -> Iterator[Records]:
    """Packed records (key, columns ...) for each Split, named by its order, that holds any of the keys."""
    first_keys, orders = unpack(ranges, 2)
    rank = np.argsort(first_keys)
    at = np.searchsorted(first_keys[rank], keys, side="right") - 1
    yield from packed_by(orders[rank][at], keys, *columns)


def by_order(split: Split) -> Records:
    """A Split under its own order, to be joined with what `by_split` sends."""
    return split.order, split.encode()


def typed(records: beam.PCollection, kind: Any = beam.typehints.KV[int, bytes]) -> beam.PCollection:
    """Declare the type of a tagged output, so that it travels as what it is and is never pickled."""
    records.element_type = kind
    return records
