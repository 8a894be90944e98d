"""JSON lines: learn a file's schema from its first bytes, then read it block by block. Plain, gzip and zstd."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Protocol

import pyarrow as pa
import pyarrow.json

from filters.errors import InputError
from transforms.filesystems import FILE_ERRORS, open_filesystem, reading, reason
from transforms.json_shapes import LineError, Shape, load_object, misfit, parser_type, readable_type, refuse_twins
from transforms.schemas import conform
from transforms.tolerance import FILE, LINE, Unreadable

BLOCK_BYTES = 4 << 20
"""Read and parsed at once; a longer line grows its block."""

MAX_LINE_BYTES = 2**31 - 2
"""Arrow's parser counts in 32 bits."""

_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
_BOM = b"\xef\xbb\xbf"
_SPACE = b" \t\r\n"


def compression_of(uri: str) -> str | None:
    """`gzip`, `zstd` or None: what the name says, else what the first bytes say."""
    by_name = {".gz": "gzip", ".zst": "zstd"}.get("." + uri.lower().rpartition(".")[2])
    if by_name:
        return by_name
    filesystem, path = open_filesystem(uri)
    with reading(uri), filesystem.open_input_file(path) as file:
        head = bytes(file.read(4))
    return next((codec for magic, codec in _MAGIC.items() if head.startswith(magic)), None)


def infer_schema(uri: str, *, sample_bytes: int, tolerated: frozenset[str] = frozenset()) -> pa.Schema:
    """Schema of the lines in the first `sample_bytes` decompressed bytes, at least of one line; empty for no lines.

    Strings stay strings, also those that look like times; integers are int64, or uint64 if that is what fits.
    Raises InputError naming the line for anything but one object per line, and for a column of two kinds, unless damage
    of the kind is tolerated: such lines teach nothing.
    """
    shape, seen = Shape(), 0
    for first_line, block in _until_damage(uri, min(max(sample_bytes, 64), BLOCK_BYTES), tolerated):
        if isinstance(block, InputError):
            break
        for number, line in enumerate(block.split(b"\n"), first_line):
            if line.strip(_SPACE):
                try:
                    shape.observe(load_object(line))
                except LineError as error:
                    if LINE not in tolerated:
                        raise _line_error(uri, number, line, str(error)) from None
        seen += len(block)
        if seen >= sample_bytes:
            break
    return pa.schema(list(shape.type())) if shape.kind == "object" else pa.schema([])


def _until_damage(uri: str, block_bytes: int, tolerated: frozenset[str]) -> Iterator[tuple[int, bytes | InputError]]:
    """As `read_blocks`; where a file that breaks off is tolerated, the error itself comes last."""
    try:
        yield from read_blocks(uri, block_bytes)
    except InputError as error:
        if FILE not in tolerated:
            raise
        yield 0, error


def read_batches(
    uri: str, schema: pa.Schema, tolerated: frozenset[str] = frozenset()
) -> Iterator[tuple[int, pa.RecordBatch] | Unreadable]:
    """Yield (row number of the first row, batch) for every block; blank lines are no rows.

    `schema` is what columns must fit; those of types that JSON does not have come out as null type,
    and a number in a double column is the nearest double. Raises InputError
    naming the line for malformed JSON, invalid UTF-8, an unknown key and a value of another type, and naming the file
    if it is damaged or cut short, unless damage of the kind is tolerated.
    """
    expected = pa.schema([(field.name, readable_type(field.type)) for field in schema])
    row = 0
    for first_line, block in _until_damage(uri, BLOCK_BYTES, tolerated):
        if isinstance(block, InputError):
            yield Unreadable(row, 1, FILE, f"{block}; all that follows is lost")
            return
        lines = block.split(b"\n")
        filled = [i for i, line in enumerate(lines) if line.strip(_SPACE)]
        if not filled:
            continue
        for first, batch in _parse_around([lines[i] for i in filled], expected, tolerant=LINE in tolerated):
            if batch is None:
                bad = filled[first]
                error = _line_error(uri, first_line + bad, lines[bad], _explain(lines[bad], expected))
                if LINE not in tolerated:
                    raise error
                yield Unreadable(row + first, 1, LINE, str(error))
            else:
                yield row + first, batch
        row += len(filled)


def read_blocks(uri: str, block_bytes: int) -> Iterator[tuple[int, bytes]]:
    """Yield (number of the first line, whole lines) in blocks of about `block_bytes` decompressed bytes.

    Line numbers count from 1. A byte order mark is left out. Raises InputError for a damaged or cut short stream.
    """
    with contextlib.ExitStack() as stack:
        yield from blocks_of(_open_stream(uri, stack), uri, block_bytes)


class Stream(Protocol):
    """What can be read from: up to so many bytes, none at its end."""

    def read(self, size: int, /) -> bytes:
        """The next bytes."""


def blocks_of(stream: Stream, uri: str, block_bytes: int) -> Iterator[tuple[int, bytes]]:
    """As `read_blocks`, of a stream that is open; `uri` is its name in errors."""
    line, held = 1, 0
    parts: list[bytes] = []
    while True:
        try:
            data = stream.read(block_bytes)
        except FILE_ERRORS as error:
            raise InputError(
                f"{uri} is damaged or cut short somewhere after line {line}: {reason(error)}; copy it again"
            ) from error
        if line == 1 and not parts:
            data = data.removeprefix(_BOM)
        cut = data.rfind(b"\n") + 1
        if cut or not data:
            block = b"".join([*parts, data[:cut]])
            parts, held = [], 0
            if block:
                yield line, block
            line += block.count(b"\n")
        if not data:
            return
        parts.append(data[cut:])
        held += len(data) - cut
        if held > MAX_LINE_BYTES:
            raise InputError(f"{uri}, line {line}: longer than 2 GiB; is this a file of JSON lines?")


def _open_stream(uri: str, stack: contextlib.ExitStack) -> pa.NativeFile:
    codec = compression_of(uri)
    filesystem, path = open_filesystem(uri)
    with reading(uri):
        # A buffer, as each small read of an object store would be a request.
        raw = stack.enter_context(filesystem.open_input_stream(path, compression=None, buffer_size=BLOCK_BYTES))
        if codec is None:
            return raw
        if filesystem.get_file_info(path).size == 0:
            raise InputError(f"{uri} is cut short: it has 0 bytes, which is not a {codec} file; copy it again")
        return stack.enter_context(pa.CompressedInputStream(raw, codec))


def _parse(lines: list[bytes], schema: pa.Schema) -> pa.RecordBatch | None:
    """One row per line, None if that cannot be.

    Arrow crashes on a first value `null` and joins objects across lines inside a block, so both are looked for here:
    every line must be in braces, and there must be as many rows as lines.
    """
    for line in lines:
        bare = line.strip(_SPACE)
        if not (bare.startswith(b"{") and bare.endswith(b"}")):
            return None
    block = b"\n".join(lines)
    parsed = pa.schema([field.with_type(parser_type(field.type)) for field in schema])
    try:
        table = pyarrow.json.read_json(
            pa.BufferReader(block),
            read_options=pyarrow.json.ReadOptions(use_threads=False, block_size=len(block) + 1),
            parse_options=pyarrow.json.ParseOptions(explicit_schema=parsed, unexpected_field_behavior="error"),
        )
        table.validate(full=True)  # Arrow's parser does not look whether strings are UTF-8
        if table.num_rows != len(lines):
            return None
        return conform(table.combine_chunks().to_batches()[0], schema)
    except (pa.ArrowException, UnicodeDecodeError, InputError):
        return None


def _parse_around(
    lines: list[bytes], schema: pa.Schema, *, tolerant: bool
) -> Iterator[tuple[int, pa.RecordBatch | None]]:
    """(number of the first line, batch) of runs of lines that parse, in order; None for a line that does not.

    Not tolerant: the first such line ends it.
    """
    batch = _parse(lines, schema)
    if batch is not None:
        yield 0, batch
    elif not tolerant:
        yield _first_bad(lines, schema), None
    elif len(lines) == 1:
        yield 0, None
    else:
        middle = len(lines) // 2
        yield from _parse_around(lines[:middle], schema, tolerant=True)
        for first, part in _parse_around(lines[middle:], schema, tolerant=True):
            yield middle + first, part


def _first_bad(lines: list[bytes], schema: pa.Schema) -> int:
    """Index of the first line that does not parse: if some lines do not, neither do more of them."""
    good, bad = 0, len(lines)
    while bad - good > 1:
        middle = (good + bad) // 2
        if _parse(lines[:middle], schema) is None:
            bad = middle
        else:
            good = middle
    return bad - 1


def _explain(line: bytes, schema: pa.Schema) -> str:
    try:
        found = misfit(load_object(line), pa.struct(list(schema)))
        refuse_twins(line)
    except LineError as error:
        return str(error)
    if found is None:
        return "malformed JSON: a number or an escaped character that cannot be represented"
    return (
        f"{found}; the types were learnt from the first lines of every file, so raise schema_sample_bytes to see "
        "more of them"
    )


def _line_error(uri: str, number: int, line: bytes, why: str) -> InputError:
    if number == 1 and line.lstrip(_BOM + _SPACE).startswith(b"["):
        why = "a JSON array, expected one object per line; convert it with jq -c '.[]'"
    return InputError(f"{uri}, line {number}: {why}")
