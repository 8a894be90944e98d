"""Benchmark `job`: whole runs of a recipe beside a plain copy of the same files, each a process of its own."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

import pyarrow.parquet as pq

from benchmarks.corpus import ROOT, text_bytes
from benchmarks.process_tree import INTERVAL, Usage, watch
from benchmarks.report import Result
from benchmarks.timing import interleave, median_ratio
from pipeline.recipe import load_recipe

RECIPES = {"dedup": ROOT / "benchmarks" / "dedup.yaml", "web": ROOT / "configs" / "web.yaml"}
WORKERS = (1, 2)
HEAD_ROWS = 100
COPY = "plain copy (pyarrow)"
_RUN = "from pipeline.cli.main import main; main()"


def copy_files(files: Sequence[Path], folder: Path, level: int, row_group_bytes: int) -> Usage:
    """Copy the files in a process of its own."""
    arguments = [str(folder), str(level), str(row_group_bytes), *(str(path.resolve()) for path in files)]
    try:
        return watch([sys.executable, "-m", "benchmarks.plain_copy", *arguments], ROOT)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run_recipe(
    recipe: Path, files: Sequence[Path], folder: Path, workers: int, look: Callable[[Path], object] = bool
) -> tuple[Usage, dict[str, Any]]:
    """Run a recipe as `beamsift run` does, in a process of its own: what it took, and its manifest.

    `look` gets the folder before it is removed.
    """
    inputs = [word for path in files for word in ("--input", str(path.resolve()))]
    options = ["--output", str(folder), "--workers", str(workers), "--quiet", "--json"]
    try:
        usage = watch([sys.executable, "-c", _RUN, "run", str(recipe), *inputs, *options], ROOT)
        look(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return usage, json.loads(usage.output)


def write_head(source: Path, target: Path) -> Path:
    """The first documents of a file, a job that is nearly all start-up."""
    target.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pq.read_table(source).slice(0, HEAD_ROWS), target)
    return target


def output_options(recipes: Sequence[Path]) -> tuple[int, int]:
    """(compression level, bytes of text to a row group) that the recipes share, so that one copy serves them all."""
    outputs = [load_recipe(path).output for path in recipes]
    found = {(output.compression_level, output.row_group_bytes) for output in outputs}
    if len(found) != 1:
        raise ValueError(f"the recipes write differently (level, row group bytes): {sorted(found)}; let them agree")
    return found.pop()


def measure(files: Sequence[Path], repeats: int, folder: Path, workers: Sequence[int] = WORKERS) -> Result:
    """Copy and all recipes in every round. Raises RuntimeError if a run did not read every document."""
    documents, size = text_bytes(files)
    level, row_group_bytes = output_options(list(RECIPES.values()))
    kept: dict[str, int] = {}
    small = [write_head(files[0], folder / "head.parquet")]

    def run(name: str, recipe: Path, count: int) -> Usage:
        usage, manifest = run_recipe(recipe, files, folder / "clean", count)
        if manifest["read"]["documents"] != documents:
            raise RuntimeError(f"{name} read {manifest['read']['documents']} documents of {documents}")
        kept[name] = manifest["kept"]["documents"]
        return usage

    runs = {COPY: lambda: copy_files(files, folder / "copy", level, row_group_bytes)}
    starts = {COPY: copy_files(small, folder / "copy", level, row_group_bytes).seconds}
    for title, recipe in RECIPES.items():
        for count in workers:
            name = f"{title}, {count} worker{'s' if count > 1 else ''}"
            starts[name] = run_recipe(recipe, small, folder / "clean", count)[0].seconds
            runs[name] = lambda name=name, recipe=recipe, count=count: run(name, recipe, count)
    usages = interleave(runs, repeats)

    rows, data = [], []
    walls = [usage.seconds for usage in usages[COPY]]
    cpus = [usage.cpu_seconds for usage in usages[COPY]]
    for name, taken in usages.items():
        wall, cpu = median(u.seconds for u in taken), median(u.cpu_seconds for u in taken)
        ratio = median_ratio([u.seconds for u in taken], walls)
        cpu_ratio = median_ratio([u.cpu_seconds for u in taken], cpus)
        peak = max(u.peak_mib for u in taken)
        rate = size / 1e6 / wall
        share = f"{100 * kept.get(name, documents) / max(documents, 1):.1f} %"
        numbers = (
            f"{wall:,.1f}",
            f"{starts[name]:,.1f}",
            f"{rate:,.1f}",
            f"{ratio:,.2f}",
            f"{cpu:,.1f}",
            f"{cpu_ratio:,.2f}",
            f"{peak:,.0f}",
        )
        rows.append((name, *numbers, share))
        measured = [{k: v for k, v in asdict(u).items() if k != "output"} for u in taken]
        data.append(
            {
                "name": name,
                "mb_per_s": rate,
                "wall_ratio": ratio,
                "cpu_ratio": cpu_ratio,
                "start_up": starts[name],
                "runs": measured,
            }
        )
    slowest = max(u.seconds / u.looks for taken in usages.values() for u in taken)
    kind = usages[COPY][0].memory.upper()
    return Result(
        "job",
        "Whole runs beside a plain copy",
        ("", "seconds", "start-up", "MB/s", "time / copy", "CPU seconds", "CPU / copy", "peak MiB", "kept"),
        tuple(rows),
        (
            f"{len(files)} files, {documents:,} documents, {size / 1e6:,.1f} MB of text; "
            f"median of {repeats} interleaved rounds (peak: largest). All numbers include start-up: what {HEAD_ROWS} "
            "documents alone take.",
            f"The copy writes zstd level {level} and row groups of {row_group_bytes >> 20} MiB of text, with pyarrow's "
            "own threads.",
            f"Peak is the sum of {kind} over the process tree, looked at every {INTERVAL * 1000:.0f} to "
            f"{slowest * 1000:.0f} ms, so that looking takes a tenth of a core at most. Files are in the page cache.",
        ),
        {"files": len(files), "documents": documents, "mb": size / 1e6, "repeats": repeats, "runs": data},
    )
