"""FollowSurvivors: of every duplicate that was dropped, the document in the output that stands for it.

A deduplication names the document that stays in a duplicate's stead at that stage. A later stage may drop that one in
turn: a page is an exact copy of one that is a near copy of a third. The chain is followed to its end, stage by stage
from the last to the first, so that each step asks once: the Split of a survivor knows what became of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from filters.chain import KEY, NOTE, Tally
from transforms.apply import REJECTS, write_sidecar
from transforms.marking import JoinSplits, joined_split
from transforms.read import read_sidecar
from transforms.shuffle import Ranges, Records, by_split
from transforms.split import Split, unpack

NOBODY = -1
"""In the place of a key: no document in the output stands for this one."""


@dataclass(frozen=True)
class Followed:
    """What to follow. stages: ids of the deduplications that drop and have stages after them, in the recipe's order.

    edits_before: how many stages that edit texts come before each stage of the recipe: a similarity holds for the texts
    as they were compared. sameness: whether a similarity of 1 means equal sets, as by Jaccard, not by containment.
    """

    stages: tuple[str, ...]
    edits_before: Mapping[str, int]
    sameness: bool = True


def link(mine: NDArray[np.float64], beyond: NDArray[np.float64], comparable: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Exact similarity over two links, where it follows from theirs: where one of them is between equal sets.

    >>> link(np.array([1.0, 0.9, 0.9]), np.array([0.8, 1.0, 0.8]), np.array([True] * 3))
    array([0.8, 0.9, nan])
    """
    return np.where(comparable & (mine == 1), beyond, np.where(comparable & (beyond == 1), mine, np.nan))


def _rejects(split: Split) -> pa.Table | None:
    """All rejects of a Split, without their texts, in order of keys."""
    columns = [KEY, "stage", "survivor", "kept_as", "kept_similarity"]
    tables = [read_sidecar(uri).select(columns) for uri in split.sidecar_uris(REJECTS)]
    return pa.concat_tables(tables).sort_by(KEY).combine_chunks() if tables else None


def _of_stage(split: Split, stage: str) -> tuple[str, pa.Table] | None:
    """File and rows of what a deduplication dropped from a Split: it writes a file of its own, if any."""
    for uri in split.sidecar_uris(REJECTS):
        table = read_sidecar(uri)
        if len(table) and table["stage"][0].as_py() == stage:
            return uri, table
    return None


class _AskFn(beam.DoFn):
    """(survivor, its duplicate) for the Splits of the survivors."""

    def __init__(self, stage: str) -> None:
        self._stage = stage

    def process(self, split: Split, ranges: bytes) -> Iterator[Records]:
        found = _of_stage(split, self._stage)
        if found is not None:
            yield from by_split(ranges, found[1]["survivor"].to_numpy(), found[1][KEY].to_numpy())


class _AnswerFn(beam.DoFn):
    """(duplicate, what its survivor is kept as, that one's similarity, whether texts were edited between)."""

    def __init__(self, stage: str, followed: Followed) -> None:
        self._stage = stage
        self._followed = followed

    def process(self, element: Any, ranges: bytes) -> Iterator[Records]:
        split, records = joined_split(element)
        asked, duplicates = unpack(records["asked"], 2)
        rejects = _rejects(split) if len(asked) else None
        if rejects is None:
            return
        keys = rejects[KEY].to_numpy()
        at = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
        gone = keys[at] == asked
        rows, duplicates = at[gone], duplicates[gone]
        kept_as = pc.fill_null(rejects["kept_as"], NOBODY).to_numpy()[rows]
        similarity = pc.fill_null(rejects["kept_similarity"], np.nan).to_numpy()[rows]
        before = self._followed.edits_before
        stages = rejects["stage"].take(pa.array(rows)).to_pylist()
        same_texts = np.array([before[stage] == before[self._stage] for stage in stages], np.int64)
        yield from by_split(ranges, duplicates, kept_as, similarity.view(np.int64), same_texts)


class _NoteFn(beam.DoFn):
    """Write the answers into the rejects of a stage; count the documents that nobody stands for, or no exact number."""

    def __init__(self, stage: str, sameness: bool) -> None:
        self._stage = stage
        self._sameness = sameness

    def process(self, element: Any) -> Iterator[Split]:
        split, records = joined_split(element)
        keys, kept_as, bits, same_texts = unpack(records["answers"], 4)
        if not len(keys):
            yield split
            return
        found = _of_stage(split, self._stage)
        assert found is not None, "answers come to who asked"
        uri, table = found
        rows = np.searchsorted(table[KEY].to_numpy(), keys)  # rejects of a deduplication are in order of keys
        everywhere, similarity = table["kept_as"].to_numpy().copy(), table["kept_similarity"].to_numpy().copy()
        comparable = (same_texts == 1) & self._sameness
        everywhere[rows] = kept_as
        known = ~np.isnan(similarity)
        similarity[rows] = link(similarity[rows], bits.view(np.float64), comparable)
        nobody = everywhere == NOBODY
        in_steps = ~nobody & known & np.isnan(similarity)
        values = {
            "kept_as": pa.array(everywhere, pa.int64(), mask=nobody),
            "kept_similarity": pa.array(similarity, pa.float64(), mask=np.isnan(similarity)),
        }
        for name, column in values.items():
            at = table.schema.get_field_index(name)
            table = table.set_column(at, table.schema.field(at), column)
        new = uri.removesuffix(".parquet") + "-followed.parquet"
        write_sidecar(new, table)
        tally = Tally()
        tally.update(split.tally)
        sizes = table["text_bytes"].to_numpy()
        for note, which in (("survivor_left", nobody), ("evidence_in_steps", in_steps)):
            tally.add((self._stage, NOTE + note), int(which.sum()), int(sizes[which].sum()))
        sidecars = tuple((kind, new if other == uri else other) for kind, other in split.sidecars)
        yield replace(split, sidecars=sidecars, tally=tally)


@dataclass(eq=False)  # not frozen: Beam sets attributes of its own
class FollowSurvivors(beam.PTransform):
    """Splits at the end of their way, to the same with `kept_as` and `kept_similarity` of their rejects followed."""

    followed: Followed

    def expand(self, splits: beam.PCollection[Split]) -> beam.PCollection[Split]:  # noqa: D102
        if not self.followed.stages:
            return splits
        ranges = beam.pvalue.AsSingleton(splits | "Ranges" >> Ranges())
        for stage in reversed(self.followed.stages):
            splits = splits | f"Follow {stage}" >> _Follow(stage, self.followed, ranges)
        return splits


@dataclass(eq=False)  # not frozen: Beam sets attributes of its own
class _Follow(beam.PTransform):
    stage: str
    followed: Followed
    ranges: Any

    def expand(self, splits: beam.PCollection[Split]) -> beam.PCollection[Split]:
        asked = splits | "Ask" >> beam.ParDo(_AskFn(self.stage), self.ranges).with_output_types(Records)
        answer = beam.ParDo(_AnswerFn(self.stage, self.followed), self.ranges).with_output_types(Records)
        answers = {"splits": splits, "asked": asked} | "Asked" >> JoinSplits() | "Answer" >> answer
        note = beam.ParDo(_NoteFn(self.stage, self.followed.sameness)).with_output_types(Split)
        return {"splits": splits, "answers": answers} | "Answered" >> JoinSplits() | "Note" >> note
