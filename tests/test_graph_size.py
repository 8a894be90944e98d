"""The graph of a run does not grow with the number of files, and stays small for the largest corpus."""

from __future__ import annotations

from pathlib import Path

import apache_beam as beam
import pyarrow as pa
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from pipeline.graph import Places, build_graph
from pipeline.recipe import load_recipe
from transforms.corpus import Corpus
from transforms.formats import SourceFile
from transforms.manifest import ManifestOptions

ROOT = Path(__file__).parents[1]
RECIPES = sorted(path.name for path in (ROOT / "configs").glob("*.yaml"))
MOST_BYTES = 1_000_000
DOCUMENTS = 3_000_000_000
"""Of some 2.3 trillion tokens."""


def corpus(files: int, documents: int) -> Corpus:
    """Files that are only named: together `documents` of 2,500 bytes, in 20,000 row groups."""
    units = 20_000 // files
    rows, size = documents // (files * units), 2_500 * documents // (files * units)
    names = [f"gs://bucket/raw/crawl-2026/part-{i:05}.parquet" for i in range(files)]
    sources = tuple(
        SourceFile(i, name, "parquet", size, i, (rows,) * units, (size,) * units) for i, name in enumerate(names)
    )
    schema = pa.schema({"text": pa.large_string(), "url": pa.string()})
    return Corpus(sources, schema, "text", ("text", "url"))


def graph(name: str, given: Corpus) -> beam_runner_api_pb2.Pipeline:
    recipe = load_recipe(ROOT / "configs" / name, output_path="gs://bucket/clean")
    pipeline = beam.Pipeline(runner=FnApiRunner())
    places = Places("gs://bucket/clean", "gs://bucket/clean/staging", "gs://bucket/clean/staging/plan.parquet")
    build_graph(pipeline, recipe, given, places, ManifestOptions(places.output, "facts.json", [], places.plan, 0))
    return pipeline.to_runner_api()


def test_the_graph_of_the_largest_recipe_and_corpus_is_small_for_any_number_of_files() -> None:
    name = max(RECIPES, key=lambda name: len(load_recipe(ROOT / "configs" / name).stages))
    one, many = (graph(name, corpus(files, DOCUMENTS)) for files in (1, 10_000))
    assert b"part-0" not in many.SerializeToString()
    assert len(many.components.transforms) == len(one.components.transforms)
    assert abs(many.ByteSize() - one.ByteSize()) < 100  # pickles are compressed
    assert 10_000 < many.ByteSize() < MOST_BYTES
