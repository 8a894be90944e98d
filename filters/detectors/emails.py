"""Detectors `email` and `email_obfuscated`: addresses as they are written, and as they are hidden from programs.

What is an address: RFC 5321 section 4.5.3.1 (at most 64 octets before the `@`), RFC 1035 section 2.3.4 (labels of at
most 63 octets), RFC 5890 (`xn--` labels). The part before the `@` is of Latin letters, or of the domain's own script
where that script is written with spaces; with Han or Thai nobody could say where it begins.
"""

from __future__ import annotations

from collections.abc import Iterator

import re2

from filters.detectors.boundaries import continues
from filters.detectors.contract import Detector, Spans
from filters.detectors.disguise import same_shape, until

_LOCAL = r"[\p{Latin}0-9._%+'-]"
_LABEL = r"[\p{Latin}0-9-]"
# Top-level domains in other scripts (IANA root zone): a closed list, for the text may go on without a space.
_SPACED = r"(?:рф|рус|бел|укр|срб|мкд|мон|қаз|бг|ею|ком|орг|онлайн|сайт|дети|москва|ευ|ελ|հայ|გე)"
_UNSPACED = (
    r"(?:中国|中國|公司|网络|網路|网址|商城|集团|台湾|台灣|香港|新加坡|政务|公益|みんな|コム|한국|닷컴|닷넷|삼성|ไทย|คอม"
    r"|भारत|संगठन|कॉम|ভারত|বাংলা|இந்தியா|భారత్|امارات|السعودية|مصر|ایران|عمان|قطر|تونس|الجزائر|المغرب|موقع|شبكة|كوم)"
)
_SPACED_CHAR = r"[\p{Cyrillic}\p{Greek}\p{Armenian}\p{Georgian}0-9-]"
_SPACED_LOCAL = r"[\p{Cyrillic}\p{Greek}\p{Armenian}\p{Georgian}0-9._+-]"
_ANY_CHAR = r"[\p{L}\p{M}0-9-]"
_PATTERN = (
    rf"{_LOCAL}+@(?:{_LABEL}+(?:\.{_LABEL}+)+|(?:{_SPACED_CHAR}+\.)+{_SPACED}|(?:{_ANY_CHAR}+\.)+{_UNSPACED})"
    rf"|{_SPACED_LOCAL}+@(?:{_SPACED_CHAR}+\.)+{_SPACED}"
)

# `icon@2x.png` is a file, `@pytest.mark` a decorator and `x@data.frame` a slot.
_NOT_DOMAINS = frozenset((
    "png", "jpg", "jpeg", "gif", "svg", "webp", "bmp", "ico", "css", "js", "mjs", "ts", "tsx", "jsx", "json",
    "html", "htm", "xml", "yml", "yaml", "md", "txt", "csv", "pdf", "mp3", "mp4", "zip", "gz", "tar", "exe", "dll",
    "jar", "java", "py", "rb", "php", "cpp", "frame", "mark", "local", "localdomain", "lan",
))  # fmt: skip


def is_top_level(label: str) -> bool:
    """Whether a label can be the last one of a domain: 2 to 24 letters or an `xn--` label, and not a file's ending.

    >>> is_top_level("org"), is_top_level("png"), is_top_level("xn--p1ai"), is_top_level("7")
    (True, False, True, False)
    """
    low = label.lower()
    return (2 <= len(low) <= 24 and low.isalpha() and low not in _NOT_DOMAINS) or (
        low.startswith("xn--") and 6 < len(low) < 64
    )


def _labels(domain: str) -> list[str]:
    """The labels of the domain at the beginning of `domain`; none if there is no domain.

    A sentence may go on after the address: labels are given up from the right until the last is a domain's. `Next`
    behind labels in lower case begins a sentence.
    """
    labels = domain.split(".")
    before_dash = labels[-1].partition("-")[0]
    if not is_top_level(labels[-1]) and is_top_level(before_dash):  # no top-level domain but `xn--` has a hyphen
        labels[-1] = before_dash
    while len(labels) > 1 and (
        not is_top_level(labels[-1]) or (labels[-1].istitle() and labels[-2].islower() and len(labels) > 2)
    ):
        labels.pop()
    good = len(labels) > 1 and all(0 < len(label) < 64 and label.strip("-") == label for label in labels)
    return labels if good else []


def _prove(window: str, start: int, end: int) -> Spans:
    at = window.index("@", start)
    local = window[start:at]
    kept = local.lstrip(".-'+%")
    labels = _labels(window[at + 1 : end])
    stop = at + 1 + sum(map(len, labels)) + len(labels) - 1
    begin = at - len(kept)
    if (
        labels
        and 0 < len(kept) <= 64
        and not kept.endswith(".")
        and not continues(window, begin - 1, "@")
        and not continues(window, stop, "@")
        and not _is_remote_path(window, stop, kept)
        and not _in_url(window, begin)
    ):
        yield begin, stop


def _is_remote_path(window: str, stop: int, local: str) -> bool:
    """`git@host.org:path` or `user@host.org:~/file`: a place of ssh, not an address."""
    if window[stop : stop + 1] != ":":
        return False
    following = window[stop + 1 : stop + 2]
    return following in ("/", "~", ".") or (local == "git" and following.isalnum())


def _in_url(window: str, begin: int) -> bool:
    """Whether `begin` lies in the user part of a URL, `scheme://user:` or `scheme://`."""
    head = window[:begin]
    scheme = head.rfind("://")
    return scheme >= 0 and not any(
        char.isspace() or char in "/?#\"'<>,;|()[]{}&\\" or char > "\x7f" for char in head[scheme + 3 :]
    )


def _fake_address(value: str, noise: Iterator[int]) -> str:
    """Other letters and digits before the `@` and in the domain; the top-level domain stays."""
    name, _, top = value.rpartition(".")
    return f"{same_shape(name, noise)}.{top}" if top else same_shape(value, noise)


def _fake(value: str, noise: Iterator[int]) -> str:
    return until(
        lambda made: [*_prove(made, 0, len(made))] == [(0, len(made))], lambda n: _fake_address(value, n), value, noise
    )


EMAIL = Detector(
    kind="email",
    group="contact",
    summary="e-mail addresses, with Latin letters or in the script of an international domain",
    pattern=_PATTERN,
    hint="@",
    prove=_prove,
    proof="rfc5321+domain",
    placeholder="<EMAIL>",
    fake=_fake,
)

_BRACKETED_AT = r"[ \t]?[\[({<][ \t]?(?:at|AT|At|@|ät|arroba|собака)[ \t]?[\])}>][ \t]?"
_BRACKETED_DOT = r"[ \t]?[\[({<][ \t]?(?:dot|DOT|Dot|punkt|punto|ponto|point|точка|\.)[ \t]?[\])}>][ \t]?"
_SPOKEN_DOT = r" (?:dot|DOT) "
_WEBMAIL = r"(?:gmail|googlemail|yahoo|hotmail|outlook|live|icloud|protonmail|aol|gmx|yandex|foxmail|qq|163|126)"
_ASCII_LOCAL, _ASCII_LABEL = r"[\p{Latin}0-9._+-]", r"[\p{Latin}0-9-]"
_SEPARATOR = re2.compile(rf"{_BRACKETED_AT}| (?:at|AT) |＠")
_DOTS = re2.compile(rf"{_BRACKETED_DOT}|{_SPOKEN_DOT}|\.")
_EMAIL_CUE = re2.compile(r"(?i)(?:mail|correo|почт|邮箱|郵箱|邮件|メール|메일|بريد|อีเมล)[^\n]{0,16}$")
# `contact us at example dot com` is a place to go to, not somebody's address.
_PROSE = frozenset((
    "us", "me", "him", "her", "them", "it", "email", "mail", "e-mail", "account", "address", "available", "is",
    "are", "be", "find", "found", "look", "online", "here", "there", "sign", "in", "up", "out", "and", "or", "page",
    "site", "website", "located", "contact",
))  # fmt: skip


def _prove_obfuscated(window: str, start: int, end: int) -> Spans:
    found = window[start:end]
    sign = _SEPARATOR.search(found)
    local, domain = found[: sign.start()].lstrip(".-+"), found[sign.end() :]
    labels, ends = [], []
    last = 0
    for dot in [*_DOTS.finditer(domain), None]:
        labels.append(domain[last : dot.start() if dot else len(domain)])
        ends.append(dot.start() if dot else len(domain))
        last = dot.end() if dot else len(domain)
    while labels and not is_top_level(labels[-1]):
        labels.pop()
    begin = start + sign.start() - len(local)
    stop = start + sign.end() + (ends[len(labels) - 1] if labels else 0)
    spoken = sign.group().strip(" \t").lower() == "at"
    if (
        len(labels) < 2
        or not 0 < len(local) <= 64
        or local.endswith(".")
        or continues(window, begin - 1, "@")
        or continues(window, stop, "@")
    ):
        return
    if spoken and (
        local.lower() in _PROSE or not (_plain_is_address(window, begin, local) or " dot " in domain.lower())
    ):
        return
    yield begin, stop


def _plain_is_address(window: str, begin: int, local: str) -> bool:
    """`john at gmail.com` is an address behind a word for mail, or if `john` is no plain word."""
    return not local.isalpha() or bool(_EMAIL_CUE.search(window[max(0, begin - 40) : begin]))


def _fake_obfuscated(value: str, noise: Iterator[int]) -> str:
    sign = _SEPARATOR.search(value)
    dot = [*_DOTS.finditer(value, sign.end())][-1]

    def make(stream: Iterator[int]) -> str:
        local = same_shape(value[: sign.start()], stream)
        domain = value[sign.end() : dot.start()]
        kept = domain if re2.fullmatch(f"(?i){_WEBMAIL}", domain) else _reshape_labels(domain, stream)
        return local + sign.group() + kept + value[dot.start() :]

    return until(lambda made: [*_prove_obfuscated(made, 0, len(made))] == [(0, len(made))], make, value, noise)


def _reshape_labels(domain: str, noise: Iterator[int]) -> str:
    parts, last = [], 0
    for dot in _DOTS.finditer(domain):
        parts += [same_shape(domain[last : dot.start()], noise), dot.group()]
        last = dot.end()
    return "".join([*parts, same_shape(domain[last:], noise)])


_DOT = rf"(?:{_BRACKETED_DOT}|{_SPOKEN_DOT}|\.)"
EMAIL_OBFUSCATED = Detector(
    kind="email_obfuscated",
    group="contact",
    summary="e-mail addresses written as `name [at] example [dot] org` and the like",
    pattern=(
        rf"(?:{_ASCII_LOCAL}+(?:{_BRACKETED_DOT}|{_SPOKEN_DOT}))*{_ASCII_LOCAL}+(?:(?:{_BRACKETED_AT}|＠){_ASCII_LABEL}+(?:{_DOT}{_ASCII_LABEL}+)+"
        rf"| (?:at|AT) {_ASCII_LABEL}+(?:{_SPOKEN_DOT}{_ASCII_LABEL}+)+"
        rf"| (?:at|AT) {_WEBMAIL}(?:\.|{_BRACKETED_DOT})(?:com|net|org|de|fr|ru|co\.uk|cn))"
    ),
    hint=rf"[\[({{<][ \t]?(?:at|AT|At|@|ät|arroba|собака)[ \t]?[\])}}>]|＠| dot | DOT | at {_WEBMAIL}| AT {_WEBMAIL}",
    prove=_prove_obfuscated,
    proof="spoken+domain",
    placeholder="<EMAIL>",
    fake=_fake_obfuscated,
)
