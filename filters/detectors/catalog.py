"""The detectors a recipe can name, strongest proof first: where findings overlap, the one listed first stays."""

from __future__ import annotations

from filters.detectors.contact import CONTACT
from filters.detectors.contract import Detector
from filters.detectors.financial import FINANCIAL
from filters.detectors.location import LOCATION
from filters.detectors.national import NATIONAL
from filters.detectors.network import NETWORK
from filters.detectors.secrets import PASSWORDS, SECRETS

_ALL: tuple[Detector, ...] = (
    *SECRETS,
    *NETWORK,
    *FINANCIAL,
    *NATIONAL,
    *CONTACT,
    *LOCATION,
    *PASSWORDS,
)

DETECTORS: dict[str, Detector] = {detector.kind: detector for detector in _ALL}
