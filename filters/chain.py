"""A run of row-wise stages over one RecordBatch: who stays, who goes and why, what was edited."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from filters.catalog import FILTERS
from filters.contract import (
    SHARED,
    Filter,
    Rewrite,
    Rewritten,
    StageParams,
    Verdicts,
    full_name,
    judge,
    prepared_state,
)
from filters.evidence import Measure
from filters.groups import GroupCounts, strings_of
from filters.names import KEY as KEY
from filters.texts import byte_lengths

UNREADABLE_REASON, UNREADABLE_DETAIL = "\0unreadable_reason", "\0unreadable_detail"
"""Columns of rows that stand for some that could not be read: the reason, and the place and cause."""

READ = "read"
"""Name of the step that precedes every stage: documents without a text (null) leave there."""

EDITED = "edited"
NOTE = "note:"
"""Begins the reason of an outcome that neither drops nor edits: something to know about documents that go on."""

REJECTS_SCHEMA = pa.schema(
    [
        pa.field(KEY, pa.int64(), nullable=False),
        pa.field("stage", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        ("value", pa.float64()),  # what was measured; null where the rule compares names
        ("threshold", pa.float64()),
        ("detail", pa.string()),  # the name that was compared, such as a language
        ("survivor", pa.int64()),  # of a duplicate: key of the document that stayed in its stead at that stage
        ("kept_as", pa.int64()),  # key of the document in the output that stands for it; null if that left, too
        ("kept_similarity", pa.float64()),  # exact, with `kept_as`, of the texts as compared; null where unknown
        ("kept_measure", pa.string()),  # what that similarity is of: text, jaccard/5 (tokens to a shingle) ...
        ("language", pa.string()),  # as the column of languages had it; null where there was none yet
        pa.field("text_bytes", pa.int64(), nullable=False),
        ("text", pa.large_string()),  # with the edits up to here; null unless the recipe asks for it
    ]
)
EDITS_LOG_SCHEMA = pa.schema(
    [
        pa.field(KEY, pa.int64(), nullable=False),
        pa.field("stage", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("start", pa.int64(), nullable=False),  # code points of the text as it entered the stage
        pa.field("end", pa.int64(), nullable=False),
        ("action", pa.string()),  # redact, pseudonymise, tag, drop_line, drop_document; null for other rewrites
        ("proof", pa.string()),  # what was checked, such as a checksum
        ("value_hash", pa.string()),  # keyed, only if asked for
    ]
)

StageTimes = dict[str, tuple[int, int, float]]
"""Documents and bytes of text that each stage was given, and the seconds it took."""

Outcome = tuple[str, str]
"""(stage, reason) of a drop, (stage, "edited") of an edit, ("read", "read") of what came in."""


@dataclass(frozen=True)
class Stage:
    """One row-wise stage of a recipe: its id (unique in the recipe), its name in FILTERS, its parameters."""

    id: str
    name: str
    params: StageParams

    @property
    def kind(self) -> Filter | Rewrite:
        """The filter or rewrite that this stage runs."""
        return FILTERS[self.name]

    def needs(self) -> Sequence[str]:
        """Columns that must be there before this stage."""
        return self.kind.needs(self.params)

    def columns(self) -> dict[str, pa.DataType]:
        """Columns this stage adds, by their names in the output."""
        return {full_name(self.id, short): kind for short, kind in self.kind.columns(self.params).items()}


@dataclass
class Tally:
    """Documents and bytes of text by outcome. Bytes of an edit are the change it made, so may be negative."""

    documents: Counter[Outcome] = field(default_factory=Counter)
    bytes: Counter[Outcome] = field(default_factory=Counter)

    def add(self, outcome: Outcome, documents: int, size: int) -> None:
        """Count documents and their bytes under an outcome."""
        if documents:
            self.documents[outcome] += documents
            self.bytes[outcome] += size

    def update(self, other: Tally) -> None:
        """Add another tally to this one."""
        for outcome, documents in other.documents.items():
            self.add(outcome, documents, other.bytes[outcome])


@dataclass(frozen=True)
class Applied:
    """Outcome of a batch: survivors with their new columns, REJECTS_SCHEMA and EDITS_LOG_SCHEMA rows, counts."""

    kept: pa.RecordBatch
    rejects: pa.Table
    edits: pa.Table
    tally: Tally


def run_stages(
    batch: pa.RecordBatch,
    stages: Sequence[Stage],
    text_column: str,
    *,
    keep_text: bool = False,
    groups: GroupCounts | None = None,
    language: str | None = None,
    times: StageTimes | None = None,
) -> Applied:
    """Run stages in order on the documents that are still there; each document leaves at its first failing rule.

    `batch` has the columns KEY and `text_column`. Survivors keep their order. With `keep_text` the rejects carry
    their text, edits of the stages they passed included (so that what was redacted stays redacted). `groups` counts
    what every stage is given and drops. `language`: column of languages, which rejects carry once it is there. `times`
    takes what every stage took.
    """
    tally = Tally()
    rejects: list[pa.RecordBatch] = []
    edits: list[pa.RecordBatch] = []
    batch = with_texts(batch, text_column, tally, rejects)
    for stage in stages:
        began, given = time.perf_counter(), batch
        batch, verdicts = run_stage(batch, stage, text_column, tally, edits)
        if times is not None:
            _take_time(times, stage.id, given[text_column], time.perf_counter() - began)
        if groups is not None:
            groups.add(stage.id, batch, np.zeros(len(batch), np.bool_) if verdicts is None else ~verdicts.kept)
        if verdicts is None or verdicts.kept.all():
            continue
        languages = None if language is None else strings_of(batch, language)
        rejects.append(rejected_rows(batch[KEY], batch[text_column], stage, verdicts, keep_text, tally, languages))
        batch = batch.filter(pa.array(verdicts.kept))
    return Applied(
        without_shared(batch),
        pa.Table.from_batches(rejects, REJECTS_SCHEMA),
        pa.Table.from_batches(edits, EDITS_LOG_SCHEMA),
        tally,
    )


def _take_time(times: StageTimes, stage: str, texts: pa.Array, seconds: float) -> None:
    documents, size, before = times.get(stage, (0, 0, 0.0))
    times[stage] = (documents + len(texts), size + int(byte_lengths(texts).sum()), before + seconds)


def with_texts(batch: pa.RecordBatch, text_column: str, tally: Tally, rejects: list[pa.RecordBatch]) -> pa.RecordBatch:
    """The rows that have a text; the others leave as READ. Counts what was read."""
    missing = pc.is_null(batch[text_column])
    if batch[text_column].null_count:
        gone = batch.filter(missing)
        unreadable = UNREADABLE_REASON in batch.schema.names
        reasons = gone[UNREADABLE_REASON].to_pylist() if unreadable else ["null_text"] * len(gone)
        detail = gone[UNREADABLE_DETAIL] if unreadable else None
        tally.add((READ, READ), len(gone), 0)
        for reason, documents in Counter(reasons).items():
            tally.add((READ, reason), documents, 0)
        rejects.append(reject_rows(gone[KEY], READ, reasons, detail=detail))
        batch = batch.filter(pc.invert(missing))
        if unreadable:
            batch = batch.drop_columns([UNREADABLE_REASON, UNREADABLE_DETAIL])
    batch = _with_column(batch, text_column, batch[text_column].cast(pa.large_string()))
    tally.add((READ, READ), len(batch), int(byte_lengths(batch[text_column]).sum()))
    return batch


def pass_again(
    kept: pa.RecordBatch, columns: Sequence[str], stages: Sequence[Stage], text_column: str, share: float
) -> Tally:
    """Run the stages over a sample of their own output, and note what they would drop or edit a second time.

    columns: those the batch had before the stages. share: of the documents, chosen by their keys. A stage that is not
    at rest here was overtaken by an edit after it, or is not a function of the text alone. Edits of a rewrite that says
    itself that it does not come to rest are not noted.
    """
    noted = Tally()
    if not stages or not share:
        return noted
    chance = (kept[KEY].to_numpy().astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32)
    sample = kept.filter(pa.array(chance < np.uint64(share * (1 << 32)))).select(columns)
    if not len(sample):
        return noted
    restless = {
        stage.id for stage in stages if isinstance(stage.kind, Rewrite) and not stage.kind.at_rest(stage.params)
    }
    again = run_stages(sample, stages, text_column).tally
    noted.add((READ, NOTE + "second_pass_sample"), len(sample), again.bytes[(READ, READ)])
    for (stage, reason), documents in again.documents.items():
        if stage != READ and not reason.startswith(NOTE) and not (reason == EDITED and stage in restless):
            note = "second_pass_edited" if reason == EDITED else "second_pass_dropped"
            noted.add((stage, NOTE + note), documents, again.bytes[(stage, reason)])
    return noted


def run_stage(
    batch: pa.RecordBatch, stage: Stage, text_column: str, tally: Tally, edits: list[pa.RecordBatch]
) -> tuple[pa.RecordBatch, Verdicts | None]:
    """Add the stage's columns, put its new texts in place, log its edits, judge."""
    kind, texts = stage.kind, batch[text_column]
    state = prepared_state(kind, stage.params)
    if isinstance(kind, Rewrite):
        result = kind.rewrite(texts, batch, state)
        columns = result.columns
        _log_edits(batch[KEY], texts, result, stage, tally, edits)
        batch = _with_column(batch, text_column, result.texts)
        if len(result.edits):  # other texts: what was measured of them no longer holds
            batch = without_shared(batch)
    else:
        for shared in kind.shared(stage.params):
            if shared.name not in batch.schema.names:
                batch = batch.append_column(shared.name, shared.measure(texts))
        columns = kind.measure(texts, batch, state)
        for note in kind.notes(stage.params):
            noted = ~judge(columns, [note], len(batch)).kept
            tally.add((stage.id, NOTE + note.reason), int(noted.sum()), int(byte_lengths(texts)[noted].sum()))
    for short, values in columns.items():
        batch = batch.append_column(full_name(stage.id, short), values)
    rules = kind.rules(stage.params)
    return batch, judge(columns, rules, len(batch)) if rules else None


def without_shared(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Without measurements that stages share."""
    names = batch.schema.names
    return batch.select([name for name in names if not name.startswith(SHARED)])


def _log_edits(
    keys: pa.Array, before: pa.Array, result: Rewritten, stage: Stage, tally: Tally, edits: list[pa.RecordBatch]
) -> None:
    """Log what was edited, and count the documents whose text is another one now; others were looked at only."""
    if not len(result.edits):
        return
    rows = result.edits["row"]
    noted = np.unique(rows.to_numpy())
    differs = pc.not_equal(before.take(pa.array(noted)), result.texts.take(pa.array(noted)))
    touched = noted[differs.to_numpy(zero_copy_only=False)]
    change = byte_lengths(result.texts) - byte_lengths(before)
    tally.add((stage.id, EDITED), len(touched), int(change[touched].sum()))
    tally.add((stage.id, NOTE + "tagged"), len(noted) - len(touched), 0)
    given: dict[str, pa.Array] = dict(zip(result.edits.schema.names, result.edits.columns, strict=True))
    given |= {KEY: keys.take(rows), "stage": pa.array([stage.id] * len(rows), pa.string())}
    columns = [given.get(f.name, pa.nulls(len(rows), f.type)) for f in EDITS_LOG_SCHEMA]
    edits.append(pa.record_batch(columns, schema=EDITS_LOG_SCHEMA))


def rejected_rows(
    keys: pa.Array,
    texts: pa.Array,
    stage: Stage,
    verdicts: Verdicts,
    keep_text: bool,
    tally: Tally,
    languages: pa.Array | None = None,
) -> pa.RecordBatch:
    """Reject rows of one stage in order of the rows; counts them reason by reason."""
    rules = stage.kind.rules(stage.params)
    rows = np.flatnonzero(~verdicts.kept)
    sizes = byte_lengths(texts)
    for index, rule in enumerate(rules):
        failed = verdicts.rule == index
        tally.add((stage.id, rule.reason), int(failed.sum()), int(sizes[failed].sum()))
    take = pa.array(rows)
    return reject_rows(
        keys.take(take),
        stage.id,
        [rules[index].reason for index in verdicts.rule[rows]],
        value=_null_nan(verdicts.value[rows]),
        threshold=_null_nan(verdicts.threshold[rows]),
        detail=pa.array([verdicts.detail[row] for row in rows], pa.string()),
        language=None if languages is None else languages.take(take),
        text_bytes=sizes[rows],
        text=texts.take(take) if keep_text else None,
    )


def reject_rows(
    keys: pa.Array,
    stage: str,
    reason: str | Sequence[str],
    *,
    value: pa.Array | None = None,
    threshold: pa.Array | None = None,
    detail: pa.Array | None = None,
    survivor: pa.Array | None = None,
    similarity: pa.Array | None = None,
    measure: Measure | None = None,
    language: pa.Array | None = None,
    text_bytes: NDArray[np.int64] | None = None,
    text: pa.Array | None = None,
) -> pa.RecordBatch:
    """REJECTS_SCHEMA rows for documents that leave at one stage; columns left out are null (bytes: zero).

    similarity: exact, of duplicates with their survivors by `measure`, null where nothing was verified.
    """
    rows = len(keys)
    given: Mapping[str, pa.Array | None] = {
        KEY: keys,
        "stage": pa.array([stage] * rows, pa.string()),
        "reason": pa.array([reason] * rows if isinstance(reason, str) else list(reason), pa.string()),
        "value": value,
        "threshold": threshold,
        "detail": detail,
        "survivor": survivor,
        "kept_as": survivor,
        "kept_similarity": similarity,
        "kept_measure": None if measure is None else pa.array([str(measure)] * rows, pa.string()),
        "language": language,
        "text_bytes": pa.array(np.zeros(rows, np.int64) if text_bytes is None else text_bytes),
        "text": text,
    }
    arrays = [pa.nulls(rows, f.type) if given[f.name] is None else given[f.name] for f in REJECTS_SCHEMA]
    return pa.record_batch(arrays, schema=REJECTS_SCHEMA)


def _null_nan(values: NDArray[np.float64]) -> pa.Array:
    return pa.array(values, pa.float64(), mask=np.isnan(values))


def _with_column(batch: pa.RecordBatch, name: str, values: pa.Array) -> pa.RecordBatch:
    index = batch.schema.get_field_index(name)
    return batch.set_column(index, pa.field(name, values.type, metadata=batch.schema.field(index).metadata), values)
