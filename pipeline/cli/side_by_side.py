"""Two texts side by side in a terminal: what both have is dim, what one of them has stands out."""

from __future__ import annotations

from typing import Any

_CONTEXT = 90
"""Characters of what both texts have that are shown before and after a difference."""

_MOST_ROWS = 60


def side_by_side(left: str, right: str, left_name: str, right_name: str, *, colour: bool) -> tuple[Any, str]:
    """(rich table, sentence about it). colour: else differences stand in brackets, for pipes and files.

    Names and texts are somebody else's: what would command a terminal is spelled out.
    """
    from rich import box
    from rich.table import Table

    from pipeline.cli.tables import harmless
    from pipeline.text_diff import diff_words

    found = diff_words(left, right)
    changed = [piece for piece in found.pieces if not piece.same]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=True)
    for name in (left_name, right_name):
        table.add_column(harmless(name), ratio=1, overflow="fold")
    rows = 0
    for number, piece in enumerate(found.pieces):
        if rows >= _MOST_ROWS:
            break
        if piece.same:
            text = _context(piece.left, first=number == 0, last=number == len(found.pieces) - 1)
            if changed:
                table.add_row(text, text)
        else:
            table.add_row(_changed(piece.left, "-", "red", colour), _changed(piece.right, "+", "green", colour))
        rows += 1
    sentence = "The texts are the same." if not changed else f"{len(changed):,} places differ."
    if rows >= _MOST_ROWS:
        sentence += f" The first {_MOST_ROWS // 2} or so are shown."
    if found.left_rest or found.right_rest:
        sentence += f" {found.left_rest:,} and {found.right_rest:,} characters after them were not compared."
    return table, sentence


def _context(text: str, *, first: bool, last: bool) -> Any:
    """What both have, its middle left out; before the first difference its end is enough, after the last its beginning."""
    from rich.text import Text

    head, tail = 0 if first else _CONTEXT, 0 if last else _CONTEXT
    if len(text) > head + tail + 20:
        left_out = len(text) - head - tail
        text = text[:head] + f" … {left_out:,} characters … " + (text[-tail:] if tail else "")
    return Text(_lines(text), "dim")


def _changed(text: str, sign: str, style: str, colour: bool) -> Any:
    from rich.text import Text

    if not text:
        return Text("")
    most = 20 * _CONTEXT
    shown = _lines(text if len(text) <= most else f"{text[:most]} … {len(text) - most:,} characters more")
    return Text(shown, f"bold {style}") if colour else Text(f"[{sign}{shown}{sign}]")


def _lines(text: str) -> str:
    from pipeline.cli.tables import harmless

    return "\n".join(harmless(line) for line in text.split("\n"))
