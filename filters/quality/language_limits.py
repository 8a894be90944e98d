"""Limits by language, as one table: FineWeb-2's published numbers (`fineweb2.yaml` beside this file)."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from filters.language_codes import canonical_code

PARAMS = {
    "score": ("min_score",),
    "word_length": ("min_word_length", "max_word_length"),
    "letter_words": ("min_letter_words",),
    "newlines": ("max_newlines",),
    "terminal_lines": ("min_terminal_lines",),
    "duplicate_lines": ("max_duplicate_lines",),
    "top": ("max_top_2grams", "max_top_3grams", "max_top_4grams"),
    "duplicate": tuple(f"max_duplicate_{n}grams" for n in range(5, 11)),
}
"""Keys of the file, and the parameters of the quality filters that their numbers are limits for, in order."""


@dataclass(frozen=True)
class LanguageLimits:
    """A table of limits and stop words by language.

    keys: `xxx_Scrp` of the languages it lists. aliases: other labels for them. values: limits by parameter, then by
    key. stop_words: by key. within: keys of languages whose stop words are parts of words, to be found anywhere.
    """

    keys: tuple[str, ...]
    aliases: Mapping[str, str]
    values: Mapping[str, Mapping[str, float]]
    stop_words: Mapping[str, tuple[str, ...]]
    within: frozenset[str]

    def key(self, label: str | None) -> str | None:
        """The key for a label of a language model: ISO 639-1 or -3, `xxx_Scrp`, BCP-47; None for one not listed.

        >>> table = load_fineweb2()
        >>> [table.key(label) for label in ("de", "deu", "deu_Latn", "zh-Hant", "pt-BR", "sr-Latn", "tlh")]
        ['deu_Latn', 'deu_Latn', 'deu_Latn', 'cmn_Hani', 'por_Latn', None, None]
        """
        if not label or label in self.keys:
            return label or None
        return self.aliases.get(label) or self._in_bcp47.get(_without_region(canonical_code(label)))

    @functools.cached_property
    def _in_bcp47(self) -> dict[str, str]:
        """Keys by the names that the stage `language` gives them; only from labels with a script, as others clash."""
        labels = [*((key, key) for key in self.keys), *self.aliases.items()]
        return {canonical_code(label): key for label, key in labels if "_" in label}

    def limits(self, param: str) -> tuple[tuple[str, float | None], ...]:
        """(key, limit) for one parameter of a filter, empty if the table has nothing to say about it."""
        return tuple(self.values.get(param, {}).items())


def _without_region(code: str) -> str:
    """`pt-BR` as `pt`: limits are by language and script."""
    language, *subtags = code.split("-")
    return "-".join([language, *(tag for tag in subtags if len(tag) == 4)])


@functools.cache
def load_fineweb2() -> LanguageLimits:
    """FineWeb-2's table; languages without numbers of their own are left to the default."""
    content = yaml.safe_load(Path(__file__).with_name("fineweb2.yaml").read_text(encoding="utf-8"))
    aliases: dict[str, str] = {}
    values: dict[str, dict[str, float]] = {param: {} for params in PARAMS.values() for param in params}
    stop_words, within = {}, set()
    for key, entry in content.items():
        for label in entry["labels"].split():
            if aliases.setdefault(label, key) != key:
                raise ValueError(f"fineweb2.yaml: {label} stands for {aliases[label]} and for {key}")
        for name, params in PARAMS.items():
            if name not in entry:  # no number of its own: the stage's value judges
                continue
            numbers = entry[name] if isinstance(entry[name], list) else [entry[name]]
            for param, number in zip(params, numbers, strict=True):
                values[param][key] = float(number)
        stop_words[key] = tuple(entry["stop_words"].split())
        if entry.get("within"):
            within.add(key)
    return LanguageLimits(tuple(content), aliases, values, stop_words, frozenset(within))
