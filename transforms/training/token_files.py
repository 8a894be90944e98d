"""Files of token ids in the formats that training stacks read. Each appears whole or not at all.

A writer takes the samples of one shard and the stem of a name, and gives the files it wrote.
"""

from __future__ import annotations

import itertools
import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from filters.errors import OutputError
from filters.tokens.packing import Pieces, cu_seqlens
from transforms.atomic import AtomicFile
from transforms.files import atomic_writer, join
from transforms.training.options import TrainingFile

_ROW_GROUP_TOKENS = 1 << 21
"""Tokens to a Parquet row group, 4 or 8 MB before compression: what a training reader loads at once."""


@dataclass(frozen=True)
class Samples:
    """Token ids of one shard.

    ids: (samples, length) where packed, else flat. pieces: what they are made of. documents: int64 (pieces,), key of
    the document that each piece is from. facts: of tokenizer and packing, for the metadata of files.
    """

    ids: NDArray[Any]
    pieces: Pieces
    documents: NDArray[np.int64]
    facts: Mapping[str, Any]
    compression_level: int

    @property
    def bounds(self) -> NDArray[np.int64]:
        """Where each sample begins in the flat ids, and the end."""
        if self.pieces.capacity is None:
            return np.concatenate([[0], np.cumsum(self.pieces.tokens)])
        return np.arange(self.pieces.samples + 1) * self.pieces.capacity


def _finished(name: str, path: str, samples: Samples, sink: AtomicFile) -> TrainingFile:
    return TrainingFile(name, path, samples.pieces.samples, sink.bytes, sink.sha256)


def write_parquet(samples: Samples, output: str, folder: str, shard: int) -> list[TrainingFile]:
    """`input_ids` as lists, of fixed size and with `cu_seqlens` where packed; `tokens`, keys of the documents."""
    pieces, flat = samples.pieces, pa.array(samples.ids.reshape(-1))
    tokens = pa.array(pieces.tokens.astype(np.int32))
    if pieces.capacity is not None:
        boundaries, offsets = cu_seqlens(pieces)
        columns = {
            "input_ids": pa.FixedSizeListArray.from_arrays(flat, pieces.capacity),
            "cu_seqlens": pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), pa.array(boundaries)),
            "tokens": tokens,
            "doc_keys": pa.ListArray.from_arrays(pa.array(pieces.bounds.astype(np.int32)), pa.array(samples.documents)),
        }
    else:
        columns = {
            "input_ids": pa.ListArray.from_arrays(pa.array(samples.bounds.astype(np.int32)), flat),
            "tokens": tokens,
            "doc_key": pa.array(samples.documents),
        }
    table = pa.table(columns).replace_schema_metadata({"beamsift": json.dumps(samples.facts)})
    path = f"{folder}/parquet/part-{shard:05d}.parquet"
    rows = max(1, _ROW_GROUP_TOKENS * pieces.samples // len(flat))
    with atomic_writer(join(output, path)) as sink:
        pq.write_table(
            table, sink, row_group_size=rows, compression="zstd", compression_level=samples.compression_level,
            use_dictionary=["doc_keys.list.element"], write_statistics=False,
        )  # fmt: skip
    return [_finished("parquet", path, samples, sink)]


_MEGATRON_CODES = {"uint16": 8, "int32": 4}


def write_megatron(samples: Samples, output: str, folder: str, shard: int) -> list[TrainingFile]:
    """A pair `.bin` (ids) and `.idx` of Megatron-LM's IndexedDataset; every sample is a sequence and a document.

    The index, after megatron/core/datasets/indexed_dataset.py, all little-endian: 9 bytes of magic, version 1 (u64),
    code of the type (u8), number of sequences (u64) and of document bounds (u64), lengths (i32), places in bytes (i64),
    document bounds in sequences (i64). The `.idx` comes last: without it no reader takes the `.bin`.
    """
    count, bounds = samples.pieces.samples, samples.bounds
    stem = f"{folder}/megatron/part-{shard:05d}"
    with atomic_writer(join(output, f"{stem}.bin")) as data:
        data.write(np.ascontiguousarray(samples.ids))
    with atomic_writer(join(output, f"{stem}.idx")) as index:
        index.write(b"MMIDIDX\0\0" + struct.pack("<QBQQ", 1, _MEGATRON_CODES[samples.ids.dtype.name], count, count + 1))
        index.write(np.diff(bounds).astype("<i4"))
        index.write((bounds[:-1] * samples.ids.dtype.itemsize).astype("<i8"))
        index.write(np.arange(count + 1, dtype="<i8"))
    return [
        _finished("megatron", f"{stem}.bin", samples, data),
        TrainingFile("megatron", f"{stem}.idx", 0, index.bytes, index.sha256),
    ]


def write_numpy(samples: Samples, output: str, folder: str, shard: int) -> list[TrainingFile]:
    """One `.npy` for `np.load(mmap_mode="r")`: (samples, length) where packed, else flat, and bounds."""
    stem = f"{folder}/numpy/part-{shard:05d}"
    arrays = {f"{stem}.npy": samples.ids}
    if samples.pieces.capacity is None:
        arrays[f"{stem}.bounds.npy"] = samples.bounds
    found = []
    for path, array in arrays.items():
        with atomic_writer(join(output, path)) as sink:
            np.lib.format.write_array(sink, array, version=(1, 0), allow_pickle=False)
        rows = samples.pieces.samples if array is samples.ids else 0
        found.append(TrainingFile("numpy", path, rows, sink.bytes, sink.sha256))
    return found


def mds_columns(dtype: np.dtype[Any], capacity: int | None) -> dict[str, tuple[str, int | None]]:
    """Columns of an MDS shard in order: encoding, and size in bytes where all samples have the same."""
    if capacity is None:
        return {"input_ids": (f"ndarray:{dtype.name}", None)}
    ids = (f"ndarray:{dtype.name}:{capacity}", capacity * dtype.itemsize)
    return {"cu_seqlens": ("ndarray:int32", None), "input_ids": ids}


def mds_config(dtype: np.dtype[Any], capacity: int | None) -> dict[str, Any]:
    """What an MDS shard and its entry in `index.json` say of the samples."""
    columns = mds_columns(dtype, capacity)
    return {
        "column_encodings": [encoding for encoding, _ in columns.values()],
        "column_names": list(columns),
        "column_sizes": [size for _, size in columns.values()],
        "compression": None,
        "format": "mds",
        "hashes": [],
        "size_limit": None,
        "version": 2,
    }


def write_mds(samples: Samples, output: str, folder: str, shard: int) -> list[TrainingFile]:
    """An uncompressed shard of MosaicML's MDS, version 2.

    After streaming/base/format/mds/writer.py: as little-endian u32, the number of samples and the place in the file
    where each begins and the last ends; the configuration as JSON; the samples, each the sizes (u32) of its columns of
    varying size and then its columns. Raises OutputError for a shard of 4 GiB or more, which 32 bits cannot address.
    """
    pieces = samples.pieces
    config = json.dumps(mds_config(samples.ids.dtype, pieces.capacity), sort_keys=True).encode()
    encoded = _mds_packed(samples) if pieces.capacity is not None else _mds_documents(samples)
    sizes = np.fromiter(map(len, encoded), np.int64, len(encoded))
    begins = 4 + 4 * (len(encoded) + 1) + len(config) + np.concatenate([[0], np.cumsum(sizes)])
    if begins[-1] >= 1 << 32:
        raise OutputError(
            f"shard {shard} would have {begins[-1]:,} bytes; MDS holds less than 4 GiB: lower shard_tokens"
        )
    path = f"{folder}/mds/shard.{shard:05d}.mds"
    with atomic_writer(join(output, path)) as sink:
        sink.write(np.concatenate([[len(encoded)], begins]).astype("<u4"))
        sink.write(config)
        for first in range(0, len(encoded), 1024):
            sink.write(b"".join(encoded[first : first + 1024]))
    return [_finished("mds", path, samples, sink)]


def _mds_packed(samples: Samples) -> list[bytes]:
    values, offsets = cu_seqlens(samples.pieces)
    found = []
    for ids, (first, last) in zip(samples.ids, itertools.pairwise(offsets.tolist()), strict=True):
        boundaries = _mds_array(values[first:last])
        found.append(struct.pack("<I", len(boundaries)) + boundaries + ids.tobytes())
    return found


def _mds_documents(samples: Samples) -> list[bytes]:
    bounds = samples.bounds.tolist()
    arrays = (_mds_array(samples.ids[a:b]) for a, b in itertools.pairwise(bounds))
    return [struct.pack("<I", len(array)) + array for array in arrays]


def _mds_array(values: NDArray[Any]) -> bytes:
    """An array of one axis and any length: a byte (axes << 2 | log2 of the bytes of the length), the length, values."""
    width = 0 if len(values) < 1 << 8 else 1 if len(values) < 1 << 16 else 2
    return bytes([1 << 2 | width]) + len(values).to_bytes(1 << width, "little") + values.tobytes()


WRITERS: dict[str, Callable[[Samples, str, str, int], list[TrainingFile]]] = {
    "parquet": write_parquet,
    "megatron": write_megatron,
    "mds": write_mds,
    "numpy": write_numpy,
}
"""What writes one shard of each of TOKEN_FORMATS."""
