"""Progress of a run: documents, bytes and rate of every phase, drawn on a terminal or as plain lines for logs."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pipeline.run import Report

_PLAIN_SECONDS = 10.0

Totals = dict[str, tuple[int, int, int]]


@contextmanager
def show_progress(*, quiet: bool = False) -> Iterator[Report | None]:
    """A `report` function for `pipeline.run.run`, drawing while the context lasts."""
    if quiet:
        yield None
    elif sys.stderr.isatty():
        with _live() as report:
            yield report
    else:
        yield _PlainLines().report


class _PlainLines:
    """One line every few seconds, for logs."""

    def __init__(self) -> None:
        self._started = self._said = time.monotonic()

    def report(self, totals: Totals) -> None:
        now = time.monotonic()
        if totals and now - self._said >= _PLAIN_SECONDS:
            self._said = now
            phases = "; ".join(_line(phase, *total) for phase, total in totals.items())
            print(f"{now - self._started:.0f} s: {phases}", file=sys.stderr)


def _line(phase: str, documents: int, size: int, dropped: int) -> str:
    left = f", {dropped:,} dropped" if dropped else ""
    return f"{phase} {documents:,} documents, {size / 1e6:,.0f} MB{left}"


@contextmanager
def _live() -> Iterator[Report]:
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("[bold]{task.description:<14}"),
        TextColumn("{task.fields[documents]:>14,} documents"),
        TextColumn("{task.fields[megabytes]:>10,.1f} MB"),
        TextColumn("{task.fields[rate]:>8,.1f} MB/s"),
        TextColumn("[red]{task.fields[dropped]}"),
        TimeElapsedColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True) as progress:
        blank: dict[str, Any] = {"documents": 0, "megabytes": 0.0, "rate": 0.0, "dropped": ""}
        start = progress.add_task("starting", total=None, **blank)
        tasks: dict[str, tuple[TaskID, float]] = {}

        def report(totals: Totals) -> None:
            now = time.monotonic()
            if totals:
                progress.update(start, visible=False)
            for phase, (documents, size, dropped) in totals.items():
                if phase not in tasks:
                    tasks[phase] = (progress.add_task(phase, total=None, **blank), now)
                task, began = tasks[phase]
                progress.update(
                    task,
                    documents=documents,
                    megabytes=size / 1e6,
                    rate=size / 1e6 / max(now - began, 0.5),
                    dropped=f"{dropped:,} dropped" if dropped else "",
                )

        yield report
