"""Small fastText models of random numbers, written in the library's own format, of every kind that our reader knows."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

LOSSES = {"hs": 1, "ns": 2, "softmax": 3, "ova": 4}


@dataclass(frozen=True)
class Recipe:
    """What kind of model. kept: buckets left after pruning, None: not pruned. part: width of a quantiser's part."""

    loss: str = "softmax"
    dim: int = 10
    min_n: int = 2
    max_n: int = 4
    word_n_grams: int = 1
    buckets: int = 97
    labels: int = 7
    words: tuple[str, ...] = ("</s>", "the", "und", "это", "我", "<", "a")
    quantised: bool = False
    norms: bool = True
    quantised_output: bool = False
    kept: int | None = None
    part: int = 2
    version: int = 12
    scale: float = 3.0
    """Larger numbers make surer models."""


KINDS = {
    "softmax": Recipe(),
    "hierarchical": Recipe(loss="hs", labels=23),
    "one vs all": Recipe(loss="ova"),
    "word n-grams": Recipe(word_n_grams=3, min_n=3, max_n=6),
    "words only": Recipe(min_n=0, max_n=0, buckets=0),
    "words and pairs of them": Recipe(min_n=0, max_n=0, word_n_grams=2),
    "single characters": Recipe(min_n=1, max_n=2),
    "no end of line": Recipe(words=("the", "und")),
    "no words at all": Recipe(words=()),
    "one label": Recipe(labels=1),
    "one label, hierarchical": Recipe(labels=1, loss="hs"),
    "one dimension, one bucket": Recipe(dim=1, buckets=1),
    "quantised": Recipe(quantised=True, dim=8),
    "quantised, odd": Recipe(quantised=True, dim=7, part=3, norms=False),
    "pruned": Recipe(quantised=True, kept=20, loss="hs"),
    "pruned to nothing": Recipe(quantised=True, kept=0),
    "quantised output": Recipe(quantised=True, quantised_output=True, kept=40, word_n_grams=2),
    "quantised output, hierarchical": Recipe(quantised=True, quantised_output=True, loss="hs", labels=11),
    "version 11": Recipe(version=11),
}
"""Models that our kernel runs, by what is special about them."""


def write_model(path: Path, recipe: Recipe, seed: int = 0) -> Path:
    """Write a model as fastText 0.9.2 saves it (`FastText::saveModel`)."""
    rng = np.random.default_rng(seed)
    label_names = [f"__label__{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(recipe.labels)]
    counts = sorted(rng.integers(1, 1000, recipe.labels).tolist(), reverse=True)
    buckets = recipe.buckets
    rows = len(recipe.words) + (buckets if recipe.kept is None else recipe.kept)
    parts = [
        struct.pack("<2i", 793712314, recipe.version),
        struct.pack(
            "<12id", recipe.dim, 5, 5, 1, 5, recipe.word_n_grams, LOSSES[recipe.loss], 3, buckets,
            recipe.min_n, recipe.max_n, 100, 1e-4,
        ),
        struct.pack("<3iq", len(recipe.words) + recipe.labels, len(recipe.words), recipe.labels, 12345),
        struct.pack("<q", -1 if recipe.kept is None else recipe.kept),
    ]  # fmt: skip
    for names, kind, numbers in ((recipe.words, 0, [9] * len(recipe.words)), (label_names, 1, counts)):
        parts += [n.encode() + b"\0" + struct.pack("<qb", c, kind) for n, c in zip(names, numbers, strict=True)]
    if recipe.kept is not None:
        kept = rng.choice(buckets, recipe.kept, replace=False)
        parts += [struct.pack("<2i", bucket, row) for row, bucket in enumerate(kept.tolist())]
    parts.append(struct.pack("<?", recipe.quantised))
    parts.append(_matrix(rng, rows, recipe, recipe.quantised, recipe.norms))
    parts.append(struct.pack("<?", recipe.quantised_output))
    parts.append(_matrix(rng, recipe.labels, recipe, recipe.quantised_output, recipe.norms))
    path.write_bytes(b"".join(parts))
    return path


def _matrix(rng: np.random.Generator, rows: int, recipe: Recipe, quantised: bool, norms: bool) -> bytes:
    def numbers(size: int) -> bytes:
        return rng.normal(0, recipe.scale, size).astype("<f4").tobytes()

    def codes(size: int) -> bytes:
        return rng.integers(0, 256, size, np.uint8).tobytes()

    if not quantised:
        return struct.pack("<2q", rows, recipe.dim) + numbers(rows * recipe.dim)
    parts = -(-recipe.dim // recipe.part)
    last = recipe.dim - (parts - 1) * recipe.part
    written = [struct.pack("<?2qi", norms, rows, recipe.dim, rows * parts), codes(rows * parts)]
    written += [struct.pack("<4i", recipe.dim, parts, recipe.part, last), numbers(recipe.dim * 256)]
    if norms:
        written += [codes(rows), struct.pack("<4i", 1, 1, 1, 1), numbers(256)]
    return b"".join(written)
