"""What-if commands: replay equals a run where all pairs are recorded; the plan's curves are the formula's."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from filters.replay import replay
from filters.verification import Criteria, decide
from pipeline.cli.dedup import command
from tests.dedup_corpora import families, near, write
from tests.test_verification import corpora, evidence_of, members

Runner = Callable[..., tuple[dict[str, Any], Path]]


@given(corpora(), st.sampled_from([0.5, 0.6, 0.8, 1.0]), st.sampled_from([0.5, 0.6, 0.8, 1.0]), st.data())
def test_a_replay_equals_a_run_at_that_threshold_and_order(corpus, threshold, other, data):
    """Fewer documents than pairs are written for each, so that nothing is unsure."""
    sets, bands = corpus
    ranks = data.draw(st.lists(st.integers(-2, 2), min_size=len(sets), max_size=len(sets)))
    run, pairs = decide(members(sets, bands), Criteria(threshold))
    wanted, _ = decide(members(sets, bands, ranks=ranks), Criteria(other))
    evidence = replace(evidence_of(run, pairs), ranks=np.array([ranks[key] for key in run.key])[:, None])
    found = replay(evidence, other, reordered=True)
    outcomes = zip(wanted.survivor.tolist(), wanted.similarity.tolist(), strict=True)
    expected = dict(zip(wanted.key.tolist(), outcomes, strict=True))
    assert {
        key: (survivor, value)
        for key, survivor, value in zip(
            run.key.tolist(), found.survivor.tolist(), found.similarity.tolist(), strict=True
        )
    } == expected
    assert not found.unsure.any()


def call(*args: str) -> Result:
    return CliRunner().invoke(command, list(args))


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(raw corpus, result at 0.8)."""
    from pipeline.recipe import parse_recipe
    from pipeline.run import run
    from pipeline.yaml_document import load_yaml

    folder = tmp_path_factory.mktemp("whatif")
    raw = write(folder / "raw", families(seed=5))
    data = {"input": {"paths": str(raw)}, "stages": ["exact_dedup", near()], "output": {"path": str(folder / "out")}}
    run(parse_recipe(load_yaml("r.yaml", json.dumps(data))))
    return raw, folder / "out"


@pytest.mark.parametrize(("threshold", "keep"), [(0.8, "recipe"), (0.6, "first"), (0.95, "first"), (0.7, "longest")])
def test_replay_of_a_result_equals_a_new_run(
    result: tuple[Path, Path], run_recipe: Runner, tmp_path: Path, threshold: float, keep: str
) -> None:
    raw, output = result
    stage = near(threshold=threshold, keep="first" if keep == "recipe" else keep)
    _, wanted = run_recipe({"input": {"paths": str(raw)}, "stages": ["exact_dedup", stage]}, "wanted")
    done = call(
        "replay", str(output), f"-t{threshold}", "--keep", keep, "--json", "--write", str(tmp_path / "w.parquet")
    )
    assert done.exit_code == 0, done.output
    numbers = json.loads(done.stdout)
    written = pq.read_table(tmp_path / "w.parquet").to_pylist()
    gone = {row["doc_key"]: row["survivor"] for row in written if row["survivor"] != row["doc_key"]}
    evidence = ds.dataset(wanted / "dedup/minhash_dedup/documents", format="parquet").to_table().to_pylist()
    assert numbers["unsure"] == 0
    assert gone == {row["doc_key"]: row["survivor"] for row in evidence if row["survivor"] != row["doc_key"]}
    assert numbers["replay"]["dropped"] == len(gone)
    if keep == "recipe":
        assert numbers["stay_now"] == numbers["drop_now"] == 0


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("-t", "0.3"), "has recorded similarities from 0.5 to 1; got the threshold 0.3"),
        (("--stage", "dedup"), "name a minhash_dedup stage of this result with --stage; there are: minhash_dedup"),
    ],
)
def test_a_replay_that_cannot_be_is_refused(result: tuple[Path, Path], args: tuple[str, ...], message: str) -> None:
    done = call("replay", str(result[1]), *args)
    assert message in str(done.exception)


def test_a_replay_orders_twins_of_a_split_by_ranks_of_their_own(tmp_path: Path, run_recipe: Runner) -> None:
    """Two texts of the same tokens, the second longer: `longest` keeps it, and so does the replay."""
    text = " ".join(f"w{i}" for i in range(40))
    raw = write(tmp_path / "raw", [text, text + " ...", "something else"], 1)
    _, output = run_recipe({"input": {"paths": str(raw)}, "stages": [near(keep="longest")]})
    numbers = json.loads(call("replay", str(output), "--json").stdout)
    assert numbers["run"]["dropped"] == numbers["replay"]["dropped"] == 1
    assert numbers["stay_now"] == numbers["drop_now"] == 0


def test_a_plan_refuses_similarities_that_are_not_jaccard(tmp_path: Path, run_recipe: Runner) -> None:
    raw = write(tmp_path / "raw", families(seed=6, originals=5))
    _, output = run_recipe({"input": {"paths": str(raw)}, "stages": [near(measure="containment")]})
    assert "recorded containment" in str(call("plan", "--like", str(output)).exception)


def test_a_replay_prints_both_sides(result: tuple[Path, Path]) -> None:
    done = call("replay", str(result[1]), "--threshold", "0.9")
    assert done.exit_code == 0 and "documents stay that went" in done.output


def test_a_plan_shows_the_formula_and_reaches_its_recall() -> None:
    found = json.loads(call("plan", "--threshold", "0.8", "--recall", "0.97", "--layout", "3x2", "--json").stdout)
    suggested, *_, given_layout = found["layouts"]
    assert suggested["at_threshold"] >= 0.97
    assert (given_layout["bands"], given_layout["rows"]) == (3, 2)
    assert given_layout["curve"]["0.50"] == pytest.approx(1 - (1 - 0.25) ** 3)
    assert [layout["name"] for layout in found["layouts"]] == ["suggested", "datasketch", "FineWeb", "given"]


def test_expected_recall_and_precision_of_known_similarities(tmp_path: Path) -> None:
    similarities = [0.5] * 30 + [0.9] * 10
    pq.write_table(pa.table({"jaccard": similarities}), tmp_path / "pairs.parquet")
    args = ("plan", "--layout", "4x3", "--like", str(tmp_path / "pairs.parquet"))
    expected = json.loads(call(*args, "--json").stdout)["layouts"][-1]["expected"]
    low, high = 30 * (1 - (1 - 0.5**3) ** 4), 10 * (1 - (1 - 0.9**3) ** 4)
    assert expected["recall"] == pytest.approx(high / 10)
    assert expected["precision"] == pytest.approx(high / (low + high))
    assert expected["candidates"] == pytest.approx(low + high)
    assert "expected precision" in call(*args).output


def test_similarities_of_a_result_count_for_what_its_bands_let_pass(result: tuple[Path, Path]) -> None:
    layouts = json.loads(call("plan", "--layout", "20x6", "--like", str(result[1]), "--json").stdout)["layouts"]
    pairs = ds.dataset(result[1] / "dedup/minhash_dedup/pairs", format="parquet").to_table()
    assert layouts[-1]["expected"]["candidates"] == pytest.approx(len(pairs))


@pytest.mark.parametrize("wrong", ["3", "x2", "0x2", "9000x1"])
def test_a_layout_that_is_none_is_refused(wrong: str) -> None:
    done = call("plan", "--layout", wrong)
    assert done.exit_code == 2 and "is not BANDSxROWS" in done.output
