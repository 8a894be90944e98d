"""Filter `gopher_repetition`: repeated lines, paragraphs, runs of words (Rae et al. 2021, arXiv 2112.11446, A1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import pyarrow as pa

from filters.contract import Columns, Filter, Rule, Shared
from filters.kernels import lines as of_lines
from filters.kernels import repeats as of_repeats
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
from filters.quality.statistics import Flavour, WordFlavour, counts_of, line_statistics, quotient, repeat_statistics

_SOURCE = "Gopher, table A1"
_LINES = Bound("max_duplicate_lines", "duplicate_lines", "duplicate_lines", "<=", _SOURCE)
_LINE_CHARS = Bound("max_duplicate_line_chars", "duplicate_line_chars", "duplicate_line_chars", "<=", _SOURCE)
_PARAGRAPHS = Bound("max_duplicate_paragraphs", "duplicate_paragraphs", "duplicate_paragraphs", "<=", _SOURCE)
_PARAGRAPH_CHARS = Bound(
    "max_duplicate_paragraph_chars", "duplicate_paragraph_chars", "duplicate_paragraph_chars", "<=", _SOURCE
)
_RUNS = (
    *(Bound(f"max_top_{n}grams", f"top_{n}grams", f"top_{n}grams", "<=", _SOURCE) for n in of_repeats.TOP_SIZES),
    *(
        Bound(f"max_duplicate_{n}grams", f"duplicate_{n}grams", f"duplicate_{n}grams", "<=", _SOURCE)
        for n in of_repeats.DUPLICATE_SIZES
    ),
)
BOUNDS: dict[Flavour, tuple[Bound, ...]] = {
    "datatrove": (_PARAGRAPHS, _PARAGRAPH_CHARS, _LINES, _LINE_CHARS, *_RUNS),
    "dolma": (_LINES, _LINE_CHARS, *_RUNS),  # it has no paragraphs, and only tags: the order is ours
    "dclm": (_LINES, _PARAGRAPHS, _LINE_CHARS, _PARAGRAPH_CHARS, *_RUNS),
}
"""Rules of each flavour, in its order."""


class GopherRepetitionParams(BoundedParams):
    """Limits, and whose way of measuring; a value equal to a limit passes, null turns a rule off.

    flavour: what is a repeat and what it is a share of; docs/quality-rules.md has the differences. words: what runs
    are made of; left out, dolma's words are split at white space and those of the others are the project's own.
    limits, by_language, language_column: other limits by language; FineWeb-2 has them for lines and runs.
    """

    flavour: Flavour = "datatrove"
    words: WordFlavour | None = None
    max_duplicate_paragraphs: Share = 0.30
    max_duplicate_paragraph_chars: Share = 0.20
    max_duplicate_lines: Share = 0.30
    max_duplicate_line_chars: Share = 0.20
    max_top_2grams: Share = 0.20
    max_top_3grams: Share = 0.18
    max_top_4grams: Share = 0.16
    max_duplicate_5grams: Share = 0.15
    max_duplicate_6grams: Share = 0.14
    max_duplicate_7grams: Share = 0.13
    max_duplicate_8grams: Share = 0.12
    max_duplicate_9grams: Share = 0.11
    max_duplicate_10grams: Share = 0.10

    bounded: ClassVar[frozenset[str]] = frozenset(bound.param for bounds in BOUNDS.values() for bound in bounds)

    @property
    def shared(self) -> tuple[Shared, Shared]:
        """Statistics of lines, and of runs of words."""
        words: WordFlavour = self.words or ("whitespace" if self.flavour == "dolma" else "beamsift")
        return line_statistics(self.flavour), repeat_statistics(self.flavour, words)


def columns(params: GopherRepetitionParams) -> dict[str, pa.DataType]:
    """What `measure` adds."""
    shares = (bound.column for bound in BOUNDS[params.flavour])
    return {"segments": pa.int64(), **dict.fromkeys(shares, pa.float64()), **limit_columns(params)}


def measure(texts: pa.LargeStringArray, batch: pa.RecordBatch, params: GopherRepetitionParams) -> Columns:
    """Shares of every text, null where there is nothing to take a share of."""
    of_line, of_run = params.shared
    lines, runs = counts_of(of_line, texts, batch), counts_of(of_run, texts, batch)
    chars, word_chars = lines[:, of_lines.CHARS], runs[:, of_repeats.REPEAT_CHARS]
    whole = {
        "datatrove": (chars, chars, chars),
        "dolma": (word_chars, word_chars, word_chars),
        "dclm": (lines[:, of_lines.SEGMENT_CHARS], lines[:, of_lines.PARAGRAPH_CHARS], word_chars),
    }[params.flavour]
    shares = {
        "duplicate_lines": (lines[:, of_lines.REPEATED_SEGMENTS], lines[:, of_lines.SEGMENTS]),
        "duplicate_line_chars": (lines[:, of_lines.REPEATED_SEGMENT_CHARS], whole[0]),
        "duplicate_paragraphs": (lines[:, of_lines.REPEATED_PARAGRAPHS], lines[:, of_lines.PARAGRAPHS]),
        "duplicate_paragraph_chars": (lines[:, of_lines.REPEATED_PARAGRAPH_CHARS], whole[1]),
    }
    for n in of_repeats.TOP_SIZES:
        shares[f"top_{n}grams"] = (runs[:, of_repeats.TOP + n], whole[2])
    for n in of_repeats.DUPLICATE_SIZES:
        all_runs = runs[:, of_repeats.ALL + n] if params.flavour == "dolma" else whole[2]
        shares[f"duplicate_{n}grams"] = (runs[:, of_repeats.DUPLICATE + n], all_runs)
    segments = lines[:, of_lines.SEGMENTS] if params.flavour == "dclm" else chars
    found: Columns = {"segments": pa.array((segments > 0).astype("int64"))}
    found |= {bound.column: quotient(*shares[bound.column]) for bound in BOUNDS[params.flavour]}
    return {**found, **whose_limits(batch, params)}


def rules(params: GopherRepetitionParams) -> Sequence[Rule]:
    """An empty text leaves first, then the rules of the flavour in its order."""
    return [Rule("empty_text", "segments", ">=", 1), *rules_of(BOUNDS[params.flavour], params)]


GOPHER_REPETITION = Filter(
    name="gopher_repetition",
    summary="Gopher's rules: repeated lines, paragraphs and runs of words",
    Params=GopherRepetitionParams,
    columns=columns,
    prepare=checked,
    measure=measure,
    rules=rules,
    needs=needed,
    shared=lambda params: params.shared,
    limits=lambda params: (*(bound.param for bound in BOUNDS["datatrove"]), "limits", *BY_LANGUAGE),
    derived=DERIVED,
    notes=default_note,
)
