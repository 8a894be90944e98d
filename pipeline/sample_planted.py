"""What the sample corpus plants on purpose: made-up personal data, look-alikes, and junk pages.

Nothing here belongs to anybody. E-mail addresses use reserved names (RFC 2606). Phone numbers come from the ranges
that regulators keep for fiction: North America 555-0100 to 0199, Ofcom's and Bundesnetzagentur's numbers for drama,
ARCEP's 01 99 00. Public IPv6 addresses lie in a part of the global range that is not assigned; IPv4 has no such part,
so they lie in blocks that one government network holds and does not hand to households.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from pipeline.sample_phrases import load_languages, pick, shuffled


@dataclass(frozen=True)
class Plant:
    """A kind of planted value: the phrase that carries it, whether it is personal, and how one is made."""

    carrier: str
    personal: bool
    make: Callable[[random.Random], str]


def _number(rng: random.Random, first: int, last: int) -> int:
    return first + int(rng.random() * (last - first + 1))


def _fill(rng: random.Random, pattern: str) -> str:
    """A random digit for every #."""
    return "".join(str(_number(rng, 0, 9)) if char == "#" else char for char in pattern)


def _email(rng: random.Random) -> str:
    first = pick(rng, ("maren", "tobias", "j", "selma", "info", "r.stroud", "office", "Kwame", "o_brackett", "yuki"))
    last = pick(rng, ("quill", "sorrel", "trask", "orders", "press", "voss", "Lebedev", "tanaka", "help-desk", "li"))
    local = first + pick(rng, (".", "_", "-", "+", "")) + last + pick(rng, ("", "", str(_number(rng, 1, 99))))
    domains = ("example.com", "example.org", "example.net", "shop.example", "mail.example.org", "a-b.example", "x.test")
    return f"{local}@{pick(rng, domains)}"


def _phone(rng: random.Random) -> str:
    patterns = (
        "+1 202-555-01##", "(415) 555-01##", "212-555-01##", "+1 (305) 555-01##", "+44 20 7946 0###", "020 7946 0###",
        "07700 900###", "+44 7700 900###", "+49 30 23125 ###", "030 23125###", "+33 1 99 00 ## ##", "01 99 00 ## ##",
    )  # fmt: skip
    return _fill(rng, pick(rng, patterns))


def _ipv4(rng: random.Random) -> str:
    return ".".join([pick(rng, ("6", "21", "22", "26", "28", "29", "30", "33", "55", "214")), *_octets(rng, 3)])


def _ipv6(rng: random.Random) -> str:
    groups = [f"{_number(rng, 0x3A00, 0x3BFF):x}", *(f"{_number(rng, 1, 0xFFFF):x}" for _ in range(7))]
    short = f"{groups[0]}:{groups[1]}::{':'.join(groups[2 : _number(rng, 3, 5)])}"
    return pick(rng, (short, short, ":".join(groups), ":".join(groups).upper()))


def _ipv4_private(rng: random.Random) -> str:
    prefix = pick(rng, ("10", "192.168", "172.16", "192.0.2", "127.0.0", "198.51.100"))
    return ".".join([prefix, *_octets(rng, 3 - prefix.count("."))])


def _octets(rng: random.Random, count: int) -> list[str]:
    return [str(_number(rng, 1, 254)) for _ in range(count)]


def _version(rng: random.Random) -> str:
    return ".".join(str(_number(rng, 0, 20)) for _ in range(pick(rng, (4, 4, 4, 5, 3))))


def _price(rng: random.Random) -> str:
    return _fill(rng, pick(rng, ("1,2##.99", "3.4##,50", "###.00", "##,95", "12 4##", "7,###,###.00")))


def _date(rng: random.Random) -> str:
    day, month, year = _number(rng, 10, 28), _number(rng, 10, 12), _number(rng, 1995, 2024)
    return pick(
        rng, (f"{year}-{month}-{day}", f"{day}.{month}.{year}", f"{month}/{day}/{year}", f"{year}/{month}/{day}")
    )


def _order(rng: random.Random) -> str:
    return _fill(rng, pick(rng, ("90########", "77-#######-#", "A########", "2024#######")))


PLANTS: dict[str, Plant] = {
    "email": Plant("email", True, _email),
    "phone": Plant("phone", True, _phone),
    "ipv4": Plant("address", True, _ipv4),
    "ipv6": Plant("address", True, _ipv6),
    "version": Plant("version", False, _version),
    "price": Plant("price", False, _price),
    "ipv4_private": Plant("address", False, _ipv4_private),
    "date": Plant("date", False, _date),
    "order": Plant("order", False, _order),
}
"""Kinds of planted values; those that are not personal are the look-alikes a filter should leave alone."""


def _menu(rng: random.Random) -> str:
    items = pick(rng, list(load_languages().values())).literals("menu")
    return pick(rng, (" | ", "\n", " · ", " » ")).join(shuffled(rng, items) + shuffled(rng, items)[:9])


def _links(rng: random.Random) -> str:
    english = load_languages()["en"]
    lines = []
    for _ in range(_number(rng, 15, 60)):
        slug = f"{english.compose(rng, 'adj')}-{english.compose(rng, 'noun')}".replace(" ", "-")
        lines.append(f"https://site{_number(rng, 1, 99)}.example/{slug}/{_number(rng, 100, 9999)}")
    return "\n".join(lines)


def _repeated_lines(rng: random.Random) -> str:
    language = pick(rng, list(load_languages().values()))
    lines = [language.sentence(rng) for _ in range(pick(rng, (1, 2, 3)))]
    return "\n".join(lines * _number(rng, 12, 40))


def _keyboard(rng: random.Random) -> str:
    rows = ("qwertyuiop", "asdfghjkl", "zxcvbnm", "asdfjkl;", "йцукенгшщзхъ")
    words = [
        "".join(pick(rng, pick(rng, rows)) for _ in range(_number(rng, 2, 16))) for _ in range(_number(rng, 30, 150))
    ]
    return " ".join(words)


def _symbols(rng: random.Random) -> str:
    signs = "#$%&*@!~^=+<>/\\{}[]|_-?;:§¤¬°†‡¶•□■▓▒xX01"
    return "".join(pick(rng, signs) if rng.random() < 0.9 else pick(rng, " \n") for _ in range(_number(rng, 200, 900)))


def _digits(rng: random.Random) -> str:
    rows = [
        [_fill(rng, "#" * _number(rng, 1, 6)) for _ in range(_number(rng, 3, 9))] for _ in range(_number(rng, 10, 50))
    ]
    return "\n".join("\t".join(row) for row in rows)


_LOREM = (
    "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore et dolore "
    "magna aliqua."
)


def _lorem(rng: random.Random) -> str:
    words = [word.strip(",.").lower() for word in _LOREM.split()]
    sentences = [" ".join(pick(rng, words) for _ in range(_number(rng, 6, 14))) for _ in range(_number(rng, 8, 30))]
    return _LOREM + " " + " ".join(sentence.capitalize() + "." for sentence in sentences)


def _emoji(rng: random.Random) -> str:
    faces = "😀😂🥰😎🤔😭🎉🔥💯🚀🍕🐶🌈🙏🎸⚽🧠🥑🦄🍀"
    return "".join(pick(rng, faces) if rng.random() < 0.9 else " " for _ in range(_number(rng, 20, 200)))


JUNK: dict[str, Callable[[random.Random], str]] = {
    "junk:menu": _menu,
    "junk:links": _links,
    "junk:repeated_lines": _repeated_lines,
    "junk:keyboard": _keyboard,
    "junk:symbols": _symbols,
    "junk:digits": _digits,
    "junk:lorem": _lorem,
    "junk:emoji": _emoji,
}
"""Kinds of pages that no corpus wants, and how one is made."""
