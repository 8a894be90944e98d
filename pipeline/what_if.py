"""What if: bands and rows before a run, another threshold or keep rule after it. Reads evidence, never a text."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from filters.errors import InputError, OutputError, RecipeError
from filters.minhash import collision_probability, high_recall_layout, optimal_layout
from filters.replay import Evidence, replay
from filters.verification import RECORDED_FROM
from pipeline.result import read_series
from transforms.files import atomic_writer, exists, join, open_filesystem
from transforms.layout import MANIFEST, load_manifest

FINEWEB = (14, 8)
"""Bands and rows of FineWeb (datatrove, examples/fineweb.py)."""

_LEAST_CHANCE = 0.01
"""Recorded pairs that the bands had less than this chance to find say nothing of how many there are."""


@dataclass(frozen=True)
class Histogram:
    """Pairs of documents by Jaccard similarity, as a sample of what a corpus holds.

    similarity, pairs: float64 of one length. Of a run's recorded pairs, each counts for as many as its own bands let
    pass: one over its chance to be found. from_similarity: below it nothing is known.
    """

    similarity: NDArray[np.float64]
    pairs: NDArray[np.float64]
    from_similarity: float


def plan(
    threshold: float, *, num_perm: int = 128, recall: float = 0.95, layouts: tuple[tuple[int, int], ...] = (),
    histogram: Histogram | None = None,
) -> dict[str, Any]:  # fmt: skip
    """S-curves of some layouts, and what each would find and compare. The first layout is the suggested one."""
    wanted = [
        ("suggested", high_recall_layout(threshold, num_perm, recall)),
        ("datasketch", optimal_layout(threshold, num_perm)),
        ("FineWeb", FINEWEB),
        *(("given", layout) for layout in layouts),
    ]
    return {
        "threshold": threshold,
        "recall": recall,
        "num_perm": num_perm,
        "layouts": [_layout(name, *layout, threshold, histogram) for name, layout in wanted],
    }


def _layout(name: str, bands: int, rows: int, threshold: float, histogram: Histogram | None) -> dict[str, Any]:
    steps = [round(0.05 * i, 2) for i in range(6, 21)]
    found: dict[str, Any] = {
        "name": name,
        "bands": bands,
        "rows": rows,
        "at_threshold": collision_probability(threshold, bands, rows),
        "curve": {f"{s:.2f}": collision_probability(s, bands, rows) for s in steps},
    }
    if histogram is not None:
        chance = 1 - (1 - histogram.similarity**rows) ** bands
        candidates = chance * histogram.pairs
        duplicates = histogram.similarity >= threshold
        total, met = float(histogram.pairs[duplicates].sum()), float(candidates[duplicates].sum())
        everything = float(candidates.sum())
        found["expected"] = {
            "candidates": everything,
            "recall": met / total if total else None,
            "precision": met / everything if everything else None,
            "from_similarity": histogram.from_similarity,
        }
    return found


def histogram_of(uri: str, stage: str | None = None) -> Histogram:
    """Similarities of a result's recorded pairs, or of the column `jaccard` or `similarity` of a Parquet file."""
    if not exists(join(uri, MANIFEST)):
        return _histogram_of_file(uri)
    manifest = load_manifest(uri)
    entry = near_stage(manifest, stage)
    _check_verified(entry)
    if entry["measure"] != "jaccard":
        raise RecipeError(f"stage {entry['id']!r} recorded {entry['measure']}; an S-curve is about Jaccard similarity")
    tables = read_series(uri, manifest, f"dedup/{entry['id']}/pairs", ["similarity"])
    values = np.concatenate([np.zeros(0), *(table["similarity"].to_numpy() for table in tables)])
    # 1 - (1 - s**rows)**bands, without losing what is next to nothing beside 1.
    with np.errstate(divide="ignore"):
        chance = -np.expm1(entry["bands"] * np.log1p(-(values ** entry["rows"])))
    likely = chance >= _LEAST_CHANCE
    floor = min(entry["threshold"], RECORDED_FROM)
    reach = (1 - (1 - _LEAST_CHANCE) ** (1 / entry["bands"])) ** (1 / entry["rows"])
    return Histogram(values[likely], 1 / chance[likely], max(floor, reach))


def _histogram_of_file(uri: str) -> Histogram:
    try:
        filesystem, path = open_filesystem(uri)
        with filesystem.open_input_file(path) as file:
            table = pq.ParquetFile(file).read()
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{uri} is neither a result nor a Parquet file of similarities") from error
    name = next((name for name in ("jaccard", "similarity") if name in table.column_names), None)
    if name is None:
        raise InputError(f"{uri} has no column `jaccard` or `similarity`; it has: {', '.join(table.column_names)}")
    values = pc.drop_null(table[name].cast(pa.float64())).to_numpy()
    if len(values) and not ((values >= 0) & (values <= 1)).all():
        raise InputError(f"{uri}: similarities lie between 0 and 1")
    return Histogram(values, np.ones(len(values)), float(values.min()) if len(values) else 0.0)


def near_stage(manifest: dict[str, Any], stage: str | None) -> dict[str, Any]:
    """Parameters of the recipe's near deduplication, with its id and layout. `stage` chooses where there are two.

    Raises RecipeError if there is none, or more than one to choose from.
    """
    found: dict[str, dict[str, Any]] = {}
    for entry in manifest["recipe"]["stages"]:
        if "minhash_dedup" in entry:
            from filters.minhash import MinHashParams

            params = MinHashParams.model_validate(entry["minhash_dedup"])
            bands, rows = params.layout()
            name = entry.get("id", "minhash_dedup")
            found[name] = {**params.model_dump(mode="json"), "id": name, "bands": bands, "rows": rows}
    if stage is None and len(found) == 1:
        return next(iter(found.values()))
    if stage not in found:
        known = ", ".join(found) or "none"
        raise RecipeError(f"name a minhash_dedup stage of this result with --stage; there are: {known}")
    return found[stage]


def _check_verified(stage: dict[str, Any]) -> None:
    if stage["verify"] == "none":
        raise OutputError(
            f"stage {stage['id']!r} ran with verify: none, so that it has no evidence: no pair was compared"
        )


def read_evidence(output: str, manifest: dict[str, Any], stage: dict[str, Any]) -> tuple[Evidence, Decided]:
    """Evidence of a stage, and what it decided."""
    _check_verified(stage)
    names = ["doc_key", "survivor", "same_as", "component", "paired", "text_bytes", "ranks"]
    documents = pa.concat_tables(read_series(output, manifest, f"dedup/{stage['id']}/documents", names))
    pairs = pa.concat_tables(
        read_series(output, manifest, f"dedup/{stage['id']}/pairs", ["doc_key", "other", "similarity"])
    )
    ranks = pc.list_flatten(documents["ranks"]).to_numpy().reshape(len(documents), -1) if len(documents) else None
    evidence = Evidence(
        key=documents["doc_key"].to_numpy(),
        same_as=documents["same_as"].to_numpy(),
        component=documents["component"].to_numpy(),
        paired=documents["paired"].to_numpy(),
        ranks=np.empty((0, 0), np.int64) if ranks is None else ranks,
        pair_key=pairs["doc_key"].to_numpy(),
        pair_other=pairs["other"].to_numpy(),
        similarity=pairs["similarity"].to_numpy(),
    )
    return evidence, Decided(documents["survivor"].to_numpy(), documents["text_bytes"].to_numpy())


@dataclass(frozen=True)
class Decided:
    """What the run decided: survivor, int64 (documents,); and the sizes by which `longest` ranks."""

    survivor: NDArray[np.int64]
    text_bytes: NDArray[np.int64]


def replay_result(
    output: str,
    *,
    threshold: float | None = None,
    keep: Literal["recipe", "first", "longest"] = "recipe",
    stage: str | None = None,
    write: str | None = None,
) -> dict[str, Any]:
    """Recompute the survivors of a result's near deduplication, and compare them with those of the run.

    write: a Parquet file for (doc_key, survivor, similarity) of all documents that were compared. Raises RecipeError
    for a threshold below what was recorded.
    """
    manifest = load_manifest(output)
    entry = near_stage(manifest, stage)
    floor = min(entry["threshold"], RECORDED_FROM)
    threshold = entry["threshold"] if threshold is None else threshold
    if not floor <= threshold <= 1:
        raise RecipeError(f"this result has recorded similarities from {floor} to 1; got the threshold {threshold}")
    evidence, run = read_evidence(output, manifest, entry)
    if keep != "recipe":
        ranks = -run.text_bytes[:, None] if keep == "longest" else np.empty((len(run.text_bytes), 0), np.int64)
        evidence = replace(evidence, ranks=ranks)
    found = replay(evidence, threshold, reordered=keep != "recipe")
    if write is not None:
        table = pa.table({"doc_key": evidence.key, "survivor": found.survivor, "similarity": found.similarity})
        with atomic_writer(write) as sink:
            pq.write_table(table, sink, compression="zstd")
    stayed, stays = run.survivor == evidence.key, found.survivor == evidence.key
    reached = next(step for step in manifest["stages"] if step["id"] == entry["id"])["in"]["documents"]
    return {
        "stage": entry["id"],
        "threshold": threshold,
        "keep": keep,
        "run": {"threshold": entry["threshold"], "documents": reached, "dropped": int((~stayed).sum())},
        "replay": {"documents": reached, "dropped": int((~stays).sum())},
        "stay_now": int((stays & ~stayed).sum()),
        "drop_now": int((stayed & ~stays).sum()),
        "unsure": int(found.unsure.sum()),
        "chance_to_find_a_pair_at_the_threshold": collision_probability(threshold, entry["bands"], entry["rows"]),
    }
