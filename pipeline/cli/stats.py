"""`beamsift stats`: tables of what a run did."""

from __future__ import annotations

import json
from typing import Any

import click

from pipeline.cli.tables import new_table

_LANGUAGES_SHOWN = 12


@click.command(name="stats", epilog="Example:  beamsift stats build/sample/clean --json | jq .duplicates")
@click.argument("output", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def command(output: str, as_json: bool) -> None:
    """Show the funnel by stage and reason, the languages and the duplicates of the result in OUTPUT."""
    from pipeline.stats import collect_stats

    stats = collect_stats(output)
    if as_json:
        click.echo(json.dumps(stats, ensure_ascii=False))
        return
    from rich.console import Console

    console = Console()
    for table in (_funnel(stats), _languages(stats), _duplicates(stats)):
        if table is not None:
            console.print(table)
    width = max(24, *(len(name) + 2 for name in stats["files"]))
    for name, files in stats["files"].items():
        line = f"{name:<{width}}{files['files']:>4,} files {files['rows']:>14,} rows {files['size'] / 1e6:>12,.2f} MB"
        console.print(f"[dim]{line}[/dim]", highlight=False)


def _funnel(stats: dict[str, Any]) -> Any:
    title, dropped = "Documents by stage", "dropped"
    if stats["annotate_only"]:
        title, dropped = "Documents by stage: all were kept, a run would drop", "would drop"
    table = new_table(title, "stage", "in", "out", dropped, "%", "MB out")
    total = max(stats["read"]["documents"], 1)
    for step in stats["stages"]:
        gone = step["in"]["documents"] - step["out"]["documents"]
        table.add_row(
            f"[bold]{step['id']}[/bold]",
            f"{step['in']['documents']:,}",
            f"{step['out']['documents']:,}",
            f"{gone:,}" if gone else "",
            f"{100 * gone / total:.1f}" if gone else "",
            f"{step['out']['bytes'] / 1e6:,.2f}",
        )
        for reason, count in step["dropped"].items():
            table.add_row(
                f"  {reason}", "", "", f"{count['documents']:,}", f"{100 * count['documents'] / total:.1f}", ""
            )
        if "edited" in step:
            table.add_row(f"  [dim]edited {step['edited']['documents']:,} documents[/dim]", "", "", "", "", "")
    return table


def _languages(stats: dict[str, Any]) -> Any:
    rows = stats["languages"]
    if not rows:
        return None
    title = "Languages a run would keep" if stats["annotate_only"] else "Languages kept"
    table = new_table(title, "language", "documents", "%")
    total = max(sum(row["documents"] for row in rows), 1)
    for row in rows[:_LANGUAGES_SHOWN]:
        table.add_row(str(row["language"]), f"{row['documents']:,}", f"{100 * row['documents'] / total:.1f}")
    rest = rows[_LANGUAGES_SHOWN:]
    if rest:
        count = sum(row["documents"] for row in rest)
        table.add_row(f"{len(rest)} more", f"{count:,}", f"{100 * count / total:.1f}")
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
