"""One candidate shape for all numbers made of digits: a run of digits with single separators, cut into numbers.

Detectors of such numbers share `SHAPE` and `HINT`, so the search is made once for all of them, and `numbers`
remembers the last candidates, so the cutting is. What a number is written like is its *form*: the lengths of its
groups and what stands between them, as in `3.3.3-2`, so a detector's rules are a set of forms.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import lru_cache

from filters.detectors.boundaries import continues
from filters.detectors.contract import Prove, Spans
from filters.detectors.cues import Cues

SHAPE = r"(?:[0-9][ ./-]?){8,}[0-9][Xx]?"
HINT = r"(?:[0-9][ ./-]?){8}[0-9]"

MIN_DIGITS, MAX_DIGITS = 9, 19
MAX_GROUPS = 7  # of a number written with spaces: French 1 2 2 2 3 3 2

# Beside a number these make it part of something longer or something else: identifiers, paths, amounts, addresses.
_LEFT = "_/@+%$€£¥-\\"
_RIGHT = "_@%$€£\\"


@dataclass(frozen=True)
class Number:
    """Digits found at [start, end) of a window, without their separators; the last may be an X."""

    start: int
    end: int
    digits: str
    form: str


@dataclass(frozen=True)
class _Token:
    start: int
    end: int
    digits: str
    form: str


def _form(token: str) -> tuple[str, str]:
    digits, form, length = [], [], 0
    for char in token:
        if char in "./-":
            form.append(f"{length}{char}")
            length = 0
        else:
            digits.append(char)
            length += char not in "Xx"
    form.append(f"{length}X" if token[-1] in "Xx" else str(length))
    return "".join(digits).upper(), "".join(form)


def _tokens(window: str, start: int, end: int) -> list[_Token]:
    tokens, at = [], start
    for part in window[start:end].split(" "):
        tokens.append(_Token(at, at + len(part), *(_form(part) if not part.isdigit() else (part, str(len(part))))))
        at += len(part) + 1
    return tokens


def free_left(window: str, start: int) -> bool:
    """Whether nothing in front of `start` makes what begins there part of something else.

    >>> [free_left(text, text.index("1")) for text in ("号138", "=138", "No.138", " .138", "x138", "/138", "$138")]
    [True, True, True, False, False, False, False]
    """
    if start > 0 and window[start - 1] == ".":
        return start > 1 and window[start - 2].isalpha()
    return not continues(window, start - 1, _LEFT)


def free_right(window: str, end: int) -> bool:
    """Whether nothing at `end` makes what ends there part of something else.

    >>> [free_right(text, 3) for text in ("138转", "138. Next", "138-", "138.5", "138.jpg", "138_", "138%")]
    [True, True, True, False, False, False, False]
    """
    if continues(window, end, _RIGHT):
        return False
    # A full stop, a dash or a slash ends a phrase, unless more of a name or a number comes behind it.
    return not (end < len(window) and window[end] in "./-" and continues(window, end + 1))


@lru_cache(maxsize=64)
def numbers(window: str, start: int, end: int) -> tuple[Number, ...]:
    """The numbers of 9 to 19 digits that candidate `window[start:end]` can be read as, by where they start.

    A group that is preceded or followed by one of its own length is a row of a table, not an end of a number.

    >>> [(n.digits, n.form) for n in numbers("no 366.397.055-83!", 3, 17)]
    [('36639705583', '3.3.3-2')]
    >>> [n.form for n in numbers("4012 8888 8888 1881 12", 0, 22)]
    ['4 4 4 4', '4 4 4 4 2']
    """
    tokens = _tokens(window, start, end)
    begins, ends = free_left(window, start), free_right(window, end)
    found = []
    last = len(tokens) - 1
    for i, token in enumerate(tokens):
        if i == 0 and not begins:
            continue
        if len(token.digits) < MIN_DIGITS and i > 0 and tokens[i - 1].form == token.form:
            continue
        digits, form = "", ""
        for j in range(i, min(i + MAX_GROUPS, len(tokens))):
            digits += tokens[j].digits
            form = f"{form} {tokens[j].form}" if form else tokens[j].form
            if len(digits) > MAX_DIGITS:
                break
            if len(digits) < MIN_DIGITS or (j == last and not ends):
                continue
            if j > i and j < last and tokens[j + 1].form == tokens[j].form:
                continue
            found.append(Number(token.start, tokens[j].end, digits, form))
    return tuple(found)


Check = Callable[[str], bool]


def prove_numbers(
    check: Check,
    forms: Collection[str],
    cued: Collection[str] = (),
    cues: Cues | None = None,
    weak: Check | None = None,
) -> Prove:
    """The proof of numbers written in one of `forms` whose digits pass `check`.

    With a word of `cues` near by, also of those in one of `cued` or `forms` that pass `weak` (as a rule the same).
    """
    free, known = frozenset(forms), frozenset(forms) | frozenset(cued)
    lenient = weak or check

    def prove(window: str, start: int, end: int) -> Spans:
        reached = start
        for number in numbers(window, start, end):
            if number.form not in known or number.start < reached:
                continue
            if (number.form in free and check(number.digits)) or (
                cues is not None and lenient(number.digits) and cues.near(window, number.start, number.end)
            ):
                reached = number.end
                yield number.start, number.end

    return prove
