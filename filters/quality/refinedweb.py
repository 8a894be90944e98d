"""Rewrite `refinedweb_lines`: RefinedWeb's corrections of lines (Penedo et al. 2023, arXiv 2306.01116, section G.2).

The paper gives the rules in words; the numbers and their order are those of DCLM's reconstruction
(`baselines/baselines_configs/refinedweb.yaml`, `baselines/mappers/modifiers.py`).
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Annotated

import pyarrow as pa
import re2
from pydantic import Field

from filters.contract import Rewrite, Rewritten, Rule, StageParams
from filters.quality.cuts import Page, Span, rewrite_pages

COUNTED = (
    "likes", "shares", "comments", "retweets", "reposts", "quotes", "bookmarks", "upvotes", "downvotes", "downloads",
    "views", "followers",
)  # fmt: skip
_OTHER = r"[^\p{L}\p{N}_]"
COUNTER = re2.compile(rf"^{_OTHER}*\p{{Nd}}[,.\p{{Nd}}]*[kmb]?\s+(?:{'|'.join(COUNTED)}){_OTHER}*$")
_CART, _MORE, _SIGN_IN = "items in cart", "read more", "sign-in"


class RefinedWebLinesParams(StageParams):
    """Limits; a value equal to a limit passes, null turns a rule off.

    max_uppercase: share of a line's characters. max_digits: share; RefinedWeb cuts lines of digits only. counters: cut
    lines such as `3 likes`. min_words: of a line, split at white space. max_phrase_words: in lines of at most so many
    words, `items in cart` is cut anywhere, `Read more...` at the end and `Sign-in` at the beginning.
    max_removed_words: a page that lost a larger share of its words is dropped.
    """

    max_uppercase: Annotated[float | None, Field(ge=0, le=1)] = 0.5
    max_digits: Annotated[float | None, Field(ge=0, le=1)] = 0.999999
    counters: bool = True
    min_words: Annotated[int | None, Field(ge=0)] = 2
    max_phrase_words: Annotated[int | None, Field(ge=0)] = 10
    max_removed_words: Annotated[float | None, Field(ge=0, le=1)] = 0.05


def count_words(text: str) -> int:
    """Words as DCLM counts them here: split at white space, those that begin with a letter or a number.

    >>> count_words("One two - (three)")
    2
    """
    return sum(word[0].isalnum() for word in text.split())


def clean_page(text: str, params: RefinedWebLinesParams) -> Page:
    """Judge and correct the lines of a page; a page that lost too many words will be dropped."""
    page = Page()
    lower = text.lower()
    counters = params.counters and any(word in lower for word in COUNTED)
    phrases = params.max_phrase_words is not None and any(phrase in lower for phrase in (_CART, _MORE, _SIGN_IN))
    start = 0
    for line in text.split("\n"):
        end = start + len(line)
        after = min(end + 1, len(text))
        kind = _judge_line(line, params, counters)
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


def _judge_line(line: str, params: RefinedWebLinesParams, counters: bool) -> str | None:
    """Why a line goes, the rules in DCLM's order; an empty line stays."""
    if not line:
        return None
    if params.max_uppercase is not None and _upper(line) / len(line) > params.max_uppercase:
        return "uppercase"
    if params.max_digits is not None and _digits(line) / len(line) > params.max_digits:
        return "digits"
    if counters and COUNTER.search(line.lower()):
        return "counter"
    if params.min_words is not None and len(line.split(None, params.min_words)) < params.min_words:
        return "too_few_words"
    return None


_UPPER, _DIGITS = string.ascii_uppercase.encode(), string.digits.encode()


def _upper(line: str) -> int:
    """Upper-case characters; of ASCII by a table, which is many times faster."""
    return len(line) - len(line.encode().translate(None, _UPPER)) if line.isascii() else sum(map(str.isupper, line))


def _digits(line: str) -> int:
    return len(line) - len(line.encode().translate(None, _DIGITS)) if line.isascii() else sum(map(str.isdigit, line))


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


_TYPES = {"words": pa.int64(), "removed_words": pa.float64()}


def rewrite(texts: pa.LargeStringArray, batch: pa.RecordBatch, params: RefinedWebLinesParams) -> Rewritten:
    """Lines and phrases are cut; kinds of edits are the reasons, and `white_space` for the ends of the page."""
    return rewrite_pages(texts, lambda text: clean_page(text, params), _TYPES)


def rules(params: RefinedWebLinesParams) -> Sequence[Rule]:
    """A page without words, then one that lost too many."""
    most = params.max_removed_words
    lost = [Rule("too_many_words_removed", "removed_words", "<=", most)] if most is not None else []
    return [Rule("no_words", "words", ">=", 1), *lost]


REFINEDWEB_LINES = Rewrite(
    name="refinedweb_lines",
    summary="RefinedWeb's rules: lines that are menus, counters or capitals are cut",
    Params=RefinedWebLinesParams,
    columns=lambda params: _TYPES,
    rewrite=rewrite,
    rules=rules,
    limits=lambda params: ("max_removed_words",),
    edits_dropped=False,
)
