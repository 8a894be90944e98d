"""Slow twins of phrase lists and URL lists in plain Python, obvious enough to be believed."""

from __future__ import annotations

from collections.abc import Collection

from tests.reference import kind


def folded(text: str) -> tuple[str, list[int]]:
    """The text case-folded, runs of white space one space; and of every character which one of the text it is from."""
    out, origin = "", []
    for index, char in enumerate(text):
        if char.isspace():
            if not (index and text[index - 1].isspace()):
                out += " "
                origin.append(index)
            continue
        out += char.casefold()
        origin += [index] * len(char.casefold())
    return out, [*origin, len(text)]


def is_edge(text: str, index: int) -> bool:
    """Whether no word runs across the place before `text[index]`."""
    return not (0 < index < len(text) and kind(text[index - 1]) == kind(text[index]) == "word")


def occurrences(text: str, phrase: str, boundaries: str = "word") -> list[tuple[int, int]]:
    """Where a folded phrase stands in a folded text, overlapping ones too."""
    found = [i for i in range(len(text) - len(phrase) + 1) if text.startswith(phrase, i)]
    left, right = boundaries in ("word", "prefix"), boundaries in ("word", "suffix")
    return [
        (i, i + len(phrase))
        for i in found
        if (not left or is_edge(text, i)) and (not right or is_edge(text, i + len(phrase)))
    ]


def find_phrases(
    text: str, phrases: Collection[str], allowed: Collection[str] = (), boundaries: str = "word"
) -> list[tuple[int, int, str]]:  # fmt: skip
    """Hits in code points of the text, with the folded phrase: left to right, longest first, none overlapping.

    One that begins or ends among the characters that a single one folds to (`s` in `ß`) is none.

    >>> find_phrases("A BAD  Word", ["bad", "bad word"])
    [(2, 11, 'bad word')]
    """
    line, origin = folded(text)
    keys = {folded(phrase.strip())[0] for phrase in phrases}
    hidden = [span for phrase in allowed for span in occurrences(line, folded(phrase.strip())[0])]
    whole = {index for index in range(len(origin)) if index == 0 or origin[index] != origin[index - 1]}
    spans = [
        (start, -end, key)
        for key in keys
        for start, end in occurrences(line, key, boundaries)
        if start in whole and end in whole
    ]
    hits, last = [], 0
    for start, minus_end, key in sorted(spans):
        covered = any(a <= start and -minus_end <= b for a, b in hidden)
        if start >= last and not covered:
            hits.append((origin[start], origin[-minus_end], key))
            last = -minus_end
    return hits


def _plain(url: str) -> tuple[list[str], str]:
    """Labels of the host and the path of a simple URL: lower case, without scheme, user, port and fragment."""
    rest = url.lower().partition("://")[2] if "://" in url else url.lower()
    cut = min([rest.index(c) for c in "/?" if c in rest], default=len(rest))
    host = rest[:cut].rpartition("@")[2].partition(":")[0].strip(".")
    host = host.replace("bücher", "xn--bcher-kva")
    return host.split("."), rest[cut:]


def _covers(entry: str, url: str) -> str | None:
    """The name of an entry, in its one spelling, if it covers a URL."""
    exact = entry.startswith("=")
    (host, path), (asked, asked_path) = _plain(entry.removeprefix("=")), _plain(url)
    path, asked_path = path.rstrip("/"), asked_path.rstrip("/")
    if not path:
        address = len(asked) == 4 and all(label.isdigit() for label in asked)
        under = not exact and not address and len(asked) > len(host) and asked[-len(host) :] == host
        return ".".join(host) if asked == host or under else None
    host, asked = (".".join(labels).removeprefix("www.") for labels in (host, asked))
    goes_on = asked_path[len(path) : len(path) + 1] in ("", "/", "?", "&")
    return host + path if host == asked and asked_path.startswith(path) and goes_on else None


def listed_url(url: str | None, lists: dict[str, list[str]]) -> tuple[str, str] | None:
    """(category, name of the entry) that a URL is listed under: the first category, of its entries the longest.

    >>> listed_url("http://x.a.com/y", {"one": ["=a.com"], "two": ["com", "a.com"]})
    ('two', 'a.com')
    """
    for category, entries in lists.items():
        found = [name for entry in entries if url and (name := _covers(entry, url))]
        if found:
            return category, max(found, key=len)
    return None
