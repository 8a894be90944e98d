"""Benchmark `runners`: one recipe on every engine that is here: start-up, throughput, memory, bytes shuffled."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.corpus import ROOT, text_bytes
from benchmarks.job import RECIPES, write_head
from benchmarks.process_tree import Usage, watch
from benchmarks.report import Result
from filters.errors import RunnerError
from pipeline.flink import find_java, find_job_server
from pipeline.prism import find_prism
from pipeline.run import run

RECIPE = "web"
_POOL = "{pool}"
_EMBED = ("--job_endpoint=embed", "--environment_type=LOOPBACK")


def engines() -> tuple[dict[str, list[str]], list[str]]:
    """Arguments of `beamsift run` by name of the engine, and a sentence for each engine that is not here."""
    found = {
        "local": ["--runner", "local", "--workers", "1"],
        "Beam's job service, in one process": ["--runner", "PortableRunner", "--", *_EMBED],
    }
    missing = []
    try:
        prism = f"--prism_location={find_prism([])}"
        found["prism"] = ["--runner", "prism", "--", prism]
        found["prism, a worker process"] = [
            "--runner", "prism", "--", prism, "--environment_type=EXTERNAL", f"--environment_config={_POOL}",
        ]  # fmt: skip
    except RunnerError as error:
        missing.append(f"Prism is not measured: {error}.")
    try:
        find_java([]), find_job_server([])
        found["flink, embedded"] = ["--runner", "flink"]
    except RunnerError as error:
        missing.append(f"Flink is not measured: {error}.")
    return found, missing


def measure(files: Sequence[Path], folder: Path) -> Result:
    """Every engine once over the corpus and once over its head. Raises RuntimeError if one gives another result."""
    documents, size = text_bytes(files)
    head = [write_head(files[0], folder / "head.parquet")]
    found, missing = engines()
    rows, data, kept = [], [], set()
    for name, arguments in found.items():
        start, _ = _run(arguments, head, folder / "clean")
        usage, manifest = _run(arguments, files, folder / "clean")
        kept.add(json.dumps([manifest["kept"], [file["sha256"] for file in manifest["files"]["shards"]]]))
        if len(kept) != 1:
            raise RuntimeError(f"{name} gave another result than the engines before it")
        rate = size / 1e6 / max(usage.seconds - start.seconds, 0.1)
        largest = ", ".join(f"{program} {mib:,.0f}" for program, mib in sorted(usage.largest.items()))
        rows.append((name, f"{start.seconds:,.1f}", f"{usage.seconds:,.1f}", f"{rate:,.1f}", largest))
        data.append({"name": name, "start_up": start.seconds, "seconds": usage.seconds, "largest": usage.largest})
    shuffled = shuffle_bytes(files, folder / "shuffled")
    each = {stage: total / documents for stage, total in shuffled.items()}
    rounded = ", ".join(f"{stage} {each[stage]:,.1f}" for stage in each)
    return Result(
        "runners",
        f"The recipe `{RECIPE}` on other engines",
        ("", "start-up s", "seconds", "MB/s after start-up", "largest process of each program, MiB"),
        tuple(rows),
        (
            f"{len(files)} files, {documents:,} documents, {size / 1e6:,.1f} MB of text, one run each; the shards have "
            "the same bytes. Start-up: what 100 documents take.",
            f"Bytes through the runner's shuffle for each document read: {sum(each.values()):,.1f} ({rounded}).",
            *missing,
        ),
        {"documents": documents, "mb": size / 1e6, "runs": data, "shuffled": shuffled},
    )


def _run(arguments: list[str], files: Sequence[Path], folder: Path) -> tuple[Usage, dict[str, Any]]:
    inputs = [word for path in files for word in ("--input", str(path.resolve()))]
    given = ["run", str(RECIPES[RECIPE]), *inputs, "--output", str(folder), "--quiet", "--json", *arguments]
    try:
        usage = watch([sys.executable, "-m", "benchmarks.runners", "run", shlex.join(given)], ROOT)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return usage, json.loads(usage.output)


def shuffle_bytes(
    files: Sequence[Path], folder: Path, depth: int = 1, split_bytes: int | None = None
) -> dict[str, int]:
    """Bytes of keys and values that GroupByKeys take in, by stage, in a process of its own.

    depth: parts of a step's name to count by, 1 for stages. split_bytes: instead of the recipe's.
    """
    words = [str(folder), str(depth), str(split_bytes or ""), *(str(path.resolve()) for path in files)]
    try:
        usage = watch([sys.executable, "-m", "benchmarks.runners", "shuffle", shlex.join(words)], ROOT)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    found: dict[str, int] = json.loads(usage.output)
    if not found:
        raise RuntimeError("no GroupByKey was seen: the bytes that are shuffled were not counted")
    return found


def _count_shuffled(folder: str, depth: str, split_bytes: str, *paths: str) -> dict[str, int]:
    import apache_beam as beam

    from pipeline.recipe import load_recipe
    from transforms.progress import Progress, ProgressReader

    counts = Path(folder) / "counts"
    counts.mkdir(parents=True)
    apply, numbers = beam.pvalue.PCollection.__or__, itertools.count()

    def applied(self: Any, transform: Any) -> Any:
        # Not within GroupByKey: an engine groups by itself, and leaves out what Beam says of how.
        if isinstance(getattr(transform, "transform", transform), beam.GroupByKey):
            progress = Progress(str(counts), "/".join(self.producer.full_label.split("/")[: int(depth)]))

            def count(pair: Any) -> Any:
                progress.add(1, _size(pair))
                return pair

            self = apply(self, f"Count {next(numbers)}" >> beam.Map(count).with_output_types(self.element_type))
        return apply(self, transform)

    beam.pvalue.PCollection.__or__ = applied
    recipe = load_recipe(RECIPES[RECIPE], input_paths=paths, output_path=f"{folder}/clean")
    if split_bytes:
        recipe = replace(recipe, run=recipe.run.model_copy(update={"split_bytes": int(split_bytes)}))
    run(recipe, runner="PortableRunner", beam_options=_EMBED)
    return {stage: size for stage, (_, size, _) in ProgressReader(counts).look().items()}


def _size(value: Any) -> int:
    """Bytes of an element as coders write it, within a byte or two for each number."""
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, tuple):
        return sum(_size(part) for part in value)
    if hasattr(value, "encode") and not isinstance(value, str):
        return len(value.encode())
    return _size(value.value) if hasattr(value, "value") else 8


@contextlib.contextmanager
def _worker_pool() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # The pool starts workers as `python`, whichever comes first on the PATH.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    command = [sys.executable, "-m", "apache_beam.runners.worker.worker_pool_main", f"--service_port={port}"]
    pool = subprocess.Popen(
        command, env={**os.environ, "PATH": path}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            time.sleep(0.1)
        yield f"localhost:{port}"
    finally:
        pool.terminate()
        pool.wait()


def _main(what: str, words: list[str]) -> None:
    if what == "shuffle":
        print(json.dumps(_count_shuffled(*words)))
        return
    from pipeline.cli.main import main

    with contextlib.ExitStack() as stack:
        if any(_POOL in word for word in words):
            pool = stack.enter_context(_worker_pool())
            words = [word.replace(_POOL, pool) for word in words]
        sys.argv[1:] = words
        main()


if __name__ == "__main__":
    _main(sys.argv[1], shlex.split(sys.argv[2]))
