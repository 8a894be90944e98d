"""`python -m benchmarks.parity PYTHON`: our quality rules beside datatrove's own filters, over the same documents.

PYTHON: of an environment with `datatrove[io,processing]==0.10.1`, spacy and pyarrow. Every filter judges every document
by itself, then all of them in FineWeb's order. Once with words split at white space on both sides, where the two ought
to agree, and once with each side's own words. Processor time of the same runs is set side by side.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks import report
from benchmarks.corpus import ROOT, TEXT, WEB_GLOB, find_files
from benchmarks.peers import FOLDER, run_peer
from filters.catalog import FILTERS
from filters.chain import KEY, Stage, run_stages

# What datatrove calls the reasons that we name otherwise.
REASONS = {
    "gopher_repetition": {
        "empty": "empty_text", "dup_para_frac": "duplicate_paragraphs", "dup_line_frac": "duplicate_lines",
        "dup_para_char_frac": "duplicate_paragraph_chars", "dup_line_char_frac": "duplicate_line_chars",
        **{f"top_{n}_gram": f"top_{n}grams" for n in (2, 3, 4)},
        **{f"duplicated_{n}_n_grams": f"duplicate_{n}grams" for n in range(5, 11)},
    },
    "gopher_quality": {
        "gopher_short_doc": "too_few_words", "gopher_long_doc": "too_many_words",
        "gopher_below_avg_threshold": "words_too_short", "gopher_above_avg_threshold": "words_too_long",
        "gopher_too_many_hashes": "too_many_hashes", "gopher_too_many_ellipsis": "too_many_ellipses",
        "gopher_too_many_bullets": "too_many_bullet_lines", "gopher_too_many_end_ellipsis": "too_many_ellipsis_lines",
        "gopher_below_alpha_threshold": "too_few_letter_words", "gopher_enough_stop_words": "too_few_stop_words",
    },
    "c4": {},
    "fineweb_quality": {
        "empty": "no_lines", "line_punct_ratio": "too_few_terminal_lines", "short_line_ratio": "too_many_short_lines",
        "char_dup_ratio": "duplicate_line_chars", "list_ratio": "too_many_newlines",
    },
}  # fmt: skip
CUT = {"flavour": "datatrove", "end_marks": None}


@dataclass(frozen=True)
class Compared:
    """One filter on both sides: reasons by document ("" for one that stays), seconds, differing texts afterwards."""

    name: str
    ours: list[str]
    theirs: list[str]
    our_seconds: float
    their_seconds: float
    other_texts: int

    @property
    def disagree(self) -> list[int]:
        """Documents that one side keeps and the other drops."""
        return [row for row, (a, b) in enumerate(zip(self.ours, self.theirs, strict=True)) if bool(a) != bool(b)]

    @property
    def other_reason(self) -> list[int]:
        """Documents that both drop, but for another first reason."""
        return [row for row, (a, b) in enumerate(zip(self.ours, self.theirs, strict=True)) if a and b and a != b]


def stages(words: str) -> dict[str, list[Stage]]:
    """Our stages for each of the peer's runs."""
    made = {
        "gopher_repetition": {"words": words},
        "gopher_quality": {"words": words},
        "c4": {"flavour": "datatrove"},
        "fineweb_quality": {"words": words},
    }
    one = {name: Stage(name, name, FILTERS[name].Params(**params)) for name, params in made.items()}
    without = Stage("c4", "c4", FILTERS["c4"].Params(**CUT))
    fineweb = [one["gopher_repetition"], one["gopher_quality"], without, one["fineweb_quality"]]
    return {**{name: [stage] for name, stage in one.items()}, "c4 without end marks": [without], "fineweb": fineweb}


def run_ours(texts: pa.LargeStringArray, chain: list[Stage]) -> tuple[list[str], list[str], float]:
    """(reasons, texts afterwards, processor seconds), as a run does it: judged, rejects and edits written down."""
    reasons, after = [""] * len(texts), texts.to_pylist()
    table = pa.Table.from_arrays([pa.array(np.arange(len(texts))), texts], [KEY, TEXT])
    run_stages(table.slice(0, 50).combine_chunks().to_batches()[0], chain, TEXT)  # compiles
    started = time.process_time()
    applied = [run_stages(batch, chain, TEXT) for batch in table.to_batches(max_chunksize=4096)]
    seconds = time.process_time() - started
    for part in applied:
        for row, stage, reason in zip(*(part.rejects[c].to_pylist() for c in (KEY, "stage", "reason")), strict=True):
            reasons[row] = reason if len(chain) == 1 else f"{stage}: {reason}"
        for row, text in zip(part.kept[KEY].to_pylist(), part.kept[TEXT].to_pylist(), strict=True):
            after[row] = text
    return reasons, after, seconds


def compare(texts: pa.LargeStringArray, python: str, words: str, folder: Path) -> tuple[str, list[Compared]]:
    """(version of the peer, every filter compared); words: `whitespace` on both sides, or `own`."""
    source = folder / "texts.parquet"
    pq.write_table(pa.table({TEXT: texts}), source)
    told = run_peer(python, FOLDER / "datatrove_quality.py", source, folder / f"{words}.json", words)
    found = []
    for name, chain in stages("whitespace" if words == "whitespace" else "beamsift").items():
        theirs: dict[str, Any] = told["runs"][name]
        ours, after, seconds = run_ours(texts, chain)
        renamed = [_renamed(name, reason) for reason in theirs["reasons"]]
        kept = [row for row in range(len(texts)) if theirs["texts"] and not ours[row] and not renamed[row]]
        other = sum(after[row] != theirs["texts"][row] for row in kept)
        found.append(Compared(name, ours, renamed, seconds, theirs["cpu_seconds"], other))
    return told["version"], found


def _renamed(name: str, reason: str) -> str:
    if ": " in reason:
        stage, _, inner = reason.partition(": ")
        stage = stage.split()[0]
        return f"{stage}: {_renamed(stage, inner)}"
    return REASONS.get(name.split()[0], {}).get(reason, reason)


def sample(pattern: str, language: str, documents: int) -> pa.LargeStringArray:
    """Texts of a language from all files, evenly spaced."""
    parts = []
    for path in find_files(pattern):
        table = pq.read_table(path, columns=[TEXT, "lang"])
        parts.append(table.filter(pc.equal(table["lang"], language))[TEXT].cast(pa.large_string()))
    texts = pa.chunked_array([chunk for part in parts for chunk in part.chunks])
    step = max(1, len(texts) // documents)
    return texts.take(pa.array(range(0, len(texts), step)[:documents])).combine_chunks()


def rule_rows(compared: Compared) -> list[tuple[str, ...]]:
    """By first reason: documents of ours, of theirs, and of both."""
    ours, theirs = Counter(compared.ours), Counter(compared.theirs)
    both = Counter(a for a, b in zip(compared.ours, compared.theirs, strict=True) if a == b)
    names = sorted({*ours, *theirs} - {""}, key=lambda name: -max(ours[name], theirs[name]))
    return [(f"`{name}`", f"{ours[name]:,}", f"{theirs[name]:,}", f"{both[name]:,}") for name in names]


def main() -> None:
    """Compare, print tables in Markdown, write numbers."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.parity", description=__doc__.splitlines()[0])
    parser.add_argument("python", help="a Python with datatrove, spacy and pyarrow")
    parser.add_argument("--corpus", default=str(ROOT / WEB_GLOB), metavar="GLOB", help="Parquet with `text`, `lang`")
    parser.add_argument("--documents", type=int, default=3000)
    parser.add_argument("--language", default="en")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every disagreement, by row of the sample")
    options = parser.parse_args()
    texts = sample(options.corpus, options.language, options.documents)
    size = sum(len(text.encode()) for text in texts.to_pylist()) / 1e6
    facts: dict[str, Any] = {}
    for words in ("whitespace", "own"):
        with tempfile.TemporaryDirectory(prefix="beamsift-parity-") as folder:
            version, found = compare(texts, options.python, words, Path(folder))
        facts[words] = {c.name: {"keep": c.disagree, "reason": c.other_reason} for c in found}
        print(f"\n### Words: {words}\n")
        print(f"{len(texts):,} documents (`{options.language}`), {size:,.1f} MB; datatrove {version}\n")
        heads = ("filter", "both keep", "both drop", "agree", "other reason", "other text", "MB/s ours", "theirs", "x")
        print(f"| {' | '.join(heads)} |")
        print("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
        for c in found:
            both = sum(not a and not b for a, b in zip(c.ours, c.theirs, strict=True))
            dropped = len(texts) - both - len(c.disagree)
            print(
                f"| {c.name} | {both:,} | {dropped:,} | {100 - 100 * len(c.disagree) / len(texts):.2f} % "
                f"| {len(c.other_reason):,} | {c.other_texts:,} | {size / c.our_seconds:,.1f} "
                f"| {size / c.their_seconds:,.2f} | {c.their_seconds / c.our_seconds:,.0f} |"
            )
        print("\n| first reason | ours | datatrove | both |\n|---|---:|---:|---:|")
        for c in found[:-1]:
            for row in rule_rows(c):
                print(f"| {c.name} {' | '.join(row)} |")
    print(f"\n{report.machine_line(report.machine(), 'python -m benchmarks.parity PYTHON')}")
    if options.json:
        options.json.write_text(json.dumps(facts), encoding="utf-8")


if __name__ == "__main__":
    main()
