"""What the pages about sensitive content and lists say: their recipes are valid, every kind is in a table."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks import report, sensitive_accuracy
from filters.detectors.catalog import DETECTORS
from filters.pii.evaluation import Scores, Span, evaluate
from pipeline.pii_eval import Evaluated
from pipeline.recipe import parse_recipe
from pipeline.yaml_document import load_yaml

DOCS = Path(__file__).parents[1] / "docs"


@pytest.mark.parametrize("name", ["sensitive-content.md", "lists.md"])
def test_recipes_are_valid(name: str) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", (DOCS / name).read_text(), re.DOTALL)
    assert blocks
    for block in blocks:
        assert parse_recipe(load_yaml(name, f"stages:\n{block}"), input_paths=["a"], output_path="b").stages


def test_every_kind_is_in_a_table() -> None:
    page = (DOCS / "sensitive-content.md").read_text().partition("## Accuracy")[0]
    from tests.plain_detectors import PLAIN

    missing = [kind for kind in DETECTORS if f"`{kind}`" not in page]
    assert not set(missing) - {one.kind for one in PLAIN}
    report.check_marks(DOCS / "sensitive-content.md", sensitive_accuracy.MARKS)


def test_the_tables_of_accuracy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    label, false = Span(2, 13, "cn_mobile"), Span(0, 1, "cn_mobile")
    scores = evaluate(["电话13812345678"] * 30, [[label]] * 30, [[label]] * 29 + [[false]], ["zh"] * 30,
                      [[Span(3, 5, "price")]] * 30)  # fmt: skip
    total = Scores()
    total.add(scores)
    monkeypatch.setattr(sensitive_accuracy, "evaluate_files",
                        lambda *_, **__: Evaluated(total, {"/x/embedded.parquet": scores}))  # fmt: skip
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- sensitive-accuracy:begin -->\n<!-- sensitive-accuracy:end -->\nb\n")
    sensitive_accuracy.main(["x", "--markdown", str(page), "--json", str(tmp_path / "n.json")])
    assert "| `cn_mobile` | 30 | 0.967 | 0.967 | 0.967 | 1 | 1 | 0.967 | 30 |" in page.read_text()
    assert "Look-alikes: 29 of 30 taken for something (price 29): price." in page.read_text()
    assert page.read_text().endswith("<!-- sensitive-accuracy:end -->\nb\n")
