"""What the documentation claims: its Python runs, its recipes are valid, its layers hold."""

from __future__ import annotations

import ast
import doctest
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner

from filters.catalog import FILTERS
from pipeline.cli.main import cli
from pipeline.recipe import DEDUPS, load_recipe, parse_recipe
from pipeline.run import run
from pipeline.sample_corpus import write_sample_corpus
from pipeline.yaml_document import load_yaml

ROOT = Path(__file__).parents[1]
LAYERS = ["pipeline.cli", "pipeline", "transforms", "filters", "filters.kernels"]


def test_python_in_the_readme_runs() -> None:
    failures, tests = doctest.testfile(str(ROOT / "README.md"), module_relative=False)
    assert tests > 5
    assert failures == 0


def test_the_recipe_in_the_readme_is_valid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    recipe = parse_recipe(load_yaml("README.md", block))
    assert {stage.name for stage in recipe.stages} <= set(_named_in_table())


def _named_in_table() -> list[str]:
    (table,) = re.findall(r"^\| stage \|.*?\n\n", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    return re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)


def test_every_stage_is_in_the_readme() -> None:
    assert sorted(_named_in_table()) == sorted([*FILTERS, *DEDUPS])
    assert all(stage.name == name for name, stage in FILTERS.items())


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.yaml")), ids=lambda path: path.name)
def test_recipes_are_valid_and_come_back(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    recipe = load_recipe(path)
    again = parse_recipe(load_yaml("again.yaml", yaml.safe_dump(recipe.as_dict())))
    assert again == recipe


def _layer(module: str) -> int:
    return max(
        (i for i, layer in enumerate(LAYERS) if module == layer or module.startswith(layer + ".")),
        key=lambda i: len(LAYERS[i]),
        default=-1,
    )


@pytest.mark.parametrize("top", ["pipeline", "transforms", "filters"])
def test_imports_go_right_only(top: str) -> None:
    for path in (ROOT / top).rglob("*.py"):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                assert _layer(name) == -1 or _layer(name) >= _layer(module), f"{module} imports {name}"
                if name.split(".")[0] == "apache_beam":
                    assert top != "filters", f"{module} imports Beam"


def test_every_file_says_what_it_is_for() -> None:
    for top in ("pipeline", "transforms", "filters", "tests", "benchmarks"):
        for path in (ROOT / top).rglob("*.py"):
            first = ast.get_docstring(ast.parse(path.read_text()))
            assert first and first.splitlines()[0].endswith((".", ":")), path


def test_help_comes_without_heavy_imports() -> None:
    code = (
        "import sys; from pipeline.cli.main import cli\n"
        "try: cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "print([m for m in ('apache_beam', 'numba', 'pyarrow', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_readme_shows_what_the_sample_run_prints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    write_sample_corpus(tmp_path / "sample")
    raw, out = str(tmp_path / "sample/raw"), str(tmp_path / "out")
    run(load_recipe("configs/sample.yaml", input_paths=[raw], output_path=out))
    shown = CliRunner().invoke(cli, ["stats", out], catch_exceptions=False).output
    readme = {line.rstrip() for line in (ROOT / "README.md").read_text().splitlines()}
    tables = [line.rstrip() for line in shown.partition("dedup/exact_dedup")[0].splitlines()]
    assert len(tables) > 30
    assert [line for line in tables if line not in readme] == []


def test_commands_in_the_page_on_inspecting_are_ones() -> None:
    """Options and arguments are those of the commands; nothing is run."""
    page = (ROOT / "docs" / "inspect.md").read_text()
    lines = re.findall(r"(?:^\$ |`)beamsift ([^`\n]*[a-z][^`\n]*)", page, re.MULTILINE)
    assert len(lines) > 12
    for line in lines:
        words = shlex.split(line.split("`")[0])
        command, info = cli, "beamsift"
        while isinstance(command, click.Group):
            name, command, words = command.resolve_command(click.Context(command), words)
            info = f"{info} {name}"
        if "--text" not in words:  # which would be opened
            with command.make_context(info, words):
                pass
