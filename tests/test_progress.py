"""Progress: what workers report adds up, and nothing of it can stop a run."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from filters.errors import OutputError
from pipeline.cli import progress as shown
from pipeline.watch import Watched
from transforms.layout import load_manifest
from transforms.progress import Progress, ProgressReader

LONG = "a_stage_with_a_long_name_"


def test_phases_of_any_name_add_up(tmp_path: Path) -> None:
    reader = ProgressReader(tmp_path)
    assert reader.look() == {}
    for phase in ("длина_текста", LONG + "one", LONG + "two", "длина_текста"):
        Progress(str(tmp_path), phase).add(3, 100, 1)
    expected = {"длина_текста": (6, 200, 2), LONG + "one": (3, 100, 1), LONG + "two": (3, 100, 1)}
    assert reader.look() == expected
    assert reader.look() == expected


def test_every_look_reads_only_what_is_new(tmp_path: Path) -> None:
    reader, file = ProgressReader(tmp_path), tmp_path / "1"
    file.write_bytes(b'["x", 1, 1, 0]\n["x", 1')
    assert reader.look() == {"x": (1, 1, 0)}
    file.write_bytes(b'_______________["x", 1, 1, 0]\nnot JSON\n["x", 1, 1, 0]\n')  # the first line is not looked at
    assert reader.look() == {"x": (3, 3, 0)}


def test_a_full_disk_ends_the_numbers_not_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any, **kwargs: Any) -> Any:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    progress = Progress(str(tmp_path), "x")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", full)
        progress.add(1, 1)
    progress.add(1, 1)
    assert ProgressReader(tmp_path).look() == {}


def test_a_run_reports_stages_of_any_name(tmp_path: Path, run_recipe: Callable[..., Any]) -> None:
    pq.write_table(pa.table({"text": ["one text", "one text", "another"]}), tmp_path / "a.parquet")
    reports: list[dict[str, Any]] = []
    stages = [{"exact_dedup": {}, "id": name} for name in ("строгое_сравнение", LONG + "one", LONG + "two")]
    recipe = {"input": {"paths": str(tmp_path / "a.parquet")}, "stages": stages}
    run_recipe(recipe, report=reports.append)
    assert list(reports[-1]) == ["filter", "строгое_сравнение", LONG + "one", LONG + "two", "write shards"]


def test_a_report_that_fails_does_not_fail_the_run(tmp_path: Path, run_recipe: Callable[..., Any]) -> None:
    pq.write_table(pa.table({"text": ["one text"]}), tmp_path / "a.parquet")

    def report(totals: object) -> None:
        raise RuntimeError("a terminal that is gone")

    manifest, _ = run_recipe({"input": {"paths": str(tmp_path / "a.parquet")}}, report=report)
    assert manifest["kept"]["documents"] == 1


def test_plain_lines_tell_the_rate(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    seconds = iter((0.0, 1.0, 6.0, 11.0))
    monkeypatch.setattr(shown.time, "monotonic", lambda: next(seconds))
    lines = shown._PlainLines(shown._Left(shown.Expected()))
    for size in (0, 20_000_000, 20_000_000):
        lines.report({"filter": (1000, size, 7)})
    # From the first report to the last one that moved: a phase that is done keeps its rate.
    assert capsys.readouterr().err == "11 s: filter 1,000 documents, 20 MB, 4.0 MB/s, 7 dropped\n"


def test_time_left_is_by_bytes_first_and_then_by_the_documents_that_are_left() -> None:
    expected = shown.Expected()
    left = shown._Left(expected)
    assert left.of({}, 0.0) is None
    assert left.of({"filter": (0, 0, 0)}, 0.0) is None
    assert left.of({"filter": (10, 100, 0)}, 10.0) is None  # nobody has said how much there is
    expected.set(400)
    assert left.of({"filter": (10, 100, 0)}, 10.0) == 30.0
    done = {"filter": (40, 410, 4)}
    assert left.of(done, 40.0) == 0.0
    assert left.of({**done, "exact_dedup": (0, 0, 0)}, 50.0) is None
    assert left.of({**done, "exact_dedup": (12, 100, 0)}, 60.0) == 20.0
    assert left.of({**done, "exact_dedup": (36, 400, 6), "minhash_dedup: compare": (5, 1, 0)}, 90.0) is None


def test_a_run_tells_what_it_will_read(tmp_path: Path, run_recipe: Callable[..., Any]) -> None:
    pq.write_table(pa.table({"text": ["one text " * 100]}), tmp_path / "a.parquet")
    told: list[int] = []
    run_recipe({"input": {"paths": str(tmp_path / "a.parquet")}}, expect=told.append)
    assert len(told) == 1 and told[0] > 0


def test_stages_tell_the_time_they_took(tmp_path: Path) -> None:
    reader = ProgressReader(tmp_path)
    Progress(str(tmp_path), "filter").add_stages({"length": (3, 100, 0.5), "pii": (2, 90, 0.25)})
    Progress(str(tmp_path), "filter").add_stages({"length": (1, 10, 0.5)})
    assert reader.look() == {}
    assert reader.stages == {"length": (4, 110, 1.0), "pii": (2, 90, 0.25)}


def test_times_that_cannot_be_written_do_not_fail_a_run(
    tmp_path: Path, run_recipe: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(output: str, manifest: dict[str, Any]) -> None:
        raise OutputError("no space left on the device")

    monkeypatch.setattr("pipeline.run.write_manifest", full)
    pq.write_table(pa.table({"text": ["one text"]}), tmp_path / "a.parquet")
    _, output = run_recipe({"input": {"paths": str(tmp_path / "a.parquet")}})
    assert "timing" not in load_manifest(str(output))


def test_a_run_is_timed_to_its_last_report_by_looks_of_two_threads(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    watched = Watched(str(tmp_path / "run"), ProgressReader(tmp_path / "run"))
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            watched.look()

    thread = threading.Thread(target=look)
    thread.start()
    try:
        for number in range(30):
            Progress(watched.folder, f"phase {number}").add(1, 10, 1)
            Progress(watched.folder, "filter").add_stages({"length": (1, 10, 0.5)})
            found = watched.timing()
            assert len(found["phases"]) == number + 1
            assert found["stages"] == [
                {"id": "length", "documents": number + 1, "bytes": 10 * (number + 1), "seconds": 0.5 * (number + 1)}
            ]
    finally:
        done.set()
        thread.join()
    assert all((phase["documents"], phase["bytes"], phase["dropped"]) == (1, 10, 1) for phase in found["phases"])
    assert found["peak_resident_bytes"] > 0
