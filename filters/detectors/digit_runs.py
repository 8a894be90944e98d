"""One candidate shape for all numbers made of digits: a run of digits with single separators, cut into numbers.

Detectors of such numbers share `SHAPE` and `HINT`, so the search is made once for all of them, and `numbers`
remembers the last candidates, so the cutting is. What a number is written like is its *form*: the lengths of its
groups and what stands between them, as in `3.3.3-2`, so a detector's rules are a set of forms.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import lru_cache

from filters.detectors.boundaries import continues, is_whole_text
from filters.detectors.contract import Prove, Spans
from filters.detectors.cues import Cues

SHAPE = r"(?:[0-9][ ./-]?){8,}[0-9][Xx]?"
HINT = r"(?:[0-9][ ./-]?){8}[0-9]"

MIN_DIGITS = 9

# Every form that some detector asks for: anything else is given up while it is read. `X` is a last letter X.
FORMS = frozenset(
    {
        *map(str, range(9, 20)), "17X", "6 8 4", "6 8 3X",
        "4 4 4", "4 4 4 4", "4 4 4 4 1", "4 4 4 4 2", "4 4 4 4 3", "4 6 4", "4 6 5", "6 13",
        "4-4-4", "4-4-4-4", "4-4-4-4-2", "4-4-4-4-3", "4-6-4", "4-6-5", "6-13",
        "3 2 4", "3 3 3", "3 3 3 2", "3 3 4", "2 3 3 3", "1 4 5 2 1", "4 3 3", "4 5 1", "4 5 1 1", "6 4 3", "6 4 2 1",
        "3-2-4", "3-3-3", "3-3-3-2", "3-3-4", "1-4-5-2-1", "4-3-3", "6-4", "6-7", "8-4", "9-2",
        "3.2.4", "3.3.3-2", "3.3.3.2",
    }
)  # fmt: skip
_BEGINNINGS = frozenset(form[:at] for form in FORMS for at, char in enumerate(form) if char == " ")

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


def _form(word: str) -> str:
    """The form of digits without spaces.

    >>> _form("366.397.055-83"), _form("11010519491231002X")
    ('3.3.3-2', '17X')
    """
    form, length = "", 0
    for char in word:
        if char in "./-":
            form += f"{length}{char}"
            length = 0
        else:
            length += char not in "Xx"
    return f"{form}{length}X" if word[-1] in "Xx" else f"{form}{length}"


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

    >>> [free_right(text, 3) for text in ("138转", "138.Next", "138-", "138.5", "138.jpg", "138_", "138%")]
    [True, True, True, False, False, False, False]
    """
    if continues(window, end, _RIGHT):
        return False
    # A full stop, a dash or a slash ends a phrase, unless more of a name or a number comes behind it; a capital
    # letter behind a full stop begins a sentence whose space was lost.
    if end >= len(window) or window[end] not in "./-" or not continues(window, end + 1):
        return True
    return window[end] == "." and window[end + 1].isupper()


@lru_cache(maxsize=8)
def numbers(window: str, start: int, end: int) -> tuple[Number, ...]:
    """The numbers in one of `FORMS` that candidate `window[start:end]` can be read as, by start, longest first.

    A group that is preceded or followed by one of its own length is a row of a table, not an end of a number.

    >>> [(n.digits, n.form) for n in numbers("no 366.397.055-83!", 3, 17)]
    [('36639705583', '3.3.3-2')]
    >>> [n.form for n in numbers("4012 8888 8888 1881 12", 0, 22)]
    ['4 4 4 4 2', '4 4 4 4']
    """
    words = window[start:end].split(" ")
    forms = [str(len(word)) if word.isdigit() else _form(word) for word in words]
    begins, ends = free_left(window, start), free_right(window, end)
    found: list[Number] = []
    last, at = len(words) - 1, start
    for i, word in enumerate(words):
        begin, form = at, forms[i]
        at += len(word) + 1
        if (i == 0 and not begins) or (i > 0 and forms[i - 1] == form and len(word) < MIN_DIGITS):
            continue
        j, place = i, len(found)
        while True:
            cut = j > i and j < last and forms[j + 1] == forms[j]
            if form in FORMS and not cut and (j < last or ends):
                text = " ".join(words[i : j + 1])
                digits = "".join(char for char in text if char not in " ./-").upper()
                found.insert(place, Number(begin, begin + len(text), digits, form))
            if j == last or form not in _BEGINNINGS:
                break
            j += 1
            form = f"{form} {forms[j]}"
    return tuple(found)


Check = Callable[[str], bool]


def prove_numbers(
    check: Check,
    forms: Collection[str],
    cued: Collection[str] = (),
    cues: Cues | None = None,
    weak: Check | None = None,
    alone: Callable[[Number], bool] | None = None,
) -> Prove:
    """The proof of numbers written in one of `forms` whose digits pass `check`.

    With a word of `cues` near by, also of those in one of `cued` or `forms` that pass `weak` (as a rule the same).
    Where a number is all there is of a text, no word can tell what it is: `alone` judges it, if it has three different
    digits or more.
    """
    free, known = frozenset(forms), frozenset(forms) | frozenset(cued)
    if not known <= FORMS:
        raise ValueError(f"forms that digit_runs.FORMS does not hold: {sorted(known - FORMS)}")
    lenient = weak or check

    def proved(window: str, number: Number) -> bool:
        if number.form in free and check(number.digits):
            return True
        if cues is not None and lenient(number.digits) and cues.near(window, number.start, number.end):
            return True
        return (
            alone is not None
            and is_whole_text(window, number.start, number.end)
            and len(set(number.digits)) > 2
            and alone(number)
        )

    def prove(window: str, start: int, end: int) -> Spans:
        found: list[tuple[int, int]] = []
        reached = start
        for number in numbers(window, start, end):
            if number.form in known and number.start >= reached and proved(window, number):
                reached = number.end
                found.append((number.start, number.end))
        return found

    return prove
