"""Tokenizers of three libraries: ids are those that the library gives; what is wrong is said in one sentence."""

from __future__ import annotations

import base64
import functools
import io
import json
import operator
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from filters.errors import RecipeError
from filters.texts import as_text_array
from filters.tokens.params import TokenizerParams
from filters.tokens.tokenizer import Tokenizer, load_tokenizer
from pipeline.recipe import parse_recipe
from pipeline.run import check
from pipeline.yaml_document import load_yaml
from tests.training_runs import END, tokenizer_of, train_tokenizer

tokenizers = pytest.importorskip("tokenizers")

TEXTS = ["", "one two", "größer als 漢字", f"a {END} b <s>", "x" * 5000, "\n\n", "🙂" * 40]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    texts = ["one two three four five six seven"] * 9
    return train_tokenizer(texts, tmp_path_factory.mktemp("t") / "tokenizer.json", vocabulary=280)


def load(path: Path | str, **params: Any) -> Tokenizer:
    return load_tokenizer(TokenizerParams(**tokenizer_of(Path(path), **params)), lambda uri: Path(uri).read_bytes())


@pytest.mark.parametrize(("bos", "eos"), [(None, None), ("<s>", None), (None, END), ("<s>", 1)])
def test_ids_are_those_of_the_library_one_text_at_a_time(path: Path, bos: Any, eos: Any) -> None:
    ours = load(path, bos=bos, eos=eos)
    theirs = tokenizers.Tokenizer.from_file(str(path))
    theirs.encode_special_tokens = True
    tokens = ours.tokens(as_text_array(TEXTS))
    assert tokens.ids.dtype == np.uint16
    parts = np.split(tokens.ids, np.cumsum(tokens.lengths)[:-1])
    for text, ids in zip(TEXTS, parts, strict=True):
        inner = theirs.encode(text, add_special_tokens=False).ids
        assert ids.tolist() == [*([0] if bos else []), *inner, *([1] if eos else [])]
        assert theirs.decode(inner) == text


def test_a_special_token_in_a_text_is_text(path: Path) -> None:
    ours = load(path, eos=END)
    tokens = ours.tokens(as_text_array([f"{END}{END}"]))
    assert (tokens.ids == ours.eos).sum() == 1


def test_no_text_no_tokens(path: Path) -> None:
    tokens = load(path).tokens(pa.array([], pa.large_string()))
    assert (len(tokens.ids), len(tokens.lengths)) == (0, 0)


def test_truncation_and_padding_in_the_file_are_ignored(path: Path, tmp_path: Path) -> None:
    data = tokenizers.Tokenizer.from_file(str(path))
    data.enable_truncation(2)
    data.enable_padding(length=50)
    data.save(str(tmp_path / "t.json"))
    (length,) = load(tmp_path / "t.json", eos=None).tokens(as_text_array(["one two three four"])).lengths
    assert 2 < length < 50


def test_sentencepiece(tmp_path: Path) -> None:
    sentencepiece = pytest.importorskip("sentencepiece")
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["one two three four five"] * 50), model_writer=model, vocab_size=18, minloglevel=2
    )
    (tmp_path / "t.model").write_bytes(model.getvalue())
    ours = load(tmp_path / "t.model", kind="sentencepiece", bos="<s>", eos="</s>", pad=None)
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    texts = ["one two", "漢字 </s>", ""]
    tokens = ours.tokens(as_text_array(texts))
    expected = [[processor.bos_id(), *processor.encode(text), processor.eos_id()] for text in texts]
    assert tokens.ids.tolist() == functools.reduce(operator.iadd, expected, [])
    assert ours.unknown == processor.unk_id()
    assert (tokens.ids == ours.eos).sum() == 3
    with pytest.raises(RecipeError, match=r"bos: '<bos>' is no token of .*Its special tokens: <s>, </s>"):
        load(tmp_path / "t.model", kind="sentencepiece", bos="<bos>", eos=None, pad=None)


def test_tiktoken(tmp_path: Path) -> None:
    tiktoken = pytest.importorskip("tiktoken")
    ranks = {bytes([n]): n for n in range(256)} | {b"on": 256, b"one": 257}
    lines = [base64.b64encode(word) + f" {rank}\n".encode() for word, rank in ranks.items()]
    (tmp_path / "t.tiktoken").write_bytes(b"".join(lines))
    pattern, special = r"\w+|\s+|[^\w\s]+", {END: 70_000}
    more = {"kind": "tiktoken", "pattern": pattern, "special_tokens": special, "pad": None}
    ours = load(tmp_path / "t.tiktoken", eos=END, **more)
    theirs = tiktoken.Encoding("t", pat_str=pattern, mergeable_ranks=ranks, special_tokens=special)
    tokens = ours.tokens(as_text_array(TEXTS))
    assert tokens.ids.dtype == np.int32  # ids beyond 16 bits
    assert tokens.ids.tolist() == [i for text in TEXTS for i in [*theirs.encode_ordinary(text), 70_000]]
    with pytest.raises(RecipeError, match=r"ids up to 70,000, and uint16 ends at 65,535; say token_type: int32"):
        load(tmp_path / "t.tiktoken", eos=END, token_type="uint16", **more)
    (tmp_path / "t.tiktoken").write_bytes(b"no rank here\n")
    with pytest.raises(RecipeError, match="is not a tokenizer of kind tiktoken; expected lines of a token in base64"):
        load(tmp_path / "t.tiktoken", eos=END, **more)


def test_what_is_wrong_with_a_tokenizer_is_said(path: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"eos: '<end>' is no token of .*Its special tokens: <s>"):
        load(path, eos="<end>")
    with pytest.raises(RecipeError, match=r"did you mean '<\|end\|>'"):
        load(path, eos="<|ende|>")
    with pytest.raises(RecipeError, match=r"bos: 300 is not an id of .*; they go up to 2"):
        load(path, bos=300)
    (tmp_path / "t.json").write_text(json.dumps({"version": 1}))
    with pytest.raises(RecipeError, match=r"is not a tokenizer of kind hf; expected a tokenizer\.json"):
        load(tmp_path / "t.json")


def test_a_missing_package_is_named(path: Path) -> None:
    code = (
        "import sys; sys.modules['tokenizers'] = None\n"
        "from filters.tokens.params import TokenizerParams; from filters.tokens.tokenizer import load_tokenizer\n"
        "load_tokenizer(TokenizerParams(kind='hf', path='t', bos=None, eos=None), lambda path: b'')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "a tokenizer of kind hf needs the package tokenizers; install beamsift[tokenize]" in done.stderr


def refused(training: dict[str, Any], tmp_path: Path, stages: tuple[Any, ...] = ()) -> str:
    """What `check` says of a recipe with this training output."""
    raw = tmp_path / "raw.jsonl"
    raw.write_text('{"text": "one", "lang": "en", "size": 1.5}\n')
    data = {"input": {"paths": str(raw)}, "output": {"path": str(tmp_path / "out")}, "stages": list(stages)}
    with pytest.raises(RecipeError) as error:
        check(parse_recipe(load_yaml("r.yaml", json.dumps({**data, "training": training}))))
    return str(error.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pack": {"length": 0}}, "training.pack.length"),
        ({"pack": {"length": 1 << 21}}, "training.pack.length"),
        ({"pack": {"length": 512}, "shard_tokens": 100}, "pack.length 512 is above shard_tokens 100"),
        ({"pack": {"length": 8, "strategy": "best_fit"}}, "say leftover: pad"),
        ({"tokenizer": None}, "format numpy holds tokens: give a `tokenizer`, or take text_parquet or text_jsonl"),
        ({"formats": ["text_jsonl"], "pack": {"length": 8}}, "`pack` is for tokens; add one of the formats parquet"),
        ({"formats": ["numpi"]}, "did you mean 'numpy'"),
        ({"formats": ["numpy", "numpy"]}, "formats names one twice"),
        ({"tokenizer": {"kind": "hf", "path": "t.json"}}, "training.tokenizer"),
        ({"mixture": {"by": "language", "weights": {"en": 2}}}, "needs a column 'language'; did you mean"),
        ({"mixture": {"weights": {"wiki": 2}}}, "no input file belongs to source 'wiki'"),
        ({"mixture": {"cluster_size": {"copies": "fineweb2"}}}, "needs a deduplication among the stages"),
        ({"mixture": {"cluster_size": {"copies": "fineweb2", "column": "size"}}}, "needs whole numbers, but 'size' is"),
        ({"mixture": {"cluster_size": {"copies": [[2, 1]]}}}, "copies must begin with size 1 and go up"),
        ({"validation": {"share": 1.0}}, "training.validation.share"),
        ({"validation": {"share": 0.1, "by": "site"}}, "training.validation needs a column 'site'"),
    ],
)
def test_a_recipe_that_cannot_work_is_refused_before_the_work_starts(
    path: Path, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    good = {"formats": ["numpy"], "tokenizer": tokenizer_of(path)}
    assert message in refused({**good, **change}, tmp_path)


def test_a_tokenizer_file_that_is_missing_is_named(tmp_path: Path) -> None:
    said = refused({"formats": ["numpy"], "tokenizer": tokenizer_of(tmp_path / "no.json")}, tmp_path)
    assert said.startswith("training.tokenizer: cannot read ") and "no.json" in said


def test_padding_needs_a_token_to_fill_with(path: Path, tmp_path: Path) -> None:
    training = {
        "formats": ["numpy"],
        "tokenizer": tokenizer_of(path, pad=None),
        "pack": {"length": 8, "leftover": "pad"},
    }
    assert "leftover: pad needs tokenizer.pad" in refused(training, tmp_path)
