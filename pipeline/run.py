"""Run a recipe: check everything first, then read, sift, write; the manifest comes last."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa
from pyarrow.types import is_floating, is_integer, is_nested

from filters.annotate import WOULD_DROP_AT, WOULD_DROP_REASON, reason_columns
from filters.chain import Stage
from filters.contract import prepared_state
from filters.errors import OutputError, RecipeError
from filters.keep import Best, check_sources
from pipeline.claim import check_output, claimed
from pipeline.portable import job_failed
from pipeline.recipe import DedupStage, Recipe
from pipeline.runners import (
    LOCAL,
    LocalPlan,
    check_fits,
    make_runner,
    own_error,
    plan_local,
    runner_name,
    stop_engine,
    wait_for,
    waits,
)
from pipeline.training import check_training
from pipeline.watch import Report, watching
from pipeline.workers import worker_lost, workers_watched
from transforms.corpus import RESERVED_COLUMNS, Corpus, cut_splits, open_corpus, write_plan
from transforms.files import join, remove_others, remove_tree, write_bytes_atomic
from transforms.layout import FORMAT_VERSION, STAGING, load_manifest, marker_of, write_manifest
from transforms.manifest import ManifestOptions

_VERSIONED = ("beamsift", "apache-beam", "pyarrow", "numpy", "numba", "datasketch", "fasttext-predict", "xxhash")


@dataclass(frozen=True)
class Checked:
    """A recipe that is ready to run: its input has been opened, its models and lists loaded."""

    recipe: Recipe
    corpus: Corpus
    splits: int
    local: LocalPlan


def check(
    recipe: Recipe,
    *,
    workers: int | None = None,
    beam_options: Sequence[str] = (),
    overwrite: bool = False,
    annotate_only: bool = False,
) -> Checked:
    """Find what would fail later: missing inputs, columns, models, lists, an output folder that may not be written to.

    Runs nothing, writes nothing.
    """
    for stage in recipe.stages:
        if isinstance(stage, Stage):
            _prepare(stage)
    corpus = open_corpus(
        recipe.input.paths,
        text_column=recipe.input.text_column,
        drop_columns=recipe.input.drop_columns,
        format=recipe.input.format,
        schema_sample_bytes=recipe.input.schema_sample_bytes,
        tolerance=recipe.input.tolerate.as_tolerance(),
    )
    check_training(recipe, _check_columns(recipe, corpus, annotate_only), [file.uri for file in corpus.files])
    check_output(recipe.output.path, [file.uri for file in corpus.files], overwrite=overwrite)
    splits = sum(1 for _ in cut_splits(corpus, recipe.run.split_bytes, ""))
    plan = plan_local(corpus.text_bytes, splits, workers or recipe.run.workers, beam_options)
    return Checked(recipe, corpus, splits, plan)


def _prepare(stage: Stage) -> None:
    try:
        prepared_state(stage.kind, stage.params)
    except RecipeError as error:
        raise RecipeError(f"stage {stage.id!r}: {error}") from error


def _check_columns(recipe: Recipe, corpus: Corpus, annotate_only: bool = False) -> dict[str, pa.DataType]:
    """Types of the columns that the shards will have."""
    present = {**dict.fromkeys(RESERVED_COLUMNS, "beamsift itself"), **dict.fromkeys(corpus.columns, "the input")}
    types = {name: corpus.schema.field(name).type for name in corpus.columns}
    for stage in recipe.stages:
        for column in stage.needs():
            if column not in present:
                known = ", ".join(name for name in present if name not in RESERVED_COLUMNS)
                raise RecipeError(f"stage {stage.id!r} needs a column {column!r}; there are: {known}")
            if column in types and is_nested(types[column]):
                raise RecipeError(
                    f"stage {stage.id!r} needs one value of column {column!r}, which holds {types[column]}; name a "
                    "column of single values"
                )
        added = stage.columns()
        if annotate_only:
            added |= stage.annotations() if isinstance(stage, DedupStage) else reason_columns([stage])
        for column, kind in added.items():
            if column in present:
                raise RecipeError(
                    f"stage {stage.id!r} would write column {column!r}, which {present[column]} already has; "
                    f"give the stage a name of its own, as in `id: my_{stage.id}`, or leave the column out with "
                    "input.drop_columns"
                )
            present[column] = f"stage {stage.id!r}"
            types[column] = kind
        if isinstance(stage, DedupStage):
            _check_keep(stage, types, corpus)
    _check_budgets(recipe, types)
    if annotate_only:
        for column in (WOULD_DROP_AT, WOULD_DROP_REASON):
            if column in present:
                raise RecipeError(
                    f"--annotate-only would write column {column!r}, which {present[column]} already has; "
                    "leave it out with input.drop_columns"
                )
    return types


def _check_budgets(recipe: Recipe, types: Mapping[str, pa.DataType]) -> None:
    known_stages = [stage.id for stage in recipe.stages]
    for number, budget in enumerate(recipe.guards.budgets, start=1):
        column = budget.grouping.column
        if column is not None and column not in types:
            raise RecipeError(f"budget {number} counts by a column {column!r}; there are: {', '.join(types)}")
        if column is not None and is_nested(types[column]):
            raise RecipeError(f"budget {number} counts by {column!r}, which holds {types[column]}; name another column")
        for stage in budget.stages:
            if stage not in known_stages:
                raise RecipeError(f"budget {number} names a stage {stage!r}; there are: {', '.join(known_stages)}")


def _check_keep(stage: DedupStage, types: Mapping[str, pa.DataType], corpus: Corpus) -> None:
    for rule in stage.params.keep_rules:
        if isinstance(rule, Best) and not (is_integer(types[rule.best]) or is_floating(types[rule.best])):
            raise RecipeError(
                f"stage {stage.id!r}: keep best needs a column of numbers, but {rule.best!r} is {types[rule.best]}"
            )
    try:
        check_sources(stage.params.keep_rules, [file.uri for file in corpus.files])
    except RecipeError as error:
        raise RecipeError(f"stage {stage.id!r}: {error}") from error


def run(
    recipe: Recipe,
    *,
    runner: str = LOCAL,
    workers: int | None = None,
    beam_options: Sequence[str] = (),
    overwrite: bool = False,
    keep_staging: bool = False,
    resume: bool = False,
    annotate_only: bool = False,
    report: Report | None = None,
    expect: Callable[[int], None] | None = None,
    tell: Callable[[str], None] = lambda sentence: None,
) -> dict[str, Any]:
    """Run a recipe to its end and return the manifest.

    resume: take over what an earlier run staged in this output folder, as far as it is what this recipe would make of
    these files; `taken_over` in the manifest says how much. annotate_only: drop nothing; what every stage measures and
    judges becomes columns of the shards. expect: is told, before the work starts, how many bytes of text will be read
    (an estimate for JSON lines). tell: gets sentences for the user while the run is under way. Where Beam's options say
    that nobody waits for the run, only {"submitted": a sentence} is returned.

    Raises RecipeError, InputError, OutputError and RunnerError before the work starts where that is possible; what
    fails later leaves an output folder without a manifest, which no reader takes for a result.
    """
    import apache_beam as beam

    from pipeline.graph import Places, build_graph

    started = time.time()
    runner = runner_name(runner)
    check_fits(runner, recipe, beam_options)
    checked = check(
        recipe, workers=workers, beam_options=beam_options, overwrite=overwrite, annotate_only=annotate_only
    )
    if expect is not None:
        expect(checked.corpus.text_bytes)
    output = recipe.output.path
    engine, options = make_runner(runner, checked.local, beam_options, output, tell)
    staging = join(output, STAGING)
    plan, facts = join(staging, "plan.parquet"), join(staging, "facts.json")
    since = time.strftime("%Y-%m-%d %H:%M:%S %z", time.localtime(started))
    with (
        claimed(
            output, [file.uri for file in checked.corpus.files], overwrite=overwrite, started=since, resume=resume
        ) as claim,
        watching(report) if runner == LOCAL else nullcontext() as watched,
        workers_watched() as thread_ends,
    ):
        write_plan(checked.corpus, plan, recipe.run.split_bytes)
        write_bytes_atomic(facts, json.dumps(_facts(checked, runner)).encode())
        alone = not waits(runner, options)
        manifest = ManifestOptions(
            output,
            facts,
            _stage_names(recipe),
            plan,
            started,
            claim.run,
            annotate_only,
            alone,
            None if keep_staging else staging,
            checked.corpus.tolerance,
        )
        if alone:
            claim.hand_over()
        try:
            pipeline = beam.Pipeline(runner=engine, options=options)
            folders = build_graph(
                pipeline,
                recipe,
                checked.corpus,
                Places(
                    output,
                    staging,
                    plan,
                    progress=None if watched is None else watched.folder,
                    spill=runner == LOCAL,
                    annotate=annotate_only,
                    versions=None if runner == LOCAL else _versions(),
                ),
                manifest,
            )
            remove_others(staging, folders)
            submitted = wait_for(runner, engine, pipeline.run(), options)
        except Exception as error:
            lost = worker_lost(error, thread_ends) if runner == LOCAL else job_failed(error, runner)
            known = own_error(error) or lost
            if known is None:
                raise
            raise known from error
        finally:
            stop_engine(engine)
        if submitted is not None:
            return {"submitted": submitted}
        if not keep_staging:
            remove_tree(staging)
        written = load_manifest(output)
        if watched is not None and (marker_of(output) or {}).get("run") == claim.run:
            written["timing"] = watched.timing()
            with suppress(OutputError):  # what is good to know must not fail a run that is complete
                write_manifest(output, written)
    return written


def _stage_names(recipe: Recipe) -> list[tuple[str, str]]:
    return [(stage.id, stage.name) for stage in recipe.stages]


def _versions() -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in _VERSIONED}


def _facts(checked: Checked, runner: str) -> dict[str, Any]:
    return {
        "format_version": FORMAT_VERSION,
        "versions": {"python": platform.python_version(), **_versions()},
        "runner": {"name": runner, **asdict(checked.local)} if runner == LOCAL else {"name": runner},
        "recipe": checked.recipe.as_dict(),
        "inputs": [
            {"ordinal": file.ordinal, "path": file.uri, "size": file.size, "rows": sum(file.unit_rows) or None}
            for file in checked.corpus.files
        ],
    }
