"""Rewrite `pii`: find personal data and secrets, do with each what the recipe says, leave an account of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from filters.contract import EDITS_SCHEMA, Columns, Rewrite, Rewritten, Rule
from filters.detectors.contract import Detector
from filters.detectors.folding import fold, unfold
from filters.detectors.search import Found, Scanner, code_points, scanner
from filters.detectors.settle import Action, settle
from filters.kernels.tokens import count_tokens_and_chars
from filters.kernels.unicode_table import load_table
from filters.pii.keys import Key, load_key
from filters.pii.kinds import members
from filters.pii.params import TOTAL, PiiParams, Policy
from filters.texts import text_buffers

FORBIDDEN = "forbidden"
"""Column, where some policy is `drop_document`: the first kind found that drops the document, else null."""


@dataclass(frozen=True)
class PiiState:
    """All that a batch needs. policies, actions: by detector; counted: detectors of each column of counts."""

    params: PiiParams
    search: Scanner
    policies: tuple[Policy, ...]
    actions: tuple[Action, ...]
    counted: Mapping[str, Sequence[int]]
    budgets: Mapping[str, Sequence[int]]
    key: Key | None

    def replace(self, number: int, value: str) -> str:
        """Placeholder, or a fake value of the same shape."""
        detector = self.search.detectors[number]
        if self.actions[number] == "pseudonymise" and self.key is not None:
            return _fake(detector, value, self.key)
        return detector.placeholder


def _fake(detector: Detector, value: str, key: Key) -> str:
    """Another value of the same shape, in the same digits, always the same for this value."""
    noise = key.noise(detector.kind, value)
    for _ in range(8):
        made = unfold(detector.fake(fold(value) if detector.group != "custom" else value, noise), value)
        if made != value:
            return made
    return detector.placeholder


def prepare(params: PiiParams) -> PiiState:
    """Compile the patterns, read the key. Raises RecipeError for a key that is missing or too short."""
    detectors = params.detectors()
    numbers = {detector.kind: number for number, detector in enumerate(detectors)}
    policies = tuple(params.policy_of(detector) for detector in detectors)
    budgets = {
        name: list(numbers.values()) if name == TOTAL else _numbers(members(name, params.custom), numbers)
        for name in params.max_per_1000_words
    }
    return PiiState(
        params,
        scanner(detectors),
        policies,
        # A document that leaves may be kept among the rejects: what drops it is redacted there, too.
        tuple("redact" if policy == "drop_document" else policy for policy in policies),
        {name: _numbers(kinds, numbers) for name, kinds in params.counted().items()},
        budgets,
        load_key(params.key, params.salt) if params.key is not None else None,
    )


def _numbers(kinds: Sequence[str], numbers: Mapping[str, int]) -> list[int]:
    return [numbers[kind] for kind in kinds if kind in numbers]


def rewrite(texts: pa.LargeStringArray, batch: pa.RecordBatch, state: PiiState) -> Rewritten:
    """Edit the texts; counts as columns, and an edit row for every finding, tagged ones included."""
    counts = np.zeros((len(texts), len(state.search.detectors)), np.int64)
    edits = _Edits(state)
    changed: dict[int, str] = {}
    for row, stretches in state.search.promising(texts).items():
        data = texts[row].as_buffer().to_pybytes()
        text, findings = settle(data, state.search, state.actions, state.replace, stretches)
        for one in findings:
            counts[row, one.detector] += 1
        edits.add(row, data, findings)
        if text != data:
            changed[row] = text.decode()
    columns = _columns(texts, counts, state)
    if changed:
        mask = np.zeros(len(texts), np.bool_)
        mask[list(changed)] = True
        texts = pc.replace_with_mask(texts, pa.array(mask), pa.array(list(changed.values()), pa.large_string()))
    return Rewritten(texts, columns, edits.batch())


class _Edits:
    """Rows of EDITS_SCHEMA in the making."""

    def __init__(self, state: PiiState) -> None:
        self._state = state
        self._rows: list[tuple[int, int, int, int, str | None]] = []

    def add(self, row: int, data: bytes, findings: Sequence[Found]) -> None:
        """Findings of one text, in order."""
        state = self._state
        places = iter(code_points(data, [offset for one in findings for offset in one[:2]]))
        for one in findings:
            mark = None
            if state.params.audit_hash and state.key is not None:
                mark = state.key.mark(state.search.detectors[one.detector].kind, data[one.start : one.end].decode())
            self._rows.append((row, next(places), next(places), one.detector, mark))

    def batch(self) -> pa.RecordBatch:
        """All rows."""
        rows, starts, ends, numbers, marks = zip(*self._rows, strict=True) if self._rows else ((),) * 5
        detectors, policies = self._state.search.detectors, self._state.policies
        columns = {
            "row": rows,
            "kind": [detectors[number].kind for number in numbers],
            "start": starts,
            "end": ends,
            "action": [policies[number] for number in numbers],
            "proof": [detectors[number].proof for number in numbers],
            "value_hash": marks,
        }
        return pa.record_batch([pa.array(columns[f.name], f.type) for f in EDITS_SCHEMA], schema=EDITS_SCHEMA)


def _columns(texts: pa.LargeStringArray, counts: np.ndarray, state: PiiState) -> Columns:
    columns: Columns = {name: pa.array(counts[:, numbers].sum(1)) for name, numbers in state.counted.items()}
    dropping = [number for number, policy in enumerate(state.policies) if policy == "drop_document"]
    if dropping:
        kinds = [state.search.detectors[number].kind for number in dropping]
        found = counts[:, dropping] > 0
        first = found.argmax(1)
        columns[FORBIDDEN] = pa.array(
            [kinds[first[row]] if found[row].any() else None for row in range(len(texts))], pa.string()
        )
    if state.budgets:
        words, chars = np.empty(len(texts), np.int64), np.empty(len(texts), np.int64)
        offsets, data = text_buffers(texts)
        count_tokens_and_chars(offsets, data, load_table(), words, chars)
        for name, numbers in state.budgets.items():
            rate = counts[:, numbers].sum(1) * 1000 / np.maximum(words, 1)
            columns[_budget_column(name)] = pa.array(rate, pa.float64())
    return columns


def _budget_column(name: str) -> str:
    return f"{name}_per_1000_words"


def columns(params: PiiParams) -> dict[str, pa.DataType]:
    """Counts, then what the rules judge."""
    dropping = "drop_document" in {params.policy_of(detector) for detector in params.detectors()}
    return {
        **{name: pa.int64() for name in params.counted()},
        **({FORBIDDEN: pa.string()} if dropping else {}),
        **{_budget_column(name): pa.float64() for name in params.max_per_1000_words},
    }


def rules(params: PiiParams) -> Sequence[Rule]:
    """Kinds that drop a document first, then too many findings for its length."""
    forbidden = [Rule("forbidden_kind", FORBIDDEN, "in", frozenset())] if FORBIDDEN in columns(params) else []
    return [
        *forbidden,
        *(
            Rule(f"too_many_{'findings' if name == TOTAL else name}", _budget_column(name), "<=", limit)
            for name, limit in params.max_per_1000_words.items()
        ),
    ]


def at_rest(params: PiiParams) -> bool:
    """Fakes are found again and would be faked again; all other policies leave nothing to edit."""
    return "pseudonymise" not in {params.policy_of(detector) for detector in params.detectors()}


PII = Rewrite(
    name="pii",
    summary="personal data and secrets: redacted, pseudonymised, tagged, or what holds them dropped",
    Params=PiiParams,
    columns=columns,
    prepare=prepare,
    rewrite=rewrite,
    rules=rules,
    limits=lambda params: ("max_per_1000_words",),
    at_rest=at_rest,
)
