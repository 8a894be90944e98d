"""Documents to look at: some of every reason, and some that stay, with the beginning of their text.

Chosen by the least hash of their key, so that the same result always shows the same ones, and a document is as likely
as any other of its reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from filters.errors import BeamsiftError
from filters.names import KEY, WOULD_DROP_AT
from pipeline.outcomes import language_column
from pipeline.recipe import Recipe
from pipeline.reject_sample import key_hash
from pipeline.report.reasons import Outcome, removed
from pipeline.report.statistics import Statistic
from pipeline.result import Keys, Result

CHARS = 1200
"""Characters of a text that the page shows."""

_FACTS = (
    "stage",
    "value",
    "threshold",
    "detail",
    "survivor",
    "kept_as",
    "kept_similarity",
    "kept_measure",
    "text_bytes",
)


@dataclass(frozen=True)
class Sample:
    """One document. text: its beginning, None where it cannot be read, with the reason in `missing`.

    chars: of the whole text. facts: of its row in `rejects`. twin: the kept document that stands for it.
    """

    key: int
    source: str
    row: int
    facts: dict[str, Any]
    text: str | None = None
    chars: int = 0
    missing: str = ""
    twin: Sample | None = None


class _Least:
    """Keys of least hash among all that were added: those that `beamsift sample-rejects` shows first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.keys = np.zeros(0, np.int64)

    def add(self, keys: Keys) -> None:
        both = np.concatenate([self.keys, keys])
        self.keys = both[np.argsort(key_hash(both, seed=0), kind="stable")[: self._most]]


def choose(result: Result, per_reason: int, kept: int) -> tuple[dict[Outcome, Keys], Keys]:
    """Keys of some documents of every (stage, reason), and of some that stay; each in order of their hash."""
    chosen: dict[Outcome, _Least] = {}
    for table in removed(result):
        table = table.combine_chunks()
        keys = table[KEY].to_numpy()
        for stage in pc.unique(table["stage"]).to_pylist():
            of_stage = pc.equal(table["stage"], stage)
            for reason in pc.unique(table["reason"].filter(of_stage)).to_pylist():
                mine = pc.and_(of_stage, pc.equal(table["reason"], reason)).to_numpy()
                chosen.setdefault((stage, reason), _Least(per_reason)).add(keys[mine])
    stays = _Least(kept)
    for table in result.tables("shards", [KEY, *([WOULD_DROP_AT] if result.annotated else [])]):
        if result.annotated:
            table = table.filter(pc.is_null(table[WOULD_DROP_AT]))
        stays.add(table[KEY].to_numpy())
    return {outcome: least.keys for outcome, least in chosen.items()}, stays.keys


def samples(
    result: Result, recipe: Recipe, statistics: Sequence[Statistic], per_reason: int, kept: int
) -> tuple[dict[Outcome, list[Sample]], list[Sample]]:
    """Documents by (stage, reason), and some that stay.

    Texts of removed ones are as they were when they left: those in `rejects` if the recipe put them there, else those
    of the source files, through the stages again if any stage had edited them. So what was redacted is not shown.
    Where a text cannot be had, the sample says why.
    """
    of_reason, stays = choose(result, per_reason, kept)
    outcome_of = {key: outcome for outcome, found in of_reason.items() for key in found.tolist()}
    rows = _rejected(result, list(outcome_of))
    if result.annotated:
        marked = {key: outcome for key, outcome in outcome_of.items() if key not in rows}
        rows |= _marked(result, marked, statistics)
    twins = {key: _first(row.get("kept_as"), row.get("survivor")) for key, row in rows.items()}
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(_kept, result, [*stays.tolist(), *(twin for twin in twins.values() if twin >= 0)])
        texts = _texts(result, recipe, rows)
    shown = reading.result()
    found: dict[Outcome, list[Sample]] = {}
    for key, outcome in outcome_of.items():
        one = replace(_located(result, key, rows[key]), twin=shown.get(twins[key]), **texts[key])
        found.setdefault(outcome, []).append(one)
    return found, [shown[key] for key in stays.tolist()]


def _first(*keys: int | None) -> int:
    """The first key that there is; -1, which is no document's, if there is none."""
    return next((key for key in keys if key is not None), -1)


def _located(result: Result, key: int, facts: dict[str, Any]) -> Sample:
    source, row = result.source_of(key)
    return Sample(key, source.path, row, {name: value for name, value in facts.items() if value is not None})


def _rejected(result: Result, keys: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Row of each of these documents in `rejects`, with the text if it is there."""
    names = result.columns("rejects").names
    found = _rows(result, "rejects", keys, [name for name in (*_FACTS, "language", "text") if name in names])
    return {row.pop(KEY): row for row in found}


def _marked(
    result: Result, outcomes: Mapping[int, Outcome], statistics: Sequence[Statistic]
) -> dict[int, dict[str, Any]]:
    """What `rejects` would say of documents that were only marked, from the columns of the shards."""
    judged = {(one.stage, limit.reason): (one.column, limit) for one in statistics for limit in one.limits}
    present = result.columns("shards").names
    columns = {judged[outcome][0] for outcome in outcomes.values() if outcome in judged}
    columns |= {f"{stage}_{short}" for stage, _ in outcomes.values() for short in ("survivor", "similarity")}
    language = language_column(result)
    names = [result.text_column, *([language] if language else []), *sorted(columns.intersection(present))]
    found = {}
    for row in _rows(result, "shards", list(outcomes), names):
        stage, _ = outcome = outcomes[row[KEY]]
        column, limit = judged.get(outcome, ("", None))
        found[row[KEY]] = {
            "value": row.get(column),
            "threshold": limit.value if limit and not limit.by_name else None,
            "survivor": row.get(f"{stage}_survivor"),
            "kept_similarity": row.get(f"{stage}_similarity"),
            "language": row[language] if language else None,
            **{name: row[name] for name in ("text", "chars", "text_bytes")},
        }
    return found


def _kept(result: Result, keys: Sequence[int]) -> dict[int, Sample]:
    """Those of these documents that the shards hold."""
    language = language_column(result)
    found = {}
    for row in _rows(result, "shards", keys, [result.text_column, *([language] if language else [])]):
        facts = {"language": row[language] if language else None, "text_bytes": row["text_bytes"]}
        found[row[KEY]] = replace(_located(result, row[KEY], facts), text=row["text"], chars=row["chars"])
    return found


def _rows(result: Result, series: str, keys: Sequence[int], columns: Sequence[str]) -> list[dict[str, Any]]:
    """Rows as plain data; of the text only the beginning, as `text`, beside `chars` and, of shards, `text_bytes`."""
    if not keys:
        return []
    table = result.rows(series, keys, columns)
    name = result.text_column if series == "shards" else "text"
    if name in table.column_names:
        text = table[name].cast(pa.large_string())
        table = table.drop_columns([name]).append_column("chars", pc.utf8_length(text))
        if series == "shards":
            table = table.append_column("text_bytes", pc.binary_length(text))
        table = table.append_column("text", pc.utf8_slice_codeunits(text, 0, CHARS))
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def _texts(result: Result, recipe: Recipe, rows: Mapping[int, dict[str, Any]]) -> dict[int, dict[str, Any]]:
    """text, chars, missing of each removed document; takes the first two out of its row."""
    found: dict[int, dict[str, Any]] = {}
    elsewhere: dict[int, dict[str, Any]] = {}
    told = result.annotated or recipe.output.reject_text
    for key, row in rows.items():
        text, chars = row.pop("text", None), row.pop("chars", None)
        if text is not None or told:
            found[key] = {"text": text, "chars": chars or 0, "missing": "" if text is not None else _NO_TEXT}
        else:
            elsewhere[key] = row
    edited = set(result.rows("edits", list(elsewhere), [])[KEY].to_pylist()) if elsewhere else set()
    by_file: dict[tuple[int, bool], list[int]] = {}
    for key in elsewhere:
        by_file.setdefault((result.source_of(key)[0].ordinal, key in edited), []).append(key)
    for (_, again), keys in by_file.items():
        found |= _source_texts(result, recipe, {key: elsewhere[key] for key in keys}, again)
    return found


_NO_TEXT = "It has no text."


def _source_texts(
    result: Result, recipe: Recipe, rows: Mapping[int, dict[str, Any]], again: bool
) -> dict[int, dict[str, Any]]:
    """Texts from one source file. again: run the editing stages up to the one that dropped each once more."""
    from pipeline.replay_row import columns_read, editing_stages, replay_row
    from pipeline.source_rows import source_rows

    name = result.text_column
    try:
        values = source_rows(result, list(rows), columns_read(recipe) if again else [name])
        texts = {key: of_row[name] for key, of_row in values.items()}
        if again:
            for key, row in rows.items():
                editing = editing_stages(recipe, row["stage"])
                texts[key] = replay_row(recipe, values[key], editing, key=key, halt=False).row[name][0].as_py()
    except BeamsiftError as error:
        return {key: {"missing": f"Its text cannot be shown: {error}."} for key in rows}
    return {key: _beginning(text, rows[key]["text_bytes"]) for key, text in texts.items()}


def _beginning(text: Any, text_bytes: int) -> dict[str, Any]:
    """What is shown of a text, if it is as long as that which the run had."""
    if not isinstance(text, str):
        return {"missing": _NO_TEXT}
    if len(text.encode("utf-8", "surrogatepass")) != text_bytes:  # JSON can hold half a character
        return {"missing": _ANOTHER_TEXT}
    return {"text": text[:CHARS], "chars": len(text)}


_ANOTHER_TEXT = (
    "Its text is not the one that the run saw: the source file, a model or a list is another one now. With "
    "`reject_text: true` a run keeps the texts of documents that leave."
)
