"""What stands in a corpus can do nothing to a terminal: no escape, no turned text, no markup, in any command."""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipeline.cli.main import cli
from pipeline.cli.tables import harmless, harmless_lines, shown
from tests.inspected import HOSTILE, MARKUP, OVERRIDE
from tests.slow_inspection import SlowResult

COMMANDING = {"Cc", "Cf", "Zl", "Zp"}
JOINERS = {"\u200c", "\u200d"}
"""Persian, Hindi and emoji are written with them."""

STYLE = re.compile(r"\x1b\[[0-9;]*m")
"""What rich itself writes where colours are on; nothing else may begin with an escape."""


@pytest.fixture(scope="module")
def slow(inspected: Path) -> SlowResult:
    return SlowResult(inspected)


def run(*args: str, colour: bool = False, input: str | None = None) -> Result:
    env = {"FORCE_COLOR": "1", "TERM": "xterm-256color"} if colour else {"FORCE_COLOR": None, "NO_COLOR": "1"}
    return CliRunner().invoke(cli, list(args), env=env, color=colour, input=input)


def assert_tame(text: str, colour: bool) -> None:
    bare = STYLE.sub("", text) if colour else text
    assert not {char for char in bare if char != "\n" and unicodedata.category(char) in COMMANDING} - JOINERS


def commands(inspected: Path, slow: SlowResult) -> list[list[str]]:
    """Command lines that come upon hostile texts, URLs and names of files."""
    out = str(inspected)
    hostile = [key for key, row in slow.raw.items() if HOSTILE[:20] in (row["text"] or "")]
    assert len(hostile) == 5
    near = next(row["doc_key"] for row in slow.rejects if row["doc_key"] in hostile and row["stage"] == "minhash_dedup")
    short = next(row for row in slow.rejects if row["doc_key"] in hostile and row["reason"] == "too_few_chars")
    return [
        *(["explain", out, str(key)] for key in hostile),
        ["explain", out, HOSTILE],
        ["explain", out, f"https://evil{HOSTILE}.example/0", "--as", "url"],
        ["explain", out, HOSTILE, "--as", "row"],
        ["explain", "--recipe", "RECIPE", "--text", "-", "--show-text"],
        ["stats", out],
        ["stats", out, "--all"],
        ["stats", out, "--by", "domain", "-n", "500"],
        ["stats", out, "--by", "source", "--column", "url", "-n", "1000"],
        ["stats", out, out],
        ["stats", out, "--budgets", "--timing", "--duplicates"],
        ["dedup", "clusters", out],
        ["dedup", "clusters", out, "--source", HOSTILE],
        ["dedup", "show", out, str(near)],
        ["dedup", "show", out, str(hostile[0]), "--stage", "exact_dedup"],
        ["dedup", "why", out, str(near)],
        ["sample-rejects", out, "--reason", short["reason"], "--n", "50"],
        ["sample-rejects", out, "--stage", "minhash_dedup", "--n", "500"],
        ["sample-rejects", out, "--reason", HOSTILE],
    ]


@pytest.mark.parametrize("colour", [False, True])
def test_nothing_in_a_corpus_commands_a_terminal(
    inspected: Path, slow: SlowResult, colour: bool, tmp_path: Path
) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("input: {paths: raw}\noutput: {path: out}\nstages: [{length: {min_words: 1}}]\n")
    printed = []
    for args in commands(inspected, slow):
        args = [str(recipe) if arg == "RECIPE" else arg for arg in args]
        done = run(*args, colour=colour, input=HOSTILE)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            assert_tame(harmless_lines(str(done.exception)), colour)  # as `main` prints it
            continue
        assert_tame(done.stdout, colour)
        assert_tame(done.stderr, colour)
        printed.append(STYLE.sub("", done.stdout))
    everything = "".join(printed)
    # Spelled out, and shown: nobody is to be kept from seeing what is there.
    assert harmless(OVERRIDE) in everything and "\\x1b[2J" in everything and "\\x9b31m" in everything
    assert MARKUP in everything and "x\\x1b[31m[red].parquet" in everything


@pytest.mark.parametrize("args", [["explain"], ["dedup", "why"]])
def test_json_is_tame_and_whole(inspected: Path, slow: SlowResult, args: list[str]) -> None:
    key = next(key for key, row in slow.raw.items() if HOSTILE in (row["text"] or ""))
    done = run(*args, str(inspected), str(key), "--json")
    assert_tame(done.stdout, colour=False)
    assert json.loads(done.stdout)["source_file"] == str(slow.inputs[key >> 40])


def test_texts_in_json_come_back_as_they_are(inspected: Path, slow: SlowResult) -> None:
    done = run("sample-rejects", str(inspected), "--stage", "minhash_dedup", "--n", "500", "--json")
    assert_tame(done.stdout, colour=False)
    texts = [row["text"] for row in json.loads(done.stdout)["documents"]]
    assert sum(HOSTILE in text for text in texts) == 1


def test_a_difference_is_marked_where_there_is_no_colour(inspected: Path, slow: SlowResult) -> None:
    near = next(
        row["doc_key"]
        for row in slow.rejects
        if row["stage"] == "minhash_dedup" and row["source_file"].endswith("[red].parquet")
    )
    plain = run("dedup", "why", str(inspected), str(near)).stdout
    assert "one more word+]" in " ".join(plain.split())
    coloured = run("dedup", "why", str(inspected), str(near), colour=True).stdout
    assert "[+" not in coloured and "\x1b[1;32m" in coloured


def test_errors_are_tame(inspected: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from pipeline.cli.main import main

    (evil,) = (inspected.parent / "raw" / "two").glob("*red*")
    monkeypatch.setattr("sys.argv", ["beamsift", "explain", str(inspected), f"{evil}:9999"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    err = capfd.readouterr().err
    assert "x\\x1b[31m[red].parquet, which has 5 rows" in err
    assert_tame(err, colour=False)


def test_a_long_text_is_cut_before_it_is_spelled_out() -> None:
    assert shown("\x1b" * 10**6, 4) == "\\x1b\\x1b\\x1b…"
