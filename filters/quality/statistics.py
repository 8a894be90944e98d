"""The text statistics as columns that the stages of a recipe share: each is made once for a document.

Three passes, each made only where a stage wants it: over characters, lines and paragraphs; over words; over repeated
runs of words. They hold whole numbers; what rules compare are quotients of them, which each filter forms.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from filters.contract import SHARED, Shared
from filters.errors import RecipeError
from filters.kernels import lines, repeats, words
from filters.kernels.characters import load_characters
from filters.texts import as_text_array, text_buffers

WordFlavour = Literal["beamsift", "whitespace"]
"""`beamsift`: runs of letters, marks and numbers, lower-cased, and single characters of scripts written without
spaces. `whitespace`: what `str.split()` gives."""

Flavour = Literal["datatrove", "dolma", "dclm"]
_COUNTING = {"datatrove": repeats.PUBLISHED, "dolma": repeats.DOLMA, "dclm": repeats.DCLM}

Counts = NDArray[np.int64]
"""Counts by document and statistic, int64 (documents, statistics); the kernels name their columns."""


def line_statistics(flavour: Flavour, short: int = 30) -> Shared:
    """Columns of `filters.kernels.lines.line_counts`. short: characters of the longest short line."""
    arguments = (_COUNTING[flavour], short)
    measure = functools.partial(_measure, lines.line_counts, lines.LINE_COUNTS, arguments)
    return Shared(f"{SHARED}lines {flavour} {short}", measure)


def word_statistics(flavour: WordFlavour) -> Shared:
    """Columns of `filters.kernels.words.word_counts`."""
    measure = functools.partial(_measure, words.word_counts, words.WORD_COUNTS, (flavour == "whitespace",))
    return Shared(f"{SHARED}words {flavour}", measure)


def repeat_statistics(flavour: Flavour, word_flavour: WordFlavour) -> Shared:
    """Columns of `filters.kernels.repeats.repeat_counts`."""
    arguments = (word_flavour == "whitespace", _COUNTING[flavour])
    measure = functools.partial(_measure, repeats.repeat_counts, repeats.REPEAT_COUNTS, arguments)
    return Shared(f"{SHARED}repeats {flavour} {word_flavour}", measure)


def _measure(
    kernel: Callable[..., None], columns: int, arguments: Sequence[Any], texts: pa.LargeStringArray
) -> pa.Array:
    offsets, data = text_buffers(texts)
    out = np.zeros((len(texts), columns), np.int64)
    kernel(offsets, data, load_characters(), *arguments, out)
    return pa.FixedSizeListArray.from_arrays(pa.array(out.reshape(-1)), columns)


def counts_of(shared: Shared, texts: pa.LargeStringArray, batch: pa.RecordBatch) -> Counts:
    """Shared counts of a batch, as an array."""
    column = shared.of(texts, batch)
    found: Counts = column.flatten().to_numpy().reshape(len(texts), column.type.list_size)
    return found


def quotient(part: NDArray[Any], whole: NDArray[Any]) -> pa.Array:
    """`part / whole` as float64; null where there is no whole, so that no rule judges it.

    >>> quotient(np.array([1, 0]), np.array([4, 0])).to_pylist()
    [0.25, None]
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        values = part / whole
    return pa.array(values, pa.float64(), mask=whole == 0)


def word_hashes(text: str, flavour: WordFlavour, fold: bool) -> list[int]:
    """64-bit hashes of the words of a short text, as the kernels make them.

    >>> len(word_hashes("don't", "beamsift", False)), len(word_hashes("don't", "whitespace", False))
    (2, 1)
    """
    offsets, data = text_buffers(as_text_array([text]))
    out = np.empty((len(data) + 1, 2), np.uint64)
    count, _ = words.next_words(data, offsets[0], offsets[1], load_characters(), flavour == "whitespace", fold, out)
    found: list[int] = out[:count, 0].tolist()
    return found


class StopWords:
    """Lists of stop words, by name, ready to be counted in texts.

    within: names of lists whose words are counted wherever they stand, as in a language that writes them without
    spaces around; the others are counted as whole words. Of a word that is several words to the flavour (`l'` is one,
    `e.g.` two), every one is listed; one that is none (`،`) is left out.
    """

    def __init__(
        self,
        lists: dict[str, Sequence[str]],
        flavour: WordFlavour,
        *,
        fold: bool = False,
        within: frozenset[str] = frozenset(),
    ) -> None:
        self._names = [name for name in lists if name not in within]
        self._whitespace, self._fold = flavour == "whitespace", fold
        hashes: list[int] = []
        offsets = [0]
        for name in self._names:
            listed = {h for word in lists[name] for h in word_hashes(word, flavour, fold)}
            if len(listed) > 64:
                raise RecipeError(f"stop words of {name}: {len(listed)}, at most 64 can be told apart; name fewer")
            hashes += sorted(listed)
            offsets.append(len(hashes))
        self._hashes, self._offsets = np.array(hashes, np.uint64), np.array(offsets, np.int64)
        self._within = [name for name in lists if name in within]
        inner = [tuple(dict.fromkeys(filter(None, lists[name]))) for name in self._within]
        self._inner_offsets = np.cumsum([0, *map(len, inner)], dtype=np.int64)
        self._inner = text_buffers(as_text_array([word for words_of in inner for word in words_of]))
        self._firsts = np.array([ord(word[0]) for words_of in inner for word in words_of], np.int64)

    def count(self, texts: pa.LargeStringArray, chosen: pa.Array) -> tuple[Counts, Counts]:
        """(different stop words, all of them) in each text, by the list named in `chosen`; none where it names none."""
        offsets, data = text_buffers(texts)
        distinct, total = np.zeros(len(texts), np.int64), np.zeros(len(texts), np.int64)
        words.stop_words(
            offsets, data, load_characters(), self._whitespace, self._fold,
            _places(chosen, self._names), self._offsets, self._hashes, distinct, total,
        )  # fmt: skip
        if self._within:
            chosen_within = _places(chosen, self._within)
            words.stop_words_within(
                offsets, data, chosen_within, self._inner_offsets, self._firsts, *self._inner, distinct, total
            )
        return distinct, total


def _places(names: pa.Array, listed: Sequence[str]) -> NDArray[np.int64]:
    """Where each name is in a list, -1 for one that is not."""
    found = pc.fill_null(pc.index_in(names, pa.array(listed, names.type)), -1)
    places: NDArray[np.int64] = found.to_numpy(zero_copy_only=False).astype(np.int64)
    return places
