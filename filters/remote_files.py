"""Models and lists that lie in an object store: copied to this machine when they are first read, then like any file."""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import fs

from filters.errors import RecipeError

_PART = 16 << 20
_KEYS = ("path", "model", "file")


def read_file(path: str, what: str) -> bytes:
    """Content of a file, by path or by `gs://` or `s3://` URI. what: names it in errors.

    Raises OSError for a path, RecipeError for a URI that cannot be read or whose scheme pyarrow does not know.
    """
    if not is_remote(path):
        return Path(path).read_bytes()
    with _opened(path, what) as source:
        content: bytes = source.read()
    return content


def local_file(path: str, what: str) -> Path:
    """Where a file can be read on this machine: a plain path as it is, a URI from a copy.

    Every process has a copy of its own, for as long as it lives. Raises RecipeError as `read_file` does.
    """
    return _copy(path, what) if is_remote(path) else Path(path)


def is_remote(path: str) -> bool:
    """Whether it is a URI rather than a path.

    >>> is_remote("gs://bucket/words.txt"), is_remote("lists/words.txt")
    (True, False)
    """
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", path) is not None


def named_files(params: Any) -> Iterator[str]:
    """Files that a stage's parameters, as plain data, name: values of `path`, `model` and `file`, at any depth.

    >>> list(named_files({"lists": [{"path": "words.txt", "weight": 2}], "model": None}))
    ['words.txt']
    """
    if isinstance(params, dict):
        for key, value in params.items():
            if key in _KEYS and isinstance(value, str):
                yield value
            else:
                yield from named_files(value)
    elif isinstance(params, list | tuple):
        for value in params:
            yield from named_files(value)


@contextlib.contextmanager
def _opened(uri: str, what: str) -> Iterator[Any]:
    try:
        filesystem, path = fs.FileSystem.from_uri(uri)
        if filesystem.get_file_info(path).type != fs.FileType.File:
            raise RecipeError(f"{what} {uri} does not exist, or is no file; name one file, such as an archive")
        with filesystem.open_input_stream(path, compression=None) as source:
            yield source
    except (OSError, pa.ArrowException) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200].rstrip(". ")
        raise RecipeError(f"{what} {uri} cannot be read ({reason}); name a file") from error


@functools.lru_cache(maxsize=64)
def _copy(uri: str, what: str) -> Path:
    target = Path(tempfile.mkdtemp(dir=_folder())) / uri.rpartition("/")[2]
    with _opened(uri, what) as source, target.open("wb") as copy:
        while part := source.read(_PART):
            copy.write(part)
    return target


@functools.cache
def _folder() -> str:
    folder = tempfile.mkdtemp(prefix=f"beamsift-files-{os.getpid()}-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
