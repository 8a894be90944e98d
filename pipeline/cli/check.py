"""`beamsift check`: validate a recipe, open its input, print the plan, run nothing."""

from __future__ import annotations

import json
from typing import Any

import click


@click.command(name="check", epilog="Example:  beamsift check configs/web.yaml --input 'raw/*.parquet'")
@click.argument("recipe", type=click.Path())
@click.option("--input", "-i", "inputs", multiple=True, metavar="PATH", help="Files, folder or glob; may be repeated.")
@click.option("--output", "-o", metavar="FOLDER", help="Where the result would go.")
@click.option("--overwrite", is_flag=True, help="Allow an output folder that holds a result, as `run` would.")
@click.option("--json", "as_json", is_flag=True, help="Print the plan and the resolved recipe as JSON.")
def command(recipe: str, inputs: tuple[str, ...], output: str | None, overwrite: bool, as_json: bool) -> None:
    """Validate RECIPE and its input and print what would run."""
    from pipeline.recipe import load_recipe
    from pipeline.run import check

    loaded = load_recipe(recipe, input_paths=inputs, output_path=output)
    checked = check(loaded, overwrite=overwrite)
    corpus = checked.corpus
    uncounted = sum(file.format in ("jsonl", "arrow_stream") for file in corpus.files)
    plan: dict[str, Any] = {
        "files": len(corpus.files),
        "documents": None if uncounted else corpus.rows,
        "text_bytes": corpus.text_bytes,
        "splits": checked.splits,
        "workers": checked.local.workers,
        "columns": {name: str(corpus.schema.field(name).type) for name in corpus.columns},
        "recipe": loaded.as_dict(),
    }
    if as_json:
        click.echo(json.dumps(plan, ensure_ascii=False))
        return
    known = f"{corpus.rows:,} documents"
    if uncounted:  # only reading JSON lines and Arrow streams would tell
        known = f"{known} and those of {uncounted:,} files not counted" if corpus.rows else "documents not counted"
    click.echo(f"Input    {len(corpus.files):,} files, {known}, about {corpus.text_bytes / 1e6:,.1f} MB of text")
    click.echo(f"Columns  {', '.join(f'{name}: {kind}' for name, kind in plan['columns'].items())}")
    click.echo("Stages")
    for number, stage in enumerate(loaded.stages, start=1):
        params = {key: value for key, value in stage.params.model_dump(mode="json").items() if value is not None}
        called = stage.id if stage.id == stage.name else f"{stage.id} ({stage.name})"
        click.echo(f"  {number}. {called}  " + ", ".join(f"{key}={json.dumps(v)}" for key, v in params.items()))
        if hasattr(stage.params, "layout"):
            bands, rows = stage.params.layout()
            click.echo(f"     {bands} bands of {rows} rows")
    if loaded.training is not None:
        click.echo(f"Training {_training(loaded.training)}")
    click.echo(f"Output   {loaded.output.path}")
    click.echo(f"Runs as  {checked.splits:,} Splits, {checked.local.workers} local worker(s)")
    click.echo("The recipe is valid. Nothing was run.")


def _training(params: Any) -> str:
    """The training output in one line."""
    said = [", ".join(params.formats)]
    if params.tokenizer is not None:
        from pipeline.training import tokenizer_facts

        facts = tokenizer_facts(params)
        said.append(f"{facts['vocabulary']:,} tokens of {params.tokenizer.path} as {facts['token_type']}")
    if params.pack is not None:
        said.append(f"sequences of {params.pack.length:,} ({params.pack.strategy}, {params.pack.leftover})")
    if params.validation is not None:
        said.append(f"{100 * params.validation.share:g} % set apart")
    return "; ".join([*said, f"seed {params.seed}"])
