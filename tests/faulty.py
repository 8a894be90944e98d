"""Processes that die at a chosen moment: `kill -9` of a run, just before its n-th file of some place gets its name.

python -m tests.faulty --points 10      # at ten moments by chance, each followed by --resume and compared
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

RECIPE = """
input: {{paths: {folder}/raw}}
stages: [{{length: {{min_words: 8}}}}, {{language: {{min_score: 0.4}}}}, exact_dedup, minhash_dedup]
output: {{path: {folder}/out, shard_bytes: 400000}}
run: {{split_bytes: 100000}}
"""

KILLED = -signal.SIGKILL


def kill_when_named(recipe: Path, place: str, nth: int) -> int:
    """Go on with a recipe in a process of its own that kills itself; gives how it ended: KILLED, if it came that far.

    place: part of the path of the files that are counted, in the order in which they are finished.
    """
    code = f"import tests.faulty; tests.faulty.run_to_death({str(recipe)!r}, {place!r}, {nth})"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode


def run_to_death(recipe: str, place: str, nth: int) -> None:
    """In the process that is to die."""
    from pipeline.recipe import load_recipe
    from pipeline.run import run
    from transforms import atomic

    rename, named = atomic._rename, []

    def counted(filesystem: object, source: str, target: str) -> None:
        named.extend([target] if place in target else [])
        if len(named) == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        rename(filesystem, source, target)

    atomic._rename = counted
    run(load_recipe(recipe), resume=True)


def kill_at_points(points: int, seed: int, folder: Path) -> int:
    """Kill a run of the sample at moments by chance, go on, compare; gives how many results were other ones."""
    from pipeline.recipe import load_recipe
    from pipeline.run import run
    from pipeline.sample_corpus import write_sample_corpus
    from pipeline.verify import verify
    from tests.conftest import digests
    from transforms import atomic

    write_sample_corpus(folder, seed=3, documents=600)
    recipe, output = folder / "recipe.yaml", folder / "out"
    recipe.write_text(RECIPE.format(folder=folder))
    named, rename = [], atomic._rename
    atomic._rename = lambda *paths: (named.append(paths[-1]), rename(*paths))[-1]
    run(load_recipe(recipe))
    atomic._rename = rename
    undisturbed, wrong = digests(output), 0
    for nth in sorted(random.Random(seed).sample(range(1, len(named) + 1), points)):
        shutil.rmtree(output)
        ended = kill_when_named(recipe, "", nth)
        lied = (output / "manifest.json").exists()
        manifest = run(load_recipe(recipe), resume=True, overwrite=lied)
        same = ended == KILLED and not lied and digests(output) == undisturbed and verify(str(output)).whole
        wrong += not same
        place = Path(named[nth - 1]).relative_to(output)
        taken = manifest["taken_over"]["documents"]
        print(f"killed before file {nth} of {len(named)}, {place}: {taken} documents taken over, "
              f"{'same bytes' if same else 'WRONG'}", flush=True)  # fmt: skip
    return wrong


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.faulty", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--points", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(kill_at_points(given.points, given.seed, Path(folder)))


if __name__ == "__main__":
    main()
