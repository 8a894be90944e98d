"""Tests of the benchmarks: each runs on a tiny corpus, so that it still works on the day it is needed."""

import json
import runpy
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from benchmarks import __main__ as entry
from benchmarks import (
    blocklists,
    corpus,
    dedup_peers,
    dedup_skew,
    inspecting,
    job,
    parity,
    peers,
    plain_copy,
    process_tree,
    report,
    row_filters,
    sensitive,
    sensitive_peers,
    sensitive_slope,
    signatures,
    synthetic_result,
    timing,
    tokens,
)
from benchmarks.sensitive_examples import examples, is_found
from filters.catalog import FILTERS
from filters.detectors.catalog import DETECTORS
from filters.exact import ExactParams, content_hashes
from filters.minhash import jaccard
from filters.texts import as_text_array
from pipeline.cli.main import cli
from pipeline.cli.run import command
from pipeline.clusters import list_clusters, show_cluster
from pipeline.explain import explain_document
from pipeline.recipe import load_recipe
from pipeline.result import open_result
from pipeline.run import check
from tests.plain_detectors import PLAIN

WORDS = [f"word{n}" for n in range(400)]
TEXTS = [" ".join(WORDS[n % 50 : n % 50 + 60 + n]) for n in range(60)] + [
    "",
    "one",
    "漢字かな交じり文を読む人",
    "a@b.example 8.8.8.8",
]


@pytest.fixture(autouse=True)
def _measure_once(monkeypatch):
    monkeypatch.setattr(timing, "LEAST_SECONDS", 0.0)


@pytest.fixture
def files(tmp_path):
    """Two Parquet files, one with a null text."""
    paths = [tmp_path / f"{n}.parquet" for n in range(2)]
    pq.write_table(pa.table({"id": range(len(TEXTS)), "text": TEXTS}), paths[0], row_group_size=20)
    pq.write_table(pa.table({"id": range(3), "text": ["x y", None, "z " * 100]}), paths[1])
    return paths


def test_signatures_agree_with_datasketch_before_they_are_timed():
    result = signatures.measure(as_text_array(TEXTS), repeats=1)
    assert [row[0] for row in result.rows] == list(signatures.CONTENDERS)
    assert all(run["mb_per_s"] > 0 for run in result.data["runs"])
    given = signatures.prepare(as_text_array(TEXTS))
    given.numbers[0][0] ^= 1
    given.numbers[0][1:] = []
    with pytest.raises(AssertionError, match="datasketch_permutations gives other signatures"):
        signatures.check_equal(given)


def test_the_python_contender_makes_as_many_shingles_as_the_kernel():
    given = signatures.prepare(as_text_array(TEXTS))
    assert [len(signatures.python_shingles(text)) for text in TEXTS] == [len(h) for h in given.hashes]


def test_filters_times_every_filter_there_is_and_every_way_to_hash():
    result = row_filters.measure(as_text_array(TEXTS), repeats=1)
    assert set(row_filters.PARAMS) == set(FILTERS), "add the new filter to benchmarks/row_filters.py"
    also = [*row_filters.HASHES, *row_filters.PASSES, *row_filters.RECIPES]
    assert len(result.rows) == len(FILTERS) + len(also) == len({row[0] for row in result.rows})
    assert "recipe fineweb2" in {row[0] for row in result.rows}
    for mode in row_filters.HASHES:
        assert len(content_hashes(as_text_array(TEXTS), ExactParams(normalise=mode))) == len(TEXTS)


@pytest.mark.parametrize("most_bytes", [1, 100, 5000, 1 << 30])
def test_plain_copy_changes_nothing_but_the_row_groups(files, tmp_path, most_bytes):
    table = pq.read_table(files[0])
    plain_copy.main([str(tmp_path / "copy"), "1", str(most_bytes), *map(str, files)])
    copied = pq.ParquetFile(tmp_path / "copy" / "00000.parquet")
    assert copied.read().equals(table)
    assert copied.metadata.row_group(0).column(1).compression == "ZSTD"
    sizes = [sum(len(t.encode()) for t in copied.read_row_group(i, ["text"])["text"].to_pylist())
             for i in range(copied.num_row_groups)]  # fmt: skip
    longest = max(len(t.encode()) for t in TEXTS)
    assert max(sizes) < most_bytes + longest
    assert pq.read_table(tmp_path / "copy" / "00001.parquet").equals(pq.read_table(files[1]))


def test_varied_copies_are_no_near_duplicates_but_keep_those_they_have(files, tmp_path):
    first, changed = " ".join(WORDS), " ".join([*WORDS[:200], "other", *WORDS[200:]])
    copies = [first, *(corpus.vary(first, copy) for copy in (1, 2, 3))]
    assert max(jaccard(a, b) for i, a in enumerate(copies) for b in copies[:i]) < 0.4
    assert jaccard(corpus.vary(first, 1), corpus.vary(changed, 1)) > 0.9
    assert len({corpus.vary(text, copy) for text in ("", "a", "漢") for copy in range(1, 4)}) == 9
    written = corpus.multiply(files, 2, tmp_path / "twice")
    tables = [pq.read_table(path) for path in written]
    assert tables[0].equals(pq.read_table(files[0]))
    assert [len(t) for t in tables] == [len(TEXTS), 3] * 2
    assert tables[3]["text"].null_count == 1
    assert not set(tables[0]["text"].to_pylist()) & set(tables[2]["text"].to_pylist())


def test_a_sample_of_texts_is_spread_over_all_files(files):
    assert len(corpus.sample_texts(files, 1000)) == len(TEXTS) + 2
    some = corpus.sample_texts(files, 0.01)
    assert 0 < len(some) < len(TEXTS) / 2
    assert corpus.text_bytes(files) == (len(TEXTS) + 3, sum(len(t.encode()) for t in TEXTS) + 3 + 200)


def test_watch_sees_the_memory_and_the_time_of_children_too(tmp_path):
    grandchild = "b = bytearray(120 << 20); b[::4096] = b[::4096]; import time; time.sleep(.5)"
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {grandchild!r}]); print('done')"
    usage = process_tree.watch([sys.executable, "-c", child], tmp_path)
    assert usage.output == "done\n"
    assert 120 < usage.peak_mib < 250
    assert usage.seconds > 0.5
    assert usage.cpu_seconds > 0
    with pytest.raises(RuntimeError, match="failed with 3: gone wrong"):
        process_tree.watch([sys.executable, "-c", "import sys; sys.stderr.write('gone wrong'); sys.exit(3)"], tmp_path)


def test_job_puts_runs_beside_the_copy_and_counts_what_they_read(files, tmp_path, monkeypatch):
    commands = []

    def watched(words, cwd):
        commands.append(words)
        seconds = 2.0 if "benchmarks.plain_copy" in words else 5.0
        manifest = {"read": {"documents": len(TEXTS) + 3}, "kept": {"documents": 1}}
        return process_tree.Usage(seconds, seconds, 7.0, "pss", 1, 0.0, json.dumps(manifest))

    monkeypatch.setattr(job, "watch", watched)
    result = job.measure(files, 2, tmp_path / "work")
    assert [row[0] for row in result.rows] == [
        job.COPY,
        *(f"{r}, {w}" for r in job.RECIPES for w in ("1 worker", "2 workers")),
    ]
    assert [row[4] for row in result.rows] == ["1.00", *["2.50"] * 4]
    assert len(commands) == 5 + 10
    for words in commands:
        if "-c" in words:
            context = command.make_context("run", words[words.index("run") + 1 :])
            assert set(context.params["inputs"]) <= {*map(str, files), str(tmp_path / "work" / "head.parquet")}

    files.append(files[0])
    with pytest.raises(RuntimeError, match="read 67 documents of 131"):
        job.measure(files, 1, tmp_path / "work")


@pytest.mark.parametrize("recipe", job.RECIPES)
def test_recipes_of_the_job_can_run(files, tmp_path, recipe):
    check(load_recipe(job.RECIPES[recipe], input_paths=[str(f) for f in files], output_path=str(tmp_path / "out")))


def test_recipes_of_the_job_agree_on_how_to_write():
    assert job.output_options(list(job.RECIPES.values())) == (1, 16 << 20)


def test_ratios_are_taken_within_a_round():
    assert timing.median_ratio([2.0, 200.0], [1.0, 100.0]) == 2.0
    with pytest.raises(ValueError, match="repeats must be 1 or more"):
        timing.interleave({"a": lambda: 0}, 0)
    assert timing.cpu_seconds(lambda: np.sort(np.arange(1000))) >= 0


def test_the_tables_go_between_the_marks_and_nowhere_else(tmp_path):
    result = report.Result("x", "X", ("", "n"), (("a", "1"),), ("A note.",), {})
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    for _ in range(2):
        report.replace_between_marks(readme, report.markdown([result], r"Ending \1."))
    text = readme.read_text()
    assert text.startswith(f"before\n{report.BEGIN}\n")
    assert text.endswith(f"Ending \\1.\n\n{report.END}\nafter\n")
    assert "|  | n |\n| --- | ---: |\n| a | 1 |" in text
    assert "old" not in text
    readme.write_text(report.END + report.BEGIN)
    with pytest.raises(ValueError, match="once each and in this order"):
        report.check_marks(readme)


def test_the_command_writes_json_and_refuses_before_it_starts(files, tmp_path, capsys, monkeypatch):
    numbers = tmp_path / "numbers.json"
    entry.main(["--corpus", str(files[0]), "--only", "signatures", "filters", "--repeats", "1", "--json", str(numbers)])
    written = json.loads(numbers.read_text())
    assert [result["name"] for result in written["results"]] == ["signatures", "filters"]
    assert "--only signatures filters --repeats 1" in written["command"]
    assert written["command"].split("\n")[0] in " ".join(capsys.readouterr().out.split())
    readme = tmp_path / "README.md"
    readme.write_text(f"{report.BEGIN}{report.END}")
    with monkeypatch.context() as patch:
        patch.setattr(entry, "measure", lambda name, *_: report.Result(name, f"About {name}", ("",), (), (), {}))
        entry.main(["--corpus", str(files[0]), "--markdown", str(readme)])
    assert [name for name in entry.DEFAULT if f"About {name}" not in readme.read_text()] == []
    assert "Command: `python -m benchmarks --corpus" in readme.read_text()
    capsys.readouterr()
    for wrong, words in (
        (["--markdown", str(readme), "--only", "job"], "leave --only out"),
        (["--corpus", str(tmp_path / "*.none")], "no file matches"),
        (["--markdown", str(numbers)], "needs the lines"),
        (["--repeats", "0"], "whole number from 1"),
        (["--only", "speed"], "invalid choice"),
    ):
        with pytest.raises(SystemExit):
            entry.main(wrong)
        assert words in capsys.readouterr().err


PEER = """
import sys
from peer_io import measured, query_then_insert, read_texts

class Index(dict):
    query = dict.get
    def insert(self, row, sketch):
        self[sketch] = [row]

measured("pyarrow", lambda: query_then_insert(read_texts(sys.argv[1]), Index(), frozenset))
"""


def test_a_peer_is_run_in_its_own_python_and_its_removals_are_judged(tmp_path, monkeypatch):
    base = [f"w{i}" for i in range(40)]
    texts = [" ".join(words) for words in (base, base, [*base, "end"], [*base[::-1]], ["short"])]
    script = tmp_path / "fake.py"
    script.write_text(PEER)
    monkeypatch.setenv("PYTHONPATH", str(peers.FOLDER))
    pq.write_table(pa.table({"text": texts}), tmp_path / "in.parquet")
    found = peers.run_peer(sys.executable, script, tmp_path / "in.parquet", tmp_path / "out.json")
    assert found["kept"] == [0, 2, 3, 4] and found["seconds"] >= 0 and found["peak_mib"] > 1
    array = as_text_array(texts)
    assert dedup_peers.ours(array) == [0, 3, 4]
    neighbours = dedup_peers.Neighbours(array)
    assert neighbours.judge(found["kept"], 5) == dedup_peers.Judged(removed=1, unproved=0, left=1)
    assert neighbours.judge([0, 4], 5) == dedup_peers.Judged(removed=3, unproved=1, left=0)
    with pytest.raises(RuntimeError, match="failed with"):
        peers.run_peer(sys.executable, script, tmp_path / "none.parquet", tmp_path / "out.json")


def test_texts_without_a_token_prove_only_their_equals():
    neighbours = dedup_peers.Neighbours(as_text_array(["!!!", "", "!!! ", "?"]))
    assert neighbours.judge([0, 1, 3], 4) == dedup_peers.Judged(removed=1, unproved=0, left=0)
    assert neighbours.judge([0, 1], 4) == dedup_peers.Judged(removed=2, unproved=1, left=0)


def test_a_peer_does_not_answer_for_the_memory_of_the_benchmark(tmp_path, monkeypatch):
    if not Path("/proc/self/status").exists():
        pytest.skip("this system does not hand a peak on, or does not say")
    held = bytearray(300 << 20)
    held[::4096] = held[::4096]
    script = tmp_path / "small.py"
    script.write_text("from peer_io import measured\nmeasured('pyarrow', lambda: [])\n")
    monkeypatch.setenv("PYTHONPATH", str(peers.FOLDER))
    assert peers.run_peer(sys.executable, script, tmp_path / "in", tmp_path / "out.json")["peak_mib"] < 200


def test_all_contenders_stand_in_the_table_with_what_they_removed(tmp_path, monkeypatch):
    base = [f"w{i}" for i in range(40)]
    texts = as_text_array([" ".join(words) for words in (base, [*base, "end"], base[::-1], ["short"])])
    usage = process_tree.Usage(2.0, 2.0, 7.0, "pss", 1, 0.0, "")

    def run_recipe(recipe, files, folder, workers, look=bool):
        if files[0].name == "texts.parquet":
            assert pq.read_table(files[0])["row"].to_pylist() == [0, 1, 2, 3]
            (folder / "shards").mkdir(parents=True)
            pq.write_table(pa.table({"row": [0, 2, 3]}), folder / "shards" / "a.parquet")
            look(folder)
            return replace(usage, seconds=5.0, cpu_seconds=6.0), {}
        assert pq.read_metadata(files[0]).num_rows == 8
        return usage, {}

    def run_peer(python, script, source, output):
        return {"version": "9", "seconds": 1.0, "cpu_seconds": 2.0, "peak_mib": 3.0, "kept": [0, 1, 3]}

    monkeypatch.setattr(dedup_peers, "run_recipe", run_recipe)
    monkeypatch.setattr(dedup_peers, "run_peer", run_peer)
    result = dedup_peers.measure(texts, {"rensa": Path(sys.executable)}, tmp_path / "work")
    assert result.rows[0] == ("beamsift, whole run", "3.0", "1", "1.0 x", "7", "1", "0", "0.0 %", "0")
    assert result.rows[2] == ("rensa 9", "1.0", "2", "0.5 x", "3", "1", "1", "100.0 %", "1")
    assert len(result.rows) == 3 and len(result.columns) == 9
    assert result.notes[-1] == "Not run: datasketch, datatrove, text-dedup."


def test_peers_are_named_with_a_python():
    assert peers.parse_peers([f"rensa={sys.executable}"], ("rensa",)) == {"rensa": Path(sys.executable)}
    for word, message in (("rensa", "not name=/path"), ("other=x", "name of rensa"), ("rensa=/none", "not a Python")):
        with pytest.raises(ValueError, match=message):
            peers.parse_peers([word], ("rensa",))


def test_parity_counts_what_two_sides_say_of_the_same_texts(monkeypatch, tmp_path):
    text = "It is one of the pages that we have, and it goes on with words."
    texts = as_text_array([text + " " + " ".join(WORDS[:60]), "too short", "a b " * 100, text])
    said = {
        "gopher_quality": ["", "gopher_short_doc", "gopher_enough_stop_words", ""],
        "c4 without end marks": ["", "", "", ""],
        "fineweb": ["", "gopher_repetition: top_2_gram", "gopher_quality: gopher_short_doc", "c4: too_few_sentences"],
    }

    def run_peer(python, script, source, output, words):
        assert (script.name, words) == ("datatrove_quality.py", "whitespace")
        assert pq.read_table(source)["text"].to_pylist() == texts.to_pylist()
        quiet = {"cpu_seconds": 2.0, "reasons": [""] * 4, "texts": None}
        runs = {name: {**quiet, "reasons": said.get(name, [""] * 4)} for name in parity.stages("datatrove", words)}
        return {"version": "9", "runs": runs}

    monkeypatch.setattr(parity, "run_peer", run_peer)
    version, found = parity.compare(texts, "datatrove", "python", "whitespace", tmp_path)
    by_name = {compared.name: compared for compared in found}
    quality = by_name["gopher_quality"]
    assert version == "9" and quality.their_seconds == 2.0
    assert quality.ours == ["", "too_few_words", "words_too_short", "too_few_words"]
    assert quality.theirs == ["", "too_few_words", "too_few_stop_words", ""]
    assert (quality.disagree, quality.other_reason) == ([3], [2])
    assert parity.rule_rows(quality)[0] == ("`too_few_words`", "2", "1", "1")
    assert by_name["fineweb"].theirs[1] == "gopher_repetition: top_2grams"


def test_parity_holds_scores_against_our_limits_and_counts_other_texts():
    (stage,) = parity.stages("dolma", "whitespace")["gopher_quality"]
    fine = {"word_count": 50, "median_word_length": 3.0, "required_word_count": 2}
    scores = [fine, {**fine, "word_count": 49}, {**fine, "median_word_length": 2.5, "required_word_count": 1}]
    run = parity.judged_by_scores({"cpu_seconds": 1.0, "scores": scores}, stage)
    assert run["reasons"] == ["", "too_few_words", "words_too_short"]
    theirs = {"cpu_seconds": 1.0, "reasons": ["", "", "x"], "texts": ["a", "b", "c"]}
    compared = parity.compare_run("c4", as_text_array(["a", "a", "c"]), (["", "", "x"], ["a", "a", "c"], 1.0), theirs)
    assert (compared.other_texts, compared.disagree, compared.other_reason) == (1, [], [])


@pytest.mark.parametrize("script", sorted([*dedup_peers.SCRIPTS.values(), *parity.SCRIPTS.values()]))
def test_every_peer_has_a_script_that_compiles(script):
    compile((peers.FOLDER / script).read_text(encoding="utf-8"), script, "exec")


def test_sensitive_scans_with_every_group_and_finds_what_the_plain_searches_find():
    result = sensitive.measure(as_text_array(TEXTS), repeats=1)
    found = {run["name"].split(" (")[0]: run["found"] for run in result.data["runs"]}
    assert {detector.group for detector in DETECTORS.values()} < set(found)
    assert found["email, ipv4"] == found["plain Python re: email, ipv4"] == found["plain RE2: email, ipv4"] == 2


def test_slope_scans_lines_of_the_sizes_asked_for():
    sizes = (0.001, 0.002)
    lines = {"email": "a@b.example ", "ipv4": "号8.8.8.8 "}
    for size in sizes:
        texts = dict(sensitive_slope.inputs(as_text_array(TEXTS), int(size * 1e6), lines))
        assert all(size * 1e6 <= len(text.encode()) < size * 1e6 + 100 for text in texts.values())
        assert not any("\n" in text for text in texts.values()) and set(texts) >= {"`email`", "`ipv4`"}
    result = sensitive_slope.measure(as_text_array(TEXTS), sizes, Path("absent"))
    assert [len(run["seconds_per_mb"]) for run in result.data["runs"]] == [2] * (len(sensitive_slope.REPEATED) + 1)


@pytest.mark.corpus
def test_every_kind_has_a_line_that_is_found(corpora):
    lines = examples(corpora / "pii")
    assert set(DETECTORS) - {one.kind for one in PLAIN} <= set(lines)
    assert [kind for kind, line in lines.items() if not is_found(kind, line)] == []


def test_a_peer_is_held_against_the_labels_of_the_kinds_it_claims(tmp_path, monkeypatch):
    text = "a@b.example or ftp://u:p@h.example"
    labels = [{"start": 0, "end": 11, "kind": "email"}, {"start": 15, "end": 34, "kind": "url_credentials"}]
    for name in sensitive_peers.FILES:
        pq.write_table(pa.table({"text": [text], "spans": [labels]}), tmp_path / name)

    def told(python, script, source, output, labelled):
        assert len(pq.read_table(labelled)) == len(sensitive_peers.FILES)
        # Half of the address, the end of the URL (labelled as another kind), and a word.
        found = [[2, 11, "email"], [23, 34, "email"], [12, 14, "ip"], [0, 2, "name"]]
        return {"version": "1", "cpu_seconds": 1.0, "found": [found] * 2, "failed": 0}

    monkeypatch.setattr(sensitive_peers, "run_peer", told)
    peer = {"datatrove": tmp_path / "python"}
    result = sensitive_peers.measure(as_text_array(TEXTS), peer, tmp_path / "work", tmp_path)
    rows = {row[0]: row[1:] for row in result.rows}
    assert rows["email"] == ("1.00 / 1.00 (1.00 / 1.00)", "1.00 / 1.00 (0.00 / 0.00)")
    assert rows["all kinds it claims"][1] == "1.00 / 1.00 (0.00 / 0.00)"
    assert "url_credentials" not in rows
    with pytest.raises(FileNotFoundError, match="labelled spans"):
        sensitive_peers.read_labelled(tmp_path / "work")


def test_what_a_peer_claims_are_kinds_of_ours():
    for name, claims in sensitive_peers.CLAIMS.items():
        assert (peers.FOLDER / sensitive_peers.SCRIPTS[name]).is_file()
        assert {kind for kinds in claims.values() for kind in kinds} <= set(DETECTORS)


def test_blocklists_builds_and_searches_lists_of_every_size(tmp_path, monkeypatch):
    def here(python, script, source, output, *arguments):
        """In this process, where kernels are compiled."""
        monkeypatch.setattr(sys, "argv", [str(script), str(source), str(output), *arguments])
        runpy.run_path(str(script), run_name="__main__")
        return json.loads(output.read_text())

    monkeypatch.syspath_prepend(peers.FOLDER)
    monkeypatch.setattr(blocklists, "run_peer", here)
    result = blocklists.measure(as_text_array(TEXTS), {}, tmp_path, phrases=(30,), urls=(20,), asked=50)
    ours, plain, domains = result.data["runs"]
    assert ours["entries"] == 30
    assert ours["hits"] >= plain["hits"] > 0
    assert ours["index_bytes"] > 0
    assert domains["hits"] == 5
    made = blocklists.make_phrases(as_text_array(TEXTS), 200)
    assert len(set(made)) == 200
    assert made == blocklists.make_phrases(as_text_array(TEXTS), 200)


def test_skewed_corpora_are_of_one_size_and_half_one_page(tmp_path):
    made = dedup_skew.corpora(64)
    assert {name: len(texts) for name, texts in made.items()} == dict.fromkeys(made, 64)
    lengths = [len(text.split()) for texts in made.values() for text in texts]
    assert min(lengths) >= dedup_skew.WORDS and max(lengths) <= dedup_skew.WORDS + 2
    copies = made["copies of one page"]
    assert copies.count(max(copies, key=copies.count)) == 32
    versions = [text for text in made["versions of one page"] if "version" in text]
    assert len(set(versions)) == 32 and jaccard(*versions[:2]) > 0.95
    pages = [text for text in made["pages of one template"] if text.startswith("p0 ")]
    assert len(pages) == 32 and jaccard(*pages[:2]) < 0.5
    written = dedup_skew.write(copies, tmp_path)
    assert [text for path in written for text in pq.read_table(path)["text"].to_pylist()] == copies


def test_inspecting_runs_commands_on_a_result_that_holds_together(tmp_path, monkeypatch):
    raw, output = synthetic_result.write_result(tmp_path, 400)
    result = open_result(str(output))
    kept, left = (sum(len(table) for table in result.tables(series, ["doc_key"])) for series in ("shards", "rejects"))
    assert kept == result.manifest["kept"]["documents"] and kept + left == 400
    listed = list_clusters(result, "minhash_dedup", top=1)["largest"][0]
    assert show_cluster(result, listed["survivor"])["documents"] == listed["documents"]
    assert explain_document(result, listed["survivor"])["outcome"] == "kept"
    chosen = {"--help": ["--help"], "stats": ["stats", str(output)]}
    monkeypatch.setattr(inspecting, "commands", lambda raw, output, folder: chosen)
    monkeypatch.setattr(inspecting, "write_result", lambda folder, documents: (raw, output))
    assert [row[0] for row in inspecting.measure(400, tmp_path).rows] == ["--help", "stats"]


def test_every_command_of_inspecting_is_one(tmp_path):
    raw, output = synthetic_result.write_result(tmp_path, 400)
    for arguments in inspecting.commands(raw, output, tmp_path).values():
        assert CliRunner().invoke(cli, arguments).exit_code == 0, arguments


def test_tokens_are_measured_in_every_format(tmp_path):
    pytest.importorskip("tokenizers")
    result = tokens.measure(
        as_text_array(TEXTS * 4), {}, tmp_path / "t", repeats=1, vocabulary=300, written_tokens=8192
    )
    names = [row[0] for row in result.rows]
    assert names[0] == "tokenizers, the bare library"
    assert [name for name in names if name.startswith("writing")] == [
        "writing plain copy", "writing parquet", "writing megatron", "writing mds", "writing numpy"
    ]  # fmt: skip
    assert result.data["tokens"] > 1000
    assert all(seconds > 0 for taken in result.data["seconds"].values() for seconds in taken)
    assert all((peers.FOLDER / script).is_file() for script in tokens.SCRIPTS.values())
