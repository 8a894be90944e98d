"""Millions of domains and URL prefixes in one packed table: sorted 64-bit hashes, and the names that decide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from filters.kernels.rows import row_hashes
from filters.texts import text_buffers
from filters.url_lists import UrlEntries
from filters.urls import host_names, split_url, url_names

_EXACT = 1
"""Lowest bit of a code; the others are the category's number."""


@dataclass(frozen=True)
class UrlIndex:
    """Entries in order of their hash: keys, uint64; names; codes, uint16. steps: places in the deepest URL entry.

    A hash that is found only says where to look: the names are compared, so a false hit is impossible.
    """

    keys: NDArray[np.uint64]
    names: pa.StringArray | pa.LargeStringArray
    codes: NDArray[np.uint16]
    categories: tuple[str, ...]
    steps: int
    hash_mask: int

    @property
    def nbytes(self) -> int:
        """Bytes of memory that the index holds."""
        return self.keys.nbytes + self.names.nbytes + self.codes.nbytes

    def find(self, urls: Sequence[str | None]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(category number or -1, entry or -1) of every URL, int64; a null is in no list.

        Of several entries the one of the first category counts, of these the longest.
        """
        names: list[str] = []
        rows: list[int] = []
        whole: list[bool] = []
        for row, url in enumerate(urls):
            if not url:
                continue
            host, path = split_url(url)
            hosts = host_names(host)
            found = [*hosts, *url_names(host, path, self.steps)] if self.steps else hosts
            names += found
            rows += [row] * len(found)
            whole += [number == 0 or number >= len(hosts) for number in range(len(found))]
        asked = pa.array(names, pa.large_string())
        hashes = _hashes(asked, self.hash_mask)
        first, last = (np.searchsorted(self.keys, hashes, side) for side in ("left", "right"))
        counts = last - first
        question = np.repeat(np.arange(len(hashes)), counts)
        entry = np.arange(len(question)) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(first, counts)
        same = pc.equal(self.names.take(pa.array(entry)).cast(pa.large_string()), asked.take(pa.array(question)))
        code = self.codes[entry]
        applies = same.to_numpy(zero_copy_only=False) & (np.array(whole, np.bool_)[question] | (code & _EXACT == 0))
        entry, row = entry[applies], np.array(rows, np.int64)[question[applies]]
        return self._best(row, entry, len(urls))

    def _best(
        self, row: NDArray[np.int64], entry: NDArray[np.int64], rows: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        category = (self.codes[entry] >> 1).astype(np.int64)
        lengths = pc.binary_length(self.names.take(pa.array(entry))).to_numpy(zero_copy_only=False)
        best = np.lexsort((entry, -lengths.astype(np.int64), category, row))
        best = best[np.unique(row[best], return_index=True)[1]]
        categories, entries = np.full(rows, -1, np.int64), np.full(rows, -1, np.int64)
        categories[row[best]], entries[row[best]] = category[best], entry[best]
        return categories, entries


def build_url_index(lists: Sequence[UrlEntries], hash_mask: int = (1 << 64) - 1) -> UrlIndex:
    """Put lists into one index; categories keep their order. hash_mask: bits of the hashes in use, fewer are slow.

    Names take 4 bytes beside their own, 8 where all of them have 2 GiB and more. Raises ValueError for more than
    32,767 categories.
    """
    categories = {name: number for number, name in enumerate(dict.fromkeys(entries.category for entries in lists))}
    if len(categories) > 0x7FFF:
        raise ValueError(f"at most 32,767 categories, got {len(categories):,}")
    names = pa.concat_arrays([entries.names for entries in lists])
    codes = np.concatenate(
        [
            np.uint16(categories[entries.category] << 1)
            | entries.exact.to_numpy(zero_copy_only=False).astype(np.uint16)
            for entries in lists
        ]
    )
    hashes = _hashes(names, hash_mask)
    order = np.argsort(hashes, kind="stable")
    keys, codes, names = hashes[order], codes[order], names.take(pa.array(order))
    del order, hashes
    # The same entry twice, as one category's lists often have it, is stored once.
    again = np.zeros(len(keys), np.bool_)
    if len(keys):
        alike = pc.equal(names[1:], names[:-1]).to_numpy(zero_copy_only=False)
        again[1:] = alike & (keys[1:] == keys[:-1]) & (codes[1:] == codes[:-1])
    if again.any():
        keys, codes, names = keys[~again], codes[~again], names.filter(pa.array(~again))
    if names.nbytes < 1 << 31:
        names = names.cast(pa.string())
    return UrlIndex(keys, names, codes, tuple(categories), _most_steps(names), hash_mask)


def _hashes(names: pa.LargeStringArray, mask: int) -> NDArray[np.uint64]:
    offsets, data = text_buffers(names)
    hashes = np.empty(len(names), np.uint64)
    row_hashes(offsets, data, hashes)
    return hashes & np.uint64(mask)


def _most_steps(names: pa.Array) -> int:
    """Most places at which a URL entry could be cut, its end counted; 0 if there are only domains."""
    of_urls = names.filter(pc.match_substring(names, "/"))
    return pc.max(pc.count_substring_regex(of_urls, "[/?&]")).as_py() or 0
