"""Fixtures that several test files use: a sample corpus, the real corpora where they are, running a recipe."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import settings

from filters.detectors.catalog import DETECTORS
from pipeline.recipe import parse_recipe
from pipeline.run import run
from pipeline.sample_corpus import write_sample_corpus
from pipeline.yaml_document import load_yaml
from tests.dedup_corpora import write_families
from tests.inspected import recipe, write_raw
from tests.plain_detectors import PLAIN

# Time decides no test: the first call of a kernel compiles it.
settings.register_profile("beamsift", deadline=None)
settings.load_profile("beamsift")

for _detector in PLAIN:  # kinds that tests speak of and the catalog lacks
    DETECTORS.setdefault(_detector.kind, _detector)

CORPORA = Path(__file__).parents[2] / "shared" / "corpora"


@pytest.fixture(scope="session")
def corpora() -> Path:
    """Folder of real test corpora; tests that need it are skipped where it is absent."""
    if not CORPORA.is_dir():
        pytest.skip("../shared/corpora is not here")
    return CORPORA


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sample corpus of 600 documents: raw/ and truth.parquet."""
    folder = tmp_path_factory.mktemp("sample")
    write_sample_corpus(folder, seed=3, documents=600)
    return folder


@pytest.fixture(scope="session")
def duplicated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three files of texts in families of edited copies, with a column `quality`."""
    return write_families(tmp_path_factory.mktemp("duplicated"))


@pytest.fixture(scope="session")
def inspected(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A result of every kind of stage, see `tests.inspected`; its input lies beside it."""
    folder = tmp_path_factory.mktemp("inspected")
    _, output = run_in(folder, recipe(write_raw(sample, folder)))
    return output


def run_in(folder: Path, recipe: dict[str, Any], name: str = "out", **options: Any) -> tuple[dict[str, Any], Path]:
    """Run a recipe given as data; gives the manifest and the output folder, `name` in `folder`."""
    output = folder / name
    data = {**recipe, "output": {"path": str(output), **recipe.get("output", {})}}
    parsed = parse_recipe(load_yaml("recipe.yaml", yaml.safe_dump(data)))
    return run(parsed, **options), output


@pytest.fixture(scope="session")
def report_results(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A result that dropped, and one of the same hostile corpus that was only annotated."""
    from tests.report_results import RECIPE, write_corpus

    folder = tmp_path_factory.mktemp("report")
    write_corpus(sample, folder / "raw")
    recipe = {**RECIPE, "input": {"paths": str(folder / "raw")}}
    return {
        "dropped": run_in(folder, recipe, "dropped")[1],
        "annotated": run_in(folder, recipe, "annotated", annotate_only=True)[1],
    }


@pytest.fixture
def run_recipe(tmp_path: Path) -> Callable[..., tuple[dict[str, Any], Path]]:
    """`run_in` the test's own folder."""
    return functools.partial(run_in, tmp_path)


def digests(output: Path) -> dict[str, str]:
    """SHA-256 of every Parquet file of a result, by its path in the folder."""
    return {
        str(path.relative_to(output)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(output.rglob("*.parquet"))
    }
