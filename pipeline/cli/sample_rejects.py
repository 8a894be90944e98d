"""`beamsift sample-rejects`: read what a rule throws away."""

from __future__ import annotations

from typing import Any

import click


@click.command(
    name="sample-rejects",
    epilog="Example:  beamsift sample-rejects clean --reason too_few_words --n 20 --chars 2000 | less -R",
)
@click.argument("output", type=click.Path())
@click.option("--reason", "-r", metavar="NAME", help="Why they left, as the funnel of `beamsift stats` names it.")
@click.option("--stage", metavar="ID", help="Where they left.")
@click.option("--n", "-n", "count", type=click.IntRange(min=1), default=20, show_default=True, help="How many.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Another seed, another sample.")
@click.option("--chars", type=click.IntRange(min=1), default=600, show_default=True, help="Of each text, at most.")
@click.option("--json", "as_json", is_flag=True, help="Print all of them, with whole texts, as JSON.")
def command(
    output: str, reason: str | None, stage: str | None, count: int, seed: int, chars: int, as_json: bool
) -> None:
    """Show some of the documents that the run which wrote OUTPUT dropped, with value, limit and text.

    The same command shows the same documents, for every number of workers and again after a second run. Texts are as
    they were when they left; they are read from the input files, unless the recipe keeps them.
    """
    from pipeline.cli.tables import harmless, new_console, print_json
    from pipeline.reject_sample import sample_rejects
    from pipeline.result import open_result

    found = sample_rejects(open_result(output), reason=reason, stage=stage, count=count, seed=seed)
    if as_json:
        print_json(found)
        return
    console = new_console()
    for row in found["documents"]:
        _print_document(console, row, chars)
    console.print(f"{len(found['documents']):,} of {found['rejected']:,} that left", style="bold")
    if found["problem"]:
        console.print(f"Their texts cannot be shown: {harmless(found['problem'])}", style="yellow", soft_wrap=True)


def _print_document(console: Any, row: dict[str, Any], chars: int) -> None:
    from rich.text import Text

    from pipeline.cli.tables import harmless

    value = "" if row["value"] is None else f"  {row['value']:,.6g} (limit {row['threshold']:,.6g})"
    if row["value"] is not None and row["threshold"] is None:
        value = f"  {row['value']:,.6g}"
    detail = f"  {harmless(row['detail'])}" if row["detail"] else ""
    head = Text.assemble(
        (f"{row['doc_key']}", "bold cyan"),
        f"  {row['stage']}: {harmless(row['reason'])}{value}{detail}  ",
        (f"{harmless(row['source_file'])}:{row['source_row']}", "dim"),
    )
    console.print(head, soft_wrap=True)
    text = row["text"]
    if text is None:
        return
    for line in text[:chars].split("\n"):
        console.print(f"  {harmless(line)}", soft_wrap=True)
    if len(text) > chars:
        console.print(f"  … {len(text) - chars:,} characters more (--chars)", style="dim")
    console.print()
