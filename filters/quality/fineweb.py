"""Filter `fineweb_quality`: FineWeb's own rules about lines (Penedo et al. 2024, arXiv 2406.17557, section 3.6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

import numpy as np
import pyarrow as pa
from pydantic import Field

from filters.contract import Columns, Filter, Rule, Shared
from filters.kernels import lines as of_lines
from filters.kernels import words as of_words
from filters.quality.bounds import (
    BY_LANGUAGE,
    DERIVED,
    Bound,
    BoundedParams,
    Share,
    checked,
    default_note,
    limit_columns,
    needed,
    rules_of,
    whose_limits,
)
from filters.quality.statistics import WordFlavour, counts_of, line_statistics, quotient, word_statistics

_CODE = "datatrove 0.10.1, FineWebQualityFilter"
BOUNDS = (
    Bound("min_terminal_lines", "too_few_terminal_lines", "terminal_lines", ">=", f"{_CODE}: line_punct_thr 0.12"),
    Bound("max_short_lines", "too_many_short_lines", "short_lines", "<=", f"{_CODE}: short_line_thr 0.67"),
    Bound("max_duplicate_chars", "duplicate_line_chars", "duplicate_chars", "<=", f"{_CODE}: char_duplicates_ratio"),
    Bound("max_newlines", "too_many_newlines", "newlines", "<=", f"{_CODE}: new_line_ratio 0.3, as `list_ratio`"),
)
"""FineWeb's rules, in its order."""


class FinewebQualityParams(BoundedParams):
    """Limits; a value equal to a limit passes, null turns a rule off. Lines: split at `\\n`, not all white space.

    min_terminal_lines: share of lines that end a sentence, in any script. exclude_zero: a document without any such
    line passes. max_short_lines: share of lines of at most `short_line` characters. max_duplicate_chars: characters in
    lines that repeat an earlier one, to all but newlines. max_newlines: to a word. words: what a word is.
    limits, by_language, language_column: other limits by language; FineWeb-2 has them for terminal lines and newlines.
    """

    words: WordFlavour = "beamsift"
    min_terminal_lines: Share = 0.12
    exclude_zero: bool = False
    max_short_lines: Share = 0.67
    short_line: Annotated[int, Field(ge=0)] = 30
    max_duplicate_chars: Share = 0.01
    max_newlines: Share = 0.3

    bounded: ClassVar[frozenset[str]] = frozenset(bound.param for bound in BOUNDS)

    @property
    def shared(self) -> tuple[Shared, Shared]:
        """Statistics of lines, and of words."""
        return line_statistics("datatrove", self.short_line), word_statistics(self.words)


def columns(params: FinewebQualityParams) -> dict[str, pa.DataType]:
    """What `measure` adds."""
    return {"lines": pa.int64(), **{bound.column: pa.float64() for bound in BOUNDS}, **limit_columns(params)}


def measure(texts: pa.LargeStringArray, batch: pa.RecordBatch, params: FinewebQualityParams) -> Columns:
    """Lines and shares of every text, null where there is nothing to take a share of."""
    of_line, of_word = params.shared
    lines, words = counts_of(of_line, texts, batch), counts_of(of_word, texts, batch)
    full, terminal, newlines = (
        lines[:, name] for name in (of_lines.FULL_LINES, of_lines.TERMINAL_LINES, of_lines.NEWLINES)
    )
    found = {
        "lines": pa.array(full),
        "terminal_lines": quotient(terminal, np.where(terminal == 0, 0, full) if params.exclude_zero else full),
        "short_lines": quotient(lines[:, of_lines.SHORT_LINES], full),
        "duplicate_chars": quotient(lines[:, of_lines.REPEATED_FULL_CHARS], lines[:, of_lines.CHARS] - newlines),
        "newlines": quotient(newlines, words[:, of_words.WORDS]),
    }
    return {**found, **whose_limits(batch, params)}


def rules(params: FinewebQualityParams) -> Sequence[Rule]:
    """A text without a line leaves first, then FineWeb's rules."""
    return [Rule("no_lines", "lines", ">=", 1), *rules_of(BOUNDS, params)]


FINEWEB_QUALITY = Filter(
    name="fineweb_quality",
    summary="FineWeb's rules: line ends, short and repeated lines, newlines",
    Params=FinewebQualityParams,
    columns=columns,
    prepare=checked,
    measure=measure,
    rules=rules,
    needs=needed,
    shared=lambda params: params.shared,
    limits=lambda params: (*(bound.param for bound in BOUNDS), "limits", *BY_LANGUAGE),
    derived=DERIVED,
    notes=default_note,
)
