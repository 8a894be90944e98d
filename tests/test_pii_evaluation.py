"""Precision and recall of findings: counts against an obvious twin, touching scripts, labels on the real corpora."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from filters.errors import InputError, RecipeError
from filters.pii.evaluation import Evaluation, Score, Span, evaluate, match, touching_script
from pipeline.cli.main import cli
from pipeline.pii_eval import evaluate_files

TEXT = "电话13812345678转 mail a@b.org"
PHONE, MAIL = Span(2, 13, "cn_mobile"), Span(20, 27, "email")
kinds = st.sampled_from(["email", "phone", "iban"])
spans = st.lists(
    st.tuples(st.integers(0, 20), st.integers(1, 6), kinds).map(lambda one: Span(one[0], one[0] + one[1], one[2])),
    max_size=6,
)


@given(spans, spans)
def test_exact_pairs_are_those_of_a_multiset(labels: list[Span], found: list[Span]) -> None:
    exact, overlapping = match(labels, found)
    assert len(exact) == sum((Counter(labels) & Counter(found)).values())
    assert all(labels[label] == found[finding] for label, finding in exact.items())
    assert exact.items() <= overlapping.items()
    assert len(set(overlapping.values())) == len(overlapping)
    for label, finding in overlapping.items():
        (a, b, kind), (c, d, other) = labels[label], found[finding]
        assert kind == other and set(range(a, b)) & set(range(c, d))


@given(st.lists(st.tuples(spans, spans), max_size=4), st.integers(0, 4))
def test_texts_may_be_counted_in_any_pieces(pairs: list[tuple[list[Span], list[Span]]], cut: int) -> None:
    def counted(some: list[tuple[list[Span], list[Span]]]) -> dict[Any, Score]:
        counting = Evaluation()
        for labels, found in some:
            counting.add("x" * 30, labels, found)
        return dict(counting._counted.cells)

    whole, parts = counted(pairs), counted(pairs[:cut])
    for cell, score in counted(pairs[cut:]).items():
        parts[cell] = parts.get(cell, Score())
        parts[cell] += score
    assert parts == whole


def test_numbers_of_an_example() -> None:
    false = Span(0, 3, "email")
    scores = evaluate([TEXT, "x" * 9], [[PHONE, MAIL], []], [[PHONE, Span(21, 27, "email")], [false]], ["zh", "en"])
    email = scores.total(kind="email")
    assert (email.labels, email.found, email.exact, email.overlapping, email.covered) == (1, 2, 0, 1, 0)
    assert (email.precision, email.recall, email.f1) == (0, 0, 0)
    numbers = scores.as_dict()
    assert numbers["kinds"]["cn_mobile"]["f1"] == 1
    assert numbers["kinds"]["email"] | {"touching": 0, "apart": 0} == {
        "precision": 0, "recall": 0, "f1": 0, "tp": 0, "fp": 2, "fn": 1, "labels": 1, "found": 2, "overlap_f1": 2 / 3,
        "covered": 0, "touching": 0, "apart": 0,
    }  # fmt: skip
    assert (numbers["languages"]["zh"]["f1"], numbers["languages"]["en"]["precision"]) == (0.5, 0)
    assert (numbers["touching"]["touching"]["f1"], numbers["touching"]["scripts"]["han"]["labels"]) == (1, 1)
    assert numbers["all"]["tp"] == 1 and numbers["texts"] == 2


def test_a_kind_without_labels_is_counted_and_not_judged() -> None:
    scores = evaluate([TEXT], [[MAIL]], [[MAIL, PHONE]])
    assert scores.unlabelled == {"cn_mobile": 1}
    assert list(scores.by("kind")) == ["email"] and scores.total().f1 == 1
    counting = Evaluation(known=["email"])
    counting.add(TEXT, [MAIL, PHONE], [MAIL])
    assert counting.scores.unknown_labels == {"cn_mobile": 1} and counting.scores.total().f1 == 1


def test_a_finding_of_another_kind_is_an_error_on_both_sides_and_still_hides_the_value() -> None:
    other = PHONE._replace(kind="phone")
    counting = Evaluation(most_errors=9)
    counting.add(TEXT + " +49", [PHONE, Span(28, 31, "phone")], [other])
    phone, mobile = counting.scores.total(kind="phone"), counting.scores.total(kind="cn_mobile")
    assert (phone.found - phone.exact, mobile.labels - mobile.exact, mobile.covered) == (1, 1, 1)
    by_what = {(error.what, error.kind): error for error in counting.scores.errors}
    assert by_what["missed", "cn_mobile"].instead == other and by_what["false", "phone"].instead == PHONE
    assert by_what["missed", "cn_mobile"].value == "13812345678"
    assert by_what["missed", "cn_mobile"].before == "电话" and by_what["missed", "phone"].instead is None


def test_look_alikes_are_counted() -> None:
    scores = evaluate([TEXT], [[MAIL]], [[MAIL]], look_alikes=[[Span(3, 9, "price"), Span(21, 22, "oid")]])
    assert scores.look_alikes == {"price": 1, "oid": 1} and scores.look_alikes_found["oid"] == 1
    assert scores.look_alikes_found["price"] == 0


@pytest.mark.parametrize(
    ("text", "script"),
    [("号138", "han"), ("138の", "kana"), ("138ー", "kana"), ("번138", "hangul"), ("138ที่", "thai"),
     ("رقم138", "arabic"), ("é138", ""), ("138。", ""), ("138", ""), ("号 138 号", "")],
)  # fmt: skip
def test_what_touches(text: str, script: str) -> None:
    start = text.index("138")
    assert touching_script(text, start, start + 3) == script


def test_a_label_outside_its_text_is_refused() -> None:
    with pytest.raises(ValueError, match="offsets count code points"):
        evaluate(["号"], [[Span(0, 3, "email")]], [[]])


def labelled(path: Path, rows: list[dict[str, Any]]) -> str:
    pq.write_table(pa.Table.from_pylist(rows), path)
    return str(path)


def as_labels(*some: Span) -> list[dict[str, Any]]:
    return [span._asdict() for span in some]


def test_the_command_on_a_small_file(tmp_path: Path) -> None:
    rows = [
        {"text": TEXT, "lang": "zh", "spans": as_labels(PHONE, MAIL), "negatives": [], "label_level": "span"},
        {"text": "\x1b[31m c@d.org and 10 Main Street, Apt 4", "lang": "[/x]", "label_level": "span",
         "spans": as_labels(Span(18, 39, "geo_home"), Span(1, 2, "username")),
         "negatives": as_labels(Span(21, 25, "name"))},
        {"text": "e@f.org", "lang": "en", "spans": [], "negatives": None, "label_level": "text"},
        {"text": "e@f.org", "lang": "en", "spans": None, "negatives": None, "label_level": None},
    ]  # fmt: skip
    path = labelled(tmp_path / "a.parquet", rows)
    done = CliRunner().invoke(cli, ["pii", "eval", path, "--json"], catch_exceptions=False)
    numbers = json.loads(done.output)
    assert {kind: (one["tp"], one["fp"], one["fn"]) for kind, one in numbers["kinds"].items()} == {
        "cn_mobile": (1, 0, 0), "email": (1, 1, 0), "geo_home": (1, 0, 0),
    }  # fmt: skip
    assert numbers["skipped"] == 2 and numbers["unknown_labels"] == {"username": 1}
    assert numbers["look_alikes"] == {"name": {"count": 1, "found": 1}}
    assert numbers["errors"] == [
        {"file": path, "what": "false", "row": 1, "start": 6, "end": 13, "kind": "email", "instead": None}
    ]
    shown = CliRunner().invoke(cli, ["pii", "eval", path], catch_exceptions=False).output
    assert "email false" in shown and "\\x1b[31m c@d.org" in shown and "\x1b[31m" not in shown
    assert "[/x]" in shown  # a language is no markup
    values = CliRunner().invoke(cli, ["pii", "eval", path, "--json", "--values"], catch_exceptions=False).output
    assert json.loads(values)["errors"][0]["before"] == "\x1b[31m "


def test_files_that_are_not_labelled_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no column 'spans'"):
        evaluate_files([labelled(tmp_path / "a.parquet", [{"text": "a"}])])
    with pytest.raises(InputError, match="expected a list of structs"):
        evaluate_files([labelled(tmp_path / "b.parquet", [{"text": "a", "spans": ["email"]}])])
    with pytest.raises(InputError, match="row 0: label 'email' at 0 to 9"):
        evaluate_files([labelled(tmp_path / "c.parquet", [{"text": "a", "spans": as_labels(Span(0, 9, "email"))}])])
    with pytest.raises(RecipeError, match="did you mean 'email'"):
        evaluate_files([labelled(tmp_path / "d.parquet", [{"text": "a", "spans": []}])], ["e-mail"])


ROWS = 700
"""Of a labelled file, which are in random order: enough for some thirty of each kind."""


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["embedded", "constructed"])
def test_every_structured_kind_is_found_in_real_text(corpora: Path, tmp_path: Path, name: str) -> None:
    table = pq.read_table(corpora / "pii" / f"{name}.parquet").slice(0, ROWS)
    pq.write_table(table, tmp_path / "some.parquet")
    scores = evaluate_files([str(tmp_path / "some.parquet")]).scores
    for kind, score in scores.by("kind").items():
        assert score.labels >= 10, kind
        assert score.f1 is not None and score.f1 >= 0.95, (kind, score)
        beside, _ = scores.touching(kind)
        assert beside.f1 is None or beside.labels < 10 or beside.f1 >= score.f1 - 0.02, (kind, beside)
    look_alikes = sum(scores.look_alikes.values())
    assert look_alikes > 200 and sum(scores.look_alikes_found.values()) <= 0.01 * look_alikes
    assert sum(scores.unlabelled.values()) <= 0.005 * scores.total().found
