"""`beamsift diff-recipes`: documents on which two recipes disagree."""

from __future__ import annotations

from typing import Any

import click


@click.command(
    name="diff-recipes",
    epilog="Example:  beamsift diff-recipes configs/gopher.yaml configs/c4.yaml --input raw/part-00000.parquet",
)
@click.argument("first", type=click.Path())
@click.argument("second", type=click.Path())
@click.option("--input", "-i", "inputs", multiple=True, required=True, metavar="PATH",
              help="Files, folder or glob, small ones; may be repeated.")  # fmt: skip
@click.option("--n", "-n", "count", type=click.IntRange(min=0), default=10, show_default=True,
              help="Documents to show, of every kind of disagreement some.")  # fmt: skip
@click.option("--chars", type=click.IntRange(min=1), default=300, show_default=True, help="Of each text, at most.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.option("--quiet", "-q", is_flag=True, help="No progress.")
def command(
    first: str, second: str, inputs: tuple[str, ...], count: int, chars: int, as_json: bool, quiet: bool
) -> None:
    """Run the recipes FIRST and SECOND over a sample, and show the documents on which they disagree.

    Both are run whole, deduplication included, in one process and in a temporary folder; nothing else is written.
    """
    from pipeline.cli.interrupts import leaving_at_once
    from pipeline.cli.progress import show_progress
    from pipeline.cli.tables import harmless, new_console, new_table, print_json
    from pipeline.recipe_diff import diff_recipes

    with leaving_at_once(), show_progress(quiet=quiet) as report:
        found = diff_recipes((first, second), inputs, most=count, report=report)
    if as_json:
        print_json(found)
        return
    console = new_console()
    table = new_table("Documents by what becomes of them", harmless(first), harmless(second), "documents", "%")
    table.columns[1].justify = "left"
    for row in found["outcomes"]:
        one, other = row["outcomes"]
        style = "" if one != other else "dim"
        share = f"{100 * row['documents'] / found['documents_read']:.1f}"
        table.add_row(harmless(one), harmless(other), f"{row['documents']:,}", share, style=style)
    console.print(table)
    for document in found["documents"]:
        _print_document(console, document, chars)
    console.print(f"They disagree on {found['disagree']:,} of {found['documents_read']:,} documents.", style="bold")


def _print_document(console: Any, document: dict[str, Any], chars: int) -> None:
    from rich.text import Text

    from pipeline.cli.side_by_side import side_by_side
    from pipeline.cli.tables import harmless, shown

    head = f"{harmless(document['source_file'])}:{document['source_row']}"
    console.print(Text(head, "bold cyan"), soft_wrap=True)
    for number, (outcome, verdict) in enumerate(zip(document["outcomes"], document["verdicts"], strict=True), start=1):
        value = ""
        if verdict and verdict["value"] is not None:
            value = f"  {verdict['value']:,.6g}"
            value += f" (limit {verdict['threshold']:,.6g})" if verdict["threshold"] is not None else ""
        detail = f"  {harmless(verdict['detail'])}" if verdict and verdict["detail"] else ""
        console.print(f"  ({number}) {harmless(outcome)}{value}{detail}", soft_wrap=True)
    texts = document["texts"]
    if None not in texts and texts[0] != texts[1]:
        colour = console.is_terminal and not console.no_color
        table, _ = side_by_side(texts[0], texts[1], "first", "second", colour=colour)
        console.print(table)
    else:
        console.print(f"  {shown(texts[0] or texts[1] or '', chars)}", style="dim", soft_wrap=True)
