"""Who left where, why, in which language and from which source: of a result that dropped, or that only marked.

A result that was only annotated holds in its shards what a run would have dropped; one that dropped holds it in
`rejects`. Both come out of here as the same rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from filters.names import KEY, WOULD_DROP_AT, WOULD_DROP_REASON
from pipeline.result import Result
from pipeline.sources import Sources, sources_of

MOST_GROUPS = 12
"""Languages or sources that get a column of their own."""

Outcome = tuple[str, str]
"""(stage, reason)."""
Counts = Counter[tuple[str, str, str | None]]
"""Documents by (stage, reason, group); group None where it is not known."""


def language_column(result: Result) -> str | None:
    """Column of the shards that holds the documents' languages, None if there is none."""
    names = [*result.stages_named("language"), "language"]
    schema = result.columns("shards")
    return next((n for n in names if n in schema.names and pa.types.is_string(schema.field(n).type)), None)


def removed(result: Result, more: Sequence[str] = ()) -> Iterator[pa.Table]:
    """Rows (KEY, stage, reason, language, and `more` columns of `rejects`) of every document that leaves.

    Columns that a result has not are null: languages of one that an earlier version wrote, all of `more` where the
    run only annotated.
    """
    schema = result.columns("rejects")
    wanted = [KEY, "stage", "reason", "language", *more]
    for table in result.tables("rejects", [name for name in wanted if name in schema.names]):
        yield _with(table, wanted)
    if not result.annotated:
        return
    language = language_column(result)
    names = [KEY, WOULD_DROP_AT, WOULD_DROP_REASON, *([language] if language else [])]
    for table in result.tables("shards", names):
        table = table.filter(pc.is_valid(table[WOULD_DROP_AT]))
        yield _with(table.rename_columns([KEY, "stage", "reason", *(["language"] if language else [])]), wanted)


def _with(table: pa.Table, names: Sequence[str]) -> pa.Table:
    columns = [table[n] if n in table.column_names else pa.nulls(len(table), pa.string()) for n in names]
    return pa.table(columns, names=list(names))


@dataclass
class Groups:
    """Documents by language, or by source: what leaves by outcome, what stays, most documents first."""

    left: Counts = field(default_factory=Counter)
    kept: Counter[str | None] = field(default_factory=Counter)

    def documents(self) -> list[tuple[str | None, int]]:
        """Each group with its documents, the unknown group at the end."""
        total: Counter[str | None] = Counter(self.kept)
        for (_, _, group), n in self.left.items():
            total[group] += n
        return sorted(total.items(), key=lambda item: (item[0] is None, -item[1], item[0] or ""))


def count_groups(result: Result) -> tuple[Groups, Groups]:
    """All documents of a result by language and by source. Reads keys, verdicts and languages."""
    languages, sources = Groups(), Groups()
    places = sources_of(result)
    for table in removed(result):
        _count_left(languages.left, table, table["language"])
        _count_left(sources.left, table, _named(places, table[KEY]))
    column = language_column(result)
    marks = [WOULD_DROP_AT] if result.annotated else []
    for table in result.tables("shards", [KEY, *marks, *([column] if column else [])]):
        if marks:
            table = table.filter(pc.is_null(table[WOULD_DROP_AT]))
        if column:
            _count(languages.kept, table[column])
        _count(sources.kept, _named(places, table[KEY]))
    return languages, sources


def _named(sources: Sources, keys: pa.ChunkedArray) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(sources.of(keys.to_numpy())), pa.array(sources.names, pa.string()))


def _count(into: Counter[str | None], values: pa.Array | pa.ChunkedArray) -> None:
    for entry in pc.value_counts(values):
        into[entry["values"].as_py()] += entry["counts"].as_py()


def _count_left(into: Counts, table: pa.Table, groups: pa.Array | pa.ChunkedArray) -> None:
    rows = pa.table({"stage": table["stage"], "reason": table["reason"], "group": groups})
    found = rows.group_by(["stage", "reason", "group"], use_threads=False).aggregate([([], "count_all")])
    for row in found.to_pylist():
        into[row["stage"], row["reason"], row["group"]] += row["count_all"]


def outcomes(result: Result) -> list[dict[str, Any]]:
    """Every (stage, reason) of the funnel in order, with its documents and bytes."""
    return [
        {"stage": stage["id"], "reason": reason, **counts}
        for stage in result.stages
        for reason, counts in stage["dropped"].items()
    ]


def matrix(groups: Groups, result: Result) -> dict[str, Any]:
    """What leaves by outcome (rows) and group (columns): the largest groups, the rest together.

    Columns name their documents, so that a cell can be read as a share of them. Column None is what has no group.
    """
    found = groups.documents()
    named = [name for name, _ in found if name is not None]
    shown, rest = named[:MOST_GROUPS], set(named[MOST_GROUPS:])
    total = dict(found)
    columns: list[dict[str, Any]] = [{"name": name, "documents": total[name]} for name in shown]
    if rest:
        columns.append({"name": f"{len(rest):,} more", "documents": sum(total[name] for name in rest)})
    if total.get(None):
        columns.append({"name": None, "documents": total[None]})
    by_outcome: dict[Outcome, Counter[str | None]] = {}
    for (stage, reason, group), n in groups.left.items():
        by_outcome.setdefault((stage, reason), Counter())[f"{len(rest):,} more" if group in rest else group] += n
    rows = [
        {**outcome, "counts": [of[column["name"]] for column in columns]}
        for outcome in outcomes(result)
        if (of := by_outcome.get((outcome["stage"], outcome["reason"]), Counter()))
    ]
    return {"columns": columns, "rows": rows}
