"""Benchmark `inspecting`: every command that looks into a result, on a made-up one of a million documents.

Each is run as a process of its own, as a user would; time and memory include starting Python. The files are in the
page cache, as the first command of all has just read or written them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks.process_tree import watch
from benchmarks.report import Result
from benchmarks.synthetic_result import write_result


def commands(raw: Path, output: Path, folder: Path) -> dict[str, list[str]]:
    """Command lines by what they are called in the table."""
    out = str(output)
    rejects = pq.ParquetFile(output / "rejects/part-00000-of-00001.parquet").read(columns=["doc_key", "stage"])
    left = dict(zip(rejects["stage"].to_pylist(), rejects["doc_key"].to_pylist(), strict=True))
    survivor = pq.ParquetFile(output / "dedup/minhash_dedup/documents/part-00000-of-00001.parquet")
    largest = str(survivor.read_row_group(0, columns=["survivor"])["survivor"][0].as_py())
    file = max(raw.rglob("*.parquet"))
    near = str(left["minhash_dedup"])
    return {
        "--help": ["--help"],
        "stats": ["stats", out],
        "stats --by source": ["stats", out, "--by", "source"],
        "stats --by language": ["stats", out, "--by", "language"],
        "stats --by domain": ["stats", out, "--by", "domain"],
        "stats --duplicates": ["stats", out, "--duplicates"],
        "stats A B": ["stats", out, out],
        "explain, kept, by key": ["explain", out, "0"],
        "explain, dropped, by key": ["explain", out, str(left["language"])],
        "explain, by source row": ["explain", out, f"{file.name}:17"],
        "explain, by URL": ["explain", out, f"https://site{int(near) % 997}.example/page/{near}"],
        "explain, by a piece of text": ["explain", out, f"document {near}"],
        "dedup clusters": ["dedup", "clusters", out],
        "dedup clusters --source": ["dedup", "clusters", out, "--source", "news"],
        "dedup show": ["dedup", "show", out, largest],
        "dedup why": ["dedup", "why", out, near],
        "dedup export, pairs": ["dedup", "export", out, "--what", "pairs", "-o", str(folder / "pairs.parquet")],
        "sample-rejects": ["sample-rejects", out, "--reason", "too_few_words"],
        "report": ["report", out, "-o", str(folder / "report.html")],
    }


def measure(documents: int, folder: Path) -> Result:
    """Seconds and memory of every command."""
    raw, output = write_result(folder, documents)
    rows = []
    for name, arguments in commands(raw, output, folder).items():
        usage = watch([sys.executable, "-m", "pipeline.cli.main", *arguments], Path.cwd())
        rows.append((name, f"{usage.seconds:.2f}", f"{usage.cpu_seconds:.2f}", f"{usage.peak_mib:,.0f}"))
    return Result(
        "inspecting",
        "Looking into a result",
        ("command", "seconds", "CPU seconds", "peak MiB"),
        tuple(rows),
        (f"A made-up result of {documents:,} documents; one run each, start-up included.",),
        {"documents": documents, "rows": rows},
    )
