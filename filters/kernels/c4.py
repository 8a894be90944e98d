"""C4's rules about the lines and pages of a text, as one loop over its UTF-8 bytes, and what they cut."""

from __future__ import annotations

import numpy as np

from filters.kernels.characters import BREAK, LOWER, SMALL, SPACE
from filters.kernels.compiled import helper, kernel
from filters.kernels.cuts import (
    NONE,
    WHITE_SPACE,
    add_cut,
    add_span,
    copy_page,
    count_characters,
    stands_at,
    with_room,
    write_page,
)
from filters.kernels.tokens import decode

KINDS = (
    "white_space", "citation", "long_word", "no_end_mark", "too_few_words", "javascript", "policy",
    "lorem_ipsum", "curly_bracket",
)  # fmt: skip
"""Names of the kinds of cuts; the last two drop the page instead."""

_, CITATION, LONG_WORD, NO_END_MARK, TOO_FEW_WORDS, JAVASCRIPT, POLICY, LOREM_IPSUM, CURLY_BRACKET = np.arange(9)
STAYS = np.int64(-1)

MAX_CHARS, MAX_WORD_CHARS, MIN_WORDS, MIN_SENTENCES, RULES = range(5)
LIMITS = 5
"""Entries of `limits`."""

WANTS_END_MARK, COUNTS_AS_GIVEN = 1, 2
"""Bits of `limits[RULES]`, beside `1 << kind` for CITATION and from JAVASCRIPT on, shifted left by two."""

CHARS, LOREM, BRACKET, SENTENCES = range(4)
VALUES = 4
"""Columns of `values`."""

# What a line is, in pass one: characters [BEGIN, AFTER) with its break, and without white space around [FIRST, LAST).
_BEGIN, _AFTER, _FIRST, _LAST, _FIRST_BYTE, _LAST_BYTE, _KIND, _CITED, _NEWLINE = range(9)


def _packed(text):
    """Up to 8 bytes as one number, the last one lowest.

    >>> hex(_packed(b"ab"))
    '0x6162'
    """
    return np.uint64(int.from_bytes(text, "big"))


# The last 8 bytes of every forbidden phrase, and what comes before them.
_UM, _PT, _SE, _CY = _packed(b"em ipsum"), _packed(b"vascript"), _packed(b"s of use"), _packed(b"y policy")
_CE, _ES = _packed(b"e policy"), _packed(b" cookies")
_LOR, _JA, _TERM = _packed(b"lor"), _packed(b"ja"), _packed(b"term")
_PRIVAC, _COOKI, _USES, _USE, _USE_OF = (_packed(t) for t in (b"privac", b"cooki", b"uses", b"use", b"use of"))
_M2, _M3, _M4 = np.uint64(0xFFFF), np.uint64(0xFFFFFF), np.uint64(0xFFFFFFFF)
_M5, _M6 = np.uint64(0xFFFFFFFFFF), np.uint64(0xFFFFFFFFFFFF)
_ELLIPSIS = _packed(b"...")
_EIGHT, _TOP = np.uint64(8), np.uint64(56)
_EDIT = np.frombuffer(b"[edit]", np.uint8)
_NEEDED = np.frombuffer(b"[citation needed]", np.uint8)


@helper
def _phrase(low, high):
    """LOREM_IPSUM, JAVASCRIPT or POLICY if a phrase of it ends here, else STAYS; low, high: the last 16 characters."""
    last = low & np.uint64(255)
    if last == np.uint64(109):  # m
        if low == _UM and high & _M3 == _LOR:
            return LOREM_IPSUM
    elif last == np.uint64(116):  # t
        if low == _PT and high & _M2 == _JA:
            return JAVASCRIPT
    elif last == np.uint64(101):  # e
        if low == _SE and high & _M4 == _TERM:
            return POLICY
    elif last == np.uint64(121):  # y
        if (low == _CY and high & _M6 == _PRIVAC) or (low == _CE and high & _M5 == _COOKI):
            return POLICY
    elif low == _ES and (high & _M3 == _USE or high & _M4 == _USES or high & _M6 == _USE_OF):
        return POLICY
    return STAYS


@helper
def _citation(data, i, stop):
    """Bytes of `[12]`, `[]`, `[edit]` or `[citation needed]` at the bracket of byte `i`, 0 if there is none."""
    at = i + 1
    while at < stop and 48 <= data[at] <= 57:
        at += 1
    if at < stop and data[at] == 93:
        return at + 1 - i
    if stands_at(data, i, stop, _EDIT):
        return _EDIT.shape[0]
    if stands_at(data, i, stop, _NEEDED):
        return _NEEDED.shape[0]
    return 0


@helper
def _is_end(point):
    """What ends a sentence: `.` `?` `!`, full width ones, the Arabic question mark, danda."""
    if point < 128:
        return point == 46 or point == 63 or point == 33
    return point == 0x3002 or point == 0xFF01 or point == 0xFF1F or point == 0x61F or point == 0x964


@helper
def _closes(point):
    """What may stand between the end of a sentence and the white space after it: quotes and brackets."""
    if point < 128:
        return point == 34 or point == 39 or point == 41 or point == 93
    return point == 0x201D or point == 0x2019 or point == 0xBB


@helper
def _next_sentence(state, point, entry):
    """State after a character: 0; 1 after an end mark; 2 after white space behind it; 3 where another one begins."""
    space = point == 32 or 9 <= point <= 10 or 12 <= point <= 13
    if state == 2:
        return 2 if space else 3 if entry & SMALL == 0 else 0
    if state == 1:
        if space:
            return 2
        if _closes(point):
            return 1
    return 1 if _is_end(point) else 0


@helper
def _last_bytes(data, i, stop, cited):
    """(up to 8 last bytes of a line as one number, its bytes), citations left out."""
    packed, size = np.uint64(0), NONE
    if not cited:
        size = stop - i
        i = max(i, stop - 8)
    at = i
    while at < stop:
        skipped = _citation(data, at, stop) if cited and data[at] == 91 else NONE
        if skipped:
            at += skipped
        else:
            packed = packed << _EIGHT | np.uint64(data[at])
            size += cited
            at += 1
    return packed, size


@helper
def _has_end_mark(last, size, marks):
    """Whether a line ends with one of the marks and not with `...`; last: its last 8 bytes."""
    if size >= 3 and last & _M3 == _ELLIPSIS:
        return False
    for k in range(marks.shape[0]):  # noqa: SIM110
        if np.uint64(size) >= marks[k, 2] and last & marks[k, 1] == marks[k, 0]:
            return True
    return False


@helper
def _judge_lines(data, i, stop, table, limits, marks, lines):
    """(lines, their number, sentences of those that stay, LOREM_IPSUM or CURLY_BRACKET if a line drops the page).

    Words and end marks are looked for in the line without white space around it. A citation is no part of it, but for
    MAX_WORD_CHARS and, with COUNTS_AS_GIVEN, MIN_WORDS.
    """
    rules = limits[RULES] >> 2
    cites = rules & (1 << CITATION) != 0
    phrases = (1 << LOREM_IPSUM) | (1 << JAVASCRIPT) | (1 << POLICY)
    wants_end = limits[RULES] & WANTS_END_MARK != 0
    n_lines = sentences = char = NONE
    while i < stop:
        lines = with_room(lines, n_lines)
        line = lines[n_lines]
        line[_BEGIN] = line[_FIRST] = line[_LAST] = char
        line[_FIRST_BYTE] = line[_LAST_BYTE] = i
        line[_NEWLINE] = 0
        begun = cited = in_word = False
        hidden = i  # where the last citation ends
        given = length = longest = words = ends = state = met = NONE  # met: bits of forbidden phrases
        low, high = np.uint64(0), np.uint64(0)
        last, last_byte, last_ends = char, i, ends  # up to the last character that is no white space
        while i < stop:
            at = i
            point, i = decode(data, i, stop)
            entry = table[point]
            char += 1
            if entry & BREAK != 0:
                if point == 13 and i < stop and data[i] == 10:
                    i += 1
                    char += 1
                    point = 10
                line[_NEWLINE] = point == 10
                break
            solid = entry & SPACE == 0
            if not begun:
                if not solid:
                    continue
                begun = True
                line[_FIRST], line[_FIRST_BYTE] = char - 1, at
            if solid:
                if length == 0:
                    given += 1
                length += 1
            else:
                longest = max(longest, length)
                length = NONE
            if cites and point == 91 and at >= hidden:
                skipped = _citation(data, at, stop)
                if skipped:
                    hidden = at + skipped
                    cited = True
            if at >= hidden:
                if solid and not in_word:
                    words += 1
                in_word = solid
                lower = np.int64(entry & LOWER)
                high = high << _EIGHT | low >> _TOP
                low = low << _EIGHT | np.uint64(lower if lower < 128 else 255)
                if point == 123:
                    met |= 1 << CURLY_BRACKET
                else:
                    phrase = _phrase(low, high)
                    if phrase >= 0:
                        met |= 1 << phrase
                if state != 0 or _is_end(point):
                    state = _next_sentence(state, point, entry)
                    if state == 3:
                        ends += 1
                        state = NONE
            if solid:
                last, last_byte, last_ends = char, i, ends
        longest = max(longest, length)
        line[_AFTER], line[_CITED] = char, cited
        if begun:
            line[_LAST], line[_LAST_BYTE] = last, last_byte
        n_lines += 1

        met &= rules & (phrases | 1 << CURLY_BRACKET)
        packed, size = _last_bytes(data, line[_FIRST_BYTE], line[_LAST_BYTE], cited)
        counted = given if limits[RULES] & COUNTS_AS_GIVEN else words
        if longest > limits[MAX_WORD_CHARS]:
            line[_KIND] = LONG_WORD
        elif wants_end and not _has_end_mark(packed, size, marks):
            line[_KIND] = NO_END_MARK
        elif counted < limits[MIN_WORDS]:
            line[_KIND] = TOO_FEW_WORDS
        elif met & 1 << LOREM_IPSUM:
            return lines, n_lines, sentences, LOREM_IPSUM
        elif met & 1 << JAVASCRIPT:
            line[_KIND] = JAVASCRIPT
        elif met & 1 << CURLY_BRACKET:
            return lines, n_lines, sentences, CURLY_BRACKET
        elif met & 1 << POLICY:
            line[_KIND] = POLICY
        else:
            line[_KIND] = STAYS
            sentences += 1 + last_ends if size else 0
    return lines, n_lines, sentences, STAYS


@helper
def _keep_line(data, line, number, spans, n_spans, cuts, n_cuts, first_cut, row):
    """(spans, their number, cuts, their number) with what stays and goes of a line that stays."""
    cuts, n_cuts = add_cut(cuts, n_cuts, first_cut, row, WHITE_SPACE, line[_BEGIN], line[_FIRST])
    i, stop, char = line[_FIRST_BYTE], line[_LAST_BYTE], line[_FIRST]
    first, first_byte = char, i
    while line[_CITED] and i < stop:
        skipped = _citation(data, i, stop) if data[i] == 91 else 0
        if skipped:
            spans, n_spans = add_span(spans, n_spans, number, first, char, first_byte, i)
            cuts, n_cuts = add_cut(cuts, n_cuts, first_cut, row, CITATION, char, char + skipped)
            i += skipped
            char += skipped
            first, first_byte = char, i
        else:
            _, i = decode(data, i, stop)
            char += 1
    spans, n_spans = add_span(spans, n_spans, number, first, line[_LAST], first_byte, stop)
    if line[_AFTER] > line[_LAST] + 1 or not line[_NEWLINE]:
        cuts, n_cuts = add_cut(cuts, n_cuts, first_cut, row, WHITE_SPACE, line[_LAST], line[_AFTER])
    return spans, n_spans, cuts, n_cuts


@kernel
def cut_c4(offsets, data, table, limits, marks, values, out, bounds):
    """Judge the lines of every page, cut those that fail, write what is left; returns the cuts, int64 (n, 4).

    table: `load_characters()`. limits: int64 (LIMITS,). marks: uint64 (n, 3), each end mark as a number of its bytes,
    a mask of so many bytes, their number. values: int64 (rows, VALUES), written: characters; 1 where a line with a
    forbidden word, or a bracket, drops the page; sentences, -1 where the page is dropped before they are counted.
    out: uint8, as long as `data`; bounds: int64 (rows + 1,), offsets of the new texts in it, written. A page that is
    dropped is written as it came.
    """
    lines = np.empty((64, 9), np.int64)
    spans = np.empty((64, 5), np.int64)
    cuts = np.empty((64, 4), np.int64)
    n_cuts = at = NONE
    bounds[0] = 0
    for row in range(offsets.shape[0] - 1):
        start, stop = offsets[row], offsets[row + 1]
        value = values[row]
        value[CHARS] = count_characters(data, start, stop)
        value[LOREM], value[BRACKET], value[SENTENCES] = 0, 0, -1
        dropped = value[CHARS] > limits[MAX_CHARS]
        if not dropped:
            lines, n_lines, sentences, forbidden = _judge_lines(data, start, stop, table, limits, marks, lines)
            value[LOREM], value[BRACKET] = forbidden == LOREM_IPSUM, forbidden == CURLY_BRACKET
            if forbidden == STAYS:
                value[SENTENCES] = sentences
            dropped = forbidden != STAYS or sentences < limits[MIN_SENTENCES]
        if dropped:
            at = copy_page(data, start, stop, out, at)
        else:
            first_cut, n_spans, kept = n_cuts, NONE, NONE
            for k in range(n_lines):
                line = lines[k]
                if line[_KIND] == STAYS:
                    spans, n_spans, cuts, n_cuts = _keep_line(
                        data, line, kept, spans, n_spans, cuts, n_cuts, first_cut, row
                    )
                    kept += 1
                else:
                    kind = line[_KIND] if line[_FIRST] < line[_LAST] else WHITE_SPACE
                    cuts, n_cuts = add_cut(cuts, n_cuts, first_cut, row, kind, line[_BEGIN], line[_AFTER])
            at, cuts, n_cuts = write_page(
                data, start, stop, table, spans, n_spans, cuts, first_cut, n_cuts, row, out, at
            )
        bounds[row + 1] = at
    return cuts[:n_cuts]
