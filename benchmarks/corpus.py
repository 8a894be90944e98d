"""Which files are measured, a sample of their texts, and how a corpus is made larger without making duplicates."""

from __future__ import annotations

import glob
import re
import zlib
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from filters.texts import as_text_array

ROOT = Path(__file__).resolve().parents[1]
WEB_GLOB = "../shared/corpora/web/*.parquet"
TEXT = "text"

# Characters of scripts written without spaces, roughly; `filters.kernels.unicode_table` has them exactly.
_LONE = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
TOKEN = re.compile(f"[{_LONE}]|[^\\W_{_LONE}]+")
"""A token as one regular expression: what somebody would write in plain Python."""


def find_files(pattern: str) -> list[Path]:
    """Parquet files of a glob, sorted. Raises FileNotFoundError if there are none.

    A relative glob is looked for below the working directory.
    """
    files = sorted(Path(path) for path in glob.glob(pattern, recursive=True))  # noqa: PTH207 (may be absolute)
    if not files:
        raise FileNotFoundError(f"no file matches {pattern!r}; give --corpus a glob of Parquet files")
    return files


def default_files(folder: Path, documents: int = 20_000) -> tuple[list[Path], str]:
    """The web corpus beside the checkout or, without one, a sample written to `folder`; and what to call it."""
    try:
        return find_files(str(ROOT / WEB_GLOB)), WEB_GLOB
    except FileNotFoundError:
        from pipeline.sample_corpus import write_sample_corpus

        write_sample_corpus(folder, seed=1, documents=documents, overwrite=True)
        return find_files(str(folder / "raw" / "*.parquet")), f"beamsift sample --documents {documents}"


def sample_texts(files: Sequence[Path], megabytes: float) -> pa.LargeStringArray:
    """About `megabytes` MB of text, every n-th document of all files; all of it if there is less."""
    total = 0
    for path in files:
        metadata = pq.read_metadata(path)
        column = next(i for i in range(metadata.num_columns) if metadata.schema.column(i).path == TEXT)
        groups = (metadata.row_group(i) for i in range(metadata.num_row_groups))
        total += sum(group.column(column).total_uncompressed_size for group in groups)
    step = max(1, round(total / (megabytes * 1e6)))
    parts, row = [], 0
    for path in files:
        texts = pq.read_table(path, columns=[TEXT])[TEXT]
        rows = pa.array(range(-row % step, len(texts), step), pa.int64())
        parts.append(as_text_array(texts.take(rows).drop_null()))
        row += len(texts)
    return pa.concat_arrays(parts)


def text_bytes(files: Sequence[Path]) -> tuple[int, int]:
    """Documents, and bytes of their texts. Reading them also leaves the files in memory for the runs that follow."""
    documents = size = 0
    for path in files:
        path.read_bytes()
        texts = pq.read_table(path, columns=[TEXT])[TEXT]
        documents += len(texts)
        size += pc.sum(pc.binary_length(texts)).as_py() or 0
    return documents, size


def multiply(files: Sequence[Path], times: int, folder: Path) -> list[Path]:
    """Write `times` copies of every file to `folder`, each with other texts; the first is as it was."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for copy in range(times):
        for number, path in enumerate(files):
            table = pq.read_table(path)
            if copy:
                texts = [text if text is None else vary(text, copy) for text in table[TEXT].to_pylist()]
                column = table.schema.get_field_index(TEXT)
                table = table.set_column(
                    column, table.schema.field(TEXT), pa.array(texts, table.schema.field(TEXT).type)
                )
            written.append(folder / f"copy-{copy:03d}-{number:05d}.parquet")
            pq.write_table(table, written[-1], compression="zstd")
    return written


def vary(text: str, copy: int) -> str:
    """The text with about a third of its tokens said twice, chosen by token and copy, and the copy's number behind it.

    Copies of one text share few shingles, so they are no near duplicates; two texts that are alike stay alike in each
    copy, so every copy has about as many duplicates as the original; and the language stays what it was.

    >>> vary("to be or not to be, that is the question", 3)
    'to to be or not to to be, that that is is the question 3'
    """
    return f"{TOKEN.sub(lambda found: _said(found[0], copy), text)} {copy}"


def _said(token: str, copy: int) -> str:
    if zlib.crc32(token.encode(errors="replace"), copy) % 3:
        return token
    return f"{token} {token}"
