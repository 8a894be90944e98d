"""Filter `classifier`: any fastText classifier (toxicity, NSFW, quality, domain), and a bound for one of its labels."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field, model_validator

from filters.contract import Columns, Filter, Rule, StageParams
from filters.errors import RecipeError
from filters.kernels.language import sample_pieces
from filters.kernels.unicode_table import load_table
from filters.language_model import LoadedModel, Pieces, load_model
from filters.list_files import Sha256, check_file_sum
from filters.remote_files import local_file
from filters.texts import text_buffers

_PREFIX = "__label__"
_DECIMALS = 6


class ModelParams(StageParams):
    """Which model, and which of its labels is judged.

    model: path, or URI (`gs://`, `s3://`), of a fastText `.bin` or `.ftz`. sha256: of that file; another sum is an
    error. label: with or without `__label__`.
    """

    model: str
    label: str
    sha256: Sha256 | None = None


class ClassifierParams(ModelParams):
    """A model, and what its answer means.

    threshold: of the label's probability; left out, documents are only scored. keep: the side of
    the threshold that stays, `above` as for quality or `below` as for toxicity; the threshold itself stays.
    max_chars: how much of a text is read; left out, all of it. more_labels: get a column `score_...`, too.
    """

    threshold: Annotated[float | None, Field(ge=0, le=1)] = None
    keep: Literal["above", "below"] = "above"
    max_chars: Annotated[int | None, Field(ge=1)] = None
    more_labels: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _columns_have_names_of_their_own(self) -> ClassifierParams:
        names = [label_column(label) for label in self.more_labels]
        if len(set(names)) < len(names):
            raise ValueError(f"more_labels would share a column: {', '.join(sorted(names))}")
        return self


def label_column(label: str) -> str:
    """Name of the column of one of `more_labels`.

    >>> label_column("__label__non-toxic")
    'score_non_toxic'
    """
    return "score_" + re.sub(r"\W", "_", label.removeprefix(_PREFIX))


@dataclass(frozen=True)
class LabelModel:
    """A loaded model, with the places of the labels in question among its own, the judged one first."""

    model: LoadedModel
    labels: tuple[int, ...]

    def scores(self, pieces: Pieces) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Best label of every text, int32 (texts,), -1 where there is none, and probabilities, float64 (texts, labels).

        Probabilities are those of `labels`, rounded to 6 decimals.
        """
        ranked, probability = self.model.predict(pieces, len(self.model.labels))
        found = np.zeros((len(pieces), len(self.labels)))
        for column, label in enumerate(self.labels):
            row, rank = np.nonzero(ranked == label)
            found[row, column] = np.minimum(probability[row, rank].astype(np.float64), 1.0)
        best = ranked[:, 0] if len(pieces) else np.empty(0, np.int32)
        return best, np.round(found, _DECIMALS)


def load_label_model(params: ModelParams, more_labels: Sequence[str] = ()) -> LabelModel:
    """Load the model.

    Raises RecipeError for a file that is missing, has another checksum or is no fastText classifier, and for a label
    that the model does not have.
    """
    path = local_file(params.model, "classifier")
    if not path.is_file():
        raise RecipeError(f"classifier {path} does not exist; name a fastText .bin or .ftz file")
    if params.sha256 is not None:
        check_file_sum(path, params.sha256, "classifier")
    model = load_model(str(path))
    labels = [label.removeprefix(_PREFIX) for label in (params.label, *more_labels)]
    unknown = [label for label in labels if label not in model.labels]
    if unknown:
        known = ", ".join(sorted(model.labels)[:20]) + (" ..." if len(model.labels) > 20 else "")
        raise RecipeError(f"classifier {path.name} has no label {unknown[0]!r}; it has {len(model.labels)}: {known}")
    return LabelModel(model, tuple(model.labels.index(label) for label in labels))


@dataclass(frozen=True)
class Classifier:
    """A model with what the stage asks of it."""

    params: ClassifierParams
    model: LabelModel


def prepare(params: ClassifierParams) -> Classifier:
    """Load the model. Raises RecipeError as `load_label_model`."""
    return Classifier(params, load_label_model(params, params.more_labels))


def scores(texts: pa.LargeStringArray, state: Classifier) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """As `LabelModel.scores`, of the first `max_chars` characters of every text."""
    offsets, data = text_buffers(texts)
    starts, stops = offsets[:-1].copy(), offsets[1:].copy()
    if state.params.max_chars is not None:
        sample_pieces(
            offsets, data, load_table(), state.params.max_chars, 1, 0, starts, stops, np.empty(len(texts), np.int64)
        )
    return state.model.scores(Pieces(data, np.arange(len(texts) + 1), starts, stops))


def columns(params: ClassifierParams) -> Mapping[str, pa.DataType]:
    """The model's first choice by the stage's own name, the probability of the label judged, those of more labels."""
    return {
        "": pa.string(),
        "score": pa.float64(),
        **{label_column(label): pa.float64() for label in params.more_labels},
    }


def measure(texts: pa.LargeStringArray, batch: pa.RecordBatch, state: Classifier) -> Columns:
    """Labels and probabilities; null for a text in which there is nothing to read, which passes."""
    best, found = scores(texts, state)
    silent = best < 0
    names = pa.array(state.model.model.labels, pa.string())
    values = [pa.array(found[:, column], mask=silent) for column in range(found.shape[1])]
    return dict(zip(columns(state.params), [names.take(pa.array(best, mask=silent)), *values], strict=True))


def rules(params: ClassifierParams) -> Sequence[Rule]:
    """One bound, if there is a threshold."""
    if params.threshold is None:
        return []
    if params.keep == "above":
        return [Rule("classifier_score_too_low", "score", ">=", params.threshold)]
    return [Rule("classifier_score_too_high", "score", "<=", params.threshold)]


CLASSIFIER = Filter(
    name="classifier",
    summary="probability of a label by any fastText classifier",
    Params=ClassifierParams,
    columns=columns,
    prepare=prepare,
    measure=measure,
    rules=rules,
    limits=lambda params: ("threshold", "keep"),
)
