"""Detectors against labelled files: read texts, labels and look-alikes, scan, count."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from filters.detectors.contract import Detector
from filters.detectors.scan import scan
from filters.errors import InputError
from filters.pii.evaluation import Evaluation, Scores, Span
from filters.pii.kinds import OPTIONAL
from pipeline.pii_scan import detectors_of
from transforms.files import expand
from transforms.formats import SourceFile, inspect_corpus, read_units

SPANS, LOOK_ALIKES, LANGUAGE, LEVEL = "spans", "negatives", "lang", "label_level"
"""Columns of labelled files: what is to be found, what only looks so, the language; whether a row's spans are all
there is (`span`) or its labels say something else (anything but `span`), so that it is left out."""

_BATCH_ROWS, _BATCH_BYTES = 1024, 8 << 20


@dataclass
class Evaluated:
    """scores: of all files; files: of each; skipped: rows without labels of spans; kinds: that were looked for."""

    scores: Scores = field(default_factory=Scores)
    files: dict[str, Scores] = field(default_factory=dict)
    skipped: int = 0
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Labelled:
    uri: str
    file: SourceFile
    schema: pa.Schema
    column: str

    def batches(self, names: Sequence[str]) -> Iterator[tuple[int, list[dict[str, Any]]]]:
        """Number of the first row, and rows with those of the columns that the file has."""
        for first, batch in read_units(
            self.file, schema=self.schema, first_unit=0, units=max(len(self.file.unit_rows), 1),
            columns=[name for name in names if name in self.schema.names], batch_rows=_BATCH_ROWS,
            batch_bytes=_BATCH_BYTES,
        ):  # fmt: skip
            yield first, batch.to_pylist()


def evaluate_files(
    paths: Sequence[str], kinds: Sequence[str] = ("all",), *, column: str = "text", most_errors: int = 3
) -> Evaluated:
    """Scan labelled Parquet, Arrow or JSON lines files and count what agrees with their labels.

    The labels of a file are the truth about the kinds that occur in them, and about no other: a finding of a kind
    that a file never labels is counted by its kind alone. Every kind of `kinds` takes part, as they compete for
    what overlaps; optional ones that are labelled take part, too, if `kinds` has `all`. Rows whose `spans` are null,
    or whose `label_level` is not `span`, are left out. most_errors: examples kept of each kind and sort, by file.
    Raises InputError for files that are not so labelled, RecipeError for unknown kinds.
    """
    files = [_open(info, column) for info in expand(paths)]
    if "all" in kinds:
        kinds = (*kinds, *(kind for kind in OPTIONAL if any(kind in _labelled_kinds(file) for file in files)))
    detectors = detectors_of(kinds)
    result = Evaluated(kinds=tuple(detector.kind for detector in detectors))
    for file in files:
        counting = Evaluation(result.kinds, most_errors)
        result.skipped += _count(file, detectors, counting)
        result.files[file.uri] = scores = counting.scores
        result.scores.add(scores)
    return result


def _open(info: Any, column: str) -> _Labelled:
    (file,), schema = inspect_corpus([info], text_column=column)
    if SPANS not in schema.names:
        raise InputError(
            f"{info.uri} has no column {SPANS!r}: labels are a list of {{start, end, kind}} for each text, "
            "start and end in characters"
        )
    for name in (SPANS, LOOK_ALIKES):
        if name in schema.names and not _is_span_list(schema.field(name).type):
            raise InputError(
                f"{info.uri}: column {name!r} is of type {schema.field(name).type}, expected a list of structs with "
                "whole numbers `start` and `end` and a string `kind`"
            )
    return _Labelled(info.uri, file, schema, column)


def _is_span_list(kind: pa.DataType) -> bool:
    is_ = pa.types
    if not (is_.is_list(kind) or is_.is_large_list(kind)) or not is_.is_struct(kind.value_type):
        return is_.is_null(kind) or (is_.is_list(kind) and is_.is_null(kind.value_type))
    fields = {field.name: field.type for field in kind.value_type}
    return (
        {"start", "end", "kind"} <= set(fields)
        and is_.is_integer(fields["start"])
        and is_.is_integer(fields["end"])
        and (is_.is_string(fields["kind"]) or is_.is_large_string(fields["kind"]))
    )


def _labelled_kinds(file: _Labelled) -> set[str]:
    return {span["kind"] for _, rows in file.batches([SPANS]) for row in rows for span in row[SPANS] or ()}


def _count(file: _Labelled, detectors: Sequence[Detector], counting: Evaluation) -> int:
    """Scan one file. Returns how many rows were left out."""
    skipped = 0
    for first, rows in file.batches([file.column, SPANS, LOOK_ALIKES, LANGUAGE, LEVEL]):
        found = _scanned([row[file.column] or "" for row in rows], detectors)
        for number, row in enumerate(rows):
            if row[SPANS] is None or row.get(LEVEL) not in (None, "span"):
                skipped += 1
                continue
            try:
                counting.add(
                    row[file.column] or "",
                    _spans(row[SPANS]),
                    found[number],
                    language=str(row.get(LANGUAGE) or ""),
                    look_alikes=_spans(row.get(LOOK_ALIKES)),
                    row=first + number,
                )
            except ValueError as error:
                raise InputError(f"{file.uri}, row {first + number}: {error}") from error
    return skipped


def _scanned(texts: list[str], detectors: Sequence[Detector]) -> list[list[Span]]:
    found = scan(pa.array(texts, pa.large_string()), detectors)
    spans: list[list[Span]] = [[] for _ in texts]
    for row, start, end, kind in zip(
        found.row.tolist(), found.start.tolist(), found.end.tolist(), found.kinds, strict=True
    ):
        spans[row].append(Span(start, end, kind))
    return spans


def _spans(rows: list[dict[str, Any]] | None) -> list[Span]:
    spans = [Span(row["start"], row["end"], row["kind"]) for row in rows or ()]
    if any(part is None for span in spans for part in span):
        raise ValueError("a label lacks its start, end or kind")
    return spans
