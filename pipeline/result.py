"""Open a result: its manifest, its tables by column and by document key, the place of a document, its source row.

    result = open_result("clean")                       # OutputError in one sentence for what is no whole result
    result.stages, result.recipe, result.inputs         # of the manifest
    for table in result.tables("rejects", ["stage", "reason"]): ...         # row group by row group
    result.rows("edits", keys)                          # the rows of these documents, in order of keys
    result.place("shards", key)                         # Place(path, row), or None
    result.key_of("raw/part-0.parquet", 17)             # document key of a source row, and back: result.source_of(key)

Series are the folders of the result: `shards`, `rejects`, `edits`, `dedup/<stage>/documents`, `dedup/<stage>/pairs`,
`groups`. All but `groups` rest in order of document keys, over their files and within them. So a document is found by
halving the list of files, looking at footers only, and its row groups by the bounds in their footer: opening a result
costs the manifest, one document some footers and one row group of the columns asked for. Nothing is held but footers.
"""

from __future__ import annotations

import functools
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from filters.errors import InputError, OutputError
from filters.names import KEY
from transforms.files import join, open_filesystem
from transforms.filesystems import FILE_ERRORS, local_path, reason
from transforms.layout import ROW_BITS, load_manifest

Keys = NDArray[np.int64]

DEDUPLICATIONS = ("exact_dedup", "minhash_dedup")


@dataclass(frozen=True)
class Place:
    """Where a document's row lies: path of the file in the result's folder, row of that file (from 0)."""

    path: str
    row: int


@dataclass(frozen=True)
class Input:
    """One file that the run read. rows: None where its footer did not tell (JSON lines, Arrow streams)."""

    ordinal: int
    path: str
    size: int
    rows: int | None


@dataclass(frozen=True)
class Footer:
    """What a file's footer says. rows: of each row group, int64. first, last: its least and largest document key."""

    rows: NDArray[np.int64]
    first: Keys
    last: Keys


class Result:
    """A result that has a manifest of a version we know. Its files are opened when they are asked for.

    Every method that reads raises OutputError naming a file that the manifest lists and that is gone or damaged.
    Several threads may read one result.
    """

    def __init__(self, output: str, manifest: dict[str, Any]) -> None:
        self.output = output
        self.manifest = manifest
        self._footers: dict[str, Footer] = {}
        self._schemas: dict[str, pa.Schema] = {}

    @property
    def stages(self) -> list[dict[str, Any]]:
        """The funnel: `read` and every stage in order, as `transforms.manifest.funnel` describes them."""
        return list(self.manifest["stages"])

    @property
    def recipe(self) -> dict[str, Any]:
        """The recipe with every default filled in, as plain data."""
        return dict(self.manifest["recipe"])

    @property
    def text_column(self) -> str:
        """Column of the texts, in the source files and in the shards."""
        return str(self.manifest["recipe"]["input"]["text_column"])

    @property
    def annotated(self) -> bool:
        """Whether nothing was dropped (`run --annotate-only`): the shards then hold what would have been dropped."""
        return bool(self.manifest.get("annotate_only", False))

    @functools.cached_property
    def inputs(self) -> tuple[Input, ...]:
        """The files that were read, by ordinal."""
        entries = self.manifest["inputs"]
        return tuple(Input(entry["ordinal"], entry["path"], entry["size"], entry["rows"]) for entry in entries)

    def stages_named(self, *names: str) -> list[str]:
        """Ids of the stages of these kinds, in order: `result.stages_named("minhash_dedup")`."""
        return [stage["id"] for stage in self.stages if stage["name"] in names]

    def files(self, series: str) -> list[dict[str, Any]]:
        """Files of a series, in order of their numbers; none for a series that this result has not."""
        return sorted(self.manifest["files"].get(series, []), key=lambda file: (len(file["path"]), file["path"]))

    def columns(self, series: str) -> pa.Schema:
        """Schema of a series, from its first file; empty if it has no files."""
        if series not in self._schemas:
            schema = pa.schema([])
            for file in self.files(series)[:1]:
                with _opened(join(self.output, file["path"])) as reader:
                    schema = reader.schema_arrow
            self._schemas[series] = schema  # whole at once, as other threads may read
        return self._schemas[series]

    def tables(
        self, series: str, columns: Sequence[str], *, first_key: int | None = None, last_key: int | None = None
    ) -> Iterator[pa.Table]:
        """Some columns of a series, row group by row group, in order of keys.

        first_key, last_key: leave out row groups (not rows) that lie wholly before or behind; not for `groups`.
        """
        bounded = first_key is not None or last_key is not None
        for file in self.files(series):
            if not bounded:
                yield from self._groups(file["path"], columns)
                continue
            footer = self.footer(file["path"])
            inside = np.ones(len(footer.rows), np.bool_)
            if first_key is not None:
                inside &= footer.last >= first_key
            if last_key is not None:
                inside &= footer.first <= last_key
            if inside.any():
                yield from self._groups(file["path"], columns, np.flatnonzero(inside).tolist())

    def whole(self, series: str, columns: Sequence[str]) -> pa.Table:
        """Some columns of a series, all rows: for numbers, not for texts."""
        tables = list(self.tables(series, columns))
        if tables:
            return pa.concat_tables(tables)
        return pa.table({name: pa.array([], pa.null()) for name in columns})

    def rows(self, series: str, keys: Sequence[int] | Keys, columns: Sequence[str] | None = None) -> pa.Table:
        """All rows of these documents, KEY first, in the order of the series; reads the row groups that hold them."""
        wanted = np.unique(np.asarray(keys, np.int64))
        schema = self.columns(series)
        names = [KEY, *(name for name in (schema.names if columns is None else columns) if name != KEY)]
        missing = [name for name in names if name not in schema.names]
        if missing:
            if not self.files(series):
                return pa.table({name: pa.array([], pa.null()) for name in names})
            raise OutputError(f"{self.output}/{series} has no column {missing[0]!r}; it has: {', '.join(schema.names)}")
        found = [schema.empty_table().select(names)]
        for path, groups in self._holding(series, wanted):
            tables = self._groups(path, names, groups)
            found += [table.filter(pc.is_in(table[KEY], value_set=pa.array(wanted))) for table in tables]
        return pa.concat_tables(found)

    def place(self, series: str, key: int) -> Place | None:
        """File and row of a document's first row in a series, None if it has none there."""
        for path, groups in self._holding(series, np.array([key], np.int64)):
            before = np.concatenate([[0], np.cumsum(self.footer(path).rows)])
            for group in groups:
                (table,) = self._groups(path, [KEY], [group])
                at = pc.index(table[KEY], key).as_py()
                if at >= 0:
                    return Place(path, int(before[group]) + at)
        return None

    def source_of(self, key: int) -> tuple[Input, int]:
        """Source file and row of a document key. Raises InputError for a key of no file of this run."""
        ordinal, row = key >> ROW_BITS, key & ((1 << ROW_BITS) - 1)
        if not 0 <= ordinal < len(self.inputs):
            raise InputError(
                f"{key} is no document key of {self.output}: keys are file number << {ROW_BITS} | row, and this run "
                f"read {len(self.inputs):,} files"
            )
        source = self.inputs[ordinal]
        if source.rows is not None and row >= source.rows:
            raise InputError(f"{key} is row {row:,} of {source.path}, which has {source.rows:,} rows")
        return source, row

    def key_of(self, path: str, row: int) -> int:
        """Document key of a source row. path: as in the manifest, or any end of it that names one file alone.

        Raises InputError if no file, more than one, or no such row is meant.
        """
        found = self.inputs_named(path)
        if len(found) != 1:
            what = "no file" if not found else f"{len(found)} files, such as {found[0].path} and {found[1].path}"
            raise InputError(f"{path!r} is the end of {what} that {self.output} was made from; give its path as there")
        if not 0 <= row < 1 << ROW_BITS:  # it would be a row of another file
            raise InputError(f"{found[0].path} has no row {row:,}: rows are below {1 << ROW_BITS:,}")
        key = found[0].ordinal << ROW_BITS | row
        self.source_of(key)
        return key

    def inputs_named(self, path: str) -> list[Input]:
        """The input file of this path, or all whose paths end so."""
        exact = [source for source in self.inputs if source.path in (path, local_path(path))]
        tail = "/" + path.removeprefix("./").lstrip("/")
        return exact or [source for source in self.inputs if f"/{source.path}".endswith(tail)]

    def footer(self, path: str) -> Footer:
        """Row groups of a file of the result, and the document keys that each holds."""
        if path not in self._footers:
            with _opened(join(self.output, path)) as reader:
                self._footers[path] = _footer(reader.metadata, join(self.output, path))
        return self._footers[path]

    def bounds(self, series: str, columns: Sequence[str]) -> dict[str, tuple[float, float]]:
        """Least and greatest number of some columns, by the footers; columns without any number are left out."""
        found: dict[str, tuple[float, float]] = {}
        for file in self.files(series):
            with _opened(join(self.output, file["path"])) as reader:
                metadata = reader.metadata
                place = {metadata.schema.column(i).path: i for i in range(metadata.num_columns)}
                for name in columns:
                    for group in range(metadata.num_row_groups):
                        statistics = metadata.row_group(group).column(place[name]).statistics
                        if statistics is not None and statistics.has_min_max:
                            low, high = found.get(name, (statistics.min, statistics.max))
                            found[name] = (min(low, statistics.min), max(high, statistics.max))
        return found

    def _groups(self, path: str, columns: Sequence[str], groups: Sequence[int] | None = None) -> Iterator[pa.Table]:
        with _opened(join(self.output, path)) as reader:
            if not reader.num_row_groups:  # no row, but a schema
                yield reader.read(columns=list(columns))
            for group in range(reader.num_row_groups) if groups is None else groups:
                yield reader.read_row_group(group, columns=list(columns))

    def _holding(self, series: str, keys: Keys) -> Iterator[tuple[str, list[int]]]:
        """Files that may hold some of these keys (sorted, distinct), and which of their row groups."""
        paths = [file["path"] for file in self.files(series) if file["rows"]]
        at = 0
        while len(keys):
            at = bisect_left(paths, int(keys[0]), lo=at, key=lambda path: int(self.footer(path).last.max()))
            if at == len(paths):
                return
            footer = self.footer(paths[at])
            held = np.searchsorted(keys, footer.last, side="right") > np.searchsorted(keys, footer.first)
            if held.any():
                yield paths[at], np.flatnonzero(held).tolist()
            keys = keys[keys >= footer.last.max()]  # rows of the last one may go on in the next file
            at += 1


def open_result(output: str) -> Result:
    """The result in a folder. Raises OutputError if it is none, unfinished, damaged, or of a version we do not know."""
    manifest = load_manifest(output)
    missing = [name for name, kind in _EXPECTED.items() if not isinstance(manifest.get(name), kind)]
    if missing:
        raise OutputError(
            f"{join(output, 'manifest.json')} is damaged: it lacks {', '.join(missing)}. Run the recipe again"
        )
    return Result(output, manifest)


def read_series(output: str, manifest: dict[str, Any], series: str, columns: list[str]) -> Iterator[pa.Table]:
    """Some columns of all files of a series, row group by row group. Raises OutputError naming a file that is gone."""
    return Result(output, manifest).tables(series, columns)


_EXPECTED: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("versions", "recipe", "read", "kept", "files"), dict),
    **dict.fromkeys(("inputs", "stages"), list),
    "seconds": (int, float),
}


def _footer(metadata: pq.FileMetaData, uri: str) -> Footer:
    count = metadata.num_row_groups
    rows = np.zeros(count, np.int64)
    first, last = np.full(count, np.iinfo(np.int64).max), np.full(count, -1)
    for group in range(count):
        found = metadata.row_group(group)
        rows[group] = found.num_rows
        if not found.num_rows:
            continue
        statistics = found.column(0).statistics
        if found.column(0).path_in_schema != KEY or statistics is None or not statistics.has_min_max:
            raise OutputError(f"{uri} is not as beamsift wrote it: no bounds of {KEY}; run the recipe again")
        first[group], last[group] = statistics.min, statistics.max
    return Footer(rows, first, last)


@contextmanager
def _opened(uri: str) -> Iterator[pq.ParquetFile]:
    """A Parquet file of the result; what goes wrong in it while the context lasts names the file."""
    try:
        filesystem, path = open_filesystem(uri)
        with filesystem.open_input_file(path) as source:
            yield pq.ParquetFile(source)
    except OutputError:
        raise
    except FILE_ERRORS as error:
        raise OutputError(
            f"{uri}, which the manifest lists, cannot be read ({reason(error)}); "
            "bring the file back or run the recipe again"
        ) from error
