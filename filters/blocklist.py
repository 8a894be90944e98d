"""Filter `blocklist`: count listed phrases and drop documents with more than a few."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field, model_validator

from filters.contract import Columns, Filter, Rule, StageParams
from filters.errors import RecipeError
from filters.list_files import Sha256
from filters.phrase_index import Hits, PhraseIndex, build_index
from filters.phrase_lists import PhraseFile, PhraseSource, read_allowed, read_phrases

Category = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+$")]
_Limit = Annotated[float | None, Field(ge=0, allow_inf_nan=False)]


class PhraseListParams(StageParams):
    """Which phrases.

    path, sha256: one list without languages or categories, for short. lists: any number of lists. allow: phrases whose
    occurrence hides the hits within it (`cock and bull`); allow_lists: the same from files.
    document_language_column: column with the documents' languages, needed if a list has a language.
    """

    path: str | None = None
    sha256: Sha256 | None = None
    lists: tuple[PhraseSource, ...] = ()
    allow: tuple[str, ...] = ()
    allow_lists: tuple[PhraseFile, ...] = ()
    document_language_column: str = "language"

    @model_validator(mode="after")
    def _some_list(self) -> PhraseListParams:
        if self.path is None and not self.lists:
            raise ValueError("no list is named; give path: words.txt, or lists: [{path: words.txt}]")
        if self.path is None and self.sha256 is not None:
            raise ValueError("sha256 belongs to path; of a list under lists, give it there")
        return self

    def sources(self) -> tuple[PhraseSource, ...]:
        """All lists, `path` first."""
        short = () if self.path is None else (PhraseSource(path=self.path, sha256=self.sha256),)
        return (*short, *self.lists)

    def needs(self) -> Sequence[str]:
        """The column of languages, if a list asks for one."""
        asks = any(source.language or source.language_column for source in self.lists)
        return [self.document_language_column] if asks else []


class BlocklistParams(PhraseListParams):
    """Phrases, and how many of them are too many; a value equal to its bound passes.

    action: `measure` only counts. max_hits: left out it is 0, or no bound where another one is given. max_weight: sum
    of the hits' weights. The bounds per 1,000 words are densities; a word is what stage `length` counts.
    max_hits_by_category: by category. categories: those that get a column beside the lists' own and the bounded ones.
    """

    action: Literal["drop", "measure"] = "drop"
    max_hits: Annotated[int | None, Field(ge=0)] = None
    max_weight: _Limit = None
    max_hits_per_1000_words: _Limit = None
    max_weight_per_1000_words: _Limit = None
    max_hits_by_category: dict[Category, Annotated[int, Field(ge=0)]] = Field(default_factory=dict)
    categories: tuple[Category, ...] = ()

    @model_validator(mode="after")
    def _categories_can_be_columns(self) -> BlocklistParams:
        for source in self.lists:
            if source.category is not None and not source.category.replace("_", "a").isalnum():
                raise ValueError(f"a category is a word of letters, digits and _, got {source.category!r}")
        return self

    def counted_categories(self) -> tuple[str, ...]:
        """Categories with a column of their own."""
        of_lists = (source.category for source in self.lists if source.category)
        return tuple(dict.fromkeys([*of_lists, *self.categories, *self.max_hits_by_category]))

    def limits(self) -> list[tuple[str, float]]:
        """Bounds by column, in order of judging."""
        hits = self.max_hits
        given: dict[str, float | None] = {
            **{f"hits_{name}": limit for name, limit in self.max_hits_by_category.items()},
            "weight": self.max_weight,
            "hits_per_1000_words": self.max_hits_per_1000_words,
            "weight_per_1000_words": self.max_weight_per_1000_words,
        }
        others = [(name, limit) for name, limit in given.items() if limit is not None]
        if hits is None and not others:
            hits = 0
        return [*([("hits", hits)] if hits is not None else []), *others]


@dataclass(frozen=True)
class Blocklist:
    """A phrase index with what the stage asks of it."""

    index: PhraseIndex
    params: BlocklistParams

    def count(self, text: str) -> int:
        """Hits of one text of no language, for trying a list by hand."""
        return self.index.count(text)


def load_index(params: PhraseListParams) -> PhraseIndex:
    """Read all lists. Raises RecipeError for one that is missing, damaged, empty or has another checksum."""
    lists = [read_phrases(source) for source in params.sources()]
    return build_index(lists, read_allowed(params.allow_lists, params.allow))


def document_groups(index: PhraseIndex, batch: pa.RecordBatch, params: PhraseListParams) -> np.ndarray:
    """Which lists count in each document, as `PhraseIndex.language_rows` says it."""
    languages = batch[params.document_language_column] if params.needs() else None
    return index.language_rows(languages, len(batch))


def prepare(params: BlocklistParams) -> Blocklist:
    """Read the lists. Raises RecipeError as `load_index`, and for a category that no list has."""
    index = load_index(params)
    known = {category for category in index.group_category if category}
    for name in params.counted_categories():
        if name not in known:
            raise RecipeError(
                f"category {name!r} is in no list, so nothing would be counted; "
                f"the lists have: {', '.join(sorted(known)) or 'no categories'}"
            )
    return Blocklist(index, params)


def columns(params: BlocklistParams) -> Mapping[str, pa.DataType]:
    """`hits` alone for the short form; with `lists` or other bounds also weight, densities, hits by category."""
    if not params.lists and [name for name, _ in params.limits()] == ["hits"] and not params.counted_categories():
        return {"hits": pa.int64()}
    sums = dict.fromkeys(("weight", "hits_per_1000_words", "weight_per_1000_words"), pa.float64())
    return {"hits": pa.int64(), **sums, **{f"hits_{name}": pa.int64() for name in params.counted_categories()}}


def measure(texts: pa.LargeStringArray, batch: pa.RecordBatch, state: Blocklist) -> Columns:
    """Hits (int64), weight and densities (float64), hits by category (int64) of every text.

    A phrase that several lists hold is one hit: it has the largest of its weights and counts in each of its categories.
    """
    index, params = state.index, state.params
    groups = document_groups(index, batch, params)
    hits = index.find(texts, groups)
    wanted = columns(params)
    found: Columns = {"hits": pa.array(np.bincount(hits.rows, minlength=len(texts)))}
    if len(wanted) > 1:
        found |= _sums(index, hits, groups, params.counted_categories())
    return {name: found[name] for name in wanted}


def _sums(index: PhraseIndex, hits: Hits, groups: np.ndarray, categories: Sequence[str]) -> Columns:
    rows, words = len(hits.words), np.maximum(hits.words, 1)
    hit, entry = index.entries_of(hits, groups)
    weight = np.zeros(len(hits.rows))
    np.maximum.at(weight, hit, index.entry_weight[entry])
    counts = np.bincount(hits.rows, minlength=rows)
    weights = np.bincount(hits.rows, weight, minlength=rows)
    found: Columns = {
        "weight": pa.array(weights),
        "hits_per_1000_words": pa.array(counts * 1000 / words),
        "weight_per_1000_words": pa.array(weights * 1000 / words),
    }
    of_group = np.array([categories.index(c) if c in categories else -1 for c in index.group_category], np.int64)
    category = of_group[index.entry_group[entry]]
    for number, name in enumerate(categories):
        here = np.unique(hit[category == number])
        found[f"hits_{name}"] = pa.array(np.bincount(hits.rows[here], minlength=rows))
    return found


def rules(params: BlocklistParams) -> Sequence[Rule]:
    """Hits first, then by category, weight and densities; none if the stage only measures."""
    if params.action == "measure":
        return []
    reasons = {
        "hits": "too_many_blocklist_hits",
        "weight": "too_much_blocklist_weight",
        "hits_per_1000_words": "too_dense_blocklist_hits",
        "weight_per_1000_words": "too_dense_blocklist_weight",
    }
    return [
        Rule(reasons.get(name, f"too_many_{name.removeprefix('hits_')}_hits"), name, "<=", limit)
        for name, limit in params.limits()
    ]


BLOCKLIST = Filter(
    name="blocklist",
    summary="phrases of lists, as whole words: hits, weight, density",
    Params=BlocklistParams,
    columns=columns,
    prepare=prepare,
    measure=measure,
    rules=rules,
    limits=lambda params: ("action", *(name for name in BlocklistParams.model_fields if name.startswith("max_"))),
    needs=lambda params: params.needs(),
)
