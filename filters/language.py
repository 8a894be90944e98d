"""Filter `language`: identify the language with a fastText model and keep the allowed ones."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field, model_validator

from filters.contract import Columns, Filter, LimitByName, Rule, StageParams
from filters.kernels.language import sample_pieces
from filters.kernels.unicode_table import load_table
from filters.language_codes import UNDETERMINED, canonical_code, resolve_code, resolve_codes
from filters.language_lines import LineParams, foreign_share
from filters.language_model import LoadedModel, Pieces, load_model
from filters.list_files import ListFile
from filters.quality.bounds import FELL_TO_DEFAULT
from filters.quality.language_limits import TableSource, load_limits
from filters.texts import text_buffers

SPREAD_PIECES = 5
"""Pieces of `sample: spread`: 200 characters each of the default 1,000, about two lines of a page."""

Score = Annotated[float, Field(ge=0, le=1)]
_TOP = pa.list_(pa.struct([("language", pa.string()), ("score", pa.float64())]))


class LanguageParams(StageParams):
    """Which languages pass, how sure the model must be, and how much of a text it sees.

    model: path, or URI (`gs://`, `s3://`), of a fastText `.bin` or `.ftz`; left out, the small lid.176 model (176
    languages, 0.9 MB, installed with the package). allow: language codes in any usual spelling (`en`, `eng`,
    `eng_Latn`); left out, every language passes and is only recorded. min_score: probability of the best label; 0.65
    is FineWeb's cut for English. min_scores: the same by language, where it differs. limits: minima from a table, for
    languages that min_scores does not name: `fineweb2` (made for GlotLID's scores), or the path of a file of one's
    own. max_chars: how much of a text is read; the cost is linear in it. sample: `beginning`, or `spread` for pieces
    from all over a longer text. min_letters: a text with fewer letters in what is read is `und`. top: write that many
    best languages with their scores. lines: judge lines one by one, too.
    """

    allow: Annotated[tuple[str, ...] | None, Field(min_length=1)] = None
    min_score: Score = 0.0
    min_scores: dict[str, Score] = Field(default_factory=dict)
    limits: TableSource | None = None
    model: str | None = None
    max_chars: Annotated[int, Field(ge=1)] = 1000
    sample: Literal["beginning", "spread"] = "beginning"
    min_letters: Annotated[int, Field(ge=0)] = 1
    top: Annotated[int, Field(ge=0)] = 0
    lines: LineParams | None = None

    @model_validator(mode="before")
    @classmethod
    def _lines_by_default(cls, given: object) -> object:
        if isinstance(given, dict) and given.get("lines") is True:
            return {**given, "lines": {}}
        return given


@dataclass(frozen=True)
class State:
    """A model with the codes of its labels: canonical code of every label, `und` last, so that index -1 is `und`."""

    params: LanguageParams
    model: LoadedModel
    codes: tuple[str, ...]


def prepare(params: LanguageParams) -> State:
    """Load the model and check the recipe's codes against its labels.

    Raises RecipeError for a missing or unreadable model, a code that is none, and a language that the model cannot
    answer.
    """
    model = load_model(params.model)
    allowed_codes(params, model)  # both say what is wrong with codes
    least_scores(params, model)
    return State(params, model, (*map(canonical_code, model.labels), UNDETERMINED))


def allowed_codes(params: LanguageParams, model: LoadedModel) -> frozenset[str] | None:
    """The canonical codes that pass, None where all do. Raises RecipeError as `resolve_code` does."""
    return _resolved(params.allow, model.labels, model.name) if params.allow else None


_resolved = functools.lru_cache(maxsize=64)(resolve_codes)


def least_scores(params: LanguageParams, model: LoadedModel) -> tuple[tuple[str, float | None], ...]:
    """(canonical code, least score) of every language that has one of its own.

    Raises RecipeError as `resolve_code` does, and for a table that is not as it should be.
    """
    return _least(tuple(params.min_scores.items()), params.limits, model.labels, model.name)


@functools.lru_cache(maxsize=64)
def _least(
    named: tuple[tuple[str, float], ...],
    source: Literal["fineweb2"] | ListFile | None,
    labels: tuple[str, ...],
    model: str,
) -> tuple[tuple[str, float | None], ...]:
    found: dict[str, float | None] = {}
    if source is not None:
        table = load_limits(source)
        listed = table.limits("min_score", 0.0)
        keys = {code: table.key(code) for code in map(canonical_code, labels)}
        found = {code: listed[key] for code, key in keys.items() if key in listed}
    for code, score in named:
        found |= dict.fromkeys(resolve_code(code, labels, model), score)
    return tuple(found.items())


def measure(texts: pa.LargeStringArray, batch: pa.RecordBatch, state: State) -> Columns:
    """The language (BCP-47) and its probability (float64, rounded to 4 decimals), and what was asked for besides."""
    params = state.params
    labels, scores = identify(texts, state)
    found = np.asarray(state.codes, object)[labels]
    rounded: NDArray[np.float64] = np.round(np.minimum(scores.astype(np.float64), 1.0), 4).astype(np.float64)
    columns: Columns = {"": pa.array(found[:, 0], pa.string()), "score": pa.array(rounded[:, 0])}
    if params.top:
        columns["top"] = _top(found, rounded, labels >= 0)
    if params.lines:
        columns["foreign"] = foreign_share(texts, found[:, 0], state.codes, state.model, params.lines, params.max_chars)
    return columns


def identify(texts: pa.LargeStringArray, state: State) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The `max(top, 1)` best labels of every text, int32 (texts, k), -1 for none, and their scores, float32."""
    params = state.params
    offsets, data = text_buffers(texts)
    pieces = SPREAD_PIECES if params.sample == "spread" else 1
    starts, stops = np.empty((2, len(texts) * pieces), np.int64)
    letters = np.empty(len(texts), np.int64)
    sample_pieces(offsets, data, load_table(), params.max_chars, pieces, params.min_letters, starts, stops, letters)
    first = np.arange(0, len(texts) * pieces + 1, pieces)
    labels, scores = state.model.predict(Pieces(data, first, starts, stops), max(params.top, 1))
    silent = letters < params.min_letters
    labels[silent], scores[silent] = -1, 0
    return labels, scores


def _top(found: NDArray[np.object_], scores: NDArray[np.float64], there: NDArray[np.bool_]) -> pa.ListArray:
    """Lists of (language, score), best first; none for a text without a language."""
    ends = np.concatenate([[0], np.cumsum(there.sum(axis=1))]).astype(np.int32)
    values = [pa.array(found[there], pa.string()), pa.array(scores[there])]
    return pa.ListArray.from_arrays(pa.array(ends), pa.StructArray.from_arrays(values, fields=list(_TOP.value_type)))


def columns(params: LanguageParams) -> Mapping[str, pa.DataType]:
    """`top` are the best languages with their scores; `foreign` is the share of other languages' lines."""
    optional = {
        "top": _TOP if params.top else None,
        "foreign": pa.float64() if params.lines else None,
    }
    return {"": pa.string(), "score": pa.float64(), **{name: kind for name, kind in optional.items() if kind}}


def limits(params: LanguageParams) -> Sequence[str]:
    """Scores and codes are columns, so that all minima can be judged again."""
    return ("allow", "min_score", "min_scores", "limits", "lines.max_foreign")


def rules(params: LanguageParams) -> Sequence[Rule]:
    """An allowed language first, then a sure one, then one language only."""
    found: list[Rule] = []
    if params.allow:
        allowed = allowed_codes(params, load_model(params.model))
        found.append(Rule("language_not_allowed", "", "in", allowed or frozenset()))
    if params.min_scores or params.limits:
        least = least_scores(params, load_model(params.model))
        found.append(Rule("language_uncertain", "score", ">=", LimitByName("", least, params.min_score)))
    elif params.min_score > 0:
        found.append(Rule("language_uncertain", "score", ">=", params.min_score))
    if params.lines and params.lines.max_foreign is not None:
        found.append(Rule("mixed_languages", "foreign", "<=", params.lines.max_foreign))
    return found


def notes(params: LanguageParams) -> Sequence[Rule]:
    """Documents in a language that has no minimum of its own in the table."""
    if params.limits is None:
        return ()
    listed = (code for code, _ in least_scores(params, load_model(params.model)))
    return [Rule(FELL_TO_DEFAULT, "", "in", frozenset([*listed, UNDETERMINED]))]


LANGUAGE = Filter(
    name="language",
    summary="language by a fastText model, allowed ones pass",
    Params=LanguageParams,
    columns=columns,
    prepare=prepare,
    measure=measure,
    rules=rules,
    limits=limits,
    notes=notes,
)
