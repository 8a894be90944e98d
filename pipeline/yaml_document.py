"""A YAML file as plain data that remembers its lines, so that every later error can point at one.

A recipe decides what a language model gets to learn from, so nothing in it is guessed. Scalars follow
the core schema of YAML 1.2: ``no`` is Norwegian and not false, ``12:30`` and ``2024-05-01`` are text,
``1e6`` is a number. Duplicate keys, tags and merge keys are refused.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from filters.errors import RecipeError

Location = tuple[str | int, ...]

MAX_BYTES = 1 << 20  # a recipe is written by hand; more is a data file given by mistake
MAX_NODES = 100_000  # after aliases are expanded: a few lines of aliases can ask for billions
MAX_DEPTH = 50  # far below Python's recursion limit
MAX_DIGITS = 100  # Python itself refuses to print integers of more than 4300 digits


@dataclass(frozen=True)
class YamlDocument:
    """What a YAML file says (`data`) and on which line, counted from 1, it says it (`lines`)."""

    path: str
    data: Any
    lines: dict[Location, int] = field(repr=False)

    def line(self, loc: Location) -> int:
        """The line of `loc`, or of the deepest part of it that the file has.

        >>> document = load_yaml("recipe.yaml", "a:\\n  b: [1, 2]\\n")
        >>> document.line(("a", "b", 1)), document.line(("a", "missing"))
        (2, 1)
        """
        return next(self.lines[loc[:n]] for n in range(len(loc), -1, -1) if loc[:n] in self.lines)

    def problem(self, loc: Location, sentence: str, key: str | int | None = None) -> str:
        """`sentence` with its place before it; with `key`, the line is that of this key of `loc`.

        >>> document = load_yaml("recipe.yaml", "stages:\\n- alow: [en]\\n")
        >>> document.problem(("stages", 0), "unknown key", key="alow")
        'recipe.yaml:2: stages[0]: unknown key'
        """
        line = self.line(loc if key is None else (*loc, key))
        place = f"{dotted(loc)}: " if loc else ""
        return f"{self.path}:{line}: {place}{sentence}"


def load_yaml(path: Path | str, text: str | None = None) -> YamlDocument:
    """Read the one YAML document of a file, or of `text` as if it stood in that file.

    Whatever is wrong with it is a RecipeError that names the file and the line.

    >>> load_yaml("recipe.yaml", "languages: [no, sv]\\nlimit: 1e6\\n").data
    {'languages': ['no', 'sv'], 'limit': 1000000.0}
    """
    name = str(path)
    source = _read(path, name) if text is None else text
    _refuse_large(name, len(source))
    root = _compose(name, source)
    builder = _Builder(name)
    data = None if root is None else builder.build(root, ())
    if data is None:
        raise RecipeError(f"{name}:1: the document is empty; expected keys and values, as in 'key: value'")
    return YamlDocument(name, data, builder.lines)


def dotted(loc: Location) -> str:
    """A location as a person writes it.

    >>> dotted(("stages", 2, "language", "a key"))
    'stages[2].language["a key"]'
    """
    parts = []
    for part in loc:
        if isinstance(part, int):
            parts.append(f"[{part}]")
        elif re.fullmatch(r"[\w-]{1,60}", part):
            parts.append(f".{part}" if parts else part)
        else:
            parts.append(f"[{json.dumps(shorten(part), ensure_ascii=False)}]")
    return "".join(parts)


def shorten(text: str, limit: int = 60) -> str:
    """At most `limit` characters of `text`, for messages.

    >>> shorten("a" * 100, limit=10)
    'aaaaaaa...'
    """
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _read(path: Path | str, name: str) -> str:
    try:
        with Path(path).open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise RecipeError(f"{name}: no such file; expected the path of a YAML file") from None
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL in it
        reason = getattr(error, "strerror", None) or str(error)
        raise RecipeError(f"{name}: cannot be read: {reason}; expected the path of a YAML file") from error
    _refuse_large(name, len(raw))
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise RecipeError(
            f"{name}:{line}: not UTF-8 (byte 0x{raw[error.start]:02x}, {error.reason}); save it as UTF-8"
        ) from error


def _refuse_large(name: str, size: int) -> None:
    if size > MAX_BYTES:
        raise RecipeError(
            f"{name}:1: larger than {MAX_BYTES:,} bytes, too large for a recipe; "
            "was a data file given? Lists belong in files of their own"
        )


# --- From text to nodes: PyYAML, with the scalars of YAML 1.2 and limits -------------------------------


class _Alias(yaml.Node):
    """The place of an alias; PyYAML itself keeps only the node it stands for, which is `value`."""


class _PlainLoader(yaml.SafeLoader):
    """PyYAML's safe loader, used as far as nodes; what a plain scalar means is listed in _SCALARS."""

    yaml_implicit_resolvers: dict[str | None, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012

    def __init__(self, name: str, text: str) -> None:
        super().__init__(text)
        self.file, self.depth, self.nodes = name, 0, 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """PyYAML's own, with the place of aliases kept and with limits."""
        event = self.peek_event()
        mark: Any = event.start_mark
        if isinstance(event, yaml.AliasEvent):
            node = super().compose_node(parent, index)
            assert node is not None  # an undefined alias has been refused
            return _Alias(node.tag, node, mark, None)
        self.depth, self.nodes = self.depth + 1, self.nodes + 1
        _refuse_monsters(self.file, mark.line + 1, self.depth, self.nodes)
        if getattr(event, "tag", None) == "!":  # PyYAML would drop it without a word
            raise RecipeError(
                f"{self.file}:{mark.line + 1}: a '!' stands alone; put text that begins with it in quotes"
            )
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def _compose(name: str, text: str) -> yaml.Node | None:
    loader = None
    try:
        loader = _PlainLoader(name, text)
        root = loader.get_node() if loader.check_node() else None
        if loader.check_node():
            line = loader.peek_event().start_mark.line + 1
            raise RecipeError(f"{name}:{line}: a second document starts here; expected one: remove the '---'")
        return root
    except RecipeError:  # which is a ValueError, too
        raise
    except yaml.MarkedYAMLError as error:
        raise RecipeError(_syntax_message(name, error)) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        column = error.position - text.rfind("\n", 0, error.position)
        raise RecipeError(
            f"{name}:{line}:{column}: U+{ord(text[error.position]):04X} is not a character of YAML; "
            "remove it, or write it as an escape in double quotes"
        ) from error
    except (ValueError, OverflowError) as error:  # PyYAML on escapes and versions with impossible numbers
        line = loader.line + 1 if loader else 1
        raise RecipeError(f"{name}:{line}: not valid YAML: {error}") from error


_HINTS = (  # what PyYAML says -> what to do about it
    ("mapping values are not allowed", "put text that contains ': ' in quotes, and check the indentation"),
    (r"found character '\t'", "indent with spaces, not with tabs"),
    ("cannot start any token", "put text that begins with this character in quotes"),
    ("while scanning an alias", "put text that begins with * in quotes"),
    ("found undefined alias", "put text that begins with * in quotes"),
    ("while scanning an anchor", "put text that begins with & in quotes"),
    ("could not find expected ':'", "write 'key: value', with a space after the colon"),
    ("unknown escape character", "use single quotes for text with backslashes"),
    ("expected <block end>", "check the indentation and the quotes"),
    ("while scanning a quoted scalar", "close the quote"),
    ("while parsing a flow", "close the bracket, and put commas between the items"),
)


def _syntax_message(name: str, error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    place = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else f"{name}:1"
    problem = error.problem or error.context or "not valid YAML"
    if error.context and error.problem:
        since = f", which began on line {error.context_mark.line + 1}" if error.context_mark else ""
        problem += f" ({error.context}{since})"
    hint = next((hint for found, hint in _HINTS if found in problem), "check the line and those before it")
    return f"{place}: {problem}; {hint}"


# --- From nodes to data -------------------------------------------------------------------------------


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise ValueError(f"a whole number of {len(text)} digits; expected at most {MAX_DIGITS}")
    based = text[:2] in ("0x", "0o")  # 010 is ten
    return int(text, 0) if based else int(text.replace("_", ""))


def _float(text: str) -> float:
    return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))


def _text(text: str) -> str:
    # JSON writes an emoji as two escapes, \ud83d\ude00: one character in two halves. Half of one is an error.
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError as error:
        raise ValueError("text with half of a surrogate pair; write the character itself") from error


_CORE = "tag:yaml.org,2002:"
# Core tag -> how a scalar of it looks, what makes its value; in the order in which a plain scalar is tried.
_SCALARS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "null": (r"~|null|Null|NULL|", lambda _: None),
    "bool": (r"true|True|TRUE|false|False|FALSE", lambda text: text.lower() == "true"),
    # Underscores only between thousands: 1_000_000 is a number, the folder 2024_10 is not.
    "int": (r"[-+]?[0-9]+|[-+]?[0-9]{1,3}(?:_[0-9]{3})+|0o[0-7]+|0x[0-9a-fA-F]+", _integer),
    "float": (
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        _float,
    ),
    "str": (r"(?s:.*)", _text),
}
_KINDS = {
    "null": "null",
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "str": "text",
}

for _tag, (_pattern, _) in _SCALARS.items():
    if _tag != "str":  # what looks like nothing else is text
        _PlainLoader.add_implicit_resolver(_CORE + _tag, re.compile(rf"(?:{_pattern})\Z"), None)


class _Builder:
    """Turns nodes into data and notes the line of every key and every item."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lines: dict[Location, int] = {}
        self.nodes = 0
        self.open: set[int] = set()  # nodes being built: an alias to one of them would never end

    def build(self, node: yaml.Node, loc: Location) -> Any:
        """The value of `node`, which stands at `loc`."""
        line = node.start_mark.line + 1
        self.lines.setdefault(loc, line)  # the line of a key, if it has one, is already there
        if isinstance(node, _Alias):
            node = node.value
        self.nodes += 1
        _refuse_monsters(self.name, line, len(loc) + 1, self.nodes)
        if id(node) in self.open:
            raise self._error(line, "this alias stands inside what it refers to; write the value out")
        self.open.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode) and node.tag == _CORE + "map":
                return self._mapping(node, loc)
            if isinstance(node, yaml.SequenceNode) and node.tag == _CORE + "seq":
                return [self.build(item, (*loc, i)) for i, item in enumerate(node.value)]
            return self._scalar(node)
        finally:
            self.open.discard(id(node))

    def _mapping(self, node: yaml.MappingNode, loc: Location) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            key = self._key(key_node, line)
            here = (*loc, key)
            if key in data:
                first = self.lines[here]
                raise self._error(line, f"the key {_show(key)} is already on line {first}; remove one of the two", loc)
            self.lines[here] = line
            data[key] = self.build(value_node, here)
        return data

    def _key(self, node: yaml.Node, line: int) -> str:
        if isinstance(node, _Alias):
            node = node.value
        if not isinstance(node, yaml.ScalarNode):
            kind = "list" if isinstance(node, yaml.SequenceNode) else "mapping"
            raise self._error(line, f"a {kind} cannot be a key; expected text (is a bracket to be quoted?)")
        key = self._scalar(node)
        if not isinstance(key, str):
            shown = shorten(node.value)
            raise self._error(
                line, f"the key {shown or '(nothing)'} is not text; put it in quotes: {_show(node.value)}"
            )
        if key == "<<" and node.style is None:
            raise self._error(line, "merge keys ('<<') are not supported; write the keys out")
        return key

    def _scalar(self, node: yaml.Node) -> Any:
        line = node.start_mark.line + 1
        shown = shorten(node.tag.replace(_CORE, "!!", 1))
        if shown.startswith("!!python"):
            raise self._error(line, f"recipes cannot run code; remove the tag {shown!r}")
        tag = node.tag.removeprefix(_CORE) if node.tag.startswith(_CORE) else ""
        if not isinstance(node, yaml.ScalarNode) or tag not in _SCALARS:
            raise self._error(
                line,
                f"the tag {shown!r} is not allowed here; expected plain text, numbers, true, false, null, "
                "lists or mappings: remove the tag, or quote text that begins with '!'",
            )
        pattern, make = _SCALARS[tag]
        if not re.fullmatch(pattern, node.value):
            raise self._error(line, f"{_show(node.value)} is not {_KINDS[tag]}, as its tag {shown!r} says")
        try:
            return make(node.value)
        except ValueError as error:
            raise self._error(line, str(error)) from error

    def _error(self, line: int, sentence: str, loc: Location = ()) -> RecipeError:
        place = f"{dotted(loc)}: " if loc else ""
        return RecipeError(f"{self.name}:{line}: {place}{sentence}")


def _show(text: str) -> str:
    return repr(shorten(text))


def _refuse_monsters(name: str, line: int, depth: int, nodes: int) -> None:
    if depth > MAX_DEPTH + 1:
        raise RecipeError(f"{name}:{line}: nested deeper than {MAX_DEPTH} levels; flatten the document")
    if nodes > MAX_NODES:
        raise RecipeError(
            f"{name}:{line}: more than {MAX_NODES:,} values once its aliases are written out; "
            "expected a recipe: use fewer aliases, and keep long lists in files of their own"
        )
