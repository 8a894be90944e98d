"""`beamsift verify`: is a result as it was written, and can it prove what it removed."""

from __future__ import annotations

import json
import sys

import click


@click.command(name="verify", epilog="Example:  beamsift verify build/sample/clean --json | jq .findings")
@click.argument("output", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def command(output: str, as_json: bool) -> None:
    """Check the result in OUTPUT against its manifest, and name what is damaged; then the exit status is 1.

    Checksums and sizes of all files, numbers of rows and bytes, files that do not belong there; that every document of
    the input is once in shards or rejects; that each removal has its reason, limit, survivor and similarity.
    """
    from pipeline.cli.tables import harmless
    from pipeline.verify import verify

    report = verify(output)
    if as_json:
        click.echo(json.dumps(report.as_dict(), ensure_ascii=False))
    else:
        checked = ", ".join(f"{count:,} {name}" for name, count in report.checked.items())
        for path, what in report.findings:
            click.secho("Damaged: ", fg="red", bold=True, nl=False)
            click.echo(harmless(f"{path} {what}"))
        if report.skipped:
            click.echo(f"Not checked while files are damaged: {', '.join(report.skipped)}")
        click.echo(f"{'All is well' if report.whole else f'{len(report.findings):,} findings'}. Checked: {checked}")
    if not report.whole:
        sys.exit(1)
