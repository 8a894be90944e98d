"""The cost model: its page is its output, its sums can be done by hand, and a real run shuffles what it says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from benchmarks.runners import shuffle_bytes
from benchmarks.scale_model import (
    BEGIN,
    END,
    SIMULATED,
    Assumed,
    Measured,
    Prices,
    Size,
    by_part,
    estimate,
    paid_gb,
    shuffled,
    sizes,
    tables,
)

ROOT = Path(__file__).parents[1]
MEASURED, ASSUMED, PRICES = Measured(), Assumed(), Prices()


def test_the_page_holds_what_the_model_says() -> None:
    page = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
    assert page.partition(BEGIN)[2].partition(END)[0].strip() == tables()


def test_by_hand() -> None:
    measured = replace(MEASURED, document_bytes=1_000, core_mb_per_second=10, compared=0.5, requests_mb=10, class_b=100)
    assumed = replace(ASSUMED, busy=0.5, start_minutes=0, members=0.1, split_mb=100)
    one = estimate(Size("", 36_000, 1), measured, assumed, PRICES)
    assert one.documents == 36e6 and one.splits == 360
    assert one.vcpu_hours == pytest.approx(2)  # 3,600 s of work, half of the time idle
    assert one.hours == pytest.approx(0.5)  # on four vCPUs
    assert one.shuffled_gb == pytest.approx(36e6 * 150e-9 + 36e6 * 0.05 * 5_076e-9 + 360 * 29_800e-9)
    assert one.class_b == pytest.approx(360_000)
    assert one.compute_dollars == pytest.approx(2 * (0.056 + 4 * 0.003557) + 0.5 * 50 * 0.000054)


def test_everything_grows_with_the_text() -> None:
    assumed = replace(ASSUMED, start_minutes=0)
    one, ten = (estimate(Size("", mb, mb // 10_000), MEASURED, assumed, PRICES) for mb in (10_000_000, 100_000_000))
    for part in ("documents", "splits", "vcpu_hours", "shuffled_gb", "class_a", "class_b", "compute_dollars"):
        assert getattr(ten, part) == pytest.approx(10 * getattr(one, part)), part
    assert ten.hours == pytest.approx(one.hours)
    assert ten.worker_gib == one.worker_gib < ASSUMED.gb_per_vcpu / 1.074


def test_what_is_paid_for_shuffling() -> None:
    assert paid_gb(100, PRICES) == 25
    assert paid_gb(5_120, PRICES) == 62.5 + 4_870 / 2
    assert paid_gb(6_120, PRICES) == 62.5 + 4_870 / 2 + 1_000


def test_tokens_are_those_that_are_kept() -> None:
    tokens = sizes(MEASURED, ASSUMED)[-1].text_mb * 1e6 * MEASURED.kept_bytes / ASSUMED.text_per_token
    assert tokens == pytest.approx(2.3e12)


def test_the_simulation_bears_the_model_out() -> None:
    first, *others = SIMULATED
    for run in others:
        for part in ("hashes", "bands"):
            each = getattr(first, part) / first.documents
            assert getattr(run, part) / run.documents == pytest.approx(each, rel=0.02), part
    largest = SIMULATED[-1]
    assert [run.documents / first.documents for run in SIMULATED] == [1, 4, 16]
    assert shuffled(largest.documents, largest.members, largest.splits, MEASURED) == pytest.approx(
        largest.total, rel=0.02
    )
    assert (largest.hashes + largest.bands) / largest.documents == pytest.approx(MEASURED.document_shuffled, rel=0.02)


def test_a_real_run_shuffles_what_the_simulation_did(corpora: Path, tmp_path: Path) -> None:
    run, first = SIMULATED[0], sorted((corpora / "web").glob("*.parquet"))[0]
    raw = tmp_path / first.name
    pq.write_table(pq.read_table(first).slice(0, run.documents), raw, row_group_size=500)
    found = by_part(shuffle_bytes([raw], tmp_path / "run", depth=2, split_bytes=2 << 20))
    for part in ("hashes", "bands", "shingles"):  # all else holds paths, which are longer here
        assert found[part] == pytest.approx(getattr(run, part), rel=0.1), part
