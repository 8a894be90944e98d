"""Run stages and drop nothing: every row is measured, judged and edited by all of them, and says where it would leave.

Who would still be there at a stage and who would not are kept apart, so that all counts are those of a run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from filters.chain import (
    EDITED,
    EDITS_LOG_SCHEMA,
    KEY,
    NOTE,
    REJECTS_SCHEMA,
    Applied,
    Stage,
    Tally,
    rejected_rows,
    run_stage,
    with_texts,
    without_shared,
)
from filters.contract import Rule, Verdicts, full_name
from filters.groups import GroupCounts
from filters.names import WOULD_DROP_AT as WOULD_DROP_AT
from filters.names import WOULD_DROP_REASON as WOULD_DROP_REASON

REASON = "reason"
"""Short name of a column of every stage with rules: the first one that the document fails there, null for none."""

EDITED_BEYOND = "edited_beyond"
"""Note: documents that a stage edited though a run would have dropped them before it."""


def reason_columns(stages: Sequence[Stage]) -> Mapping[str, pa.DataType]:
    """Columns that annotating adds to those of the stages themselves."""
    return {full_name(stage.id, REASON): pa.string() for stage in stages if stage.kind.rules(stage.params)}


def reasons(rules: Sequence[Rule], verdicts: Verdicts) -> pa.Array:
    """The reason of every row, null for one that passed."""
    names = pa.array([rule.reason for rule in rules], pa.string())
    return names.take(pa.array(verdicts.rule, mask=verdicts.kept))


def annotate_stages(
    batch: pa.RecordBatch,
    stages: Sequence[Stage],
    text_column: str,
    alive: NDArray[np.bool_] | None = None,
    *,
    groups: GroupCounts | None = None,
) -> tuple[Applied, NDArray[np.bool_]]:
    """`run_stages` of the rows that are alive (left out: all), with all rows in `kept`; and who is alive after it.

    Only a document without a text leaves. `rejects`, `tally` and `groups` are as of a run; `edits` are those of all
    rows, and what they change in rows that a run would no longer see is noted as EDITED_BEYOND.
    """
    tally, beyond = Tally(), Tally()
    rejects: list[pa.RecordBatch] = []
    edits: list[pa.RecordBatch] = []
    if alive is None:
        batch = with_texts(batch, text_column, tally, rejects)
        alive = np.ones(len(batch), np.bool_)
    here, gone = batch.filter(pa.array(alive)), batch.filter(pa.array(~alive))
    for stage in stages:
        rules = stage.kind.rules(stage.params)
        gone, gone_verdicts = run_stage(gone, stage, text_column, beyond, edits)
        here, verdicts = run_stage(here, stage, text_column, tally, edits)
        dropped = np.zeros(len(here), np.bool_) if verdicts is None else ~verdicts.kept
        if groups is not None:
            groups.add(stage.id, here, dropped)
        if verdicts is None or gone_verdicts is None:
            continue
        if dropped.any():
            rejects.append(rejected_rows(here[KEY], here[text_column], stage, verdicts, False, tally))
        name = full_name(stage.id, REASON)
        here = here.append_column(name, reasons(rules, verdicts))
        gone = _joined(gone.append_column(name, reasons(rules, gone_verdicts)), here.filter(pa.array(dropped)))
        here = here.filter(pa.array(~dropped))
    for stage in stages:
        outcome = (stage.id, EDITED)
        tally.add((stage.id, NOTE + EDITED_BEYOND), beyond.documents[outcome], beyond.bytes[outcome])
    whole = _joined(without_shared(gone), without_shared(here))
    whole = whole.take(pc.sort_indices(whole[KEY]))
    applied = Applied(
        whole, pa.Table.from_batches(rejects, REJECTS_SCHEMA), pa.Table.from_batches(edits, EDITS_LOG_SCHEMA), tally
    )
    return applied, np.asarray(np.isin(whole[KEY].to_numpy(), here[KEY].to_numpy()))


def _joined(one: pa.RecordBatch, other: pa.RecordBatch) -> pa.RecordBatch:
    """Rows of both. Shared measurements that only one of them still has are made anew."""
    if not len(one) or not len(other):
        return other if len(other) else one
    if one.schema.names != other.schema.names:
        one, other = without_shared(one), without_shared(other)
    (joined,) = pa.Table.from_batches([one, other]).combine_chunks().to_batches()
    return joined
