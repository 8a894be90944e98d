"""RefinedWeb's corrections of the lines of a text, as one loop over its UTF-8 bytes, and what they cut."""

from __future__ import annotations

import numpy as np

from filters.kernels.characters import DIGIT, LETTER, LOWER, NUMERAL, SPACE, UPPER
from filters.kernels.compiled import helper, kernel
from filters.kernels.cuts import NONE, add_cut, add_span, copy_page, stands_at, write_page
from filters.kernels.tokens import decode

KINDS = ("white_space", "uppercase", "digits", "counter", "too_few_words", "phrase")
"""Names of the kinds of cuts."""

_, UPPERCASE, DIGITS, COUNTER, TOO_FEW_WORDS, PHRASE = np.arange(6)
STAYS = np.int64(-1)

MAX_UPPERCASE, MAX_DIGITS, MIN_WORDS, MAX_PHRASE_WORDS, MAX_REMOVED_WORDS, COUNTERS = range(6)
LIMITS = 6
"""Entries of `limits`."""

WORDS, WORDS_LEFT = range(2)
VALUES = 2
"""Columns of `values`."""

COUNTED = (
    "likes", "shares", "comments", "retweets", "reposts", "quotes", "bookmarks", "upvotes", "downvotes", "downloads",
    "views", "followers",
)  # fmt: skip
"""What `3 likes` may count."""

_COUNTED = np.frombuffer("".join(COUNTED).encode(), np.uint8)
_COUNTED_ENDS = np.cumsum([len(word) for word in COUNTED])
_CART = np.frombuffer(b"items in cart", np.uint8)
_MORE = np.frombuffer(b"read more", np.uint8)
_SIGN_IN = np.frombuffer(b"sign-in", np.uint8)
_DOTS = 3  # characters behind `read more`, any: DCLM's pattern is `read more...`
_NEWLINE = 10


@helper
def _lower(data, i, stop, table):
    """Lower case of the character at byte `i`, and the byte after it."""
    point, after = decode(data, i, stop)
    return np.int64(table[point] & LOWER), after


@helper
def _skip_others(data, i, stop, table):
    """The first byte from `i` on of a letter, a number or `_`."""
    while i < stop:
        point, after = decode(data, i, stop)
        if table[point] & (LETTER | DIGIT | NUMERAL) != 0 or point == 95:
            break
        i = after
    return i


@helper
def _is_counter(data, i, stop, table):
    """Whether a line is a number, such as 3, 1,200 or 1.2K, and a counted word, with nothing but signs around."""
    i = _skip_others(data, i, stop, table)
    digits = 0
    while i < stop:
        point, after = decode(data, i, stop)
        if table[point] & DIGIT != 0 and table[point] & NUMERAL == 0:
            digits += 1
        elif digits == 0 or (point != 44 and point != 46):
            break
        i = after
    if digits == 0 or i >= stop:
        return False
    lower, after = _lower(data, i, stop, table)
    if lower == 107 or lower == 109 or lower == 98:  # k, m, b
        i = after
    begin = i
    while i < stop and (data[i] == 32 or (9 <= data[i] <= 13 and data[i] != 11)):
        i += 1
    if i == begin:
        return False
    first = 0
    for w in range(_COUNTED_ENDS.shape[0]):
        at, k = i, first
        while k < _COUNTED_ENDS[w] and at < stop:
            lower, after = _lower(data, at, stop, table)
            if lower != _COUNTED[k]:
                break
            at, k = after, k + 1
        if k == _COUNTED_ENDS[w]:
            return _skip_others(data, at, stop, table) == stop
        first = _COUNTED_ENDS[w]
    return False


@helper
def _holds(data, i, stop, phrase):
    """Whether a phrase of ASCII stands somewhere in bytes [i, stop), in any case."""
    for at in range(i, stop - phrase.shape[0] + 1):
        k = 0
        while k < phrase.shape[0] and _ascii_lower(data[at + k]) == phrase[k]:
            k += 1
        if k == phrase.shape[0]:
            return True
    return False


@helper
def _ascii_lower(byte):
    return byte + 32 if 65 <= byte <= 90 else byte


@helper
def _without_phrases(data, start, stop, table, chars):
    """Characters [first, last) of a line that stay, int64 (n, 2), and the bytes where its characters begin.

    `items in cart` goes anywhere, `read more` and three more characters at the end, `sign-in` at the beginning, each
    with a space beside it.
    """
    points, places = np.empty(chars, np.int64), np.empty(chars + 1, np.int64)
    solid = np.empty(chars, np.bool_)
    i = start
    for k in range(chars):
        places[k] = i
        point, i = decode(data, i, stop)
        points[k] = np.int64(table[point] & LOWER)
        solid[k] = table[point] & SPACE == 0
    places[chars] = stop
    stays = np.empty((chars + 2, 2), np.int64)
    count = last = at = NONE
    while at < chars:
        if stands_at(points, at, chars, _CART):
            stays[count, 0] = last
            stays[count, 1] = at - (at > last and not solid[at - 1])
            count += 1
            at += _CART.shape[0]
            last = at
        else:
            at += 1
    end = chars
    more = end - _MORE.shape[0] - _DOTS
    if more >= last and stands_at(points, more, end, _MORE):
        end = more - (more > last and not solid[more - 1])
    stays[count, 0], stays[count, 1] = last, end
    count += 1
    if stands_at(points, stays[0, 0], stays[0, 1], _SIGN_IN):
        begin = stays[0, 0] + _SIGN_IN.shape[0]
        stays[0, 0] = begin + (begin < stays[0, 1] and not solid[begin])
    return stays[:count], places


@helper
def _is_blank(data, i, stop, table):
    while i < stop:
        point, i = decode(data, i, stop)
        if table[point] & SPACE == 0:
            return False
    return True


@helper
def _count_words(data, spans, count, table):
    """Words of what stays, as in `cut_refinedweb`: a word may go on from span to span of a line."""
    words = 0
    in_word = False
    for s in range(count):
        if s > 0 and spans[s, 0] != spans[s - 1, 0]:
            in_word = False
        i, stop = spans[s, 3], spans[s, 4]
        while i < stop:
            point, i = decode(data, i, stop)
            entry = table[point]
            solid = entry & SPACE == 0
            if solid and not in_word:
                words += entry & (LETTER | DIGIT | NUMERAL) != 0
            in_word = solid
    return words


@kernel
def cut_refinedweb(offsets, data, table, limits, values, out, bounds):
    """Judge the lines of every page, cut those that fail, write what is left; returns the cuts, int64 (n, 4).

    table: `load_characters()`. limits: float64 (LIMITS,), infinite where there is none; MIN_WORDS and MAX_PHRASE_WORDS
    count words split at white space, COUNTERS is 1 or 0. values: int64 (rows, VALUES), written: words of the page, and
    of what is left of it, split at white space, those that begin with a letter or a number. out: uint8, as long as
    `data`; bounds: int64 (rows + 1,), offsets of the new texts in it, written. A page without a word, or that lost
    a larger share than MAX_REMOVED_WORDS, is written as it came.
    """
    spans = np.empty((64, 5), np.int64)
    cuts = np.empty((64, 4), np.int64)
    n_cuts = at = NONE
    bounds[0] = 0
    for row in range(offsets.shape[0] - 1):
        start, stop = offsets[row], offsets[row + 1]
        first_cut, n_spans, kept, before = n_cuts, NONE, NONE, NONE
        i, begin = start, NONE
        touched = False
        while i <= stop:  # lines as `str.split("\\n")` gives them
            first_byte = i
            chars = upper = digits = words = 0
            in_word = False
            last_byte = stop
            while i < stop:
                if data[i] == _NEWLINE:
                    last_byte = i
                    break
                point, i = decode(data, i, stop)
                entry = table[point]
                chars += 1
                upper += entry & UPPER != 0
                digits += entry & DIGIT != 0
                solid = entry & SPACE == 0
                if solid and not in_word:
                    words += 1
                    before += entry & (LETTER | DIGIT | NUMERAL) != 0
                in_word = solid
            i = last_byte + 1
            after = begin + chars + (last_byte < stop)

            kind = STAYS
            if chars > 0:
                if upper / chars > limits[MAX_UPPERCASE]:
                    kind = UPPERCASE
                elif digits / chars > limits[MAX_DIGITS]:
                    kind = DIGITS
                elif limits[COUNTERS] and digits and words > 1 and _is_counter(data, first_byte, last_byte, table):
                    kind = COUNTER
                elif words < limits[MIN_WORDS]:
                    kind = TOO_FEW_WORDS
            whole = True
            if kind == STAYS and words and words <= limits[MAX_PHRASE_WORDS]:
                whole = not (
                    _holds(data, first_byte, last_byte, _CART)
                    or _holds(data, first_byte, last_byte, _MORE)
                    or _holds(data, first_byte, last_byte, _SIGN_IN)
                )
            if kind == STAYS and whole:
                spans, n_spans = add_span(spans, n_spans, kept, begin, begin + chars, first_byte, last_byte)
                kept += 1
            elif kind == STAYS:
                stays, places = _without_phrases(data, first_byte, last_byte, table, chars)
                blank = True
                for k in range(stays.shape[0]):
                    blank = blank and _is_blank(data, places[stays[k, 0]], places[max(stays[k])], table)
                if blank:
                    kind = PHRASE
                else:
                    last = NONE
                    for k in range(stays.shape[0]):
                        a, b = stays[k, 0], stays[k, 1]
                        if a < b:
                            cuts, n_cuts = add_cut(cuts, n_cuts, first_cut, row, PHRASE, begin + last, begin + a)
                            spans, n_spans = add_span(spans, n_spans, kept, begin + a, begin + b, places[a], places[b])
                            last = b
                    cuts, n_cuts = add_cut(cuts, n_cuts, first_cut, row, PHRASE, begin + last, begin + chars)
                    kept += 1
            if kind != STAYS:
                cuts, n_cuts = add_cut(cuts, n_cuts, first_cut, row, kind, begin, after)
            begin = after
        touched = n_cuts > first_cut
        end, cuts, n_cuts = write_page(data, start, stop, table, spans, n_spans, cuts, first_cut, n_cuts, row, out, at)
        left = _count_words(data, spans, n_spans, table) if touched else before
        values[row, WORDS], values[row, WORDS_LEFT] = before, left
        if before == 0 or (before - left) / before > limits[MAX_REMOVED_WORDS]:
            n_cuts = first_cut
            end = copy_page(data, start, stop, out, at)
        at = end
        bounds[row + 1] = at
    return cuts[:n_cuts]
