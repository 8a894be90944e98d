"""Judging again by measured columns, without a text: the verdicts that other limits would have given."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from filters.annotate import REASON, WOULD_DROP_AT
from filters.chain import Stage
from filters.contract import Columns, Filter, LimitByName, Rewrite, Rule, full_name, judge
from filters.errors import RecipeError

PASSED = -1


@dataclass(frozen=True)
class Judge:
    """A stage with its rules looked up, as it was and as it is asked about.

    old: parameters of the run. rules: of the new parameters. columns: what they compare, as it is called in the output,
    by short name. derived: what is not read but made anew, by short name.
    """

    stage: Stage
    old: Stage
    rules: tuple[Rule, ...]
    columns: Mapping[str, str]
    derived: Mapping[str, Callable[[pa.RecordBatch, Any], pa.Array]]

    @property
    def relaxes_unknown(self) -> bool:
        """Whether a document that the stage dropped and now keeps would go on with another text than was measured."""
        return isinstance(self.stage.kind, Rewrite) and not self.stage.kind.edits_dropped

    def names(self) -> list[str]:
        """Columns of the output that judging reads."""
        own = [full_name(self.old.id, REASON)] if self.relaxes_unknown and self._old_rules() else []
        return [*self.columns.values(), *(self.stage.needs() if self.derived else ()), *own]

    def _old_rules(self) -> Sequence[Rule]:
        return self.old.kind.rules(self.old.params)

    def measured(self, batch: pa.RecordBatch) -> Columns:
        """What the rules compare, by short name; what is derived from other columns, by the new parameters."""
        made = {short: make(batch, self.stage.params) for short, make in self.derived.items()}
        return made | {short: batch[name] for short, name in self.columns.items()}

    def failed(self, batch: pa.RecordBatch) -> NDArray[np.int64]:
        """The first rule that each row fails, PASSED for none."""
        return judge(self.measured(batch), self.rules, len(batch)).rule

    def failed_alone(self, batch: pa.RecordBatch) -> NDArray[np.bool_]:
        """Rows that fail each rule, whatever the others say: bool (rules, rows)."""
        measured = self.measured(batch)
        found = np.zeros((len(self.rules), len(batch)), np.bool_)
        for number, rule in enumerate(self.rules):
            found[number] = ~judge(measured, [rule], len(batch)).kept
        return found

    def limits_applied(self, batch: pa.RecordBatch) -> list[set[float]]:
        """The numbers that each rule compares the rows with; none where it compares names, or is off for them all."""
        measured = self.measured(batch)
        found = []
        for limit in (rule.limit for rule in self.rules):
            if isinstance(limit, LimitByName):
                values = limit.values(measured[limit.column])
                found.append(set(np.unique(values[~np.isnan(values)]).tolist()))
            else:
                found.append(set() if isinstance(limit, frozenset) else {float(limit)})
        return found

    def unsure(self, batch: pa.RecordBatch, failed: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Rows that the stage dropped in the run, keeps now, and would have edited: what follows is not known."""
        if not self.relaxes_unknown or not self._old_rules():
            return np.zeros(len(batch), np.bool_)
        was = batch[full_name(self.old.id, REASON)].is_valid().to_numpy(zero_copy_only=False)
        return np.asarray(was & (failed == PASSED))


class Walk:
    """The way of a batch's documents through the stages, as it was and as it would be.

    old, new: number of the stage that drops a document, the number of stages if none does, int64 (rows,). rule: index
    of the rule that does now. unsure: whose way is not known.
    """

    def __init__(self, batch: pa.RecordBatch, stages: Sequence[str]) -> None:
        self._batch = batch
        place = pc.fill_null(pc.index_in(batch[WOULD_DROP_AT], pa.array(stages, pa.string())), len(stages))
        self.old: NDArray[np.int64] = place.to_numpy(zero_copy_only=False).astype(np.int64)
        self._kept = len(stages)
        self.new = np.full(len(batch), self._kept, np.int64)
        self.rule = np.full(len(batch), PASSED, np.int64)
        self.unsure = np.zeros(len(batch), np.bool_)
        self._failed: list[tuple[int, Judge, NDArray[np.int64]]] = []

    def pass_stage(self, number: int, by: Judge) -> None:
        """Stage `number` judges those that are still there."""
        failed = by.failed(self._batch)
        self._failed.append((number, by, failed))
        there = self.new == self._kept
        self.unsure |= there & by.unsure(self._batch, failed)
        dropped = there & (failed != PASSED)
        self.new[dropped], self.rule[dropped] = number, failed[dropped]

    def deduplicate(self, number: int) -> None:
        """Documents that it dropped are still copies; of those that it did not see before nothing is known."""
        there = self.new == self._kept
        self.new[there & (self.old == number)] = number
        self.unsure |= there & (self.old < number)

    def later(self, row: int, number: int) -> tuple[str, str]:
        """Who would drop a document after stage `number`, and why."""
        for place, by, failed in self._failed:
            if place > number and failed[row] != PASSED:
                return by.stage.id, by.rules[failed[row]].reason
        return "", ""


def make_judge(old: Stage, new: Stage, present: Sequence[str]) -> Judge:
    """A judge for a stage with new limits. present: columns of the output.

    Raises RecipeError for a change that would change what is measured, and for a rule that needs what was not.
    """
    allowed = tuple(old.kind.limits(old.params))
    before, after = flat(old.params.model_dump(mode="json")), flat(new.params.model_dump(mode="json"))
    for name in sorted({*before, *after}):
        if before.get(name) == after.get(name):
            continue
        if not any(name == limit or name.startswith(f"{limit}.") for limit in allowed):
            raise RecipeError(
                f"stage {old.id!r}: {name} is no limit, it changes what is measured or edited; run the recipe again "
                f"for that. Limits of {old.name!r}: {', '.join(dict.fromkeys(allowed)) or 'none'}"
            )
    try:
        rules = tuple(new.kind.rules(new.params))
    except RecipeError as error:
        raise RecipeError(f"stage {new.id!r}: {error}") from error
    can_derive = new.kind.derived if isinstance(new.kind, Filter) else {}
    columns: dict[str, str] = {}
    derived = {}
    for rule in rules:
        needed = [rule.column, *([rule.limit.column] if isinstance(rule.limit, LimitByName) else [])]
        for short in needed:
            name = full_name(old.id, short)
            if short in can_derive:
                derived[short] = can_derive[short]
            elif name in present:
                columns[short] = name
            else:
                raise RecipeError(
                    f"stage {old.id!r}: the run did not measure {name!r}, which the rule {rule.reason!r} needs; "
                    "run the recipe again with this limit"
                )
    for name in new.needs() if derived else ():
        if name not in present:
            raise RecipeError(f"stage {old.id!r}: limits by language need a column {name!r}, and the run wrote none")
    return Judge(new, old, rules, columns, derived)


def flat(value: Any, at: str = "") -> dict[str, Any]:
    """Nested parameters under dotted names.

    >>> flat({"a": 1, "b": {"c": [2], "d": {}}})
    {'a': 1, 'b.c': [2], 'b.d': {}}
    """
    if not isinstance(value, Mapping) or not (value or not at):
        return {at: value}
    found: dict[str, Any] = {}
    for name, inner in value.items():
        found |= flat(inner, f"{at}.{name}" if at else str(name))
    return found
