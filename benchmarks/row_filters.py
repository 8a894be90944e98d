"""Benchmark `filters`: every row-wise stage, what quality rules share, whole recipes, hashes of exact deduplication."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median

import numpy as np
import pyarrow as pa

from benchmarks.corpus import ROOT, TEXT
from benchmarks.report import Result
from benchmarks.timing import cpu_seconds, interleave
from filters.blocklist import BlocklistParams
from filters.blocklist_lines import BlocklistLinesParams
from filters.chain import KEY, Stage, run_stages
from filters.classifier import ClassifierParams
from filters.classifier_lines import ClassifierLinesParams
from filters.exact import ExactParams, content_hashes
from filters.language import LanguageParams
from filters.language_model import small_model_path
from filters.length import LengthParams
from filters.normalise.params import NormaliseParams
from filters.pii.params import PiiParams
from filters.quality.c4 import C4Params
from filters.quality.fineweb import FinewebQualityParams
from filters.quality.gopher_quality import GopherQualityParams
from filters.quality.gopher_repetition import GopherRepetitionParams
from filters.quality.refinedweb import RefinedWebLinesParams
from filters.quality.statistics import line_statistics, repeat_statistics, word_statistics
from filters.texts import byte_lengths
from filters.url_blocklist import UrlBlocklistParams
from pipeline.recipe import load_recipe

BATCH_ROWS = 4096
PARAMS = {
    "normalise": NormaliseParams(),
    "length": LengthParams(min_words=50, max_words=100_000),
    "language": LanguageParams(min_score=0.65),
    "pii": PiiParams(kinds=("email", "ip"), ip_scope="public"),
    "blocklist": BlocklistParams(path=str(ROOT / "configs" / "lists" / "sample-blocklist.txt")),
    "blocklist_lines": BlocklistLinesParams(path=str(ROOT / "configs" / "lists" / "sample-blocklist.txt")),
    "classifier": ClassifierParams(model=str(small_model_path()), label="en", threshold=0.0),
    "classifier_lines": ClassifierLinesParams(model=str(small_model_path()), label="en", threshold=0.0, keep="above"),
    "url_blocklist": UrlBlocklistParams(domains=("example.net", "=example.org")),
    "gopher_repetition": GopherRepetitionParams(),
    "gopher_quality": GopherQualityParams(),
    "fineweb_quality": FinewebQualityParams(),
    "c4": C4Params(),
    "refinedweb_lines": RefinedWebLinesParams(),
}
"""As in configs/web.yaml and configs/sample.yaml; the quality rules at their defaults. A new filter needs a line here;
a test says so."""
HASHES = ("none", "whitespace", "tokens")
PASSES = {
    "characters, lines, paragraphs": line_statistics("datatrove"),
    "words": word_statistics("beamsift"),
    "repeated runs of words": repeat_statistics("datatrove", "beamsift"),
}
"""Statistics that the stages of quality rules share, each made once for a document."""
RECIPES = ("gopher", "c4", "fineweb", "fineweb2", "refinedweb")
"""Of configs/: their row-wise stages in order, each on what the one before it leaves."""


def contenders() -> dict[str, Callable[[pa.RecordBatch], object]]:
    """What is timed, each on one batch; a stage as a run runs it: measured, judged, rejects and edits written down."""
    chains = {name: [Stage(name, name, params)] for name, params in PARAMS.items()}
    for name in RECIPES:
        stages = load_recipe(ROOT / "configs" / f"{name}.yaml").stages
        chains[f"recipe {name}"] = [stage for stage in stages if isinstance(stage, Stage)]
    hashes = [ExactParams(normalise=mode) for mode in HASHES]
    return {
        **{name: lambda batch, chain=chain: run_stages(batch, chain, TEXT) for name, chain in chains.items()},
        **{
            f"pass: {name}": lambda batch, shared=shared: shared.measure(batch[TEXT]) for name, shared in PASSES.items()
        },
        **{f"exact_dedup hashes, {p.normalise}": lambda batch, p=p: content_hashes(batch[TEXT], p) for p in hashes},
    }


def batches(texts: pa.LargeStringArray) -> list[pa.RecordBatch]:
    """Texts with keys and a URL each, as many to a batch as a run takes."""
    keys = pa.array(np.arange(len(texts), dtype=np.int64))
    urls = pa.array([f"https://www.site{number % 977}.example.com/page/{number}" for number in range(len(texts))])
    return pa.Table.from_arrays([keys, texts, urls], [KEY, TEXT, "url"]).to_batches(max_chunksize=BATCH_ROWS)


def measure(texts: pa.LargeStringArray, repeats: int) -> Result:
    """Run all of them on the same texts, after one batch that loads models and compiles kernels."""
    given = batches(texts)
    todo = contenders()
    for run in todo.values():
        run(given[0].slice(0, 100))
    runs = {name: lambda run=run: cpu_seconds(lambda: [run(b) for b in given]) for name, run in todo.items()}
    seconds = interleave(runs, repeats)
    size = int(byte_lengths(texts).sum()) / 1e6
    rates = {name: size / median(taken) for name, taken in seconds.items()}
    return Result(
        "filters",
        "Row-wise stages and exact hashes",
        ("", "MB/s per core", "slowest - fastest", "documents/s"),
        tuple(
            (
                name,
                f"{rates[name]:,.1f}",
                f"{size / max(t):,.1f} - {size / min(t):,.1f}",
                f"{len(texts) / median(t):,.0f}",
            )
            for name, t in seconds.items()
        ),
        (
            f"{len(texts):,} texts, {size:,.1f} MB, in batches of {BATCH_ROWS:,} rows; processor time, "
            f"median of {repeats} interleaved rounds.",
            "`pass`: what several quality stages share, made once for a document. `recipe`: the row-wise stages of "
            "configs/, in order, language and PII included; a document leaves at its first failing rule.",
            f"`language` reads the first {LanguageParams().max_chars:,} characters of a text.",
        ),
        {
            "texts": len(texts),
            "mb": size,
            "repeats": repeats,
            "runs": [{"name": n, "cpu_seconds": t, "mb_per_s": rates[n]} for n, t in seconds.items()],
        },
    )
