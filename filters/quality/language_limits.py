"""Limits by language, as one table: FineWeb-2's published numbers, a file of one's own, and what a recipe adds."""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from filters.errors import RecipeError
from filters.language_codes import canonical_code, check_code
from filters.list_files import ListFile
from filters.quality.limits_file import read_entries

Limits = Mapping[str, float | None]
"""Limit by parameter or by key; null judges nothing."""

_FINEWEB2 = "fineweb2"


def _name_or_file(given: Any) -> Any:
    """A path as text is a file without a checksum; other text is no table."""
    if not isinstance(given, str) or given == _FINEWEB2:
        return given
    if not given.lower().endswith((".yaml", ".yml", ".yaml.gz", ".yml.gz")):
        raise ValueError(f"expected {_FINEWEB2!r}, or the path of a .yaml file, got {given[:60]!r}")
    return {"path": given}


TableSource = Annotated[Literal["fineweb2"] | ListFile, BeforeValidator(_name_or_file)]
"""Where a table of limits is: `fineweb2`, or a file of the same form, by its path or as `{path: ..., sha256: ...}`."""


@dataclass(frozen=True)
class LanguageLimits:
    """A table of limits and stop words by language.

    keys: names of the languages it lists, in order. codes: BCP-47 code -> key; a language may have several. values:
    limits by parameter, then by key. stop_words: by key. within: keys of languages whose stop words are parts of words,
    to be found anywhere. added: limits that the recipe itself names, by parameter, then by key.
    """

    keys: tuple[str, ...] = ()
    codes: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Limits] = field(default_factory=dict)
    stop_words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    within: frozenset[str] = frozenset()
    added: Mapping[str, Limits] = field(default_factory=dict)

    def key(self, label: str | None) -> str | None:
        """The key for a label of a language model: ISO 639-1 or -3, `xxx_Scrp`, BCP-47; None for one not listed.

        >>> table = load_limits("fineweb2")
        >>> [table.key(label) for label in ("de", "deu", "deu_Latn", "zh-Hant", "pt-BR", "sr-Latn", "tlh")]
        ['deu_Latn', 'deu_Latn', 'deu_Latn', 'cmn_Hani', 'por_Latn', None, None]
        """
        return self.codes.get(_without_region(canonical_code(label))) if label else None

    def limits(self, param: str, otherwise: float | None) -> dict[str, float | None]:
        """Limits of one parameter by key, empty if the table has nothing to say about it.

        otherwise: the stage's own limit. If that is null, its rule is off for the table's languages, too, and only
        limits that the recipe names for a language are left.
        """
        listed = {} if otherwise is None else self.values.get(param, {})
        return {**listed, **self.added.get(param, {})}

    def adding(self, by_language: Mapping[str, Limits]) -> LanguageLimits:
        """This table with limits of a recipe in it, which go before its own.

        by_language: limits by parameter, by any usual code of a language. Raises RecipeError for a code that is none,
        and for two of one language.
        """
        codes, writers = dict(self.codes), dict[str, str]()
        added: dict[str, dict[str, float | None]] = {}
        for label, limits in by_language.items():
            code = _checked(label, self.codes)
            key = codes.setdefault(code, code)
            if writers.setdefault(key, label) != label:
                raise RecipeError(f"{writers[key]!r} and {label!r} are one language here; write it once")
            for param, limit in limits.items():
                added.setdefault(param, {})[key] = limit
        return replace(self, keys=tuple(dict.fromkeys([*self.keys, *codes.values()])), codes=codes, added=added)


def _checked(label: str, known: Collection[str]) -> str:
    """The BCP-47 code of a label that somebody wrote, without a region: limits are by language and script.

    Raises RecipeError, with near ones of the known named, for what is no language.
    """
    return _without_region(check_code(label, known or load_limits(_FINEWEB2).codes))


def _without_region(code: str) -> str:
    """`pt-BR` as `pt`."""
    language, *subtags = code.split("-")
    return "-".join([language, *(tag for tag in subtags if len(tag) == 4)])


@functools.lru_cache(maxsize=8)
def load_limits(source: Literal["fineweb2"] | ListFile) -> LanguageLimits:
    """FineWeb-2's table (`fineweb2.yaml` beside this file), or that of a file; read once per process.

    What a language has no number for is left to the stage's own value. Raises RecipeError, with the line, for a file
    that is not as it should be, a code that is none, and a label that stands for two languages.
    """
    shipped = ListFile(path=str(Path(__file__).with_name("fineweb2.yaml")))
    file = source if isinstance(source, ListFile) else shipped
    entries = read_entries(file)
    near = [] if isinstance(source, ListFile) else [canonical_code(key) for key in entries]
    codes: dict[str, str] = {}
    values: dict[str, dict[str, float | None]] = {}
    for key, entry in entries.items():
        for label in (key, *entry.labels):
            try:
                other = codes.setdefault(_checked(label, near), key)
            except RecipeError as error:
                raise RecipeError(f"{file.path}:{entry.line}: {error}") from error
            if other != key:
                raise RecipeError(f"{file.path}:{entry.line}: {label!r} is {other!r} already; write a language once")
        for param, limit in entry.limits.items():
            values.setdefault(param, {})[key] = limit
    return LanguageLimits(
        keys=tuple(entries),
        codes=codes,
        values=values,
        stop_words={key: entry.stop_words for key, entry in entries.items() if entry.stop_words},
        within=frozenset(key for key, entry in entries.items() if entry.within),
    )
