"""Numbers about a result, from its manifest and Parquet files: funnel, languages, duplicates, budgets, times."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pyarrow.compute as pc

from filters.errors import RecipeError
from filters.names import WOULD_DROP_AT
from pipeline.duplicates import bands, cluster_sizes, overlap, similarities
from pipeline.outcomes import language_column
from pipeline.result import DEDUPLICATIONS, Result, open_result

_SOURCES = 100
"""That are told apart in the matrix of sources that share duplicates; of the others those with fewest are one."""


def collect_stats(output: str) -> dict[str, Any]:
    """What `beamsift stats` shows without being asked for more, as plain data. Raises OutputError for no result."""
    result = open_result(output)
    manifest = result.manifest
    return {
        "output": output,
        "seconds": manifest["seconds"],
        "read": manifest["read"],
        "kept": manifest["kept"],
        "annotate_only": result.annotated,
        "stages": manifest["stages"],
        "warnings": manifest.get("warnings", []),
        "files": {series: _totals(files) for series, files in manifest["files"].items()},
        "languages": _languages(result),
        "training": manifest.get("training"),
        "duplicates": {stage: cluster_sizes(result, stage) for stage in result.stages_named(*DEDUPLICATIONS)},
    }


def _totals(files: list[dict[str, Any]]) -> dict[str, int]:
    return {"files": len(files), **{key: sum(file[key] for file in files) for key in ("rows", "size")}}


def _languages(result: Result) -> list[dict[str, Any]]:
    """Documents kept by language, most first; of an annotated result those that a run would keep."""
    column = language_column(result) if result.stages_named("language") else None
    if column is None:
        return []
    counts: Counter[str | None] = Counter()
    marked = [WOULD_DROP_AT] if result.annotated else []
    for table in result.tables("shards", [column, *marked]):
        if marked:
            table = table.filter(pc.is_null(table[WOULD_DROP_AT]))
        for entry in pc.value_counts(table[column]):
            counts[entry["values"].as_py()] += entry["counts"].as_py()
    found = [{"language": name, "documents": documents} for name, documents in counts.items()]
    return sorted(found, key=lambda row: (-row["documents"], str(row["language"])))


def duplicates_in_detail(result: Result) -> dict[str, Any]:
    """Of every deduplication: which sources share duplicates; of near ones also similarities and bands."""
    found: dict[str, Any] = {}
    for stage in result.stages_named(*DEDUPLICATIONS):
        found[stage] = {"overlap": overlap(result, stage, _SOURCES)}
        if stage in result.stages_named("minhash_dedup"):
            from pipeline.what_if import near_stage

            entry = near_stage(result.manifest, stage)
            found[stage] |= {"similarity": similarities(result, entry), "bands": bands(result, entry)}
    return found


def budgets(result: Result) -> list[dict[str, Any]]:
    """Groups with most removed in proportion to their budget first: counts of `groups/` beside the recipe's budgets.

    Raises RecipeError if the recipe has none.
    """
    wanted = result.recipe["guards"]["budgets"]
    if not wanted:
        raise RecipeError(
            f"the recipe of {result.output} has no budgets; see `guards: {{budgets: [...]}}` in docs/deduplication.md"
        )
    from filters.groups import GROUPS_SCHEMA, Budget

    counts = result.whole("groups", GROUPS_SCHEMA.names).to_pylist()
    found = []
    for entry in wanted:
        budget = Budget.model_validate(entry)
        for row in counts:
            if row["by"] != budget.grouping.name or (budget.stages and row["stage"] not in budget.stages):
                continue
            if row["documents"] < budget.min_documents:
                continue
            share = row["dropped"] / row["documents"]
            found.append({**row, "share": share, "budget": budget.max_removed, "exceeded": share > budget.max_removed})
    return sorted(found, key=lambda row: (row["budget"] - row["share"], row["by"], row["value"], row["stage"]))


def timing(result: Result) -> dict[str, Any]:
    """Seconds of the run, and what it noted of phases, stages and memory; nothing of those from other runners."""
    noted = result.manifest.get("timing") or {}
    read, seconds = result.manifest["read"], result.manifest["seconds"]
    return {
        "seconds": seconds,
        "documents_per_second": read["documents"] / seconds if seconds else None,
        "bytes_per_second": read["bytes"] / seconds if seconds else None,
        "runner": result.manifest.get("runner", {}),
        "phases": noted.get("phases", []),
        "stages": noted.get("stages", []),
        "peak_resident_bytes": noted.get("peak_resident_bytes"),
    }
