"""Detectors `geo_home` and `coordinates`: where somebody is to be found. Both are weak; a policy asks for them."""

from __future__ import annotations

from collections.abc import Iterator

import re2

from filters.detectors.boundaries import continues, stands_alone
from filters.detectors.contract import Detector, Spans
from filters.detectors.disguise import pick, same_shape, until

_STREET = (
    r"(?:Street|St|Avenue|Ave|Lane|Ln|Road|Rd|Drive|Dr|Court|Ct|Boulevard|Blvd|Way|Place|Pl|Terrace|Parkway|Circle)"
)
_NAME = r"[A-Za-z]? (?:[NSEW]\.? )?(?:[A-Z][a-z]+ ){1,3}"
_UNIT = r"(?:,? (?:Apt|Apartment|Unit|Suite|Ste|Flat|#)\.? ?[0-9]+[A-Za-z]?)"
_UNIT_END = re2.compile(rf"{_UNIT}$")
_HOME = re2.compile(
    r"(?i)(?:ship(?:ping)? (?:to|address)|address|deliver(?:y|ed)?(?: to)?|(?:i|we|he|she|they) live[sd]? (?:at|on)"
    r"|lives? at|resid(?:es|ing|ence)|mail(?:ing)?(?: it)? to|home|send (?:it )?to|bill(?:ing)? to"
    r"|地址|住址|收货|住所|주소|адрес|dirección|endereço|anschrift|wohnhaft)[^\n0-9]{0,24}$"
)


def _prove_home(window: str, start: int, end: int) -> Spans:
    if not stands_alone(window, start, end, "-_/"):
        return
    if _UNIT_END.search(window[start:end]) or _HOME.search(window[max(0, start - 48) : start]):
        yield start, end


def _fake_home(value: str, noise: Iterator[int]) -> str:
    """Other house and flat numbers; the street's name is one of many everywhere and stays."""

    def make(stream: Iterator[int]) -> str:
        return "".join(pick("123456789", stream) if char.isdigit() else char for char in value)

    return until(lambda made: True, make, value, noise)


GEO_HOME = Detector(
    kind="geo_home",
    group="location",
    summary="street addresses of the English-speaking world with a flat or behind a word such as `ship to`",
    pattern=rf"[0-9]{{1,5}}{_NAME}{_STREET}\.?{_UNIT}?",
    hint=rf"[0-9]{_NAME}{_STREET}",
    prove=_prove_home,
    proof="shape+cue",
    placeholder="<ADDRESS>",
    fake=_fake_home,
)

_PAIR = re2.compile(r"^([+-]?[0-9]{1,3}\.[0-9]+)°? ?([NS]?)[,;]? {0,2}([+-]?[0-9]{1,3}\.[0-9]+)°? ?([EW]?)$")


def _prove_coordinates(window: str, start: int, end: int) -> Spans:
    pair = _PAIR.match(window[start:end])
    if pair is None or continues(window, start - 1, ".-+,") or continues(window, end, "."):
        return
    # A row of a matrix has pairs too; a comma that a word follows is a sentence's.
    after = window[end:].lstrip()
    if window[:start].rstrip()[-1:] in (",", "[") or after[:1] == "]" or after[1:].lstrip()[:1].isdigit():
        return
    if abs(float(pair.group(1))) <= 90 and abs(float(pair.group(3))) <= 180:
        yield start, end


def _fake_coordinates(value: str, noise: Iterator[int]) -> str:
    """Other decimals behind the same degrees."""
    pair = _PAIR.match(value)

    def make(stream: Iterator[int]) -> str:
        chars = list(value)
        for group in (1, 3):
            point = value.index(".", pair.start(group))
            chars[point + 1 : pair.end(group)] = same_shape(value[point + 1 : pair.end(group)], stream)
        return "".join(chars)

    return until(lambda made: [*_prove_coordinates(made, 0, len(made))] == [(0, len(made))], make, value, noise)


COORDINATES = Detector(
    kind="coordinates",
    group="location",
    summary="latitude and longitude in decimal degrees with four decimals or more",
    pattern=(
        r"[+-]?[0-9]{1,2}\.[0-9]{4}[0-9]*°? ?[NS]?[,;] {0,2}[+-]?[0-9]{1,3}\.[0-9]{4}[0-9]*(?:°? ?[EW])?"
        r"|[0-9]{1,2}\.[0-9]{3}[0-9]*°? ?[NS],? {0,2}[0-9]{1,3}\.[0-9]{3}[0-9]*°? ?[EW]"
    ),
    hint=r"\.[0-9]{3}[0-9]*°? ?[NS]?[,;]? {0,2}[+-]?[0-9]{1,3}\.[0-9]{3}",
    prove=_prove_coordinates,
    proof="degrees",
    placeholder="<COORDINATES>",
    fake=_fake_coordinates,
)

LOCATION: tuple[Detector, ...] = (GEO_HOME, COORDINATES)
