"""The row-wise stages a recipe can name. To add one, write its file and list it here."""

from __future__ import annotations

from filters.blocklist import BLOCKLIST
from filters.blocklist_lines import BLOCKLIST_LINES
from filters.contract import Filter, Rewrite
from filters.language import LANGUAGE
from filters.length import LENGTH
from filters.pii import PII
from filters.url_blocklist import URL_BLOCKLIST

FILTERS: dict[str, Filter | Rewrite] = {
    "blocklist": BLOCKLIST,
    "blocklist_lines": BLOCKLIST_LINES,
    "language": LANGUAGE,
    "length": LENGTH,
    "pii": PII,
    "url_blocklist": URL_BLOCKLIST,
}
