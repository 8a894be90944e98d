"""Search for values: the fast search finds what an obvious one finds, in linear time, and leaves a text at rest."""

from __future__ import annotations

import itertools
import time
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.detectors.contract import CONTEXT, Detector, always
from filters.detectors.custom import custom_detector
from filters.detectors.scan import Findings, scan
from filters.detectors.search import CUSTOM_BYTES, candidates, code_points, scanner, window
from filters.detectors.settle import ROUNDS, settle
from tests.plain_detectors import PLAIN
from tests.strategies import AWKWARD, texts

VALUES = ["a@b.com", "x.y@z.org", "8.8.8.8", "10.0.0.1", "2001:db8::1", "::1:2:3", "tok_0123abcd", "4111111111111111",
          "1234567", "phone "]  # fmt: skip
LOOK_ALIKES = ["1.2.3.4.5", "127.0.0.1", "version ", "icon@2x.png", "123456789", "tok_0123", "::1"]
GLUE = [" ", ".", ":", "@", "-", "_", "1", "a", "邮箱", "は", "ก", "이", "هـ", "😀", "\n", "\r\n", "e\u0301", "%", "'"]
near_values = st.lists(st.sampled_from([*VALUES, *LOOK_ALIKES, *GLUE, "<EMAIL>"]), max_size=10).map("".join)


def array(some: list[str]) -> pa.LargeStringArray:
    return pa.array(some, pa.large_string())


def found(text: str, detectors: tuple[Detector, ...] = PLAIN) -> list[tuple[str, str]]:
    findings = scan(array([text]), detectors)
    spans = zip(findings.start, findings.end, findings.kinds, strict=True)
    return [(text[start:end], kind) for start, end, kind in spans]


def slow_find(text: str, detectors: tuple[Detector, ...]) -> list[tuple[int, int, int]]:
    """Every detector over the whole text in characters, its window cut out by hand; no sieve, nothing shared."""
    every = []
    for detector in detectors:
        text = text.replace(detector.placeholder, ">" * len(detector.placeholder))
    for number, detector in enumerate(detectors):
        for match in re2.finditer(detector.pattern, text):
            start, end = match.span()
            first = max(0, start - CONTEXT)
            seen = text[first : end + CONTEXT]
            every += [(number, a + first, b + first) for a, b in detector.prove(seen, start - first, end - first)]
    kept: list[tuple[int, int, int]] = []
    for number, start, end in sorted(every, key=lambda one: (one[0], one[1], -one[2])):
        if all(end <= a or b <= start for a, b, _ in kept):
            kept.append((start, end, number))
    return sorted(kept)


def slow_scan(text: str, detectors: tuple[Detector, ...]) -> list[tuple[int, int, int]]:
    """Rounds over a list of characters that know where they came from; a placeholder's come from all of its value."""
    now = [(char, index, index + 1) for index, char in enumerate(text)]
    findings: list[tuple[int, int, int]] = []
    for _ in range(ROUNDS):
        fresh = slow_find("".join(char for char, _, _ in now), detectors)
        for start, end, number in reversed(fresh):
            first, last = now[start][1], now[end - 1][2]
            findings = [one for one in findings if one[1] <= first or last <= one[0]]
            findings.append((first, last, number))
            now[start:end] = [(char, first, last) for char in detectors[number].placeholder]
        if not fresh:
            break
    return sorted(findings)


def spans(findings: Findings) -> list[tuple[int, int, int, int]]:
    columns = (findings.row, findings.start, findings.end, findings.kind)
    return list(zip(*(column.tolist() for column in columns), strict=True))


@settings(max_examples=300)
@given(st.lists(st.one_of(near_values, texts), max_size=5))
def test_the_scan_finds_what_the_obvious_one_finds(some: list[str]) -> None:
    expected = [(row, *one) for row, text in enumerate(some) for one in slow_scan(text, PLAIN)]
    assert spans(scan(array(some), PLAIN)) == expected


@settings(max_examples=100)
@given(st.lists(st.one_of(near_values, texts), max_size=6), st.data())
def test_a_batch_may_be_cut_anywhere(some: list[str], data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(some)), max_size=3)))
    whole, joined = array(some), []
    for first, last in itertools.pairwise([0, *cuts, len(some)]):
        part = scan(whole.slice(first, last - first), PLAIN)
        joined += [(row + first, *rest) for row, *rest in spans(part)]
    assert joined == spans(scan(whole, PLAIN))


@settings(max_examples=200)
@given(near_values, st.permutations(PLAIN))
def test_redacted_text_scanned_again_yields_nothing(text: str, detectors: list[Detector]) -> None:
    search = scanner(tuple(detectors))
    once = settle(text.encode(), search, ["redact"] * len(detectors), lambda n, value: detectors[n].placeholder)
    assert search.find(once.text) == []


@settings(max_examples=100)
@given(st.sampled_from(["{}", "邮箱{}联系", "は{}ま", "ก{}ข", "이{}로", "ايميل{}هنا", "（{}）", "😀{}😀", "\n{}\r\n"]),
       st.sampled_from([("a@b.com", "email"), ("8.8.8.8", "ipv4"), ("fe80::1:2", "ipv6"), ("tok_0123abcd", "api_token"),
                        ("4111111111111111", "card")]), texts, texts)  # fmt: skip
def test_a_value_is_found_in_any_script(around: str, value: tuple[str, str], before: str, after: str) -> None:
    text = f"{before} {around.format(value[0])} {after}"
    assert value in found(text)


def test_awkward_texts_hold_nothing() -> None:
    assert len(scan(array(AWKWARD), PLAIN)) == 0
    assert len(scan(array([]), PLAIN)) == 0
    assert len(scan(array(["a@b.com"]), [])) == 0


def test_findings_are_arrays_with_names_of_kind_and_proof() -> None:
    findings = scan(array(["", "é a@b.com 8.8.8.8"]), PLAIN)
    for column in (findings.row, findings.start, findings.end, findings.kind):
        assert column.dtype == np.int64 and len(column) == len(findings) == 2
    assert findings.kinds == ["email", "ipv4"] and findings.proofs == ["shape", "range"]
    assert spans(findings) == [(1, 2, 9, 0), (1, 10, 17, 4)]


def test_rank_decides_where_kinds_overlap() -> None:
    long = Detector("long", "contact", "", "ab+c", "b", always, "x", "<L>", lambda value, noise: value)
    short = Detector("short", "contact", "", "b+", "b", always, "x", "<S>", lambda value, noise: value)
    assert found("abbbc", (long, short)) == [("abbbc", "long")]
    assert found("abbbc", (short, long)) == [("bbb", "short")]
    assert found("10.0.0.1@example.com") == [("10.0.0.1@example.com", "email")]


def test_a_candidate_may_hold_several_findings_or_be_wider_than_its_own() -> None:
    def pairs(window: str, start: int, end: int) -> list[tuple[int, int]]:
        return [(at, at + 2) for at in range(start + 1, end - 1, 3)]

    wide = Detector("wide", "contact", "", "[é0-9]+", "[0-9]", pairs, "x", "<W>", lambda value, noise: value)
    assert found("漢é12é34é漢", (wide,))[:2] == [("12", "wide"), ("34", "wide")]


def test_the_ends_of_a_line_are_looked_for_once_however_much_it_holds() -> None:
    from filters.detectors import settle as module

    data, actions = b"a@b.com " * 200 + b"\nx\n8.8.8.8 a@b.com\ny", ["drop_line"] * len(PLAIN)
    with patch.object(module, "_lines", wraps=module._lines) as lines:
        settled = settle(data, scanner(PLAIN), actions, lambda n, value: "")
    assert settled.text == b"x\ny" and len(settled.findings) == 202 and lines.call_count == 2


def test_what_is_freed_by_a_neighbour_is_found_too() -> None:
    assert found("a@example.com::1:2:3") == [("a@example.com", "email"), ("::1:2:3", "ipv6")]
    assert found("1.2.3.4::1:2:3") == [("1.2.3.4", "ipv4"), ("::1:2:3", "ipv6")]
    # The cue is near enough once the address between has become shorter.
    assert found("phone some.body@example.org 1234567")[1:] == [("1234567", "short_phone")]


def test_a_placeholder_is_no_cue() -> None:
    """Or the numbers of a column, each in reach of the one before it, would be found one a round."""
    assert found("phone 1234567" + " " * 13 + "7654321") == [("1234567", "short_phone")]
    assert found("<PHONE> 7654321") == []


def test_a_window_is_cut_in_characters() -> None:
    text = "漢" * 100 + "8.8.8.8" + "é😀" * 100
    seen: list[tuple[str, int, int]] = []

    def prove(part: str, start: int, end: int) -> list[tuple[int, int]]:
        seen.append((part, start, end))
        return []

    looking = Detector("x", "network", "", r"[0-9](?:\.[0-9])+", r"\.", prove, "x", "<X>", lambda value, noise: value)
    assert found(text, (looking,)) == []
    assert seen == [("漢" * CONTEXT + "8.8.8.8" + "é😀" * (CONTEXT // 2), CONTEXT, CONTEXT + 7)]
    assert window(b"ab", 0, 2) == ("", "ab", "")


@given(texts)
def test_offsets_in_code_points(text: str) -> None:
    sizes = list(itertools.accumulate((len(char.encode()) for char in text), initial=0))
    assert code_points(text.encode(), sizes) == list(range(len(text) + 1))


def test_a_pattern_that_several_share_is_matched_once() -> None:
    search = scanner(PLAIN)
    assert len(search.shapes) == len({d.pattern for d in PLAIN}) == len(PLAIN) - 1


# Linear time


def seconds(text: str, detectors: tuple[Detector, ...] = PLAIN) -> tuple[float, int]:
    begun = time.process_time()
    count = len(scan(array([text]), detectors))
    return time.process_time() - begun, count


def test_ten_megabytes_on_one_line() -> None:
    """Seconds; anything that copies or decodes the text for each finding would take hours."""
    text = "see 漢字 a@b.com or 8.8.8.8, tok_0123abcd " * 230_000
    assert len(text.encode()) > 10_000_000
    text = text[:1_000_000] + "x" * 9_000_000
    taken, count = seconds(text)
    assert count > 60_000 and taken < 60


@pytest.mark.parametrize(
    "text",
    ["1.2.3.4." * 50_000, "a@" * 200_000, "::1:2:3" * 50_000, "1" * 400_000, ":" * 400_000, "x" * 400_000 + "@b.com",
     "a@b.c." * 60_000, "phone 1234567 " * 30_000, "a@b.com" * 50_000],
    ids=lambda text: text[:14],
)  # fmt: skip
def test_adversarial_text_is_done_in_seconds(text: str) -> None:
    assert seconds(text)[0] < 20


def test_a_pattern_of_a_recipe_cannot_be_made_slow() -> None:
    """Each search of it would read to the end of the line if it could: 10^11 steps here."""
    greedy = custom_detector("greedy", "a.*b|a", alone=False)
    taken, count = seconds("a" * 50_000 + " ", (greedy,))
    assert count == 50_000 and taken < 30


@settings(max_examples=200)
@given(st.lists(st.sampled_from(["a", "b", "é", "漢", " ", "\n"]), max_size=60).map("".join), st.integers(4, 12))
def test_a_bounded_search_finds_every_short_match(text: str, most: int) -> None:
    regex = re2.compile("a[bé]?|é+")
    data = text.encode()
    whole = list(candidates(regex, data))
    if all(end - start <= most for start, end in whole):
        assert list(candidates(regex, data, most)) == whole


def test_a_custom_value_has_a_greatest_length() -> None:
    run = custom_detector("run", "<[a-z]*>", alone=False)
    for size in (1, 100, CUSTOM_BYTES - 2):
        assert found("-" * 1500 + "<" + "x" * size + ">" + "-" * 3000, (run,)) != []
    assert found("<" + "x" * 5000 + ">", (run,)) == []


def test_a_chain_of_values_ends_at_the_bound() -> None:
    """Every value is hidden by the one before it: as many are found as there are rounds, and time stays linear."""
    chain = Detector(
        "link", "contact", "", "[0-9]", "[0-9]",
        lambda window, start, end: [(start, end)] if not window[:start][-1:].isdigit() else [],
        "x", "<L>", lambda value, noise: value,
    )  # fmt: skip
    assert len(found("7" * (ROUNDS - 1), (chain,))) == ROUNDS - 1
    assert len(found("7" * 1000, (chain,))) == ROUNDS
