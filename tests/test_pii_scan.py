"""`beamsift pii scan`: what is found where, in any format, in bounded pieces, and harmless to the terminal."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.errors import InputError, RecipeError
from filters.pii.kinds import OPTIONAL, members
from pipeline import pii_scan
from pipeline.cli.main import cli
from pipeline.cli.tables import harmless
from pipeline.pii_scan import Finding, detectors_of, scan_files

IBAN = "DE89370400440532013000"
MAILS = detectors_of(["email", "iban", "private_key"])


def command(*arguments: str, **options: Any) -> Result:
    return CliRunner().invoke(cli, ["pii", "scan", *arguments], catch_exceptions=False, **options)


def found(path: Path | str, **options: Any) -> list[Finding]:
    return list(scan_files([str(path)], MAILS, **options))


def write(path: Path, texts: list[str | None], column: str = "text") -> Path:
    if path.suffix == ".parquet":
        pq.write_table(pa.table({column: pa.array(texts, pa.string())}), path, row_group_size=2)
    else:
        path.write_text("".join(json.dumps({column: text}) + "\n" for text in texts))
    return path


@pytest.mark.parametrize("name", ["a.parquet", "a.jsonl"])
def test_rows_and_characters_of_files_with_columns(tmp_path: Path, name: str) -> None:
    texts = ["nothing", None, "号a@b.org\nand\nc@d.org here", "", f"号码{IBAN}。"]
    places = [(one.row, one.line, one.start, one.end, one.kind) for one in found(write(tmp_path / name, texts))]
    assert places == [(2, 1, 1, 8, "email"), (2, 3, 13, 20, "email"), (4, 1, 2, 24, "iban")]
    one = found(tmp_path / name)[1]
    assert (one.before, one.value, one.after) == ("", "c@d.org", " here")


def test_a_text_file_is_one_document(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(b"caf\xff a@b.org\r\n\n" + f"号码{IBAN}".encode())
    assert [(one.row, one.line, one.start, one.value) for one in found(path)] == [
        (0, 1, 5, "a@b.org"), (0, 3, 17, IBAN),
    ]  # fmt: skip
    (tmp_path / "notes.gz").write_bytes(gzip.compress(path.read_bytes()))
    assert [one[1:] for one in found(tmp_path / "notes.gz")] == [one[1:] for one in found(path)]
    (tmp_path / "empty").write_bytes(b"")
    assert found(tmp_path / "empty") == []


KEY = "-----BEGIN PRIVATE KEY-----\n" + "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n" * 4 + "-----END PRIVATE KEY-----\n"
pieces = st.lists(st.sampled_from(["a@b.org\n", f"号{IBAN}\n", KEY, "x\n", "\n", "no end "]), max_size=12)


@settings(max_examples=30)
@given(pieces, st.integers(20, 200), st.integers(0, 3))
def test_blocks_change_nothing(parts: list[str], block: int, overlap: int) -> None:
    text = "".join(parts)
    with pytest.MonkeyPatch.context() as patch:
        # The longest value must lie within what blocks share.
        patch.setattr(pii_scan, "_BLOCK_BYTES", block)
        patch.setattr(pii_scan, "_OVERLAP_BYTES", len(KEY.encode()) + 130 + overlap)
        shown = CliRunner().invoke(cli, ["pii", "scan", "-", "--json", "-k", "email,iban,private_key"], input=text)
        small = json.loads(shown.output)
    whole = json.loads(command("-", "--json", "-k", "email,iban,private_key", input=text).output)
    assert small == whole
    assert whole["characters"] == len(text)


def test_json_has_places_and_values_only_if_asked_for(tmp_path: Path) -> None:
    path = str(write(tmp_path / "a.parquet", ["a@b.org", "\x9bc@d.org"]))
    numbers = json.loads(command(path, "--json").output)
    assert numbers["findings"][0] == {
        "file": path, "row": 0, "line": 1, "start": 0, "end": 7, "kind": "email", "proof": "rfc5321+domain",
    }  # fmt: skip
    assert (numbers["found"], numbers["kinds"], numbers["texts"]) == (2, {"email": 2}, 2)
    assert "org" not in command(path, "--json").output
    with_values = command(path, "--json", "--values", "--limit", "1")
    assert [one["value"] for one in json.loads(with_values.output)["findings"]] == ["a@b.org"]
    assert json.loads(with_values.output)["found"] == 2
    assert json.loads(command(str(write(tmp_path / "b.jsonl", [])), "--json").output)["findings"] == []


def test_the_terminal_is_not_commanded_by_documents(tmp_path: Path) -> None:
    hostile = "\x1b]0;x\x07\x1b[2J\x9b31m [red]a@b.org[/red] \u202etxt\u2066\r\x08\ufeff"
    shown = command(str(write(tmp_path / "a.parquet", [hostile]))).output
    assert "[red]a@b.org[/red]" in shown and "\\x1b[2J" in shown
    assert not set(shown) & set("\x1b\x07\x9b\u202e\u2066\r\x08\ufeff")


@settings(max_examples=50)
@given(st.text())
def test_harmless_text_is_printable_and_the_same_for_plain_text(text: str) -> None:
    shown = harmless(text)
    assert all(char.isprintable() or char in "\u200c\u200d\u3000\u00a0" or char.isspace() for char in shown)
    assert not set(shown) & set("\x1b\n\r\u2028\u202e") and (not text.isprintable() or shown == text)


def test_limit_table_and_exit_status(tmp_path: Path) -> None:
    path = str(write(tmp_path / "a.parquet", ["a@b.org and c@d.org", f"at {IBAN}"]))
    shown = command(path, "--limit", "1").output
    assert "a@b.org" in shown and "c@d.org" not in shown.partition("\n  ")[0] and "2 more" in shown
    assert "3 findings in 2 texts of 1 files" in shown
    assert (command(path).exit_code, command(path, "--check").exit_code) == (0, 3)
    assert command(path, "--check", "-k", "mac").exit_code == 0


def test_columns_formats_and_recipes(tmp_path: Path) -> None:
    path = str(write(tmp_path / "a.parquet", ["a@b.org ACME-12345"], column="body"))
    assert json.loads(command(path, "-c", "body", "--json").output)["found"] == 1
    recipe = tmp_path / "r.yaml"
    recipe.write_text('stages:\n  - pii: {kinds: [iban], custom: {badge: {pattern: "ACME-[0-9]{5}"}}}\n')
    assert json.loads(command(path, "-c", "body", "--recipe", str(recipe), "--json").output)["kinds"] == {"badge": 1}
    piped = command("-", "--format", "jsonl", "--json", input='{"text": "a@b.org"}\n')
    assert json.loads(piped.output)["kinds"] == {"email": 1}


def test_the_same_kinds_as_the_stage() -> None:
    assert not set(OPTIONAL) & {one.kind for one in detectors_of(["all"])} and members("location") == OPTIONAL
    assert [one.kind for one in detectors_of(["ip"])] == ["ipv6", "ipv4"]
    with pytest.raises(RecipeError, match="unknown kind 'emial'; did you mean 'email'"):
        detectors_of(["emial"])


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\x7fELF\0\0")
    with pytest.raises(InputError, match="not a text file"):
        found(tmp_path / "binary")
    with pytest.raises(InputError, match="no such file"):
        found(tmp_path / "absent.txt")
    with pytest.raises(InputError, match="did you mean 'text'"):
        found(write(tmp_path / "a.parquet", ["a"]), column="txt")
    with pytest.raises(InputError, match=r"^standard input is "):
        command("-", "--format", "parquet", input="a@b.org")
    assert command("x", "--values").exit_code == command("x", "-k", "ip", "--recipe", "r.yaml").exit_code == 2


def test_a_file_that_is_named_twice_is_searched_once(tmp_path: Path) -> None:
    path = str(write(tmp_path / "a.jsonl", ["a@b.org"]))
    for files in ((path, path), (path, str(tmp_path)), (str(tmp_path / "*.jsonl"), path)):
        told = json.loads(command(*files, "--json").output)
        assert (told["found"], told["files"], told["texts"], told["characters"]) == (1, 1, 1, 7)
        assert "1 findings in 1 texts of 1 files, 7 characters" in command(*files).output
    assert json.loads(command("-", "-", "--json", input="a@b.org").output)["files"] == 1


def test_a_column_of_a_text_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a@b.org")
    other = str(write(tmp_path / "b.jsonl", ["a@b.org"]))
    for column in ("text", "body"):
        for files in ((str(tmp_path / "a.txt"),), ("-",), (other, str(tmp_path / "a.txt"))):
            with pytest.raises(InputError, match=f"has no column '{column}'; leave --column out"):
                command(*files, "-c", column, "--json", input="a@b.org")
    assert command("-", "-c", "text", "--format", "jsonl", input='{"text": ""}\n').exit_code == 0


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_utf_16_is_told_from_other_files(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.txt").write_bytes("mail a@b.org, 联系".encode(encoding))
    with pytest.raises(InputError, match=r"UTF-16.*iconv -f UTF-16"):
        command(str(tmp_path / "a.txt"), "--json")
    (tmp_path / "han.txt").write_bytes("联系我们".encode("utf-16"))
    with pytest.raises(InputError, match="UTF-16"):
        found(tmp_path / "han.txt")


def test_loopback_addresses_are_nobodys_with_and_without_a_port() -> None:
    text = "host 127.0.0.1:8000 and 127.0.0.1 and ::1 and 10.1.2.3:80 and 66.249.64.13:443"
    shown = command("-", "--json", "--values", input=text)
    assert [one["value"] for one in json.loads(shown.output)["findings"]] == ["10.1.2.3:80", "66.249.64.13:443"]
