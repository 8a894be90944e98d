"""Tests of YAML with lines: what plain scalars mean, where every line is, and every refusal with its line."""

import json
import math
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.errors import RecipeError
from pipeline import yaml_document
from pipeline.yaml_document import MAX_BYTES, MAX_DEPTH, MAX_NODES, YamlDocument, dotted, load_yaml


def load(text: str) -> YamlDocument:
    return load_yaml("recipe.yaml", text)


def refusal(text: str) -> str:
    with pytest.raises(RecipeError) as caught:
        load(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("no", "no"),
        ("NO", "NO"),
        ("yes", "yes"),
        ("on", "on"),
        ("off", "off"),
        ("y", "y"),
        ("true", True),
        ("True", True),
        ("TRUE", True),
        ("false", False),
        ("False", False),
        ("FALSE", False),
        ("tRue", "tRue"),
        ("null", None),
        ("Null", None),
        ("NULL", None),
        ("~", None),
        ("", None),
        ("none", "none"),
        ("7", 7),
        ("-7", -7),
        ("+7", 7),
        ("010", 10),
        ("08", 8),
        ("0o17", 15),
        ("0x1F", 31),
        ("0b11", "0b11"),
        ("1_000_000", 1_000_000),
        ("-1_000", -1000),
        ("2024_10", "2024_10"),
        ("1_0", "1_0"),
        ("1.5", 1.5),
        (".5", 0.5),
        ("5.", 5.0),
        ("-0.0", -0.0),
        ("1e6", 1e6),
        ("1E-3", 1e-3),
        ("1.5e+3", 1500.0),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        (".", "."),
        ("-", [None]),
        ("-x", "-x"),
        ("1.2.3", "1.2.3"),
        ("12:30", "12:30"),
        ("190:20:30", "190:20:30"),
        ("2024-05-01", "2024-05-01"),
        ("2024-05-01T12:30:00Z", "2024-05-01T12:30:00Z"),
        ("=", "="),
        ("٣", "٣"),
        ("'1'", "1"),
        ('"true"', "true"),
        ("!!str 1", "1"),
        ("!!int '1'", 1),
        ("!!float 1", 1.0),
        ("!!bool 'true'", True),
        ("!!null ''", None),
        ("!!seq [1]", [1]),
        ("!!map {a: 1}", {"a": 1}),
        ('"\\ud83d\\ude00"', "😀"),
        ("'<<'", "<<"),
    ],
)
def test_plain_scalars_follow_the_core_schema_of_yaml_1_2(written: str, meant: object) -> None:
    value = load(f"key: {written}\n" if written != "-" else "key:\n-\n").data["key"]
    assert value == meant
    assert type(value) is type(meant)


def test_not_a_number_is_a_number() -> None:
    assert math.isnan(load("key: .nan").data["key"])


def test_norwegian_is_a_language_as_item_and_as_key() -> None:
    assert load("languages: [no, sv]\nscore: {no: 0.5, on: 1}\n").data == {
        "languages": ["no", "sv"],
        "score": {"no": 0.5, "on": 1},
    }


RECIPE = """\
# a comment
name: sample

input:
  paths:
    - a.parquet
    -
      b.parquet
stages:
- language:
    allow: [no,
            sv]
- length: {min_words: 5,
    max_words: 9}
"""


def test_every_key_and_every_item_has_its_line() -> None:
    assert load(RECIPE).lines == {
        (): 2,
        ("name",): 2,
        ("input",): 4,
        ("input", "paths"): 5,
        ("input", "paths", 0): 6,
        ("input", "paths", 1): 8,
        ("stages",): 9,
        ("stages", 0): 10,
        ("stages", 0, "language"): 10,
        ("stages", 0, "language", "allow"): 11,
        ("stages", 0, "language", "allow", 0): 11,
        ("stages", 0, "language", "allow", 1): 12,
        ("stages", 1): 13,
        ("stages", 1, "length"): 13,
        ("stages", 1, "length", "min_words"): 13,
        ("stages", 1, "length", "max_words"): 14,
    }


def test_an_unknown_location_has_the_line_of_what_is_known_of_it() -> None:
    document = load(RECIPE)
    assert document.line(("stages", 1, "length", "missing", 3)) == 13
    assert document.line(("stages", 7)) == 9
    assert document.line(("missing",)) == 2
    assert document.problem(("stages", 1, "length"), "wrong", key="max_words") == (
        "recipe.yaml:14: stages[1].length: wrong"
    )
    assert document.problem((), "wrong") == "recipe.yaml:2: wrong"


def test_lines_are_those_of_an_editor_whatever_ends_them() -> None:
    assert load("a: 1\r\n\r\nb: 2\r\n").lines == load("a: 1\n\nb: 2\n").lines
    assert load("\ufeffa: 1\n").lines == {(): 1, ("a",): 1}


def test_an_alias_has_its_own_line_and_its_inside_the_line_of_the_anchor() -> None:
    document = load("base: &b\n  x: [1]\nuses:\n- *b\n- y: *b\n")
    assert document.data == {"base": {"x": [1]}, "uses": [{"x": [1]}, {"y": {"x": [1]}}]}
    assert document.line(("uses", 0)) == 4
    assert document.line(("uses", 1, "y")) == 5
    assert document.line(("uses", 1, "y", "x", 0)) == 2
    assert document.data["uses"][0] is not document.data["base"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n", "recipe.yaml:5: b: the key 'c' is already on line 3; remove one"),
        ("a: 1\n\n'a': 2\n", "recipe.yaml:3: the key 'a' is already on line 1"),
        ("a: 1\nb: !!python/object/apply:os.system [ls]\n", "recipe.yaml:2: recipes cannot run code; remove"),
        ("a: 1\nb: !!python/name:os.system\n", "recipe.yaml:2: recipes cannot run code"),
        ("!!python/name:os.system x: 1\n", "recipe.yaml:1: recipes cannot run code"),
        ("a:\n- !include x.yaml\n", "recipe.yaml:2: the tag '!include' is not allowed here"),
        ("a: 1\nb: ! important\n", "recipe.yaml:2: a '!' stands alone; put text that begins with it in quotes"),
        ("a: !!binary aGk=\n", "recipe.yaml:1: the tag '!!binary' is not allowed here"),
        ("a: !!set {x}\n", "recipe.yaml:1: the tag '!!set' is not allowed here"),
        ("a: !!timestamp 2024-05-01\n", "recipe.yaml:1: the tag '!!timestamp' is not allowed here"),
        ("a: !!int [1]\n", "recipe.yaml:1: the tag '!!int' is not allowed here"),
        ("a: !!map x\n", "recipe.yaml:1: the tag '!!map' is not allowed here"),
        ("a:\n- !!int abc\n", "recipe.yaml:2: 'abc' is not a whole number, as its tag '!!int' says"),
        ("a: 1\n2: b\n", "recipe.yaml:2: the key 2 is not text; put it in quotes: '2'"),
        ("a:\n  true: b\n", "recipe.yaml:2: the key true is not text; put it in quotes: 'true'"),
        ("a: 1\n~: b\n", "recipe.yaml:2: the key ~ is not text; put it in quotes: '~'"),
        ("a:\n  ?\n  : b\n", "recipe.yaml:2: the key (nothing) is not text; put it in quotes: ''"),
        ("a: 1\n? [b]\n: c\n", "recipe.yaml:2: a list cannot be a key"),
        ("a: {b}: 1\n", "recipe.yaml:1:7: mapping values are not allowed here; put text that"),
        ("{lang}: 1\n", "recipe.yaml:1: a mapping cannot be a key; expected text (is a bracket to be quoted?)"),
        ("a: &x 1\n*x : 2\n", "recipe.yaml:2: the key 1 is not text"),
        ("a: &x {b: 1}\nc:\n  <<: *x\n", "recipe.yaml:3: merge keys ('<<') are not supported; write the keys"),
        ("", "recipe.yaml:1: the document is empty; expected keys and values"),
        ("# only a comment\n\n", "recipe.yaml:1: the document is empty"),
        ("---\n", "recipe.yaml:1: the document is empty"),
        ("null\n", "recipe.yaml:1: the document is empty"),
        ("a: 1\n---\nb: 2\n", "recipe.yaml:2: a second document starts here; expected one"),
        ("a: 1\n---\n", "recipe.yaml:2: a second document starts here"),
        ("a: 1\nb: &x\n- 1\n- *x\n", "recipe.yaml:4: this alias stands inside what it refers to"),
        ("a: " + "9" * 5000, "recipe.yaml:1: a whole number of 5000 digits; expected at most 100"),
        ("a: 0x" + "f" * 5000, "recipe.yaml:1: a whole number of 5002 digits"),
        ('a: 1\nb: "\\ud83d"\n', "recipe.yaml:2: text with half of a surrogate pair"),
    ],
)
def test_refusals_name_the_line(text: str, message: str) -> None:
    assert refusal(text).startswith(message)


@pytest.mark.parametrize(
    ("text", "place", "problem", "hint"),
    [
        ("a: b: c\n", "1:5", "mapping values are not allowed here", "put text that contains ': ' in quotes"),
        ("a:\n\tb: 1\n", "2:1", "found character '\\t'", "indent with spaces, not with tabs"),
        ("a: @b\n", "1:4", "found character '@'", "put text that begins with this character in quotes"),
        ("paths:\n- *.parquet\n", "2:4", "while scanning an alias", "put text that begins with * in quotes"),
        ("paths:\n- *parquet\n", "2:3", "undefined alias 'parquet'", "put text that begins with * in quotes"),
        ("a: &.x\n", "1:5", "while scanning an anchor", "put text that begins with & in quotes"),
        ("a: 1\nb\nc: 1\n", "3:1", "could not find expected ':'", "write 'key: value'"),
        ('a: "C:\\path"\n', "1:8", "unknown escape character 'p'", "use single quotes"),
        ("a:\n  b: 1\n c: 2\n", "3:2", "expected <block end>", "check the indentation"),
        ("a:\n- 'b\n", "3:1", "(while scanning a quoted scalar, which began on line 2)", "close the quote"),
        ("a: 1\nb: [1, 2\nc: 3\n", "3:2", "(while parsing a flow sequence, which began on line 2)", "close the"),
        ("a: &x 1\nb: &x 2\n", "2:4", "found duplicate anchor 'x'", "check the line"),
        ("a: !e!x 1\n", "1:4", "found undefined tag handle '!e!'", "check the line"),
        ("a: 1\nb: x\x07y\n", "2:5", "U+0007 is not a character of YAML", "remove it"),
    ],
)
def test_syntax_errors_name_line_and_column_and_say_what_to_do(text: str, place: str, problem: str, hint: str) -> None:
    message = refusal(text)
    assert message.startswith(f"recipe.yaml:{place}: ")
    assert problem in message
    assert hint in message.partition("; ")[2]
    assert "\n" not in message


@pytest.mark.parametrize("text", ['a: 1\nb: "\\U99999999"\n', "%YAML 1." + "1" * 5000 + "\n---\na: 1\n"])
def test_numbers_that_break_pyyaml_are_refused(text: str) -> None:
    assert ": not valid YAML: " in refusal(text)


def test_aliases_that_explode_are_refused_before_they_do() -> None:
    laughs = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    laughs += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    assert refusal("\n".join(laughs)) == (
        f"recipe.yaml:1: more than {MAX_NODES:,} values once its aliases are written out; expected a recipe: "
        "use fewer aliases, and keep long lists in files of their own"
    )


def test_depth_and_size_have_limits_that_are_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    deep = "[" * MAX_DEPTH + "1" + "]" * MAX_DEPTH
    assert dotted(max(load(deep).lines, key=len)) == "[0]" * MAX_DEPTH
    assert refusal(f"\n[{deep}]").startswith(f"recipe.yaml:2: nested deeper than {MAX_DEPTH} levels")
    assert refusal("[" * 100_000).startswith(f"recipe.yaml:1: nested deeper than {MAX_DEPTH} levels")
    chain = "\n".join(["a0: &a0 [1]", *(f"a{i}: &a{i} [*a{i - 1}]" for i in range(1, 2000))])
    assert "nested deeper" in refusal(chain)
    monkeypatch.setattr(yaml_document, "MAX_NODES", 1000)
    many = "[" + "1," * 999 + "]"
    assert len(load(many).data) == 999
    assert "more than 1,000 values" in refusal(many.replace("[", "[1,"))
    assert len(load("a: &a [1, 2]\nb: [" + "*a, " * 331 + "]").data["b"]) == 331
    assert "more than 1,000 values" in refusal("a: &a [1, 2]\nb: [" + "*a, " * 332 + "]")
    assert refusal("#" * (MAX_BYTES + 1)).startswith("recipe.yaml:1: larger than 1,048,576 bytes")


def test_files_are_read_or_refused_by_name(tmp_path: Path) -> None:
    good = tmp_path / "good.yaml"
    good.write_bytes("name: Ærlig\r\n".encode())
    assert load_yaml(good).data == {"name": "Ærlig"}
    assert load_yaml(str(good)).path == str(good)

    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"a: 1\nb: caf\xe9\n")
    big = tmp_path / "big.yaml"
    big.write_bytes(b"\xff" * (MAX_BYTES + 1))
    for path, message in [
        (latin, f"{latin}:2: not UTF-8 (byte 0xe9, invalid continuation byte); save it as UTF-8"),
        (big, f"{big}:1: larger than 1,048,576 bytes"),
        (tmp_path / "none.yaml", f"{tmp_path}/none.yaml: no such file"),
        (tmp_path, f"{tmp_path}: cannot be read: Is a directory"),
        ("nul\0.yaml", "nul\0.yaml: cannot be read: embedded null"),
    ]:
        with pytest.raises(RecipeError) as caught:
            load_yaml(path)
        assert str(caught.value).startswith(message)


# --- Properties -----------------------------------------------------------------------------------------

TEXTS = st.text(st.characters(blacklist_categories=["Cs", "Cc", "Cn"], blacklist_characters="\ufeff"), max_size=40)
SCALARS = st.none() | st.booleans() | st.integers(-(10**90), 10**90) | st.floats(allow_nan=False, width=64) | TEXTS
DATA = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4), max_leaves=20
).filter(lambda data: data is not None)


class QuotingDumper(yaml.SafeDumper):
    """PyYAML decides by the rules of YAML 1.1 what needs quotes; here all text has them."""


QuotingDumper.add_representer(
    str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"')
)
QuotingDumper.ignore_aliases = lambda self, data: True  # type: ignore[method-assign]


@settings(deadline=None)
@given(DATA, st.booleans(), st.sampled_from([20, 80, 10_000]))
def test_what_was_dumped_is_what_is_loaded(data: object, flow: bool, width: int) -> None:
    text = yaml.dump(data, Dumper=QuotingDumper, default_flow_style=flow, width=width, allow_unicode=True)
    assert load(text).data == data


@settings(deadline=None)
@given(DATA.filter(lambda data: "Infinity" not in json.dumps(data)), st.booleans())
def test_json_is_yaml(data: object, ascii_only: bool) -> None:
    assert load(json.dumps(data, ensure_ascii=ascii_only, indent=1)).data == data


@settings(deadline=None)
@given(DATA)
def test_every_part_of_the_data_has_a_line_and_children_are_not_before_parents(data: object) -> None:
    text = yaml.dump(data, Dumper=QuotingDumper, default_flow_style=False)
    document = load(text)

    def visit(part: object, loc: tuple[str | int, ...]) -> None:
        assert 1 <= document.lines[loc] <= text.count("\n") + 1
        assert not loc or document.lines[loc[:-1]] <= document.lines[loc]
        items = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
        for key, inner in items:
            visit(inner, (*loc, key))

    visit(document.data, ())


PIECES = [*"abz019 \n\t:-?,[]{}#&*!|>'\"%@`=~<._\\\r\0\ud800\u2028é😀"]
PIECES += ["\n  ", "\n- ", ": ", "---\n", "...\n", "&a ", "*a", "<<: ", "!!int ", "!!python/name:os.system "]
PIECES += ["%YAML 1.1\n", "%TAG ! tag:x,1:\n", "\\x4", "\\u", "\\UFFFFFFFF", "1e9"]


@settings(deadline=None)
@given(st.text() | st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_any_text_is_data_or_a_recipe_error(text: str) -> None:
    try:
        document = load(text)
    except RecipeError as error:
        assert str(error).startswith("recipe.yaml:")
        assert "\n" not in str(error)
    else:
        assert document.data is not None
        json.dumps(document.data, ensure_ascii=False).encode()


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_data_or_a_recipe_error(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.yaml"
    path.write_bytes(raw)
    try:
        load_yaml(path)
    except RecipeError as error:
        assert str(error).startswith(f"{path}:")
