"""A text under edit, in several steps, that remembers where in the original every edit lies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Change = tuple[int, int, str]
"""(start, end, new): characters [start, end) of the text as it is now become `new`."""


class Editing:
    """A text with its edits so far, as (kind, start, end) in characters of the original.

    >>> text = Editing("a\\r\\nb\\x00")
    >>> text.apply("line_end", [(1, 3, "\\n")])
    >>> text.apply("control", [(3, 4, "")])
    >>> text.text, text.edits
    ('a\\nb', [('line_end', 1, 3), ('control', 4, 5)])
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.edits: list[tuple[str, int, int]] = []
        # Where each character came from: first and last + 1 of the original; None while that is itself.
        self._origin: NDArray[np.int64] | None = None
        self._last: tuple[int, Sequence[Change]] = (len(text), ())

    def apply(self, kind: str, changes: Sequence[Change]) -> None:
        """Make changes, which are in order and do not overlap."""
        changes = [change for change in changes if self.text[change[0] : change[1]] != change[2]]
        if not changes:
            return
        self._settle()
        for start, end, _ in changes:
            self.edits.append((kind, *self._span(start, end)))
        pieces, at = [], 0
        for start, end, new in changes:
            pieces += [self.text[at:start], new]
            at = end
        pieces.append(self.text[at:])
        self._last = (len(self.text), changes)
        self.text = "".join(pieces)

    def _span(self, start: int, end: int) -> tuple[int, int]:
        if self._origin is None:
            return start, end
        return int(self._origin[start, 0]), int(self._origin[end - 1, 1])

    def _settle(self) -> None:
        """Bring the origins up to the last changes. Most texts change in one step only and never need them."""
        length, changes = self._last
        if not changes:
            return
        origin = np.arange(length)[:, None] + [0, 1] if self._origin is None else self._origin
        pieces, at = [], 0
        for start, end, new in changes:
            pieces += [origin[at:start], np.tile([[origin[start, 0], origin[end - 1, 1]]], (len(new), 1))]
            at = end
        self._origin = np.concatenate([*pieces, origin[at:]])
        self._last = (0, ())
