"""`beamsift sample`: write the small raw corpus."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click


@click.command(name="sample", epilog="Example:  beamsift sample build/sample --documents 5000 --seed 7")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--documents", type=click.IntRange(min=100), default=2000, show_default=True, help="How many documents.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Same seed, same bytes.")
@click.option("--overwrite", is_flag=True, help="Replace a sample that the folder holds.")
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
def command(folder: Path, documents: int, seed: int, overwrite: bool, as_json: bool) -> None:
    """Write raw shards to FOLDER/raw and the truth about what is planted in them to FOLDER/truth.parquet."""
    from pipeline.sample_corpus import write_sample_corpus

    sample = write_sample_corpus(folder, seed=seed, documents=documents, overwrite=overwrite)
    if as_json:
        click.echo(json.dumps(asdict(sample), default=str, ensure_ascii=False))
        return
    click.echo(f"Wrote {sample.documents:,} documents, {sample.bytes / 1e6:.1f} MB of text, to {folder}/raw")
