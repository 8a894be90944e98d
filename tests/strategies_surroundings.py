"""What stands around an identifier, in every script; the kinds of all families."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.strategies_identifiers import FINANCIAL_KINDS
from tests.strategies_national import NATIONAL_KINDS

KINDS = {**FINANCIAL_KINDS, **NATIONAL_KINDS}

# What touches an identifier, by script, and ordinary words with a space; no digits, so that nothing goes on by chance.
BEFORE = [
    "编号",
    "番号は",
    "번호",
    "หมายเลข",
    "رقم",
    "номер ",
    "संख्या ",
    "number ",
    "Nr. ",
    "n° ",
    "「",
    "（",
    "=",
    ": ",
    "\n",
    "",
    "👍",
]
AFTER = [
    "已登记。",
    "です",
    "입니다",
    "ครับ",
    "، شكرا",
    " указан",
    " है",
    " is it",
    ".",
    "」",
    "）",
    ", ",
    "\n",
    "",
    "!",
    "👍",
]
PROSE = [
    "",
    "今天天气很好，",
    "これはテスト。",
    "안녕하세요 ",
    "สวัสดี",
    "مرحبا بالعالم ",
    "Добрый день, ",
    "नमस्ते ",
    "It was fine. ",
    "\n\n",
]


@st.composite
def surroundings(draw: st.DrawFn) -> tuple[str, str]:
    """What stands before and behind a value."""
    before = draw(st.sampled_from(PROSE)) + draw(st.sampled_from(BEFORE))
    after = draw(st.sampled_from(AFTER)) + draw(st.sampled_from(PROSE))
    # A Latin letter right behind a value makes it another word.
    return before, f" {after}" if after[:1].isascii() and after[:1].isalpha() else after


def embed(kind: str, value: str, around: tuple[str, str]) -> tuple[str, int]:
    """The text with `value` in it, behind its cue if its kind needs one, and where it begins."""
    before = around[0] + KINDS[kind].cue
    return before + value + around[1], len(before)
