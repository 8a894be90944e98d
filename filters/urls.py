"""URLs as block lists see them: the host in one spelling, and everything a list could name it by."""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Iterator
from urllib.parse import unquote

import idna

from filters.kernels.case_folding import WHITE_SPACE

_AUTHORITY_ENDS = "/?#\\"
_HOST_ENDS = ".。．｡" + "".join(map(chr, WHITE_SPACE))
_STEPS = "/?&"
"""Where a prefix of a URL may end, beside its end."""


def normal_host(host: str) -> str:
    """A host name in its one spelling: lower case, no dot at its ends, international names as `xn--` (UTS 46).

    Nothing raises: a name that is against the rules of IDNA keeps its letters, in lower case.

    >>> normal_host("WWW.Example.COM."), normal_host("Bücher.example"), normal_host("ＥＸＡＭＰＬＥ。com")
    ('www.example.com', 'xn--bcher-kva.example', 'example.com')
    """
    host = host.strip(_HOST_ENDS)
    if not host.isascii():
        with contextlib.suppress(idna.IDNAError, UnicodeError):
            host = idna.encode(host, uts46=True).decode()
    return host.lower().strip(_HOST_ENDS)


def split_url(url: str) -> tuple[str, str]:
    """(host, path with query) of a URL; scheme, user, port and fragment are left out, the path is in lower case.

    Anything at all is taken: what cannot be a URL has a host that is in no list, or none.

    >>> split_url("HTTPS://user:pw@Example.COM.:8080/A/b?Q=1#top")
    ('example.com', '/a/b?q=1')
    >>> split_url("example.com/x"), split_url("//[2001:DB8::1]:80/"), split_url("")
    (('example.com', '/x'), ('2001:db8::1', '/'), ('', ''))
    """
    url = url.strip()
    scheme, colon, behind = url.partition("://")
    if colon and scheme.replace("+", "").replace("-", "").replace(".", "").isalnum():
        url = behind
    elif url.startswith("//"):
        url = url[2:]
    end = min((at for at in map(url.find, _AUTHORITY_ENDS) if at >= 0), default=len(url))
    authority, path = url[:end].rpartition("@")[2], url[end:].partition("#")[0].replace("\\", "/")
    if "%" in url:
        authority, path = unquote(authority), unquote(path)
    host = authority[1:].partition("]")[0] if authority.startswith("[") else authority.partition(":")[0]
    return normal_host(host), path.lower()


def is_address(host: str) -> bool:
    """Whether a host is an IP address, which has no parent domains.

    >>> is_address("10.0.0.1"), is_address("2001:db8::1"), is_address("10.example")
    (True, True, False)
    """
    if not (":" in host or host[-1:].isdigit()):
        return False
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def host_names(host: str) -> list[str]:
    """What a list could name a host by: itself first, then its parent domains.

    >>> host_names("a.b.example"), host_names("10.0.0.1"), host_names("")
    (['a.b.example', 'b.example', 'example'], ['10.0.0.1'], [])
    """
    if not host:
        return []
    names = [host]
    while not is_address(host) and "." in names[-1]:
        names.append(names[-1].partition(".")[2])
    return names


def url_names(host: str, path: str, steps: int) -> Iterator[str]:
    """What a list could name a URL by: host and path, cut at `/`, `?` or `&`, in at most `steps` places or its end.

    A `www.` in front of the host does not count, as in lists of URLs that squidGuard reads.

    >>> list(url_names("www.example.com", "/~me/x?q=1", steps=9))
    ['example.com/~me', 'example.com/~me/x', 'example.com/~me/x?q=1']
    """
    host = host.removeprefix("www.")
    path = path.rstrip("/")
    at = 0
    for _ in range(steps):
        following = [found for step in _STEPS if (found := path.find(step, at + 1)) > 0]
        if not path or at == len(path):
            return
        at = min(following, default=len(path))
        yield host + path[:at]
