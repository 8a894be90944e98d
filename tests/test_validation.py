"""Tests of validation: every kind of mistake as one sentence with its line, sizes in bytes, and the nearest name."""

import enum
from pathlib import Path
from typing import Annotated, Any, Literal, Union

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, field_validator, model_validator

from filters.errors import RecipeError
from pipeline.validation import ByteSize, nearest, parse_bytes, validate
from pipeline.yaml_document import load_yaml


class Params(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Keep(str, enum.Enum):
    first = "first"
    longest = "longest"


class Near(Params):
    kind: Literal["near"]
    threshold: Annotated[float, Field(gt=0, le=1)] = 0.8


class Exact(Params):
    kind: Literal["exact"]
    normalise: bool = True


class Language(Params):
    allow: tuple[str, ...] = ()
    min_score: Annotated[float, Field(ge=0, lt=1)] = 0.5
    model: Path | None = None
    max_chars: Annotated[int, Field(ge=1)] = 1000


class Recipe(Params):
    name: str = Field("sample", min_length=2, pattern="^[a-z]+$")
    language: Language = Language()
    stages: tuple[Language, ...] = ()
    by_source: dict[str, Language] = {}
    dedup: Annotated[Near | Exact, Field(discriminator="kind")] | None = None
    bands: Literal["auto", "none"] | Annotated[int, Field(ge=1)] = "auto"
    inline: Language | str = "none"
    keep: Keep = Keep.first
    size: ByteSize = parse_bytes("256MB")
    shape: tuple[int, float] | None = None
    rows: Annotated[int, Field(multiple_of=64)] = 64
    few: tuple[int, ...] = Field((1,), min_length=1, max_length=3)
    pair: Annotated[list[str], Field(max_length=1)] = []
    finite: FiniteFloat = 1.0
    tolerant: bool = False
    weights: dict[str, float] = {}
    since: int = Field(0, validation_alias="from")
    anything: Any = None
    mixed: bool | int = False

    @field_validator("name")
    @classmethod
    def _not_reserved(cls, name: str) -> str:
        if name == "staging":
            raise ValueError("'staging' is the name of a folder of ours; choose another")
        return name

    @model_validator(mode="after")
    def _both(self) -> "Recipe":
        if self.tolerant and self.rows > 64:
            raise ValueError("tolerant needs rows: 64")
        return self


class Required(Params):
    path: str
    inner: Near


def check(text: str, model: type[BaseModel] = Recipe) -> BaseModel:
    document = load_yaml("recipe.yaml", text)
    return validate(model, document.data, document)


def refusal(text: str, model: type[BaseModel] = Recipe) -> str:
    with pytest.raises(RecipeError) as caught:
        check(text, model)
    return str(caught.value)


def test_a_valid_recipe_is_the_model() -> None:
    recipe = check("name: web\nlanguage: {allow: [no, sv], max_chars: 1e6}\nsize: 64 MiB\nmixed: true\nfrom: 3\n")
    assert recipe == Recipe(
        name="web",
        language=Language(allow=("no", "sv"), max_chars=1_000_000),
        size=64 * 2**20,
        mixed=True,
        **{"from": 3},
    )


def test_a_part_of_a_document_is_named_by_its_place_in_the_whole() -> None:
    document = load_yaml("recipe.yaml", "stages:\n- length: {}\n- language:\n    alow: [en]\n    min_score: 2\n")
    with pytest.raises(RecipeError) as caught:
        validate(Language, document.data["stages"][1]["language"], document, ("stages", 1, "language"))
    assert str(caught.value).splitlines() == [
        "recipe.yaml:4: stages[1].language: unknown key 'alow'; did you mean 'allow'? "
        "Known: allow, min_score, model, max_chars",
        "recipe.yaml:5: stages[1].language.min_score: expected less than 1, got the number 2",
    ]


KNOWN = "Known: allow, min_score, model, max_chars"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        # Unknown keys, wherever the model is.
        ("name: web\nlanguag: {}\n", "2: unknown key 'languag'; did you mean 'language'? Known: name, language, st"),
        (
            "language:\n  allow: []\n  Max-Chars: 3\n",
            f"3: language: unknown key 'Max-Chars'; did you mean 'max_chars'? {KNOWN}",
        ),
        ("stages:\n- {}\n- {allow: [],\n   zzz: 1}\n", f"4: stages[1]: unknown key 'zzz'; {KNOWN}"),
        ("by_source:\n  a b:\n    x: 1\n", f"3: by_source[\"a b\"]: unknown key 'x'; {KNOWN}"),
        (
            "dedup:\n  kind: near\n  treshold: 1\n",
            "3: dedup: unknown key 'treshold'; did you mean 'threshold'? Known: kind, threshold",
        ),
        ("dedup:\n  kind: exact\n  threshold: 1\n", "3: dedup: unknown key 'threshold'; Known: kind, normalise"),
        ("inline:\n  alow: 1\n", f"2: inline: unknown key 'alow'; did you mean 'allow'? {KNOWN}"),
        ("since: 1\n", "1: unknown key 'since'; did you mean 'size'? Known: name, language, stages, by_source, "),
        # Types, in plain words.
        ("name: web\nlanguage: 5\n", "2: language: expected a mapping, got the number 5"),
        ("- a\n- b\n", "1: expected a mapping, got a list of 2 items"),
        ("name: 12\n", "1: name: expected text, got the number 12; put it in quotes to make it text"),
        ("name: true\n", "1: name: expected text, got true; put it in quotes to make it text"),
        ("name:\n", "1: name: expected text, got nothing (null); write a value, or leave the key out"),
        (
            "language:\n  allow: en\n",
            "2: language.allow: expected a list, got the text 'en'; a list of one is written ['en']",
        ),
        ("language:\n  allow:\n  - en\n  - 1\n", "4: language.allow[1]: expected text, got the number 1; put it"),
        ("rows: many\n", "1: rows: expected a whole number, got the text 'many'"),
        ("rows: 64.5\n", "1: rows: expected a whole number, got the number 64.5"),
        ("rows: '" + "9" * 5000 + "'\n", "1: rows: expected a whole number, got the text '" + "9" * 57 + "...'"),
        ("finite: [1]\n", "1: finite: expected a number, got a list of 1 item"),
        ("finite: []\n", "1: finite: expected a number, got an empty list"),
        ("finite: {}\n", "1: finite: expected a number, got an empty mapping"),
        ("finite: {a: 1, b: 2}\n", "1: finite: expected a number, got a mapping with the keys 'a', 'b'"),
        ("finite: .inf\n", "1: finite: expected a finite number, got the number inf"),
        ("tolerant: maybe\n", "1: tolerant: expected true or false, got the text 'maybe'"),
        ("weights: [1]\n", "1: weights: expected a mapping, got a list of 1 item"),
        ("weights:\n  a: 1\n  b: x\n", "3: weights.b: expected a number, got the text 'x'"),
        ("shape: [1]\n", "1: shape: missing item 1; the list is too short"),
        ("shape: [1, 2, 3]\n", "1: shape: expected at most 2 items, got a list of 3 items"),
        ("shape:\n- 1\n- x\n", "3: shape[1]: expected a number, got the text 'x'"),
        # true is 1 for pydantic and not for us; where a bool is welcome it stays one.
        ("name: web\nrows: false\n", "2: rows: expected a number, got false"),
        ("few:\n- 1\n- true\n", "3: few[1]: expected a number, got true"),
        ("language:\n  max_chars: true\n", "2: language.max_chars: expected a number, got true"),
        ("weights: {a: true}\n", "1: weights.a: expected a number, got true"),
        ("from: true\n", "1: from: expected a number, got true"),
        # Ranges and lengths, with the bound.
        ("language:\n  min_score: -0.1\n", "2: language.min_score: expected at least 0, got the number -0.1"),
        ("language: {min_score: 1}\n", "1: language.min_score: expected less than 1, got the number 1"),
        ("language: {min_score: .nan}\n", "1: language.min_score: expected less than 1, got the number nan"),
        (
            "dedup: {kind: near, threshold: 0}\n",
            "1: dedup.threshold: expected more than 0, got the number 0",
        ),
        (
            "dedup:\n  kind: near\n  threshold: 1.5\n",
            "3: dedup.threshold: expected at most 1, got the number 1.5",
        ),
        ("rows: 65\n", "1: rows: expected a multiple of 64, got the number 65"),
        ("few: []\n", "1: few: expected at least 1 item, got an empty list"),
        ("pair: [a, b]\n", "1: pair: expected at most 1 item, got a list of 2 items"),
        ("name: a\n", "1: name: expected at least 2 characters, got the text 'a'"),
        ("name: A1\n", "1: name: expected text that matches '^[a-z]+$', got the text 'A1'"),
        # Choices.
        ("keep: longst\n", "1: keep: expected 'first' or 'longest', got the text 'longst'; did you mean 'longest'?"),
        ("keep: 3\n", "1: keep: expected 'first' or 'longest', got the number 3"),
        (
            "dedup:\n  kind: neer\n",
            "2: dedup.kind: expected 'near' or 'exact', got the text 'neer'; did you mean 'near'?",
        ),
        ("dedup:\n  threshold: 1\n", "1: dedup: missing key 'kind'; it says what this is, so write it here"),
        # Unions: one sentence for all branches, or the mistake within the one that was meant.
        (
            "bands: atuo\n",
            "1: bands: expected 'auto' or 'none' or a whole number, got the text 'atuo'; did you mean 'auto'?",
        ),
        ("bands: 0\n", "1: bands: expected at least 1, got the number 0"),
        ("inline: 7\n", "1: inline: expected a mapping or text, got the number 7; put it in quotes to make it text"),
        ("inline:\n  max_chars: x\n", "2: inline.max_chars: expected a whole number, got the text 'x'"),
        # What validators say is kept.
        ("tolerant: yes\nname: staging\n", "2: name: 'staging' is the name of a folder of ours; choose another"),
        ("name: web\ntolerant: yes\nrows: 128\n", "1: tolerant needs rows: 64"),
        (
            "name: web\nsize: 12 parsecs\n",
            "2: size: the text '12 parsecs' is not a size; expected bytes, as in 4096, or",
        ),
    ],
)
def test_each_mistake_is_one_sentence_with_its_line(text: str, message: str) -> None:
    said = refusal(text)
    assert said.startswith(f"recipe.yaml:{message}")
    assert "\n" not in said


def test_missing_keys_are_named_at_the_mapping_that_lacks_them() -> None:
    assert refusal("inner:\n  threshold: 0.5\n", Required).splitlines() == [
        "recipe.yaml:1: missing key 'path'; it has no default, so write it here",
        "recipe.yaml:1: inner: missing key 'kind'; it has no default, so write it here",
    ]


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file() -> None:
    said = refusal("zzz: 1\nkeep: last\nlanguage:\n  min_score: high\n  alow: []\nname: 7\n").splitlines()
    assert [line.split(": ")[0] for line in said] == [f"recipe.yaml:{n}" for n in (1, 2, 4, 5, 6)]


def test_a_flood_of_mistakes_is_cut() -> None:
    said = refusal("language:\n  allow:\n" + "  - 1\n" * 100).splitlines()
    assert len(said) == 31
    assert said[29].startswith("recipe.yaml:32: language.allow[29]: ")
    assert said[30] == "... and 70 more problems"


@pytest.mark.parametrize("value", ["a" * 1000, "\n" * 1000])
def test_values_are_cut_to_sixty_characters(value: str) -> None:
    document = load_yaml("recipe.yaml", "rows: x\n")
    with pytest.raises(RecipeError) as caught:
        validate(Recipe, {"rows": value}, document)
    assert str(caught.value) == f"recipe.yaml:1: rows: expected a whole number, got the text {value[:57] + '...'!r}"
    with pytest.raises(RecipeError) as caught:
        validate(Recipe, {value: 1}, document)
    assert f"unknown key {value[:57] + '...'!r}; Known: " in str(caught.value)


def test_untagged_unions_and_typing_unions_are_walked_too() -> None:
    class Old(Params):
        either: Union[Near, Language, None] = None  # noqa: UP007

    said = refusal("either:\n  kind: near\n  treshold: 1\n", Old)
    assert "recipe.yaml:3: either: unknown key 'treshold'; did you mean 'threshold'? Known: kind, threshold" in said


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["near", "1", "auto"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*Recipe.model_fields, *Language.model_fields, "kind", "from", "?"]), inner)
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(PLAIN, st.booleans())
def test_any_data_is_a_model_or_a_recipe_error_about_every_line(data: object, nested: bool) -> None:
    document = load_yaml("recipe.yaml", "name: web\n")
    try:
        recipe = validate(Recipe, {"stages": [data], "inline": data, "dedup": data} if nested else data, document)
    except RecipeError as error:
        assert all(line.startswith(("recipe.yaml:1: ", "... and ")) for line in str(error).splitlines())
    else:
        assert isinstance(recipe, Recipe)


# --- Sizes and names --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "size"),
    [
        (0, 0),
        (4096, 4096),
        (1e9, 10**9),
        ("4096", 4096),
        ("512 B", 512),
        ("512k", 512_000),
        ("512K", 512_000),
        ("3M", 3 * 10**6),
        ("3G", 3 * 10**9),
        ("3T", 3 * 10**12),
        ("256MB", 256 * 10**6),
        ("1.5GB", 1_500_000_000),
        ("1KB", 1000),
        ("1KiB", 1024),
        ("64 MiB", 64 * 2**20),
        (" 64 mib ", 64 * 2**20),
        ("0.5GiB", 2**29),
        ("2TiB", 2**41),
        ("1.1KiB", 1126),
        ("0.1MB", 100_000),
    ],
)
def test_sizes(written: str | int, size: int) -> None:
    assert parse_bytes(written) == size
    assert type(parse_bytes(written)) is int


@pytest.mark.parametrize(
    "written",
    [
        *(-1, 0.5, True, None, [], {}, float("nan"), float("inf"), 2**63),
        *("-1", "-5MB", "0.5", "1.5B", "nan", "inf", "", " ", "MB", "5 bananas", "1e3", "1,5GB", "5 M B", "5Mi"),
        *("0x10", "1_0", "٣MB", "9" * 5000, "9" * 15 + "TB"),
        pytest.param(10**5000, id="ten to the 5000"),
    ],
)
def test_nonsense_is_not_a_size(written: Any) -> None:
    with pytest.raises(
        RecipeError, match="is not a size; expected bytes, as in 4096, or a number with a unit, as in '64"
    ):
        parse_bytes(written)


@settings(deadline=None)
@given(st.integers(0, 2**62 - 1), st.sampled_from([("", 1), ("k", 1000), ("KiB", 1024), ("GB", 10**9), ("TiB", 2**40)]))
def test_a_size_is_its_number_times_its_unit(number: int, unit: tuple[str, int]) -> None:
    number //= unit[1]
    assert parse_bytes(f"{number} {unit[0]}") == number * unit[1]


@settings(deadline=None)
@given(st.text())
def test_any_text_is_a_size_or_a_recipe_error(text: str) -> None:
    try:
        assert 0 <= parse_bytes(text) < 2**63
    except RecipeError as error:
        assert len(str(error)) < 800


@pytest.mark.parametrize(
    ("name", "known", "meant"),
    [
        ("alow", ["allow", "model"], "allow"),
        ("Min-Score", ["min_score"], "min_score"),
        ("min_score", ["MIN_SCORE"], "MIN_SCORE"),
        ("zzz", ["allow"], None),
        ("allow", [], None),
        ("", ["allow"], None),
    ],
)
def test_nearest(name: str, known: list[str], meant: str | None) -> None:
    assert nearest(name, known) == meant


@settings(deadline=None)
@given(st.lists(st.text(st.sampled_from("abcdef"), min_size=1), min_size=1, unique=True), st.data())
def test_a_known_name_is_nearest_to_itself(known: list[str], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(known))
    assert nearest(name, known) == name
