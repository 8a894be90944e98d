"""Benchmark `dedup_growth`: time and memory of deduplication as the corpus grows, and its parts by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.corpus import multiply, sample_texts, text_bytes
from benchmarks.dedup_peers import shared_bucket
from benchmarks.job import RECIPES, run_recipe, write_head
from benchmarks.report import Result
from benchmarks.timing import cpu_seconds
from filters.graphs import star_edges, star_forest
from filters.minhash import band_hashes, members_of_one_component, shingle_sets, signatures
from filters.texts import as_text_array
from filters.verification import Criteria, decide

TIMES = (1, 2, 4, 8)
BANDS, ROWS = 14, 8
_PART_MEGABYTES = 32


def measure(files: Sequence[Path], repeats: int, folder: Path, times: Sequence[int] = TIMES) -> Result:
    """Run exact and near deduplication over 1, 2, 4 ... copies of the corpus, with one worker."""
    recipe = RECIPES["dedup"]
    start = run_recipe(recipe, [write_head(files[0], folder / "head.parquet")], folder / "clean", 1)[0]
    copies = multiply(files, max(times), folder / "input")
    rows, data = [], []
    for factor in times:
        inputs = copies[: factor * len(files)]
        documents, size = text_bytes(inputs)
        taken = [run_recipe(recipe, inputs, folder / "clean", 1) for _ in range(repeats)]
        seconds = sorted(usage.seconds for usage, _ in taken)[len(taken) // 2]
        cpu = sorted(usage.cpu_seconds for usage, _ in taken)[len(taken) // 2]
        peak = max(usage.peak_mib for usage, _ in taken)
        manifest = taken[0][1]
        if manifest["read"]["documents"] != documents:
            raise RuntimeError(f"{manifest['read']['documents']} documents read of {documents}")
        entry = {
            "factor": factor,
            "documents": documents,
            "mb": size / 1e6,
            "seconds": seconds,
            "work_seconds": seconds - start.seconds,
            "work_cpu_seconds": cpu - start.cpu_seconds,
            "peak_mib": peak,
            "dropped": documents - manifest["kept"]["documents"],
        }
        data.append(entry)
    first, small = data[0], start.peak_mib
    for entry in data:
        grown = (entry["peak_mib"] - small) * 2**20 / entry["documents"]
        rows.append(
            (
                f"{entry['factor']} x",
                f"{entry['documents']:,}",
                f"{entry['mb']:,.0f}",
                f"{entry['seconds']:,.1f}",
                f"{entry['work_seconds'] / first['work_seconds']:.2f}",
                f"{entry['documents'] / entry['work_cpu_seconds']:,.0f}",
                f"{entry['mb'] / entry['work_cpu_seconds']:,.1f}",
                f"{entry['peak_mib']:,.0f}",
                f"{grown:,.0f}",
                f"{100 * entry['dropped'] / entry['documents']:.1f} %",
            )
        )
    parts = measure_parts(files)
    return Result(
        "dedup_growth",
        "Deduplication as the corpus grows",
        ("corpus", "documents", "MB", "seconds", "time / 1 x", "documents/s/core", "MB/s/core", "peak MiB",
         "bytes/document above start", "dropped"),
        tuple(rows),
        (
            f"Exact and near duplicates (verified, {BANDS} x {ROWS}), one worker process, median of {repeats} runs. "
            f"Start-up ({start.seconds:.1f} s, {small:,.0f} MiB: the job over 100 documents) is taken off all but "
            "the column of seconds. Each copy of the corpus has other texts.",
            "Parts by themselves, processor time of one core: "
            + "; ".join(f"{name} {value}" for name, value in parts.items())
            + ".",
        ),
        {"start_up": start.seconds, "runs": data, "parts": parts},
    )  # fmt: skip


def measure_parts(files: Sequence[Path]) -> dict[str, str]:
    """Signing, collecting shingle sets, verification and component rounds by themselves."""
    texts = as_text_array(sample_texts(files, _PART_MEGABYTES))
    size = texts.nbytes / 1e6
    found, counts = signatures(texts.slice(0, 10), num_perm=BANDS * ROWS)  # compiles
    shingle_sets(texts.slice(0, 10))
    sign = cpu_seconds(lambda: signatures(texts, num_perm=BANDS * ROWS))
    found, counts = signatures(texts, num_perm=BANDS * ROWS)
    bands = band_hashes(found, BANDS, ROWS)
    sets = cpu_seconds(lambda: shingle_sets(texts))
    together = np.flatnonzero(shared_bucket(bands) & (counts > 0))
    pool = texts.to_pylist()
    chosen = [pool[i] for i in together.tolist()]
    members = members_of_one_component(chosen, bands[together], np.ones(len(chosen), np.bool_))
    decide(members.take(np.arange(min(10, len(chosen)))), Criteria(0.8))
    verified = cpu_seconds(lambda: decide(members, Criteria(0.8)))
    edges = 2_000_000
    left, right = np.random.default_rng(1).integers(0, edges, (2, edges)) << 8
    rounds = component_rounds(left, right)
    return {
        "signatures": f"{size / sign:,.0f} MB/s",
        "shingle sets": f"{size / sets:,.0f} MB/s",
        "verification": f"{len(chosen) / verified:,.0f} members/s",
        "component rounds over a random graph": f"{edges / rounds:,.0f} edges/s",
    }


def component_rounds(left: np.ndarray, right: np.ndarray, pieces: int = 16) -> float:
    """Processor seconds of ConnectedComponents over a graph, in the local runner and in this process."""
    import apache_beam as beam
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner

    from transforms.components import ConnectedComponents
    from transforms.split import pack

    star_forest(*star_edges(np.zeros(2, np.uint64), np.arange(2))[:2])  # compiles
    edges = [pack(a, b) for a, b in zip(np.array_split(left, pieces), np.array_split(right, pieces), strict=True)]

    def run() -> None:
        pipeline = beam.Pipeline(runner=FnApiRunner())
        _ = pipeline | beam.Create(edges).with_output_types(bytes) | ConnectedComponents(pieces)
        pipeline.run().wait_until_finish()

    return cpu_seconds(run)
