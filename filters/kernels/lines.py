"""Characters, lines and paragraphs of a text, counted in a loop over its UTF-8 bytes that stops at few of them."""

from __future__ import annotations

import numpy as np

from filters.kernels.characters import SPACE, TERMINAL
from filters.kernels.compiled import helper, kernel
from filters.kernels.cuts import count_characters, stands_at
from filters.kernels.minhash import SHINGLE_BASE
from filters.kernels.repeats import DCLM, DOLMA, PUBLISHED, first_places
from filters.kernels.tokens import FNV_OFFSET, decode, fmix64

(CHARS, NEWLINES, HASHES, DOTS, SPACED_DOTS, ELLIPSES,
 LINES, BULLET_LINES, ELLIPSIS_LINES, FULL_LINES, TERMINAL_LINES, SHORT_LINES, REPEATED_FULL_CHARS,
 SEGMENTS, REPEATED_SEGMENTS, REPEATED_SEGMENT_CHARS, SEGMENT_CHARS,
 PARAGRAPHS, REPEATED_PARAGRAPHS, REPEATED_PARAGRAPH_CHARS, PARAGRAPH_CHARS) = range(21)  # fmt: skip
LINE_COUNTS = 21
"""Columns of `line_counts`."""

_NEWLINE, _RETURN, _HASH, _DOT = 10, 13, 35, 46
_THREE_DOTS, _SPACED_DOTS, _ELLIPSIS, _LINE_SEPARATOR, _PARAGRAPH_SEPARATOR = (
    np.frombuffer(text.encode(), np.uint8) for text in ("...", ". . .", "…", "\u2028", "\u2029")
)

# Bytes at which a text is looked at more closely: line breaks, `#`, `.`, and what begins U+0085, U+2028, U+2029, `…`.
_LOOK = np.zeros(256, np.bool_)
_LOOK[[10, 11, 12, 13, 0x1C, 0x1D, 0x1E, _HASH, _DOT, 0xC2, 0xE2]] = True


@helper
def _hash(data, start, stop):
    """64-bit hash of bytes [start, stop), eight at a time, each mixed by a bijection of the hash so far."""
    h = FNV_OFFSET ^ np.uint64(stop - start)
    i = start
    while i < stop:
        word = np.uint64(0)
        if i + 8 <= stop:
            for k in range(8):
                word |= np.uint64(data[i + k]) << np.uint64(8 * k)
        else:
            for k in range(stop - i):
                word |= np.uint64(data[i + k]) << np.uint64(8 * k)
        h = fmix64(h ^ word)
        i += 8
    return h


@helper
def _last(data, start, stop):
    """First byte of the last code point of bytes [start, stop), which are not none."""
    last = stop - 1
    while last > start and data[last] & 0xC0 == 0x80:
        last -= 1
    return last


@helper
def _content(data, start, stop, table):
    """The text without white space at its ends, as bytes [start, stop)."""
    while start < stop:
        point, after = decode(data, start, stop)
        if table[point] & SPACE == 0:
            break
        start = after
    while start < stop:
        last = _last(data, start, stop)
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
def _is_bullet(data, start, stop, flavour):
    """Whether the text begins with a bullet: `•` `-`; in DOLMA `*` `-`; in DCLM `●` `•` `*` `-`."""
    point = np.int64(-1) if start >= stop else decode(data, start, stop)[0]
    if point == 45:
        return True
    if point == 42:
        return flavour != PUBLISHED
    return (point == 0x2022 and flavour != DOLMA) or (point == 0x25CF and flavour == DCLM)


@helper
def _ends_in_ellipsis(data, start, stop, flavour):
    """Whether the last characters are `...` or `…`; in DOLMA `…` alone; in DCLM `. . .` too."""
    if stop - start >= 3 and stands_at(data, stop - 3, stop, _ELLIPSIS):
        return True
    if flavour != DOLMA and stop - start >= 3 and stands_at(data, stop - 3, stop, _THREE_DOTS):
        return True
    return flavour == DCLM and stop - start >= 5 and stands_at(data, stop - 5, stop, _SPACED_DOTS)


@helper
def _break_bytes(data, i, stop):
    """Bytes of the line break of str.splitlines() at i; 0 if there is none."""
    byte = data[i]
    if byte == _RETURN:
        return 2 if i + 1 < stop and data[i + 1] == _NEWLINE else 1
    if byte < 0x80:
        return 1 if byte != _HASH and byte != _DOT else 0
    if byte == 0xC2:
        return 2 if i + 1 < stop and data[i + 1] == 0x85 else 0
    return 3 if stands_at(data, i, stop, _LINE_SEPARATOR) or stands_at(data, i, stop, _PARAGRAPH_SEPARATOR) else 0


@helper
def _count_line(data, start, stop, flavour, count):
    """A line that bullets and ellipses are counted in."""
    count[LINES] += 1
    count[BULLET_LINES] += _is_bullet(data, start, stop, flavour)
    count[ELLIPSIS_LINES] += _ends_in_ellipsis(data, start, stop, flavour)


@helper
def _count_full_line(data, start, stop, chars, table, short, count):
    """A line between two `\\n` that is not all white space."""
    count[FULL_LINES] += 1
    point, _ = decode(data, _last(data, start, stop), stop)
    count[TERMINAL_LINES] += table[point] & TERMINAL != 0
    count[SHORT_LINES] += chars <= short


@helper
def _joined_lines(data, start, stop, lines, begins, ends, hashes, lengths):
    """Join lines that one `\\n` parts, in place, to paragraphs of bytes [start, stop); returns how many there are.

    lines: how many there are, of bytes [begins, ends) each.
    """
    pieces = 0
    before = start
    for k in range(lines):
        first, last = max(begins[k], start), min(ends[k], stop)
        if first >= last:
            continue
        h, length = hashes[k], lengths[k]
        if last - first < ends[k] - begins[k]:  # less the white space at the ends of the text
            h, length = _hash(data, first, last), count_characters(data, first, last)
        if pieces > 0 and first - before == 1:
            h, length = fmix64(hashes[pieces - 1] * SHINGLE_BASE + h), lengths[pieces - 1] + 1 + length
        else:
            pieces += 1
        hashes[pieces - 1], lengths[pieces - 1] = h, length
        before = last
    if pieces == 0:  # an empty text is one
        hashes[0], lengths[0], pieces = np.uint64(0), 0, 1
    return pieces


@helper
def _stripped_paragraphs(data, start, stop, table, hashes, lengths):
    """Hashes and lengths of what stands between two or more `\\n`, less white space at its ends; returns how many."""
    pieces = 0
    begin = start
    for i in range(start, stop + 1):
        if i == stop or (data[i] == _NEWLINE and i + 1 < stop and data[i + 1] == _NEWLINE):
            first, last = _content(data, begin, i, table)
            if first < last:
                hashes[pieces], lengths[pieces] = _hash(data, first, last), count_characters(data, first, last)
                pieces += 1
            begin = i
    return pieces


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
    begins, ends = np.empty(most, np.int64), np.empty(most, np.int64)
    hashes, lengths = np.empty(most, np.uint64), np.empty(most, np.int64)
    full = np.empty(most, np.bool_)

    strips, every = flavour == DCLM, flavour != PUBLISHED
    for row in range(offsets.shape[0] - 1):
        count = out[row]
        start, stop = offsets[row], offsets[row + 1]
        segments = n_chars = line_chars = 0  # line_chars: those before the line at hand
        line = broken = start  # where the line at hand begins, and that of str.splitlines()
        after_dots = after_spaced = start  # where the next `...` and `. . .` may begin
        i = start
        while i <= stop:
            if i < stop:
                n_chars += data[i] & 0xC0 != 0x80
                if not _LOOK[data[i]]:
                    i += 1
                    continue
            at_end = i == stop
            byte = np.int64(_NEWLINE) if at_end else np.int64(data[i])
            if byte == _HASH:
                count[HASHES] += 1
            elif byte == _DOT:
                if i >= after_dots and stands_at(data, i, stop, _THREE_DOTS):
                    count[DOTS] += 1
                    after_dots = i + 3
                if i >= after_spaced and stands_at(data, i, stop, _SPACED_DOTS):
                    count[SPACED_DOTS] += 1
                    after_spaced = i + 5
            elif byte == 0xE2 and stands_at(data, i, stop, _ELLIPSIS):
                count[ELLIPSES] += 1

            ends_line = byte == _NEWLINE
            if ends_line:
                first, last = _content(data, line, i, table)
            if flavour == PUBLISHED and i >= broken:  # there is no line after the last break
                wide = 0 if at_end else _break_bytes(data, i, stop)
                if wide > 0 or (at_end and broken < stop):
                    if not ends_line or broken != line:
                        first_solid, last_solid = _content(data, broken, i, table)
                    else:
                        first_solid, last_solid = first, last
                    _count_line(data, first_solid, last_solid, flavour, count)
                    broken = i + wide
            if ends_line:
                blank = first >= last
                chars = n_chars - line_chars - (not at_end)
                count[NEWLINES] += not at_end
                if not blank:
                    _count_full_line(data, line, i, chars, table, short, count)
                begin, end = (first, last) if strips else (line, i)
                if every and not (strips and blank):
                    _count_line(data, begin, end, flavour, count)
                if (every and not (strips and blank)) or (not every and (chars > 0 or line == start or at_end)):
                    begins[segments], ends[segments] = begin, end
                    hashes[segments] = _hash(data, begin, end)
                    lengths[segments] = count_characters(data, begin, end) if strips else chars
                    full[segments] = not blank
                    count[SEGMENT_CHARS] += lengths[segments]
                    segments += 1
                line, line_chars = i + 1, n_chars
            i += 1

        count[CHARS], count[SEGMENTS] = n_chars, segments
        repeats, chars = _sum_repeats(hashes, lengths, segments, slots, places, seen, every)
        count[REPEATED_SEGMENTS], count[REPEATED_SEGMENT_CHARS] = repeats, chars
        if flavour == PUBLISHED:
            for k in range(segments):
                if full[k] and places[k] != k:
                    count[REPEATED_FULL_CHARS] += lengths[k]
        if flavour != DOLMA:
            first, last = _content(data, start, stop, table)
            if strips:
                pieces = _stripped_paragraphs(data, first, last, table, hashes, lengths)
            else:
                pieces = _joined_lines(data, first, last, segments, begins, ends, hashes, lengths)
            repeats, chars = _sum_repeats(hashes, lengths, pieces, slots, places, seen, every)
            count[PARAGRAPHS] = pieces
            count[REPEATED_PARAGRAPHS], count[REPEATED_PARAGRAPH_CHARS] = repeats, chars
            for k in range(pieces):
                count[PARAGRAPH_CHARS] += lengths[k]
