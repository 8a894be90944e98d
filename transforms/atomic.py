"""Files that appear complete or not at all: written under another name, hashed on the way, then renamed."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import posixpath
import uuid
from collections.abc import Iterator
from typing import Any

from pyarrow import fs

from transforms.filesystems import is_object_store, open_filesystem, writing


class AtomicFile(io.BufferedIOBase):
    """A binary sink that counts and hashes what passes: `bytes` (int) and `sha256` (hex) so far.

    `close` only ends the writing, as pyarrow's writers may call it; the file appears when `atomic_writer` ends.
    """

    def __init__(self, uri: str, raw: Any) -> None:
        self.uri = uri
        self.bytes = 0
        self._raw = raw
        self._hash = hashlib.sha256()
        self._abandoned = False

    def write(self, data: Any) -> int:
        """Write all of `data`, anything with the buffer protocol. Raises OutputError."""
        if self.closed:
            raise ValueError(f"write to {self.uri} after it was closed")
        view = memoryview(data).cast("B")
        if self._abandoned:
            return view.nbytes
        with writing(self.uri):
            self._raw.write(view)
        self._hash.update(view)
        self.bytes += view.nbytes
        return view.nbytes

    def writable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """Bytes written so far."""
        return self.bytes

    def abandon(self) -> None:
        """Drop what is written from now on: a pyarrow writer that an error left open writes its footer when it dies."""
        self._abandoned = True

    @property
    def sha256(self) -> str:
        """SHA-256 of the bytes written so far, 64 hex digits."""
        return self._hash.hexdigest()


@contextlib.contextmanager
def atomic_writer(uri: str) -> Iterator[AtomicFile]:
    """A binary file, for pyarrow's writers too, that takes the name `uri` only if the block ends without exception.

    Until then its name begins with `.` and ends with `.tmp` in the same folder; on an object store the upload appears
    when it completes, and is removed again on an exception. Missing folders are made. An older file is replaced.
    Raises OutputError (the cause chained) when the file system refuses.

    >>> with atomic_writer("memory://doctest/greeting") as file:
    ...     _ = file.write(b"hello")
    >>> file.bytes, file.sha256[:8]
    (5, '2cf24dba')
    """
    filesystem, path = open_filesystem(uri)
    direct = is_object_store(filesystem)
    folder, name = posixpath.split(path)
    # A name of its own for every attempt: a retried bundle may run beside the one it replaces.
    target = path if direct else posixpath.join(folder, f".{name[:40]}.{uuid.uuid4().hex}.tmp")
    with writing(uri):
        if folder and not direct:
            filesystem.create_dir(folder, recursive=True)
        raw = _open_raw(filesystem, target)
    file = AtomicFile(uri, raw)
    try:
        yield file
        file.close()
        with writing(uri):
            _finish_raw(raw)
            if not direct:
                _rename(filesystem, target, path)
    except BaseException:
        file.abandon()
        # The first error is the one to report; what cannot be removed keeps its temporary name.
        with contextlib.suppress(Exception):
            raw.close()
        with contextlib.suppress(Exception):
            filesystem.delete_file(target)
        raise


def _open_raw(filesystem: fs.FileSystem, path: str) -> Any:
    if isinstance(filesystem, fs.LocalFileSystem):
        return open(path, "xb")  # noqa: PTH123 - atomic_writer closes it
    return filesystem.open_output_stream(path, compression=None)  # None: else a name in .gz would be compressed


def _finish_raw(raw: Any) -> None:
    """Close; a local file is on the disk first, as after a power cut a renamed file could otherwise be empty."""
    if isinstance(raw, io.BufferedWriter):
        raw.flush()
        os.fsync(raw.fileno())
    raw.close()


def _rename(filesystem: fs.FileSystem, source: str, target: str) -> None:
    try:
        filesystem.move(source, target)
    except FileExistsError:  # some file systems behind fsspec rename only to a free name
        filesystem.delete_file(target)
        filesystem.move(source, target)
