"""`python -m benchmarks.hostile`: memory and time of a run over inputs that were made to break one.

Each input is written, then cleaned by a process of its own: whether it ends in a result or in an error, in which
time, and the most memory that it held.
"""

from __future__ import annotations

import argparse
import gzip
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import report
from benchmarks.corpus import ROOT

MEGABYTE = 1 << 20


def lines_bomb(folder: Path, scale: int) -> str:
    """gzip: equal lines of 1 KB, a thousandth of their size on disk."""
    line = b'{"text": "' + b"word " * 200 + b'"}\n'
    with gzip.open(folder / "a.jsonl.gz", "wb", compresslevel=9) as file:
        for _ in range(4 * scale):
            file.write(line * 1024)
    return f"gzip bomb, {4 * scale} MB of lines"


def line_bomb(folder: Path, scale: int) -> str:
    """zstd: one line without end."""
    with pa.CompressedOutputStream(str(folder / "a.jsonl.zst"), "zstd") as file:
        file.write(b'{"text": "')
        for _ in range(24 * scale):
            file.write(b"a" * MEGABYTE)
    return f"zstd bomb, one line of {24 * scale} MB"


def long_document(folder: Path, scale: int) -> str:
    """One document of half of `scale` megabytes per hundred."""
    size = 5 * scale
    pq.write_table(
        pa.table({"text": pa.array(["word and word " * (size * MEGABYTE // 14)], pa.large_string())}),
        folder / "a.parquet",
    )
    return f"a document of {size} MB"


def many_columns(folder: Path, scale: int) -> str:
    """10,000 columns beside the text."""
    columns = {f"c{i}": [i] * 100 for i in range(100 * scale)}
    pq.write_table(
        pa.table({"text": [f"the text of document {i}" for i in range(100)], **columns}), folder / "a.parquet"
    )
    return f"{100 * scale:,} columns"


def many_files(folder: Path, scale: int) -> str:
    """Files of one short document."""
    for i in range(20 * scale):
        (folder / f"{i:07d}.jsonl").write_text(f'{{"text": "the text of document {i}"}}\n')
    return f"{20 * scale:,} files of one line"


def footer_of_many_rows(folder: Path, scale: int) -> str:
    """A dictionary-encoded column in which every text is the same, so that little on disk is much in memory."""
    text = pa.array(["word " * 20_000] * 1000 * (scale // 10), pa.large_string()).dictionary_encode()
    pq.write_table(pa.table({"text": text}), folder / "a.parquet", compression="zstd")
    return f"Parquet bomb, one text of 100 KB {1000 * (scale // 10):,} times"


INPUTS: tuple[Callable[[Path, int], str], ...] = (
    lines_bomb, line_bomb, long_document, many_columns, many_files, footer_of_many_rows,
)  # fmt: skip


def measure(write: Callable[[Path, int], str], scale: int) -> Iterator[str]:
    """Name, size on disk, outcome, seconds, peak memory."""
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder, "raw")
        raw.mkdir()
        yield write(raw, scale)
        yield f"{sum(path.stat().st_size for path in raw.iterdir()) / 1e6:,.1f}"
        recipe = Path(folder, "recipe.yaml")
        stages = "[length, pii, exact_dedup, minhash_dedup]"
        recipe.write_text(f"input: {{paths: {raw}}}\nstages: {stages}\noutput: {{path: {folder}/out}}\n")
        command = [sys.executable, "-m", "pipeline.cli.main", "run", str(recipe), "--quiet", "--workers", "1"]
        began, peak = time.perf_counter(), 0
        process = psutil.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        while process.poll() is None:
            try:
                peak = max(peak, process.memory_info().rss)
            except psutil.NoSuchProcess:
                break
            time.sleep(0.05)
        said = process.stderr.read().strip().splitlines()
        yield "a result" if process.returncode == 0 else f"status {process.returncode}: {(said or [''])[-1][-160:]}"
        yield f"{time.perf_counter() - began:.1f}"
        yield f"{peak / MEGABYTE:,.0f}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hostile", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--scale", type=int, default=100, help="percent of the sizes in docs/robustness.md")
    parser.add_argument("--only", nargs="+", choices=[write.__name__ for write in INPUTS])
    given = parser.parse_args()
    for write in INPUTS:
        if not given.only or write.__name__ in given.only:
            print("| " + " | ".join(measure(write, given.scale)) + " |", flush=True)
    print(report.machine_line(report.machine(), f"python -m benchmarks.hostile --scale {given.scale}"))


if __name__ == "__main__":
    main()
