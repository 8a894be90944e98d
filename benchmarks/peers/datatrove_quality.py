"""Peer: datatrove's quality filters over the same texts: what each says of each text by itself, and how long it takes.

Third argument `own`: its own word tokeniser (spaCy's English); `whitespace`: words are split at white space by a
tokeniser put in its place, so that a comparison of the rules is exact. Sentences are its own either way.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from datatrove.data import Document
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
)
from datatrove.utils.word_tokenizers import WordTokenizer, load_word_tokenizer
from peer_io import read_texts


class WhitespaceTokenizer(WordTokenizer):
    """`str.split()` for words, spaCy's sentencizer for sentences."""

    def word_tokenize(self, text: str) -> list[str]:
        return text.split()

    def sent_tokenize(self, text: str) -> list[str]:
        return load_word_tokenizer("en").sent_tokenize(text)

    def span_tokenize(self, text: str) -> list[tuple[int, int]]:
        return load_word_tokenizer("en").span_tokenize(text)


def verdict(judge: Callable[[Document], bool | tuple[bool, str]], text: str) -> tuple[str, str]:
    """(reason of the drop or "", text afterwards)."""
    document = Document(text=text, id="")
    try:
        result = judge(document)
    except ZeroDivisionError:  # a text without a word
        return "ZeroDivisionError", text
    return (result[1] if isinstance(result, tuple) else "" if result else "dropped"), document.text


def main() -> None:
    """Run every filter over every text, then all of them as FineWeb does, and write what they said."""
    texts = read_texts(sys.argv[1])
    language = "en" if sys.argv[3] == "own" else WhitespaceTokenizer()
    filters = {
        "gopher_repetition": GopherRepetitionFilter(language=language),
        "gopher_quality": GopherQualityFilter(language=language),
        "c4": C4QualityFilter(language=language),
        "c4 without end marks": C4QualityFilter(language=language, filter_no_terminal_punct=False),
        "fineweb_quality": FineWebQualityFilter(language=language),
    }
    for one in filters.values():  # loads models outside the clock
        verdict(one.filter, "Some words. Another sentence, and one more line\n" * 3)
    runs = {}
    for name, one in filters.items():
        started = time.process_time()
        said = [verdict(one.filter, text) for text in texts]
        runs[name] = {
            "cpu_seconds": time.process_time() - started,
            "reasons": [reason for reason, _ in said],
            "texts": [after for _, after in said] if name.startswith("c4") else None,
        }
    order = ("gopher_repetition", "gopher_quality", "c4 without end marks", "fineweb_quality")
    started, reasons = time.process_time(), []
    for text in texts:
        for name in order:
            reason, text = verdict(filters[name].filter, text)
            if reason:
                break
        reasons.append(f"{name}: {reason}" if reason else "")
    runs["fineweb"] = {"cpu_seconds": time.process_time() - started, "reasons": reasons, "texts": None}
    result = {"version": version("datatrove"), "runs": runs}
    Path(sys.argv[2]).write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main()
