"""The sample corpus: a small raw corpus like the web, composed from a seed, with the ground truth beside it.

It has what a cleaning pipeline is for: twelve languages, copies and near copies, personal data and look-alikes, junk
pages, blocked phrases, awkward rows, and files whose schemas differ. Same seed, same bytes.
"""

from __future__ import annotations

import datetime
import functools
import json
import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from filters.errors import OutputError, RecipeError
from pipeline.sample_edits import edited, respaced, tokens
from pipeline.sample_phrases import PLACEHOLDER, Language, load_languages, pick, shuffled
from pipeline.sample_planted import JUNK, PLANTS

T = TypeVar("T")

MIN_DOCUMENTS = 100
"""Below this not every language and kind would occur."""

NEAR_TARGETS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
"""Jaccard that near duplicates are edited to; the one reached is in the truth."""

_EXACT, _NEAR, _JUNK, _PERSONAL, _LOOKALIKE, _BLOCKED = 0.04, 0.08, 0.04, 0.05, 0.04, 0.03
_ODD: dict[str, str | None] = {"null": None, "empty": "", "whitespace": " \n\t\u00a0\r\n ", "one_char": "ß"}

# How many copies a document has that is copied exactly.
_EXACT_COPIES = (1, 1, 1, 2, 1, 3)
_SOURCES = ("forum", "forum", "news", "news", "news", "shop", "wiki")
_TAGS = ("travel", "home", "tools", "food", "sport", "music", "garden", "weather", "law", "school")

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


def write_sample_corpus(folder: Path, *, seed: int = 1, documents: int = 2000, overwrite: bool = False) -> SampleCorpus:
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
    """All documents, not yet in order: unique ones, copies of some of them, junk pages and odd rows."""
    near, exact = round(documents * _NEAR), round(documents * _EXACT)
    junk = max(len(JUNK), round(documents * _JUNK))
    unique = documents - near - exact - junk - len(_ODD)

    # Each language's share spread evenly over a hundred places: it holds for any number of documents.
    spread = sorted(
        ((i + 0.5) / language.share, code) for code, language in load_languages().items() for i in range(language.share)
    )
    drafts = [(spread[i % len(spread)][1], _draw_words(rng)) for i in range(unique)]
    pool = _Pool(rng, drafts)
    targets = [_by_turns(NEAR_TARGETS, i) for i in range(near)]
    near_bases = [pool.take(300 if target >= 0.9 else 140) for target in targets]
    exact_bases: list[int] = []
    while len(exact_bases) < exact:
        exact_bases += [pool.take()] * pick(rng, _EXACT_COPIES)
    planted = _plan_plants(rng, pool, documents)

    uniques = [_unique(rng, lang, words, planted.get(i, ())) for i, (lang, words) in enumerate(drafts)]
    return [
        *uniques,
        *(_near_copy(rng, uniques[i], target) for i, target in zip(near_bases, targets, strict=True)),
        *(_exact_copy(rng, uniques[base], i % 2 == 1) for i, base in enumerate(exact_bases[:exact])),
        *(_Document(_new_id(rng), JUNK[kind](rng), kind) for kind in (list(JUNK) * junk)[:junk]),
        *(_Document(_new_id(rng), text, kind) for kind, text in _ODD.items()),
    ]


class _Pool:
    """Drafts (language, words) by index, each handed out once, one language after the other."""

    def __init__(self, rng: random.Random, drafts: Sequence[tuple[str, int]]):
        self._words = [words for _, words in drafts]
        self._left: dict[str, list[int]] = {}
        for i in shuffled(rng, range(len(drafts))):
            self._left.setdefault(drafts[i][0], []).append(i)
        self._turn = 0

    def take(self, least: int = 0) -> int:
        """A draft of at least so many words, of the next language that has one; or the longest that is left."""
        languages = sorted(self._left)
        for _ in languages:
            left = self._left[languages[self._turn % len(languages)]]
            self._turn += 1
            found = next((i for i in left if self._words[i] >= least), None)
            if found is not None:
                left.remove(found)
                return found
        found = max((i for left in self._left.values() for i in left), key=self._words.__getitem__)
        next(left for left in self._left.values() if found in left).remove(found)
        return found


def _by_turns(items: Sequence[T], i: int) -> T:
    """Item for the i-th document taken from the pool: in turn, and in another turn when the languages come round."""
    return items[(i + i // len(load_languages())) % len(items)]


def _draw_words(rng: random.Random) -> int:
    """A length in words."""
    at = rng.random()
    i = next(i for i in range(1, len(_QUANTILES)) if at < _QUANTILES[i])
    part = (at - _QUANTILES[i - 1]) / (_QUANTILES[i] - _QUANTILES[i - 1])
    return int(_WORDS[i - 1] + part * (_WORDS[i] - _WORDS[i - 1]))


def _plan_plants(rng: random.Random, pool: _Pool, documents: int) -> dict[int, list[str]]:
    """Kinds of values to plant, by the draft they go into."""
    personal = [kind for kind, plant in PLANTS.items() if plant.personal]
    lookalikes = [kind for kind, plant in PLANTS.items() if not plant.personal]
    planted: dict[int, list[str]] = {}
    for i in range(round(documents * _PERSONAL)):
        more = [pick(rng, list(PLANTS)) for _ in range(pick(rng, (0, 0, 1, 2)))]
        planted[pool.take(60)] = [_by_turns(personal, i), *more]
    for i in range(round(documents * _LOOKALIKE)):
        more = [pick(rng, lookalikes) for _ in range(pick(rng, (0, 1)))]
        planted[pool.take(60)] = [_by_turns(lookalikes, i), *more]
    for _ in range(round(documents * _BLOCKED)):
        planted[pool.take(60)] = pick(
            rng, (["blocked"], ["blocked"] * 2, ["blocked"] * 3, ["blocked", "near_miss"], ["near_miss"])
        )
    return planted


def _unique(rng: random.Random, lang: str, words: int, kinds: Sequence[str]) -> _Document:
    """A document of its own, with a sentence more for every kind of value to plant."""
    language = load_languages()[lang]
    paragraphs = language.paragraphs(rng, words)
    planted: dict[str, tuple[str, str]] = {}
    for kind in kinds:
        mark = chr(ord(PLACEHOLDER) + 1 + len(planted))
        planted[mark] = (kind, _value(rng, language, kind))
        carrier = PLANTS[kind].carrier if kind in PLANTS else "spam"
        paragraph = pick(rng, paragraphs[1:] or paragraphs)
        place = int(rng.random() * (len(paragraph) + 1))
        paragraph.insert(place, language.sentence(rng, carrier).replace(PLACEHOLDER, mark))
    document = _Document(_new_id(rng), "", "unique", lang)
    new_line = pick(rng, ("\n", "\n", "\n\n"))
    marked = new_line.join(language.joiner.join(paragraph) for paragraph in paragraphs)
    _settle(document, marked, planted)
    return document


def _settle(document: _Document, marked: str, planted: dict[str, tuple[str, str]]) -> None:
    """Put the values in the places of their marks and note where they come to lie."""
    text = ""
    for piece in re.split("([\ue000-\uf8ff])", marked):
        kind, value = planted.get(piece, ("", piece))
        if kind in PLANTS:
            spans = document.pii if PLANTS[kind].personal else document.negatives
            spans.append({"start": len(text), "end": len(text) + len(value), "kind": kind})
        document.blocklist_hits += kind == "blocked"
        text += value
    document.text = text


def _value(rng: random.Random, language: Language, kind: str) -> str:
    """A value to plant: made-up data, or a blocked phrase in upper, lower or its own case.

    A `near_miss` phrase is no hit: its last word goes on, or, where every character is a token, it stops short.
    """
    if kind in PLANTS:
        return PLANTS[kind].make(rng)
    phrase = language.compose(rng, "blocked")
    if kind == "near_miss":
        return phrase[:-1] if len(tokens(phrase)) > len(phrase.split()) else phrase + phrase[-1]
    return pick(rng, (phrase, phrase.upper(), phrase.lower()))


def _near_copy(rng: random.Random, base: _Document, target: float) -> _Document:
    """An edited copy, with the Jaccard reached."""
    assert base.text is not None and base.lang is not None
    text, similarity = edited(rng, base.text, _vocabulary(base.lang), target)
    return _Document(_new_id(rng), text, "near", base.lang, base.id, similarity)


def _exact_copy(rng: random.Random, base: _Document, other_space: bool) -> _Document:
    """The same text, or the same but for white space."""
    assert base.text is not None
    text = respaced(rng, base.text) if other_space else base.text
    return _Document(_new_id(rng), text, "exact_whitespace" if other_space else "exact", base.lang, base.id, 1.0)


@functools.cache
def _vocabulary(lang: str) -> list[str]:
    """Tokens of a language that edits may put in, sorted: those that begin with a letter and are not blocked."""
    language = load_languages()[lang]
    symbols = set(language.rules) - {"blocked"}
    words = {token for symbol in symbols for text in language.literals(symbol) for token in tokens(text)}
    return sorted(word for word in words if word[0].isalpha())


def _new_id(rng: random.Random) -> str:
    """The name of a made-up corpus and a number, as in `news-00b5c1f6d2`."""
    return f"{pick(rng, _SOURCES)}-{rng.getrandbits(40):010x}"


def _raw_row(rng: random.Random, document: _Document) -> dict[str, Any]:
    """A document as its source gives it, all columns that any file has."""
    site, year = pick(rng, range(1, 61)), pick(rng, range(2009, 2025))
    hint = pick(rng, (document.lang, document.lang, document.lang, "en", None))
    tags = [pick(rng, _TAGS) for _ in range(pick(rng, (0, 1, 2, 3)))]
    meta = {"lang_hint": hint, "tags": pick(rng, (tags, tags, None)), "score": int(rng.random() * 1000) / 1000}
    return {
        "id": document.id,
        "text": document.text,
        "url": f"https://site{site}.example/{document.lang or 'page'}/{year}/{rng.getrandbits(32):08x}.html",
        "source": document.id.partition("-")[0],
        "crawl_date": (datetime.date(2023, 1, 1) + datetime.timedelta(pick(rng, range(730)))).isoformat(),
        "meta": pick(rng, (meta,) * 9 + (None,)),
        "editor": pick(rng, (None, "ana", "bo", "chidi", "daria")),
        "revision": pick(rng, range(1, 40)),
    }


def _truth_row(document: _Document, name: str, row: int) -> dict[str, Any]:
    """A document as a row of the truth."""
    truth = {"file": name, "row": row, **vars(document)}
    del truth["text"]
    return truth


def _write_part(path: Path, rows: list[dict[str, Any]], editor: pa.DataType, revision: pa.DataType | None) -> None:
    """One file of the corpus, as JSON lines or as Parquet of a few row groups."""
    fields = [*_FIELDS, ("editor", editor), *([("revision", revision)] if revision else [])]
    names = [name for name, _ in fields]
    rows = [{name: row[name] for name in names} for row in rows]
    if path.suffix == ".zst":
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        with pa.CompressedOutputStream(str(path), "zstd") as stream:
            stream.write(lines.encode())
        return
    if pa.types.is_null(editor):
        rows = [{**row, "editor": None} for row in rows]
    table = pa.Table.from_pylist(rows, pa.schema(fields))
    pq.write_table(table, path, compression="zstd", row_group_size=min(100, (len(rows) + 1) // 2))
