"""Peer: Presidio's analyzer with its pattern recognizers, those of countries added, and no model for names.

A blank spaCy pipeline splits words, so names, places and dates are not looked for, and context words count as they
are written. Every recognizer is asked as if the text were English.
"""

from __future__ import annotations

import logging

import spacy
from pii_io import Found, main
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry, predefined_recognizers
from presidio_analyzer.nlp_engine import SpacyNlpEngine

ADDED = (
    "InAadhaarRecognizer", "InPanRecognizer", "EsNieRecognizer", "EsNifRecognizer", "DeTaxIdRecognizer",
    "UkNinoRecognizer",
)  # fmt: skip
KINDS = (
    "CREDIT_CARD", "CRYPTO", "EMAIL_ADDRESS", "IBAN_CODE", "IP_ADDRESS", "MAC_ADDRESS", "PHONE_NUMBER", "US_SSN",
    "IN_AADHAAR", "IN_PAN", "ES_NIE", "ES_NIF", "DE_TAX_ID", "UK_NINO",
)  # fmt: skip


class BlankEngine(SpacyNlpEngine):
    """Words of English, nothing more."""

    def __init__(self) -> None:
        super().__init__(models=[{"lang_code": "en", "model_name": "blank"}])
        self.nlp = {"en": spacy.blank("en")}
        self.nlp["en"].max_length = 1 << 30

    def load(self) -> None:
        """Nothing to load."""


def engine() -> AnalyzerEngine:
    """An analyzer with the recognizers above."""
    words, registry = BlankEngine(), RecognizerRegistry()
    registry.load_predefined_recognizers(languages=["en"], nlp_engine=words)
    for name in ADDED:
        registry.add_recognizer(getattr(predefined_recognizers, name)(supported_language="en"))
    return AnalyzerEngine(registry=registry, nlp_engine=words)


logging.disable(logging.CRITICAL)
ENGINE = engine()


def spans(text: str) -> Found:
    """Its findings of the kinds above, whatever their score."""
    return [(r.start, r.end, r.entity_type) for r in ENGINE.analyze(text, language="en", entities=list(KINDS))]


if __name__ == "__main__":
    main("presidio-analyzer", spans, spans)
