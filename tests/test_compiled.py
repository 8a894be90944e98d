"""Tests of how kernels are compiled and kept: found again, never stale, written by one process at a time."""

import fcntl
import threading

import numba
import numpy as np
import pytest

from filters.kernels import compiled


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "cache"))
    compiled.cache_folder.cache_clear()
    yield tmp_path / "cache"
    compiled.cache_folder.cache_clear()


def plus(a, b):
    return a + b


def test_what_was_compiled_is_found_again(folder):
    first = compiled.kernel(plus)
    assert first(1, 2) == 3
    again = compiled.kernel(plus)
    assert again(3, 4) == 7
    assert sum(first.stats.cache_misses.values()) == sum(again.stats.cache_hits.values()) == 1
    assert not again.stats.cache_misses
    assert list(folder.rglob("*.nbc"))
    assert str(folder) == numba.config.CACHE_DIR  # as it was before


def test_without_a_folder_kernels_work_all_the_same(folder, monkeypatch):
    folder.write_text("a file stands in the way")
    assert compiled.cache_folder() is None
    assert compiled.kernel(plus)(1, 2) == 3


def test_the_folder_of_another_user_is_left_alone(folder, monkeypatch):
    monkeypatch.setattr(compiled.os, "getuid", lambda: -1)
    assert compiled.cache_folder() is None


def test_the_folder_is_named_after_all_sources(tmp_path, monkeypatch):
    names = set()
    monkeypatch.setattr(compiled, "_SOURCES", tmp_path)
    for name, content in (("a.py", "1"), ("a.py", "2"), ("b.py", ""), ("b.txt", "x")):
        (tmp_path / name).write_text(content)
        names.add(compiled.content_digest())
    assert len(names) == 3  # a text is read when a kernel runs, not when it is compiled


def test_a_number_written_at_the_call_compiles_nothing_anew(folder):
    @compiled.helper
    def added(a, b):
        return a + b

    @compiled.kernel
    def several(a):
        return added(a, 1) + added(a, 2) + added(0, a)

    assert several(np.int64(5)) == 18
    assert len(added.signatures) == 1


def test_one_at_a_time_saves(folder):
    first = compiled.kernel(plus)
    with (compiled.cache_folder() / "lock").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        worker = threading.Thread(target=first, args=(1.0, 2.0))
        worker.start()
        worker.join(0.5)
        assert not list(folder.rglob("*.nbc"))
    worker.join()
    assert list(folder.rglob("*.nbc"))
