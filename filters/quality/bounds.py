"""Rules as data: a bound names its parameter, what is compared with it, and where its number was published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa

from filters.contract import LimitByName, Rule
from filters.quality.language_limits import LanguageLimits

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


def rules_of(bounds: Sequence[Bound], params: Any, table: LanguageLimits | None = None) -> list[Rule]:
    """The rules that are not turned off, in order; with a table, each language is judged by its own limit.

    The value of a parameter is then the limit of languages that the table does not list.
    """
    rules = []
    for bound in bounds:
        limit = getattr(params, bound.param)
        if limit is None:
            continue
        own = table.limits(bound.param) if table else ()
        given = LimitByName(LIMITS_COLUMN, own, float(limit)) if own else float(limit)
        rules.append(Rule(bound.reason, bound.column, bound.keep, given))
    return rules


def limit_names(labels: pa.Array, table: LanguageLimits) -> pa.Array:
    """The table's key for each label of a language column, DEFAULT where it has none."""
    encoded = labels.cast(pa.string()).dictionary_encode()
    keys = [table.key(label) or DEFAULT for label in encoded.dictionary.to_pylist()]
    return pa.array([DEFAULT if code is None else keys[code] for code in encoded.indices.to_pylist()], pa.string())


def default_note(table: LanguageLimits | None) -> list[Rule]:
    """Notes of a filter with a table of limits: documents that fell to the default."""
    return [Rule(FELL_TO_DEFAULT, LIMITS_COLUMN, "in", frozenset(table.keys))] if table else []
