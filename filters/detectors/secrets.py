"""The detectors of secrets, strongest proof first."""

from __future__ import annotations

from filters.detectors.contract import Detector
from filters.detectors.credentials import BASIC_AUTH_HEADER, JWT, PASSWORD_ASSIGNMENT
from filters.detectors.keys import AWS_ACCESS_KEY, AWS_SECRET_KEY, PRIVATE_KEY
from filters.detectors.tokens import TOKENS

SECRETS: tuple[Detector, ...] = (
    PRIVATE_KEY,
    JWT,
    *TOKENS,
    AWS_ACCESS_KEY,
    AWS_SECRET_KEY,
    BASIC_AUTH_HEADER,
)
# Only a word beside it speaks for a password: it comes behind every other detector.
PASSWORDS: tuple[Detector, ...] = (PASSWORD_ASSIGNMENT,)
