"""Whole runs with training output: the graph writes the bytes that the functions write, and tells what it did."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from pipeline.cli.main import cli
from tests.conftest import run_in
from tests.training_runs import make_training, tokenizer_of, train_tokenizer

pytest.importorskip("tokenizers")

TEXTS = [f"document {n} of the {'first' if n % 2 else 'second'} kind, with some words" for n in range(40)]
TEXTS += TEXTS[:10]  # tagged as duplicates: all are kept, each beside the one it is a copy of


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = train_tokenizer(TEXTS, tmp_path_factory.mktemp("t") / "tokenizer.json", vocabulary=300)
    return {
        "formats": ["parquet", "megatron", "mds", "numpy", "text_jsonl"],
        "seed": 2,
        "shard_tokens": 300,
        "tokenizer": tokenizer_of(path),
        "pack": {"length": 16, "leftover": "pad"},
        "mixture": {"weights": {}, "default": 1.5},
        "validation": {"share": 0.2},
    }


@pytest.fixture(scope="module")
def result(options: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    folder = tmp_path_factory.mktemp("run")
    (folder / "raw").mkdir()
    (folder / "raw/a.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS))
    recipe = {
        "input": {"paths": str(folder / "raw")},
        "stages": [{"exact_dedup": {"action": "tag"}}],
        "training": options,
        "output": {"shard_bytes": 1000, "row_group_bytes": 300},
    }
    return run_in(folder, recipe)


def test_the_graph_writes_what_the_functions_write(
    result: tuple[dict[str, Any], Path], options: dict[str, Any], tmp_path: Path
) -> None:
    manifest, _ = result
    firsts = [n % 40 for n in range(50)]
    rows = {
        "text": TEXTS,
        "exact_dedup_cluster_size": [2 if n < 10 else 1 for n in firsts],
        "exact_dedup_cluster": firsts,
        "exact_dedup_survivor": firsts,
    }
    made = make_training(rows, tmp_path, options, clusters=(("exact_dedup_cluster", "exact_dedup_cluster_size"),))
    expected = {entry["path"]: entry["sha256"] for entries in made.files.values() for entry in entries}
    found = {
        entry["path"]: entry["sha256"]
        for name, entries in manifest["files"].items()
        if name.startswith("training/") and name != "training/documents"
        for entry in entries
    }
    assert found == expected
    train = manifest["training"]["train"]
    assert {k: v for k, v in train.items() if k != "by_source"} == {
        k: v for k, v in made.report["train"].items() if k != "by_source"
    }


def test_every_document_is_accounted_for(result: tuple[dict[str, Any], Path]) -> None:
    manifest, output = result
    (entry,) = manifest["files"]["training/documents"]
    rows = pq.read_table(output / entry["path"]).to_pylist()
    assert [row["doc_key"] for row in rows] == list(range(50))
    training = manifest["training"]
    for side, block in (("validation", training["validation"]), ("train", training["train"])):
        mine = [row for row in rows if row["validation"] == (side == "validation")]
        assert block["documents"] == len(mine)
        assert block["tokens"] == sum(row["tokens"] * row["copies"] for row in mine)
        assert block["tokens"] + block["padding"] == 16 * block["samples"]
    for n in range(10):  # copies of a tagged document lie on its side
        assert rows[n]["validation"] == rows[40 + n]["validation"]


def test_stats_show_the_training_output(result: tuple[dict[str, Any], Path]) -> None:
    shown = CliRunner().invoke(cli, ["stats", str(result[1])])
    assert shown.exit_code == 0, shown.output
    assert "Training output" in shown.output
    told = json.loads(CliRunner().invoke(cli, ["stats", str(result[1]), "--json"]).output)
    assert told["training"] == result[0]["training"]
    assert told["files"]["training/train/numpy"]["rows"] == result[0]["training"]["train"]["samples"]
