"""How tables of the command line look."""

from __future__ import annotations

from typing import Any


def new_table(title: str, *columns: str) -> Any:
    """A rich table: the first column to the left, the others, numbers, to the right."""
    from rich import box
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for i, column in enumerate(columns):
        table.add_column(column, justify="left" if i == 0 else "right", no_wrap=True)
    return table


def harmless(text: str) -> str:
    """Text of somebody else's, fit for a terminal: characters that command it or turn text around are spelled out.

    Those of Unicode's categories C and Zl, Zp, but not the joiners that Persian, Hindi and emoji are written with.

    >>> print(harmless("\\x1b[31mred\\u202e\\n"))
    \\x1b[31mred\\u202e\\n
    """
    if text.isprintable():
        return text
    return "".join(char if _is_harmless(char) else char.encode("unicode_escape").decode() for char in text)


def _is_harmless(char: str) -> bool:
    import unicodedata

    category = unicodedata.category(char)
    return char in "\u200c\u200d\u3000" or not (category.startswith("C") or category in ("Zl", "Zp"))
