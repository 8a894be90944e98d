"""The graph of a recipe: which transforms, in which order. Its size depends on the stages, not on the data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import apache_beam as beam

from filters.chain import Stage
from filters.exact import ExactParams
from filters.minhash import MinHashParams
from pipeline.recipe import DedupStage, Recipe
from transforms.apply import Apply, StagingOptions
from transforms.corpus import TEXT_BYTES, Corpus, ReadCorpus
from transforms.dedup import DUPLICATES_SCHEMA, DedupOptions, ExactDedup, MinHashDedup, duplicates_sidecar
from transforms.files import join
from transforms.manifest import ManifestOptions, WriteManifest
from transforms.shards import Documents, SeriesOptions, SidecarRows, WriteShards, edits_series, rejects_series

SIDECAR_ROWS = 1_000_000
SIDECAR_BYTES = 256 << 20
_ROW_GROUP_ROWS = 100_000

# A partition of a shuffle is sorted in one worker's memory: this many bytes of records keep that under 1 GiB.
_PARTITION_BYTES = 128 << 20
_RECORD_BYTES = 32
_MEAN_DOCUMENT_BYTES = 2000


@dataclass(frozen=True)
class Places:
    """Where a run puts things: the result, intermediate files, the plan, and records of progress."""

    output: str
    staging: str
    plan: str
    progress: str | None = None


def build_graph(
    pipeline: beam.Pipeline, recipe: Recipe, corpus: Corpus, places: Places, manifest: ManifestOptions
) -> None:
    """Add the whole run to a pipeline."""
    text_column = recipe.input.text_column
    splits = pipeline | "ReadCorpus" >> ReadCorpus(places.plan)
    for number, part in enumerate(stage_runs(recipe)):
        folder = join(places.staging, f"{number:02d}")
        if isinstance(part, DedupStage):
            splits = splits | part.id >> _dedup(part, recipe, corpus, folder, places)
        else:
            options = StagingOptions(
                folder=folder,
                batch_rows=recipe.run.batch_rows,
                split_bytes=recipe.run.split_bytes,
                keep_text=recipe.output.reject_text,
                progress=places.progress,
            )
            label = "Apply " + (", ".join(stage.id for stage in part) or "nothing")
            splits = splits | label >> Apply(part, text_column, options)
    records = [splits | f"Write {name}" >> writer for name, writer in _writers(recipe, places)]
    (splits, records | beam.Flatten()) | "WriteManifest" >> WriteManifest(manifest)


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
    documents = max(corpus.rows, corpus.text_bytes // _MEAN_DOCUMENT_BYTES)
    records = documents * (stage.params.layout()[0] if isinstance(stage.params, MinHashParams) else 1)
    options = DedupOptions(
        stage=stage.id,
        text_column=recipe.input.text_column,
        folder=folder,
        partitions=recipe.run.partitions or 8 + records * _RECORD_BYTES // _PARTITION_BYTES,
        keep_text=recipe.output.reject_text,
        progress=places.progress,
    )
    if isinstance(stage.params, MinHashParams):
        return MinHashDedup(stage.params, options)
    if isinstance(stage.params, ExactParams):
        return ExactDedup(stage.params, options)
    raise AssertionError(f"no transform for stage {stage.name!r}")


def _writers(recipe: Recipe, places: Places) -> Iterator[tuple[str, WriteShards]]:
    shards = SeriesOptions(
        name="shards",
        output=places.output,
        target=recipe.output.shard_bytes,
        row_group=recipe.output.row_group_bytes,
        compression_level=recipe.output.compression_level,
        drop=(TEXT_BYTES,),
        progress=places.progress,
    )
    small: dict[str, Any] = {"target": SIDECAR_ROWS, "row_group": _ROW_GROUP_ROWS, "drop": (), "progress": None}
    yield "shards", WriteShards(Documents(recipe.input.text_column), shards)
    with_text = recipe.output.reject_text
    sizes = {**small, "target": SIDECAR_BYTES, "row_group": 8 << 20} if with_text else small
    yield "rejects", WriteShards(rejects_series(with_text), replace(shards, name="rejects", **sizes))
    yield "edits", WriteShards(edits_series(), replace(shards, name="edits", **small))
    for stage in recipe.stages:
        if isinstance(stage, DedupStage):
            rows = SidecarRows(duplicates_sidecar(stage.id), DUPLICATES_SCHEMA)
            name = f"dedup/{stage.id}"
            yield name, WriteShards(rows, replace(shards, name=name, **small))
