"""`python -m benchmarks.resume`: what a kill -9 at half of the row-wise work costs, with --resume and without it.

Also what staging, records and checksums cost a run that nothing happens to, by how long the same run takes in which
nothing is recorded.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import report
from benchmarks.corpus import ROOT, find_files
from transforms.corpus import cut_splits, open_corpus

RUN = [sys.executable, "-m", "pipeline.cli.main", "run", str(ROOT / "configs" / "web.yaml"), "--quiet"]
UNRECORDED = (
    "import transforms.apply as a; a.record_piece = lambda *_: None; from pipeline.cli.main import main; main()"
)


def cost(command: list[str]) -> tuple[float, float]:
    """(seconds, processor seconds of it and its workers) of a command that is run to its end."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.perf_counter() - began, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def kill_at_half(command: list[str], output: Path, pieces: int) -> float:
    """Kill the run when half of its pieces are staged; gives the time it had."""
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while len(list(output.glob("staging/00-*/*.done"))) * 2 < pieces:
        if process.poll() is not None:
            raise RuntimeError("the run ended before half of it was staged")
        time.sleep(0.02)
    process.kill()
    process.wait()
    return time.perf_counter() - began


def _shown(taken: tuple[float, float]) -> str:
    return f"{taken[0]:.1f} s ({taken[1]:.1f} s of processor)"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.resume", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--corpus", required=True, metavar="GLOB", help="Parquet files with a column `text`")
    parser.add_argument("--repeats", type=int, default=1)
    given = parser.parse_args()
    files = [str(path.resolve()) for path in find_files(given.corpus)]
    pieces = sum(1 for _ in cut_splits(open_corpus(files), 64 << 20, ""))
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "out")
        command = [
            *RUN,
            *(word for file in files for word in ("--input", file)),
            "--output",
            str(output),
            "--workers",
            "1",
        ]
        for _ in range(given.repeats):
            whole = cost(command)
            shutil.rmtree(output)
            plain = cost([sys.executable, "-c", UNRECORDED, *command[3:]])
            shutil.rmtree(output)
            kill_at_half(command, output, pieces)
            resumed = cost([*command, "--resume"])
            shutil.rmtree(output)
            print(
                f"whole run {_shown(whole)}, without records {_shown(plain)}; killed at half of {pieces} pieces, "
                f"--resume took {_shown(resumed)}: {100 * (1 - resumed[1] / whole[1]):.0f} % less work than anew"
            )
    print(report.machine_line(report.machine(), f"python -m benchmarks.resume --corpus {given.corpus}"))


if __name__ == "__main__":
    main()
