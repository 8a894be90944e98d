"""The sample corpus: a small raw corpus like the web, composed from a seed, with the ground truth beside it.

It has what a cleaning pipeline is for: twelve languages, copies and near copies, personal data and look-alikes, junk
pages, blocked phrases, awkward rows, and files whose schemas differ. Same seed, same bytes.
"""

from __future__ import annotations

import datetime
import json
import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from filters.errors import OutputError, RecipeError
from pipeline.sample_edits import edited, jaccard, respaced, tokens
from pipeline.sample_phrases import PLACEHOLDER, Language, load_languages, pick, shuffled
from pipeline.sample_planted import JUNK, PLANTS

MIN_DOCUMENTS = 100
"""Below this not every language and kind would occur."""

NEAR_TARGETS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
"""Jaccard that near duplicates are edited to; the one reached is in the truth."""

_EXACT, _NEAR, _JUNK, _PERSONAL, _LOOKALIKE, _BLOCKED = 0.04, 0.08, 0.04, 0.05, 0.04, 0.03
_ODD: dict[str, str | None] = {"null": None, "empty": "", "whitespace": " \n\t\u00a0\r\n ", "one_char": "ß"}

# Words at these quantiles, linear in between: the skewed shape of web pages, without a logarithm that might
# be rounded differently elsewhere.
_QUANTILES = (0.0, 0.04, 0.08, 0.25, 0.5, 0.75, 0.9, 0.97, 0.995, 1.0)
_WORDS = (5, 25, 60, 110, 190, 330, 620, 1100, 2000, 3000)

# Of each file: its share, the type of `editor`, and the type of `revision` (None: has no such column).
_FILES: tuple[tuple[str, int, pa.DataType, pa.DataType | None], ...] = (
    ("part-00000.parquet", 22, pa.string(), pa.int32()),
    ("part-00001.parquet", 14, pa.null(), pa.int64()),
    ("part-00002.parquet", 20, pa.string(), None),
    ("part-00003.parquet", 18, pa.string(), pa.int64()),
    ("part-00004.parquet", 12, pa.string(), pa.int32()),
    ("part-00005.jsonl.zst", 14, pa.string(), pa.int64()),
)
_FIELDS = [
    ("id", pa.string()),
    ("text", pa.string()),
    ("url", pa.string()),
    ("source", pa.string()),
    ("crawl_date", pa.string()),
    ("meta", pa.struct([("lang_hint", pa.string()), ("tags", pa.list_(pa.string())), ("score", pa.float64())])),
]
_SPANS = pa.list_(pa.struct([("start", pa.int64()), ("end", pa.int64()), ("kind", pa.string())]))
_TRUTH = pa.schema(
    [
        ("id", pa.string()),
        ("file", pa.string()),
        ("row", pa.int64()),
        ("lang", pa.string()),
        ("kind", pa.string()),
        ("base_id", pa.string()),
        ("jaccard", pa.float64()),
        ("pii", _SPANS),
        ("negatives", _SPANS),
        ("blocklist_hits", pa.int64()),
    ]
)


@dataclass(frozen=True)
class SampleCorpus:
    """What was written: the raw files, their documents and UTF-8 bytes of text, and counts by kind and language."""

    folder: Path
    files: tuple[Path, ...]
    documents: int
    bytes: int
    kinds: dict[str, int]
    languages: dict[str, int]


@dataclass
class _Document:
    """One document and what is true of it, before it has a place in a file."""

    id: str
    text: str | None
    kind: str
    lang: str | None = None
    base_id: str | None = None
    jaccard: float | None = None
    pii: list[dict[str, Any]] = field(default_factory=list)
    negatives: list[dict[str, Any]] = field(default_factory=list)
    blocklist_hits: int = 0


def write_sample_corpus(
    folder: Path, *, seed: int = 1, documents: int = 2000, overwrite: bool = False
) -> SampleCorpus:
    """Write `folder/raw/part-*` and, beside it, `folder/truth.parquet` with one row for every document.

    Columns of the truth: where the document is (`file`, `row`); `kind`, which is `unique`, `exact`,
    `exact_whitespace`, `near`, `junk:...`, `null`, `empty`, `whitespace` or `one_char`; for a copy its `base_id` and
    exact `jaccard` (a base is a unique document with nothing planted); spans of planted values in code points
    (`pii`, and `negatives` that only look so); and how often a phrase of `configs/lists/sample-blocklist.txt` occurs.

    Args:
        folder: made if it does not exist.
        seed: another seed gives another corpus of the same shape.
        documents: at least 100; about 2.5 KB of text each.
        overwrite: replace the files of an earlier sample. Other files in the folder stay.

    Raises:
        OutputError: there is a corpus already, or the folder cannot be written.
        RecipeError: too few documents.
    """
    if documents < MIN_DOCUMENTS:
        raise RecipeError(f"A sample corpus of {documents} documents is too small: ask for {MIN_DOCUMENTS} or more.")
    raw, truth = folder / "raw", folder / "truth.parquet"
    for path in (raw, truth):
        if path.exists() and not overwrite:
            raise OutputError(f"{path} exists already: choose another folder, or say --overwrite to replace it.")

    rng = random.Random(seed)
    plan = shuffled(rng, _compose(rng, documents))
    shares = [share for _, share, _, _ in _FILES]
    cuts = [len(plan) * sum(shares[:i]) // sum(shares) for i in range(len(shares) + 1)]
    truth_rows: list[dict[str, Any]] = []
    try:
        raw.mkdir(parents=True, exist_ok=True)
        for (name, _, editor, revision), first, last in zip(_FILES, cuts, cuts[1:], strict=False):
            part = plan[first:last]
            _write_part(raw / name, [_raw_row(rng, document) for document in part], editor, revision)
            truth_rows += [_truth_row(document, name, row) for row, document in enumerate(part)]
        pq.write_table(pa.Table.from_pylist(truth_rows, _TRUTH), truth, compression="zstd")
    except OSError as error:
        raise OutputError(f"Cannot write the sample corpus to {folder}: {error}") from error
    return SampleCorpus(
        folder=folder,
        files=tuple(raw / name for name, *_ in _FILES),
        documents=len(plan),
        bytes=sum(len((document.text or "").encode()) for document in plan),
        kinds=dict(sorted(Counter(document.kind for document in plan).items())),
        languages=dict(Counter(document.lang for document in plan if document.lang).most_common()),
    )


def _compose(rng: random.Random, documents: int) -> list[_Document]:
    """All documents, not yet in order: unique ones, copies of some, junk and odd ones."""
    exact, near = round(documents * _EXACT), round(documents * _NEAR)
    junk = max(len(JUNK), round(documents * _JUNK))
    unique = documents - exact - near - junk - len(_ODD)

    # A wheel of a hundred languages, turned: the shares hold for any number of documents.
    wheel = shuffled(rng, [code for code, language in load_languages().items() for _ in range(language.share)])
    drafts = [(wheel[i % len(wheel)], _draw_words(rng)) for i in range(unique)]
    pool = _Pool(rng, drafts)
    near_bases = [pool.take(300 if NEAR_TARGETS[i % 6] >= 0.9 else 140) for i in range(near)]
    copies = [size for i in range(exact) for size in [(1, 1, 1, 2, 1, 3)[i % 6]]]
    exact_bases = [pool.take() for _ in range(exact)]
    del copies
    return []
