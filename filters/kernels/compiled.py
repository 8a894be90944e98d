"""Compiles the kernels when they are first called, and keeps the result on disk for the processes after this one.

Numba's own cache is trusted with two things less than it promises. It looks for changes only in the file of the
function itself, while our kernels are made of functions of several files: so our folder is named after the content of
all of them. And two processes that save at once can put one signature's code under another's name: so they take turns.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import platform
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

import numba
from numba import njit

_SOURCES = Path(__file__).parent


def kernel(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Decorates a function that is called from Python: compiled on the first call, or loaded, without the GIL.

    Nothing is kept where the folder cannot be written to: then every process compiles what it calls, as without.
    """
    if function is None:
        return lambda later: kernel(later, **options)
    if numba.config.DISABLE_JIT:  # NUMBA_DISABLE_JIT=1: kernels run as the Python that they are, to look for defects
        return function
    folder = cache_folder()
    if folder is None:
        return _plain(njit(nogil=True, no_cfunc_wrapper=True, **options)(function))
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(folder)  # Numba reads it while it decorates
    try:
        compiled = njit(nogil=True, cache=True, no_cfunc_wrapper=True, **options)(function)
    except RuntimeError:  # no place for it, says Numba
        return _plain(njit(nogil=True, no_cfunc_wrapper=True, **options)(function))
    finally:
        numba.config.CACHE_DIR = before
    _take_turns(compiled, folder)
    return _plain(compiled)


def helper(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Decorates a function that kernels call: it becomes a part of theirs, so it is not kept by itself."""
    if function is None:
        return lambda later: helper(later, **options)
    if numba.config.DISABLE_JIT:
        return function
    return _plain(njit(nogil=True, no_cfunc_wrapper=True, **options)(function))


def _plain(compiled: Any) -> Any:
    """Let kernels call it with types alone: Numba compiles anew for every number that is written where it is called."""
    look_up = compiled.get_call_template
    compiled.get_call_template = lambda args, kws: look_up(tuple(map(numba.types.unliteral, args)), kws)
    return compiled


@cache
def cache_folder() -> Path | None:
    """Where this version of the kernels is kept: below NUMBA_CACHE_DIR, or the user's folder for caches.

    None if it cannot be made, is another user's (what lies there is run), or two processes cannot take turns.
    """
    if importlib.util.find_spec("fcntl") is None:
        return None
    root = Path(numba.config.CACHE_DIR or os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = root / "beamsift" / f"kernels-{content_digest()}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return None
    return folder if folder.stat().st_uid == os.getuid() else None


def content_digest() -> str:
    """A name for all the code that a compiled kernel depends on: our sources, Python, NumPy, Numba and LLVM."""
    digest = hashlib.sha256()
    for name in ("numba", "numpy", "llvmlite"):
        digest.update(f"{name} {version(name)}\n".encode())
    digest.update(platform.python_version().encode())
    for path in sorted(_SOURCES.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _take_turns(compiled: Any, folder: Path) -> None:
    """Let one process at a time save; one that finds no file to lock saves nothing."""
    save = compiled._cache.save_overload

    def save_alone(signature: Any, data: Any) -> None:
        with contextlib.suppress(OSError), _locked(folder / "lock"):
            save(signature, data)

    compiled._cache.save_overload = save_alone


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[IO[bytes]]:
    import fcntl

    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file  # closing unlocks
