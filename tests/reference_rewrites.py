"""Slow twins of the rewrites `c4` and `refinedweb_lines`, page by page in plain Python.

Each says what its rules are; the kernels in `filters/kernels/{c4,refinedweb,cuts}.py` must cut and measure the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import re2

from filters.kernels.refinedweb import COUNTED
from filters.quality.c4 import C4Params
from filters.quality.refinedweb import RefinedWebLinesParams

WHITE_SPACE = "white_space"

Span = tuple[int, int]
Cut = tuple[str, int, int]
"""(kind, start, end): characters [start, end) of the text as it came."""


@dataclass
class Page:
    """A text being rewritten. kept: the spans of every line that stays, in order; cuts: what goes; values: measured."""

    kept: list[list[Span]] = field(default_factory=list)
    cuts: list[Cut] = field(default_factory=list)
    values: dict[str, float | None] = field(default_factory=dict)
    dropped: bool = False

    def cut(self, kind: str, start: int, end: int) -> None:
        """Note that a span goes; neighbours of one kind become one."""
        if start >= end:
            return
        if self.cuts and self.cuts[-1][0] == kind and self.cuts[-1][2] == start:
            start = self.cuts.pop()[1]
        self.cuts.append((kind, start, end))

    def text(self, original: str) -> str:
        """Lines that stay, one newline between them."""
        return "\n".join("".join([original[a:b] for a, b in spans]) for spans in self.kept)

    def strip(self, original: str) -> None:
        """Cut white space at both ends of what stays."""
        for line, at in ((0, 0), (-1, -1)):
            while self.kept:
                spans = self.kept[line]
                if not spans:
                    self.kept.pop(line)
                    continue
                a, b = spans[at]
                stretch = original[a:b]
                left = b - len(stretch.lstrip()) if at == 0 else a
                right = a + len(stretch.rstrip()) if at == -1 else b
                if at == 0:
                    self.cuts.append((WHITE_SPACE, a, min(left, b)))
                    a = left
                else:
                    self.cuts.append((WHITE_SPACE, max(right, a), b))
                    b = right
                if a >= b:
                    spans.pop(at)
                    continue
                spans[at] = (a, b)
                break


def edits(page: Page, text: str) -> tuple[str, list[Cut]]:
    """(text afterwards, its edits): a page that a rule will drop stays as it came."""
    found = text if page.dropped else page.text(text)
    if found == text:
        return text, []
    own = sorted((cut for cut in page.cuts if cut[1] < cut[2]), key=lambda cut: cut[1:])
    # What joins lines is white space, too: a text that changed in nothing else has it as its only edit.
    return found, own or [(WHITE_SPACE, 0, len(text))]


# --- c4 -------------------------------------------------------------------------------------------------

CITATION = re2.compile(r"\[[0-9]*\]|\[edit\]|\[citation needed\]")
POLICY = ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies")
_ELLIPSIS = "..."
# An end mark, closing marks, white space, and then no small letter: there another sentence begins.
_SENTENCE_END = re2.compile(r"[.!?。！？؟।][\"'”’»)\]]*[^\S\n]+[^\s\p{Ll}]")


def count_sentences(lines: Sequence[str]) -> int:
    """Sentences of lines: one each, and one more for every end mark followed by white space and no small letter.

    C4 has NLTK's punkt count them, which knows abbreviations; this needs no model and no download.

    >>> count_sentences(["One. Two! No, e.g. this is two still.", "", "Four."])
    4
    """
    full = [line for line in lines if line]
    return len(full) + len(_SENTENCE_END.findall("\n".join(full)))


def clean_c4(text: str, params: C4Params) -> Page:
    """Judge the lines of a page in order; the first line with a forbidden word drops the page."""
    page = Page(values={"chars": len(text), "lorem_ipsum": 0, "curly_bracket": 0, "sentences": None})
    if params.max_chars is not None and len(text) > params.max_chars:
        page.dropped = True
        return page
    wholes = text.splitlines(keepends=True)
    judged = [_judge_c4(whole.strip(), params) for whole in wholes]
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
    _keep_lines(page, wholes, judged, params.citations)
    page.strip(text)
    return page


_DROPS = ("lorem_ipsum", "curly_bracket")


def _judge_c4(line: str, params: C4Params) -> tuple[str, str | None]:
    """(the line without citations, why it or its page goes: the rules in C4's order, None if it stays)."""
    longest, fewest, given = params.max_word_chars, params.min_words, line
    if longest is not None and len(line) > longest and any(len(word) > longest for word in line.split()):
        return line, "long_word"
    if params.citations:
        line = CITATION.sub("", line)
    if params.end_marks is not None and (not line.endswith(params.end_marks) or line.endswith(_ELLIPSIS)):
        return line, "no_end_mark"
    counted = line if params.flavour == "tfds" else given
    if fewest is not None and len(counted.split(None, fewest)) < fewest:
        return line, "too_few_words"
    lower = line.lower()
    if params.lorem_ipsum and "lorem ipsum" in lower:
        return line, "lorem_ipsum"
    if params.javascript and "javascript" in lower:
        return line, "javascript"
    if params.curly_bracket and "{" in line:
        return line, "curly_bracket"
    if params.policy and any(phrase in lower for phrase in POLICY):
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


# --- refinedweb_lines -----------------------------------------------------------------------------------

_OTHER = r"[^\p{L}\p{N}_]"
COUNTER = re2.compile(rf"^{_OTHER}*\p{{Nd}}[,.\p{{Nd}}]*[kmb]?\s+(?:{'|'.join(COUNTED)}){_OTHER}*$")
_CART, _MORE, _SIGN_IN = "items in cart", "read more", "sign-in"


def count_words(text: str) -> int:
    """Words as DCLM counts them here: split at white space, those that begin with a letter or a number.

    >>> count_words("One two - (three)")
    2
    """
    return sum(word[0].isalnum() for word in text.split())


def clean_refinedweb(text: str, params: RefinedWebLinesParams) -> Page:
    """Judge and correct the lines of a page; a page that lost too many words will be dropped."""
    page = Page()
    lower = text.lower()
    counters = params.counters and any(word in lower for word in COUNTED)
    phrases = params.max_phrase_words is not None and any(phrase in lower for phrase in (_CART, _MORE, _SIGN_IN))
    start = 0
    for line in text.split("\n"):
        end = start + len(line)
        after = min(end + 1, len(text))
        kind = _judge_refinedweb(line, params, counters)
        spans = _without_phrases(line, start, params.max_phrase_words or 0) if phrases and line else [(start, end)]
        if kind is None and line and not "".join([text[a:b] for a, b in spans]).strip():
            kind = "phrase" if line.strip() else None
        if kind:
            page.cut(kind, start, after)
        else:
            last = start
            for a, b in [*spans, (end, end)]:
                page.cut("phrase", last, a)
                last = b
            page.kept.append(spans)
        start = end + 1
    page.strip(text)
    before = count_words(text)
    removed = (before - count_words(page.text(text))) / before if before else None
    page.values = {"words": before, "removed_words": removed}
    page.dropped = not before or (
        removed is not None and params.max_removed_words is not None and removed > params.max_removed_words
    )
    return page


def _judge_refinedweb(line: str, params: RefinedWebLinesParams, counters: bool) -> str | None:
    """Why a line goes, the rules in DCLM's order; an empty line stays."""
    if not line:
        return None
    if params.max_uppercase is not None and sum(map(str.isupper, line)) / len(line) > params.max_uppercase:
        return "uppercase"
    if params.max_digits is not None and sum(map(str.isdigit, line)) / len(line) > params.max_digits:
        return "digits"
    if counters and COUNTER.search(line.lower()):
        return "counter"
    if params.min_words is not None and len(line.split(None, params.min_words)) < params.min_words:
        return "too_few_words"
    return None


def _without_phrases(line: str, start: int, most_words: int) -> list[Span]:
    """What is left of a line of at most `most_words` words without the three phrases and a space beside each."""
    if len(line.split()) > most_words:
        return [(start, start + len(line))]
    lower = line.lower()
    if len(lower) != len(line):  # a letter that becomes two in lower case: places would not agree
        lower = "".join(char.lower() if len(char.lower()) == 1 else char for char in line)
    spans, last = [], 0
    at = lower.find(_CART)
    while at >= 0:
        spans.append((last, at - (at > last and line[at - 1].isspace())))
        last = at + len(_CART)
        at = lower.find(_CART, last)
    end = len(line)
    # DCLM's pattern is `read more...` with dots that stand for any character.
    if lower[last:end][-12:-3] == _MORE:
        end -= 12
        end -= end > last and line[end - 1].isspace()
    spans.append((last, end))
    begin, stop = spans[0]
    if lower[begin:stop].startswith(_SIGN_IN):
        begin += len(_SIGN_IN)
        spans[0] = (begin + (begin < stop and line[begin].isspace()), stop)
    return [(start + a, start + b) for a, b in spans if a < b]
