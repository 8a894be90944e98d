"""Everything the report shows, as plain data: the page is made from this alone."""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import yaml

from filters.names import KEY
from pipeline.report.reasons import reasons, reasons_by
from pipeline.result import Result
from pipeline.stats import timing

INPUTS = 200
"""Input files that the page lists."""
_LISTED = 20
"""Entries of a list of the manifest that the page shows."""
_MOST_CHARS = 100_000
"""Of the recipe and of the manifest."""


def collect(result: Result, *, per_reason: int = 3, kept: int = 6) -> dict[str, Any]:
    """Numbers and samples of a result. per_reason, kept: documents to show of every reason, and of those that stay.

    What is held is bounded by the numbers of stages, reasons, sources and languages, not by the documents.
    """
    with ThreadPoolExecutor() as pool:  # reading and counting leave the interpreter free for each other
        judged = pool.submit(_judged, result, per_reason, kept)
        found = pool.submit(_duplicates, result)
        languages, sources = pool.submit(reasons_by, result, "language"), pool.submit(reasons_by, result, "source")
        edits = pool.submit(_edits, result)
    manifest = result.manifest
    return {
        "output": result.output,
        "annotated": result.annotated,
        "timing": timing(result),
        "versions": manifest["versions"],
        "read": manifest["read"],
        "kept": result.stages[-1]["out"],  # which an annotated result holds more than
        "stages": result.stages,
        "warnings": list(manifest.get("warnings", [])),
        "reasons": reasons(result),
        "languages": languages.result(),
        "sources": sources.result(),
        "duplicates": found.result(),
        "edits": edits.result(),
        **judged.result(),
        "recipe": _cut(yaml.dump(result.recipe, Dumper=_DUMPER, sort_keys=False, allow_unicode=True, width=100)),
        "inputs": [vars(source) for source in result.inputs[:INPUTS]],
        "inputs_left": max(len(result.inputs) - INPUTS, 0),
        "files": [
            {"series": name, "files": len(files), **{key: sum(file[key] for file in files) for key in ("rows", "size")}}
            for name, files in manifest["files"].items()
        ],
        "manifest": _cut(json.dumps(_shortened(manifest), ensure_ascii=False, indent=1)),
    }


def _judged(result: Result, per_reason: int, kept: int) -> dict[str, Any]:
    # Imports that take a second, while other threads read.
    from pipeline.rejudged import recipe_of
    from pipeline.report.samples import samples
    from pipeline.report.statistics import histograms, statistics_of

    recipe = recipe_of(result.output, result.manifest)
    statistics = statistics_of(result, recipe)
    removed, stay = samples(result, recipe, statistics, per_reason, kept)
    return {"statistics": histograms(result, statistics), "samples": removed, "kept_samples": stay}


def _duplicates(result: Result) -> list[dict[str, Any]]:
    from pipeline.report.duplicates import duplicates

    return duplicates(result)


_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def _edits(result: Result) -> list[dict[str, Any]]:
    """Edits by stage, kind and action: how many spans, in how many documents."""
    names = [name for name in ("stage", "kind", "action") if name in result.columns("edits").names]
    if "kind" not in names:
        return []
    spans: Counter[tuple[Any, ...]] = Counter()
    documents: Counter[tuple[Any, ...]] = Counter()
    last: dict[tuple[Any, ...], int] = {}
    for table in result.tables("edits", [KEY, *names]):
        found = table.group_by([*names, KEY], use_threads=False).aggregate([([], "count_all")])
        for row in (
            found.group_by(names, use_threads=False)
            .aggregate([("count_all", "sum"), ([], "count_all"), (KEY, "min"), (KEY, "max")])
            .to_pylist()
        ):
            group = tuple(row[name] for name in names)
            spans[group] += row["count_all_sum"]
            # Rows rest in order of keys: a document that goes on in the next part is its first one.
            documents[group] += row["count_all"] - (last.get(group) == row[f"{KEY}_min"])
            last[group] = row[f"{KEY}_max"]
    order = {stage["id"]: i for i, stage in enumerate(result.stages)}
    groups = sorted(spans, key=lambda group: (order[group[0]], -spans[group], *map(str, group)))
    return [{**dict(zip(names, g, strict=True)), "spans": spans[g], "documents": documents[g]} for g in groups]


def _shortened(value: Any) -> Any:
    """The manifest with long lists cut, and how many entries are left out of each."""
    if isinstance(value, dict):
        return {name: _shortened(inner) for name, inner in value.items()}
    if isinstance(value, list):
        left = len(value) - _LISTED
        return [*map(_shortened, value[:_LISTED]), *([f"... {left:,} more"] if left > 0 else [])]
    return value


def _cut(text: str) -> str:
    if len(text) <= _MOST_CHARS:
        return text
    return f"{text[:_MOST_CHARS]}\n... {len(text) - _MOST_CHARS:,} more characters: see manifest.json"
