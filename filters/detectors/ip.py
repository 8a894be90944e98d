"""Detectors `ipv4` and `ipv4_port`, and which addresses can be reached from anywhere.

Whatever is a valid address is found, `127.0.0.1` too: what to do about it is for the policy to say, by `is_public`.
Notation: RFC 791, dotted decimal without leading zeros.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

import re2

from filters.detectors.boundaries import continues, is_whole_text
from filters.detectors.contract import Detector, Spans
from filters.detectors.disguise import until

# A number with dots is not an address behind one of these words: version, release, section and the like.
_NUMBERING_WORDS = (
    "version", "versión", "versão", "versione", "versie", "wersja", "verze", "sürüm", "release", "build", "firmware",
    "revision", "section", "chapter", "clause", "abschnitt", "kapitel", "chapitre", "sección", "capítulo", "appendix",
    "версия", "версии", "версию", "версией", "раздел", "глава", "пункт", "إصدار", "الإصدار", "نسخه", "القسم",
    "รุ่น", "เวอร์ชัน", "संस्करण", "버전", "버젼", "版本", "版", "第", "バージョン", "节", "節", "章", "条", "§",
)  # fmt: skip
# Other words end like the short ones ("server", "android", "ipsec"): those must begin a word.
_SHORT = ("ver", "vers", "v", "rev", "sec", "sect", "oid", "fig", "figure", "table", "eq", "step")
_NUMBERING = re2.compile(
    r"(?i)(?:(?:^|[^\p{Latin}])(?:"
    + "|".join(_SHORT)
    + ")|"
    + "|".join(_NUMBERING_WORDS)
    + r")s?[\s.:：#=\"'(>]*$|(?-i:OID)[^\n]{0,32}$"
)
# Numbers of sections and versions are small. Where all four are, or the first is and a program's name or a word of
# change stands before, only a word of networks makes them an address. Of random addresses one in 4,000 is so small.
_SMALL = 32
_NETWORK_WORD = re2.compile(
    r"(?i)(?:(?:^|[^\p{Latin}])(?:(?:ips?|ipv4|inet|dig|ssh|nmap|curl|via|dev|src|dst|route|bind)(?:[^\p{Latin}]|$)|ping|gateway"
    r"|router|subnet|netmask|proxy|listen|connect|tracer|client|network|peer|remote)|addr|host|server|dns|lookup|whois|direcci|endereço|indirizzo|адрес|сервер|хост|地址|服务器|伺服器|主机|アドレス|サーバ|ホスト|주소|서버|عنوان|خادم|ที่อยู่|@|://)"
    r"[^\n]{0,30}$"
)
# So does another address that no version looks like: loopback, unspecified, private but for 10.x, link-local.
_NEIGHBOUR = re2.compile(
    r"(?:^|[^0-9.])(?:0\.0\.0\.0|127\.0\.0\.[0-9]{1,3}|(?:192\.168|169\.254|172\.(?:1[6-9]|2[0-9]|3[01]))\.[0-9]{1,3}\.[0-9]{1,3})"
    r"(?:$|[^0-9.])"
)
_CHANGE = re2.compile(r"(?i)(?:upgrad|updat|patch|bump|downgrad|releas|rollback|升级|更新|更新到)[^\n]{0,40}$")
_PROGRAM = re2.compile(r"(?:^|[^\p{L}])\p{Lu}[\p{L}0-9.+#-]* $")
# What has versions, however large their first number is, unless a word of networks stands before or a port behind, too.
# No servers: `mysql 52.3.1.4` is where one runs.
_VERSIONED = re2.compile(
    r"(?i)(?:^|[^\p{L}])(?:python|ruby|perl|php|java|jdk|jre|node(?:\.?js)?|golang|rust|scala|kotlin|swift|\.net|gcc"
    r"|clang|llvm|cuda|v8|chrome|chromium|chromeos|edge|opera|firefox|gecko|safari|webkit|webview|electron|brave"
    r"|vivaldi|android|ios|ipados|macos|kernel|office|excel|outlook|acrobat|flash player|photoshop|autocad|sqlite"
    r"|openssl|numpy|tensorflow|pytorch|skype|bios|uefi|nvidia|driver|driver pack|plugin|sdk|addon|add-on"
    r"|package|paket|paquete|пакет|драйвер|驱动|插件|客户端|浏览器|ブラウザ|ドライバ)"
    r"(?: (?:to|from|is|at|auf|von|à|a|на|до))?[ <>~@_-]{0,3}$"
)
# The other end of a range, `10.0.0.1-10.0.0.50`.
_RANGE_BEFORE = re2.compile(r"(?:^|[^0-9.])([0-9]{1,3}(?:\.[0-9]{1,3}){3}) ?[-‐‑] ?$")
_RANGE_BEHIND = re2.compile(r"^ ?[-‐‑] ?([0-9]{1,3}(?:\.[0-9]{1,3}){3})(?:[^0-9]|$)")
_RANGE_CHARS = 18
_HYPHENS = frozenset("-‐‑")
# `1.2.3.4 Heading` at the beginning of a line, and a cell of a table of contents.
_LINE_START = re2.compile(r"(?:^|\n)[\s#>*|-]*$")
_HEADING = re2.compile(r"^[.:]?[ \t]+[\p{L}`*_\"'(\[]|^\s*\n")
_HEADING_LIMIT = 64
_NEAR = 48


def is_public(value: str) -> bool:
    """Whether an address, with or without a port, can be reached from anywhere.

    Not: private, shared, loopback, link-local, multicast, reserved, documentation (the special-purpose registries of
    IANA, RFC 6890). An IPv4-mapped IPv6 address is judged by the IPv4 address. Raises ValueError if it is no address.

    >>> is_public("8.8.8.8:53"), is_public("192.168.0.1"), is_public("2001:db8::1"), is_public("::ffff:8.8.8.8")
    (True, False, False, True)
    """
    address = _address(value)
    return address.is_global and not address.is_multicast and not address.is_reserved


def is_local(value: str) -> bool:
    """Whether an address means this very host or none: loopback (`127.0.0.1`, `::1`) or unspecified (`0.0.0.0`).

    >>> is_local("127.0.0.1:80"), is_local("::ffff:127.0.0.1"), is_local("10.0.0.1")
    (True, True, False)
    """
    address = _address(value)
    return address.is_loopback or address.is_unspecified


def _address(value: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Without its port; of an IPv4-mapped IPv6 address the IPv4 address."""
    address = ipaddress.ip_address(value.partition(":")[0] if value.count(":") == 1 else value)
    return (isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped) or address


def _is_ipv4(text: str) -> bool:
    octets = text.split(".")
    return len(octets) == 4 and all(
        octet.isdigit() and int(octet) < 256 and (octet == "0" or octet[0] != "0") for octet in octets
    )


def _stands_as_address(window: str, start: int, end: int) -> bool:
    """Whether the neighbours of `window[start:end]`, a valid dotted address, let it be one, and it is meant as one."""
    first, last = _range(window, start, end)
    previous = window[first - 1 : first] if first else ""
    # A fifth number, before or behind, makes it something else; so does a letter.
    if continues(window, first - 1, ".-_+~^") or continues(window, last, "-_+"):
        return False
    following, next_one = window[last : last + 1], window[last + 1 : last + 2]
    if next_one.isdigit() and (following == "." or following == previous == ","):
        return False
    # `Chrome/88.0.3219.53` is a program and its version; `//8.8.8.8/` is a host.
    if previous == "/" and continues(window, first - 2, "_-."):
        return False
    if previous == "@" and continues(window, first - 2) and _is_package(window[:first]):
        return False
    if _NUMBERING.search(window[max(0, first - 40) : first]):
        return False
    return _is_address_by_value(window, (start, end), (first, last))


def _range(window: str, start: int, end: int) -> tuple[int, int]:
    """The range of addresses of which `window[start:end]` is an end; itself if it is none.

    >>> _range("in 10.0.0.1-10.0.0.50.", 12, 21), _range("in 10.0.0.1-rc", 3, 11)
    ((3, 21), (3, 11))
    """
    if not _HYPHENS & set(window[max(0, start - 2) : start] + window[end : end + 2]):
        return start, end
    before = _RANGE_BEFORE.search(window[max(0, start - _RANGE_CHARS) : start])
    if before and _is_ipv4(before.group(1)):
        return max(0, start - _RANGE_CHARS) + before.start(1), end
    behind = _RANGE_BEHIND.match(window[end : end + _RANGE_CHARS + 1])
    return (start, end + behind.end(1)) if behind and _is_ipv4(behind.group(1)) else (start, end)


def _is_address_by_value(window: str, span: tuple[int, int], whole: tuple[int, int]) -> bool:
    """Whether the four numbers and the words before them speak for an address rather than a version or a section.

    whole: the range of which the address is an end.
    """
    address, (first, last) = window[slice(*span)], whole
    octets = [int(octet) for octet in address.split(".")]
    if not is_public(address):
        # `0.11.0.0` is a version; private, local and reserved addresses look like nothing else.
        return octets[0] != 0 or max(octets) == 0
    head, tail = window[max(0, first - _NEAR) : first], window[last : last + 8]
    # `3.1.0.0` is a version unless a length of a prefix or the end of a range follows.
    if octets[2:] == [0, 0] and not tail.startswith("/") and span == whole:
        return False
    networked = bool(
        _NEIGHBOUR.search(head) or _NEIGHBOUR.search(window[last : last + _NEAR]) or is_whole_text(window, first, last)
    )
    spoken = _NETWORK_WORD.search(head) is not None
    ported = tail[:1] in (":", "/") and tail[1:2].isdigit()
    if not (networked or spoken or ported) and _VERSIONED.search(head):
        return False
    if octets[0] >= _SMALL or networked or spoken:
        return networked or not (max(octets) < _HEADING_LIMIT and _LINE_START.search(head) and _HEADING.search(tail))
    return max(octets) >= _SMALL and not _CHANGE.search(head) and not _PROGRAM.search(head)


def _is_package(head: str) -> bool:
    """`name@1.2.3.4` names a version of a package; `user@1.2.3.4`, behind a space of its own, a host: no `/` in it."""
    word = head.split()[-1] if head.split() else ""
    return "/" in word or word.startswith(("@", "npm"))


def _prove_ipv4(window: str, start: int, end: int) -> Spans:
    if _is_ipv4(window[start:end]) and _stands_as_address(window, start, end):
        yield start, end


def _fake_octets(value: str, noise: Iterator[int]) -> str:
    """Octets of as many digits; a public address stays public and a private one private."""
    public, shape = is_public(value), value.split(".")

    def make(stream: Iterator[int]) -> str:
        return ".".join(fake_octet(octet, stream) for octet in shape)

    def make_inside(stream: Iterator[int]) -> str:
        return ".".join([*shape[:3], fake_octet(shape[3], stream)])

    return until(
        lambda made: _is_ipv4(made) and is_public(made) == public, make if public else make_inside, value, noise
    )


def fake_octet(octet: str, noise: Iterator[int]) -> str:
    """Another number of as many digits, 1 to 254."""
    low, high = {1: (1, 9), 2: (10, 99), 3: (100, 254)}[len(octet)]
    return str(low + next(noise) % (high - low + 1))


_DOTTED = r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}"
_IPV4_HINT = r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]"

IPV4 = Detector(
    kind="ipv4",
    group="network",
    summary="IPv4 addresses; not versions, object identifiers or section numbers",
    # More than four numbers are one candidate, which is no address.
    pattern=rf"{_DOTTED}(?:\.[0-9]+)*",
    hint=_IPV4_HINT,
    prove=_prove_ipv4,
    proof="octets+context",
    placeholder="<IP_ADDRESS>",
    fake=_fake_octets,
)


def _prove_ipv4_port(window: str, start: int, end: int) -> Spans:
    address, _, port = window[start:end].partition(":")
    middle = start + len(address)
    if (
        _is_ipv4(address)
        and 0 < int(port) < 65536
        and not continues(window, end)
        and not (window[end : end + 1] in (".", ":") and window[end + 1 : end + 2].isdigit())
        and _stands_as_address(window, start, middle)
    ):
        yield start, end


def _fake_ipv4_port(value: str, noise: Iterator[int]) -> str:
    address, _, port = value.partition(":")
    return f"{_fake_octets(address, noise)}:{port}"


IPV4_PORT = Detector(
    kind="ipv4_port",
    group="network",
    summary="IPv4 addresses with a port, address and port together",
    pattern=rf"{_DOTTED}:[0-9]{{1,5}}",
    hint=rf"{_IPV4_HINT}[0-9]{{0,2}}:[0-9]",
    prove=_prove_ipv4_port,
    proof="octets+port+context",
    placeholder="<IP_ADDRESS>",
    fake=_fake_ipv4_port,
)
