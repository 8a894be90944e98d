"""Texts to test with: one list of awkward ones, and hypothesis strategies for texts of every script.

Code points that the running interpreter does not know are left out: the project's table is Unicode 15.1.
"""

from __future__ import annotations

import sys
import unicodedata

from hypothesis import settings
from hypothesis import strategies as st

# The same examples on every machine, and time for kernels to compile on first use.
settings.register_profile("beamsift", deadline=None, derandomize=True)
settings.load_profile("beamsift")

AWKWARD = [
    "",
    "a",
    "_",
    "\x00",
    "a\x00b",
    " ",
    " \t\r\n\u00a0\u2028\u3000",
    "one\r\ntwo\r\n\r\nthree\r",
    "\ufeffwith a byte order mark",
    "\ufffd and a\ufffdb",
    "\uffff\U0010ffff\ue000",
    "!?.,;:-–—…\"'()",
    "😀",
    "👩‍👩‍👧‍👦 family 🏳️‍🌈 flag 🇺🇸🇨🇳 👍🏽",
    "مرحبا بالعالم، كيف حالك؟ ١٢٣",
    "שלום עולם",
    "\u202eright to left\u202c",
    "สวัสดีชาวโลก ที่นี่",
    "ສະບາຍດີ ជំរាបសួរ မင်္ဂလာပါ",
    "e\u0301tude étude E\u0301TUDE",
    "a\u0300\u0301\u0302\u0303" * 5,
    "\u0301\u0301",
    "\u1112\u1161\u11ab\u1100\u1173\u11af 한글 ㅎㅏㄴ",
    "नमस्ते दुनिया क्षत्रिय",
    "বাংলা தமிழ் తెలుగు ಕನ್ನಡ മലയാളം",
    "你好，世界。这是一个测试。",
    "これはテストです。カタカナ ﾊﾝｶｸ 々〇ー",
    "か\u3099",
    "𠀀𠀁𪛖 astral 𠀀",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𐐀𐐨 𞤀𞤢",
    "ＦＵＬＬ ｗｉｄｔｈ １２３",
    "İstanbul ISTANBUL ıspanak Straße STRASSE ẞ",
    "ΣΊΣΥΦΟΣ Σίσυφος ǅungla Ǆ",
    "Привет, мир! Ёлка Ђ",
    "mixed中文and日本語のtextกับไทย나라 end",
    "don't stop-me now_please v1.2.3 1,000,000 ½ Ⅻ ²",
    "a" * 5000,
    "a b c d e f " * 3000,
    "漢" * 3000,
    "no space " * 11111 + "x",  # one line of 100,000 characters
]

BLOCKS = {
    "ascii": (0x00, 0x7F),
    "latin": (0x80, 0x24F),
    "combining": (0x300, 0x36F),
    "greek": (0x370, 0x3FF),
    "cyrillic": (0x400, 0x52F),
    "armenian": (0x530, 0x58F),
    "hebrew": (0x590, 0x5FF),
    "arabic": (0x600, 0x6FF),
    "devanagari": (0x900, 0x97F),
    "bengali": (0x980, 0x9FF),
    "tamil": (0xB80, 0xBFF),
    "thai": (0xE00, 0xE7F),
    "lao": (0xE80, 0xEFF),
    "tibetan": (0xF00, 0xFFF),
    "myanmar": (0x1000, 0x109F),
    "georgian": (0x10A0, 0x10FF),
    "jamo": (0x1100, 0x11FF),
    "ethiopic": (0x1200, 0x137F),
    "cherokee": (0x13A0, 0x13FF),
    "khmer": (0x1780, 0x17FF),
    "mongolian": (0x1800, 0x18AF),
    "tai": (0x1950, 0x19DF),
    "tai tham": (0x1A20, 0x1AAF),
    "punctuation": (0x2000, 0x206F),
    "letterlike": (0x2100, 0x218F),
    "kana": (0x3000, 0x30FF),
    "han": (0x4E00, 0x9FFF),
    "hangul": (0xAC00, 0xD7A3),
    "private": (0xE000, 0xE0FF),
    "forms": (0xFB00, 0xFFFF),
    "deseret": (0x10400, 0x1044F),
    "ahom": (0x11700, 0x1174F),
    "emoji": (0x1F300, 0x1F6FF),
    "adlam": (0x1E900, 0x1E95F),
    "astral han": (0x20000, 0x2A6DF),
}
"""First and last code point of a block of every kind of script."""


def assigned(first: int, last: int) -> str:
    """Characters of a range that the running interpreter knows, surrogates left out."""
    chars = map(chr, range(first, last + 1))
    return "".join(c for c in chars if unicodedata.category(c) not in ("Cn", "Cs"))


ALPHABETS = {name: assigned(*block) for name, block in BLOCKS.items()}

any_char = st.characters(exclude_categories=("Cs", "Cn"), max_codepoint=sys.maxunicode)


def texts_of(alphabet: str, max_size: int = 60) -> st.SearchStrategy[str]:
    """Texts of one alphabet with spaces between."""
    return st.text(st.sampled_from(alphabet + " " * (1 + len(alphabet) // 5)), max_size=max_size)


script_texts = st.sampled_from(sorted(ALPHABETS)).flatmap(lambda name: texts_of(ALPHABETS[name]))
"""Texts of one script."""

mixed_texts = st.lists(st.one_of(script_texts, st.text(any_char, max_size=20)), max_size=6).map("".join)
"""Texts of several scripts and of anything at all."""

word_texts = st.lists(st.sampled_from(["a", "b", "B", "c,", "dd", "你", "好", "ไ", "!"]), max_size=40).map(" ".join)
"""Texts of few words, so that shingles meet."""

texts = st.one_of(script_texts, mixed_texts, word_texts, st.sampled_from([t for t in AWKWARD if len(t) < 1000]))
"""Any text."""

text_lists = st.lists(texts, max_size=8)
"""Batches of texts."""

any_key = st.integers(-(2**63), 2**63 - 1)
"""Document keys, all that fit."""
