"""Benchmark `dedup_skew`: one page that is half of a corpus, beside a corpus of the same size without one.

Four corpora of texts of equal length, made of numbered words: pairs of near copies; half of all texts copies of one
page; half of them versions of one page, most of them near copies of another; half of them pages of one template that
are no copies of each other. The other half is in clusters whose sizes follow Zipf's law.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.job import RECIPES, run_recipe, write_head
from benchmarks.report import Result

WORDS = 200
"""Of a text."""
FILES = 8
WORKERS = 2
_ZIPF = 1.6


def measure(documents: int, folder: Path) -> Result:
    """Exact and near deduplication of each corpus with two worker processes."""
    folder.mkdir(parents=True, exist_ok=True)
    taken = {}
    for name, texts in corpora(documents).items():
        files = write(texts, folder / name.replace(" ", "-"))
        if not taken:
            head = write_head(files[0], folder / "head.parquet")
            start = run_recipe(RECIPES["dedup"], [head], folder / "clean", WORKERS)[0]
        taken[name] = run_recipe(RECIPES["dedup"], files, folder / "clean", WORKERS)
    even = taken["pairs"][0]
    rows = []
    for name, (usage, manifest) in taken.items():
        largest = usage.largest["python"]
        rows.append(
            (
                name,
                f"{usage.seconds:.1f}",
                f"{(usage.seconds - start.seconds) / (even.seconds - start.seconds):.2f}",
                f"{(usage.cpu_seconds - start.cpu_seconds) / (even.cpu_seconds - start.cpu_seconds):.2f}",
                f"{largest:,.0f}",
                f"{largest / even.largest['python']:.2f}",
                f"{100 * (1 - manifest['kept']['documents'] / manifest['read']['documents']):.1f} %",
            )
        )
    return Result(
        "dedup_skew",
        "Deduplication of a corpus half of which is one page",
        ("corpus", "seconds", "time / pairs", "CPU / pairs", "largest process, MiB", "memory / pairs", "dropped"),
        tuple(rows),
        (
            f"{documents:,} texts of about {WORDS} words, {WORKERS} workers, one run each. "
            f"Ratios of time are without start-up ({start.seconds:.1f} s).",
        ),
        {"start_up": start.seconds, "seconds": {name: usage.seconds for name, (usage, _) in taken.items()}},
    )


def corpora(documents: int) -> dict[str, list[str]]:
    """Texts of each corpus, in an order that mixes them."""
    page = [f"p{i}" for i in range(WORDS)]

    def template(number: int) -> str:
        return " ".join([*page[: WORDS // 2], *(f"t{number}w{i}" for i in range(WORDS // 2))])

    def version(number: int) -> str:
        return " ".join([*page, f"version {number}"])

    pairs = [" ".join(f"e{i // 2}w{k}" for k in range(WORDS)) + f" copy {i % 2}" for i in range(documents)]
    order = np.random.default_rng(1).permutation(documents)
    return {
        "pairs": [pairs[i] for i in order],
        "copies of one page": skewed(documents, lambda number: " ".join(page)),
        "versions of one page": skewed(documents, version),
        "pages of one template": skewed(documents, template),
    }


def skewed(documents: int, half: Callable[[int], str]) -> list[str]:
    """Half of all texts by `half`, the others in clusters whose sizes follow Zipf's law, mixed."""
    chance = np.random.default_rng(2)
    texts = [half(number) for number in range(documents // 2)]
    while len(texts) < documents:
        text = " ".join(f"z{len(texts)}w{k}" for k in range(WORDS))
        size = min(int(chance.zipf(_ZIPF)), documents - len(texts))
        texts += [f"{text} copy {i}" for i in range(size)]
    return [texts[i] for i in chance.permutation(documents)]


def write(texts: list[str], folder: Path) -> list[Path]:
    """Parquet files with the texts, in order."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{number}.parquet" for number in range(FILES)]
    for number, path in enumerate(paths):
        part = texts[number * len(texts) // FILES : (number + 1) * len(texts) // FILES]
        pq.write_table(pa.table({"text": pa.array(part, pa.large_string())}), path, row_group_size=1000)
    return paths
