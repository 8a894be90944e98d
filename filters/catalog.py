"""The row-wise stages a recipe can name. To add one, write its file and list it here."""

from __future__ import annotations

from filters.blocklist import BLOCKLIST
from filters.contract import Filter, Rewrite
from filters.language import LANGUAGE
from filters.length import LENGTH
from filters.pii.stage import PII

FILTERS: dict[str, Filter | Rewrite] = {
    "blocklist": BLOCKLIST,
    "language": LANGUAGE,
    "length": LENGTH,
    "pii": PII,
}
