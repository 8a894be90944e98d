"""A sample of what a rule throws away, the same whenever it is asked for: chosen by a hash of the document keys."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from filters.errors import BeamsiftError, InputError
from filters.names import KEY
from pipeline.replay_row import texts_at
from pipeline.result import Keys, Result

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def _mix(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Numbers that look drawn by chance: the finalizer of SplitMix64 (Steele, Lea, Flood: Fast splittable
    pseudorandom number generators, 2014). Its generator from the seed 0 begins so:

    >>> [f"{number:x}" for number in _mix(np.arange(1, 4, dtype=np.uint64) * _GOLDEN).tolist()]
    ['e220a8397b1dcdaf', '6e789e6aa1b965f4', '6c45d188009454f']
    """
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


def key_hash(keys: Keys, seed: int) -> NDArray[np.uint64]:
    """A number for every document key, uint64 (keys,), that looks drawn by chance; other ones for each seed."""
    (start,) = _mix(np.array([seed + 1], np.uint64) * _GOLDEN)
    return _mix(start ^ (keys.astype(np.uint64) * _GOLDEN))


def sample_rejects(
    result: Result, *, reason: str | None = None, stage: str | None = None, count: int = 20, seed: int = 0
) -> dict[str, Any]:
    """Some of the documents that left for a reason or at a stage, with their texts, in order of keys.

    `rejected`: how many there are. A larger `count` gives the same documents and more. Texts are as they were when
    they left, so what was redacted by then stays redacted: from the rejects where the recipe keeps them there, else
    worked out again from the input files; `text` is None, and `problem` says why, where that cannot be. Raises
    InputError if nothing left for that reason, naming those that there are.
    """
    names = [name for name in result.columns("rejects").names if name not in ("text", "source_file", "source_row")]
    best, hashes, rejected = [], np.zeros(0, np.uint64), 0
    for table in result.tables("rejects", names):
        chosen = _chosen(table, reason, stage)
        rejected += len(chosen)
        best.append(chosen)
        hashes = np.concatenate([hashes, key_hash(chosen[KEY].to_numpy(), seed)])
        order = np.argsort(hashes, kind="stable")[:count]
        hashes, best = hashes[order], [pa.concat_tables(best).take(pa.array(order))]
    if not rejected:
        raise InputError(_nothing(result, reason, stage))
    rows = best[0].sort_by(KEY).to_pylist()
    texts, problem = _texts(result, [row[KEY] for row in rows])
    for row in rows:
        source, source_row = result.source_of(row[KEY])
        row |= {"source_file": source.path, "source_row": source_row, "text": texts.get(row[KEY])}
    return {"rejected": rejected, "seed": seed, "problem": problem, "documents": rows}


def _chosen(table: pa.Table, reason: str | None, stage: str | None) -> pa.Table:
    mask = np.ones(len(table), np.bool_)
    for name, wanted in (("reason", reason), ("stage", stage)):
        if wanted is not None:
            mask &= table[name].to_numpy() == wanted
    return table.filter(pa.array(mask))


def _nothing(result: Result, reason: str | None, stage: str | None) -> str:
    there = [f"{step['id']}: {', '.join(step['dropped'])}" for step in result.stages if step["dropped"]]
    asked = " ".join(f"{what} {name!r}" for what, name in (("reason", reason), ("stage", stage)) if name)
    if result.annotated:
        return f"{result.output} is annotated, nothing was dropped; see would_drop_reason in its shards"
    return f"nothing left by {asked or 'any stage'}; reasons by stage: {'; '.join(there) or 'none'}"


def _texts(result: Result, keys: list[int]) -> tuple[dict[int, str], str | None]:
    from pipeline.rejudged import recipe_of

    try:
        return texts_at(result, recipe_of(result.output, result.manifest), keys), None
    except BeamsiftError as error:
        return {}, str(error)
