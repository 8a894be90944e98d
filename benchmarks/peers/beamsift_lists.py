"""Not a peer: our phrase and URL lists, each in a process of its own like the peers, so that memory compares.

Fourth argument `phrases` or `urls`; the third is the list, the first Parquet with the texts or URLs to be searched.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow as pa
from peer_io import read_texts
from phrase_io import report, searched

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from filters.phrase_index import PhraseIndex, build_index
from filters.phrase_lists import PhraseSource, read_phrases
from filters.texts import as_text_array
from filters.url_index import UrlIndex, build_url_index
from filters.url_lists import UrlSource, read_urls

BATCH = 4096


def phrase_index(path: str) -> PhraseIndex:
    """As the stage `blocklist` makes it."""
    return build_index([read_phrases(PhraseSource(path=path))], as_text_array([]))


def url_index(path: str) -> UrlIndex:
    """As the stage `url_blocklist` makes it."""
    return build_url_index(read_urls(UrlSource(path=path)))


def find_phrases(index: PhraseIndex, batches: list[pa.LargeStringArray]) -> int:
    """Hits in all texts."""
    return sum(len(index.find(batch).rows) for batch in batches)


def find_urls(index: UrlIndex, batches: list[list[str]]) -> int:
    """URLs that are listed."""
    return sum(int((index.find(batch)[0] >= 0).sum()) for batch in batches)


def main() -> None:
    """Compile on a small list, then build the large one and search."""
    source, _, path, what = sys.argv[1:]
    texts = read_texts(source)
    small = Path(path).with_suffix(".small")
    small.write_text("one.example\ntwo.example\n", encoding="utf-8")
    if what == "phrases":
        given = [as_text_array(texts[first : first + BATCH]) for first in range(0, len(texts), BATCH)]
        find_phrases(phrase_index(str(small)), [given[0].slice(0, 10)])
        report(*searched(lambda: phrase_index(path), lambda index: find_phrases(index, given)), index_bytes=True)
    else:
        urls = [texts[first : first + BATCH] for first in range(0, len(texts), BATCH)]
        find_urls(url_index(str(small)), [urls[0][:10]])
        report(*searched(lambda: url_index(path), lambda index: find_urls(index, urls)), index_bytes=True)


if __name__ == "__main__":
    main()
