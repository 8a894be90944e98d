"""Workers with other packages than the launcher: a run ends before it writes other bytes."""

from __future__ import annotations

import importlib.metadata

import apache_beam as beam
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from filters.errors import RunnerError
from transforms.versions import CheckVersions, check_versions


def test_the_same_versions_pass() -> None:
    check_versions({name: importlib.metadata.version(name) for name in ("pyarrow", "numba", "beamsift")})


def test_a_package_that_is_missing() -> None:
    with pytest.raises(RunnerError, match="no-such-package not at all"):
        check_versions({"no-such-package": "1"})


def test_another_version_fails_the_run() -> None:
    expected = pytest.raises(RunnerError, match=r"the workers have pyarrow \S+, and what starts the run has 0\.1")
    with expected, beam.Pipeline(runner=FnApiRunner()) as pipeline:
        _ = pipeline | CheckVersions({"pyarrow": "0.1"})
