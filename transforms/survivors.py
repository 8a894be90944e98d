"""FollowSurvivors: of every duplicate that was dropped, the document in the output that stands for it.

A deduplication names the document that stays in a duplicate's stead at that stage. A later stage may drop that one in
turn: a page is an exact copy of one that is a near copy of a third. The chain is followed to its end, stage by stage
from the last to the first, so that each step asks once: the Split of a survivor knows what became of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from filters.chain import KEY, NOTE, Tally
from filters.evidence import Measure, link
from transforms.apply import REJECTS, write_sidecar
from transforms.marking import JoinSplits, joined_split
from transforms.read import read_sidecar
from transforms.shuffle import Keys, Ranges, Records, by_split, packed_by
from transforms.split import Split, unpack

NOBODY = -1
"""In the place of a key: no document in the output stands for this one."""
_UNCOMPARED = -1
"""In the place of a measure: nothing was verified, or texts were edited between the two comparisons."""


@dataclass(frozen=True)
class Followed:
    """What to follow. stages: ids of the deduplications that drop and have stages after them, in the recipe's order.

    measures: of every deduplication, by stage; None where it does not verify. edits_before: how many stages that edit
    texts come before each deduplication: a similarity holds for the texts as they were compared.
    """

    stages: tuple[str, ...]
    measures: Mapping[str, Measure | None]
    edits_before: Mapping[str, int]

    @property
    def known(self) -> list[Measure]:
        """All measures; a place in this list stands for a measure in packed records."""
        return sorted({measure for measure in self.measures.values() if measure is not None})


def _of_stage(split: Split, stage: str) -> str | None:
    """File of what a deduplication dropped from a Split: it writes one of its own, if any."""
    for uri in split.sidecar_uris(REJECTS):
        stages = read_sidecar(uri, ["stage"])["stage"]
        if len(stages) and stages[0].as_py() == stage:
            return uri
    return None


class _AskFn(beam.DoFn):
    """(survivor, the Split that asks) for the Splits of the survivors: once, however many duplicates it has here."""

    def __init__(self, stage: str) -> None:
        self._stage = stage

    def process(self, split: Split, ranges: bytes) -> Iterator[Records]:
        uri = _of_stage(split, self._stage)
        if uri is not None:
            survivors = np.unique(read_sidecar(uri, ["survivor"])["survivor"].to_numpy())
            yield from by_split(ranges, survivors, np.full(len(survivors), split.order))


class _AnswerFn(beam.DoFn):
    """To each Split that asked: (survivor, what it is kept as, similarity of these two, its measure)."""

    def __init__(self, stage: str, followed: Followed) -> None:
        self._stage = stage
        self._followed = followed

    def process(self, element: Any) -> Iterator[Records]:
        split, records = joined_split(element)
        asked, askers = unpack(records["asked"], 2)
        if not len(asked):
            return
        gone = self._gone(split, np.unique(asked))
        if not len(gone[0]):
            return
        at = np.minimum(np.searchsorted(gone[0], asked), len(gone[0]) - 1)
        found = gone[0][at] == asked
        yield from packed_by(askers[found], *(column[at[found]] for column in gone))

    def _gone(self, split: Split, wanted: Keys) -> list[Keys]:
        """Those of the documents `wanted` that have left: key, kept_as, bits of the similarity, measure; by key."""
        parts = []
        for uri in split.sidecar_uris(REJECTS):
            table = read_sidecar(uri, [KEY, "stage", "kept_as", "kept_similarity", "kept_measure"])
            parts.append(table.filter(pc.is_in(table[KEY], value_set=pa.array(wanted))))
        if not parts:
            return [wanted[:0]] * 4
        table = pa.concat_tables(parts).sort_by(KEY)
        before, here = self._followed.edits_before, self._followed.edits_before[self._stage]
        same_texts = [stage for stage in self._followed.measures if before[stage] == here]
        comparable = pc.is_in(table["stage"], value_set=pa.array(same_texts, pa.string()))
        names = pa.array([str(measure) for measure in self._followed.known], pa.string())
        places = pc.fill_null(pc.index_in(table["kept_measure"], value_set=names).cast(pa.int64()), _UNCOMPARED)
        return [
            table[KEY].to_numpy(),
            pc.fill_null(table["kept_as"], NOBODY).to_numpy(),
            pc.fill_null(table["kept_similarity"], np.nan).to_numpy().view(np.int64),
            pc.if_else(comparable, places, _UNCOMPARED).to_numpy(),
        ]


class _NoteFn(beam.DoFn):
    """Write the answers into the rejects of a stage; count the documents that nobody stands for, or no exact number."""

    def __init__(self, stage: str, followed: Followed) -> None:
        self._stage = stage
        self._followed = followed

    def process(self, element: Any) -> Iterator[Split]:
        split, records = joined_split(element)
        answers = unpack(records["answers"], 4)
        if not len(answers[0]):
            yield split
            return
        uri = _of_stage(split, self._stage)
        assert uri is not None, "answers come to who asked"
        followed = follow_rejects(
            read_sidecar(uri), answers, self._followed.measures[self._stage], self._followed.known
        )
        new = uri.removesuffix(".parquet") + "-followed.parquet"
        write_sidecar(new, followed.rejects)
        tally = Tally()
        tally.update(split.tally)
        sizes = followed.rejects["text_bytes"].to_numpy()
        for note, which in (("survivor_left", followed.nobody), ("evidence_in_steps", followed.in_steps)):
            tally.add((self._stage, NOTE + note), int(which.sum()), int(sizes[which].sum()))
        sidecars = tuple((kind, new if other == uri else other) for kind, other in split.sidecars)
        yield replace(split, sidecars=sidecars, tally=tally)


class FollowedRejects(NamedTuple):
    """Rejects with `kept_as`, `kept_similarity` and `kept_measure` followed; bool, one a row: that nobody stands for,
    that have an exact similarity with their survivor and none with what is kept."""

    rejects: pa.Table
    nobody: NDArray[np.bool_]
    in_steps: NDArray[np.bool_]


def follow_rejects(
    rejects: pa.Table, answers: Sequence[Keys], measure: Measure | None, known: Sequence[Measure]
) -> FollowedRejects:
    """Follow what a deduplication of this measure dropped by answers about its survivors, as `_AnswerFn` gives them.

    rejects: REJECTS_SCHEMA, not followed yet. answers: (survivor, kept_as, bits of the similarity, place of its measure
    in `known`), in any order; a survivor without one is in the output.
    """
    order = np.argsort(answers[0])
    left, kept_as, bits, places = (column[order] for column in answers)
    survivors = rejects["survivor"].to_numpy()
    at = np.minimum(np.searchsorted(left, survivors), len(left) - 1)
    moved = left[at] == survivors
    everywhere = np.where(moved, kept_as[at], survivors)
    own = pc.fill_null(rejects["kept_similarity"], np.nan).to_numpy()
    beyond, place = bits.view(np.float64)[at], np.where(moved, places[at], _UNCOMPARED)
    similarity = np.where(moved, np.nan, own)
    names = np.full(len(rejects), None if measure is None else str(measure), object)
    for number, other in enumerate(known):
        here = np.flatnonzero(place == number)
        similarity[here], takes_beyond = link(own[here], beyond[here], measure, other)
        names[here[takes_beyond]] = str(other)
    nobody = everywhere == NOBODY
    similarity[nobody] = np.nan
    unknown = np.isnan(similarity)
    values = {
        "kept_as": pa.array(everywhere, pa.int64(), mask=nobody),
        "kept_similarity": pa.array(similarity, pa.float64(), mask=unknown),
        "kept_measure": pa.array(names, pa.string(), mask=unknown),
    }
    for name, column in values.items():
        index = rejects.schema.get_field_index(name)
        rejects = rejects.set_column(index, rejects.schema.field(index), column)
    return FollowedRejects(rejects, nobody, ~nobody & unknown & ~np.isnan(own))


@dataclass(eq=False)  # not frozen: Beam sets attributes of its own
class FollowSurvivors(beam.PTransform):
    """Splits at the end of their way, to the same with what `kept_as` names in their rejects followed to the end."""

    followed: Followed

    def expand(self, splits: beam.PCollection[Split]) -> beam.PCollection[Split]:  # noqa: D102
        if not self.followed.stages:
            return splits
        ranges = splits | "Ranges" >> Ranges()
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
        answer = beam.ParDo(_AnswerFn(self.stage, self.followed)).with_output_types(Records)
        answers = {"splits": splits, "asked": asked} | "Asked" >> JoinSplits() | "Answer" >> answer
        note = beam.ParDo(_NoteFn(self.stage, self.followed)).with_output_types(Split)
        return {"splits": splits, "answers": answers} | "Answered" >> JoinSplits() | "Note" >> note
