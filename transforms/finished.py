"""What is finished already: a record beside every staged piece, so that a run that was interrupted can go on.

A planned Split becomes one staged piece or several. When all files of a piece are in their places, a record appears
beside it: of which Split it is a piece, by which work it was made, its files with their SHA-256, and the staged Split
itself. Whoever does the same work on the same Split again takes over the pieces whose files are still as recorded.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace

from filters.errors import InputError
from transforms.atomic import AtomicFile
from transforms.files import exists, join, open_filesystem, read_bytes, write_bytes_atomic
from transforms.filesystems import reading
from transforms.split import STAGED, Split

_CHUNK = 8 << 20


def piece_stem(folder: str, split: Split, number: int) -> str:
    """What the names of all files of a piece begin with; depends on the Split alone."""
    return join(folder, f"{split.name}-{number:04d}")


def record_piece(stem: str, source: Split, work: str, staged: Split, files: Sequence[AtomicFile]) -> None:
    """Write down that a piece is finished: its files are complete and have their names."""
    head = {
        "source": _digest_of(source),
        "work": work,
        "files": [[file.uri, file.bytes, file.sha256] for file in files],
    }
    write_bytes_atomic(f"{stem}.done", json.dumps(head).encode() + b"\n" + staged.encode())


def finished_pieces(folder: str, source: Split, work: str) -> Iterator[Split]:
    """Staged pieces of a Split that are finished, from the first on; those of raw rows are marked as taken over.

    work: what else the pieces depend on, as it was given to `record_piece`. A record of other work, of a Split of
    other rows or of a file that has changed, and one whose files are not as it says ends the list.
    """
    number = 0
    while True:
        uri = f"{piece_stem(folder, source, number)}.done"
        if not exists(uri):
            return
        line, _, encoded = read_bytes(uri).partition(b"\n")
        head = json.loads(line)
        if (head["source"], head["work"]) != (_digest_of(source), work):
            return
        if not all(_is_whole(*file) for file in head["files"]):
            return
        yield replace(Split.decode(encoded), taken_over=source.format != STAGED or source.taken_over)
        number += 1


def _digest_of(split: Split) -> str:
    """All that is known of a Split: where its rows lie, which are alive, the file's size and time.

    Columns that were added by a deduplication lie in sidecars, in a folder named by all that it depends on.
    """
    return hashlib.sha256(replace(split, taken_over=False).encode()).hexdigest()


def _is_whole(uri: str, size: int, sha256: str) -> bool:
    filesystem, path = open_filesystem(uri)
    digest = hashlib.sha256()
    try:
        with reading(uri), filesystem.open_input_file(path) as file:
            if file.size() != size:
                return False
            while chunk := file.read_buffer(_CHUNK):
                digest.update(chunk)
    except InputError:  # gone, or its disk is damaged: it is made again
        return False
    return digest.hexdigest() == sha256
