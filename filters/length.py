"""Filter `length`: drop documents that are too short or too long, in characters or words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
import pyarrow as pa
from pydantic import Field

from filters.contract import Columns, Filter, Rule, StageParams
from filters.kernels.tokens import count_tokens_and_chars
from filters.kernels.unicode_table import load_table
from filters.texts import text_buffers


class LengthParams(StageParams):
    """Bounds; a value equal to its bound passes, and a bound left out does not judge.

    Characters are Unicode code points. Words are the project's tokens: runs of letters, marks and numbers, and
    every single character of scripts written without spaces, so that Chinese and Thai are counted, too.
    """

    min_chars: Annotated[int | None, Field(ge=0)] = None
    max_chars: Annotated[int | None, Field(ge=1)] = None
    min_words: Annotated[int | None, Field(ge=0)] = None
    max_words: Annotated[int | None, Field(ge=1)] = None


def measure(texts: pa.LargeStringArray, batch: pa.RecordBatch, params: LengthParams) -> Columns:
    """Characters and words of every text, int64."""
    offsets, data = text_buffers(texts)
    words = np.empty(len(texts), np.int64)
    chars = np.empty(len(texts), np.int64)
    count_tokens_and_chars(offsets, data, load_table(), words, chars)
    return {"chars": pa.array(chars), "words": pa.array(words)}


def rules(params: LengthParams) -> Sequence[Rule]:
    """Characters before words, too few before too many."""
    bounds = [
        Rule("too_few_chars", "chars", ">=", params.min_chars) if params.min_chars is not None else None,
        Rule("too_many_chars", "chars", "<=", params.max_chars) if params.max_chars is not None else None,
        Rule("too_few_words", "words", ">=", params.min_words) if params.min_words is not None else None,
        Rule("too_many_words", "words", "<=", params.max_words) if params.max_words is not None else None,
    ]
    return [rule for rule in bounds if rule]


LENGTH = Filter(
    name="length",
    summary="characters and words within bounds",
    Params=LengthParams,
    columns=lambda params: {"chars": pa.int64(), "words": pa.int64()},
    measure=measure,
    rules=rules,
    limits=lambda params: tuple(LengthParams.model_fields),
)
