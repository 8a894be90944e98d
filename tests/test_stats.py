"""Numbers about a result: they are those of its files, and a file that is gone is named."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from filters.errors import OutputError
from pipeline.stats import collect_stats


@pytest.fixture(scope="module")
def result(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from pipeline.recipe import parse_recipe
    from pipeline.run import run
    from pipeline.yaml_document import YamlDocument, load_yaml

    output = tmp_path_factory.mktemp("stats") / "out"
    recipe: YamlDocument = load_yaml(
        "recipe.yaml",
        f"""
input: {{paths: {sample}/raw}}
stages: [{{language: {{min_score: 0.2}}}}, exact_dedup, {{minhash_dedup: {{bands: 14, rows: 8}}}}]
output: {{path: {output}, shard_bytes: 300000, row_group_bytes: 20000}}
""",
    )
    run(parse_recipe(recipe))
    return output


def table(output: Path, series: str) -> list[dict[str, Any]]:
    return ds.dataset(output / series, format="parquet").to_table().to_pylist()


def test_numbers_are_those_of_the_files(result: Path) -> None:
    stats = collect_stats(str(result))
    kept = table(result, "shards")
    assert pq.ParquetFile(next((result / "shards").iterdir())).num_row_groups > 3
    assert {row["language"]: row["documents"] for row in stats["languages"]} == Counter(r["language"] for r in kept)
    for stage in ("exact_dedup", "minhash_dedup"):
        # A document that met others and stays alone is in the evidence, but is no cluster.
        rows = [row for row in table(result, f"dedup/{stage}/documents") if row["cluster_size"] > 1]
        found = stats["duplicates"][stage]
        survivors = [row for row in rows if row["doc_key"] == row["survivor"]]
        assert (found["documents"], found["clusters"]) == (len(rows), len(survivors))
        assert found["dropped"] == len(rows) - len(survivors) > 0
        by_size = Counter(min(row["cluster_size"], 5) for row in survivors)
        assert [row["clusters"] for row in found["sizes"]] == [count for _, count in sorted(by_size.items())]
        largest = sorted(survivors, key=lambda row: (-row["cluster_size"], row["doc_key"]))[:5]
        assert found["largest"] == [{"survivor": r["doc_key"], "documents": r["cluster_size"]} for r in largest]


@pytest.mark.parametrize("series", ["shards", "dedup/exact_dedup/documents"])
@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"PAR1 cut short")])
def test_a_file_that_is_gone_is_named(result: Path, series: str, damage: Any) -> None:
    file = next((result / series).iterdir())
    content = file.read_bytes()
    damage(file)
    try:
        with pytest.raises(OutputError, match=file.name):
            collect_stats(str(result))
    finally:
        file.write_bytes(content)
