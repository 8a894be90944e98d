"""The same recipe gives the same bytes on other engines; what an engine lacks is said in one sentence."""

from __future__ import annotations

import contextlib
import http.server
import json
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from apache_beam.portability import common_urns, python_urns
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from click.testing import CliRunner

from benchmarks.runners import _size
from filters.errors import InputError, RecipeError, RunnerError
from pipeline import flink
from pipeline.cli.main import cli
from pipeline.graph import Places, build_graph
from pipeline.portable import host_and_port, job_failed
from pipeline.recipe import parse_recipe
from pipeline.runners import runner_name
from pipeline.yaml_document import load_yaml
from tests.conftest import digests, run_in
from tests.engines import free_port, job_server_or_skip, prism_or_skip, wait_for, worker_pool
from tests.test_pipeline import STAGES, recipe
from transforms.corpus import open_corpus
from transforms.manifest import ManifestOptions

Runner = Callable[..., tuple[dict[str, Any], Path]]
_EMBED = ["--job_endpoint=embed", "--environment_type=LOOPBACK"]


@pytest.fixture(autouse=True)
def _closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Beam leaves the output of a job server that it ended unclosed, which is an error whenever it is found out."""
    started: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def start(*args: Any, **kwargs: Any) -> subprocess.Popen[bytes]:
        started.append(popen(*args, **kwargs))
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", start)
    yield
    for process in started:
        if process.stdout is not None and process.poll() is not None:
            process.stdout.close()


@pytest.fixture(scope="module")
def expected(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Digests of the sample's result by the local runner."""
    _, output = run_in(tmp_path_factory.mktemp("local"), recipe(sample))
    return digests(output)


# --- same bytes


@contextlib.contextmanager
def job_service() -> Iterator[str]:
    """Beam's own job service in a process, as a stand-in for Flink's job server: `host:port`."""
    port = free_port()
    command = [sys.executable, "-m", "apache_beam.runners.portability.local_job_service_main", f"--port={port}"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(port, process)
        yield f"localhost:{port}"
    finally:
        process.terminate()
        process.wait(30)


def test_a_job_service_gives_the_same_bytes(sample: Path, run_recipe: Runner, expected: dict[str, str]) -> None:
    _, output = run_recipe(recipe(sample), runner="PortableRunner", beam_options=_EMBED)
    assert digests(output) == expected


# Prism may close its streams before Beam's threads stop reading them, when all work is done.
lost_streams = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")


@lost_streams
def test_prism_gives_the_same_bytes(sample: Path, run_recipe: Runner, expected: dict[str, str]) -> None:
    prism = prism_or_skip()
    manifest, output = run_recipe(recipe(sample), runner="prism", beam_options=[f"--prism_location={prism}"])
    assert digests(output) == expected
    assert manifest["runner"] == {"name": "prism"}
    assert not [child for child in psutil.Process().children() if "prism" in child.name()]


@lost_streams
def test_prism_with_worker_processes_gives_the_same_bytes_of_web_pages(corpora: Path, tmp_path: Path) -> None:
    prism = prism_or_skip()
    raw = tmp_path / "raw"
    raw.mkdir()
    for path in sorted((corpora / "web").glob("*.parquet"))[:2]:
        pq.write_table(pq.read_table(path).slice(0, 300), raw / path.name, row_group_size=100)
    data = {
        "input": {"paths": str(raw)},
        "stages": [{"length": {"min_words": 50}}, *STAGES[-2:]],  # a worker process compiles kernels anew: few stages
        "run": {"split_bytes": 200_000},
    }
    manifest, local = run_in(tmp_path, data, "local")
    assert manifest["kept"]["documents"] > 100
    with worker_pool() as pool:
        options = [f"--prism_location={prism}", "--environment_type=EXTERNAL", f"--environment_config={pool}"]
        _, output = run_in(tmp_path, data, "prism", runner="prism", beam_options=options)
    assert digests(output) == digests(local)


def test_embedded_flink_gives_the_same_bytes(sample: Path, run_recipe: Runner, expected: dict[str, str]) -> None:
    jar = job_server_or_skip()
    _, output = run_recipe(recipe(sample), runner="flink", beam_options=[f"--flink_job_server_jar={jar}"])
    assert digests(output) == expected


def test_the_way_to_a_cluster_with_a_stand_in_for_the_job_server(sample: Path, run_recipe: Runner) -> None:
    data = recipe(sample, ["exact_dedup"])  # a worker process compiles kernels anew: one stage
    _, local = run_recipe(data, "local")
    # What Flink does is not shown by this; that options, environment and worker processes arrive as they must is.
    with worker_pool() as pool, job_service() as jobs, rest_service(overview()) as master:
        options = [f"--flink_master={master}", f"--job_endpoint={jobs}", f"--environment_config={pool}"]
        manifest, output = run_recipe(data, runner="FlinkRunner", beam_options=options)
    assert digests(output) == digests(local)
    assert manifest["runner"] == {"name": "flink"}


# --- what Flink's translation asks of a graph


def graph(sample: Path, tmp_path: Path) -> beam_runner_api_pb2.Pipeline:
    data = recipe(sample)
    data["output"]["path"] = str(tmp_path / "out")
    parsed = parse_recipe(load_yaml("recipe.yaml", json.dumps(data)))
    pipeline = beam.Pipeline(runner=FnApiRunner())
    places = Places(parsed.output.path, str(tmp_path / "staging"), str(tmp_path / "plan"))
    build_graph(
        pipeline, parsed, open_corpus(parsed.input.paths), places, ManifestOptions(places.output, "", [], "", 0)
    )
    return pipeline.to_runner_api()


def test_what_is_flattened_has_one_coder(sample: Path, tmp_path: Path) -> None:
    # Flink takes the inputs of a Flatten for data sets of one type.
    components = graph(sample, tmp_path).components
    collections, coders = components.pcollections, components.coders
    flattens = [t for t in components.transforms.values() if t.spec.urn == common_urns.primitives.FLATTEN.urn]
    assert flattens
    for one in flattens:
        ids = [*one.inputs.values(), *one.outputs.values()]
        found = {coders[collections[name].coder_id].SerializeToString(deterministic=True) for name in ids}
        assert len(found) == 1, one.unique_name


def test_what_is_shuffled_is_never_pickled(sample: Path, tmp_path: Path) -> None:
    # Flink groups by the bytes of keys; a pickle of equal values need not be equal.
    components = graph(sample, tmp_path).components
    collections, coders = components.pcollections, components.coders
    groupings = [t for t in components.transforms.values() if t.spec.urn == common_urns.primitives.GROUP_BY_KEY.urn]
    assert len(groupings) > 10
    for one in groupings:
        (name,) = one.inputs.values()
        pair = coders[collections[name].coder_id]
        key = coders[pair.component_coder_ids[0]].spec.urn
        if "CombinePerKey" in one.unique_name or "Reshuffle" in one.unique_name:
            continue  # the only key is Beam's own: None, or a random number
        assert key == common_urns.coders.VARINT.urn, (one.unique_name, key)
        assert coders[pair.component_coder_ids[1]].spec.urn != python_urns.PICKLED_CODER, one.unique_name


# --- one sentence


@contextlib.contextmanager
def rest_service(answer: bytes) -> Iterator[str]:
    """Something that speaks HTTP on loopback and answers every request alike: `host:port`."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"localhost:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def overview(version: str | None = None, slots: int = 2) -> bytes:
    """What a JobManager answers: as Flink 2.2.1 does."""
    version = version or f"{flink.flink_version([])}.1"
    facts = {"taskmanagers": int(slots > 0) * 2, "slots-total": slots, "flink-version": version, "jobs-running": 0}
    return json.dumps(facts).encode()


@pytest.fixture
def fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Run a recipe on a runner that cannot start; gives the message."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("apache_beam.utils.subprocess_server.JavaJarServer.JAR_CACHE", str(tmp_path / "jars"))
    for name in ("JAVA_HOME", "GOBIN", "GOPATH"):
        monkeypatch.delenv(name, raising=False)
    pq.write_table(pa.table({"text": ["some text"]}), "a.parquet")
    Path("recipe.yaml").write_text("input: {paths: a.parquet}\noutput: {path: out}\n")

    def call(runner: str, *options: str) -> str:
        result = CliRunner().invoke(cli, ["run", "recipe.yaml", "--quiet", "--runner", runner, "--", *options])
        assert isinstance(result.exception, RunnerError | RecipeError), result.output + repr(result.exception)
        assert not Path("out/manifest.json").exists()
        message = str(result.exception)
        assert "\n" not in message
        return message

    return call


def program(path: Path, *lines: str) -> str:
    path.write_text("\n".join(["#!/bin/sh", *lines]) + "\n")
    path.chmod(0o755)
    return str(path)


def java(tmp_path: Path, version: str = "17.0.1", *does: str) -> str:
    """A stand-in for Java that tells a version, or else does something."""
    says = f"""[ "$1" = -version ] && {{ echo 'openjdk version "{version}"' >&2; exit 0; }}"""
    return "--job_server_java_launcher=" + program(tmp_path / "java", says, *does)


def jar(path: Path, *names: str) -> str:
    with zipfile.ZipFile(path, "w") as file:
        for name in names or (flink._MAIN_CLASS,):
            file.writestr(name, b"")
    return f"--flink_job_server_jar={path}"


def test_no_java(fails: Callable[..., str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    message = fails("flink")
    assert "needs Java 11" in message and "the PATH" in message
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "jdk"))
    assert "JAVA_HOME" in fails("flink")


def test_a_java_that_is_too_old_or_none(fails: Callable[..., str], tmp_path: Path) -> None:
    assert "is Java 8;" in fails("flink", java(tmp_path, "1.8.0_392"))
    assert "does not tell its version" in fails("flink", java(tmp_path, "unknown"))


def test_no_job_server(fails: Callable[..., str], tmp_path: Path) -> None:
    message = fails("flink", java(tmp_path), "--flink_version=1.20")
    assert "mvn dependency:get" in message and "beam-runners-flink-1.20-job-server" in message
    assert "'no.jar'" in fails("flink", java(tmp_path), "--flink_job_server_jar=no.jar")


def test_a_job_server_is_found_where_maven_puts_it(fails: Callable[..., str], tmp_path: Path) -> None:
    _, place = flink.job_server_places("2.0")
    assert tmp_path in place.parents
    place.parent.mkdir(parents=True)
    jar(place)
    options = flink.flink_options([java(tmp_path), "--flink_version=2.0"], cores=3)
    assert f"--flink_job_server_jar={place}" in options
    assert "--flink_master=[local]" in options and "--parallelism=3" in options


def test_a_wrong_jar(fails: Callable[..., str], tmp_path: Path) -> None:
    message = fails("flink", java(tmp_path), jar(tmp_path / "other.jar", "org/example/Main.class"))
    assert "other.jar" in message and "not Beam's job server" in message
    (tmp_path / "cut.jar").write_bytes(b"PK\x03\x04 and no more")
    assert "is not a jar" in fails("flink", java(tmp_path), f"--flink_job_server_jar={tmp_path / 'cut.jar'}")


def test_a_job_server_that_does_not_start(fails: Callable[..., str], tmp_path: Path) -> None:
    dies = "echo INFO starting; echo 'java.net.BindException: Address already in use'; echo '  at a.b(C)'; exit 1"
    message = fails("flink", java(tmp_path, "17.0.1", dies), jar(tmp_path / "job.jar"))
    assert "did not start (java.net.BindException: Address already in use)" in message


def test_nothing_answers(fails: Callable[..., str], tmp_path: Path) -> None:
    port = free_port()
    known = (java(tmp_path), jar(tmp_path / "job.jar"))
    assert f"localhost:{port}" in fails("flink", *known, f"--flink_master=localhost:{port}")
    assert "--job_endpoint" in fails("flink", f"--job_endpoint=localhost:{port}")
    assert "--job_endpoint" in fails("prism", f"--job_endpoint=localhost:{port}")
    assert "host:port" in fails("flink", *known, "--flink_master=cluster")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(b"<html>", "not the REST service of a Flink", id="another server"),
        pytest.param(overview("1.18.1"), "is Flink 1.18.1", id="another version"),
        pytest.param(overview(slots=0), "start a TaskManager", id="no TaskManager"),
        pytest.param(overview(), "start a worker pool", id="no worker pool"),
    ],
)
def test_a_cluster_that_cannot_run_the_job(
    fails: Callable[..., str], tmp_path: Path, answer: bytes, expected: str
) -> None:
    pool = f"--environment_config=localhost:{free_port()}"
    with rest_service(answer) as master:
        message = fails("flink", java(tmp_path), jar(tmp_path / "job.jar"), f"--flink_master={master}", pool)
    assert expected in message


def test_a_cluster_is_used_with_all_its_slots(tmp_path: Path) -> None:
    known = [java(tmp_path), jar(tmp_path / "job.jar"), "--environment_type=DOCKER"]
    with rest_service(overview(slots=6)) as master:
        options = flink.flink_options([*known, f"--flink_master={master}"], cores=1)
    assert "--parallelism=6" in options and "--sdk_worker_parallelism=3" in options


def test_options_that_flinks_job_server_would_leave_out(fails: Callable[..., str]) -> None:
    with job_service() as jobs:
        assert "did you mean --parallelism?" in fails("flink", f"--job_endpoint={jobs}", "--paralelism=2")


def test_no_prism(fails: Callable[..., str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    message = fails("prism")
    assert "go install" in message and "cmd/prism@v" in message
    assert "'no/prism'" in fails("prism", "--prism_location=no/prism")


def test_a_prism_that_does_not_start(fails: Callable[..., str], tmp_path: Path) -> None:
    broken = program(tmp_path / "prism", "echo 'failed to listen: address already in use'; exit 3")
    assert "Prism did not start (failed to listen" in fails("prism", f"--prism_location={broken}")


def test_an_error_of_ours_comes_back_from_an_engine(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": [f"the text of document {i}" for i in range(50)]}), path)
    data = bytearray(path.read_bytes())
    data[4:200] = b"\xff" * 196
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"a\.parquet.*row group 0") as caught:
        run_in(tmp_path, {"input": {"paths": str(path)}}, runner="PortableRunner", beam_options=_EMBED)
    assert "\n" not in str(caught.value)


def test_what_an_engine_says_of_a_failed_job() -> None:
    java_trace = (
        "Pipeline job-1 failed in state FAILED: a.b.JobException: gone\n\tat x\nCaused by: a.OutOfMemoryError: heap"
    )
    python_trace = (
        "Pipeline job-1 failed in state FAILED: bundle inst1 stage-2 failed:Traceback\n  File x\nValueError: so"
    )
    assert "flink: a.OutOfMemoryError: heap;" in str(job_failed(RuntimeError(java_trace), "flink"))
    assert "prism: ValueError: so;" in str(job_failed(RuntimeError(python_trace), "prism"))
    cloud = type("DataflowRuntimeException", (Exception,), {})
    for said, reason in (("The zone has no room", "dataflow: The zone has no room;"), (None, "no reason was given")):
        ended = cloud(f"Dataflow pipeline failed. State: FAILED, Error:\n{said}")
        assert reason in str(job_failed(ended, "dataflow"))
    assert "no reason" in str(job_failed(RuntimeError("Pipeline job-1 failed in state CANCELLED: "), "prism"))
    assert job_failed(ValueError("Pipeline job-1 failed in state FAILED: x"), "prism") is None
    assert job_failed(RuntimeError("something else"), "prism") is None


def test_names_and_places() -> None:
    assert [runner_name(name) for name in ("flink", "FlinkRunner", "apache_beam.x.PrismRunner")] == [
        "flink", "flink", "prism",
    ]  # fmt: skip
    assert host_and_port("https://flink.example:443", "x") == ("flink.example", 443)
    for wrong in ("flink.example", ":8081", "a:b", "a:0", "a:99999", "http://a:1/x", "::1:80"):
        with pytest.raises(RunnerError, match="host:port"):
            host_and_port(wrong, "--flink_master")


def test_the_benchmark_counts_what_is_shuffled() -> None:
    assert _size((1, b"four")) == 8 + 4
    assert _size((1, (2, b"four"))) == 8 + 8 + 4
