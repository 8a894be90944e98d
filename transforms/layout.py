"""Names of what a result holds, and how to open one. No Beam here: `beamsift stats` must answer at once."""

from __future__ import annotations

import json
from typing import Any

from filters.errors import OutputError
from transforms.files import exists, join, read_bytes, write_bytes_atomic

MANIFEST = "manifest.json"
UNFINISHED = ".beamsift-unfinished"
"""Lies in the folder while a run is under way, and after one that was interrupted: JSON, who writes here."""
STAGING = "staging"
OWN_FOLDERS = ("shards", "rejects", "edits", "dedup", "groups", "training", STAGING)

ROW_BITS = 40
"""A document key is `file ordinal << ROW_BITS | row`: 2**23 files of 2**40 rows each fit in an int64."""

FORMAT_VERSION = 1
"""Of the output folder; a reader refuses a version it does not know."""


def load_manifest(output: str) -> dict[str, Any]:
    """The manifest of a result. Raises OutputError if the folder is none, or of another version."""
    uri = join(output, MANIFEST)
    if not exists(uri):
        unfinished = exists(join(output, UNFINISHED))
        why = "a run there has not finished" if unfinished else f"it has no {MANIFEST}"
        raise OutputError(f"{output} is not a result: {why}. Run `beamsift run` with this --output first")
    try:
        manifest = json.loads(read_bytes(uri))
        version = manifest["format_version"]
    except (ValueError, KeyError, TypeError) as error:
        raise OutputError(f"{uri} is damaged: it is not a manifest of beamsift. Run the recipe again") from error
    if version != FORMAT_VERSION:
        raise OutputError(
            f"{output} was written in format {version}; this beamsift reads format {FORMAT_VERSION}. "
            "Use the version that wrote it (see `versions` in its manifest), or run the recipe again"
        )
    return dict(manifest)


def write_manifest(output: str, manifest: dict[str, Any]) -> None:
    """Put a manifest in its place, whole or not at all; from then on the folder is a result."""
    write_bytes_atomic(join(output, MANIFEST), json.dumps(manifest, ensure_ascii=False, indent=1).encode() + b"\n")


def marker_of(output: str) -> dict[str, Any] | None:
    """What the marker of an unfinished run says, None if there is no marker; empty if it cannot be understood."""
    uri = join(output, UNFINISHED)
    if not exists(uri):
        return None
    try:
        return dict(json.loads(read_bytes(uri)))
    except (ValueError, TypeError):
        return {}
