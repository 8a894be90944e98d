"""What `beamsift stats` shows of training output."""

from __future__ import annotations

from typing import Any

from pipeline.cli.tables import harmless, new_table

_GROUPS_SHOWN = 12
_COLUMNS = ("documents", "copies", "tokens", "samples", "dropped", "padding", "shards")


def training_table(training: dict[str, Any] | None, everything: bool) -> Any:
    """Each side, with the languages and sources that most tokens (or bytes of text) are from; None without any."""
    from rich.text import Text

    if not training:
        return None
    table = new_table("Training output", "side", *_COLUMNS)
    for side in ("train", "validation"):
        block = training.get(side)
        if block is None:
            continue
        table.add_row(Text(side, style="bold"), *(f"{block[name]:,}" for name in _COLUMNS))
        unit = "tokens" if block["tokens"] else "text_bytes"
        for by in ("by_language", "by_source"):
            groups = sorted(block.get(by, {}).items(), key=lambda item: (-item[1][unit], item[0]))
            if len(groups) > 1:
                for value, counts in groups if everything else groups[:_GROUPS_SHOWN]:
                    table.add_row(
                        f"  {harmless(value) or '(none)'}", *(f"{counts[name]:,}" for name in _COLUMNS[:3]), *[""] * 4
                    )
    if training["left_out"]["documents"]:
        table.add_row("left out by the mixture", f"{training['left_out']['documents']:,}", *[""] * 6)
    return table
