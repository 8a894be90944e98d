"""`beamsift run`: run a recipe, with progress, and say how it ended."""

from __future__ import annotations

import json
from functools import partial

import click


@click.command(
    name="run",
    context_settings={"ignore_unknown_options": False},
    epilog="Example:  beamsift run configs/web.yaml --input 'raw/*.parquet' --output clean --workers 2\n\n"
    "Everything after -- goes to Beam:  beamsift run recipe.yaml -- --direct_num_workers=4",
)
@click.argument("recipe", type=click.Path())
@click.option("--input", "-i", "inputs", multiple=True, metavar="PATH", help="Files, folder or glob; may be repeated.")
@click.option("--output", "-o", metavar="FOLDER", help="Where the result goes.")
@click.option(
    "--runner", default="local", show_default=True, help="local, flink, dataflow, prism, or the name of a Beam runner."
)
@click.option("--workers", type=click.IntRange(min=1), help="Processes of the local runner. [default: from the input]")
@click.option("--overwrite", is_flag=True, help="Replace a result that the output folder holds.")
@click.option("--annotate-only", is_flag=True,
              help="Drop nothing: write what every stage measures and judges as columns.")  # fmt: skip
@click.option("--resume", is_flag=True, help="Go on where an interrupted run in the output folder stopped.")
@click.option("--keep-staging", is_flag=True, help="Do not delete intermediate files.")
@click.option("--json", "as_json", is_flag=True, help="Print the manifest instead of the summary.")
@click.option("--quiet", "-q", is_flag=True, help="No progress.")
@click.argument("beam_options", nargs=-1, type=click.UNPROCESSED, metavar="[-- BEAM OPTIONS]")
def command(
    recipe: str,
    inputs: tuple[str, ...],
    output: str | None,
    runner: str,
    workers: int | None,
    overwrite: bool,
    annotate_only: bool,
    resume: bool,
    keep_staging: bool,
    as_json: bool,
    quiet: bool,
    beam_options: tuple[str, ...],
) -> None:
    """Run RECIPE: read the input, run its stages, write shards, rejects and a manifest."""
    from pipeline.cli.interrupts import leaving_at_once
    from pipeline.cli.progress import Expected, show_progress
    from pipeline.recipe import load_recipe
    from pipeline.run import run

    loaded = load_recipe(recipe, input_paths=inputs, output_path=output)
    expected = Expected()
    with leaving_at_once(), show_progress(quiet=quiet, expected=expected) as report:
        manifest = run(
            loaded,
            runner=runner,
            workers=workers,
            beam_options=beam_options,
            overwrite=overwrite,
            resume=resume,
            keep_staging=keep_staging,
            annotate_only=annotate_only,
            report=report,
            tell=partial(click.echo, err=True),
            expect=expected.set,
        )
    if as_json:
        click.echo(json.dumps(manifest, ensure_ascii=False))
        return
    if "submitted" in manifest:
        click.echo(f"{manifest['submitted']}. {loaded.output.path} is a result when it holds manifest.json.")
        return
    if resume:
        click.echo(_taken_over(manifest["taken_over"]))
    read, kept = manifest["read"], manifest["kept"]
    if annotate_only:
        kept = manifest["stages"][-1]["out"]
    share = 100 * kept["documents"] / read["documents"] if read["documents"] else 0.0
    did = "Annotated all; a run would keep" if annotate_only else "Kept"
    click.echo(
        f"{did} {kept['documents']:,} of {read['documents']:,} documents ({share:.1f} %), "
        f"{kept['bytes'] / 1e6:,.1f} of {read['bytes'] / 1e6:,.1f} MB of text, in {manifest['seconds']:.0f} s. "
        f"Result: {loaded.output.path}"
    )
    for warning in manifest["warnings"]:
        click.secho("Warning: ", fg="yellow", bold=True, nl=False, err=True)
        click.echo(warning, err=True)


def _taken_over(count: dict[str, int]) -> str:
    if not count["pieces"]:
        return (
            "Resumed: an earlier run had staged nothing that this recipe would make of this input; all was done anew."
        )
    return (
        f"Resumed: {count['documents']:,} documents, {count['bytes'] / 1e6:,.1f} MB of text, in {count['pieces']:,} "
        "pieces had been staged by an earlier run and were skipped."
    )
