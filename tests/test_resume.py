"""Going on after an interruption: what is finished is skipped and said, the rest is done, the bytes are the same."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from filters.chain import READ, Stage
from filters.length import LENGTH
from tests.conftest import digests, run_in
from transforms import apply
from transforms.apply import StagingOptions, stage_split
from transforms.corpus import cut_splits, open_corpus, write_plan
from transforms.split import Split

STAGES = (Stage("length", "length", LENGTH.Params(min_words=2)),)


@pytest.fixture
def split(tmp_path: Path) -> Split:
    """One Split of JSON lines, which is staged in several pieces."""
    lines = [json.dumps({"text": None if i % 9 == 4 else f"text {i} " * (i % 5)}) for i in range(100)]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    corpus = open_corpus([str(tmp_path / "a.jsonl")])
    write_plan(corpus, str(tmp_path / "plan"), 1000)
    (split,) = cut_splits(corpus, 1000, str(tmp_path / "plan"))
    return split


def options(tmp_path: Path, work: str | None = "w", batch_rows: int = 7) -> StagingOptions:
    return StagingOptions(str(tmp_path / "s"), batch_rows=batch_rows, split_bytes=200, work=work)


def contents(tmp_path: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (tmp_path / "s").iterdir()}


def documents(pieces: list[Split], *, taken_over: bool) -> int:
    return sum(piece.tally.documents[(READ, READ)] for piece in pieces if piece.taken_over == taken_over)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Rows of every batch that stages were run on."""
    rows: list[int] = []
    run_stages = apply.run_stages

    def counted(batch: pa.RecordBatch, *args: Any, **kwargs: Any) -> Any:
        rows.append(len(batch))
        return run_stages(batch, *args, **kwargs)

    monkeypatch.setattr(apply, "run_stages", counted)
    return rows


@pytest.mark.parametrize("finished", [0, 1, 3, 99])
@pytest.mark.parametrize("batch_rows", [7, 3])
def test_finished_pieces_are_skipped(
    split: Split, tmp_path: Path, seen: list[int], finished: int, batch_rows: int
) -> None:
    whole = list(stage_split(split, STAGES, "text", options(tmp_path)))
    assert len(whole) > 4 and documents(whole, taken_over=False) == 100 == sum(seen)
    before = contents(tmp_path)
    for path in sorted((tmp_path / "s").glob("*.done"))[finished:]:
        path.unlink()
    seen.clear()
    again = list(stage_split(split, STAGES, "text", options(tmp_path, batch_rows=batch_rows)))
    skipped = sum(piece.tally.documents[(READ, READ)] for piece in whole[:finished])
    assert documents(again, taken_over=True) == skipped and sum(seen) == 100 - skipped
    assert again[:finished] == [apply.replace(piece, taken_over=True) for piece in whole[:finished]]
    if batch_rows == 7:
        assert [apply.replace(piece, taken_over=False) for piece in again] == whole
        assert contents(tmp_path) == before
    assert [piece.last for piece in again] == [False] * (len(again) - 1) + [True]


def test_what_is_not_as_recorded_is_done_again(split: Split, tmp_path: Path, seen: list[int]) -> None:
    whole = list(stage_split(split, STAGES, "text", options(tmp_path)))
    before = contents(tmp_path)
    rejects = dict(whole[2].sidecars)["rejects"]
    for damage in (
        lambda: Path(whole[2].uri).unlink(),
        lambda: Path(rejects).write_bytes(before[Path(rejects).name][:-1] + b"?"),
        lambda: Path(whole[2].uri).write_bytes(b""),
    ):
        damage()
        again = list(stage_split(split, STAGES, "text", options(tmp_path)))
        assert [piece.taken_over for piece in again[:4]] == [True, True, False, False]
        assert contents(tmp_path) == before


def test_other_work_or_another_file_is_done_again(split: Split, tmp_path: Path) -> None:
    first = list(stage_split(split, STAGES, "text", options(tmp_path)))
    assert first == list(stage_split(split, STAGES, "text", options(tmp_path, work="other")))
    touched = apply.replace(split, mtime_ns=split.mtime_ns + 1)
    os.utime(split.uri, ns=(touched.mtime_ns, touched.mtime_ns))
    assert documents(list(stage_split(touched, STAGES, "text", options(tmp_path, work="other"))), taken_over=True) == 0


def test_without_a_name_for_the_work_nothing_is_recorded(split: Split, tmp_path: Path) -> None:
    first = list(stage_split(split, STAGES, "text", options(tmp_path, work=None)))
    assert not list((tmp_path / "s").glob("*.done"))
    assert first == list(stage_split(split, STAGES, "text", options(tmp_path, work=None)))


RECIPE: dict[str, Any] = {
    "stages": [
        {"length": {"min_words": 3}},
        {"minhash_dedup": {"threshold": 0.8, "action": "tag"}},
        {"blocklist": {"path": "", "max_hits": 0}},
    ],
    "run": {"split_bytes": 2000},
    "guards": {"second_pass_sample": 0},
}


def corpus_in(folder: Path, files: str) -> None:
    """20 documents a file; some texts are in two of them."""
    for number, name in enumerate(files):
        numbers = [i // 2 if number else i for i in range(20)]
        texts = [f"document {n} and its words, which {name if n % 3 else 'all'} have " * 3 for n in numbers]
        pq.write_table(pa.table({"text": texts}), folder / f"{name}.parquet")


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of everything but its end: what it staged is there, and nothing says that it is finished."""
    folder = tmp_path_factory.mktemp("interrupted") / "work"
    (folder / "raw").mkdir(parents=True)
    corpus_in(folder / "raw", "abc")
    (folder / "phrases.txt").write_text("document 7\n")
    run_in(folder, recipe_in(folder), keep_staging=True)
    (folder / "out" / "manifest.json").rename(folder / "out" / ".beamsift-unfinished")
    return folder.rename(folder.with_name("recorded"))


@pytest.fixture
def interrupted(recorded: Path) -> Iterator[Path]:
    """The same, in the place where it ran."""
    work = recorded.with_name("work")
    yield Path(shutil.copytree(recorded, work))
    shutil.rmtree(work)


def recipe_in(folder: Path, *changes: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    recipe = json.loads(json.dumps({"input": {"paths": str(folder / "raw")}, **RECIPE}))
    recipe["stages"][2]["blocklist"]["path"] = str(folder / "phrases.txt")
    for change in changes:
        change(recipe)
    return recipe


def stage(number: int, **values: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda recipe: next(iter(recipe["stages"][number].values())).update(values)


def touch(folder: Path) -> None:
    file = folder / "raw" / "b.parquet"
    pq.write_table(pq.read_table(file).slice(0, 19), file)


CHANGES = [
    pytest.param(lambda _: [stage(1, threshold=0.7)], 60, id="a deduplication"),
    pytest.param(lambda folder: touch(folder) or [], 40, id="one file"),
    pytest.param(
        lambda folder: [shutil.copy2(folder / "raw/a.parquet", folder / "raw/z.parquet")][1:], 60, id="one more"
    ),
    pytest.param(lambda folder: (folder / "raw/a.parquet").unlink() or [], 0, id="the first file gone"),
    pytest.param(
        lambda folder: [(folder / "phrases.txt").write_text("document 9\n")][1:], 60, id="a list of the last pass"
    ),
]


@pytest.mark.parametrize(("change", "taken_over"), CHANGES)
def test_what_a_change_leaves_to_be_taken_over(
    interrupted: Path, change: Callable[[Path], Any], taken_over: int
) -> None:
    """The result is that of a run from the start, whatever was taken over."""
    recipe = recipe_in(interrupted, *change(interrupted))
    manifest, output = run_in(interrupted, recipe, resume=True)
    assert manifest["taken_over"]["documents"] == taken_over
    fresh, other = run_in(interrupted, recipe, "fresh")
    assert fresh["taken_over"] == {"pieces": 0, "documents": 0, "bytes": 0}
    assert digests(output) == digests(other)
    assert not (output / "staging").exists()
