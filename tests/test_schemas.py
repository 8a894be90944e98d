"""Tests of schemas: one fits all files of a corpus, whatever their order, or a conflict names both."""

import itertools

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.errors import InputError
from tests.format_files import FORMS, filled, lines_of, put, read_all, refusal, texts
from transforms.formats import unify_schemas
from transforms.schemas import conform


def test_strings_stay_strings_and_integers_keep_their_digits(tmp_path):
    rows = [{"text": "2020-01-01", "id": 2**53 + 1, "hash": 2**64 - 1, "in": [{"when": "2020-01-01T00:00:00Z"}]}]
    put(tmp_path / "a.jsonl", lines_of(rows))
    found, schema = read_all(str(tmp_path))
    assert found == rows
    assert schema.types[:3] == [pa.string(), pa.int64(), pa.uint64()]


NUMBERS = [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()]
KINDS = [
    *NUMBERS,
    pa.null(),
    pa.float16(),
    pa.float32(),
    pa.float64(),
    pa.bool_(),
    pa.string(),
    pa.large_string(),
    pa.string_view(),
    pa.dictionary(pa.int8(), pa.string()),
    pa.binary(),
    pa.timestamp("s"),
    pa.timestamp("us"),
    pa.list_(pa.int8()),
    pa.large_list(pa.float32()),
    pa.list_(pa.null()),
    pa.struct([("a", pa.int8())]),
    pa.struct([pa.field("b", pa.uint8(), nullable=False)]),
    pa.struct([("a", pa.string())]),
    pa.struct([]),
]


def unified(*kinds: pa.DataType) -> pa.DataType | None:
    try:
        return unify_schemas([(f"file{i}", pa.schema([("c", kind)])) for i, kind in enumerate(kinds)]).types[0]
    except InputError:
        return None


def canonical(kind: pa.DataType | None) -> str:
    """A type without the order of its fields, which follows the order of files."""
    if kind is not None and pa.types.is_struct(kind):
        return str(sorted(str(kind.field(i)) for i in range(kind.num_fields)))
    return str(kind)


def test_the_order_of_files_does_not_matter():
    for kinds in itertools.combinations(KINDS, 3):
        assert len({canonical(unified(*order)) for order in itertools.permutations(kinds)}) == 1, kinds


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (pa.null(), pa.list_(pa.int8()), pa.list_(pa.int8())),
        (pa.int8(), pa.uint8(), pa.int16()),
        (pa.int64(), pa.uint32(), pa.int64()),
        (pa.int64(), pa.uint64(), None),
        (pa.uint8(), pa.uint32(), pa.uint32()),
        (pa.float32(), pa.float64(), pa.float64()),
        (pa.int8(), pa.float32(), pa.float64()),
        (pa.string(), pa.string(), pa.string()),
        (pa.string(), pa.large_string(), pa.large_string()),
        (pa.string(), pa.string_view(), pa.large_string()),
        (pa.string(), pa.dictionary(pa.int8(), pa.string()), pa.string()),
        (pa.bool_(), pa.int8(), None),
        (pa.timestamp("s"), pa.timestamp("ms"), None),
        (pa.timestamp("s"), pa.string(), None),
        (pa.list_(pa.int8()), pa.large_list(pa.int16()), pa.large_list(pa.int16())),
        (pa.list_(pa.field("element", pa.int8())), pa.list_(pa.int8()), pa.list_(pa.int8())),
        (pa.struct([("a", pa.int8())]), pa.struct([("b", pa.null())]), pa.struct([("a", pa.int8()), ("b", pa.null())])),
        (pa.list_(pa.float32(), 3), pa.list_(pa.float64(), 3), pa.list_(pa.float64(), 3)),
        (pa.list_(pa.float32(), 3), pa.list_(pa.float32(), 2), pa.list_(pa.float32())),
        (pa.list_(pa.float32(), 3), pa.list_(pa.float64()), pa.list_(pa.float64())),
        (pa.list_(pa.float32(), 3), pa.null(), pa.list_(pa.float32())),
        (pa.string_view(), pa.string_view(), pa.large_string()),
        (pa.binary_view(), pa.null(), pa.large_binary()),
        (pa.list_(pa.string_view()), pa.list_view(pa.string()), pa.list_(pa.large_string())),
        (pa.large_list_view(pa.int8()), pa.list_(pa.int8()), pa.large_list(pa.int8())),
        (pa.dictionary(pa.int8(), pa.string_view()), pa.string(), pa.large_string()),
        (pa.map_(pa.string(), pa.int8()), pa.map_(pa.string(), pa.int16()), pa.map_(pa.string(), pa.int16())),
        (pa.list_(pa.struct([("a", pa.int8())])), pa.list_(pa.struct([("a", pa.string())])), None),
    ],
)
def test_two_types_become_one(a, b, expected):
    assert unified(a, b) == expected
    assert canonical(unified(b, a)) == canonical(expected)


def test_every_number_type_holds_what_it_unifies():
    for a, b in itertools.product(NUMBERS, NUMBERS):
        wide = unified(a, b)
        for kind in (a, b):
            info = np.iinfo(str(kind))
            if wide is not None:
                assert pa.array([info.min, info.max], kind).cast(wide).to_pylist() == [info.min, info.max]


def test_columns_missing_somewhere_are_nullable_and_metadata_goes():
    a = pa.schema([pa.field("x", pa.int8(), nullable=False, metadata={"k": "v"})], metadata={"pandas": "{}"})
    b = pa.schema([pa.field("x", pa.int8(), nullable=False), pa.field("y", pa.int8(), nullable=False)])
    schema = unify_schemas([("a", a), ("b", b)])
    assert schema == pa.schema([pa.field("x", pa.int8(), nullable=False), pa.field("y", pa.int8())])
    assert schema.metadata is None
    assert schema.field("x").metadata is None


def test_what_is_inside_a_column_that_some_file_lacks_is_nullable():
    inner = pa.field("x", pa.int8(), nullable=False)
    kind = pa.struct([inner, pa.field("l", pa.list_(pa.field("item", pa.struct([inner]), nullable=False)))])
    has, lacks = pa.schema([("meta", kind)]), pa.schema([("n", pa.int8())])
    assert unify_schemas([("a", has), ("b", has)]).types == [kind]
    loose = pa.struct([("x", pa.int8()), ("l", pa.list_(pa.struct([("x", pa.int8())])))])
    for other in (lacks, pa.schema([("meta", pa.null())])):
        assert unify_schemas([("a", has), ("b", other)]).field("meta").type == loose


def test_a_conflict_names_files_column_and_types(tmp_path):
    put(tmp_path / "a.jsonl", lines_of([{"text": "a", "meta": {"tags": [{"n": 1}]}}]))
    put(tmp_path / "b.jsonl", lines_of([{"text": "a", "meta": {"tags": [{"n": "x"}]}}]))
    message = refusal(str(tmp_path))
    assert "column 'meta.tags[].n' is int64 in" in message
    assert "a.jsonl but string in" in message
    assert "b.jsonl; give it one type" in message


def test_the_same_column_twice_is_refused(tmp_path):
    table = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], names=["text", "text"])
    with pa.ipc.new_file(str(tmp_path / "a.arrow"), table.schema) as writer:
        writer.write_table(table)
    assert "has two columns named 'text'" in refusal(str(tmp_path))


def test_what_parquet_cannot_hold_is_refused_before_the_work(tmp_path):
    table = pa.table({"text": ["a"], "u": pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array([1])])})
    with pa.ipc.new_file(str(tmp_path / "a.arrow"), table.schema) as writer:
        writer.write_table(table)
    assert "column 'u' is of type sparse_union" in refusal(str(tmp_path))


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_conform_fills_and_widens_at_any_depth(data):
    narrow = pa.struct([("n", pa.int64()), ("tags", pa.list_(pa.string())), ("s", pa.struct([("a", pa.int64())]))])
    item = pa.struct([("a", pa.float64()), ("new", pa.string())])
    wide = pa.struct(
        [("new", pa.list_(item)), ("s", item), ("tags", pa.large_list(pa.large_string())), ("n", pa.int64())]
    )
    small = st.one_of(st.none(), st.integers(-100, 100))
    inner = st.fixed_dictionaries({}, optional={"a": small})
    row = st.fixed_dictionaries(
        {}, optional={"n": small, "tags": st.one_of(st.none(), st.lists(texts)), "s": st.one_of(st.none(), inner)}
    )
    column = data.draw(st.lists(st.one_of(st.none(), st.lists(st.one_of(st.none(), row), max_size=3)), max_size=8))
    batch = pa.record_batch([pa.array(column, pa.list_(narrow))], ["c"])
    start = data.draw(st.integers(0, len(column)))
    target = pa.large_list(wide)
    found = conform(batch.slice(start), pa.schema([("c", target)]))
    found.validate(full=True)
    assert found["c"].to_pylist() == [filled(value, target) for value in column[start:]]


@pytest.mark.parametrize(
    ("narrow", "wide", "column"),
    [
        (pa.map_(pa.string(), pa.int8()), pa.map_(pa.large_string(), pa.float64()), [[("a", 1)], None, [("b", None)]]),
        (pa.list_(pa.int8(), 2), pa.list_(pa.float32(), 2), [[1, 2], None, [None, 3]]),
        (pa.dictionary(pa.int8(), pa.string()), pa.large_string(), ["a", None, "a"]),
        (pa.list_(pa.int8(), 2), pa.list_(pa.float32()), [[1, 2], None, [None, 3]]),
        (pa.list_(pa.list_(pa.int8(), 2)), pa.list_(pa.large_list(pa.int8())), [[[1, 2], None], None, []]),
        (pa.list_view(pa.string_view()), pa.list_(pa.large_string()), [["a", None], None, []]),
        (
            pa.large_list_view(pa.struct([("a", pa.int8())])),
            pa.large_list(pa.struct([("a", pa.int8())])),
            [[{"a": 1}], []],
        ),
        (pa.struct([("v", pa.binary_view())]), pa.struct([("v", pa.large_binary())]), [{"v": b"a"}, None]),
        (pa.map_(pa.string_view(), pa.string_view()), pa.map_(pa.large_string(), pa.large_string()), [[("a", "b")]]),
        (pa.string_view(), pa.large_string(), ["a", None, "a"]),
        (pa.list_(pa.dictionary(pa.int8(), pa.string())), pa.list_(pa.string()), [["a", None], None, []]),
        (pa.null(), pa.map_(pa.string(), pa.int8()), [None, None, None]),
        (pa.struct([]), pa.struct([("_empty", pa.null())]), [{}, None, {}]),
    ],
)
def test_conform_of_types_that_are_rare(narrow, wide, column):
    batch = pa.record_batch([pa.array([column[0], *column], narrow)], ["c"])
    found = conform(batch.slice(1), pa.schema([("c", wide)]))
    found.validate(full=True)
    assert found.schema.types == [wide]
    assert found["c"].to_pylist() == [filled(value, wide) for value in column]


def test_whole_numbers_that_double_cannot_hold_are_refused(tmp_path):
    pq.write_table(pa.table({"text": ["a"], "n": [2**53 + 1]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"text": ["a"], "n": [0.5]}), tmp_path / "b.parquet")
    assert "a.parquet, row group 0: column 'n': a value of type int64 does not fit double" in refusal(str(tmp_path))


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow", "b.arrow", "a.jsonl"])
def test_the_text_column_must_be_there(tmp_path, name):
    put(tmp_path / name, FORMS[name]([{"id": 1, "text": "a"}]))
    message = refusal(str(tmp_path), text_column="Texts")
    assert f"{name} has no column 'Texts' (did you mean 'text'?); its columns are: id" in message


def test_the_text_column_must_hold_strings(tmp_path):
    put(tmp_path / "a.jsonl", b'{"text": 1}\n')
    assert "column 'text' is of type int64, expected strings" in refusal(str(tmp_path / "a.jsonl"))
    pq.write_table(pa.table({"text": [b"a"]}), tmp_path / "a.parquet")
    assert "column 'text' is of type binary, expected strings" in refusal(str(tmp_path / "a.parquet"))
    table = pa.table({"text": pa.array([1]).dictionary_encode()})
    with pa.ipc.new_file(str(tmp_path / "a.arrow"), table.schema) as writer:
        writer.write_table(table)
    assert "is of type dictionary" in refusal(str(tmp_path / "a.arrow"))
