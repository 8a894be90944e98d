"""Phrase lists from files: plain text, CSV, TSV or Parquet, with weights, categories and languages."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import Field

from filters.errors import RecipeError
from filters.kernels.phrases import BEGINS, ENDS
from filters.kernels.tokens import count_tokens_and_chars
from filters.kernels.unicode_table import load_table
from filters.list_files import ListFile, decode_lines, read_list_bytes
from filters.texts import as_text_array, text_buffers

_WHAT = "blocklist"

Boundaries = Literal["word", "prefix", "suffix", "none"]
EDGES: dict[Boundaries, int] = {
    "word": int(BEGINS | ENDS), "prefix": int(BEGINS), "suffix": int(ENDS), "none": 0,
}  # fmt: skip
"""Where a hit has to begin or end with a word."""
WHOLE = EDGES["word"]


class PhraseFile(ListFile):
    """A list of phrases: `.csv`, `.tsv` or `.parquet` (told by the ending), else a phrase a line; all may be `.gz`.

    A line that begins with `#` is a comment; a table names its columns in its first line. text_column: of a table.
    """

    text_column: str = "text"


class PhraseSource(PhraseFile):
    """A list of phrases and what they mean.

    language: the list counts only in documents of this language. weight: of each phrase. category: of each phrase.
    boundaries: `word`, a phrase stands as words; `prefix`, it may go on within one (Korean particles, endings);
    `suffix`, it may begin within one (Arabic articles and conjunctions); `none`, both.
    weight_column, category_column, language_column: of a table, where phrases have their own; the first two are used
    if they are there, null is the value above. language_column is used only if named.
    """

    language: str | None = None
    weight: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1.0
    category: str | None = None
    boundaries: Boundaries = "word"
    weight_column: str = "weight"
    category_column: str = "category"
    language_column: str | None = None


@dataclass(frozen=True)
class Phrases:
    """Phrases in order of their file: texts; weights, float64; categories and languages, null where none is given.

    edges: of EDGES.
    """

    texts: pa.LargeStringArray
    weights: NDArray[np.float64]
    categories: pa.StringArray
    languages: pa.StringArray
    edges: int = WHOLE


def read_phrases(source: PhraseSource) -> Phrases:
    """Read a list.

    Raises RecipeError if the file cannot be read, has another checksum, is not what its ending says, holds no phrase,
    a phrase without a letter or number, or a weight that is negative or not a number.
    """
    content = read_list_bytes(source, _WHAT)
    ending = source.path.lower().removesuffix(".gz").rpartition(".")[2]
    if ending in ("csv", "tsv", "parquet"):
        table = _read_table(content, ending, source)
        texts, places = _trimmed(table[source.text_column].to_pylist(), first=2 if ending != "parquet" else 1)
    else:
        table = None
        texts, places = _plain_phrases(content, source.path)
    if not texts:
        raise RecipeError(f"{_WHAT} {source.path} holds no phrase; an empty list would drop nothing")
    array = as_text_array(texts)
    _check_words(array, places, source.path)
    if table is not None:
        table = table.take(pa.array(places - (2 if ending != "parquet" else 1)))
    return Phrases(
        array,
        _weights(table, source, len(array)),
        _strings(table, source.category_column, source.category, len(array)),
        _strings(table, source.language_column, source.language, len(array)),
        EDGES[source.boundaries],
    )


def read_allowed(files: Sequence[PhraseFile], phrases: Sequence[str]) -> pa.LargeStringArray:
    """Phrases that hide hits, from the recipe itself and from files. Raises RecipeError as `read_phrases` does."""
    parts = [read_phrases(PhraseSource(**file.model_dump())).texts for file in files]
    given = as_text_array([phrase.strip() for phrase in phrases])
    _check_words(given, np.arange(1, len(given) + 1), "allow")
    return pa.concat_arrays([given, *parts])


def _plain_phrases(content: bytes, path: str) -> tuple[list[str], NDArray[np.int64]]:
    """Phrases and their line numbers."""
    lines = [line.strip() for line in decode_lines(content, path, _WHAT)]
    kept = [number for number, line in enumerate(lines) if line and not line.startswith("#")]
    return [lines[number] for number in kept], np.array(kept, np.int64) + 1


def _trimmed(values: Sequence[str | None], first: int) -> tuple[list[str], NDArray[np.int64]]:
    """Values that are not blank, and their line (of a table with a header) or row number."""
    trimmed = [(value or "").strip() for value in values]
    kept = [number for number, value in enumerate(trimmed) if value]
    return [trimmed[number] for number in kept], np.array(kept, np.int64) + first


def _read_table(content: bytes, ending: str, source: PhraseSource) -> pa.Table:
    try:
        if ending == "parquet":
            table = pq.read_table(io.BytesIO(content))
        else:
            table = pyarrow.csv.read_csv(
                io.BytesIO(content.removeprefix(b"\xef\xbb\xbf")),
                parse_options=pyarrow.csv.ParseOptions(delimiter="\t" if ending == "tsv" else ","),
                convert_options=pyarrow.csv.ConvertOptions(
                    column_types={
                        source.text_column: pa.string(),
                        source.weight_column: pa.float64(),
                        source.category_column: pa.string(),
                        **({source.language_column: pa.string()} if source.language_column else {}),
                    },
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=False,
                    null_values=[""],
                ),
            )
    except (pa.ArrowInvalid, OSError) as error:
        # Arrow's own message may quote a phrase; the place is enough.
        raise RecipeError(
            f"{_WHAT} {source.path} is not a {ending} table as expected: a header line with the column "
            f"{source.text_column!r}, UTF-8, as many fields in every line, numbers in {source.weight_column!r}"
        ) from error
    for name in (source.text_column, source.language_column):
        if name is not None and name not in table.column_names:
            raise RecipeError(
                f"{_WHAT} {source.path} has no column {name!r}; it has {', '.join(map(repr, table.column_names))}"
            )
    if not (pa.types.is_string(kind := table.schema.field(source.text_column).type) or pa.types.is_large_string(kind)):
        raise RecipeError(f"{_WHAT} {source.path}: column {source.text_column!r} must hold text, it holds {kind}")
    return table


def _check_words(texts: pa.LargeStringArray, places: NDArray[np.int64], path: str) -> None:
    offsets, data = text_buffers(texts)
    words, chars = np.empty(len(texts), np.int64), np.empty(len(texts), np.int64)
    count_tokens_and_chars(offsets, data, load_table(), words, chars)
    if len(texts) and not words.all():
        place = places[np.flatnonzero(words == 0)[0]]
        raise RecipeError(f"{path}:{place}: a phrase needs a letter or a number, this one has neither")


def _weights(table: pa.Table | None, source: PhraseSource, count: int) -> NDArray[np.float64]:
    if table is None or source.weight_column not in table.column_names:
        return np.full(count, source.weight)
    try:
        column = pc.fill_null(table[source.weight_column].cast(pa.float64()), source.weight)
    except pa.ArrowInvalid as error:
        raise RecipeError(f"{_WHAT} {source.path}: column {source.weight_column!r} must hold numbers") from error
    weights = column.to_numpy()
    if not (np.isfinite(weights) & (weights >= 0)).all():
        raise RecipeError(f"{_WHAT} {source.path}: column {source.weight_column!r} must hold numbers of 0 or more")
    return weights


def _strings(table: pa.Table | None, column: str | None, default: str | None, count: int) -> pa.StringArray:
    given = pa.array([default] * count, pa.string())
    if table is None or column is None or column not in table.column_names:
        return given
    return pc.coalesce(table[column].cast(pa.string()).combine_chunks(), given)
