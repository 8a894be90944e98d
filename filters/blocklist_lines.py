"""Rewrite `blocklist_lines`: cut the lines of a text in which listed phrases stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import pyarrow as pa
from pydantic import Field

from filters.blocklist import PhraseListParams, document_groups, load_index
from filters.contract import Rewrite, Rewritten, Rule
from filters.line_cuts import line_bounds, without_lines
from filters.phrase_index import PhraseIndex
from filters.texts import text_buffers


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


def rewrite(texts: pa.LargeStringArray, batch: pa.RecordBatch, state: LineBlocklist) -> Rewritten:
    """Cut lines; columns `hits` (int64, in the lines cut), `lines` (int64, cut), `share` (float64, of the bytes)."""
    offsets, data = text_buffers(texts)
    groups = document_groups(state.index, batch, state.params)
    bounds, row_of = line_bounds(offsets, data)
    found = state.index.find_in(bounds, data, groups[row_of])
    hits = np.bincount(found.rows, minlength=len(row_of))
    cut = np.flatnonzero(hits > state.params.max_hits)
    after = without_lines(texts, bounds, row_of, cut)
    columns = {
        "hits": pa.array(np.bincount(row_of[cut], hits[cut], minlength=len(texts)).astype(np.int64)),
        "lines": after.lines,
        "share": after.share,
    }
    return Rewritten(after.texts, columns, after.edits)


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
