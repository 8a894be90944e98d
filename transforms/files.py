"""Input files by path, folder or pattern, and small files written whole; local and remote alike."""

from __future__ import annotations

import collections
import contextlib
import functools
import os
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from fsspec.utils import glob_translate
from pyarrow import fs

from filters.errors import InputError, OutputError
from transforms.atomic import AtomicFile, atomic_writer
from transforms.filesystems import is_object_store, local_path, open_filesystem, reading, reason, scheme_of, writing

__all__ = [
    "EXTENSIONS",
    "AtomicFile",
    "FileInfo",
    "atomic_writer",
    "exists",
    "expand",
    "file_info",
    "files_below",
    "first_inside",
    "join",
    "named_format",
    "open_filesystem",
    "read_bytes",
    "remove_file",
    "remove_others",
    "remove_tree",
    "write_bytes_atomic",
]

EXTENSIONS = {
    **dict.fromkeys((".parquet", ".parq"), "parquet"),
    **{name + end: "jsonl" for name in (".jsonl", ".json", ".ndjson") for end in ("", ".gz", ".zst")},
    **dict.fromkeys((".arrow", ".feather", ".ipc"), "arrow"),
}
"""What the end of a file's name says of its format."""


@dataclass(frozen=True)
class FileInfo:
    """A file as listed: size in bytes; mtime_ns is None where the file system does not tell."""

    uri: str
    size: int
    mtime_ns: int | None


def named_format(uri: str) -> str | None:
    """Format that the end of a name promises, None if it promises nothing.

    >>> named_format("s3://bucket/part-0.JSONL.zst"), named_format("notes.txt")
    ('jsonl', None)
    """
    name = uri.lower()
    return next((EXTENSIONS[end] for end in EXTENSIONS if name.endswith(end)), None)


def expand(patterns: Sequence[str]) -> list[FileInfo]:
    """Files named by paths, folders and globs, in the order of `patterns`, sorted by URI within each.

    A folder stands for every file below it with a known extension, but nothing whose name begins with `_` or `.`.
    A glob (`*`, `?`, `[...]`, and `**` for any number of folders) may match any file; names that begin with `.` only
    if the glob names one. A file matched twice keeps its first place. Local URIs come back as absolute paths.
    Raises InputError for a path that is missing, a folder or glob without files, and a file that cannot be looked at.
    """
    if isinstance(patterns, str):
        raise TypeError(f"patterns must be a list of paths, got the string {patterns!r}")
    if not patterns:
        raise InputError("no input was given; name files, folders or patterns such as data/*.parquet")
    found: dict[str, FileInfo] = {}
    for pattern in patterns:
        for info in _expand_one(pattern):
            found.setdefault(info.uri, info)
    return list(found.values())


def _expand_one(pattern: str) -> list[FileInfo]:
    uri = _normal_uri(pattern)
    kind = _kind(uri)
    if kind == fs.FileType.File:  # first, so that a file really named a[1].jsonl can be given
        return [file_info(uri)]
    if kind == fs.FileType.Directory:
        return _files_of_folder(uri)
    if re.search(r"[*?[]", uri):
        return _files_of_glob(uri)
    raise InputError(f"{pattern}: there is no such file or folder")


def _files_of_folder(uri: str) -> list[FileInfo]:
    names = _names_below(uri, recursive=True)
    wanted = [name for name in names if named_format(name) and not re.search(r"(^|/)[_.]", name)]
    if not wanted:
        raise InputError(f"{uri} holds no file to read: {_holdings(names)}; known extensions: {' '.join(EXTENSIONS)}")
    return _sorted_infos(names[name] for name in wanted)


def _files_of_glob(uri: str) -> list[FileInfo]:
    literal = re.split(r"[*?[]", uri, maxsplit=1)[0]
    folder, rest = uri[: literal.rindex("/") + 1], uri[literal.rindex("/") + 1 :]
    folder = folder if folder.endswith("//") else folder.rstrip("/") or "/"
    try:
        matches = re.compile(glob_translate(rest)).match
    except ValueError as error:
        raise InputError(f"{uri}: ** must stand alone between slashes, as in data/**/*.jsonl") from error
    if _kind(folder) != fs.FileType.Directory:
        raise InputError(f"no file matches {uri}: the folder {folder} does not exist")
    names = _names_below(folder, recursive="/" in rest or "**" in rest)
    hidden = re.compile(r"(^|/)\.")
    wanted = [name for name in names if matches(name) and (hidden.search(rest) or not hidden.search(name))]
    if not wanted:
        raise InputError(f"no file matches {uri}: {folder} holds {_holdings(names)}")
    return _sorted_infos(names[name] for name in wanted)


def _holdings(names: dict[str, Callable[[], FileInfo]]) -> str:
    """Counts of extensions, most frequent first: what a user sees instead of a listing."""
    counts = collections.Counter(posixpath.splitext(name)[1] or "without extension" for name in names)
    return ", ".join(f"{n} {end}" for end, n in counts.most_common(8)) or "no files"


def _sorted_infos(looks: Iterable[Callable[[], FileInfo]]) -> list[FileInfo]:
    infos = sorted((look() for look in looks), key=lambda info: info.uri)
    for info in infos:
        if info.uri.encode(errors="replace").decode() != info.uri:
            raise InputError(f"{info.uri!r}: the name is not valid UTF-8; rename the file")
    return infos


def _names_below(folder: str, *, recursive: bool) -> dict[str, Callable[[], FileInfo]]:
    """Names of files relative to `folder`, each with a function that looks the file up."""
    local = local_path(folder)
    if local is not None:
        return {os.path.relpath(path, local): partial(file_info, path) for path in _walk_local(local, recursive)}
    filesystem, root = open_filesystem(folder)
    with reading(folder):
        listed = filesystem.get_file_info(fs.FileSelector(root, recursive=recursive))
    below = [(info.path.removeprefix(root).lstrip("/"), info) for info in listed if info.type == fs.FileType.File]
    return {name: partial(_from_arrow, join(folder, name), info) for name, info in below}


def files_below(folder: str) -> list[str]:
    """Names of all files in a folder and below, relative to it, sorted; none if there is no such folder."""
    if _kind(folder) != fs.FileType.Directory:
        return []
    return sorted(name.replace(os.sep, "/") for name in _names_below(_normal_uri(folder), recursive=True))


def _walk_local(folder: str, recursive: bool) -> Iterator[str]:
    """Files below a local folder; links to folders are followed, but no folder is entered twice."""

    def refuse(error: OSError) -> None:
        raise InputError(f"cannot look into {error.filename}: {reason(error)}") from error

    entered: set[str] = set()
    for parent, folders, names in os.walk(folder, followlinks=True, onerror=refuse):
        if os.path.realpath(parent) in entered:
            folders.clear()
            continue
        entered.add(os.path.realpath(parent))
        folders[:] = sorted(folders) if recursive else []
        for name in names:
            yield os.path.join(parent, name)  # noqa: PTH118 - pathlib is slow on large trees


def file_info(uri: str) -> FileInfo:
    """Size and time of one file. Raises InputError if it is not there."""
    uri = _normal_uri(uri)
    local = local_path(uri)
    if local is not None:
        try:
            status = os.stat(local)  # noqa: PTH116
        except FileNotFoundError as error:
            what = "it is a link that leads nowhere" if os.path.islink(local) else "there is no such file"  # noqa: PTH114
            raise InputError(f"cannot read {uri}: {what}") from error
        except (OSError, ValueError) as error:
            raise InputError(f"cannot read {uri}: {error}") from error
        return FileInfo(uri, status.st_size, status.st_mtime_ns)
    filesystem, path = open_filesystem(uri)
    with reading(uri):
        return _from_arrow(uri, filesystem.get_file_info(path))


def _from_arrow(uri: str, info: fs.FileInfo) -> FileInfo:
    if info.type != fs.FileType.File:
        raise InputError(f"cannot read {uri}: there is no such file")
    if info.size is None:
        raise InputError(f"cannot read {uri}: its server does not tell how large it is; copy it to a folder first")
    return FileInfo(uri, info.size, info.mtime_ns)


def _kind(uri: str) -> fs.FileType:
    filesystem, path = open_filesystem(uri)
    with reading(uri):
        return filesystem.get_file_info(path).type


def _normal_uri(uri: str) -> str:
    """One spelling per file: local paths absolute, no slash at the end."""
    local = local_path(uri)
    if local is not None:
        return local
    return uri if uri.endswith("://") else uri.rstrip("/")


def join(uri: str, *parts: str) -> str:
    """A path or URI with parts added below it.

    >>> join("s3://bucket/out/", "rejects", "0.parquet"), join("/", "a"), join("memory://", "a")
    ('s3://bucket/out/rejects/0.parquet', '/a', 'memory://a')
    """
    base = uri if uri.endswith("://") else uri.rstrip("/") + "/"
    return base + "/".join(part.strip("/") for part in parts)


def exists(uri: str) -> bool:
    """Whether there is a file or folder of that name."""
    return bool(_kind(uri) != fs.FileType.NotFound)


def first_inside(uris: Iterable[str], folders: Sequence[str]) -> str | None:
    """The first file that lies in one of the folders or below, whatever links, `..` and spellings lead there.

    >>> first_inside(["s3://b/raw/a", "S3://b/out//x/a"], ["s3://b/ou", "s3://b/out/"])
    'S3://b/out//x/a'
    """
    place = functools.cache(_place)
    held = {place(folder) for folder in folders} - {None}
    for uri in uris:
        local = local_path(uri)
        names = [_plain_uri(uri)] if local is None else [local, os.path.realpath(local)]
        if any(place(parent) in held for name in names for parent in _parents(name)):
            return uri
    return None


def _parents(name: str) -> Iterator[str]:
    while (parent := posixpath.dirname(name)) != name and (parent.startswith("/") or "://" in parent):
        yield parent
        name = parent


def _place(folder: str) -> object:
    """What all names of one folder have in common: the inode of a local one, None if there is no such folder."""
    local = local_path(folder)
    if local is None:
        return _plain_uri(folder)
    try:
        status = os.stat(local)  # noqa: PTH116
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


def _plain_uri(uri: str) -> str:
    scheme = scheme_of(uri)
    return f"{'gs' if scheme == 'gcs' else scheme}://{posixpath.normpath(uri.partition('://')[2])}"


def read_bytes(uri: str) -> bytes:
    """The whole of a small file. Raises InputError."""
    filesystem, path = open_filesystem(uri)
    with reading(uri), filesystem.open_input_file(path) as file:
        return bytes(file.read())


def write_bytes_atomic(uri: str, data: bytes) -> None:
    """Write a small file that appears complete or not at all. Raises OutputError."""
    with atomic_writer(uri) as file:
        file.write(data)


def remove_tree(uri: str) -> None:
    """Remove a folder and all below it; it may be missing. Raises OutputError, also for a file or a whole bucket."""
    filesystem, path = open_filesystem(uri)
    inside = path.strip("/")
    if not inside or (is_object_store(filesystem) and "/" not in inside):
        raise OutputError(f"refusing to remove all of {uri}; name a folder in it")
    with writing(uri):
        kind = filesystem.get_file_info(path).type
        if kind == fs.FileType.Directory:
            # On GCS a folder is no more than the names of its files: when they are gone there is nothing to delete.
            with contextlib.suppress(FileNotFoundError):
                filesystem.delete_dir(path)
    if kind == fs.FileType.File:
        raise OutputError(f"{uri} is a file, not a folder; remove it yourself if it may go")


def remove_others(uri: str, names: Sequence[str]) -> None:
    """Remove the folders in a folder, but those named; it may be missing. Raises OutputError."""
    filesystem, path = open_filesystem(uri)
    with writing(uri):
        listed = filesystem.get_file_info(fs.FileSelector(path, allow_not_found=True))
    for info in listed:
        if info.type == fs.FileType.Directory and info.base_name not in names:
            remove_tree(join(uri, info.base_name))


def remove_file(uri: str) -> None:
    """Remove a file; it may be missing. Raises OutputError."""
    filesystem, path = open_filesystem(uri)
    with writing(uri):
        if filesystem.get_file_info(path).type == fs.FileType.File:
            filesystem.delete_file(path)
