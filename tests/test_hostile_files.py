"""Tests of hostile files: damaged, cut short, changed, or of another kind, they are named, and nothing is lost."""

import contextlib
import gzip
import json
import math
import os
import random
import uuid

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.errors import InputError
from tests.format_files import (
    FORMS,
    SCHEMA,
    as_arrow,
    as_parquet,
    lines_of,
    put,
    read_all,
    refusal,
    zstd,
)
from transforms.files import expand, remove_tree, write_bytes_atomic
from transforms.formats import inspect_corpus, read_units
from transforms.json_shapes import MAX_DEPTH

# Hostile JSON lines


GOOD = b'{"text": "SECRET", "id": 1, "meta": {"tags": ["SECRET"]}}\n'


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b'{"text": "SECRET"', "malformed JSON: Expecting ',' delimiter (character 18)"),
        (b'{"text": "SECRET', "malformed JSON: Unterminated string starting at (character 10)"),
        (b'{"text": "SECRET\\x"}', "malformed JSON: Invalid \\escape (character 17)"),
        (b'{"text": "SECRET\tx"}', "malformed JSON: Invalid control character at (character 17)"),
        (b'{"text": "SECRET\0"}', "malformed JSON: Invalid control character at (character 17)"),
        (b'{"text": "SECRET"} {"text": "SECRET"}', "malformed JSON: Extra data (character 20)"),
        (b'{"text":', "malformed JSON: Expecting value (character 9)"),
        (b"\0", "malformed JSON: Expecting value (character 1)"),
        (b'{"text": "SECRET \xff"}', "invalid UTF-8 (byte 18 of the line)"),
        (b'{"text": "SECRET \\ud800"}', "an escaped character that cannot be represented"),
        (b'{"text": "SECRET", "meta": {"n": 1, "n": 1}}', "key 'n' is given twice"),
        (b"null", "expected an object in braces, found JSON of kind null"),
        (b'["SECRET"]', "expected an object in braces, found JSON of kind array"),
        (b'"SECRET"', "found JSON of kind string"),
        (b'{"text": 7}', "column 'text' is of kind integer"),
        (b'{"text": {"a": "SECRET"}}', "column 'text' is of kind object"),
        (b'{"text": "SECRET", "id": true}', "column 'id' is of kind boolean"),
        (b'{"text": "SECRET", "id": "SECRET"}', "column 'id' is of kind string"),
        (b'{"meta": {"tags": [1]}}', "column 'meta.tags[]' is of kind integer"),
        (b'{"meta": {"tags": "SECRET"}}', "column 'meta.tags' is of kind string"),
    ],
)
def test_a_bad_line_is_named_in_the_sample_and_after_it(tmp_path, line, expected):
    data = GOOD * 3 + b"\n" + line + b"\n" + GOOD * 3
    put(tmp_path / "a.jsonl", data)
    in_sample, after = refusal(str(tmp_path)), refusal(str(tmp_path), schema_sample_bytes=1)
    for message in (in_sample, after):
        assert f"{tmp_path}/a.jsonl, line 5: " in message
        assert expected in message
    put(tmp_path / "a.jsonl", gzip.compress(b"\xef\xbb\xbf\r\n" + line + b"\r\n"))
    if not line.startswith(b"{"):  # alone it can only be malformed, not another kind than before
        assert "line 2: " in refusal(str(tmp_path), format="jsonl")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b'{"text": "SECRET", "new": 1}', "key 'new' was not seen before"),
        (b'{"text": "SECRET", "meta": {"new": {"deep": 1}}}', "key 'meta.new' was not seen before"),
        (b'{"text": "SECRET", "id": 1.5}', "column 'id' is of kind float, expected int64"),
        (b'{"text": "SECRET", "id": 9223372036854775808}', "column 'id' is an integer too large for int64"),
    ],
)
def test_what_the_sample_did_not_show_is_never_dropped(tmp_path, line, expected):
    put(tmp_path / "a.jsonl", GOOD + line + b"\n")
    message = refusal(str(tmp_path), schema_sample_bytes=1)
    assert "a.jsonl, line 2: " + expected in message
    assert "raise schema_sample_bytes" in message
    assert len(read_all(str(tmp_path))[0]) == 2


def test_a_key_that_another_file_has_is_no_surprise(tmp_path):
    put(tmp_path / "a.jsonl", GOOD + b'{"text": "b", "new": 2}\n')
    put(tmp_path / "b.jsonl", b'{"text": "c", "new": 3}\n')
    found, _ = read_all(str(tmp_path), schema_sample_bytes=1)
    assert [row["new"] for row in found] == [None, 2, 3]


def test_a_json_array_is_named_as_such(tmp_path):
    put(tmp_path / "a.json", json.dumps([{"text": "SECRET"}], indent=1))
    assert "a.json, line 1: a JSON array, expected one object per line; convert it with jq" in refusal(str(tmp_path))


def test_objects_over_several_lines_are_refused_wherever_blocks_end(tmp_path):
    put(tmp_path / "a.jsonl", GOOD * 5 + b'{"text":\n"SECRET"}\n')
    assert "line 6: malformed JSON" in refusal(str(tmp_path), schema_sample_bytes=1)


def test_nesting_has_an_end(tmp_path):
    def nested(depth):
        return b'{"text": "a", "n": ' + b"[" * depth + b"]" * depth + b"}\n"

    put(tmp_path / "a.jsonl", nested(MAX_DEPTH - 1))
    assert read_all(str(tmp_path))[0][0]["text"] == "a"
    for depth in (MAX_DEPTH + 1, 100_000):
        put(tmp_path / "a.jsonl", nested(depth))
        assert f"line 1: nested deeper than {MAX_DEPTH} levels" in refusal(str(tmp_path))
        put(tmp_path / "a.jsonl", b'{"text": "a", "n": 1}\n' + nested(depth))
        assert "line 2: " in refusal(str(tmp_path), schema_sample_bytes=1)


def test_integers_of_more_than_64_bits_are_refused(tmp_path):
    for digits in (str(2**64), str(-(2**63) - 1), "9" * 5000):
        put(tmp_path / "a.jsonl", f'{{"text": "a", "n": {digits}}}\n')
        assert "line 1: " in refusal(str(tmp_path))
    put(tmp_path / "a.jsonl", b'{"text": "a", "n": -1}\n{"text": "a", "n": 9223372036854775808}\n')
    assert "line 2: column 'n' holds an integer of more than 64 bits" in refusal(str(tmp_path))


def test_a_number_too_large_for_a_double_is_refused(tmp_path):
    put(tmp_path / "a.jsonl", b'{"text": "a", "n": 0.5}\n{"text": "SECRET", "n": 1e999}\n')
    assert "a.jsonl, line 2: malformed JSON: a number or" in refusal(str(tmp_path))


def test_numbers_that_are_not_numbers_pass(tmp_path):
    put(tmp_path / "a.jsonl", b'{"text": "a", "n": NaN}\n{"text": "a", "n": -Infinity}\n')
    found, _ = read_all(str(tmp_path))
    assert math.isnan(found[0]["n"])
    assert found[1]["n"] == -math.inf


@pytest.mark.parametrize("pack", [gzip.compress, zstd])
def test_a_compressed_file_that_is_cut_short_or_damaged(tmp_path, pack):
    end = {gzip.compress: ".gz", zstd: ".zst"}[pack]
    noise = random.Random(1)
    data = pack(b"".join(lines_of([{"text": noise.randbytes(50).hex()}]) for _ in range(2000)))
    path = tmp_path / f"a.jsonl{end}"
    for cut in (0, 1, 5, len(data) // 2, len(data) - 1):
        put(path, data[:cut])
        assert "cut short" in refusal(str(path), schema_sample_bytes=1000)
    put(path, data + data[:-1])
    assert "cut short" in refusal(str(path), schema_sample_bytes=1000)
    put(path, b"this is plain text")
    assert "damaged" in refusal(str(path))
    broken = bytearray(data)
    broken[len(data) // 2 : len(data) // 2 + 20] = bytes(20)
    put(path, bytes(broken))
    assert "damaged" in refusal(str(path), schema_sample_bytes=1000)


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_whatever_the_bytes_there_are_rows_or_an_input_error(data):
    noise = data.draw(st.randoms(use_true_random=False))
    rows = [{"text": "a", "meta": {"tags": [None, "x"], "n": 1}}, {"text": None, "meta": None}, {"text": "é", "f": 1.5}]
    broken = bytearray(lines_of(rows))
    for _ in range(noise.randint(1, 4)):
        at = noise.randrange(len(broken))
        insert = noise.choice([b"null", b"{", b"}", b"[", b"]", b"\n", b'"', b",", b":", b"1", b"\xff", b"\0", b"\\u"])
        broken[at : at + noise.randint(0, 4)] = insert
    uri = f"memory://{uuid.uuid4().hex}/a.jsonl"
    write_bytes_atomic(uri, GOOD + bytes(broken))
    try:
        found, _ = read_all(uri, schema_sample_bytes=data.draw(st.sampled_from([1, 1 << 20])))
    except InputError as error:
        assert "a.jsonl" in str(error)
    else:
        lines = [line for line in (GOOD + bytes(broken)).split(b"\n") if line.strip()]
        assert [row["text"] for row in found] == [json.loads(line).get("text") for line in lines]
    remove_tree(uri.removesuffix("/a.jsonl"))


# Hostile Parquet and Arrow files


def noisy_rows(n: int) -> list[dict]:
    noise = random.Random(7)
    return [{"text": noise.randbytes(100).hex(), "id": i} for i in range(n)]


def test_parquet_files_that_are_none(tmp_path):
    data = as_parquet(noisy_rows(20))
    path = tmp_path / "a.parquet"
    for content, expected in [
        (b"", "not a Parquet file: it has no footer (0 bytes)"),
        (b'{"text": "SECRET"}\n', "not a Parquet file: it has no footer"),
        (data[: len(data) // 2], "cut short: it has no footer"),
        (data[:-1], "cut short: it has no footer"),
        (data[:4] + bytes(len(data) - 12) + data[-8:], "footer: damaged or cut short"),
        (data[len(data) // 2 :], "footer: damaged or cut short"),
    ]:
        put(path, content)
        if content == data[len(data) // 2 :]:
            continue  # a lost beginning shows only in row groups, see below
        assert expected in refusal(str(path))


def test_a_damaged_row_group_is_named(tmp_path):
    data = bytearray(as_parquet(noisy_rows(20)))
    path = tmp_path / "a.parquet"
    put(path, bytes(data))
    column = pq.read_metadata(path).row_group(2).column(2)
    start = column.dictionary_page_offset or column.data_page_offset
    data[start : start + column.total_compressed_size] = b"\xff" * column.total_compressed_size
    put(path, bytes(data))
    assert "a.parquet, row group 2: damaged or cut short" in refusal(str(path))
    (source,), schema = inspect_corpus(expand([str(path)]), text_column="text")
    good = list(read_units(source, schema=schema, first_unit=0, units=2, batch_rows=100))
    assert sum(batch.num_rows for _, batch in good) == 10


def test_parquet_that_pyarrow_cannot_read_back_is_named_as_such(tmp_path):
    table = pa.table({"text": ["a", "b"], "v": pa.array([[1, 2], None], pa.list_(pa.int8(), 2))})
    pq.write_table(table, tmp_path / "a.parquet")
    with contextlib.suppress(pa.ArrowInvalid):
        pq.read_table(tmp_path / "a.parquet")
        pytest.skip("this pyarrow can")
    message = refusal(str(tmp_path))
    assert "a.parquet, row group 0: a column of lists of fixed size holds nulls" in message


def test_parquet_without_row_groups_is_one_empty_unit(tmp_path):
    pq.ParquetWriter(tmp_path / "a.parquet", SCHEMA).close()
    (source,), schema = inspect_corpus(expand([str(tmp_path)]), text_column="text")
    assert source.unit_rows == source.unit_bytes == ()
    assert list(read_units(source, schema=schema, first_unit=0, units=1, batch_rows=10)) == []


def invalid_texts(good: int, bad: bytes = b"SECRET\xff") -> pa.Array:
    values = [b"fine"] * good + [bad] + [b"fine"] * 3
    raw = pa.array(values, pa.binary())
    return pa.Array.from_buffers(pa.string(), len(raw), raw.buffers())


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow", "b.arrow"])
@pytest.mark.parametrize("place", [0, 1, 12])
def test_invalid_utf8_is_named_by_row(tmp_path, name, place):
    table = pa.table({"id": range(place + 4), "text": invalid_texts(place)})
    if name == "a.parquet":
        pq.write_table(table, tmp_path / name, row_group_size=6)
    else:
        with (pa.ipc.new_file if name == "a.arrow" else pa.ipc.new_stream)(
            str(tmp_path / name), table.schema
        ) as writer:
            writer.write_table(table, max_chunksize=6)
    message = refusal(str(tmp_path))
    assert f"{name}, " in message
    assert f"{place // 6}, row {place}: column 'text' holds invalid UTF-8" in message


def test_invalid_utf8_in_other_columns_too(tmp_path):
    table = pa.table({"text": ["a"] * 4, "tags": pa.array([["x"]] * 4)})
    bad = pa.ListArray.from_arrays(pa.array([0, 1, 2, 3, 4], pa.int32()), invalid_texts(0))
    pq.write_table(table.set_column(1, "tags", bad), tmp_path / "a.parquet")
    assert "column 'tags' holds invalid UTF-8" in refusal(str(tmp_path))


@pytest.mark.parametrize("new", [pa.ipc.new_file, pa.ipc.new_stream])
def test_arrow_files_that_are_damaged(tmp_path, new):
    data = as_arrow(noisy_rows(20), new)
    path = tmp_path / "a.arrow"
    for content in (b"", b"SECRET text", data[:20], data[: len(data) // 2], data[:-1]):
        put(path, content)
        assert "damaged or cut short" in refusal(str(path)) or "is cut short" in refusal(str(path))


def test_an_arrow_stream_cut_between_batches_is_found(tmp_path):
    """It reads as a shorter stream without complaint, so only its end mark can tell."""
    sink = pa.BufferOutputStream()
    table = pa.Table.from_pylist(noisy_rows(20), schema=SCHEMA)
    writer = pa.ipc.new_stream(sink, SCHEMA)
    writer.write_table(table)
    cut = sink.tell()
    writer.close()
    put(tmp_path / "a.arrow", sink.getvalue().to_pybytes()[:cut])
    assert "is cut short: an Arrow stream without its end mark" in refusal(str(tmp_path))


@pytest.mark.parametrize("name", FORMS)
def test_a_file_that_changes_while_it_is_read(tmp_path, name):
    path = tmp_path / name
    put(path, FORMS[name](noisy_rows(20)))
    (source,), schema = inspect_corpus(expand([str(path)]), text_column="text")

    def read():
        return read_units(source, schema=schema, first_unit=0, units=max(1, len(source.unit_rows)), batch_rows=2)

    before = path.stat()
    batches = read()
    next(batches)
    put(path, FORMS[name](noisy_rows(21)))
    with pytest.raises(InputError, match=rf"{name} changed while the run was reading it"):
        list(batches)
    with pytest.raises(InputError, match=rf"{name} changed while the run was reading it"):
        next(read())
    put(path, FORMS[name](noisy_rows(20)))
    with pytest.raises(InputError, match="changed while"):
        next(read())  # the same size at another time
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert sum(batch.num_rows for _, batch in read()) == 20
    path.unlink()
    with pytest.raises(InputError, match=rf"{name} is gone since the run was planned"):
        next(read())


def test_units_that_are_not_there(tmp_path):
    put(tmp_path / "a.jsonl", GOOD)
    (source,), schema = inspect_corpus(expand([str(tmp_path)]), text_column="text")
    with pytest.raises(ValueError, match="has one unit"):
        next(read_units(source, schema=schema, first_unit=1, units=1, batch_rows=1))


def test_nothing_to_inspect():
    with pytest.raises(InputError, match="no input files"):
        inspect_corpus([], text_column="text")
