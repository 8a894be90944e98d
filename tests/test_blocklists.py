"""Phrase lists: the trie against its slow twin, files of every kind, languages, weights, allowed phrases, lines."""

from __future__ import annotations

import gzip
import hashlib
import itertools

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from filters.blocklist import BlocklistParams
from filters.catalog import FILTERS
from filters.chain import KEY, Stage, run_stages
from filters.errors import RecipeError
from filters.kernels.case_folding import LOW, MANY, SPACE, fold, load_folding
from filters.kernels.phrases import CHUNK
from filters.kernels.unicode_table import load_table
from filters.line_cuts import line_bounds
from filters.phrase_index import WHOLE_HASH, build_index
from filters.phrase_lists import EDGES, Phrases, PhraseSource, read_phrases
from filters.texts import as_text_array
from tests import reference_lists
from tests.reference import tokens
from tests.strategies import AWKWARD, any_char, texts


def as_phrases(some, weight=1.0, boundaries="word"):
    nulls = pa.nulls(len(some), pa.string())
    return Phrases(as_text_array(some), np.full(len(some), weight), nulls, nulls, EDGES[boundaries])


def index_of(phrases, allowed=(), hash_mask=WHOLE_HASH, boundaries="word"):
    return build_index([as_phrases(list(phrases), 1.0, boundaries)], as_text_array(list(allowed)), hash_mask)


def spans(index, some):
    """Hits of every text in code points, with the folded phrase."""
    array = as_text_array(some)
    hits = index.find(array)
    data = "".join(some).encode()
    found = [[] for _ in some]
    before = list(itertools.accumulate((len(text.encode()) for text in some), initial=0))
    for row, begin, end, phrase in zip(hits.rows, hits.begins, hits.ends, hits.phrases, strict=True):
        first = len(data[before[row] : begin].decode())
        length = len(data[begin:end].decode())
        found[row].append((first, first + length, fold(index.texts[int(phrase)].as_py())))
    return found


# The table of case foldings


def test_folding_is_that_of_python_where_python_knows_the_letter():
    table, many = load_folding()
    assert np.flatnonzero(table & SPACE).tolist() == [p for p in range(0x110000) if chr(p).isspace()]
    cased = {p for p in range(0x110000) if not 0xD800 <= p < 0xE000 and chr(p).casefold() != chr(p)}
    changed = np.flatnonzero(((table & LOW) != np.arange(len(table))) & ~(table & SPACE != 0)).tolist()
    for point in sorted(cased | set(changed)):
        char = chr(point)
        row = many[table[point] & LOW] if table[point] & MANY else None
        mine = chr(table[point] & LOW) if row is None else "".join(map(chr, row[1 : row[0] + 1]))
        assert mine == char.casefold() or char == char.casefold(), hex(point)
        # What the trie rests on: folding keeps the class, so boundaries of the text are those of the folded text.
        assert {load_table()[ord(c)] >> 24 for c in mine} == {load_table()[point] >> 24}, hex(point)


@given(st.text(any_char))
def test_fold_is_casefold_and_one_space(text):
    assert fold(text) == " ".join(text.split()).casefold() == reference_lists.folded(text.strip())[0]


# The trie against its twin

words = st.sampled_from(
    ["a", "b", "B", "ss", "ß", "İ", "i̇", "你", "好", "ไ", "ท", "+", "#", ".", "c++", "ǰ", "ﬃ", "ffi"]
)
gaps = st.sampled_from(["", " ", "  ", "\n", "\u3000", "-"])
phrase_like = st.lists(st.tuples(words, gaps), min_size=1, max_size=5).map(lambda w: "".join(map("".join, w)).strip())
phrases_drawn = phrase_like.filter(tokens)
text_like = st.lists(st.tuples(words, gaps), max_size=25).map(lambda w: "".join(map("".join, w)))
masks = st.sampled_from([WHOLE_HASH, 0, 1, (1 << 33) + 5, 7 << 61])


@settings(max_examples=120)
@given(
    st.lists(phrases_drawn, min_size=1, max_size=8),
    st.lists(phrases_drawn, max_size=3),
    st.lists(st.one_of(text_like, texts), max_size=5),
    masks,
)
@example(["a", "a b"], ["a b a"], ["a b a b", "b a b a a"], 0)
@example(["ss"], [], ["ß", "ßs", "ẞ ss"], WHOLE_HASH)
def test_hits_are_those_of_the_twin_even_where_every_hash_is_alike(phrases, allowed, some, mask):
    index = index_of(phrases, allowed, mask)
    assert spans(index, some) == [reference_lists.find_phrases(text, phrases, allowed) for text in some]


@settings(max_examples=80)
@given(
    st.sampled_from(["prefix", "suffix", "none"]),
    st.lists(phrases_drawn, min_size=1, max_size=8),
    st.lists(phrases_drawn, max_size=3),
    st.lists(st.one_of(text_like, texts), max_size=5),
    masks,
)
@example("none", ["s"], [], ["ß", "sßs", "ẞ ss"], WHOLE_HASH)
@example("none", ["a", "aba"], ["ab"], ["ababa ab aba"], 0)
def test_phrases_within_words_are_those_of_the_twin(boundaries, phrases, allowed, some, mask):
    index = index_of(phrases, allowed, mask, boundaries)
    assert spans(index, some) == [reference_lists.find_phrases(t, phrases, allowed, boundaries) for t in some]
    assert index.find(as_text_array(some)).words.tolist() == [len(tokens(text)) for text in some]


def test_lists_of_different_boundaries_count_each_by_its_own():
    lists = [
        as_phrases(["나쁜놈"], 1.0, "prefix"),
        as_phrases(["나쁜놈", "bad"], 3.0),
        as_phrases(["bad"], 5.0, "none"),
    ]
    index = build_index(lists, as_text_array(["badge"]))
    hits = index.find(as_text_array(["나쁜놈은 나쁜놈 이나쁜놈", "bad badly unbad badge"]))
    hit, entry = index.entries_of(hits, np.zeros(2, np.int64))
    weights = [sorted(index.entry_weight[entry[hit == n]].tolist()) for n in range(len(hits.rows))]
    assert weights == [[1.0], [1.0, 3.0], [3.0, 5.0], [5.0], [5.0]]


@pytest.mark.parametrize("length", [1, 2, 7])
def test_a_phrase_within_a_word_across_the_cut_of_the_buffer_is_found(length):
    phrase = "xyzxyzx"[:length]
    for units in range(2 * CHUNK - 20, 2 * CHUNK + 20):
        text = "a" * units + phrase
        assert spans(index_of([phrase], boundaries="suffix"), [text])[0] == [(units, units + length, phrase)]
        assert spans(index_of([phrase], boundaries="prefix"), [text])[0] == []


@pytest.mark.parametrize(
    ("boundaries", "text", "hits"),
    [
        ("word", "나쁜놈은 나쁜놈이 나쁜놈", 1), ("prefix", "나쁜놈은 나쁜놈이 나쁜놈 이나쁜놈", 3),
        ("suffix", "이나쁜놈 나쁜놈은", 1),
        ("word", "والكلب كلب كلبه", 1), ("suffix", "والكلب كلب كلبه", 2), ("prefix", "والكلب كلب كلبه", 2),
        ("none", "والكلب كلب كلبهم", 3), ("none", "나쁜놈은", 1),
    ],
)  # fmt: skip
def test_particles_and_clitics(tmp_path, boundaries, text, hits):
    (tmp_path / "words.txt").write_text("나쁜놈\nكلب\n")
    given_lists = [{"path": str(tmp_path / "words.txt"), "boundaries": boundaries}]
    assert run([text], stage("blocklist", lists=given_lists, action="measure")).kept["blocklist_hits"].to_pylist() == [
        hits
    ]
    cut = run([f"ok\n{text}\n"], stage("blocklist_lines", lists=given_lists)).kept["text"].to_pylist()
    assert cut == ["ok\n"]
    with pytest.raises(ValidationError, match="boundaries"):
        BlocklistParams(lists=[{"path": "x", "boundaries": "words"}])


@settings(max_examples=50)
@given(st.data())
def test_phrases_cut_from_a_text_are_found_in_it(data):
    text = data.draw(texts.filter(tokens))
    starts = st.integers(0, len(text))
    cuts = [sorted(data.draw(st.tuples(starts, starts))) for _ in range(4)]
    phrases = [p for a, b in cuts if tokens(p := text[a:b].strip())] or [text.strip()]
    assert spans(index_of(phrases), [text, text.upper()]) == [
        reference_lists.find_phrases(t, phrases) for t in (text, text.upper())
    ]


def test_awkward_texts():
    phrases = ["a", "a b c", "привет", "중", "स्ते", "漢漢", "straße", "no space no", "𝔘", "1,000", "❤ love", "ﾊ"]
    assert spans(index_of(phrases), AWKWARD) == [reference_lists.find_phrases(text, phrases) for text in AWKWARD]


@pytest.mark.parametrize("length", [1, 2, 7])
def test_a_phrase_across_the_cut_of_the_buffer_is_found(length):
    phrase = " ".join("xyz"[i % 3] for i in range(length))
    for units in range(2 * CHUNK - 20, 2 * CHUNK + 20):
        text = "a " * (units // 2) + "-" * (units % 2) + phrase + " b"
        assert spans(index_of([phrase]), [text])[0] == [(len(text) - 2 - len(phrase), len(text) - 2, phrase)]


def test_words_are_counted_as_tokens():
    hits = index_of(["a"]).find(as_text_array(AWKWARD))
    assert hits.words.tolist() == [len(tokens(text)) for text in AWKWARD]


def test_more_hits_than_there_was_room_for():
    index = index_of(["漢", "a"])
    assert len(index.find(as_text_array(["漢" * 50_000, "", "a " * 50_000])).rows) == 100_000


@settings(max_examples=30)
@given(st.lists(texts, max_size=6), st.data())
def test_a_slice_of_a_batch_is_searched_as_itself(some, data):
    index = index_of(["a", "你 好", "b c"])
    cut = data.draw(st.integers(0, len(some)))
    array = as_text_array(some)
    for part in (array[:cut], array[cut:]):
        fresh = as_text_array(part.to_pylist())
        assert index.find(part).rows.tolist() == index.find(fresh).rows.tolist()


def test_equal_phrases_of_several_lists_are_one():
    index = build_index(
        [as_phrases(["Bad  Word", "x"], 1.0), as_phrases(["bad word", "BAD\tWORD"], 3.0)], as_text_array([])
    )
    hits = index.find(as_text_array(["a bad\nword"]))
    groups = np.zeros(1, np.int64)
    hit, entry = index.entries_of(hits, groups)
    assert hits.phrases.tolist() == [0] and hit.tolist() == [0, 0, 0]
    assert index.entry_weight[entry].tolist() == [1.0, 3.0, 3.0]


# The stages


def stage(name, **params):
    return Stage(name, name, FILTERS[name].Params(**params))


def run(some, one, languages=None):
    columns = {KEY: pa.array(range(len(some)), pa.int64()), "text": pa.array(some, pa.large_string())}
    if languages is not None:
        columns["language"] = pa.array(languages, pa.string())
    return run_stages(pa.record_batch(columns), [one], "text")


def measured(some, one, languages=None):
    """Columns of the stage, of documents that stay."""
    kept = run(some, one, languages).kept
    return {name.removeprefix(one.id + "_"): kept[name].to_pylist() for name in one.columns()}


@pytest.fixture
def lists(tmp_path):
    (tmp_path / "en.txt").write_text("# ours\nbad\nbad word\nfoul\n")
    (tmp_path / "de.txt").write_text("bad\nböse\n")
    (tmp_path / "rated.tsv").write_text("text\tweight\tcategory\nmild\t0.5\tinsult\nworse\t2\t\nbad\t5\tslur\n")
    (tmp_path / "rated.csv").write_text('text,category\n"one, two",insult\n')
    table = pa.table(
        {"phrase": ["schlimm", None, "vile", " "], "lang": ["de", "en", None, "en"], "weight": [2, 1, None, 1]}
    )
    pq.write_table(table, tmp_path / "mixed.parquet")
    (tmp_path / "packed.txt.gz").write_bytes(gzip.compress(b"packed\n"))
    return tmp_path


def test_lists_have_languages_weights_and_categories(lists):
    one = stage(
        "blocklist",
        action="measure",
        lists=[
            {"path": str(lists / "en.txt"), "language": "en", "category": "general"},
            {"path": str(lists / "de.txt"), "language": "de", "weight": 3},
            {"path": str(lists / "rated.tsv")},
        ],
        categories=["insult", "slur"],
    )
    some = ["a bad word", "a bad word", "a bad word", "Böse, mild!", "mild mild foul", ""]
    assert measured(some, one, ["en", "de", None, "de", "fr", "en"]) == {
        "hits": [1, 1, 1, 2, 2, 0],
        # "bad word" in en; "bad" of the German and the rated list in de: the larger weight counts.
        "weight": [1.0, 5.0, 5.0, 3.5, 1.0, 0.0],
        "hits_per_1000_words": [1000 / 3, 1000 / 3, 1000 / 3, 1000.0, 2000 / 3, 0.0],
        "weight_per_1000_words": [1000 / 3, 5000 / 3, 5000 / 3, 1750.0, 1000 / 3, 0.0],
        "hits_general": [1, 0, 0, 0, 0, 0],
        "hits_insult": [0, 0, 0, 1, 2, 0],
        "hits_slur": [0, 1, 1, 0, 0, 0],
    }
    assert one.needs() == ["language"]


def test_a_table_may_hold_the_language_of_each_phrase(lists):
    source = {"path": str(lists / "mixed.parquet"), "text_column": "phrase", "language_column": "lang", "weight": 7}
    one = stage("blocklist", action="measure", lists=[source])
    assert measured(["schlimm vile", "schlimm vile"], one, ["de", "en"])["weight"] == [9.0, 7.0]


def test_a_language_needs_its_column_and_no_language_none(lists):
    assert stage("blocklist", path=str(lists / "en.txt")).needs() == []
    other = {"path": str(lists / "en.txt"), "language": "en"}
    assert stage("blocklist", lists=[other], document_language_column="lang").needs() == ["lang"]


def test_tables_and_packed_files(lists):
    assert read_phrases(PhraseSource(path=str(lists / "rated.csv"))).texts.to_pylist() == ["one, two"]
    assert read_phrases(PhraseSource(path=str(lists / "packed.txt.gz"))).texts.to_pylist() == ["packed"]
    rated = read_phrases(PhraseSource(path=str(lists / "rated.tsv"), category="other", weight=9))
    assert rated.weights.tolist() == [0.5, 2.0, 5.0]
    assert rated.categories.to_pylist() == ["insult", "other", "slur"]


@pytest.mark.parametrize(
    ("limits", "reasons"),
    [
        ({}, [None, "too_many_blocklist_hits", "too_many_blocklist_hits"]),
        ({"max_hits": 1}, [None, None, "too_many_blocklist_hits"]),
        ({"max_weight": 0.5}, [None, None, "too_much_blocklist_weight"]),
        ({"max_hits_per_1000_words": 500}, [None, None, "too_dense_blocklist_hits"]),
        ({"max_weight_per_1000_words": 249.9}, [None, "too_dense_blocklist_weight", "too_dense_blocklist_weight"]),
        ({"max_hits_by_category": {"insult": 1}}, [None, None, "too_many_insult_hits"]),
        ({"max_hits": 0, "max_weight": 9}, [None, "too_many_blocklist_hits", "too_many_blocklist_hits"]),
        ({"action": "measure"}, [None, None, None]),
    ],
)
def test_bounds_from_both_sides(lists, limits, reasons):
    one = stage("blocklist", lists=[{"path": str(lists / "rated.tsv")}], **limits)
    applied = run(["fine", "mild one", "mild mild one"], one)
    dropped = {row[KEY]: row["reason"] for row in applied.rejects.to_pylist()}
    assert [dropped.get(key) for key in range(3)] == reasons


def test_allowed_phrases_hide_what_lies_in_them(lists, tmp_path):
    (tmp_path / "allowed.txt").write_text("no bad word here\n")
    allow = {"allow": ["bad hair day"], "allow_lists": [{"path": str(tmp_path / "allowed.txt")}]}
    one = stage("blocklist", path=str(lists / "en.txt"), max_hits=100, **allow)
    some = ["a bad hair day", "bad hair", "no bad word here, bad", "NO BAD  WORD\nhere", "not no bad word here"]
    assert measured(some, one) == {"hits": [0, 1, 1, 0, 0]}


def test_an_allowed_word_in_a_script_without_spaces(tmp_path):
    (tmp_path / "list.txt").write_text("習近\n")
    one = stage("blocklist", path=str(tmp_path / "list.txt"), allow=["學習近代"], max_hits=9)
    assert measured(["學習近代史", "習近"], one) == {"hits": [0, 1]}


# What is wrong with a list


def test_a_checksum_that_differs_is_an_error_with_both(lists):
    path = str(lists / "en.txt")
    right = hashlib.sha256((lists / "en.txt").read_bytes()).hexdigest()
    assert FILTERS["blocklist"].prepare(BlocklistParams(path=path, sha256=right.upper())).count("bad") == 1
    wrong = "0" * 64
    with pytest.raises(RecipeError) as refused:
        FILTERS["blocklist"].prepare(BlocklistParams(lists=[{"path": path, "sha256": wrong}]))
    assert right in str(refused.value) and wrong in str(refused.value) and path in str(refused.value)
    with pytest.raises(ValidationError, match="sha256"):
        BlocklistParams(path=path, sha256="abc")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"word,weight\nbad,1\n", "no column 'text'; it has 'word', 'weight'"),
        ("a.csv", b"text,weight\nSECRET,heavy\n", "is not a csv table"),
        ("a.csv", b"text,weight\nSECRET\n", "is not a csv table"),
        ("a.csv", b"text,weight\nSECRET,-1\n", "0 or more"),
        ("a.csv", b"text,weight\nSECRET,nan\n", "0 or more"),
        ("a.csv", b"text\nfine\n\n!!SECRET".replace(b"SECRET", b""), r"a\.csv:\d: a phrase needs a letter"),
        ("a.tsv", b"", "is not a tsv table"),
        ("a.tsv", b"text\n", "holds no phrase"),
        ("a.parquet", b"PAR1", "is not a parquet table"),
        ("a.txt.gz", gzip.compress(b"bad\n", mtime=0)[:-4], "damaged"),
        ("a.txt", b"\x1f\x8bnot gzip", "damaged"),
        ("a.txt", b"ok\nSECRET\xff", "not UTF-8"),
    ],
)  # fmt: skip
def test_a_damaged_list_is_refused_without_quoting_it(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RecipeError, match=message) as refused:
        FILTERS["blocklist"].prepare(BlocklistParams(lists=[{"path": str(tmp_path / name)}]))
    assert str(tmp_path / name) in str(refused.value) and "SECRET" not in str(refused.value)


def test_numbers_are_no_phrases(tmp_path):
    pq.write_table(pa.table({"text": [1, 2]}), tmp_path / "a.parquet")
    with pytest.raises(RecipeError, match="must hold text, it holds int64"):
        read_phrases(PhraseSource(path=str(tmp_path / "a.parquet")))


def test_mistakes_in_the_recipe(lists):
    path = str(lists / "en.txt")
    with pytest.raises(ValidationError, match="no list is named"):
        BlocklistParams()
    with pytest.raises(ValidationError, match="sha256 belongs to path"):
        BlocklistParams(sha256="0" * 64, lists=[{"path": path}])
    with pytest.raises(ValidationError, match="letters, digits and _"):
        BlocklistParams(lists=[{"path": path, "category": "a b"}])
    with pytest.raises(RecipeError, match=r"'insultt' is in no list.*insult, slur"):
        FILTERS["blocklist"].prepare(
            BlocklistParams(lists=[{"path": str(lists / "rated.tsv")}], max_hits_by_category={"insultt": 1})
        )
    with pytest.raises(RecipeError, match="allow:1: a phrase needs"):
        FILTERS["blocklist"].prepare(BlocklistParams(path=path, allow=["..."]))


# Lines


def cut_slowly(text, phrases, most=0):
    """Lines that stay, and the spans of the others."""
    kept, gone, at = [], [], 0
    for line in text.split("\n"):
        whole = line + "\n" if at + len(line) < len(text) else line
        if len(reference_lists.find_phrases(line, phrases)) > most:
            gone.append((at, at + len(whole)))
        else:
            kept.append(whole)
        at += len(whole)
    return "".join(kept), gone


@settings(max_examples=50)
@given(
    st.lists(
        st.one_of(text_like, texts, st.sampled_from(["bad\nok\nbad", "\nbad\n\n", "bad", "ok\nbad\n"])), max_size=5
    )
)
def test_lines_are_cut_as_the_twin_cuts_them(bad_list, some):
    one = stage("blocklist_lines", path=bad_list)
    applied = run(some, one)
    expected = [cut_slowly(text, ["bad", "a b", "你"]) for text in some]
    assert applied.kept["text"].to_pylist() == [text for text, _ in expected]
    edits = [(e[KEY], e["kind"], e["start"], e["end"]) for e in applied.edits.to_pylist()]
    assert edits == [(row, "line", *span) for row, (_, gone) in enumerate(expected) for span in gone]
    assert applied.kept["blocklist_lines_lines"].to_pylist() == [len(gone) for _, gone in expected]
    again = run(applied.kept["text"].to_pylist(), one)
    assert len(again.edits) == 0 and again.kept["text"].equals(applied.kept["text"])
    for cut in range(len(some) + 1):
        parts = [run(part, one).kept["text"].to_pylist() for part in (some[:cut], some[cut:])]
        assert parts[0] + parts[1] == applied.kept["text"].to_pylist()


@pytest.fixture(scope="session")
def bad_list(tmp_path_factory):
    path = tmp_path_factory.mktemp("lists") / "bad.txt"
    path.write_text("bad\na b\n你\n")
    return str(path)


def test_both_sides_of_the_bounds_of_lines(bad_list):
    assert (
        run(["bad bad\nbad\nok"], stage("blocklist_lines", path=bad_list, max_hits=1)).kept["text"][0].as_py()
        == "bad\nok"
    )
    some = ["1234\nbad\n", "123\nbad\n"]
    applied = run(some, stage("blocklist_lines", path=bad_list, max_share=4 / 9))
    assert applied.kept["text"].to_pylist() == ["1234\n"]
    (row,) = applied.rejects.to_pylist()
    assert (row["reason"], row["value"]) == ("too_much_cut_by_blocklist", 0.5)


def test_a_phrase_over_the_end_of_a_line_cuts_no_line(bad_list):
    assert run(["a\nb"], stage("blocklist_lines", path=bad_list)).kept["text"].to_pylist() == ["a\nb"]


def test_lists_of_a_language_cut_lines_of_that_language(lists):
    one = stage("blocklist_lines", lists=[{"path": str(lists / "de.txt"), "language": "de"}])
    applied = run(["böse\nx", "böse\nx"], one, ["de", "en"])
    assert applied.kept["text"].to_pylist() == ["x", "böse\nx"]


@given(st.lists(st.sampled_from(["", "\n", "a", "a\n", "\n\nb", "a\nb\n"]), max_size=6))
def test_bounds_of_lines(some):
    offsets = np.cumsum([0, *map(len, some)]) + 3
    data = np.frombuffer(b"\n\n\n" + "".join(some).encode() + b"\n", np.uint8)
    bounds, rows = line_bounds(offsets, data)
    lines = [(row, line) for row, text in enumerate(some) for line in text.splitlines(keepends=True)]
    assert [
        (row, data[a:b].tobytes().decode()) for row, (a, b) in zip(rows, itertools.pairwise(bounds), strict=True)
    ] == lines


# Real lists and texts


@pytest.mark.corpus
def test_real_lists_in_real_texts(corpora):
    """The trie finds what the twin finds: words of public lists in labelled texts, by language."""
    listed = pq.read_table(corpora / "wordlists" / "words.parquet").to_pylist()
    given = pq.read_table(corpora / "wordlists" / "texts.parquet").to_pylist()
    found = 0
    for language in ("en", "zh", "hi", "de"):
        phrases = [row["text"] for row in listed if row["lang"] == language and tokens(row["text"])][-500:]
        some = [row["text"] for row in given if row["lang"] == language][::20]
        index = index_of(phrases)
        expected = [reference_lists.find_phrases(text, phrases) for text in some]
        assert spans(index, some) == expected
        found += sum(map(len, expected))
        # Every phrase is found whole where it stands by itself.
        alone = spans(index, phrases)
        assert all(hits == [(0, len(p), fold(p))] for p, hits in zip(phrases, alone, strict=True))
    assert found > 20
