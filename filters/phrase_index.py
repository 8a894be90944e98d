"""A phrase list ready to be searched: built once from the phrases, then asked for the hits of whole batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from filters.kernels.case_folding import fold, load_folding
from filters.kernels.phrases import find_phrases, insert_phrases, phrase_nodes
from filters.phrase_lists import WHOLE, Phrases
from filters.texts import as_text_array, text_buffers

WHOLE_HASH = (1 << 64) - 1
_FILL = 0.6
"""Most of the table's slots that may be in use; half of them are, on average."""

_FIRST_BITS = 16
"""Bits for each first word of a phrase in the sieve before the table: one in 16 other words gets through."""


@dataclass(frozen=True)
class Hits:
    """Hits of a batch, in order: rows, begins, ends (bytes of the batch's text buffer), phrases, each int64.

    edges: int64, BEGINS and ENDS, where no word goes on. words: int64 (rows of the batch,), tokens of every text.
    """

    rows: NDArray[np.int64]
    begins: NDArray[np.int64]
    ends: NDArray[np.int64]
    phrases: NDArray[np.int64]
    edges: NDArray[np.int64]
    words: NDArray[np.int64]


@dataclass(frozen=True)
class PhraseIndex:
    """Phrases by number, the table that finds them, and what each means.

    The entries of phrase p, one for each list, category or language it stands under, are
    `entry_offsets[p]:entry_offsets[p + 1]`, with `entry_group` (uint32; a pair of category and language, null where
    none), `entry_weight` (float64) and `entry_edges` (uint8; where a hit has to begin or end with a word). apart: some
    need not, so that characters are looked for rather than words. allowed: bool, phrases that hide hits.
    `active[languages[x]]`, bool by group, says what counts in language x; row 0 is for a document of any other
    language, or none.
    """

    texts: pa.LargeStringArray
    hash_mask: int
    slots: NDArray[np.uint64]
    first: NDArray[np.uint64]
    longest: int
    symbols: int
    entry_offsets: NDArray[np.int64]
    entry_group: NDArray[np.uint32]
    entry_weight: NDArray[np.float64]
    entry_edges: NDArray[np.uint8]
    apart: bool
    allowed: NDArray[np.bool_]
    group_category: tuple[str | None, ...]
    languages: dict[str, int]
    active: NDArray[np.bool_]

    @property
    def nbytes(self) -> int:
        """Bytes of memory that the index holds."""
        arrays = (
            self.slots, self.first, self.entry_offsets, self.entry_group, self.entry_weight, self.entry_edges,
            self.allowed,
        )  # fmt: skip
        return self.texts.nbytes + sum(array.nbytes for array in arrays)

    def language_rows(self, languages: pa.Array | None, rows: int) -> NDArray[np.int64]:
        """Which row of `active` each document goes by, from its language (null: none)."""
        if languages is None or not self.languages:
            return np.zeros(rows, np.int64)
        return np.array([self.languages.get(language, 0) for language in languages.to_pylist()], np.int64)

    def find(self, texts: pa.LargeStringArray, groups: NDArray[np.int64] | None = None) -> Hits:
        """Hits of every text. groups: int64 (rows,), of `language_rows`; left out, documents of no language.

        A hit is a phrase that stands as words, or within them as its list has it, the longest at each place, none
        overlapping, none within an allowed phrase.
        """
        offsets, data = text_buffers(texts)
        return self.find_in(offsets, data, np.zeros(len(texts), np.int64) if groups is None else groups)

    def find_in(self, offsets: NDArray[np.int64], data: NDArray[np.uint8], groups: NDArray[np.int64]) -> Hits:
        """As `find`, of texts that lie in `data` from `offsets[i]` to `offsets[i + 1]`."""
        table, many = load_folding()
        phrase_offsets, phrases = text_buffers(self.texts)
        words = np.empty(len(offsets) - 1, np.int64)
        room = 1024 + int(offsets[-1] - offsets[0]) // 64
        while True:
            rows, spans = np.empty(room, np.int64), np.empty((room, 4), np.int64)
            found = find_phrases(
                offsets, data, table, many, self.apart, np.uint64(self.hash_mask), _shift(self.slots), self.slots,
                self.first, phrase_offsets, phrases, self.longest, self.symbols, self.entry_offsets, self.entry_group,
                self.entry_edges, self.allowed, bool(self.allowed.any()), groups, self.active, words, rows, spans,
            )  # fmt: skip
            if found <= room:
                begins, ends, numbers, edges = spans[:found].T
                return Hits(rows[:found], begins, ends, numbers, edges, words)
            room = found

    def count(self, text: str) -> int:
        """Hits of one text, for trying a list by hand."""
        return len(self.find(as_text_array([text])).rows)

    def entries_of(self, hits: Hits, groups: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(hit, entry) of everything that counts in each hit's document, in order."""
        begins, ends = self.entry_offsets[hits.phrases], self.entry_offsets[hits.phrases + 1]
        counts = ends - begins
        hit = np.repeat(np.arange(len(hits.rows)), counts)
        entry = np.arange(len(hit)) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(begins, counts)
        counted = self.active[groups[hits.rows[hit]], self.entry_group[entry]]
        counted &= self.entry_edges[entry] & ~hits.edges[hit] == 0
        return hit[counted], entry[counted]


def build_index(lists: Sequence[Phrases], allow: pa.LargeStringArray, hash_mask: int = WHOLE_HASH) -> PhraseIndex:
    """Put lists and allowed phrases into one index. hash_mask: bits of the hashes in use; fewer only make it slow."""
    texts = pa.concat_arrays([*(phrases.texts for phrases in lists), allow])
    listed = len(texts) - len(allow)
    offsets, data = text_buffers(texts)
    table, many = load_folding()
    apart = any(phrases.edges != WHOLE for phrases in lists)
    nodes, node_offsets = np.empty(2 * len(data), np.uint64), np.empty(len(offsets), np.int64)
    count, longest, symbols = phrase_nodes(offsets, data, table, many, apart, np.uint64(hash_mask), nodes, node_offsets)
    number = _first_alike(texts, nodes[node_offsets[1:] - 1])
    chosen = np.unique(number)
    # Every phrase needs a slot at its end, and every other node one.
    in_use = min(count, len(np.unique(nodes[:count])) + len(chosen))
    slots = np.zeros(_power_of_two(in_use / _FILL, 16), np.uint64)
    first_words = len(np.unique(nodes[node_offsets[:-1]]))
    first = np.zeros(_power_of_two(first_words * _FIRST_BITS / 64, 64), np.uint64)
    insert_phrases(nodes, node_offsets, chosen, _shift(slots), slots, first)
    allowed = np.zeros(len(texts), np.bool_)
    allowed[number[listed:]] = True
    order, entry_offsets = _grouped(number[:listed], len(texts))
    group, pairs = _groups(lists)
    languages = {name: row for row, name in enumerate(dict.fromkeys(name for _, name in pairs if name), start=1)}
    active = np.array([[of is None or of == name for _, of in pairs] for name in (None, *languages)], np.bool_)
    weights = np.concatenate([phrases.weights for phrases in lists])
    edges = np.concatenate([np.full(len(phrases.texts), phrases.edges, np.uint8) for phrases in lists])
    return PhraseIndex(
        texts, hash_mask, slots, first, longest, symbols, entry_offsets, group[order], weights[order], edges[order],
        apart, allowed, tuple(category for category, _ in pairs), languages, active,
    )  # fmt: skip


def _first_alike(texts: pa.LargeStringArray, hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    """For every phrase the first one that is the same once folded, itself if there is none before it."""
    number = np.arange(len(texts))
    order = np.argsort(hashes, kind="stable")
    follows = np.concatenate([[False], hashes[order][1:] == hashes[order][:-1]])
    suspects = np.sort(order[follows | np.concatenate([follows[1:], [False]])])
    seen: dict[str, int] = {}
    for phrase, text in zip(suspects.tolist(), texts.take(pa.array(suspects)).to_pylist(), strict=True):
        number[phrase] = seen.setdefault(fold(text), phrase)
    return number


def _shift(slots: NDArray[np.uint64]) -> np.uint64:
    return np.uint64(65 - len(slots).bit_length())


def _power_of_two(least: float, floor: int) -> int:
    return max(floor, 1 << (int(np.ceil(least)) - 1).bit_length())


def _grouped(number: NDArray[np.int64], phrases: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Entries in order of their phrase's number, and where each phrase's begin."""
    counts = np.bincount(number, minlength=phrases)
    return np.argsort(number, kind="stable"), np.concatenate([[0], np.cumsum(counts)])


def _groups(lists: Sequence[Phrases]) -> tuple[NDArray[np.uint32], list[tuple[str | None, str | None]]]:
    """Of every entry its group, and the pairs of category and language that the groups are."""
    pairs: dict[tuple[str | None, str | None], int] = {}
    parts = []
    for phrases in lists:
        categories, languages = phrases.categories.dictionary_encode(), phrases.languages.dictionary_encode()
        # -1 stands for null.
        codes = np.stack([c.indices.fill_null(-1).to_numpy().astype(np.int64) for c in (categories, languages)])
        kinds, of = np.unique(codes, axis=1, return_inverse=True)
        category, language = (dict(enumerate(c.dictionary.to_pylist())) for c in (categories, languages))
        names = [(category.get(c), language.get(of)) for c, of in kinds.T.tolist()]
        parts.append(np.array([pairs.setdefault(name, len(pairs)) for name in names], np.uint32)[of.ravel()])
    return np.concatenate(parts), list(pairs)
