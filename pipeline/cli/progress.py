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


class Expected:
    """Bytes of text that are to be read, once that is known."""

    def __init__(self) -> None:
        self.bytes: int | None = None

    def set(self, size: int) -> None:
        """Say how much it is."""
        self.bytes = size


@contextmanager
def show_progress(*, quiet: bool = False, expected: Expected | None = None) -> Iterator[Report | None]:
    """A `report` function for `pipeline.run.run`, drawing while the context lasts; with the time left, if that is told
    what to expect."""
    left = _Left(expected or Expected())
    if quiet:
        yield None
    elif sys.stderr.isatty():
        with _live(left) as report:
            yield report
    else:
        yield _PlainLines(left).report


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

    def __init__(self, left: _Left) -> None:
        self._started = self._said = time.monotonic()
        self._rates = _Rates()
        self._left = left

    def report(self, totals: Totals) -> None:
        now = time.monotonic()
        left = _shown(self._left.of(totals, now))
        lines = [_line(phase, *total, self._rates.of(phase, total[1], now)) for phase, total in totals.items()]
        if lines and now - self._said >= _PLAIN_SECONDS:
            self._said = now
            ending = f"; {left}" if left else ""
            print(f"{now - self._started:.0f} s: {'; '.join(lines)}{ending}", file=sys.stderr)


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


_LEAST_SECONDS = 3.0


class _Left:
    """Seconds until the phase ends that began last, by its rate so far.

    The first phase reads all bytes that are expected, later ones all documents that are left of it; what a phase does
    that is named `stage: ...` is not known before.
    """

    def __init__(self, expected: Expected) -> None:
        self._expected = expected
        self._began: dict[str, tuple[float, int]] = {}

    def of(self, totals: Totals, now: float) -> float | None:
        """None while nobody can tell."""
        if not totals:
            return None
        (first, *_), (phase, *_) = totals, reversed(totals)
        before = [dropped for other, (_, _, dropped) in totals.items() if other != phase]
        if phase == first:
            whole, done = self._expected.bytes or 0, totals[phase][1]
        else:
            whole, done = totals[first][0] - sum(before), totals[phase][0]
        began, done_then = self._began.setdefault(phase, (now, done))
        if ":" in phase or not whole or now - began < _LEAST_SECONDS or done <= done_then:
            return None
        return max(whole - done, 0) * (now - began) / (done - done_then)


def _shown(seconds: float | None) -> str:
    """Time left in words, none for None.

    >>> _shown(3900), _shown(61), _shown(4)
    ('about 1 h 5 min left', 'about 1 min left', 'about 4 s left')
    """
    if seconds is None:
        return ""
    hours, minutes = divmod(round(seconds / 60), 60)
    if hours:
        return f"about {hours} h {minutes} min left"
    return f"about {minutes} min left" if seconds >= 60 else f"about {seconds:.0f} s left"


@contextmanager
def _live(left: _Left) -> Iterator[Report]:
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
        TextColumn("[dim]{task.fields[left]}"),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True) as progress:
        blank: dict[str, Any] = {"documents": 0, "megabytes": 0.0, "rate": 0.0, "dropped": "", "left": ""}
        start = progress.add_task("starting", total=None, **blank)
        tasks: dict[str, TaskID] = {}
        rates = _Rates()

        def report(totals: Totals) -> None:
            now = time.monotonic()
            if totals:
                progress.update(start, visible=False)
            ending = _shown(left.of(totals, now))
            *_, last = totals or [""]
            for phase, (documents, size, dropped) in totals.items():
                if phase not in tasks:
                    tasks[phase] = progress.add_task(phase, total=None, **blank)
                progress.update(
                    tasks[phase],
                    documents=documents,
                    megabytes=size / 1e6,
                    rate=rates.of(phase, size, now),
                    dropped=f"{dropped:,} dropped" if dropped else "",
                    left=ending if phase == last else "",
                )

        yield report
