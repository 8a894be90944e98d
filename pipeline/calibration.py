"""Calibration: what each statistic of an annotated result looks like, and what limits, old or new, make of it.

Only columns of numbers, verdicts and languages are read, one row group at a time; no text.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pyarrow.types import is_floating, is_integer, is_nested

from filters.annotate import WOULD_DROP_AT, WOULD_DROP_REASON
from filters.chain import KEY, Stage
from filters.contract import LimitByName, Rule, full_name
from filters.distribution import Distribution, Distributions
from filters.errors import OutputError, RecipeError, unknown_name
from filters.quality.bounds import BoundedParams, needed
from filters.rejudge import Judge, Walk
from pipeline.recipe import DedupStage, Recipe
from pipeline.rejudged import Step, other_recipe, recipe_of_run, steps, with_limits
from pipeline.result import read_series
from transforms.files import join, open_filesystem
from transforms.layout import load_manifest

QUANTILES = (0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0)
BARS = 12
EVERY = "*"
"""Stands for documents of all languages."""
MAX_GROUPS = 10_000
"""Different values of the column that is counted by: each has distributions of its own, in memory."""
_NONE = "none"
_REASONS = {"exact_dedup": "exact_duplicate", "minhash_dedup": "near_duplicate"}

Outcome = tuple[str, str, str]
"""(language, stage, reason); ("", "") of a document that is kept."""


def calibrate(
    output: str,
    *,
    changes: Sequence[str] = (),
    recipe: str | None = None,
    languages: Sequence[str] = (),
    stages: Sequence[str] = (),
    by: str | None = None,
) -> dict[str, Any]:
    """Everything `beamsift calibrate` shows, as plain data.

    changes: limits as `stage.param=value`. recipe: path of another recipe with the stages of the run. by: column of the
    output to count by, left out, that of the language. languages: count only documents with these values of it. stages:
    tell statistics of these only. Raises OutputError for a folder that is no annotated result, and RecipeError for
    what cannot be judged again by columns.
    """
    manifest = load_manifest(output)
    old = recipe_of_run(output, manifest)
    known = [stage.id for stage in old.stages]
    unknown = [name for name in stages if name not in known]
    if unknown:
        raise RecipeError(f"the run had no stage {unknown[0]!r}; there are: {', '.join(known)}")
    new = with_limits(old if recipe is None else other_recipe(recipe, old), changes)
    schema = _schema(output, manifest)
    group = by or _language_column(new, [field.name for field in schema if not is_nested(field.type)])
    if by is not None:
        _check_column(by, schema)
    found = _Calibration(old, steps(old, new, schema.names), schema, stages, group)
    for table in read_series(output, manifest, "shards", found.columns):
        for batch in table.combine_chunks().to_batches():
            found.add(batch, languages)
    found.finish()
    if languages and not found.documents:
        raise RecipeError(f"no document has the {group} {', '.join(languages)}; leave it out to see all there are")
    return {"output": output, "changed": bool(changes or recipe), **found.as_dict()}


def _schema(output: str, manifest: dict[str, Any]) -> pa.Schema:
    for file in manifest["files"].get("shards", []):
        filesystem, path = open_filesystem(join(output, file["path"]))
        with filesystem.open_input_file(path) as source:
            return pq.read_schema(source)
    raise OutputError(f"{output} has no documents")


def _language_column(recipe: Recipe, present: Sequence[str]) -> str | None:
    """The column of the language: the one that limits by language look at, or that of the stage `language`."""
    asked = [
        name for stage in recipe.stages if isinstance(stage.params, BoundedParams) for name in needed(stage.params)
    ]
    asked += [stage.id for stage in recipe.stages if stage.name == "language"]
    return next((name for name in (*asked, "language") if name in present), None)


def _check_column(name: str, schema: pa.Schema) -> None:
    if name not in schema.names:
        raise RecipeError(unknown_name("column", name, schema.names))
    if is_nested(schema.field(name).type):
        raise RecipeError(f"column {name!r} holds {schema.field(name).type}; count by one with a single value")


@dataclass
class _Copies:
    """Documents that a deduplication dropped in the run and that would still reach it, and who would not any more.

    later: the stage and reason that would drop each if this one did not. gone: keys of documents that passed the stage
    in the run and now do not reach it.
    """

    survivors: list[NDArray[np.int64]] = field(default_factory=list)
    languages: list[NDArray[np.int64]] = field(default_factory=list)
    later: list[list[tuple[str, str]]] = field(default_factory=list)
    unsure: list[NDArray[np.bool_]] = field(default_factory=list)
    gone: list[NDArray[np.int64]] = field(default_factory=list)


class _Calibration:
    """Counts in the making."""

    def __init__(
        self, old: Recipe, found: Sequence[Step], schema: pa.Schema, shown: Sequence[str], group: str | None
    ) -> None:
        self._stages, self._steps, self._group = old.stages, found, group
        self._statistics = {
            (stage.id, short): full_name(stage.id, short)
            for stage in old.stages
            if isinstance(stage, Stage) and (not shown or stage.id in shown)
            for short, kind in stage.kind.columns(stage.params).items()
            if is_integer(kind) or is_floating(kind)
        }
        self._shown = shown
        read = [KEY, WOULD_DROP_AT, WOULD_DROP_REASON, *self._statistics.values()]
        read += [group] if group else []
        for step in found:
            if isinstance(step, Judge):
                read += step.names()
            elif isinstance(step, DedupStage):
                read.append(full_name(step.id, "survivor"))
        self.columns = list(dict.fromkeys(name for name in read if name in schema.names))
        self._names: list[str] = []
        self._code: dict[str, int] = {}
        self._distributions = Distributions()
        self.documents: Counter[str] = Counter()
        self._alone: Counter[Outcome] = Counter()
        self._run: Counter[Outcome] = Counter()
        self._now: Counter[Outcome] = Counter()
        self._moves: Counter[str] = Counter()
        self._applied: defaultdict[tuple[str, str], set[float]] = defaultdict(set)
        self._copies = [_Copies() for _ in old.stages]

    def add(self, batch: pa.RecordBatch, languages: Sequence[str]) -> None:
        """Count the documents of a batch; languages: values of the column that is counted by."""
        names = self._values(batch)
        if languages:
            chosen = pc.is_in(names, pa.array(languages, pa.string()))
            # Survivors of any language decide about their copies: those stay in, not counted.
            self._note_gone(batch, ~chosen.to_numpy(zero_copy_only=False))
            batch, names = batch.filter(chosen), names.filter(chosen)
        groups = self._groups(names)
        for (stage, short), column in self._statistics.items():
            self._distributions.add(f"{stage}.{short}", batch[column], groups, self._names)
        for group, count in zip(*np.unique(groups, return_counts=True), strict=True):
            self.documents[self._names[group]] += int(count)
        self._judge(batch, groups)

    def _values(self, batch: pa.RecordBatch) -> pa.Array:
        if self._group is None:
            return pa.array([_NONE] * len(batch), pa.string())
        return pc.fill_null(batch[self._group].cast(pa.string()), _NONE)

    def _groups(self, names: pa.Array) -> NDArray[np.int64]:
        encoded = names.dictionary_encode()
        for name in encoded.dictionary.to_pylist():
            if name not in self._code:
                self._code[name] = len(self._names)
                self._names.append(name)
        if len(self._names) > MAX_GROUPS:
            raise RecipeError(
                f"column {self._group!r} has more than {MAX_GROUPS:,} different values; count by one with fewer"
            )
        codes = np.array([self._code[name] for name in encoded.dictionary.to_pylist()], np.int64)
        return codes[encoded.indices.to_numpy()] if len(names) else np.zeros(0, np.int64)

    def _walk(self, batch: pa.RecordBatch) -> Walk:
        walk = Walk(batch, [stage.id for stage in self._stages])
        for number, step in enumerate(self._steps):
            if isinstance(step, Judge):
                walk.pass_stage(number, step)
            elif isinstance(step, DedupStage) and step.params.action == "drop":
                walk.deduplicate(number)
        return walk

    def _note_gone(self, batch: pa.RecordBatch, rows: NDArray[np.bool_]) -> None:
        batch = batch.filter(pa.array(rows))
        self._keep_gone(self._walk(batch), batch[KEY].to_numpy())

    def _keep_gone(self, walk: Walk, keys: NDArray[np.int64]) -> None:
        for number, step in enumerate(self._steps):
            if isinstance(step, DedupStage):
                gone = (walk.old > number) & (walk.new < number)
                self._copies[number].gone.append(keys[gone])

    def _judge(self, batch: pa.RecordBatch, groups: NDArray[np.int64]) -> None:
        walk = self._walk(batch)
        keys = batch[KEY].to_numpy()
        self._keep_gone(walk, keys)
        for number, step in enumerate(self._steps):
            if isinstance(step, Judge):
                for rule, failed, limits in zip(
                    step.rules, step.failed_alone(batch), step.limits_applied(batch), strict=True
                ):
                    self._count(self._alone, groups[failed], step.stage.id, rule.reason)
                    self._applied[step.stage.id, rule.reason] |= limits
            elif isinstance(step, DedupStage):
                mine = (walk.old == number) & (walk.new == number)
                copies = self._copies[number]
                copies.languages.append(groups[mine])
                copies.survivors.append(batch[full_name(step.id, "survivor")].to_numpy()[mine])
                copies.unsure.append(walk.unsure[mine])
                copies.later.append([walk.later(row, number) for row in np.flatnonzero(mine).tolist()])
        old_reasons = batch[WOULD_DROP_REASON]
        for number, stage in enumerate(self._stages):
            for reason in pc.unique(old_reasons.filter(pa.array(walk.old == number))).to_pylist():
                rows = (walk.old == number) & pc.fill_null(pc.equal(old_reasons, reason), False).to_numpy(
                    zero_copy_only=False
                )
                self._count(self._run, groups[rows], stage.id, reason)
        self._count(self._run, groups[walk.old == len(self._stages)], "", "")
        for number, step in enumerate(self._steps):
            here = walk.new == number
            if isinstance(step, Judge):
                for index, rule in enumerate(step.rules):
                    self._count(self._now, groups[here & (walk.rule == index)], step.stage.id, rule.reason)
            elif isinstance(step, DedupStage):
                self._count(self._now, groups[here], step.id, _REASONS[step.name])
        kept = len(self._stages)
        self._count(self._now, groups[walk.new == kept], "", "")
        self._moves["stay_now"] += int(((walk.old < kept) & (walk.new == kept)).sum())
        self._moves["drop_now"] += int(((walk.old == kept) & (walk.new < kept)).sum())
        self._moves["unsure"] += int(walk.unsure.sum())

    def _count(self, counter: Counter[Outcome], groups: NDArray[np.int64], stage: str, reason: str) -> None:
        for group, count in zip(*np.unique(groups, return_counts=True), strict=True):
            counter[self._names[group], stage, reason] += int(count)

    def finish(self) -> None:
        """Copies whose survivor would no longer reach their deduplication go on, and nobody can say how far."""
        for number, copies in enumerate(self._copies):
            step = self._steps[number]
            if not copies.survivors or not isinstance(step, DedupStage):
                continue
            gone = np.unique(np.concatenate(copies.gone))
            lost = np.isin(np.concatenate(copies.survivors), gone)
            later = [outcome for part in copies.later for outcome in part]
            languages, unsure = np.concatenate(copies.languages), np.concatenate(copies.unsure)
            for row in np.flatnonzero(lost).tolist():
                name = self._names[languages[row]]
                self._now[name, step.id, _REASONS[step.name]] -= 1
                stage, reason = later[row]
                self._now[name, stage, reason] += 1
                self._moves["unsure"] += not unsure[row]
                self._moves["stay_now"] += later[row] == ("", "")

    def as_dict(self) -> dict[str, Any]:
        """Plain data; EVERY stands for all languages."""
        languages = [EVERY, *(name for name, _ in sorted(self.documents.items(), key=lambda item: (-item[1], item[0])))]
        documents = {EVERY: self.documents.total(), **self.documents}
        return {
            "by": self._group,
            "documents": {name: documents[name] for name in languages},
            "statistics": [self._statistic(*key, languages) for key in self._statistics],
            "rules": [
                self._rule(step, rule, languages)
                for step in self._steps
                if isinstance(step, Judge) and (not self._shown or step.stage.id in self._shown)
                for rule in step.rules
            ],
            "dropped": [
                {"stage": stage, "reason": reason, "run": _by_language(self._run, stage, reason, languages),
                 "now": _by_language(self._now, stage, reason, languages)}
                for stage, reason in self._outcomes()
            ],
            "kept": {"run": _by_language(self._run, "", "", languages),
                     "now": _by_language(self._now, "", "", languages)},
            **{name: self._moves[name] for name in ("stay_now", "drop_now", "unsure")},
        }  # fmt: skip

    def _outcomes(self) -> Iterator[tuple[str, str]]:
        """(stage, reason) that occur, in the order of the recipe."""
        occur = {
            (stage, reason) for counter in (self._run, self._now) for (_, stage, reason), n in counter.items() if n
        }
        for stage in self._stages:
            reasons = [rule.reason for rule in stage.kind.rules(stage.params)] if isinstance(stage, Stage) else []
            mine = sorted(reason for owner, reason in occur if owner == stage.id)
            for reason in [*(r for r in reasons if r in mine), *(r for r in mine if r not in reasons)]:
                yield stage.id, reason

    def _statistic(self, stage: str, short: str, languages: Sequence[str]) -> dict[str, Any]:
        name = f"{stage}.{short}"
        groups = {EVERY: self._distributions.total(name), **self._distributions.found.get(name, {})}
        found = {language: _describe(groups[language]) for language in languages if language in groups}
        return {"stage": stage, "statistic": short, "column": full_name(stage, short), "groups": found}

    def _rule(self, step: Judge, rule: Rule, languages: Sequence[str]) -> dict[str, Any]:
        limit: Any = rule.limit
        if isinstance(limit, LimitByName):
            limit = {
                "column": full_name(step.stage.id, limit.column),
                "default": limit.default,
                "by_name": dict(limit.limits),
            }
        elif isinstance(limit, frozenset):
            limit = sorted(limit)
        return {
            "stage": step.stage.id,
            "reason": rule.reason,
            "statistic": rule.column,
            "keep": rule.keep,
            "limit": limit,
            "applied": sorted(self._applied[step.stage.id, rule.reason]),
            "alone": _by_language(self._alone, step.stage.id, rule.reason, languages),
            "first": _by_language(self._now, step.stage.id, rule.reason, languages),
        }


def _by_language(counter: Counter[Outcome], stage: str, reason: str, languages: Sequence[str]) -> dict[str, int]:
    counts = {name: counter[name, stage, reason] for name in languages if counter[name, stage, reason]}
    return {EVERY: sum(counts.values()), **counts}


def _describe(one: Distribution) -> dict[str, Any]:
    found = one.quantiles(QUANTILES)
    low, high = found[QUANTILES.index(0.01)], found[QUANTILES.index(0.99)]
    return {
        "rows": one.rows,
        "nulls": one.nulls,
        "quantiles": {f"{share:g}": value for share, value in zip(QUANTILES, found, strict=True)},
        "bars": [] if low is None or high is None else one.bars(low, high, BARS),
    }
