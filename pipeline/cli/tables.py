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
