"""Copies of a sample document: with other white space, or with words edited until a wanted Jaccard is reached.

The slow, obvious version of the project's tokens and shingles, so that the ground truth of the sample corpus does not
come from the code it is there to check.
"""

from __future__ import annotations

import functools
import random
import re
import unicodedata
from collections.abc import Sequence

from pipeline.sample_phrases import pick, shuffled

_SHINGLE = 5
_CLOSE = 0.004  # how near the wanted Jaccard is near enough
_SEPARATOR, _WORD, _LONE = range(3)
_LONE_PREFIXES = (
    "CJK UNIFIED IDEOGRAPH", "CJK COMPATIBILITY IDEOGRAPH", "IDEOGRAPHIC ", "HIRAGANA ", "KATAKANA", "THAI ",
    "LAO ", "KHMER ", "MYANMAR ",
)  # fmt: skip
_SPACES = ("  ", "   ", "\t", " \t", "\n")
_LINE_ENDS = ("\n\n", "\r\n", " \n", "\n\t", "\n \n", " ")


def tokens(text: str) -> list[str]:
    """Tokens of a text, lower-cased: words, or single characters where words are written without spaces.

    >>> tokens("Das Café, 25年の夏")
    ['das', 'café', '25', '年', 'の', '夏']
    """
    return ["".join(map(_lower, token)) for token in _pieces(text)[1::2]]


def jaccard(a: Sequence[str], b: Sequence[str]) -> float:
    """Exact Jaccard of the sets of shingles of two token sequences; 0.0 if neither has a token.

    >>> jaccard("a b c d e f".split(), "a b c d e g".split())
    0.3333333333333333
    """
    left, right = _shingles(a), _shingles(b)
    return len(left & right) / (len(left | right) or 1)


def respaced(rng: random.Random, text: str) -> str:
    """The same text with other ASCII white space: some runs of it replaced, and some more at the ends."""

    def other(run: re.Match[str]) -> str:
        if rng.random() < 0.8:
            return run.group()
        return pick(rng, _LINE_ENDS if "\n" in run.group() else _SPACES)

    return pick(rng, ("", "  ", "\n")) + re.sub(r"\s+", other, text) + pick(rng, ("\n", " \n", "\t", "\r\n"))


def edited(rng: random.Random, text: str, vocabulary: Sequence[str], target: float) -> tuple[str, float]:
    """Replace, insert and delete tokens until Jaccard with the text is as near to `target` as it gets.

    A list of random edits is made once and its first k are applied; Jaccard falls with k, so halving an interval
    around the k to be expected finds it. One edit changes about five shingles: a high target needs a long
    text (one edit in 100 tokens gives 0.9). Returns the edited text and the exact Jaccard.
    """
    pieces = _pieces(text)
    places = [i for i in range(1, len(pieces) - 2, 2) if pieces[i + 1] in ("", " ")]
    edits = [(i, pick(rng, ("replace", "insert", "delete")), pick(rng, vocabulary)) for i in shuffled(rng, places)]
    base = tokens(text)
    best = (2.0, text, 1.0)
    expected = len(base) * (1 - target) / (1 + target) / _SHINGLE
    low, high = 1, min(len(edits), 2 * int(expected) + 3)
    while low <= high and best[0] > _CLOSE:
        middle = (low + high) // 2
        copy = _apply(pieces, edits[:middle])
        similarity = jaccard(base, tokens(copy))
        best = min(best, (abs(similarity - target), copy, similarity))
        if similarity > target:
            low = middle + 1
        else:
            high = middle - 1
    return best[1], best[2]


def _apply(pieces: list[str], edits: Sequence[tuple[int, str, str]]) -> str:
    """The text of `pieces` after edits of tokens, each given by place, kind and new token."""
    pieces = pieces.copy()
    for place, kind, word in edits:
        if kind == "replace":
            pieces[place] = word
        elif kind == "insert":
            pieces[place] += pieces[place + 1] + word
        else:
            pieces[place] = pieces[place + 1] = ""
    return "".join(pieces)


def _pieces(text: str) -> list[str]:
    """Cut a text into separator, token, separator, token, ..., separator, some separators being empty."""
    pieces = [""]
    last = _SEPARATOR
    for char in text:
        kind = _char_class(char)
        at_token = len(pieces) % 2 == 0
        if kind == _SEPARATOR:
            if at_token:
                pieces.append("")
            pieces[-1] += char
        elif kind == _WORD and last == _WORD:
            pieces[-1] += char
        else:
            pieces += ["", char] if at_token else [char]
        last = kind
    return pieces if len(pieces) % 2 else [*pieces, ""]


def _shingles(words: Sequence[str]) -> set[tuple[str, ...]]:
    """All runs of five tokens; of fewer than five tokens the whole sequence; of none nothing."""
    if len(words) < _SHINGLE:
        return {tuple(words)} if words else set()
    return set(zip(*(words[i:] for i in range(_SHINGLE)), strict=False))


@functools.cache
def _char_class(char: str) -> int:
    if unicodedata.category(char)[0] not in "LMN":
        return _SEPARATOR
    return _LONE if unicodedata.name(char, "").startswith(_LONE_PREFIXES) else _WORD


@functools.cache
def _lower(char: str) -> str:
    """Lower case of one character by itself; unchanged where it would become several."""
    lower = char.lower()
    return lower if len(lower) == 1 else char
