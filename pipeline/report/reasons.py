"""What left for which reason, by language and by source: rows of reasons, columns of groups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from filters.names import KEY, WOULD_DROP_AT, WOULD_DROP_REASON
from pipeline.outcomes import By, language_column, outcomes_by
from pipeline.result import Result

MOST_GROUPS = 12
"""Languages or sources that get a column of their own."""

Outcome = tuple[str, str]
"""(stage, reason)."""


def removed(result: Result) -> Iterator[pa.Table]:
    """KEY, stage and reason of every document that leaves, or that a run would drop."""
    yield from result.tables("rejects", [KEY, "stage", "reason"])
    if result.annotated:
        for table in result.tables("shards", [KEY, WOULD_DROP_AT, WOULD_DROP_REASON]):
            yield table.filter(pc.is_valid(table[WOULD_DROP_AT])).rename_columns([KEY, "stage", "reason"])


def reasons(result: Result) -> list[dict[str, Any]]:
    """Every stage and reason of the funnel in order, with documents and bytes."""
    return [
        {"stage": stage["id"], "reason": reason, **counts}
        for stage in result.stages
        for reason, counts in stage["dropped"].items()
    ]


def reasons_by(result: Result, by: By) -> dict[str, Any] | None:
    """Documents by reason (rows) and group (columns): the largest groups, then the rest together, then None, those
    whose group is not known. Columns have their documents, so that a cell can be read as a share of them.

    None where the result does not tell groups.
    """
    if by == "language" and language_column(result) is None:
        return None
    groups = outcomes_by(result, by)
    named = [group for group in groups if group["value"] is not None]
    columns = [_column(group["value"], [group]) for group in named[:MOST_GROUPS]]
    rest = named[MOST_GROUPS:]
    if rest:
        columns.append(_column(f"{len(rest):,} more", rest))
    columns += [_column(None, [group]) for group in groups if group["value"] is None]
    rows = [
        {**row, "counts": [column["left"].get((row["stage"], row["reason"]), 0) for column in columns]}
        for row in reasons(result)
    ]
    return {"columns": [{"name": c["name"], "documents": c["documents"]} for c in columns], "rows": rows}


def _column(name: str | None, groups: Sequence[dict[str, Any]]) -> dict[str, Any]:
    left: dict[Outcome, int] = {}
    for group in groups:
        for stage, counts in group["dropped"].items():
            for reason, documents in counts.items():
                left[stage, reason] = left.get((stage, reason), 0) + documents
    return {"name": name, "documents": sum(group["documents"] for group in groups), "left": left}
