"""Evidence of removals: the limit that a document failed, the survivor of a duplicate, their similarity."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import yaml
from numpy.typing import NDArray

from filters.chain import KEY, READ, Stage
from filters.contract import LimitByName, Rule
from filters.errors import RecipeError
from filters.minhash import MinHashParams
from pipeline.recipe import DedupStage, Recipe, parse_recipe
from pipeline.result import read_series
from pipeline.verify_rows import IN_REJECTS, IN_SHARDS, Finding, Keys, Where, shown
from pipeline.yaml_document import load_yaml
from transforms.layout import MANIFEST

_FAILS = {">=": pc.less, ">": pc.less_equal, "<=": pc.greater, "<": pc.greater_equal}
_COLUMNS = [KEY, "stage", "reason", "value", "threshold", "detail", "survivor", "kept_as"]


def check_limits(output: str, manifest: dict[str, Any]) -> tuple[int, list[Finding]]:
    """(documents, findings): what was measured of every document that a rule dropped fails that rule of the recipe."""
    recipe, findings = _recipe(output, manifest)
    if recipe is None:
        return 0, findings
    rules = {
        (stage.id, rule.reason): rule
        for stage in recipe.stages
        if isinstance(stage, Stage)
        for rule in stage.kind.rules(stage.params)
    }
    dedups = pa.array([stage.id for stage in recipe.stages if isinstance(stage, DedupStage)] + [READ], pa.string())
    count = 0
    for table in read_series(output, manifest, "rejects", _COLUMNS):
        table = table.filter(pc.invert(pc.is_in(table["stage"], value_set=dedups)))
        count += len(table)
        for outcome in table.select(["stage", "reason"]).group_by(["stage", "reason"]).aggregate([]).to_pylist():
            same = pc.and_(pc.equal(table["stage"], outcome["stage"]), pc.equal(table["reason"], outcome["reason"]))
            rows, rule = table.filter(same), rules.get((outcome["stage"], outcome["reason"]))
            what = (
                f"stage {outcome['stage']!r} of the recipe has no rule {outcome['reason']!r}" if rule is None else None
            )
            passing = rows if rule is None else rows.filter(pc.invert(_fails(rows, rule)))
            if len(passing):
                what = what or f"was not outside the limit of {outcome['reason']} at {outcome['stage']!r}"
                findings.append(("rejects", f"{shown(passing[KEY].to_numpy())}: {what}"))
    return count, findings


def _fails(rows: pa.Table, rule: Rule) -> pa.ChunkedArray:
    """Whether what each row says of itself fails the rule, by the rule's own limit."""
    if isinstance(rule.limit, frozenset):
        return pc.invert(pc.is_in(rows["detail"], value_set=pa.array(sorted(rule.limit), pa.string())))
    if isinstance(rule.limit, LimitByName):
        limits = [limit for _, limit in rule.limit.limits if limit is not None]
        limits += [] if rule.limit.default is None else [rule.limit.default]
    else:
        limits = [float(rule.limit)]
    known = pc.is_in(rows["threshold"], value_set=pa.array(limits, pa.float64()))
    return pc.fill_null(pc.and_(known, _FAILS[rule.keep](rows["value"], rows["threshold"])), False)


def _recipe(output: str, manifest: dict[str, Any]) -> tuple[Recipe | None, list[Finding]]:
    try:
        return parse_recipe(load_yaml(f"{output}/{MANIFEST}", yaml.safe_dump(manifest["recipe"]))), []
    except RecipeError as error:
        return None, [(MANIFEST, f"its recipe cannot be understood ({error})")]


def check_duplicates(output: str, manifest: dict[str, Any], where: Where) -> tuple[int, list[Finding]]:
    """(duplicates that were removed, findings): each has a survivor that was there, and the evidence in `dedup/`."""
    recipe, findings = _recipe(output, manifest)
    if recipe is None or manifest.get("annotate_only"):
        return 0, findings
    count = 0
    for place, stage in enumerate(recipe.stages, start=1):
        if isinstance(stage, DedupStage):
            removed = _removed(output, manifest, stage.id)
            count += len(removed)
            findings += [("rejects", what) for what in _survivor_gaps(removed, stage.id, IN_REJECTS + place, where)]
            findings += _evidence_gaps(output, manifest, stage, removed)
    return count, findings


def _removed(output: str, manifest: dict[str, Any], stage: str) -> pa.Table:
    tables = read_series(output, manifest, "rejects", _COLUMNS)
    return pa.concat_tables([table.filter(pc.equal(table["stage"], stage)) for table in tables])


def _survivor_gaps(removed: pa.Table, stage: str, state: int, where: Where) -> list[str]:
    """Removals whose survivor had left by then, or that name as kept a document that is not in the shards."""
    gaps = []
    keys = removed[KEY].to_numpy()
    survivor = where.of(pc.fill_null(removed["survivor"], -1).to_numpy())
    gone = (survivor != IN_SHARDS) & (survivor <= state)
    if gone.any():
        gaps.append(f"{shown(keys[gone])}: the survivor of stage {stage!r} was not there any more")
    named = removed.filter(pc.is_valid(removed["kept_as"]))
    absent = where.of(named["kept_as"].to_numpy()) != IN_SHARDS
    if absent.any():
        gaps.append(f"{shown(named[KEY].to_numpy()[absent])}: kept_as names a document that is not in the shards")
    return gaps


def _evidence_gaps(output: str, manifest: dict[str, Any], stage: DedupStage, removed: pa.Table) -> list[Finding]:
    """What `dedup/<stage>/` and the rejects of the stage say differently, and what is below the threshold."""
    series = f"dedup/{stage.id}/documents"
    near = isinstance(stage.params, MinHashParams)
    names = [KEY, "survivor", "cluster_size", *(["similarity", "same_as"] if near else [])]
    documents = pa.concat_tables(read_series(output, manifest, series, names))
    keys, survivors = documents[KEY].to_numpy(), documents["survivor"].to_numpy()
    found: list[Finding] = []
    leaves = keys != survivors
    if stage.params.action == "drop":
        said = [removed[name] for name in (KEY, "survivor", *(["value"] if near else []))]
        proved = [documents[name].filter(pa.array(leaves)) for name in names if name in (KEY, "survivor", "similarity")]
        if not all(one.equals(other) for one, other in zip(said, proved, strict=True)):
            differ = np.setxor1d(said[0].to_numpy(), proved[0].to_numpy())
            place = shown(differ) if len(differ) else "survivors or similarities"
            found.append((series, f"rejects and this folder disagree about duplicates of stage {stage.id!r}: {place}"))
    standing, count = np.unique(survivors, return_counts=True)
    claimed = documents["cluster_size"].to_numpy()
    wrong = claimed != count[np.searchsorted(standing, survivors)]
    if wrong.any():
        found.append((series, f"{shown(keys[wrong])}: cluster_size is not the number of documents with this survivor"))
    if isinstance(stage.params, MinHashParams) and stage.params.verify == "exact":
        found += _similarity_gaps(output, manifest, stage.id, stage.params.threshold, documents, leaves)
    return found


def _similarity_gaps(
    output: str, manifest: dict[str, Any], stage: str, threshold: float, documents: pa.Table, leaves: NDArray[np.bool_]
) -> list[Finding]:
    """Removals below the threshold, and those that were not compared: neither a pair in `pairs` nor equal shingles."""
    series, gaps = f"dedup/{stage}", []
    keys, same_as = documents[KEY].to_numpy(), documents["same_as"].to_numpy()
    similarity = pc.fill_null(documents["similarity"], np.nan).to_numpy()
    low = leaves & ~(similarity >= threshold)
    if low.any():
        gaps.append((f"{series}/documents", f"{shown(keys[low])}: less similar than the threshold {threshold}"))
    standing = _standing(documents["survivor"].to_numpy(), keys, same_as)
    twins = same_as == standing
    unequal = leaves & twins & (similarity != 1)
    if unequal.any():
        gaps.append((f"{series}/documents", f"{shown(keys[unequal])}: same shingles as the survivor, similarity not 1"))
    pairs = pa.concat_tables(read_series(output, manifest, f"{series}/pairs", [KEY, "other", "similarity"]))
    rows = np.flatnonzero(leaves & ~twins)
    asked = pa.table({KEY: same_as[rows], "other": standing[rows], "asked": similarity[rows], "row": rows})
    answered = asked.join(pairs, keys=[KEY, "other"], join_type="left outer").sort_by("row")
    proved = pc.fill_null(pc.equal(answered["asked"], answered["similarity"]), False)
    unproved = answered.filter(pc.invert(proved))["row"].to_numpy()
    if len(unproved):
        gaps.append((f"{series}/pairs", f"{shown(keys[unproved])}: no pair with the survivor of that similarity"))
    return gaps


def _standing(survivors: Keys, keys: Keys, same_as: Keys) -> Keys:
    """The document that stands for the survivor's shingles: its own same_as where it has a row, else itself."""
    at = np.minimum(np.searchsorted(keys, survivors), len(keys) - 1)
    return np.where(keys[at] == survivors, same_as[at], survivors) if len(keys) else survivors
