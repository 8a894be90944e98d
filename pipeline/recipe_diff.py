"""Two recipes on the same documents: on which they disagree. Both are run, deduplication included."""

from __future__ import annotations

import os
import tempfile
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
    with tempfile.TemporaryDirectory(prefix=f"beamsift-diff-recipes-{os.getpid()}-") as folder:
        results = []
        for number, path in enumerate(recipes):
            recipe = _into(load_recipe(path, input_paths=inputs), str(Path(folder) / str(number)))
            run(recipe, workers=1, report=report)
            results.append(open_result(recipe.output.path))
        return _compare(results, most)


def _into(recipe: Recipe, output: str) -> Recipe:
    """The recipe with the output in a folder of ours; no budget of removals may end it."""
    return replace(
        recipe,
        output=OutputSection(path=output, reject_text=True),
        guards=recipe.guards.model_copy(update={"budgets": ()}),
    )


def _outcomes(result: Result) -> pa.Table:
    """Key, outcome, and text as it was left, of every document."""
    kept = result.whole("shards", [KEY, result.text_column]).rename_columns([KEY, "text"])
    kept = kept.append_column("outcome", pa.array([KEPT] * len(kept), pa.string()))
    left = result.whole("rejects", [KEY, "stage", "reason", "text"])
    outcome = pc.binary_join_element_wise(left["stage"], left["reason"], ": ")
    left = pa.table({KEY: left[KEY], "text": left["text"], "outcome": outcome})
    return pa.concat_tables([kept.cast(left.schema), left]).sort_by(KEY)


def _compare(results: Sequence[Result], most: int) -> dict[str, Any]:
    first, second = (_outcomes(result) for result in results)  # of the same documents, in the same order
    both_kept = pc.and_(pc.equal(first["outcome"], KEPT), pc.equal(second["outcome"], KEPT))
    # A document that came without a text has left in both: null is not another text, nor an outcome.
    edited = pc.fill_null(pc.and_(both_kept, pc.not_equal(first["text"], second["text"])), False)
    pairs = pa.table({"first": first["outcome"], "second": pc.if_else(edited, EDITED, second["outcome"])})
    counted = pairs.group_by(["first", "second"], use_threads=False).aggregate([([], "count_all")]).to_pylist()
    ordered = sorted(counted, key=lambda row: (-row["count_all"], row["first"], row["second"]))
    hands = []
    for row in ordered:
        if row["first"] != row["second"]:
            here = pc.and_(pc.equal(pairs["first"], row["first"]), pc.equal(pairs["second"], row["second"]))
            hands.append(pc.indices_nonzero(here)[:most].to_pylist())
    documents = []
    for place in _dealt(hands, most):
        texts = [table["text"][place].as_py() for table in (first, second)]
        outcomes = [pairs[name][place].as_py() for name in ("first", "second")]
        documents.append(_described(results, first[KEY][place].as_py(), outcomes, texts))
    return {
        "documents_read": len(pairs),
        "disagree": sum(row["count_all"] for row in ordered if row["first"] != row["second"]),
        "outcomes": [{"outcomes": [row["first"], row["second"]], "documents": row["count_all"]} for row in ordered],
        "documents": documents,
    }


def _dealt(hands: Sequence[list[int]], most: int) -> list[int]:
    """One from each in turn, until there are `most`."""
    rounds = max((len(hand) for hand in hands), default=0)
    return [hand[turn] for turn in range(rounds) for hand in hands if turn < len(hand)][:most]


def _described(
    results: Sequence[Result], key: int, outcomes: Sequence[str], texts: Sequence[str | None]
) -> dict[str, Any]:
    source, row = results[0].source_of(key)
    verdicts = []
    for result in results:
        found = result.rows("rejects", [key], _REASON).to_pylist()
        verdicts.append({name: found[0][name] for name in _REASON} if found else None)
    return {
        KEY: key,
        "source_file": source.path,
        "source_row": row,
        "outcomes": list(outcomes),
        "verdicts": verdicts,
        "texts": [None if text is None else text[:_TEXT_SHOWN] for text in texts],
    }
