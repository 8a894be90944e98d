"""Rows of a result: every document of the input once, in shards or rejects, and as many for each reason as is said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from filters.annotate import WOULD_DROP_AT, WOULD_DROP_REASON
from filters.chain import EDITED, KEY
from pipeline.recipe import DEDUPS
from pipeline.result import read_series
from transforms.layout import MANIFEST
from transforms.split import ROW_BITS

Finding = tuple[str, str]
"""(path in the result's folder, what is wrong with it)."""
Keys = NDArray[np.int64]

MISSING, IN_SHARDS, IN_REJECTS = 0, 1, 2
"""State of a document; one that left at the n-th stage of the manifest (`read` is the 0th) has IN_REJECTS + n."""

_ROW_MASK = (1 << ROW_BITS) - 1
_MOST = 5


@dataclass(frozen=True)
class Where:
    """Where every document of the input is.

    first: int64 (files + 1,), number of the first document of each input file among all. state: uint8 (documents,).
    """

    first: Keys
    state: NDArray[np.uint8]

    def number(self, keys: Keys) -> Keys:
        """Numbers of documents among all, -1 for keys of no document of the input."""
        ordinal, row = keys >> ROW_BITS, keys & _ROW_MASK
        known = (ordinal >= 0) & (ordinal < len(self.first) - 1)
        ordinal = np.where(known, ordinal, 0)
        number = self.first[ordinal] + row
        return np.where(known & (number < self.first[ordinal + 1]), number, -1)

    def of(self, keys: Keys) -> NDArray[np.uint8]:
        """State of each; MISSING for keys of no document."""
        number = self.number(keys)
        return np.where(number < 0, np.uint8(MISSING), self.state[number])


def shown(keys: Keys) -> str:
    """Some keys, for a person.

    >>> shown(np.arange(7))
    'documents 0, 1, 2, 3, 4 and 2 more'
    """
    more = f" and {len(keys) - _MOST:,} more" if len(keys) > _MOST else ""
    return f"document{'s' * (len(keys) > 1)} {', '.join(str(key) for key in keys[:_MOST].tolist())}{more}"


def locate_documents(output: str, manifest: dict[str, Any]) -> tuple[Where, list[Finding]]:
    """Put every row of shards and rejects in its place; findings: documents that are lost, doubled or out of order."""
    findings: list[Finding] = []
    first = np.concatenate([[0], np.cumsum(_rows_of_inputs(output, manifest))]).astype(np.int64)
    if first[-1] != manifest["read"]["documents"]:
        read = manifest["read"]["documents"]
        findings.append((MANIFEST, f"{read:,} documents were read, but shards and rejects hold {first[-1]:,}"))
    where = Where(first, np.zeros(int(first[-1]), np.uint8))
    stages = pa.array([stage["id"] for stage in manifest["stages"]], pa.string())
    for series in ("shards", "rejects"):
        last = -1
        for table in read_series(output, manifest, series, [KEY] if series == "shards" else [KEY, "stage"]):
            keys = table[KEY].to_numpy()
            if len(keys) and (keys[0] <= last or (np.diff(keys) <= 0).any()):
                findings.append((series, f"rows are not in order of {KEY}, each once (from document {keys[0]} on)"))
            last = max(last, int(keys[-1])) if len(keys) else last
            number = where.number(keys)
            strange, number = keys[number < 0], number[number >= 0]
            if len(strange):
                findings.append((series, f"{shown(strange)} are of no file that the manifest names"))
            taken = where.state[number] != MISSING
            if taken.any():
                findings.append(
                    (series, f"{shown(keys[np.flatnonzero(taken)])} are there twice, or both kept and dropped")
                )
            if series == "shards":
                where.state[number] = IN_SHARDS
            else:
                place = pc.fill_null(pc.index_in(table["stage"], value_set=stages), -1).to_numpy()
                if (place < 0).any():
                    findings.append((series, "names a stage that the recipe does not have"))
                where.state[number] = IN_REJECTS + np.maximum(place, 0)[: len(number)]
    lost = np.flatnonzero(where.state == MISSING)
    if len(lost):
        files = np.searchsorted(first, lost, side="right") - 1
        findings.append((MANIFEST, f"{shown(files << ROW_BITS | lost - first[files])} of the input are nowhere in it"))
    return where, findings


def _rows_of_inputs(output: str, manifest: dict[str, Any]) -> Keys:
    """Documents of every input file: as its footer said, or by the largest row number that was written."""
    inputs = manifest["inputs"]
    rows = np.array([entry["rows"] or 0 for entry in inputs], np.int64)
    open_ended = np.array([entry["rows"] is None for entry in inputs], np.bool_)
    if open_ended.any():
        for series in ("shards", "rejects"):
            for table in read_series(output, manifest, series, [KEY]):
                keys = table[KEY].to_numpy()
                ordinal = keys >> ROW_BITS
                known = ordinal < len(rows)
                known[known] = open_ended[ordinal[known]]
                np.maximum.at(rows, ordinal[known], (keys[known] & _ROW_MASK) + 1)
    return rows


def check_outcomes(output: str, manifest: dict[str, Any]) -> tuple[int, list[Finding]]:
    """(documents that left, findings): documents and bytes by stage and reason, as the manifest counts them."""
    annotated = manifest.get("annotate_only", False)
    documents: Counter[tuple[str, str]] = Counter()
    size: Counter[tuple[str, str]] = Counter()
    for table in read_series(output, manifest, "rejects", ["stage", "reason", "text_bytes"]):
        for row in (
            table.group_by(["stage", "reason"]).aggregate([("text_bytes", "count"), ("text_bytes", "sum")]).to_pylist()
        ):
            documents[row["stage"], row["reason"]] += row["text_bytes_count"]
            size[row["stage"], row["reason"]] += row["text_bytes_sum"]
    if annotated:  # who would have left is in the shards, bytes as edited by later stages
        columns = [WOULD_DROP_AT, WOULD_DROP_REASON]
        for table in read_series(output, manifest, "shards", columns):
            marked = table.filter(pc.is_valid(table[WOULD_DROP_AT]))
            for row in marked.group_by(columns).aggregate([([], "count_all")]).to_pylist():
                documents[row[WOULD_DROP_AT], row[WOULD_DROP_REASON]] += row["count_all"]
    claimed = {
        (stage["id"], reason): count for stage in manifest["stages"] for reason, count in stage["dropped"].items()
    }
    findings = []
    for outcome in sorted(claimed.keys() | documents.keys()):
        claim = claimed.get(outcome, {"documents": 0, "bytes": 0})
        if documents[outcome] != claim["documents"]:
            what = f"{documents[outcome]:,} documents left at {outcome[0]} as {outcome[1]}"
            findings.append(("rejects", f"{what}, the manifest says {claim['documents']:,}"))
        elif not annotated and size[outcome] != claim["bytes"]:
            what = f"{size[outcome]:,} bytes left at {outcome[0]} as {outcome[1]}"
            findings.append(("rejects", f"{what}, the manifest says {claim['bytes']:,}"))
    return sum(documents.values()), findings


def check_edits(output: str, manifest: dict[str, Any]) -> tuple[int, list[Finding]]:
    """(documents edited or tagged, findings): documents with edits by stage, as the manifest counts them."""
    if manifest.get("annotate_only"):  # edits of documents that a run would no longer see are logged, too
        return 0, []
    found: Counter[str] = Counter()
    for stage, keys in _edited(output, manifest):
        found[stage] += len(keys)
    findings = []
    for stage in manifest["stages"]:
        tagged = 0 if stage["name"] in DEDUPS else stage.get("notes", {}).get("tagged", {"documents": 0})["documents"]
        claim = stage.get(EDITED, {"documents": 0})["documents"] + tagged
        if found[stage["id"]] != claim:
            what = f"{found[stage['id']]:,} documents have edits of stage {stage['id']!r}"
            findings.append(("edits", f"{what}, the manifest says {claim:,}"))
    return sum(found.values()), findings


def _edited(output: str, manifest: dict[str, Any]) -> Iterator[tuple[str, Keys]]:
    """(stage, documents it logged edits of), piece by piece, no document twice: `edits` rests in order of documents."""
    last: dict[str, int] = {}
    for table in read_series(output, manifest, "edits", [KEY, "stage"]):
        for stage in pc.unique(table["stage"]).to_pylist():
            keys = np.unique(table.filter(pc.equal(table["stage"], stage))[KEY].to_numpy())
            if len(keys):
                yield stage, keys[keys > last.get(stage, -1)]
                last[stage] = int(keys[-1])
