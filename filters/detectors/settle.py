"""A text edited until nothing is left to edit: find, act, and search what has come of it, where all began.

What is found hides its neighbours and gives them cues; once it has gone, they may be values themselves. So the text
that came of a round is searched again, whole, until a round finds nothing new: that text is at rest, and the stage
run over it once more changes nothing. Rounds are bounded (ROUNDS), each is linear in the text, so all of it is.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from typing import Literal, NamedTuple

from filters.detectors.search import Found, Scanner
from filters.detectors.sieve import Stretch

Action = Literal["redact", "pseudonymise", "tag", "drop_line"]
"""What becomes of a finding: a placeholder, a fake value, nothing but a count, or its whole line leaves."""

Replace = Callable[[int, str], str]
"""`replace(detector, value)`: what takes a value's place; asked for `redact` and `pseudonymise` only."""

ROUNDS = 16
"""Real text is at rest after two, rarely three. Only a chain of values made so that each is hidden by the one before
can need more; what such a chain still hides after so many rounds stays."""


class Settled(NamedTuple):
    """The text that came of it, and the findings, in order and without overlap, in bytes of the text as it was."""

    text: bytes
    findings: list[Found]


class _Edit(NamedTuple):
    """Bytes [start, end) of the text as it was, and what stands there now."""

    start: int
    end: int
    new: bytes
    action: Action


def settle(
    data: bytes,
    scanner: Scanner,
    actions: Sequence[Action],
    replace: Replace,
    stretches: Sequence[Stretch] | None = None,
) -> Settled:
    """Search and edit one text. actions: by detector. stretches: what `scanner.promising` told of it, if it was asked.

    A line ends behind its `\\n`; the lines that a value lies in leave with their ends. A fake is not searched again,
    nor is a value that was tagged; but a finding that is redacted takes with it what is tagged inside it.
    """
    edits: list[_Edit] = []
    findings: list[Found] = []
    text = data
    for _ in range(ROUNDS):
        here = _Places(edits)
        fresh = [one for one in scanner.find(text, stretches) if not here.forbid(one, actions[one.detector])]
        if not fresh:
            break
        added: list[_Edit] = []
        lines: list[tuple[int, int]] = []
        taken: list[tuple[int, int]] = []
        new_findings: list[Found] = []
        line = (0, 0)
        for one in fresh:
            action = actions[one.detector]
            start, end = here.before(one.start), here.after(one.end)
            new_findings.append(Found(start, end, one.detector))
            if here.meets(one):
                taken.append((start, end))
            if action == "drop_line":
                # Findings come in order, and a line may hold very many: its ends are looked for once.
                if one.start < line[0] or line[1] < one.end:
                    line = _lines(text, one.start, one.end)
                    lines.append((here.before(line[0]), here.after(line[1])))
                continue
            value = text[one.start : one.end]
            new = value if action == "tag" else replace(one.detector, value.decode()).encode()
            added.append(_Edit(start, end, new, action))
        findings = [*_outside(findings, taken), *new_findings]
        edits = _without_lines(sorted([*here.untouched(fresh), *added]), _joined(lines))
        text, stretches = _render(data, edits), None
    return Settled(text, sorted(findings))


class _Places:
    """Where edits stand in the text they have led to."""

    def __init__(self, edits: Sequence[_Edit]) -> None:
        self._edits = edits
        self._starts: list[int] = []
        self._ends: list[int] = []
        shift = 0
        for edit in edits:
            self._starts.append(edit.start + shift)
            shift += len(edit.new) - (edit.end - edit.start)
            self._ends.append(edit.end + shift)

    def _range(self, start: int, end: int) -> tuple[int, int]:
        """Edits that [start, end) meets; one that left nothing is met by what stands on both sides of it."""
        return bisect_right(self._ends, start), bisect_left(self._starts, end)

    def meets(self, one: Found) -> bool:
        first, last = self._range(one.start, one.end)
        return first < last

    def forbid(self, one: Found, action: Action) -> bool:
        """Whether what the finding would take with it has precedence."""
        first, last = self._range(one.start, one.end)
        met = {edit.action for edit in self._edits[first:last]}
        if action == "tag":
            return bool(met)
        if action == "pseudonymise":
            return bool(met - {"tag"})
        return "pseudonymise" in met

    def before(self, offset: int) -> int:
        """Where a span that begins at `offset` begins in the text as it was: around the edit it begins in."""
        index = bisect_right(self._ends, offset)
        if index < len(self._edits) and self._starts[index] < offset:
            return self._edits[index].start
        return offset + self._shift(index)

    def after(self, offset: int) -> int:
        """Where a span that ends at `offset` ends in the text as it was."""
        index = bisect_left(self._starts, offset)
        if index and self._ends[index - 1] > offset:
            return self._edits[index - 1].end
        return offset + self._shift(index)

    def _shift(self, index: int) -> int:
        """What to add to offsets behind the first `index` edits and before the next."""
        return self._edits[index - 1].end - self._ends[index - 1] if index else 0

    def untouched(self, fresh: Iterable[Found]) -> list[_Edit]:
        """Edits that no finding has taken with it."""
        gone: set[int] = set()
        for one in fresh:
            gone.update(range(*self._range(one.start, one.end)))
        return [edit for index, edit in enumerate(self._edits) if index not in gone]


def _outside(findings: list[Found], taken: list[tuple[int, int]]) -> list[Found]:
    """Findings that lie in none of the spans, which are in order and do not overlap."""
    starts = [start for start, _ in taken]
    inside = [bisect_right(starts, one.start) - 1 for one in findings]
    return [one for one, index in zip(findings, inside, strict=True) if index < 0 or taken[index][1] <= one.start]


def _lines(text: bytes, start: int, end: int) -> tuple[int, int]:
    """The lines that [start, end) lies in, with the end of the last."""
    stop = text.find(b"\n", end - 1)
    return text.rfind(b"\n", 0, start) + 1, len(text) if stop < 0 else stop + 1


def _joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _without_lines(edits: Sequence[_Edit], lines: Sequence[tuple[int, int]]) -> list[_Edit]:
    """Edits and lines that leave; an edit loses what lies in such a line."""
    if not lines:
        return list(edits)
    starts = [start for start, _ in lines]
    kept = [_Edit(start, end, b"", "drop_line") for start, end in lines]
    for edit in edits:
        start, end = edit.start, edit.end
        index = bisect_right(starts, start) - 1
        if index >= 0:
            start = max(start, lines[index][1])
        if index + 1 < len(lines):
            end = min(end, lines[index + 1][0])
        whole = (start, end) == (edit.start, edit.end)
        if whole or (start < end and edit.action != "tag"):  # what was tagged is not replaced: a part needs no edit
            kept.append(edit._replace(start=start, end=end))
    return sorted(kept)


def _render(data: bytes, edits: Sequence[_Edit]) -> bytes:
    parts: list[bytes] = []
    last = 0
    for edit in edits:
        parts += [data[last : edit.start], edit.new]
        last = edit.end
    return b"".join([*parts, data[last:]])
