"""Benchmark `signatures`: MinHash signatures by our kernel and by datasketch, which give the same values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import numpy as np
import pyarrow as pa
import xxhash
from datasketch import MinHash
from numpy.typing import NDArray

from benchmarks.corpus import TOKEN
from benchmarks.report import Result
from benchmarks.timing import cpu_seconds, interleave, median_ratio
from filters.kernels.minhash import CHUNK, fold_minima
from filters.minhash import permutations, shingle_sets, signatures
from filters.texts import byte_lengths

PERMUTATIONS = 128
SHINGLE = 5
_WARM_UP_TEXTS = 20


@dataclass(frozen=True)
class Prepared:
    """Texts in the shape that each contender likes best; made outside the clock.

    hashes: distinct shingle hashes of every text, uint64. numbers: their upper 32 bits as Python ints, which is what
    datasketch takes fastest.
    """

    texts: pa.LargeStringArray
    strings: list[str]
    hashes: list[NDArray[np.uint64]]
    numbers: list[list[int]]


def prepare(texts: pa.LargeStringArray) -> Prepared:
    """Hash the shingles of all texts for the contenders that only permute."""
    offsets, values = shingle_sets(texts, SHINGLE)
    hashes = np.split(values, offsets[1:-1])
    return Prepared(texts, texts.to_pylist(), hashes, [(h >> np.uint64(32)).tolist() for h in hashes])


def ours(given: Prepared) -> NDArray[np.uint32]:
    """Text to signature: tokens, shingles, hashes, permutations."""
    return signatures(given.texts, num_perm=PERMUTATIONS, shingle_size=SHINGLE)[0]


def ours_permutations(given: Prepared) -> NDArray[np.uint32]:
    """Shingle hash to signature, by the loop that `signatures` runs."""
    a, b = permutations(PERMUTATIONS, 1)
    out = np.full((len(given.hashes), PERMUTATIONS), 0xFFFFFFFF, np.uint32)
    mixed = np.empty(CHUNK, np.uint32)
    for row, hashes in zip(out, given.hashes, strict=True):
        for first in range(0, len(hashes), CHUNK):
            stretch = hashes[first : first + CHUNK]
            fold_minima(stretch, len(stretch), a, b, mixed, row)
    return out


def datasketch_permutations(given: Prepared) -> NDArray[np.uint32]:
    """Shingle hash to signature: datasketch's own way for many sets, `update_batch` on each, the hash doing nothing."""
    sketches = MinHash.generator(given.numbers, num_perm=PERMUTATIONS, hashfunc=int)
    return np.stack([sketch.hashvalues for sketch in sketches])


def datasketch_whole(given: Prepared) -> NDArray[np.uint32]:
    """Text to signature in Python: a regular expression, a set of joined tokens, xxHash (SHA-1 is slower)."""
    sets = (python_shingles(text) for text in given.strings)
    sketches = MinHash.generator(sets, num_perm=PERMUTATIONS, hashfunc=xxhash.xxh32_intdigest)
    return np.stack([sketch.hashvalues for sketch in sketches])


def python_shingles(text: str) -> set[bytes]:
    """Distinct shingles of a text.

    >>> sorted(python_shingles("One two, three four five six"))
    [b'one two three four five', b'two three four five six']
    """
    tokens = TOKEN.findall(text.lower())
    last = max(1, len(tokens) - SHINGLE + 1) if tokens else 0
    return {" ".join(tokens[i : i + SHINGLE]).encode(errors="replace") for i in range(last)}


CONTENDERS: dict[str, Callable[[Prepared], NDArray[np.uint32]]] = {
    "beamsift, text to signature": ours,
    "datasketch, text to signature in Python": datasketch_whole,
    "beamsift, permutations only": ours_permutations,
    "datasketch, permutations only": datasketch_permutations,
}


def check_equal(given: Prepared) -> None:
    """Raise AssertionError unless the three that see the same hashes agree in every value."""
    expected = ours(given)
    for other in (ours_permutations, datasketch_permutations):
        if not np.array_equal(expected, other(given)):
            raise AssertionError(f"{other.__name__} gives other signatures than filters.minhash.signatures")


def measure(texts: pa.LargeStringArray, repeats: int) -> Result:
    """Run all contenders on the same texts, one thread each."""
    warm = prepare(texts.slice(0, _WARM_UP_TEXTS))
    for run in CONTENDERS.values():
        run(warm)
    given = prepare(texts)
    check_equal(given)
    runs = {name: lambda run=run: cpu_seconds(lambda: run(given)) for name, run in CONTENDERS.items()}
    seconds = interleave(runs, repeats)
    size = int(byte_lengths(texts).sum()) / 1e6
    whole, permuting = seconds["beamsift, text to signature"], seconds["beamsift, permutations only"]
    rows, data = [], []
    for name, taken in seconds.items():
        to_whole, to_permuting = median_ratio(taken, whole), median_ratio(taken, permuting)
        rate = size / median(taken)
        spread = f"{size / max(taken):,.1f} - {size / min(taken):,.1f}"
        like = to_permuting if name.endswith("only") else to_whole
        rows.append((name, f"{rate:,.1f}", spread, f"{like:,.1f} x", f"{to_whole:,.1f} x"))
        data.append(
            {"name": name, "cpu_seconds": taken, "mb_per_s": rate, "time_to_whole": to_whole, "time_to_like": like}
        )
    shingles = sum(map(len, given.hashes))
    return Result(
        "signatures",
        f"MinHash signatures, {PERMUTATIONS} permutations, {SHINGLE}-token shingles",
        ("", "MB/s per core", "slowest - fastest", "slower than beamsift, same work", "slower than beamsift, whole"),
        tuple(rows),
        (
            f"{len(texts):,} texts, {size:,.1f} MB, {shingles:,} distinct shingles; one thread, processor time, "
            f"median of {repeats} interleaved rounds. Whole: text to signature.",
            "Permutations only: hashes are ready before the clock starts, and the values are checked to be equal.",
        ),
        {"texts": len(texts), "mb": size, "shingles": shingles, "repeats": repeats, "runs": data},
    )
