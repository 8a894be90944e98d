"""`beamsift pii`: see what would be found in files, and how right findings are where there are labels."""

from __future__ import annotations

import itertools
import json
from typing import Any

import click

FOUND = 3
"""Exit status of `pii scan --check` if anything was found."""

_SHOWN, _VALUE_SHOWN = 100, 120
_FORMATS = click.Choice(["text", "jsonl", "parquet", "arrow"])


@click.group(name="pii")
def command() -> None:
    """Look for personal data and secrets, and measure how well they are found."""


@command.command(
    epilog="Example:  beamsift pii scan 'raw/*.parquet' --kinds email,secret --limit 20  (`-` is standard input)"
)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--kinds", "-k", multiple=True, metavar="NAMES",
              help="Kinds and groups as in the stage `pii`, with commas between. [default: all]")  # fmt: skip
@click.option("--recipe", type=click.Path(),
              help="Look for what the stage `pii` of this recipe names, its own kinds included.")  # fmt: skip
@click.option("--column", "-c", help="Column that holds the text; text files have none. [default: text]")
@click.option(
    "--format", "format_", type=_FORMATS, help="Format of all files. [default: what their names say, or text]"
)
@click.option("--limit", "-n", type=click.IntRange(min=0), metavar="N",
              help="Show the first N findings; all are counted. [default: 100, with --json all]")  # fmt: skip
@click.option("--check", is_flag=True, help=f"Exit with status {FOUND} if anything is found.")
@click.option("--values", is_flag=True, help="With --json: the values, too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, with places and without values.")
@click.pass_context
def scan(
    ctx: click.Context,
    files: tuple[str, ...],
    kinds: tuple[str, ...],
    recipe: str | None,
    column: str | None,
    format_: str | None,
    limit: int | None,
    check: bool,
    values: bool,
    as_json: bool,
) -> None:
    """Show the personal data and secrets in FILE..., each in its line: text, JSON lines, Parquet or Arrow.

    Any name but that of a known format is a text file, which may be gzip or zstd. Rows count from 0, lines from 1,
    characters of a row from 0.
    """
    from pipeline import pii_scan

    if recipe and kinds:
        raise click.UsageError("--recipe and --kinds both say what to look for; give one of them")
    if values and not as_json:
        raise click.UsageError("--values goes with --json; the terminal shows values anyway")
    detectors = pii_scan.detectors_of_recipe(recipe) if recipe else pii_scan.detectors_of(_names(kinds))
    tally = pii_scan.Tally()
    findings = pii_scan.scan_files(files, detectors, column=column, format=format_, tally=tally)
    show = _print_json if as_json else _print_findings
    found = show(findings, tally, limit, values)
    if check and found:
        ctx.exit(FOUND)


def _names(kinds: tuple[str, ...]) -> tuple[str, ...]:
    names = [name.strip() for entry in kinds for name in entry.split(",")]
    return tuple(name for name in names if name) or ("all",)


def _print_json(findings: Any, tally: Any, limit: int | None, values: bool) -> int:
    """One object, written as it comes: there may be more findings than memory. Returns how many were found.

    Only ASCII, so that nothing in a value can reach the terminal as a command.
    """
    hidden = {"before", "after"} if values else {"before", "after", "value"}
    counts: dict[str, int] = {}
    findings, shown = iter(findings), 0
    first = next(findings, None)  # what is wrong with a file is known before anything is printed
    click.echo('{"findings": [', nl=False)
    for one in itertools.chain([] if first is None else [first], findings):
        counts[one.kind] = counts.get(one.kind, 0) + 1
        if limit is None or shown < limit:
            row = {name: value for name, value in one._asdict().items() if name not in hidden}
            click.echo((",\n" if shown else "\n") + json.dumps(row), nl=False)
            shown += 1
    rest = {
        "found": sum(counts.values()), "shown": shown, "kinds": counts, "files": tally.files, "texts": tally.texts,
        "characters": tally.characters,
    }  # fmt: skip
    click.echo("\n], " + json.dumps(rest)[1:])
    return sum(counts.values())


def _print_findings(findings: Any, tally: Any, limit: int | None, values: bool) -> int:
    """Each finding in its line, then a table of kinds. Returns how many were found."""
    from rich.text import Text

    from pipeline.cli.tables import harmless, new_table

    limit = _SHOWN if limit is None else limit
    console, shown = _console(), 0
    counts: dict[str, tuple[int, str]] = {}
    for one in findings:
        count, proof = counts.get(one.kind, (0, one.proof))
        counts[one.kind] = count + 1, proof
        if shown >= limit:
            continue
        shown += 1
        place = Text.assemble(
            (f"{harmless(one.file)}, row {one.row}, line {one.line}, {one.start}-{one.end}", "dim"), "  ",
            (one.kind, "bold cyan"), "  ", (one.proof, "dim"),
        )  # fmt: skip
        console.print(place, soft_wrap=True)
        console.print(_in_line(one), soft_wrap=True)
    total = sum(count for count, _ in counts.values())
    if total > shown:
        console.print(f"... and {total - shown:,} more; --limit shows more of them", style="dim", highlight=False)
    if counts:
        table = new_table("Found", "kind", "findings", "proof")
        for kind, (count, proof) in sorted(counts.items(), key=lambda item: (-item[1][0], item[0])):
            table.add_row(kind, f"{count:,}", proof)
        console.print(table)
    console.print(
        f"{total:,} findings in {tally.texts:,} texts of {tally.files:,} files, {tally.characters:,} characters",
        highlight=False,
    )
    return total


def _shortened(value: str) -> str:
    half = _VALUE_SHOWN // 2
    return value if len(value) <= _VALUE_SHOWN else f"{value[:half]} ... {value[-half:]}"


@command.command(name="eval", epilog="Example:  beamsift pii eval labelled.parquet --errors 5")
@click.argument("files", nargs=-1, required=True, metavar="LABELLED...")
@click.option("--kinds", "-k", multiple=True, metavar="NAMES",
              help="Kinds and groups that are looked for, with commas between. [default: all]")  # fmt: skip
@click.option("--column", "-c", default="text", show_default=True, help="Column that holds the text.")
@click.option("--errors", type=click.IntRange(min=0), default=3, show_default=True,
              help="Examples of missed and of false findings of each kind.")  # fmt: skip
@click.option("--values", is_flag=True, help="With --json: the text of errors, too.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as one JSON object.")
def evaluate(
    files: tuple[str, ...], kinds: tuple[str, ...], column: str, errors: int, values: bool, as_json: bool
) -> None:
    """Precision, recall and F1 of the detectors on LABELLED... files, by kind and language.

    They have a column of texts, `spans` (a list of {start, end, kind}, in characters), and if there is one `lang`, and
    `negatives` (spans that only look like something). A finding is right if kind, start and end are those of a label.
    """
    from pipeline.pii_eval import evaluate_files

    evaluated = evaluate_files(files, _names(kinds), column=column, most_errors=errors)
    if as_json:
        click.echo(json.dumps(_as_dict(evaluated, values)))
    else:
        _print_evaluated(evaluated)


def _as_dict(evaluated: Any, values: bool) -> dict[str, Any]:
    hidden = set() if values else {"before", "value", "after"}
    errors = [
        {
            "file": file,
            **{name: value for name, value in one._asdict().items() if name not in hidden},
            "instead": one.instead and one.instead._asdict(),
        }
        for file, scores in evaluated.files.items()
        for one in scores.errors
    ]
    return {**evaluated.scores.as_dict(), "skipped": evaluated.skipped, "errors": errors}


def _print_evaluated(evaluated: Any) -> None:
    from pipeline.cli.tables import harmless, new_table

    console, scores = _console(), evaluated.scores
    head = ("prec.", "rec.", "F1", "false", "miss.", "touch", "apart")
    title = "Kinds; last: F1 touching Han, Kana, Hangul, Thai or Arabic letters, and apart"
    table = new_table(title, "kind", *head)
    table.padding = (0, 0, 0, 1)  # eight columns in eighty characters
    for kind, score in scores.by("kind").items():
        table.add_row(harmless(kind), *_cells(score), *(_share(part.f1) for part in scores.touching(kind)))
    table.add_section()
    table.add_row("all", *_cells(scores.total()), *(_share(part.f1) for part in scores.touching()))
    console.print(table)
    for title, groups in (("Languages", scores.by("language")), ("Touching letters of", scores.by("script"))):
        table = new_table(title, title.split()[0].lower(), *head[:-2])
        for name, score in groups.items():
            table.add_row(harmless(name) or "none", *_cells(score))
        console.print(table)
    if scores.look_alikes:
        table = new_table("Look-alikes", "name", "labelled", "found")
        for name, count in sorted(scores.look_alikes.items()):
            table.add_row(harmless(name), f"{count:,}", f"{scores.look_alikes_found[name]:,}")
        console.print(table)
    _print_errors(console, evaluated)
    uncounted = {
        "Findings of kinds that their file does not label, not judged": scores.unlabelled,
        "Labels of kinds that were not looked for, not counted": scores.unknown_labels,
    }
    for title, counter in uncounted.items():
        if counter:
            names = ", ".join(f"{harmless(name)} {count:,}" for name, count in sorted(counter.items()))
            console.print(f"{title}: {names}", highlight=False, markup=False)
    skipped = f"; {evaluated.skipped:,} rows without labels of spans left out" if evaluated.skipped else ""
    console.print(f"{scores.texts:,} texts in {len(evaluated.files):,} files{skipped}", highlight=False)


def _print_errors(console: Any, evaluated: Any) -> None:
    """Examples, those of the worst kinds first."""
    from rich.text import Text

    from pipeline.cli.tables import harmless

    rank = {kind: score.f1 or 0 for kind, score in evaluated.scores.by("kind").items()}
    every = [(rank[e.kind], e.kind, e.what, file, e) for file, s in evaluated.files.items() for e in s.errors
             if e.what != "unlabelled"]  # fmt: skip
    if every:
        console.print("Errors, worst kinds first", style="bold")
    for _, kind, what, file, one in sorted(every, key=lambda item: item[:4]):
        other = ""
        if one.instead is not None:
            other = f", {'found' if what == 'missed' else 'labelled'} as {harmless(one.instead.kind)}"
        head = (f"{harmless(kind)} {what}{other}", "bold cyan"), (f"  {harmless(file)}, row {one.row}", "dim")
        console.print(Text.assemble(*head), soft_wrap=True)
        console.print(_in_line(one), soft_wrap=True)


def _console() -> Any:
    """The terminal; 100 columns where there is none, so that no number is cut."""
    from rich.console import Console

    console = Console(markup=False, emoji=False)  # kinds and files are named by somebody else
    return console if console.is_terminal else Console(width=100, markup=False, emoji=False)


def _in_line(one: Any) -> Any:
    """The value of a finding or an error, marked, with what stands around it."""
    from rich.text import Text

    from pipeline.cli.tables import harmless

    value = (_shortened(harmless(one.value)), "bold red reverse")
    return Text.assemble("  ", harmless(one.before), value, harmless(one.after))


def _cells(score: Any) -> list[str]:
    counts = (score.found - score.exact, score.labels - score.exact)
    return [_share(score.precision), _share(score.recall), _share(score.f1), *(f"{count:,}" for count in counts)]


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
