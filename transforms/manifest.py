"""WriteManifest: add up what happened, prove that nothing was lost, and only then call the folder a result."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import apache_beam as beam

from filters.chain import READ, Tally
from filters.errors import ConservationError
from transforms.files import join, write_bytes_atomic
from transforms.layout import MANIFEST
from transforms.shards import ShardRecord
from transforms.split import Split

EDITED = "edited"


class _SumTallies(beam.CombineFn):
    """Add the tallies of all Splits: one Split, one tally, however often a bundle was tried."""

    def create_accumulator(self) -> Tally:
        return Tally()

    def add_input(self, accumulator: Tally, element: Split) -> Tally:
        accumulator.update(element.tally)
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[Tally]) -> Tally:
        total = Tally()
        for accumulator in accumulators:
            total.update(accumulator)
        return total

    def extract_output(self, accumulator: Tally) -> Tally:
        return accumulator


class SumTallies(beam.PTransform):
    """One Tally of all Splits."""

    def expand(self, splits: beam.PCollection[Split]) -> beam.PCollection[Tally]:  # noqa: D102
        return splits | beam.CombineGlobally(_SumTallies())


def funnel(tally: Tally, stages: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """Documents and bytes into and out of every stage, with what it dropped and edited. stages: (id, name) in order."""
    steps = []
    documents, size = tally.documents[(READ, READ)], tally.bytes[(READ, READ)]
    for stage_id, name in [(READ, READ), *stages]:
        step: dict[str, Any] = {"id": stage_id, "name": name, "in": {"documents": documents, "bytes": size}}
        dropped: dict[str, Any] = {}
        for (owner, reason), count in sorted(tally.documents.items()):
            if owner != stage_id or reason == READ:
                continue
            change = tally.bytes[(owner, reason)]
            if reason == EDITED:
                step[EDITED] = {"documents": count, "bytes": change}
                size += change
            else:
                dropped[reason] = {"documents": count, "bytes": change}
                documents -= count
                size -= change
        steps.append({**step, "dropped": dropped, "out": {"documents": documents, "bytes": size}})
    return steps


def prove_conservation(steps: list[dict[str, Any]], records: list[ShardRecord], expected_rows: int | None) -> None:
    """Kept + dropped = read, in documents and bytes, by the files that were written.

    Raises ConservationError with the numbers that do not agree.
    """
    read, out = steps[0]["in"]["documents"], steps[-1]["out"]
    kept = sum(r.rows for r in records if r.series == "shards")
    kept_bytes = sum(r.text_bytes for r in records if r.series == "shards")
    rejected = sum(r.rows for r in records if r.series == "rejects")
    rejected_bytes = sum(r.text_bytes for r in records if r.series == "rejects")
    dropped_bytes = sum(d["bytes"] for step in steps for d in step["dropped"].values())
    claims = [
        ("documents in the input's footers and documents read", expected_rows, read),
        ("documents read and rows in shards + rejects", read, kept + rejected),
        ("documents that passed all stages and rows in shards", out["documents"], kept),
        ("bytes that passed all stages and bytes in shards", out["bytes"], kept_bytes),
        ("bytes dropped by stages and bytes in rejects", dropped_bytes, rejected_bytes),
    ]
    broken = [f"{what}: {one} and {other}" for what, one, other in claims if one is not None and one != other]
    if broken:
        raise ConservationError(
            "the run lost or doubled documents, so no manifest was written. "
            + "; ".join(broken)
            + ". Please report this"
        )


@dataclass(frozen=True)
class ManifestOptions:
    """output: folder of the result. facts: what the launcher knows (recipe, versions, inputs), plain JSON data.

    stages: (id, name) in order. expected_rows: documents by the input's footers, None if some are not known.
    started: seconds since the epoch.
    """

    output: str
    facts: dict[str, Any]
    stages: list[tuple[str, str]]
    expected_rows: int | None
    started: float


def build_manifest(tally: Tally, records: list[ShardRecord], options: ManifestOptions) -> dict[str, Any]:
    """The manifest's content. Raises ConservationError rather than writing down numbers that do not add up."""
    records = sorted(records, key=lambda r: r.path)
    steps = funnel(tally, options.stages)
    prove_conservation(steps, records, options.expected_rows)
    series: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        entry = asdict(record)
        series.setdefault(entry.pop("series"), []).append(entry)
    return {
        **options.facts,
        "seconds": round(time.time() - options.started, 1),
        "read": steps[0]["in"],
        "kept": steps[-1]["out"],
        "stages": steps,
        "files": series,
    }


class _WriteManifestFn(beam.DoFn):
    def __init__(self, options: ManifestOptions) -> None:
        self._options = options

    def process(self, _: None, tally: Tally, records: list[ShardRecord]) -> Iterator[str]:
        manifest = build_manifest(tally, records, self._options)
        uri = join(self._options.output, MANIFEST)
        write_bytes_atomic(uri, json.dumps(manifest, ensure_ascii=False, indent=1).encode() + b"\n")
        yield uri


@dataclass(eq=False)  # not frozen: Beam sets attributes of its own
class WriteManifest(beam.PTransform):
    """From (Splits at the end, records of all files): check, then write `manifest.json`, last of all."""

    options: ManifestOptions

    def expand(self, collections: tuple[Any, Any]) -> beam.PCollection[str]:  # noqa: D102
        splits, records = collections
        tally = splits | "Tally" >> SumTallies()
        return (
            splits.pipeline
            | "Last" >> beam.Create([None])
            | "Write"
            >> beam.ParDo(_WriteManifestFn(self.options), beam.pvalue.AsSingleton(tally), beam.pvalue.AsList(records))
        )
