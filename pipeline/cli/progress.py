"""Progress of a run: documents, bytes and rate of every phase, drawn on a terminal or as plain lines for logs."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.watch import Report

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


@contextmanager
def show_scan(what: str, *, quiet: bool = False) -> Iterator[Callable[[int, int], None] | None]:
    """A function to call with (documents, bytes) of every batch that was read; what it adds up to is drawn."""
    with show_progress(quiet=quiet) as report:
        if report is None:
            yield None
            return
        done = [0, 0]

        def add(documents: int, size: int) -> None:
            done[0] += documents
            done[1] += size
            report({what: (done[0], done[1], 0)})

        yield add


class _PlainLines:
    """One line every few seconds, for logs."""

    def __init__(self) -> None:
        self._started = self._said = time.monotonic()
        self._rates = _Rates()

    def report(self, totals: Totals) -> None:
        now = time.monotonic()
        lines = [_line(phase, *total, self._rates.of(phase, total[1], now)) for phase, total in totals.items()]
        if lines and now - self._said >= _PLAIN_SECONDS:
            self._said = now
            print(f"{now - self._started:.0f} s: {'; '.join(lines)}", file=sys.stderr)


def _line(phase: str, documents: int, size: int, dropped: int, rate: float) -> str:
    left = f", {dropped:,} dropped" if dropped else ""
    return f"{phase} {documents:,} documents, {size / 1e6:,.0f} MB, {rate:,.1f} MB/s{left}"


class _Rates:
    """MB/s of each phase, from its first report to the last one in which it moved."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[float, float, int]] = {}

    def of(self, phase: str, size: int, now: float) -> float:
        """Rate of a phase that has done `size` bytes by `now` (seconds)."""
        began, moved, before = self._seen.get(phase, (now, now, size))
        moved = moved if size == before else now
        self._seen[phase] = (began, moved, size)
        return size / 1e6 / max(moved - began, 0.5)


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
        tasks: dict[str, TaskID] = {}
        rates = _Rates()

        def report(totals: Totals) -> None:
            now = time.monotonic()
            if totals:
                progress.update(start, visible=False)
            for phase, (documents, size, dropped) in totals.items():
                if phase not in tasks:
                    tasks[phase] = progress.add_task(phase, total=None, **blank)
                progress.update(
                    tasks[phase],
                    documents=documents,
                    megabytes=size / 1e6,
                    rate=rates.of(phase, size, now),
                    dropped=f"{dropped:,} dropped" if dropped else "",
                )

        yield report
