"""S3 through an emulator and a proxy that is slow, throttles and tears uploads: same bytes as on a local disk."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import digests, run_in
from tests.object_stores import Faults, emulator, find_moto, proxy

STAGES = [{"length": {"min_words": 8}}, "exact_dedup", {"minhash_dedup": {"threshold": 0.7}}]

STORE = """
import hashlib, json, os, sys
from pyarrow import fs
from transforms.files import open_filesystem
from transforms.atomic import atomic_writer
action, *rest = sys.argv[1:]
if action == "put":
    source, target = rest
    with open(source, "rb") as file, atomic_writer(target) as sink:
        sink.write(file.read())
elif action == "bucket":
    endpoint = os.environ["AWS_ENDPOINT_URL"]
    fs.S3FileSystem(endpoint_override=endpoint, allow_bucket_creation=True).create_dir(rest[0])
else:
    filesystem, path = open_filesystem(rest[0])
    found = filesystem.get_file_info(fs.FileSelector(path, recursive=True))
    names = {i.path.removeprefix(path + "/"): i.path for i in found if i.type == fs.FileType.File}
    print(json.dumps({n: hashlib.sha256(filesystem.open_input_file(p).read()).hexdigest() for n, p in names.items()}))
"""
"""Work on the store in a process that has its address from the start, as Arrow reads it once."""


@pytest.fixture(scope="module")
def store() -> Iterator[int]:
    command = find_moto()
    if command is None:
        pytest.skip("moto_server is not on the PATH (pip install 'moto[server]')")
    with emulator(command, "-p") as port:
        python(environment(port), "bucket", "corpus")
        tried = subprocess.run([sys.executable, "-c", PROBE], env=environment(port), capture_output=True, text=True)
        if tried.returncode:
            last = tried.stderr.strip().splitlines()[-1]
            pytest.skip(f"Arrow alone cannot write to this moto_server (5.2.5 is known to do): {last}")
        yield port


PROBE = """
import os
from pyarrow import fs
store = fs.S3FileSystem(endpoint_override=os.environ["AWS_ENDPOINT_URL"])
with store.open_output_stream("corpus/probe") as file:
    file.write(b"one part")
"""
"""Versions of moto before 5.2.5 were seen to complete no upload of several parts, which is how Arrow writes."""


def environment(port: int) -> dict[str, str]:
    own = {"AWS_ACCESS_KEY_ID": "AKIATESTTESTTEST", "AWS_SECRET_ACCESS_KEY": "sEcReTvAlUe", "AWS_REGION": "us-east-1"}
    return {**os.environ, **own, "AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}


def python(variables: dict[str, str], *arguments: str) -> str:
    done = subprocess.run([sys.executable, "-c", STORE, *arguments], env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.parametrize(
    "faults",
    [Faults(), Faults(seconds=0.02), Faults(throttle=7), Faults(tear=5)],
    ids=["calm", "slow", "throttled", "torn uploads"],
)
def test_a_run_on_s3(store: int, sample: Path, tmp_path: Path, faults: Faults) -> None:
    recipe: dict[str, Any] = {
        "input": {"paths": str(sample / "raw")},
        "stages": STAGES,
        "output": {"shard_bytes": 400_000},
    }
    local = digests(run_in(tmp_path, recipe)[1])
    name = f"s3://corpus/{tmp_path.name}"
    for path in (sample / "raw").iterdir():
        python(environment(store), "put", str(path), f"{name}/raw/{path.name}")
    written = {**recipe, "input": {"paths": f"{name}/raw"}, "output": {**recipe["output"], "path": f"{name}/out"}}
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(written))
    command = [sys.executable, "-m", "pipeline.cli.main", "run", str(tmp_path / "recipe.yaml"), "--quiet", "--json"]
    with proxy(store, faults) as port:
        done = subprocess.run(command, env=environment(port), capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr[-2000:]
    assert not faults.throttle or faults.done["throttled"] > 3
    assert not faults.tear or faults.done["torn"] > 3
    found = json.loads(python(environment(store), "sums", f"{name}/out"))
    # Names of source files are in edits and rejects, and differ; the documents do not.
    assert {k: v for k, v in found.items() if k.startswith("shards/")} == {
        k: v for k, v in local.items() if k.startswith("shards/")
    }
    assert set(found) - {"manifest.json"} == set(local)
    manifest = json.loads(done.stdout)
    assert "sEcReTvAlUe" not in done.stdout + done.stderr and "AKIATEST" not in done.stdout + done.stderr
    for file in (file for files in manifest["files"].values() for file in files):
        assert found[file["path"]] == file["sha256"]
