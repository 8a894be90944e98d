"""Two results side by side: funnels, reasons, and, where they were made from the same files, their documents."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow.compute as pc

from filters.names import KEY, WOULD_DROP_AT
from pipeline.result import Keys, Result


def compare(one: Result, other: Result) -> dict[str, Any]:
    """Numbers of both by stage and reason, as plain data.

    stages: in the order of the first, then those that only the second has; `documents` in and out, None where it has
    no such stage. documents: kept by both and by one alone; None if the results are not of the same input files.
    """
    results = (one, other)
    steps = [{step["id"]: step for step in result.stages} for result in results]
    ids = list(dict.fromkeys([*steps[0], *steps[1]]))
    stages = []
    for stage in ids:
        found = [by_id.get(stage) for by_id in steps]
        reasons = sorted({reason for step in found if step for reason in step["dropped"]})
        stages.append(
            {
                "id": stage,
                "in": [step and step["in"]["documents"] for step in found],
                "out": [step and step["out"]["documents"] for step in found],
                "reasons": {
                    reason: [step and step["dropped"].get(reason, {"documents": 0})["documents"] for step in found]
                    for reason in reasons
                },
            }
        )
    return {
        "outputs": [result.output for result in results],
        "read": [result.manifest["read"] for result in results],
        "kept": [result.stages[-1]["out"] for result in results],
        "seconds": [result.manifest["seconds"] for result in results],
        "stages": stages,
        "documents": _documents(one, other) if _same_inputs(one, other) else None,
    }


def _same_inputs(one: Result, other: Result) -> bool:
    return [(file.path, file.size) for file in one.inputs] == [(file.path, file.size) for file in other.inputs]


def _documents(one: Result, other: Result) -> dict[str, int]:
    mine = both = 0
    for table in one.tables("shards", _columns(one)):
        keys = _kept_keys(one, table)
        mine += len(keys)
        if len(keys):
            between = other.tables("shards", _columns(other), first_key=int(keys[0]), last_key=int(keys[-1]))
            both += sum(int(np.isin(_kept_keys(other, part), keys, assume_unique=True).sum()) for part in between)
    its = other.stages[-1]["out"]["documents"]
    return {"both": both, "first_only": mine - both, "second_only": its - both}


def _columns(result: Result) -> list[str]:
    return [KEY, WOULD_DROP_AT] if result.annotated else [KEY]


def _kept_keys(result: Result, table: Any) -> Keys:
    if result.annotated:
        table = table.filter(pc.is_null(table[WOULD_DROP_AT]))
    return np.asarray(table[KEY].to_numpy(), np.int64)
