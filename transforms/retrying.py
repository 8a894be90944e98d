"""A file system that asks an object store again, with pauses that grow, where its answer says that it is out of breath.

Arrow's own client retries most of this, but not a busy store's answer to a small read: the answer does not fit into
the few bytes that were asked for, which counts as a failure of another kind. Uploads are left to Arrow's client: only
it still has the parts.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from typing import Any, TypeVar

import pyarrow as pa
from pyarrow import fs

Answer = TypeVar("Answer")

PAUSES = (0.1, 0.3, 1.0, 3.0, 10.0)
"""Seconds before each attempt after the first; up to half as much more is added by chance, so that many workers do not
come back at once."""

_PASSING = re.compile(
    r"SLOW_DOWN|SlowDown|THROTTLING|INTERNAL_FAILURE|SERVICE_UNAVAILABLE|REQUEST_TIMEOUT|NETWORK_CONNECTION"
    r"|HTTP status (429|5\d\d)|UNAVAILABLE|RESOURCE_EXHAUSTED|DEADLINE_EXCEEDED|[Tt]imed? ?out|Connection reset"
)


def persistently(ask: Callable[[], Answer], pauses: tuple[float, ...] = PAUSES) -> Answer:
    """Call until it answers, or fails in a way that will not pass, or too often; then the last error is raised.

    >>> answers = iter([OSError("AWS Error SLOW_DOWN"), "data"])
    >>> def ask():
    ...     answer = next(answers)
    ...     if isinstance(answer, OSError):
    ...         raise answer
    ...     return answer
    >>> persistently(ask, pauses=(0.0,))
    'data'
    """
    for pause in pauses:
        try:
            return ask()
        except OSError as error:
            if not _PASSING.search(str(error)):
                raise
        time.sleep(pause * (1 + random.random() / 2))
    return ask()


class _Source:
    """A file opened for reading; every read names its place, so that it can be asked for again."""

    def __init__(self, opened: pa.NativeFile) -> None:
        self._file = opened
        self._at = 0
        self.closed = False

    def size(self) -> int:
        return int(persistently(self._file.size))

    def tell(self) -> int:
        return self._at

    def seek(self, place: int, whence: int = 0) -> int:
        self._at = place + (0, self._at, self.size() if whence == 2 else 0)[whence]
        return self._at

    def read(self, size: int = -1) -> bytes:
        left = max(self.size() - self._at, 0)
        wanted = left if size < 0 else min(size, left)
        if not wanted:  # a store refuses a range that begins at the end
            return b""
        data: bytes = persistently(lambda: self._file.read_at(wanted, self._at))
        self._at += len(data)
        return data

    def close(self) -> None:
        self.closed = True
        self._file.close()


class Retrying(fs.FileSystemHandler):
    """All that a file system can be asked, asked persistently."""

    def __init__(self, inner: fs.FileSystem) -> None:
        self.inner = inner

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Retrying) and bool(self.inner == other.inner)

    def get_type_name(self) -> str:  # noqa: D102
        return str(self.inner.type_name)

    def normalize_path(self, path: str) -> str:  # noqa: D102
        return str(self.inner.normalize_path(path))

    def get_file_info(self, paths: list[str]) -> Any:  # noqa: D102
        return persistently(lambda: self.inner.get_file_info(paths))

    def get_file_info_selector(self, selector: fs.FileSelector) -> Any:  # noqa: D102
        return persistently(lambda: self.inner.get_file_info(selector))

    def create_dir(self, path: str, recursive: bool) -> None:  # noqa: D102
        persistently(lambda: self.inner.create_dir(path, recursive=recursive))

    def delete_dir(self, path: str) -> None:  # noqa: D102
        persistently(lambda: self.inner.delete_dir(path))

    def delete_dir_contents(self, path: str, missing_dir_ok: bool = False) -> None:  # noqa: D102
        persistently(lambda: self.inner.delete_dir_contents(path, missing_dir_ok=missing_dir_ok))

    def delete_root_dir_contents(self) -> None:  # noqa: D102
        raise NotImplementedError("nobody deletes a whole store")

    def delete_file(self, path: str) -> None:  # noqa: D102
        persistently(lambda: self.inner.delete_file(path))

    def move(self, src: str, dest: str) -> None:  # noqa: D102
        self.inner.move(src, dest)

    def copy_file(self, src: str, dest: str) -> None:  # noqa: D102
        persistently(lambda: self.inner.copy_file(src, dest))

    def open_input_file(self, path: str) -> pa.PythonFile:  # noqa: D102
        return pa.PythonFile(_Source(persistently(lambda: self.inner.open_input_file(path))), mode="r")

    def open_input_stream(self, path: str) -> pa.PythonFile:  # noqa: D102
        return self.open_input_file(path)

    def open_output_stream(self, path: str, metadata: Any) -> Any:  # noqa: D102
        return persistently(lambda: self.inner.open_output_stream(path, compression=None, metadata=metadata))

    def open_append_stream(self, path: str, metadata: Any) -> Any:  # noqa: D102
        return self.inner.open_append_stream(path, compression=None, metadata=metadata)
