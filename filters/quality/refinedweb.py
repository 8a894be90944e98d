"""Rewrite `refinedweb_lines`: RefinedWeb's corrections of lines (Penedo et al. 2023, arXiv 2306.01116, section G.2).

The paper gives the rules in words; the numbers and their order are those of DCLM's reconstruction
(`baselines/baselines_configs/refinedweb.yaml`, `baselines/mappers/modifiers.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field

from filters.contract import Rewrite, Rewritten, Rule, StageParams
from filters.kernels import refinedweb as kernel
from filters.quality.cuts import rewrite_texts
from filters.quality.statistics import quotient


class RefinedWebLinesParams(StageParams):
    """Limits; a value equal to a limit passes, null turns a rule off.

    max_uppercase: share of a line's characters. max_digits: share; RefinedWeb cuts lines of digits only. counters: cut
    lines such as `3 likes`. min_words: of a line, split at white space. max_phrase_words: in lines of at most so many
    words, `items in cart` is cut anywhere, `Read more...` at the end and `Sign-in` at the beginning.
    max_removed_words: a page that lost a larger share of its words is dropped.
    """

    max_uppercase: Annotated[float | None, Field(ge=0, le=1)] = 0.5
    max_digits: Annotated[float | None, Field(ge=0, le=1)] = 0.999999
    counters: bool = True
    min_words: Annotated[int | None, Field(ge=0)] = 2
    max_phrase_words: Annotated[int | None, Field(ge=0)] = 10
    max_removed_words: Annotated[float | None, Field(ge=0, le=1)] = 0.05


_TYPES = {"words": pa.int64(), "removed_words": pa.float64()}


def kernel_limits(params: RefinedWebLinesParams) -> NDArray[np.float64]:
    """`limits` of `filters.kernels.refinedweb.cut_refinedweb`."""
    limits = np.full(kernel.LIMITS, np.inf)
    for place, limit, none in (
        (kernel.MAX_UPPERCASE, params.max_uppercase, np.inf),
        (kernel.MAX_DIGITS, params.max_digits, np.inf),
        (kernel.MIN_WORDS, params.min_words, -np.inf),
        (kernel.MAX_PHRASE_WORDS, params.max_phrase_words, -np.inf),
        (kernel.MAX_REMOVED_WORDS, params.max_removed_words, np.inf),
        (kernel.COUNTERS, params.counters, 0),
    ):
        limits[place] = none if limit is None else limit
    return limits


def rewrite(texts: pa.LargeStringArray, batch: pa.RecordBatch, params: RefinedWebLinesParams) -> Rewritten:
    """Lines and phrases are cut; kinds of edits are the reasons, and `white_space` for the ends of the page.

    Words are counted as DCLM does here: split at white space, those that begin with a letter or a number.
    """
    values = np.empty((len(texts), kernel.VALUES), np.int64)
    after, edits = rewrite_texts(texts, kernel.cut_refinedweb, (kernel_limits(params), values), kernel.KINDS)
    before = np.ascontiguousarray(values[:, kernel.WORDS])
    removed = quotient(before - values[:, kernel.WORDS_LEFT], before)
    return Rewritten(after, {"words": pa.array(before), "removed_words": removed}, edits)


def rules(params: RefinedWebLinesParams) -> Sequence[Rule]:
    """A page without words, then one that lost too many."""
    most = params.max_removed_words
    lost = [Rule("too_many_words_removed", "removed_words", "<=", most)] if most is not None else []
    return [Rule("no_words", "words", ">=", 1), *lost]


REFINEDWEB_LINES = Rewrite(
    name="refinedweb_lines",
    summary="RefinedWeb's rules: lines that are menus, counters or capitals are cut",
    Params=RefinedWebLinesParams,
    columns=lambda params: _TYPES,
    rewrite=rewrite,
    rules=rules,
    limits=lambda params: ("max_removed_words",),
    edits_dropped=False,
)
