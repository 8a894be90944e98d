"""What the stages measured, as histograms: what was kept, what each limit removed, and the limits themselves."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow.types import is_floating, is_integer

from filters.chain import Stage
from filters.contract import Filter, LimitByName, full_name
from filters.names import WOULD_DROP_AT, WOULD_DROP_REASON
from pipeline.recipe import Recipe
from pipeline.report.charts import KINDS, Floats, bin_counts, bound, edges_for
from pipeline.result import Result


@dataclass(frozen=True)
class Limit:
    """One rule's limit. by_name: limits that differ by the name in another column, such as a language."""

    reason: str
    keep: str
    value: float | None
    by_name: Mapping[str, float | None]

    def bounds(self, whole: bool) -> list[float]:
        """Where each of its numbers divides what stays from what goes."""
        return [bound(self.keep, value, whole) for value in (self.value, *self.by_name.values()) if value is not None]


@dataclass(frozen=True)
class Statistic:
    """A column of numbers that a filter measured, and the rules that judge by it."""

    stage: str
    short: str
    column: str
    whole: bool
    limits: tuple[Limit, ...]

    @property
    def reasons(self) -> list[str]:
        """Reasons of its rules."""
        return [limit.reason for limit in self.limits]


def statistics_of(result: Result, recipe: Recipe) -> list[Statistic]:
    """Numbers that the filters of the recipe measured, those that the shards hold, in order."""
    present = result.columns("shards").names
    found = []
    for stage in recipe.stages:
        if not isinstance(stage, Stage) or not isinstance(stage.kind, Filter):
            continue
        limits: dict[str, list[Limit]] = {}
        for rule in stage.kind.rules(stage.params):
            if isinstance(rule.limit, LimitByName):
                limit = Limit(rule.reason, rule.keep, rule.limit.default, dict(rule.limit.limits))
            elif isinstance(rule.limit, frozenset):
                continue
            else:
                limit = Limit(rule.reason, rule.keep, float(rule.limit), {})
            limits.setdefault(rule.column, []).append(limit)
        for short, kind in stage.kind.columns(stage.params).items():
            column = full_name(stage.id, short)
            if column in present and (is_integer(kind) or is_floating(kind)):
                found.append(Statistic(stage.id, short, column, is_integer(kind), tuple(limits.get(short, ()))))
    return found


def histograms(result: Result, statistics: Sequence[Statistic]) -> list[dict[str, Any]]:
    """Documents by range of every statistic and by KINDS, exact, as plain data.

    Ranges come from the bounds in the footers; then the columns are read once, row group by row group. Of a result
    that dropped documents, the value that a rule judged is in `rejects`; what they measured elsewhere is not known.
    """
    scales = {}
    bounds = result.bounds("shards", [one.column for one in statistics])
    of_rejects = {} if result.annotated else _reject_bounds(result)
    for one in statistics:
        ends = [bounds.get(one.column), *(of_rejects.get((one.stage, reason)) for reason in one.reasons)]
        known = [value for pair in ends if pair is not None for value in pair if math.isfinite(value)]
        limits = [value for limit in one.limits for value in limit.bounds(one.whole)]
        if known:
            scales[one.column] = edges_for(min(known), max(known), limits, whole=one.whole)
    shown = [one for one in statistics if one.column in scales]
    counts = {one.column: {kind: np.zeros(len(scales[one.column]) - 1, np.int64) for kind in KINDS} for one in shown}
    nulls = dict.fromkeys(counts, 0)
    _count_shards(result, shown, scales, counts, nulls)
    if not result.annotated:
        _count_rejects(result, shown, scales, counts)
    return [
        {
            "stage": one.stage,
            "statistic": one.short or one.stage,
            "column": one.column,
            "whole": one.whole,
            "edges": scales[one.column].tolist(),
            "limits": [{"reason": limit.reason, "keep": limit.keep, "value": limit.value,
                        "by_name": dict(limit.by_name)} for limit in one.limits],
            "nulls": nulls[one.column],
            **{kind: found.tolist() for kind, found in counts[one.column].items()},
        }
        for one in shown
    ]  # fmt: skip


def _count_shards(
    result: Result,
    shown: Sequence[Statistic],
    scales: Mapping[str, Floats],
    counts: Mapping[str, Mapping[str, NDArray[np.int64]]],
    nulls: dict[str, int],
) -> None:
    marks = [WOULD_DROP_AT, WOULD_DROP_REASON] if result.annotated else []
    if not shown:
        return
    for table in result.tables("shards", [*marks, *(one.column for one in shown)]):
        for one in shown:
            values = numbers(table[one.column])
            nulls[one.column] += int((~np.isfinite(values)).sum())
            kind = _kinds(table, one) if marks else None
            for number, name in enumerate(KINDS):
                mine = values if kind is None else values[kind == number]
                counts[one.column][name] += bin_counts(mine, scales[one.column])
                if kind is None:
                    break


def _kinds(table: pa.Table, one: Statistic) -> NDArray[np.int64]:
    """Index into KINDS of every row of an annotated result."""
    here = pc.and_(
        pc.equal(table[WOULD_DROP_AT], one.stage),
        pc.is_in(table[WOULD_DROP_REASON], pa.array(one.reasons, pa.string())),
    )
    here = pc.fill_null(here, False).to_numpy()
    stays = pc.is_null(table[WOULD_DROP_AT]).to_numpy()
    return np.where(stays, 0, np.where(here, 1, 2))


def numbers(column: pa.ChunkedArray) -> Floats:
    """A column as float64, nulls as NaN."""
    return np.asarray(pc.fill_null(column.cast(pa.float64(), safe=False), np.nan).to_numpy())


def _values(result: Result) -> Iterator[tuple[tuple[str, str], Floats]]:
    """What the rules of a result judged, by (stage, reason), a part at a time."""
    for table in result.tables("rejects", ["stage", "reason", "value"]):
        values = numbers(table["value"])
        table = table.select(["stage", "reason"]).combine_chunks()
        if not len(table):
            continue
        stages, reasons = (table[name].dictionary_encode().combine_chunks() for name in ("stage", "reason"))
        names = len(reasons.dictionary)
        codes = stages.indices.to_numpy() * names + reasons.indices.to_numpy()
        for code in np.unique(codes).tolist():
            outcome = (stages.dictionary[code // names].as_py(), reasons.dictionary[code % names].as_py())
            yield outcome, values[codes == code]


def _reject_bounds(result: Result) -> dict[tuple[str, str], tuple[float, float]]:
    found: dict[tuple[str, str], tuple[float, float]] = {}
    for outcome, values in _values(result):
        values = values[np.isfinite(values)]
        if len(values):
            low, high = found.get(outcome, (math.inf, -math.inf))
            found[outcome] = (min(low, float(values.min())), max(high, float(values.max())))
    return found


def _count_rejects(
    result: Result,
    shown: Sequence[Statistic],
    scales: Mapping[str, Floats],
    counts: Mapping[str, Mapping[str, NDArray[np.int64]]],
) -> None:
    column_of = {(one.stage, reason): one.column for one in shown for reason in one.reasons}
    for outcome, values in _values(result):
        column = column_of.get(outcome)
        if column is not None:
            counts[column]["here"] += bin_counts(values, scales[column])
