"""Which of several duplicates stays: keep rules as numbers, so that every worker orders documents alike.

Documents are compared by the rules in the order given, then by document key: a total order that knows nothing of
arrival. The smaller rank stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field

from filters.contract import StageParams
from filters.errors import RecipeError

LAST = np.iinfo(np.int64).max
"""Rank of a document that a rule cannot judge: null, not a number, of no listed source."""


class Best(StageParams):
    """Keep the document with the highest (or lowest) number in a column; one without a number comes last."""

    best: str
    order: Literal["highest", "lowest"] = "highest"


class Sources(StageParams):
    """Keep the document whose source comes first in a list; unlisted ones come last.

    A source is a file, folder or glob of the input, as in `wiki` or `*/books-*.parquet`; with `column`, a value of it.
    """

    sources: Annotated[tuple[str, ...], Field(min_length=1)]
    column: str | None = None


KeepRule = Literal["first", "longest"] | Best | Sources


def _as_rules(value: Any) -> Any:
    """One rule is a list, too; the rule that is meant is told by its key, so that an error can be about that rule."""
    rules = value if isinstance(value, list | tuple) else (value,)
    if "first" in rules[:-1]:
        raise ValueError("`first` decides between any two documents, so that rules after it never count; put it last")
    return tuple(_as_rule(rule) for rule in rules)


def _as_rule(value: Any) -> Any:
    if isinstance(value, Best | Sources) or value in ("first", "longest"):
        return value
    if isinstance(value, Mapping) and ("best" in value) != ("sources" in value):
        kind = Best if "best" in value else Sources
        strange = [key for key in value if key not in kind.model_fields]
        if not strange:
            return kind.model_validate(value)
        raise ValueError(
            f"unknown key {strange[0]!r} beside {next(iter(kind.model_fields))!r}; known: "
            + ", ".join(kind.model_fields)
        )
    raise ValueError(
        f"a rule is first, longest, {{best: COLUMN, order: highest | lowest}} or {{sources: [...], column: COLUMN}}; "
        f"got {value!r}"
    )


Keep = Annotated[tuple[KeepRule, ...], Field(min_length=1), BeforeValidator(_as_rules)]
"""One rule or several: `first`, `longest` (bytes of text), `{best: column}`, `{sources: [wiki, web]}`."""


def columns_needed(keep: Sequence[KeepRule]) -> list[str]:
    """Columns that the rules read."""
    named = [rule.best if isinstance(rule, Best) else rule.column for rule in keep if isinstance(rule, Best | Sources)]
    return list(dict.fromkeys(name for name in named if name))


def rank_count(keep: Sequence[KeepRule]) -> int:
    """Numbers that the rules give a document; `first` needs none, the key decides."""
    return sum(rule != "first" for rule in keep)


def rank_rows(batch: pa.RecordBatch, sizes: NDArray[np.int64], uri: str, keep: Sequence[KeepRule]) -> NDArray[np.int64]:
    """Ranks, int64 of shape (rows, rank_count): a row with smaller ones stays.

    sizes: bytes of every text; uri: the file that all rows came from.

    >>> rank_rows(pa.record_batch({"q": [0.5, None, 2.0]}), np.array([3, 1, 2]), "web/a.parquet", ["longest"])[:, 0]
    array([-3, -1, -2])
    """
    ranks = []
    for rule in keep:
        if rule == "longest":
            ranks.append(-sizes)
        elif isinstance(rule, Best):
            ranks.append(_ordered(batch[rule.best], descending=rule.order == "highest"))
        elif isinstance(rule, Sources):
            ranks.append(_source_ranks(batch, uri, rule))
    return np.stack(ranks, axis=1) if ranks else np.empty((len(sizes), 0), np.int64)


def _source_ranks(batch: pa.RecordBatch, uri: str, rule: Sources) -> NDArray[np.int64]:
    if rule.column is None:
        return np.full(len(batch), source_place(uri, rule.sources), np.int64)
    values = batch[rule.column].cast(pa.string())
    places = pc.fill_null(pc.index_in(values, pa.array(rule.sources, pa.string())), len(rule.sources))
    return np.asarray(places.to_numpy(zero_copy_only=False), np.int64)


def source_place(uri: str, sources: Sequence[str]) -> int:
    """Place of the first source that a file belongs to, or their number if it belongs to none.

    >>> [source_place(uri, ["wiki", "books-*.parquet"]) for uri in ("/raw/wiki/a.parquet", "s3://b/books-1.parquet")]
    [0, 1]
    """
    for place, source in enumerate(sources):
        name = source.rstrip("/")
        if any(fnmatchcase(uri, shape) for shape in (name, f"*/{name}", f"{name}/*", f"*/{name}/*")):
            return place
    return len(sources)


def check_sources(keep: Sequence[KeepRule], uris: Sequence[str]) -> None:
    """Raise RecipeError for a source that cannot choose: no input file belongs to it, or all do and others follow.

    A mistyped one would silently come last; one that is the name of a folder above all inputs would win everywhere.
    """
    for rule in keep:
        if isinstance(rule, Sources) and rule.column is None:
            for source in rule.sources:
                if source != rule.sources[-1] and all(source_place(uri, [source]) == 0 for uri in uris):
                    raise RecipeError(
                        f"keep names the source {source!r}, but all input files lie there, so that no source "
                        f"after it counts; name more of the path, such as that of {uris[0]!r}"
                    )
                if not any(source_place(uri, [source]) == 0 for uri in uris):
                    raise RecipeError(
                        f"keep names the source {source!r}, but no input file lies there; name a folder, a file or a "
                        f"glob of the input, such as {uris[0]!r}"
                    )


def _ordered(values: pa.Array, *, descending: bool) -> NDArray[np.int64]:
    """Numbers as int64 in the same (or opposite) order. IEEE 754 doubles order as their bits do, sign apart."""
    if pa.types.is_integer(values.type) and values.type != pa.uint64():
        ordered = pc.fill_null(values.cast(pa.int64()), 0).to_numpy(zero_copy_only=False).copy()
        known = values.is_valid().to_numpy(zero_copy_only=False)
    else:
        numbers = pc.fill_null(values.cast(pa.float64(), safe=False), np.nan).to_numpy(zero_copy_only=False) + 0.0
        known = ~np.isnan(numbers)
        bits = numbers.view(np.int64)
        ordered = np.where(bits < 0, bits ^ np.int64(LAST), bits)
    ordered = ~ordered if descending else ordered
    # LAST is kept for the unknown; the one number beside it shares its neighbour's rank.
    return np.where(known, np.minimum(ordered, LAST - 1), LAST)


def added_columns(action: str, *, similarity: bool) -> dict[str, pa.DataType]:
    """Columns that a deduplication adds to the rows it leaves: `cluster_size`, and with `tag` all of them.

    >>> list(added_columns("tag", similarity=True))
    ['cluster_size', 'cluster', 'survivor', 'similarity']
    """
    added = {"cluster_size": pa.int64()}
    if action == "tag":
        added |= {"cluster": pa.int64(), "survivor": pa.int64()} | ({"similarity": pa.float64()} if similarity else {})
    return added
