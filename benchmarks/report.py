"""Tables of results, on the terminal and in the README."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table as RichTable

BEGIN, END = "<!-- benchmarks:begin -->", "<!-- benchmarks:end -->"
_VERSIONED = ("beamsift", "apache-beam", "pyarrow", "numpy", "numba", "datasketch")


@dataclass(frozen=True)
class Result:
    """One benchmark's outcome: a table for readers, and `data`, everything that was measured, for JSON."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]
    data: dict[str, Any]


def machine() -> dict[str, Any]:
    """What the numbers depend on."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cores": cores,
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in _VERSIONED},
        "load_at_start": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }


def machine_line(facts: dict[str, Any], command: str) -> str:
    """The line that ends the tables."""
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    return (
        f"{facts['system']}, {facts['cores']} cores (load at start {facts['load_at_start']}), "
        f"Python {facts['python']}, {versions}. Command: `{command}`"
    )


def wide_console() -> Console:
    """The terminal, or 120 columns where there is none."""
    console = Console()
    return console if console.is_terminal else Console(width=120)


def show(result: Result, console: Console) -> None:
    """Draw a result on the terminal."""
    table = RichTable(title=result.title, title_justify="left", caption="\n".join(result.notes), caption_justify="left")
    for number, column in enumerate(result.columns):
        table.add_column(column, justify="right" if number else "left")
    for row in result.rows:
        table.add_row(*row)
    console.print(table)


def markdown(results: Sequence[Result], ending: str) -> str:
    """All results as Markdown, the machine's line last."""
    parts = []
    for result in results:
        ruler = ["---", *["---:"] * (len(result.columns) - 1)]
        lines = ["| " + " | ".join(cells) + " |" for cells in (result.columns, ruler, *result.rows)]
        parts.append("\n".join([f"**{result.title}**", "", *lines, "", " ".join(result.notes)]))
    return "\n\n".join([*parts, ending])


def replace_between_marks(path: Path, text: str, name: str = "benchmarks") -> None:
    """Put `text` between two marks of a Markdown file. Raises ValueError unless each stands there once."""
    begin, end = check_marks(path, name)
    before = path.read_text(encoding="utf-8")
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    path.write_text(pattern.sub(lambda _: f"{begin}\n\n{text}\n\n{end}", before), encoding="utf-8")


def check_marks(path: Path, name: str = "benchmarks") -> tuple[str, str]:
    """The two marks of a name. Raises ValueError unless the file has both, once each and in order."""
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    text = path.read_text(encoding="utf-8")
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
        raise ValueError(f"{path} needs the lines {begin} and {end}, once each and in this order; add them")
    return begin, end


def as_dict(results: Sequence[Result], facts: dict[str, Any], command: str) -> dict[str, Any]:
    """Everything, ready for JSON."""
    return {"command": command, "machine": facts, "results": [asdict(result) for result in results]}
