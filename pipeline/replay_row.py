"""One document through the row-wise stages of a recipe once more: what they measure, what they edit, where it stops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from filters.chain import EDITS_LOG_SCHEMA, KEY, Stage, Tally, run_stage
from filters.contract import Rewrite
from pipeline.recipe import Recipe
from pipeline.result import Result
from pipeline.source_rows import source_rows


@dataclass(frozen=True)
class Replayed:
    """What the stages made of one document.

    row: one row, all columns measured up to where it stopped, the text as it was then. edits: EDITS_LOG_SCHEMA rows.
    stopped_at: (stage, reason) of the first rule it failed, None if it passed all.
    """

    row: pa.RecordBatch
    edits: pa.Table
    stopped_at: tuple[str, str] | None


def stages_until(recipe: Recipe, until: str | None) -> list[Stage]:
    """The row-wise stages in order, to the one that is named, or before the deduplication that is; all for None."""
    found = []
    for stage in recipe.stages:
        if isinstance(stage, Stage):
            found.append(stage)
        if stage.id == until:
            break
    return found


def replay_row(
    recipe: Recipe, values: Mapping[str, Any], stages: Sequence[Stage], *, key: int = 0, halt: bool = True
) -> Replayed:
    """Run stages of a recipe on one document, in order, to the first that drops it (`halt=False`: to the last).

    values: columns by name, the text among them, no null. What a deduplication before would have added is not there.
    Raises RecipeError for a model or list that cannot be loaded.
    """
    text_column = recipe.input.text_column
    given = {name: pa.nulls(1, pa.string()) if value is None else pa.array([value]) for name, value in values.items()}
    row = pa.record_batch({KEY: pa.array([key], pa.int64()), **given})
    text = pa.array([values[text_column]], pa.large_string())
    row = row.set_column(row.schema.get_field_index(text_column), text_column, text)
    edits: list[pa.RecordBatch] = []
    stopped_at = None
    for stage in stages:
        row, verdicts = run_stage(row, stage, text_column, Tally(), edits)
        if verdicts is not None and not verdicts.kept.all() and halt:
            stopped_at = (stage.id, stage.kind.rules(stage.params)[int(verdicts.rule[0])].reason)
            break
    return Replayed(row, pa.Table.from_batches(edits, EDITS_LOG_SCHEMA), stopped_at)


def editing_stages(recipe: Recipe, until: str | None) -> list[Stage]:
    """Of the stages until one, those that edit texts, and those whose columns they read: no other matters to it."""
    found: list[Stage] = []
    read: set[str] = set()
    for stage in reversed(stages_until(recipe, until)):
        if isinstance(stage.kind, Rewrite) or read & set(stage.columns()):
            found.append(stage)
            read |= set(stage.needs())
    return found[::-1]


def columns_read(recipe: Recipe) -> list[str]:
    """Columns of the input that replaying needs: the text, and what stages read that no stage before them adds."""
    needed, added = [recipe.input.text_column], set[str]()
    for stage in recipe.stages:
        if isinstance(stage, Stage):
            needed += [name for name in stage.needs() if name not in added]
        added |= set(stage.columns())
    return list(dict.fromkeys(needed))


def _edits_after(recipe: Recipe, stage: str | None) -> bool:
    """Whether texts may change between a stage and the end."""
    ids = [one.id for one in recipe.stages]
    later = recipe.stages[ids.index(stage) + 1 :] if stage is not None else ()
    return any(isinstance(one, Stage) and isinstance(one.kind, Rewrite) for one in later)


def texts_at(result: Result, recipe: Recipe, keys: Sequence[int], stage: str | None = None) -> dict[int, str]:
    """Texts of some documents as they were when they came to a stage (left out: when they left, or reached the end).

    As the rejects hold them, if the recipe asked for that; else as the stages make them anew from the source file. So
    what was redacted by then stays redacted. Raises InputError where the source file is gone or another.
    """
    wanted = dict.fromkeys(int(key) for key in keys)
    texts: dict[int, str] = {}
    names = [name for name in ("stage", "text") if name in result.columns("rejects").names]
    left = {row[KEY]: row for row in result.rows("rejects", list(wanted), names).to_pylist()}
    for key, row in left.items():
        if row.get("text") is not None and stage in (None, row["stage"]):
            texts[key] = row["text"]
    rest = [key for key in wanted if key not in left]
    if rest and not _edits_after(recipe, stage):
        kept = result.rows("shards", rest, [result.text_column])
        texts |= dict(zip(kept[KEY].to_pylist(), kept[result.text_column].to_pylist(), strict=True))
    rest = [key for key in wanted if key not in texts]
    for key, values in source_rows(result, rest, columns_read(recipe)).items():
        text = values[recipe.input.text_column]
        if text is not None:
            until = stage if stage is not None or key not in left else left[key]["stage"]
            # To the last: what was redacted in the run must be, also where a rule says something else by now.
            replayed = replay_row(recipe, values, editing_stages(recipe, until), key=key, halt=False)
            text = replayed.row[recipe.input.text_column][0].as_py()
        texts[key] = text or ""
    return {key: texts[key] for key in wanted}
