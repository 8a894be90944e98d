"""Dataflow: options that fit our work, what a job needs checked before it is sent, a job waited for or handed over."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import re
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from filters.errors import RecipeError, RunnerError
from filters.remote_files import is_remote, named_files
from pipeline.portable import given, with_defaults
from pipeline.recipe import DedupStage, Recipe
from pipeline.signals import on_interrupt
from pipeline.wheel import pinned_requirements, write_wheel
from transforms.files import join
from transforms.layout import STAGING

DATAFLOW = "dataflow"

# Why each: docs/dataflow.md. A worker process for each vCPU, of 4 GB, in which two threads take 1.5 GiB at most each.
DEFAULTS = {
    "worker_machine_type": "n2-standard-4",
    "number_of_worker_harness_threads": "2",
    "max_num_workers": "20",
    "autoscaling_algorithm": "THROUGHPUT_BASED",
    "disk_size_gb": "50",
}
_SHUFFLE = "shuffle_mode"
_PROJECT = re.compile(r"(?:[a-z0-9.-]+:)?[a-z][-a-z0-9]{4,28}[a-z0-9]")
_REGION = re.compile(r"[a-z]+-[a-z]+\d+")
_BUCKET_PATH = re.compile(r"gs://[a-z0-9][-_a-z0-9.]+[a-z0-9](?:/.*)?")
_NEEDED = ("google.cloud.dataflow", "google.cloud.storage", "google.auth", "google_auth_httplib2")
_ENVIRONMENTS = {
    "project": ("GOOGLE_CLOUD_PROJECT", "CLOUDSDK_CORE_PROJECT"),
    "region": ("CLOUDSDK_COMPUTE_REGION",),
}


def check_job(recipe: Recipe, beam_options: Sequence[str]) -> None:
    """Refuse, without a request to anybody, what would fail on the service. Raises RunnerError, RecipeError.

    That the packages of the extra `gcp` are here, project and region are named, and everything that workers read or
    write is where they can reach it.
    """
    try:
        for module in _NEEDED:
            importlib.import_module(module)
    except ImportError as error:
        raise RunnerError(
            f"Dataflow needs packages that are not installed ({error}); install them with `pip install 'beamsift[gcp]'`"
        ) from error
    _matched(beam_options, "project", _PROJECT, "the ID of a project, not its number or title, as in my-project-1")
    _matched(beam_options, "region", _REGION, "a region, not a zone, as in europe-west4")
    for name in ("temp_location", "staging_location"):
        if given(beam_options, name) is not None:
            _matched(beam_options, name, _BUCKET_PATH, "in a bucket, as in gs://my-bucket/tmp")
    if not _BUCKET_PATH.fullmatch(recipe.output.path):
        raise RecipeError(
            f"the workers of Dataflow write to a bucket: give --output gs://BUCKET/FOLDER, not {recipe.output.path!r}"
        )
    for path in recipe.input.paths:
        if _is_here(path):
            raise RecipeError(
                f"the workers of Dataflow do not see the files of this machine: copy {path!r} to a bucket and give "
                "--input gs://BUCKET/..."
            )
    if given(beam_options, "sdk_container_image") is None:
        _check_stages(recipe)


def _check_stages(recipe: Recipe) -> None:
    """Files of stages must be where workers can read them; in an image of the user's own they may be anywhere."""
    for stage in recipe.stages:
        if isinstance(stage, DedupStage):
            continue
        params = stage.params.model_dump(mode="json")
        for path in named_files(params):
            if _is_here(path):
                raise RecipeError(
                    f"stage {stage.id!r} reads {path!r}, which the workers of Dataflow do not have: copy it to a "
                    "bucket and name it gs://BUCKET/..., or build it into an image and give -- --sdk_container_image"
                )
        key = params.get("key") or {}
        if key.get("env"):
            raise RecipeError(
                f"stage {stage.id!r} reads its key from the environment variable {key['env']}, which the workers of "
                "Dataflow do not have: put it into a file in a bucket that only they may read, `key: {file: gs://...}`"
            )


def _is_here(path: str) -> bool:
    """Whether a path or URI names a file of this machine."""
    return not is_remote(path) or path.lower().startswith("file:")


def _matched(options: Sequence[str], name: str, pattern: re.Pattern[str], what: str) -> str:
    value = _value(options, name)
    if not value:
        known = "".join(f", or set {variable}" for variable in _ENVIRONMENTS.get(name, ()))
        raise RunnerError(f"Dataflow needs a {name}: give it behind the other options, as in -- --{name}=...{known}")
    if not pattern.fullmatch(value):
        raise RunnerError(f"--{name} must be {what}, got {value!r}")
    return value


def _value(options: Sequence[str], name: str) -> str | None:
    found = given(options, name)
    if found is None:
        found = next((os.environ[v] for v in _ENVIRONMENTS.get(name, ()) if os.environ.get(v)), None)
    return found


def dataflow_options(beam_options: Sequence[str], output: str) -> list[str]:
    """Options for Beam, with defaults for what is not given.

    output: of the run; what is sent to workers lies in its folder `staging`, and goes with it.
    """
    options = list(beam_options)
    temp = given(options, "temp_location") or given(options, "staging_location") or join(output, STAGING, "dataflow")
    found = {name: _value(options, name) or "" for name in _ENVIRONMENTS}
    named = {"job_name": time.strftime("beamsift-%Y%m%d-%H%M%S", time.gmtime()), "temp_location": temp}
    options = with_defaults(options, {**found, **named, **DEFAULTS})
    if not any(f"{_SHUFFLE}=" in word for word in options):
        options.append(f"--experiments={_SHUFFLE}=service")
    # Everything of ours is imported by name; there is no session to carry over.
    if given(options, "save_main_session") is None:
        options.append("--no_save_main_session")
    return [*options, "--runner=DataflowRunner"]


def add_beamsift(options: Any, folder: Path) -> None:
    """Have the workers install the beamsift that runs here, and what it needs, unless their image has it.

    options: Beam's, changed in place. folder: local, for the wheel, until the job is sent.
    """
    from apache_beam.options.pipeline_options import SetupOptions, WorkerOptions

    if options.view_as(WorkerOptions).sdk_container_image is not None:
        return
    setup = options.view_as(SetupOptions)
    if setup.requirements_file is None:
        pins = folder / "requirements.txt"
        pins.write_text("\n".join(pinned_requirements()) + "\n", encoding="utf-8")
        setup.requirements_file = str(pins)
        # Workers fetch what they need themselves: to stage it would send some 200 MB with every job.
        setup.requirements_cache = setup.requirements_cache or "skip"
    setup.extra_packages = [*(setup.extra_packages or []), str(write_wheel(folder))]


def dataflow_runner(tell: Callable[[str], None]) -> Any:
    """Beam's runner for Dataflow, which checks the bucket, and says in one sentence what the service refused.

    tell: gets sentences for the user while the job is under way.
    """
    from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions
    from apache_beam.runners.dataflow.dataflow_runner import DataflowRunner

    class _Dataflow(DataflowRunner):
        def run_pipeline(self, pipeline: Any, options: Any, *more: Any, **named: Any) -> Any:
            with _explained(), tempfile.TemporaryDirectory(prefix=f"beamsift-dataflow-{os.getpid()}-") as folder:
                _check_bucket(options)
                add_beamsift(options, Path(folder))
                return super().run_pipeline(pipeline, options, *more, **named)

        def wait(self, result: Any, options: PipelineOptions) -> str | None:
            """Until the job ends; where nobody is to wait, at once, and what was done is returned. Ctrl-C cancels."""
            cloud = options.view_as(GoogleCloudOptions)
            if not result.has_job:
                return f"Wrote the template of a job to {cloud.template_location}"
            job = result.job_id()
            place = f"https://console.cloud.google.com/dataflow/jobs/{cloud.region}/{job}?project={cloud.project}"
            if hands_over(options):
                return f"Submitted the job {job}: {place}"
            tell(f"Submitted the job {job}: {place}")
            # Nothing else runs here now that could swallow KeyboardInterrupt.
            with on_interrupt(signal.default_int_handler):
                try:
                    with _explained():
                        result.wait_until_finish()
                except KeyboardInterrupt:
                    with _explained():
                        result.cancel()
                    tell(f"The job {job} was told to stop.")
                    raise
                except RunnerError:  # of asking for the job's state, not of the job
                    tell(f"The job {job} may go on by itself: see there, and stop it before another run.")
                    raise
            return None

    return _Dataflow()


def hands_over(options: Any) -> bool:
    """Whether the job goes on without the process that submits it, as Beam's options say."""
    from apache_beam.options.pipeline_options import GoogleCloudOptions, StandardOptions

    return bool(
        options.view_as(GoogleCloudOptions).template_location or options.view_as(StandardOptions).no_wait_until_finish
    )


def _check_bucket(options: Any) -> None:
    """Raises RunnerError unless there are credentials, and the bucket for temporary files exists and may be seen."""
    import google.auth
    from apache_beam.io.gcp.gcsio import create_storage_client
    from apache_beam.options.pipeline_options import GoogleCloudOptions
    from google.auth.exceptions import DefaultCredentialsError

    cloud = options.view_as(GoogleCloudOptions)
    if not cloud.no_auth:  # Beam would go on without credentials, to be refused later
        try:
            google.auth.default()
        except DefaultCredentialsError as error:
            raise RunnerError(
                "there are no credentials for Google Cloud: run `gcloud auth application-default login`, or set "
                "GOOGLE_APPLICATION_CREDENTIALS to the key of a service account"
            ) from error
    name = cloud.temp_location.removeprefix("gs://").partition("/")[0]
    if create_storage_client(options, not cloud.no_auth).lookup_bucket(name) is None:
        raise RunnerError(
            f"there is no bucket {name!r}, which --temp_location or --output names; make it, in the region "
            f"{cloud.region} of the workers"
        )


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """What Google's services answer, as RunnerError in one sentence."""
    from google.api_core.exceptions import GoogleAPICallError
    from google.auth.exceptions import GoogleAuthError

    # Beam logs what it raises, as critical; `beamsift --debug` shows it.
    log = logging.getLogger("apache_beam.runners.dataflow.internal.apiclient")
    log.disabled = not logging.getLogger().isEnabledFor(logging.WARNING)
    try:
        yield
    except GoogleAPICallError as error:
        first = (error.message or str(error)).strip().partition("\n")[0].rstrip(". ")
        said = re.sub(r"^[A-Z]+ https?://\S+: ", "", first)
        raise RunnerError(f"Google Cloud refused a request ({error.code}: {said[:300]}); {_TODO}") from error
    except GoogleAuthError as error:
        said = str(error).partition("\n")[0]
        raise RunnerError(f"Google Cloud took no credentials from here ({said[:300]}); {_TODO}") from error
    finally:
        log.disabled = False


_TODO = "see docs/dataflow.md for the roles that are needed"
