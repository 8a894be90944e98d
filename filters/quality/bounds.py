"""Rules as data: a bound names its parameter, what is compared with it, and where its number was published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, field_validator

from filters.contract import Columns, LimitByName, Rule, StageParams
from filters.errors import unknown_name
from filters.quality.language_limits import LanguageLimits, TableSource, load_limits

Share = Annotated[float | None, Field(ge=0)]
"""A limit of a share; null turns its rule off."""

LIMITS_COLUMN = "limits"
"""Measured column that says whose limits judged a document: a key of the table, or DEFAULT."""
DEFAULT = "default"
FELL_TO_DEFAULT = "judged_by_default_limits"
"""Note counted for documents whose language has no limits of its own."""


@dataclass(frozen=True)
class Bound:
    """One rule of a recipe: a document is dropped for `reason` unless `column keep params.<param>`.

    A parameter that is null turns its rule off.
    """

    param: str
    reason: str
    column: str
    keep: Literal[">=", "<="]
    source: str


class BoundedParams(StageParams):
    """Parameters of a filter whose limits may differ by language, as `language_column` holds it.

    limits: a table of them: `fineweb2`, or the path of a file of one's own in the same form. by_language: single
    limits by parameter, by language, which go before the table's (`by_language: {de: {max_word_length: 18}}`). The
    stage's own values are those of languages that neither names.
    """

    bounded: ClassVar[frozenset[str]]
    """Parameters that are limits."""

    limits: TableSource | None = None
    by_language: dict[str, dict[str, Share]] = Field(default_factory=dict)
    language_column: str = "language"

    @field_validator("by_language")
    @classmethod
    def _names_limits(cls, given: dict[str, dict[str, Share]]) -> dict[str, dict[str, Share]]:
        for language, limits in given.items():
            for name in limits:
                if name not in cls.bounded:
                    raise ValueError(f"{language}: {unknown_name('limit', name, sorted(cls.bounded))}")
        LanguageLimits().adding(given)  # are they languages?
        return given

    @property
    def differ(self) -> bool:
        """Whether limits differ by language."""
        return self.limits is not None or bool(self.by_language)

    @property
    def table(self) -> LanguageLimits | None:
        """The table of limits by language, if there is one. Raises RecipeError for a file or a code that is wrong."""
        if not self.differ:
            return None
        listed = LanguageLimits() if self.limits is None else load_limits(self.limits)
        return listed.adding(self.by_language)


def needed(params: BoundedParams) -> Sequence[str]:
    """The column that says which limits are a document's."""
    return (params.language_column,) if params.differ else ()


def limit_columns(params: BoundedParams) -> dict[str, pa.DataType]:
    """What `whose_limits` adds."""
    return {LIMITS_COLUMN: pa.string()} if params.differ else {}


def whose_limits(batch: pa.RecordBatch, params: BoundedParams) -> Columns:
    """The column that says whose limits judge a document, if they differ."""
    return {LIMITS_COLUMN: limit_names(batch, params)} if params.differ else {}


def checked(params: BoundedParams) -> BoundedParams:
    """The parameters, their table read. Raises RecipeError for one that is not as it should be."""
    _ = params.table
    return params


def rules_of(bounds: Sequence[Bound], params: BoundedParams) -> list[Rule]:
    """The rules that are not turned off, in order; with a table, each language is judged by its own limit.

    The value of a parameter is then the limit of languages that the table does not list.
    """
    rules, table = [], params.table
    for bound in bounds:
        limit: float | None = getattr(params, bound.param)
        own = table.limits(bound.param, limit) if table else {}
        if own and (limit is not None or any(value is not None for value in own.values())):
            by_name = LimitByName(LIMITS_COLUMN, tuple(own.items()), limit)
            rules.append(Rule(bound.reason, bound.column, bound.keep, by_name))
        elif limit is not None:
            rules.append(Rule(bound.reason, bound.column, bound.keep, float(limit)))
    return rules


def limit_names(batch: pa.RecordBatch, params: BoundedParams) -> pa.Array:
    """The table's key for each document's language, DEFAULT where it has none."""
    table = params.table or LanguageLimits()
    encoded = batch[params.language_column].cast(pa.string()).dictionary_encode()
    keys = pa.array([table.key(label) or DEFAULT for label in encoded.dictionary.to_pylist()], pa.string())
    return pc.fill_null(keys.take(encoded.indices), DEFAULT)


def default_note(params: BoundedParams) -> list[Rule]:
    """Notes of a filter with a table of limits: documents that fell to the default."""
    table = params.table
    return [Rule(FELL_TO_DEFAULT, LIMITS_COLUMN, "in", frozenset(table.keys))] if table else []


DERIVED = {LIMITS_COLUMN: limit_names}
"""What judging again with other limits looks up again."""

BY_LANGUAGE = ("by_language", "language_column")
"""Parameters that are read where limits are, and for nothing else; so is `limits`, where stop words are not counted."""
