"""The report's figures: which chart or table of cells a set of numbers becomes, and what is said on each mark."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.report import charts
from pipeline.report.charts import KINDS, Chart, Line, Tick, bound
from pipeline.report.wording import count, number, percent

_SIGNS = {">=": "≥", "<=": "≤", ">": ">", "<": "<"}
_MOST_NAMED = 24
"""Limits by name that one chart draws."""
_SHARES = (0.001, 0.01, 0.05, 0.15, 0.4)
"""A cell is as dark as the number of these that its share exceeds, and one more."""


def strip(parts: Sequence[tuple[str, int]], whole: int) -> list[dict[str, Any]]:
    """Parts of a whole side by side, in thousandths; none that has a document is invisible.

    >>> strip([("kept", 600), ("gone", 0), ("gone", 400)], 1000)
    [{'kind': 'kept', 'x': 0.0, 'width': 599.0}, {'kind': 'gone', 'x': 600.0, 'width': 399.0}]
    """
    widths = [max(1000 * documents / whole, 2.5) if documents else 0.0 for _, documents in parts] if whole else []
    shrink = min(1000 / max(sum(widths), 1.0), 1.0)
    found, x = [], 0.0
    for (kind, _), width in zip(parts, widths, strict=False):
        if width:
            found.append({"kind": kind, "x": round(x, 2), "width": round(width * shrink - 1, 2)})
            x += width * shrink
    return found


def statistic_chart(one: dict[str, Any], reasons: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Histogram of one statistic with its limits, and in words what the limits remove."""
    edges = np.array(one["edges"])
    counts = {kind: np.array(one[kind]) for kind in KINDS}
    colours = dict(zip(KINDS, ("kept", "gone", "other"), strict=True))
    total = int(sum(part.sum() for part in counts.values()))
    below = np.concatenate([[0], np.cumsum(sum(counts.values()))])
    tips = []
    for i in range(len(edges) - 1):
        lines = [_range(edges[i], edges[i + 1], one["whole"])]
        lines += [f"{count(part[i])} {label}" for label, part in _named(counts) if part[i]]
        lines.append(f"below: {count(below[i])} of {count(total)} ({percent(below[i], total)})")
        tips.append("\n".join(lines))
    bins, y_ticks = charts.layers({colours[kind]: counts[kind] for kind in KINDS}, edges, tips)
    removed = {(row["stage"], row["reason"]): row["documents"] for row in reasons}
    said = [
        f"{count(removed.get((one['stage'], limit['reason']), 0))} {limit['reason']} ({_limit(limit)})"
        for limit in one["limits"]
    ]
    if one["nulls"]:
        said.append(f"{count(one['nulls'])} not measured")
    span = f"from {number(edges[0])} to {number(edges[-1])}"
    chart = Chart(
        label=f"{one['stage']} {one['statistic']}: {count(total)} documents {span}",
        bins=bins,
        x_ticks=charts.value_ticks(edges),
        y_ticks=y_ticks,
        lines=tuple(_lines(one["limits"], edges, one["whole"])),
    )
    return {"stage": one["stage"], "statistic": one["statistic"], "caption": " · ".join(said), "chart": chart}


def _named(counts: dict[str, Any]) -> list[tuple[str, Any]]:
    return list(zip(("kept", "removed by this limit", "dropped by another rule"), counts.values(), strict=True))


def _range(low: float, high: float, whole: bool) -> str:
    """What a bin holds.

    >>> _range(5, 6, True), _range(5, 10, True), _range(0.1, 0.12, False)
    ('5', '5 to 9', '0.1 to below 0.12')
    """
    if not whole:
        return f"{number(low)} to below {number(high)}"
    return number(low) if high - low == 1 else f"{number(low)} to {number(high - 1)}"


def _limit(limit: dict[str, Any]) -> str:
    sign = _SIGNS[limit["keep"]]
    if not limit["by_name"]:
        return f"keeps {sign} {number(limit['value'])}"
    if limit["value"] is None:
        return f"keeps {sign} a limit by language"
    return f"keeps {sign} {number(limit['value'])}, others by language"


def _lines(limits: Sequence[dict[str, Any]], edges: charts.Floats, whole: bool) -> list[Line]:
    found = []
    for limit in limits:
        bounds = {bound(limit["keep"], value, whole) for value in limit["by_name"].values() if value is not None}
        named = sorted(bounds)
        xs = charts.place(named[:: max(len(named) // _MOST_NAMED, 1)], edges)
        found += [Line(x, "", kind="faint") for x in xs]
        if limit["value"] is not None:
            (x,) = charts.place([bound(limit["keep"], limit["value"], whole)], edges)
            text = f"{_SIGNS[limit['keep']]} {number(limit['value'])}"
            found.append(Line(x, text, charts.anchor_at(x)))
    return found


def similarity_chart(found: dict[str, Any]) -> dict[str, Any]:
    """Pairs by similarity, the threshold, and the S-curve where the bands find by this similarity."""
    edges = np.array(found["edges"])
    reached, below = np.array(found["reached"]), np.array(found["below"])
    pairs = reached + below
    tips = []
    for i, pair_count in enumerate(pairs.tolist()):
        what = f"{number(edges[i])} to {'' if i == len(pairs) - 1 else 'below '}{number(edges[i + 1])}"
        known = "" if edges[i] >= found["recorded_from"] else f", recorded from {number(found['recorded_from'])} up"
        lines = [f"similarity {what}", f"{count(pair_count)} compared pairs{known}"]
        if found["chances"][i] is not None:
            lines.append(f"chance to be compared at {number(edges[i])}: {percent(found['chances'][i], 1)}")
        tips.append("\n".join(lines))
    bins, y_ticks = charts.layers({"gone": reached, "other": below}, edges, tips)
    (x,) = charts.place([found["threshold"]], edges)
    curve = ""
    right_ticks: tuple[Tick, ...] = ()
    if found["chances"][0] is not None:
        curve = charts.curve_path(charts.place(edges, edges), found["chances"])
        right_ticks = charts.share_ticks()
    chart = Chart(
        label=f"{count(pairs.sum())} compared pairs by similarity, threshold {number(found['threshold'])}",
        bins=bins,
        x_ticks=charts.ticks_at((0, 0.2, 0.4, 0.6, 0.8, 1), edges),
        y_ticks=y_ticks,
        lines=(Line(x, f"≥ {number(found['threshold'])}", charts.anchor_at(x)),),
        curve=curve,
        right_ticks=right_ticks,
    )
    of = "Jaccard" if found["measure"] == "jaccard" else "shared part of the smaller document"
    caption = (
        f"{of}, {found['shingle_size']}-token shingles; {count(pairs.sum())} pairs, "
        f"{count(reached.sum())} at or above the threshold"
    )
    return {"caption": caption, "chart": chart}


def _level(share: float) -> int:
    return 1 + sum(share > least for least in _SHARES) if share else 0


def heat(found: dict[str, Any], unknown: str) -> dict[str, Any]:
    """Shares of each group's documents by outcome. found: of `reasons.reasons_by`. unknown: name of the group None."""
    columns = [
        {**column, "name": unknown if column["name"] is None else column["name"] or "(empty)"}
        for column in found["columns"]
    ]
    rows = []
    for row in found["rows"]:
        cells = []
        for column, documents in zip(columns, row["counts"], strict=True):
            share = documents / column["documents"] if column["documents"] else 0.0
            tip = f"{column['name']}: {count(documents)} of {count(column['documents'])} documents, {row['reason']}"
            text = percent(documents, column["documents"]).removesuffix(" %") if documents else "·"
            cells.append({"count": documents, "level": _level(share), "text": text, "value": share, "tip": tip})
        rows.append({"name": row["reason"], "under": row["stage"], "documents": row["documents"], "cells": cells})
    return {"columns": columns, "rows": rows}


def overlap(found: dict[str, Any]) -> dict[str, Any]:
    """Duplicates by source of the removed document (rows) and of the kept one (columns)."""
    names, table = found["sources"], np.array(found["duplicates"])
    most = max(int(table.max()), 1)
    rows = []
    for name, counts in zip(names, table.tolist(), strict=True):
        cells = [
            {
                "count": documents,
                "level": _level(documents / most),
                "text": count(documents) if documents else "·",
                "value": documents,
                "tip": f"{count(documents)} documents of {name}, of which {other} keeps a copy",
            }
            for other, documents in zip(names, counts, strict=True)
        ]
        rows.append({"name": name, "under": "", "documents": sum(counts), "cells": cells})
    return {"columns": [{"name": name} for name in names], "rows": rows}
