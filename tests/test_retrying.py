"""A file system that asks an object store again: reads that a store refuses, answers that pass."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import fs

from transforms.retrying import Retrying, _Source, persistently


class Store:
    """An opened file of ten bytes, as GCS gives it: a range that begins at the end is an error."""

    def size(self) -> int:
        return 10

    def read_at(self, size: int, at: int) -> bytes:
        if at >= 10:
            raise pa.ArrowInvalid("the range cannot be satisfied")
        return b"0123456789"[at : at + size]


@pytest.mark.parametrize(
    ("at", "size", "expected"), [(0, -1, b"0123456789"), (8, 5, b"89"), (10, 1, b""), (12, -1, b"")]
)
def test_a_read_at_the_end_asks_for_nothing(at: int, size: int, expected: bytes) -> None:
    source = _Source(Store())  # type: ignore[arg-type]
    source.seek(at)
    assert source.read(size) == expected


def test_only_what_passes_is_asked_again() -> None:
    asked = 0

    def ask() -> None:
        nonlocal asked
        asked += 1
        raise OSError("AWS Error ACCESS_DENIED" if asked > 2 else "AWS Error SLOW_DOWN")

    with pytest.raises(OSError, match="ACCESS_DENIED"):
        persistently(ask, pauses=(0.0,) * 5)
    assert asked == 3


def test_files_are_what_they_are_without_it(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one\ntwo\n")
    store = fs.PyFileSystem(Retrying(fs.LocalFileSystem()))
    with store.open_input_file(str(tmp_path / "a")) as file:
        assert file.read_at(3, 4) == b"two"
        file.seek(0)
        assert file.read() == b"one\ntwo\n"
        assert file.read(1) == b""
    with store.open_output_stream(str(tmp_path / "b")) as file:
        file.write(b"three")
    assert (tmp_path / "b").read_bytes() == b"three"
    assert [info.base_name for info in store.get_file_info(fs.FileSelector(str(tmp_path)))].count("b") == 1
