"""What stage `normalise` may change: one switch a step, and the exact characters of each."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from filters.contract import StageParams

LINE_ENDS = "\r\x0b\x0c\x85\u2028\u2029"
"""Carriage return, line tabulation, form feed, next line, line and paragraph separator: where a line ends, too."""

CONTROLS = "".join(map(chr, [*range(0x00, 0x09), *range(0x0B, 0x20), *range(0x7F, 0xA0)]))
"""Unicode's category Cc less tab and newline. Those of LINE_ENDS are among them, and go if they were not replaced."""

SPACES = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
"""Unicode's category Zs less the space itself."""

INVISIBLE = {
    "bom": "\ufeff",
    "soft_hyphen": "\u00ad",
    "zero_width_space": "\u200b",
    "word_joiner": "\u2060",
    "bidi": "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
    "joiners": "\u200c\u200d",
}
"""Characters without a shape, by what they are for."""

Invisible = Literal["bom", "soft_hyphen", "zero_width_space", "word_joiner", "bidi", "joiners"]


class MojibakeParams(StageParams):
    """Which repairs ftfy may make, by its own names (ftfy.TextFixerConfig); what it leaves out here is never done.

    restore_byte_a0: a space may have been a no-break space. replace_lossy_sequences: a sequence with a lost byte
    becomes U+FFFD. decode_inconsistent_utf8: also where only part of a line is broken. fix_c1_controls: C1 controls
    are what Windows-1252 has in their place.
    """

    restore_byte_a0: bool = True
    replace_lossy_sequences: bool = True
    decode_inconsistent_utf8: bool = True
    fix_c1_controls: bool = True


class NormaliseParams(StageParams):
    """Steps, in the order they are taken; they are repeated until a text no longer changes.

    mojibake: undo, line by line, text that was decoded by the wrong encoding (`cafÃ©`); `false`, or which repairs.
    line_ends: `\\r\\n` and the other ends of a line become `\\n`. controls: other control characters go, but tab.
    invisible: what goes of characters without a shape. `joiners` are needed in Persian, Hindi and emoji,
    `zero_width_space` separates words in Khmer, Thai and Burmese, `bidi` orders Arabic and Hebrew: name them only for
    languages that do not need them.
    spaces: `unify` makes every other space (no-break, ideographic ...) a plain one; `fold` also makes of a run of
    them one, and cuts spaces and tabs at line ends (indents stay); `keep` leaves all.
    citations: cut `[12]`, `[1, 3-5]`, `[note 2]`, `[edit]`, `[citation needed]` and its kind: also the index of `a[1]`.
    unicode: normal form. max_blank_lines: more in a row are cut; left out, none.
    record: an edit row for `each` edit, or one for each kind in a `document`, from the first to the last of them.
    """

    mojibake: MojibakeParams | None = MojibakeParams()
    line_ends: bool = True
    controls: bool = True
    invisible: tuple[Invisible, ...] = ("bom", "soft_hyphen")
    spaces: Literal["keep", "unify", "fold"] = "unify"
    citations: bool = False
    unicode: Literal["nfc", "none"] = "nfc"
    max_blank_lines: Annotated[int | None, Field(ge=0)] = None
    record: Literal["each", "document"] = "each"

    @field_validator("mojibake", mode="before")
    @classmethod
    def _switch(cls, given: Any) -> Any:
        return {True: MojibakeParams(), False: None}[given] if isinstance(given, bool) else given
