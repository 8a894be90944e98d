"""Findings of personal data and secrets in files, one after the other, with the line they stand in."""

from __future__ import annotations

import codecs
import os
import shutil
import sys
import tempfile
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from filters.detectors.contract import Detector
from filters.detectors.scan import scan
from filters.errors import InputError, RecipeError
from filters.pii.params import PiiParams
from transforms.files import expand, file_info, named_format
from transforms.formats import inspect_corpus, read_units
from transforms.jsonlines import blocks_of, compression_of, read_blocks

STDIN = "-"
COLUMN = "text"
"""Column that is searched if none is named."""
AROUND = 60
"""Characters of its line that a Finding shows on either side."""

_BATCH_ROWS, _BATCH_BYTES = 4096, 8 << 20
_BLOCK_BYTES = 1 << 20
_OVERLAP_BYTES = 16 << 10
"""Of a block of a text file, what is searched again with the next: a key of many lines may go over the edge."""


class Finding(NamedTuple):
    """file, row: where, rows from 0, a text file being one. line: in the text, from 1. start, end: characters of it."""

    file: str
    row: int
    line: int
    start: int
    end: int
    kind: str
    proof: str
    value: str
    before: str
    after: str


@dataclass
class Tally:
    """How much was looked at."""

    files: int = 0
    texts: int = 0
    characters: int = 0


class Text(NamedTuple):
    """Whole lines of a text that starts `first_char` characters and `first_line` lines before; what is found from
    `fresh_until` on is found again with the next lines."""

    row: int
    text: str
    first_line: int = 1
    first_char: int = 0
    fresh_until: int | None = None


def detectors_of(kinds: Sequence[str]) -> tuple[Detector, ...]:
    """Detectors as the stage `pii` would use them for the same names. Raises RecipeError for an unknown name."""
    try:
        return PiiParams(kinds=tuple(kinds)).detectors()
    except ValueError as error:  # of pydantic, which has a text of its own around ours
        errors: list[Any] = getattr(error, "errors", list)()
        message = str(errors[0]["msg"]).removeprefix("Value error, ") if errors else str(error)
        raise RecipeError(message) from None


def detectors_of_recipe(path: str) -> tuple[Detector, ...]:
    """Detectors of the stages `pii` of a recipe, its own kinds among them."""
    from pipeline.recipe import load_recipe

    stages = load_recipe(path, input_paths=["-"], output_path="-").stages
    found = [d for stage in stages if isinstance(stage.params, PiiParams) for d in stage.params.detectors()]
    if not found:
        raise RecipeError(f"{path} has no stage `pii`; name kinds with --kinds instead")
    return tuple({detector.kind: detector for detector in found}.values())


def scan_files(
    paths: Sequence[str],
    detectors: Sequence[Detector],
    *,
    column: str | None = None,
    format: str | None = None,
    tally: Tally | None = None,
) -> Iterator[Finding]:
    """Findings in files, folders and globs, or `-`, in order. Memory is that of a batch, or of one very long line.

    A name that does not tell a format is a text file, searched as one document; bytes that are not UTF-8 become
    U+FFFD. Nulls have no findings. A file that is named twice is searched once. column: `text` if left out; a text file
    has none. Raises InputError for what cannot be read.
    """
    tally = tally if tally is not None else Tally()
    named = dict.fromkeys(
        uri for path in paths for uri in ([STDIN] if path == STDIN else [info.uri for info in expand([path])])
    )
    files = {uri: format or ("text" if uri == STDIN else named_format(uri) or "text") for uri in named}
    if column is not None:
        _check_columns(files, column)
    for uri, kind in files.items():
        tally.files += 1
        row, reached = -1, 0
        with closing(_texts(uri, column or COLUMN, kind)) as batches:
            for batch in batches:
                tally.texts += sum(text.first_char == 0 for text in batch)
                tally.characters += sum(_new_characters(text) for text in batch)
                for one in _findings(uri, batch, detectors):
                    if one.row != row or one.start >= reached:  # else the rest of one that went over an edge
                        yield one
                        row, reached = one.row, one.end


def _check_columns(files: Mapping[str, str], column: str) -> None:
    for uri, kind in files.items():
        if kind == "text":
            raise InputError(
                f"{_name(uri)} would be read as text, which has no column {column!r}; leave --column out to search "
                "all of it, or say with --format what it is (jsonl, parquet, arrow)"
            )


def _new_characters(text: Text) -> int:
    return len(text.text) if text.fresh_until is None else text.fresh_until


def _findings(uri: str, batch: Sequence[Text], detectors: Sequence[Detector]) -> Iterator[Finding]:
    found = scan(pa.array([one.text for one in batch], pa.large_string()), detectors)
    last, line, place = -1, 0, 0
    for number, start, end, kind, proof in zip(
        found.row.tolist(), found.start.tolist(), found.end.tolist(), found.kinds, found.proofs, strict=True
    ):
        one = batch[number]
        if number != last:
            last, line, place = number, one.first_line, 0
        line, place = line + one.text.count("\n", place, start), start
        if one.fresh_until is not None and start >= one.fresh_until:
            continue
        before, after = _around(one.text, start, end)
        at = one.first_char
        yield Finding(uri, one.row, line, start + at, end + at, kind, proof, one.text[start:end], before, after)


def _around(text: str, start: int, end: int) -> tuple[str, str]:
    """What stands in the same line, as far as it is shown."""
    before = text[max(0, start - AROUND) : start].rpartition("\n")[2]
    return before, text[end : end + AROUND].partition("\n")[0]


def _texts(uri: str, column: str, kind: str) -> Generator[list[Text], None, None]:
    if kind == "text":
        yield from ([text] for text in _text_file(uri))
    elif uri == STDIN:
        with _spooled(kind) as path:
            try:
                yield from _rows(path, column, kind)
            except InputError as error:
                raise InputError(str(error).replace(path, _name(STDIN))) from error
    else:
        yield from _rows(uri, column, kind)


def _rows(uri: str, column: str, format: str) -> Iterator[list[Text]]:
    (file,), schema = inspect_corpus([file_info(uri)], text_column=column, format=format)
    units = max(len(file.unit_rows), 1)
    for first, batch in read_units(
        file, schema=schema, first_unit=0, units=units, columns=[column], batch_rows=_BATCH_ROWS,
        batch_bytes=_BATCH_BYTES,
    ):  # fmt: skip
        texts = pc.fill_null(batch.column(0).cast(pa.large_string()), "").to_pylist()
        yield [Text(row, text) for row, text in enumerate(texts, first)]


@contextmanager
def _spooled(format: str) -> Iterator[str]:
    """Standard input in a file: formats with columns are read from their end, or twice."""
    with tempfile.TemporaryDirectory(prefix="beamsift-stdin-") as folder:
        path = Path(folder) / f"stdin.{format}"
        with path.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        yield os.fspath(path)


def _name(uri: str) -> str:
    """As errors call a file."""
    return "standard input" if uri == STDIN else uri


def _check_text(uri: str, block: bytes) -> None:
    """Raises InputError if the beginning of a file is not that of a text of bytes that hold ASCII."""
    if block.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise InputError(
            f"{uri} is UTF-16 or UTF-32, only UTF-8 is searched; iconv -f UTF-16 -t UTF-8 turns it into that"
        )
    if b"\0" in block[:4096]:
        raise InputError(
            f"{uri} is not a text file: it has zero bytes, as binary files and UTF-16 have; name its format with "
            "--format (jsonl, parquet, arrow), or turn it into UTF-8 (iconv -f UTF-16LE -t UTF-8)"
        )


def _text_file(uri: str) -> Iterator[Text]:
    if uri == STDIN:
        blocks = blocks_of(sys.stdin.buffer, _name(uri), _BLOCK_BYTES)
    elif file_info(uri).size == 0 and compression_of(uri) is None:
        return
    else:
        blocks = read_blocks(uri, _BLOCK_BYTES)
    held, first_line, first_char = "", 1, 0
    for _, block in blocks:
        if first_char == 0:
            _check_text(_name(uri), block)
        text = held + block.decode("utf-8", "replace")
        tail = text.rfind("\n", 0, max(len(text) - _OVERLAP_BYTES, 0)) + 1
        if tail:
            yield Text(0, text, first_line, first_char, tail)
        held, first_line, first_char = text[tail:], first_line + text.count("\n", 0, tail), first_char + tail
    if held:
        yield Text(0, held, first_line, first_char)
