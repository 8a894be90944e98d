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


_PARTS = re2.compile(rf"^([0-9]+[A-Za-z]?)( (?:[NSEW]\.? )?)((?:[A-Z][a-z]+ )+)({_STREET}\.?)(.*)$")
_NAMES = {
    len(names[0]): names
    for names in (
        ("Oak", "Elm", "Ash", "Bay", "Fir", "Ivy", "Sky", "Fox"),
        ("Pine", "Park", "Lake", "Hill", "Mill", "Rose", "Glen", "King"),
        ("Maple", "Cedar", "River", "Birch", "Grove", "Queen", "Beech", "Aspen"),
        ("Walnut", "Spring", "Forest", "Church", "Willow", "Poplar", "Laurel", "Meadow"),
        ("Juniper", "Heather", "Orchard", "Prairie", "Harvest", "Hickory", "Lincoln", "Madison"),
        ("Mulberry", "Hawthorn", "Sycamore", "Magnolia", "Chestnut", "Highland", "Franklin", "Lakeview"),
    )
}
"""Names that streets have everywhere, by length, which a fake keeps."""


def _fake_home(value: str, noise: Iterator[int]) -> str:
    """Another house, street and flat; what kind of street it is and how the flat is written stays."""
    house, gap, name, street, flat = _PARTS.match(value).groups()

    def other(word: str, stream: Iterator[int]) -> str:
        names = _NAMES.get(len(word))
        return names[next(stream) % len(names)] if names else same_shape(word, stream)

    def make(stream: Iterator[int]) -> str:
        words = "".join(f"{other(word, stream)} " for word in name.split())
        return f"{_other_digits(house, stream)}{gap}{words}{street}{_other_digits(flat, stream)}"

    return until(lambda made: _PARTS.match(made) is not None, make, value, noise)


def _other_digits(text: str, noise: Iterator[int]) -> str:
    """Other digits, none of them 0, and other letters right behind digits."""
    made = ""
    for before, char in zip(" " + text, text, strict=False):
        if char.isdigit():
            made += pick("123456789", noise)
        else:
            made += same_shape(char, noise) if before.isdigit() else char
    return made


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
