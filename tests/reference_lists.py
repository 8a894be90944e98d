"""Slow twins of phrase lists and URL lists in plain Python, obvious enough to be believed."""

from __future__ import annotations

from collections.abc import Collection

from tests.reference import kind


def folded(text: str) -> tuple[str, list[int]]:
    """The text case-folded, runs of white space one space; and of every character which one of the text it is from."""
    out, origin = "", []
    for index, char in enumerate(text):
        if char.isspace():
            if not (index and text[index - 1].isspace()):
                out += " "
                origin.append(index)
            continue
        out += char.casefold()
        origin += [index] * len(char.casefold())
    return out, [*origin, len(text)]


def is_edge(text: str, index: int) -> bool:
    """Whether no word runs across the place before `text[index]`."""
    return not (0 < index < len(text) and kind(text[index - 1]) == kind(text[index]) == "word")


def occurrences(text: str, phrase: str) -> list[tuple[int, int]]:
    """Where a folded phrase stands in a folded text, overlapping ones too."""
    found = [i for i in range(len(text) - len(phrase) + 1) if text.startswith(phrase, i)]
    return [(i, i + len(phrase)) for i in found if is_edge(text, i) and is_edge(text, i + len(phrase))]


def find_phrases(text: str, phrases: Collection[str], allowed: Collection[str] = ()) -> list[tuple[int, int, str]]:
    """Hits in code points of the text, with the folded phrase: left to right, longest first, none overlapping.

    >>> find_phrases("A BAD  Word", ["bad", "bad word"])
    [(2, 11, 'bad word')]
    """
    line, origin = folded(text)
    keys = {folded(phrase.strip())[0] for phrase in phrases}
    hidden = [span for phrase in allowed for span in occurrences(line, folded(phrase.strip())[0])]
    spans = [(start, -end, key) for key in keys for start, end in occurrences(line, key)]
    hits, last = [], 0
    for start, minus_end, key in sorted(spans):
        covered = any(a <= start and -minus_end <= b for a, b in hidden)
        if start >= last and not covered:
            hits.append((origin[start], origin[-minus_end], key))
            last = -minus_end
    return hits
