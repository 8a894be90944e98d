"""Benchmark `language`: our fastText kernel and the library, equal answers required; where the time goes."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.report import Result
from benchmarks.row_filters import batches
from benchmarks.timing import cpu_seconds, interleave
from filters.kernels.language import sample_pieces
from filters.kernels.unicode_table import load_table
from filters.language import LanguageParams, State, prepare
from filters.language import measure as measure_language
from filters.language_model import LoadedModel, Pieces, by_library, load_model, small_model_path
from filters.texts import byte_lengths, text_buffers

MAX_CHARS = 1000
STAGES: dict[str, dict[str, Any]] = {
    "stage, 1,000 characters": {},
    "stage, 300 characters": {"max_chars": 300},
    "stage, 1,000 characters spread": {"sample": "spread"},
    "stage, all of a text": {"max_chars": 1 << 40},
    "stage, top 5": {"top": 5},
    "stage, lines, too": {"lines": {}},
}


def beginnings(texts: pa.LargeStringArray) -> Pieces:
    """The first MAX_CHARS characters of every text."""
    offsets, data = text_buffers(texts)
    starts, stops = np.empty((2, len(texts)), np.int64)
    letters = np.empty(len(texts), np.int64)
    sample_pieces(offsets, data, load_table(), MAX_CHARS, 1, 1, starts, stops, letters)
    return Pieces(data, np.arange(len(texts) + 1), starts, stops)


def unequal(kernel: LoadedModel, library: LoadedModel, pieces: Pieces) -> int:
    """Texts whose label differs, or whose score differs in any bit."""
    (ours, our_scores), (theirs, their_scores) = kernel.predict(pieces, 1), library.predict(pieces, 1)
    names = [np.array([*model.labels, "und"], object) for model in (kernel, library)]
    return int(np.sum((names[0][ours] != names[1][theirs]) | (our_scores != their_scores)))


def contenders(kernel: LoadedModel, library: LoadedModel) -> dict[str, Callable[[pa.RecordBatch], object]]:
    """What is timed, each on one batch."""

    def stage(params: dict[str, Any]) -> Callable[[pa.RecordBatch], object]:
        state: State = prepare(LanguageParams(**params))
        return lambda batch: measure_language(batch["text"], batch, state)

    return {
        "library": lambda batch: library.predict(beginnings(batch["text"]), 1),
        "kernel": lambda batch: kernel.predict(beginnings(batch["text"]), 1),
        "of which choosing what is read": lambda batch: beginnings(batch["text"]),
        **{name: stage(params) for name, params in STAGES.items()},
    }


def measure(texts: pa.LargeStringArray, repeats: int) -> Result:
    """Check that all answers are equal, then time all contenders."""
    kernel, library = load_model(None), by_library(small_model_path())
    given = batches(texts)
    different = sum(unequal(kernel, library, beginnings(batch["text"])) for batch in given)
    todo = contenders(kernel, library)
    for run in todo.values():
        run(given[0].slice(0, 20))
    runs = {name: lambda run=run: cpu_seconds(lambda: [run(b) for b in given]) for name, run in todo.items()}
    seconds = interleave(runs, repeats)
    read = sum(int((pieces.stops - pieces.starts).sum()) for pieces in (beginnings(b["text"]) for b in given)) / 1e6
    size = int(byte_lengths(texts).sum()) / 1e6
    base = median(seconds["library"])
    return Result(
        "language",
        "Language identification, lid.176.ftz",
        ("", "documents/s per core", "us/document", "MB of text/s", "as fast as the library"),
        tuple(
            (
                name,
                f"{len(texts) / median(t):,.0f}",
                f"{1e6 * median(t) / len(texts):,.1f}",
                f"{size / median(t):,.1f}",
                f"{base / median(t):,.1f} x",
            )
            for name, t in seconds.items()
        ),
        (
            f"{len(texts):,} texts, {size:,.1f} MB, of which their first {MAX_CHARS:,} characters are {read:,.1f} MB; "
            f"processor time, median of {repeats} interleaved rounds.",
            f"{different:,} of {len(texts):,} texts have another label or a score that differs in any bit.",
        ),
        {"texts": len(texts), "mb": size, "mb_read": read, "different": different, "cpu_seconds": dict(seconds)},
    )
