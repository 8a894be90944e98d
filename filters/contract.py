"""What a row-wise stage is: a Filter measures and is judged by rules, a Rewrite also edits the text.

Measure, then judge: `measure` adds numbers as columns, `rules` compare them with limits and name a reason. A filter
never touches the text; a rewrite says what it changed. Both are plain records of functions on Arrow arrays, and
their results for a row depend on that row alone, so that batches may be cut anywhere.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

Columns = dict[str, pa.Array]
"""Measured columns by short name. `""` is the stage's own name: stage `language` with `""` and `score` gives the
columns `language` and `language_score`."""

EDITS_SCHEMA = pa.schema(
    [
        ("row", pa.int64()),
        ("kind", pa.string()),
        ("start", pa.int64()),
        ("end", pa.int64()),
        ("action", pa.string()),
        ("proof", pa.string()),
        ("value_hash", pa.string()),
    ]
)
"""What a rewrite changed: row of the batch, kind, and the span in code points of the text as it entered the stage.

For values that were found: what became of each (`tag` left it), what proved it, and a keyed hash of it if the recipe
asks for one; null where a rewrite has none of these.
"""


def edits_of(rows: Sequence[int], spans: Sequence[tuple[str, int, int]]) -> pa.RecordBatch:
    """EDITS_SCHEMA rows of a rewrite that looks for no values: the row, and (kind, start, end), of each edit.

    >>> edits_of([0], [("citation", 3, 7)]).to_pylist()[0]["end"]
    7
    """
    columns: dict[str, Sequence[int] | Sequence[str]] = {
        "row": rows,
        "kind": [kind for kind, _, _ in spans],
        "start": [start for _, start, _ in spans],
        "end": [end for _, _, end in spans],
    }
    arrays = [
        pa.array(columns[f.name], f.type) if f.name in columns else pa.nulls(len(rows), f.type) for f in EDITS_SCHEMA
    ]
    return pa.record_batch(arrays, schema=EDITS_SCHEMA)


class StageParams(BaseModel):
    """Base of every stage's parameters: unknown keys are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True)
class LimitByName:
    """A limit that differs from row to row: that of the name in another measured column, such as a language.

    limits: name -> limit; null for a name that has none, which then is not judged by this rule. default: for a name
    that is not listed, and where the column is null.
    """

    column: str
    limits: tuple[tuple[str, float | None], ...]
    default: float | None = None

    def values(self, names: pa.Array) -> NDArray[np.float64]:
        """Limit of every row, NaN where there is none.

        >>> LimitByName("language", (("de", 15.0),), 10.0).values(pa.array(["de", "en", None])).tolist()
        [15.0, 10.0, 10.0]
        """
        known = pa.array([name for name, _ in self.limits], pa.string())
        table = [*(limit for _, limit in self.limits), self.default]
        place = pc.fill_null(pc.index_in(names.cast(pa.string()), known), len(self.limits))
        limits = np.array([np.nan if limit is None else limit for limit in table])
        found: NDArray[np.float64] = limits[place.to_numpy(zero_copy_only=False)]
        return found


@dataclass(frozen=True)
class Rule:
    """Keep a row if `column keep limit` holds, else drop it for `reason`. A null was not measured and passes.

    >>> Rule("too_few_words", "words", ">=", 5)
    Rule(reason='too_few_words', column='words', keep='>=', limit=5)
    """

    reason: str
    column: str
    keep: Literal[">=", ">", "<=", "<", "in"]
    limit: float | frozenset[str] | LimitByName


SHARED = "\0"
"""Begins the names of shared columns, as it does no column's of a corpus."""


@dataclass(frozen=True)
class Shared:
    """Measurements that several stages read, made once for a document until its text changes.

    A stage lists them in `shared(params)`. The chain puts `measure(texts)` into the batch as a column `name`, unless
    it is there already, hands it on to later stages with the rows that are left, and takes it out at the end. So
    `name` must begin with SHARED and say everything that the result depends on.
    """

    name: str
    measure: Callable[[pa.LargeStringArray], pa.Array]

    def of(self, texts: pa.LargeStringArray, batch: pa.RecordBatch) -> pa.Array:
        """What the chain put into the batch, or measured now where a stage is called by hand."""
        return batch[self.name] if self.name in batch.schema.names else self.measure(texts)


@dataclass(frozen=True)
class Rewritten:
    """Result of a rewrite: the new texts, measured columns, and `EDITS_SCHEMA` rows in order of (row, start)."""

    texts: pa.LargeStringArray
    columns: Columns
    edits: pa.RecordBatch


@dataclass(frozen=True)
class Filter:
    """A stage that looks and does not touch.

    `columns(params)` names what `measure` will add. `prepare(params)` loads models and lists, once per process, and
    raises RecipeError for a file that is missing or damaged; its result is handed to
    `measure(texts, batch, state)`, where `texts` is a LargeStringArray without nulls and `batch` has all columns
    present so far, those of earlier stages included. `needs(params)` names columns of `batch` that must exist.
    `shared(params)` lists measurements to share with other stages. `notes(params)` are rules that drop nothing: rows
    that fail one are counted under its reason, to be told at the end of the run. `limits(params)` names the parameters
    that `rules`, `notes` and `derived` alone read: with other ones, rows can be judged again by what was measured.
    `derived` makes measured columns from other columns, those of `needs(params)`, and not from texts: judging again
    makes them again, with the limits asked about.
    """

    name: str
    summary: str
    Params: type[StageParams]
    columns: Callable[[Any], Mapping[str, pa.DataType]]
    measure: Callable[[pa.LargeStringArray, pa.RecordBatch, Any], Columns]
    rules: Callable[[Any], Sequence[Rule]]
    prepare: Callable[[Any], Any] = field(default=lambda params: params)
    needs: Callable[[Any], Sequence[str]] = field(default=lambda params: ())
    shared: Callable[[Any], Sequence[Shared]] = field(default=lambda params: ())
    limits: Callable[[Any], Sequence[str]] = field(default=lambda params: ())
    derived: Mapping[str, Callable[[pa.RecordBatch, Any], pa.Array]] = field(default_factory=dict)
    notes: Callable[[Any], Sequence[Rule]] = field(default=lambda params: ())


@dataclass(frozen=True)
class Rewrite:
    """A stage that edits the text, as a Filter but for `rewrite(texts, batch, state) -> Rewritten`.

    `at_rest(params)`: whether a second run over what it wrote edits nothing, as it should where that can be.
    edits_dropped: whether it edits texts that its rules drop as if they stayed; if not, and a limit is relaxed, what
    later stages would measure of those is not known.
    """

    name: str
    summary: str
    Params: type[StageParams]
    columns: Callable[[Any], Mapping[str, pa.DataType]]
    rewrite: Callable[[pa.LargeStringArray, pa.RecordBatch, Any], Rewritten]
    rules: Callable[[Any], Sequence[Rule]]
    prepare: Callable[[Any], Any] = field(default=lambda params: params)
    needs: Callable[[Any], Sequence[str]] = field(default=lambda params: ())
    limits: Callable[[Any], Sequence[str]] = field(default=lambda params: ())
    at_rest: Callable[[Any], bool] = field(default=lambda params: True)
    edits_dropped: bool = True


@dataclass(frozen=True)
class Verdicts:
    """Outcome of judging a batch, one entry per row.

    rule: int64, index of the first rule that failed, -1 where none did; value, threshold: float64, what was compared
    (NaN where the rule compares names); detail: the name that was compared, or None.
    """

    rule: NDArray[np.int64]
    value: NDArray[np.float64]
    threshold: NDArray[np.float64]
    detail: list[str | None]

    @property
    def kept(self) -> NDArray[np.bool_]:
        """True for rows that no rule dropped."""
        return self.rule < 0


_COMPARE = {">=": np.greater_equal, ">": np.greater, "<=": np.less_equal, "<": np.less}


def judge(columns: Columns, rules: Sequence[Rule], rows: int) -> Verdicts:
    """Compare measured columns with the rules; the first rule that fails names the reason.

    >>> verdicts = judge({"words": pa.array([3, 9])}, [Rule("too_few_words", "words", ">=", 5)], 2)
    >>> verdicts.rule.tolist(), verdicts.value.tolist()
    ([0, -1], [3.0, nan])
    """
    failed = np.full(rows, -1, np.int64)
    value = np.full(rows, np.nan)
    threshold = np.full(rows, np.nan)
    detail: list[str | None] = [None] * rows
    for index, rule in enumerate(rules):
        measured = columns[rule.column]
        present = measured.is_valid().to_numpy(zero_copy_only=False)
        if isinstance(rule.limit, frozenset):
            inside = pc.is_in(measured, value_set=pa.array(sorted(rule.limit), measured.type))
            drop = present & ~inside.to_numpy(zero_copy_only=False) & (failed < 0)
            for row in np.flatnonzero(drop).tolist():
                detail[row] = measured[row].as_py()
        else:
            numbers = pc.fill_null(measured.cast(pa.float64()), np.nan).to_numpy(zero_copy_only=False)
            limit = rule.limit
            limits = limit.values(columns[limit.column]) if isinstance(limit, LimitByName) else np.full(rows, limit)
            with np.errstate(invalid="ignore"):
                drop = present & ~np.isnan(limits) & ~_COMPARE[rule.keep](numbers, limits) & (failed < 0)
            value[drop] = numbers[drop]
            threshold[drop] = limits[drop]
        failed[drop] = index
    return Verdicts(failed, value, threshold, detail)


def full_name(stage_id: str, column: str) -> str:
    """Name in the output of a stage's measured column.

    >>> full_name("language", ""), full_name("language", "score")
    ('language', 'language_score')
    """
    return f"{stage_id}_{column}" if column else stage_id


_prepared: dict[tuple[str, str], Any] = {}
_preparing = threading.Lock()


def prepared_state(stage: Filter | Rewrite, params: StageParams) -> Any:
    """`stage.prepare(params)`, made once per process and shared by its threads; a model is never pickled."""
    key = (stage.name, params.model_dump_json())
    with _preparing:
        if key not in _prepared:
            _prepared[key] = stage.prepare(params)
        return _prepared[key]
