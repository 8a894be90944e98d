"""Which documents of a result somebody means: by key, source row, URL, or a piece of their text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from filters.errors import InputError
from filters.names import KEY
from pipeline.result import Result
from pipeline.source_rows import Report, scan_sources

How = Literal["key", "row", "url", "text"]

MOST = 20
"""Documents that are told of; beyond that it is no longer one that is meant."""

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+$")
_ROW = re.compile(r"(?P<path>.+):(?P<row>\d+)$", re.DOTALL)


@dataclass(frozen=True)
class Found:
    """Keys of the documents that are meant, at most MOST, in order; and whether there are more."""

    how: How
    keys: tuple[int, ...]
    more: bool = False


def guess(result: Result, document: str) -> How:
    """What a description is: digits are a key, `file:row` names a row of an input file, then URLs, then text."""
    if document.isdecimal() and document.isascii():
        return "key"
    row = _ROW.match(document)
    if row and result.inputs_named(row["path"]):
        return "row"
    return "url" if _URL.match(document) else "text"


def find_documents(
    result: Result,
    document: str,
    *,
    how: How | None = None,
    url_column: str = "url",
    report: Report | None = None,
) -> Found:
    """The documents that `document` describes. A key or a row is answered at once; a URL reads that column of all
    source files, a text all texts: first as they came in, then, if no one is found, as they are kept.

    Raises InputError if there is none.
    """
    how = how or guess(result, document)
    if how == "key":
        if not document.isdecimal():
            raise InputError(f"{document!r} is no document key: a whole number such as {KEY} in the shards")
        return Found(how, (int(document),))
    if how == "row":
        row = _ROW.match(document)
        if not row:
            raise InputError(f"{document!r} is no source row; write FILE:ROW, rows counted from 0")
        return Found(how, (result.key_of(row["path"], int(row["row"])),))
    if not document:
        raise InputError("an empty text is in every document; give a piece that only one of them has")
    if how == "url":
        found = _scan(result, document, url_column, exact=True, report=report)
        if not found.keys:
            raise InputError(f"no document has {document!r} as its {url_column!r}, to the letter")
        return found
    found = _scan(result, document, result.text_column, exact=False, report=report)
    if not found.keys:
        found = _scan_kept(result, document, report)
    if not found.keys:
        raise InputError("no document holds this piece of text, to the letter: case, spaces and line ends count")
    return found


def _scan(result: Result, wanted: str, column: str, *, exact: bool, report: Report | None) -> Found:
    keys: list[int] = []
    there = False
    for batch_keys, batch in scan_sources(result, [column], report):
        there = there or batch[column].null_count < len(batch)
        keys += batch_keys[_matches(batch[column], wanted, exact)].tolist()
        if len(keys) > MOST:
            break
    if not there and result.inputs:
        raise InputError(f"no source file has a column {column!r} with values; name the one that holds the URLs")
    return Found("url" if exact else "text", tuple(keys[:MOST]), len(keys) > MOST)


def _scan_kept(result: Result, wanted: str, report: Report | None) -> Found:
    keys: list[int] = []
    for table in result.tables("shards", [KEY, result.text_column]):
        texts = table[result.text_column].combine_chunks()
        if report is not None:
            report(len(table), texts.nbytes)
        keys += table[KEY].to_numpy()[_matches(texts, wanted, exact=False)].tolist()
        if len(keys) > MOST:
            break
    return Found("text", tuple(keys[:MOST]), len(keys) > MOST)


def _matches(values: pa.Array, wanted: str, exact: bool) -> NDArray[np.bool_]:
    if exact:
        hits = pc.equal(values, pa.scalar(wanted, values.type))
    else:
        hits = pc.match_substring(values, wanted)
    return np.asarray(pc.fill_null(hits, False).to_numpy(zero_copy_only=False), np.bool_)
