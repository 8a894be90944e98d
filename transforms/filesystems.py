"""Which file system a path or URI lives on, and what its refusals mean in plain words."""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import re
from collections.abc import Iterator
from urllib.parse import unquote

import fsspec
import pyarrow as pa
from pyarrow import fs

from filters.errors import InputError, OutputError
from transforms.retrying import Retrying, persistently

FILE_ERRORS = (OSError, pa.ArrowException)
"""What a file system of pyarrow or fsspec raises when it cannot do as asked."""

_OBJECT_STORES = ("s3", "gs", "gcs")
_ANOTHER_PLACE = "choose another output path"
_PLAIN_WORDS = {
    errno.ENOSPC: ("no space left on the device", "free some space or choose another output folder"),
    errno.EDQUOT: ("the disk quota is used up", "free some space or choose another output folder"),
    errno.EACCES: ("permission denied", "choose a folder you may write to or change its permissions"),
    errno.EPERM: ("permission denied", "choose a folder you may write to or change its permissions"),
    errno.EROFS: ("the file system is read-only", "choose another output folder"),
    errno.ENOTDIR: ("a part of the path is a file, not a folder", _ANOTHER_PLACE),
    errno.EEXIST: ("a file is where a folder should be", _ANOTHER_PLACE),
    errno.EISDIR: ("a folder is where a file should be", _ANOTHER_PLACE),
    errno.ENAMETOOLONG: ("the name is too long", "choose a shorter output path"),
    errno.ENOENT: ("there is no such file", "check the path"),
}


def scheme_of(uri: str) -> str:
    """The scheme of a URI in lower case, `file` for a plain path.

    >>> scheme_of("S3://bucket/key"), scheme_of("data/a.jsonl")
    ('s3', 'file')
    """
    found = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", uri)
    return found[1].lower() if found else "file"


def local_path(uri: str) -> str | None:
    """Absolute path of a plain path or file:// URI, None for everything that is not local.

    >>> local_path("file:///data/a%20b.jsonl"), local_path("gs://bucket/key")
    ('/data/a b.jsonl', None)
    """
    if scheme_of(uri) != "file":
        return None
    if not uri:
        raise InputError("an empty path; name a file, a folder or a pattern such as data/*.parquet")
    if uri[:7].lower() == "file://":
        host, slash, rest = uri[7:].partition("/")
        if host not in ("", "localhost") or not slash:
            raise InputError(f"{uri}: a file:// URI needs an absolute path, as in file:///data/raw")
        uri = "/" + unquote(rest)
    return os.path.abspath(uri)  # noqa: PTH100 - Path.resolve would replace links by what they point to


def open_filesystem(uri: str) -> tuple[fs.FileSystem, str]:
    """The file system that holds `uri`, and its path there.

    Plain paths and file:// are local; s3://, gs:// and gcs:// are pyarrow's own, with credentials, region and
    endpoint from their usual environment variables; every other scheme goes to fsspec. Raises InputError for an
    unknown scheme, and for a known one whose package is missing says which to install.
    """
    local = local_path(uri)
    if local is not None:
        return fs.LocalFileSystem(), local
    scheme = scheme_of(uri)
    if scheme in _OBJECT_STORES:
        bucket, _, key = uri.partition("://")[2].partition("/")
        if not bucket:
            raise InputError(f"{uri} names no bucket; expected {scheme}://bucket/path")
        filesystem, root = _open_bucket(scheme, bucket)
        return filesystem, f"{root}/{key}".rstrip("/")
    return _open_fsspec(uri, scheme)


@functools.lru_cache(maxsize=64)  # asking S3 for the region of a bucket is a request of its own
def _open_bucket(scheme: str, bucket: str) -> tuple[fs.FileSystem, str]:
    with reading(f"{scheme}://{bucket}"):
        filesystem, root = persistently(lambda: fs.FileSystem.from_uri(f"{scheme}://{bucket}"))
    return fs.PyFileSystem(Retrying(filesystem)), root


def _open_fsspec(uri: str, scheme: str) -> tuple[fs.FileSystem, str]:
    try:
        filesystem, path = fsspec.core.url_to_fs(uri)
    except ImportError as error:
        raise InputError(f"{uri}: {scheme}:// needs a package that is not installed: {error}") from error
    except ValueError as error:
        raise InputError(
            f"{uri}: unknown scheme {scheme}://; use a path, s3://, gs:// or a scheme known to fsspec, "
            "installing the package that provides it"
        ) from error
    except OSError as error:
        raise InputError(f"{uri}: cannot open {scheme}://: {reason(error)}") from error
    filesystem.invalidate_cache()  # fsspec shares instances, whose listings do not see what other processes write
    return fs.PyFileSystem(fs.FSSpecHandler(filesystem)), path


def is_object_store(filesystem: fs.FileSystem) -> bool:
    """Whether a file appears there only when it is closed, and cannot be renamed."""
    return filesystem.type_name.removeprefix("py::") in _OBJECT_STORES


def reason(error: BaseException) -> str:
    """Why a file operation failed: plain words for common causes, else the first line of the message.

    >>> reason(OSError(28, "No space left on device"))
    'no space left on the device'
    """
    known = _PLAIN_WORDS.get(getattr(error, "errno", None) or 0)
    if known:
        return known[0]
    first_line = (str(error).splitlines() or [type(error).__name__])[0]
    return first_line[:200].rstrip(". ")


@contextlib.contextmanager
def reading(uri: str) -> Iterator[None]:
    """Turn the errors of a file system into an InputError that names `uri`."""
    try:
        yield
    except FILE_ERRORS as error:
        raise InputError(f"cannot read {uri}: {reason(error)}") from error


@contextlib.contextmanager
def writing(uri: str) -> Iterator[None]:
    """Turn the errors of a file system into an OutputError that names `uri` and says what to do."""
    try:
        yield
    except FILE_ERRORS as error:
        if isinstance(error, OutputError):
            raise
        step = _PLAIN_WORDS.get(getattr(error, "errno", None) or 0, ("", "try again or " + _ANOTHER_PLACE))[1]
        raise OutputError(f"cannot write {uri}: {reason(error)}; {step}") from error
