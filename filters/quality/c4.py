"""Rewrite `c4`: C4's rules about lines and pages (Raffel et al. 2020, arXiv 1910.10683; TFDS `c4_utils.clean_page`).

Lines that are no sentences, notices and code go; a page with too few sentences left is dropped. C4's other rules are
other stages: language, bad words, and repeated lines across pages (which are documents' business here, not lines').
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import pyarrow as pa
import re2
from pydantic import Field, model_validator

from filters.contract import Rewrite, Rewritten, Rule, StageParams
from filters.quality.cuts import WHITE_SPACE, Page, Span, rewrite_pages

CITATION = re2.compile(r"\[[0-9]*\]|\[edit\]|\[citation needed\]")
POLICY = ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies")
_ELLIPSIS = "..."
# An end mark, closing marks, white space, and then no small letter: there another sentence begins.
_SENTENCE_END = re2.compile(r"[.!?。！？؟।][\"'”’»)\]]*[^\S\n]+[^\s\p{Ll}]")

_PUBLISHED: dict[str, dict[str, Any]] = {
    # tensorflow_datasets/text/c4_utils.py: _MIN_WORDS_PER_LINE, _MIN_NUM_SENTENCES, _END_MARKS, is_valid_length
    "tfds": {"min_words": 5, "min_sentences": 3, "end_marks": (".", "?", "!", '"'), "max_chars": 190_000},
    # datatrove 0.10.1, C4QualityFilter: the two numbers swapped, `'` ends a line too, no longest page
    "datatrove": {"min_words": 3, "min_sentences": 5, "end_marks": (".", "?", "!", '"', "'"), "max_chars": None},
}


class C4Params(StageParams):
    """Limits; a value equal to a limit passes, null turns a rule off. What is left out is the flavour's.

    flavour: `tfds`, the original, or `datatrove`, which FineWeb was made with (with `end_marks: null`).
    max_chars: of a page. max_word_chars: a line with a longer word goes. end_marks: what a line must end with, but not
    `...`; null keeps all lines. min_words: of a line, split at white space; `tfds` counts after citations are cut,
    `datatrove` before. min_sentences: of all lines kept. citations, javascript, policy: cut `[12]`, `[edit]`,
    `[citation needed]`; lines that speak of JavaScript; lines with a policy phrase. lorem_ipsum, curly_bracket: a
    page with such a line (one that came so far) is dropped.
    """

    flavour: Literal["tfds", "datatrove"] = "tfds"
    max_chars: Annotated[int | None, Field(ge=1)]
    max_word_chars: Annotated[int | None, Field(ge=1)] = 1000
    end_marks: tuple[str, ...] | None
    min_words: Annotated[int | None, Field(ge=0)]
    min_sentences: Annotated[int | None, Field(ge=0)]
    citations: bool = True
    javascript: bool = True
    policy: bool = True
    lorem_ipsum: bool = True
    curly_bracket: bool = True

    @model_validator(mode="before")
    @classmethod
    def _fill_in_the_flavour(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        flavour = values.get("flavour", "tfds")
        return {**_PUBLISHED[flavour if flavour in ("tfds", "datatrove") else "tfds"], **values}


def count_sentences(lines: Sequence[str]) -> int:
    """Sentences of lines: one each, and one more for every end mark followed by white space and no small letter.

    C4 has NLTK's punkt count them, which knows abbreviations; this needs no model and no download.

    >>> count_sentences(["One. Two! No, e.g. this is two still.", "", "Four."])
    4
    """
    full = [line for line in lines if line]
    return len(full) + len(_SENTENCE_END.findall("\n".join(full)))


def clean_page(text: str, params: C4Params) -> Page:
    """Judge the lines of a page in order; the first line with a forbidden word drops the page."""
    page = Page(values={"chars": len(text), "lorem_ipsum": 0, "curly_bracket": 0, "sentences": None})
    if params.max_chars is not None and len(text) > params.max_chars:
        page.dropped = True
        return page
    asked = _asked(text, params)
    wholes = text.splitlines(keepends=True)
    judged = [_judge_line(whole.strip(), params, asked) for whole in wholes]
    for _, kind in judged:
        if kind in _DROPS:
            page.values[kind] = 1
            page.dropped = True
            return page
    sentences = count_sentences([line for line, kind in judged if kind is None])
    page.values["sentences"] = sentences
    if params.min_sentences is not None and sentences < params.min_sentences:
        page.dropped = True
        return page
    _keep_lines(page, wholes, judged, cites=asked is not None)
    page.strip(text)
    return page


_DROPS = ("lorem_ipsum", "curly_bracket")


def _asked(text: str, params: C4Params) -> frozenset[str] | None:
    """Rules that some line could fail; None for most pages, which have none of the words."""
    lower = text.lower()
    asked = {
        "lorem_ipsum": params.lorem_ipsum and "lorem ipsum" in lower,
        "javascript": params.javascript and "javascript" in lower,
        "curly_bracket": params.curly_bracket and "{" in text,
        "policy": params.policy and any(phrase in lower for phrase in POLICY),
        "citation": params.citations and "[" in text,
    }
    return frozenset(name for name, possible in asked.items() if possible) or None


def _judge_line(line: str, params: C4Params, asked: frozenset[str] | None) -> tuple[str, str | None]:
    """(the line without citations, why it or its page goes: the rules in C4's order, None if it stays)."""
    longest, fewest, given = params.max_word_chars, params.min_words, line
    if longest is not None and len(line) > longest and any(len(word) > longest for word in line.split()):
        return line, "long_word"
    if asked and "citation" in asked and "[" in line:
        line = CITATION.sub("", line)
    if params.end_marks is not None and (not line.endswith(params.end_marks) or line.endswith(_ELLIPSIS)):
        return line, "no_end_mark"
    counted = line if params.flavour == "tfds" else given
    if fewest is not None and len(counted.split(None, fewest)) < fewest:
        return line, "too_few_words"
    if asked is None:
        return line, None
    lower = line.lower()
    if "lorem_ipsum" in asked and "lorem ipsum" in lower:
        return line, "lorem_ipsum"
    if "javascript" in asked and "javascript" in lower:
        return line, "javascript"
    if "curly_bracket" in asked and "{" in line:
        return line, "curly_bracket"
    if "policy" in asked and any(phrase in lower for phrase in POLICY):
        return line, "policy"
    return line, None


def _keep_lines(page: Page, wholes: Sequence[str], judged: Sequence[tuple[str, str | None]], cites: bool) -> None:
    """Write down what stays of a page and what goes."""
    after = 0
    for whole, (cleaned, kind) in zip(wholes, judged, strict=True):
        begin, after = after, after + len(whole)
        if kind:
            page.cut(kind if whole.strip() else WHITE_SPACE, begin, after)
            continue
        line = whole.strip()
        first = begin + whole.find(line)
        last = first + len(line)
        page.cut(WHITE_SPACE, begin, first)
        spans = [(first, last)] if not cites or cleaned == line else _without_citations(line, first)
        at = first
        for a, b in [*spans, (last, last)]:
            page.cut("citation", at, a)
            at = b
        if after > last + 1 or not whole.endswith("\n"):
            page.cut(WHITE_SPACE, last, after)
        page.kept.append(spans)


def _without_citations(line: str, first: int) -> list[Span]:
    spans, last = [], 0
    for match in CITATION.finditer(line):
        spans.append((first + last, first + match.start()))
        last = match.end()
    spans.append((first + last, first + len(line)))
    return [span for span in spans if span[0] < span[1]]


_TYPES = {"chars": pa.int64(), "lorem_ipsum": pa.int64(), "curly_bracket": pa.int64(), "sentences": pa.int64()}


def rewrite(texts: pa.LargeStringArray, batch: pa.RecordBatch, params: C4Params) -> Rewritten:
    """Lines are cut; kinds of edits are the reasons, and `white_space` for what only joins lines."""
    return rewrite_pages(texts, lambda text: clean_page(text, params), _TYPES)


def rules(params: C4Params) -> Sequence[Rule]:
    """Length first; of a forbidden word and a bracket the one that comes first in the page; sentences last."""
    found = []
    if params.max_chars is not None:
        found.append(Rule("page_too_long", "chars", "<=", params.max_chars))
    found += [Rule("lorem_ipsum", "lorem_ipsum", "<=", 0), Rule("curly_bracket", "curly_bracket", "<=", 0)]
    if params.min_sentences is not None:
        found.append(Rule("too_few_sentences", "sentences", ">=", params.min_sentences))
    return found


C4 = Rewrite(
    name="c4",
    summary="C4's rules: lines that are no sentences are cut, pages with too few left are dropped",
    Params=C4Params,
    columns=lambda params: _TYPES,
    rewrite=rewrite,
    rules=rules,
    limits=lambda params: ("max_chars", "min_sentences"),
    edits_dropped=False,
)
