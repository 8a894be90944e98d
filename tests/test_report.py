"""The report: every number on the page is that of the files, counted once more, slowly."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline.report.charts import bound
from pipeline.report.wording import plain
from tests.report_pages import section
from tests.report_results import documents, in_units, report_of, rows


@pytest.fixture(params=["dropped", "annotated"])
def output(report_results: dict[str, Path], request: pytest.FixtureRequest) -> Path:
    return report_results[request.param]


def test_the_lead_and_the_funnel(output: Path) -> None:
    _, page = report_of(output)
    found = documents(output)
    kept = [one for one in found if one["stage"] is None]
    text_bytes = sum(len(one["text"].encode()) for one in kept)
    (lead,) = page.find("p", "lead")
    share = f"{100 * len(kept) / len(found):.1f} %"
    assert f" {len(kept):,} of {len(found):,} documents ({share}), {in_units(text_bytes)} of" in lead.words
    left = Counter((one["stage"], one["reason"]) for one in found if one["stage"])
    assert len(left) >= 5
    here, told = len(found), 0
    for body in section(page, "funnel").find("tbody"):
        (stage, _, given, out, dropped, _, _), *others = body.rows()
        gone = {reason: n for (at, reason), n in left.items() if at == stage}
        total = sum(gone.values())
        assert (given, out) == (f"{here:,}", f"{here - total:,}")
        assert dropped == (f"{total:,}" if total else "")
        here -= total
        shown = {row[0]: row[3] for row in others if len(row) > 3}
        assert shown == {reason: f"{n:,}" for reason, n in gone.items()}
        told += len(shown)
    assert (here, told) == (len(kept), len(left))


@pytest.mark.parametrize(("place", "column"), [(0, "language"), (1, "folder")])
def test_reasons_by_language_and_source(output: Path, place: int, column: str) -> None:
    _, page = report_of(output)
    found = documents(output)
    table = section(page, "reasons").find("table")[place]
    groups = Counter(one[column] for one in found)
    head = [cell.words for cell in table.find("th")][2:]
    ranked = sorted(groups.items(), key=lambda item: (-item[1], str(item[0])))
    named = [group for group, _ in ranked if group is not None]
    rest = f"{len(named) - 12} more"
    unknown = ["not identified"] if None in groups else []
    shown = [plain(name) for name in named[:12]]
    assert head == [*(" ".join(name.split()) for name in shown), *([rest] if len(named) > 12 else []), *unknown]

    def column_of(one: dict[str, Any]) -> str:
        if one[column] is None:
            return "not identified"
        return plain(one[column]) if one[column] in named[:12] else rest

    totals = Counter(column_of(one) for one in found)
    left = Counter((one["reason"], one["stage"], column_of(one)) for one in found if one["stage"])
    for row in table.find("tbody")[0].find("tr"):
        name, stage = row.find("td")[0].words.split(" ")
        for tip, group in zip(row.tips(), [*shown, *([rest] if len(named) > 12 else []), *unknown], strict=True):
            assert tip == f"{group}: {left[name, stage, group]:,} of {totals[group]:,} documents, {name}"
    assert len(table.rows()) == len({key[:2] for key in left})


def test_statistics(output: Path) -> None:
    contents, page = report_of(output)
    found = documents(output)
    figures = section(page, "limits").find("figure")
    assert [one["column"] for one in contents["statistics"]] == ["length_chars", "length_words", "language_score"]
    for one, figure in zip(contents["statistics"], figures, strict=True):
        reasons = {limit["reason"] for limit in one["limits"]}
        kinds: dict[str, list[float]] = {"kept": [], "removed by this limit": [], "dropped by another rule": []}
        for row in found:
            here = row["stage"] == one["stage"] and row["reason"] in reasons
            value = row["value"] if row.get("left") else row[one["column"]]
            if row["stage"] is None:
                kinds["kept"].append(value)
            elif here:
                kinds["removed by this limit"].append(value)
            elif not row.get("left"):
                kinds["dropped by another rule"].append(value)
        edges = one["edges"]
        everything = [value for values in kinds.values() for value in values]
        assert edges[0] <= min(everything) and max(everything) < edges[-1]
        tips = figure.tips()
        assert len(tips) == len(edges) - 1
        below = 0
        for low, high, tip in zip(edges[:-1], edges[1:], tips, strict=True):
            inside = {kind: sum(low <= value < high for value in values) for kind, values in kinds.items()}
            expected = [f"{n:,} {kind}" for kind, n in inside.items() if n]
            assert tip.split("\n")[1:-1] == expected
            assert tip.split("\n")[-1].startswith(f"below: {below:,} of {len(everything):,}")
            below += sum(inside.values())
        for limit in one["limits"]:
            assert bound(limit["keep"], limit["value"], one["whole"]) in edges
            number = sum(row["stage"] == one["stage"] and row["reason"] == limit["reason"] for row in found)
            assert f"{number:,} {limit['reason']} (keeps " in figure.words
        assert bool(kinds["removed by this limit"]) == bool(one["limits"])


def test_duplicates(output: Path) -> None:
    _, page = report_of(output)
    manifest = json.loads((output / "manifest.json").read_text())
    folders = {file["ordinal"]: Path(file["path"]).parent.name for file in manifest["inputs"]}
    tables = iter(section(page, "duplicates").find("table"))
    sentences = [
        p.words for p in section(page, "duplicates").find("p") if p.words.endswith("stay.") or " bands " in p.words
    ]
    for stage, sentence in zip(("exact_dedup", "minhash_dedup"), sentences, strict=True):
        met = rows(output, f"dedup/{stage}/documents")
        stays = [row for row in met if row["survivor"] == row["doc_key"] and row["cluster_size"] > 1]
        gone = [row for row in met if row["survivor"] != row["doc_key"]]
        assert sentence.startswith(f"{len(gone):,} duplicates of {len(stays):,} documents that stay.")
        sizes = Counter(row["cluster_size"] for row in stays)
        assert max(sizes) < 5  # classes of one size each
        assert [[row[0], row[2]] for row in next(tables).rows()] == [
            [str(s), f"{n:,}"] for s, n in sorted(sizes.items())
        ]
        crossed = Counter((folders[row["doc_key"] >> 40], folders[row["survivor"] >> 40]) for row in gone)
        overlap = next(tables)
        names = [cell.words for cell in overlap.find("th")][2:]
        known = {" ".join(plain(name).split()): name for name in folders.values()}
        assert {known[name] for name in names} == {name for pair in crossed for name in pair}
        for row in overlap.rows():
            counts = [crossed[known[row[0]], known[name]] for name in names]
            assert row[1:] == [f"{sum(counts):,}", *(f"{n:,}" if n else "·" for n in counts)]
        largest = sorted(stays, key=lambda row: (-row["cluster_size"], row["doc_key"]))[:20]
        shown = next(tables).rows()
        assert [(row[2], row[4]) for row in shown] == [(str(r["doc_key"]), f"{r['cluster_size']:,}") for r in largest]
    (figure,) = section(page, "duplicates").find("figure")
    pairs = [row["similarity"] for row in rows(output, "dedup/minhash_dedup/pairs")]
    assert len(pairs) > 10
    assert f"{len(pairs):,} pairs, {sum(s >= 0.75 for s in pairs):,} at or above the threshold" in figure.words
    bounds = [0.02 * i for i in range(50)]
    near = min(range(50), key=lambda i: abs(bounds[i] - 0.75))
    bounds[near] = 0.75
    for low, high, tip in zip(bounds, [*bounds[1:], math.inf], figure.tips(), strict=True):
        number = sum(low - 1e-12 <= s < high - 1e-12 for s in pairs)
        assert tip.split("\n")[1].startswith(f"{number:,} compared pairs")
        chance = 100 * (1 - (1 - low**6) ** 20)
        assert float(tip.rsplit(": ", 1)[1].strip("<> %")) == pytest.approx(chance, abs=0.1)


def test_edits_and_files(output: Path) -> None:
    _, page = report_of(output)
    edits = rows(output, "edits")
    spans = Counter((row["stage"], row["kind"], row["action"]) for row in edits)
    touched = Counter(group[:3] for group in {(r["stage"], r["kind"], r["action"], r["doc_key"]) for r in edits})
    (table,) = section(page, "edits").find("table")
    assert table.rows() == [[*group, f"{n:,}", f"{touched[group]:,}"] for group, n in spans.items()]
    assert table.rows()
    written = next(t for t in section(page, "run").find("table") if t.find("th")[0].words == "folder")
    for name, files, count, size in written.rows():
        paths = list((output / name).glob("*.parquet"))
        total = sum(path.stat().st_size for path in paths)
        assert files == str(len(paths))
        assert count == f"{sum(pq.ParquetFile(path).metadata.num_rows for path in paths):,}"
        assert size == in_units(total)
    assert {row[0] for row in written.rows()} >= {"shards", "rejects", "dedup/minhash_dedup/pairs"}
