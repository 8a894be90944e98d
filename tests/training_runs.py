"""Training output without Beam: the same functions, called one after the other; and readers of the formats.

The readers are written from the formats' published descriptions, for libraries that CI does not install.
"""

from __future__ import annotations

import itertools
import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from filters.tokens.params import TrainingParams
from filters.tokens.tokenizer import load_tokenizer
from transforms.apply import StagingOptions, stage_split
from transforms.corpus import open_corpus, read_plan, write_plan
from transforms.files import read_bytes
from transforms.training.options import SIDES, ShardSummary, TrainingOptions
from transforms.training.stage import Counts, stage_training
from transforms.training.write import add_counts, finish_training, plan_sides, write_shard

END = "<|end|>"


def train_tokenizer(texts: Sequence[str], path: Path, vocabulary: int = 400) -> Path:
    """A byte-level BPE tokenizer of few merges: any text comes back from its tokens as it was."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=["<s>", END, "<pad>"], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.save(str(path))
    return path


def tokenizer_of(path: Path, **more: Any) -> dict[str, Any]:
    """Parameters of a tokenizer that `train_tokenizer` made."""
    return {"kind": "hf", "path": str(path), "bos": None, "eos": END, "pad": "<pad>", **more}


WORDS = [
    "the",
    "rain",
    "in",
    "Spain",
    "stays",
    "mainly",
    "on",
    "a",
    "plain;",
    "größer,",
    "漢字",
    "и",
    "кириллица.",
    "สวัสดี",
    "🙂\n\tx",
]


def example_rows() -> dict[str, list[Any]]:
    """A corpus of 60 documents in many scripts, one that holds special tokens, one that is empty."""
    rng = np.random.default_rng(1)
    texts = [" ".join(rng.choice(WORDS, rng.integers(1, 60))) for _ in range(58)]
    texts += [f"{END} is written in this text, and <s> too", ""]
    languages = [("en", "de", "zh")[n % 3] for n in range(60)]
    return {"text": texts, "language": languages, "size": [1 + n % 6 for n in range(60)], "score": [0.5] * 60}


ALL = ["parquet", "megatron", "mds", "numpy", "text_parquet", "text_jsonl"]


def training(tokenizer_path: Path, **more: Any) -> dict[str, Any]:
    """Parameters of training output in all formats."""
    return {"formats": ALL, "seed": 4, "shard_tokens": 400, "tokenizer": tokenizer_of(tokenizer_path), **more}


@dataclass(frozen=True)
class Made:
    """Training output that `make_training` wrote."""

    output: Path
    report: dict[str, Any]
    files: dict[str, list[dict[str, Any]]]
    documents: pa.Table


def make_training(
    rows: dict[str, list[Any]], folder: Path, training: dict[str, Any], *, split_rows: int = 8, **more: Any
) -> Made:
    """Rows of a corpus to training output below `folder`. split_rows: rows to a Split; more: of TrainingOptions."""
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(rows), folder / "raw.parquet", row_group_size=split_rows)
    corpus = open_corpus([str(folder / "raw.parquet")])
    write_plan(corpus, str(folder / "plan.parquet"), 1)
    params = TrainingParams.model_validate(training)
    settings = {"shard_bytes": 1000, "row_group_bytes": 300, "compression_level": 1, **more}
    options = TrainingOptions(params, "text", str(folder / "training"), str(folder / "out"), **settings)
    tokenizer = load_tokenizer(params.tokenizer, read_bytes) if params.tokenizer else None
    facts = tokenizer.facts if tokenizer else {}
    runs, counts, sidecars = b"", Counts(), []
    for split in read_plan(str(folder / "plan.parquet")):
        for staged in stage_split(split, [], "text", StagingOptions(str(folder / "staged"))):
            done, mine, seen = stage_training(staged, options, tokenizer)
            runs += mine
            add_counts(counts, seen)
            sidecars += [pq.read_table(uri) for _, uri in done.sidecars]
    sides = plan_sides(runs, options.target)
    places = [(side, shard) for side, held in enumerate(sides) for shard in range(held.shards)]
    shards: list[ShardSummary] = [write_shard(sides, side, shard, options, facts) for side, shard in places]
    account = finish_training(counts, shards, options, facts)
    return Made(folder / "out", account["report"], account["files"], pa.concat_tables(sidecars).sort_by("doc_key"))


def files_of(made: Made, side: str, name: str, end: str = "") -> list[Path]:
    """Files of one side and format, in order of shards, by the account."""
    entries = made.files.get(f"training/{side}/{name}", [])
    paths = [made.output / entry["path"] for entry in entries if entry["path"].endswith(end)]
    return [path for path in paths if not path.name.endswith(".bounds.npy")]


def samples_of(made: Made, name: str, side: str = SIDES[0]) -> list[list[int]]:
    """Token ids of every sample of one format, in order."""
    return [ids for path in files_of(made, side, name, ENDS[name]) for ids in READERS[name](path)]


def _parquet(path: Path) -> Iterator[list[int]]:
    yield from pq.read_table(path)["input_ids"].to_pylist()


def _numpy(path: Path) -> Iterator[list[int]]:
    ids = np.load(path, mmap_mode="r")
    assert isinstance(ids, np.memmap)
    bounds = path.with_suffix(".bounds.npy")
    yield from (list_of(part) for part in (np.split(ids, np.load(bounds)[1:-1]) if bounds.exists() else ids))


def list_of(values: NDArray[Any]) -> list[int]:
    """An array as a plain list."""
    return [int(value) for value in values]


def _megatron(path: Path) -> Iterator[list[int]]:
    """Magic, version, type, two counts; then lengths, byte offsets and bounds of documents, all little-endian."""
    index = path.with_suffix(".idx").read_bytes()
    magic, version, code, count, bounds = struct.unpack_from("<9sQBQQ", index)
    assert (magic, version) == (b"MMIDIDX\x00\x00", 1)
    dtype = {4: np.dtype("<i4"), 8: np.dtype("<u2")}[code]
    lengths = np.frombuffer(index, "<i4", count, 34)
    places = np.frombuffer(index, "<i8", count, 34 + 4 * count)
    documents = np.frombuffer(index, "<i8", bounds, 34 + 12 * count)
    assert len(index) == 34 + 12 * count + 8 * bounds
    assert documents.tolist() == list(range(count + 1))
    data = np.memmap(path, np.uint8, mode="r")
    for place, length in zip(places, lengths, strict=True):
        yield list_of(np.frombuffer(data, dtype, length, place))


def _mds(path: Path) -> Iterator[list[int]]:
    """Count and offsets (u32), then a configuration; a sample is the sizes of its columns of varying size, and they."""
    index = json.loads((path.parent / "index.json").read_bytes())
    entry = next(shard for shard in index["shards"] if shard["raw_data"]["basename"] == path.name)
    data = path.read_bytes()
    assert entry["raw_data"]["bytes"] == len(data)
    count = int(np.frombuffer(data, "<u4", 1)[0])
    offsets = np.frombuffer(data, "<u4", count + 1, 4).tolist()
    assert (entry["samples"], offsets[-1]) == (count, len(data))
    config = json.loads(data[4 * (count + 2) : offsets[0]])
    assert config["column_names"] == entry["column_names"] == sorted(entry["column_names"])
    for first, last in itertools.pairwise(offsets):
        yield _mds_sample(data[first:last], entry)["input_ids"]


def _mds_sample(data: bytes, entry: dict[str, Any]) -> dict[str, list[int]]:
    varying = [name for name, size in zip(entry["column_names"], entry["column_sizes"], strict=True) if size is None]
    sizes = dict(zip(varying, np.frombuffer(data, "<u4", len(varying)).tolist(), strict=True))
    at, found = 4 * len(varying), {}
    columns = zip(entry["column_names"], entry["column_encodings"], entry["column_sizes"], strict=True)
    for name, encoding, fixed in columns:
        size = sizes[name] if fixed is None else fixed
        _, dtype, *shape = encoding.split(":")
        value = data[at : at + size]
        at += size
        if not shape:  # number of axes and width of the shape in a byte, then the shape
            axes, width = value[0] >> 2, 1 << (value[0] & 3)
            assert axes == 1
            length = int.from_bytes(value[1 : 1 + width], "little")
            value = value[1 + width :]
            assert len(value) == length * np.dtype(dtype).itemsize
        found[name] = list_of(np.frombuffer(value, np.dtype(dtype).newbyteorder("<")))
    assert at == len(data)
    return found


READERS = {"parquet": _parquet, "megatron": _megatron, "mds": _mds, "numpy": _numpy}
ENDS = {"parquet": ".parquet", "megatron": ".bin", "mds": ".mds", "numpy": ".npy"}
