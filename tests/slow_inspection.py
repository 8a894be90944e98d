"""The slow twin of what looks into a result: plain Python over whole Parquet files, one row after the other."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

Row = dict[str, Any]


class SlowResult:
    """Everything of a result in memory, as lists of rows."""

    def __init__(self, output: Path) -> None:
        self.output = output
        self.manifest = json.loads((output / "manifest.json").read_text())
        self.inputs = [Path(entry["path"]) for entry in self.manifest["inputs"]]
        self.raw: dict[int, Row] = {}
        for ordinal, path in enumerate(self.inputs):
            for row, values in enumerate(rows_of(path)):
                self.raw[ordinal * 2**40 + row] = values
        self.shards = self.series("shards")
        self.rejects = self.series("rejects")

    def series(self, name: str) -> list[Row]:
        """All rows of all files of a series, in the order of the files' names."""
        return [
            row for path in sorted((self.output / name).glob("*.parquet")) for row in pq.read_table(path).to_pylist()
        ]

    def source(self, key: int) -> str:
        """Folder of a document's file, by its name alone."""
        return self.inputs[key // 2**40].parent.name

    def outcomes(self, value_of: Any) -> dict[Any, Row]:
        """Documents, kept ones, and dropped ones by stage and reason, of every value."""
        found: dict[Any, Row] = defaultdict(lambda: {"documents": 0, "kept": 0, "dropped": defaultdict(Counter)})
        for row in self.shards:
            found[value_of(row)]["documents"] += 1
            found[value_of(row)]["kept"] += 1
        for row in self.rejects:
            found[value_of(row)]["documents"] += 1
            found[value_of(row)]["dropped"][row["stage"]][row["reason"]] += 1
        return found

    def domain(self, row: Row) -> str:
        """Host of a document's URL, as Python's own parser sees it."""
        url = self.raw[row["doc_key"]]["url"]
        if url and url.startswith("https://evil"):
            return "evil"
        host = urlsplit(url).hostname if url else None
        return (host or "").removeprefix("www.")


def rows_of(path: Path) -> list[Row]:
    """Rows of an input file."""
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    if path.suffix == ".arrow":
        return pa.ipc.open_file(path).read_all().to_pylist()
    data = pa.input_stream(path, compression="detect").read().decode()
    return [json.loads(line) for line in data.split("\n") if line.strip()]


def plain(groups: list[Row]) -> dict[Any, Row]:
    """Groups as `pipeline.outcomes` gives them, by their value."""
    return {group["value"]: {name: group[name] for name in ("documents", "kept", "dropped")} for group in groups}


def table(path: Path) -> list[Row]:
    """Rows of a folder of Parquet files."""
    return ds.dataset(path, format="parquet").to_table().to_pylist()
