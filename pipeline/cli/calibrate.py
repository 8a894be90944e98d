"""`beamsift calibrate`: the distribution of every statistic, and what limits, old or new, remove."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import click

_BLOCKS = " ▁▂▃▄▅▆▇█"
_QUANTILES = ("0.01", "0.1", "0.5", "0.9", "0.99")
_GROUPS_SHOWN = 12
_EVERY = "*"
_WIDE = 120
"""Characters to a line where the output is no terminal."""
_DROPPED = "red"
"""Style of the part of a histogram that a limit drops."""


@dataclass(frozen=True)
class _Shape:
    """What a table of statistics shows of a distribution, and the spaces on both sides of a column."""

    quantiles: tuple[str, ...]
    bars: bool
    padding: int = 1


_SHAPES = (
    _Shape(_QUANTILES, True),
    _Shape(_QUANTILES[::2], True),
    _Shape(_QUANTILES[::2], True, 0),
    _Shape(_QUANTILES[::2], False, 0),
    _Shape(_QUANTILES[2:3], False, 0),
    _Shape((), False, 0),
)
"""From wide terminals to narrow ones: a number that is cut off is worse than none."""


@click.command(
    name="calibrate",
    epilog="Example:  beamsift run recipe.yaml --output marked --annotate-only && "
    "beamsift calibrate marked --set gopher_quality.min_words=30 --set gopher_quality.min_stop_words@de=1",
)
@click.argument("output", type=click.Path())
@click.option("--set", "changes", multiple=True, metavar="STAGE.PARAM[@LANGUAGE]=VALUE",
              help="Judge with another limit, of all languages or of one; may be repeated.")  # fmt: skip
@click.option("--recipe", type=click.Path(), help="Judge with the limits of another recipe with the same stages.")
@click.option("--by", metavar="COLUMN", help="Count by this column of the output  [default: that of the language]")
@click.option("--language", "--only", "-l", "languages", multiple=True, metavar="VALUE",
              help="Only documents of this language, or with this value of the column of --by.")  # fmt: skip
@click.option("--stage", "-s", "stages", multiple=True, metavar="ID", help="Show the statistics of this stage only.")
@click.option("--json", "as_json", is_flag=True, help="Print everything, by language, as JSON.")
def command(
    output: str,
    changes: tuple[str, ...],
    recipe: str | None,
    by: str | None,
    languages: tuple[str, ...],
    stages: tuple[str, ...],
    as_json: bool,
) -> None:
    """Show the statistics in OUTPUT, the result of `run --annotate-only`, and what each limit removes.

    No text is read. With --set or --recipe all documents are judged again; what would change is shown by stage and
    language. A limit that differs by language is shown as the range of those that apply. `alone` is the share of all
    documents that fail a rule, `first` of those that leave by it.
    """
    from pipeline.calibration import calibrate

    found = calibrate(output, changes=changes, recipe=recipe, languages=languages, stages=stages, by=by)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    from rich.console import Console

    console = Console(markup=False, emoji=False)  # languages are values of a corpus
    show(found, console if console.is_terminal else Console(width=_WIDE, markup=False, emoji=False))


def show(found: dict[str, Any], console: Any) -> None:
    """Print what `pipeline.calibration.calibrate` found, in tables that are not wider than the console."""
    for stage in dict.fromkeys(one["stage"] for one in [*found["statistics"], *found["rules"]]):
        console.print(_fitting(console, [_statistics(found, stage, shape) for shape in _SHAPES]))
    if found["changed"]:
        console.print(_changes(found))
        console.print(_by_group(found))
        console.print(
            f"Documents that went and stay now: {found['stay_now']:,}; that stayed and go now: {found['drop_now']:,}. "
            f"{_doubt(found)}",
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


def _fitting(console: Any, tables: Sequence[Any]) -> Any:
    """The first table that is not wider than the console, or else the last."""
    free = console.options.update(max_width=1000)
    return next(
        (table for table in tables if console.measure(table, options=free).maximum <= console.width), tables[-1]
    )


def _statistics(found: dict[str, Any], stage: str, shape: _Shape) -> Any:
    from rich.text import Text

    from pipeline.cli.tables import new_table

    heads = [f"{100 * float(share):g} %" for share in shape.quantiles] + ["1 to 99 %"] * shape.bars
    table = new_table(stage, "statistic", "keeps", *heads, "alone %", "first %")
    table.padding = (0, shape.padding)
    if shape.bars:
        table.columns[-3].justify = "left"
    total = max(found["documents"][_EVERY], 1)
    rules = [rule for rule in found["rules"] if rule["stage"] == stage]
    numbers = {one["statistic"]: one["groups"][_EVERY] for one in found["statistics"] if one["stage"] == stage}
    for statistic in dict.fromkeys([*numbers, *(rule["statistic"] for rule in rules)]):
        mine = [rule for rule in rules if rule["statistic"] == statistic]
        shown = _distribution(numbers.get(statistic), mine, shape)
        name = statistic or stage
        if not mine:
            table.add_row(Text(name, "dim"), "", *shown, "", "")
        for rule in mine:
            shares = [_percent(rule[which][_EVERY], total) for which in ("alone", "first")]
            table.add_row(name, _limit(rule), *shown, *shares)
            name, shown = "", [""] * len(shown)
    return table


def _distribution(one: dict[str, Any] | None, rules: Sequence[dict[str, Any]], shape: _Shape) -> list[Any]:
    if one is None:
        return [""] * (len(shape.quantiles) + shape.bars)
    quantiles = [_number(one["quantiles"][share]) for share in shape.quantiles]
    return [*quantiles, *([_histogram(one, rules)] if shape.bars else [])]


def _histogram(one: dict[str, Any], rules: Sequence[dict[str, Any]]) -> Any:
    """Bars between the 1 % and the 99 % quantile; those of which the rules keep nothing are coloured."""
    from rich.text import Text

    text, counts = Text(_bars(one["bars"])), one["bars"]
    if counts:
        low, high = one["quantiles"]["0.01"], one["quantiles"]["0.99"]
        width = (high - low) / len(counts)
        for rule in rules:
            for bar in range(len(counts) if rule["applied"] else 0):
                begin, end = low + bar * width, low + (bar + 1) * width
                least, most = rule["applied"][0], rule["applied"][-1]
                if end < least if rule["keep"].startswith(">") else begin > most:
                    text.stylize(_DROPPED, bar, bar + 1)
    return text


def _limit(rule: dict[str, Any]) -> str:
    """What a rule keeps; the range of its limits, if more than one applies.

    >>> _limit({"keep": "<=", "limit": 0.3, "applied": [0.3]})
    '<= 0.3'
    >>> _limit({"keep": "<=", "limit": {}, "applied": [0.3, 9.0, 15.0]})
    '<= 0.3 to 15'
    """
    limit, applied = rule["limit"], rule["applied"]
    if isinstance(limit, list):
        return f"in {len(limit)} names" if len(limit) != 1 else f"in {limit[0]}"
    if not applied:
        return "off"
    least, most = (_number(value) for value in (applied[0], applied[-1]))
    return f"{rule['keep']} {least}" if least == most else f"{rule['keep']} {least} to {most}"


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
    from rich.text import Text

    from pipeline.cli.tables import new_table

    table = new_table("Documents dropped", "by the limits of", "run", "now", "change")
    last = ""
    for row in found["dropped"]:
        if row["stage"] != last:
            table.add_row(Text(row["stage"], "bold"), "", "", "")
            last = row["stage"]
        table.add_row(f"  {row['reason']}", *_pair(row["run"][_EVERY], row["now"][_EVERY]))
    table.add_section()
    table.add_row("kept", *_pair(found["kept"]["run"][_EVERY], found["kept"]["now"][_EVERY]))
    return table


def _pair(run: int, now: int) -> tuple[str, str, str]:
    return f"{run:,}", f"{now:,}", f"{now - run:+,}" if now != run else ""


def _by_group(found: dict[str, Any]) -> Any:
    from pipeline.cli.tables import harmless, new_table

    by = found["by"] or "language"
    table = new_table(f"Kept, by {by}", by, "documents", "run", "%", "now", "%", "change")
    names = [name for name in found["documents"] if name != _EVERY]
    for name in names[:_GROUPS_SHOWN]:
        total = found["documents"][name]
        run, now = (found["kept"][which].get(name, 0) for which in ("run", "now"))
        one, other, change = _pair(run, now)
        table.add_row(harmless(name), f"{total:,}", one, _percent(run, total), other, _percent(now, total), change)
    if len(names) > _GROUPS_SHOWN:
        table.add_row(f"{len(names) - _GROUPS_SHOWN} more: see --json", "", "", "", "", "", "")
    return table
