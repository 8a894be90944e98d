"""What a detector is: an RE2 shape that finds candidates in bytes, and a proof that decides about each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

CONTEXT = 64
"""Characters before and behind a candidate that its proof can see, where the text has them: what bounds its cost."""

Group = Literal["contact", "network", "financial", "national", "secret", "location", "custom"]
"""Families of kinds; `custom` are those that a recipe defines."""

Spans = Iterable[tuple[int, int]]

Prove = Callable[[str, int, int], Spans]
"""`prove(window, start, end)`: the findings in the candidate `window[start:end]`, none if it is not what it looks like.

`window` is the candidate with up to CONTEXT characters on either side. A candidate may be wider than what is in it,
or hold several: what is yielded lies inside it, in order, without overlap.
"""

Fake = Callable[[str, Iterator[int]], str]
"""`fake(value, noise)`: another value of the same shape (length, separators, case, kind of provider) that the same
detector finds whole, made only of what may be told about `value` and of `noise`, an endless source of bytes (0-255)."""


@dataclass(frozen=True)
class Detector:
    """One kind of sensitive value.

    kind: its name, in lower case, as in recipes, audit rows and labels. pattern: RE2, without word boundaries (they
    fail beside scripts written without spaces) and without large counted repetitions (they make RE2 slow); lengths
    and neighbours are for `prove`. hint: RE2 that every candidate contains a match of and most lines do not;
    several are looked for at once, so it should need few states: an `@`, a prefix with what follows, a run of digits.
    It holds no line end, unless it is the pattern itself.
    proof: short name of what `prove` checks, for audit rows, as in `luhn+issuer`. placeholder: what takes the place
    of a value that is redacted; no detector may find anything in it. multiline: whether a candidate may hold a line
    end, other than as its first character; what may not is looked for line by line.
    """

    kind: str
    group: Group
    summary: str
    pattern: str
    hint: str
    prove: Prove
    proof: str
    placeholder: str
    fake: Fake
    multiline: bool = False


def always(window: str, start: int, end: int) -> Spans:
    """The proof of a detector whose shape says it all."""
    return [(start, end)]
