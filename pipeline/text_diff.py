"""Where two texts differ, word by word, in bounded time whatever the texts are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

MOST_WORDS = 4000
"""Words of each side that are compared, from the first that differs: time grows with the square of it."""

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
    """Two texts side by side, from their beginning. left_rest, right_rest: characters that were not compared."""

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
    """Compare two texts by their words. Equal beginnings and ends cost nothing; of what is between them the first
    `most` words of each side are compared.

    >>> [(piece.left, piece.right) for piece in diff_words("a b c", "a x c").pieces]
    [('a ', 'a '), ('b ', 'x '), ('c', 'c')]
    """
    one, other = words_of(left), words_of(right)
    before = _common(one, other)
    after = _common(one[before:][::-1], other[before:][::-1])
    middle_one, middle_other = one[before : len(one) - after], other[before : len(other) - after]
    pieces = [Piece("".join(one[:before]), "".join(other[:before]))]
    matcher = SequenceMatcher(None, middle_one[:most], middle_other[:most])  # autojunk bounds it for repeated words
    for _, i1, i2, j1, j2 in matcher.get_opcodes():
        pieces.append(Piece("".join(middle_one[i1:i2]), "".join(middle_other[j1:j2])))
    left_rest, right_rest = ("".join(words[most:]) for words in (middle_one, middle_other))
    if not left_rest and not right_rest:
        pieces.append(Piece("".join(one[len(one) - after :]), "".join(other[len(other) - after :])))
        return Difference(_without_empty(pieces))
    end = sum(map(len, one[len(one) - after :]))
    return Difference(_without_empty(pieces), len(left_rest) + end, len(right_rest) + end)


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """How many words both begin with."""
    for place, (mine, its) in enumerate(zip(one, other, strict=False)):
        if mine != its:
            return place
    return min(len(one), len(other))


def _without_empty(pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    return tuple(piece for piece in pieces if piece.left or piece.right)
