"""How often the language is told right: by language, by length, by how much is read; what is taken for what.

    python -m benchmarks.language_accuracy ../shared/corpora --model lid.176.bin

Tables come as Markdown; docs/language.md holds those of the small model.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from filters.language import LanguageParams, measure, prepare
from filters.language_codes import canonical_code
from filters.language_model import LoadedModel, load_model
from filters.texts import as_text_array

LENGTHS = (0, 20, 50, 100, 200, 500, 1000, 1 << 60)
LEAST = 20
"""Texts a language needs to have a row of its own."""

READ: dict[str, dict[str, Any]] = {
    "100": {"max_chars": 100},
    "300": {"max_chars": 300},
    "1,000": {"max_chars": 1000},
    "3,000": {"max_chars": 3000},
    "10,000": {"max_chars": 10_000},
    "300, spread": {"max_chars": 300, "sample": "spread"},
    "1,000, spread": {"max_chars": 1000, "sample": "spread"},
    "3,000, spread": {"max_chars": 3000, "sample": "spread"},
}
_SAME = {"nb": "no", "nn": "nn"}
"""One language under two labels: Norwegian without more is Bokmål, for sources and lid.176 alike."""


@dataclass(frozen=True)
class Labelled:
    """Texts and what their sources say of them. languages: canonical codes, scripts left out."""

    name: str
    texts: list[str]
    languages: NDArray[np.object_]

    @property
    def lengths(self) -> NDArray[np.int64]:
        return np.array([len(text) for text in self.texts])

    def where(self, mask: NDArray[np.bool_]) -> Labelled:
        return Labelled(self.name, [self.texts[i] for i in np.flatnonzero(mask)], self.languages[mask])


@dataclass
class Score:
    """Right answers of all."""

    right: int = 0
    total: int = 0
    wrong: Counter[str] = field(default_factory=Counter)

    def add(self, right: bool, answer: str) -> None:
        self.right += right
        self.total += 1
        if not right:
            self.wrong[answer] += 1

    def __str__(self) -> str:
        return f"{100 * self.right / self.total:.1f}" if self.total else ""


def plain(code: str) -> str:
    """The language of a code, by one name.

    >>> plain("zh-Hant"), plain("zh_CN"), plain("nb")
    ('zh', 'zh', 'no')
    """
    language = canonical_code(code.replace("_", "-")).split("-")[0]
    return _SAME.get(language, language)


def load_lid(folder: Path) -> Labelled:
    """Labelled sentences and paragraphs, 501 languages."""
    table = pq.read_table(folder / "lid" / "lid.parquet", columns=["text", "lang"])
    return Labelled("lid", table["text"].to_pylist(), _plain(table["lang"].to_pylist()))


def load_web(folder: Path) -> Labelled:
    """Web documents, one of each text, labelled by the folder or file they come from: some are not translated."""
    files = sorted((folder / "web").glob("*.parquet"))
    table = pa.concat_tables([pq.read_table(path, columns=["text", "lang"]) for path in files])
    pairs = dict(zip(table["text"].to_pylist(), table["lang"].to_pylist(), strict=True))
    pairs = {text: lang for text, lang in pairs.items() if text and lang}
    return Labelled("web", list(pairs), _plain(pairs.values()))


def _plain(codes: Any) -> NDArray[np.object_]:
    return np.array([plain(code) for code in codes], object)


def answers(labelled: Labelled, params: LanguageParams) -> NDArray[np.object_]:
    """The language that the stage finds in every text, scripts left out."""
    state = prepare(params)
    found: list[str] = []
    for first in range(0, len(labelled.texts), 4096):
        texts = as_text_array(labelled.texts[first : first + 4096])
        found += measure(texts, pa.record_batch({"text": texts}), state)[""].to_pylist()
    return np.array([plain(code) for code in found], object)


def judge(labelled: Labelled, found: NDArray[np.object_]) -> Score:
    """Accuracy over all texts."""
    score = Score()
    for right, answer in zip((labelled.languages == found).tolist(), found, strict=True):
        score.add(right, answer)
    return score


def by_language(labelled: Labelled, found: NDArray[np.object_]) -> dict[str, Score]:
    """Accuracy (recall) of every language."""
    scores: dict[str, Score] = {}
    for language, answer in zip(labelled.languages, found, strict=True):
        scores.setdefault(language, Score()).add(language == answer, answer)
    return scores


def macro(scores: dict[str, Score]) -> str:
    """Mean accuracy of languages with enough texts, each counted once."""
    rates = [s.right / s.total for s in scores.values() if s.total >= LEAST]
    return f"{100 * float(np.mean(rates)):.1f} ({len(rates)} languages)" if rates else ""


def pairs(labelled: Labelled, found: NDArray[np.object_], most: int = 25) -> Iterator[list[str]]:
    """What is most often taken for what."""
    totals = Counter(labelled.languages.tolist())
    wrong = Counter((a, b) for a, b in zip(labelled.languages, found, strict=True) if a != b)
    for (language, answer), count in wrong.most_common(most):
        yield [language, answer, f"{count:,}", f"{totals[language]:,}", f"{100 * count / totals[language]:.1f}"]


def table(head: Sequence[str], rows: Any) -> str:
    """Markdown."""
    ruler = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, ruler, *rows))


def report(labelled: Labelled, model: LoadedModel, path: str | None, say: Callable[[str], None]) -> None:
    """All tables of one corpus."""
    known = {plain(label) for label in model.labels}
    inside = np.array([language in known for language in labelled.languages])
    outside = len(labelled.texts) - int(inside.sum())
    labelled = labelled.where(inside)
    say(
        f"## {labelled.name}, {model.name}\n\n{len(labelled.texts):,} texts in "
        f"{len(set(labelled.languages))} languages of the "
    )
    say(f"model; {outside:,} texts in other languages are left out.\n")
    by_read = {name: answers(labelled, LanguageParams(model=path, **given)) for name, given in READ.items()}
    found = by_read["1,000"]
    lengths = labelled.lengths
    bands = list(pairwise(LENGTHS))
    head = ["characters read", "all", "by language", *[f"{a:,} on" for a, _ in bands]]
    say("\n**Accuracy in %, by how much is read and by length of the text**\n")
    rows = []
    for name, given in by_read.items():
        masks = [(lengths >= a) & (lengths < b) for a, b in bands]
        cells = [str(judge(labelled.where(mask), given[mask])) for mask in masks]
        rows.append([name, str(judge(labelled, given)), macro(by_language(labelled, given)), *cells])
    rows.append(
        ["texts", f"{len(lengths):,}", "", *[f"{int(((lengths >= a) & (lengths < b)).sum()):,}" for a, b in bands]]
    )
    say(table(head, rows))
    scores = by_language(labelled, found)
    say("\n\n**By language, 1,000 characters read**\n")
    ordered = sorted((s.right / s.total, name) for name, s in scores.items() if s.total >= LEAST)
    cells = [
        [
            name,
            f"{scores[name].total:,}",
            str(scores[name]),
            ", ".join(f"{a} {n}" for a, n in scores[name].wrong.most_common(3)),
        ]
        for _, name in ordered
    ]
    say(table(["language", "texts", "%", "taken for"], cells))
    say("\n\n**What is most often taken for what, 1,000 characters read**\n")
    say(table(["language", "taken for", "texts", "of", "%"], pairs(labelled, found)))
    say("\n")


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.language_accuracy", description=__doc__)
    parser.add_argument("corpora", type=Path, help="folder with lid/lid.parquet and web/*.parquet")
    parser.add_argument("--model", help="fastText model by path [the small lid.176]")
    options = parser.parse_args(arguments)
    model = load_model(options.model)
    for load in (load_lid, load_web):
        report(load(options.corpora), model, options.model, print)


if __name__ == "__main__":
    main()
