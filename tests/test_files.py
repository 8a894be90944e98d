"""Tests of files: what a pattern names, what a refusal says, and that no failure leaves a half-written file."""

import contextlib
import errno
import gc
import gzip
import hashlib
import io
import os
import uuid

import fsspec
import pyarrow as pa
import pyarrow.fs
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.errors import InputError, OutputError
from transforms import atomic, files, filesystems
from transforms.files import (
    EXTENSIONS,
    FileInfo,
    atomic_writer,
    exists,
    expand,
    file_info,
    join,
    named_format,
    open_filesystem,
    read_bytes,
    remove_tree,
    write_bytes_atomic,
)


@pytest.fixture(params=["local", "memory"])
def root(request, tmp_path):
    """A folder to work in, on a local file system and on one behind fsspec."""
    if request.param == "local":
        yield str(tmp_path)
        return
    uri = f"memory://{uuid.uuid4().hex}"
    yield uri
    with contextlib.suppress(FileNotFoundError):
        fsspec.filesystem("memory").rm(uri.removeprefix("memory:/"), recursive=True)


def put(root: str, *names: str) -> None:
    for name in names:
        write_bytes_atomic(join(root, name), name.encode())


def names_of(infos: list[FileInfo], root: str) -> list[str]:
    return [info.uri.removeprefix(root).lstrip("/") for info in infos]


def refusal(*patterns: str) -> str:
    with pytest.raises(InputError) as caught:
        expand(patterns)
    assert "\n" not in str(caught.value)
    return str(caught.value)


TREE = ["b.jsonl", "a.parquet", "sub/c.json.gz", "sub/deep/d.arrow", "notes.md", "_SUCCESS", "_tmp/x.jsonl", ".h.jsonl"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("", ["a.parquet", "b.jsonl", "sub/c.json.gz", "sub/deep/d.arrow"]),
        ("sub/", ["sub/c.json.gz", "sub/deep/d.arrow"]),
        ("b.jsonl", ["b.jsonl"]),
        ("notes.md", ["notes.md"]),
        ("*.jsonl", ["b.jsonl"]),
        ("*", ["_SUCCESS", "a.parquet", "b.jsonl", "notes.md"]),
        (".*", [".h.jsonl"]),
        ("[ab].*", ["a.parquet", "b.jsonl"]),
        ("[!a].jsonl", ["b.jsonl"]),
        ("?.parquet", ["a.parquet"]),
        ("**/*.gz", ["sub/c.json.gz"]),
        ("**/*.jsonl", ["_tmp/x.jsonl", "b.jsonl"]),
        ("*/*.gz", ["sub/c.json.gz"]),
        ("s*/**", ["sub/c.json.gz", "sub/deep/d.arrow"]),
        ("sub/**/d.arrow", ["sub/deep/d.arrow"]),
        ("**/deep/*", ["sub/deep/d.arrow"]),
    ],
)
def test_what_a_pattern_names(root, pattern, expected):
    put(root, *TREE)
    found = expand([join(root, pattern) if pattern else root])
    assert names_of(found, root) == expected
    assert [info.size for info in found] == [len(name) for name in expected]


def test_order_is_as_given_and_a_file_keeps_its_first_place(root):
    put(root, *TREE)
    found = expand([join(root, "sub"), join(root, "*.jsonl"), root])
    assert names_of(found, root) == ["sub/c.json.gz", "sub/deep/d.arrow", "b.jsonl", "a.parquet"]


def test_local_files_have_one_spelling(tmp_path, monkeypatch):
    put(str(tmp_path), "a.jsonl", "with space.jsonl")
    monkeypatch.chdir(tmp_path)
    found = expand(["a.jsonl", "./a.jsonl", "../" + tmp_path.name, f"file://{tmp_path}/a.jsonl", "*.jsonl"])
    assert [info.uri for info in found] == [str(tmp_path / "a.jsonl"), str(tmp_path / "with space.jsonl")]
    assert found[0].mtime_ns == (tmp_path / "a.jsonl").stat().st_mtime_ns
    assert expand([f"file://localhost{tmp_path}/with%20space.jsonl"]) == found[1:]


def test_a_file_named_like_a_pattern_is_a_file(tmp_path):
    put(str(tmp_path), "a[1].jsonl", "a1.jsonl")
    assert names_of(expand([str(tmp_path / "a[1].jsonl")]), str(tmp_path)) == ["a[1].jsonl"]


def test_links_are_followed_but_not_around_in_circles(tmp_path):
    put(str(tmp_path), "real/a.jsonl")
    (tmp_path / "real/again").symlink_to(tmp_path / "real")
    (tmp_path / "linked.jsonl").symlink_to(tmp_path / "real/a.jsonl")
    assert names_of(expand([str(tmp_path)]), str(tmp_path)) == ["linked.jsonl", "real/a.jsonl"]
    (tmp_path / "broken.jsonl").symlink_to(tmp_path / "nothing")
    assert "broken.jsonl: it is a link that leads nowhere" in refusal(str(tmp_path))


def test_refusals_say_what_is_there(root):
    put(root, "a.parquet", "b.parquet", "c.md", "empty/readme.txt")
    assert refusal(join(root, "nope.jsonl")).endswith("nope.jsonl: there is no such file or folder")
    assert refusal(join(root, "*.jsonl")).endswith("holds 2 .parquet, 1 .md")
    assert refusal(join(root, "**/*.jsonl")).endswith("holds 2 .parquet, 1 .md, 1 .txt")
    assert refusal(join(root, "nope/*.jsonl")).endswith("nope does not exist")
    assert "1 .txt; known extensions: .parquet" in refusal(join(root, "empty"))
    assert "** must stand alone" in refusal(join(root, "**.jsonl"))


def test_refusals_of_nonsense(tmp_path):
    assert "no input was given" in refusal()
    assert "an empty path" in refusal("")
    assert "holds no file to read: no files" in refusal(str(tmp_path))
    assert "needs an absolute path" in refusal("file://host/data")
    with pytest.raises(TypeError, match="list of paths"):
        expand("data")
    (tmp_path / os.fsdecode(b"bad-\xff.jsonl")).write_bytes(b"{}")
    assert "not valid UTF-8" in refusal(str(tmp_path))


def test_schemes(monkeypatch):
    assert isinstance(open_filesystem("data")[0], pyarrow.fs.LocalFileSystem)
    assert isinstance(open_filesystem("gs://bucket/a/b")[0].handler.inner, pyarrow.fs.GcsFileSystem)
    assert open_filesystem("gcs://bucket/a b/*.x")[1] == "bucket/a b/*.x"
    assert open_filesystem("memory://a/b")[1] == "/a/b"
    with pytest.raises(InputError, match="unknown scheme nope://"):
        open_filesystem("nope://a/b")
    with pytest.raises(InputError, match="names no bucket"):
        open_filesystem("s3://")

    def missing(uri):
        raise ImportError("Install adlfs to access Azure")

    monkeypatch.setattr(fsspec.core, "url_to_fs", missing)
    with pytest.raises(InputError, match=r"abfs:// needs a package that is not installed: Install adlfs"):
        open_filesystem("abfs://a/b")


def test_names_tell_formats():
    assert {named_format("x" + end.upper()) for end in EXTENSIONS} == {"parquet", "jsonl", "arrow"}
    assert named_format("x.jsonl.bz2") is None


def test_atomic_writer_counts_hashes_and_takes_its_name_last(root):
    uri = join(root, "new/folder/data.bin")
    with atomic_writer(uri) as file:
        file.write(b"abc")
        file.write(memoryview(b"def"))
        file.write(pa.py_buffer(b"ghi"))
        assert not exists(uri)
        assert file.tell() == 9
    assert read_bytes(uri) == b"abcdefghi"
    assert (file.bytes, file.sha256) == (9, hashlib.sha256(b"abcdefghi").hexdigest())
    assert names_below(join(root, "new")) == ["data.bin"]
    with pytest.raises(ValueError, match="after it was closed"):
        file.write(b"x")


def names_below(uri: str) -> list[str]:
    filesystem, path = open_filesystem(uri)
    listed = filesystem.get_file_info(pyarrow.fs.FileSelector(path, recursive=True, allow_not_found=True))
    return sorted(info.base_name for info in listed if info.type == pyarrow.fs.FileType.File)


def test_atomic_writer_serves_pyarrows_writers(root):
    table = pa.table({"text": ["a", None, "🎉"] * 1000})
    with atomic_writer(join(root, "a.parquet")) as file, pq.ParquetWriter(file, table.schema) as writer:
        writer.write_table(table)
    with atomic_writer(join(root, "a.arrow")) as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    with atomic_writer(join(root, "a.txt.gz")) as file, pa.CompressedOutputStream(file, "gzip") as stream:
        stream.write(b"text")
    with atomic_writer(join(root, "b.txt.gz")) as file, gzip.open(file, "wb") as stream:
        stream.write(b"text")
    assert pq.read_table(pa.BufferReader(read_bytes(join(root, "a.parquet")))).equals(table)
    assert pa.ipc.open_file(read_bytes(join(root, "a.arrow"))).read_all().equals(table)
    assert gzip.decompress(read_bytes(join(root, "a.txt.gz"))) == b"text"  # compressed once, whatever the name
    assert gzip.decompress(read_bytes(join(root, "b.txt.gz"))) == b"text"
    assert file.sha256 == hashlib.sha256(read_bytes(join(root, "b.txt.gz"))).hexdigest()


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, OSError])
@pytest.mark.parametrize("older", [False, True])
def test_a_failure_leaves_what_was_there(root, error, older):
    uri = join(root, "data.bin")
    if older:
        write_bytes_atomic(uri, b"older")
    with pytest.raises(error, match="mine"), atomic_writer(uri) as file:
        file.write(b"half")
        raise error("mine")
    assert names_below(root) == (["data.bin"] if older else [])
    assert not older or read_bytes(uri) == b"older"


def test_a_writer_that_an_error_left_open_is_silent_and_writes_nothing(root):
    def leave_open(file):
        writer = pq.ParquetWriter(file, pa.schema([("a", pa.int64())]))
        writer.write_table(pa.table({"a": [1]}))
        return writer

    with pytest.raises(RuntimeError), atomic_writer(join(root, "a.parquet")) as file:
        writer = leave_open(file)
        raise RuntimeError
    del writer  # closes itself; a complaint would be "Exception ignored in", which pytest makes an error
    gc.collect()
    assert names_below(root) == []


def test_writing_twice_replaces(root):
    uri = join(root, "data.bin")
    write_bytes_atomic(uri, b"one")
    write_bytes_atomic(uri, b"two")
    assert read_bytes(uri) == b"two"


def test_two_attempts_at_once_do_not_meet(root):
    uri = join(root, "data.bin")
    with atomic_writer(uri) as first:
        first.write(b"same")
        with atomic_writer(uri) as second:
            second.write(b"same")
        first.write(b"")
    assert (read_bytes(uri), names_below(root)) == (b"same", ["data.bin"])


def test_a_rename_that_refuses_to_replace(monkeypatch, root):
    def refuse_to_replace(self, source, target, **options):
        if self.exists(target):
            raise FileExistsError(target)
        self.copy(source, target)
        self.rm(source)

    monkeypatch.setattr(type(fsspec.filesystem("memory")), "mv", refuse_to_replace)
    test_writing_twice_replaces(root)


def test_object_stores_are_written_in_place_and_cleaned_up(tmp_path, monkeypatch):
    monkeypatch.setattr(atomic, "is_object_store", lambda filesystem: True)
    uri = str(tmp_path / "data.bin")
    with atomic_writer(uri) as file:
        file.write(b"all")
        assert names_below(str(tmp_path)) == ["data.bin"]
    assert read_bytes(uri) == b"all"
    (tmp_path / "data.bin").unlink()
    with pytest.raises(RuntimeError), atomic_writer(uri) as file:
        file.write(b"half")
        raise RuntimeError
    assert names_below(str(tmp_path)) == []


class FullDisk(io.BytesIO):
    """Takes 10 bytes, then has no space, as a disk does in the middle of a file."""

    def write(self, data):
        if self.tell() + len(data) > 10:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)


def test_a_full_disk_is_an_output_error(tmp_path, monkeypatch):
    monkeypatch.setattr(atomic, "_open_raw", lambda filesystem, path: FullDisk())
    uri = str(tmp_path / "a.parquet")
    with pytest.raises(OutputError, match="no space left on the device; free some space") as caught:
        write_bytes_atomic(uri, b"0123456789+")
    assert uri in str(caught.value)
    assert caught.value.__cause__.errno == errno.ENOSPC
    schema = pa.schema([("a", pa.string())])
    full = pytest.raises(OutputError, match="no space left")
    with full, atomic_writer(uri) as file, pq.ParquetWriter(file, schema) as writer:
        writer.write_table(pa.table({"a": ["x" * 1000] * 1000}, schema=schema))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full, which Linux has")
def test_a_disk_found_full_at_the_end_is_an_output_error(tmp_path, monkeypatch):
    monkeypatch.setattr(atomic, "_open_raw", lambda filesystem, path: open("/dev/full", "wb"))  # noqa: SIM115
    with pytest.raises(OutputError, match="no space left on the device"):
        write_bytes_atomic(str(tmp_path / "a"), b"buffered until the file is closed")
    assert list(tmp_path.iterdir()) == []


def test_places_that_cannot_be_written(tmp_path, monkeypatch):
    put(str(tmp_path), "file")
    with pytest.raises(OutputError, match=r"file/below: a (part of the path is|file is where)"):
        write_bytes_atomic(str(tmp_path / "file/below"), b"x")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match="a folder is where a file should be"):
        write_bytes_atomic(str(tmp_path / "folder"), b"x")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder"]


def test_a_folder_without_permission(tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir()
    locked.chmod(0o500)
    if os.access(locked, os.W_OK):
        pytest.skip("this user may write everywhere")
    with pytest.raises(OutputError, match="permission denied; choose a folder you may write to"):
        write_bytes_atomic(str(locked / "a"), b"x")


def test_reasons_in_plain_words():
    assert filesystems.reason(PermissionError(errno.EACCES, "x")) == "permission denied"
    assert filesystems.reason(OSError("When reading: AWS Error ACCESS_DENIED.\nmore")) == (
        "When reading: AWS Error ACCESS_DENIED"
    )
    assert filesystems.reason(OSError()) == "OSError"


def test_reading_what_is_not_there(root):
    with pytest.raises(InputError, match="nope"):
        read_bytes(join(root, "nope"))
    with pytest.raises(InputError, match="there is no such file"):
        file_info(join(root, "nope"))
    assert not exists(join(root, "nope"))


def test_file_info_is_what_expand_lists(root):
    put(root, "a.jsonl")
    assert expand([root]) == [file_info(join(root, "a.jsonl"))]


def test_remove_tree(root):
    put(root, "gone/a/b", "gone/c", "stays")
    remove_tree(join(root, "gone"))
    remove_tree(join(root, "gone"))
    assert not exists(join(root, "gone"))
    with pytest.raises(OutputError, match="is a file, not a folder"):
        remove_tree(join(root, "stays"))
    assert exists(join(root, "stays"))


@pytest.mark.parametrize("uri", ["/", "file:///", "memory://", "gs://bucket", "gs://bucket/"])
def test_remove_tree_refuses_the_whole_of_anything(uri, monkeypatch):
    monkeypatch.setattr(files, "writing", None)  # nothing may be reached
    with pytest.raises(OutputError, match="refusing to remove all"):
        remove_tree(uri)


@given(data=st.lists(st.binary(max_size=100), max_size=10))
def test_any_bytes_come_back(data):
    uri = f"memory://{uuid.uuid4().hex}/x"
    with atomic_writer(uri) as file:
        file.writelines(data)
    assert read_bytes(uri) == b"".join(data)
    assert (file.bytes, file.sha256) == (len(b"".join(data)), hashlib.sha256(b"".join(data)).hexdigest())
    remove_tree(uri.removesuffix("/x"))
