"""Filter `gopher_quality`: the document rules of Gopher (Rae et al. 2021, arXiv 2112.11446, appendix A.1.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from filters.contract import Columns, Filter, Rule, Shared
from filters.kernels import lines as of_lines
from filters.kernels import words as of_words
from filters.quality.bounds import (
    BY_LANGUAGE,
    DEFAULT,
    DERIVED,
    LIMITS_COLUMN,
    Bound,
    BoundedParams,
    Share,
    default_note,
    limit_columns,
    needed,
    rules_of,
    whose_limits,
)
from filters.quality.language_limits import LanguageLimits
from filters.quality.statistics import (
    Counts,
    Flavour,
    StopWords,
    WordFlavour,
    counts_of,
    line_statistics,
    quotient,
    word_statistics,
)

ENGLISH = ("the", "be", "to", "of", "and", "that", "have", "with")
"""Gopher's stop words."""

Count = Annotated[int | None, Field(ge=0)]

BOUNDS = (
    Bound("min_words", "too_few_words", "words", ">=", "Gopher: between 50 and 100,000 words"),
    Bound("max_words", "too_many_words", "words", "<=", "Gopher: between 50 and 100,000 words"),
    Bound("min_word_length", "words_too_short", "word_length", ">=", "Gopher: mean word length of 3 to 10 characters"),
    Bound("max_word_length", "words_too_long", "word_length", "<=", "Gopher: mean word length of 3 to 10 characters"),
    Bound("max_symbols", "too_many_hashes", "hashes", "<=", "Gopher: symbol-to-word ratio of 0.1, hash or ellipsis"),
    Bound("max_symbols", "too_many_ellipses", "ellipses", "<=", "Gopher: as above"),
    Bound("max_symbols", "too_many_symbols", "symbols", "<=", "dolma, DCLM: hashes and ellipses together"),
    Bound("max_bullet_lines", "too_many_bullet_lines", "bullet_lines", "<=", "Gopher: 90 % of lines"),
    Bound("max_ellipsis_lines", "too_many_ellipsis_lines", "ellipsis_lines", "<=", "Gopher: 30 % of lines"),
    Bound("min_letter_words", "too_few_letter_words", "letter_words", ">=", "Gopher: 80 % of words hold a letter"),
    Bound("min_stop_words", "too_few_stop_words", "stop_words", ">=", "Gopher: two of eight English words"),
)
"""All rules, in datatrove's order; a flavour has those whose column it measures."""


class GopherQualityParams(BoundedParams):
    """Limits, and whose way of measuring; a value equal to a limit passes, null turns a rule off.

    flavour: `datatrove` (as FineWeb was made), `dolma` or `dclm`; docs/quality-rules.md has their differences.
    words: what a word is; left out, dolma's are split at white space and those of the others are the project's own.
    stop_words: compared as the words are, so in lower case for the project's own.
    limits, by_language, language_column: other limits by language; a table may also have stop words, FineWeb-2's has.
    """

    flavour: Flavour = "datatrove"
    words: WordFlavour | None = None
    min_words: Count = 50
    max_words: Count = 100_000
    min_word_length: Share = 3
    max_word_length: Share = 10
    max_symbols: Share = 0.1
    max_bullet_lines: Share = 0.9
    max_ellipsis_lines: Share = 0.3
    min_letter_words: Share = 0.8
    min_stop_words: Count = 2
    stop_words: Annotated[tuple[str, ...], Field(min_length=1, max_length=64)] = ENGLISH

    bounded: ClassVar[frozenset[str]] = frozenset(bound.param for bound in BOUNDS)

    @property
    def counted(self) -> WordFlavour:
        """The words that are counted."""
        return self.words or ("whitespace" if self.flavour == "dolma" else "beamsift")

    @property
    def measured(self) -> WordFlavour:
        """The words that length, symbols, letters and stop words are measured on: DCLM's are always split."""
        return "whitespace" if self.flavour == "dclm" else self.counted


@dataclass(frozen=True)
class Prepared:
    """Parameters with their stop words looked up. listed: names of limits that have stop words of their own."""

    params: GopherQualityParams
    stop_words: StopWords
    listed: pa.StringArray


def shared(params: GopherQualityParams) -> Sequence[Shared]:
    """Lines, and words in one flavour or two."""
    counted, measured = word_statistics(params.counted), word_statistics(params.measured)
    return (line_statistics(params.flavour), counted, *([measured] if measured.name != counted.name else []))


def prepare(params: GopherQualityParams) -> Prepared:
    """Hash the stop words. DCLM compares them in lower case.

    Raises RecipeError for a table of limits that is not as it should be.
    """
    table = params.table or LanguageLimits()
    lists: dict[str, Sequence[str]] = {DEFAULT: params.stop_words, **table.stop_words}
    stop_words = StopWords(lists, params.measured, fold=params.flavour == "dclm", within=table.within)
    return Prepared(params, stop_words, pa.array(table.stop_words, pa.string()))


def columns(params: GopherQualityParams) -> dict[str, pa.DataType]:
    """What `measure` adds."""
    symbols = ("hashes", "ellipses") if params.flavour == "datatrove" else ("symbols",)
    shares = ("word_length", *symbols, "bullet_lines", "ellipsis_lines", "letter_words")
    counts = {"words": pa.int64(), **dict.fromkeys(shares, pa.float64()), "stop_words": pa.int64()}
    return {**counts, **limit_columns(params)}


def measure(texts: pa.LargeStringArray, batch: pa.RecordBatch, state: Prepared) -> Columns:
    """Counts and shares of every text; a share of nothing is null, and so is a word length that is not one.

    Word length is not measured where more than half of the words are single characters of scripts without spaces.
    """
    params = state.params
    lines = counts_of(line_statistics(params.flavour), texts, batch)
    counted = counts_of(word_statistics(params.counted), texts, batch)
    words = counts_of(word_statistics(params.measured), texts, batch)
    whose = whose_limits(batch, params)
    names = whose.get(LIMITS_COLUMN, pa.array([DEFAULT] * len(texts), pa.string()))
    names = pc.if_else(pc.is_in(names, state.listed), names, DEFAULT)
    distinct, total = state.stop_words.count(texts, names)
    return {
        "words": pa.array(counted[:, of_words.PROPER_WORDS if params.flavour == "datatrove" else of_words.WORDS]),
        "word_length": _word_length(words, params.flavour),
        **_symbols(lines, words, params.flavour),
        "bullet_lines": quotient(lines[:, of_lines.BULLET_LINES], lines[:, of_lines.LINES]),
        "ellipsis_lines": quotient(lines[:, of_lines.ELLIPSIS_LINES], lines[:, of_lines.LINES]),
        "letter_words": quotient(words[:, of_words.LETTER_WORDS], words[:, of_words.WORDS]),
        "stop_words": pa.array(distinct if params.flavour == "datatrove" else total),
        **whose,
    }


def _word_length(words: Counts, flavour: Flavour) -> pa.Array:
    all_words = words[:, of_words.WORDS]
    if flavour == "datatrove":
        part, whole = words[:, of_words.PROPER_CHARS], words[:, of_words.PROPER_WORDS]
    elif flavour == "dolma":
        part, whole = words[:, of_words.TWICE_MEDIAN], 2 * (all_words > 0)
    else:
        part, whole = words[:, of_words.WORD_CHARS], all_words
    return quotient(part, np.where(2 * words[:, of_words.LONE_WORDS] > all_words, 0, whole))


def _symbols(lines: Counts, words: Counts, flavour: Flavour) -> Columns:
    whole = words[:, of_words.WORDS]
    if flavour == "dolma":
        return {"symbols": quotient(words[:, of_words.MARKED_WORDS], whole)}
    ellipses = lines[:, of_lines.DOTS] + lines[:, of_lines.ELLIPSES]
    if flavour == "datatrove":
        return {"hashes": quotient(lines[:, of_lines.HASHES], whole), "ellipses": quotient(ellipses, whole)}
    return {"symbols": quotient(lines[:, of_lines.HASHES] + ellipses + lines[:, of_lines.SPACED_DOTS], whole)}


def rules(params: GopherQualityParams) -> Sequence[Rule]:
    """The rules of the flavour, in order."""
    return rules_of([bound for bound in BOUNDS if bound.column in columns(params)], params)


def limits(params: GopherQualityParams) -> Sequence[str]:
    """A table may have stop words, which are measured: with one, neither it nor the column it asks is a limit."""
    return (*dict.fromkeys(bound.param for bound in BOUNDS), *(("by_language",) if params.limits else BY_LANGUAGE))


GOPHER_QUALITY = Filter(
    name="gopher_quality",
    summary="Gopher's rules: length, words, symbols, bullets, stop words",
    Params=GopherQualityParams,
    columns=columns,
    prepare=prepare,
    measure=measure,
    rules=rules,
    needs=needed,
    shared=shared,
    limits=limits,
    derived=DERIVED,
    notes=default_note,
)
