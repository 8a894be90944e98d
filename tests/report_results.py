"""Results for tests of the report: hostile texts and names among real ones; their documents read slowly, row by row."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds

from pipeline.report.contents import collect
from pipeline.report.page import render
from pipeline.result import open_result
from tests.report_pages import Element, read_page

SECRET = "quinn.harper@fastmail-hq.net"
HOSTILE = [
    "<script>window.taken = 1; document.title = 'taken'</script>",
    '<img src=x onerror="window.taken = 1"><svg onload="window.taken = 1"></svg>',
    "\"'></pre></div></style></script><script>window.taken = 1</script><iframe src='https://example.org/'></iframe>",
    "{{ 7 * 7 }} {% for x in [1] %}taken{% endfor %} {# taken #} &lt;b&gt; &amp;amp; <!-- taken --> <plaintext>",
    "\u202egnp.exe\u202c \u2066a\u2069 \x1b[31mred\x1b[0m \x00 \u200b \ufeff z" + "\u0301" * 300,
    '<style>* { display: none }</style><meta http-equiv="refresh" content="0;url=https://example.org/">',
    '<form action="https://example.org"><input autofocus onfocus="window.taken = 1"></form>',
]
RECIPE: dict[str, Any] = {
    "stages": [
        {"length": {"min_words": 12, "max_words": 400}},
        {"language": {"min_score": 0.3, "allow": ["en", "de", "fr", "ja", "ru", "ar"]}},
        {"pii": {"kinds": ["email"]}},
        {"exact_dedup": {"normalise": "whitespace"}},
        {"minhash_dedup": {"threshold": 0.75, "bands": 20, "rows": 6}},
    ],
    "output": {"shard_bytes": 200_000, "row_group_bytes": 20_000},
}


def write_corpus(sample: Path, folder: Path) -> None:
    """Two sources, one of them with a hostile name and hostile texts."""
    odd = folder / "odd <b onclick=alert(1)> & \u202e'\""
    (folder / "plain").mkdir(parents=True)
    odd.mkdir()
    for number, file in enumerate(sorted((sample / "raw").iterdir())):
        shutil.copy(file, (odd if number % 3 == 2 else folder / "plain") / file.name)
    texts = [row["text"] for row in ds.dataset(folder / "plain").to_table(columns=["text"]).to_pylist() if row["text"]]
    lines = [f"{bad} {texts[n]} {bad}" for n, bad in enumerate(HOSTILE * 3)] + HOSTILE
    letter = f"Please write to {SECRET} about the garden, the boat, the two goats and the price of the old blue house."
    lines += [letter, f"{letter} ", letter.replace("two", "three")]
    (odd / "hostile.jsonl").write_text("".join(json.dumps({"text": line}) + "\n" for line in lines), encoding="utf-8")


PAGES: dict[Path, tuple[dict[str, Any], Element]] = {}


def report_of(output: Path) -> tuple[dict[str, Any], Element]:
    """Contents and page, made once."""
    if output not in PAGES:
        contents = collect(open_result(str(output)))
        PAGES[output] = contents, read_page(render(contents))
    return PAGES[output]


def rows(output: Path, series: str) -> list[dict[str, Any]]:
    if not (output / series).is_dir():
        return []
    found: list[dict[str, Any]] = ds.dataset(output / series, format="parquet").to_table().to_pylist()
    return found


def documents(output: Path) -> list[dict[str, Any]]:
    """Every document that was read, slowly: where it left and why (None: it stays), its language, source, values."""
    manifest = json.loads((output / "manifest.json").read_text())
    folders = {file["ordinal"]: Path(file["path"]).parent.name for file in manifest["inputs"]}
    marks = {"stage": "would_drop_at", "reason": "would_drop_reason"}
    found = [{**row, **{name: row.get(mark) for name, mark in marks.items()}} for row in rows(output, "shards")]
    found += [{**row, "left": True} for row in rows(output, "rejects")]
    for row in found:
        row["folder"] = folders[row["doc_key"] >> 40]
    return found


def in_units(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size >= 1e6 else f"{size / 1e3:,.1f} kB" if size >= 1e3 else f"{size} B"
