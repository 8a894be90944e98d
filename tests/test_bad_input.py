"""Bad input and bad recipes: one clear sentence, exit status 1, nothing that looks finished."""

from __future__ import annotations

import contextlib
import errno
import gzip
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from filters.errors import BeamsiftError, ConservationError, InputError, OutputError, RecipeError
from pipeline.cli.main import cli
from pipeline.runners import own_error, plan_local

Fails = Callable[..., str]


@pytest.fixture
def fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fails:
    """Run a recipe from tmp_path that must fail; gives the message."""
    monkeypatch.chdir(tmp_path)

    def call(stages: str = "[]", *, paths: str = "raw", more: str = "", output: str = "out", **expect: str) -> str:
        lines = (f"input: {{paths: '{paths}'}}", f"stages: {stages}", f"output: {{path: {output}}}", more)
        Path("recipe.yaml").write_text("\n".join(lines))
        result = CliRunner().invoke(cli, ["run", "recipe.yaml", "--quiet", *expect.get("args", "").split()])
        assert isinstance(result.exception, BeamsiftError), result.output + repr(result.exception)
        assert not (tmp_path / output / "manifest.json").exists()
        assert not list((tmp_path / output).glob("shards/*.parquet"))
        message = str(result.exception)
        assert "\n" not in message
        return message

    return call


def write(path: str, table: pa.Table | None = None) -> Path:
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table or pa.table({"text": [f"the text of document {i}" for i in range(50)]}), file)
    return file


def test_missing_path(fails: Fails) -> None:
    assert "raw" in fails()


def test_no_file_matches(fails: Fails) -> None:
    write("raw/a.parquet")
    assert "raw/*.jsonl" in fails(paths="raw/*.jsonl")


def test_missing_text_column(fails: Fails) -> None:
    write("raw/a.parquet", pa.table({"texts": ["x"], "id": [1]}))
    message = fails()
    assert "'text'" in message and "texts" in message and "id" in message


def test_text_column_of_the_wrong_type(fails: Fails) -> None:
    write("raw/a.parquet", pa.table({"text": [1, 2]}))
    assert "int64" in fails()


def test_truncated_parquet(fails: Fails) -> None:
    file = write("raw/a.parquet")
    file.write_bytes(file.read_bytes()[:-20])
    assert "raw/a.parquet" in fails()


def test_damaged_row_group(fails: Fails) -> None:
    file = write("raw/a.parquet")
    data = bytearray(file.read_bytes())
    data[4:200] = b"\xff" * 196
    file.write_bytes(data)
    message = fails()
    assert "raw/a.parquet" in message and "row group 0" in message


def test_damage_is_named_by_worker_processes_too(fails: Fails) -> None:
    for name in "abcd":
        write(f"raw/{name}.parquet")
    data = bytearray(Path("raw/c.parquet").read_bytes())
    data[4:200] = b"\xff" * 196
    Path("raw/c.parquet").write_bytes(data)
    message = fails(args="--workers 2")
    assert "raw/c.parquet" in message and "row group 0" in message


def test_invalid_utf8_in_json_lines(fails: Fails) -> None:
    Path("raw").mkdir()
    Path("raw/a.jsonl").write_bytes(b'{"text": "fine"}\n{"text": "\xff\xfe"}\n')
    message = fails()
    assert "raw/a.jsonl" in message and "line 2" in message


def test_malformed_json_line(fails: Fails) -> None:
    Path("raw").mkdir()
    Path("raw/a.jsonl").write_text('{"text": "fine"}\n\n{"text": "fine"}\n{"text": broken}\n')
    message = fails()
    assert "raw/a.jsonl" in message and "line 4" in message
    assert "broken" not in message


def test_schemas_in_conflict(fails: Fails) -> None:
    write("raw/a.parquet", pa.table({"text": ["x"], "n": [1]}))
    write("raw/b.parquet", pa.table({"text": ["x"], "n": ["one"]}))
    message = fails()
    assert "raw/a.parquet" in message and "raw/b.parquet" in message and "'n'" in message


def test_unreadable_recipe() -> None:
    result = CliRunner().invoke(cli, ["run", "no/such/recipe.yaml"])
    assert isinstance(result.exception, RecipeError)
    assert "no/such/recipe.yaml" in str(result.exception)


@pytest.mark.parametrize(
    ("stages", "expected"),
    [
        ("[langauge]", "did you mean 'language'"),
        ("[{language: {alow: [en]}}]", "did you mean 'allow'"),
        ("[{language: {allow: [nb]}}]", "did you mean no"),
        ("[{language: {model: missing.bin}}]", "missing.bin"),
        ("[{blocklist: {path: missing.txt}}]", "missing.txt"),
        ("[{minhash_dedup: {bands: 14}}]", "bands and rows belong together"),
        ("[pii, pii]", "second stage 'pii'"),
        ("[{length: {}, language: {}}]", "one stage to a list item"),
        ("[{length: {}, id: read}]", "id must be"),
        ("[3]", "a stage is a name"),
    ],
)
def test_mistakes_in_stages(fails: Fails, stages: str, expected: str) -> None:
    write("raw/a.parquet")
    assert expected in fails(stages)


def test_a_stage_does_not_overwrite_a_column(fails: Fails) -> None:
    write("raw/a.parquet", pa.table({"text": ["x"], "language": ["en"]}))
    message = fails("[language]")
    assert "'language'" in message and "id: my_language" in message


@pytest.mark.parametrize("name", ["doc_key", "text_bytes", "text"])
def test_a_stage_does_not_overwrite_a_column_of_beamsifts_own(fails: Fails, name: str) -> None:
    write("raw/a.parquet")
    assert f"would write column '{name}'" in fails(f"[{{language: {{}}, id: {name}}}]")


@pytest.mark.parametrize("name", ["text", "nothing"])
def test_columns_that_cannot_be_dropped(fails: Fails, name: str) -> None:
    write("raw/a.parquet", pa.table({"text": ["x"], "n": [1]}))
    Path("r.yaml").write_text(f"input: {{paths: raw, drop_columns: [{name}]}}\nstages: []\noutput: {{path: out}}\n")
    result = CliRunner().invoke(cli, ["run", "r.yaml", "--quiet"])
    assert isinstance(result.exception, InputError) and "can be dropped: n" in str(result.exception)


def test_a_reserved_column(fails: Fails) -> None:
    write("raw/a.parquet", pa.table({"text": ["x"], "doc_key": [1]}))
    assert "drop_columns: [doc_key]" in fails()


def test_output_that_holds_a_result(fails: Fails, tmp_path: Path) -> None:
    write("raw/a.parquet")
    Path("recipe.yaml").write_text("input: {paths: raw}\nstages: []\noutput: {path: out}\n")
    first = CliRunner().invoke(cli, ["run", "recipe.yaml", "--quiet"], catch_exceptions=False)
    assert first.exit_code == 0
    again = CliRunner().invoke(cli, ["run", "recipe.yaml", "--quiet"])
    assert isinstance(again.exception, OutputError) and "--overwrite" in str(again.exception)
    (tmp_path / "out" / "mine.txt").write_text("not ours")
    over = CliRunner().invoke(cli, ["run", "recipe.yaml", "--quiet", "--overwrite"], catch_exceptions=False)
    assert over.exit_code == 0
    assert (tmp_path / "out" / "mine.txt").read_text() == "not ours"


def test_folders_of_others_are_not_removed(fails: Fails, tmp_path: Path) -> None:
    write("raw/a.parquet")
    write("out/rejects/theirs.bin")
    assert "not written by beamsift" in fails(args="--overwrite")
    assert (tmp_path / "out" / "rejects" / "theirs.bin").exists()


def test_unwritable_output(fails: Fails) -> None:
    write("raw/a.parquet")
    Path("file").write_text("a file where a folder should be")
    assert "file/out" in fails(output="file/out")


def test_output_inside_the_input(fails: Fails) -> None:
    write("raw/a.parquet")
    write("raw/out/b.parquet")
    assert "output folder" in fails(output="raw/out")


def test_disk_full(fails: Fails, monkeypatch: pytest.MonkeyPatch) -> None:
    from transforms import atomic

    write("raw/a.parquet")
    opened = atomic._open_raw

    class Full:
        def __init__(self, raw: object) -> None:
            self._raw = raw

        def write(self, data: bytes) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        def __getattr__(self, name: str) -> object:
            return getattr(self._raw, name)

    def open_raw(filesystem: object, path: str) -> object:
        raw = opened(filesystem, path)
        return Full(raw) if "/shards/" in path else raw

    monkeypatch.setattr(atomic, "_open_raw", open_raw)
    message = fails()
    assert "space" in message and "/shards/" in message


def test_multi_threading_is_refused(fails: Fails) -> None:
    write("raw/a.parquet")
    assert "loses data" in fails(args="-- --direct_running_mode=multi_threading")
    assert "loses data" in fails(args="-- --direct_running_mode multi_threading")


def test_an_unknown_runner(fails: Fails) -> None:
    write("raw/a.parquet")
    assert "'NoSuchRunner'" in fails(args="--runner NoSuchRunner")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("--direct_num_worker=4", "did you mean --direct_num_workers?"),
        ("--temp_locaton x", "did you mean --temp_location?"),
        ("--streaming false", "'false'"),
        ("stray", "'stray'"),
        ("--job_port=many", "invalid int value"),
        ("--runner=FlinkRunner", "before the --"),
        ("--runner FlinkRunner", "before the --"),
    ],
)
def test_options_that_beam_would_leave_out(fails: Fails, options: str, expected: str) -> None:
    write("raw/a.parquet")
    assert expected in fails(args=f"-- {options}")


@pytest.mark.parametrize("name", ["directrunner", "Direct", "SwitchingDirectRunner", "BundleBasedDirectRunner"])
def test_all_names_of_the_local_runner_are_one(tmp_path: Path, run_recipe: Callable[..., Any], name: str) -> None:
    write(str(tmp_path / "a.parquet"))
    reports: list[dict[str, Any]] = []
    manifest, _ = run_recipe(
        {"input": {"paths": str(tmp_path / "a.parquet")}},
        runner=name,
        beam_options=["--job_name=x"],
        report=reports.append,
    )
    assert manifest["runner"] == {"name": "local", "workers": 1}
    assert reports[-1]


def test_no_traceback_and_status_1(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pipeline.cli.main", "run", "no.yaml"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Error: no.yaml")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_error_in_the_middle_of_a_run_is_one_sentence(tmp_path: Path, workers: str) -> None:
    raw = tmp_path / "raw"
    for name in "abcd":
        write(str(raw / f"{name}.parquet"))
    data = bytearray((raw / "c.parquet").read_bytes())
    data[4:200] = b"\xff" * 196
    (raw / "c.parquet").write_bytes(data)
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(f"input: {{paths: {raw}}}\nstages: [exact_dedup]\noutput: {{path: {tmp_path / 'out'}}}\n")
    command = [sys.executable, "-m", "pipeline.cli.main", "run", str(recipe), "--workers", workers, "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "row group 0" in done.stderr, done.stderr


def test_an_error_in_the_middle_of_a_split_is_one_sentence(tmp_path: Path) -> None:
    lines = ['{"text": "a text"}'] * 10_000
    (tmp_path / "a.jsonl").write_text("\n".join([*lines, '{"text": 1}']))
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(f"""
input: {{paths: {tmp_path}/a.jsonl, schema_sample_bytes: 1000}}
stages: []
output: {{path: {tmp_path}/out}}
""")
    # Blocks so small that some of the Split is staged before the error.
    code = (
        "import sys, transforms.jsonlines; transforms.jsonlines.BLOCK_BYTES = 1 << 16\n"
        f"sys.argv = ['beamsift', 'run', {str(recipe)!r}, '--quiet']\n"
        "from pipeline.cli.main import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "line 10001" in done.stderr, done.stderr


@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_interrupt_is_one_sentence_and_ends_the_workers(tmp_path: Path, workers: str) -> None:
    for name in "abcd":
        with gzip.open(tmp_path / f"{name}.jsonl.gz", "wt", compresslevel=1) as file:
            file.writelines(f'{{"text": "the text of document {i} of {name}"}}\n' for i in range(20_000))
    recipe, output = tmp_path / "recipe.yaml", tmp_path / "out"
    stages = "[length, pii, exact_dedup, minhash_dedup]"
    recipe.write_text(f"input: {{paths: {tmp_path}}}\nstages: {stages}\noutput: {{path: {output}}}\n")
    command = [sys.executable, "-m", "pipeline.cli.main", "run", str(recipe), "--workers", workers]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True, env=environment)
    deadline = time.monotonic() + 60
    while not list((output / "staging").glob("00-*")) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: workers get it, too
    _, said = process.communicate(timeout=30)
    assert said.startswith("Interrupted.") and said.count("\n") == 1, said
    assert process.returncode == 130
    assert not (output / "manifest.json").exists()
    assert not list(tmp_path.glob("beamsift-progress-*"))
    deadline = time.monotonic() + 10
    while _is_group_alive(process.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _is_group_alive(process.pid)


def _is_group_alive(group: int) -> bool:
    """Whether any process of the group is left, but for those that only wait to be collected."""
    for process in psutil.process_iter(["status"]):
        with contextlib.suppress(ProcessLookupError):
            if os.getpgid(process.pid) == group and process.info["status"] != psutil.STATUS_ZOMBIE:
                return True
    return False


def test_a_result_that_is_none(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["stats", str(tmp_path)])
    assert isinstance(result.exception, OutputError) and "not a result" in str(result.exception)
    (tmp_path / "manifest.json").write_text('{"format_version": 0}')
    result = CliRunner().invoke(cli, ["stats", str(tmp_path)])
    assert "format 0" in str(result.exception)


def test_a_run_that_lost_a_document_fails() -> None:
    from transforms.manifest import prove_conservation

    step = {"in": {"documents": 2, "bytes": 9}, "out": {"documents": 2, "bytes": 9}, "dropped": {}}
    with pytest.raises(ConservationError, match="2 and 0"):
        prove_conservation([step], [])


def test_errors_of_workers_are_recognised() -> None:
    text = "Traceback (most recent call last):\nfilters.errors.InputError: a.parquet: damaged [while running 'x']\n"
    error = own_error(RuntimeError(text))
    assert isinstance(error, InputError) and str(error) == "a.parquet: damaged"
    assert own_error(RuntimeError("something else")) is None


def test_local_plan() -> None:
    assert plan_local(1000, 5, None).mode == "in_memory"
    assert plan_local(1 << 40, 1, None).mode == "in_memory"
    assert plan_local(1000, 5, 3).workers == 3
    assert plan_local(1000, 5, None, ["--direct_num_workers=4"]).mode == "multi_processing"
    with pytest.raises(RecipeError, match="whole number"):
        plan_local(1000, 5, None, ["--direct_num_workers=many"])


@pytest.mark.parametrize(
    "stage",
    [
        "gopher_quality: {by_language: {de: {min_words: 9}}}",
        "blocklist: {lists: [{path: words.txt, language: de}], max_hits: 0}",
        "url_blocklist: {url_column: language, domains: [a.org]}",
    ],
)
def test_a_column_of_lists_is_refused_before_the_work_starts(fails: Fails, stage: str) -> None:
    Path("raw").mkdir()
    Path("raw/a.jsonl").write_text('{"text": "x", "language": ["de"]}\n')
    Path("words.txt").write_text("word\n")
    assert "needs one value of column 'language', which holds list<item: string>" in fails(f"[{{{stage}}}]")
    budget = "guards: {budgets: [{by: language, max_removed: 0.5}]}"
    assert "budget 1 counts by 'language', which holds list<item: string>" in fails(more=budget)
