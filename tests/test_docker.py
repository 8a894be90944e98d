"""The image for Dataflow and its Flex Template, as far as they can be read without an engine for containers."""

from __future__ import annotations

import argparse
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from apache_beam.version import __version__ as beam_version
from packaging.utils import canonicalize_name

from pipeline import flex_template

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "docker" / "Dockerfile").read_text()
PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)


def pins(path: str) -> dict[str, set[str]]:
    """Versions by name; a lock for several versions of Python may have several."""
    found: dict[str, set[str]] = {}
    for name, version in PIN.findall((ROOT / path).read_text()):
        found.setdefault(canonicalize_name(name), set()).add(version)
    return found


def argument(name: str) -> str:
    return re.findall(rf"^ARG {name}=(.+)$", DOCKERFILE, re.MULTILINE)[0]


def copied() -> list[str]:
    """What the image takes from the project."""
    lines = re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
    return [path for line in lines for path in shlex.split(line)[:-1]]


def test_what_is_copied_exists_and_is_all_that_the_wheel_needs() -> None:
    assert {"filters/", "pipeline/", "transforms/", "pyproject.toml", "docker/requirements.lock"} <= {*copied()}
    for path in copied():
        assert (ROOT / path).exists(), path


def test_the_image_has_the_beam_that_submits() -> None:
    locks = ("requirements.lock", "docker/requirements.lock")
    assert argument("BEAM_VERSION") == beam_version
    assert all(pins(lock)["apache-beam"] == {beam_version} for lock in locks)
    base = re.findall(r"/python(\d+)-template-launcher-base", DOCKERFILE)
    assert base == [argument("PYTHON_VERSION").replace(".", "")]


def test_the_image_has_the_versions_of_the_lock_and_nothing_for_tests() -> None:
    image, lock = pins("docker/requirements.lock"), pins("requirements.lock")
    different = {
        name: (versions, lock[name]) for name, versions in image.items() if not versions <= lock.get(name, versions)
    }
    assert different == {}
    assert not {"pytest", "ruff", "mypy", "hypothesis"} & {*image}
    listed = re.findall(
        r"^dependencies = \[\n(.*?)^\]", (ROOT / "pyproject.toml").read_text(), re.MULTILINE | re.DOTALL
    )
    direct = {canonicalize_name(name) for name in re.findall(r'^\s*"([A-Za-z0-9._-]+)', listed[0], re.MULTILINE)}
    assert len(direct) > 15 and direct <= {*image}
    assert {"google-cloud-dataflow-client", "google-cloud-storage", "google-auth-httplib2"} <= {*image}


def test_every_pin_has_a_hash() -> None:
    text = (ROOT / "docker" / "requirements.lock").read_text()
    entries = re.split(r"\n(?=[a-z0-9])", text.partition("make lock\n")[2])
    assert all("--hash=sha256:" in entry for entry in entries)


def parameters() -> list[dict[str, Any]]:
    return list(json.loads((ROOT / "docker" / "flex-template.json").read_text())["parameters"])


def test_parameters_of_the_template_are_those_of_the_launch(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, bool] = {}
    add = argparse.ArgumentParser.add_argument

    def noted(self: Any, name: str, *rest: Any, **options: Any) -> Any:
        if name.startswith("--"):
            seen[name.removeprefix("--")] = not options.get("required", False)
        return add(self, name, *rest, **options)

    monkeypatch.setattr(argparse.ArgumentParser, "add_argument", noted)
    with pytest.raises(SystemExit):
        flex_template.launch([])
    assert {one["name"]: one.get("isOptional", False) for one in parameters()} == seen
    for one in parameters():
        assert all(re.compile(regex) for regex in one["regexes"]) and one["helpText"]


def test_a_launch_is_a_run_on_dataflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("input: {paths: raw}\noutput: {path: clean}\nstages: [exact_dedup]\n")
    given: dict[str, Any] = {}
    monkeypatch.setattr(
        flex_template, "run", lambda recipe, **options: given.update(options, recipe=recipe) or {"submitted": "Done"}
    )
    arguments = [f"--recipe={path}", "--output=gs://b/clean", "--input=gs://b/a,gs://b/c", "--overwrite=true"]
    added = ["--runner=DataflowRunner", "--project=a-project", "--template_location=gs://b/t", "--job_name=nightly"]
    assert flex_template.launch([*arguments, *added]) == "Done"
    recipe = given.pop("recipe")
    assert recipe.input.paths == ("gs://b/a", "gs://b/c") and recipe.output.path == "gs://b/clean"
    assert given == {
        "runner": "dataflow", "beam_options": added[1:], "overwrite": True, "annotate_only": False,
    }  # fmt: skip
