"""Candidate shapes for identifiers of letters and digits, and the proof they share: cut out, normalise, check.

The shapes begin with what stands in front of the identifier: a search without it would keep a thread for every
letter, which makes RE2 slow on long runs of letters and digits.
"""

from __future__ import annotations

from collections.abc import Callable

from filters.detectors.boundaries import is_whole_text
from filters.detectors.contract import Prove, Spans
from filters.detectors.cues import Cues
from filters.detectors.digit_runs import free_left, free_right

START = r"(?:^|[^0-9A-Za-z])"
"""In front of an identifier: the beginning of the text, or anything but an ASCII letter or digit."""

LETTERED = START + r"(?:[A-Za-z]{1,2}-?[0-9]{7,9}(?:-?[A-Za-z])?|[0-9]{7,8}-?[A-Za-z])"
"""Seven to nine digits with one or two letters in front, or one behind, or both: national identity cards, passports."""

LETTERED_HINT = r"[A-Za-z]-?[0-9]{7}|[0-9]{7}-?[A-Za-z]"

Check = Callable[[str], bool]


def trimmed(window: str, start: int, end: int) -> tuple[int, int]:
    """The candidate without what is not an ASCII letter or digit on either side.

    >>> trimmed("号AB1 ", 0, 5)
    (1, 4)
    """
    while start < end and not (window[start].isascii() and window[start].isalnum()):
        start += 1
    while start < end and not (window[end - 1].isascii() and window[end - 1].isalnum()):
        end -= 1
    return start, end


def stands_free(window: str, start: int, end: int) -> bool:
    """Whether nothing beside an identifier makes it a part of a longer name, a path or an address."""
    return free_left(window, start) and free_right(window, end)


def prove_code(
    check: Check, weak: Check | None = None, cues: Cues | None = None, alone: bool = False
) -> Prove:  # fmt: skip
    """The proof of an identifier that passes `check`, or `weak` with a cue word near by; both see it as written.

    One that is all there is of a text needs no cue if `alone`.
    """

    def prove(window: str, start: int, end: int) -> Spans:
        start, end = trimmed(window, start, end)
        text = window[start:end]
        if stands_free(window, start, end) and (
            check(text)
            or (
                weak is not None
                and weak(text)
                and (
                    (cues is not None and cues.near(window, start, end))
                    or (alone and is_whole_text(window, start, end))
                )
            )
        ):
            yield start, end

    return prove
