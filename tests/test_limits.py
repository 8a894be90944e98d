"""What a filter calls its limits are limits: what it measures does not depend on them."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from filters.catalog import FILTERS
from filters.contract import Filter, prepared_state
from tests.annotated_results import TEXTS, batch_of

OTHERS: dict[str, dict[str, Any]] = {
    "blocklist": {"action": "measure", "max_hits": 3},
    "blocklist_lines": {"max_share": 0.5},
    "classifier": {"threshold": 0.5, "keep": "below"},
    "classifier_lines": {"max_lines": 5, "max_share": 0.5},
    "url_blocklist": {"action": "measure", "max_soft_words": 3},
}
"""Limits of stages that need files or other columns: listed, and their stages are looked at by `columns` alone."""


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_limits_change_no_measurement(name: str) -> None:
    """Each parameter that is called a limit is one: what a stage measures and writes does not depend on it."""
    kind = FILTERS[name]
    if name in OTHERS:
        given = {
            "classifier": {"model": "m", "label": "l"},
            "classifier_lines": {"model": "m", "label": "l", "keep": "below", "threshold": 0.5},
            "url_blocklist": {"domains": ["a.org"]},
        }.get(name, {"path": "p"})
        plain, other = kind.Params(**given), kind.Params(**given, **OTHERS[name])
        assert set(OTHERS[name]) <= set(kind.limits(plain)) <= set(kind.Params.model_fields)
        assert dict(kind.columns(plain)) == dict(kind.columns(other))
        return
    special = {
        "allow": ["de"],
        "lines.max_foreign": None,
        "max_per_1000_words": {"email": 7},
        "limits": "fineweb2",
        "by_language": {"de": {"min_words" if name == "gopher_quality" else "max_duplicate_lines": 3}},
        "language_column": "language",
        "min_scores": {"de": 0.5},
    }
    if name == "fineweb_quality":
        special["by_language"] = {"de": {"max_newlines": 3}}
    base = {"max_per_1000_words": {"email": 1}} if name == "pii" else {}
    plain = kind.Params(**base)
    limits = [limit for limit in kind.limits(plain) if special.get(limit, 0) is not None]
    changed = kind.Params(**{**base, **{limit: special.get(limit, 1) for limit in limits}})
    assert not limits or changed != plain
    if not isinstance(kind, Filter) and not kind.edits_dropped:
        return  # what it measures of documents that it keeps is judged by the tests above
    outcomes = []
    for params in (plain, changed):
        texts = batch_of(TEXTS)["text"].cast(pa.large_string())
        state = prepared_state(kind, params)
        if isinstance(kind, Filter):
            batch = batch_of(TEXTS).append_column("language", pa.array(["de"] * len(TEXTS)))
            found = kind.measure(texts, batch, state)
            assert set(kind.derived) <= set(kind.columns(changed))
            outcomes.append(({short: v for short, v in found.items() if short not in kind.derived}, None))
        else:
            made = kind.rewrite(texts, batch_of(TEXTS), state)
            outcomes.append((made.columns, made.texts))
    assert outcomes[0] == outcomes[1]
