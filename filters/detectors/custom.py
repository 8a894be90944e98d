"""Detectors that a recipe defines: an RE2 pattern, a named validator, words that must stand near."""

from __future__ import annotations

import difflib
import re
import string
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import re2

from filters.detectors.boundaries import stands_alone
from filters.detectors.contract import Detector, Spans
from filters.detectors.sieve import quiet
from filters.detectors.validators import VALIDATORS, Check
from filters.errors import RecipeError

_NOT_REGULAR = re.compile(r"\\[1-9]|\\k[<{']|\(\?P=|\(\?<?[=!]|\(\?>|\(\?\(")
"""Backreferences, lookaround, atomic groups, conditions."""

CHECKED = "checked"
"""Name of the group of a pattern that the validator sees, as in `M-(?P<checked>[0-9]{8})`."""

_FAKES_TRIED = 2048
"""Of numbers with a remainder by 97 one in a hundred is right."""


def custom_detector(
    name: str, pattern: str, *, validator: str = "none", placeholder: str | None = None, cue: str | None = None,
    alone: bool = True,
) -> Detector:  # fmt: skip
    """The detector of a recipe's entry. Raises RecipeError for a pattern that cannot be used, with its position.

    The validator sees what stands in the pattern's group named `checked`, or all of the value where there is none.

    >>> badge = custom_detector("badge", "ACME-[0-9]{5}")
    >>> list(badge.prove("ACME-12345", 0, 10)), list(badge.prove("ACME-123456", 0, 10)), badge.placeholder
    ([(0, 10)], [], '<BADGE>')
    """
    shape, near = compile_pattern(pattern), compile_pattern(cue) if cue is not None else None
    if any(match and match.span() == (0, 0) for match in map(shape.search, ("", "a", " a"))):
        raise RecipeError(f"pattern {_shown(pattern)} matches the empty string, so it would be found everywhere")
    if validator not in VALIDATORS:
        near_names = difflib.get_close_matches(validator.lower(), VALIDATORS, n=1)
        hint = f"; did you mean {near_names[0]!r}?" if near_names else ""
        raise RecipeError(f"unknown validator {validator!r}{hint}; known: {', '.join(VALIDATORS)}")
    valid = _validity(shape, VALIDATORS[validator])

    def prove(window: str, start: int, end: int) -> Spans:
        if alone and not stands_alone(window, start, end):
            return []
        if near and not near.search(window[:start]) and not near.search(window[end:]):
            return []
        return [(start, end)] if valid(window[start:end]) else []

    return Detector(
        kind=name,
        group="custom",
        summary="defined by the recipe",
        pattern=pattern,
        hint=pattern,
        prove=prove,
        proof=validator if near is None else f"{validator}+cue",
        placeholder=f"<{name.upper()}>" if placeholder is None else placeholder,
        fake=_Fakes(name, shape, valid).fake,
        multiline=True,
    )


def _validity(shape: Any, check: Check) -> Check:
    """The check of a value, or of its part that the pattern names."""
    if CHECKED not in shape.groupindex:
        return check

    def valid(value: str) -> bool:
        whole = shape.fullmatch(value)
        return whole is not None and check(whole.group(CHECKED) or "")

    return valid


class _Fakes:
    """Values of the same shape: other digits, and other letters too if digits alone do not do.

    Where the pattern says which part is checked, that part alone changes.
    """

    def __init__(self, name: str, shape: Any, valid: Callable[[str], bool]) -> None:
        self._name, self._shape, self._valid = name, shape, valid

    def fake(self, value: str, noise: Iterator[int]) -> str:
        """Another value that the pattern and the validator take; `<NAME>` if chance does not lead to one."""
        told = self._shape.fullmatch(value) if CHECKED in self._shape.groupindex else None
        first, last = told.span(self._shape.groupindex[CHECKED]) if told else (0, len(value))
        for attempt in range(_FAKES_TRIED):
            letters = attempt >= _FAKES_TRIED // 2
            other = "".join(_other(char, noise, letters=letters) for char in value[first:last])
            made = value[:first] + other + value[last:]
            whole = self._shape.fullmatch(made)
            if made != value and whole and self._valid(made):
                return made
        return f"<{self._name.upper()}>"


def _other(char: str, noise: Iterator[int], *, letters: bool) -> str:
    for alphabet in (string.digits, string.ascii_lowercase, string.ascii_uppercase):
        if char in alphabet and (letters or alphabet is string.digits):
            return alphabet[next(noise) % len(alphabet)]
    return char


def compile_pattern(pattern: str) -> Any:
    """An RE2 pattern, compiled. Raises RecipeError with the position of what is wrong with it."""
    if found := re.search(r"(?<!\\)(?:\\\\)*\\C", pattern):
        raise RecipeError(f"pattern {_shown(pattern)}: \\C at {found.end() - 1} would cut through characters; use .")
    try:
        return re2.compile(pattern, quiet())
    except re2.error as error:
        _explain(pattern, error.args[0].decode("utf-8", "replace") if error.args else "not valid")


def _explain(pattern: str, message: str) -> NoReturn:
    """Say where and why: RE2 quotes the part that it does not understand behind a colon."""
    why, _, part = message.partition(": ")
    place = pattern.find(part) if part else -1
    if why.startswith("missing )"):
        place = _open_group(pattern)
    where = f" at character {place + 1}" if place >= 0 else ""
    hint = ""
    if _NOT_REGULAR.match(part) or (place >= 0 and _NOT_REGULAR.match(pattern, place)):
        hint = (
            "; backreferences and lookaround cannot exist here, because no engine searches them in linear time: "
            "write the shape alone, and use `alone`, `cue` and `validator` for what stands around it and what it holds"
        )
    raise RecipeError(f"pattern {_shown(pattern)} is not RE2: {why}{where}" + (f", {part!r}" if where else "") + hint)


def _open_group(pattern: str) -> int:
    """Index of the innermost `(` that is never closed, -1 if there is none."""
    opened: list[int] = []
    in_class = False
    index = 0
    while index < len(pattern):
        char = pattern[index]
        if char == "\\":
            index += 1
        elif in_class:
            in_class = char != "]"
        elif char == "[":
            in_class = True
            index += pattern[index + 1 : index + 2] in ("]", "^")
        elif char == "(":
            opened.append(index)
        elif char == ")" and opened:
            opened.pop()
        index += 1
    return opened[-1] if opened else -1


def _shown(pattern: str) -> str:
    return repr(pattern if len(pattern) <= 60 else pattern[:57] + "...")
