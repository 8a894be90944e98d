"""Slow twins of the text statistics, in plain Python with `str` methods, `re` and `Counter`.

Each says what its statistic is; the kernels in `filters/kernels/{words,lines,repeats}.py` must give the same numbers.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from statistics import median

from filters.kernels.characters import character_has
from tests import reference

PUBLISHED, DOLMA, DCLM = "published", "dolma", "dclm"


def words(text: str, flavour: str) -> list[str]:
    """Words in their order: `str.split()`, or the project's own, lower-cased."""
    return text.split() if flavour == "whitespace" else reference.tokens(text)


def is_proper(word: str) -> bool:
    """Whether a word holds a character that is not a symbol."""
    return any(not character_has(char, "symbol") for char in word)


def is_lone(word: str) -> bool:
    """Whether a word of the project is one character of a script without spaces."""
    return len(word) == 1 and reference.kind(word) == "lone"


def has_letter(word: str, flavour: str) -> bool:
    """Whether a word holds a letter; a mark that is a word by itself, such as a vowel sign of Thai, is one."""
    sign = flavour != "whitespace" and is_lone(word) and unicodedata.category(word).startswith("M")
    return sign or any(char.isalpha() for char in word)


def word_counts(text: str, flavour: str) -> dict[str, int]:
    """Over the words of a text; lengths are characters."""
    found = words(text, flavour)
    proper = [word for word in found if is_proper(word)]
    return {
        "WORDS": len(found),
        "WORD_CHARS": sum(map(len, found)),
        "PROPER_WORDS": len(proper),
        "PROPER_CHARS": sum(map(len, proper)),
        "LETTER_WORDS": sum(has_letter(word, flavour) for word in found),
        "MARKED_WORDS": sum("#" in word or "…" in word for word in found),
        "LONE_WORDS": 0 if flavour == "whitespace" else sum(map(is_lone, found)),
        "TWICE_MEDIAN": int(2 * median(min(len(word), 1023) for word in found)) if found else 0,
    }


def stop_words(text: str, flavour: str, listed: set[str], fold: bool = False) -> tuple[int, int]:
    """Different words of the list in a text, and all of them."""
    found = [word.lower() if fold and len(word.lower()) == len(word) else word for word in words(text, flavour)]
    return len(listed & set(found)), sum(word in listed for word in found)


def stop_words_within(text: str, listed: set[str]) -> tuple[int, int]:
    """The same of words that stand anywhere, parts of others too."""
    return sum(word in text for word in listed), sum(map(text.count, listed))


def repeat_counts(text: str, flavour: str, counting: str) -> dict[str, int]:
    """Characters in frequent and in repeated runs of words."""
    found = words(text, flavour)
    counts = {"REPEAT_WORDS": len(found), "REPEAT_CHARS": sum(map(len, found))}
    for n in range(2, 11):
        runs = [tuple(found[i : i + n]) for i in range(len(found) - n + 1)]
        if n <= 4:
            counts[f"TOP {n}"] = _top(runs, flavour, counting)
        else:
            counts[f"DUPLICATE {n}"] = _duplicate(found, runs, n, counting)
            counts[f"ALL {n}"] = sum(len(word) for run in runs for word in run)
    return counts


def _joined(run: tuple[str, ...], flavour: str) -> int:
    """Characters of a run as it is written: a space between words, but none beside a lone word of the project."""
    spaces = sum(flavour == "whitespace" or not (is_lone(a) or is_lone(b)) for a, b in itertools.pairwise(run))
    return sum(map(len, run)) + spaces


def _top(runs: list[tuple[str, ...]], flavour: str, counting: str) -> int:
    """Most frequent run, the first of several: characters times count. DCLM: the longest, none if all differ."""
    if not runs:
        return 0
    run, most = Counter(runs).most_common(1)[0]
    if counting == PUBLISHED:
        return _joined(run, flavour) * most
    if counting == DCLM:
        if most == 1:
            return 0
        run = max((r for r, count in Counter(runs).items() if count == most), key=lambda r: sum(map(len, r)))
    return sum(map(len, run)) * most


def _duplicate(found: list[str], runs: list[tuple[str, ...]], n: int, counting: str) -> int:
    """Characters in repeated runs."""
    counts = Counter(runs)
    if counting == DOLMA:
        return sum(len(word) for run in runs if counts[run] > 1 for word in run)
    if counting == DCLM:
        covered = {i + k for i, run in enumerate(runs) if counts[run] > 1 for k in range(n)}
        return sum(len(found[i]) for i in covered)
    seen, chars, i = set(), 0, 0
    while i < len(runs):
        if runs[i] in seen:
            chars += sum(map(len, runs[i]))
            i += n
        else:
            seen.add(runs[i])
            i += 1
    return chars


def line_counts(text: str, counting: str, short: int) -> dict[str, int]:
    """Over the characters, lines and paragraphs of a text."""
    raw = text.split("\n")
    trimmed = [line.strip() for line in raw if line.strip()]
    full = [line for line in raw if line.strip()]
    bullets = {PUBLISHED: "•-", DOLMA: "*-", DCLM: "●•*-"}[counting]
    ellipses = {PUBLISHED: ("...", "…"), DOLMA: ("…",), DCLM: ("...", "…", ". . .")}[counting]
    if counting == PUBLISHED:
        lines = [line.strip() for line in text.splitlines()]
        segments, paragraphs = re.split("\n+", text), re.split("\n{2,}", text.strip())
    elif counting == DOLMA:
        lines, segments, paragraphs = raw, raw, []
    else:
        lines, segments = trimmed, trimmed
        paragraphs = [piece.strip() for piece in text.split("\n\n") if piece.strip()]
    every = counting != PUBLISHED
    segment_repeats, paragraph_repeats = _repeats(segments, every), _repeats(paragraphs, every)
    return {
        "CHARS": len(text),
        "NEWLINES": text.count("\n"),
        "HASHES": text.count("#"),
        "DOTS": text.count("..."),
        "SPACED_DOTS": text.count(". . ."),
        "ELLIPSES": text.count("…"),
        "LINES": len(lines),
        "BULLET_LINES": sum(line.startswith(tuple(bullets)) for line in lines),
        "ELLIPSIS_LINES": sum(line.endswith(ellipses) for line in lines),
        "FULL_LINES": len(full),
        "TERMINAL_LINES": sum(character_has(line[-1], "terminal") for line in full),
        "SHORT_LINES": sum(len(line) <= short for line in full),
        "REPEATED_FULL_CHARS": sum(map(len, _repeats(full, False))) if counting == PUBLISHED else 0,
        "SEGMENTS": len(segments),
        "REPEATED_SEGMENTS": len(segment_repeats),
        "REPEATED_SEGMENT_CHARS": sum(map(len, segment_repeats)),
        "SEGMENT_CHARS": sum(map(len, segments)),
        "PARAGRAPHS": len(paragraphs),
        "REPEATED_PARAGRAPHS": len(paragraph_repeats),
        "REPEATED_PARAGRAPH_CHARS": sum(map(len, paragraph_repeats)),
        "PARAGRAPH_CHARS": sum(map(len, paragraphs)),
    }


def _repeats(pieces: Iterable[str], every: bool) -> list[str]:
    """Pieces that an earlier one equals; with `every`, all that have an equal."""
    pieces = list(pieces)
    counts = Counter(pieces)
    seen: set[str] = set()
    repeats = []
    for piece in pieces:
        if counts[piece] > 1 if every else piece in seen:
            repeats.append(piece)
        seen.add(piece)
    return repeats


def edited(text: str, edits: Iterable[tuple[str, int, int]]) -> str:
    """What is left of a text without the spans that were cut, white space aside."""
    gone = {i for _, start, end in edits for i in range(start, end)}
    return "".join("".join(char for i, char in enumerate(text) if i not in gone).split())
