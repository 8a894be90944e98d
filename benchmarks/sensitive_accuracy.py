"""Precision, recall and F1 of the detectors on labelled files, as Markdown tables between marks of their own.

    python -m benchmarks.sensitive_accuracy ../shared/corpora/pii --markdown docs/sensitive-content.md

Three tables: kinds, languages and scripts that a value touches, and look-alikes that were taken for something.
The file needs the lines `<!-- sensitive-accuracy:begin -->` and `<!-- sensitive-accuracy:end -->`.
"""

from __future__ import annotations

import argparse
import json
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.report import check_marks, machine, machine_line, replace_between_marks
from filters.pii.evaluation import Score, Scores
from pipeline.pii_eval import Evaluated, evaluate_files

MARKS = "sensitive-accuracy"
LEAST = 20
"""Labels of a kind or language from which it has a line of its own; the others are summed up in one."""


def share(value: float | None) -> str:
    """Three decimals; nothing where there was nothing to count."""
    return "" if value is None else f"{value:.3f}"


def cells(score: Score) -> list[str]:
    """labels, precision, recall, F1, false, missed."""
    counts = f"{score.found - score.exact:,}", f"{score.labels - score.exact:,}"
    return [f"{score.labels:,}", share(score.precision), share(score.recall), share(score.f1), *counts]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Markdown."""
    ruler = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, ruler, *rows))


def kinds_table(scores: Scores) -> str:
    """Every kind with enough labels, the rest, and all; F1 of those that touch a script without spaces and the like."""
    rows, rest, rest_touching = [], Score(), Score()
    few = 0
    for kind, score in scores.by("kind").items():
        beside, _ = scores.touching(kind)
        if score.labels < LEAST:
            few += 1
            rest += score
            rest_touching += beside
        else:
            rows.append([f"`{kind}`", *cells(score), share(beside.f1), f"{beside.labels:,}"])
    if few:
        rows.append([f"{few} kinds with fewer", *cells(rest), share(rest_touching.f1), f"{rest_touching.labels:,}"])
    beside, _ = scores.touching()
    rows.append(["**all**", *cells(scores.total()), share(beside.f1), f"{beside.labels:,}"])
    return table(["kind", "labels", "precision", "recall", "F1", "false", "missed", "F1 touching", "touching"], rows)


def groups_table(scores: Scores) -> str:
    """Languages with enough labels, and scripts that touch."""
    languages = {name: score for name, score in scores.by("language").items() if score.labels >= LEAST}
    rows = [[f"language `{name}`", *cells(score)] for name, score in languages.items()]
    rows += [[f"touching {name}" if name else "touching none", *cells(s)] for name, s in scores.by("script").items()]
    return table(["values", "labels", "precision", "recall", "F1", "false", "missed"], rows)


def look_alikes_line(scores: Scores) -> str:
    """How many, of what sorts, and which were found."""
    total, found = sum(scores.look_alikes.values()), sum(scores.look_alikes_found.values())
    hit = [f"{name} {count}" for name, count in sorted(scores.look_alikes_found.items()) if count]
    names = ", ".join(name.replace("_", " ") for name in sorted(scores.look_alikes))
    which = f" ({', '.join(hit)})" if hit else ""
    return f"Look-alikes: {found:,} of {total:,} taken for something{which}: {names}."


def markdown(evaluated: Evaluated, command: str) -> str:
    """All tables."""
    parts = []
    for uri, scores in evaluated.files.items():
        unjudged = "".join(f", {kind} {count}" for kind, count in sorted(scores.unlabelled.items()))
        lines = [f"**{Path(uri).name}**, {scores.texts:,} texts", "", kinds_table(scores), ""]
        lines += [groups_table(scores), ""] if len(scores.by("language")) > 2 else []
        lines += [look_alikes_line(scores), ""] if scores.look_alikes else []
        lines += [f"Findings of kinds that the file does not label: {unjudged[2:]}.", ""] if unjudged else []
        parts.append("\n".join(lines))
    return "\n".join([*parts, machine_line(machine(), command)])


def short(evaluated: Evaluated, command: str) -> str:
    """One table of the kinds of all files together, and the look-alikes."""
    scores = evaluated.scores
    names = ", ".join(f"`{Path(uri).name}`" for uri in evaluated.files)
    hit, there = (sum(counts.values()) for counts in (scores.look_alikes_found, scores.look_alikes))
    head = (
        f"{scores.texts:,} labelled texts of {names}; both ends must agree. "
        f"{hit:,} of {there:,} look-alikes were taken for something."
    )
    return "\n".join([kinds_table(scores), "", head, "", machine_line(machine(), command)])


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sensitive_accuracy", description=__doc__)
    parser.add_argument("labelled", nargs="+", help="labelled Parquet files, or folders of them")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="replace what stands between the marks of this")
    parser.add_argument("--short", action="store_true", help="only the kinds, of all files together")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all numbers")
    options = parser.parse_args(arguments)
    if options.markdown:
        check_marks(options.markdown, MARKS)
    evaluated = evaluate_files(options.labelled, most_errors=0)
    words = [*options.labelled, *(["--short"] if options.short else [])]
    layout = short if options.short else markdown
    text = layout(evaluated, shlex.join(["python", "-m", "benchmarks.sensitive_accuracy", *words]))
    print(text)
    if options.markdown:
        replace_between_marks(options.markdown, text, MARKS)
    if options.json:
        numbers = {Path(uri).name: scores.as_dict() for uri, scores in evaluated.files.items()}
        options.json.write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
