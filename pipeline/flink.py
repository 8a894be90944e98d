"""Flink: what a run on it needs (Java, Beam's job server, a cluster with room), found, or named in one sentence."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import urllib.request
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filters.errors import RecipeError, RunnerError
from pipeline.portable import (
    PATIENCE_SECONDS,
    Stopping,
    check_job_endpoint,
    check_reachable,
    given,
    host_and_port,
    starting,
    with_defaults,
)
from pipeline.validation import nearest

FLINK = "flink"
WORKER_POOL = "localhost:50000"
"""Where a TaskManager finds the worker pool of its machine: the port that Beam's own images use."""

_EMBEDDED = ("[local]", "[auto]")
_OLDEST_JAVA = 11  # Flink 2 does not run on an older one, nor do the classes of Beam's job server for it
_MAIN_CLASS = "org/apache/beam/runners/flink/FlinkJobServerDriver.class"
_LOGGED_AS = "FlinkJarJobServer"
_GROUP = "org.apache.beam"
# Flink reads private fields of these packages when it checks what it ships to workers; Java 17 must be told to let it.
_JVM = "--job_server_jvm_properties="
_OPENED = ("java.base/java.lang", "java.base/java.util", "java.base/java.util.concurrent", "java.base/java.nio")


@dataclass(frozen=True)
class Cluster:
    """What a JobManager says of its cluster. version: as 2.2.1. slots: of all TaskManagers, busy ones included."""

    version: str
    task_managers: int
    slots: int

    @property
    def slots_each(self) -> int:
        """Slots of one TaskManager, rounded up: as many Python processes it should have."""
        return -(-self.slots // max(self.task_managers, 1))


def flink_options(beam_options: Sequence[str], cores: int) -> list[str]:
    """Options with defaults for what is not given. Raises RunnerError, in one sentence, for anything that is missing.

    cores: parallelism of a Flink that is started for this run alone; a cluster is used with all its slots.
    """
    options = list(beam_options)
    master = given(options, "flink_master") or _EMBEDDED[0]
    options = with_defaults(options, {"flink_master": master, "flink_version": flink_version(options)})
    if given(options, "job_endpoint") is not None:
        check_job_endpoint(options)
    else:
        found = {"job_server_java_launcher": find_java(options), "flink_job_server_jar": str(find_job_server(options))}
        options = [*with_defaults(options, found), *(f"{_JVM}--add-opens={package}=ALL-UNNAMED" for package in _OPENED)]
    if master in _EMBEDDED:
        return with_defaults(options, {"environment_type": "LOOPBACK", "parallelism": str(cores)})
    cluster = ask_cluster(master)
    check_cluster(cluster, master, flink_version(options))
    options = with_defaults(
        options, {"parallelism": str(cluster.slots), "sdk_worker_parallelism": str(cluster.slots_each)}
    )
    return _with_environment(options, master)


def flink_version(options: Sequence[str]) -> str:
    """Version of Flink, as 2.2: the one given, else the newest that the installed Beam has a job server for."""
    from apache_beam.options.pipeline_options import FlinkRunnerOptions

    known: list[str] = FlinkRunnerOptions.PUBLISHED_FLINK_VERSIONS
    version = given(options, "flink_version") or known[-1]
    if version not in known:
        raise RunnerError(f"--flink_version must be one of {', '.join(known)}, got {version!r}")
    return version


def find_java(options: Sequence[str]) -> str:
    """Path of a Java that is new enough: the one named, else that of JAVA_HOME, else on the PATH."""
    named = given(options, "job_server_java_launcher")
    home = os.environ.get("JAVA_HOME")
    launcher = named or (str(Path(home) / "bin" / "java") if home else "java")
    source = "--job_server_java_launcher" if named else "JAVA_HOME" if home else "the PATH"
    found = shutil.which(launcher)
    if found is None:
        raise RunnerError(
            f"Flink needs Java {_OLDEST_JAVA} or newer, and by {source} there is no {launcher}; install one (17 works)"
        )
    try:
        done = subprocess.run([found, "-version"], capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.SubprocessError) as error:
        raise RunnerError(f"{found} does not run ({error}); Flink needs Java {_OLDEST_JAVA} or newer") from error
    version = java_version(done.stderr + done.stdout)
    if version is None or version < _OLDEST_JAVA:
        what = "does not tell its version" if version is None else f"is Java {version}"
        raise RunnerError(f"{found} {what}; Flink needs Java {_OLDEST_JAVA} or newer (17 works)")
    return found


def java_version(said: str) -> int | None:
    """The number in what `java -version` says.

    >>> java_version('openjdk version "17.0.15" 2025-04-15'), java_version('java version "1.8.0_392"')
    (17, 8)
    """
    found = re.search(r'version "(?:1\.)?(\d+)', said)
    return int(found[1]) if found else None


def artifact(version: str) -> tuple[str, str]:
    """(name, version) of Beam's job server on Maven Central for a version of Flink, to fit the installed Beam."""
    from apache_beam.version import __version__

    return f"beam-runners-flink-{version}-job-server", __version__


def job_server_places(version: str) -> list[Path]:
    """Where a job server lies once Beam or Maven has fetched it."""
    from apache_beam.utils.subprocess_server import JavaJarServer

    name, beam = artifact(version)
    repository = Path.home() / ".m2" / "repository" / Path(*_GROUP.split("."))
    return [Path(JavaJarServer.JAR_CACHE) / f"{name}-{beam}.jar", repository / name / beam / f"{name}-{beam}.jar"]


def find_job_server(options: Sequence[str]) -> Path:
    """The jar named, else where Beam or Maven keeps it. Nothing is downloaded: it has some 300 MB."""
    version = flink_version(options)
    named = given(options, "flink_job_server_jar")
    if named is not None:
        return _checked_jar(Path(named), "--flink_job_server_jar names")
    for place in job_server_places(version):
        if place.is_file():
            return _checked_jar(place, "was found at its place")
    name, beam = artifact(version)
    raise RunnerError(
        f"Flink needs Beam's job server for it, and there is no {name}-{beam}.jar; fetch it with `mvn dependency:get "
        f"-Dtransitive=false -Dartifact={_GROUP}:{name}:{beam}`, or name a copy, as in -- --flink_job_server_jar=PATH"
    )


def _checked_jar(path: Path, how: str) -> Path:
    """Raises RunnerError for what is no job server, before Java says so in its own words, three times."""
    if not path.is_file():
        raise RunnerError(f"there is no file {str(path)!r}, which {how}")
    try:
        with zipfile.ZipFile(path) as jar:
            names = set(jar.namelist())
    except (zipfile.BadZipFile, OSError) as error:
        raise RunnerError(f"{str(path)!r}, which {how}, is not a jar ({error}); fetch it again") from error
    if _MAIN_CLASS not in names:
        raise RunnerError(
            f"{str(path)!r}, which {how}, is a jar, but not Beam's job server for Flink "
            "(beam-runners-flink-*-job-server)"
        )
    return path


def ask_cluster(master: str) -> Cluster:
    """What the JobManager at host:port says of its cluster. Raises RunnerError if it says nothing, or is none."""
    host, port = host_and_port(master, "--flink_master")
    check_reachable(master, "--flink_master", "start the cluster, or give the host and port of its REST service")
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    scheme = "https" if master.startswith("https:") else "http"
    try:
        with urllib.request.urlopen(f"{scheme}://{place}/overview", timeout=PATIENCE_SECONDS) as answer:
            facts = json.load(answer)
        return Cluster(str(facts["flink-version"]), int(facts["taskmanagers"]), int(facts["slots-total"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunnerError(
            f"what answers at {place} is not the REST service of a Flink JobManager ({type(error).__name__}); "
            "--flink_master is its host and port, 8081 unless configured otherwise"
        ) from error


def check_cluster(cluster: Cluster, master: str, version: str) -> None:
    """Raises RunnerError if the cluster has no room, or speaks another version than the job server is for."""
    if cluster.version.split("-")[0].split(".")[:2] != version.split("."):
        near = ".".join(cluster.version.split(".")[:2])
        raise RunnerError(
            f"the cluster at {master} is Flink {cluster.version}, and the job server for Flink {version} cannot speak "
            f"to it; give -- --flink_version={near}, if Beam has one for it"
        )
    if not cluster.slots:
        raise RunnerError(
            f"the cluster at {master} has {cluster.task_managers} TaskManagers and no slots, so the job would wait for "
            "ever; start a TaskManager"
        )


def _with_environment(options: list[str], master: str) -> list[str]:
    """Python on the cluster's machines: a worker pool beside each TaskManager, unless something else is asked for."""
    if given(options, "environment_type") is None:
        options = with_defaults(
            options,
            {"environment_type": "EXTERNAL", "environment_config": given(options, "environment_config") or WORKER_POOL},
        )
    kind, place = given(options, "environment_type"), given(options, "environment_config") or WORKER_POOL
    host, _ = host_and_port(master, "--flink_master")
    # From here only the pool of this machine can be tried; on others the names mean other places.
    if kind == "EXTERNAL" and host in ("localhost", "127.0.0.1", "::1"):
        check_reachable(
            place,
            "--environment_config",
            "start a worker pool there, with beamsift's python first on the PATH: "
            "`python -m apache_beam.runners.worker.worker_pool_main --service_port=50000`",
        )
    return options


def flink_runner() -> Any:
    """Beam's runner, that refuses what its job server would leave out, and says in one sentence if that fails."""
    from apache_beam.runners.portability.flink_runner import FlinkRunner

    class _Flink(Stopping, FlinkRunner):
        def create_job_service(self, options: Any) -> Any:
            with starting("Beam's job server for Flink", _LOGGED_AS, "see docs/flink.md for what it needs"):
                handle = super().create_job_service(options)
            check_known(options, handle)
            return handle

    return _Flink()


def check_known(options: Any, handle: Any) -> None:
    """Raises RecipeError for an option that neither Beam nor the job server knows: it would be left out."""
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.portability.api import beam_job_api_pb2

    request = beam_job_api_pb2.DescribePipelineOptionsRequest()
    described = handle.job_service.DescribePipelineOptions(request, timeout=handle.timeout)
    known = {option.name for option in described.options} | set(PipelineOptions([]).get_all_options())
    for word in options._flags or []:
        name = word.lstrip("-").partition("=")[0]
        if word.startswith("--") and name not in known:
            near = nearest(name, list(known))
            hint = f"; did you mean --{near}?" if near else ""
            raise RecipeError(f"neither Beam nor its job server for Flink knows the option --{name}{hint}")
