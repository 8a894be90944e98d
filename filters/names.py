"""Names of columns that beamsift writes, for readers of a result that need none of the filters."""

KEY = "doc_key"
"""Column of document keys, int64: ordinal of the source file << 40 | row of that file."""

WOULD_DROP_AT, WOULD_DROP_REASON = "would_drop_at", "would_drop_reason"
"""Columns of an annotated output: stage at which a run would drop the document, and why; null if it would keep it."""
