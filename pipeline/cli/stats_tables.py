"""Tables of `beamsift stats`: each function makes of plain numbers what is printed, a few tables or sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipeline.cli.stats_training import training_table
from pipeline.cli.tables import harmless, new_table

_LANGUAGES_SHOWN = 12
_FUNNEL_ROWS = 32
"""Rows of the funnel that leave room on one screen; beyond that, the most frequent reasons of each stage are shown."""

_REASONS_SHOWN = 2
_SOURCES_SHOWN = 8
_WIDTH_OF_BAR = 30

Shown = list[Any]


def summary(stats: dict[str, Any], everything: bool) -> Shown:
    """The funnel, languages, duplicates and files of one result."""
    shown: Shown = [_funnel(stats, everything), _languages(stats, everything), _duplicates(stats)]
    shown.append(training_table(stats.get("training"), everything))
    width = max(24, *(len(name) + 2 for name in stats["files"]))
    for name, files in stats["files"].items():
        line = f"{name:<{width}}{files['files']:>4,} files {files['rows']:>14,} rows {files['size'] / 1e6:>12,.2f} MB"
        shown.append(_dim(line))
    return [one for one in shown if one is not None]


def _dim(text: str) -> Any:
    from rich.text import Text

    return Text(text, "dim")


def _bold(text: str) -> Any:
    from rich.text import Text

    return Text(text, "bold")


def _share(part: float, whole: float) -> str:
    return f"{100 * part / whole:.1f}" if part and whole else ""


def _funnel(stats: dict[str, Any], everything: bool) -> Any:
    title, dropped = "Documents by stage", "dropped"
    if stats["annotate_only"]:
        title, dropped = "Documents by stage: all were kept, a run would drop", "would drop"
    table = new_table(title, "stage", "in", "out", dropped, "%", "MB out")
    total = max(stats["read"]["documents"], 1)
    rows = sum(1 + len(step["dropped"]) + ("edited" in step) for step in stats["stages"])
    short = rows > _FUNNEL_ROWS and not everything
    for step in stats["stages"]:
        gone = step["in"]["documents"] - step["out"]["documents"]
        table.add_row(
            _bold(step["id"]),
            f"{step['in']['documents']:,}",
            f"{step['out']['documents']:,}",
            f"{gone:,}" if gone else "",
            _share(gone, total),
            f"{step['out']['bytes'] / 1e6:,.2f}",
        )
        reasons = [(reason, count["documents"]) for reason, count in step["dropped"].items()]
        if short and len(reasons) > _REASONS_SHOWN + 1:
            reasons.sort(key=lambda item: (-item[1], item[0]))
            rest = reasons[_REASONS_SHOWN:]
            reasons = [*reasons[:_REASONS_SHOWN], (f"{len(rest)} more (--all)", sum(count for _, count in rest))]
        for reason, count in reasons:
            table.add_row(f"  {harmless(reason)}", "", "", f"{count:,}", _share(count, total), "")
        if "edited" in step:
            table.add_row(_dim(f"  edited {step['edited']['documents']:,} documents"), "", "", "", "", "")
    return table


def _languages(stats: dict[str, Any], everything: bool) -> Any:
    rows = stats["languages"]
    if not rows:
        return None
    title = "Languages a run would keep" if stats["annotate_only"] else "Languages kept"
    table = new_table(title, "language", "documents", "%")
    total = sum(row["documents"] for row in rows)
    most = len(rows) if everything else _LANGUAGES_SHOWN
    for row in rows[:most]:
        table.add_row(harmless(str(row["language"])), f"{row['documents']:,}", _share(row["documents"], total))
    rest = rows[most:]
    if rest:
        count = sum(row["documents"] for row in rest)
        table.add_row(f"{len(rest)} more", f"{count:,}", _share(count, total))
    return table


def _duplicates(stats: dict[str, Any]) -> Any:
    """One row a stage; clusters by their size, one column a class of sizes that occurs."""
    if not stats["duplicates"]:
        return None
    found = stats["duplicates"]
    classes = list(dict.fromkeys(row["size"] for stage in found.values() for row in stage["sizes"]))
    table = new_table("Duplicates, and clusters by size", "stage", "dropped", "clusters", *classes)
    for stage, counts in found.items():
        sizes = {row["size"]: f"{row['clusters']:,}" for row in counts["sizes"]}
        table.add_row(stage, f"{counts['dropped']:,}", f"{counts['clusters']:,}", *(sizes.get(c, "") for c in classes))
    return table


def groups(found: Sequence[dict[str, Any]], by: str, result: Any, top: int) -> Shown:
    """A row for each group; a column for each stage that dropped anything, as the share of the group's documents."""
    stages = [s["id"] for s in result.stages if any(s["id"] in group["dropped"] for group in found)]
    title = f"Documents by {by}, and % of them that each stage dropped"
    table = new_table(title, by, "documents", "kept", "%", *stages)
    rows = list(found[:top])
    rest = found[top:]
    if rest:
        rows.append(_added_up(f"{len(rest):,} more", rest))
    rows.append(_added_up("all", found))
    for group in rows:
        name = "unknown" if group["value"] is None else harmless(str(group["value"])) or "none"
        shares = [_share(sum(group["dropped"].get(stage, {}).values()), group["documents"]) for stage in stages]
        kept = _share(group["kept"], group["documents"])
        table.add_row(name, f"{group['documents']:,}", f"{group['kept']:,}", kept, *shares)
    return [table]


def _added_up(name: str, found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    total: dict[str, Any] = {"value": name, "documents": 0, "kept": 0, "dropped": {}}
    for group in found:
        total["documents"] += group["documents"]
        total["kept"] += group["kept"]
        for stage, reasons in group["dropped"].items():
            dropped = total["dropped"].setdefault(stage, {"": 0})
            dropped[""] += sum(reasons.values())
    return total


def duplicates_in_detail(found: dict[str, Any]) -> Shown:
    """Similarities, bands and shared sources of every deduplication."""
    if not found:
        return ["The recipe has no deduplication."]
    shown: Shown = []
    for stage, details in found.items():
        if "similarity" in details:
            shown += [_similarity(stage, details["similarity"]), *_bands(stage, details["bands"])]
        shown.append(_overlap(stage, details["overlap"]))
    return shown


def _similarity(stage: str, found: dict[str, Any]) -> Any:
    title = f"{stage}: documents dropped and pairs compared, by {found['measure']}; threshold {found['threshold']:g}"
    table = new_table(title, "similarity", "dropped", "pairs", "chance to be compared", "")
    table.columns[4].justify = "left"
    classes = found["classes"]
    occupied = [i for i, one in enumerate(classes) if one["pairs"] or one["duplicates"]]
    most = max((one["pairs"] for one in classes), default=0)
    for one in classes[occupied[0] :] if occupied else ():
        bar = "█" * round(_WIDTH_OF_BAR * one["pairs"] / most) if most else ""
        chance = "" if one["chance"] is None else f"{one['chance']:.3f}"
        name = f"{one['from']:.2f} - {one['to']:.2f}"
        table.add_row(name, _count(one["duplicates"]), _count(one["pairs"]), chance, bar)
    return table


def _count(number: int) -> str:
    return f"{number:,}" if number else ""


def _bands(stage: str, found: dict[str, Any]) -> Shown:
    per = found["compared"] / found["met"] if found["met"] else 0.0
    shown: Shown = [
        f"{stage}: {found['bands']} bands of {found['rows']} rows brought {found['met']:,} documents together, in "
        f"{found['components']:,} components (largest {found['largest_component']:,}); {found['compared']:,} "
        f"comparisons, {per:.1f} a document, found {found['duplicates']:,} duplicates"
    ]
    if found["undecided"]:
        shown.append(f"{found['undecided']:,} documents met more survivors than they were compared with")
    if found["shared"]:
        table = new_table("Duplicates by bands shared with their survivor", "bands", *found["shared"])
        table.add_row("duplicates", *(f"{count:,}" for count in found["shared"].values()))
        shown.append(table)
    return shown


def _overlap(stage: str, found: dict[str, Any]) -> Any:
    sources, matrix = found["sources"], found["duplicates"]
    if not sources:
        return f"{stage}: no duplicates"
    numbers = [str(i + 1) for i in range(min(len(sources), _SOURCES_SHOWN))]
    cut = f"; {len(sources) - _SOURCES_SHOWN} sources more with --json" if len(sources) > _SOURCES_SHOWN else ""
    title = f"{stage}: duplicates of a source (row) by the source of their survivor (column){cut}"
    table = new_table(title, "source", "", *numbers)
    for number, source in enumerate(sources[:_SOURCES_SHOWN]):
        counts = [_count(count) for count in matrix[number][:_SOURCES_SHOWN]]
        table.add_row(harmless(source), numbers[number], *counts)
    return table


def budgets(found: Sequence[dict[str, Any]], top: int) -> Shown:
    """Groups nearest to their budget, or beyond it, first."""
    exceeded = sum(row["exceeded"] for row in found)
    table = new_table(
        f"Removed beside budgets: {exceeded:,} of {len(found):,} groups exceed theirs",
        "by", "group", "stage", "documents", "dropped", "%", "budget %", "",
    )  # fmt: skip
    table.columns[1].justify = table.columns[2].justify = "left"
    for row in found[:top]:
        table.add_row(
            row["by"], harmless(row["value"]) or "none", row["stage"], f"{row['documents']:,}", f"{row['dropped']:,}",
            f"{100 * row['share']:.1f}", f"{100 * row['budget']:.1f}", "exceeded" if row["exceeded"] else "",
        )  # fmt: skip
    return [table]


def timing(found: dict[str, Any]) -> Shown:
    """Phases by the clock, stages by their own time, memory."""
    seconds = found["seconds"]
    line = f"{seconds:,.1f} seconds"
    if seconds:
        line += f", {found['documents_per_second']:,.0f} documents/s, {found['bytes_per_second'] / 1e6:,.2f} MB/s read"
    runner = found["runner"]
    line += f"; runner {runner.get('name', 'unknown')}" + (
        f", {runner['workers']} worker(s)" if "workers" in runner else ""
    )
    if found["peak_resident_bytes"]:
        line += f"; at most {found['peak_resident_bytes'] / (1 << 20):,.0f} MiB in all processes (shared pages twice)"
    shown: Shown = [line]
    if not found["phases"]:
        return [*shown, "This result holds no times of phases: its runner does not report them, or it is of before."]
    for title, rows, name in (
        ("Phases, by the clock", found["phases"], "phase"),
        ("Row-wise stages, time of all workers added up", found["stages"], "id"),
    ):
        table = new_table(title, name.replace("id", "stage"), "documents", "MB", "seconds", "documents/s", "MB/s")
        for row in rows:
            taken = row["seconds"]
            rates = [f"{row['documents'] / taken:,.0f}", f"{row['bytes'] / 1e6 / taken:,.1f}"] if taken else ["", ""]
            table.add_row(row[name], f"{row['documents']:,}", f"{row['bytes'] / 1e6:,.2f}", f"{taken:,.2f}", *rates)
        if rows:
            shown.append(table)
    return shown


def comparison(found: dict[str, Any]) -> Shown:
    """Two funnels side by side, and what both keep of the same input."""
    names = [harmless(output) for output in found["outputs"]]
    table = new_table(
        f"{names[0]} (1) and {names[1]} (2)", "stage", "out (1)", "out (2)", "dropped (1)", "dropped (2)", "change"
    )
    for stage in found["stages"]:
        dropped = [None if came is None else came - went for came, went in zip(stage["in"], stage["out"], strict=True)]
        _compared(table, _bold(stage["id"]), stage["out"], dropped)
        for reason, counts in stage["reasons"].items():
            _compared(table, f"  {harmless(reason)}", (None, None), counts)
    shown: Shown = [table]
    kept, read = found["kept"], found["read"]
    for number in range(2):
        out, whole = kept[number], read[number]["documents"]
        shown.append(
            f"({number + 1}) keeps {out['documents']:,} of {whole:,} documents "
            f"({_share(out['documents'], whole) or '0'} %), {out['bytes'] / 1e6:,.2f} MB, "
            f"in {found['seconds'][number]:,.0f} s"
        )
    documents = found["documents"]
    if documents is None:
        return [*shown, "They were made from different files, so that documents cannot be told to be the same."]
    only = f"{documents['first_only']:,} by (1) alone, {documents['second_only']:,} by (2) alone"
    return [*shown, f"Of the same input, {documents['both']:,} documents are kept by both, {only}."]


def _compared(table: Any, name: Any, out: Sequence[int | None], dropped: Sequence[int | None]) -> None:
    cells = ["" if number is None else f"{number:,}" for number in (*out, *dropped)]
    one, other = dropped
    change = f"{other - one:+,}" if one is not None and other is not None and one != other else ""
    table.add_row(name, *cells, change)
