"""Rewriting a text line by line: what is kept, what is cut and why, as the edits of a batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from filters.contract import EDITS_SCHEMA, Columns, Rewritten

WHITE_SPACE = "white_space"
"""Kind of the edits that only cut or fold white space around what stays: indents, blank ends, `\\r\\n`."""

Span = tuple[int, int]
Cut = tuple[str, int, int]
"""(kind, start, end): characters [start, end) of the text as it came."""


@dataclass
class Page:
    """A text being rewritten. kept: the spans of every line that stays, in order; cuts: what goes; values: measured."""

    kept: list[list[Span]] = field(default_factory=list)
    cuts: list[Cut] = field(default_factory=list)
    values: dict[str, float | None] = field(default_factory=dict)
    dropped: bool = False

    def cut(self, kind: str, start: int, end: int) -> None:
        """Note that a span goes; neighbours of one kind become one."""
        if start >= end:
            return
        if self.cuts and self.cuts[-1][0] == kind and self.cuts[-1][2] == start:
            start = self.cuts.pop()[1]
        self.cuts.append((kind, start, end))

    def text(self, original: str) -> str:
        """Lines that stay, one newline between them."""
        return "\n".join("".join([original[a:b] for a, b in spans]) for spans in self.kept)

    def strip(self, original: str) -> None:
        """Cut white space at both ends of what stays."""
        for line, at in ((0, 0), (-1, -1)):
            while self.kept:
                spans = self.kept[line]
                if not spans:
                    self.kept.pop(line)
                    continue
                a, b = spans[at]
                stretch = original[a:b]
                left = b - len(stretch.lstrip()) if at == 0 else a
                right = a + len(stretch.rstrip()) if at == -1 else b
                if at == 0:
                    self.cuts.append((WHITE_SPACE, a, min(left, b)))
                    a = left
                else:
                    self.cuts.append((WHITE_SPACE, max(right, a), b))
                    b = right
                if a >= b:
                    spans.pop(at)
                    continue
                spans[at] = (a, b)
                break


def rewrite_pages(
    texts: pa.LargeStringArray, clean: Callable[[str], Page], types: Mapping[str, pa.DataType]
) -> Rewritten:
    """Clean every text by itself. A page that a rule will drop stays as it came, without edits."""
    values: dict[str, list[float | None]] = {name: [] for name in types}
    rows: list[int] = []
    cuts: list[Cut] = []
    changed: dict[int, str] = {}
    for row, text in enumerate(texts.to_pylist()):
        page = clean(text)
        for name in types:
            values[name].append(page.values[name])
        if page.dropped:
            continue
        found = page.text(text)
        if found != text:
            changed[row] = found
            own = sorted((cut for cut in page.cuts if cut[1] < cut[2]), key=lambda cut: cut[1:])
            # What joins lines is white space, too: a text that changed in nothing else has it as its only edit.
            cuts += own or [(WHITE_SPACE, 0, len(text))]
            rows += [row] * max(len(own), 1)
    columns: Columns = {name: pa.array(values[name], kind) for name, kind in types.items()}
    if changed:
        mask = np.zeros(len(texts), np.bool_)
        mask[list(changed)] = True
        texts = pc.replace_with_mask(texts, pa.array(mask), pa.array(list(changed.values()), pa.large_string()))
    return Rewritten(texts, columns, _edits(rows, cuts))


def _edits(rows: Sequence[int], cuts: Sequence[Cut]) -> pa.RecordBatch:
    arrays = [
        pa.array(rows, pa.int64()),
        pa.array([kind for kind, _, _ in cuts], pa.string()),
        pa.array([start for _, start, _ in cuts], pa.int64()),
        pa.array([end for _, _, end in cuts], pa.int64()),
    ]
    return pa.record_batch(arrays, schema=EDITS_SCHEMA)
