"""`beamsift dedup clusters`, `show`, `why`, `export`: what a deduplication found, and its evidence."""

from __future__ import annotations

from typing import Any

import click

_JSON = click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
_STAGE = click.option("--stage", metavar="ID", help="Which deduplication, if there is more than one.")
_QUIET = click.option("--quiet", "-q", is_flag=True, help="No progress.")


@click.command(epilog="Example:  beamsift dedup clusters clean --source '*wiki*' --min-size 10")
@click.argument("output", type=click.Path())
@_STAGE
@click.option("--min-size", type=click.IntRange(min=2), default=2, show_default=True, help="Documents of a cluster.")
@click.option("--source", metavar="NAME", help="Only clusters with a document of this folder or file; may have *.")
@click.option("--top", "-n", type=click.IntRange(min=1), default=15, show_default=True, help="How many to list.")
@_JSON
def clusters(output: str, stage: str | None, min_size: int, source: str | None, top: int, as_json: bool) -> None:
    """List the largest clusters of duplicates in the result in OUTPUT.

    A cluster is a document that stays and all that are dropped (or tagged) for it. Sources are the folders of the
    input, or its files where all lie in one folder.
    """
    from pipeline.cli.tables import harmless, new_console, new_table, print_json
    from pipeline.clusters import dedup_stages, list_clusters
    from pipeline.result import open_result

    result = open_result(output)
    found = [
        list_clusters(result, name, min_size=min_size, source=source, top=top) for name in dedup_stages(result, stage)
    ]
    if as_json:
        print_json(found)
        return
    console = new_console()
    for one in found:
        title = f"{one['stage']}: {one['clusters']:,} clusters of {one['documents']:,} documents"
        table = new_table(title, "cluster", "documents", "least similar", "sources")
        table.columns[3].justify = "left"
        for cluster in one["largest"]:
            least = cluster["least_similarity"]
            by_source = sorted(cluster["sources"].items(), key=lambda item: (-item[1], item[0]))
            names = ", ".join(f"{harmless(name)} {count:,}" for name, count in by_source[:3])
            more = f" and {len(by_source) - 3} more" if len(by_source) > 3 else ""
            table.add_row(
                str(cluster["cluster"]), f"{cluster['documents']:,}", "" if least is None else f"{least:.4f}",
                names + more,
            )  # fmt: skip
        console.print(table)


@click.command(epilog="Example:  beamsift dedup show clean 1099511627778")
@click.argument("output", type=click.Path())
@click.argument("cluster", type=int)
@_STAGE
@click.option("--member", type=int, metavar="KEY", help="Compare it with the survivor. [default: least similar]")
@click.option("--top", "-n", type=click.IntRange(min=1), default=15, show_default=True, help="Members to list.")
@click.option("--no-text", is_flag=True, help="Members only, no text.")
@_JSON
def show(
    output: str, cluster: int, stage: str | None, member: int | None, top: int, no_text: bool, as_json: bool
) -> None:
    """Show a cluster of the result in OUTPUT: its members, and where one of them differs from the survivor.

    CLUSTER is the key of any of its documents.
    """
    from pipeline.cli.tables import new_console, new_table, print_json
    from pipeline.clusters import show_cluster
    from pipeline.result import open_result

    result = open_result(output)
    found = show_cluster(result, cluster, stage, most=top)
    if as_json:
        print_json(found)
        return
    console = new_console()
    table = new_table(
        f"{found['stage']}: cluster {found['cluster']}, {found['documents']:,} documents",
        "document", "", "similarity", "bands", "bytes", "source",
    )  # fmt: skip
    table.columns[1].justify = table.columns[5].justify = "left"
    for one in found["members"]:
        similarity, size = one.get("similarity"), one.get("text_bytes")
        table.add_row(
            str(one["doc_key"]),
            "stays" if one["stays"] else "",
            "" if similarity is None or one["stays"] else f"{similarity:.4f}",
            "" if one["stays"] or not one.get("shared_bands") else f"{one['shared_bands']:,}",
            "" if size is None else f"{size:,}",
            place(one),
        )
    console.print(table)
    left_out = found["documents"] - len(found["members"])
    if left_out:
        console.print(f"{left_out:,} members more; the least similar are shown")
    if not no_text:
        other = next(one["doc_key"] for one in found["members"] if not one["stays"])
        if member is not None:
            other = member
            if show_cluster(result, member, found["stage"], most=0)["survivor"] != found["survivor"]:
                raise click.BadParameter(f"{member} is no document of this cluster", param_hint="--member")
        print_difference(console, result, found["survivor"], other, found["stage"])


@click.command(epilog="Example:  beamsift dedup why clean raw/part-1.parquet:2")
@click.argument("output", type=click.Path())
@click.argument("document", metavar="DOC")
@click.option("--as", "how", type=click.Choice(["key", "row", "url", "text"]), help="What DOC is. [default: guessed]")
@click.option("--url-column", default="url", show_default=True, help="Column that holds the URLs.")
@click.option("--no-text", is_flag=True, help="Evidence only, no text.")
@_JSON
@_QUIET
def why(output: str, document: str, how: Any, url_column: str, no_text: bool, as_json: bool, quiet: bool) -> None:
    """Say why a document is, or is not, a duplicate: survivor, exact similarity, shared bands, and where they differ.

    DOC is a document key, FILE:ROW of an input file, a URL, or a piece of its text.
    """
    from pipeline.cli.explain import find
    from pipeline.cli.tables import new_console, print_json
    from pipeline.clusters import why

    result, keys = find(output, document, how, url_column, quiet, as_json)
    found = why(result, keys[0])
    if as_json:
        print_json(found)
        return
    console = new_console()
    console.print(f"Document {found['doc_key']}  {place(found)}", style="bold", soft_wrap=True)
    for stage in found["stages"]:
        _print_evidence(console, result, found["doc_key"], stage, no_text)


def _print_evidence(console: Any, result: Any, key: int, stage: dict[str, Any], no_text: bool) -> None:
    from pipeline.cli.tables import new_table

    evidence, name = stage["evidence"], stage["stage"]
    if evidence is None:
        console.print(f"{name}: no other document met it here, or it had left before", soft_wrap=True)
        return
    if evidence["survivor"] == key:
        others = evidence["cluster_size"] - 1
        did = f"it stays, and stands for {others:,} others" if others else "it met others, and none is similar enough"
    else:
        source, row = result.source_of(evidence["survivor"])
        did = f"a duplicate of {evidence['survivor']} ({place({'source_file': source.path, 'source_row': row})})"
        if evidence.get("similarity") is not None:
            did += f", similarity {evidence['similarity']:.6g}, {evidence['shared_bands']:,} bands shared"
    if "component_size" in evidence:
        did += (
            f"; bands tie it to {evidence['component_size'] - 1:,} others, "
            f"of which {evidence['compared']:,} were compared"
        )
    console.print(f"{name}: {did}", soft_wrap=True)
    if stage["pairs"]:
        table = new_table("Pairs that were compared, most similar first", "other", "similarity", "bands", "source")
        table.columns[3].justify = "left"
        for pair in stage["pairs"][:10]:
            table.add_row(str(pair["other"]), f"{pair['similarity']:.6f}", f"{pair['shared_bands']:,}", place(pair))
        console.print(table)
    if evidence["survivor"] != key and not no_text:
        print_difference(console, result, evidence["survivor"], key, name)


@click.command(epilog="Example:  beamsift dedup export clean --what pairs -o pairs.csv")
@click.argument("output", type=click.Path())
@click.option("--what", type=click.Choice(["clusters", "pairs", "documents"]), default="clusters", show_default=True)
@click.option("--to", "-o", "to", required=True, metavar="FILE", help="A .parquet or .csv file to write.")
@_STAGE
@_JSON
@_QUIET
def export(output: str, what: Any, to: str, stage: str | None, as_json: bool, quiet: bool) -> None:
    """Write what a deduplication of the result in OUTPUT recorded to one file.

    clusters: documents of clusters of two and more, with survivor and source row. pairs: what was compared, with exact
    similarity. documents: all that shared a bucket with another.
    """
    from pipeline.cli.progress import show_scan
    from pipeline.cli.tables import print_json
    from pipeline.clusters import dedup_stages
    from pipeline.dedup_export import export
    from pipeline.result import open_result

    result = open_result(output)
    known = dedup_stages(result, stage)
    if len(known) > 1 and what == "pairs":
        known = [name for name in known if result.files(f"dedup/{name}/pairs")] or known
    if len(known) > 1:
        raise click.UsageError(f"name one of the deduplications with --stage: {', '.join(known)}")
    with show_scan("export", quiet=quiet) as report:
        rows = export(result, known[0], what, to, report)
    if as_json:
        print_json({"stage": known[0], "what": what, "file": to, "rows": rows})
    else:
        click.echo(f"Wrote {rows:,} rows of {known[0]} to {to}")


def place(row: dict[str, Any]) -> str:
    """Source file and row, the file by the end of its path."""
    from pipeline.cli.tables import harmless

    end = "/".join(row["source_file"].rsplit("/", 2)[-2:])
    return f"{harmless(end)}:{row['source_row']}"


def print_difference(console: Any, result: Any, survivor: int, other: int, stage: str) -> None:
    """Both texts as they came to the stage, side by side; one sentence where they cannot be had."""
    from filters.errors import BeamsiftError
    from pipeline.cli.side_by_side import side_by_side
    from pipeline.cli.tables import harmless
    from pipeline.rejudged import recipe_of
    from pipeline.replay_row import texts_at

    try:
        recipe = recipe_of(result.output, result.manifest)
        texts = texts_at(result, recipe, [survivor, other], stage)
    except BeamsiftError as error:
        console.print(f"The texts cannot be shown: {harmless(str(error))}", style="yellow", soft_wrap=True)
        return
    colour = console.is_terminal and not console.no_color
    names = f"{survivor} (stays)", str(other)
    table, sentence = side_by_side(texts[survivor], texts[other], *names, colour=colour)
    console.print(table)
    console.print(sentence)
