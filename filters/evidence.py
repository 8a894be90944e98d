"""Evidence over two links: what is known of a document and the survivor of its survivor."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


class Measure(NamedTuple):
    """What a similarity of 0 to 1 was worked out from, as the column `kept_measure` of `rejects/` says it.

    name: `text`, equal texts as the exact deduplication normalises them; `jaccard` or `containment` of the sets of
    shingles. shingle_size: tokens to a shingle, 0 for texts.

    >>> str(Measure("jaccard", 5)), str(TEXT)
    ('jaccard/5', 'text')
    """

    name: str
    shingle_size: int = 0

    def __str__(self) -> str:
        """As it is written down."""
        return f"{self.name}/{self.shingle_size}" if self.shingle_size else self.name


TEXT = Measure("text")


def link(
    mine: Values, beyond: Values, my_measure: Measure | None, beyond_measure: Measure | None
) -> tuple[Values, NDArray[np.bool_]]:
    """Exact similarity over two links, where it follows from theirs: where one of them is between equals.

    mine: of documents with their survivors; beyond: of those with what they are kept as; float64, both of texts in the
    same state. A measure is None where nothing was verified. Returns the similarity, NaN where it does not follow, and
    whether it is the one of the second link, in that one's measure. Equal texts have equal shingles of any size; a
    Jaccard of 1 means equal sets of shingles of one size, a containment of 1 does not.

    >>> values = link(np.array([1.0, 0.9, 0.9]), np.array([0.8, 1.0, 0.8]), *[Measure("jaccard", 5)] * 2)
    >>> [value.tolist() for value in values]
    [[0.8, 0.9, nan], [True, False, False]]
    """
    if my_measure is None or beyond_measure is None:
        return np.full(len(mine), np.nan), np.zeros(len(mine), np.bool_)
    one_size = my_measure.shingle_size == beyond_measure.shingle_size
    beyond_equal = _between_equals(beyond, beyond_measure, one_size)
    takes_beyond = _between_equals(mine, my_measure, one_size) & ~beyond_equal
    return np.where(beyond_equal, mine, np.where(takes_beyond, beyond, np.nan)), takes_beyond


def _between_equals(similarity: Values, measure: Measure, one_size: bool) -> NDArray[np.bool_]:
    if measure == TEXT:
        return np.ones(len(similarity), np.bool_)
    return (similarity == 1) & (one_size and measure.name == "jaccard")
