"""Tokenizers of three libraries behind one function: texts in, a flat array of ids and the length of each out."""

from __future__ import annotations

import base64
import binascii
import difflib
import hashlib
import importlib
import importlib.metadata
import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from filters.errors import RecipeError
from filters.texts import byte_lengths, rows_within
from filters.tokens.params import Token, TokenizerParams

_BATCH_BYTES, _BATCH_ROWS = 1 << 20, 1024
"""Texts given to a library at once: what it returns takes some hundred bytes a token."""

_PACKAGES = {"hf": "tokenizers", "sentencepiece": "sentencepiece", "tiktoken": "tiktoken"}
UINT16_IDS = 1 << 16


@dataclass(frozen=True)
class Tokens:
    """Ids of several documents one after the other: ids (tokens,), lengths int64 (documents,)."""

    ids: NDArray[Any]
    lengths: NDArray[np.int64]


@dataclass(frozen=True)
class Tokenizer:
    """A tokenizer that is loaded.

    encode: many texts to as many lists of ids, none of them special. vocabulary: all ids are below it. bos, eos, pad,
    unknown: ids or None. dtype: uint16 or int32, as in files. facts: for the manifest; SHA-256 of the file among them.
    """

    encode: Callable[[list[str]], Iterable[list[int]]]
    vocabulary: int
    bos: int | None
    eos: int | None
    pad: int | None
    unknown: int | None
    dtype: np.dtype[Any]
    facts: dict[str, Any]

    def tokens(self, texts: pa.LargeStringArray) -> Tokens:
        """Ids of every text, with bos and eos around each."""
        parts = [
            self._tokens(texts[rows].to_pylist())
            for rows in rows_within(byte_lengths(texts), _BATCH_BYTES, _BATCH_ROWS)
        ]
        if not parts:
            return Tokens(np.zeros(0, self.dtype), np.zeros(0, np.int64))
        return Tokens(np.concatenate([p.ids for p in parts]), np.concatenate([p.lengths for p in parts]))

    def _tokens(self, texts: list[str]) -> Tokens:
        lists = list(self.encode(texts))
        inner = np.fromiter(map(len, lists), np.int64, len(lists))
        ids = np.fromiter(chain.from_iterable(lists), self.dtype, int(inner.sum()))
        before, after = self.bos is not None, self.eos is not None
        lengths = inner + (before + after)
        if not before and not after:
            return Tokens(ids, lengths)
        ends = np.cumsum(lengths)
        out, is_text = np.empty(int(lengths.sum()), self.dtype), np.ones(int(lengths.sum()), np.bool_)
        for token, places in ((self.bos, ends - lengths), (self.eos, ends - 1)):
            if token is not None:
                out[places] = token
                is_text[places] = False
        out[is_text] = ids
        return Tokens(out, lengths)


def load_tokenizer(params: TokenizerParams, read: Callable[[str], bytes]) -> Tokenizer:
    """Load the file, given by `read`.

    Raises RecipeError for a package that is missing, a file of another kind, a token that is not there.
    """
    package = _PACKAGES[params.kind]
    try:
        library = importlib.import_module(package)
    except ImportError as error:
        raise RecipeError(
            f"a tokenizer of kind {params.kind} needs the package {package}; install beamsift[{_EXTRAS[params.kind]}]"
        ) from error
    data = read(params.path)
    try:
        loaded = _LOADERS[params.kind](library, data, params)
    except RecipeError:
        raise
    except Exception as error:  # the libraries raise whatever they like for a file that is not theirs
        raise RecipeError(
            f"{params.path} is not a tokenizer of kind {params.kind}; expected {_EXPECTED[params.kind]}"
        ) from error
    dtype = _dtype(params, loaded.vocabulary)
    special = {name: _token_id(getattr(params, name), name, loaded, params) for name in ("bos", "eos", "pad")}
    facts = {
        "kind": params.kind,
        "path": params.path,
        "sha256": hashlib.sha256(data).hexdigest(),
        "library": f"{package} {importlib.metadata.version(package)}",
        "vocabulary": loaded.vocabulary,
        "token_type": dtype.name,
        **special,
    }
    return Tokenizer(
        loaded.encode, loaded.vocabulary, special["bos"], special["eos"], special["pad"], loaded.unknown, dtype, facts
    )


@dataclass(frozen=True)
class _Loaded:
    encode: Callable[[list[str]], Iterable[list[int]]]
    vocabulary: int
    unknown: int | None
    find: Callable[[str], int | None]
    special: tuple[str, ...]


def _load_hf(library: Any, data: bytes, params: TokenizerParams) -> _Loaded:
    # Work is spread over processes already; threads of the library would make them fight for the same cores.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    tokenizer = library.Tokenizer.from_str(data.decode())
    tokenizer.no_truncation()  # a file can ask for it, and texts would lose their ends without a word
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True  # "</s>" in a text is text, not the end of a document
    ids = tokenizer.get_vocab(with_added_tokens=True)
    model = json.loads(data)["model"]
    unknown = model["unk_id"] if "unk_id" in model else ids.get(model.get("unk_token"))

    def encode(texts: list[str]) -> Iterable[list[int]]:
        return [found.ids for found in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]

    special = tuple(str(token.content) for token in tokenizer.get_added_tokens_decoder().values())
    return _Loaded(encode, max(ids.values(), default=-1) + 1, unknown, tokenizer.token_to_id, special)


def _load_sentencepiece(library: Any, data: bytes, params: TokenizerParams) -> _Loaded:
    processor = library.SentencePieceProcessor(model_proto=data)
    unknown = processor.unk_id()
    size = processor.get_piece_size()

    def find(name: str) -> int | None:
        number = processor.piece_to_id(name)
        return None if processor.id_to_piece(number) != name else int(number)

    def encode(texts: list[str]) -> Iterable[list[int]]:
        return processor.encode(texts, out_type=int, num_threads=1)

    special = tuple(processor.id_to_piece(i) for i in range(size) if processor.is_control(i))
    return _Loaded(encode, size, unknown if unknown >= 0 else None, find, special)


def _load_tiktoken(library: Any, data: bytes, params: TokenizerParams) -> _Loaded:
    encoding = library.Encoding(
        "recipe", pat_str=params.pattern, mergeable_ranks=_ranks(data), special_tokens=dict(params.special_tokens)
    )

    def encode(texts: list[str]) -> Iterable[list[int]]:
        return encoding.encode_ordinary_batch(texts, num_threads=1)

    special: Mapping[str, int] = params.special_tokens
    return _Loaded(encode, encoding.max_token_value + 1, None, special.get, tuple(special))


def _ranks(data: bytes) -> dict[bytes, int]:
    ranks = {}
    for number, line in enumerate(data.splitlines(), start=1):
        if line:
            try:
                word, rank = line.split()
                ranks[base64.b64decode(word, validate=True)] = int(rank)
            except (ValueError, binascii.Error) as error:
                raise ValueError(f"line {number}") from error
    if not ranks:
        raise ValueError("no line")
    return ranks


_LOADERS = {"hf": _load_hf, "sentencepiece": _load_sentencepiece, "tiktoken": _load_tiktoken}
_EXTRAS = {"hf": "tokenize", "sentencepiece": "sentencepiece", "tiktoken": "tiktoken"}
_EXPECTED = {
    "hf": "a tokenizer.json of Hugging Face tokenizers",
    "sentencepiece": "a .model file of SentencePiece",
    "tiktoken": "lines of a token in base64 and its rank, and a pattern that its library understands",
}


def _dtype(params: TokenizerParams, vocabulary: int) -> np.dtype[Any]:
    if params.token_type == "uint16" and vocabulary > UINT16_IDS:
        raise RecipeError(
            f"{params.path} has ids up to {vocabulary - 1:,}, and uint16 ends at {UINT16_IDS - 1:,}; "
            "say token_type: int32, or leave it out"
        )
    small = vocabulary <= UINT16_IDS and params.token_type != "int32"
    return np.dtype(np.uint16 if small else np.int32)


def _token_id(token: Token, role: str, loaded: _Loaded, params: TokenizerParams) -> int | None:
    if token is None:
        return None
    if isinstance(token, int):
        if token >= loaded.vocabulary:
            raise RecipeError(f"{role}: {token} is not an id of {params.path}; they go up to {loaded.vocabulary - 1:,}")
        return token
    found = loaded.find(token)
    if found is None:
        near = difflib.get_close_matches(token, loaded.special, n=1)
        known = ", ".join(loaded.special[:10]) or "none"
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise RecipeError(f"{role}: {token!r} is no token of {params.path}; {hint}Its special tokens: {known}")
    return int(found)
