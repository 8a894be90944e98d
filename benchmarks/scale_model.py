"""What a run of the recipe `web` takes on Dataflow, on paper: hours, bytes, requests, dollars; tables of docs/scale.md.

python -m benchmarks.scale_model                                    # the tables
python -m benchmarks.scale_model --write docs/scale.md              # into the page
python -m benchmarks.scale_model --measure '../shared/corpora/web/*.parquet'      # count shuffled bytes anew
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks.corpus import find_files, text_bytes
from benchmarks.runners import shuffle_bytes

BEGIN, END = "<!-- scale:begin -->", "<!-- scale:end -->"


@dataclass(frozen=True)
class Measured:
    """Numbers that were measured on the web corpus of 66 languages; each field's source stands beside it."""

    document_bytes: float = 2_440  # text of a document: 22,714 documents, docs/flink.md
    kept_bytes: float = 0.80  # share of the text that the recipe keeps: 44.5 of 55.4 MB
    compared: float = 0.57  # share of the documents that come to near deduplication: 12,681 of 22,400
    core_mb_per_second: float = 7.5  # README, whole runs: `web`, one worker, 1,217 MB
    document_shuffled: float = 150.0  # bytes for each document read: `SIMULATED`, hashes and bands
    member_shuffled: float = 5_076.0  # for each document in a near-duplicate component: its shingles, its verdict
    split_shuffled: float = 29_800.0  # for each Split: its counts, its part of the shards
    worker_gib: float = 0.6  # a worker process with one Split in hand: 0.5 to 0.6, docs/flink.md
    requests_mb: float = 28.0  # of text to these many requests, counted at a stand-in for Storage (tests/cloud.py):
    class_a: float = 10.8  # 30 uploads for 2 such pieces, 73 for 6
    class_b: float = 288.0  # 612 reads for 2, 1,764 for 6
    staged: float = 0.48  # bytes in staging/ for each byte of text: 80.2 of 167.6 MB
    written: float = 0.37  # of the result: 61.9 of 167.6 MB


@dataclass(frozen=True)
class Assumed:
    """What was not measured. Change it, and run this file."""

    members: float = 0.30  # share of the compared documents that are in a component; 0.05 in 54 MB, more in a crawl
    busy: float = 0.60  # share of the hours paid for in which a core computes: storage, stragglers, narrow places
    start_minutes: float = 4.0  # of a machine, until it works: its own start, the image, the compilation of kernels
    text_per_token: float = 4.0  # bytes, for many languages and a vocabulary of 100,000 or more
    split_mb: float = 67.1  # the default of `run.split_bytes`
    vcpus: int = 4  # of a machine, n2-standard-4
    gb_per_vcpu: float = 4.0
    disk_gb: float = 50.0


@dataclass(frozen=True)
class Prices:
    """List prices in US dollars of us-central1, as known in the middle of 2025, without any discount."""

    vcpu_hour: float = 0.056  # Dataflow, batch
    gb_hour: float = 0.003557  # memory
    disk_gb_hour: float = 0.000054  # standard persistent disk
    shuffled_gb: float = 0.011  # processed: written and read again
    shuffle_steps: tuple[tuple[float, float], ...] = ((250, 0.25), (5_120, 0.5))  # up to so many GB, this share is paid
    class_a: float = 0.005 / 1_000  # Storage, standard class, one region
    class_b: float = 0.0004 / 1_000
    stored_gb_month: float = 0.020


@dataclass(frozen=True)
class Size:
    """A corpus: its text in MB before the run, and the machines that work on it."""

    name: str
    text_mb: float
    machines: int


@dataclass(frozen=True)
class Estimate:
    """Of one run. Dollars are per kind; `hours` is the time from start to end, were all machines there at once."""

    documents: float
    splits: float
    vcpu_hours: float
    hours: float
    shuffled_gb: float
    elements: float
    class_a: float
    class_b: float
    stored_gb: float
    worker_gib: float
    compute_dollars: float
    shuffle_dollars: float
    storage_dollars: float

    @property
    def dollars(self) -> float:
        """All of it."""
        return self.compute_dollars + self.shuffle_dollars + self.storage_dollars


def sizes(measured: Measured, assumed: Assumed) -> tuple[Size, ...]:
    """10 GB, 10 TB, and what 2.3 trillion tokens are left of."""
    raw = 2.3e12 * assumed.text_per_token / measured.kept_bytes / 1e6
    return Size("10 GB", 1e4, 2), Size("10 TB", 1e7, 100), Size("2.3 trillion tokens kept", raw, 200)


def estimate(size: Size, measured: Measured, assumed: Assumed, prices: Prices) -> Estimate:
    """What a run takes. Everything grows with the text but start-up and the steps of the price of shuffling."""
    documents = size.text_mb * 1e6 / measured.document_bytes
    splits = max(1.0, size.text_mb / assumed.split_mb)
    work = size.text_mb / measured.core_mb_per_second / assumed.busy / 3600
    vcpus = size.machines * assumed.vcpus
    start = assumed.start_minutes / 60
    vcpu_hours = work + vcpus * start
    shuffled_gb = shuffled(documents, documents * measured.compared * assumed.members, splits, measured) / 1e9
    class_a, class_b = (n * size.text_mb / measured.requests_mb for n in (measured.class_a, measured.class_b))
    stored_gb = size.text_mb / 1e3 * (measured.staged + measured.written)
    hours = work / vcpus + start
    hourly = prices.vcpu_hour + assumed.gb_per_vcpu * prices.gb_hour
    return Estimate(
        documents=documents,
        splits=splits,
        vcpu_hours=vcpu_hours,
        hours=hours,
        shuffled_gb=shuffled_gb,
        elements=splits * min(band_partitions(documents, measured), documents * measured.compared * 14 / splits),
        class_a=class_a,
        class_b=class_b,
        stored_gb=stored_gb,
        worker_gib=2 * measured.worker_gib,
        compute_dollars=vcpu_hours * (hourly + assumed.disk_gb / assumed.vcpus * prices.disk_gb_hour),
        shuffle_dollars=paid_gb(2 * shuffled_gb, prices) * prices.shuffled_gb,
        storage_dollars=class_a * prices.class_a
        + class_b * prices.class_b
        + stored_gb * prices.stored_gb_month * hours / 730,
    )


def shuffled(documents: float, members: float, splits: float, measured: Measured) -> float:
    """Bytes that go through the shuffle. members: documents of near-duplicate components."""
    per = (measured.document_shuffled, measured.member_shuffled, measured.split_shuffled)
    return sum(n * size for n, size in zip((documents, members, splits), per, strict=True))


def band_partitions(documents: float, measured: Measured) -> float:
    """Partitions of the shuffle of bands, as pipeline.graph chooses them: 32 bytes a record, 128 MiB a partition."""
    return 8 + documents * 14 * 32 // (128 << 20)


def paid_gb(processed_gb: float, prices: Prices) -> float:
    """GB that are paid for in full: the first ones are cheaper.

    >>> paid_gb(250, Prices()), paid_gb(350, Prices())
    (62.5, 112.5)
    """
    paid, below = 0.0, 0.0
    for end, share in prices.shuffle_steps:
        paid += share * max(0.0, min(processed_gb, end) - below)
        below = end
    return paid + max(0.0, processed_gb - below)


@dataclass(frozen=True)
class Simulated:
    """Bytes that one run of the graph shuffled, Splits of 2 MiB. members: documents of near-duplicate components."""

    documents: int
    members: int
    splits: int
    hashes: int
    bands: int
    shingles: int
    others: int

    @property
    def total(self) -> int:
        """All bytes."""
        return self.hashes + self.bands + self.shingles + self.others


SIMULATED = (
    Simulated(1_400, 12, 2, 32_352, 179_888, 11_872, 50_456),
    Simulated(5_600, 90, 7, 129_504, 719_600, 346_496, 208_601),
    Simulated(22_400, 692, 27, 515_872, 2_841_888, 3_265_824, 1_022_787),
)
"""1, 4 and 16 times the same number of documents, cut from the front of the web corpus."""


def simulate(files: Sequence[Path], folder: Path) -> Iterable[dict[str, int]]:
    """Run the graph over 1, 4 and 16 times 1,400 documents; bytes shuffled by part."""
    for times in (1, 4, 16):
        raw = folder / f"raw-{times}"
        raw.mkdir(parents=True)
        left = 1_400 * times
        for path in files:
            head = pq.read_table(path).slice(0, left)
            pq.write_table(head, raw / path.name, row_group_size=500)
            left -= len(head)
            if not left:
                break
        cut = sorted(raw.iterdir())
        documents, _ = text_bytes(cut)
        yield {"documents": documents, **by_part(shuffle_bytes(cut, folder / f"run-{times}", 2, 2 << 20))}


def by_part(steps: dict[str, int]) -> dict[str, int]:
    """Bytes by part of the model, of bytes by step."""
    parts = {"hashes": "/Hash", "bands": "/Sign", "shingles": "(_GatherFn)"}
    found = {part: sum(size for step, size in steps.items() if step.endswith(end)) for part, end in parts.items()}
    return {**found, "others": sum(steps.values()) - sum(found.values())}


def tables() -> str:
    """The tables of docs/scale.md."""
    measured, assumed, prices = Measured(), Assumed(), Prices()
    runs = [(size, estimate(size, measured, assumed, prices)) for size in sizes(measured, assumed)]
    rows = {
        "text read": [_amount(size.text_mb * 1e6, "B") for size, _ in runs],
        "documents": [_amount(one.documents) for _, one in runs],
        "Splits": [f"{one.splits:,.0f}" for _, one in runs],
        "vCPU hours": [f"{one.vcpu_hours:,.1f}" for _, one in runs],
        "machines of 4 vCPUs": [str(size.machines) for size, _ in runs],
        "hours with all of them": [f"{one.hours:,.1f}" for _, one in runs],
        "memory of a worker process, two threads": [f"{one.worker_gib:.1f} GiB" for _, one in runs],
        "bytes shuffled": [_amount(one.shuffled_gb * 1e9, "B") for _, one in runs],
        "elements of the largest shuffle, at most": [_amount(one.elements) for _, one in runs],
        "uploads and listings (class A)": [_amount(one.class_a) for _, one in runs],
        "reads (class B)": [_amount(one.class_b) for _, one in runs],
        "staging and result": [_amount(one.stored_gb * 1e9, "B") for _, one in runs],
        "$ for vCPUs, memory, disks": [f"{one.compute_dollars:,.2f}" for _, one in runs],
        "$ for shuffling": [f"{one.shuffle_dollars:,.2f}" for _, one in runs],
        "$ for storage": [f"{one.storage_dollars:,.2f}" for _, one in runs],
        "**$**": [f"**{one.dollars:,.2f}**" for _, one in runs],
    }
    lines = [_row(["", *(size.name for size, _ in runs)]), "| --- |" + " ---: |" * len(runs)]
    lines += [_row([name, *cells]) for name, cells in rows.items()]
    lines += ["", "Shuffled bytes of real runs of the graph, for each document read, and what the model says:", ""]
    head = ["documents", "members", "hashes", "bands", "shingles of members", "all else", "sum", "model"]
    lines += [_row(head), "|" + " ---: |" * len(head)]
    for run in SIMULATED:
        each = [run.hashes, run.bands, run.shingles, run.others, run.total]
        model = shuffled(run.documents, run.members, run.splits, measured)
        cells = [f"{size / run.documents:,.1f}" for size in (*each, model)]
        lines.append(_row([f"{run.documents:,}", f"{run.members:,}", *cells]))
    lines += ["", "Assumed, and changed in `benchmarks/scale_model.py`:", ""]
    lines += [f"- `{one.name}` = {getattr(assumed, one.name):,}" for one in fields(assumed)]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _amount(number: float, unit: str = "") -> str:
    for power, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= power:
            return f"{number / power:,.1f} {prefix}{unit}"
    return f"{number:,.0f} {unit}".strip()


def write(path: Path) -> None:
    """Put the tables between the marks of a page."""
    page = path.read_text(encoding="utf-8")
    new = re.sub(f"{BEGIN}.*{END}", lambda _: f"{BEGIN}\n\n{tables()}\n\n{END}", page, flags=re.DOTALL)
    path.write_text(new, encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables, write them, or measure what they are made of."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale_model", description="Cost of a run, on paper.")
    parser.add_argument("--write", type=Path, metavar="PAGE")
    parser.add_argument("--measure", metavar="GLOB")
    given = parser.parse_args(arguments)
    if given.measure:
        with tempfile.TemporaryDirectory(prefix="beamsift-scale-") as folder:
            for found in simulate(find_files(given.measure), Path(folder)):
                print(json.dumps(found))
    elif given.write:
        write(given.write)
    else:
        print(tables())


if __name__ == "__main__":
    main()
