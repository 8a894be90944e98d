"""How tables of the command line look."""

from __future__ import annotations

import json
import re
from typing import Any

from pipeline.hostile_text import is_harmless, spelled


def new_console() -> Any:
    """A rich console on standard output that takes text as it is: `[bold]` or `:smile:` in a corpus are no commands.

    Style goes into `rich.text.Text`. Where the output is no terminal, tables may be as wide as they are.
    """
    import sys

    from rich.console import Console

    width = None if sys.stdout.isatty() else 160
    return Console(markup=False, highlight=False, emoji=False, width=width, soft_wrap=False)


def print_json(data: Any) -> None:
    """One line of JSON, in which what a terminal would take for a command is escaped as JSON can."""
    import click

    line = json.dumps(data, ensure_ascii=False, default=str)
    click.echo(_RISKY.sub(_escaped, line))


_RISKY = re.compile(r"[^\x20-\x7e]")


def _escaped(found: re.Match[str]) -> str:
    char = found[0]
    return char if is_harmless(char) else json.dumps(char)[1:-1]


def shown(text: str, most: int) -> str:
    """The beginning of a text in one line, fit for a terminal.

    >>> shown("one\\ntwo three", 9)
    'one\\\\ntwo …'
    """
    return harmless(text if len(text) <= most else text[: most - 1] + "…")


def new_table(title: str, *columns: str) -> Any:
    """A rich table: the first column to the left, the others, numbers, to the right."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    heading = Text(title, no_wrap=True, overflow="ignore") if title else None  # it may be wider than the table
    table = Table(title=heading, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
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
    return "".join(char if is_harmless(char) else spelled(char) for char in text)


def harmless_lines(text: str) -> str:
    """As `harmless`, but lines stay lines."""
    return "\n".join(harmless(line) for line in text.split("\n"))
