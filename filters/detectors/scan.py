"""Scan a batch of texts: every finding with its place, once what was found hides nothing any more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from filters.detectors.contract import Detector
from filters.detectors.search import code_points, scanner
from filters.detectors.settle import Action, settle


@dataclass(frozen=True)
class Findings:
    """Findings in order of (row, start), none overlapping.

    row: int64, of the texts. start, end: int64, code points. kind: int64, index into `detectors`, which also name
    the proof of each finding.
    """

    detectors: tuple[Detector, ...]
    row: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    kind: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.row)

    @property
    def kinds(self) -> list[str]:
        """Name of every finding's kind."""
        return [self.detectors[index].kind for index in self.kind]

    @property
    def proofs(self) -> list[str]:
        """What every finding's proof has checked."""
        return [self.detectors[index].proof for index in self.kind]


def scan(texts: pa.LargeStringArray, detectors: Sequence[Detector]) -> Findings:
    """Find what the stage `pii` would redact, in texts without nulls. The order of the detectors is their rank.

    >>> scan(pa.array(["nothing to see"], pa.large_string()), []).row
    array([], dtype=int64)
    """
    detectors = tuple(detectors)
    search = scanner(detectors)
    actions: list[Action] = ["redact"] * len(detectors)
    rows: list[tuple[int, int, int, int]] = []
    for row, stretches in search.promising(texts).items():
        data = texts[row].as_buffer().to_pybytes()
        found = settle(data, search, actions, lambda kind, value: detectors[kind].placeholder, stretches).findings
        places = iter(code_points(data, [offset for one in found for offset in one[:2]]))
        rows += [(row, next(places), next(places), one.detector) for one in found]
    table = np.array(rows, np.int64).reshape(-1, 4)
    return Findings(detectors, *(np.ascontiguousarray(column) for column in table.T))
