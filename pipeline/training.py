"""Training output of a recipe: checked before the work starts, then wired to the transforms that write it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from filters.contract import full_name
from filters.errors import RecipeError
from filters.keep import source_place
from filters.tokens.params import TrainingParams
from filters.tokens.tokenizer import load_tokenizer
from pipeline.recipe import DedupStage, Recipe
from pipeline.validation import nearest
from transforms.corpus import TEXT_BYTES
from transforms.files import join, read_bytes
from transforms.training.options import TrainingOptions


def check_training(recipe: Recipe, types: Mapping[str, pa.DataType], uris: Sequence[str]) -> None:
    """Raises RecipeError for a tokenizer that cannot be loaded, a column or a source that will not be there.

    types: of all columns that the shards will have. uris: of the input files.
    """
    params = recipe.training
    if params is None:
        return
    tokenizer_facts(params)
    if params.mixture is not None:
        column = params.mixture.grouping.column
        if column is not None and (params.mixture.weights or params.mixture.column):
            _check_column("mixture", column, types)
        if column is None:
            _check_sources(list(params.mixture.weights), uris)
        if params.mixture.cluster_size is not None:
            size = _size_column(recipe, params)
            if size is None:
                raise RecipeError(
                    "training.mixture.cluster_size needs a deduplication among the stages, "
                    "or the `column` that holds cluster sizes"
                )
            _check_column("mixture.cluster_size", size, types)
            if not pa.types.is_integer(types[size]):
                raise RecipeError(f"training.mixture.cluster_size needs whole numbers, but {size!r} is {types[size]}")
    if params.validation is not None and params.validation.by is not None:
        _check_column("validation", params.validation.by, types)


def _check_sources(names: Sequence[str], uris: Sequence[str]) -> None:
    used = {source_place(uri, names) for uri in uris}
    for place, name in enumerate(names):
        if place not in used:
            raise RecipeError(
                f"training.mixture.weights: no input file belongs to source {name!r} (the first that fits decides); "
                f"name a folder, file or glob of the input, such as {uris[0].rpartition('/')[0].rpartition('/')[2]!r}"
            )


def _check_column(place: str, column: str, types: Mapping[str, pa.DataType]) -> None:
    if column not in types:
        hint = nearest(column, list(types))
        raise RecipeError(
            f"training.{place} needs a column {column!r}; "
            + (f"did you mean {hint!r}? " if hint else "")
            + f"There are: {', '.join(name for name in types if name != TEXT_BYTES)}"
        )
    kind = types[column]
    if pa.types.is_nested(kind) or pa.types.is_binary(kind):
        raise RecipeError(f"training.{place} cannot tell values of column {column!r} apart: it is {kind}")


def tokenizer_facts(params: TrainingParams) -> dict[str, Any]:
    """What the manifest says of the tokenizer; empty without one. Raises RecipeError."""
    if params.tokenizer is None:
        return {}
    try:
        return load_tokenizer(params.tokenizer, read_bytes).facts
    except (RecipeError, OSError, ValueError) as error:
        raise RecipeError(f"training.tokenizer: {error}") from error


def training_options(
    recipe: Recipe, params: TrainingParams, staging: str, output: str, progress: str | None
) -> TrainingOptions:
    """Options of the transforms."""
    tagging = [s.id for s in recipe.stages if isinstance(s, DedupStage) and s.params.action == "tag"]
    clusters = tuple((full_name(stage, "cluster"), full_name(stage, "cluster_size")) for stage in reversed(tagging))
    return TrainingOptions(
        params=params,
        text_column=recipe.input.text_column,
        folder=join(staging, "training"),
        output=output,
        shard_bytes=recipe.output.shard_bytes,
        row_group_bytes=recipe.output.row_group_bytes,
        compression_level=recipe.output.compression_level,
        clusters=clusters,
        size_column=_size_column(recipe, params),
        progress=progress,
    )


def _size_column(recipe: Recipe, params: TrainingParams) -> str | None:
    """Column of cluster sizes: the one named, or that of the last deduplication."""
    if params.mixture is None or params.mixture.cluster_size is None:
        return None
    dedups = [stage.id for stage in recipe.stages if isinstance(stage, DedupStage)]
    return params.mixture.cluster_size.column or (full_name(dedups[-1], "cluster_size") if dedups else None)
