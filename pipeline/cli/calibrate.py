"""`beamsift calibrate`: the distribution of every statistic, and what limits, old or new, remove."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click

_BLOCKS = " ▁▂▃▄▅▆▇█"
_SHOWN = ("0.01", "0.1", "0.5", "0.9", "0.99")
_LANGUAGES_SHOWN = 12
_EVERY = "*"
_WIDE = 112
"""Characters that all columns take; a narrower terminal gets fewer quantiles."""


@click.command(
    name="calibrate",
    epilog="Example:  beamsift run recipe.yaml --output marked --annotate-only && "
    "beamsift calibrate marked --set gopher_quality.min_words=30 --language de",
)
@click.argument("output", type=click.Path())
@click.option("--set", "changes", multiple=True, metavar="STAGE.PARAM=VALUE",
              help="Judge with another limit; may be repeated.")  # fmt: skip
@click.option("--recipe", type=click.Path(), help="Judge with the limits of another recipe with the same stages.")
@click.option("--language", "-l", "languages", multiple=True, metavar="CODE", help="Only documents of a language.")
@click.option("--stage", "-s", "stages", multiple=True, metavar="ID", help="Show the statistics of this stage only.")
@click.option("--json", "as_json", is_flag=True, help="Print everything, by language, as JSON.")
def command(
    output: str,
    changes: tuple[str, ...],
    recipe: str | None,
    languages: tuple[str, ...],
    stages: tuple[str, ...],
    as_json: bool,
) -> None:
    """Show the statistics in OUTPUT, the result of `run --annotate-only`, and what each limit removes.

    No text is read. With --set or --recipe all documents are judged again; what would change is shown by stage and
    language. `alone` is the share of all documents that fail a rule, `first` of those that leave by it.
    """
    from pipeline.calibration import calibrate

    found = calibrate(output, changes=changes, recipe=recipe, languages=languages, stages=stages)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDE)
    for stage in dict.fromkeys(one["stage"] for one in [*found["statistics"], *found["rules"]]):
        console.print(_statistics(found, stage, _SHOWN if console.width >= _WIDE else _SHOWN[::2]))
    if found["changed"]:
        console.print(_changes(found))
        console.print(_by_language(found))
        console.print(
            f"{found['stay_now']:,} documents stay that went, {found['drop_now']:,} go that stayed. {_doubt(found)}",
            highlight=False,
        )
    else:
        kept, total = found["kept"]["run"][_EVERY], found["documents"][_EVERY]
        console.print(f"A run keeps {kept:,} of {total:,} documents ({_percent(kept, total)} %).", highlight=False)


def _doubt(found: dict[str, Any]) -> str:
    if not found["unsure"]:
        return "No document is unsure."
    return (
        f"{found['unsure']:,} are unsure: a deduplication has not compared them, lost the document that stood for "
        "them, or a stage left their text as it came; only another run can tell."
    )


def _statistics(found: dict[str, Any], stage: str, shown: Sequence[str]) -> Any:
    from pipeline.cli.tables import new_table

    heads = ["keeps", *(f"{100 * float(share):g} %" for share in shown), "1 to 99 %", "alone %", "first %"]
    table = new_table(stage, "statistic", *heads)
    total = max(found["documents"][_EVERY], 1)
    rules = [rule for rule in found["rules"] if rule["stage"] == stage]
    numbers = {one["statistic"]: one["languages"][_EVERY] for one in found["statistics"] if one["stage"] == stage}
    for statistic in dict.fromkeys([*numbers, *(rule["statistic"] for rule in rules)]):
        mine = [rule for rule in rules if rule["statistic"] == statistic]
        one = numbers.get(statistic)
        empty = [""] * (len(shown) + 1)
        shape = [*(_number(one["quantiles"][share]) for share in shown), _bars(one["bars"])] if one else empty
        name = statistic or stage
        if not mine:
            table.add_row(f"[dim]{name}[/dim]", "", *shape, "", "")
        for rule in mine:
            shares = [_percent(rule[which][_EVERY], total) for which in ("alone", "first")]
            table.add_row(name, _limit(rule), *shape, *shares)
            name, shape = "", empty
    return table


def _limit(rule: dict[str, Any]) -> str:
    limit = rule["limit"]
    if isinstance(limit, dict):
        return f"{rule['keep']} by language"
    if isinstance(limit, list):
        return f"in {len(limit)} names" if len(limit) != 1 else f"in {limit[0]}"
    return f"{rule['keep']} {_number(limit)}"


def _number(value: float | None) -> str:
    """Three digits that count, or a whole number.

    >>> [_number(value) for value in (0.03456, 12.0, 123456.0, 3.14159, None)]
    ['0.0346', '12', '123,456', '3.14', '']
    """
    if value is None:
        return ""
    return f"{value:,.0f}" if value == int(value) or abs(value) >= 1000 else f"{value:.3g}"


def _bars(counts: list[int]) -> str:
    """A small histogram; what there is at all can be seen.

    >>> _bars([0, 1, 50, 100])
    ' ▁▄█'
    """
    most = max(counts, default=0)
    return "".join(_BLOCKS[max(8 * count // most, 1) if count else 0] for count in counts)


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}" if whole else ""


def _changes(found: dict[str, Any]) -> Any:
    from pipeline.cli.tables import new_table

    table = new_table(
        "Documents dropped, by the limits of the run and by those asked about", "", "run", "now", "change"
    )
    last = ""
    for row in found["dropped"]:
        if row["stage"] != last:
            table.add_row(f"[bold]{row['stage']}[/bold]", "", "", "")
            last = row["stage"]
        table.add_row(f"  {row['reason']}", *_pair(row["run"][_EVERY], row["now"][_EVERY]))
    table.add_section()
    table.add_row("kept", *_pair(found["kept"]["run"][_EVERY], found["kept"]["now"][_EVERY]))
    return table


def _pair(run: int, now: int) -> tuple[str, str, str]:
    return f"{run:,}", f"{now:,}", f"{now - run:+,}" if now != run else ""


def _by_language(found: dict[str, Any]) -> Any:
    from pipeline.cli.tables import new_table

    table = new_table("Kept, by language", "language", "documents", "run", "%", "now", "%", "change")
    names = [name for name in found["documents"] if name != _EVERY]
    for name in names[:_LANGUAGES_SHOWN]:
        total = found["documents"][name]
        run, now = (found["kept"][which].get(name, 0) for which in ("run", "now"))
        one, other, change = _pair(run, now)
        table.add_row(name, f"{total:,}", one, _percent(run, total), other, _percent(now, total), change)
    if len(names) > _LANGUAGES_SHOWN:
        table.add_row(f"{len(names) - _LANGUAGES_SHOWN} more: see --json", "", "", "", "", "", "")
    return table
