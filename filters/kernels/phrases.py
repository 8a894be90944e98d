"""Phrases of a list found in text at once: a trie over words, kept as a hash table, as loops over UTF-8 bytes.

A text is a row of *units*: a word, one character of a script without spaces, one other character, or a run of white
space. A phrase stands in a text where its units are some of the text's in a row; nothing else is looked at, so a
phrase never begins or ends within a word. Where some list's phrases may, every character is a unit, and where words
begin and end is asked of a phrase that is found. A node of the trie is the hash of a phrase's first units; a hash that
is found says where to look, and the folded characters decide.
"""

from __future__ import annotations

import numpy as np

from filters.kernels.case_folding import LOW, MANY, SPACE, behind_space, next_folded
from filters.kernels.compiled import helper, kernel
from filters.kernels.minhash import SHINGLE_BASE
from filters.kernels.tokens import FNV_OFFSET, FNV_PRIME, decode, fmix64
from filters.kernels.unicode_table import SEPARATOR, WORD

GAP = 3
"""Kind of a unit that is a run of white space, beside SEPARATOR, WORD and LONE."""

LONGER = np.uint64(1 << 31)
"""Flag of a node that longer phrases go through."""

CHUNK = 2048
"""Units held at a time, beside those of the longest phrase: memory does not depend on the text."""

_SPREAD = np.uint64(0x9E3779B97F4A7C15)  # 2**64 / golden ratio (Knuth 6.4): the upper bits of the product are the slot
_UPPER = np.uint64(0xFFFFFFFF00000000)
_NUMBER = np.uint64(0x7FFFFFFF)  # of a value: a phrase's number and one, or 0
_LEAST = np.uint64(1 << 32)  # a node's upper half is never 0, so that no slot in use looks free
_ONE, _SIX, _SIXTY_THREE = np.uint64(1), np.uint64(6), np.uint64(63)

BEGINS, ENDS = np.uint8(1), np.uint8(2)
"""Edges: a place where no word goes on to the left of a hit, to the right of it."""

_CLASS = np.uint32(3)  # of an entry's upper byte, without the flags


@helper
def _hash_many(h, row):
    for part in range(row[0]):
        h = (h ^ np.uint64(row[part + 1])) * FNV_PRIME
    return h


@helper
def next_units(data, i, stop, table, many, kinds, units, begins, filled):
    """Units from byte `i` until `stop` or until the arrays are full, which hold `filled` already.

    kinds: uint8; units: uint64, hashes of the folded characters; begins: int64, one longer than the others, first
    byte of every unit and, behind the last, where it ends. Returns (units held now, byte to go on from). One call
    makes many units: a call for each costs more than the work.
    """
    begins[filled] = i
    while filled < units.shape[0] and i < stop:
        point, i = decode(data, i, stop)
        entry = table[point]
        kind = entry >> np.uint32(24)
        h = FNV_OFFSET
        if kind & _CLASS == WORD:
            while True:
                if kind == WORD:
                    h = (h ^ np.uint64(entry & LOW)) * FNV_PRIME
                else:
                    h = _hash_many(h, many[entry & LOW])
                if i >= stop:
                    break
                point, after = decode(data, i, stop)
                entry = table[point]
                kind = entry >> np.uint32(24)
                if kind & _CLASS != WORD:
                    break
                i = after
            kinds[filled] = WORD
        elif entry & SPACE:
            i = behind_space(data, i, stop, table)
            kinds[filled] = GAP
        else:
            h = (h ^ np.uint64(entry & LOW)) * FNV_PRIME
            kinds[filled] = kind
        units[filled] = fmix64(h)
        filled += 1
        begins[filled] = i
    return filled, i


@helper
def next_characters(data, i, stop, table, many, kinds, units, begins, filled):
    """As `next_units`, with each folded character of a word as a unit.

    One that folds to several is as many units, which begin at the same byte: a hit that begins or ends among them is
    none, as its characters are not those of the phrase.
    """
    begins[filled] = i
    while filled < units.shape[0] and i < stop:
        point, after = decode(data, i, stop)
        entry = table[point]
        kind = entry >> np.uint32(24)
        if entry & SPACE:
            after = behind_space(data, after, stop, table)
            kinds[filled], units[filled] = GAP, fmix64(FNV_OFFSET)
            filled += 1
        elif entry & MANY:
            row = many[entry & LOW]
            if filled + row[0] > units.shape[0]:
                break
            for part in range(row[0]):
                kinds[filled] = kind & _CLASS
                units[filled] = fmix64((FNV_OFFSET ^ np.uint64(row[part + 1])) * FNV_PRIME)
                begins[filled] = i
                filled += 1
        else:
            kinds[filled] = kind & _CLASS
            units[filled] = fmix64((FNV_OFFSET ^ np.uint64(entry & LOW)) * FNV_PRIME)
            filled += 1
        i = after
        begins[filled] = i
    return filled, i


@kernel
def phrase_nodes(offsets, data, table, many, apart, hash_mask, nodes, node_offsets):
    """Hashes of the nodes on every phrase's path.

    offsets: int64 (phrases + 1,); data: uint8. apart: bool, whether characters are units rather than words. nodes:
    uint64, written, room for two per byte is enough; node_offsets: int64 (phrases + 1,), written. Returns (nodes
    written, units of the longest phrase, 1 if a phrase begins with a character that is not of a word, else 0).
    """
    kinds = np.empty(CHUNK, np.uint8)
    units = np.empty(CHUNK, np.uint64)
    begins = np.empty(CHUNK + 1, np.int64)
    end = longest = symbols = 0
    node_offsets[0] = 0
    for row in range(offsets.shape[0] - 1):
        i, stop = offsets[row], offsets[row + 1]
        h = np.uint64(0)
        count = 0
        while i < stop:
            if apart:
                filled, i = next_characters(data, i, stop, table, many, kinds, units, begins, 0)
            else:
                filled, i = next_units(data, i, stop, table, many, kinds, units, begins, 0)
            if count == 0 and kinds[0] == SEPARATOR:
                symbols = 1
            for k in range(filled):
                h = h * SHINGLE_BASE + units[k]
                if kinds[k] != GAP:
                    nodes[end] = (h & hash_mask) | _LEAST
                    end += 1
            count += filled
        longest = max(longest, count)
        node_offsets[row + 1] = end
    return end, longest, symbols


@kernel
def insert_phrases(nodes, node_offsets, chosen, shift, slots, first):
    """Put phrases into the table.

    nodes: uint64, node_offsets: int64 (phrases + 1,), as `phrase_nodes` made them. chosen: int64, the phrases to put
    in, no two of them the same once folded. slots: uint64 (2**k,), all 0: the upper half of a node's hash << 32 | its
    value; 0 where free. shift: 64 - k. first: uint64 (2**m,), all 0: a bit for the hash of each phrase's first unit.
    """
    wrap = slots.shape[0] - 1
    for c in range(chosen.shape[0]):
        begin, last = node_offsets[chosen[c]], node_offsets[chosen[c] + 1] - 1
        bit = nodes[begin]
        first[np.int64(bit >> _SIX) & (first.shape[0] - 1)] |= _ONE << (bit & _SIXTY_THREE)
        for n in range(begin, last + 1):
            tag = nodes[n] & _UPPER
            slot = np.int64((nodes[n] * _SPREAD) >> shift)
            # Phrases that only look alike have a slot each; longer ones are told of in the first of them.
            while slots[slot] != 0 and (slots[slot] & _UPPER != tag or (n == last and slots[slot] & _NUMBER)):
                slot = (slot + 1) & wrap
            slots[slot] |= tag
            if n < last:
                slots[slot] |= LONGER
            else:
                slots[slot] |= np.uint64(chosen[c] + 1)


@helper
def _same(data, i, stop, other, j, other_stop, table, many):
    """Whether two stretches of bytes are the same once folded."""
    part = other_part = 0
    while i < stop and j < other_stop:
        point, i, part = next_folded(data, i, stop, part, table, many)
        other_point, j, other_part = next_folded(other, j, other_stop, other_part, table, many)
        if point != other_point:
            return False
    return i >= stop and j >= other_stop


@helper
def _is_listed(phrase, edges, active, entry_offsets, entry_list, entry_edges):
    for entry in range(entry_offsets[phrase], entry_offsets[phrase + 1]):
        if active[entry_list[entry]] and entry_edges[entry] & ~edges == 0:
            return True
    return False


@kernel
def find_phrases(
    offsets, data, table, many, apart, hash_mask, shift, slots, first, phrase_offsets, phrases, longest, symbols,
    entry_offsets, entry_list, entry_edges, allowed, any_allowed, groups, active, words, out_rows, out_spans,
):  # fmt: skip
    """Hits of every text, from left to right, the longest at each place, none overlapping.

    offsets: int64 (rows + 1,); data: uint8. groups: int64 (rows,), which row of `active`, bool (groups, lists), says
    what lists count in a text; the lists of phrase p are `entry_list[entry_offsets[p]:entry_offsets[p + 1]]`, and
    `entry_edges` (uint8, BEGINS and ENDS) what edges a hit needs to count in each. An occurrence, as words, of a phrase
    that is `allowed` (bool) hides the hits that lie within it. words: int64 (rows,), written: tokens of the text.
    out_rows: int64, out_spans: int64 (., 4), written: begin and end in bytes of `data`, phrase, the hit's edges.
    Returns the number of hits; where it is more than there is room for, the rest was not written.
    """
    room = longest + CHUNK
    kinds = np.empty(room, np.uint8)
    units = np.empty(room, np.uint64)
    begins = np.empty(room + 1, np.int64)
    wrap, first_wrap = slots.shape[0] - 1, first.shape[0] - 1
    hits = 0
    for row in range(offsets.shape[0] - 1):
        i, stop = offsets[row], offsets[row + 1]
        lists = active[groups[row]]
        last = reach = i
        filled = n_words = 0
        before = np.uint8(GAP)
        while i < stop or filled > 0:
            if apart:
                filled, i = next_characters(data, i, stop, table, many, kinds, units, begins, filled)
            else:
                filled, i = next_units(data, i, stop, table, many, kinds, units, begins, filled)
            starts = filled if i >= stop else filled - longest
            for k in range(starts):
                kind = kinds[k]
                if kind == GAP or (kind == SEPARATOR and not symbols):
                    continue
                inside = apart and kind == WORD and (kinds[k - 1] if k > 0 else before) == WORD
                n_words += kind != SEPARATOR and not inside
                node = (units[k] & hash_mask) | _LEAST
                if first[np.int64(node >> _SIX) & first_wrap] >> (node & _SIXTY_THREE) & _ONE == 0:
                    continue
                begin = begins[k]
                if begin < last and not any_allowed:
                    continue
                h = np.uint64(0)
                end = best = -1
                left = np.uint8(0) if inside else BEGINS
                edges = best_edges = left
                for n in range(k, filled):
                    h = h * SHINGLE_BASE + units[n]
                    if kinds[n] == GAP:
                        continue
                    node = (h & hash_mask) | _LEAST
                    slot = np.int64((node * _SPREAD) >> shift)
                    longer = False
                    while slots[slot] != 0:
                        value = slots[slot]
                        slot = (slot + 1) & wrap
                        if value & _UPPER != node & _UPPER:
                            continue
                        longer |= value & LONGER != 0
                        held = np.int64(value & _NUMBER) - 1
                        if held < 0:
                            break
                        if _same(
                            data, begin, begins[n + 1], phrases, phrase_offsets[held], phrase_offsets[held + 1],
                            table, many,
                        ):  # fmt: skip
                            inside = kinds[n] == WORD and n + 1 < filled and kinds[n + 1] == WORD
                            edges = left if inside else left | ENDS
                            if any_allowed and allowed[held] and edges == BEGINS | ENDS:
                                reach = max(reach, begins[n + 1])
                            if _is_listed(held, edges, lists, entry_offsets, entry_list, entry_edges):
                                end, best, best_edges = begins[n + 1], held, edges
                            break
                    if not longer:
                        break
                if end > reach and begin >= last:
                    last = end
                    if hits < out_rows.shape[0]:
                        out_rows[hits] = row
                        out_spans[hits, 0], out_spans[hits, 1] = begin, end
                        out_spans[hits, 2], out_spans[hits, 3] = best, best_edges
                    hits += 1
            if starts > 0:
                before = kinds[starts - 1]
            for k in range(starts, filled):
                kinds[k - starts], units[k - starts] = kinds[k], units[k]
                begins[k - starts] = begins[k]
            filled -= starts
        words[row] = n_words
    return hits
