"""Tests of evidence through several stages: who stands for a document in the output, how similar, by what measure."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.chain import reject_rows
from filters.evidence import TEXT, Measure, link
from tests import reference
from transforms.split import STAGED, Split, pack, unpack
from transforms.survivors import NOBODY, Followed, _AnswerFn, _AskFn, follow_rejects

FIVE, THREE, INSIDE = Measure("jaccard", 5), Measure("jaccard", 3), Measure("containment", 5)
NAN = float("nan")


@pytest.mark.parametrize(
    ("mine", "my_measure", "beyond", "beyond_measure", "similarity", "measure"),
    [
        (1.0, TEXT, 0.9, FIVE, 0.9, FIVE),  # a copy has the shingles of its original
        (0.9, FIVE, 1.0, TEXT, 0.9, FIVE),
        (1.0, TEXT, 1.0, TEXT, 1.0, TEXT),
        (1.0, TEXT, 1.0, INSIDE, 1.0, INSIDE),
        (0.9, INSIDE, 1.0, TEXT, 0.9, INSIDE),
        (1.0, FIVE, 0.9, FIVE, 0.9, FIVE),  # equal sets
        (0.9, FIVE, 1.0, FIVE, 0.9, FIVE),
        (0.9, FIVE, 0.9, FIVE, NAN, None),
        (1.0, FIVE, 0.9, THREE, NAN, None),  # equal sets of five say nothing of sets of three
        (0.9, FIVE, 1.0, THREE, NAN, None),
        (1.0, FIVE, 1.0, THREE, NAN, None),
        (1.0, INSIDE, 0.9, INSIDE, NAN, None),  # an excerpt is not equal to the whole
        (0.9, INSIDE, 1.0, INSIDE, NAN, None),
        (1.0, FIVE, 0.9, INSIDE, 0.9, INSIDE),  # equal sets carry any measure of them
        (0.9, INSIDE, 1.0, FIVE, 0.9, INSIDE),
        (1.0, INSIDE, 0.9, FIVE, NAN, None),
        (1.0, TEXT, NAN, None, NAN, None),  # not verified
        (NAN, None, 1.0, TEXT, NAN, None),
    ],
    ids=str,
)
def test_a_similarity_is_carried_over_equals_only(mine, my_measure, beyond, beyond_measure, similarity, measure):
    found, takes_beyond = link(np.array([mine]), np.array([beyond]), my_measure, beyond_measure)
    assert found.tolist() == pytest.approx([similarity], nan_ok=True)
    if measure is not None:
        assert measure == (beyond_measure if takes_beyond[0] else my_measure)


words = st.lists(st.sampled_from("abc"), min_size=3, max_size=9).map(" ".join)


measures = st.sampled_from([TEXT, Measure("jaccard", 1), Measure("jaccard", 2), Measure("containment", 1)])


@given(words, words, words, measures, measures)
def test_what_is_carried_over_is_what_the_texts_themselves_have(first, second, third, my_measure, beyond_measure):
    def similar(left, right, measure):
        if measure == TEXT:
            return float(left == right)
        sets = [set(reference.shingles(text, measure.shingle_size)) for text in (left, right)]
        return reference.similarity(*sets, measure.name)

    mine, beyond = similar(first, second, my_measure), similar(second, third, beyond_measure)
    if (my_measure == TEXT and mine < 1) or (beyond_measure == TEXT and beyond < 1):
        return  # no exact deduplication says so
    found, takes_beyond = link(np.array([mine]), np.array([beyond]), my_measure, beyond_measure)
    if not np.isnan(found[0]):
        assert found[0] == similar(first, third, beyond_measure if takes_beyond[0] else my_measure)


def rejects(survivors, similarity, measure):
    keys = pa.array(np.arange(len(survivors)) + 100)
    given = pa.array(similarity, pa.float64())
    return pa.Table.from_batches(
        [reject_rows(keys, "one", "near_duplicate", survivor=pa.array(survivors), similarity=given, measure=measure)]
    )


def answers(*rows):
    table = np.array([(left, kept, np.float64(s).view(np.int64), place) for left, kept, s, place in rows], np.int64)
    return [np.ascontiguousarray(column) for column in table.reshape(-1, 4).T]


def followed(rejects_table, given, measure, known=(INSIDE, FIVE, TEXT)):
    found = follow_rejects(rejects_table, given, measure, list(known))
    rows = found.rejects.select(["kept_as", "kept_similarity", "kept_measure"]).to_pylist()
    return [tuple(row.values()) for row in rows], found.nobody.tolist(), found.in_steps.tolist()


def test_rejects_are_followed_by_what_their_survivors_became():
    """One survivor stays, one became a near copy, one a copy of unknown similarity, one is gone for good."""
    table = rejects([1, 2, 3, 4, 2], [1.0] * 5, TEXT)
    given = answers((4, NOBODY, NAN, -1), (2, 9, 0.8, 1), (3, 8, 0.7, -1))
    rows, nobody, in_steps = followed(table, given, TEXT)
    assert rows == [
        (1, 1.0, "text"), (9, 0.8, "jaccard/5"), (8, None, None), (None, None, None), (9, 0.8, "jaccard/5"),
    ]  # fmt: skip
    assert nobody == [False, False, False, True, False]
    assert in_steps == [False, False, True, False, False]


def test_what_was_never_verified_is_not_said_to_be_known_in_steps():
    table = rejects([1, 2], [None, None], None)
    rows, nobody, in_steps = followed(table, answers((2, 9, 1.0, 2)), None)
    assert rows == [(1, None, None), (9, None, None)]
    assert not any(nobody) and not any(in_steps)


def test_everything_else_of_a_reject_stays_as_it_was():
    table = rejects([1, 2], [0.9, 1.0], FIVE)
    found = follow_rejects(table, answers((1, 9, 1.0, 2)), FIVE, [INSIDE, FIVE, TEXT]).rejects
    assert found.schema == table.schema
    kept = [name for name in table.column_names if not name.startswith("kept_")]
    assert found.select(kept) == table.select(kept)
    assert found["survivor"].to_pylist() == [1, 2] and found["kept_as"].to_pylist() == [9, 2]


def split_of(folder, order, rejects_table):
    uri = str(folder / f"{order}.rejects.parquet")
    pq.write_table(rejects_table, uri)
    return Split(
        order=order, uri="", format=STAGED, source_uri="a.parquet", rows=0, first_key=1000 * order,
        last_key=1000 * order + 999, sidecars=(("rejects", uri),),
    )  # fmt: skip


def test_a_split_asks_once_about_a_survivor_however_many_copies_it_has_of_it(tmp_path):
    """A page copied a hundred million times must not send as many questions to the Split of the one that stayed."""
    asking = split_of(tmp_path, 3, rejects([5] * 700 + [1007], [1.0] * 701, TEXT))
    ranges = pack(np.array([0, 1000, 3000]), np.array([0, 1, 3]))
    asked = dict(_AskFn("one").process(asking, ranges))
    assert {order: [column.tolist() for column in unpack(part, 2)] for order, part in asked.items()} == {
        0: [[5], [3]],
        1: [[1007], [3]],
    }
    table = rejects([9, 9], [0.9, None], FIVE)
    gone = table.set_column(0, table.schema.field(0), pa.array([5, 6]))
    answering = split_of(tmp_path, 0, gone)
    joined = (0, {"splits": [answering.encode()], "asked": [asked[0], pack(np.array([7, 6]), np.array([2, 2]))]})
    measures = {"one": FIVE}
    answers = dict(_AnswerFn("one", Followed(("one",), measures, {"one": 0})).process(joined))
    rows = {order: [column.tolist() for column in unpack(part, 4)] for order, part in answers.items()}
    assert set(rows) == {2, 3}
    assert rows[3] == [[5], [9], [np.float64(0.9).view(np.int64)], [0]]
    assert rows[2][:2] == [[6], [9]]
