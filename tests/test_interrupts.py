"""Ctrl-C ends the process, its workers, and what they had put into the folder for temporary files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_INTERRUPTED = """
import subprocess, sys, tempfile
from pathlib import Path
from filters.remote_files import _folder
from pipeline.cli.interrupts import _leave

Path(_folder(), "model.bin").write_bytes(b"a copy")
worker = "from filters.remote_files import _folder; print(_folder(), flush=True); input()"
child = subprocess.Popen([sys.executable, "-c", worker], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
assert Path(child.stdout.readline().decode().strip()).is_dir()
_leave(2, None)
"""


def test_no_temporary_folder_of_the_run_is_left(tmp_path: Path) -> None:
    of_others = tmp_path / "beamsift-files-1-other"
    of_others.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", _INTERRUPTED], env={**os.environ, "TMPDIR": str(tmp_path)}, capture_output=True
    )
    assert done.returncode == 130, done.stderr
    assert b"Interrupted." in done.stderr
    assert list(tmp_path.iterdir()) == [of_others]
