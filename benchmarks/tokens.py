"""Benchmark `tokens`: tokenising beside the bare library, training output, every format beside a plain copy."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.corpus import TEXT
from benchmarks.peers import FOLDER, run_peer
from benchmarks.report import Result
from benchmarks.timing import cpu_seconds, interleave, median_ratio
from filters.texts import byte_lengths, rows_within
from filters.tokens.packing import gather_tokens, pack_documents
from filters.tokens.params import PackParams, TokenizerParams, TrainingParams
from filters.tokens.tokenizer import Tokenizer, load_tokenizer
from transforms.apply import StagingOptions, stage_split
from transforms.corpus import open_corpus, read_plan, write_plan
from transforms.files import read_bytes
from transforms.training.options import TrainingOptions
from transforms.training.stage import stage_training
from transforms.training.token_files import WRITERS, Samples
from transforms.training.write import plan_sides, write_shard

SCRIPTS = {"datatrove": "datatrove_tokens.py"}
END = "<|end|>"
VOCABULARY, LENGTH = 16_000, 2048
WRITTEN_TOKENS = 1 << 24
"""Tokens of the shard that every format writes."""


def train_tokenizer(texts: pa.LargeStringArray, path: Path, vocabulary: int) -> Path:
    """A byte-level BPE tokenizer, trained on every eighth text."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=[END], initial_alphabet=alphabet, show_progress=False
    )
    made.train_from_iterator(texts.to_pylist()[::8], trainer)
    made.save(str(path))
    return path


def measure(
    texts: pa.LargeStringArray, peers: Mapping[str, Path], folder: Path, repeats: int = 3,
    vocabulary: int = VOCABULARY, written_tokens: int = WRITTEN_TOKENS,
) -> Result:  # fmt: skip
    """Interleaved rounds in this process; the peer in its own, once."""
    folder.mkdir(parents=True, exist_ok=True)
    path = train_tokenizer(texts, folder / "tokenizer.json", vocabulary)
    params = TokenizerParams(kind="hf", path=str(path), bos=None, eos=END, pad=0)
    tokenizer = load_tokenizer(params, read_bytes)
    source = folder / "texts.parquet"
    pq.write_table(pa.table({TEXT: texts}), source, row_group_size=2000)
    tokens = tokenizer.tokens(texts)
    work: dict[str, Callable[[], object]] = {
        "tokenizers, the bare library": _bare(path, texts),
        "beamsift, text to ids": lambda: tokenizer.tokens(texts),
        "beamsift, files of text to shuffled, packed Parquet": _whole(source, folder, params, tokenizer),
    }
    rounds = interleave({name: (lambda run=run: cpu_seconds(run)) for name, run in work.items()}, repeats)
    base = rounds["tokenizers, the bare library"]
    rows = [
        (name, f"{len(tokens.ids) / median(taken) / 1e6:,.3f}", f"{1 / median_ratio(taken, base):,.2f} x", "")
        for name, taken in rounds.items()
    ]
    data: dict[str, Any] = {"tokens": len(tokens.ids), "texts": len(texts), "seconds": rounds}
    for name, python in peers.items():
        told = run_peer(python, FOLDER / SCRIPTS[name], source, folder / "told.json", str(path), END)
        (count,) = told.pop("kept")
        speed = count / told["cpu_seconds"]
        share = speed / (len(tokens.ids) / median(base))
        rows.append((f"{name} {told['version']}, DocumentTokenizer", f"{speed / 1e6:,.3f}", f"{share:,.2f} x", ""))
        data[name] = {**told, "tokens": count}
    written, data["formats"] = _formats(tokens.ids, folder, repeats, written_tokens)
    return Result(
        "tokens",
        "Tokens and training output",
        ("", "million tokens/s per core", "of the bare library", "of a plain copy"),
        (*rows, *written),
        (
            f"{len(texts):,} texts, {byte_lengths(texts).sum() / 1e6:,.1f} MB, {len(tokens.ids):,} tokens of a "
            f"byte-level BPE vocabulary of {vocabulary:,}; one thread, processor time, median of {repeats} rounds.",
            f"Formats: one shard of {written_tokens:,} tokens in sequences of {LENGTH}, SHA-256 and fsync included; a "
            "plain copy writes the same ids with neither.",
            *([] if len(peers) == len(SCRIPTS) else [f"Not run: {', '.join(sorted(set(SCRIPTS) - set(peers)))}."]),
        ),
        data,
    )


def _bare(path: Path, texts: pa.LargeStringArray) -> Callable[[], object]:
    """Only `encode_batch_fast`, in batches of the size that ours have; the ids are not even looked at."""
    from tokenizers import Tokenizer

    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    library = Tokenizer.from_file(str(path))
    library.encode_special_tokens = True
    batches = [texts[rows].to_pylist() for rows in rows_within(byte_lengths(texts), 1 << 20, 1024)]
    return lambda: [library.encode_batch_fast(batch, add_special_tokens=False) for batch in batches]


def _whole(source: Path, folder: Path, params: TokenizerParams, tokenizer: Tokenizer) -> Callable[[], object]:
    """All that a run does for training output, from staged text on, without Beam."""
    corpus = open_corpus([str(source)])
    write_plan(corpus, str(folder / "plan.parquet"), 16 << 20)
    staging = StagingOptions(str(folder / "staged"))
    splits = [s for plan in read_plan(str(folder / "plan.parquet")) for s in stage_split(plan, [], TEXT, staging)]
    training = TrainingParams(
        formats=("parquet",), tokenizer=params, pack=PackParams(length=LENGTH), shard_tokens=1 << 20
    )
    options = TrainingOptions(training, TEXT, str(folder / "ranked"), str(folder / "out"), 1 << 29, 16 << 20, 1)

    def run() -> object:
        runs = b"".join(stage_training(split, options, tokenizer)[1] for split in splits)
        sides = plan_sides(runs, options.target)
        return [write_shard(sides, 0, shard, options, tokenizer.facts) for shard in range(sides[0].shards)]

    return run


def _formats(
    ids: np.ndarray, folder: Path, repeats: int, count: int
) -> tuple[list[tuple[str, ...]], dict[str, list[float]]]:
    stream = np.resize(ids, count)
    lengths = np.full(count // 700, 700, np.int64)
    pieces = pack_documents(lengths, PackParams(length=LENGTH))
    samples = Samples(gather_tokens(stream, pieces), pieces, np.zeros(len(pieces.start), np.int64), {}, 1)

    def plain() -> None:
        with _temporary(folder) as target:
            (target / "copy.bin").write_bytes(samples.ids.tobytes())

    def written(name: str) -> None:
        with _temporary(folder) as target:
            WRITERS[name](samples, str(target), "training", 0)

    work: dict[str, Callable[[], object]] = {"plain copy": plain}
    work |= {name: (lambda name=name: written(name)) for name in WRITERS}
    rounds = interleave({name: (lambda run=run: cpu_seconds(run)) for name, run in work.items()}, repeats)
    rows = [
        (f"writing {name}", f"{samples.ids.size / median(taken) / 1e6:,.0f}", "",
         f"{1 / median_ratio(taken, rounds['plain copy']):,.2f} x")
        for name, taken in rounds.items()
    ]  # fmt: skip
    return rows, rounds


@contextmanager
def _temporary(folder: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=folder) as target:
        yield Path(target)
