"""What must hold for every detector: checks that the tests of each family run on their strategies."""

from __future__ import annotations

from itertools import chain, cycle, repeat

from hypothesis import given, settings
from hypothesis import strategies as st

from filters.detectors.contract import Detector
from tests.detector_probe import findings
from tests.strategies import ALPHABETS, texts_of

# Scripts whose letters can belong to no value; Latin ones may, in an e-mail address.
SCRIPTS = (
    "cyrillic", "hebrew", "arabic", "devanagari", "bengali", "tamil", "thai", "lao", "georgian", "ethiopic", "khmer",
    "kana", "han", "hangul", "emoji", "astral han",
)  # fmt: skip

surroundings = st.sampled_from(SCRIPTS).flatmap(lambda name: texts_of(ALPHABETS[name], max_size=30))
# What may touch a value: letters of scripts with and without spaces, or what people put around one.
touching = st.sampled_from([*"号のカ를ก์مдмא我💡", " ", "\n", "（", "「", '"', "<", "，", "。", "、", "："])


def any_noise(data: bytes) -> chain[int]:
    """An endless source of bytes that begins with `data`; a constant one where there is none."""
    return chain(data, cycle(data) if data else repeat(0))


def check_found(detector: Detector, cases: st.SearchStrategy[tuple[str, str]], examples: int = 30) -> None:
    """A valid value, with the words it needs before it, is found exactly, whatever script touches it."""

    @settings(max_examples=examples)
    @given(cases, surroundings, touching, touching, surroundings)
    def found(case: tuple[str, str], before: str, left: str, right: str, after: str) -> None:
        cue, value = case
        head = before + left + cue
        # A word before the value would be its cue: there is none in texts of random letters.
        assert (len(head), len(head) + len(value)) in findings(detector, head + value + right + after)

    found()


def check_fake(detector: Detector, cases: st.SearchStrategy[tuple[str, str]], examples: int = 20) -> None:
    """A fake is another value of the same length that is found where the value was."""

    @settings(max_examples=examples)
    @given(cases, st.binary(max_size=40))
    def found(case: tuple[str, str], data: bytes) -> None:
        cue, value = case
        fake = detector.fake(value, any_noise(data))
        assert fake != value and len(fake) == len(value)
        assert fake == detector.fake(value, any_noise(data))
        assert (len(cue), len(cue) + len(fake)) in findings(detector, cue + fake)

    found()


ADVERSARIAL = {
    "one letter": "a" * 30_000,
    "digits": "1" * 30_000,
    "dots": "1.1.1." * 5_000,
    "colons": "1:1::" * 6_000,
    "pairs": "aa:bb-" * 5_000,
    "ats": "@" * 30_000,
    "addresses": "a@b.c@" * 5_000,
    "urls": "http://a:" * 33_000,
    "url without end": "http://" + "a:" * 15_000,
    "numbers in a row": "1234567 / " * 3_000,
    "plus": "+1" * 15_000,
    "keys": "-----BEGIN PRIVATE KEY-----\n" * 1_000,
    "words": 'password="' * 3_000,
    "tokens": "eyJ." * 75_000,
    "brackets": "a [at] " * 4_000,
    "han": "漢" * 10_000,
    "quotes": "secret='" * 37_000,
    "count": " ".join(map(str, range(8_000))),
    "noise": "".join(chr(33 + value * value % 94) for value in range(30_000)),
    "signs": "".join(chr(33 + value % 94) for value in range(30_000)),
}
"""Texts that are bad for a search that backs up: each is handled in one go, or the tests do not end."""
