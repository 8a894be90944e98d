"""From plain data to a validated model, where every mistake is one sentence with its line in the file.

Pydantic finds the mistakes; this file says them: where, what was given, what was expected, what to do.
"""

import difflib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from filters.errors import RecipeError
from pipeline.yaml_document import Location, YamlDocument, shorten

M = TypeVar("M", bound=BaseModel)

MAX_PROBLEMS = 30  # more lines than this help nobody


def validate(model: type[M], data: Any, document: YamlDocument, loc: Location = ()) -> M:
    """`data`, which stands at `loc` of `document`, as a `model`; all its mistakes in one RecipeError.

    >>> from pipeline.yaml_document import load_yaml
    >>> class Params(BaseModel, extra="forbid", frozen=True):
    ...     allow: tuple[str, ...]
    >>> document = load_yaml("recipe.yaml", "language:\\n  allow: [no]\\n")
    >>> validate(Params, document.data["language"], document, loc=("language",))
    Params(allow=('no',))
    >>> document = load_yaml("recipe.yaml", "allow: [no]\\nalow: [sv]\\n")
    >>> validate(Params, document.data, document)
    Traceback (most recent call last):
    filters.errors.RecipeError: recipe.yaml:2: unknown key 'alow'; did you mean 'allow'? Known: allow
    """
    try:
        result = model.model_validate(data)
    except ValidationError as error:
        problems = _settle([_problem(model, data, details) for details in error.errors(include_url=False)])
        raise RecipeError(_message(problems, document, loc)) from error
    # Pydantic takes true for 1. In a recipe that is a mistake.
    mistaken = list(_booleans_as_numbers(data, result))
    if mistaken:
        raise RecipeError(_message(_settle(mistaken), document, loc))
    return result


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that `name` was probably meant to be; case, hyphens and underscores do not count.

    >>> nearest("Min-Scores", ["allow", "min_score"]), nearest("model", ["allow", "min_score"])
    ('min_score', None)
    """
    plain = {_plain(candidate): candidate for candidate in known}
    found = difflib.get_close_matches(_plain(name[:100]), plain, n=1)
    return plain[found[0]] if found else None


def _plain(name: str) -> str:
    return name.lower().replace("-", "_")


# --- Sizes in bytes -----------------------------------------------------------------------------------

_UNITS = {"": 1, "b": 1}
for _power, _letter in enumerate("kmgt", start=1):
    _UNITS |= {_letter: 1000**_power, _letter + "b": 1000**_power, _letter + "ib": 1024**_power}


def parse_bytes(value: str | int | float) -> int:
    """A number of bytes, written as one or with a unit.

    KiB, MiB, GiB and TiB are powers of 1024; k, M, G, T, KB, MB, GB and TB are powers of 1000, in upper or
    lower case. A fraction of a byte is cut off.

    >>> parse_bytes("64 MiB"), parse_bytes("256MB"), parse_bytes("1.5GB"), parse_bytes("512k")
    (67108864, 256000000, 1500000000, 512000)
    """
    size = -1  # stands for nonsense
    if isinstance(value, str):
        match = re.fullmatch(r"\s*([0-9]{1,20}(?:\.[0-9]{1,20})?)\s*([a-zA-Z]*)\s*", value)
        unit = _UNITS.get(match[2].lower()) if match else None
        if match and unit and not ("." in match[1] and unit == 1):
            size = int(Fraction(match[1]) * unit)
    elif isinstance(value, int) and not isinstance(value, bool):
        size = value
    elif isinstance(value, float) and value.is_integer():  # 1e9 is a float in YAML
        size = int(value)
    if not 0 <= size < 2**63:
        raise RecipeError(
            f"{_given(value)} is not a size; expected bytes, as in 4096, or a number with a unit, as in "
            "'64 MiB', '256MB', '1.5GB' or '512k'"
        )
    return size


ByteSize = Annotated[int, BeforeValidator(parse_bytes)]
"""An int field that a recipe may also write as '64 MiB'; see `parse_bytes`."""


# --- One pydantic error as one problem ----------------------------------------------------------------


@dataclass(frozen=True)
class _Problem:
    """One mistake: its place within the data, a sentence, and the key of that place if it is about one."""

    loc: Location
    sentence: str
    key: str | None = None


@dataclass(frozen=True)
class _Mismatch:
    """A value of a wrong type or none of the choices; no sentence yet, as a union expects several things."""

    loc: Location
    expected: str
    value: Any
    choices: tuple[str, ...] = ()


_EXPECTED = {
    "text": {"string_type", "string_unicode", "path_type"},
    "a whole number": {"int_type", "int_parsing", "int_from_float", "int_parsing_size"},
    "a number": {"float_type", "float_parsing"},
    "a finite number": {"finite_number"},
    "true or false": {"bool_type", "bool_parsing"},
    "nothing (null)": {"none_required"},
    "a list": {"list_type", "tuple_type", "set_type", "frozen_set_type", "iterable_type"},
    "a mapping": {"dict_type", "mapping_type", "model_type", "model_attributes_type", "dataclass_type"},
}
_WORDS = {error_type: words for words, error_types in _EXPECTED.items() for error_type in error_types}
_BOUNDS = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
    "multiple_of": ("a multiple of", "multiple_of"),
}
_LENGTHS = {
    "string_too_short": ("at least", "min_length", "characters"),
    "string_too_long": ("at most", "max_length", "characters"),
    "too_short": ("at least", "min_length", "items"),
    "too_long": ("at most", "max_length", "items"),
}


def _problem(model: type[BaseModel], data: Any, details: ErrorDetails) -> _Problem | _Mismatch:
    kind, value, context = details["type"], details["input"], details.get("ctx", {})
    *parents, last = details["loc"] or (None,)
    if kind == "extra_forbidden":
        loc, kinds = _walk(model, data, parents)
        return _Problem(loc, _unknown_key(str(last), [key for k in kinds for key in _fields(k)]), str(last))
    if kind == "missing":
        loc, _ = _walk(model, data, parents)
        if isinstance(last, int):
            return _Problem(loc, f"missing item {last}; the list is too short")
        return _Problem(loc, f"missing key {last!r}; it has no default, so write it here")
    loc, _ = _walk(model, data, details["loc"])
    if kind in _WORDS:
        return _Mismatch(loc, _WORDS[kind], value)
    if kind in ("literal_error", "enum"):
        return _Mismatch(loc, context["expected"], value, _quoted(context["expected"]))
    if kind == "union_tag_not_found":
        return _Problem(loc, f"missing key {context['discriminator']}; it says what this is, so write it here")
    if kind == "union_tag_invalid":
        tags, key = context["expected_tags"], context["discriminator"].strip("'")
        return _Mismatch((*loc, key), tags.replace(", ", " or "), context["tag"], _quoted(tags))
    if kind in _BOUNDS:
        words, bound = _BOUNDS[kind]
        return _Problem(loc, f"expected {words} {_number(context[bound])}, got {_given(value)}")
    if kind in _LENGTHS:
        words, bound, unit = _LENGTHS[kind]
        return _Problem(loc, f"expected {words} {_count(context[bound], unit)}, got {_given(value)}")
    if kind == "string_pattern_mismatch":
        return _Problem(loc, f"expected text that matches {context['pattern']!r}, got {_given(value)}")
    if "error" in context:  # raised by a validator of ours
        return _Problem(loc, str(context["error"]) or "not valid")
    sentence = details["msg"].replace("Input should be", "expected", 1)
    return _Problem(loc, f"{sentence}, got {_given(value)}")


def _unknown_key(key: str, known: list[str]) -> str:
    guess = nearest(key, known)
    hint = f"did you mean {guess!r}? " if guess else ""
    names = ", ".join(dict.fromkeys(known)) or "no keys at all"
    return f"unknown key {shorten(key)!r}; {hint}Known: {names}"


def _quoted(choices: str) -> tuple[str, ...]:
    """The names in pydantic's list of choices, which is made of reprs."""
    return tuple(single or double for single, double in re.findall(r"'([^']*)'|\"([^\"]*)\"", choices))


def _number(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _count(n: int, unit: str) -> str:
    return f"{n} {unit.removesuffix('s') if n == 1 else unit}"


def _given(value: Any) -> str:
    """What was given, in words and at most 60 characters of it."""
    match value:
        case None:
            return "nothing (null)"
        case bool():
            return str(value).lower()
        case int() if value.bit_length() > 256:
            return "a number too long to show"
        case int() | float():
            return f"the number {shorten(str(value))}"
        case str():
            return f"the text {shorten(value)!r}"
        case Mapping():
            keys = shorten(", ".join(repr(key) for key in value))
            return f"a mapping with the keys {keys}" if value else "an empty mapping"
        case Collection():
            return f"a list of {_count(len(value), 'items')}" if value else "an empty list"
    return f"a {type(value).__name__}"


# --- All problems as one message ----------------------------------------------------------------------


def _settle(findings: Sequence[_Problem | _Mismatch]) -> list[_Problem]:
    """Each mistake once: a value that fits no branch of a union gets one sentence for all of them.

    Where one branch fits but for something inside it, that is the mistake, and the other branches are silent.
    """
    settled = [finding for finding in findings if isinstance(finding, _Problem)]
    places = {problem.loc[:n] for problem in settled for n in range(len(problem.loc) + 1)}
    wrong: dict[Location, list[_Mismatch]] = {}
    for finding in findings:
        if isinstance(finding, _Mismatch) and finding.loc not in places:
            wrong.setdefault(finding.loc, []).append(finding)
    inner = {loc[:n] for loc in wrong for n in range(len(loc))}
    settled += [_Problem(loc, _sentence(same)) for loc, same in wrong.items() if loc not in inner]
    return list(dict.fromkeys(settled))


def _sentence(mismatches: Sequence[_Mismatch]) -> str:
    value = mismatches[0].value
    expected = list(dict.fromkeys(mismatch.expected for mismatch in mismatches))
    sentence = f"expected {' or '.join(expected)}, got {_given(value)}"
    choices = [choice for mismatch in mismatches for choice in mismatch.choices]
    guess = nearest(value, choices) if isinstance(value, str) else None
    if guess:
        return f"{sentence}; did you mean {guess!r}?"
    if value is None:
        return f"{sentence}; write a value, or leave the key out"
    if isinstance(value, str) and "a list" in expected:
        return f"{sentence}; a list of one is written [{shorten(value)!r}]"
    if isinstance(value, int | float) and "text" in expected:
        return f"{sentence}; put it in quotes to make it text"
    return sentence


def _message(problems: list[_Problem], document: YamlDocument, loc: Location) -> str:
    def line(problem: _Problem) -> int:
        key = () if problem.key is None else (problem.key,)
        return document.line((*loc, *problem.loc, *key))

    ordered = sorted(problems, key=line)
    text = [document.problem((*loc, *p.loc), p.sentence, p.key) for p in ordered[:MAX_PROBLEMS]]
    if len(ordered) > MAX_PROBLEMS:
        text.append(f"... and {len(ordered) - MAX_PROBLEMS} more problems")
    return "\n".join(text)


# --- Where in the data and in the types an error is ---------------------------------------------------


def _walk(model: type[BaseModel], data: Any, loc: Iterable[int | str]) -> tuple[Location, list[Any]]:
    """Pydantic's location without the names of union branches in it, and the types expected there."""
    place: list[str | int] = []
    kinds: list[Any] = [model]
    for part in loc:
        if len(kinds) > 1 and (branch := [kind for kind in kinds if _is_branch(kind, part)]):
            kinds = branch
        elif _has(data, part):
            place.append(part)
            data, kinds = data[part], [inner for kind in kinds for inner in _inner(kind, part)]
    return tuple(place), kinds


def _has(data: Any, part: str | int) -> bool:
    if isinstance(data, list | tuple):
        return isinstance(part, int) and part < len(data)
    return isinstance(data, Mapping) and part in data


def _is_branch(kind: Any, label: str | int) -> bool:
    """Whether pydantic calls this branch of a union `label`: by its class, or by its discriminator."""
    if not _is_model(kind):
        return getattr(kind, "__name__", None) == label
    literals = [get_args(f.annotation) for f in kind.model_fields.values() if get_origin(f.annotation) is Literal]
    return kind.__name__ == label or any(label in values for values in literals)


def _inner(kind: Any, part: str | int) -> Iterator[Any]:
    """The types of item or key `part` of a value of type `kind`."""
    args = get_args(kind)
    if _is_model(kind):
        if part in _fields(kind):
            yield from _alternatives(_fields(kind)[str(part)])
    elif isinstance(part, int) and args:
        fixed = get_origin(kind) is tuple and args[-1] is not Ellipsis
        yield from _alternatives(args[part] if fixed and part < len(args) else args[0])
    elif len(args) == 2:
        yield from _alternatives(args[1])


def _alternatives(annotation: Any) -> Iterator[Any]:
    """The members of a union, None excepted; anything else alone."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _alternatives(get_args(annotation)[0])
    elif origin in (Union, UnionType):
        for member in get_args(annotation):
            yield from _alternatives(member)
    elif annotation is not NoneType:
        yield annotation


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _fields(kind: Any) -> dict[str, Any]:
    """Key as written in the file -> annotation, for a model; nothing for other types."""
    return {_key(name, f): f.annotation for name, f in kind.model_fields.items()} if _is_model(kind) else {}


def _key(name: str, info: FieldInfo) -> str:
    return info.validation_alias if isinstance(info.validation_alias, str) else name


def _booleans_as_numbers(data: Any, result: Any, loc: Location = ()) -> Iterator[_Mismatch]:
    """Every true or false in `data` that `result` holds as 1 or 0."""
    if isinstance(data, bool):
        if isinstance(result, int | float) and not isinstance(result, bool) and result == data:
            yield _Mismatch(loc, "a number", data)
    elif isinstance(data, Mapping):
        held = result
        if isinstance(result, BaseModel):
            held = {_key(name, f): getattr(result, name) for name, f in type(result).model_fields.items()}
        for key in data:
            if _has(held, key):
                yield from _booleans_as_numbers(data[key], held[key], (*loc, key))
    elif isinstance(data, list) and isinstance(result, list | tuple) and len(data) == len(result):
        for index, (item, inside) in enumerate(zip(data, result, strict=True)):
            yield from _booleans_as_numbers(item, inside, (*loc, index))
