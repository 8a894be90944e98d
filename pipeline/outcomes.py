"""What became of the documents of every source, language or domain: kept, or dropped by which stage, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from filters.errors import InputError
from filters.names import KEY, WOULD_DROP_AT, WOULD_DROP_REASON
from pipeline.result import Result
from pipeline.source_rows import Report, scan_sources
from pipeline.sources import sources_of

By = Literal["source", "language", "domain"]

Outcomes = Iterator[pa.Table]
"""Tables with the columns value (string; null: not known), stage and reason (null: kept), one row a document."""

_TABLES = 64


def language_column(result: Result) -> str | None:
    """Column of the shards that holds the languages: of the first stage that identifies them, or the input's own, if
    that has one for each document."""
    single = [field.name for field in result.columns("shards") if not pa.types.is_nested(field.type)]
    return next((name for name in [*result.stages_named("language"), "language"] if name in single), None)


def outcomes_by(
    result: Result, by: By, *, column: str | None = None, report: Report | None = None
) -> list[dict[str, Any]]:
    """Groups with most documents first: `value`, `documents` that were read, `kept`, and `dropped` by stage and reason.

    source: folder of the input file, or the file, see `pipeline.sources`; with `column`, a column of the input.
    language: as identified, None where a document left before that. domain: host of the column `url`, or another.
    Columns of the input are read from the input files, as rejects hold none. The sums over all groups are those of
    the funnel. Raises InputError where there is no such column.
    """
    if by == "source" and column is None:
        tables = _by_source(result)
    elif by == "language" and column is None:
        tables = _by_language(result)
    else:
        tables = _by_column(result, by, column or ("url" if by == "domain" else by), report)
    counted: list[pa.Table] = []
    for table in tables:
        counted.append(_counted(table.append_column("documents", pa.array(np.ones(len(table), np.int64)))))
        if len(counted) == _TABLES:  # of many domains, what is counted is not much less than the documents
            counted = [_counted(pa.concat_tables(counted))]
    if not counted:
        return []
    groups: dict[str | None, dict[str, Any]] = {}
    for row in _counted(pa.concat_tables(counted)).to_pylist():
        group = groups.setdefault(row["value"], {"value": row["value"], "documents": 0, "kept": 0, "dropped": {}})
        group["documents"] += row["documents"]
        if row["stage"] is None:
            group["kept"] += row["documents"]
        else:
            group["dropped"].setdefault(row["stage"], {})[row["reason"]] = row["documents"]
    ids = [stage["id"] for stage in result.stages]
    for group in groups.values():
        by_stage = sorted(group["dropped"].items(), key=lambda item: ids.index(item[0]))
        group["dropped"] = {stage: dict(sorted(reasons.items())) for stage, reasons in by_stage}
    return sorted(groups.values(), key=lambda group: (-group["documents"], str(group["value"])))


_COLUMNS = ["value", "stage", "reason"]


def _counted(table: pa.Table) -> pa.Table:
    """One row for each value, stage and reason, with the sum of its documents."""
    return (
        table.group_by(_COLUMNS, use_threads=False)
        .aggregate([("documents", "sum")])
        .select([*_COLUMNS, "documents_sum"])
        .rename_columns([*_COLUMNS, "documents"])
    )


def _rows(value: pa.Array | pa.ChunkedArray, stage: Any, reason: Any) -> pa.Table:
    size = len(value)
    nulls = pa.nulls(size, pa.string())
    columns = [value.cast(pa.string()), nulls if stage is None else stage, nulls if reason is None else reason]
    return pa.table(columns, names=_COLUMNS)


def _verdict_columns(result: Result) -> list[str]:
    return [WOULD_DROP_AT, WOULD_DROP_REASON] if result.annotated else []


def _kept_rows(result: Result, table: pa.Table, value: Any) -> pa.Table:
    """Rows of the shards: kept, or what an annotated result says of them."""
    verdicts = [table[name] for name in _verdict_columns(result)] or [None, None]
    return _rows(value, *verdicts)


def _by_source(result: Result) -> Outcomes:
    sources = sources_of(result)
    names = pa.array(sources.names, pa.string())

    def of(table: pa.Table) -> pa.Array:
        return names.take(pa.array(sources.of(table[KEY].to_numpy())))

    return _everywhere(result, [KEY], [KEY], of, of)


def _by_language(result: Result) -> Outcomes:
    column = language_column(result)
    if column is None:
        raise InputError(f"{result.output} has no column of languages; add the stage `language` to its recipe")
    recorded = "language" in result.columns("rejects").names

    def kept(table: pa.Table) -> pa.Array:
        return table[column]

    def left(table: pa.Table) -> pa.Array:
        return table["language"] if recorded else pa.nulls(len(table), pa.string())

    return _everywhere(result, [column], ["language"] if recorded else [], kept, left)


def _everywhere(
    result: Result,
    kept_columns: list[str],
    left_columns: list[str],
    kept: Callable[[pa.Table], Any],
    left: Callable[[pa.Table], Any],
) -> Outcomes:
    for table in result.tables("shards", [*kept_columns, *_verdict_columns(result)]):
        yield _kept_rows(result, table, kept(table))
    for table in result.tables("rejects", [*left_columns, "stage", "reason"]):
        yield _rows(left(table), table["stage"], table["reason"])


def _by_column(result: Result, by: By, column: str, report: Report | None) -> Outcomes:
    """By a column of the input: its files are read, and each document's outcome looked up by key."""
    from filters.groups import Grouping

    grouping = Grouping(by, column)
    there = False
    for keys, batch in scan_sources(result, [column], report):
        there = there or batch[column].null_count < len(batch)
        value = grouping.values(batch, "") if by == "domain" else batch[column]
        stage, reason = _outcome_of(result, keys)
        yield _rows(value, stage, reason)
    if not there and result.inputs:
        raise InputError(f"no input file has a column {column!r} with values; name another one with --column")


def _outcome_of(result: Result, keys: Any) -> tuple[pa.Array, pa.Array]:
    """Stage and reason by which each of these documents (consecutive keys) left, null for kept."""
    first, last = int(keys[0]), int(keys[-1])
    columns = [np.full(len(keys), None, object) for _ in range(2)]
    held = {"rejects": ["stage", "reason"], "shards": _verdict_columns(result)}
    for series, names in held.items():
        for table in result.tables(series, [KEY, *names], first_key=first, last_key=last) if names else ():
            places = table[KEY].to_numpy() - first
            inside = (places >= 0) & (places < len(keys))
            here = table.filter(pa.array(inside))
            for column, name in zip(columns, names, strict=True):
                column[places[inside]] = here[name].to_numpy(zero_copy_only=False)
    return pa.array(columns[0], pa.string()), pa.array(columns[1], pa.string())
