"""The detectors a recipe can name, strongest proof first: where findings overlap, the one listed first stays."""

from __future__ import annotations

from filters.detectors.contract import Detector
from filters.detectors.financial import FINANCIAL
from filters.detectors.national import NATIONAL

_ALL: tuple[Detector, ...] = (
    *FINANCIAL,
    *NATIONAL,
)

DETECTORS: dict[str, Detector] = {detector.kind: detector for detector in _ALL}
