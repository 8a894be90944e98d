"""Faults with real processes: each ends in the same bytes as an undisturbed run, or in one sentence and no manifest."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
import psutil
import pytest
import yaml

from filters.errors import InputError
from pipeline.verify import verify
from tests.conftest import digests, run_in
from tests.faulty import KILLED, kill_when_named
from transforms import apply, exact_dedup, groups, minhash_dedup, shards, survivors
from transforms.files import file_info
from transforms.layout import UNFINISHED

RECIPE: dict[str, Any] = {
    "stages": [
        {"length": {"min_words": 8}},
        {"language": {"min_score": 0.4}},
        "exact_dedup",
        {"minhash_dedup": {"threshold": 0.7, "bands": 14, "rows": 8}},
    ],
    "output": {"shard_bytes": 400_000},
    "run": {"split_bytes": 100_000},
}


@pytest.fixture(scope="module")
def recipe(sample: Path) -> dict[str, Any]:
    return {"input": {"paths": str(sample / "raw")}, **RECIPE}


@pytest.fixture(scope="module")
def undisturbed(recipe: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Digests of the files of a run that nothing happened to."""
    _, output = run_in(tmp_path_factory.mktemp("undisturbed"), recipe)
    return digests(output)


def write_recipe(folder: Path, recipe: dict[str, Any]) -> Path:
    path = folder / "recipe.yaml"
    output = {"path": str(folder / "out"), **recipe["output"]}
    path.write_text(yaml.safe_dump({**recipe, "output": output}))
    return path


def command(folder: Path, recipe: dict[str, Any], *options: str) -> list[str]:
    path = write_recipe(folder, recipe)
    return [sys.executable, "-m", "pipeline.cli.main", "run", str(path), "--quiet", *options]


def test_a_run_that_is_killed_again_and_again(
    recipe: dict[str, Any], undisturbed: dict[str, str], tmp_path: Path
) -> None:
    """kill -9 while the fourth piece is staged, in a deduplication, while shards are written."""
    output, path = tmp_path / "out", write_recipe(tmp_path, recipe)
    for place, nth in (("staging/00-", 12), ("staging/02-", 4), ("/shards/", 2)):
        assert kill_when_named(path, place, nth) == KILLED
        assert (output / UNFINISHED).exists() and not (output / "manifest.json").exists()
    manifest, _ = run_in(tmp_path, recipe, resume=True)
    assert manifest["taken_over"]["documents"] == manifest["read"]["documents"] == 600
    assert digests(output) == undisturbed
    assert verify(str(output)).findings == []


def test_a_worker_process_that_is_killed(recipe: dict[str, Any], undisturbed: dict[str, str], tmp_path: Path) -> None:
    process = subprocess.Popen(
        command(tmp_path, recipe, "--workers", "2"), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 120
    while not list((tmp_path / "out" / "staging").glob("00-*/*.done")) and time.monotonic() < deadline:
        time.sleep(0.01)
    workers = psutil.Process(process.pid).children(recursive=True)
    workers[0].kill()
    _, said = process.communicate(timeout=120)
    assert process.returncode == 1
    assert said.strip().count("\n") == 0 and "a worker process was killed by signal 9" in said, said
    assert not (tmp_path / "out" / "manifest.json").exists()
    manifest, output = run_in(tmp_path, recipe, resume=True)
    assert manifest["taken_over"]["pieces"] > 0
    assert digests(output) == undisturbed


def test_a_disk_that_is_full(recipe: dict[str, Any], undisturbed: dict[str, str], tmp_path: Path) -> None:
    """A real file system of one megabyte, which is given more room later."""
    if subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True).returncode:
        pytest.skip("mounting needs rights that this process has not")
    output = tmp_path / "out"
    output.mkdir()
    run = " ".join(command(tmp_path, recipe))
    script = f"""
        mount -t tmpfs -o size=1m none {output}
        {run} 2> {tmp_path}/said; echo $? > {tmp_path}/status
        ls {output}/manifest.json 2> {tmp_path}/missing
        mount -o remount,size=64m {output}
        {run} --resume > {tmp_path}/resumed && cp -r {output} {tmp_path}/copy
    """
    subprocess.run(["unshare", "-m", "sh", "-c", script], check=True)
    assert (tmp_path / "status").read_text() == "1\n"
    said = (tmp_path / "said").read_text()
    assert "no space left on the device; free some space" in said and said.count("\n") == 1, said
    assert (tmp_path / "missing").read_text()
    assert "pieces had been staged by an earlier run" in (tmp_path / "resumed").read_text()
    assert digests(tmp_path / "copy") == undisturbed


def test_every_bundle_is_executed_twice(
    recipe: dict[str, Any], undisturbed: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an attempt did whose output was thrown away changes nothing."""
    twice: set[str] = set()

    def double(kind: type[beam.DoFn]) -> None:
        process = kind.process

        @functools.wraps(process)
        def again(self: beam.DoFn, element: Any, *args: Any) -> Iterator[Any]:
            for _ in process(self, element, *args) or ():
                twice.add(kind.__name__)
            yield from process(self, element, *args) or ()

        monkeypatch.setattr(kind, "process", again)

    for module in (apply, exact_dedup, groups, minhash_dedup, shards, survivors):
        for kind in vars(module).values():
            if isinstance(kind, type) and issubclass(kind, beam.DoFn) and kind.__module__ == module.__name__:
                double(kind)
    _, output = run_in(tmp_path, recipe)
    assert {"_ApplyFn", "_HashFn", "_SignFn", "_GatherFn", "_WriteFn"} <= twice
    assert digests(output) == undisturbed


@pytest.mark.parametrize("change", ["vanish", "grow", "touch"])
def test_a_file_that_is_not_what_was_planned(
    recipe: dict[str, Any], sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """The input changes between planning and reading."""
    from pipeline import graph

    raw = Path(shutil.copytree(sample / "raw", tmp_path / "raw"))
    file = sorted(raw.iterdir())[-1]
    build_graph = graph.build_graph

    def changed(*args: Any) -> Any:
        if change == "vanish":
            file.unlink()
        elif change == "grow":
            file.write_bytes(file.read_bytes() + b"x")
        else:
            os.utime(file, ns=(1, file_info(str(file)).mtime_ns + 1))
        return build_graph(*args)

    monkeypatch.setattr(graph, "build_graph", changed)
    with pytest.raises(InputError, match=f"{file} (is gone|changed) ") as caught:
        run_in(tmp_path, {**recipe, "input": {"paths": str(raw)}})
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out" / "manifest.json").exists()
    assert json.loads((tmp_path / "out" / UNFINISHED).read_text())["pid"] is None
