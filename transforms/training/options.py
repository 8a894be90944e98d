"""What the parts of training output have in common: where things lie, what they are called, what is reported."""

from __future__ import annotations

from dataclasses import dataclass

from filters.tokens.params import TrainingParams
from transforms.files import join

FOLDER = "training"
"""Of the result, in the output folder."""
SIDES = ("train", "validation")
LEFT_OUT = "left_out"
"""Stands for a side in counts: documents that the mixture leaves out."""
INDEX = "index.json"


@dataclass(frozen=True)
class TrainingOptions:
    """Parameters and places of a run's training output.

    folder: of staged rows. output: the result's folder. shard_bytes: of text to a shard where nothing is tokenised.
    clusters: (cluster, size of it) columns, that of the last deduplication first. size_column: of cluster sizes, for
    the mixture.
    """

    params: TrainingParams
    text_column: str
    folder: str
    output: str
    shard_bytes: int
    row_group_bytes: int
    compression_level: int
    clusters: tuple[tuple[str, str], ...] = ()
    size_column: str | None = None
    progress: str | None = None

    @property
    def target(self) -> int:
        """Weight of a shard: tokens, or bytes of text where nothing is tokenised."""
        return self.params.shard_tokens if self.params.tokenizer else self.shard_bytes

    def staged(self, name: str, side: int) -> str:
        """File of the rows of a Split (its name) on one side, in order of their ranks."""
        return join(self.folder, f"{name}-{SIDES[side]}.arrow")


@dataclass(frozen=True)
class TrainingFile:
    """One finished file. path: from the folder of the result. rows: samples or documents that it
    holds, 0 of a file that goes with another."""

    format: str
    path: str
    rows: int
    size: int
    sha256: str


@dataclass(frozen=True)
class ShardSummary:
    """One shard in all its formats.

    copies: documents, each as often as it is repeated. tokens: of them. samples: sequences, or documents that have a
    token. dropped: tokens in no sample. padding: tokens that fill samples up. Without a tokenizer all but copies are 0.
    """

    side: str
    shard: int
    copies: int
    tokens: int
    samples: int
    dropped: int
    padding: int
    files: tuple[TrainingFile, ...]
