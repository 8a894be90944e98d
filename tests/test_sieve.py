"""The sieve: whole lines and nothing lost, wherever a text is cut; work that grows with the text and no faster."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.sensitive_slope import REPEATED
from filters.detectors import search, sieve
from filters.detectors.catalog import DETECTORS
from filters.detectors.contract import Detector, Prove, always
from filters.detectors.leads import leads
from filters.detectors.scan import scan
from filters.detectors.search import scanner
from filters.kernels.stretches import cut_lines, find_leads
from filters.texts import text_buffers
from tests.plain_detectors import PLAIN
from tests.strategies import texts

ALL = tuple(DETECTORS.values())
PIECES = [
    "a@b.org", "8.8.8.8", "tel +49 30 901820", "4111111111111111", "\nDE89370400440532013000", "aws_secret_access_key",
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----", "<EMAIL>",
    "\n", "\n", " ", "x", "身份证", "phone", "=", "2001:db8::1",
]  # fmt: skip
broken_texts = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)


def array(some: list[str]) -> pa.LargeStringArray:
    return pa.array(some, pa.large_string())


def slow_cuts(some: list[str], least: int) -> Iterator[int]:
    """One character after the other."""
    at = 0
    yield at
    for text in some:
        data, begun = text.encode(), 0
        for index, byte in enumerate(data, start=1):
            if index == len(data) or (byte == ord("\n") and index - begun >= least):
                yield at + index
                begun = index
        at += len(data)


@given(st.lists(st.one_of(texts, broken_texts), max_size=6), st.integers(1, 40), st.integers(0, 3))
@settings(deadline=None)
def test_cuts_are_those_of_a_plain_loop(some: list[str], least: int, skipped: int) -> None:
    offsets, data = text_buffers(array(some).slice(min(skipped, len(some))))
    cuts = np.empty(len(offsets) + int(offsets[-1] - offsets[0]) // least, np.int64)
    count = cut_lines(offsets, data, least, cuts)
    assert (cuts[:count] - cuts[0]).tolist() == list(slow_cuts(some[skipped:], least))


@given(st.lists(broken_texts, max_size=4), st.integers(1, 60))
@settings(deadline=None, max_examples=60)
def test_what_is_found_does_not_depend_on_the_cuts(some: list[str], stretch: int) -> None:
    search = scanner(ALL)
    with patch.object(sieve, "STRETCH", stretch):
        promising = search.promising(array(some))
    for row, text in enumerate(some):
        data = text.encode()
        for one in promising.get(row, []):
            assert one.start == 0 or data[one.start - 1 : one.start] == b"\n" or one.end == len(data)
        assert search.find(data, promising.get(row, [])) == search.find(data)


def test_only_stretches_with_a_hint_are_looked_at() -> None:
    lines = [f"line {number % 7} of an ordinary page" for number in range(3000)]
    lines[1500] = "write to somebody@example.org"
    ((row, stretches),) = scanner(ALL).promising(array(["", "\n".join(lines)])).items()
    assert row == 1
    assert sum(one.end - one.start for one in stretches) < 2 * sieve.STRETCH
    assert [kind for one in stretches for n, kind in enumerate(DETECTORS) if one.wanted >> n & 1] == ["email"]


def test_what_may_hold_a_line_end_is_looked_for_in_the_whole_text() -> None:
    across = Detector("two", "secret", "", "begin[^!]*!", "begin", always, "x", "<TWO>", lambda v, n: v, multiline=True)
    text = "begin\n" + "x\n" * sieve.STRETCH + "!"
    assert scan(array([text]), [across]).end.tolist() == [len(text)]


def test_every_detector_is_looked_for_by_one_hint_and_no_sieve_has_too_many() -> None:
    own = [dataclasses.replace(one, group="custom", hint=one.pattern, multiline=True) for one in ALL[:20]]
    state = sieve.sieves([*ALL, *own])
    assert max(len(one.hints) for one in state.sieves) <= sieve.SIEVE_HINTS < len(own)
    masks = [hint.mask for hint, _ in state.leads.hints] + [hint.mask for one in state.sieves for hint in one.hints]
    assert sum(masks) == (1 << len(ALL) + len(own) + 1) - 1  # the last for what has to be folded


@pytest.mark.parametrize("name", REPEATED)
def test_proofs_read_twice_as_much_of_a_text_twice_as_long(name: str) -> None:
    """Work is counted, not timed: characters of all windows in all rounds."""
    read = 0

    def counting(prove: Prove) -> Prove:
        def counted(window: str, start: int, end: int) -> list[tuple[int, int]]:
            nonlocal read
            read += len(window)
            return list(prove(window, start, end))

        return counted

    detectors = [dataclasses.replace(detector, prove=counting(detector.prove)) for detector in ALL]
    amounts = []
    for size in (1500, 3000):
        read = 0
        scan(array([(REPEATED[name] * size)[:size]]), detectors)
        amounts.append(read)
    few = 400 * len(ALL)
    assert amounts[1] <= 2 * amounts[0] + few


class _Counted(str):
    """Text that counts how many characters are cut out of it."""

    cut = 0

    def __add__(self, other: str) -> _Counted:
        return _Counted(str.__add__(self, other))

    def __getitem__(self, key: object) -> str:
        part = str.__getitem__(self, key)  # type: ignore[index]
        _Counted.cut += len(part)
        return part


@pytest.mark.parametrize(
    ("kinds", "line", "found"),
    [(("iban",), b"DE89 3704 0044 0532 0130 00 ", 1), (("pl_pesel", "ca_sin", "uk_nhs"), b"44051401359 130692544 ", 0)],
)
def test_many_values_in_one_candidate_are_measured_once_each(kinds: tuple[str, ...], line: bytes, found: int) -> None:
    """A line of numbers is one candidate: what is around each of them must not be gone through for each."""

    plain = search.window

    def counted(data: bytes, start: int, end: int) -> tuple[str, str, str]:
        before, value, after = plain(data, start, end)
        return _Counted(before), value, after

    amounts = []
    for values in (300, 1200):
        _Counted.cut = 0
        with patch.object(search, "window", counted):
            assert len(scanner(tuple(map(DETECTORS.get, kinds))).find(line * values)) == found * values
        amounts.append(_Counted.cut)
    assert 0 < amounts[1] < 5 * amounts[0]


def test_no_detector_looks_for_nothing() -> None:
    assert scanner(()).promising(array(["a@b.org"])) == {}
    assert scanner(PLAIN).promising(array([])) == {}


@pytest.mark.parametrize("detector", ALL, ids=lambda detector: str(detector.kind))
@given(st.data())
@settings(deadline=None, max_examples=8)
def test_every_match_of_a_hint_has_one_of_its_leads(detector: Detector, data: st.DataObject) -> None:
    found = leads(detector.hint)
    if found is None:
        return
    pattern = re.sub(r"\\x\{([0-9A-F]+)\}", lambda code: chr(int(code[1], 16)), detector.hint)
    pattern = re.sub(r"\\p\{[LMN]\}", r"\\w", pattern)
    value = data.draw(st.from_regex(pattern, fullmatch=True).filter(lambda text: re2.search(detector.hint, text)))
    text = data.draw(st.sampled_from(["", "号", "x", "\n"])) + value
    pieces = array(["", text, "y"])
    state = sieve.sieves([detector])
    assert len(state.leads.hints) == 2  # the other is of what has to be folded
    assert list(state.promising(pieces)) == [1]
    encoded = text.encode()
    assert any(
        all(byte in each for byte, each in zip(encoded[at:], lead, strict=False)) and at + len(lead) <= len(encoded)
        for lead in found
        for at in range(len(encoded))
    )


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("gh[ps]_", [[b"g", b"h", b"ps", b"_"]]),
        ("x-|yz", [[b"x", b"-"], [b"y", b"z"]]),
        ("(?:x[0-1] ?){2}z", [[b"x", *[b" 01xz"] * 4]]),
        (r"\$\x{41}9{2,}", [[b"$", b"A", b"9", b"9"]]),
        ("[a-z]{4}@", [[b"@"]]),
        ("号[xyＡ]", [[b"\xe5", b"\x8f", b"\xb7", b"xy\xef"]]),
        ("[京津]Z", [[b"\xe4\xe6", b"\xb4\xba", b"\xa5\xac", b"Z"]]),
        ("tea", None), ("(?i:xyz)", None), ("x.", None), ("[^x]y", None), (r"\dxyz", None), ("xyz)", None),
        ("(?:xyz", None), ("xx|(?i)y", None), ("", None),
    ],
)  # fmt: skip
def test_leads_are_read_off_a_pattern(pattern: str, expected: list[list[bytes]] | None) -> None:
    found = leads(pattern)
    assert found == (expected and [tuple(map(frozenset, lead)) for lead in expected])


@given(st.lists(st.text("ab#", max_size=6), max_size=5), st.lists(st.text("ab#", min_size=1, max_size=5), max_size=3))
@settings(deadline=None)
def test_leads_fit_where_a_plain_loop_finds_them(some: list[str], given_leads: list[str]) -> None:
    led = [(sieve._Hint(lead, None, 1), [tuple(frozenset([byte]) for byte in lead.encode())]) for lead in given_leads]
    state = sieve._leads(led * 30)
    cuts, data = text_buffers(array(some))
    fits = np.empty((len(state.tables), len(some)), np.uint64)
    find_leads(cuts, data, state.tables, state.ends, fits)
    for number, (_, words) in enumerate(state.hints):
        lead = led[number % len(led)][0].pattern
        ((word, bit),) = words.items()
        assert [bool(one & bit) for one in fits[word]] == [lead in text for text in some]


def test_most_hints_have_leads() -> None:
    without = {detector.kind for detector in ALL if leads(detector.hint) is None}
    assert without == {"azure_storage_key", "aws_secret_key", "handle", "password_assignment", "email_obfuscated"}
