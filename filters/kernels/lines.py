"""Characters, lines and paragraphs of a text, counted in one loop over its UTF-8 bytes."""

from __future__ import annotations

import numpy as np

from filters.kernels.characters import BREAK, SPACE, TERMINAL
from filters.kernels.compiled import helper, kernel
from filters.kernels.repeats import DCLM, DOLMA, PUBLISHED, first_places
from filters.kernels.tokens import FNV_OFFSET, FNV_PRIME, decode, fmix64

(CHARS, NEWLINES, HASHES, DOTS, SPACED_DOTS, ELLIPSES,
 LINES, BULLET_LINES, ELLIPSIS_LINES, FULL_LINES, TERMINAL_LINES, SHORT_LINES, REPEATED_FULL_CHARS,
 SEGMENTS, REPEATED_SEGMENTS, REPEATED_SEGMENT_CHARS, SEGMENT_CHARS,
 PARAGRAPHS, REPEATED_PARAGRAPHS, REPEATED_PARAGRAPH_CHARS, PARAGRAPH_CHARS) = range(21)  # fmt: skip
LINE_COUNTS = 21
"""Columns of `line_counts`."""

_DOT, _SPACE, _NEWLINE = 46, 32, 10
_ELLIPSIS_BYTE = 0xFE  # `…` in the history of a line's last characters; others outside ASCII are 0xFF
_LAST_THREE, _LAST_FIVE = np.uint64(0xFFFFFF), np.uint64(0xFFFFFFFFFF)
_THREE_DOTS, _SPACED_DOTS = np.uint64(0x2E2E2E), np.uint64(0x2E202E202E)


@helper
def _content(data, start, stop, table):
    """The text without white space at its ends, as bytes [start, stop)."""
    while start < stop:
        point, after = decode(data, start, stop)
        if table[point] & SPACE == 0:
            break
        start = after
    while start < stop:
        last = stop - 1
        while last > start and data[last] & 0xC0 == 0x80:
            last -= 1
        point, after = decode(data, last, stop)
        if after != stop or table[point] & SPACE == 0:
            break
        stop = last
    return start, stop


@helper
def _sum_repeats(hashes, lengths, count, slots, places, seen, all_occurrences):
    """(repeated values, their characters): the second occurrence on, or all occurrences of what occurs again."""
    first_places(hashes, count, slots, places)
    for k in range(count):
        seen[k] = 0
    for k in range(count):
        seen[places[k]] += 1
    repeats = chars = 0
    for k in range(count):
        if (all_occurrences and seen[places[k]] > 1) or (not all_occurrences and places[k] != k):
            repeats += 1
            chars += lengths[k]
    return repeats, chars


@helper
def _is_bullet(point, flavour):
    """What begins a bullet line: `•` `-`; in DOLMA `*` `-`; in DCLM `●` `•` `*` `-`."""
    if point == 45:
        return True
    if point == 42:
        return flavour != PUBLISHED
    return (point == 0x2022 and flavour != DOLMA) or (point == 0x25CF and flavour == DCLM)


@helper
def _ends_in_ellipsis(history, flavour):
    """Whether the last characters are `...` or `…`; in DOLMA `…` alone; in DCLM `. . .` too."""
    if history & np.uint64(255) == np.uint64(_ELLIPSIS_BYTE):
        return True
    if flavour != DOLMA and history & _LAST_THREE == _THREE_DOTS:
        return True
    return flavour == DCLM and history & _LAST_FIVE == _SPACED_DOTS


@kernel
def line_counts(offsets, data, table, flavour, short, out):
    """Counts over the characters, lines and paragraphs of every text; out: int64 (rows, LINE_COUNTS), zeros, added to.

    table: `load_characters()`. flavour: what a line is, and which of equal ones are repeats, see below.
    short: characters of the longest short line.

    Characters. CHARS; NEWLINES, `\\n`; HASHES, `#`; DOTS, `...` none
    overlapping; SPACED_DOTS, `. . .`; ELLIPSES, `…`.

    Lines. LINES, those that bullets and ellipses are counted in: PUBLISHED splits as `str.splitlines()`, DOLMA at
    `\\n`, DCLM at `\\n`, white space at both ends cut, empty ones left out. BULLET_LINES begin with a bullet (after
    white space, not in DOLMA), ELLIPSIS_LINES end with an ellipsis (before white space, not in DOLMA). FULL_LINES:
    split at `\\n`, not all white space; of them TERMINAL_LINES end with a terminal character just before the line's
    end, SHORT_LINES have at most `short` characters, REPEATED_FULL_CHARS are the characters of those that repeat an
    earlier one.

    Repetition. SEGMENTS: PUBLISHED splits at runs of `\\n` (an empty piece at either end of the text is one, too),
    DOLMA at every `\\n`, DCLM as LINES; SEGMENT_CHARS are their characters. REPEATED_SEGMENTS and
    REPEATED_SEGMENT_CHARS: PUBLISHED those that an earlier one equals, DOLMA and DCLM all that have an equal.
    PARAGRAPHS and so on: the same of pieces between two or more `\\n` in a row, of the text without white space at
    its ends; in DCLM white space around each is cut, too, and empty ones are left out.
    """
    most = 1  # pieces of a text: one more than it has newlines
    for row in range(offsets.shape[0] - 1):
        found = 2
        for i in range(offsets[row], offsets[row + 1]):
            found += data[i] == _NEWLINE
        most = max(most, found)
    width = 16
    while width < 2 * most:
        width *= 2
    slots = np.empty(width, np.int64)
    places, seen = np.empty(most, np.int64), np.empty(most, np.int64)
    line_hashes, line_chars = np.empty(most, np.uint64), np.empty(most, np.int64)
    full = np.empty(most, np.bool_)
    piece_hashes, piece_chars = np.empty(most, np.uint64), np.empty(most, np.int64)

    strips = flavour == DCLM
    for row in range(offsets.shape[0] - 1):
        count = out[row]
        i, stop = offsets[row], offsets[row + 1]
        content, content_stop = _content(data, i, stop, table)
        lines = pieces = n_chars = 0
        dots = spaced = 0  # how far `...` and `. . .` have come
        # The line at hand: hash and length, also up to its last character that is no white space; first characters.
        h, length, h_trim, length_trim, lead = FNV_OFFSET, 0, FNV_OFFSET, 0, 0
        raw_first = trim_first = np.int64(-1)
        history, history_trim = np.uint64(0), np.uint64(0)
        last_entry = np.uint32(0)
        broken_first, broken_history, broken_length = np.int64(-1), np.uint64(0), 0  # the line of str.splitlines()
        after_return = False
        # The paragraph at hand.
        p, p_length, p_trim, p_length_trim, newlines = FNV_OFFSET, 0, FNV_OFFSET, 0, 0
        while i <= stop:
            at_end = i == stop
            begin = i
            if at_end:
                point, entry, i = np.int64(_NEWLINE), np.uint32(0), i + 1
            else:
                point, i = decode(data, i, stop)
                entry = table[point]
                n_chars += 1
                if point == _DOT:
                    dots += 1
                    spaced = spaced + 1 if spaced == 2 or spaced == 4 else 1
                    if dots == 3:
                        count[DOTS] += 1
                        dots = 0
                    if spaced == 5:
                        count[SPACED_DOTS] += 1
                        spaced = 0
                else:
                    dots = 0
                    spaced = spaced + 1 if point == _SPACE and (spaced == 1 or spaced == 3) else 0
                    if point == 35:
                        count[HASHES] += 1
                    elif point == 0x2026:
                        count[ELLIPSES] += 1

            # Lines of str.splitlines(): `\r\n` is one break, and there is none after the last.
            breaks = at_end or entry & BREAK != 0
            if flavour == PUBLISHED and breaks:
                if not (point == _NEWLINE and after_return and not at_end) and not (at_end and broken_length == 0):
                    count[LINES] += 1
                    count[BULLET_LINES] += _is_bullet(broken_first, flavour)
                    count[ELLIPSIS_LINES] += _ends_in_ellipsis(broken_history, flavour)
                broken_first, broken_history, broken_length = np.int64(-1), np.uint64(0), 0
            after_return = point == 13 and not at_end

            if point == _NEWLINE:  # the end of a line
                count[NEWLINES] += not at_end
                blank = trim_first < 0
                if not blank:
                    count[FULL_LINES] += 1
                    count[TERMINAL_LINES] += last_entry & TERMINAL != 0
                    count[SHORT_LINES] += length <= short
                if flavour != PUBLISHED and not (strips and blank):
                    count[LINES] += 1
                    count[BULLET_LINES] += _is_bullet(trim_first if strips else raw_first, flavour)
                    count[ELLIPSIS_LINES] += _ends_in_ellipsis(history_trim if strips else history, flavour)
                if (
                    flavour == DOLMA
                    or (strips and not blank)
                    or (flavour == PUBLISHED and (length > 0 or begin == offsets[row] or at_end))
                ):
                    line_hashes[lines] = fmix64(h_trim if strips else h)
                    line_chars[lines] = length_trim if strips else length
                    full[lines] = not blank
                    count[SEGMENT_CHARS] += line_chars[lines]
                    lines += 1
                h, length, h_trim, length_trim, lead = FNV_OFFSET, 0, FNV_OFFSET, 0, 0
                raw_first = trim_first = np.int64(-1)
                history = history_trim = np.uint64(0)
                last_entry = np.uint32(0)
            else:
                solid = entry & SPACE == 0
                byte = np.uint64(point if point < 0x80 else (_ELLIPSIS_BYTE if point == 0x2026 else 0xFF))
                if raw_first < 0:
                    raw_first = point
                if solid and trim_first < 0:
                    trim_first = point
                if not strips or trim_first >= 0:
                    h = (h ^ np.uint64(point)) * FNV_PRIME
                else:
                    lead += 1
                length += 1
                history = history << np.uint64(8) | byte
                last_entry = entry
                if solid:
                    h_trim, length_trim, history_trim = h, length - lead, history
                if not breaks:
                    broken_length += 1
                    if solid:
                        broken_first = point if broken_first < 0 else broken_first
                        broken_history = history

            # Paragraphs, between the white space at the ends of the text.
            if flavour != DOLMA and content <= begin < content_stop:
                if point == _NEWLINE:
                    newlines += 1
                    if newlines == 2 and (not strips or p_length_trim > 0):
                        piece_hashes[pieces] = fmix64(p_trim if strips else p)
                        piece_chars[pieces] = p_length_trim if strips else p_length
                        pieces += 1
                    if newlines == 2:
                        p, p_length, p_trim, p_length_trim = FNV_OFFSET, 0, FNV_OFFSET, 0
                else:
                    if newlines == 1 and (not strips or p_length > 0):
                        p = (p ^ np.uint64(_NEWLINE)) * FNV_PRIME
                        p_length += 1
                    newlines = 0
                    if not strips or p_length > 0 or entry & SPACE == 0:
                        p = (p ^ np.uint64(point)) * FNV_PRIME
                        p_length += 1
                    if entry & SPACE == 0:
                        p_trim, p_length_trim = p, p_length
        if flavour != DOLMA and not (strips and p_length_trim == 0):
            piece_hashes[pieces] = fmix64(p_trim)
            piece_chars[pieces] = p_length_trim
            pieces += 1

        count[CHARS], count[SEGMENTS], count[PARAGRAPHS] = n_chars, lines, pieces
        every = flavour != PUBLISHED
        repeats, chars = _sum_repeats(line_hashes, line_chars, lines, slots, places, seen, every)
        count[REPEATED_SEGMENTS], count[REPEATED_SEGMENT_CHARS] = repeats, chars
        if flavour == PUBLISHED:
            for k in range(lines):
                if full[k] and places[k] != k:
                    count[REPEATED_FULL_CHARS] += line_chars[k]
        repeats, chars = _sum_repeats(piece_hashes, piece_chars, pieces, slots, places, seen, every)
        count[REPEATED_PARAGRAPHS], count[REPEATED_PARAGRAPH_CHARS] = repeats, chars
        for k in range(pieces):
            count[PARAGRAPH_CHARS] += piece_chars[k]
