"""Numbers about a result: they are those of its files, and a file that is gone is named."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from filters.errors import OutputError
from pipeline.cli import stats_tables as tables
from pipeline.cli.stats import command
from pipeline.stats import collect_stats


def table(output: Path, series: str) -> list[dict[str, Any]]:
    return ds.dataset(output / series, format="parquet").to_table().to_pylist()


def test_numbers_are_those_of_the_files(inspected: Path) -> None:
    stats = collect_stats(str(inspected))
    kept = table(inspected, "shards")
    assert pq.ParquetFile(next((inspected / "shards").iterdir())).num_row_groups > 3
    assert {row["language"]: row["documents"] for row in stats["languages"]} == Counter(r["language"] for r in kept)
    for stage in ("exact_dedup", "minhash_dedup"):
        # A document that met others and stays alone is in the evidence, but is no cluster.
        rows = [row for row in table(inspected, f"dedup/{stage}/documents") if row["cluster_size"] > 1]
        found = stats["duplicates"][stage]
        survivors = [row for row in rows if row["doc_key"] == row["survivor"]]
        assert (found["documents"], found["clusters"]) == (len(rows), len(survivors))
        assert found["dropped"] == len(rows) - len(survivors) > 0
        by_size = Counter(min(row["cluster_size"], 5) for row in survivors)
        assert [row["clusters"] for row in found["sizes"]] == [count for _, count in sorted(by_size.items())]
        largest = sorted(survivors, key=lambda row: (-row["cluster_size"], row["doc_key"]))[:5]
        assert found["largest"] == [{"survivor": r["doc_key"], "documents": r["cluster_size"]} for r in largest]


@pytest.mark.parametrize("series", ["shards", "dedup/exact_dedup/documents"])
@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"PAR1 cut short")])
def test_a_file_that_is_gone_is_named(inspected: Path, series: str, damage: Any) -> None:
    file = next((inspected / series).iterdir())
    content = file.read_bytes()
    damage(file)
    try:
        with pytest.raises(OutputError, match=file.name):
            collect_stats(str(inspected))
    finally:
        file.write_bytes(content)


def run(*args: str) -> Result:
    return CliRunner().invoke(command, list(args))


def test_the_summary_shows_the_funnel_on_one_screen(inspected: Path) -> None:
    done = run(str(inspected))
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert len(lines) < 55
    kept = json.loads(run(str(inspected), "--json").stdout)["kept"]["documents"]
    assert any(line.split()[:1] == ["minhash_dedup"] and f"{kept:,}" in line for line in lines)


def test_a_long_funnel_shows_the_most_frequent_reasons_and_all_if_asked() -> None:
    dropped = {f"reason_{n}": {"documents": n + 1, "bytes": 0} for n in range(40)}
    step = {
        "id": "c4",
        "in": {"documents": 1000, "bytes": 0},
        "out": {"documents": 180, "bytes": 0},
        "dropped": dropped,
    }
    found = {"annotate_only": False, "read": {"documents": 1000}, "stages": [step], "languages": [], "duplicates": {}}
    found["files"] = {"shards": {"files": 1, "rows": 1, "size": 1}}
    short, whole = (tables.summary(found, everything)[0] for everything in (False, True))
    assert short.row_count == 4 and whole.row_count == 41
    (*_, names) = [list(map(str, short.columns[0].cells))]
    assert names == ["c4", "  reason_39", "  reason_38", "  38 more (--all)"]
    assert [str(cell) for cell in short.columns[3].cells] == ["820", "40", "39", "741"]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("--by", "source"), ["one", "two", "all"]),
        (("--by", "language", "-n", "3"), ["more", "all"]),
        (("--duplicates",), ["chance to be compared", "14 bands of 8 rows", "duplicates of a source"]),
        (("--budgets",), ["exceed theirs", "budget %"]),
        (("--timing",), ["documents/s", "minhash_dedup: compare", "in all processes"]),
    ],
)
def test_options_show_one_thing_more_closely(inspected: Path, args: tuple[str, ...], words: list[str]) -> None:
    done = run(str(inspected), *args)
    assert done.exit_code == 0, done.output
    assert all(word in done.output for word in words)
    assert "Languages kept" not in done.output
    data = json.loads(run(str(inspected), *args, "--json").stdout)
    assert list(data) == ["output", args[0].removeprefix("--")]


def test_two_outputs_are_compared(inspected: Path) -> None:
    done = run(str(inspected), str(inspected))
    assert "are kept by both, 0 by (1) alone, 0 by (2) alone" in done.output


@pytest.mark.parametrize("args", [("--column", "url"), ("OTHER", "--timing")])
def test_options_that_do_not_go_together_are_refused(inspected: Path, args: tuple[str, ...]) -> None:
    assert run(str(inspected), *args).exit_code == 2
