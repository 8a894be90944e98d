"""How much of a text is in another language than the text: its lines, identified one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field

from filters.contract import StageParams
from filters.kernels.language import long_lines
from filters.kernels.unicode_table import load_table
from filters.language_codes import UNDETERMINED
from filters.language_model import LoadedModel, Pieces
from filters.texts import text_buffers

_LINE_FEED = 10


class LineParams(StageParams):
    """min_letters: shorter lines are left out, a model is often wrong about them. min_score: a line counts as foreign
    only if the model is that sure of it. max_foreign: largest share that passes; left out, it is only measured.
    """

    min_letters: Annotated[int, Field(ge=1)] = 40
    min_score: Annotated[float, Field(ge=0, le=1)] = 0.5
    max_foreign: Annotated[float | None, Field(ge=0, le=1)] = None


def foreign_share(
    texts: pa.LargeStringArray,
    languages: NDArray[np.object_],
    codes: Sequence[str],
    model: LoadedModel,
    params: LineParams,
    max_chars: int,
) -> pa.DoubleArray:
    """Letters of lines in another language / letters of all lines that are long enough; float64, one a text.

    languages: of the texts. codes: of the model's labels, `und` last. The first `max_chars` characters of a line are
    read. Null where no line is long enough or the text has no language.
    """
    offsets, data = text_buffers(texts)
    most = len(texts) + int(np.count_nonzero(data[offsets[0] : offsets[-1]] == _LINE_FEED))
    rows, starts, stops, letters = np.empty((4, most), np.int64)
    found = long_lines(offsets, data, load_table(), params.min_letters, max_chars, rows, starts, stops, letters)
    rows, starts, stops, letters = rows[:found], starts[:found], stops[:found], letters[:found]
    labels, scores = model.predict(Pieces(data, np.arange(found + 1), starts, stops), 1)
    own = np.asarray(codes, object)[labels[:, 0]]
    foreign = (own != languages[rows]) & (scores[:, 0] >= params.min_score) & (own != UNDETERMINED)
    total = np.bincount(rows, letters, len(texts))
    other = np.bincount(rows[foreign], letters[foreign], len(texts))
    unknown = (total == 0) | (languages == UNDETERMINED)
    return pa.array(other / np.maximum(total, 1), mask=unknown)
