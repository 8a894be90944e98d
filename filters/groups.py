"""Counts by group: how many documents of each source, language or domain reached a stage, and how many it removed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import Field

from filters.contract import StageParams

GROUPS_SCHEMA = pa.schema(
    [
        pa.field("by", pa.string(), nullable=False),
        pa.field("value", pa.string(), nullable=False),  # "" where the column is null
        pa.field("stage", pa.string(), nullable=False),
        pa.field("documents", pa.int64(), nullable=False),  # that reached the stage
        pa.field("dropped", pa.int64(), nullable=False),
    ]
)

# RFC 3986: scheme, user information and port are not part of a host; `www.` names the same site.
_HOST = r"^(?:[A-Za-z][A-Za-z0-9+.-]*:)?(?://)?(?:[^/?#@]*@)?(?:[Ww]{3}\.)?(?P<host>\[[^\]]*\]|[^/:?#]*)"

By = Literal["source", "language", "domain"]
_DEFAULT_COLUMN = {"source": None, "language": "language", "domain": "url"}


class Budget(StageParams):
    """Most of any group that a stage may remove.

    by: `source`, the folder of the input file, or a `column`; `language`, the column `language` or another;
    `domain`, the host of the column `url` or another. max_removed: share of the group's documents that reach the
    stage. stages: ids, all if left out. min_documents: smaller groups are not judged. action: `warn`, or `fail`: the
    run ends without a result.
    """

    by: By
    column: str | None = None
    max_removed: Annotated[float, Field(ge=0, le=1)]
    stages: tuple[str, ...] = ()
    min_documents: Annotated[int, Field(ge=1)] = 100
    action: Literal["warn", "fail"] = "warn"

    @property
    def grouping(self) -> Grouping:
        """What it counts by."""
        return Grouping(self.by, self.column or _DEFAULT_COLUMN[self.by])


@dataclass(frozen=True)
class Grouping:
    """What documents are counted by: a column, or for `source` without one the folder of their file."""

    by: By
    column: str | None

    @property
    def name(self) -> str:
        """As in GROUPS_SCHEMA: `language`, or `domain(link)` where the column is not the usual one."""
        return self.by if self.column == _DEFAULT_COLUMN[self.by] else f"{self.by}({self.column})"

    def values(self, batch: pa.RecordBatch, uri: str) -> pa.Array | None:
        """Group of every row, as strings; None where the column is not there (yet).

        >>> links = pa.record_batch({"url": ["https://user@www.example.org:80/a", "example.com", None]})
        >>> Grouping("domain", "url").values(links, "a.parquet").to_pylist()
        ['example.org', 'example.com', '']
        """
        if self.column is None:
            return pa.array([uri.rpartition("/")[0]] * len(batch), pa.string())
        if self.column not in batch.schema.names:
            return None
        values = pc.fill_null(batch[self.column].cast(pa.string()), "")
        if self.by == "domain":
            values = pc.utf8_lower(pc.struct_field(pc.extract_regex(values, _HOST), "host"))
        return values


def strings_of(batch: pa.RecordBatch, column: str) -> pa.Array | None:
    """A column of strings, None where there is none of that name and kind.

    >>> strings_of(pa.record_batch({"n": [1], "s": ["a"]}), "n") is None
    True
    """
    if column not in batch.schema.names:
        return None
    kind = batch.schema.field(column).type
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    strings = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    return batch[column].cast(pa.string()) if strings else None


class GroupCounts:
    """Adds up documents by (grouping, value, stage)."""

    def __init__(self, groupings: Sequence[Grouping], uri: str) -> None:
        self._groupings = groupings
        self._uri = uri
        self._counts: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0])

    def add(self, stage: str, batch: pa.RecordBatch, dropped: NDArray[np.bool_]) -> None:
        """Count the rows that reached a stage, and those it dropped."""
        for grouping in self._groupings:
            values = grouping.values(batch, self._uri)
            if values is None or not len(batch):
                continue
            for which, chosen in ((0, values), (1, values.filter(pa.array(dropped)))):
                for entry in pc.value_counts(chosen):
                    self._counts[grouping.name, entry["values"].as_py(), stage][which] += entry["counts"].as_py()

    def table(self) -> pa.Table:
        """GROUPS_SCHEMA rows, in order."""
        rows = [(*key, *counts) for key, counts in sorted(self._counts.items())]
        columns = list(zip(*rows, strict=True)) if rows else [()] * len(GROUPS_SCHEMA)
        return pa.table(
            [pa.array(c, f.type) for c, f in zip(columns, GROUPS_SCHEMA, strict=True)], schema=GROUPS_SCHEMA
        )


def add_up(tables: Sequence[pa.Table]) -> pa.Table:
    """One row for each (by, value, stage), in order."""
    table = pa.concat_tables(tables) if tables else GROUPS_SCHEMA.empty_table()
    keys = ["by", "value", "stage"]
    summed = table.group_by(keys, use_threads=False).aggregate([("documents", "sum"), ("dropped", "sum")])
    summed = summed.rename_columns([name.removesuffix("_sum") for name in summed.column_names])
    return summed.select(GROUPS_SCHEMA.names).sort_by([(key, "ascending") for key in keys]).cast(GROUPS_SCHEMA)


def exceeded(counts: pa.Table, budgets: Sequence[Budget]) -> list[dict[str, object]]:
    """Groups of which a stage removed more than a budget allows, worst first."""
    found = []
    for budget in budgets:
        share = pc.divide(counts["dropped"].cast(pa.float64()), counts["documents"])
        over = pc.and_(
            pc.and_(pc.equal(counts["by"], budget.grouping.name), pc.greater(share, budget.max_removed)),
            pc.greater_equal(counts["documents"], budget.min_documents),
        )
        if budget.stages:
            over = pc.and_(over, pc.is_in(counts["stage"], pa.array(budget.stages)))
        for row in counts.filter(over).to_pylist():
            share = row["dropped"] / row["documents"]
            found.append({**row, "share": share, "max_removed": budget.max_removed, "action": budget.action})
    return sorted(found, key=lambda row: (-row["share"], row["by"], row["value"], row["stage"]))
