"""One schema for all files: unify the schemas of many, then bring every batch to the one."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as is_

from filters.errors import InputError

EMPTY_FIELD = "_empty"
"""Field given to structs of which only empty ones, `{}`, were seen: Parquet cannot hold a struct without fields."""

_STRINGS = (is_.is_string, is_.is_large_string)
_BINARIES = (is_.is_binary, is_.is_large_binary)
_LISTS = (is_.is_list, is_.is_large_list)
_ALL_LISTS = (*_LISTS, is_.is_fixed_size_list)
_VIEWS = (is_.is_list_view, is_.is_large_list_view)

Found = tuple[str, pa.DataType]  # the URI of a file, and the type a column has in it


def unify_schemas(schemas: Sequence[tuple[str, pa.Schema]]) -> pa.Schema:
    """The one schema that holds the values of all files, given as (URI, schema).

    Nulls become anything, integers widen, an integer beside a float becomes double, kinds of strings become
    large_string, dictionaries their values, views what they are views of, structs and lists are unified inside. A
    column that some file lacks is nullable with all inside it; lists of fixed size become plain ones there, or where
    sizes differ, as Parquet's readers refuse nulls among them. Columns come in the order first seen; nothing else
    depends on the order of files. Metadata is dropped. Raises InputError for a real conflict, naming both files, the
    column (`meta.tags[]`) and both types.

    >>> a, b = pa.schema([("n", pa.int8())]), pa.schema([("n", pa.uint8()), ("s", pa.string())])
    >>> unify_schemas([("a", a), ("b", b)]).types
    [DataType(int16), DataType(string)]
    """
    return pa.schema(_unify_fields([(uri, list(schema)) for uri, schema in schemas], "", lacking=False))


def _unify_fields(owners: Sequence[tuple[str, Sequence[pa.Field]]], prefix: str, *, lacking: bool) -> list[pa.Field]:
    seen: dict[str, list[tuple[str, pa.Field]]] = {}
    for uri, fields in owners:
        if len({field.name for field in fields}) < len(fields):
            names = [field.name for field in fields]
            twice = next(name for name in names if names.count(name) > 1)
            raise InputError(f"{uri} has two columns named {prefix + twice!r}; rename one of them")
        for field in fields:
            seen.setdefault(field.name, []).append((uri, field))
    unified = []
    for name, found in seen.items():
        missing = lacking or len(found) < len(owners)
        kind = _unify_types([(uri, field.type) for uri, field in found], prefix + name, lacking=missing)
        nullable = missing or any(field.nullable for _, field in found)
        unified.append(pa.field(name, kind, nullable))
    return unified


def _plain(kind: pa.DataType) -> pa.DataType:
    """What the values of dictionaries and views are: Parquet has neither, and few kernels take views."""
    while is_.is_dictionary(kind):
        kind = kind.value_type
    if is_.is_string_view(kind):
        return pa.large_string()
    if is_.is_binary_view(kind):
        return pa.large_binary()
    if is_.is_list_view(kind):
        return pa.list_(kind.value_field)
    return pa.large_list(kind.value_field) if is_.is_large_list_view(kind) else kind


def _unify_types(found: Iterable[Found], path: str, *, lacking: bool) -> pa.DataType:
    """All types at once rather than two by two, so that no order of files can meet a conflict another avoids.

    lacking: some file does not have this place at all, so that nulls will stand there.
    """
    first_uri: dict[pa.DataType, str] = {}
    for uri, kind in found:
        if is_.is_null(kind):
            lacking = True
        else:
            first_uri.setdefault(_plain(kind), uri)
    if lacking:
        first_uri = {_without_tensor(kind): uri for kind, uri in first_uri.items()}
    kinds = list(first_uri)
    owners = [(uri, kind) for kind, uri in first_uri.items()]
    if not kinds:
        return pa.null()
    if all(map(is_.is_struct, kinds)):
        fields = [(uri, [kind.field(i) for i in range(kind.num_fields)]) for uri, kind in owners]
        return pa.struct(_unify_fields(fields, f"{path}.", lacking=lacking))
    if all(_is_one_of(_ALL_LISTS, kind) for kind in kinds):
        item = _unify_types([(uri, kind.value_type) for uri, kind in owners], f"{path}[]", lacking=lacking)
        field = pa.field("item", item, lacking or any(kind.value_field.nullable for kind in kinds))
        sizes = {kind.list_size if is_.is_fixed_size_list(kind) else None for kind in kinds}
        if not lacking and len(sizes) == 1 and None not in sizes:
            return pa.list_(field, sizes.pop())
        return pa.large_list(field) if any(map(is_.is_large_list, kinds)) else pa.list_(field)
    if all(map(is_.is_map, kinds)):
        key = _unify_types([(uri, kind.key_type) for uri, kind in owners], f"{path}[]", lacking=lacking)
        item = _unify_types([(uri, kind.item_type) for uri, kind in owners], f"{path}[]", lacking=lacking)
        return pa.map_(key, pa.field("value", item, lacking or any(kind.item_field.nullable for kind in kinds)))
    if len(kinds) == 1:
        return kinds[0]
    if all(_is_one_of(_STRINGS, kind) for kind in kinds):
        return pa.large_string()
    if all(_is_one_of(_BINARIES, kind) for kind in kinds):
        return pa.large_binary()
    if all(is_.is_integer(kind) or is_.is_floating(kind) for kind in kinds):
        number = _widest_number(kinds)
        if number is not None:
            return number
    raise _conflict(owners, path)


def _is_one_of(tests: Sequence[object], kind: pa.DataType) -> bool:
    return any(test(kind) for test in tests)  # type: ignore[operator]


def _widest_number(kinds: Sequence[pa.DataType]) -> pa.DataType | None:
    """The smallest number type that holds all; None for uint64 beside a signed integer, which nothing holds."""
    floats = [kind.bit_width for kind in kinds if is_.is_floating(kind)]
    if floats:
        bits = max(floats) if len(floats) == len(kinds) else 64
        return {16: pa.float16(), 32: pa.float32(), 64: pa.float64()}[bits]
    signed = max((kind.bit_width for kind in kinds if is_.is_signed_integer(kind)), default=0)
    unsigned = max((kind.bit_width for kind in kinds if is_.is_unsigned_integer(kind)), default=0)
    if not signed:
        return {8: pa.uint8(), 16: pa.uint16(), 32: pa.uint32(), 64: pa.uint64()}[unsigned]
    bits = max(signed, 2 * unsigned)
    return {8: pa.int8(), 16: pa.int16(), 32: pa.int32(), 64: pa.int64()}.get(bits)


def _conflict(owners: Sequence[Found], path: str) -> InputError:
    pairs = itertools.combinations(owners, 2)
    (uri, kind), (other_uri, other) = owners[:2] if len(owners) == 2 else next(filter(_clash, pairs), owners[:2])
    return InputError(
        f"column {path!r} is {shown(kind)} in {uri} but {shown(other)} in {other_uri}; "
        "give it one type in all files, or clean these files in runs of their own"
    )


def _clash(pair: Sequence[Found]) -> bool:
    try:
        _unify_types(pair, "", lacking=False)
    except InputError:
        return True
    return False


def shown(kind: pa.DataType) -> str:
    """A type as error messages show it: structs with many fields are cut."""
    text = str(kind)
    return text if len(text) <= 80 else text[:77] + "..."


def without_fixed_sizes(schema: pa.Schema) -> pa.Schema:
    """The schema with plain lists for those of fixed size: for files that can hold nulls among these.

    >>> without_fixed_sizes(pa.schema([("v", pa.list_(pa.float32(), 3))])).types
    [ListType(list<item: float>)]
    """
    return pa.schema([field.with_type(_variable(field.type)) for field in schema])


def _without_tensor(kind: pa.DataType) -> pa.DataType:
    """What an extension type is stored as, if that is a list of fixed size; all else as it is."""
    tensor = isinstance(kind, pa.BaseExtensionType) and is_.is_fixed_size_list(kind.storage_type)
    return kind.storage_type if tensor else kind


def _variable(kind: pa.DataType) -> pa.DataType:
    kind = _without_tensor(kind)
    if is_.is_struct(kind):
        fields = [kind.field(i) for i in range(kind.num_fields)]
        return pa.struct([field.with_type(_variable(field.type)) for field in fields])
    if is_.is_map(kind):
        return pa.map_(kind.key_field, kind.item_field.with_type(_variable(kind.item_type)))
    if not _is_one_of((*_ALL_LISTS, *_VIEWS), kind):
        return kind
    kind = _plain(kind)
    item = kind.value_field.with_type(_variable(kind.value_type))
    return pa.large_list(item) if is_.is_large_list(kind) else pa.list_(item)


def fill_empty_structs(schema: pa.Schema) -> pa.Schema:
    """The schema with a field `_empty` (null) in every struct that has none, at any depth.

    >>> fill_empty_structs(pa.schema([("meta", pa.struct([]))])).types
    [StructType(struct<_empty: null>)]
    """
    return pa.schema([field.with_type(_filled(field.type)) for field in schema])


def _filled(kind: pa.DataType) -> pa.DataType:
    if is_.is_struct(kind):
        fields = [kind.field(i).with_type(_filled(kind.field(i).type)) for i in range(kind.num_fields)]
        return pa.struct(fields or [pa.field(EMPTY_FIELD, pa.null())])
    if _is_one_of(_LISTS, kind):
        item = kind.value_field.with_type(_filled(kind.value_type))
        return pa.large_list(item) if is_.is_large_list(kind) else pa.list_(item)
    return kind


def conform(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The columns of `schema` in its order and types: others are left out, missing ones are null, at any depth.

    Raises InputError naming the column if a value does not fit, as whole numbers beyond 2**53 do not fit double.

    >>> conform(pa.record_batch({"n": [1]}), pa.schema([("n", pa.float64()), ("s", pa.string())])).to_pylist()
    [{'n': 1.0, 's': None}]
    """
    columns = []
    for field in schema:
        index = batch.schema.get_field_index(field.name)
        if index < 0:
            columns.append(pa.nulls(batch.num_rows, field.type))
            continue
        try:
            columns.append(_conform_array(batch.column(index), field.type))
        except pa.ArrowException as error:
            raise InputError(
                f"column {field.name!r}: a value of type {shown(batch.schema.field(index).type)} does not fit "
                f"{shown(field.type)}, the type that was to hold this column of all files; "
                "give it one type in all files"
            ) from error
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _conform_array(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """Cast by hand where pyarrow's cast is young: structs of other fields, and what is inside lists."""
    if array.type == kind:
        return array
    if is_.is_null(array.type):
        return pa.nulls(len(array), kind)
    if is_.is_null(kind):
        if array.null_count < len(array):
            raise pa.ArrowInvalid("values where only nulls were expected")
        return pa.nulls(len(array))
    if is_.is_dictionary(array.type):
        values = array.dictionary.cast(_plain(array.dictionary.type))  # views cannot be taken from
        return _conform_array(values.take(array.indices), kind)
    if isinstance(array.type, pa.BaseExtensionType):
        return _conform_array(array.storage, kind)
    if is_.is_struct(array.type) and is_.is_struct(kind):
        children = []
        for field in kind:
            index = array.type.get_field_index(field.name)
            child = pa.nulls(len(array), field.type) if index < 0 else _conform_array(array.field(index), field.type)
            children.append(child)
        mask = array.is_null() if array.null_count else None
        return pa.StructArray.from_arrays(children, fields=list(kind), mask=mask)
    if _is_one_of(_VIEWS, array.type):
        return _conform_array(_list_of_view(array), kind)
    if _is_one_of(_ALL_LISTS, array.type) and _is_one_of(_LISTS, kind):
        make = pa.large_list if is_.is_large_list(kind) else pa.list_
        if array.type != make(array.type.value_field):  # a cast to the same type fails inside some lists of nulls
            array = array.cast(make(array.type.value_field))
        items = _conform_array(array.values, kind.value_type)
        return pa.Array.from_buffers(kind, len(array), array.buffers()[:2], array.null_count, array.offset, [items])
    return array.cast(kind)


def _list_of_view(array: pa.Array) -> pa.Array:
    """pyarrow 25's own cast makes arrays with too few offsets."""
    sizes = pc.if_else(array.is_valid(), array.sizes, 0).to_numpy(zero_copy_only=False)
    offsets = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
    kind = _plain(array.type)
    make, offset_type = (pa.LargeListArray, pa.int64()) if is_.is_large_list(kind) else (pa.ListArray, pa.int32())
    return make.from_arrays(pa.array(offsets, offset_type), array.flatten(), type=kind, mask=array.is_null())
