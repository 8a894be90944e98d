"""Filter `url_blocklist`: drop documents by where they are from, with lists of domains and URLs and words in URLs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
from ahocorasick_rs import AhoCorasick
from pydantic import Field, model_validator

from filters.contract import Columns, Filter, Rule, StageParams
from filters.list_files import ListFile
from filters.phrase_index import PhraseIndex, build_index
from filters.phrase_lists import PhraseSource, read_phrases
from filters.texts import as_text_array
from filters.url_index import UrlIndex, build_url_index
from filters.url_lists import UrlEntries, UrlSource, entries_of_lines, read_urls

_ALLOWED = ""
"""Category of the entries that are allowed; comes first, so that it wins."""

NAMED = "named"
"""Category of the domains that the recipe itself names."""


class UrlBlocklistParams(StageParams):
    """Lists of domains and URLs, and RefinedWeb's words.

    url_column: column with the documents' URLs, of text; a null passes. lists: see UrlSource. domains: more entries, as
    lines of a list, of category `named`. allow: entries that pass though they are listed.
    strict_words: found anywhere in a URL less its `-` and `.`; hard_words: found as words; soft_words: found as words,
    more than `max_soft_words` different ones drop (RefinedWeb: two and more; Penedo et al. 2023, appendix G.1).
    action: `measure` only writes the columns.
    """

    url_column: str = "url"
    lists: tuple[UrlSource, ...] = ()
    domains: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    strict_words: ListFile | None = None
    hard_words: ListFile | None = None
    soft_words: ListFile | None = None
    max_soft_words: Annotated[int, Field(ge=0)] = 1
    action: Literal["drop", "measure"] = "drop"

    @model_validator(mode="after")
    def _something_to_look_for(self) -> UrlBlocklistParams:
        if not (self.lists or self.domains or self.words()):
            raise ValueError("nothing is listed; give lists, domains, strict_words, hard_words or soft_words")
        return self

    def words(self) -> dict[str, ListFile]:
        """Word lists by the name of their column, in order of judging."""
        given = {"strict_words": self.strict_words, "hard_words": self.hard_words, "soft_words": self.soft_words}
        return {name: file for name, file in given.items() if file is not None}

    def named_categories(self) -> tuple[str, ...] | None:
        """All categories there can be, in order; None if only the lists' own folders and names say."""
        named = [NAMED] if self.domains else []
        for source in self.lists:
            if source.category is None and source.categories is None:
                return None
            named += [source.category] if source.category else source.categories or ()
        return tuple(dict.fromkeys(named))


@dataclass(frozen=True)
class UrlBlocklist:
    """Lists ready to be asked; what is not in the recipe is None."""

    params: UrlBlocklistParams
    index: UrlIndex | None
    substrings: AhoCorasick | None
    words: dict[str, PhraseIndex]


def prepare(params: UrlBlocklistParams) -> UrlBlocklist:
    """Read the lists. Raises RecipeError for one that is missing, damaged, empty or has another checksum."""
    lists: list[UrlEntries] = [entries_of_lines(_ALLOWED, params.allow)] if params.allow else []
    lists += [entries_of_lines(NAMED, params.domains)] if params.domains else []
    lists += [entries for source in params.lists for entries in read_urls(source)]
    words = {
        name: read_phrases(PhraseSource(path=file.path, sha256=file.sha256)) for name, file in params.words().items()
    }
    strict = words.pop("strict_words", None)
    return UrlBlocklist(
        params,
        build_url_index(lists) if lists else None,
        AhoCorasick(sorted({_joined(word) for word in strict.texts.to_pylist()})) if strict else None,
        {name: build_index([phrases], as_text_array([])) for name, phrases in words.items()},
    )


def columns(params: UrlBlocklistParams) -> Mapping[str, pa.DataType]:
    """Category and entry of the list, null where none; different words found in the URL."""
    return {"category": pa.string(), "entry": pa.string(), **dict.fromkeys(params.words(), pa.int64())}


def measure(texts: pa.LargeStringArray, batch: pa.RecordBatch, state: UrlBlocklist) -> Columns:
    """What is known of every document's URL; the text is not looked at."""
    urls = batch[state.params.url_column].cast(pa.string()).to_pylist()
    found: Columns = _listed(urls, state.index)
    plain = [_plain(url or "") for url in urls] if state.params.words() else []
    if state.substrings is not None:
        hits = (state.substrings.find_matches_as_indexes(_joined(url), overlapping=True) for url in plain)
        found["strict_words"] = pa.array([len({number for number, _, _ in of_url}) for of_url in hits], pa.int64())
    for name, index in state.words.items():
        of_all = index.find(as_text_array(plain))
        pairs = np.unique(np.stack([of_all.rows, of_all.phrases]), axis=1)
        found[name] = pa.array(np.bincount(pairs[0], minlength=len(urls)))
    return found


def _listed(urls: Sequence[str | None], index: UrlIndex | None) -> Columns:
    if index is None:
        return {name: pa.nulls(len(urls), pa.string()) for name in ("category", "entry")}
    categories, entries = index.find(urls)
    known = pa.array(index.categories, pa.string())
    passes = np.array([number < 0 or index.categories[number] == _ALLOWED for number in categories], np.bool_)
    return {
        "category": known.take(pa.array(categories, mask=passes)),
        "entry": index.names.take(pa.array(entries, mask=passes)).cast(pa.string()),
    }


def _plain(url: str) -> str:
    """A URL in lower case, without its escapes."""
    return (unquote(url) if "%" in url else url).lower()


def _joined(text: str) -> str:
    return text.lower().replace("-", "").replace(".", "")


def rules(params: UrlBlocklistParams) -> Sequence[Rule]:
    """Categories in order, then strict, hard and soft words.

    `url_adult` and the like where the recipe names all categories; else `url_listed`, with the category as detail.
    """
    if params.action == "measure":
        return []
    named = params.named_categories()
    if named is None:
        listed = [Rule("url_listed", "category", "in", frozenset())]
    else:
        listed = [Rule(f"url_{name}", "category", "in", frozenset(named) - {name}) for name in named]
    limits = {"strict_words": 0, "hard_words": 0, "soft_words": params.max_soft_words}
    return [*listed, *(Rule(f"url_has_{name}", name, "<=", limits[name]) for name in params.words())]


URL_BLOCKLIST = Filter(
    name="url_blocklist",
    summary="domains and URLs of lists, words in URLs",
    Params=UrlBlocklistParams,
    columns=columns,
    prepare=prepare,
    measure=measure,
    rules=rules,
    limits=lambda params: ("max_soft_words", "action"),
    needs=lambda params: [params.url_column],
)
