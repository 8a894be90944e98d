"""A file of limits by language: YAML, one entry a language, read with the line of everything that is wrong with it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import yaml

from filters.errors import RecipeError, unknown_name
from filters.list_files import ListFile, decode_lines, read_list_bytes

_WHAT = "table of limits"

GROUPS = {
    "score": ("min_score",),
    "word_length": ("min_word_length", "max_word_length"),
    "letter_words": ("min_letter_words",),
    "newlines": ("max_newlines",),
    "terminal_lines": ("min_terminal_lines",),
    "duplicate_lines": ("max_duplicate_lines",),
    "top": ("max_top_2grams", "max_top_3grams", "max_top_4grams"),
    "duplicate": tuple(f"max_duplicate_{n}grams" for n in range(5, 11)),
}
"""Short keys of an entry, and the parameters that their numbers are limits for, in order."""
SINGLE = (
    "min_words", "max_words", "max_symbols", "max_bullet_lines", "max_ellipsis_lines", "min_stop_words",
    "max_duplicate_paragraphs", "max_duplicate_paragraph_chars", "max_duplicate_line_chars",
    "max_short_lines", "max_duplicate_chars",
)  # fmt: skip
"""Limits of the quality filters that have no short key."""
PARAMS = (*(param for group in GROUPS.values() for param in group), *SINGLE)
"""Every limit that may differ by language; each may also be written by its own name."""

_NULL = ("", "~", "null")
_KNOWN = ("labels", "stop_words", "within", *GROUPS, *PARAMS)


@dataclass(frozen=True)
class Entry:
    """A language of the file. line: where it begins. limits: by parameter; null turns a rule off for the language."""

    line: int
    labels: tuple[str, ...]
    limits: Mapping[str, float | None]
    stop_words: tuple[str, ...]
    within: bool


def read_entries(file: ListFile) -> dict[str, Entry]:
    """The languages of a file, by the names it gives them, in order.

    Raises RecipeError, with the line, for a file that cannot be read, is no YAML or has another checksum, and for
    entries that are not what they should be: unknown or repeated keys, too few numbers, numbers below zero.
    """
    text = "\n".join(decode_lines(read_list_bytes(file, _WHAT), file.path, _WHAT))
    try:
        root = yaml.compose(text, yaml.BaseLoader)  # nodes, not values: `no` is Norwegian, and every node has a line
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{file.path}:{mark.line + 1}" if mark else file.path
        raise RecipeError(
            f"{place}: not YAML ({getattr(error, 'problem', error)}); see docs/quality-rules.md"
        ) from error
    if not isinstance(root, yaml.MappingNode) or not root.value:
        raise RecipeError(f"{file.path}: no languages; expected entries such as `de: {{word_length: [1, 15]}}`")
    return {key: _Reader(file.path, key).entry(node) for key, node in _items(root, file.path)}


def _items(node: yaml.MappingNode, path: str) -> Iterator[tuple[str, yaml.Node]]:
    seen = set()
    for key, value in node.value:
        place = f"{path}:{key.start_mark.line + 1}"
        if not isinstance(key, yaml.ScalarNode):
            raise RecipeError(f"{place}: expected a name before the colon")
        if key.value in seen:
            raise RecipeError(f"{place}: {key.value!r} is there already; write it once")
        seen.add(key.value)
        yield key.value, value


@dataclass(frozen=True)
class _Reader:
    """Reads one entry. language: its key, for errors."""

    path: str
    language: str

    def entry(self, node: yaml.Node) -> Entry:
        if not isinstance(node, yaml.MappingNode):
            raise self.error(node, "expected limits by name, as in `min_words: 30`")
        limits: dict[str, float | None] = {}
        words: dict[str, tuple[str, ...]] = {}
        within = False
        for name, value in _items(node, self.path):
            if name in ("labels", "stop_words"):
                words[name] = tuple(self.texts(value, name))
            elif name == "within":
                within = self.flag(value)
            elif name in GROUPS or name in PARAMS:
                params = GROUPS.get(name, (name,))
                for param, number in zip(params, self.numbers(value, name, len(params)), strict=True):
                    if param in limits:
                        raise self.error(value, f"{name}: {param} is given twice")
                    limits[param] = number
            else:
                raise self.error(value, unknown_name("key", name, _KNOWN))
        return Entry(node.start_mark.line + 1, words.get("labels", ()), limits, words.get("stop_words", ()), within)

    def texts(self, node: yaml.Node, name: str) -> list[str]:
        """Words of a text, or a list of them."""
        if isinstance(node, yaml.ScalarNode):
            return str(node.value).split()
        return [self.scalar(item, name) for item in self.items(node, name)]

    def numbers(self, node: yaml.Node, name: str, count: int) -> list[float | None]:
        """As many numbers as the key stands for; null, alone or among them, turns rules off."""
        if isinstance(node, yaml.ScalarNode) and node.value in _NULL:
            return [None] * count
        nodes = [node] if isinstance(node, yaml.ScalarNode) else self.items(node, name)
        if len(nodes) != count:
            raise self.error(node, f"{name}: expected {count} numbers ({', '.join(GROUPS.get(name, (name,)))})")
        return [self.number(item, name) for item in nodes]

    def number(self, node: yaml.Node, name: str) -> float | None:
        text = self.scalar(node, name)
        if text in _NULL:
            return None
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not 0 <= number < math.inf:
            raise self.error(node, f"{name}: expected a number from 0 on, or null, got {text[:60]!r}")
        return number

    def flag(self, node: yaml.Node) -> bool:
        text = self.scalar(node, "within")
        if text not in ("true", "false"):
            raise self.error(node, f"within: expected true or false, got {text[:60]!r}")
        return text == "true"

    def items(self, node: yaml.Node, name: str) -> list[yaml.Node]:
        if not isinstance(node, yaml.SequenceNode):
            raise self.error(node, f"{name}: expected a value or a list")
        return list(node.value)

    def scalar(self, node: yaml.Node, name: str) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise self.error(node, f"{name}: expected a value")
        return str(node.value)

    def error(self, node: yaml.Node, sentence: str) -> RecipeError:
        return RecipeError(f"{self.path}:{node.start_mark.line + 1}: {self.language}: {sentence}")
