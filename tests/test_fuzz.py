"""A slice of the fuzzing run (tests/fuzz.py has the whole), and that a crash or a hang there would be seen."""

from __future__ import annotations

import random
import re
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest

from filters.errors import InputError
from tests.fuzz import fuzz
from tests.fuzz_targets import TARGETS, mutate
from transforms.columnar import read_arrow_stream


@pytest.mark.parametrize(("target", "inputs"), [("readers", 120), ("recipes", 60)])
def test_a_slice(target: str, inputs: int) -> None:
    outcomes = Counter(TARGETS[target](random.Random(f"{target} {number}")) for number in range(inputs))
    assert sum(outcomes.values()) == inputs and len(outcomes) == 2, outcomes
    assert all(outcome.endswith("Error") or outcome == "result" for outcome in outcomes)


@pytest.mark.parametrize("number", [178, 200, 249])
def test_damage_in_nested_columns_has_an_end(number: int) -> None:
    """Tolerant reading of these did not end: a slice without rows still showed the damage."""
    assert TARGETS["readers"](random.Random(f"readers {number}")) in ("result", "InputError")


def test_a_stream_that_claims_more_than_it_has_takes_no_memory(tmp_path: Path) -> None:
    """An Arrow stream of some KB with a message of 1 GB by its own account."""
    table = pa.table({"text": ["a text"] * 1000})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    data = sink.getvalue().to_pybytes()
    reader = pa.ipc.MessageReader.open_stream(data)
    reader.read_next_message()
    body = reader.read_next_message().body.size.to_bytes(8, "little")
    assert data.count(body) == 1
    (tmp_path / "a.arrow").write_bytes(data.replace(body, (1 << 30).to_bytes(8, "little")))
    usual = pa.default_memory_pool()
    counted = pa.proxy_memory_pool(usual)
    pa.set_memory_pool(counted)
    try:
        with pytest.raises(InputError, match="record batch 0: damaged or cut short"):
            list(read_arrow_stream(str(tmp_path / "a.arrow"), ["text"]))
        assert 0 < counted.max_memory() < 64 << 20
    finally:
        pa.set_memory_pool(usual)


def test_inputs_are_their_numbers() -> None:
    assert mutate(b"some bytes", random.Random("a")) == mutate(b"some bytes", random.Random("a"))
    assert len({mutate(b"some bytes", random.Random(n)) for n in range(20)}) > 15


def test_what_goes_wrong_is_seen() -> None:
    """Of four inputs one is fine, one raises, one kills its process, one does not end."""
    outcomes, defects = fuzz("selftest", 0, 4, seconds=1, environment={})
    assert outcomes == {"result": 1, "SURPRISE": 1}
    assert [re.split(" with|:\\d", defect)[0] for defect in defects] == [
        "selftest 1: SURPRISE ZeroDivisionError at fuzz.py", "selftest 2: CRASH", "selftest 3: HANG",
    ]  # fmt: skip
