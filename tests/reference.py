"""Slow twins of the kernels in plain Python, obvious enough to be believed: tokens, shingles, graphs, survivors.

Classes and lower case come from the running interpreter's `unicodedata`, the kernels' from a table of Unicode 15.1;
the two are compared on code points that the interpreter knows.
"""

from __future__ import annotations

import functools
import unicodedata
from collections import deque
from collections.abc import Iterable, Sequence

MASK = (1 << 64) - 1
BASE = 6364136223846793005  # Knuth's MMIX multiplier

SPACELESS = (
    "CJK UNIFIED IDEOGRAPH", "CJK COMPATIBILITY IDEOGRAPH", "IDEOGRAPHIC ", "HIRAGANA ", "KATAKANA",
    "HALFWIDTH KATAKANA", "HENTAIGANA ", "THAI ", "LAO ", "KHMER ", "MYANMAR ", "TAI LE ", "NEW TAI LUE ",
    "TAI THAM ", "TAI VIET ", "AHOM ",
)  # fmt: skip
"""Beginnings of the names of characters that are a token each."""


@functools.cache
def kind(char: str) -> str:
    """`separator`, `word` or `lone`."""
    if unicodedata.category(char)[0] not in "LMN":
        return "separator"
    return "lone" if unicodedata.name(char, "").startswith(SPACELESS) else "word"


@functools.cache
def lower(char: str) -> str:
    """Lower case of one character if that is one character."""
    return char.lower() if len(char.lower()) == 1 else char


def tokens(text: str) -> list[str]:
    """Words of a text, lower-cased; a character of a script without spaces is a word.

    >>> tokens("Don't say 你好 TWICE")
    ['don', 't', 'say', '你', '好', 'twice']
    """
    found: list[str] = []
    word = ""
    for char in text:
        if kind(char) == "word":
            word += lower(char)
            continue
        if word:
            found.append(word)
        word = ""
        if kind(char) == "lone":
            found.append(lower(char))
    return [*found, word] if word else found


def shingles(text: str, size: int) -> list[tuple[str, ...]]:
    """All runs of `size` tokens, repeats included; one of all tokens if there are fewer.

    >>> shingles("a b c", 2), shingles("a", 2), shingles("", 2)
    ([('a', 'b'), ('b', 'c')], [('a',)], [])
    """
    words = tokens(text)
    if not words:
        return []
    size = min(size, len(words))
    return [tuple(words[i : i + size]) for i in range(len(words) - size + 1)]


def fmix64(h: int) -> int:
    """MurmurHash3's 64-bit finaliser."""
    h ^= h >> 33
    h = h * 0xFF51AFD7ED558CCD & MASK
    h ^= h >> 33
    h = h * 0xC4CEB9FE1A85EC53 & MASK
    return h ^ (h >> 33)


@functools.cache
def token_hash(token: str) -> int:
    """FNV-1a over code points, mixed."""
    h = 0xCBF29CE484222325
    for char in token:
        h = ((h ^ ord(char)) * 0x100000001B3) & MASK
    return fmix64(h)


def shingle_hash(shingle: Sequence[str]) -> int:
    """Polynomial over the token hashes, mixed."""
    h = 0
    for token in shingle:
        h = (h * BASE + token_hash(token)) & MASK
    return fmix64(h)


def shingle_hash32(shingle: Sequence[str]) -> int:
    """What datasketch is fed with: the upper half."""
    return shingle_hash(shingle) >> 32


def jaccard(left: str, right: str, size: int = 5) -> float:
    """Shared shingles over all shingles; 0.0 if either text has none."""
    a, b = set(shingles(left, size)), set(shingles(right, size))
    return len(a & b) / len(a | b) if a and b else 0.0


def components(edges: Iterable[tuple[int, int]]) -> dict[int, tuple[int, int]]:
    """(smallest member, size) of every node's component, by breadth-first search."""
    neighbours: dict[int, set[int]] = {}
    for left, right in edges:
        neighbours.setdefault(left, set()).add(right)
        neighbours.setdefault(right, set()).add(left)
    found: dict[int, tuple[int, int]] = {}
    for start in sorted(neighbours):
        if start in found:
            continue
        members, queue = {start}, deque([start])
        while queue:
            for other in neighbours[queue.popleft()] - members:
                members.add(other)
                queue.append(other)
        found.update(dict.fromkeys(members, (start, len(members))))
    return found


def survivors(texts: Sequence[str], threshold: float, size: int = 5) -> list[str]:
    """Greedy and quadratic: a text stays unless an earlier one that stays equals it or is too similar."""
    kept: list[tuple[str, set[tuple[str, ...]]]] = []
    for text in texts:
        mine = set(shingles(text, size))
        for other, theirs in kept:
            if text == other or (mine and theirs and len(mine & theirs) / len(mine | theirs) >= threshold):
                break
        else:
            kept.append((text, mine))
    return [text for text, _ in kept]


def similarity(left: set[int], right: set[int], measure: str) -> float:
    """Jaccard, or containment of the smaller set in the larger; 0.0 if either is empty."""
    if not left or not right:
        return 0.0
    return len(left & right) / (min(len(left), len(right)) if measure == "containment" else len(left | right))


def anchored(
    sets: Sequence[set[int]], bands: Sequence[set[int]], threshold: float, measure: str = "jaccard"
) -> list[tuple[int, float, int]]:
    """(survivor, similarity, shared bands) of documents in order of judging, each against all earlier survivors.

    Documents of one set follow the first of them: they are judged where it is.
    """
    outcome: list[tuple[int, float, int]] = []
    for doc, mine in enumerate(sets):
        first = next(other for other in range(doc + 1) if sets[other] == mine)
        if first < doc:
            twin = outcome[first][0]
            outcome.append((twin, 1.0, len(bands[doc])) if twin == first else outcome[first])
            continue
        best = (doc, 1.0, 0)
        for other in range(doc):
            met = len(bands[doc] & bands[other])
            value = similarity(mine, sets[other], measure)
            if outcome[other][0] == other and met and value >= threshold and (best[0] == doc or value > best[1]):
                best = (other, value, met)
        outcome.append(best)
    return outcome
