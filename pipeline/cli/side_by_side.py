"""Two texts side by side in a terminal: what both have is dim, what one of them has stands out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.text_diff import Piece

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
    rows = list(_rows(found.pieces, colour))
    for left_cell, right_cell in rows[:_MOST_ROWS] if changed else ():
        table.add_row(left_cell, right_cell)
    sentence = "The texts are the same." if not changed else f"{len(changed):,} places differ."
    if len(rows) > _MOST_ROWS:
        sentence += " The first of them are shown."
    if found.left_rest or found.right_rest:
        sentence += f" {found.left_rest:,} and {found.right_rest:,} characters after them were not compared."
    return table, sentence


def _rows(pieces: Sequence[Piece], colour: bool) -> Iterator[tuple[Any, Any]]:
    """Both sides from one long run that they share to the next; of such a run its beginning and its end."""
    from rich.text import Text

    from pipeline.cli.tables import harmless_lines

    left, right = Text(), Text()
    for number, piece in enumerate(pieces):
        if not piece.same:
            left.append_text(_changed(piece.left, "-", "red", colour))
            right.append_text(_changed(piece.right, "+", "green", colour))
            continue
        head = 0 if number == 0 else _CONTEXT
        tail = 0 if number == len(pieces) - 1 else _CONTEXT
        left_out = len(piece.left) - head - tail
        if left_out <= _CONTEXT:
            head, left_out = len(piece.left), 0
        for side in (left, right):
            side.append(harmless_lines(piece.left[:head]))
        if left_out:
            if number:
                yield left, right
            yield (Text(f"… {left_out:,} characters …", "dim"),) * 2
            left, right = (Text(harmless_lines(piece.left[head + left_out :])) for _ in range(2))
    if left or right:
        yield left, right


def _changed(text: str, sign: str, style: str, colour: bool) -> Any:
    from rich.text import Text

    from pipeline.cli.tables import harmless_lines

    if not text:
        return Text()
    most = 20 * _CONTEXT
    shown = harmless_lines(text if len(text) <= most else f"{text[:most]} … {len(text) - most:,} characters more")
    return Text(shown, f"bold {style}") if colour else Text(f"[{sign}{shown}{sign}]")
