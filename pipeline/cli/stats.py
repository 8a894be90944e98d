"""`beamsift stats`: tables of what a run did, and two runs side by side."""

from __future__ import annotations

from typing import Any

import click


@click.command(
    name="stats",
    epilog="Example:  beamsift stats build/sample/clean --by language\n\n"
    "          beamsift stats before after\n\n"
    "          beamsift stats build/sample/clean --json | jq .duplicates",
)
@click.argument("output", type=click.Path())
@click.argument("other", type=click.Path(), required=False)
@click.option("--by", type=click.Choice(["source", "language", "domain"]),
              help="Documents read, dropped by each stage, and kept, of every source, language or domain.")  # fmt: skip
@click.option("--column", metavar="NAME", help="With --by: a column of the input instead, read from its files.")
@click.option(
    "--top", "-n", type=click.IntRange(min=1), default=20, show_default=True, help="Groups to list with --by."
)
@click.option("--duplicates", is_flag=True, help="Similarities and S-curve, bands, sources that share duplicates.")
@click.option("--budgets", is_flag=True, help="What was removed of every group beside the recipe's budgets.")
@click.option("--timing", is_flag=True, help="Times and rates of phases and stages, memory.")
@click.option("--all", "everything", is_flag=True, help="All reasons and languages, and the files.")
@click.option("--json", "as_json", is_flag=True, help="Print the same as JSON, whole.")
@click.option("--quiet", "-q", is_flag=True, help="No progress.")
def command(
    output: str,
    other: str | None,
    by: Any,
    column: str | None,
    top: int,
    duplicates: bool,
    budgets: bool,
    timing: bool,
    everything: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Show what the run that wrote OUTPUT did: documents by stage and reason, languages, duplicates.

    With two results, both side by side. The options show one thing more closely, instead.
    """
    from pipeline import stats
    from pipeline.cli import stats_tables as tables
    from pipeline.cli.tables import new_console, print_json
    from pipeline.result import open_result

    if column and not by:
        raise click.UsageError("--column goes with --by")
    shown: list[Any] = []
    data: dict[str, Any] = {"output": output}
    if other is not None:
        if by or duplicates or budgets or timing:
            raise click.UsageError("two results are compared as a whole; give one to look at it more closely")
        from pipeline.compare import compare

        data = compare(open_result(output), open_result(other))
        shown = tables.comparison(data)
    else:
        result = open_result(output)
        if by:
            from pipeline.cli.progress import show_scan
            from pipeline.outcomes import outcomes_by

            with show_scan("read", quiet=quiet) as report:
                data["by"] = outcomes_by(result, by, column=column, report=report)
            shown += tables.groups(data["by"], column or by, result, top)
        if duplicates:
            data["duplicates"] = stats.duplicates_in_detail(result)
            shown += tables.duplicates_in_detail(data["duplicates"])
        if budgets:
            data["budgets"] = stats.budgets(result)
            shown += tables.budgets(data["budgets"], top)
        if timing:
            data["timing"] = stats.timing(result)
            shown += tables.timing(data["timing"])
        if not shown:
            data = stats.collect_stats(output)
            shown = tables.summary(data, everything)
    if as_json:
        print_json(data)
        return
    console = new_console()
    for one in shown:
        console.print(one, soft_wrap=isinstance(one, str))
