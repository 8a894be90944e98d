"""What JSON values look like: a schema learnt from a sample of lines, and what one line breaks of a schema.

Python's parser does both. pyarrow's inference turns strings into timestamps and large integers into doubles, and
crashes on a first line `null` and on deep nesting (apache/arrow issues 47409, 51305); it is used for the bulk,
where the schema is known.
"""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pyarrow.types as is_

from transforms.schemas import shown

MAX_DEPTH = 64
"""Levels of nesting that are read; deeper ones are refused."""

_KINDS = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", float: "float"}


class LineError(ValueError):
    """Why a line cannot be read. The message holds keys and types, never values."""


def load_object(line: bytes) -> dict[str, Any]:
    """Parse one line that must hold one object. Raises LineError.

    >>> load_object(b'{"text": "a"}')
    {'text': 'a'}
    """
    try:
        value = json.loads(line.decode())
    except UnicodeDecodeError as error:
        raise LineError(f"invalid UTF-8 (byte {error.start + 1} of the line)") from None
    except json.JSONDecodeError as error:
        # What follows a colon in the parser's message can be text of the document.
        raise LineError(f"malformed JSON: {error.msg.split(':')[0]} (character {error.pos + 1})") from None
    except RecursionError:
        raise LineError(f"nested deeper than {MAX_DEPTH} levels") from None
    except ValueError:
        raise LineError("malformed JSON: a number with too many digits") from None
    if not isinstance(value, dict):
        raise LineError(f"expected an object in braces, found JSON of kind {_kind(value)}")
    return value


def refuse_twins(line: bytes) -> None:
    """Raise LineError if an object in this line, which `load_object` can parse, has a key twice."""

    def check(pairs: list[tuple[str, Any]]) -> None:
        names = [name for name, _ in pairs]
        for name in names:
            if names.count(name) > 1:
                raise LineError(f"key {_key(name)} is given twice")

    json.loads(line, object_pairs_hook=check)


def _kind(value: Any) -> str:
    return _KINDS.get(type(value), "null")


def _key(path: str) -> str:
    return repr(path if len(path) <= 100 else path[:97] + "...")


class Shape:
    """Kinds of values seen in one place, and the shapes of what is inside them.

    >>> shape = Shape()
    >>> shape.observe({"id": 1, "tags": []})
    >>> shape.observe({"id": 2.5, "tags": ["new"]})
    >>> shape.type()
    StructType(struct<id: double, tags: list<item: string>>)
    """

    def __init__(self, path: str = "", depth: int = 0) -> None:
        self.path = path
        self.kind = "null"
        self.low = self.high = 0
        self.fields: dict[str, Shape] = {}
        self.item: Shape | None = None
        self._depth = depth

    def observe(self, value: Any) -> None:
        """Take in one more value. Raises LineError if it is of another kind than those before."""
        if value is None:
            return
        kind = _kind(value)
        if kind != self.kind:
            if self.kind == "null":
                self.kind = kind
            elif {kind, self.kind} == {"integer", "float"}:
                self.kind = "float"
            else:
                raise LineError(f"column {_key(self.path)} is of kind {kind}, on lines before of kind {self.kind}")
        if kind == "string":
            return
        if kind == "integer":
            self.low, self.high = min(self.low, value), max(self.high, value)
            if not (self.low >= -(2**63) and self.high < (2**64 if self.low >= 0 else 2**63)):
                raise LineError(f"column {_key(self.path)} holds an integer of more than 64 bits; write it as a string")
        elif kind == "object":
            for name, inner in value.items():
                field = self.fields.get(name)
                if field is None:
                    field = self.fields[name] = self._inside(f"{self.path}.{name}" if self.path else name)
                field.observe(inner)
        elif kind == "array":
            if self.item is None:
                self.item = self._inside(f"{self.path}[]")
            for inner in value:
                self.item.observe(inner)

    def _inside(self, path: str) -> Shape:
        if self._depth == MAX_DEPTH:
            raise LineError(f"nested deeper than {MAX_DEPTH} levels")
        if path.encode(errors="replace").decode() != path:
            raise LineError("a key is not valid Unicode")
        return Shape(path, self._depth + 1)

    def type(self) -> pa.DataType:
        """The Arrow type that holds every value seen; null if there was none."""
        if self.kind == "object":
            return pa.struct([(name, field.type()) for name, field in self.fields.items()])
        if self.kind == "array":
            return pa.list_(self.item.type() if self.item else pa.null())
        if self.kind == "integer":
            return pa.int64() if self.high < 2**63 else pa.uint64()
        return {"string": pa.string(), "boolean": pa.bool_(), "float": pa.float64(), "null": pa.null()}[self.kind]


def readable_type(kind: pa.DataType) -> pa.DataType:
    """The type to have JSON parsed as, to become `kind` afterwards: null for what JSON has no values of."""
    if is_.is_struct(kind):
        return pa.struct([(kind.field(i).name, readable_type(kind.field(i).type)) for i in range(kind.num_fields)])
    if is_.is_list(kind) or is_.is_large_list(kind):
        return pa.list_(readable_type(kind.value_type))
    if is_.is_string_view(kind):
        return pa.string()
    plain = (is_.is_boolean, is_.is_integer, is_.is_float32, is_.is_float64, is_.is_string, is_.is_large_string)
    return kind if any(test(kind) for test in plain) else pa.null()


def parser_type(kind: pa.DataType) -> pa.DataType:
    """The type to tell Arrow's parser for a `readable_type`: lists of nulls as lists of booleans, to be narrowed after.

    Of a list of null type it keeps one null of `[null, null]` and makes an invalid array.
    """
    if is_.is_struct(kind):
        return pa.struct([kind.field(i).with_type(parser_type(kind.field(i).type)) for i in range(kind.num_fields)])
    if is_.is_list(kind):
        return pa.list_(pa.bool_() if is_.is_null(kind.value_type) else parser_type(kind.value_type))
    return kind


def misfit(value: Any, kind: pa.DataType, path: str = "") -> str | None:
    """What of a parsed value does not fit the type, None if all does.

    >>> misfit({"meta": {"n": "x"}}, pa.struct([("meta", pa.struct([("n", pa.int64())]))]))
    "column 'meta.n' is of kind string, expected int64"
    """
    if value is None:
        return None
    if isinstance(value, dict) and is_.is_struct(kind):
        known = {kind.field(i).name: kind.field(i).type for i in range(kind.num_fields)}
        for name, inner in value.items():
            inner_path = f"{path}.{name}" if path else name
            if name not in known:
                return f"key {_key(inner_path)} was not seen before"
            found = misfit(inner, known[name], inner_path)
            if found:
                return found
        return None
    if isinstance(value, list) and (is_.is_list(kind) or is_.is_large_list(kind)):
        return next(filter(None, (misfit(inner, kind.value_type, f"{path}[]") for inner in value)), None)
    if _fits(value, kind):
        return None
    if _kind(value) == "integer" and is_.is_integer(kind):
        return f"column {_key(path)} is an integer too large for {kind}"
    return f"column {_key(path)} is of kind {_kind(value)}, expected {shown(kind)}"


def _fits(value: Any, kind: pa.DataType) -> bool:
    if isinstance(value, bool):
        return bool(is_.is_boolean(kind))
    if isinstance(value, int) and is_.is_integer(kind):
        bits = kind.bit_width
        low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1)) if is_.is_signed_integer(kind) else (0, 2**bits)
        return low <= value < high
    if isinstance(value, int | float):
        return bool(is_.is_floating(kind))
    return isinstance(value, str) and bool(is_.is_string(kind) or is_.is_large_string(kind))
