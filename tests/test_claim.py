"""The output folder: nothing of the user's is removed, and no two runs work in it at once."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from filters.errors import InputError, OutputError
from pipeline.claim import check_output, claimed
from pipeline.cli.main import cli
from transforms.files import first_inside
from transforms.layout import UNFINISHED, load_manifest

Run = Callable[..., tuple[dict[str, Any], Path]]


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    folder = tmp_path / "raw"
    folder.mkdir()
    pq.write_table(pa.table({"text": ["one text", "another text"]}), folder / "a.parquet")
    return folder


SPELLINGS = [
    pytest.param(lambda out: f"{out}/../{out.name}/shards", id="dots"),
    pytest.param(lambda out: f"file://{out}/shards", id="a file URI"),
    pytest.param(lambda out: f"FILE://localhost{out}/shards/*.parquet", id="a file URI with a host"),
    pytest.param(lambda out: str(out.parent / "link/shards"), id="a link to the folder"),
    pytest.param(lambda out: str(out.parent / "one.parquet"), id="a link to a file"),
    pytest.param(lambda out: str(out / "shards"), id="plain"),
]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_overwriting_does_not_remove_the_input(
    raw: Path, tmp_path: Path, run_recipe: Run, spelling: Callable[[Path], str]
) -> None:
    _, output = run_recipe({"input": {"paths": str(raw)}})
    (tmp_path / "link").symlink_to(output)
    (tmp_path / "one.parquet").symlink_to(output / "shards/part-00000-of-00001.parquet")
    again = {"input": {"paths": spelling(output), "drop_columns": ["doc_key"]}}
    with pytest.raises(InputError, match="lies in the output folder"):
        run_recipe(again, overwrite=True)
    assert len(list(output.glob("shards/*"))) == 1
    for way in (f"{output}/../out", f"file://{output}", str(tmp_path / "link")):
        with pytest.raises(InputError, match="lies in the output folder"):
            run_recipe({**again, "output": {"path": way}}, overwrite=True)
    assert load_manifest(str(output))["kept"]["documents"] == 2


def test_an_input_that_a_folder_of_the_result_links_to(raw: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/shards").symlink_to(raw)
    with pytest.raises(InputError, match=r"raw/a\.parquet"):
        check_output(str(tmp_path / "out"), [str(raw / "a.parquet")], overwrite=True)


@pytest.mark.parametrize("sibling", ["out2/a.parquet", "ou/a.parquet", "out.parquet"])
def test_a_name_that_only_begins_alike_is_elsewhere(tmp_path: Path, sibling: str) -> None:
    (tmp_path / "out").mkdir()
    assert first_inside([str(tmp_path / sibling)], [str(tmp_path / "out")]) is None
    assert first_inside([f"memory://{sibling}"], ["memory://out"]) is None
    assert first_inside(["gcs://b/out/./x"], ["gs://b/out/"]) == "gcs://b/out/./x"


@pytest.mark.parametrize("content", ['{"name": "an app"}', "[]", "not JSON", '{"format_version": 1, "versions": []}'])
def test_a_manifest_of_others_is_not_taken_for_a_result(
    raw: Path, tmp_path: Path, run_recipe: Run, content: str
) -> None:
    (tmp_path / "out/shards").mkdir(parents=True)
    (tmp_path / "out/shards/theirs.bin").write_text("theirs")
    (tmp_path / "out/manifest.json").write_text(content)
    with pytest.raises(OutputError, match="not written by beamsift"):
        run_recipe({"input": {"paths": str(raw)}}, overwrite=True)
    assert (tmp_path / "out/manifest.json").read_text() == content
    assert (tmp_path / "out/shards/theirs.bin").exists()


def mark(output: Path, **changes: Any) -> None:
    (output / "staging").mkdir(parents=True)
    (output / "staging/live").write_text("of a run that is under way")
    process = psutil.Process()
    own = {"run": "x", "pid": os.getpid(), "process_started": process.create_time(), "host": socket.gethostname()}
    (output / UNFINISHED).write_text(json.dumps({**own, "started": "today", **changes}))


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_run_that_is_alive_is_left_alone(raw: Path, tmp_path: Path, run_recipe: Run, overwrite: bool) -> None:
    mark(tmp_path / "out")
    with pytest.raises(OutputError, match="a run is under way"):
        run_recipe({"input": {"paths": str(raw)}}, overwrite=overwrite)
    assert (tmp_path / "out/staging/live").exists()


def test_a_run_on_another_host_is_left_alone_unless_asked(raw: Path, tmp_path: Path, run_recipe: Run) -> None:
    mark(tmp_path / "out", host="elsewhere")
    with pytest.raises(OutputError, match="begun on elsewhere"):
        run_recipe({"input": {"paths": str(raw)}})
    manifest, output = run_recipe({"input": {"paths": str(raw)}}, overwrite=True)
    assert manifest["kept"]["documents"] == 2
    assert not (output / UNFINISHED).exists()


def _dead_pid() -> int:
    return int(subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True).stdout)


@pytest.mark.parametrize("gone", [{"pid": None}, {"pid": _dead_pid()}, {"process_started": 1.0}])
def test_an_interrupted_run_is_begun_again(raw: Path, tmp_path: Path, run_recipe: Run, gone: dict[str, Any]) -> None:
    mark(tmp_path / "out", **gone)
    manifest, _ = run_recipe({"input": {"paths": str(raw)}})
    assert manifest["kept"]["documents"] == 2


def test_a_failed_run_lets_go_of_its_folder(tmp_path: Path) -> None:
    output = str(tmp_path / "out")
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt), claimed(output, [], overwrite=False, started="today"):
            with pytest.raises(OutputError, match="under way"):
                check_output(output, [])
            raise KeyboardInterrupt
    with claimed(output, [], overwrite=False, started="today"):
        pass
    assert not (tmp_path / "out" / UNFINISHED).exists()


def test_a_run_whose_folder_was_taken_over_leaves_no_manifest(
    raw: Path, tmp_path: Path, run_recipe: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pipeline.run

    write_plan = pipeline.run.write_plan

    def taken(*args: Any) -> int:
        (tmp_path / "out" / UNFINISHED).write_text('{"run": "another"}')
        return write_plan(*args)

    monkeypatch.setattr(pipeline.run, "write_plan", taken)
    with pytest.raises(OutputError, match=r"taken .* over"):
        run_recipe({"input": {"paths": str(raw)}})
    assert not (tmp_path / "out/manifest.json").exists()
    assert json.loads((tmp_path / "out" / UNFINISHED).read_text()) == {"run": "another"}


def test_of_two_runs_that_begin_at_once_one_gives_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = tmp_path / "out"

    def meanwhile(uri: str) -> None:
        (output / UNFINISHED).write_text('{"run": "another"}')

    monkeypatch.setattr("pipeline.claim.remove_file", meanwhile)
    with pytest.raises(OutputError, match="same moment"), claimed(str(output), [], overwrite=False, started="today"):
        pass
    assert json.loads((output / UNFINISHED).read_text()) == {"run": "another"}


def test_check_says_what_it_did_not_count(raw: Path, tmp_path: Path) -> None:
    (tmp_path / "b.jsonl").write_text('{"text": "a"}\n')
    recipe = tmp_path / "recipe.yaml"
    for paths, text, documents in (
        ([raw], "1 files, 2 documents, about", 2),
        ([raw, tmp_path / "b.jsonl"], "2 files, 2 documents and those of 1 files not counted, about", None),
        ([tmp_path / "b.jsonl"], "1 files, documents not counted, about", None),
    ):
        recipe.write_text(f"input: {{paths: [{', '.join(map(str, paths))}]}}\noutput: {{path: {tmp_path}/out}}\n")
        assert text in CliRunner().invoke(cli, ["check", str(recipe)], catch_exceptions=False).output
        data = json.loads(CliRunner().invoke(cli, ["check", str(recipe), "--json"]).output)
        assert data["documents"] == documents


def test_check_looks_at_the_output_too(raw: Path, tmp_path: Path, run_recipe: Run) -> None:
    _, output = run_recipe({"input": {"paths": str(raw)}})
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(f"input: {{paths: {raw}}}\nstages: []\noutput: {{path: {output}}}\n")
    result = CliRunner().invoke(cli, ["check", str(recipe)])
    assert isinstance(result.exception, OutputError) and "--overwrite" in str(result.exception)
    assert CliRunner().invoke(cli, ["check", str(recipe), "--overwrite"]).exit_code == 0


def test_a_run_that_was_handed_over_holds_its_folder_without_a_process(tmp_path: Path) -> None:
    output = str(tmp_path / "out")
    with claimed(output, [], overwrite=False, started="now") as claim:
        claim.hand_over()
    marker = json.loads((tmp_path / "out" / UNFINISHED).read_text())
    marker["pid"] = 2**22 + 1  # of nobody
    (tmp_path / "out" / UNFINISHED).write_text(json.dumps(marker))
    with pytest.raises(OutputError, match="handed over to a cluster"):
        check_output(output, [])
    check_output(output, [], overwrite=True)


def test_a_run_that_could_not_be_handed_over_leaves_the_folder_free(tmp_path: Path) -> None:
    output = str(tmp_path / "out")
    with pytest.raises(KeyError), claimed(output, [], overwrite=False, started="now") as claim:
        claim.hand_over()
        raise KeyError
    check_output(output, [])
