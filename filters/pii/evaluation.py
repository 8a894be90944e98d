"""How right findings are: precision, recall and F1 of spans against labels, by kind, language and touching script.

A finding is right when a label of the same kind has the same first and last character. Two milder counts stand beside
that: `overlapping` (same kind, one character or more in common) and `covered` (every character of the label lies in
some finding of whatever kind: a redaction would have hidden it). Each finding is matched with one label at most.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import re2

SCRIPTS = {
    "han": r"\p{Han}", "kana": r"[\p{Hiragana}\p{Katakana}ー]", "hangul": r"\p{Hangul}", "thai": r"\p{Thai}",
    "arabic": r"\p{Arabic}",
}  # fmt: skip
"""Scripts beside which the usual word boundaries fail: written without spaces, or with endings put to foreign words."""

_SCRIPTS = tuple((name, re2.compile(pattern)) for name, pattern in SCRIPTS.items())
CONTEXT = 40
"""Characters on either side that an Error shows."""


class Span(NamedTuple):
    """Code points [start, end) of one text, and the kind of what stands there."""

    start: int
    end: int
    kind: str


What = Literal["missed", "false", "unlabelled"]
"""A label that nothing was found for, a finding that no label agrees with, one of a kind that has no labels at all."""


class Error(NamedTuple):
    """One disagreement. row: of the file; instead: what overlaps it on the other side, if anything does."""

    what: What
    row: int
    start: int
    end: int
    kind: str
    before: str
    value: str
    after: str
    instead: Span | None


@dataclass
class Score:
    """Counts of spans. labels: what there is to find; found: findings; exact, overlapping: pairs of the two; covered:
    labels that findings of any kind hide."""

    labels: int = 0
    found: int = 0
    exact: int = 0
    overlapping: int = 0
    covered: int = 0

    def __iadd__(self, other: Score) -> Score:
        self.labels += other.labels
        self.found += other.found
        self.exact += other.exact
        self.overlapping += other.overlapping
        self.covered += other.covered
        return self

    @property
    def precision(self) -> float | None:
        """Share of findings that are right; None without findings."""
        return self.exact / self.found if self.found else None

    @property
    def recall(self) -> float | None:
        """Share of labels that are found; None without labels."""
        return self.exact / self.labels if self.labels else None

    @property
    def f1(self) -> float | None:
        """Harmonic mean of the two: 2 exact / (labels + found)."""
        return 2 * self.exact / (self.labels + self.found) if self.labels + self.found else None

    def as_dict(self) -> dict[str, float | int | None]:
        """For JSON; numbers are not rounded."""
        both = self.labels + self.found
        return {
            "precision": self.precision,
            "recall": self.recall,
            "f1": self.f1,
            "tp": self.exact,
            "fp": self.found - self.exact,
            "fn": self.labels - self.exact,
            "labels": self.labels,
            "found": self.found,
            "overlap_f1": 2 * self.overlapping / both if both else None,
            "covered": self.covered / self.labels if self.labels else None,
        }


class Cell(NamedTuple):
    """What a Score is counted for. script: of SCRIPTS, that of a letter right beside the span, `""` for none."""

    kind: str
    language: str
    script: str


@dataclass
class Scores:
    """Scores of kinds that have labels, by cell; findings of other kinds, about which the labels say nothing.

    look_alikes: what the labels' author marked as not to be found: by its name, how many there are and how many
    of them overlap a finding. unknown_labels: labels of kinds nobody looked for.
    """

    cells: dict[Cell, Score] = field(default_factory=lambda: defaultdict(Score))
    unlabelled: Counter[str] = field(default_factory=Counter)
    unknown_labels: Counter[str] = field(default_factory=Counter)
    look_alikes: Counter[str] = field(default_factory=Counter)
    look_alikes_found: Counter[str] = field(default_factory=Counter)
    errors: list[Error] = field(default_factory=list)
    texts: int = 0

    def add(self, other: Scores) -> None:
        """Add what was counted in other texts."""
        for cell, score in other.cells.items():
            self.cells[cell] += score
        self.unlabelled += other.unlabelled
        self.unknown_labels += other.unknown_labels
        self.look_alikes += other.look_alikes
        self.look_alikes_found += other.look_alikes_found
        self.errors += other.errors
        self.texts += other.texts

    def total(self, **where: str) -> Score:
        """Sum of the cells that agree with what is given: kind, language, script."""
        score = Score()
        for cell, part in self.cells.items():
            if all(getattr(cell, name) == value for name, value in where.items()):
                score += part
        return score

    def by(self, name: Literal["kind", "language", "script"]) -> dict[str, Score]:
        """A Score for every value of one property of the cells, in order of its name."""
        scores: dict[str, Score] = defaultdict(Score)
        for cell in sorted(self.cells):
            scores[getattr(cell, name)] += self.cells[cell]
        return dict(sorted(scores.items()))

    def touching(self, kind: str | None = None) -> tuple[Score, Score]:
        """Spans beside a letter of SCRIPTS, and all others; of one kind, or of all."""
        beside, apart = Score(), Score()
        for cell, part in self.cells.items():
            if kind in (None, cell.kind):
                if cell.script:
                    beside += part
                else:
                    apart += part
        return beside, apart

    def as_dict(self) -> dict[str, Any]:
        """All numbers, for JSON; `touching` and `apart` within a kind are its spans beside SCRIPTS and the others."""
        kinds: dict[str, Any] = {}
        for kind, score in self.by("kind").items():
            beside, apart = self.touching(kind)
            kinds[kind] = {**score.as_dict(), "touching": beside.as_dict(), "apart": apart.as_dict()}
        beside, apart = self.touching()
        return {
            "texts": self.texts,
            "all": self.total().as_dict(),
            "kinds": kinds,
            "languages": {name: score.as_dict() for name, score in self.by("language").items()},
            "touching": {
                "touching": beside.as_dict(),
                "apart": apart.as_dict(),
                "scripts": {name: score.as_dict() for name, score in self.by("script").items() if name},
            },
            "look_alikes": {
                name: {"count": count, "found": self.look_alikes_found[name]}
                for name, count in sorted(self.look_alikes.items())
            },
            "unlabelled": dict(sorted(self.unlabelled.items())),
            "unknown_labels": dict(sorted(self.unknown_labels.items())),
        }


class Evaluation:
    """Counts texts as they come. `scores` are those so far.

    known: kinds that were looked for; labels of others are counted as unknown and nothing else. most_errors: how many
    of each sort are kept for each kind, the first ones.
    """

    def __init__(self, known: Iterable[str] | None = None, most_errors: int = 0) -> None:
        self._known = None if known is None else frozenset(known)
        self._most = most_errors
        self._counted = Scores()
        self._kept: Counter[tuple[What, str]] = Counter()

    def add(
        self,
        text: str,
        labels: Sequence[Span],
        found: Sequence[Span],
        *,
        language: str = "",
        look_alikes: Sequence[Span] = (),
        row: int = 0,
    ) -> None:
        """Count one text. Raises ValueError for a label that lies outside of it."""
        for label in labels:
            if not 0 <= label.start < label.end <= len(text):
                raise ValueError(
                    f"label {label.kind!r} at {label.start} to {label.end} does not lie in a text of {len(text)} "
                    "characters; offsets count code points, and end lies behind the last one"
                )
        counted = self._counted
        counted.texts += 1
        if self._known is not None:
            counted.unknown_labels.update(label.kind for label in labels if label.kind not in self._known)
            labels = [label for label in labels if label.kind in self._known]
        exact, overlapping = match(labels, found)
        for number, label in enumerate(labels):
            score = self._score(text, label, language)
            score.labels += 1
            score.exact += number in exact
            score.overlapping += number in overlapping
            score.covered += _is_covered(label, found)
            if number not in exact:
                self._note("missed", row, text, label, _overlap(label, found))
        # A finding is counted where the label is that it goes with.
        label_of = {number: labels[label] for label, number in {**overlapping, **exact}.items()}
        right = set(exact.values())
        for number, one in enumerate(found):
            self._score(text, label_of.get(number, one), language).found += 1
            if number not in right:
                self._note("false", row, text, one, _overlap(one, labels))
        for one in look_alikes:
            counted.look_alikes[one.kind] += 1
            counted.look_alikes_found[one.kind] += _overlap(one, found) is not None

    def _score(self, text: str, span: Span, language: str) -> Score:
        return self._counted.cells[Cell(span.kind, language, touching_script(text, span.start, span.end))]

    def _note(self, what: What, row: int, text: str, span: Span, instead: Span | None) -> None:
        if self._kept[what, span.kind] < self._most:
            self._kept[what, span.kind] += 1
            start, end, kind = span
            around = text[max(0, start - CONTEXT) : start], text[start:end], text[end : end + CONTEXT]
            self._counted.errors.append(Error(what, row, start, end, kind, *around, instead))

    @property
    def scores(self) -> Scores:
        """Kinds without a single label apart: whether their findings are right, these labels do not tell."""
        counted = self._counted
        labelled = {cell.kind for cell, score in counted.cells.items() if score.labels}
        scores = Scores(
            unknown_labels=counted.unknown_labels.copy(),
            look_alikes=counted.look_alikes.copy(),
            look_alikes_found=counted.look_alikes_found.copy(),
            errors=[e if e.kind in labelled else e._replace(what="unlabelled") for e in counted.errors],
            texts=counted.texts,
        )
        for cell, score in counted.cells.items():
            if cell.kind in labelled:
                scores.cells[cell] += score
            else:
                scores.unlabelled[cell.kind] += score.found
        return scores


def evaluate(
    texts: Sequence[str],
    labels: Sequence[Sequence[Span]],
    found: Sequence[Sequence[Span]],
    languages: Sequence[str] | None = None,
    look_alikes: Sequence[Sequence[Span]] | None = None,
) -> Scores:
    """Scores of the findings of any tool against labels: one list of Spans for every text.

    Kinds are compared by name, so those of another tool have to be given ours first. A kind that occurs in no label
    is not judged: `scores.unlabelled` counts its findings.

    >>> text = "mail a@b.org or call 112"
    >>> scores = evaluate([text], [[Span(5, 12, "email")]], [[Span(5, 12, "email"), Span(21, 24, "phone")]])
    >>> scores.total(kind="email").f1, dict(scores.unlabelled)
    (1.0, {'phone': 1})
    """
    counting = Evaluation()
    for row, (text, labelled, findings) in enumerate(zip(texts, labels, found, strict=True)):
        counting.add(
            text,
            labelled,
            findings,
            language=languages[row] if languages is not None else "",
            look_alikes=look_alikes[row] if look_alikes is not None else (),
            row=row,
        )
    return counting.scores


def match(labels: Sequence[Span], found: Sequence[Span]) -> tuple[dict[int, int], dict[int, int]]:
    """Pairs of label and finding, by their numbers, each in one pair at most: exact ones, and overlapping ones.

    All exact pairs are among the overlapping ones; what is left of both sides is paired from left to right.

    >>> match([Span(0, 4, "a"), Span(5, 9, "a")], [Span(5, 9, "a"), Span(1, 3, "a"), Span(0, 4, "b")])
    ({1: 0}, {1: 0, 0: 1})
    """
    free: dict[Span, list[int]] = {}
    for number in reversed(range(len(found))):
        free.setdefault(found[number], []).append(number)
    exact = {number: free[label].pop() for number, label in enumerate(labels) if free.get(label)}
    overlapping = dict(exact)
    left = sorted(set(range(len(found))) - set(exact.values()), key=lambda n: found[n])
    for number in sorted(set(range(len(labels))) - set(exact), key=lambda n: labels[n]):
        label = labels[number]
        other = next((n for n in left if found[n].kind == label.kind and _meet(found[n], label)), None)
        if other is not None:
            overlapping[number] = other
            left.remove(other)
    return exact, overlapping


def touching_script(text: str, start: int, end: int) -> str:
    """Script of SCRIPTS that a letter right before or right behind `text[start:end]` belongs to, `""` for none.

    >>> touching_script("电话112", 2, 5), touching_script("call 112", 5, 8)
    ('han', '')
    """
    for neighbour in (text[start - 1 : start] if start else "", text[end : end + 1]):
        if neighbour > "\x7f":
            for name, pattern in _SCRIPTS:
                if pattern.match(neighbour):
                    return name
    return ""


def _meet(one: Span, other: Span) -> bool:
    return one.start < other.end and other.start < one.end


def _overlap(one: Span, others: Sequence[Span]) -> Span | None:
    return next((other for other in others if _meet(one, other)), None)


def _is_covered(label: Span, found: Sequence[Span]) -> bool:
    at = label.start
    for one in sorted(found):
        if one.start <= at < one.end:
            at = one.end
    return at >= label.end
