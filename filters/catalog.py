"""The row-wise stages a recipe can name. To add one, write its file and list it here."""

from __future__ import annotations

from filters.blocklist import BLOCKLIST
from filters.blocklist_lines import BLOCKLIST_LINES
from filters.classifier import CLASSIFIER
from filters.classifier_lines import CLASSIFIER_LINES
from filters.contract import Filter, Rewrite
from filters.language import LANGUAGE
from filters.length import LENGTH
from filters.normalise.stage import NORMALISE
from filters.pii.stage import PII
from filters.quality.c4 import C4
from filters.quality.fineweb import FINEWEB_QUALITY
from filters.quality.gopher_quality import GOPHER_QUALITY
from filters.quality.gopher_repetition import GOPHER_REPETITION
from filters.quality.refinedweb import REFINEDWEB_LINES
from filters.url_blocklist import URL_BLOCKLIST

FILTERS: dict[str, Filter | Rewrite] = {
    "blocklist": BLOCKLIST,
    "blocklist_lines": BLOCKLIST_LINES,
    "c4": C4,
    "classifier": CLASSIFIER,
    "classifier_lines": CLASSIFIER_LINES,
    "fineweb_quality": FINEWEB_QUALITY,
    "gopher_quality": GOPHER_QUALITY,
    "gopher_repetition": GOPHER_REPETITION,
    "language": LANGUAGE,
    "length": LENGTH,
    "normalise": NORMALISE,
    "pii": PII,
    "refinedweb_lines": REFINEDWEB_LINES,
    "url_blocklist": URL_BLOCKLIST,
}
