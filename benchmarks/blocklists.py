"""Benchmark `blocklists`: phrase lists of 10,000 and a million entries and URL lists of millions, beside libraries."""

from __future__ import annotations

import random
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.corpus import TEXT, TOKEN
from benchmarks.peers import FOLDER, run_peer
from benchmarks.report import Result
from filters.texts import byte_lengths

SCRIPTS = {"ahocorasick_rs": "phrase_search.py", "pyahocorasick": "phrase_search.py"}
PHRASES, URLS = (10_000, 1_000_000), (1_000_000, 5_000_000)
ASKED = 200_000
"""URLs that are looked up."""
_RE_MOST = 10_000
"""Most phrases that `re` is given: with a million it would not come to an end."""


def make_phrases(texts: pa.LargeStringArray, count: int, seed: int = 1) -> list[str]:
    """Distinct phrases of one to four tokens of the texts, drawn evenly from all that occur, so from all scripts.

    One in a hundred stands in the texts as it is. The others are made up; few of those occur.
    """
    chance = random.Random(seed)
    lines = [tokens for text in texts.to_pylist() if len(tokens := TOKEN.findall(text.lower())) > 4]
    vocabulary = sorted({token for tokens in lines for token in tokens if not token.isdecimal()})
    found: dict[str, None] = {}
    while len(found) < count:
        length = chance.randint(2, 4)
        if len(found) % 100 == 0 and lines:
            tokens = chance.choice(lines)
            first = chance.randrange(len(tokens) - length + 1) if len(tokens) > length else 0
            words = tokens[first : first + length]
        else:
            words = [chance.choice(vocabulary) for _ in range(length)]
        spaced = any(word.isascii() or word[0] < "\u0e00" for word in words)
        found[(" " if spaced else "").join(words)] = None
    return list(found)


def make_domains(count: int, seed: int = 1) -> list[str]:
    """Distinct domains of about 20 characters."""
    chance = random.Random(seed)
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    tops = ("com", "net", "org", "info", "co.uk", "de", "cn", "ru")
    return [
        f"{''.join(chance.choices(letters, k=6))}-{number:x}.{chance.choice(('cdn.', '', ''))}{chance.choice(tops)}"
        for number in range(count)
    ]


def make_urls(domains: Sequence[str], count: int, seed: int = 2) -> list[str]:
    """URLs to look up, one in ten on a listed domain."""
    chance = random.Random(seed)
    urls = []
    for number in range(count):
        host = chance.choice(domains) if number % 10 == 0 else f"site{chance.randrange(10**9)}.example.com"
        urls.append(f"https://www.{host}/a/page-{number}.html?id={number}")
    return urls


def measure(
    texts: pa.LargeStringArray, peers: Mapping[str, Path], folder: Path, phrases: Sequence[int] = PHRASES,
    urls: Sequence[int] = URLS, asked: int = ASKED,
) -> Result:  # fmt: skip
    """Every list in a process of its own; the libraries with the same phrases."""
    folder.mkdir(parents=True, exist_ok=True)
    source, asking = folder / "texts.parquet", folder / "urls.parquet"
    pq.write_table(pa.table({TEXT: texts}), source)
    size = int(byte_lengths(texts).sum()) / 1e6
    rows, data = [], []

    def add(name: str, entries: int, told: dict[str, Any], speed: str) -> None:
        held = told.get("index_bytes", told["more_bytes"])
        rows.append(
            (
                name,
                f"{told['build_seconds']:,.1f}",
                f"{held / entries:,.0f}",
                f"{told['peak_mib']:,.0f}",
                speed,
                f"{told['hits']:,}",
            )
        )
        data.append({"name": name, "entries": entries, **told})

    for count in phrases:
        path = folder / f"phrases-{count}.txt"
        path.write_text("\n".join(make_phrases(texts, count)) + "\n", encoding="utf-8")
        tools = {"beamsift": (Path(sys.executable), "beamsift_lists.py", "phrases")}
        tools |= {name: (python, SCRIPTS[name], name) for name, python in peers.items()}
        if count <= _RE_MOST:
            tools["Python re"] = (Path(sys.executable), "phrase_search.py", "re")
        for name, (python, script, argument) in tools.items():
            told = run_peer(python, FOLDER / script, source, folder / "told.json", str(path), argument)
            title = f"{name} {told['version']}".strip()
            add(f"{title}, {count:,} phrases", count, told, f"{size / max(told['search_seconds'], 1e-9):,.2f} MB/s")
    for count in urls:
        path, domains = folder / f"domains-{count}.txt", make_domains(count)
        path.write_text("\n".join(domains) + "\n", encoding="utf-8")
        pq.write_table(pa.table({TEXT: make_urls(domains, asked)}), asking)
        told = run_peer(
            sys.executable, FOLDER / "beamsift_lists.py", asking, folder / "told.json", str(path), "urls"
        )  # fmt: skip
        add(f"beamsift, {count:,} domains", count, told, f"{asked / max(told['search_seconds'], 1e-9):,.0f} URLs/s")
    return Result(
        "blocklists",
        "Phrase lists and URL lists",
        ("", "seconds to read and build", "bytes an entry", "peak MiB", "speed per core", "found"),
        tuple(rows),
        (
            f"{len(texts):,} texts, {size:,.1f} MB; phrases of two to four tokens of theirs, one in a hundred as it "
            f"stands there; {asked:,} URLs, one in ten listed. Processor time of one run, each in its own process.",
            "Bytes an entry: of ours what the index holds, its phrases included; of others what the process grew by. "
            "Peak memory has imports, the texts and the reading of the list in it.",
            "The libraries find phrases within words too; `re` looks for word boundaries, which Chinese has none of.",
            *([] if len(peers) == len(SCRIPTS) else [f"Not run: {', '.join(sorted(set(SCRIPTS) - set(peers)))}."]),
        ),
        {"texts": len(texts), "mb": size, "runs": data},
    )
