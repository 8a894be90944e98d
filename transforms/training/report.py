"""The account of training output: that every document and token is where it should be, by side, source and language."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from filters.errors import ConservationError
from filters.tokens.params import TOKEN_FORMATS, TrainingParams
from transforms.training.options import FOLDER, LEFT_OUT, SIDES, ShardSummary
from transforms.training.stage import COUNTED, MIXTURE, Counts
from transforms.training.token_files import mds_config


def build_report(
    counts: Counts, shards: Sequence[ShardSummary], params: TrainingParams, tokenizer: dict[str, Any] | None
) -> dict[str, Any]:
    """The manifest's part `training`, as plain data. Raises ConservationError if the counts do not agree.

    tokenizer: facts about it, None if there is none.
    """
    sides = {side: _side(counts, [s for s in shards if s.side == side], side) for side in SIDES}
    left_out = _totals(counts, LEFT_OUT)
    report = {
        "tokenizer": tokenizer,
        **{side: block for side, block in sides.items() if block["documents"] or side == SIDES[0]},
        LEFT_OUT: {"documents": left_out["documents"], "text_bytes": left_out["text_bytes"]},
        "documents": sum(block["documents"] for block in sides.values()) + left_out["documents"],
    }
    prove_training(report, shards, params)
    return {**report, "warnings": training_warnings(report, counts, params)}


def _totals(counts: Counts, side: str) -> dict[str, int]:
    return dict(zip(COUNTED, counts.get((side, "all", ""), [0] * len(COUNTED)), strict=True))


def _side(counts: Counts, shards: Sequence[ShardSummary], side: str) -> dict[str, Any]:
    groups: dict[str, dict[str, Any]] = defaultdict(dict)
    for (owner, by, value), numbers in sorted(counts.items()):
        if owner == side and by != "all":
            groups[f"by_{by}"][value] = dict(zip(COUNTED, numbers, strict=True))
    written = {name: sum(getattr(s, name) for s in shards) for name in ("samples", "dropped", "padding")}
    return {**_totals(counts, side), **written, "shards": len(shards), **groups}


def prove_training(report: dict[str, Any], shards: Sequence[ShardSummary], params: TrainingParams) -> None:
    """What was tokenised is what the shards were made of, and what the files hold. Raises ConservationError."""
    claims = []
    for side in SIDES:
        block, mine = report.get(side) or dict.fromkeys(COUNTED, 0), [s for s in shards if s.side == side]
        claims.append(
            (f"copies of documents for {side} and in its shards", block["copies"], sum(s.copies for s in mine))
        )
        if params.token_formats:
            tokens = sum(s.tokens for s in mine)
            claims.append((f"tokens for {side} and in its shards", block["tokens"], tokens))
        for name in params.text_formats:
            rows = sum(f.rows for s in mine for f in s.files if f.format == name)
            claims.append((f"copies of documents for {side} and rows in {name}", block["copies"], rows))
    broken = [f"{what}: {one} and {other}" for what, one, other in claims if one != other]
    if broken:
        raise ConservationError(
            f"the run lost or doubled training data, so no manifest was written: {'; '.join(broken)}. Please report it"
        )


def training_warnings(report: dict[str, Any], counts: Counts, params: TrainingParams) -> list[str]:
    """What somebody should look at, a sentence each."""
    found = []
    train, validation = report["train"], report.get("validation")
    if not train["copies"]:
        found.append("training: no document is left to train on, so no shard was written")
    elif params.token_formats and not train["samples"]:
        found.append(
            f"training: {train['tokens']:,} tokens do not fill one sequence, so no shard was written; "
            "shorten pack.length, or say leftover: pad"
        )
    if params.validation is not None and not (validation or {"copies": 0})["copies"]:
        found.append("training: no document was set apart for validation; its share is too small for this corpus")
    if params.mixture is not None:
        known = {value for _, by, value in counts if by == MIXTURE}
        strange = [name for name in params.mixture.weights if name not in known]
        if strange:
            there = sorted({value for _, by, value in counts if by == params.mixture.grouping.name})
            listed = f". There are: {', '.join(there[:8])}" if there else ""
            found.append(
                f"training: mixture.weights names {params.mixture.by} {strange[0]!r}, which no document has{listed}"
            )
    unknown = sum(block["unknown"] for block in (train, validation) if block)
    if unknown:
        found.append(f"training: {unknown:,} tokens stand for text that the tokenizer does not know")
    return found


def file_entries(shards: Sequence[ShardSummary]) -> dict[str, list[dict[str, Any]]]:
    """The manifest's lists of files, by folder, each in order of names."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for shard in shards:
        for file in shard.files:
            entry = asdict(file)
            found[f"{FOLDER}/{shard.side}/{entry.pop('format')}"].append(entry)
    return dict(sorted(found.items()))


def sample_index(shards: Sequence[ShardSummary], params: TrainingParams, side: str) -> dict[str, Any]:
    """Content of a side's `index.json`: what `SampleIndex` reads."""
    formats: dict[str, Any] = {}
    for name in params.formats:
        entries = []
        for shard in (s for s in shards if s.side == side):
            mine = [file for file in shard.files if file.format == name]
            if mine:
                path = mine[0].path.removeprefix(f"{FOLDER}/{side}/")
                entries.append({"shard": shard.shard, "path": path, "samples": mine[0].rows})
        formats[name] = {"unit": "sample" if name in TOKEN_FORMATS else "document", "shards": entries}
    return {"version": 1, "side": side, "formats": formats}


def mds_index(
    shards: Sequence[ShardSummary], params: TrainingParams, side: str, dtype: np.dtype[Any]
) -> dict[str, Any]:
    """Content of the `index.json` by which `streaming` finds the shards of an MDS folder."""
    config = mds_config(dtype, params.pack.length if params.pack else None)
    entries = []
    for shard in (s for s in shards if s.side == side):
        for file in shard.files:
            if file.format == "mds":
                raw = {"basename": file.path.rpartition("/")[2], "bytes": file.size, "hashes": {}}
                entries.append({**config, "raw_data": raw, "samples": file.rows, "zip_data": None})
    return {"shards": entries, "version": 2}
