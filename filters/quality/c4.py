"""Rewrite `c4`: C4's rules about lines and pages (Raffel et al. 2020, arXiv 1910.10683; TFDS `c4_utils.clean_page`).

Lines that are no sentences, notices and code go; a page with too few sentences left is dropped. C4's other rules are
other stages: language, bad words, and repeated lines across pages (which are documents' business here, not lines').
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, model_validator

from filters.contract import Rewrite, Rewritten, Rule, StageParams
from filters.kernels import c4 as kernel
from filters.quality.cuts import rewrite_texts, value_columns

_PUBLISHED: dict[str, dict[str, Any]] = {
    # tensorflow_datasets/text/c4_utils.py: _MIN_WORDS_PER_LINE, _MIN_NUM_SENTENCES, _END_MARKS, is_valid_length
    "tfds": {"min_words": 5, "min_sentences": 3, "end_marks": (".", "?", "!", '"'), "max_chars": 190_000},
    # datatrove 0.10.1, C4QualityFilter: the two numbers swapped, `'` ends a line too, no longest page
    "datatrove": {"min_words": 3, "min_sentences": 5, "end_marks": (".", "?", "!", '"', "'"), "max_chars": None},
}


def _short_marks(marks: tuple[str, ...] | None) -> tuple[str, ...] | None:
    for mark in marks or ():
        if not 1 <= len(mark.encode()) <= 8:
            raise ValueError(f"an end mark is 1 to 8 bytes long, got {mark!r}")
    return marks


class C4Params(StageParams):
    """Limits; a value equal to a limit passes, null turns a rule off. What is left out is the flavour's.

    flavour: `tfds`, the original, or `datatrove`, which FineWeb was made with (with `end_marks: null`).
    max_chars: of a page. max_word_chars: a line with a longer word goes. end_marks: what a line must end with, each of
    at most 8 bytes, but not `...`; null keeps all lines. min_words: of a line, split at white space; `tfds` counts
    after citations are cut, `datatrove` before. min_sentences: of all lines kept. citations, javascript, policy: cut
    `[12]`, `[edit]`, `[citation needed]`; lines that speak of JavaScript; lines with a policy phrase. lorem_ipsum,
    curly_bracket: a page with such a line (one that came so far) is dropped.
    """

    flavour: Literal["tfds", "datatrove"] = "tfds"
    max_chars: Annotated[int | None, Field(ge=1)]
    max_word_chars: Annotated[int | None, Field(ge=1)] = 1000
    end_marks: Annotated[tuple[str, ...] | None, AfterValidator(_short_marks)]
    min_words: Annotated[int | None, Field(ge=0)]
    min_sentences: Annotated[int | None, Field(ge=0)]
    citations: bool = True
    javascript: bool = True
    policy: bool = True
    lorem_ipsum: bool = True
    curly_bracket: bool = True

    @model_validator(mode="before")
    @classmethod
    def _fill_in_the_flavour(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        flavour = values.get("flavour", "tfds")
        return {**_PUBLISHED[flavour if flavour in ("tfds", "datatrove") else "tfds"], **values}


_NAMES = ("chars", "lorem_ipsum", "curly_bracket", "sentences")
_TYPES = {name: pa.int64() for name in _NAMES}
_NEVER = 2**62


def kernel_arguments(params: C4Params) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """`limits` and `marks` of `filters.kernels.c4.cut_c4`."""
    wanted = {
        kernel.CITATION: params.citations,
        kernel.JAVASCRIPT: params.javascript,
        kernel.POLICY: params.policy,
        kernel.LOREM_IPSUM: params.lorem_ipsum,
        kernel.CURLY_BRACKET: params.curly_bracket,
    }
    rules = sum(1 << kind for kind, asked in wanted.items() if asked) << 2
    rules |= kernel.WANTS_END_MARK if params.end_marks is not None else 0
    rules |= kernel.COUNTS_AS_GIVEN if params.flavour == "datatrove" else 0
    limits = np.empty(kernel.LIMITS, np.int64)
    limits[kernel.MAX_CHARS] = _NEVER if params.max_chars is None else params.max_chars
    limits[kernel.MAX_WORD_CHARS] = _NEVER if params.max_word_chars is None else params.max_word_chars
    limits[kernel.MIN_WORDS] = params.min_words or 0
    limits[kernel.MIN_SENTENCES] = params.min_sentences or 0
    limits[kernel.RULES] = rules
    marks = [mark.encode() for mark in params.end_marks or ()]
    numbers = [(int.from_bytes(mark, "big"), (1 << 8 * len(mark)) - 1, len(mark)) for mark in marks]
    return limits, np.array(numbers, np.uint64).reshape(-1, 3)


def rewrite(texts: pa.LargeStringArray, batch: pa.RecordBatch, params: C4Params) -> Rewritten:
    """Lines are cut; kinds of edits are the reasons, and `white_space` for what only joins lines.

    Sentences are those of the lines that stay: one each, and one more for every end mark behind which white space and
    no small letter follow. C4 has NLTK's punkt count them, which knows abbreviations; this needs no model.
    """
    values = np.empty((len(texts), kernel.VALUES), np.int64)
    after, edits = rewrite_texts(texts, kernel.cut_c4, (*kernel_arguments(params), values), kernel.KINDS)
    return Rewritten(after, value_columns(values, _NAMES), edits)


def rules(params: C4Params) -> Sequence[Rule]:
    """Length first; of a forbidden word and a bracket the one that comes first in the page; sentences last."""
    found = []
    if params.max_chars is not None:
        found.append(Rule("page_too_long", "chars", "<=", params.max_chars))
    found += [Rule("lorem_ipsum", "lorem_ipsum", "<=", 0), Rule("curly_bracket", "curly_bracket", "<=", 0)]
    if params.min_sentences is not None:
        found.append(Rule("too_few_sentences", "sentences", ">=", params.min_sentences))
    return found


C4 = Rewrite(
    name="c4",
    summary="C4's rules: lines that are no sentences are cut, pages with too few left are dropped",
    Params=C4Params,
    columns=lambda params: _TYPES,
    rewrite=rewrite,
    rules=rules,
    limits=lambda params: ("max_chars", "min_sentences"),
    edits_dropped=False,
)
