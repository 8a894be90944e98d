"""The detectors of addresses of machines, strongest proof first."""

from __future__ import annotations

from filters.detectors.contract import Detector
from filters.detectors.ip import IPV4, IPV4_PORT, is_local, is_public
from filters.detectors.ipv6 import IPV6
from filters.detectors.mac import MAC
from filters.detectors.urls import DB_URL, URL_CREDENTIALS

NETWORK: tuple[Detector, ...] = (DB_URL, URL_CREDENTIALS, MAC, IPV6, IPV4_PORT, IPV4)

__all__ = ["NETWORK", "is_local", "is_public"]
