"""A fastText classifier read from its file into arrays, so that a kernel can run it and processes can share it.

The layout is that of fastText's own loader (facebookresearch/fastText 0.9.2, `FastText::loadModel` and what it calls),
file versions 11 and 12, `.bin` and `.ftz`. Matrices that are not quantised stay in the file and are mapped into memory:
all worker processes of a machine share one copy.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

MAGIC = 793712314
"""First four bytes of a model file (`FASTTEXT_FILEFORMAT_MAGIC_INT32`)."""

SUPERVISED, HIERARCHICAL, SOFTMAX, ONE_VS_ALL = 3, 1, 3, 4
"""`model_name::sup`, and of `loss_name`: hs, softmax, ova."""

_LABEL = b"__label__"
_ARGS = struct.Struct("<12id")
_CENTROIDS = 256


class NotReadableError(Exception):
    """The file is not a model that this reader knows all of; the message says what it met."""


@dataclass(frozen=True)
class Vocabulary:
    """Words (labels included) behind a hash table with open addressing.

    slots: int32 (power of two,), index of a word or -1; data: uint8, all words end to end; ends: int64 (words + 1,),
    where they begin and end; is_label: bool (words,).
    """

    slots: NDArray[np.int32]
    data: NDArray[np.uint8]
    ends: NDArray[np.int64]
    is_label: NDArray[np.bool_]


@dataclass(frozen=True)
class FastTextModel:
    """All that prediction needs.

    rows: float32 (words + buckets, dim), the input matrix, a quantised one unpacked. output: float32 (outputs, dim);
    output_norms: float32 (outputs,), what a quantised output is multiplied by after the sum, else ones. bucket_rows:
    int32 (buckets,), row of each n-gram bucket or -1 where it was pruned; empty where nothing was, and a bucket's row
    is `words + bucket`. counts: int64 (labels,), how often a label was seen in training (its place in the tree).
    """

    labels: tuple[str, ...]
    vocabulary: Vocabulary
    words: int
    dim: int
    min_n: int
    max_n: int
    word_n_grams: int
    buckets: int
    loss: int
    counts: NDArray[np.int64]
    rows: NDArray[np.float32]
    output: NDArray[np.float32]
    output_norms: NDArray[np.float32]
    bucket_rows: NDArray[np.int32]


class _Cursor:
    """Reads a mapped file from front to end."""

    def __init__(self, data: mmap.mmap) -> None:
        self.data, self.at = data, 0

    def numbers(self, layout: struct.Struct) -> tuple[float, ...]:
        values = layout.unpack_from(self.data, self.at)
        self.at += layout.size
        return values

    def array(self, shape: tuple[int, ...], kind: str) -> NDArray[np.generic]:
        """A view of the file, at any alignment."""
        if min(shape) < 0:
            raise NotReadableError("a matrix of negative size")
        values = np.ndarray(shape, kind, buffer=self.data, offset=self.at)
        self.at += values.nbytes
        return values


def read_fasttext(path: Path) -> FastTextModel:
    """Read a supervised model. Raises NotReadableError for anything else, OSError for a file that cannot be opened."""
    try:
        with path.open("rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return _read(_Cursor(data))
    except (struct.error, TypeError, IndexError, MemoryError, ValueError, OverflowError) as error:
        raise NotReadableError(f"damaged or cut short ({error})") from error


def _read(cursor: _Cursor) -> FastTextModel:
    magic, version = (int(n) for n in cursor.numbers(struct.Struct("<2i")))
    if magic != MAGIC or version not in (11, 12):
        raise NotReadableError(f"not a fastText model of version 11 or 12 (begins with {magic}, {version})")
    dim, _, _, _, _, word_n_grams, loss, model, buckets, min_n, max_n, _, _ = (int(n) for n in cursor.numbers(_ARGS))
    if model != SUPERVISED or loss not in (HIERARCHICAL, SOFTMAX, ONE_VS_ALL):
        raise NotReadableError(f"model kind {model} with loss {loss}; a classifier is {SUPERVISED} with 1, 3 or 4")
    if version == 11:
        max_n = 0  # as the loader does: supervised models of that version have no character n-grams
    size, words, label_count = (int(n) for n in cursor.numbers(struct.Struct("<3i")))
    _, pruned = (int(n) for n in cursor.numbers(struct.Struct("<2q")))
    vocabulary, names, counts = _read_vocabulary(cursor, size)
    if words + label_count != size or vocabulary.is_label[:words].any() or not vocabulary.is_label[words:].all():
        raise NotReadableError("labels and words in another order than fastText writes")
    bucket_rows = _read_pruned(cursor, pruned, buckets, words)
    quantised = cursor.numbers(struct.Struct("<?"))[0]
    rows, norms = _read_quantised(cursor) if quantised else (_read_dense(cursor), None)
    if norms is not None:
        rows = rows * norms[:, None]
    quantised_output = cursor.numbers(struct.Struct("<?"))[0]
    output, output_norms = _read_quantised(cursor) if quantised and quantised_output else (_read_dense(cursor), None)
    if rows.shape[1] != dim or output.shape[1] != dim or output.shape[0] < label_count:
        raise NotReadableError(
            f"matrices of {rows.shape} and {output.shape} with {dim} dimensions, {label_count} labels"
        )
    if (max_n > 0 or word_n_grams > 1) and buckets <= 0:
        raise NotReadableError(f"n-grams with {buckets} buckets")
    needed = bucket_rows.max(initial=words - 1) if pruned >= 0 else words + buckets - 1
    if needed >= len(rows):
        raise NotReadableError(f"{len(rows)} rows, and row {needed} is named")
    return FastTextModel(
        labels=tuple(name.decode("utf-8", "replace") for name in names[words:]),
        vocabulary=vocabulary,
        words=words,
        dim=dim,
        min_n=min_n,
        max_n=max_n,
        word_n_grams=word_n_grams,
        buckets=max(buckets, 1),
        loss=loss,
        counts=counts[words:],
        rows=rows,
        output=output,
        output_norms=np.ones(len(output), np.float32) if output_norms is None else output_norms,
        bucket_rows=bucket_rows,
    )


def _read_vocabulary(cursor: _Cursor, size: int) -> tuple[Vocabulary, list[bytes], NDArray[np.int64]]:
    names, counts, kinds = [], np.empty(size, np.int64), np.empty(size, np.bool_)
    for index in range(size):
        end = cursor.data.find(b"\0", cursor.at)
        if end < 0:
            raise NotReadableError("cut short in its words")
        names.append(cursor.data[cursor.at : end])
        cursor.at = end + 1
        counts[index], kind = cursor.numbers(struct.Struct("<qb"))
        kinds[index] = kind == 1
    ends = np.zeros(size + 1, np.int64)
    np.cumsum([len(name) for name in names], out=ends[1:])
    slots = np.full(1 << max(4, (2 * size).bit_length()), -1, np.int32)
    for index, name in enumerate(names):
        at = word_hash(name) & (len(slots) - 1)
        while slots[at] >= 0:
            at = (at + 1) & (len(slots) - 1)
        slots[at] = index
    data = np.frombuffer(b"".join(names), np.uint8) if ends[-1] else np.zeros(0, np.uint8)
    return Vocabulary(slots, data, ends, kinds), names, counts


def word_hash(word: bytes) -> int:
    """fastText's FNV-1a of 32 bits, which extends the sign of every byte.

    >>> word_hash(b"</s>"), word_hash("é".encode())
    (3617362777, 1023043777)
    """
    value = 2166136261
    for byte in word:
        value = (value ^ (byte if byte < 128 else byte | 0xFFFFFF00)) * 16777619 & 0xFFFFFFFF
    return value


def _read_pruned(cursor: _Cursor, pruned: int, buckets: int, words: int) -> NDArray[np.int32]:
    """Rows of the buckets that were kept. A count of -1 says that nothing was pruned, 0 that no bucket is left."""
    if pruned < 0:
        return np.zeros(0, np.int32)
    pairs = cursor.array((pruned, 2), "<i4")
    bucket_rows = np.full(max(buckets, 1), -1, np.int32)
    bucket_rows[pairs[:, 0]] = pairs[:, 1] + np.int32(words)
    return bucket_rows


def _read_dense(cursor: _Cursor) -> NDArray[np.float32]:
    rows, columns = (int(n) for n in cursor.numbers(struct.Struct("<2q")))
    return cursor.array((rows, columns), "<f4")  # type: ignore[return-value]


def _read_quantised(cursor: _Cursor) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """A product-quantised matrix, its rows looked up, and the norms that multiply them (None: there are none)."""
    has_norms, rows, _, size = cursor.numbers(struct.Struct("<?qqi"))
    codes = cursor.array((int(rows), int(size) // max(int(rows), 1)), "u1")
    matrix = _look_up(cursor, codes)
    if not has_norms:
        return matrix, None
    norm_codes = cursor.array((int(rows), 1), "u1")
    return matrix, _look_up(cursor, norm_codes)[:, 0]


def _look_up(cursor: _Cursor, codes: NDArray[np.generic]) -> NDArray[np.float32]:
    """Read a quantiser (dim, parts, width of a part and of the last part, 256 centroids a part) and undo it."""
    dim, parts, width, last = (int(n) for n in cursor.numbers(struct.Struct("<4i")))
    if codes.shape[1] != parts or (parts - 1) * width + last != dim or width <= 0:
        raise NotReadableError(f"a quantiser of {dim} dimensions in {parts} parts of {width} and {last}")
    centroids = cursor.array((dim * _CENTROIDS,), "<f4")
    matrix = np.empty((len(codes), dim), np.float32)
    for part in range(parts):
        wide = last if part == parts - 1 else width
        first = part * _CENTROIDS * width
        book = centroids[first : first + _CENTROIDS * wide].reshape(_CENTROIDS, wide)
        matrix[:, part * width : part * width + wide] = book[codes[:, part]]
    return matrix
