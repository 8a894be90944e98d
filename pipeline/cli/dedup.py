"""`beamsift dedup`: plan a near deduplication before it runs, replay one after it ran, look into what it found."""

from __future__ import annotations

import json
from typing import Any

import click

from pipeline.cli import dedup_inspect


@click.group(name="dedup")
def command() -> None:
    """Plan a deduplication, replay it, look into what it found."""


for _inspecting in (dedup_inspect.clusters, dedup_inspect.show, dedup_inspect.why, dedup_inspect.export):
    command.add_command(_inspecting)


@command.command(epilog="Example:  beamsift dedup plan --threshold 0.8 --recall 0.99 --like clean")
@click.option("--threshold", "-t", type=click.FloatRange(0, 1, min_open=True), default=0.8, show_default=True,
              help="Similarity from which documents are duplicates.")  # fmt: skip
@click.option("--num-perm", type=click.IntRange(2, 4096), default=128, show_default=True,
              help="Permutations to spend: the cost of signing.")  # fmt: skip
@click.option("--recall", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.95, show_default=True,
              help="Chance to find a pair at the threshold that the suggestion must reach.")  # fmt: skip
@click.option("--layout", "layouts", multiple=True, metavar="BANDSxROWS", help="Show this one, too, as in 20x6.")
@click.option("--like", metavar="RESULT|PARQUET",
              help="Expect similarities as recorded in a result, or in a column `jaccard` of a file.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def plan(
    threshold: float, num_perm: int, recall: float, layouts: tuple[str, ...], like: str | None, as_json: bool
) -> None:
    """Print the S-curves of layouts of bands and rows, and suggest one for a threshold.

    A curve is the chance that two documents of that Jaccard similarity share a band and are compared. Verification
    removes none below the threshold, so what counts is the chance above it (recall) and the work below it.
    """
    from pipeline.what_if import histogram_of, plan

    given = tuple(_layout(text) for text in layouts)
    found = plan(
        threshold, num_perm=num_perm, recall=recall, layouts=given, histogram=histogram_of(like) if like else None
    )
    if as_json:
        click.echo(json.dumps(found))
        return
    _print_plan(found)


def _layout(text: str) -> tuple[int, int]:
    bands, _, rows = text.lower().partition("x")
    if not (bands.isdecimal() and rows.isdecimal() and 0 < int(bands) * int(rows) <= 4096):
        raise click.BadParameter(f"{text!r} is not BANDSxROWS, as in 20x6 (at most 4096 permutations)")
    return int(bands), int(rows)


def _print_plan(found: dict[str, Any]) -> None:
    from rich.console import Console

    from pipeline.cli.tables import new_table

    console = Console()
    layouts = found["layouts"]
    heads = [f"{layout['name']}\n{layout['bands']}x{layout['rows']}" for layout in layouts]
    table = new_table("Chance that a pair is compared", "Jaccard", *heads)
    marked = False
    for step in layouts[0]["curve"]:
        if float(step) >= found["threshold"] and not marked:
            table.add_section()
            marked = True
        table.add_row(step, *(f"{layout['curve'][step]:.3f}" for layout in layouts))
    console.print(table)
    table = new_table(f"At the threshold {found['threshold']:g}", "", *heads)
    table.add_row("chance to find a pair", *(f"{layout['at_threshold']:.3f}" for layout in layouts))
    table.add_row("permutations", *(str(layout["bands"] * layout["rows"]) for layout in layouts))
    if "expected" in layouts[0]:
        expected = [layout["expected"] for layout in layouts]
        table.add_row("expected recall", *(_share(e["recall"]) for e in expected))
        table.add_row("expected precision", *(_share(e["precision"]) for e in expected))
        table.add_row("pairs compared", *(f"{e['candidates']:,.0f}" for e in expected))
    console.print(table)
    if "expected" in layouts[0] and layouts[0]["expected"]["from_similarity"] > 0:
        known_from = layouts[0]["expected"]["from_similarity"]
        console.print(
            f"Precision is that of candidates, before verification; pairs below {known_from:.2g} are not known of."
        )
    best = layouts[0]
    console.print(
        f"In the recipe:  minhash_dedup: {{threshold: {found['threshold']:g}, bands: {best['bands']}, "
        f"rows: {best['rows']}}}",
        highlight=False,
    )
    if best["at_threshold"] < found["recall"]:
        console.print(f"[yellow]{found['num_perm']} permutations do not reach {found['recall']:g}; raise --num-perm.")


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


@command.command(name="replay", epilog="Example:  beamsift dedup replay clean --threshold 0.9 --keep longest")
@click.argument("output", type=click.Path())
@click.option("--threshold", "-t", type=float, help="Another threshold. [default: that of the run]")
@click.option("--keep", type=click.Choice(["recipe", "first", "longest"]), default="recipe", show_default=True,
              help="Who stays: as in the run's recipe, or by another rule.")  # fmt: skip
@click.option("--stage", metavar="ID", help="Which minhash_dedup stage, if there is more than one.")
@click.option("--write", metavar="FILE", help="Write doc_key, survivor and similarity to this Parquet file.")
@click.option("--json", "as_json", is_flag=True, help="Print the numbers as JSON.")
def replay_command(
    output: str, threshold: float | None, keep: Any, stage: str | None, write: str | None, as_json: bool
) -> None:
    """Recompute the survivors of the result in OUTPUT from its recorded pairs, without reading a text.

    Nothing is dropped without a recorded pair: where not all pairs of a bucket were recorded, a document may stay
    that a new run would drop. Such documents are counted as unsure.
    """
    from pipeline.what_if import replay_result

    found = replay_result(output, threshold=threshold, keep=keep, stage=stage, write=write)
    if as_json:
        click.echo(json.dumps(found))
        return
    from rich.console import Console

    from pipeline.cli.tables import new_table

    table = new_table(f"Stage {found['stage']}", "", "threshold", "dropped", "%", "kept")
    for name, threshold in (("run", found["run"]["threshold"]), ("replay", found["threshold"])):
        reached, dropped = found[name]["documents"], found[name]["dropped"]
        share = f"{100 * dropped / reached:.1f}" if reached else ""
        table.add_row(name, f"{threshold:g}", f"{dropped:,}", share, f"{reached - dropped:,}")
    console = Console()
    console.print(table)
    console.print(
        f"{found['stay_now']:,} documents stay that went, {found['drop_now']:,} go that stayed. "
        f"{found['unsure']:,} stay unsure: not all their pairs are recorded.",
        highlight=False,
    )
    chance = found["chance_to_find_a_pair_at_the_threshold"]
    console.print(f"The run's bands bring a pair at this threshold together with a chance of {chance:.3f}.")
