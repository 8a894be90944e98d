"""Where two texts differ, word by word, in bounded time and memory whatever the texts are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

MOST_WORDS = 4000
"""Words of each side that are compared, from the first that differs: time grows with the square of it."""

_MOST_CHARACTERS = 40 * MOST_WORDS
_LONGEST_WORD = 200

# A word with the space behind it; a sign; one character of a script that is written without spaces.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff"
_WORD = re.compile(rf"[{_UNSPACED}]\s*|(?:(?![{_UNSPACED}])\w)+\s*|[^\w\s]\s*|\s+")


@dataclass(frozen=True)
class Piece:
    """A run of words: the same on both sides, or what stands here on the left and there on the right."""

    left: str
    right: str

    @property
    def same(self) -> bool:
        """Whether both sides have it."""
        return self.left == self.right


@dataclass(frozen=True)
class Difference:
    """Two texts side by side, from their beginning. left_rest, right_rest: characters at the end, not compared."""

    pieces: tuple[Piece, ...]
    left_rest: int = 0
    right_rest: int = 0


def words_of(text: str) -> list[str]:
    """A text cut into words, nothing lost.

    >>> words_of("Two words, 漢字")
    ['Two ', 'words', ', ', '漢', '字']
    """
    return _WORD.findall(text)


def diff_words(left: str, right: str, most: int = MOST_WORDS) -> Difference:
    """Compare two texts by their words. Equal beginnings and ends cost next to nothing; of what is between them the
    first `most` words of each side are compared.

    >>> [(piece.left, piece.right) for piece in diff_words("a b c", "a x c").pieces]
    [('a ', 'a '), ('b ', 'x '), ('c', 'c')]
    """
    before = _common(left, right)
    before = min(_word_begin(text, before) for text in (left, right))
    after = _common(left[before:][::-1], right[before:][::-1])
    after = min(len(text) - _word_begin(text, len(text) - after, forwards=True) for text in (left, right))
    ends = len(left) - after, len(right) - after
    one, other = (_first_words(text[before:end], most) for text, end in zip((left, right), ends, strict=True))
    matcher = SequenceMatcher(None, one, other)  # words that repeat all the time are no anchors to it: that bounds it
    between = [Piece("".join(one[i1:i2]), "".join(other[j1:j2])) for _, i1, i2, j1, j2 in matcher.get_opcodes()]
    compared = [before + sum(map(len, words)) for words in (one, other)]
    whole = compared == list(ends)
    tail = [Piece(left[ends[0] :], right[ends[1] :])] if whole else []
    pieces = tuple(
        piece for piece in (Piece(left[:before], right[:before]), *between, *tail) if piece.left or piece.right
    )
    if whole:
        return Difference(pieces)
    return Difference(pieces, len(left) - compared[0], len(right) - compared[1])


def _common(one: str, other: str) -> int:
    """How many characters both begin with, by halving."""
    good, bad = 0, min(len(one), len(other)) + 1
    while bad - good > 1:
        middle = (good + bad) // 2
        if one[good:middle] == other[good:middle]:
            good = middle
        else:
            bad = middle
    return good


def _word_begin(text: str, place: int, *, forwards: bool = False) -> int:
    """The place itself, or if it lies within a word, where that begins (forwards: where the next one does)."""
    first = max(0, place - _LONGEST_WORD)
    for word in _WORD.finditer(text, first, min(len(text), place + _LONGEST_WORD)):
        if word.start() <= place < word.end():
            if word.start() == place:
                return place
            return word.end() if forwards else word.start()
    return place


def _first_words(text: str, most: int) -> Sequence[str]:
    return words_of(text[:_MOST_CHARACTERS])[:most]
