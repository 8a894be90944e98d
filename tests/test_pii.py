"""Stage `pii`: what becomes of a finding, what the account of it says, and what never leaves the process."""

from __future__ import annotations

import itertools
import json
import logging
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from filters.catalog import FILTERS
from filters.chain import EDITS_LOG_SCHEMA, KEY, Applied, Stage, pass_again, run_stages
from filters.contract import EDITS_SCHEMA, Rewrite, Rewritten, StageParams
from filters.detectors.scan import scan
from filters.errors import RecipeError
from filters.pii.keys import Key, load_key
from filters.pii.params import KeySource, PiiParams
from filters.pii.stage import prepare
from pipeline.recipe import parse_recipe
from pipeline.yaml_document import load_yaml
from tests.plain_detectors import PLAIN
from tests.strategies import AWKWARD, texts
from tests.test_scan import near_values

SECRET = "a key that nobody should ever read 0123456789"
# Kinds by name: what the catalog holds besides must not change these tests.
LEAVES = "\ue000"
KINDS = tuple(detector.kind for detector in PLAIN)


@pytest.fixture(scope="module", autouse=True)
def plain_catalog() -> Any:
    """Only the plain detectors, in their order, while these tests run."""
    from filters.detectors.catalog import DETECTORS

    before = dict(DETECTORS)
    DETECTORS.clear()
    DETECTORS.update({detector.kind: detector for detector in PLAIN})
    yield
    DETECTORS.clear()
    DETECTORS.update(before)


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("keys") / "key"
    path.write_text(SECRET + "\n")
    return str(path)


def stage(**params: Any) -> Stage:
    return Stage("pii", "pii", PiiParams(**{"kinds": KINDS, **params}))


def apply(some: list[str], *stages: Stage, **options: Any) -> Applied:
    batch = pa.record_batch({KEY: pa.array(range(len(some)), pa.int64()), "text": pa.array(some, pa.large_string())})
    return run_stages(batch, stages or (stage(),), "text", **options)


def after(text: str, **params: Any) -> str:
    (kept,) = apply([text], stage(**params)).kept["text"].to_pylist()
    return kept


# Redaction


def test_placeholders_by_kind_and_group() -> None:
    text = "a@b.com 8.8.8.8 ::1:2:3 tok_0123abcd"
    assert after(text) == "<EMAIL> <IP_ADDRESS> <IP_ADDRESS> <API_TOKEN>"
    assert after(text, kinds=("ip",)) == "a@b.com <IP_ADDRESS> <IP_ADDRESS> tok_0123abcd"
    assert after(text, placeholders={"network": "[net]", "ipv6": "[six]"}) == "<EMAIL> [net] [six] <API_TOKEN>"
    assert after(text, placeholders={"all": ""}) == "   "
    assert after("x a@b.com", placeholders={"email": "\U0001f4e7 é"}) == "x \U0001f4e7 é"


def test_the_default_is_what_fineweb_replaces() -> None:
    params = PiiParams()
    assert [detector.kind for detector in params.detectors()] == ["email", "ipv4", "ipv6"]
    assert {params.policy_of(detector) for detector in params.detectors()} == {"redact"}


def test_scope_public_leaves_private_addresses() -> None:
    text = "10.0.0.1 172.16.0.1 192.168.1.1 8.8.8.8 169.254.1.1 fe80::1:2 2606:4700::1111"
    assert after(text, ip_scope="public") == text.replace("8.8.8.8", "<IP_ADDRESS>").replace(
        "2606:4700::1111", "<IP_ADDRESS>"
    )
    assert after(text).count("<IP_ADDRESS>") == 7


def test_texts_without_values_are_untouched() -> None:
    applied = apply(AWKWARD)
    assert applied.kept["text"].to_pylist() == AWKWARD
    assert len(applied.edits) == 0 and ("pii", "edited") not in applied.tally.documents


POLICIES = ["redact", "tag", "drop_line"]
any_policies = st.fixed_dictionaries({}, optional={kind: st.sampled_from(POLICIES) for kind in KINDS})


@settings(max_examples=300)
@given(near_values, any_policies)
def test_running_twice_changes_nothing_more(text: str, policies: dict[str, str]) -> None:
    once = after(text, policies=policies)
    again = apply([once], stage(policies=policies))
    assert again.kept["text"].to_pylist() == [once]
    assert set(again.edits["action"].to_pylist()) <= {"tag"}


@settings(max_examples=200)
@given(st.lists(st.one_of(near_values, texts), max_size=5), any_policies)
def test_every_untouched_byte_is_unchanged(some: list[str], policies: dict[str, str]) -> None:
    """The new text is the old one with the spans of the account replaced, and the lines of some of them left out."""
    applied = apply(some, stage(policies=policies))
    for row, (old, new) in enumerate(zip(some, applied.kept["text"].to_pylist(), strict=True)):
        edits = [edit for edit in applied.edits.to_pylist() if edit[KEY] == row]
        assert all(a["end"] <= b["start"] for a, b in itertools.pairwise(edits))
        if not any(edit["action"] == "drop_line" for edit in edits):
            assert _rebuilt(old, edits) == new
        else:
            lines = re.findall(r"[^\n]*\n|[^\n]+", _rebuilt(old, edits, mark=LEAVES))
            assert "".join(line for line in lines if LEAVES not in line) == new


def _rebuilt(old: str, edits: list[dict[str, Any]], mark: str = "") -> str:
    placeholders = {detector.kind: detector.placeholder for detector in PLAIN}
    parts, last = [], 0
    for edit in edits:
        assert 0 <= last <= edit["start"] < edit["end"] <= len(old)
        value = old[edit["start"] : edit["end"]]
        new = {"redact": placeholders[edit["kind"]], "tag": value, "drop_line": mark + value}[edit["action"]]
        parts += [old[last : edit["start"]], new]
        last = edit["end"]
    return "".join([*parts, old[last:]])


@settings(max_examples=60)
@given(st.lists(st.one_of(near_values, texts), max_size=6), st.integers(0, 6), any_policies)
def test_a_batch_may_be_cut_anywhere(some: list[str], cut: int, policies: dict[str, str]) -> None:
    one = stage(policies=policies, max_per_1000_words={"total": 300})
    whole, parts = apply(some, one), [apply(part, one) for part in (some[:cut], some[cut:])]
    for name in ("kept", "rejects", "edits"):
        rows = [row for part in parts for row in getattr(part, name).to_pylist()]
        dropped = [{k: v for k, v in row.items() if k != KEY} for row in rows]
        assert dropped == [{k: v for k, v in row.items() if k != KEY} for row in getattr(whole, name).to_pylist()]


# Lines


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("one\nat 8.8.8.8 here\nthree", "one\nthree"),
        ("one\r\nat 8.8.8.8\r\nthree\r\n", "one\r\nthree\r\n"),
        ("8.8.8.8\nrest", "rest"),
        ("first\n8.8.8.8", "first\n"),
        ("first\n8.8.8.8\n", "first\n"),
        ("8.8.8.8", ""),
        ("a 8.8.8.8 b 10.0.0.1\nc\n10.0.0.1\n10.0.0.2\nd", "c\nd"),
        ("\n\n8.8.8.8\n\n", "\n\n\n"),
        ("漢8.8.8.8字\né\u20288.8.8.8\nok", "ok"),
    ],
)
def test_the_line_of_a_value_leaves(text: str, left: str) -> None:
    assert after(text, policies={"ip": "drop_line"}) == left


def test_values_of_a_line_that_leaves_are_in_the_account() -> None:
    (applied,) = [apply(["x\na@b.com 8.8.8.8\ny a@b.com"], stage(policies={"ip": "drop_line"}))]
    assert applied.kept["text"].to_pylist() == ["x\ny <EMAIL>"]
    assert [(e["start"], e["end"], e["action"]) for e in applied.edits.to_pylist()] == [
        (2, 9, "redact"), (10, 17, "drop_line"), (20, 27, "redact"),
    ]  # fmt: skip


def test_a_value_over_several_lines_takes_them_all() -> None:
    custom = {"block": {"pattern": r"BEGIN[a-z\n]*END"}}
    text = "one\nx BEGIN a\nBEGINab\ncdEND y\ntwo a@b.com\n"
    assert after(text, custom=custom, policies={"block": "drop_line"}) == "one\nx BEGIN a\ntwo <EMAIL>\n"
    # The address shares a line with the end of the block; what is left of the block's own edit is its beginning.
    shared = "BEGINab\ncdEND a@b.com\ntwo"
    assert after(shared, custom=custom, policies={"email": "drop_line"}) == "<BLOCK>two"
    assert after(shared, custom=custom, policies={"email": "drop_line", "block": "tag"}) == "BEGINab\ntwo"


# Tags, documents, budgets


def test_what_is_tagged_is_counted_and_stays() -> None:
    one = stage(policy="tag")
    applied = apply(["to a@b.com and c@d.org", "none"], one)
    assert applied.kept["text"].to_pylist() == ["to a@b.com and c@d.org", "none"]
    assert applied.kept["pii_email"].to_pylist() == [2, 0]
    assert applied.edits["action"].to_pylist() == ["tag", "tag"]
    assert ("pii", "edited") not in applied.tally.documents
    assert applied.tally.documents["pii", "note:tagged"] == 1


def test_a_kind_that_drops_documents_is_named_and_its_value_is_not_kept() -> None:
    one = stage(policies={"secret": "drop_document"})
    applied = apply(["has tok_0123abcd and a@b.com", "a@b.com"], one, keep_text=True)
    (reject,) = applied.rejects.to_pylist()
    assert (reject["reason"], reject["detail"]) == ("forbidden_kind", "api_token")
    assert reject["text"] == "has <API_TOKEN> and <EMAIL>"
    assert applied.kept["text"].to_pylist() == ["<EMAIL>"] and applied.kept["pii_forbidden"].to_pylist() == [None]
    assert applied.edits["action"].to_pylist() == ["drop_document", "redact", "redact"]


def test_a_kind_goes_before_its_group_and_that_before_the_rest() -> None:
    params = PiiParams(
        kinds=KINDS, policy="tag", policies={"network": "drop_line", "ip": "drop_document", "ipv6": "redact"}
    )
    assert [params.policy_of(detector) for detector in PLAIN] == ["tag"] * 4 + ["drop_document", "redact"]


@pytest.mark.parametrize(
    ("budgets", "reasons"),
    [
        ({"total": 200}, []),
        ({"total": 199}, ["too_many_findings"]),
        ({"email": 100, "network": 100}, []),
        ({"network": 99.9, "email": 0}, ["too_many_network"]),
        ({"secret": 0}, []),
    ],
    ids=str,
)
def test_too_many_findings_for_its_length_drop_a_document(budgets: dict[str, float], reasons: list[str]) -> None:
    text = "one two three a@b.com 8.8.8.8"  # 3 + 3 + 4 words: two findings among ten
    applied = apply([text], stage(max_per_1000_words=budgets))
    assert applied.rejects["reason"].to_pylist() == reasons
    if reasons:
        (reject,) = applied.rejects.to_pylist()
        assert reject["value"] == (200 if "total" in budgets else 100)
        assert reject["threshold"] == next(iter(budgets.values()))
    else:
        name = next(iter(budgets))
        assert applied.kept.schema.field(f"pii_{name}_per_1000_words").type == pa.float64()


def test_columns_are_those_that_the_recipe_names() -> None:
    text = "a@b.com 8.8.8.8 ::1:2:3"
    row = apply([text], stage(kinds=("contact", "ip", "ipv4"))).kept.to_pylist()[0]
    assert {name: row[name] for name in row if name.startswith("pii")} == {
        "pii_contact": 1, "pii_ip": 2, "pii_ipv4": 1,
    }  # fmt: skip


# Pseudonyms and hashes


def test_a_pseudonym_is_another_value_of_the_same_kind_and_always_the_same(key_file: str) -> None:
    params = {"policy": "pseudonymise", "key": {"file": key_file}}
    text = "a.long.name@example.com, 8.8.8.8, ::1:2:3, tok_0123abcd, 4111111111111111; a.long.name@example.com"
    new = after(text, **params)
    values = [value.strip() for value in new.replace(";", ",").split(",")]
    assert values[0] == values[5] and not set(values) & {value.strip() for value in text.replace(";", ",").split(",")}
    found = scan(pa.array([new], pa.large_string()), PLAIN)
    assert found.kinds == ["email", "ipv4", "ipv6", "api_token", "card", "email"]
    assert after("x " + text, **params) == "x " + new
    assert len({after(text, **params, salt=salt) for salt in ("", "a", "b")}) == 3


def test_another_key_makes_other_fakes(tmp_path: Path, key_file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PII_KEY", "another key of some length")
    monkeypatch.setenv("SAME_KEY", SECRET)
    results = [
        after("some.body@example.com", policy="pseudonymise", key=key)
        for key in ({"file": key_file}, {"env": "PII_KEY"}, {"env": "SAME_KEY"})
    ]
    assert results[0] == results[2] != results[1]


def test_noise_and_hashes_depend_on_key_kind_and_value() -> None:
    def first(key: Key, kind: str, value: str) -> tuple[int, ...]:
        noise = key.noise(kind, value)
        return tuple(next(noise) for _ in range(200))

    one, other = Key(b"x" * 16, ""), Key(b"y" * 16, "")
    made = {first(key, kind, value) for key in (one, other) for kind in ("a", "ab") for value in ("bc", "c")}
    assert len(made) == 8 and all(0 <= byte < 256 for noise in made for byte in noise)
    assert one.mark("email", "a@b.com") == Key(b"x" * 16, "").mark("email", "a@b.com") != other.mark("email", "a@b.com")
    assert len(one.mark("email", "")) == 32


def test_audit_hashes_only_if_asked_for(key_file: str) -> None:
    some = ["a@b.com 8.8.8.8", "a@b.com"]
    assert apply(some).edits["value_hash"].to_pylist() == [None] * 3
    hashes = apply(some, stage(audit_hash=True, key={"file": key_file})).edits["value_hash"].to_pylist()
    assert hashes[0] == hashes[2] != hashes[1] and all(len(value) == 32 for value in hashes)


def test_a_key_is_sent_and_shown_nowhere(
    tmp_path: Path, key_file: str, run_recipe: Any, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    value = "some.body@example.com"
    pq.write_table(pa.table({"text": [f"write to {value} now", "8.8.8.8 tok_0123abcd"]}), tmp_path / "a.parquet")
    params = {
        "kinds": ["all"], "policy": "pseudonymise", "policies": {"secret": "drop_document"},
        "key": {"file": key_file}, "audit_hash": True,
    }  # fmt: skip
    with caplog.at_level(logging.DEBUG):
        manifest, output = run_recipe(
            {
                "input": {"paths": str(tmp_path / "a.parquet")},
                "stages": [{"pii": params}],
                "guards": {"second_pass_sample": 1.0},
                "output": {"reject_text": True},
            }
        )
    assert manifest["warnings"] == []
    told = json.dumps(manifest) + caplog.text + "".join(capfd.readouterr())
    for path in output.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            told += ds.dataset(path).to_table().to_pydict().__repr__() if path.suffix == ".parquet" else str(content)
    assert SECRET not in told and value not in told and "8.8.8.8" not in told and "tok_0123abcd" not in told
    assert key_file in told
    state = prepare(PiiParams(**params))
    assert SECRET not in repr(state)
    with pytest.raises(TypeError, match="never sent"):
        import pickle

        pickle.dumps(state.key)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"file": "/nowhere/key"}, "key file /nowhere/key cannot be read"),
        ({"env": "NO_SUCH_KEY_SET"}, "environment variable NO_SUCH_KEY_SET is not set"),
        ({"env": "SHORT_KEY"}, "holds 9 bytes; a key needs 16 or more"),
    ],
)
def test_a_key_that_cannot_be_used(source: dict[str, str], message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHORT_KEY", " too short\n")
    with pytest.raises(RecipeError, match=message) as caught:
        load_key(KeySource(**source), "")
    assert "too short" not in str(caught.value)


def test_pseudonyms_do_not_cry_wolf_in_the_second_pass(key_file: str) -> None:
    some = ["a@b.com"] * 3
    for params, edited in (({"policy": "pseudonymise", "key": {"file": key_file}}, False), ({}, False)):
        one = stage(**params)
        kept = apply(some, one).kept
        noted = pass_again(kept, [KEY, "text"], [one], "text", 1.0)
        assert (("pii", "note:second_pass_edited") in noted.documents) == edited


# The account


def test_the_account_points_at_the_value_as_it_came() -> None:
    some = ["é a@b.com 漢8.8.8.8", "", "::1:2:3"]
    applied = apply(some)
    assert applied.edits.schema == EDITS_LOG_SCHEMA
    rows = [(e[KEY], some[e[KEY]][e["start"] : e["end"]], e["kind"], e["proof"]) for e in applied.edits.to_pylist()]
    assert rows == [(0, "a@b.com", "email", "shape"), (0, "8.8.8.8", "ipv4", "range"), (2, "::1:2:3", "ipv6", "range")]
    assert applied.tally.documents["pii", "edited"] == 2
    change = sum(len(new) - len(old) for old, new in zip(some, applied.kept["text"].to_pylist(), strict=True))
    assert applied.tally.bytes["pii", "edited"] == change


def test_a_rewrite_need_not_fill_the_columns_of_values(monkeypatch: pytest.MonkeyPatch) -> None:
    def shout(texts: pa.LargeStringArray, batch: pa.RecordBatch, state: Any) -> Rewritten:
        schema = pa.schema([EDITS_SCHEMA.field(name) for name in ("row", "kind", "start", "end")])
        edits = pa.record_batch([pa.array([0]), pa.array(["case"]), pa.array([0]), pa.array([1])], schema=schema)
        return Rewritten(pa.array([text.upper() for text in texts.to_pylist()], pa.large_string()), {}, edits)

    monkeypatch.setitem(FILTERS, "shout", Rewrite("shout", "", StageParams, lambda p: {}, shout, lambda p: []))
    (row,) = apply(["a", "b"], Stage("shout", "shout", StageParams())).edits.to_pylist()
    assert row == {KEY: 0, "stage": "shout", "kind": "case", "start": 0, "end": 1, "action": None, "proof": None,
                   "value_hash": None}  # fmt: skip


# Recipes


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"kinds": ["emial"]}, "unknown kind 'emial'; did you mean 'email'"),
        ({"kinds": ["networks"]}, "did you mean 'network'"),
        ({"kinds": []}, "nothing would be looked for"),
        ({"policies": {"card": "tag"}}, "policies names 'card', which is not among the kinds"),
        ({"policies": {"email": "delete"}}, "redact"),
        ({"placeholders": {"fax": "x"}}, "unknown kind 'fax'"),
        ({"placeholders": {"email": "x@example.com"}}, "looks like a value itself"),
        ({"placeholders": {"ip": "8.8.8.8"}}, "looks like a value itself"),
        ({"max_per_1000_words": {"email": -1}}, "at least 0"),
        ({"policy": "pseudonymise"}, "need a secret"),
        ({"audit_hash": True}, "need a secret"),
        ({"key": {}}, "one place"),
        ({"key": {"env": "A", "file": "b"}}, "one place"),
        ({"custom": {"email": {"pattern": "x"}}}, "'email' is a name beamsift knows already"),
        ({"custom": {"total": {"pattern": "x"}}}, "knows already"),
        ({"custom": {"A b": {"pattern": "x"}}}, "made of a-z"),
        ({"custom": {"a": {"pattern": "ab(c"}}}, "kind 'a': pattern 'ab\\(c' is not RE2: missing \\) at character 3"),
        ({"custom": {"a": {"pattern": "(a)[(](b"}}}, "at character 7"),
        ({"custom": {"a": {"pattern": "x[z-a]"}}}, "invalid character class range at character 3"),
        ({"custom": {"a": {"pattern": "x+*"}}}, "bad repetition operator at character 2"),
        ({"custom": {"a": {"pattern": "(a)\\1"}}}, "at character 4.*no engine searches them in linear time"),
        ({"custom": {"a": {"pattern": "(?<=x)a"}}}, "at character 1.*no engine searches them in linear time"),
        ({"custom": {"a": {"pattern": "a(?!x)"}}}, "linear time"),
        ({"custom": {"a": {"pattern": "a*"}}}, "matches the empty string"),
        ({"custom": {"a": {"pattern": "\\b"}}}, "matches the empty string"),
        ({"custom": {"a": {"pattern": ""}}}, "at least 1"),
        ({"custom": {"a": {"pattern": "a\\C"}}}, "cut through characters"),
        ({"custom": {"a": {"pattern": "a", "validator": "crc"}}}, "unknown validator 'crc'; known: base58check, "),
        ({"custom": {"a": {"pattern": "a", "validator": "Lunh"}}}, "did you mean 'luhn'"),
        ({"custom": {"a": {"pattern": "a", "cue": "("}}}, "missing \\)"),
        ({"custom": {"a": {"pattern": "<[A-Z]+", "placeholder": "<A"}}}, "looks like a value itself"),
        ({"custom": {"a": {"pattern": "b", "patern": "a"}}}, "unknown key 'patern'; did you mean 'pattern'"),
    ],
    ids=str,
)  # fmt: skip
def test_a_recipe_that_cannot_work_is_refused_with_its_line(
    params: dict[str, Any], message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    recipe = {"input": {"paths": "x"}, "output": {"path": "y"}, "stages": [{"pii": params}]}
    with pytest.raises(RecipeError, match=message) as caught:
        parse_recipe(load_yaml("recipe.yaml", json.dumps(recipe, indent=1)))
    assert str(caught.value).startswith("recipe.yaml:")
    assert capfd.readouterr() == ("", "")  # RE2 would print its own version of it
    assert len(str(caught.value).splitlines()) == 1


def test_a_recipe_comes_back_as_it_was(key_file: str) -> None:
    params = PiiParams(
        kinds=("all",), policies={"custom": "tag"}, custom={"badge": {"pattern": "ACME-[0-9]{5}", "cue": "badge"}},
        key={"file": key_file}, max_per_1000_words={"total": 5}, audit_hash=True,
    )  # fmt: skip
    assert PiiParams.model_validate_json(params.model_dump_json()) == params
    with pytest.raises(ValidationError):
        params.policy = "tag"  # type: ignore[misc]


# Custom kinds


def test_a_custom_kind_is_found_with_its_cue_and_validator() -> None:
    custom = {
        "badge": {"pattern": "ACME-[0-9]{5}", "cue": "(?i)badge|ausweis"},
        "member": {"pattern": "[0-9]{4}-[0-9]{4}", "validator": "luhn", "placeholder": "[member]"},
    }
    text = "badge ACME-12345, x" + " " * 70 + "ACME-12345; ACME-123456, 7992-7397, 1234-5674"
    expected = "badge <BADGE>, x" + " " * 70 + "ACME-12345; ACME-123456, 7992-7397, [member]"
    assert after(text, custom=custom, kinds=("email",)) == expected
    row = apply([text], stage(custom=custom, kinds=())).kept.to_pylist()[0]
    assert (row["pii_badge"], row["pii_member"]) == (1, 1)


def test_a_custom_kind_is_pseudonymised_in_its_shape(key_file: str) -> None:
    custom = {"member": {"pattern": "M-[0-9]{8}", "validator": "none"}, "code": {"pattern": "(?:AB|CD)X"}}
    params = {"custom": custom, "policy": "pseudonymise", "key": {"file": key_file}}
    new = after("M-12345678 ABX", **params)
    assert new.startswith("M-") and new[2:10].isdigit() and new[2:10] != "12345678"
    assert new[11:] in ("CDX", "<CODE>")  # chance may not lead to the only other value
