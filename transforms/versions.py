"""CheckVersions: workers that have other packages than whoever starts the run would write other bytes."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from dataclasses import dataclass

import apache_beam as beam

from filters.errors import RunnerError


def check_versions(expected: Mapping[str, str]) -> None:
    """Raises RunnerError, naming the first difference, unless these packages are here in these versions.

    >>> check_versions({"pyarrow": "0.1"})
    Traceback (most recent call last):
    ...
    filters.errors.RunnerError: the workers have pyarrow ..., and what starts the run has 0.1: ...
    """
    for name, version in expected.items():
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found = "not at all"
        if found != version:
            raise RunnerError(
                f"the workers have {name} {found}, and what starts the run has {version}: the result would have other "
                "bytes. Give them the same versions, as by an image of this checkout (docker/Dockerfile)"
            )


@dataclass(eq=False)  # not frozen: Beam sets attributes of its own
class CheckVersions(beam.PTransform):
    """Fails the run on a worker that has other versions than `expected`, package -> version."""

    expected: dict[str, str]

    def expand(self, pipeline: beam.Pipeline) -> beam.PCollection[None]:  # noqa: D102
        return pipeline | "Expected" >> beam.Create([tuple(self.expected.items())]) | "Compare" >> beam.Map(_compare)


def _compare(expected: tuple[tuple[str, str], ...]) -> None:
    check_versions(dict(expected))
