"""Two recipes on the same documents: on which they disagree. Both are run, deduplication included."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from filters.names import KEY
from pipeline.recipe import OutputSection, Recipe, load_recipe
from pipeline.result import Result, open_result
from pipeline.run import run
from pipeline.watch import Report

_REASON = ["stage", "reason", "value", "threshold", "detail"]
KEPT = "kept"
EDITED = "kept, another text"
_TEXT_SHOWN = 2000
"""Characters of a text that are given of a disagreement: enough to judge it by."""


def diff_recipes(
    recipes: Sequence[str], inputs: Sequence[str], *, most: int = 20, report: Report | None = None
) -> dict[str, Any]:
    """Run both recipes over the input, in a temporary folder, and compare what became of every document.

    outcomes: (first, second, documents), most documents first; an outcome is `kept` or `stage: reason`, and where both
    keep it with another text, the second is EDITED. documents: `most` of those on which they disagree, from every pair
    of outcomes some, with both verdicts and the text. Raises as `run` does.
    """
    with tempfile.TemporaryDirectory(prefix="beamsift-diff-recipes-") as folder:
        results = []
        for number, path in enumerate(recipes):
            recipe = _into(load_recipe(path, input_paths=inputs), str(Path(folder) / str(number)))
            run(recipe, workers=1, report=report)
            results.append(open_result(recipe.output.path))
        one, other = (_outcomes(result) for result in results)
        joined = one.join(other, keys=KEY, right_suffix=" other", join_type="full outer").sort_by(KEY)
        return _compare(results, joined, most)


def _into(recipe: Recipe, output: str) -> Recipe:
    """The recipe with the output in a folder of ours; no budget of removals may end it."""
    return replace(
        recipe,
        output=OutputSection(path=output, reject_text=True),
        guards=recipe.guards.model_copy(update={"budgets": ()}),
    )


def _outcomes(result: Result) -> pa.Table:
    """Key, outcome, and text, if it is kept."""
    kept = result.whole("shards", [KEY, result.text_column]).rename_columns([KEY, "text"])
    kept = kept.append_column("outcome", pa.array([KEPT] * len(kept), pa.string()))
    left = result.whole("rejects", [KEY, "stage", "reason", "text"])
    outcome = pc.binary_join_element_wise(left["stage"], left["reason"], ": ")
    left = pa.table({KEY: left[KEY], "text": left["text"], "outcome": outcome})
    return pa.concat_tables([kept.cast(left.schema), left])


def _compare(results: Sequence[Result], joined: pa.Table, most: int) -> dict[str, Any]:
    counts: Counter[tuple[str, str]] = Counter()
    shown: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in joined.to_pylist():
        pair = (row["outcome"], row["outcome other"])
        if pair == (KEPT, KEPT) and row["text"] != row["text other"]:
            pair = (KEPT, EDITED)
        counts[pair] += 1
        if pair[0] != pair[1] and len(shown.setdefault(pair, [])) < most:
            shown[pair].append({KEY: row[KEY], "outcomes": pair, "texts": [row["text"], row["text other"]]})
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    documents = _dealt([shown[pair] for pair, _ in ordered if pair in shown], most)
    for document in documents:
        _describe(results, document)
    return {
        "documents_read": sum(counts.values()),
        "disagree": sum(count for pair, count in counts.items() if pair[0] != pair[1]),
        "outcomes": [{"outcomes": list(pair), "documents": count} for pair, count in ordered],
        "documents": documents,
    }


def _dealt(hands: Sequence[list[dict[str, Any]]], most: int) -> list[dict[str, Any]]:
    """One from each in turn, until there are `most`."""
    rounds = max((len(hand) for hand in hands), default=0)
    return [hand[turn] for turn in range(rounds) for hand in hands if turn < len(hand)][:most]


def _describe(results: Sequence[Result], document: dict[str, Any]) -> None:
    source, row = results[0].source_of(document[KEY])
    verdicts = []
    for result in results:
        found = result.rows("rejects", [document[KEY]], _REASON).to_pylist()
        verdicts.append({name: found[0][name] for name in _REASON} if found else None)
    texts = [None if text is None else text[:_TEXT_SHOWN] for text in document["texts"]]
    document |= {"source_file": source.path, "source_row": row, "verdicts": verdicts, "texts": texts}
