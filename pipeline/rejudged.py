"""A result that was only annotated, judged again with other limits: which stages, which of them may have changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import yaml

from filters.catalog import FILTERS
from filters.chain import Stage
from filters.contract import Filter
from filters.errors import OutputError, RecipeError, unknown_name
from filters.rejudge import Judge, make_judge
from pipeline.recipe import DedupStage, Recipe, load_recipe, parse_recipe
from pipeline.validation import validate
from pipeline.yaml_document import Location, YamlDocument, load_yaml

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

    `stage.param@code=value` sets the limit of one language. Raises RecipeError for what cannot be read, stages and
    parameters that there are not, and values that are refused.
    """
    stages = {stage.id: stage for stage in recipe.stages}
    for change in changes:
        target, _, text = change.partition("=")
        name, _, parameter = target.partition(".")
        parameter, by_language, language = parameter.partition("@")
        if not text.strip() or not parameter or (by_language and not language):
            raise RecipeError(
                f"--set {change}: write stage.param=value, as in length.min_words=50, or for one language "
                "gopher_quality.min_words@de=30; null turns a rule off"
            )
        stage = stages.get(name)
        if stage is None:
            raise RecipeError(f"--set {change}: {unknown_name('stage', name, stages)}")
        if isinstance(stage, DedupStage):
            raise RecipeError(
                f"--set {change}: a deduplication is not judged by columns; "
                "`beamsift dedup replay` tries other thresholds on a result that was not only annotated"
            )
        data = stage.params.model_dump(mode="json")
        path = _path_by_language(change, stage, parameter, language) if language else parameter.split(".")
        _put(data, path, _value(change, text))
        stages[name] = replace(
            stage, params=validate(FILTERS[stage.name].Params, data, _Option(f"--set {change}", data))
        )
    return replace(recipe, stages=tuple(stages.values()))


class _Option(YamlDocument):
    """Values of the command line: problems are told without lines, which there are none of."""

    def __init__(self, name: str, data: Any) -> None:
        super().__init__(name, data, {(): 0})

    def problem(self, loc: Location, sentence: str, key: str | int | None = None) -> str:
        """The sentence with the option before it, and its place if the option does not say it."""
        place = ".".join(map(str, loc))
        return f"{self.path}: {sentence}" if place in self.path else f"{self.path}: {place}: {sentence}"


def _value(change: str, text: str) -> Any:
    try:
        return load_yaml("", f"value: {text}").data["value"]
    except RecipeError as error:
        raise RecipeError(
            f"--set {change}: the value is not YAML; quote text that holds [ ] {{ }} : # or quotes"
        ) from error


def _path_by_language(change: str, stage: Stage, parameter: str, language: str) -> list[str]:
    """Where the limit of one language is among the parameters of a stage."""
    fields = type(stage.params).model_fields
    if "by_language" in fields:
        return ["by_language", language, parameter]
    if f"{parameter}s" in fields and parameter == "min_score":
        return ["min_scores", language]
    raise RecipeError(f"--set {change}: {parameter} of {stage.name!r} is one limit for all languages; leave @ out")


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
