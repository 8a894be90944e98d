"""Recipe: what to read, which stages to run, where to write. YAML in, validated parameters out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, field_validator

from filters.catalog import FILTERS
from filters.chain import Stage
from filters.contract import full_name
from filters.errors import RecipeError
from filters.exact import ExactParams
from filters.groups import Budget, Grouping
from filters.keep import added_columns
from filters.minhash import MinHashParams
from filters.tokens.params import TrainingParams
from pipeline.validation import ByteSize, nearest, validate
from pipeline.yaml_document import Location, YamlDocument, load_yaml
from transforms.tolerance import DamageKind, Tolerance

DEDUPS: dict[str, type[ExactParams] | type[MinHashParams]] = {
    "exact_dedup": ExactParams,
    "minhash_dedup": MinHashParams,
}
"""Stages that compare documents with each other; `pipeline.graph` says which transform runs each."""

KNOWN_STAGES = sorted([*FILTERS, *DEDUPS])


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TolerateSection(_Section):
    """What of the input may be unreadable; as it is, nothing: damage fails the run.

    kinds: `file`, one that cannot be opened or breaks off; `row_group` of Parquet, or a record batch; `row`, of
    Parquet or Arrow with invalid UTF-8; `line` of JSON lines that is malformed or of another shape than the others.
    max_documents, max_share: more unreadable documents than either fail the run. Each is in `rejects/`.
    """

    kinds: tuple[DamageKind, ...] = ()
    max_documents: Annotated[int, Field(ge=0)] = 1000
    max_share: Annotated[float, Field(ge=0, le=1)] = 0.001

    def as_tolerance(self) -> Tolerance:
        """For the transforms."""
        return Tolerance(frozenset(self.kinds), self.max_documents, self.max_share)


class InputSection(_Section):
    """What to read.

    paths: files, folders or globs, local or `gs://`, `s3://` and others. text_column: holds the texts.
    drop_columns: are not carried through, such as those of an earlier run's output.
    format: parquet, jsonl or arrow; told by the ending if left out. schema_sample_bytes: how much of each JSON-lines
    file is read to learn its columns; a column that turns up later is an error, never dropped. tolerate: damage that
    is passed over.
    """

    paths: Annotated[tuple[str, ...], Field(min_length=1)]
    text_column: str = "text"
    drop_columns: tuple[str, ...] = ()
    format: Literal["parquet", "jsonl", "arrow"] | None = None
    schema_sample_bytes: Annotated[ByteSize, Field(ge=1)] = 8 << 20
    tolerate: TolerateSection = TolerateSection()

    @field_validator("paths", mode="before")
    @classmethod
    def _one_path_is_a_list_too(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value


class OutputSection(_Section):
    """Where and how to write.

    shard_bytes: bytes of text to a shard (before compression). row_group_bytes: bytes of text to a Parquet row
    group, the unit that training readers load. compression_level: of zstd; 1 is fastest, 3 a little smaller.
    reject_text: put the text of documents that leave into `rejects/`, too.
    """

    path: str
    shard_bytes: Annotated[ByteSize, Field(ge=1)] = 512 << 20
    row_group_bytes: Annotated[ByteSize, Field(ge=1)] = 16 << 20
    compression_level: Annotated[int, Field(ge=1, le=22)] = 1
    reject_text: bool = False


class GuardsSection(_Section):
    """What must not happen unnoticed.

    budgets: most of any source, language or domain that a stage may remove. second_pass_sample: share of the
    survivors over which row-wise stages are run a second time, to see that they are at rest; 0 turns it off.
    """

    budgets: tuple[Budget, ...] = ()
    second_pass_sample: Annotated[float, Field(ge=0, le=1)] = 0.01

    @property
    def groupings(self) -> tuple[Grouping, ...]:
        """What documents are counted by, each once."""
        return tuple(dict.fromkeys(budget.grouping for budget in self.budgets))


class RunSection(_Section):
    """How to run; nothing here changes the result.

    batch_rows: rows handed to a stage at once. split_bytes: text to a unit of work. partitions: of a shuffle; chosen
    from the input if left out. component_rounds: of connected components, at most (they stop by themselves); by the
    input. workers: processes of the local runner; chosen from cores and input if left out.
    """

    batch_rows: Annotated[int, Field(ge=1)] = 4096
    split_bytes: Annotated[ByteSize, Field(ge=1)] = 64 << 20
    partitions: Annotated[int | None, Field(ge=1, le=1 << 20)] = None
    component_rounds: Annotated[int | None, Field(ge=1, le=64)] = None
    workers: Annotated[int | None, Field(ge=1)] = None


class _Document(_Section):
    """The recipe's top level; stages are validated one by one, each by its own model."""

    input: InputSection
    output: OutputSection
    stages: Annotated[tuple[Any, ...], Field()] = ()
    training: TrainingParams | None = None
    guards: GuardsSection = GuardsSection()
    run: RunSection = RunSection()


_SECTIONS = ("input", "output", "guards", "run")


@dataclass(frozen=True)
class DedupStage:
    """One deduplication of a recipe: its id, its name in DEDUPS, its parameters."""

    id: str
    name: str
    params: ExactParams | MinHashParams

    def needs(self) -> Sequence[str]:
        """Columns that must be there before this stage."""
        return self.params.needs()

    def columns(self) -> dict[str, pa.DataType]:
        """Columns this stage adds, by their names in the output."""
        return self._columns(self.params.action)

    def annotations(self) -> dict[str, pa.DataType]:
        """Columns it adds where nothing is dropped."""
        return self._columns("tag")

    def _columns(self, action: str) -> dict[str, pa.DataType]:
        added = added_columns(action, similarity=isinstance(self.params, MinHashParams))
        return {full_name(self.id, short): kind for short, kind in added.items()}


@dataclass(frozen=True)
class Recipe:
    """A validated recipe."""

    input: InputSection
    output: OutputSection
    stages: tuple[Stage | DedupStage, ...]
    guards: GuardsSection
    run: RunSection
    training: TrainingParams | None = None

    @property
    def language_column(self) -> str:
        """Column of the documents' languages: of the first stage that identifies them, else the input's, if any."""
        return next((stage.id for stage in self.stages if stage.name == "language"), "language")

    def as_dict(self) -> dict[str, Any]:
        """With every default filled in, ready for JSON; `load_recipe` takes it back."""
        stages = [_stage_as_dict(stage) for stage in self.stages]
        sections = {name: getattr(self, name).model_dump(mode="json") for name in _SECTIONS}
        if self.training is not None:
            sections["training"] = self.training.model_dump(mode="json")
        return {"input": sections.pop("input"), "stages": stages, **sections}


def _stage_as_dict(stage: Stage | DedupStage) -> dict[str, Any]:
    entry: dict[str, Any] = {stage.name: stage.params.model_dump(mode="json")}
    return entry if stage.id == stage.name else {**entry, "id": stage.id}


def load_recipe(path: Path | str, *, input_paths: Sequence[str] = (), output_path: str | None = None) -> Recipe:
    """Read and validate a recipe; paths given here take the place of those in the file.

    Raises RecipeError that names the file, the line and what to do, for anything that is not as it should be.
    """
    return parse_recipe(load_yaml(path), input_paths=input_paths, output_path=output_path)


def parse_recipe(document: YamlDocument, *, input_paths: Sequence[str] = (), output_path: str | None = None) -> Recipe:
    """Validate a recipe that was read from YAML."""
    data = document.data
    if not isinstance(data, dict):
        raise RecipeError(
            f"{document.path}:1: a recipe is a mapping with the keys input, stages, output, training, guards, run"
        )
    data = dict(data)
    if input_paths:
        data["input"] = {**_mapping(data.get("input")), "paths": list(input_paths)}
    if output_path:
        data["output"] = {**_mapping(data.get("output")), "path": output_path}
    top = validate(_Document, data, document)
    stages = tuple(_parse_stage(entry, document, ("stages", index)) for index, entry in enumerate(top.stages))
    _check_ids(stages, document)
    return Recipe(top.input, top.output, stages, top.guards, top.run, top.training)


def _mapping(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}


def _parse_stage(entry: Any, document: YamlDocument, loc: Location) -> Stage | DedupStage:
    """`name`, `{name: null}`, `{name: {...}}`, each with `id: ...` beside it."""
    place = f"{document.path}:{document.line(loc)}"
    entry = {entry: None} if isinstance(entry, str) else entry
    if not isinstance(entry, Mapping):
        raise RecipeError(f"{place}: a stage is a name with its parameters, as in `- language: {{allow: [en]}}`")
    names = [key for key in entry if key != "id"]
    if len(names) != 1:
        raise RecipeError(f"{place}: one stage to a list item, got {', '.join(names) or 'none'}; begin each with `- `")
    name = names[0]
    if name not in KNOWN_STAGES:
        hint = nearest(name, KNOWN_STAGES)
        raise RecipeError(
            f"{document.path}:{document.line((*loc, name))}: unknown stage {name!r}"
            + (f"; did you mean {hint!r}?" if hint else ".")
            + f" Known: {', '.join(KNOWN_STAGES)}"
        )
    stage_id = entry.get("id", name)
    if not isinstance(stage_id, str) or not stage_id.isidentifier() or stage_id == "read":
        raise RecipeError(f"{place}: id must be a word of letters, digits and _ (and not 'read'), got {stage_id!r}")
    values = entry[name] if entry[name] is not None else {}
    if name in DEDUPS:
        return DedupStage(stage_id, name, validate(DEDUPS[name], values, document, (*loc, name)))
    return Stage(stage_id, name, validate(FILTERS[name].Params, values, document, (*loc, name)))


def _check_ids(stages: Sequence[Stage | DedupStage], document: YamlDocument) -> None:
    owner: dict[str, str] = {}
    seen: set[str] = set()
    for index, stage in enumerate(stages):
        place = f"{document.path}:{document.line(('stages', index))}"
        if stage.id in seen:
            raise RecipeError(f"{place}: a second stage {stage.id!r}; give it a name of its own with `id: ...`")
        seen.add(stage.id)
        for column in stage.columns():
            if column in owner:
                raise RecipeError(
                    f"{place}: stage {stage.id!r} would write column {column!r}, as {owner[column]!r} does; "
                    "give one of them another `id: ...`"
                )
            owner[column] = stage.id
