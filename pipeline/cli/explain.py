"""`beamsift explain`: why one document is where it is, through all stages."""

from __future__ import annotations

import sys
from typing import Any

import click

_EDITS_SHOWN = 8
_NAMES_SHOWN = 6
_STYLES = {"dropped": "bold red", "edited": "yellow", "tagged": "yellow", "not reached": "dim", "not judged": "dim"}


@click.command(
    name="explain",
    epilog="Example:  beamsift explain clean raw/part-0.parquet:17\n\n"
    "          beamsift explain clean https://example.org/page\n\n"
    "          beamsift explain --recipe configs/gopher.yaml --text page.txt",
)
@click.argument("output", type=click.Path(), required=False)
@click.argument("document", required=False, metavar="DOC")
@click.option("--as", "how", type=click.Choice(["key", "row", "url", "text"]), help="What DOC is. [default: guessed]")
@click.option("--url-column", default="url", show_default=True, help="Column that holds the URLs.")
@click.option("--recipe", type=click.Path(), help="Explain a text that was in no corpus by this recipe; with --text.")
@click.option("--text", "text_file", type=click.File("rb"), metavar="FILE", help="File with that text, - for input.")
@click.option("--column", "columns", multiple=True, metavar="NAME=VALUE",
              help="With --text: a column that a stage reads, such as url.")  # fmt: skip
@click.option("--show-text", is_flag=True, help="With --text: print the text as the stages leave it.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.option("--quiet", "-q", is_flag=True, help="No progress.")
def command(
    output: str | None,
    document: str | None,
    how: Any,
    url_column: str,
    recipe: str | None,
    text_file: Any,
    columns: tuple[str, ...],
    show_text: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Explain document DOC of the result in OUTPUT: each stage with value and limit, edits, duplicates, its place.

    DOC is a document key, FILE:ROW of an input file (rows from 0), a URL, or a piece of its text. A URL and a text
    are looked for in the input files, which are read for that.
    """
    if recipe or text_file:
        if not (recipe and text_file) or output:
            raise click.UsageError("a text in no corpus takes --recipe and --text, and no OUTPUT")
        _explain_text(recipe, text_file.read(), columns, show_text, as_json)
        return
    if output is None or document is None:
        raise click.UsageError("name the result and the document, as in: beamsift explain clean 1234")
    result, keys = find(output, document, how, url_column, quiet, as_json)
    from pipeline.explain import explain_document

    explained = explain_document(result, keys[0])
    if as_json:
        from pipeline.cli.tables import print_json

        print_json(explained)
        return
    _print_document(explained)


def find(
    output: str, document: str, how: Any, url_column: str, quiet: bool, as_json: bool
) -> tuple[Any, tuple[int, ...]]:
    """The result, and the key of the one document that is meant; ends the command with a list if there are more."""
    from pipeline.cli.progress import show_scan
    from pipeline.find import find_documents
    from pipeline.result import open_result

    result = open_result(output)
    with show_scan("search", quiet=quiet) as report:
        found = find_documents(result, document, how=how, url_column=url_column, report=report)
    if len(found.keys) == 1:
        return result, found.keys
    if as_json:
        from pipeline.cli.tables import print_json

        print_json({"documents": list(found.keys), "more": found.more})
    else:
        _print_choice(result, found)
    sys.exit(1)


def _print_choice(result: Any, found: Any) -> None:
    from pipeline.cli.tables import harmless, new_console, new_table

    count = f"More than {len(found.keys)}" if found.more else f"{len(found.keys)}"
    table = new_table(f"{count} documents are meant; name one by its key", "key", "row", "file")
    table.columns[2].justify = "left"
    for key in found.keys:
        source, row = result.source_of(key)
        table.add_row(str(key), f"{row:,}", harmless(source.path))
    new_console().print(table)


def _explain_text(recipe: str, data: bytes, columns: tuple[str, ...], show_text: bool, as_json: bool) -> None:
    from pipeline.explain import explain_text
    from pipeline.recipe import load_recipe

    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise click.BadParameter(f"the text is not UTF-8 (byte {error.start})", param_hint="--text") from None
    loaded = load_recipe(recipe, input_paths=["-"], output_path="-")  # neither of which is looked at
    given: dict[str, Any] = {}
    for column in columns:
        name, equals, value = column.partition("=")
        if not equals:
            raise click.BadParameter(f"{column!r} is not NAME=VALUE", param_hint="--column")
        given[name] = value
    explained = explain_text(loaded, {**given, loaded.input.text_column: text})
    from pipeline.cli.tables import harmless, new_console, print_json

    if as_json:
        print_json(explained)
        return
    console = new_console()
    by = explained["dropped_by"]
    verdict = f"This text would be dropped by {by['stage']}: {by['reason']}" if by else "This text would be kept"
    deduplicated = any(stage["status"] == "not judged" for stage in explained["stages"])
    console.print(verdict + (", unless it is a duplicate" if deduplicated and not by else ""))
    console.print(_stages(explained))
    if show_text:
        for line in explained["text"].split("\n"):
            console.print(harmless(line), soft_wrap=True)


def _print_document(explained: dict[str, Any]) -> None:
    from rich.text import Text

    from pipeline.cli.tables import harmless, new_console

    console = new_console()
    source = f"{harmless(explained['source_file'])}, row {explained['source_row']:,}"
    console.print(Text.assemble((f"Document {explained['doc_key']}", "bold"), f"  {source}"), soft_wrap=True)
    place = explained["place"]
    where = f"{place['path']}, row {place['row']:,}"
    by, would, kept_as = (explained[name] for name in ("dropped_by", "would_be_dropped_by", "kept_as"))
    if by:
        verdict = f" by {by['stage']}: {harmless(by['reason'])}. Recorded in {where}"
        console.print(Text.assemble(("Dropped", "bold red"), verdict), soft_wrap=True)
    elif would:
        verdict = f"Annotated, in {where}. A run would drop it at {would['stage']}: {harmless(would['reason'])}"
        console.print(verdict, soft_wrap=True)
    else:
        console.print(Text.assemble(("Kept", "bold green"), f", in {where}"), soft_wrap=True)
    if kept_as:
        console.print(_stands_for_it(kept_as), soft_wrap=True)
    console.print(_stages(explained))
    if explained["values"] == "computed again":
        console.print(
            "What stages measured of a document that left is not recorded: they ran once more over its source row.",
            style="dim",
            soft_wrap=True,
        )
    for note in explained["notes"]:
        console.print(f"Note: {harmless(note)}", style="yellow", soft_wrap=True)


def _stands_for_it(kept_as: dict[str, Any]) -> str:
    from pipeline.cli.tables import harmless

    if kept_as["doc_key"] is None:
        return "None stands for it in the output: its survivor was dropped by a later stage"
    measure = f", {kept_as['measure']} {kept_as['similarity']:.4g}" if kept_as["similarity"] is not None else ""
    place = kept_as["place"]
    return (
        f"Kept as {kept_as['doc_key']} ({harmless(kept_as['source_file'])}, row {kept_as['source_row']:,}), in "
        f"{place['path']}, row {place['row']:,}{measure}"
    )


def _stages(explained: dict[str, Any]) -> Any:
    from rich.text import Text

    from pipeline.cli.tables import harmless, new_table

    table = new_table("", "stage", "outcome", "what", "value", "limit")
    for column in (1, 2, 4):
        table.columns[column].justify = "left"
    for stage in explained["stages"]:
        style = _STYLES.get(stage["status"], "")
        head = [Text(stage["id"], "bold"), Text(stage["status"], style)]
        lines = [*_checks(stage), *_duplicate(stage), *_edits(stage)] or [("", "", "", "")]
        for what, value, limit, line_style in lines:
            cells = [Text(harmless(cell), line_style) for cell in (what, value, limit)]
            table.add_row(*head, *cells)
            head = [Text(""), Text("")]
    return table


def _checks(stage: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    if stage["checks"] is None:
        return [("values are not recorded", "", "", "dim")]
    if stage["status"] == "not reached":
        return []
    judged = {check["column"] for check in stage["checks"]}
    named = [(name, value) for name, value in stage.get("measured", {}).items() if isinstance(value, str)]
    lines = [(name, value, "", "") for name, value in named if name not in judged]
    for check in stage["checks"]:
        value, limit = check["value"], check["limit"]
        if isinstance(limit, (list, tuple)):
            more = len(limit) - _NAMES_SHOWN
            names = ", ".join(limit[:_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
            wanted = f"one of {names}" if limit else "none"
        else:
            wanted = "no limit" if limit is None else f"{check['keep']} {limit:,.6g}"
        style = "" if check["passed"] else "bold red"
        lines.append((check["column"], _number(value), wanted + ("" if check["passed"] else "  failed"), style))
    return lines


def _number(value: Any) -> str:
    if value is None:
        return "not measured"
    return value if isinstance(value, str) else f"{value:,.6g}"


def _duplicate(stage: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    if "duplicate" not in stage:
        return []
    found = stage["duplicate"]
    if found is None:
        return [("met no other document", "", "", "dim")]
    if found["stays"]:
        others = found["cluster_size"] - 1
        return [(f"stands for {others:,} others" if others else "met others, none similar enough", "", "", "")]
    style = "bold red" if stage["status"] == "dropped" else "yellow"
    file = "/".join(found["survivor_file"].rsplit("/", 2)[-2:])
    lines = [(f"same as {found['survivor']}, {file}:{found['survivor_row']}", "", "", style)]
    if found["similarity"] is not None:
        what = f"similarity, {found['shared_bands']:,} bands shared"
        lines.append((what, f"{found['similarity']:.6g}", f">= {stage['threshold']:g}", style))
    return lines


def _edits(stage: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    lines = []
    for edit in stage["edits"][:_EDITS_SHOWN]:
        what = f"{edit['action'] or 'edit'} {edit['kind']}"
        proof = f"proof: {edit['proof']}" if edit["proof"] else ""
        lines.append((what, f"{edit['start']:,}-{edit['end']:,}", proof, "yellow"))
    more = len(stage["edits"]) - _EDITS_SHOWN
    if more > 0:
        lines.append((f"{more:,} edits more (--json has all)", "", "", "dim"))
    return lines
