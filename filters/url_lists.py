"""Lists of domains and URLs from files: UT1-style folders and archives, hosts files, plain and Adblock-style lists."""

from __future__ import annotations

import io
import tarfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from filters.errors import RecipeError
from filters.list_files import ListFile, read_list_bytes
from filters.urls import is_address, normal_host, split_url

_WHAT = "URL list"
_MEMBERS = ("domains", "urls")
"""Files of a UT1 category that are read; its `expressions` are patterns and are not."""

_PLAIN = r"^[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)+$"
"""A domain already in its one spelling, as nearly all lines of the large lists are: taken as it is, in bulk."""

_LOCAL_NAMES = frozenset(("localhost", "localhost.localdomain", "local", "broadcasthost"))


class UrlSource(ListFile):
    """A list of domains or URLs, and its category.

    path: a file (also gzip), a `.tar`, `.tar.gz` or folder of UT1's layout (`adult/domains`, `adult/urls`).
    category: of all entries; left out, it is the name of UT1's folder, or the file's name up to its first dot.
    categories: those of UT1's folders to read; left out, all. subdomains: whether a domain stands for its subdomains;
    a line `=example.com` never does.
    """

    category: str | None = None
    categories: tuple[str, ...] | None = None
    subdomains: bool = True


@dataclass(frozen=True)
class UrlEntries:
    """Entries of one category: names, string; exact, bool: stands for no subdomain."""

    category: str
    names: pa.LargeStringArray
    exact: pa.BooleanArray


def read_urls(source: UrlSource) -> list[UrlEntries]:
    """Read a list, category by category, in order of their names.

    A line is a domain, a URL (its path a prefix), `address name name` of a hosts file, or `||name^` of Adblock; `#` and
    `!` begin a comment. Raises RecipeError if the list cannot be read, has another checksum, holds no entry, lacks a
    category that was asked for, or if most of its lines are none of these.
    """
    found = [
        _entries(source.category or category, content, source)
        for category, content in _contents(source)
        if source.categories is None or category in source.categories
    ]
    if not any(len(entries.names) for entries in found):
        raise RecipeError(f"{_WHAT} {source.path} holds no domain and no URL")
    return found


def _contents(source: UrlSource) -> Iterator[tuple[str, bytes]]:
    """(category, content) of every file of a list."""
    path = Path(source.path)
    if path.is_dir():
        if source.sha256:
            raise RecipeError(f"{_WHAT} {path} is a folder and has no checksum; name an archive, or leave sha256 out")
        files = [
            (file.parent.name, file) for file in sorted([*path.glob("*"), *path.glob("*/*")]) if _is_member(file.name)
        ]
        known = [category for category, _ in files]
        _check_categories(source, known)
        for category, file in files:
            if source.categories is None or category in source.categories:
                yield category, read_list_bytes(ListFile(path=str(file)), _WHAT)
        return
    content = read_list_bytes(source, _WHAT)
    if path.name.removesuffix(".gz").endswith((".tar", ".tgz")):
        yield from _archived(content, source)
        return
    if source.categories is not None:
        raise RecipeError(f"{_WHAT} {path} is one file and has no categories to choose; give it a category instead")
    yield path.name.partition(".")[0], content


def _is_member(name: str) -> bool:
    return name.removesuffix(".gz") in _MEMBERS


def _archived(content: bytes, source: UrlSource) -> Iterator[tuple[str, bytes]]:
    try:
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            members = sorted((m for m in archive if m.isfile()), key=lambda member: member.name)
            files = [(Path(m.name).parent.name, m) for m in members if m.name.rpartition("/")[2] in _MEMBERS]
            _check_categories(source, [category for category, _ in files])
            for category, member in files:
                stream = archive.extractfile(member)
                yield category, stream.read() if stream else b""
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        if isinstance(error, RecipeError):
            raise
        raise RecipeError(f"{_WHAT} {source.path} is damaged: not a whole tar archive; fetch it again") from error


def _check_categories(source: UrlSource, known: Sequence[str]) -> None:
    names = sorted(set(known))
    if not names:
        raise RecipeError(f"{_WHAT} {source.path} has no file named domains or urls, as UT1's categories have")
    for category in source.categories or ():
        if category not in names:
            shown = ", ".join(names[:40])
            raise RecipeError(f"{_WHAT} {source.path} has no category {category!r}; it has: {shown}")


def _entries(category: str, content: bytes, source: UrlSource) -> UrlEntries:
    """Entries of one file; lines that are plain domains are taken in bulk."""
    try:
        text = pa.array([content.removeprefix(b"\xef\xbb\xbf")], pa.large_binary()).cast(pa.large_string())
    except pa.ArrowInvalid as error:
        raise RecipeError(f"{_WHAT} {source.path} ({category}) is not UTF-8; save it as UTF-8") from error
    lines = pc.utf8_trim_whitespace(pc.split_pattern(text, "\n").flatten())
    comment = pc.match_substring_regex(lines, r"^(?:[#!]|\[Adblock|$)")
    lines = lines.filter(pc.invert(comment))
    plain = pc.match_substring_regex(lines, _PLAIN)
    names, exact, wrong = _parse(lines.filter(pc.invert(plain)).to_pylist())
    if wrong * 2 > len(lines):
        raise RecipeError(
            f"{_WHAT} {source.path} ({category}): {wrong:,} of {len(lines):,} lines are no domain, URL or hosts line; "
            "is it a list of domains?"
        )
    bulk = lines.filter(plain)
    return UrlEntries(
        category,
        pa.concat_arrays([bulk, pa.array(names, pa.large_string())]),
        pa.array([not source.subdomains] * len(bulk) + [alone or not source.subdomains for alone in exact], pa.bool_()),
    )


def entries_of_lines(category: str, lines: Sequence[str]) -> UrlEntries:
    """Entries that a recipe names itself. Raises RecipeError for a line that is none."""
    names, exact, wrong = _parse(lines)
    if wrong:
        raise RecipeError(f"{wrong} of the {category or 'allowed'} URLs are no domain and no URL; write `example.com`")
    return UrlEntries(category, pa.array(names, pa.large_string()), pa.array(exact, pa.bool_()))


def _parse(lines: Sequence[str]) -> tuple[list[str], list[bool], int]:
    """Names, whether each stands for itself alone, and how many lines are no entry."""
    names: list[str] = []
    exact: list[bool] = []
    wrong = 0
    for line in lines:
        found = list(_names(line))
        wrong += not found and not _is_local(line)
        names += [name for name, _ in found]
        exact += [alone for _, alone in found]
    return names, exact, wrong


def _names(line: str) -> Iterator[tuple[str, bool]]:
    """(name, whether it stands for itself alone) of each entry of a line; nothing for a line that is none.

    >>> list(_names("0.0.0.0 a.example B.example # why")), list(_names("||ads.example^")), list(_names("=x.example"))
    ([('a.example', False), ('b.example', False)], [('ads.example', False)], [('x.example', True)])
    """
    line = line.partition(" #")[0].strip()
    if line.startswith("||"):
        name, _, options = line[2:].partition("^")
        yield from ((name, False) for name in _domain(name) if not options.strip("|"))
        return
    exact = line.startswith("=")
    words = line.removeprefix("=").split()
    if len(words) > 1:
        if is_address(normal_host(words[0])):
            yield from ((name, False) for word in words[1:] for name in _domain(word) if not _is_address_or_local(name))
        return
    for word in words:
        if is_address(normal_host(word)):  # an IPv6 address by itself is no host with a port
            yield normal_host(word), exact
            continue
        host, path = split_url(word.removeprefix("*.").removeprefix("."))
        if not _is_name(host):
            continue
        path = path.rstrip("/")
        yield (host.removeprefix("www.") + path, True) if path else (host, exact)


def _domain(word: str) -> Iterable[str]:
    name = normal_host(word.removeprefix("*."))
    return [name] if _is_name(name) else []


def _is_name(host: str) -> bool:
    """Whether it can be a host: an address, or labels without white space or signs that no name has."""
    if is_address(host):
        return True
    return bool(host) and not any(char in " \t/$^*|,;:=()[]<>\"'!#&?@~" for char in host) and ".." not in host


def _is_address_or_local(name: str) -> bool:
    return name in _LOCAL_NAMES or "." not in name or is_address(name)


def _is_local(line: str) -> bool:
    """Whether a line is one of those that begin every hosts file, such as `127.0.0.1 localhost`."""
    words = line.partition("#")[0].split()
    return len(words) > 1 and is_address(normal_host(words[0].partition("%")[0]))
