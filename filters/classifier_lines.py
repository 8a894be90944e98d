"""Rewrite `classifier_lines`: cut the lines that a fastText classifier calls toxic, adult, spam or the like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field, model_validator

from filters.classifier import LabelModel, ModelParams, load_label_model
from filters.contract import Rewrite, Rewritten, Rule
from filters.kernels.language import long_lines
from filters.kernels.unicode_table import load_table
from filters.language_model import Pieces
from filters.line_cuts import line_bounds, without_lines
from filters.texts import text_buffers

_LINES_AT_ONCE = 8192
"""A model holds a vector of each text that it is asked about at once: short lines by the million would fill memory."""


class ClassifierLinesParams(ModelParams):
    """A model, which lines are cut for its answer, and what that costs.

    keep: the side of the threshold that stays, `below` as for toxicity or `above` as for quality; the threshold itself
    stays. It has no default: one of them would cut what the other keeps. threshold: of the label's probability; left
    out, lines are only scored. min_letters: shorter lines are not judged and stay; a model is often wrong about them,
    but what is hateful may be short. max_lines, max_share: a document that lost more lines, or a larger share of its
    bytes, is dropped; left out, none is.
    """

    keep: Literal["above", "below"]
    threshold: Annotated[float | None, Field(ge=0, le=1)] = None
    min_letters: Annotated[int, Field(ge=1)] = 1
    max_lines: Annotated[int | None, Field(ge=0)] = None
    max_share: Annotated[float | None, Field(ge=0, le=1)] = None

    @model_validator(mode="after")
    def _bounds_have_a_threshold(self) -> ClassifierLinesParams:
        if self.threshold is None and (self.max_lines, self.max_share) != (None, None):
            raise ValueError("max_lines and max_share bound what is cut, and without a threshold nothing is: add one")
        return self


@dataclass(frozen=True)
class LineClassifier:
    """A model with what the stage asks of it."""

    params: ClassifierLinesParams
    model: LabelModel


def prepare(params: ClassifierLinesParams) -> LineClassifier:
    """Load the model. Raises RecipeError as `filters.classifier.load_label_model`."""
    return LineClassifier(params, load_label_model(params))


def line_scores(
    offsets: NDArray[np.int64], data: NDArray[np.uint8], bounds: NDArray[np.int64], state: LineClassifier
) -> NDArray[np.float64]:
    """Probability of the label in every line of `line_bounds`, float64 (lines,), NaN where the line is not judged."""
    scores = np.full(len(bounds) - 1, np.nan)
    # The length of a line is no more than its bytes: the whole of it is read.
    _, starts, stops, _ = places = np.empty((4, len(scores)), np.int64)
    found = long_lines(offsets, data, load_table(), state.params.min_letters, len(data), *places)
    for first in range(0, found, _LINES_AT_ONCE):
        last = min(first + _LINES_AT_ONCE, found)
        pieces = Pieces(data, np.arange(last - first + 1), starts[first:last], stops[first:last])
        best, probability = state.model.scores(pieces)
        lines = np.searchsorted(bounds, starts[first:last], side="right") - 1
        scores[lines] = np.where(best < 0, np.nan, probability[:, 0])
    return scores


def rewrite(texts: pa.LargeStringArray, batch: pa.RecordBatch, state: LineClassifier) -> Rewritten:
    """Cut lines; columns `lines` (int64, cut), `share` (float64, of the bytes), `worst_score` (float64, see below).

    `worst_score` is that of the line that is furthest on the side that goes, also if it stays; null where no line of
    a text was judged.
    """
    params = state.params
    offsets, data = text_buffers(texts)
    bounds, row_of = line_bounds(offsets, data)
    scores = line_scores(offsets, data, bounds, state)
    below = params.keep == "below"
    limit = np.nan if params.threshold is None else params.threshold  # nothing compares with NaN, so nothing is cut
    cut = np.flatnonzero(scores > limit if below else scores < limit)
    judged = np.flatnonzero(~np.isnan(scores))
    worst = np.full(len(texts), -np.inf if below else np.inf)
    (np.maximum if below else np.minimum).at(worst, row_of[judged], scores[judged])
    after = without_lines(texts, bounds, row_of, cut)
    columns = {"lines": after.lines, "share": after.share, "worst_score": pa.array(worst, mask=np.isinf(worst))}
    return Rewritten(after.texts, columns, after.edits)


def columns(params: ClassifierLinesParams) -> Mapping[str, pa.DataType]:
    """Lines cut, their share of the bytes, the worst line's score."""
    return {"lines": pa.int64(), "share": pa.float64(), "worst_score": pa.float64()}


def rules(params: ClassifierLinesParams) -> Sequence[Rule]:
    """The bounds that were given: lines first, then their share."""
    limits = (
        ("too_many_lines_cut_by_classifier", "lines", params.max_lines),
        ("too_much_cut_by_classifier", "share", params.max_share),
    )
    return [Rule(reason, column, "<=", limit) for reason, column, limit in limits if limit is not None]


CLASSIFIER_LINES = Rewrite(
    name="classifier_lines",
    summary="lines that any fastText classifier puts on the wrong side of a threshold are cut",
    Params=ClassifierLinesParams,
    columns=columns,
    prepare=prepare,
    rewrite=rewrite,
    rules=rules,
    limits=lambda params: ("max_lines", "max_share"),
)
