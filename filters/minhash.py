"""Near duplicates by MinHash and locality-sensitive hashing: shingles, signatures, bands, exact Jaccard.

    text -> tokens -> shingles -> signature -> bands -> buckets -> candidates

A token is a word, or one character of a script written without spaces; a shingle is a run of tokens; a signature
estimates Jaccard similarity; two documents that agree in all rows of a band fall into one bucket and are candidates.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from filters.contract import StageParams
from filters.evidence import Measure
from filters.keep import Keep, columns_needed
from filters.kernels import minhash as kernels
from filters.kernels.unicode_table import load_table
from filters.members import Members
from filters.texts import as_text_array, rows_within, text_buffers
from filters.verification import Criteria, decide

SCHEME = "affine32"
"""datasketch's name of the permutation scheme; stored with every signature."""

_BATCH_BYTES = 32 << 20


class MinHashParams(StageParams):
    """How similar is a duplicate, how it is searched for, and which one stays.

    threshold: similarity of shingle sets from which a document is a duplicate. measure: `jaccard`, shared / union;
    `containment`, shared / smaller set, which catches quoted and truncated copies that share a band with the whole.
    verify: `exact` compares each document with the survivors in its buckets and drops it only if one reaches the
    threshold; `none` drops all of a connected component but one, as other toolkits do, at any similarity.
    keep: which stays, see `filters.keep`; by default the first, with `containment` the longest. action: `drop`, or
    `tag` to keep all rows and write cluster, survivor and similarity as columns.

    bands, rows: both or neither; left out, datasketch's optimiser chooses them for the threshold among `num_perm`
    permutations, weighing missed pairs by `miss_weight` and needless candidates by the rest. Needless candidates only
    cost time where they are verified, so the default is 0.9 (datasketch: 0.5). Bands find texts by Jaccard, which an
    excerpt has little of: with `containment` they are chosen for one of half the length at the threshold.

    shingle_size: tokens to a shingle, 5 as in FineWeb. seed: of the permutations, as in datasketch.

    max_shingles: a longer document is not compared, stays, and is counted (about 10 MB of English). max_component:
    documents of one component compared at once; a larger one is taken in slices of this many.
    """

    threshold: Annotated[float, Field(gt=0, le=1)] = 0.8
    measure: Literal["jaccard", "containment"] = "jaccard"
    verify: Literal["exact", "none"] = "exact"
    keep: Keep | None = None
    action: Literal["drop", "tag"] = "drop"
    num_perm: Annotated[int, Field(ge=2, le=4096)] = 128
    bands: Annotated[int | None, Field(ge=1)] = None
    rows: Annotated[int | None, Field(ge=1)] = None
    miss_weight: Annotated[float, Field(gt=0, lt=1)] = 0.9
    shingle_size: Annotated[int, Field(ge=1, le=64)] = 5
    seed: Annotated[int, Field(ge=0, lt=1 << 32)] = 1
    max_shingles: Annotated[int, Field(ge=1)] = 2_000_000
    max_component: Annotated[int, Field(ge=2)] = 1_000_000

    @model_validator(mode="after")
    def _bands_and_rows_together(self) -> MinHashParams:
        if (self.bands is None) != (self.rows is None):
            raise ValueError("bands and rows belong together: give both (FineWeb: 14 and 8), or neither")
        if self.bands and self.rows and self.bands * self.rows > 4096:
            raise ValueError(f"bands x rows is {self.bands * self.rows} permutations; at most 4096 are supported")
        return self

    @property
    def keep_rules(self) -> Keep:
        """`keep`, or its default for the measure."""
        return self.keep or (("longest",) if self.measure == "containment" else ("first",))

    @property
    def criteria(self) -> Criteria:
        """What verification asks for."""
        return Criteria(self.threshold, self.verify, self.measure, self.max_component)

    @property
    def evidence(self) -> Measure | None:
        """What its similarities are of; None where it does not verify."""
        return Measure(self.measure, self.shingle_size) if self.verify == "exact" else None

    def needs(self) -> list[str]:
        """Columns that `keep` reads."""
        return columns_needed(self.keep_rules)

    def layout(self) -> tuple[int, int]:
        """(bands, rows) as given, or as chosen for the threshold.

        >>> MinHashParams().layout(), MinHashParams(measure="containment").layout()
        ((14, 9), (42, 3))
        """
        if self.bands and self.rows:
            return self.bands, self.rows
        similarity = self.threshold
        if self.measure == "containment":
            shared = self.threshold / 2  # of the whole, by an excerpt of half its shingles
            similarity = shared / (1.5 - shared)
        return optimal_layout(similarity, self.num_perm, self.miss_weight)


@functools.cache
def optimal_layout(threshold: float, num_perm: int, miss_weight: float = 0.5) -> tuple[int, int]:
    """(bands, rows) by datasketch's optimiser: least weighted area of missed pairs and needless candidates.

    >>> optimal_layout(0.9, 128)
    (5, 25)
    """
    from datasketch import MinHashLSH

    try:
        index = MinHashLSH(threshold=threshold, num_perm=num_perm, weights=(1 - miss_weight, miss_weight))
    except ValueError:
        # datasketch refuses a single band, its optimum for thresholds near 1: take the longest two.
        return 2, num_perm // 2
    return index.b, index.r


def high_recall_layout(threshold: float, num_perm: int = 128, recall: float = 0.999) -> tuple[int, int]:
    """(bands, rows) that finds a pair at the threshold with probability `recall`, with as few needless ones as can be.

    For candidates that are checked afterwards: a needless one costs time, a missed one is lost.

    >>> high_recall_layout(0.9)
    (16, 8)
    """
    for rows in range(num_perm, 1, -1):
        if collision_probability(threshold, num_perm // rows, rows) >= recall:
            return num_perm // rows, rows
    return num_perm, 1


def collision_probability(jaccard: float, bands: int, rows: int) -> float:
    """The S-curve: chance that two documents of this Jaccard share a bucket, `1 - (1 - s**rows)**bands`.

    Leskovec, Rajaraman, Ullman: Mining of Massive Datasets, chapter 3.

    >>> round(collision_probability(0.8, 14, 8), 2)
    0.92
    """
    return float(1 - (1 - jaccard**rows) ** bands)


@functools.cache
def permutations(num_perm: int, seed: int) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """datasketch's multipliers (odd) and increments for a seed, uint32 of shape (num_perm,) each.

    Drawn as `MinHash._init_permutations` of datasketch 2.0 draws them for affine32: importing it for two arrays would
    cost every worker a second. A test holds the two equal.
    """
    draw = np.random.RandomState(seed).randint
    a = draw(0, 1 << 31, num_perm, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    return a, draw(0, 1 << 32, num_perm, dtype=np.uint32)


def signatures(
    texts: Sequence[str] | Any, *, num_perm: int = 128, shingle_size: int = 5, seed: int = 1
) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """MinHash signatures, uint32 of shape (texts, num_perm), and shingle counts (repeats included), int64 (texts,).

    A text without tokens has an empty set: count 0 and a row of all ones; it is nobody's near duplicate.
    """
    array = as_text_array(texts)
    offsets, data = text_buffers(array)
    a, b = permutations(num_perm, seed)
    out = np.empty((len(array), num_perm), np.uint32)
    counts = np.empty(len(array), np.int64)
    kernels.minhash_signatures(offsets, data, load_table(), shingle_size, a, b, out, counts)
    return out, counts


def as_datasketch(row: NDArray[np.uint32], seed: int = 1) -> Any:
    """One signature row as a `datasketch.MinHash`, for its `jaccard`, `merge` and indexes."""
    from datasketch import MinHash

    return MinHash(seed=seed, hashvalues=row, scheme=SCHEME)


def band_hashes(signature_rows: NDArray[np.uint32], bands: int, rows: int) -> NDArray[np.uint64]:
    """Bucket of every document in every band, uint64 of shape (documents, bands)."""
    out = np.empty((len(signature_rows), bands), np.uint64)
    kernels.band_hashes(signature_rows, bands, rows, out)
    return out


def shingle_sets(texts: Sequence[str] | Any, shingle_size: int = 5) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """Distinct shingle hashes of every text, sorted: offsets, int64 (texts + 1,), and hashes, uint64."""
    array = as_text_array(texts)
    offsets, data = text_buffers(array)
    bounds = [np.zeros(1, np.int64)]
    parts = []
    end = 0
    for rows in rows_within(np.diff(offsets), _BATCH_BYTES, 1 << 20):
        part_offsets = offsets[rows.start : rows.stop + 1]
        out = np.empty(int(part_offsets[-1] - part_offsets[0]) + len(part_offsets), np.uint64)
        set_offsets = np.empty(len(part_offsets), np.int64)
        count = kernels.shingle_sets(part_offsets, data, load_table(), shingle_size, set_offsets, out)
        parts.append(out[:count].copy())
        bounds.append(set_offsets[1:] + end)
        end += count
    return np.concatenate(bounds), np.concatenate([np.zeros(0, np.uint64), *parts])


def jaccard(left: str, right: str, shingle_size: int = 5) -> float:
    """Exact Jaccard similarity of two texts' shingle sets; 0.0 if either has no token.

    >>> jaccard("one two three four five six", "one two three four five six!")
    1.0
    """
    offsets, sets = shingle_sets([left, right], shingle_size)
    common = kernels.common_count(sets[: offsets[1]], sets[offsets[1] :])
    return float(common / (len(sets) - common)) if common else 0.0


def deduplicate_texts(
    texts: Sequence[str], threshold: float = 0.9, *, shingle_size: int = 5, seed: int = 1
) -> list[str]:
    """Drop near duplicates from a list in memory: the first of each group stays, in order.

    A text is dropped if it equals an earlier one, or if its exact Jaccard similarity with an earlier text *that
    stays* is at least `threshold`. Pairs are found by MinHash-LSH with a chance of 0.999 at the threshold, more above.

    Raises TypeError for anything but str, ValueError for a threshold outside (0, 1].

    >>> deduplicate_texts(["a b c d e f", "A b, c d e f!", "quite another text, as one can see"])
    ['a b c d e f', 'quite another text, as one can see']
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold must be above 0 and at most 1, got {threshold}")
    if isinstance(texts, str):
        raise TypeError("texts must be a list of str, got one str")
    distinct = list(dict.fromkeys(as_text_array(texts).to_pylist()))
    bands, rows = high_recall_layout(threshold)
    found, counts = signatures(distinct, num_perm=bands * rows, shingle_size=shingle_size, seed=seed)
    members = members_of_one_component(distinct, band_hashes(found, bands, rows), counts > 0, shingle_size)
    most = len(distinct)
    decisions, _ = decide(members, Criteria(threshold, max_component=most, most_survivors=most, most_walked=most))
    dropped = set(decisions.key[decisions.survivor != decisions.key].tolist())
    return [text for i, text in enumerate(distinct) if i not in dropped]


def members_of_one_component(
    texts: Sequence[str], bands: NDArray[np.uint64], present: NDArray[np.bool_], shingle_size: int = 5
) -> Members:
    """The `present` ones of some texts as members of one component, their keys the places in the list."""
    keys = np.flatnonzero(present)
    sets = shingle_sets([texts[i] for i in keys.tolist()], shingle_size)
    return Members.of_sets(keys, np.zeros_like(keys), sets, bands[keys], np.empty((len(keys), 0), np.int64))
