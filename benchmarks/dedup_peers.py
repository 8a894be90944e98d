"""Benchmark `dedup_peers`: near deduplication by other toolkits and ours, over the same texts, and what they removed.

Speed is documents a second of processor time. Every removal is then looked at with exact Jaccard: is there a document
that was kept which it is a duplicate of? And of the documents kept: do two of them duplicate each other?
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks.job import HEAD_ROWS, RECIPES, run_recipe
from benchmarks.peers import FOLDER, run_peer
from benchmarks.peers.peer_io import BANDS, ROWS, THRESHOLD
from benchmarks.report import Result
from filters.kernels.minhash import common_count
from filters.minhash import band_hashes, high_recall_layout, members_of_one_component, shingle_sets, signatures
from filters.verification import Criteria, decide

SCRIPTS = {
    "datasketch": "datasketch_lsh.py",
    "rensa": "rensa_lsh.py",
    "datatrove": "datatrove_minhash.py",
    "text-dedup": "text_dedup_minhash.py",
}
_CERTAIN = 0.9999


@dataclass(frozen=True)
class Judged:
    """removed: documents. unproved: those of them that no kept document is a duplicate of. left: kept documents that
    duplicate an earlier kept one."""

    removed: int
    unproved: int
    left: int


class Neighbours:
    """Pairs of texts at the threshold or above, by exact Jaccard of our shingles.

    Candidates are found by bands that bring a pair at the threshold together with a chance of 0.9999. Texts without a
    token are pairs if they are equal but for white space, as exact deduplication sees them.
    """

    def __init__(self, texts: pa.LargeStringArray) -> None:
        bands, rows = high_recall_layout(THRESHOLD, 256, _CERTAIN)
        found, counts = signatures(texts, num_perm=bands * rows)
        offsets, sets = shingle_sets(texts)
        buckets: dict[int | str, list[int]] = defaultdict(list)
        for row, hashes in enumerate(band_hashes(found, bands, rows).tolist()):
            if counts[row]:
                for bucket in hashes:
                    buckets[bucket].append(row)
            else:
                buckets[" ".join(texts[row].as_py().split())].append(row)
        candidates = {(a, b) for rows_ in buckets.values() for i, b in enumerate(rows_) for a in rows_[:i]}
        self.of: dict[int, list[int]] = defaultdict(list)
        for a, b in candidates:
            left, right = sets[offsets[a] : offsets[a + 1]], sets[offsets[b] : offsets[b + 1]]
            common = common_count(left, right)
            if not len(left) or common / (len(left) + len(right) - common) >= THRESHOLD:
                self.of[a].append(b)
                self.of[b].append(a)

    def judge(self, kept: Sequence[int], rows: int) -> Judged:
        """Hold a result against the pairs."""
        stays = set(kept)
        gone = [row for row in range(rows) if row not in stays]
        unproved = sum(not any(other in stays for other in self.of[row]) for row in gone)
        left = sum(any(other < row and other in stays for other in self.of[row]) for row in kept)
        return Judged(len(gone), unproved, left)


def ours(texts: pa.LargeStringArray) -> list[int]:
    """Rows that stay by our kernels alone: signatures, bands, exact Jaccard with survivors."""
    found, counts = signatures(texts, num_perm=BANDS * ROWS)
    bands = band_hashes(found, BANDS, ROWS)
    together = shared_bucket(bands) & (counts > 0)
    decisions, _ = decide(members_of_one_component(texts.to_pylist(), bands, together), Criteria(THRESHOLD))
    gone = set(decisions.key[decisions.survivor != decisions.key].tolist())
    return [row for row in range(len(texts)) if row not in gone]


def shared_bucket(bands: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Whether each document shares a bucket with another, bool (documents,)."""
    _, inverse, sizes = np.unique(bands, return_inverse=True, return_counts=True)
    shared: NDArray[np.bool_] = (sizes[inverse].reshape(bands.shape) > 1).any(axis=1)
    return shared


def measure(texts: pa.LargeStringArray, peers: Mapping[str, Path], folder: Path) -> Result:
    """Run ours and all peers given over the same texts."""
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / "texts.parquet"
    pq.write_table(pa.table({"text": texts, "row": np.arange(len(texts))}), source, row_group_size=2000)
    neighbours = Neighbours(texts)
    runs = {"beamsift, whole run": _whole_run(source, folder), "beamsift, kernels": _kernels(source, folder)}
    for name, python in peers.items():
        done = run_peer(python, FOLDER / SCRIPTS[name], source, folder / f"{name}.json")
        runs[f"{name} {done['version']}"] = done
    whole = runs["beamsift, whole run"]
    rows, data = [], []
    for name, run in runs.items():
        judged = neighbours.judge(run["kept"], len(texts))
        rows.append(
            (
                name,
                f"{run['seconds']:,.1f}",
                f"{len(texts) / run['cpu_seconds']:,.0f}",
                f"{run['cpu_seconds'] / whole['cpu_seconds']:,.1f} x",
                f"{run['peak_mib']:,.0f}",
                f"{judged.removed:,}",
                f"{judged.unproved:,}",
                f"{100 * judged.unproved / max(judged.removed, 1):.1f} %",
                f"{judged.left:,}",
            )
        )
        data.append({"name": name, **{k: v for k, v in run.items() if k != "kept"}, **vars(judged)})
    size = texts.nbytes / 1e6
    return Result(
        "dedup_peers",
        "Near deduplication beside other toolkits",
        ("", "seconds", "documents/s/core", "processor time", "peak MiB", "removed", "unproved", "of removed",
         "left"),
        tuple(rows),
        (
            f"{len(texts):,} documents, {size:,.1f} MB, {BANDS} bands of {ROWS} rows, 5-token shingles, threshold "
            f"{THRESHOLD}; each peer in an environment of its own, its own tokens (the libraries: ours); one run. "
            "Seconds and processor time leave out imports; the whole run leaves out its start-up "
            f"({whole['start_up']:.1f} s: {HEAD_ROWS} documents and a near copy of each), removes "
            "exact duplicates too, stages, and writes shards and evidence. Peak memory has imports in it.",
            f"Unproved: removed although no kept document has an exact Jaccard of {THRESHOLD} or more with it. Left: "
            "kept although an earlier kept document has. Jaccard is that of our shingles.",
            *([] if len(peers) == len(SCRIPTS) else [f"Not run: {', '.join(sorted(set(SCRIPTS) - set(peers)))}."]),
        ),
        {"documents": len(texts), "mb": size, "runs": data},
    )  # fmt: skip


def _whole_run(source: Path, folder: Path) -> dict[str, Any]:
    recipe, kept = RECIPES["dedup"], list[int]()
    start = run_recipe(recipe, [_write_small(source, folder / "small.parquet")], folder / "clean", 1)[0]
    usage, _ = run_recipe(recipe, [source], folder / "clean", 1, lambda clean: kept.extend(_rows(clean)))
    return {
        "seconds": usage.seconds - start.seconds,
        "cpu_seconds": usage.cpu_seconds - start.cpu_seconds,
        "peak_mib": usage.peak_mib,
        "start_up": start.seconds,
        "kept": kept,
    }


def _write_small(source: Path, target: Path) -> Path:
    """A few documents and a near copy of each: a job that is nearly all start-up and compiles every kernel."""
    texts = pq.read_table(source, columns=["text"])["text"].slice(0, HEAD_ROWS).to_pylist()
    both = [*texts, *(f"{text} end" for text in texts)]
    pq.write_table(pa.table({"text": both, "row": np.arange(len(both))}), target)
    return target


def _rows(clean: Path) -> list[int]:
    rows: list[int] = pq.read_table(clean / "shards", columns=["row"])["row"].to_pylist()
    return rows


def _kernels(source: Path, folder: Path) -> dict[str, Any]:
    return run_peer(sys.executable, FOLDER / "beamsift_kernels.py", source, folder / "kernels.json")
