"""What a recipe says of training output: tokenizer, packing, formats, mixture, validation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from filters.contract import StageParams
from filters.groups import Grouping

TOKEN_FORMATS = ("parquet", "megatron", "mds", "numpy")
TEXT_FORMATS = ("text_parquet", "text_jsonl")

MAX_LENGTH = 1 << 20
"""Longest packed sequence. The longest contexts in use are of this order; what is above is most likely a slip."""

FINEWEB2_COPIES = ((1, 1.0), (2, 2.0), (3, 3.0), (5, 5.0), (100, 8.0), (1000, 1.0))
"""FineWeb-2's upsampling by size of the duplicate cluster, (from this size on, copies): the README of
huggingface/fineweb-2, section Deduplication, and its `Rehydrater`."""

Format = Literal["parquet", "megatron", "mds", "numpy", "text_parquet", "text_jsonl"]
Token = Annotated[int, Field(ge=0)] | str | None


class TokenizerParams(StageParams):
    """A tokenizer file and the tokens around documents.

    kind: `hf` is a `tokenizer.json` of Hugging Face tokenizers, `sentencepiece` a `.model`, `tiktoken` a `.tiktoken`
    file of ranks. bos, eos: put before and after every document, by name or id; null for none. They have no default,
    for what separates documents should be decided. pad: fills sequences. pattern, special_tokens: what tiktoken keeps
    in code: the regular expression that cuts words, names with ids. token_type: of the ids in files; `auto` takes
    uint16 where the vocabulary fits. Names of special tokens that occur in a text are encoded as text.
    """

    kind: Literal["hf", "sentencepiece", "tiktoken"]
    path: str
    bos: Token
    eos: Token
    pad: Token = None
    pattern: str | None = None
    special_tokens: Mapping[str, Annotated[int, Field(ge=0)]] = {}
    token_type: Literal["auto", "uint16", "int32"] = "auto"

    @model_validator(mode="after")
    def _tiktoken_keeps_its_pattern_in_code(self) -> TokenizerParams:
        if self.kind == "tiktoken" and self.pattern is None:
            raise ValueError("kind tiktoken needs `pattern`, the regular expression that its encoding cuts words with")
        if self.kind != "tiktoken" and (self.pattern is not None or self.special_tokens):
            raise ValueError(f"`pattern` and `special_tokens` are for kind tiktoken; leave them out for {self.kind}")
        return self


class PackParams(StageParams):
    """Sequences of one length.

    strategy: `concat` joins the documents of a shard and cuts every `length` tokens; `best_fit` cuts only documents
    that are longer, and fits the pieces into as few sequences as best-fit-decreasing finds (Ding et al. 2024, "Fewer
    Truncations Improve Language Modeling"). leftover: what becomes of a sequence that is not full: `drop`, counted, or
    `pad`.
    """

    length: Annotated[int, Field(ge=1, le=MAX_LENGTH)]
    strategy: Literal["concat", "best_fit"] = "concat"
    leftover: Literal["drop", "pad"] = "drop"

    @model_validator(mode="after")
    def _best_fit_leaves_gaps(self) -> PackParams:
        if self.strategy == "best_fit" and self.leftover != "pad":
            raise ValueError("best_fit leaves nearly every sequence a little short; say leftover: pad")
        return self


class ClusterCopies(StageParams):
    """Copies by how many duplicates a document stood for.

    column: of cluster sizes; that of the last deduplication if left out. copies: `fineweb2`, or (size from which on,
    copies) in order of sizes.
    """

    column: str | None = None
    copies: Literal["fineweb2"] | tuple[tuple[Annotated[int, Field(ge=1)], Annotated[float, Field(ge=0, le=1000)]], ...]

    @property
    def table(self) -> tuple[tuple[int, float], ...]:
        """(size from which on, copies), in order of sizes."""
        return FINEWEB2_COPIES if self.copies == "fineweb2" else self.copies

    @field_validator("copies")
    @classmethod
    def _in_order_from_one(cls, value: object) -> object:
        if isinstance(value, tuple):
            sizes = [size for size, _ in value]
            if not sizes or sizes[0] != 1 or sizes != sorted(set(sizes)):
                raise ValueError(
                    f"copies must begin with size 1 and go up, as in [[1, 1], [2, 2], [5, 3]], got {sizes}"
                )
        return value


class MixtureParams(StageParams):
    """How often a document is in the training data, on average: its group's weight times that of its cluster's size.

    by: `source`, a folder, file or glob of the input, as in `wiki` or `books-*.parquet`, or a `column`; `language`, the
    column `language` or another. weights: copies by group, the first source that fits; 0.5 keeps every second document,
    by a hash of its key, 2 gives two copies, 0 leaves the group out. default: of groups that are not named.
    """

    by: Literal["source", "language"] = "source"
    column: str | None = None
    weights: Mapping[str, Annotated[float, Field(ge=0, le=1000)]] = {}
    default: Annotated[float, Field(ge=0, le=1000)] = 1.0
    cluster_size: ClusterCopies | None = None

    @property
    def grouping(self) -> Grouping:
        """What documents are weighted by."""
        return Grouping(self.by, self.column or ("language" if self.by == "language" else None))


class ValidationParams(StageParams):
    """Documents set apart from training.

    share: of the groups. by: a column whose values go to one side together, such as a site; if left out, duplicates
    do: members of a cluster that a deduplication tagged, and texts that differ in white space only. seed: of the
    choice, apart from that of the shuffle, so that another order keeps the sides.
    """

    share: Annotated[float, Field(gt=0, lt=1)]
    by: str | None = None
    seed: int = 0


class TrainingParams(StageParams):
    """Shuffled, mixed, tokenised, packed output in `training/`.

    formats: `parquet`, `megatron`, `mds`, `numpy` of tokens, `text_parquet`, `text_jsonl` of texts; several share one
    order. seed: of the shuffle and the mixture. shard_tokens: tokens to a shard; without a tokenizer shards are of
    `output.shard_bytes` bytes of text. A shard of tokens is in memory as a whole, at about 20 bytes a token of
    16 bits and 30 of 32.
    """

    formats: Annotated[tuple[Format, ...], Field(min_length=1)]
    seed: int = 0
    shard_tokens: Annotated[int, Field(ge=1, le=1 << 30)] = 1 << 25
    tokenizer: TokenizerParams | None = None
    pack: PackParams | None = None
    mixture: MixtureParams | None = None
    validation: ValidationParams | None = None

    @property
    def token_formats(self) -> tuple[str, ...]:
        """Formats that hold tokens."""
        return tuple(name for name in self.formats if name in TOKEN_FORMATS)

    @property
    def text_formats(self) -> tuple[str, ...]:
        """Formats that hold texts."""
        return tuple(name for name in self.formats if name in TEXT_FORMATS)

    @model_validator(mode="after")
    def _parts_fit_together(self) -> TrainingParams:
        if len(set(self.formats)) < len(self.formats):
            raise ValueError(f"formats names one twice: {', '.join(self.formats)}")
        if self.token_formats and self.tokenizer is None:
            raise ValueError(
                f"format {self.token_formats[0]} holds tokens: give a `tokenizer`, or take {' or '.join(TEXT_FORMATS)}"
            )
        if self.pack is not None:
            if not self.token_formats:
                raise ValueError(f"`pack` is for tokens; add one of the formats {', '.join(TOKEN_FORMATS)}")
            if self.pack.length > self.shard_tokens:
                raise ValueError(
                    f"pack.length {self.pack.length:,} is above shard_tokens {self.shard_tokens:,}; "
                    "no shard would hold a sequence. Raise shard_tokens"
                )
            if self.pack.leftover == "pad" and (self.tokenizer is None or self.tokenizer.pad is None):
                raise ValueError("leftover: pad needs tokenizer.pad, the token to fill with (the one of eos may serve)")
        return self
