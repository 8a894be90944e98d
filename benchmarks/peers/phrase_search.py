"""Peers: libraries that find many phrases at once, over lower-cased texts, and `re` with all of them in one pattern.

Fourth argument: which one. They find phrases within words too; a caller would have to look at the neighbours of each.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from peer_io import read_texts
from phrase_io import report, searched


def read_phrases(path: str) -> list[str]:
    """Phrases, each once."""
    return sorted({line.lower() for line in Path(path).read_text(encoding="utf-8").splitlines() if line})


def build_ahocorasick_rs(path: str) -> Any:
    """Leftmost longest matches, as ours."""
    from ahocorasick_rs import AhoCorasick, MatchKind

    return AhoCorasick(read_phrases(path), matchkind=MatchKind.LeftmostLongest)


def build_pyahocorasick(path: str) -> Any:
    """A trie of unicode strings, each with its number."""
    import ahocorasick

    automaton = ahocorasick.Automaton()
    for number, phrase in enumerate(read_phrases(path)):
        automaton.add_word(phrase, number)
    automaton.make_automaton()
    return automaton


def build_re(path: str) -> Any:
    """One alternation between word boundaries, the longest first."""
    phrases = sorted(read_phrases(path), key=len, reverse=True)
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, phrases))})\b")


TOOLS: dict[str, tuple[str, Callable[[str], Any], Callable[[Any, str], int]]] = {
    "ahocorasick_rs": (
        "ahocorasick_rs",
        build_ahocorasick_rs,
        lambda made, text: len(made.find_matches_as_indexes(text)),
    ),
    "pyahocorasick": ("pyahocorasick", build_pyahocorasick, lambda made, text: sum(1 for _ in made.iter_long(text))),
    "re": ("", build_re, lambda made, text: sum(1 for _ in made.finditer(text))),
}


def main() -> None:
    """Build and search."""
    texts, path, (package, build, count) = read_texts(sys.argv[1]), sys.argv[3], TOOLS[sys.argv[4]]
    made, numbers = searched(lambda: build(path), lambda made: sum(count(made, text.lower()) for text in texts))
    report(made, numbers, package)


if __name__ == "__main__":
    main()
