"""How numbers and other people's text are written on the page."""

from __future__ import annotations

from pipeline.hostile_text import is_harmless, spelled


def count(number: float) -> str:
    """A whole number with separators.

    >>> count(1234567)
    '1,234,567'
    """
    return f"{number:,.0f}"


def percent(part: float, whole: float) -> str:
    """A share with one decimal; what there is at all is not called nothing.

    >>> percent(1, 8), percent(1, 100_000), percent(0, 7), percent(3, 0), percent(99_999, 100_000)
    ('12.5 %', '< 0.1 %', '0 %', '', '> 99.9 %')
    """
    if not whole:
        return ""
    share = 100 * part / whole
    if 0 < share < 0.05:
        return "< 0.1 %"
    if 99.95 <= share < 100:
        return "> 99.9 %"
    return "0 %" if not part else f"{share:.1f} %"


def number(value: float) -> str:
    """A measured number: whole, or with six digits, so that one next to a limit is not written as the limit.

    >>> [number(value) for value in (0.79996, 12.0, 123456.7, 2 / 3, 1e-9)]
    ['0.79996', '12', '123,457', '0.666667', '1e-09']
    """
    return f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.6g}"


def short(value: float) -> str:
    """A number for an axis.

    >>> [short(value) for value in (0.25, 950.0, 1000.0, 25_000.0, 2.5e6, 1e9)]
    ['0.25', '950', '1k', '25k', '2.5M', '1G']
    """
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


def size(number_of_bytes: float, sign: bool = False) -> str:
    """Bytes in the largest decimal unit that leaves a whole number before the point.

    >>> size(999), size(4_620_920), size(-116, sign=True), size(3.2e12)
    ('999 B', '4.6 MB', '-116 B', '3.2 TB')
    """
    mark = "+" if sign else ""
    for unit, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(number_of_bytes) >= unit:
            return f"{number_of_bytes / unit:{mark},.1f} {letter}B"
    return f"{number_of_bytes:{mark},.0f} B"


def duration(seconds: float) -> str:
    """Time as one says it.

    >>> duration(44.2), duration(754), duration(36_720)
    ('44 s', '12 min 34 s', '10 h 12 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def plain(text: str) -> str:
    """Text in which characters that turn text around, hide it or command a terminal are spelled out; lines stay lines.

    >>> plain("safe\\u202eexe.txt")
    'safe\\\\u202eexe.txt'
    """
    if text.isprintable():
        return text
    return "".join(char if is_plain(char) else spelled(char) for char in text)


def is_plain(char: str) -> bool:
    """Whether a page may show a character as it is."""
    return char in "\n\t" or is_harmless(char)
