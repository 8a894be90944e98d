"""The graph of a recipe: which transforms, in which order. Its size depends on the stages, not on the data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby

import apache_beam as beam

from filters.chain import KEY, Stage
from filters.contract import Rewrite
from filters.minhash import MinHashParams
from pipeline.fingerprint import corpus_fingerprint, files_fingerprint, pass_fingerprint
from pipeline.recipe import DedupStage, Recipe
from pipeline.training import tokenizer_facts, training_options
from transforms.apply import Apply, StagingOptions
from transforms.corpus import TEXT_BYTES, Corpus, ReadCorpus
from transforms.exact_dedup import ExactDedup
from transforms.files import join
from transforms.groups import CountGroups
from transforms.manifest import ManifestOptions, WriteManifest
from transforms.marking import (
    EXACT_SCHEMA,
    NEAR_SCHEMA,
    PAIRS_SCHEMA,
    DedupOptions,
    documents_sidecar,
    pairs_sidecar,
)
from transforms.minhash_dedup import MinHashDedup
from transforms.shards import GROUP_ROWS, Documents, Series, SidecarRows, WriteShards, edits_series, rejects_series
from transforms.survivors import Followed, FollowSurvivors
from transforms.training.stage import DOCUMENTS, DOCUMENTS_SCHEMA, StageTraining
from transforms.training.write import WriteTraining
from transforms.verdicts import WriteVerdicts
from transforms.versions import CheckVersions

SIDECAR_ROWS = 1_000_000
SIDECAR_BYTES = 256 << 20

# A partition of a shuffle is sorted in one worker's memory: this many bytes of records keep that under 1 GiB.
_PARTITION_BYTES = 128 << 20
_RECORD_BYTES = 32
_SHORT_DOCUMENT_BYTES = 200


@dataclass(frozen=True)
class Places:
    """Where a run puts things: the result, intermediate files, the plan, and records of progress.

    spill: the runner keeps shuffles in memory, so records go through files of the staging folder instead.
    annotate: drop nothing, write all verdicts as columns. versions: of packages, by name, that workers must have.
    """

    output: str
    staging: str
    plan: str
    progress: str | None = None
    spill: bool = False
    annotate: bool = False
    versions: Mapping[str, str] | None = None


def build_graph(
    pipeline: beam.Pipeline, recipe: Recipe, corpus: Corpus, places: Places, manifest: ManifestOptions
) -> list[str]:
    """Add the whole run to a pipeline. Gives the names of the folders of its passes in `staging/`.

    A name is made from all that the files in it depend on, so that processes which an earlier run left behind cannot
    meddle with those of another recipe.
    """
    text_column = recipe.input.text_column
    if places.versions is not None:
        _ = pipeline | "CheckVersions" >> CheckVersions(dict(places.versions))
    splits = pipeline | "ReadCorpus" >> ReadCorpus(places.plan)
    work, folders = corpus_fingerprint(corpus), []
    for number, part in enumerate(stage_runs(recipe)):
        if isinstance(part, DedupStage):
            work = pass_fingerprint(work, (part,), places)
            folders.append(f"{number:02d}-{files_fingerprint(work, corpus)[:16]}")
            folder = join(places.staging, folders[-1])
            splits = splits | f"{number:02d} {part.id}" >> _dedup(part, recipe, corpus, folder, places)
        else:
            options = StagingOptions(
                folder=places.staging,
                batch_rows=recipe.run.batch_rows,
                split_bytes=recipe.run.split_bytes,
                keep_text=recipe.output.reject_text,
                progress=places.progress,
                groupings=recipe.guards.groupings,
                second_pass=recipe.guards.second_pass_sample,
                annotate=places.annotate,
                language=recipe.language_column,
            )
            work = pass_fingerprint(work, part, options)
            folders.append(f"{number:02d}-{work[:16]}")
            options = replace(options, folder=join(places.staging, folders[-1]), work=work)
            label = f"{number:02d} Apply " + (", ".join(stage.id for stage in part) or "nothing")
            splits = splits | label >> Apply(part, text_column, options)
    splits = splits | "FollowSurvivors" >> FollowSurvivors(_followed(recipe))
    if places.annotate:
        splits = splits | "WriteVerdicts" >> WriteVerdicts(join(places.staging, "verdicts"))
    training = []
    if recipe.training is not None and not places.annotate:
        wanted = training_options(recipe, recipe.training, places.staging, places.output, places.progress)
        facts = tokenizer_facts(recipe.training)
        splits, runs, counts = splits | "StageTraining" >> StageTraining(wanted, facts)
        training.append((runs, counts) | "WriteTraining" >> WriteTraining(wanted, facts))
    records = splits | "WriteShards" >> WriteShards(tuple(_series(recipe, places)))
    groups, exceeded = splits | "CountGroups" >> CountGroups(places.output, recipe.guards.budgets)
    files = [records, groups] | beam.Flatten()
    (splits, files, exceeded, *training) | "WriteManifest" >> WriteManifest(manifest)
    return folders


def stage_runs(recipe: Recipe) -> Iterator[tuple[Stage, ...] | DedupStage]:
    """Stages as they are run: consecutive row-wise ones in one pass, deduplications by themselves.

    A pass over the rows always comes first, if only to stage the documents.
    """
    runs = [list(run) for _, run in groupby(recipe.stages, key=lambda stage: isinstance(stage, DedupStage))]
    if not runs or isinstance(runs[0][0], DedupStage):
        yield ()
    for run in runs:
        if isinstance(run[0], DedupStage):
            yield from (stage for stage in run if isinstance(stage, DedupStage))
        else:
            yield tuple(stage for stage in run if isinstance(stage, Stage))


def _dedup(stage: DedupStage, recipe: Recipe, corpus: Corpus, folder: str, places: Places) -> beam.PTransform:
    # Files whose rows are not counted yet are taken to hold short documents: a partition too many costs little.
    counted = sum(sum(file.unit_bytes) for file in corpus.files if file.unit_rows)
    documents = corpus.rows + (corpus.text_bytes - counted) // _SHORT_DOCUMENT_BYTES
    records = documents * (stage.params.layout()[0] if isinstance(stage.params, MinHashParams) else 2)
    options = DedupOptions(
        stage=stage.id,
        text_column=recipe.input.text_column,
        folder=folder,
        partitions=recipe.run.partitions or 8 + records * _RECORD_BYTES // _PARTITION_BYTES,
        # Shingle sets of all documents would be about twice their texts; most documents are members of no component.
        member_partitions=recipe.run.partitions or 8 + corpus.text_bytes // _PARTITION_BYTES,
        rounds=recipe.run.component_rounds or _rounds(documents),
        spill=places.spill,
        keep_text=recipe.output.reject_text,
        progress=places.progress,
        groupings=recipe.guards.groupings,
        annotate=places.annotate,
        language=recipe.language_column,
    )
    if isinstance(stage.params, MinHashParams):
        return MinHashDedup(stage.params, options)
    return ExactDedup(stage.params, options)


def _followed(recipe: Recipe) -> Followed:
    """Deduplications whose survivors a later stage may drop, and what comes between."""
    measures, edits_before, edits = {}, {}, 0
    for stage in recipe.stages:
        if isinstance(stage, DedupStage):
            measures[stage.id], edits_before[stage.id] = stage.params.evidence, edits
        else:
            edits += isinstance(stage.kind, Rewrite)
    dedups = [stage for stage in recipe.stages[:-1] if isinstance(stage, DedupStage) and stage.params.action == "drop"]
    return Followed(tuple(stage.id for stage in dedups), measures, edits_before)


def _rounds(documents: int) -> int:
    """Enough rounds for a path through all documents in the worst order, which halves in each; up to 16 million."""
    return min(max(4, documents.bit_length() + 2), 26)


def _series(recipe: Recipe, places: Places) -> Iterator[Series]:
    shards = Series(
        name="shards",
        rows=Documents(recipe.input.text_column),
        output=places.output,
        target=recipe.output.shard_bytes,
        row_group=recipe.output.row_group_bytes,
        compression_level=recipe.output.compression_level,
        drop=(TEXT_BYTES,),
        progress=places.progress,
    )
    yield shards
    small = replace(shards, target=SIDECAR_ROWS, row_group=GROUP_ROWS, drop=(), progress=None)
    with_text = recipe.output.reject_text
    rejects = replace(small, target=SIDECAR_BYTES, row_group=8 << 20) if with_text else small
    yield replace(rejects, name="rejects", rows=rejects_series(with_text))
    yield replace(small, name="edits", rows=edits_series())
    if recipe.training is not None and not places.annotate:
        yield replace(small, name="training/documents", rows=SidecarRows(DOCUMENTS, DOCUMENTS_SCHEMA))
    for stage in recipe.stages:
        if isinstance(stage, DedupStage):
            near = isinstance(stage.params, MinHashParams)
            documents = SidecarRows(documents_sidecar(stage.id), NEAR_SCHEMA if near else EXACT_SCHEMA)
            yield replace(small, name=f"dedup/{stage.id}/documents", rows=documents)
            if near:
                pairs = SidecarRows(pairs_sidecar(stage.id), PAIRS_SCHEMA, (KEY, "other"))
                yield replace(small, name=f"dedup/{stage.id}/pairs", rows=pairs)
