"""Annotated results made without a runner: the files that `beamsift calibrate` reads, and no text in them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from filters.annotate import WOULD_DROP_AT, WOULD_DROP_REASON, annotate_stages
from filters.catalog import FILTERS
from filters.chain import KEY, Stage, run_stages

Named = Sequence[tuple[str, dict[str, Any]]]

LINES = "The end of the line is here. It has a few words in it."
TEXTS = [
    "short",
    "The cat sat on the mat and that was it for the day, with all to be said of it. " * 3,
    "Der Hund und die Katze sind im Haus, und sie haben dort das Essen von der Frau. " * 4,
    "- one\n- two\n- three\n- four\n",
    "# # # a # b #",
    "\n".join([LINES] * 6),
    f"{LINES}\nTwo lines of it... and {{ a bracket",
    "Le chat est dans la maison et il ne veut pas sortir de la pièce où il dort. " * 2,
    "11 22 33 44 55 66 77 88 99",
    "",
    "你好，世界。这是一个测试。" * 5,
]
"""Documents that differ in what the filters measure."""


def stages_of(named: Named) -> list[Stage]:
    """Stages by name and parameters; ids are the names."""
    return [Stage(name, name, FILTERS[name].Params(**params)) for name, params in named]


def batch_of(texts: Sequence[str]) -> pa.RecordBatch:
    return pa.record_batch({KEY: pa.array(range(len(texts)), pa.int64()), "text": pa.array(texts, pa.string())})


def write_result(folder: Path, texts: Sequence[str], named: Named) -> str:
    """What `run --annotate-only` would leave, as far as calibration reads it: two shards without their texts."""
    stages = stages_of(named)
    applied, _ = annotate_stages(batch_of(texts), stages, "text")
    gone = {row[KEY]: row for row in applied.rejects.to_pylist()}
    found = pa.Table.from_batches([applied.kept]).drop_columns("text")
    for column, name in ((WOULD_DROP_AT, "stage"), (WOULD_DROP_REASON, "reason")):
        values = [gone[key][name] if key in gone else None for key in found[KEY].to_pylist()]
        found = found.append_column(column, pa.array(values, pa.string()))
    (folder / "shards").mkdir(parents=True, exist_ok=True)
    files, half = [], len(found) // 2
    for number, part in enumerate((found.slice(0, half), found.slice(half))):
        path = f"shards/part-{number}.parquet"
        pq.write_table(part, folder / path, row_group_size=3)
        files.append({"path": path, "rows": len(part)})
    recipe = {
        "input": {"paths": ["raw"]},
        "output": {"path": str(folder)},
        "stages": [{stage.name: stage.params.model_dump(mode="json")} for stage in stages],
    }
    manifest = {"format_version": 1, "annotate_only": True, "recipe": recipe, "files": {"shards": files}}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return str(folder)


def dropped_by(texts: Sequence[str], named: Named) -> dict[tuple[str, str], int]:
    """What a run would drop, by stage and reason."""
    rejects = run_stages(batch_of(texts), stages_of(named), "text").rejects.to_pylist()
    return dict(Counter((row["stage"], row["reason"]) for row in rejects))
