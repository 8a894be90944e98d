"""Why a document is where it is: every stage in order with value against limit, edits, duplicates, the place it ended.

What the result records comes first: the shards hold what was measured of the documents that are kept, the rejects the
rule that dropped the others, with its value and limit. What was measured of those before they left is not recorded: it
is worked out again, by the same stages over the source row, and that is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pyarrow as pa

from filters.annotate import WOULD_DROP_AT, WOULD_DROP_REASON
from filters.chain import KEY, READ, Stage
from filters.checks import checks
from filters.contract import Rewrite
from filters.errors import BeamsiftError, InputError
from pipeline.recipe import DedupStage, Recipe
from pipeline.rejudged import recipe_of
from pipeline.replay_row import Replayed, columns_read, replay_row, stages_until
from pipeline.result import Place, Result
from pipeline.source_rows import source_rows

_EDIT = ("kind", "start", "end", "action", "proof")
_EVIDENCE = ("survivor", "cluster_size", "similarity", "shared_bands", "component_size", "compared")


def explain_document(result: Result, key: int) -> dict[str, Any]:
    """The whole way of one document, as plain data. Raises InputError for a key that no document of the run has."""
    recipe = recipe_of(result.output, result.manifest)
    found = whereabouts(result, key)
    reject = _only_row(result, "rejects", key, without="text")
    row = _kept_row(result, key)
    left_at = None if reject is None else reject["stage"]
    notes: list[str] = []
    edits = result.rows("edits", [key], ["stage", *_EDIT]).to_pylist()
    measured = "recorded"
    if row is None and left_at != READ:
        measured = "computed again"
        replayed = _replay(result, recipe, key, reject, notes)
        row = None if replayed is None else replayed.row
    annotated = result.annotated and row is not None
    would = {
        "stage": row[WOULD_DROP_AT][0].as_py() if annotated and row is not None else None,
        "reason": row[WOULD_DROP_REASON][0].as_py() if annotated and row is not None else None,
    }
    last = left_at or would["stage"]
    return {
        **found,
        "outcome": "dropped" if reject else "kept",
        "dropped_by": reject and {name: reject[name] for name in ("stage", "reason", "value", "threshold", "detail")},
        "would_be_dropped_by": would if would["stage"] else None,
        "kept_as": _kept_as(result, reject),
        "values": None if row is None else measured,
        "stages": [
            _read_step(reject),
            *_steps(recipe, row, edits, last, lambda stage: _duplicate(result, stage.id, key)),
        ],
        "notes": notes,
    }


def explain_text(recipe: Recipe, values: Mapping[str, Any]) -> dict[str, Any]:
    """The way of a document that is in no corpus, through the row-wise stages. values: its columns, the text included.

    Raises InputError if a stage reads a column that is not given.
    """
    missing = [name for name in columns_read(recipe) if name not in values]
    if missing:
        raise InputError(f"the recipe reads a column {missing[0]!r}; give its value, as in --column {missing[0]}=...")
    replayed = replay_row(recipe, values, stages_until(recipe, None))
    stopped = replayed.stopped_at
    return {
        "outcome": "dropped" if stopped else "kept",
        "dropped_by": {"stage": stopped[0], "reason": stopped[1]} if stopped else None,
        "stages": _steps(recipe, replayed.row, replayed.edits.to_pylist(), stopped and stopped[0], None),
        "text": replayed.row[recipe.input.text_column][0].as_py(),
        "notes": [],
    }


def whereabouts(result: Result, key: int) -> dict[str, Any]:
    """Key, source file and row, and the place in the result. Raises InputError if no document has this key."""
    source, row = result.source_of(key)
    found: dict[str, Any] = {KEY: key, "source_file": source.path, "source_row": row, "place": None}
    for series in ("shards", "rejects"):
        place: Place | None = result.place(series, key)
        if place is not None:
            return {**found, "place": asdict(place)}
    raise InputError(f"{source.path} has no document in row {row:,}: {result.output} holds none with the key {key}")


def _only_row(result: Result, series: str, key: int, without: str = "") -> dict[str, Any] | None:
    names = [name for name in result.columns(series).names if name != without]
    rows = result.rows(series, [key], names).to_pylist() if names else []
    return rows[0] if rows else None


def _kept_row(result: Result, key: int) -> pa.RecordBatch | None:
    """The shards' row without its text: what was measured."""
    names = [name for name in result.columns("shards").names if name != result.text_column]
    table = result.rows("shards", [key], names)
    return table.combine_chunks().to_batches()[0] if len(table) else None


def _replay(
    result: Result, recipe: Recipe, key: int, reject: Mapping[str, Any] | None, notes: list[str]
) -> Replayed | None:
    """The row-wise stages once more over the source row; None, and a note why, where that cannot be."""
    assert reject is not None, "a document is in the shards or among the rejects"
    try:
        values = source_rows(result, [key], columns_read(recipe))[key]
        if values[recipe.input.text_column] is None:
            raise InputError("the source row has no text now")
        replayed = replay_row(recipe, values, stages_until(recipe, reject["stage"]), key=key)
    except BeamsiftError as error:
        notes.append(f"What the stages before it measured is not recorded, and cannot be worked out again: {error}")
        return None
    dedups = [stage.id for stage in recipe.stages if isinstance(stage, DedupStage)]
    expected = None if reject["stage"] in dedups else (reject["stage"], reject["reason"])
    if replayed.stopped_at != expected:
        now = " for ".join(replayed.stopped_at) if replayed.stopped_at else "nothing"
        notes.append(
            f"Worked out again, {now} drops this document: models, lists or versions are not those of the run, "
            f"so take the values with care (versions of the run: `versions` in its manifest.json)"
        )
    return replayed


def _read_step(reject: Mapping[str, Any] | None) -> dict[str, Any]:
    dropped = reject is not None and reject["stage"] == READ
    return {"id": READ, "name": READ, "status": "dropped" if dropped else "passed", "edits": [], "checks": []}


def _steps(
    recipe: Recipe, row: pa.RecordBatch | None, edits: list[dict[str, Any]], last: str | None, duplicate: Any
) -> list[dict[str, Any]]:
    """Every stage. last: the one that dropped the document. duplicate: evidence of a deduplication about it."""
    steps = []
    reached = last != READ
    for stage in recipe.stages:
        step: dict[str, Any] = {"id": stage.id, "name": stage.name, "status": "passed", "edits": [], "checks": []}
        steps.append(step)
        if not reached:
            step["status"] = "not reached"
            continue
        if isinstance(stage, DedupStage):
            if duplicate is None:
                step["status"] = "not judged"
                continue
            step["duplicate"] = found = duplicate(stage)
            step["threshold"] = getattr(stage.params, "threshold", None)
            if found is not None and not found["stays"]:
                step["status"] = "tagged"
        else:
            _describe(step, stage, row, edits)
        if stage.id == last:
            step["status"] = "dropped"
            reached = False
    return steps


def _describe(step: dict[str, Any], stage: Stage, row: pa.RecordBatch | None, edits: list[dict[str, Any]]) -> None:
    step["edits"] = [{name: edit[name] for name in _EDIT} for edit in edits if edit["stage"] == stage.id]
    if step["edits"] and isinstance(stage.kind, Rewrite):
        only_tagged = all(edit["action"] == "tag" for edit in step["edits"])
        step["status"] = "tagged" if only_tagged else "edited"
    if row is None:
        step["checks"] = None
        return
    found = checks(stage, row)
    step["checks"] = None if found is None else [asdict(check) for check in found]
    present = [name for name in stage.columns() if name in row.schema.names]
    step["measured"] = {name: row[name][0].as_py() for name in present}


def _duplicate(result: Result, stage: str, key: int) -> dict[str, Any] | None:
    """What a deduplication found out about a document; None if it met no other one."""
    row = _only_row(result, f"dedup/{stage}/documents", key)
    if row is None:
        return None
    found = {name: row.get(name) for name in _EVIDENCE}
    source, source_row = result.source_of(row["survivor"])
    return {
        **found,
        "stays": row["survivor"] == key,
        "survivor_file": source.path,
        "survivor_row": source_row,
    }


def _kept_as(result: Result, reject: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The document in the output that stands for a duplicate."""
    if reject is None or reject["survivor"] is None:
        return None
    if reject["kept_as"] is None:
        return {KEY: None}
    found = whereabouts(result, reject["kept_as"])
    return {**found, "similarity": reject["kept_similarity"], "measure": reject["kept_measure"]}
