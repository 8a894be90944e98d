"""Training output where something is odd: a crash, a giant, nothing at all, losses, groups that do not exist."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from filters.errors import ConservationError, InputError, OutputError
from filters.tokens.params import TrainingParams
from filters.tokens.tokenizer import load_tokenizer
from tests.training_runs import example_rows, files_of, make_training, samples_of, train_tokenizer, training
from transforms.files import read_bytes
from transforms.training import token_files
from transforms.training.options import TrainingOptions
from transforms.training.stage import _StageFn as StageFn

pytest.importorskip("tokenizers")


@pytest.fixture(scope="module")
def rows() -> dict[str, list[Any]]:
    return example_rows()


@pytest.fixture(scope="module")
def tokenizer_path(rows: dict[str, list[Any]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train_tokenizer(rows["text"], tmp_path_factory.mktemp("tokenizer") / "tokenizer.json")


def test_a_crash_while_writing_leaves_nothing_that_looks_like_a_shard(
    rows: dict[str, list[Any]], tokenizer_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(samples: token_files.Samples, output: str, folder: str, shard: int) -> Any:
        with token_files.atomic_writer(f"{output}/{folder}/numpy/part-{shard:05d}.npy") as sink:
            sink.write(b"half of")
            raise KeyboardInterrupt

    monkeypatch.setitem(token_files.WRITERS, "numpy", fail)
    with pytest.raises(KeyboardInterrupt):
        make_training(rows, tmp_path, training(tokenizer_path, formats=["megatron", "numpy"]))
    left = sorted(os.listdir(tmp_path / "out/training/train/megatron"))
    assert left == ["part-00000.bin", "part-00000.idx"]  # whole, of the format before
    assert os.listdir(tmp_path / "out/training/train/numpy") == []
    assert not (tmp_path / "out/training/train/index.json").exists()


def test_megatron_needs_its_index_which_comes_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = token_files.atomic_writer

    def fail_at_index(uri: str) -> Any:
        if uri.endswith(".idx"):
            raise OutputError("no space left")
        return real(uri)

    monkeypatch.setattr(token_files, "atomic_writer", fail_at_index)
    ids = np.arange(3, dtype=np.uint16)
    samples = token_files.Samples(ids, token_files.Pieces(*(np.array(v) for v in ([0], [3], [0, 1]))), ids, {}, 1)
    with pytest.raises(OutputError):
        token_files.write_megatron(samples, str(tmp_path), "training/train", 0)
    assert os.listdir(tmp_path / "training/train/megatron") == ["part-00000.bin"]


def test_one_gigantic_document(tokenizer_path: Path, tmp_path: Path) -> None:
    one = {"text": ["a" * 200_000, "b"]}
    made = make_training(one, tmp_path, training(tokenizer_path, formats=["numpy"], pack={"length": 128}))
    samples = samples_of(made, "numpy")
    assert len(samples) * 128 + made.report["train"]["dropped"] == made.report["train"]["tokens"] > 20_000


def test_no_document_and_too_few_tokens(tokenizer_path: Path, tmp_path: Path) -> None:
    options = training(tokenizer_path, formats=["numpy", "mds"], pack={"length": 128})
    made = make_training({"text": ["short"]}, tmp_path / "few", options)
    assert made.report["train"]["samples"] == 0
    (warning,) = made.report["warnings"]
    assert warning.endswith("so no shard was written; shorten pack.length, or say leftover: pad")
    assert not files_of(made, "train", "numpy")
    nothing = {"mixture": {"weights": {}, "default": 0}}
    made = make_training({"text": ["x"]}, tmp_path / "none", {**options, **nothing})
    assert made.report["left_out"]["documents"] == 1
    assert made.report["warnings"] == ["training: no document is left to train on, so no shard was written"]
    assert not (made.output / "training").exists()


def test_lost_tokens_are_noticed(
    rows: dict[str, list[Any]], tokenizer_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tests.training_runs as runs

    real = runs.write_shard

    def lossy(sides: Any, side: int, shard: int, options: Any, facts: Any) -> Any:
        summary = real(sides, side, shard, options, facts)
        return summary if shard else type(summary)(**{**vars(summary), "tokens": summary.tokens - 1})

    monkeypatch.setattr(runs, "write_shard", lossy)
    with pytest.raises(ConservationError, match="tokens for train and in its shards"):
        make_training(rows, tmp_path, training(tokenizer_path, formats=["numpy"]))


def test_a_group_that_no_document_has_is_told(rows: dict[str, list[Any]], tmp_path: Path) -> None:
    mixture = {"by": "language", "weights": {"eng": 2}}
    made = make_training(rows, tmp_path, {"formats": ["text_jsonl"], "mixture": mixture})
    assert made.report["warnings"] == [
        "training: mixture.weights names language 'eng', which no document has. There are: de, en, zh"
    ]


def test_a_tokenizer_that_changed_meanwhile_is_noticed(tokenizer_path: Path) -> None:
    params = TrainingParams.model_validate(training(tokenizer_path))
    options = TrainingOptions(params, "text", "staging", "out", 1, 1, 1)
    facts = load_tokenizer(params.tokenizer, read_bytes).facts
    StageFn(options, facts).setup()
    with pytest.raises(InputError, match="is not what it was when the run began"):
        StageFn(options, {**facts, "sha256": "0" * 64}).setup()
