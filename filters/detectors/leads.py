"""What a hint's matches begin with: sets of bytes, read off its pattern, for a loop that asks for all hints at once.

    "gh[pou]_"            g, h, one of pou, _
    "[0-9](?: ?[0-9]){6}" a digit, then six bytes that are digits or spaces

A lead may fit more than its hint matches, never less. It is read off literals, escapes, classes (`\\p{...}` in them is
any letter, digit or other character than ASCII), groups, alternation and repetition; a hint that needs more of RE2 than
that has no lead and is searched for by RE2 itself.
"""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from typing import NamedTuple

Bytes = frozenset[int]
Lead = tuple[Bytes, ...]

LONGEST = 10
"""Bytes of a lead. Ten digits and separators are rare enough in prose, and the tables stay small."""
_OTHERS = frozenset(range(0x80, 0x100))
"""Bytes of characters that are not ASCII."""
_PROSE = frozenset(b" aeinot")
"""Bytes that every few words of most languages in Latin letters have: a lead that began with one would be looked at
everywhere."""
_COMMON = 1 / 256
"""A lead that fits this share of all strings of bytes, or less, is worth asking for."""


class _Part(NamedTuple):
    """A piece of a pattern: bytes it may begin with and consist of, fewest bytes, and its bytes one by one if known."""

    first: Bytes
    every: Bytes
    least: int
    exact: Lead | None


class _UnknownError(Exception):
    """The pattern needs more of RE2 than is known here."""


def leads(hint: str) -> list[Lead] | None:
    """What its matches begin with, one lead for each alternative; None if that cannot be told or is too common.

    >>> [[sorted(map(chr, each)) for each in lead] for lead in leads("g[hk]|@")]
    [[['g'], ['h', 'k']], [['@']]]
    >>> leads("(?i:key)"), leads("[a-z]+"), leads("x?y?")
    (None, None, None)
    """
    try:
        reader = _Reader(hint)
        branches = reader.alternatives()
        if not reader.done:
            return None
    except _UnknownError:
        return None
    found = [_lead(branch) for branch in branches]
    return found if all(map(_is_rare, found)) else None


def _lead(branch: Sequence[_Part]) -> Lead:
    """Bytes in a row that every match has; it begins where they become rare, which need not be the match's first."""
    lead: list[Bytes] = []
    for number, part in enumerate(branch):
        if part.exact is None:
            rest = _sequence(branch[number:])
            lead += [rest.first, *[rest.every] * (rest.least - 1)][: rest.least]
            break
        lead += part.exact
    common = next((place for place, each in enumerate(lead) if not each & _PROSE), len(lead))
    return tuple(lead[common : common + LONGEST])


def _is_rare(lead: Lead) -> bool:
    share = 1.0
    for each in lead:
        share *= len(each) / 256
    return share <= _COMMON


def _sequence(parts: Sequence[_Part]) -> _Part:
    """Parts behind one another, as one."""
    first: Bytes = frozenset()
    exact: Lead | None = ()
    for part in parts:
        exact = exact + part.exact if exact is not None and part.exact is not None else None
    for part in parts:
        first |= part.first
        if part.least:
            break
    every = frozenset[int]().union(*(part.every for part in parts))
    return _Part(first, every, sum(part.least for part in parts), exact)


def _either(branches: Sequence[_Part]) -> _Part:
    if len(branches) == 1:
        return branches[0]
    return _Part(
        frozenset[int]().union(*(branch.first for branch in branches)),
        frozenset[int]().union(*(branch.every for branch in branches)),
        min(branch.least for branch in branches),
        None,
    )


def _characters(chars: frozenset[str]) -> _Part:
    """One of some characters: byte by byte where all have as many."""
    encoded = [char.encode() for char in chars]
    lengths = {len(one) for one in encoded}
    exact = tuple(frozenset(column) for column in zip(*encoded, strict=True)) if len(lengths) == 1 else None
    return _Part(
        frozenset(one[0] for one in encoded), frozenset(byte for one in encoded for byte in one), min(lengths), exact
    )


class _Reader:
    """Reads a pattern from left to right."""

    _REPEAT = re.compile(r"\{(\d+)(,?)(\d*)\}")
    _PROPERTY = re.compile(r"\\p\{\w+\}")
    _HEX = re.compile(r"x\{([0-9A-Fa-f]+)\}")

    def __init__(self, pattern: str) -> None:
        self._text, self._at = pattern, 0

    @property
    def done(self) -> bool:
        return self._at >= len(self._text)

    def alternatives(self) -> list[list[_Part]]:
        """Alternatives up to the end of the pattern or of the group."""
        branches: list[list[_Part]] = [[]]
        while not self.done and self._text[self._at] != ")":
            if self._text[self._at] == "|":
                self._at += 1
                branches.append([])
            else:
                branches[-1].append(self._repeated(self._atom()))
        return branches

    def _atom(self) -> _Part:
        char = self._text[self._at]
        if char == "(":
            if not self._text.startswith("(?:", self._at):
                raise _UnknownError
            self._at += 3
            inner = _either([_sequence(branch) for branch in self.alternatives()])
            if self.done:
                raise _UnknownError
            self._at += 1
            return inner
        if char == "[":
            self._at += 1
            return self._class()
        if char in ".^$*+?{":
            raise _UnknownError
        return _characters(frozenset(self._character()))

    def _character(self) -> str:
        char = self._text[self._at]
        self._at += 1
        if char != "\\":
            return char
        if named := self._HEX.match(self._text, self._at):
            self._at = named.end()
            return chr(int(named[1], 16))
        char = self._text[self._at : self._at + 1]
        if char == "t":
            char = "\t"
        elif not char or char.isalnum():
            raise _UnknownError
        self._at += 1
        return char

    def _class(self) -> _Part:
        if self._text.startswith(("^", "]", "[:"), self._at):
            raise _UnknownError
        chars: set[str] = set()
        wide = False
        while not self._text.startswith("]", self._at):
            if self.done or self._text.startswith("[:", self._at):
                raise _UnknownError
            if named := self._PROPERTY.match(self._text, self._at):
                self._at, wide = named.end(), True
                chars.update(string.ascii_letters, string.digits)
                continue
            low = high = self._character()
            if self._text.startswith("-", self._at) and not self._text.startswith("-]", self._at):
                self._at += 1
                high = self._character()
            chars.update(map(chr, range(ord(low), ord(high) + 1)))
        self._at += 1
        part = _characters(frozenset(chars))
        return _Part(part.first | _OTHERS, part.every | _OTHERS, 1, None) if wide else part

    def _repeated(self, part: _Part) -> _Part:
        """The part with the repetition that stands behind it, if one does."""
        char = self._text[self._at : self._at + 1]
        if char in ("?", "*", "+"):
            self._at += 1
            least, most = int(char == "+"), None
        elif char == "{":
            found = self._REPEAT.match(self._text, self._at)
            if found is None:
                raise _UnknownError
            self._at = found.end()
            least = int(found[1])
            most = least if not found[2] else int(found[3]) if found[3] else None
        else:
            return part
        exact = part.exact * least if part.exact is not None and most == least else None
        return _Part(part.first, part.every, part.least * least, exact)
