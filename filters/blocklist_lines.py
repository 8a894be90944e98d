"""Rewrite `blocklist_lines`: cut the lines of a text in which listed phrases stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import Field

from filters.blocklist import PhraseListParams, document_groups, load_index
from filters.contract import Rewrite, Rewritten, Rule, edits_of
from filters.phrase_index import PhraseIndex
from filters.texts import text_buffers

LINE = "line"
"""Kind of this stage's edits: a line with the end-of-line character behind it."""


class BlocklistLinesParams(PhraseListParams):
    """Phrases as of `blocklist`, and what they cost.

    max_hits: a line with more is cut; phrases are looked for within a line, not over its end. max_share: a document
    that lost a larger share of its bytes is dropped; left out, none is.
    """

    max_hits: Annotated[int, Field(ge=0)] = 0
    max_share: Annotated[float | None, Field(ge=0, le=1)] = None


@dataclass(frozen=True)
class LineBlocklist:
    """A phrase index with what the stage asks of it."""

    index: PhraseIndex
    params: BlocklistLinesParams


def prepare(params: BlocklistLinesParams) -> LineBlocklist:
    """Read the lists. Raises RecipeError as `filters.blocklist.load_index`."""
    return LineBlocklist(load_index(params), params)


def line_bounds(offsets: NDArray[np.int64], data: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Lines with their newline: bounds in bytes, int64 (lines + 1,), and row, int64 (lines,). Empty texts have none.

    >>> line_bounds(np.array([0, 4, 4, 6]), np.frombuffer(b"a\\nb\\ncd", np.uint8))
    (array([0, 2, 4, 6]), array([0, 0, 2]))
    """
    ends = np.flatnonzero(data[offsets[0] : offsets[-1]] == 10) + offsets[0] + 1
    bounds = np.unique(np.concatenate([offsets, ends]))
    return bounds, np.searchsorted(offsets, bounds[:-1], side="right") - 1


def rewrite(texts: pa.LargeStringArray, batch: pa.RecordBatch, state: LineBlocklist) -> Rewritten:
    """Cut lines; columns `hits` (int64, in the lines cut), `lines` (int64, cut), `share` (float64, of the bytes)."""
    offsets, data = text_buffers(texts)
    groups = document_groups(state.index, batch, state.params)
    bounds, row_of = line_bounds(offsets, data)
    found = state.index.find_in(bounds, data, groups[row_of])
    hits = np.bincount(found.rows, minlength=len(row_of))
    cut = np.flatnonzero(hits > state.params.max_hits)
    edits: list[tuple[int, str, int, int]] = []
    replaced: dict[int, str] = {}
    rows, first = np.unique(row_of[cut], return_index=True)
    for row, lines in zip(rows.tolist(), np.split(cut, first)[1:], strict=True):
        replaced[row] = _without(data, offsets[row : row + 2], bounds, lines, row, edits)
    sizes, gone = np.diff(offsets), np.bincount(row_of[cut], np.diff(bounds)[cut], minlength=len(texts))
    columns = {
        "hits": pa.array(np.bincount(row_of[cut], hits[cut], minlength=len(texts)).astype(np.int64)),
        "lines": pa.array(np.bincount(row_of[cut], minlength=len(texts))),
        "share": pa.array(gone / np.maximum(sizes, 1)),
    }
    if replaced:
        mask = np.zeros(len(texts), np.bool_)
        mask[list(replaced)] = True
        texts = pc.replace_with_mask(texts, pa.array(mask), pa.array(list(replaced.values()), pa.large_string()))
    return Rewritten(texts, columns, edits_of([edit[0] for edit in edits], [edit[1:] for edit in edits]))


def _without(
    data: NDArray[np.uint8], text: NDArray[np.int64], bounds: NDArray[np.int64], lines: NDArray[np.int64], row: int,
    edits: list[tuple[int, str, int, int]],
) -> str:  # fmt: skip
    """One text without some of its lines; what was cut is added to `edits`."""
    kept: list[str] = []
    byte, char = int(text[0]), 0
    for line in lines.tolist():
        begin, end = int(bounds[line]), int(bounds[line + 1])
        kept.append(data[byte:begin].tobytes().decode())
        char += len(kept[-1])
        length = len(data[begin:end].tobytes().decode())
        edits.append((row, LINE, char, char + length))
        byte, char = end, char + length
    kept.append(data[byte : int(text[1])].tobytes().decode())
    return "".join(kept)


def rules(params: BlocklistLinesParams) -> Sequence[Rule]:
    """One bound, if it was given."""
    return [] if params.max_share is None else [Rule("too_much_cut_by_blocklist", "share", "<=", params.max_share)]


BLOCKLIST_LINES = Rewrite(
    name="blocklist_lines",
    summary="lines in which listed phrases stand are cut",
    Params=BlocklistLinesParams,
    columns=lambda params: {"hits": pa.int64(), "lines": pa.int64(), "share": pa.float64()},
    prepare=prepare,
    rewrite=rewrite,
    rules=rules,
    limits=lambda params: ("max_share",),
    needs=lambda params: params.needs(),
)
