"""Run a recipe: check everything first, then read, sift, write; the manifest comes last."""

from __future__ import annotations

import importlib.metadata
import platform
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from filters.chain import Stage
from filters.contract import prepared_state
from filters.errors import InputError, OutputError, RecipeError
from pipeline.recipe import Recipe
from pipeline.runners import LocalPlan, make_runner, own_error, plan_local
from transforms.corpus import Corpus, cut_splits, open_corpus, write_plan
from transforms.files import exists, join, remove_file, remove_tree, write_bytes_atomic
from transforms.layout import FORMAT_VERSION, MANIFEST, OWN_FOLDERS, STAGING, UNFINISHED, load_manifest
from transforms.manifest import ManifestOptions
from transforms.progress import read_progress

_VERSIONED = ("beamsift", "apache-beam", "pyarrow", "numpy", "numba", "datasketch", "fasttext-predict", "xxhash")

Report = Callable[[dict[str, tuple[int, int, int]]], None]
"""Called about twice a second with (documents, bytes, dropped) by phase."""


@dataclass(frozen=True)
class Checked:
    """A recipe that is ready to run: its input has been opened, its models and lists loaded."""

    recipe: Recipe
    corpus: Corpus
    splits: int
    local: LocalPlan


def check(recipe: Recipe, *, workers: int | None = None, beam_options: Sequence[str] = ()) -> Checked:
    """Find what would fail later: missing inputs, columns, models, lists. Runs nothing, writes nothing."""
    for stage in recipe.stages:
        if isinstance(stage, Stage):
            _prepare(stage)
    corpus = open_corpus(
        recipe.input.paths,
        text_column=recipe.input.text_column,
        drop_columns=recipe.input.drop_columns,
        format=recipe.input.format,
        schema_sample_bytes=recipe.input.schema_sample_bytes,
    )
    _check_columns(recipe, corpus)
    prefix = recipe.output.path.rstrip("/") + "/"
    inside = [file.uri for file in corpus.files if file.uri.startswith((prefix, str(Path(prefix).absolute()) + "/"))]
    if inside:
        raise InputError(
            f"the input holds {inside[0]}, which lies in the output folder {recipe.output.path}; "
            "write to another folder, or name the input more closely"
        )
    splits = sum(1 for _ in cut_splits(corpus, recipe.run.split_bytes, ""))
    plan = plan_local(corpus.text_bytes, splits, workers or recipe.run.workers, beam_options)
    return Checked(recipe, corpus, splits, plan)


def _prepare(stage: Stage) -> None:
    try:
        prepared_state(stage.kind, stage.params)
    except RecipeError as error:
        raise RecipeError(f"stage {stage.id!r}: {error}") from error


def _check_columns(recipe: Recipe, corpus: Corpus) -> None:
    present = dict.fromkeys(corpus.columns, "the input")
    for stage in recipe.stages:
        needed = stage.kind.needs(stage.params) if isinstance(stage, Stage) else ()
        for column in needed:
            if column not in present:
                known = ", ".join(present)
                raise RecipeError(f"stage {stage.id!r} needs a column {column!r}; there are: {known}")
        for column in stage.columns():
            if column in present:
                raise RecipeError(
                    f"stage {stage.id!r} would write column {column!r}, which {present[column]} already has; "
                    f"give the stage a name of its own, as in `id: my_{stage.id}`, or leave the column out with "
                    "input.drop_columns"
                )
            present[column] = f"stage {stage.id!r}"


def run(
    recipe: Recipe,
    *,
    runner: str = "local",
    workers: int | None = None,
    beam_options: Sequence[str] = (),
    overwrite: bool = False,
    keep_staging: bool = False,
    report: Report | None = None,
) -> dict[str, Any]:
    """Run a recipe to its end and return the manifest.

    Raises RecipeError, InputError and OutputError before the work starts where that is possible; what fails later
    leaves an output folder without a manifest, which no reader takes for a result.
    """
    import apache_beam as beam

    from pipeline.graph import Places, build_graph

    started = time.time()
    checked = check(recipe, workers=workers, beam_options=beam_options)
    engine, options = make_runner(runner, checked.local, beam_options)
    output = recipe.output.path
    _claim_output(output, overwrite)
    staging = join(output, STAGING)
    plan = join(staging, "plan.parquet")
    write_plan(checked.corpus, plan, recipe.run.split_bytes)
    manifest = ManifestOptions(output, _facts(checked, runner), _stage_names(recipe), _known_rows(checked), started)
    with _watch(report if runner == "local" else None) as progress:
        try:
            pipeline = beam.Pipeline(runner=engine, options=options)
            build_graph(pipeline, recipe, checked.corpus, Places(output, staging, plan, progress), manifest)
            pipeline.run().wait_until_finish()
        except Exception as error:
            known = own_error(error)
            if known is None:
                raise
            raise known from error
    if not keep_staging:
        remove_tree(staging)
    remove_file(join(output, UNFINISHED))
    return load_manifest(output)


def _known_rows(checked: Checked) -> int | None:
    files = checked.corpus.files
    known = all(file.unit_rows or file.format in ("parquet", "arrow") for file in files)
    return checked.corpus.rows if known else None


def _stage_names(recipe: Recipe) -> list[tuple[str, str]]:
    return [(stage.id, stage.name) for stage in recipe.stages]


def _facts(checked: Checked, runner: str) -> dict[str, Any]:
    versions = {name: importlib.metadata.version(name) for name in _VERSIONED}
    return {
        "format_version": FORMAT_VERSION,
        "versions": {"python": platform.python_version(), **versions},
        "runner": {"name": runner, **asdict(checked.local)} if runner == "local" else {"name": runner},
        "recipe": checked.recipe.as_dict(),
        "inputs": [
            {"ordinal": file.ordinal, "path": file.uri, "size": file.size, "rows": sum(file.unit_rows) or None}
            for file in checked.corpus.files
        ],
    }


def _claim_output(output: str, overwrite: bool) -> None:
    """Make the output folder ours, or say why it cannot be."""
    manifest, marker = join(output, MANIFEST), join(output, UNFINISHED)
    own = exists(manifest) or exists(marker)
    taken = [name for name in OWN_FOLDERS if exists(join(output, name))]
    if exists(manifest) and not overwrite:
        raise OutputError(f"{output} already holds a result; give another --output, or --overwrite to replace it")
    if taken and not own:
        raise OutputError(f"{output}/{taken[0]} exists and was not written by beamsift; give another --output")
    # From here until the new manifest is written, nothing in the folder looks like a result.
    write_bytes_atomic(marker, b"A run is under way here, or was interrupted.\n")
    remove_file(manifest)
    for name in OWN_FOLDERS:
        remove_tree(join(output, name))


@contextmanager
def _watch(report: Report | None) -> Iterator[str | None]:
    """A folder for workers to write progress to, and a thread that reports it."""
    if report is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="beamsift-progress-") as folder:
        done = threading.Event()

        def look() -> None:
            while not done.wait(0.5):
                report(read_progress(Path(folder)))

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        try:
            yield folder
        finally:
            done.set()
            thread.join()
            report(read_progress(Path(folder)))
