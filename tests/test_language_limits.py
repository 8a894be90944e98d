"""Tests of limits by language: FineWeb-2's table, files of one's own, values in a recipe, stop words."""

import re
from pathlib import Path

import pyarrow as pa
import pytest
import yaml
from pydantic import ValidationError

from filters.catalog import FILTERS
from filters.chain import KEY, NOTE
from filters.contract import LimitByName, Rule, judge, prepared_state
from filters.errors import RecipeError
from filters.list_files import ListFile
from filters.quality import bounds, limits_file
from filters.quality.language_limits import load_limits
from tests.quality_stages import only, reasons, run, stage


def test_each_language_is_judged_by_its_own_limits():
    long_words = "und der " + "Donaudampfschiff " * 3 + "a " * 6  # 5.4 characters a word in the mean
    chosen = only("gopher_quality", "max_word_length", limits="fineweb2", max_word_length=1)
    assert reasons([long_words] * 6, chosen, languages=["de", "deu", "deu_Latn", "tlh", None, "und"]) == [
        None,
        None,
        None,
        "words_too_long",
        "words_too_long",
        "words_too_long",
    ]
    applied = run([long_words] * 3, chosen, languages=["de", "cmn_Hani", "xx"])
    rows = applied.rejects.sort_by(KEY).to_pylist()
    assert [(row[KEY], row["threshold"]) for row in rows] == [(1, 5.0), (2, 1.0)]
    assert applied.tally.documents["gopher_quality", NOTE + bounds.FELL_TO_DEFAULT] == 1
    assert applied.kept["gopher_quality_limits"].to_pylist() == ["deu_Latn"]


def test_null_turns_a_rule_off_for_every_language():
    assert reasons(["a" * 99], only("gopher_quality", None, limits="fineweb2"), languages=["zh"]) == [None]


@pytest.mark.parametrize(
    ("language", "passes", "fails"),
    [
        ("de", "der Hund und", "der der Hund"),
        ("ko", "나라의 사람이 갔다", "갔음"),  # particles are parts of words
        ("th", "ของคนในเมือง", "เมือง"),
        ("zh", "我的人", "你好"),
        ("ja", "犬は庭で", "犬"),
        ("fr", "l'eau de", "eau de"),  # `l'` is the project's word `l`
        ("ar", "في البيت من", "في في"),
    ],
)
def test_stop_words_of_a_language(language, passes, fails):
    found = reasons(
        [passes, fails], only("gopher_quality", "min_stop_words", limits="fineweb2"), languages=[language] * 2
    )
    assert found == [None, "too_few_stop_words"]


def test_the_table_of_languages():
    table = load_limits("fineweb2")
    assert len(table.keys) == 48 and len(set(table.keys)) == 48
    # Read from the same files another time: score, mean word length, letters, newlines, terminal lines.
    for key, *numbers in [
        ("cmn_Hani", 0.692, 1, 5, 0.735, 0.178, 0.106),
        ("jpn_Jpan", 0.886, 1, 6, 0.759, 0.130, 0.096),
        ("kor_Hang", 0.842, 1, 6, 0.791, 0.196, 0.062),
        ("arb_Arab", 0.711, 2, 9, 0.787, 0.189, 0.143),
        ("hin_Deva", 0.692, 2, 21, 0.837, 0.316, 0.091),
        ("tha_Thai", 0.90, 2, 10, 0.90, 0.153, 0.0),
        ("vie_Latn", 0.802, 3, 11, 0.803, 0.103, 0.333),
        ("rus_Cyrl", 0.90, 3, 11, 0.713, 0.139, 0.231),
        ("fra_Latn", 0.824, 2, 11, 0.812, 0.185, 0.10),
        ("spa_Latn", 0.84, 3, 14, 0.825, 0.138, 0.182),
        ("deu_Latn", 0.821, 0, 15, 0.774, 0.152, 0.0),
        ("swe_Latn", 0.629, 3, 12, 0.841, 0.135, 0.2),
        ("tur_Latn", 0.875, 3, 21, 0.773, 0.273, 0.2),
    ]:
        names = (
            "min_score",
            "min_word_length",
            "max_word_length",
            "min_letter_words",
            "max_newlines",
            "min_terminal_lines",
        )
        assert [table.values[name][key] for name in names] == numbers
    for key in table.keys:
        shares = [table.values[f"max_duplicate_{n}grams"][key] for n in range(5, 11)]
        if key == "tha_Thai":  # published for words of four characters
            assert shares == [None] * 6
        else:
            assert shares == sorted(shares, reverse=True) and 0 < shares[-1] < shares[0] < 1
        assert len(table.stop_words[key]) >= 8
    assert [table.key(label) for label in ("als", "sr-Latn", "tlh", "", None)] == [None] * 5
    assert [table.key(label) for label in ("sr", "zh-Hant", "pt-BR")] == ["srp_Cyrl", "cmn_Hani", "por_Latn"]
    # The numbers of Turkish that were not at hand are the stage's own.
    judged = set(table.limits("max_top_2grams", 0.2))
    assert set(table.keys) - judged == {"tur_Latn"} and table.key("tr") == "tur_Latn"


def test_limits_by_language_need_the_column():
    assert stage("gopher_quality").needs() == ()
    assert stage("gopher_quality", limits="fineweb2", language_column="lang").needs() == ("lang",)


def test_a_limit_by_name():
    limit = LimitByName("lang", (("a", 1.0), ("b", None)), 3.0)
    columns = {"lang": pa.array(["a", "b", "c", None]), "x": pa.array([2, 2, 2, 4])}
    verdicts = judge(columns, [Rule("r", "x", "<=", limit)], 4)
    assert verdicts.rule.tolist() == [0, -1, -1, 0] and verdicts.threshold[[0, 3]].tolist() == [1.0, 3.0]


# --- Files and values of one's own ----------------------------------------------------------------------

OWN = """
# Of a user.
de_DE:
  labels: [gsw]
  word_length: [2, 6]
  max_symbols: 0.5
  stop_words: der die "das"
no: {min_words: 3, min_stop_words: null}
th:
  stop_words: [ใน, ที่]
  within: true
  top: null
"""


@pytest.fixture
def own(tmp_path: Path) -> str:
    (tmp_path / "own.yaml").write_text(OWN, encoding="utf-8")
    return str(tmp_path / "own.yaml")


def test_a_file_of_one_s_own_is_a_table(own):
    table = load_limits(ListFile(path=own))
    assert table.keys == ("de_DE", "no", "th")
    labels = ("de", "deu_Latn", "de-AT", "gsw", "nob_Latn", "nor", "th", "en", None)
    assert [table.key(label) for label in labels] == ["de_DE"] * 4 + [None, "no", "th", None, None]
    assert table.limits("max_word_length", 10.0) == {"de_DE": 6.0}
    assert table.limits("max_word_length", None) == {}  # off for all
    assert table.limits("min_stop_words", 2.0) == {"no": None}
    assert table.limits("max_top_3grams", 0.1) == {"th": None}
    assert table.stop_words == {"de_DE": ("der", "die", '"das"'), "th": ("ใน", "ที่")}
    assert table.within == {"th"}


@pytest.mark.parametrize(
    ("language", "passes", "fails", "reason"),
    [
        ("de", "der die a a", "der die a a a", "words_too_short"),  # the file's 2 in the place of 2.5
        ("de", "der die " + "a" * 12, "der die " + "a" * 13, "words_too_long"),
        ("gsw", "der die aa", "der aa aa", "too_few_stop_words"),
        ("nb", "the aaa of", "aaa aaa aaa", "too_few_stop_words"),  # `no` is another label: the stage's own
        ("no", "1aa 2aa 3aa", "1aa 2aa", "too_few_words"),  # whatever stop words
        ("th", "ที่ใน", "ทีที", "too_few_stop_words"),
        ("en", "the aaa of", "th a of", "words_too_short"),
    ],
)
def test_both_sides_of_limits_of_one_s_own(own, language, passes, fails, reason):
    params = {"min_words": 1, "min_word_length": 2.5, "max_word_length": 12, "min_stop_words": 2}
    chosen = stage("gopher_quality", limits=own, min_letter_words=None, **params)
    assert reasons([passes, fails], chosen, languages=[language] * 2) == [None, reason]


def test_what_a_recipe_names_goes_before_the_table():
    by_language = {"deu": {"max_word_length": 3, "min_letter_words": None}, "tlh": {"max_word_length": None}}
    chosen = only("gopher_quality", "max_word_length", limits="fineweb2", max_word_length=4, by_language=by_language)
    languages = ["de", "de", "tlh", "en", "en", "xx", None]
    some = ["aaa", "aaaa", "a" * 50, "a" * 10, "a" * 11, "aaaa", "aaaaa"]
    assert reasons(some, chosen, languages=languages) == [
        *(None, "words_too_long", None, None, "words_too_long", None, "words_too_long")
    ]
    applied = run(some, chosen, languages=languages)
    assert applied.kept["gopher_quality_limits"].to_pylist() == ["deu_Latn", "tlh", "eng_Latn", "default"]
    assert applied.tally.documents["gopher_quality", NOTE + bounds.FELL_TO_DEFAULT] == 2


def test_a_rule_that_is_off_is_on_for_a_language_that_the_recipe_names():
    off = only("fineweb_quality", None, limits="fineweb2", by_language={"en": {"max_newlines": 0.1}})
    assert reasons(["a\nb"] * 3, off, languages=["en", "de", None]) == ["too_many_newlines", None, None]


@pytest.mark.parametrize("name", ["gopher_quality", "gopher_repetition", "fineweb_quality"])
def test_limits_by_language_are_those_of_a_stage_with_them_for_all(name):
    """`by_language` for one language and the same values for all are one judgement, rule by rule."""
    some = ["a b c d e\na b c d e\n\na b c d e", "the cat. of it\n" * 9, "# … x", "", "a" * 40, "- a\n- b..."]
    params = {param: 2 if param.endswith("words") else 0.2 for param in FILTERS[name].Params.bounded}
    everywhere = reasons(some, stage(name, **params))
    assert reasons(some, stage(name, by_language={"de": params}), languages=["deu"] * 6) == everywhere
    assert len({*everywhere}) > 2
    assert reasons(some, stage(name, by_language={"de": params}), languages=["fr"] * 6) == reasons(some, stage(name))


def test_every_limit_of_the_filters_may_stand_in_a_file():
    bounded = {
        p for name in ("gopher_quality", "gopher_repetition", "fineweb_quality") for p in FILTERS[name].Params.bounded
    }
    assert bounded | {"min_score"} == set(limits_file.PARAMS)
    assert len(limits_file.PARAMS) == len(set(limits_file.PARAMS))


def test_a_checksum_of_a_file_is_checked(own):
    with pytest.raises(RecipeError, match="is not the file that was meant"):
        load_limits(ListFile(path=own, sha256="0" * 64))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no languages"),
        ("- de", "no languages"),
        ("de: [", r"own.yaml:1: not YAML"),
        ("de: 3", "own.yaml:1: de: expected limits by name"),
        ("de: {}\nenglish: {}", "own.yaml:2: 'english' is no language code .did you mean en"),
        ("de: {}\n\nxx_Latn: {}", "own.yaml:3: 'xx_Latn' is no language code"),
        ("de: {min_words: 3}\nde: {}", "own.yaml:2: 'de' is there already"),
        ("de: {}\ndeu_Latn: {}", "own.yaml:2: 'deu_Latn' is 'de' already"),
        ("de: {labels: gsw en}\nen: {}", "own.yaml:2: 'en' is 'de' already"),
        ("de:\n  min_wrods: 3", "own.yaml:2: de: unknown key 'min_wrods'; did you mean 'min_words'"),
        ("de:\n  min_words: many", "own.yaml:2: de: min_words: expected a number from 0 on, or null, got 'many'"),
        ("de: {min_words: -1}", "from 0 on"),
        ("de: {min_words: .inf}", "from 0 on"),
        ("de: {min_words: [1, 2]}", "expected 1 numbers"),
        ("de: {word_length: 3}", r"expected 2 numbers \(min_word_length, max_word_length\)"),
        ("de: {word_length: [1, [2]]}", "expected a value"),
        ("de: {word_length: [1, 2], max_word_length: 3}", "max_word_length is given twice"),
        ("de: {within: yes}", "expected true or false"),
        ("de: {stop_words: {a: b}}", "expected a value or a list"),
        ("? [a]\n: {}", "expected a name"),
    ],
)
def test_a_file_that_is_not_as_it_should_be_is_refused_with_its_line(tmp_path, content, message):
    (tmp_path / "own.yaml").write_text(content, encoding="utf-8")
    kind = FILTERS["fineweb_quality"]
    with pytest.raises(RecipeError, match=message):
        prepared_state(kind, kind.Params(limits=str(tmp_path / "own.yaml")))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"limits": "fineweb3"}, "expected 'fineweb2', or the path of a .yaml file"),
        ({"limits": 3}, "limits"),
        ({"by_language": {"english": {}}}, "'english' is no language code .did you mean en"),
        ({"by_language": {"de": {}, "deu": {}}}, "'de' and 'deu' are one language"),
        ({"by_language": {"de": {"min_wrods": 1}}}, "de: unknown limit 'min_wrods'; did you mean 'min_words'"),
        ({"by_language": {"de": {"min_words": -1}}}, "greater than or equal to 0"),
        ({"by_language": {"de": 3}}, "by_language.de"),
    ],
)
def test_values_that_cannot_be_meant_are_refused(given, message):
    with pytest.raises(ValidationError, match=message):
        FILTERS["gopher_quality"].Params(**given)


def test_a_missing_file_is_told_before_the_run():
    for name in ("gopher_quality", "gopher_repetition", "fineweb_quality", "language"):
        kind = FILTERS[name]
        with pytest.raises(RecipeError, match=r"table of limits no/such.yaml cannot be read"):
            prepared_state(kind, kind.Params(limits="no/such.yaml"))


def test_thai_prose_is_judged_by_words_that_are_characters():
    """All of it was dropped once: vowel signs were words without a letter, and five characters a run that repeats."""
    text = "ภาษาไทยเป็นภาษาที่มีระดับเสียงของคำแน่นอนหรือวรรณยุกต์และออกเสียงแยกคำต่อคำ " * 2
    text += "\nผู้คนในเมืองได้ใช้ภาษานี้ในการพูดและการเขียนของตนมาเป็นเวลานานแล้ว"
    chain = [
        stage("gopher_repetition", limits="fineweb2", max_duplicate_lines=None),
        stage("gopher_quality", limits="fineweb2"),
    ]
    applied = run([text], *chain, languages=["th"])
    assert applied.kept["gopher_quality_letter_words"].to_pylist() == [1.0]


def test_what_the_docs_show_is_valid(tmp_path, monkeypatch):
    page = (Path(__file__).parents[1] / "docs" / "quality-rules.md").read_text(encoding="utf-8")
    recipe, table = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    (stage_of_docs,) = yaml.safe_load(recipe)
    params = FILTERS["gopher_quality"].Params(**stage_of_docs["gopher_quality"])
    assert params.table.limits("max_word_length", 10)["deu_Latn"] == 18
    assert FILTERS["gopher_quality"].Params(**params.model_dump(mode="json")) == params
    (tmp_path / "limits.yaml").write_text(table, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    params = FILTERS["gopher_quality"].Params(limits="limits.yaml")
    assert FILTERS["gopher_quality"].Params(**params.model_dump(mode="json")) == params
    assert params.table.keys == ("deu_Latn", "th")
