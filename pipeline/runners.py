"""Which engine runs the graph, with which options. Nothing outside this file knows a runner."""

from __future__ import annotations

import argparse
import contextlib
import io
import logging
import os
import re
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from filters.errors import BeamsiftError, RecipeError
from pipeline.dataflow import DATAFLOW, check_job, dataflow_options, dataflow_runner, hands_over
from pipeline.flink import FLINK, flink_options, flink_runner
from pipeline.portable import Stopping, check_job_endpoint
from pipeline.prism import PRISM, prism_options, prism_runner
from pipeline.recipe import Recipe
from pipeline.validation import nearest

# Worker processes import Beam and compile the kernels, each for itself: about eight seconds, which less text than this
# does not win back (the `job` benchmark at 84 MB: two workers slower than one; at 335 MB: faster).
_BYTES_FOR_PROCESSES = 256 << 20

LOCAL = "local"
_LOCAL_NAMES = ("local", "directrunner", "fnapirunner", "switchingdirectrunner", "bundlebaseddirectrunner")

_LOCAL_OPTIONS = ("direct_running_mode", "direct_num_workers")


@dataclass(frozen=True)
class LocalPlan:
    """How the local runner works: worker processes, or 1 for everything in this process."""

    workers: int

    @property
    def mode(self) -> str:
        """Beam's name for it."""
        return "in_memory" if self.workers == 1 else "multi_processing"


def plan_local(text_bytes: int, splits: int, workers: int | None, beam_options: Sequence[str] = ()) -> LocalPlan:
    """Choose worker processes from cores and input. `workers` or Beam's own options decide if given.

    Raises RecipeError for a mode that is not safe.
    """
    if any(option.lstrip("-").partition("=")[0] == "runner" for option in beam_options if option.startswith("-")):
        raise RecipeError("--runner stands among the options for Beam; name the runner before the --")
    given = _given_options(beam_options)
    mode = given.get("direct_running_mode")
    if mode == "multi_threading":
        raise RecipeError(
            "direct_running_mode=multi_threading loses data: in Beam 2.77 a GroupByKey over 60,000 elements returned "
            "59,325 to 59,663 of them. Leave the option out, or use multi_processing"
        )
    if mode not in (None, "in_memory", "multi_processing"):
        raise RecipeError(f"direct_running_mode must be in_memory or multi_processing, got {mode!r}")
    cores = _cores()
    if "direct_num_workers" in given:
        asked = given["direct_num_workers"]
        if not asked.isdecimal():
            raise RecipeError(f"direct_num_workers must be a whole number, 0 for all cores, got {asked!r}")
        workers = int(asked) or cores
    if mode == "in_memory":
        return LocalPlan(1)
    if workers is None:
        workers = 1 if text_bytes < _BYTES_FOR_PROCESSES and mode is None else max(1, min(cores, splits))
    return LocalPlan(workers)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _given_options(beam_options: Sequence[str]) -> dict[str, str]:
    given = {}
    for i, option in enumerate(beam_options):
        name, equals, value = option.lstrip("-").partition("=")
        if option.startswith("--") and name in _LOCAL_OPTIONS:
            given[name] = value if equals else (beam_options[i + 1] if i + 1 < len(beam_options) else "")
    return given


def runner_name(given: str) -> str:
    """LOCAL for all names of Beam's runners on this machine, DATAFLOW, FLINK, PRISM in any case; others as they are.

    Beam's plain DirectRunner first tries to download another engine and falls back without a word, so that one
    command may run on two engines: it is taken to mean `local`.

    >>> runner_name("apache_beam.runners.DirectRunner"), runner_name("FlinkRunner"), runner_name("SparkRunner")
    ('local', 'flink', 'SparkRunner')
    """
    last = given.rpartition(".")[2].lower()
    if last.removesuffix("runner") in (DATAFLOW, FLINK, PRISM):
        return last.removesuffix("runner")
    return LOCAL if last in _LOCAL_NAMES or last + "runner" in _LOCAL_NAMES else given


def check_fits(runner: str, recipe: Recipe, beam_options: Sequence[str]) -> None:
    """Refuse a recipe that the runner's workers cannot do, before anything is opened. Raises RecipeError, RunnerError.

    runner: as `runner_name` gives it.
    """
    if runner == DATAFLOW:
        _check_options(beam_options)
        check_job(recipe, beam_options)


def make_runner(
    runner: str, plan: LocalPlan, beam_options: Sequence[str], output: str, tell: Callable[[str], None]
) -> tuple[Any, Any]:
    """(Beam runner, Beam PipelineOptions). `local` is FnApiRunner by name; other names are Beam's own.

    runner: as `runner_name` gives it. output: folder of the result. tell: gets sentences for the user. Raises
    RecipeError for a runner or an option that Beam does not know, RunnerError where something is missing that the
    runner needs.
    """
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.runners import create_runner
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner
    from apache_beam.runners.portability.portable_runner import PortableRunner

    if runner == LOCAL:
        _check_options(beam_options)
        options = PipelineOptions([*_without_local(beam_options), f"--direct_num_workers={plan.workers}"])
        return FnApiRunner(default_environment=_worker_processes() if plan.workers > 1 else None), options
    if runner == PRISM:
        _check_options(beam_options)
        return prism_runner(), PipelineOptions(prism_options(beam_options))
    if runner == FLINK:
        return flink_runner(), PipelineOptions(flink_options(beam_options, _cores()))
    if runner == DATAFLOW:
        return dataflow_runner(tell), PipelineOptions(dataflow_options(beam_options, output))
    try:
        engine = create_runner(runner)
    except (ValueError, ImportError, AttributeError) as error:
        raise RecipeError(f"runner {runner!r} is not known to Beam; use local, or a Beam runner's name") from error
    check_job_endpoint(beam_options)
    if not isinstance(engine, PortableRunner):  # which learns of more options from its job server
        _check_options(beam_options)
    return engine, PipelineOptions([*beam_options, f"--runner={runner}"])


def waits(runner: str, options: Any) -> bool:
    """Whether the process that starts a run stays until its end. runner: as `runner_name` gives it."""
    return runner != DATAFLOW or not hands_over(options)


def wait_for(runner: str, engine: Any, result: Any, options: Any) -> str | None:
    """Wait for a run's end. A sentence is returned where the run goes on by itself."""
    if runner == DATAFLOW:
        said: str | None = engine.wait(result, options)
        return said
    result.wait_until_finish()
    return None


def stop_engine(engine: object) -> None:
    """End what `make_runner`'s engine started beside this process."""
    if isinstance(engine, Stopping):
        engine.stop()


def _check_options(beam_options: Sequence[str]) -> None:
    """Beam leaves out what it does not understand, with a warning at most."""
    from apache_beam.options.pipeline_options import PipelineOptions

    parsers: list[argparse.ArgumentParser] = []
    known = PipelineOptions([]).get_all_options(add_extra_args_fn=parsers.append)
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            _, unknown = parsers[0].parse_known_args(list(beam_options))
    except SystemExit as error:
        message = said.getvalue().strip().rpartition("error: ")[2]
        raise RecipeError(f"options for Beam, after --: {message}") from error
    if unknown:
        near = nearest(unknown[0].lstrip("-").partition("=")[0], list(known))
        hint = f"; did you mean --{near}?" if near else ""
        raise RecipeError(f"Beam does not know the option {unknown[0]!r}, given after --{hint}")


def _without_local(beam_options: Sequence[str]) -> list[str]:
    kept, skip = [], False
    for option in beam_options:
        name, equals, _ = option.lstrip("-").partition("=")
        if option.startswith("--") and name in _LOCAL_OPTIONS:
            skip = not equals
        elif not skip:
            kept.append(option)
        else:
            skip = False
    return kept


def _worker_processes() -> object:
    """Beam's multi_processing, but for the workers' logs: they repeat each error with its traceback, on our terminal.

    Where warnings are logged (`beamsift --debug`, or from Python) the workers' logs are shown, too.
    """
    from apache_beam.transforms.environments import SubprocessSDKEnvironment

    shown = "" if logging.getLogger().isEnabledFor(logging.WARNING) else " 2>/dev/null"
    # Ctrl-C on a terminal reaches them, too; they leave it to this process, which ends them.
    command = f"trap '' INT; exec {shlex.quote(sys.executable)} -m apache_beam.runners.worker.sdk_worker_main{shown}"
    return SubprocessSDKEnvironment.from_command_string(command_string=command)


_KINDS: list[type[BeamsiftError]] = [BeamsiftError, *BeamsiftError.__subclasses__()]
_ERRORS = {kind.__name__: kind for kind in _KINDS}
_IN_TRACEBACK = re.compile(r"^filters\.errors\.(\w+): (.*?)(?: \[while running [^\n]*)?$", re.MULTILINE)


def own_error(error: BaseException) -> BeamsiftError | None:
    """The error of ours that a runner has wrapped, by chain or as the text of a worker's traceback; else None."""
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        if isinstance(cause, BeamsiftError):
            message = re.sub(r" \[while running '[^\n]*\]$", "", str(cause).strip())
            return type(cause)(message)
        cause = cause.__cause__ or cause.__context__
    found = _IN_TRACEBACK.findall(str(error))
    if found:
        name, message = found[-1]
        return _ERRORS.get(name, BeamsiftError)(message.strip())
    return None
