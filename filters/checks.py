"""Every rule of a stage for one document: what was measured, the limit it was held against, and whether it passed.

`judge` names the first rule that fails; to explain a document, all are of interest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from filters.chain import Stage
from filters.contract import Columns, LimitByName, Rule, full_name, judge


@dataclass(frozen=True)
class Check:
    """One rule and one document: kept if `value keep limit`.

    column: as in the output. value: a number or a name; None was not measured, and passes. limit: a number, the names
    that are allowed, or None where the document's language (or other name) has no limit.
    """

    reason: str
    column: str
    value: float | str | None
    keep: str
    limit: float | tuple[str, ...] | None
    passed: bool


def checks(stage: Stage, batch: pa.RecordBatch) -> list[Check] | None:
    """All rules of a stage, in order, for the one row of `batch`; None if the batch lacks a column that a rule reads.

    >>> from filters.catalog import FILTERS
    >>> stage = Stage("length", "length", FILTERS["length"].Params(min_words=5))
    >>> checks(stage, pa.record_batch({"length_words": [3]}))
    [Check(reason='too_few_words', column='length_words', value=3, keep='>=', limit=5, passed=False)]
    """
    if len(batch) != 1:
        raise ValueError(f"checks are of one document, got {len(batch)} rows")
    found = []
    for rule in stage.kind.rules(stage.params):
        needed = {rule.column} | ({rule.limit.column} if isinstance(rule.limit, LimitByName) else set())
        if any(full_name(stage.id, short) not in batch.schema.names for short in needed):
            return None
        columns = {short: batch[full_name(stage.id, short)] for short in needed}
        passed = bool(judge(columns, [rule], 1).kept[0])
        value = columns[rule.column][0].as_py()
        found.append(
            Check(rule.reason, full_name(stage.id, rule.column), value, rule.keep, _limit(rule, columns), passed)
        )
    return found


def _limit(rule: Rule, columns: Columns) -> float | tuple[str, ...] | None:
    if isinstance(rule.limit, frozenset):
        return tuple(sorted(rule.limit))
    if isinstance(rule.limit, LimitByName):
        (limit,) = rule.limit.values(columns[rule.limit.column]).tolist()
        return None if np.isnan(limit) else float(limit)
    return rule.limit
