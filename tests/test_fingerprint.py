"""Fingerprints of passes: the same for the same work in any process, another for another."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from filters.catalog import FILTERS
from filters.chain import Stage
from pipeline.fingerprint import pass_fingerprint
from transforms.apply import StagingOptions


def of(name: str, *, options: StagingOptions | None = None, before: str = "", **params: Any) -> str:
    stage = Stage(name, name, FILTERS[name].Params(**params))
    return pass_fingerprint(before, (stage,), options or StagingOptions("folder"))


def test_other_parameters_options_and_passes_before_are_other_work() -> None:
    found = [
        of("length"),
        of("length", min_words=3),
        of("pii"),
        of("length", before="x"),
        of("length", options=StagingOptions("folder", split_bytes=1)),
        of("length", options=StagingOptions("folder", annotate=True)),
    ]
    assert len(set(found)) == len(found)


def test_where_and_in_which_steps_is_the_same_work() -> None:
    assert of("length") == of("length", options=StagingOptions("elsewhere", batch_rows=1, progress="p"))


def test_what_lists_folders_of_lists_and_keys_hold_is_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words, lists = tmp_path / "words.txt", tmp_path / "lists"
    (lists / "ads").mkdir(parents=True)
    domains = lists / "ads" / "domains"
    changes = [
        (lambda text: words.write_text(text), lambda: of("blocklist", path=str(words))),
        (lambda text: domains.write_text(text), lambda: of("url_blocklist", lists=[{"path": str(lists)}])),
        (
            lambda text: monkeypatch.setenv("BEAMSIFT_KEY", text),
            lambda: of("pii", policy="pseudonymise", key={"env": "BEAMSIFT_KEY"}),
        ),
    ]
    for change, fingerprint in changes:
        change("a" * 20)
        one = fingerprint()
        assert one == fingerprint()
        change("b" * 20)
        assert one != fingerprint()


def test_the_folder_that_a_run_is_started_in_is_no_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "email").mkdir()
    before = of("pii", kinds=["email"])
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / "email" / "a.txt").write_text("a")
    assert of("pii", kinds=["email"]) == before


def test_processes_agree() -> None:
    """Whatever order their sets are in."""
    code = (
        "from tests.test_fingerprint import of\n"
        "print(of('language', allow=['en', 'de', 'fr', 'es', 'nl']), of('pii', kinds=['email', 'ip', 'iban']))"
    )
    said = {
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code], env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1],
        ).stdout
        for seed in "12"
    }  # fmt: skip
    assert len(said) == 1
