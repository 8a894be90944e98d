"""All detectors of national numbers, strongest proof first where two could claim the same digits."""

from __future__ import annotations

from filters.detectors.contract import Detector
from filters.detectors.national_americas import AMERICAS
from filters.detectors.national_asia import ASIA
from filters.detectors.national_europe import EUROPE

NATIONAL: tuple[Detector, ...] = (*ASIA, *EUROPE, *AMERICAS)
