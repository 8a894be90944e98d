"""Other toolkits beside ours: a small script a peer, each run in an environment of its own."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


def run_peer(python: str | Path, script: str | Path, input: Path, output: Path, *arguments: str) -> dict[str, Any]:
    """Run a peer's script with the Python of its environment and give the JSON object it wrote to `output`.

    The script gets the paths of a Parquet file with a column `text` and of the JSON file to write, then `arguments`.
    Raises RuntimeError with the end of what it said if it fails.
    """
    done = subprocess.run(
        [str(python), str(script), str(input), str(output), *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{Path(script).name} failed with {python}: {done.stderr.strip()[-800:]}")
    result: dict[str, Any] = json.loads(output.read_text(encoding="utf-8"))
    return result


def parse_peers(words: list[str], known: tuple[str, ...]) -> dict[str, Path]:
    """`name=/path/to/python` as a mapping. Raises ValueError for an unknown name or a path without a file."""
    peers = {}
    for word in words:
        name, equals, path = word.partition("=")
        if name not in known or not equals:
            raise ValueError(f"{word!r} is not name=/path/to/python with a name of {', '.join(known)}")
        if not Path(path).is_file():
            raise ValueError(f"{path} is not a Python; make an environment with the peer and pyarrow in it")
        peers[name] = Path(path)
    return peers
