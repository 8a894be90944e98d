"""Benchmark `sensitive_peers`: speed, precision and recall beside other toolkits, over the same documents."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.corpus import ROOT, TEXT
from benchmarks.peers import FOLDER, run_peer
from benchmarks.report import Result
from filters.detectors.catalog import DETECTORS
from filters.detectors.contract import Detector
from filters.detectors.scan import scan
from filters.pii.evaluation import Score, Scores, Span, evaluate
from filters.texts import byte_lengths

SCRIPTS = {
    "datatrove": "datatrove_pii.py",
    "dolma": "dolma_pii.py",
    "data_juicer": "data_juicer_pii.py",
    "presidio": "presidio_pii.py",
}
CLAIMS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "datatrove": {"email": ("email",), "ip": ("ipv4",)},
    "dolma": {"EMAIL_ADDRESS": ("email",), "PHONE_NUMBER": ("phone",), "IP_ADDRESS": ("ipv4",)},
    "data_juicer": {
        "email": ("email",), "ipv4": ("ipv4",), "ipv6": ("ipv6",), "mac": ("mac",), "phone_cn": ("cn_mobile",),
        "phone_intl": ("phone",), "id_card_cn": ("cn_resident_id",), "jwt": ("jwt",), "pem": ("private_key",),
        "secret": ("password_assignment",),
    },
    "presidio": {
        "EMAIL_ADDRESS": ("email",), "IP_ADDRESS": ("ipv4", "ipv6"), "PHONE_NUMBER": ("phone", "cn_mobile"),
        "CREDIT_CARD": ("payment_card",), "CRYPTO": ("btc_address", "btc_bech32"), "IBAN_CODE": ("iban",),
        "MAC_ADDRESS": ("mac",), "US_SSN": ("us_ssn",), "IN_AADHAAR": ("in_aadhaar",), "ES_NIE": ("es_nie",),
        "ES_NIF": ("es_dni",), "DE_TAX_ID": ("de_steuer_id",), "UK_NINO": ("uk_nino",),
    },
}  # fmt: skip
"""What each peer looks for, by its names, and our kinds that this is. What it finds besides is not judged."""

CORPUS = ROOT / ".." / "shared" / "corpora" / "pii"
FILES = ("embedded.parquet", "constructed.parquet")
MEGABYTES = 2
"""Most text that is timed: some peers need seconds for each."""


@dataclass(frozen=True)
class Labelled:
    """Texts of one file, what there is to find in each, and their languages."""

    texts: list[str]
    labels: list[list[Span]]


@dataclass(frozen=True)
class Tool:
    """What one tool took and found. found: of every file for every text, by our kinds. kinds: that it claims."""

    name: str
    rate: float
    kinds: tuple[str, ...]
    found: list[list[list[Span]]]
    failed: int = 0


def read_labelled(folder: Path = CORPUS) -> list[Labelled]:
    """The labelled files. Raises FileNotFoundError if they are not there."""
    files = []
    for name in FILES:
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder / name} is not there; sensitive_peers needs texts with labelled spans")
        table = pq.read_table(folder / name, columns=[TEXT, "spans"])
        labels = [[Span(s["start"], s["end"], s["kind"]) for s in row or ()] for row in table["spans"].to_pylist()]
        files.append(Labelled(table[TEXT].to_pylist(), labels))
    return files


def renamed(
    found: Iterable[tuple[int, int, str]], labels: Sequence[Span], claims: Mapping[str, tuple[str, ...]]
) -> list[Span]:
    """A peer's findings by our kinds: of those it may be, the one that a label says which it overlaps.

    >>> claims = {"IP": ("ipv4", "ipv6")}
    >>> renamed([(0, 9, "IP"), (20, 24, "IP"), (30, 31, "URL")], [Span(1, 9, "ipv6")], claims)
    [Span(start=0, end=9, kind='ipv6'), Span(start=20, end=24, kind='ipv4')]
    """
    spans = []
    for start, end, name in found:
        if name in claims:
            met = (label.kind for label in labels if label.start < end and start < label.end)
            spans.append(Span(start, end, next((kind for kind in met if kind in claims[name]), claims[name][0])))
    return spans


def judge(files: Sequence[Labelled], tool: Tool, kinds: Iterable[str]) -> Scores:
    """Scores of a tool's findings of some kinds over all files; a file that does not label a kind says nothing of it.

    What overlaps a label of another kind is not counted: a tool that takes the end of a URL with a password for an
    e-mail address is not right, but hides what ought to be hidden.
    """
    wanted, scores = frozenset(kinds), Scores()
    for file, found in zip(files, tool.found, strict=True):
        labels = [[span for span in row if span.kind in wanted] for row in file.labels]
        others = [[span for span in row if span.kind not in wanted] for row in file.labels]
        judged = [
            [span for span in spans if span.kind in wanted and not _meets(span, other)]
            for spans, other in zip(found, others, strict=True)
        ]
        scores.add(evaluate(file.texts, labels, judged))
    return scores


def _meets(span: Span, others: Sequence[Span]) -> bool:
    return any(other.start < span.end and span.start < other.end for other in others)


def ours(name: str, texts: pa.LargeStringArray, files: Sequence[Labelled], kinds: Sequence[str]) -> Tool:
    """What our detectors of some kinds take for the texts and find in the files."""
    detectors: tuple[Detector, ...] = tuple(d for kind, d in DETECTORS.items() if kind in kinds)
    scan(texts.slice(0, 50), detectors)
    started = time.process_time()
    for first in range(0, len(texts), 4096):
        scan(texts.slice(first, 4096), detectors)
    seconds = time.process_time() - started
    found = []
    for file in files:
        spans: list[list[Span]] = [[] for _ in file.texts]
        result = scan(pa.array(file.texts, pa.large_string()), detectors)
        places = zip(result.row.tolist(), result.start.tolist(), result.end.tolist(), result.kinds, strict=True)
        for row, start, end, kind in places:
            spans[row].append(Span(start, end, kind))
        found.append(spans)
    return Tool(name, int(byte_lengths(texts).sum()) / 1e6 / seconds, tuple(kinds), found)


def theirs(name: str, python: Path, texts: pa.LargeStringArray, files: Sequence[Labelled], folder: Path) -> Tool:
    """The same of a peer, in its own environment."""
    source, labelled = folder / "texts.parquet", folder / "labelled.parquet"
    pq.write_table(pa.table({TEXT: texts}), source)
    pq.write_table(pa.table({TEXT: [text for file in files for text in file.texts]}), labelled)
    told = run_peer(python, FOLDER / SCRIPTS[name], source, folder / f"{name}.json", str(labelled))
    found, row = [], 0
    for file in files:
        given = told["found"][row : row + len(file.texts)]
        found.append([renamed(spans, labels, CLAIMS[name]) for spans, labels in zip(given, file.labels, strict=True)])
        row += len(file.texts)
    kinds = tuple(dict.fromkeys(kind for claimed in CLAIMS[name].values() for kind in claimed))
    rate = int(byte_lengths(texts).sum()) / 1e6 / told["cpu_seconds"]
    return Tool(f"{name} {told['version']}", rate, kinds, found, told["failed"])


def measure(texts: pa.LargeStringArray, peers: Mapping[str, Path], folder: Path, corpus: Path = CORPUS) -> Result:
    """Run ours and every peer given, and set kinds beside each other."""
    folder.mkdir(parents=True, exist_ok=True)
    files = read_labelled(corpus)
    size = int(byte_lengths(texts).sum()) / 1e6
    step = max(1, round(size / MEGABYTES))
    texts = texts.take(pa.array(range(0, len(texts), step)))
    every = ours("beamsift", texts, files, tuple(DETECTORS))
    others = [theirs(name, python, texts, files, folder) for name, python in peers.items()]
    same = [ours(f"ours for {other.name}", texts, files, other.kinds) for other in others]
    kinds = [kind for kind in DETECTORS if any(kind in other.kinds for other in others)]
    tools = [every, *others]
    by_kind = {tool.name: judge(files, tool, kinds if tool is every else tool.kinds).by("kind") for tool in tools}
    rows = [
        ("MB/s per core", *(f"{tool.rate:,.2f}" for tool in tools)),
        ("the same kinds, beamsift: MB/s", "", *(f"{tool.rate:,.1f}" for tool in same)),
        ("all kinds it claims", "", *(_cell(judge(files, tool, tool.kinds).total()) for tool in others)),
        ("the same kinds, beamsift", "", *(_cell(judge(files, tool, tool.kinds).total()) for tool in same)),
    ]
    rows += [
        (kind, *(_cell(by_kind[t.name].get(kind)) for t in tools))
        for kind in kinds
        if kind in by_kind[every.name]
    ]  # fmt: skip
    size = int(byte_lengths(texts).sum()) / 1e6
    failed = [f"{tool.name} failed on {tool.failed} texts." for tool in others if tool.failed]
    return Result(
        "sensitive_peers",
        "Personal data beside other toolkits: precision / recall of spans that overlap (exact ones)",
        ("", *(tool.name for tool in tools)),
        tuple(rows),
        (
            f"Timed over {len(texts):,} documents, {size:,.1f} MB, processor time of one run; judged on "
            f"{sum(len(file.texts) for file in files):,} labelled texts ({', '.join(FILES)}).",
            "A finding is right if it overlaps a label of a kind that the tool says it finds; in brackets both ends "
            "have to agree. What overlaps a label of another kind is not counted.",
            "beamsift's own column looks for all kinds at once, which compete for what overlaps.",
            *failed,
            *([] if len(peers) == len(SCRIPTS) else [f"Not run: {', '.join(sorted(set(SCRIPTS) - set(peers)))}."]),
        ),
        {
            "documents": len(texts),
            "mb": size,
            "runs": [
                {
                    "name": tool.name,
                    "mb_per_s": tool.rate,
                    "failed": tool.failed,
                    "kinds": {k: _numbers(s) for k, s in judge(files, tool, tool.kinds).by("kind").items()},
                }
                for tool in [*tools, *same]
            ],
        },
    )  # fmt: skip


def _numbers(score: Score) -> dict[str, Any]:
    return {**score.as_dict(), "overlapping": score.overlapping}


def _cell(score: Score | None) -> str:
    """`precision / recall (exact)` of spans that overlap.

    >>> _cell(Score(labels=4, found=2, exact=1, overlapping=2))
    '1.00 / 0.50 (0.50 / 0.25)'
    """
    if score is None or not score.labels:
        return ""
    overlap, exact = (
        f"{count / score.found:.2f} / {count / score.labels:.2f}" if score.found else f"- / {count / score.labels:.2f}"
        for count in (score.overlapping, score.exact)
    )
    return f"{overlap} ({exact})"
