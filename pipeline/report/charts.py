"""Where the ink of a chart goes: bins, scales and ticks, in the units of an SVG. The template draws it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pipeline.report.wording import short

BINS = 60
"""Most equal bins that a linear scale gets."""
_PER_DECADE = 8
_MOST_DECADES = 9
_UNIT_BINS = 48

WIDTH, HEIGHT = 360.0, 176.0
LEFT, RIGHT, TOP, BOTTOM = 42.0, 34.0, 22.0, 24.0
"""Room around a chart for its ticks, at the right for a second axis or the end of a label."""
_BETWEEN_TICKS = 26.0
_LEAST_BAR = 1.5
"""What there is at all can be seen."""

KINDS = ("kept", "here", "elsewhere")
"""Documents that stay, that leave by a rule of this statistic, and that leave by others; the last are known only of a
result that was only annotated."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Bar:
    """One colour of one bin."""

    kind: str
    count: int
    y: float
    height: float


@dataclass(frozen=True)
class Bin:
    """A range of the x axis: its bars from the axis upwards, and what is said where the pointer is on it."""

    x: float
    width: float
    bars: tuple[Bar, ...]
    tip: str

    @property
    def bar_width(self) -> float:
        """A little less, so that bins are seen apart where there is room for it."""
        return round(max(self.width - (0.8 if self.width > 4 else 0.2), 0.5), 2)


@dataclass(frozen=True)
class Tick:
    """A place on an axis and what stands there."""

    at: float
    text: str


@dataclass(frozen=True)
class Line:
    """A limit: where, and what it is called. kind: `limit`, or `faint` for one of many."""

    x: float
    text: str
    anchor: str = "middle"
    kind: str = "limit"


@dataclass(frozen=True)
class Chart:
    """A histogram, with limits and perhaps a curve (SVG path data) drawn over it."""

    label: str
    bins: tuple[Bin, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    lines: tuple[Line, ...] = ()
    curve: str = ""
    right_ticks: tuple[Tick, ...] = ()
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    right: float = field(default=WIDTH - RIGHT)
    top: float = TOP
    bottom: float = field(default=HEIGHT - BOTTOM)


def edges_for(low: float, high: float, limits: Sequence[float], *, whole: bool) -> Floats:
    """Bounds of bins that hold every number from low to high, each bin from its bound to below the next.

    Few whole numbers get a bin each; what spans far is cut by ratio, from 0 or 1 up; the rest by equal steps of 1, 2
    or 5. A limit becomes a bound, so that no bin lies on both of its sides. float64, at least two, rising.

    >>> edges_for(0, 3, [2], whole=True).tolist()
    [0.0, 1.0, 2.0, 3.0, 4.0]
    >>> edges_for(0.02, 0.11, [0.055], whole=False)[[0, 1, 17, 18, 19, -1]].tolist()
    [0.02, 0.022, 0.055, 0.056, 0.058, 0.112]
    >>> edges_for(3, 70_000, [50], whole=True)[[0, 1, 2, 9, -1]].tolist()
    [3.0, 4.0, 6.0, 42.0, 74989.0]
    """
    near = [limit for limit in limits if math.isfinite(limit)]
    first, last = min([low, *near]), max([high, *near])
    if whole and last - first < _UNIT_BINS:
        return np.arange(math.floor(first), math.floor(last) + 2, dtype=np.float64)
    scale = max((abs(limit) for limit in near if limit), default=0.0)
    if first >= 0 and last > (200 if whole else max(20 * scale, 2.0)):
        edges = _by_ratio(first, last, whole)
    else:
        edges = _by_step(first, last, whole)
    inside = {limit for limit in near if edges[0] < limit < edges[-1]}
    inner = edges[1:-1]
    moved = {float(inner[np.argmin(np.abs(inner - limit))]) for limit in inside if len(inner)}
    return np.array(sorted(set(edges.tolist()) - moved | inside))


def bound(keep: str, limit: float, whole: bool) -> float:
    """The first number on the upper side of a limit. Of whole numbers `<= 2` leaves 2 below and 3 above.

    >>> bound("<=", 2, True), bound(">=", 2, True), bound(">=", 1.5, True), bound("<=", 0.5, False)
    (3.0, 2.0, 2.0, 0.5)
    """
    if not whole:
        return float(limit)
    return float(math.floor(limit) + 1 if keep in ("<=", ">") else math.ceil(limit))


def _by_ratio(first: float, last: float, whole: bool) -> Floats:
    least = 0 if whole else max(math.floor(math.log10(last)) - _MOST_DECADES + 4, -3)
    powers = np.arange(least * _PER_DECADE, (math.floor(math.log10(last)) + 1) * _PER_DECADE + 1)
    edges = 10.0 ** (powers / _PER_DECADE)
    edges = np.unique(np.concatenate([[0.0], np.round(edges) if whole else edges]))
    begin = max(int(np.searchsorted(edges, first, side="right")) - 1, 0)
    return edges[begin : int(np.searchsorted(edges, last, side="right")) + 1]


def _by_step(first: float, last: float, whole: bool) -> Floats:
    least = 1.0 if whole else max(1e-9, 1e-9 * max(abs(first), abs(last)))  # what floats can tell apart, and readers
    step = max(_nice((last - first) / BINS or max(abs(last), 1.0) / BINS), least)
    begin, end = math.floor(first / step), math.floor(last / step) + 1
    edges = np.round(np.arange(begin, end + 1) * step, 12)
    # Rounding may have put the numbers at the ends outside.
    edges[0], edges[-1] = min(edges[0], first), max(edges[-1], np.nextafter(last, np.inf))
    return edges


def _nice(step: float) -> float:
    """The step of 1, 2 or 5 times a power of ten that is nearest from above."""
    power = 10.0 ** math.floor(math.log10(step))
    return float(next(power * k for k in (1, 2, 5, 10) if power * k >= step * (1 - 1e-9)))


def bin_counts(values: Floats, edges: Floats) -> NDArray[np.int64]:
    """How many of the values lie in each bin, int64 (edges - 1,). NaN lies in none."""
    at = np.searchsorted(edges, values, side="right") - 1
    return np.bincount(at[(at >= 0) & (at < len(edges) - 1)], minlength=len(edges) - 1)


def by_ratio(edges: Floats) -> bool:
    """Whether bins widen with their numbers, and so are drawn as wide as each other."""
    widths = np.diff(edges)
    # Medians, as a limit may have made one of them narrow.
    return bool(edges[0] >= 0 and len(widths) > 5 and np.median(widths[-3:]) > 5 * np.median(widths[:3]))


def place(values: Sequence[float] | Floats, edges: Floats) -> list[float]:
    """x of some values: by value, or where bins are cut by ratio, by the number of bins before."""
    xs = np.linspace(LEFT, WIDTH - RIGHT, len(edges))
    if not by_ratio(edges):
        xs = LEFT + (edges - edges[0]) / (edges[-1] - edges[0]) * (WIDTH - RIGHT - LEFT)
    return [round(x, 2) for x in np.interp(values, edges, xs).tolist()]


def layers(
    counts: dict[str, NDArray[np.int64]], edges: Floats, tips: Sequence[str]
) -> tuple[tuple[Bin, ...], tuple[Tick, ...]]:
    """Stacked bars of some kinds of counts, the first at the axis; and the ticks of the axis of counts."""
    top = max(int(np.sum(list(counts.values()), axis=0).max()), 1)
    ticks = _count_ticks(top)
    height = HEIGHT - BOTTOM - TOP
    unit = height / max(top, ticks[-1])
    xs = place(edges, edges)
    bins = []
    for i, tip in enumerate(tips):
        y, bars = HEIGHT - BOTTOM, []
        for kind, found in counts.items():
            if found[i]:
                tall = max(float(found[i]) * unit, _LEAST_BAR)
                y -= tall
                bars.append(Bar(kind, int(found[i]), round(y, 2), round(tall, 2)))
        bins.append(Bin(xs[i], round(xs[i + 1] - xs[i], 2), tuple(bars), tip))
    return tuple(bins), tuple(Tick(round(HEIGHT - BOTTOM - tick * unit, 2), short(tick)) for tick in ticks)


def _count_ticks(top: int) -> list[int]:
    """Zero and some nice numbers, the last one at or near the top.

    >>> _count_ticks(7), _count_ticks(1234)
    ([0, 2, 4, 6], [0, 500, 1000])
    """
    step = max(int(_nice(top / 4)), 1)
    return list(range(0, top + 1, step))


def value_ticks(edges: Floats) -> tuple[Tick, ...]:
    """Ticks for a scale of bins: powers of ten where bins are cut by ratio, else some equal steps.

    >>> [tick.text for tick in value_ticks(edges_for(3, 70_000, [50], whole=True))]
    ['10', '100', '1k', '10k']
    >>> [tick.text for tick in value_ticks(edges_for(0.02, 0.11, [0.055], whole=False))]
    ['0.02', '0.04', '0.06', '0.08', '0.1']
    """
    first, last = float(edges[0]), float(edges[-1])
    if by_ratio(edges):
        chosen = [first, *(edge for edge in edges[1:].tolist() if math.log10(edge).is_integer())]
        chosen = chosen[1:] if len(chosen) > 1 and first and not math.log10(first).is_integer() else chosen
    else:
        step = _nice((last - first) / 6)
        chosen = [round(i * step, 12) for i in range(math.ceil(first / step - 1e-9), math.floor(last / step) + 1)]
    ticks: list[Tick] = []
    for tick in ticks_at(chosen, edges):
        if not ticks or tick.at - ticks[-1].at >= _BETWEEN_TICKS:
            ticks.append(tick)
    return tuple(ticks)


def ticks_at(values: Sequence[float], edges: Floats) -> tuple[Tick, ...]:
    """Ticks at these values."""
    return tuple(Tick(x, short(value)) for x, value in zip(place(values, edges), values, strict=True))


def share_ticks() -> tuple[Tick, ...]:
    """Ticks of a second axis, of shares."""
    span = HEIGHT - BOTTOM - TOP
    return tuple(Tick(HEIGHT - BOTTOM - share * span, f"{share:.0%}") for share in (0, 0.5, 1))


def curve_path(xs: Sequence[float], ys: Sequence[float]) -> str:
    """SVG path data through points; ys from 0 at the axis to 1 at the top."""
    points = [(x, HEIGHT - BOTTOM - y * (HEIGHT - BOTTOM - TOP)) for x, y in zip(xs, ys, strict=True)]
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def anchor_at(x: float) -> str:
    """Which end of a label stands at x, so that it does not leave the chart."""
    near = (WIDTH - LEFT - RIGHT) / 5
    return "start" if x < LEFT + near else "end" if x > WIDTH - RIGHT - near else "middle"
