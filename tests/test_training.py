"""Training output: tokens come back as the texts, in all formats alike; counts are those of a reader; order, sides."""

from __future__ import annotations

import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from filters.errors import OutputError
from tests.training_runs import END, Made, example_rows, files_of, make_training, samples_of, train_tokenizer, training
from transforms.training.index import load_index

tokenizers = pytest.importorskip("tokenizers")

LENGTH = 32


@pytest.fixture(scope="module")
def rows() -> dict[str, list[Any]]:
    return example_rows()


@pytest.fixture(scope="module")
def tokenizer_path(rows: dict[str, list[Any]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train_tokenizer(rows["text"], tmp_path_factory.mktemp("tokenizer") / "tokenizer.json")


@pytest.fixture(scope="module")
def decode(tokenizer_path: Path) -> Any:
    tokenizer = tokenizers.Tokenizer.from_file(str(tokenizer_path))
    return lambda ids: tokenizer.decode(ids, skip_special_tokens=False)


@pytest.fixture(scope="module")
def packed(rows: dict[str, list[Any]], tokenizer_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Sequences of 32 tokens that are filled up, so that all tokens are there."""
    options = training(tokenizer_path, pack={"length": LENGTH, "leftover": "pad"})
    return make_training(rows, tmp_path_factory.mktemp("packed"), options)


@pytest.fixture(scope="module")
def documents(rows: dict[str, list[Any]], tokenizer_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Documents as they are."""
    return make_training(rows, tmp_path_factory.mktemp("documents"), training(tokenizer_path))


def texts_in_order(made: Made, side: str = "train") -> list[str]:
    return [text for path in files_of(made, side, "text_parquet") for text in pq.read_table(path)["text"].to_pylist()]


def test_packed_output_reads_as_the_texts_with_separators(
    packed: Made, decode: Any, rows: dict[str, list[Any]]
) -> None:
    texts = texts_in_order(packed)
    assert sorted(texts) == sorted(rows["text"])
    assert texts != rows["text"]
    text = "".join(decode(ids) for ids in samples_of(packed, "megatron")).replace("<pad>", "")
    assert text == "".join(text + END for text in texts)
    ids = tokenizers.Tokenizer.from_file(packed.report["tokenizer"]["path"]).token_to_id(END)
    assert sum(sample.count(ids) for sample in samples_of(packed, "parquet")) == len(texts)  # not one more for the text


@pytest.mark.parametrize("name", ["megatron", "mds", "numpy"])
def test_all_formats_hold_the_same_samples(packed: Made, documents: Made, name: str) -> None:
    for made in (packed, documents):
        assert samples_of(made, name) == samples_of(made, "parquet") != []


def test_counts_are_those_of_a_reader(packed: Made, documents: Made, rows: dict[str, list[Any]]) -> None:
    for made in (packed, documents):
        train = made.report["train"]
        samples = samples_of(made, "parquet")
        pad = made.report["tokenizer"]["pad"]
        assert train["samples"] == len(samples) == sum(entry["rows"] for entry in made.files["training/train/parquet"])
        assert train["tokens"] + train["padding"] == sum(map(len, samples))
        assert train["padding"] == sum(sample.count(pad) for sample in samples)
        assert train["dropped"] == 0
        assert train["tokens"] == sum(made.documents["tokens"].to_pylist())
        assert train["text_bytes"] == sum(len(text.encode()) for text in rows["text"])
        for language in ("en", "de", "zh"):
            mine = [n for n, name in enumerate(rows["language"]) if name == language]
            counted = train["by_language"][language]
            assert (counted["documents"], counted["copies"]) == (len(mine), len(mine))
            assert counted["tokens"] == sum(made.documents["tokens"][n].as_py() for n in mine)
        assert [(*block.values(),) for block in train["by_source"].values()] == [
            tuple(train[name] for name in ("documents", "copies", "tokens", "text_bytes", "unknown"))
        ]
        assert "by_mixture" not in train


def test_what_does_not_fill_a_sequence_is_counted(
    rows: dict[str, list[Any]], tokenizer_path: Path, tmp_path: Path, packed: Made
) -> None:
    made = make_training(rows, tmp_path, training(tokenizer_path, formats=["numpy"], pack={"length": LENGTH}))
    train, samples = made.report["train"], samples_of(made, "numpy")
    assert 0 < train["dropped"] < train["shards"] * LENGTH
    assert train["tokens"] == len(samples) * LENGTH + train["dropped"]
    padded = samples_of(packed, "numpy")
    assert [s for s in padded if packed.report["tokenizer"]["pad"] not in s] == samples


def test_boundaries_and_documents_of_packed_rows(packed: Made, decode: Any, rows: dict[str, list[Any]]) -> None:
    parts: dict[int, str] = {}
    metadata = json.loads(pq.read_schema(files_of(packed, "train", "parquet")[0]).metadata[b"beamsift"])
    assert metadata["tokenizer"]["sha256"] == packed.report["tokenizer"]["sha256"]
    for path in files_of(packed, "train", "parquet"):
        table = pq.read_table(path)
        assert table.schema.field("input_ids").type == pa.list_(pa.uint16(), LENGTH)
        for row in table.to_pylist():
            bounds, pieces = row["cu_seqlens"], row["doc_keys"]
            assert len(bounds) == len(pieces) + 1 + (row["tokens"] < LENGTH)
            for key, first, last in zip(pieces, bounds, bounds[1:], strict=False):
                parts[key] = parts.get(key, "") + decode(row["input_ids"][first:last])
    # A character may be cut between two sequences; documents that lie in one come back whole.
    whole = [key for key, text in parts.items() if text == rows["text"][key & 0xFFFFFF] + END]
    assert set(parts) == set(range(60))
    assert len(whole) > 30


def test_best_fit_keeps_short_documents_whole(
    rows: dict[str, list[Any]], tokenizer_path: Path, tmp_path: Path, decode: Any
) -> None:
    pack = {"length": 64, "strategy": "best_fit", "leftover": "pad"}
    made = make_training(rows, tmp_path, training(tokenizer_path, formats=["parquet", "mds"], pack=pack))
    pieces = Counter(key for path in files_of(made, "train", "parquet")
                     for keys in pq.read_table(path)["doc_keys"].to_pylist() for key in keys)  # fmt: skip
    for row in made.documents.to_pylist():
        assert pieces[row["doc_key"]] == -(-row["tokens"] // 64)
    assert samples_of(made, "mds") == samples_of(made, "parquet")


@pytest.mark.parametrize("split_rows", [1, 60])
def test_results_do_not_depend_on_how_the_work_is_cut(
    rows: dict[str, list[Any]], tokenizer_path: Path, tmp_path: Path, packed: Made, split_rows: int
) -> None:
    options = training(tokenizer_path, pack={"length": LENGTH, "leftover": "pad"})
    made = make_training(rows, tmp_path, options, split_rows=split_rows)
    assert hashes(made) == hashes(packed)


def hashes(made: Made) -> dict[str, str]:
    return {entry["path"]: entry["sha256"] for entries in made.files.values() for entry in entries}


def test_another_seed_is_another_order_of_the_same(
    rows: dict[str, list[Any]], tokenizer_path: Path, tmp_path: Path, documents: Made
) -> None:
    made = make_training(rows, tmp_path, training(tokenizer_path, formats=["text_parquet"], seed=5))
    ours, theirs = texts_in_order(made), texts_in_order(documents)
    assert sorted(ours) == sorted(theirs)
    assert ours != theirs


def test_texts_have_all_columns_in_both_formats(documents: Made, rows: dict[str, list[Any]]) -> None:
    tables = [pq.read_table(path) for path in files_of(documents, "train", "text_parquet")]
    assert len(tables) > 2
    lines = [
        json.loads(line)
        for path in files_of(documents, "train", "text_jsonl")
        for line in io.TextIOWrapper(pa.input_stream(str(path), compression="zstd"), encoding="utf-8")
    ]
    assert lines == pa.concat_tables(tables).to_pylist()
    assert list(lines[0]) == ["doc_key", "text", "language", "size", "score"]
    assert sorted(row["text"] for row in lines) == sorted(rows["text"])


def test_shards_of_texts_are_those_of_their_tokens(packed: Made, decode: Any) -> None:
    for tokens, texts in zip(
        files_of(packed, "train", "numpy"), files_of(packed, "train", "text_parquet"), strict=True
    ):
        joined = "".join(text + END for text in pq.read_table(texts)["text"].to_pylist())
        assert decode(np.load(tokens).ravel().tolist()).replace("<pad>", "") == joined


def test_without_a_tokenizer_shards_are_of_equal_bytes(rows: dict[str, list[Any]], tmp_path: Path) -> None:
    made = make_training(rows, tmp_path, {"formats": ["text_jsonl"]}, shard_bytes=2000)
    total = sum(len(text.encode()) for text in rows["text"])
    assert made.report["train"]["shards"] == round(total / 2000)
    assert made.report["tokenizer"] is None
    assert made.documents["tokens"].null_count == 60


def test_validation_is_apart_and_once(rows: dict[str, list[Any]], tokenizer_path: Path, tmp_path: Path) -> None:
    twice = {name: values + values for name, values in rows.items()}
    mixture = {"by": "language", "weights": {"en": 3, "de": 0}}
    options = training(tokenizer_path, validation={"share": 0.3}, mixture=mixture, formats=["text_parquet", "numpy"])
    made = make_training(twice, tmp_path, options)
    train, validation = Counter(texts_in_order(made)), Counter(texts_in_order(made, "validation"))
    assert not set(train) & set(validation)
    assert set(validation.values()) == {2}  # both copies of the input, each once
    german = {text for text, language in zip(twice["text"], twice["language"], strict=True) if language == "de"}
    assert not german & (set(train) | set(validation))
    english = {text for text, language in zip(twice["text"], twice["language"], strict=True) if language == "en"}
    assert {train[text] for text in english - set(validation)} == {6}
    assert made.report["left_out"]["documents"] == 40
    assert (
        made.report["train"]["by_language"]["en"]["copies"]
        == 3 * made.report["train"]["by_language"]["en"]["documents"]
    )
    assert made.report["train"]["by_mixture"]["en"] == made.report["train"]["by_language"]["en"]
    rows_written = {row["doc_key"]: row["copies"] for row in made.documents.to_pylist()}
    assert sum(rows_written.values()) == sum(train.values()) + sum(validation.values())


def test_copies_by_cluster_size(rows: dict[str, list[Any]], tmp_path: Path) -> None:
    mixture = {"cluster_size": {"column": "size", "copies": "fineweb2"}}
    made = make_training(rows, tmp_path, {"formats": ["text_parquet"], "mixture": mixture}, size_column="size")
    found = Counter(texts_in_order(made))
    expected = {1: 1, 2: 2, 3: 3, 4: 3, 5: 5, 6: 5}
    assert found == Counter({text: expected[n] for text, n in zip(rows["text"], rows["size"], strict=True)})


def test_the_index_finds_every_sample(packed: Made) -> None:
    samples = samples_of(packed, "parquet")
    for name in ("parquet", "numpy"):
        index = load_index(str(packed.output), "train", name)
        assert len(index) == len(samples)
        for number in (0, 1, 13, len(samples) // 2, len(samples) - 1):
            place = index.locate(number)
            ids = np.load(place.path) if name == "numpy" else pq.read_table(place.path)["input_ids"].to_pylist()
            assert list(ids[place.row]) == samples[number]
        with pytest.raises(IndexError, match="begin the next epoch"):
            index.locate(len(index))
    with pytest.raises(OutputError, match="has no format 'webdataset'; there are: mds"):
        load_index(str(packed.output), "train", "webdataset")
    with pytest.raises(OutputError, match="no training output of side 'validation'"):
        load_index(str(packed.output), "validation")


def column_by_pyarrow(folder: Path, column: str) -> list[Any]:
    return ds.dataset(folder).to_table()[column].to_pylist()


def column_by_duckdb(folder: Path, column: str) -> list[Any]:
    duckdb = pytest.importorskip("duckdb")
    return [value for (value,) in duckdb.sql(f"SELECT {column} FROM '{folder}/*.parquet'").fetchall()]


def column_by_polars(folder: Path, column: str) -> list[Any]:
    polars = pytest.importorskip("polars")
    return polars.read_parquet(f"{folder}/*.parquet")[column].to_list()


def column_by_datasets(folder: Path, column: str) -> list[Any]:
    datasets = pytest.importorskip("datasets")
    loaded = datasets.load_dataset("parquet", data_dir=str(folder), split="train", cache_dir=str(folder / "../cache"))
    return loaded[column][:]


@pytest.mark.filterwarnings("default")  # of the libraries themselves
@pytest.mark.parametrize("read", [column_by_pyarrow, column_by_duckdb, column_by_polars, column_by_datasets])
def test_other_libraries_read_the_shards(packed: Made, read: Any) -> None:
    folder = packed.output / "training/train"
    assert [list(ids) for ids in read(folder / "parquet", "input_ids")] == samples_of(packed, "parquet")
    assert read(folder / "text_parquet", "text") == texts_in_order(packed)


@pytest.mark.filterwarnings("default")  # of the library itself
def test_streaming_reads_mds(packed: Made, documents: Made) -> None:
    streaming = pytest.importorskip("streaming")
    for made in (packed, documents):
        folder = made.output / "training/train/mds"
        loaded = streaming.StreamingDataset(local=str(folder), shuffle=False, batch_size=1)
        found = [loaded[number] for number in range(len(loaded))]
        assert [sample["input_ids"].tolist() for sample in found] == samples_of(made, "parquet")
        if made is packed:
            bounds = [
                row
                for path in files_of(made, "train", "parquet")
                for row in pq.read_table(path)["cu_seqlens"].to_pylist()
            ]
            assert [sample["cu_seqlens"].tolist() for sample in found] == bounds
