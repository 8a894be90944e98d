"""`beamsift report`: one HTML file that shows a result."""

from __future__ import annotations

import click


@click.command(name="report", epilog="Example:  beamsift report build/sample/clean -o report.html")
@click.argument("output", type=click.Path())
@click.option("-o", "--out", "target", type=click.Path(), default="report.html", show_default=True,
              help="File to write, local or on an object store.")  # fmt: skip
@click.option("--samples", type=click.IntRange(0, 100), default=3, show_default=True,
              help="Documents to show of every reason, twice as many that were kept; 0: no text at all.")  # fmt: skip
def command(output: str, target: str, samples: int) -> None:
    """Write a page about the result in OUTPUT: one file that needs no network and can be sent, read and printed.

    It shows the funnel, reasons by language and source, what was measured with the limits drawn in, duplicates, and
    samples of what was removed and kept, with the recipe and the manifest. It holds text of the corpus unless
    --samples is 0.
    """
    from pipeline.cli.tables import harmless
    from pipeline.report.contents import collect
    from pipeline.report.page import render
    from pipeline.result import open_result
    from transforms.files import write_bytes_atomic

    page = render(collect(open_result(output), per_reason=samples, kept=2 * samples)).encode()
    write_bytes_atomic(target, page)
    click.echo(f"Wrote {harmless(target)}, {len(page) / 1e6:.1f} MB. Open it in a browser.")
