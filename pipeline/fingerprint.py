"""What staged files depend on beside their input file: stages, parameters, lists, models, keys, versions, schema.

A fingerprint names the folder of a pass below `staging/`. So a run that goes on finds what an earlier one finished,
and nothing that was made by another recipe, another list or another version of this code.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import filters
import transforms
from filters.chain import Stage
from pipeline.recipe import DedupStage
from transforms.corpus import Corpus

_FREE = ("folder", "batch_rows", "progress", "work")
"""Options that staged rows do not depend on."""


def corpus_fingerprint(corpus: Corpus) -> str:
    """Of the schema that all files are read in and of the code; the files themselves are known to their Splits."""
    options = json.dumps([corpus.columns, sorted(corpus.tolerance.kinds)])
    return _hash("corpus", corpus.schema.serialize().to_pybytes(), options, _code(), *_versions())


def files_fingerprint(before: str, corpus: Corpus) -> str:
    """Of a deduplication: what it writes about one file depends on all of them."""
    return _hash(before, *(f"{file.uri} {file.size} {file.mtime_ns}" for file in corpus.files))


def pass_fingerprint(before: str, stages: Sequence[Stage | DedupStage], options: Any) -> str:
    """Of one pass, and of all before it: its stages with what they read from files, and its options."""
    values = {name: value for name, value in vars(options).items() if name not in _FREE}
    parts = [_spelled([stage.id, stage.name, stage.params.model_dump()]) for stage in stages]
    contents = [part for stage in stages for part in _contents(stage.params.model_dump())]
    return _hash(before, _spelled(values), *parts, *contents)


def _spelled(value: Any) -> str:
    """Plain data in one spelling, whatever order this process has its sets in."""
    if isinstance(value, Mapping):
        return "{" + ",".join(sorted(f"{key!r}:{_spelled(inner)}" for key, inner in value.items())) + "}"
    if isinstance(value, set | frozenset):
        return "{" + ",".join(sorted(map(_spelled, value))) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_spelled, value)) + "]"
    return repr(value)


def _contents(values: Any, name: str = "") -> Iterator[bytes]:
    """Digest of everything that parameters name: files, folders as `path`, and environment variables as `env`.

    name: the key under which the values stand.
    """
    if isinstance(values, str):
        if name == "env":
            yield hashlib.sha256(os.environb.get(values.encode(), b"")).digest()
        for file in _files(Path(values), within=name == "path") if values else ():
            yield str(file.relative_to(Path(values).parent)).encode() + _digest_of(file)
    elif isinstance(values, Mapping):
        for key, inner in values.items():
            yield from _contents(inner, str(key))
    elif isinstance(values, Sequence):
        for inner in values:
            yield from _contents(inner, name)


def _digest_of(path: Path) -> bytes:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(8 << 20):
            digest.update(chunk)
    return digest.digest()


def _files(path: Path, *, within: bool) -> list[Path]:
    try:
        if path.is_dir():
            return sorted(file for file in path.rglob("*") if file.is_file()) if within else []
        return [path] if path.is_file() else []
    except (OSError, ValueError):  # a phrase, not a path
        return []


@functools.cache
def _code() -> str:
    """Of all files that decide what is staged: a checkout has no version of its own."""
    folders = [Path(package.__path__[0]) for package in (filters, transforms)]
    files = sorted(file for folder in folders for file in folder.rglob("*.py"))
    return _hash(*(part for file in files for part in (file.name, file.read_bytes())))


def _versions() -> list[str]:
    names = sorted({re.split(r"[^\w.-]", line)[0] for line in importlib.metadata.requires("beamsift") or []})
    return [f"{name} {_version(name)}" for name in ["beamsift", *names]]


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:  # of an extra
        return ""


def _hash(*parts: str | bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()
