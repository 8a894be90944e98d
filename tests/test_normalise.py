"""Stage `normalise`: a slow twin without any glance, ftfy and unicodedata as witnesses, rest, batches, spans."""

from __future__ import annotations

import re
import unicodedata

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.chain import KEY, Stage, run_stages
from filters.errors import RecipeError
from filters.normalise import params as characters
from filters.normalise.mojibake import repaired, suspicious_pattern
from filters.normalise.params import MojibakeParams, NormaliseParams
from filters.normalise.stage import NORMALISE, normalise, prepare, rewrite
from filters.normalise.steps import MARK, blank_lines, citations, fold, nfc
from filters.texts import as_text_array
from pipeline.validation import validate
from pipeline.yaml_document import load_yaml
from tests.strategies import AWKWARD, any_char, mixed_texts, texts

ALL = NormaliseParams(spaces="fold", citations=True, max_blank_lines=1, invisible=tuple(characters.INVISIBLE))
NOTHING = NormaliseParams(mojibake=None, line_ends=False, controls=False, invisible=(), spaces="keep", unicode="none")
STATES = {name: prepare(p) for name, p in {"default": NormaliseParams(), "all": ALL}.items()}

_SPOILT = ["café", "naïve – “quoted”", "Привет", "ΕΛΛΑΣ", "日本語", "żółć", "😀", "it’s", "a\xa0b", "½ £ ©"]
_CODECS = ["latin-1", "cp1252", "cp1251", "cp1250", "cp1253", "cp1254", "cp1257", "iso-8859-2", "mac-roman", "cp437"]


def _spoil(text: str, codec: str) -> str:
    return text.encode().decode(codec, "replace")


spoilt = st.builds(_spoil, st.sampled_from(_SPOILT) | st.text(any_char, max_size=8), st.sampled_from(_CODECS))
odd_pieces = st.sampled_from([
    "[1]", "[", "]", "[citation needed]", "[edit]", "[[2]3]", " ", "  ", "\t", "\n", "\n\n\n", " \n", "\r\n", "\r",
    "\x00", "\x0c", "\x85", "\u2028", "\xa0", "\u3000", "\ufeff", "\xad", "\u200b", "\u200d", "\u2067", "e\u0301",
    "\u0301", "\u0323\u0307", "\u1112\u1161\u11ab", "\u212b", "\u0958", "a", "漢", "Ã", "©", "é", "Â",
])  # fmt: skip
odd_texts = st.lists(st.one_of(odd_pieces, spoilt, st.sampled_from(["word", " ", "the café"])), max_size=12).map(
    "".join
)
any_text = st.one_of(odd_texts, texts, mixed_texts)


def plain_step(text: str, params: NormaliseParams) -> str:
    """All steps once, as one would write them down."""
    if params.mojibake is not None:
        text = "\n".join(repaired(line, params.mojibake) for line in text.split("\n"))
    if params.line_ends:
        text = re.sub("\r\n|[\r\x0b\x0c\x85\u2028\u2029]", "\n", text)
    if params.controls:
        text = "".join(c for c in text if unicodedata.category(c) != "Cc" or c in "\t\n")
    text = text.translate({ord(c): None for name in params.invisible for c in characters.INVISIBLE[name]})
    if params.spaces != "keep":
        text = "".join(" " if unicodedata.category(c) == "Zs" else c for c in text)
    while params.citations and MARK.search(text):
        text = MARK.sub("", text, count=1)
    if params.unicode == "nfc":
        text = unicodedata.normalize("NFC", text)
    if params.spaces == "fold":
        text = "\n".join(re.sub(r"(?<=\S) {2,}", " ", line.rstrip(" \t")) for line in text.split("\n"))
    if params.max_blank_lines is not None:
        kept: list[str] = []
        run = 0
        for line in text.split("\n"):
            run = 0 if line.strip(" \t") else run + 1
            if run <= params.max_blank_lines:
                kept.append(line)
        text = "\n".join(kept)
    return text


def plainly(text: str, params: NormaliseParams) -> str:
    """Steps until nothing changes."""
    while (new := plain_step(text, params)) != text:
        text = new
    return text


@pytest.mark.parametrize("name", STATES)
@settings(max_examples=70)
@given(text=any_text)
def test_a_glance_misses_nothing(name: str, text: str) -> None:
    state = STATES[name]
    assert normalise(text, state).text == plainly(text, state.params)


@pytest.mark.parametrize("name", STATES)
@settings(max_examples=70)
@given(text=any_text)
def test_it_comes_to_rest(name: str, text: str) -> None:
    once = normalise(text, STATES[name]).text
    assert normalise(once, STATES[name]).text == once


@given(st.lists(st.sampled_from(["[", "]", "1", "[1]", "2", "edit", " ", "-"]), max_size=20).map("".join))
def test_brackets_are_read_as_they_nest(text: str) -> None:
    left, at = [], 0
    for start, end, _ in citations(text):
        left.append(text[at:start])
        at = end
    assert "".join([*left, text[at:]]) == plainly(text, NOTHING.model_copy(update={"citations": True}))


@given(st.lists(st.sampled_from(["", " ", "x", "\t"]), max_size=9).map("\n".join), st.integers(0, 3))
def test_blank_lines_are_cut_behind_the_first(text: str, most: int) -> None:
    assert _applied(text, blank_lines(text, most)) == plain_step(
        text, NOTHING.model_copy(update={"max_blank_lines": most})
    )


def _applied(text: str, changes: list[tuple[int, int, str]]) -> str:
    for start, end, new in reversed(changes):
        text = text[:start] + new + text[end:]
    return text


@settings(max_examples=60)
@given(any_text)
def test_clusters_are_composed_as_the_whole(text: str) -> None:
    assert _applied(text, nfc(text)) == unicodedata.normalize("NFC", text)


@settings(max_examples=60)
@given(st.lists(st.one_of(spoilt, any_text), max_size=4).map("".join))
def test_lines_that_are_not_suspicious_are_fine_with_ftfy(line: str) -> None:
    state = prepare(NOTHING.model_copy(update={"mojibake": MojibakeParams()}))
    line = line.replace("\n", "")
    if not state.glance(as_text_array([line]))[0]:
        assert repaired(line, MojibakeParams()) == line


def test_the_wider_expression_holds_all_of_ftfy_s() -> None:
    import re2
    from ftfy.badness import BADNESS_RE

    wide = re2.compile(suspicious_pattern())
    chars = {chr(p) for a, b in ((0x80, 0x180), (0x390, 0x460), (0x2010, 0x2040)) for p in range(a, b)}
    for left in "aÃœвГ€×à":
        for right in sorted(chars):
            for text in (left + right, right + left, right + left + "a", "a " + left + right):
                assert wide.search(text) or not BADNESS_RE.search(text), ascii(text)


@settings(max_examples=30)
@given(st.lists(any_text, max_size=4), st.integers(0, 4))
def test_batches_may_be_cut_anywhere(some: list[str], at: int) -> None:
    state = STATES["all"]
    whole, parts = rewrite(as_text_array(some), None, state), []
    for part, first in ((some[:at], 0), (some[at:], min(at, len(some)))):
        found = rewrite(as_text_array(part), None, state)
        parts += [{**row, "row": row["row"] + first} for row in found.edits.to_pylist()]
    assert parts == whole.edits.to_pylist()
    assert whole.texts.to_pylist() == [plainly(text, ALL) for text in some]


@given(any_text)
def test_spans_lie_in_the_original_and_hold_all_that_changed(text: str) -> None:
    editing = normalise(text, STATES["all"])
    assert all(0 <= start < end <= len(text) for _, start, end in editing.edits)
    covered = {at for _, start, end in editing.edits for at in range(start, end)}
    rest = iter(editing.text)
    assert all(text[at] in rest for at in range(len(text)) if at not in covered)  # what is left is a subsequence
    assert editing.edits or editing.text == text


@pytest.mark.parametrize("text", AWKWARD, ids=lambda text: ascii(text[:12]))
def test_awkward_texts(text: str) -> None:
    assert normalise(text, STATES["default"]).text == plainly(text, NormaliseParams())
    assert normalise(text, STATES["all"]).text == plainly(text, ALL)


def test_what_each_step_does() -> None:
    def done(text: str, **on: object) -> tuple[str, list[tuple[str, int, int]]]:
        editing = normalise(text, prepare(NormaliseParams.model_validate({**NOTHING.model_dump(), **on})))
        return editing.text, editing.edits

    assert done("a cafÃ© b\nfine é", mojibake=True) == ("a café b\nfine é", [("mojibake", 5, 7)])
    assert done("a\r\nb\rc\x0cd", line_ends=True)[0] == "a\nb\nc\nd"
    assert done("a\x00\x01b\tc\n\x7f", controls=True) == ("ab\tc\n", [("control", 1, 3), ("control", 7, 8)])
    assert done("\ufeffco\xadop", invisible=["bom"]) == ("co\xadop", [("bom", 0, 1)])
    assert done("a\xa0\u2003b  c", spaces="unify") == ("a  b  c", [("space", 1, 3)])
    assert done("  a\xa0  b \t\n", spaces="fold")[0] == "  a b\n"
    assert done("So[1] it is[citation needed].", citations=True)[0] == "So it is."
    assert done("e\u0301 \u212b", unicode="nfc") == ("é Å", [("unicode", 0, 2), ("unicode", 3, 4)])
    assert done("a\n\n\n\nb", max_blank_lines=1) == ("a\n\nb", [("blank_lines", 2, 4)])
    assert done("Ã\x00\r\n  [1]\n\n\n") == ("Ã\x00\r\n  [1]\n\n\n", [])


@pytest.mark.parametrize(
    "text", ["می\u200cخواهم", "क्\u200dष", "👩\u200d👩\u200d👧", "ភាសា\u200bខ្មែរ", "\u200fשלום\u200e"]
)
def test_what_a_script_needs_stays(text: str) -> None:
    assert normalise(text, STATES["default"]).text == text


def test_edits_are_recorded_and_counted() -> None:
    batch = pa.record_batch({KEY: [7, 8], "text": ["so\xa0it\xa0is\r\n", "clean"]})
    for record, rows in (
        ("each", [("space", 2), ("space", 5), ("line_end", 8)]),
        ("document", [("space", 2), ("line_end", 8)]),
    ):
        done = run_stages(batch, [Stage("n", "normalise", NormaliseParams(record=record))], "text")
        assert done.kept["text"].to_pylist() == ["so it is\n", "clean"]
        assert done.kept["n_edits"].to_pylist() == [3, 0]
        assert [(row["kind"], row["start"]) for row in done.edits.to_pylist()] == rows
        assert done.tally.documents[("n", "edited")] == 1
    assert NORMALISE.at_rest(NormaliseParams())


def test_a_long_line_and_many_marks_take_linear_time() -> None:
    long = " " * 300_000 + "x" + "[" * 100_000 + "\u0301" * 20_000 + "]" * 100_000 + "[1" * 50_000
    assert normalise(long + " " * 100_000, STATES["all"]).text == long
    assert fold(" " * 100_000 + "x") == []


def test_marks_out_of_order_and_nested_brackets_take_linear_time() -> None:
    """Without care each takes the square of its length: minutes for these."""
    marks = 50_000
    text = "a" + "\u0301\u0316" * marks
    assert nfc(text) == [(0, len(text), "\u00e1" + "\u0316" * marks + "\u0301" * (marks - 1))]
    deep = 50_000
    text = "[" * deep + "[1]x" * deep + "]" * deep
    assert [end - start for start, end, _ in citations(text)] == [3] * deep


@given(st.text("ab\u0301\u0316\u0327\u0344\u1100\u1161\u11a8é", min_size=60, max_size=200))
def test_long_clusters_compose_as_the_standard_library_says(text: str) -> None:
    expected = unicodedata.normalize("NFC", text)
    for start, end, new in reversed(nfc(text)):
        text = text[:start] + new + text[end:]
    assert text == expected


def test_a_step_that_is_none_is_refused() -> None:
    document = load_yaml("r.yaml", "mojibake: {restore_byte_a1: true}")
    with pytest.raises(RecipeError, match="restore_byte_a0"):
        validate(NormaliseParams, document.data, document)
