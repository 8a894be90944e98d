"""A result that was only annotated, judged again with other limits: which stages, which of them may have changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import yaml

from filters.catalog import FILTERS
from filters.chain import Stage
from filters.contract import Filter
from filters.errors import OutputError, RecipeError
from filters.rejudge import Judge, make_judge
from pipeline.recipe import DedupStage, Recipe, load_recipe, parse_recipe
from pipeline.validation import nearest, validate
from pipeline.yaml_document import load_yaml

Step = Judge | DedupStage | None
"""What a stage of the run became: a judge, the deduplication that it was, or nothing, if it is left out now."""


def recipe_of(output: str, manifest: Mapping[str, Any]) -> Recipe:
    """The recipe that a result was made by. Raises RecipeError if this version does not know it as it is written."""
    return parse_recipe(load_yaml(f"{output}/manifest.json", yaml.safe_dump(manifest["recipe"])))


def recipe_of_run(output: str, manifest: Mapping[str, Any]) -> Recipe:
    """The recipe of an annotated result. Raises OutputError for a result that is not annotated."""
    if not manifest.get("annotate_only"):
        raise OutputError(
            f"{output} holds the documents that were kept, so that nothing can be said of the others; "
            "run the recipe with --annotate-only first"
        )
    return recipe_of(output, manifest)


def with_limits(recipe: Recipe, changes: Sequence[str]) -> Recipe:
    """A recipe with some parameters set, each as `stage.param=value`, `value` as in YAML.

    Raises RecipeError for what cannot be read, stages and parameters that there are not, and values that are refused.
    """
    stages = {stage.id: stage for stage in recipe.stages}
    for change in changes:
        target, equals, text = change.partition("=")
        name, _, parameter = target.partition(".")
        if not equals or not parameter:
            raise RecipeError(f"--set {change}: write stage.param=value, as in --set length.min_words=50")
        stage = stages.get(name)
        if stage is None:
            hint = nearest(name, stages)
            raise RecipeError(
                f"--set {change}: there is no stage {name!r}"
                + (f"; did you mean {hint!r}?" if hint else f"; there are: {', '.join(stages)}")
            )
        if isinstance(stage, DedupStage):
            raise RecipeError(
                f"--set {change}: a deduplication is not judged by columns; "
                "`beamsift dedup replay` tries other thresholds on a result that was not only annotated"
            )
        data = stage.params.model_dump(mode="json")
        _put(data, parameter.split("."), load_yaml(f"--set {target}", f"value: {text}").data["value"])
        document = load_yaml(f"--set {target}", yaml.safe_dump(data))
        stages[name] = replace(stage, params=validate(FILTERS[stage.name].Params, data, document))
    return replace(recipe, stages=tuple(stages.values()))


def _put(data: dict[str, Any], path: Sequence[str], value: Any) -> None:
    for part in path[:-1]:
        inner = data.get(part)
        data[part] = dict(inner) if isinstance(inner, Mapping) else {}
        data = data[part]
    data[path[-1]] = value


def other_recipe(path: str, recipe: Recipe) -> Recipe:
    """Another recipe's stages in the place of those of the run."""
    other = load_recipe(path, input_paths=recipe.input.paths, output_path=recipe.output.path)
    return replace(recipe, stages=other.stages)


def steps(old: Recipe, new: Recipe, present: Sequence[str]) -> list[Step]:
    """What each stage of the run is now. present: columns of the output.

    Raises RecipeError for what cannot be told without the texts: new stages, another order, rewrites or deduplications
    that are left out or changed, parameters that are no limits.
    """
    asked = {stage.id: stage for stage in new.stages}
    known = [stage.id for stage in old.stages]
    for stage in new.stages:
        if stage.id not in known:
            raise RecipeError(
                f"the run had no stage {stage.id!r}, so nothing was measured for it; run the recipe again"
            )
    if [name for name in known if name in asked] != list(asked):
        raise RecipeError(f"the stages ran in the order {', '.join(known)}; another order needs another run")
    return [_step(stage, asked.get(stage.id), present) for stage in old.stages]


def _step(old: Stage | DedupStage, new: Stage | DedupStage | None, present: Sequence[str]) -> Step:
    if new is not None and new.name != old.name:
        raise RecipeError(f"stage {old.id!r} was {old.name!r} in the run and is {new.name!r} now; run the recipe again")
    if isinstance(old, Stage) and isinstance(new, Stage):
        return make_judge(old, new, present)
    if isinstance(old, DedupStage) and new == old:
        return old
    if isinstance(old, Stage) and new is None and isinstance(old.kind, Filter):
        return None
    what = "left out" if new is None else "changed"
    raise RecipeError(
        f"stage {old.id!r} cannot be {what}: it decides which texts later stages see; run the recipe again"
    )
