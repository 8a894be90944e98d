"""WriteManifest: add up what happened, prove that nothing was lost, and only then call the folder a result."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import apache_beam as beam
import numpy as np

from filters.annotate import EDITED_BEYOND
from filters.chain import EDITED, NOTE, READ, Tally
from filters.errors import BudgetError, ConservationError, OutputError
from transforms.corpus import read_plan
from transforms.files import exists, join, read_bytes, remove_file, remove_tree
from transforms.layout import MANIFEST, UNFINISHED, marker_of, write_manifest
from transforms.shards import ShardRecord
from transforms.split import PART_BITS, Split, pack, unpack
from transforms.tolerance import STRICT, Tolerance, check_unreadable


@dataclass
class Account:
    """What came out of a run: the outcomes of all documents, and which pieces of which planned Splits.

    pieces: packed (order, 1 for the last piece of its planned Split, documents read) of every Split. taken_over: by
    "pieces", "documents" and "bytes", what an earlier attempt had staged.
    """

    tally: Tally = field(default_factory=Tally)
    pieces: list[bytes] = field(default_factory=list)
    taken_over: Counter[str] = field(default_factory=Counter)

    def add(self, split: Split) -> None:
        """Take in one Split at the end of its way."""
        self.tally.update(split.tally)
        documents, size = split.tally.documents[(READ, READ)], split.tally.bytes[(READ, READ)]
        record = (split.order, split.last, documents)
        self.pieces.append(pack(*(np.array([value], np.int64) for value in record)))
        if split.taken_over:
            self.taken_over.update({"pieces": 1, "documents": documents, "bytes": size})

    def update(self, other: Account) -> None:
        """Take in what another account holds."""
        self.tally.update(other.tally)
        self.pieces.append(b"".join(other.pieces))
        self.taken_over.update(other.taken_over)


class _SumAccounts(beam.CombineFn):
    """One Split, one record, however often a bundle was tried."""

    def create_accumulator(self) -> Account:
        return Account()

    def add_input(self, accumulator: Account, element: Split) -> Account:
        accumulator.add(element)
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[Account]) -> Account:
        total = Account()
        for accumulator in accumulators:
            total.update(accumulator)
        return total

    def extract_output(self, accumulator: Account) -> Account:
        return accumulator


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
            elif reason.startswith(NOTE):
                step.setdefault("notes", {})[reason.removeprefix(NOTE)] = {"documents": count, "bytes": change}
            else:
                dropped[reason] = {"documents": count, "bytes": change}
                documents -= count
                size -= change
        steps.append({**step, "dropped": dropped, "out": {"documents": documents, "bytes": size}})
    return steps


def prove_complete(pieces: bytes, planned: Iterable[Split]) -> None:
    """Every planned Split came back once, in all its pieces, with as many documents as the input's footers say.

    pieces: as in Account. Raises ConservationError naming the files whose Splits did not.
    """
    orders, last, read = unpack(pieces, 3)
    rank = np.argsort(orders)
    orders, last, read = orders[rank], last[rank], read[rank]
    broken, known = [], 0
    for split in planned:
        first, end = np.searchsorted(orders, [split.order, split.order + (1 << PART_BITS)])
        known += int(end - first)
        whole = np.array_equal(orders[first:end], np.arange(split.order, split.order + end - first))
        documents = int(read[first:end].sum())
        if not whole or np.flatnonzero(last[first:end]).tolist() != [end - first - 1]:
            broken.append(f"{split.source_uri} from row {split.first_row}: not all of its pieces came back once")
        elif split.rows not in (-1, documents):
            place = f"{split.source_uri} from row {split.first_row}"
            broken.append(f"{place}: {documents} documents read of {split.rows} by its footer")
    if known != len(orders):
        broken.append(f"{len(orders) - known} pieces that were not planned")
    if broken:
        raise ConservationError(
            f"the run lost or doubled parts of its input, so no manifest was written: {broken[0]}"
            + (f" (and {len(broken) - 1} more)" if len(broken) > 1 else "")
            + ". Please report this"
        )


def prove_conservation(steps: list[dict[str, Any]], records: list[ShardRecord], *, annotate: bool = False) -> None:
    """Kept + dropped = read, in documents and bytes, by the files that were written.

    annotate: shards hold what would be dropped, too; only what has no text left. Raises ConservationError with the
    numbers that do not agree.
    """
    read, out = steps[0]["in"]["documents"], steps[-1]["out"]
    kept = sum(r.rows for r in records if r.series == "shards")
    kept_bytes = sum(r.text_bytes for r in records if r.series == "shards")
    rejected = sum(r.rows for r in records if r.series == "rejects")
    rejected_bytes = sum(r.text_bytes for r in records if r.series == "rejects")
    marked = steps[1:] if annotate else []
    held, held_bytes = out["documents"], out["bytes"]
    for step in marked:
        held += sum(d["documents"] for d in step["dropped"].values())
        held_bytes += sum(d["bytes"] for d in step["dropped"].values())
        held_bytes += step.get("notes", {}).get(EDITED_BEYOND, {"bytes": 0})["bytes"]
    dropped_bytes = sum(d["bytes"] for step in steps if step not in marked for d in step["dropped"].values())
    claims = [
        ("documents read and rows in shards + rejects", read, kept + rejected),
        ("documents that passed all stages and rows in shards", held, kept),
        ("bytes that passed all stages and bytes in shards", held_bytes, kept_bytes),
        ("bytes dropped by stages and bytes in rejects", dropped_bytes, rejected_bytes),
    ]
    broken = [f"{what}: {one} and {other}" for what, one, other in claims if one != other]
    if broken:
        raise ConservationError(
            "the run lost or doubled documents, so no manifest was written. "
            + "; ".join(broken)
            + ". Please report this"
        )


@dataclass(frozen=True)
class ManifestOptions:
    """output: folder of the result. facts: URI of a JSON object, what the launcher knows (recipe, versions, inputs).

    stages: (id, name) in order. plan: URI of the planned Splits.
    started: seconds since the epoch. run_id: what the marker in the folder must say; None: there is no marker.
    annotate: nothing was dropped; no budget fails the run. alone: nobody waits for the run, so the marker goes when the
    manifest is written, and then the folder `staging`, if it is named. tolerance: how much of the input may be
    unreadable.
    """

    output: str
    facts: str
    stages: list[tuple[str, str]]
    plan: str
    started: float
    run_id: str | None = None
    annotate: bool = False
    alone: bool = False
    staging: str | None = None
    tolerance: Tolerance = STRICT


def warnings(steps: list[dict[str, Any]], exceeded: Sequence[dict[str, Any]]) -> list[str]:
    """What somebody should look at, a sentence each. Raises BudgetError if a budget that may fail the run is exceeded.

    steps: of `funnel`. exceeded: of `filters.groups.exceeded`.
    """
    exceeded = sorted(exceeded, key=lambda row: (-row["share"], row["by"], row["value"], row["stage"]))
    over = [
        f"stage {row['stage']!r} removed {100 * row['share']:.1f} % of {row['by']} {row['value']!r} "
        f"({row['dropped']:,} of {row['documents']:,} documents); its budget is {100 * row['max_removed']:.1f} %"
        for row in exceeded
    ]
    fatal = [text for row, text in zip(exceeded, over, strict=True) if row["action"] == "fail"]
    if fatal:
        more = f" (and {len(fatal) - 1} more)" if len(fatal) > 1 else ""
        raise BudgetError(f"{fatal[0]}{more}. No manifest was written; groups/ in the output folder has all counts")
    found = over[:_MOST_WARNINGS]
    if len(over) > _MOST_WARNINGS:
        found.append(f"{len(over) - _MOST_WARNINGS:,} more groups exceed their budgets; see groups/")
    deduplicated = None
    for step in steps[1:]:
        notes = step.get("notes", {})
        if step["in"]["documents"] and not step["dropped"] and EDITED not in step and "tagged" not in notes:
            found.append(f"stage {step['id']!r} removed and changed nothing")
        found += [
            text.format(id=step["id"], n=notes[note]["documents"]) for note, text in _NOTED.items() if note in notes
        ]
        if EDITED in step and deduplicated:
            found.append(
                f"stage {step['id']!r} edited {step[EDITED]['documents']:,} documents after {deduplicated!r}: "
                "texts that became equal by that are all kept. Edit before you deduplicate"
            )
        if step["name"] in _DEDUPLICATIONS:
            deduplicated = step["id"]
    return found


_MOST_WARNINGS = 20
_DEDUPLICATIONS = ("exact_dedup", "minhash_dedup")
_NOTED = {
    "second_pass_dropped": "stage {id!r} would drop {n:,} documents if it ran again over (a sample of) its own output",
    "second_pass_edited": "stage {id!r} would edit {n:,} documents if it ran again over a sample of its own output",
    "too_long_to_compare": "stage {id!r} left {n:,} documents out: longer than max_shingles, they stay uncompared",
    "survivor_left": "of {n:,} documents that stage {id!r} dropped, a later stage dropped the survivor for a reason of "
    "its own: none stands for them in the output. Judge documents one by one before they are deduplicated",
    "evidence_in_steps": "{n:,} documents that stage {id!r} dropped are copies of copies of what is kept: their "
    "similarity with their survivor is known, with what is kept it is not",
    "judged_by_default_limits": "stage {id!r} judged {n:,} documents by its default limits: their language has none",
    "not_fully_compared": "stage {id!r} kept {n:,} documents that share buckets with more survivors than it compares",
}


def build_manifest(
    account: Account,
    records: list[ShardRecord],
    exceeded: Sequence[dict[str, Any]],
    options: ManifestOptions,
    training: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The manifest's content. Raises ConservationError rather than writing down numbers that do not add up.

    training: `report` and `files` of `transforms.training`, if the recipe asks for such output.
    """
    prove_complete(b"".join(account.pieces), read_plan(options.plan))
    records = sorted(records, key=lambda r: r.path)
    steps = funnel(account.tally, options.stages)
    prove_conservation(steps, records, annotate=options.annotate)
    unreadable = sum(count["documents"] for reason, count in steps[0]["dropped"].items() if reason != "null_text")
    check_unreadable(unreadable, steps[0]["in"]["documents"], options.tolerance)
    if options.annotate:
        exceeded = [{**row, "action": "warn"} for row in exceeded]
    series: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        entry = asdict(record)
        series.setdefault(entry.pop("series"), []).append(entry)
    found = warnings(steps, exceeded)
    facts = json.loads(read_bytes(options.facts))
    if options.annotate and facts.get("recipe", {}).get("training"):
        found.append("no training output was written: --annotate-only drops nothing, so nothing is ready")
    if training is not None:
        report = dict(training["report"])
        if report["documents"] != steps[-1]["out"]["documents"]:
            raise ConservationError(
                f"{steps[-1]['out']['documents']} documents passed all stages and {report['documents']} reached the "
                "training output, so no manifest was written. Please report this"
            )
        found += report.pop("warnings")
        facts["training"] = report
        series |= training["files"]
    return {
        **facts,
        "seconds": round(time.time() - options.started, 1),
        "taken_over": {unit: account.taken_over[unit] for unit in ("pieces", "documents", "bytes")},
        "read": steps[0]["in"],
        "kept": _kept(records) if options.annotate else steps[-1]["out"],
        "annotate_only": options.annotate,
        "stages": steps,
        "warnings": [*_unreadable(unreadable), *found],
        "files": series,
    }


def _unreadable(documents: int) -> Iterator[str]:
    if documents:
        yield (
            f"{documents:,} documents could not be read and were passed over, as input.tolerate allows (a file that "
            "breaks off counts as one); rejects/ names place and cause of each, with stage `read`"
        )


def _kept(records: Sequence[ShardRecord]) -> dict[str, int]:
    shards = [record for record in records if record.series == "shards"]
    return {"documents": sum(r.rows for r in shards), "bytes": sum(r.text_bytes for r in shards)}


class _WriteManifestFn(beam.DoFn):
    def __init__(self, options: ManifestOptions) -> None:
        self._options = options

    def process(
        self,
        _: None,
        account: Account,
        records: list[ShardRecord],
        exceeded: list[dict[str, Any]],
        training: dict[str, Any] | None = None,
    ) -> Iterator[str]:
        output = self._options.output
        if self._options.alone and exists(join(output, MANIFEST)) and marker_of(output) is None:
            self._clear_up()  # a bundle that is tried again
            yield join(output, MANIFEST)
            return
        manifest = build_manifest(account, records, exceeded, self._options, training)
        if self._options.run_id is not None and (marker_of(output) or {}).get("run") != self._options.run_id:
            raise OutputError(f"another run has taken {output} over; this one leaves no result there")
        write_manifest(output, manifest)
        if self._options.alone:
            self._clear_up()
        yield join(output, MANIFEST)

    def _clear_up(self) -> None:
        remove_file(join(self._options.output, UNFINISHED))
        if self._options.staging is not None:
            remove_tree(self._options.staging)


@dataclass(eq=False)  # not frozen: Beam sets attributes of its own
class WriteManifest(beam.PTransform):
    """From (Splits at the end, records of all files, exceeded budgets): check, then write `manifest.json`, at last.

    A fourth collection, if there is one, holds the account of `WriteTraining`.
    """

    options: ManifestOptions

    def expand(self, collections: tuple[Any, ...]) -> beam.PCollection[str]:  # noqa: D102
        splits, records, exceeded, *training = collections
        account = splits | "Account" >> beam.CombineGlobally(_SumAccounts())
        return (
            splits.pipeline
            | "Last" >> beam.Create([None])
            | "Write"
            >> beam.ParDo(
                _WriteManifestFn(self.options),
                beam.pvalue.AsSingleton(account),
                beam.pvalue.AsList(records),
                beam.pvalue.AsList(exceeded),
                *map(beam.pvalue.AsSingleton, training),
            )
        )
