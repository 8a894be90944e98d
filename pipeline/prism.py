"""Prism, Beam's engine in one Go program: a second opinion on results, on one machine. Found, or named as missing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from filters.errors import RunnerError
from pipeline.portable import Stopping, check_job_endpoint, given, starting, with_defaults

PRISM = "prism"
MODULE = "github.com/apache/beam/sdks/v2/go/cmd/prism"

_LOGGED_AS = "PrismJobServer"


def prism_options(beam_options: Sequence[str]) -> list[str]:
    """Options with the program found. Raises RunnerError where there is none.

    Beam itself would download a program when it is not told of one.
    """
    if given(beam_options, "job_endpoint") is not None:
        check_job_endpoint(beam_options)
        return list(beam_options)
    # What ends a job comes through the job's own messages; the log says the same of every bundle.
    defaults = {"prism_location": str(find_prism(beam_options)), "prism_log_level": "error"}
    # A server of its own: the one that Beam shares among all runs of a process cannot be ended, or be another program.
    return [*with_defaults(beam_options, defaults), "--experiments=disable_prism_server_singleton"]


def find_prism(beam_options: Sequence[str]) -> Path:
    """Path of the program: the one named, else `prism` on the PATH, else where `go install` puts it."""
    named = given(beam_options, "prism_location")
    if named is not None:
        if not Path(named).is_file():
            raise RunnerError(f"there is no file {named!r}, which --prism_location names; {how_to_get()}")
        return Path(named)
    on_path = shutil.which("prism")
    if on_path:
        return Path(on_path)
    installed = _go_bin() / "prism"
    if installed.is_file():
        return installed
    raise RunnerError(f"there is no program prism on the PATH nor in {installed.parent}; {how_to_get()}")


def _go_bin() -> Path:
    if os.environ.get("GOBIN"):
        return Path(os.environ["GOBIN"])
    go_path = os.environ.get("GOPATH", "").split(os.pathsep)[0]
    return Path(go_path or Path.home() / "go") / "bin"


def how_to_get() -> str:
    """The command that builds the version that belongs to the installed Beam."""
    from apache_beam.version import __version__

    build = f"go install {MODULE}@v{__version__}"
    return f"with Go installed, build it with `{build}`, or name it, as in -- --prism_location=PATH"


def prism_runner() -> Any:
    """Beam's runner, that says in one sentence why its server did not start."""
    from apache_beam.runners.portability.prism_runner import PrismRunner

    class _Prism(Stopping, PrismRunner):
        def create_job_service(self, options: Any) -> Any:
            with starting("Prism", _LOGGED_AS, how_to_get()):
                return super().create_job_service(options)

    return _Prism()
