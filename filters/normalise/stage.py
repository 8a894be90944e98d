"""Rewrite `normalise`: one spelling for what looks the same, every edit recorded, clean texts passed by at a glance."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from filters.contract import Rewrite, Rewritten, edits_of
from filters.kernels.oddities import BLANK, DISORDER, LEAD, PAIR, SPACES, TRAIL, find_oddities
from filters.normalise import params as characters
from filters.normalise import steps
from filters.normalise.editing import Change, Editing
from filters.normalise.mojibake import are_suspicious, lead_and_trail, repairs
from filters.normalise.params import NormaliseParams
from filters.texts import as_text_array, text_buffers

_ROUNDS = 20
_CODE_POINTS = 0x110000
# No character above this has a canonical decomposition or a combining class in any version of Unicode so far.
_LAST_COMPOSED = 0x30000
_C1 = "".join(map(chr, range(0x80, 0xA0)))


@dataclass(frozen=True)
class Step:
    """One step: the kind of its edits, the bits of `find_oddities` that may mean work for it, and what it changes."""

    kind: str
    bits: int
    changes: Callable[[str], Sequence[Change]]


@dataclass(frozen=True)
class State:
    """Steps in order, and the table that a glance at the texts takes. bits: by code point, uint8 (0x110000,)."""

    params: NormaliseParams
    steps: tuple[Step, ...]
    bits: NDArray[np.uint8]

    def glance(self, texts: pa.LargeStringArray) -> NDArray[np.int64]:
        """What may be odd in every text, as bits, int64."""
        offsets, data = text_buffers(texts)
        found = np.zeros(len(texts), np.int64)
        most = self.params.max_blank_lines
        fold = self.params.spaces == "fold"
        find_oddities(offsets, data, self.bits, _canonical()[1], fold, -1 if most is None else most, found)
        if self.params.mojibake is not None:
            rows = np.flatnonzero(found & (PAIR | _BROKEN))
            found[rows[~are_suspicious(texts.take(pa.array(rows)))]] &= ~(PAIR | _BROKEN)
        return found


# Bits of the table, one for each kind of character.
_BROKEN, _LINE_END, _OTHER, _CITATION, _UNSTABLE, _SPACE = 1, 2, 4, 8, 16, 32


@functools.cache
def _canonical() -> tuple[NDArray[np.bool_], NDArray[np.uint8]]:
    """Whether a character may not stand in normal form C, and combining classes, uint8, of every code point.

    By the running interpreter's Unicode: assigned characters are normalised alike by all versions since 4.1.
    """
    unstable = np.zeros(_CODE_POINTS, np.bool_)
    order = np.zeros(_CODE_POINTS, np.uint8)
    for point in [*range(0xC0, 0xD800), *range(0xE000, _LAST_COMPOSED)]:
        char = chr(point)
        order[point] = unicodedata.combining(char)
        parts = unicodedata.decomposition(char)
        if parts and parts[0] != "<":
            unstable[point] |= not unicodedata.is_normalized("NFC", char)
            unstable[[int(part, 16) for part in parts.split()[1:]]] = True  # may be composed with what is before it
    unstable[0x1160:0x1200] = True  # Hangul vowels and final consonants
    return unstable, order


def prepare(params: NormaliseParams) -> State:
    """The steps that are on. Raises ModuleNotFoundError where mojibake is on and ftfy is not installed."""
    bits = np.zeros(_CODE_POINTS, np.uint8)

    def mark(chars: Iterable[str], bit: int) -> None:
        bits[[ord(char) for char in chars]] |= bit

    found: list[Step] = []
    if params.mojibake is not None:
        repair = params.mojibake
        lead, trail = lead_and_trail()
        mark(lead, LEAD)
        mark(trail, TRAIL)
        mark(_C1, _BROKEN)
        found.append(Step("mojibake", PAIR | _BROKEN, lambda text: repairs(text, repair)))
    if params.line_ends:
        mark(characters.LINE_ENDS, _LINE_END)
        found.append(Step("line_end", _LINE_END, steps.line_ends))
    gone = {"control": characters.CONTROLS} if params.controls else {}
    gone |= {name: characters.INVISIBLE[name] for name in dict.fromkeys(params.invisible)}
    for kind, chars in gone.items():
        mark(chars, _OTHER)
        found.append(Step(kind, _OTHER, _each_run(chars, "")))
    if params.spaces != "keep":
        mark(characters.SPACES, _SPACE)
        found.append(Step("space", _SPACE, _each_run(characters.SPACES, " ")))
    if params.citations:
        mark("]", _CITATION)
        found.append(Step("citation", _CITATION, steps.citations))
    if params.unicode == "nfc":
        bits[_canonical()[0]] |= _UNSTABLE
        found.append(Step("unicode", _UNSTABLE | DISORDER, steps.nfc))
    if params.spaces == "fold":
        found.append(Step("white_space", SPACES, steps.fold))
    if params.max_blank_lines is not None:
        most = params.max_blank_lines
        found.append(Step("blank_lines", BLANK, lambda text: steps.blank_lines(text, most)))
    return State(params, tuple(found), bits)


def _each_run(chars: str, new: str) -> Callable[[str], Sequence[Change]]:
    pattern = re.compile(f"[{re.escape(chars)}]+")
    return lambda text: steps.runs_of(pattern, text, new)


def normalise(text: str, state: State, found: int | None = None) -> Editing:
    """Take the steps until the text does not change. found: what a glance at it gave, if there was one."""
    editing = Editing(text)
    for _ in range(_ROUNDS):
        if found is None:
            found = int(state.glance(as_text_array([editing.text]))[0])
        first = next((number for number, step in enumerate(state.steps) if step.bits & found), len(state.steps))
        before = editing.text
        for step in state.steps[first:]:
            editing.apply(step.kind, step.changes(editing.text))
        if editing.text == before:
            break
        found = None
    return editing


def rewrite(texts: pa.LargeStringArray, batch: pa.RecordBatch, state: State) -> Rewritten:
    """New texts, and `edits` (int64): how many were made. The kinds of edits are the names of the steps' work."""
    glance = state.glance(texts)
    counts = np.zeros(len(texts), np.int64)
    changed: dict[int, str] = {}
    rows: list[int] = []
    spans: list[tuple[str, int, int]] = []
    for row in np.flatnonzero(glance).tolist():
        text = texts[row].as_py()
        editing = normalise(text, state, int(glance[row]))
        if editing.text == text:
            continue
        changed[row] = editing.text
        counts[row] = len(editing.edits)
        own = _record(editing.edits, state.params.record)
        rows += [row] * len(own)
        spans += own
    if changed:
        mask = np.zeros(len(texts), np.bool_)
        mask[list(changed)] = True
        texts = pc.replace_with_mask(texts, pa.array(mask), pa.array(list(changed.values()), pa.large_string()))
    return Rewritten(texts, {"edits": pa.array(counts)}, edits_of(rows, spans))


def _record(edits: Sequence[tuple[str, int, int]], record: str) -> list[tuple[str, int, int]]:
    """Edits in order of their places, or one for each kind."""
    if record == "document":
        found: dict[str, tuple[int, int]] = {}
        for kind, start, end in edits:
            first, last = found.get(kind, (start, end))
            found[kind] = (min(first, start), max(last, end))
        edits = [(kind, *span) for kind, span in found.items()]
    return sorted(edits, key=lambda edit: (edit[1], edit[2], edit[0]))


NORMALISE = Rewrite(
    name="normalise",
    summary="one spelling: broken encodings repaired, controls, odd spaces, normal form C, citation marks",
    Params=NormaliseParams,
    columns=lambda params: {"edits": pa.int64()},
    prepare=prepare,
    rewrite=rewrite,
    rules=lambda params: [],
)
