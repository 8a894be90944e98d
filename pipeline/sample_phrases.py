"""Text in twelve languages, composed from the phrases of `sample_phrases.yaml`."""

from __future__ import annotations

import functools
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import yaml

T = TypeVar("T")

PLACEHOLDER = "\ue000"
"""Stands where a phrase has `{value}`: a private-use character, so it cannot be part of any phrase."""

_FILE = Path(__file__).with_suffix(".yaml")
_SETTINGS = ("share", "chars_per_word", "joiner")
_NUMBERS = {
    "n": [str(10 * tens + ones) for tens in range(1, 10) for ones in range(5, 10)],
    "many": [str(100 * h + 10 * t + ones) for h in range(1, 10) for t in range(1, 10) for ones in range(5, 10)],
    "year": [str(year) for year in range(1900, 2025)],
    "value": [PLACEHOLDER],
}


def pick(rng: random.Random, items: Sequence[T]) -> T:
    """One item of `items`, the same for a seed on every Python version (`Random.choice` changed once).

    >>> pick(random.Random(1), "abcdefgh")
    'b'
    """
    return items[int(rng.random() * len(items))]


def shuffled(rng: random.Random, items: Sequence[T]) -> list[T]:
    """The items in random order (Fisher and Yates), the same for a seed on every Python version.

    >>> shuffled(random.Random(1), [1, 2, 3, 4])
    [4, 2, 3, 1]
    """
    out = list(items)
    for last in range(len(out) - 1, 0, -1):
        other = int(rng.random() * (last + 1))
        out[last], out[other] = out[other], out[last]
    return out


@dataclass(frozen=True)
class Language:
    """The phrases of one language: `rules[symbol]` are alternatives, each literal, symbol, literal, symbol, ..."""

    code: str
    share: int
    chars_per_word: float
    joiner: str
    rules: dict[str, list[list[str]]]

    def compose(self, rng: random.Random, symbol: str) -> str:
        """Expand one symbol: an alternative at random, and every symbol in it likewise.

        >>> load_languages()["en"].compose(random.Random(4), "town")
        'Saltmere'
        """
        parts = pick(rng, self.rules[symbol])
        if len(parts) == 1:
            return parts[0]
        return "".join(self.compose(rng, part) if i % 2 else part for i, part in enumerate(parts))

    def sentence(self, rng: random.Random, symbol: str = "sentence") -> str:
        """Expand a symbol that stands at the beginning of a sentence: its first letter is a capital."""
        text = self.compose(rng, symbol)
        first = next((i for i, char in enumerate(text) if char.isalnum()), 0)
        return text[:first] + text[first : first + 1].upper() + text[first + 1 :]

    def paragraphs(self, rng: random.Random, words: int) -> list[list[str]]:
        """Paragraphs, each a list of sentences, of about `words` words in all; half of them have a heading."""
        left = words * self.chars_per_word
        paragraphs = []
        if words >= 60 and rng.random() < 0.5:
            paragraphs.append([self.sentence(rng, "heading")])
            left -= len(paragraphs[0][0])
        while left > 0 or not paragraphs:
            paragraph: list[str] = []
            sentences = pick(rng, (2, 3, 3, 4, 4, 5, 6, 8))
            while len(paragraph) < sentences and (left > 0 or not paragraph):
                paragraph.append(self.sentence(rng))
                left -= len(paragraph[-1]) + len(self.joiner)
            paragraphs.append(paragraph)
        return paragraphs

    def literals(self, symbol: str) -> list[str]:
        """All the fixed text in the alternatives of one symbol."""
        return [part for parts in self.rules[symbol] for part in parts[::2]]


@functools.cache
def load_languages() -> dict[str, Language]:
    """All languages of `sample_phrases.yaml` by their code."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    entries = yaml.load(_FILE.read_text(encoding="utf-8"), Loader=loader)
    return {code: _parse(code, entry) for code, entry in entries.items()}


def _parse(code: str, entry: dict[str, str]) -> Language:
    """One language from its entry in the file."""
    alternatives = {
        symbol: [line.strip() for line in re.split(r"[|\n]", text) if line.strip()]
        for symbol, text in entry.items()
        if symbol not in _SETTINGS
    }
    rules = {
        symbol: [re.split(r"\{(\w+)\}", alternative) for alternative in texts]
        for symbol, texts in (alternatives | _NUMBERS).items()
    }
    return Language(code, int(entry["share"]), float(entry["chars_per_word"]), entry.get("joiner", " "), rules)
