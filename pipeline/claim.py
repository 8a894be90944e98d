"""Whose an output folder is: what may be removed from it, and that no two runs work in it at once."""

from __future__ import annotations

import json
import socket
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import psutil

from filters.errors import InputError, OutputError
from transforms.files import exists, first_inside, join, read_bytes, remove_file, remove_tree, write_bytes_atomic
from transforms.layout import MANIFEST, OWN_FOLDERS, STAGING, UNFINISHED, marker_of

_CLOCK_SECONDS = 2.0
"""Two processes of one number that began this much apart are two."""


def check_output(output: str, inputs: Sequence[str], *, overwrite: bool = False) -> None:
    """Refuse an output folder that a run may not write to. Looks only.

    Raises InputError if an input file lies in the folder, or in what a run would remove from it, by whatever links or
    spellings; OutputError if the folder holds a result (unless `overwrite`), something that beamsift did not write
    under a name that it uses, or a run that is under way.
    """
    inside = first_inside(inputs, [output, *(join(output, name) for name in OWN_FOLDERS)])
    if inside is not None:
        raise InputError(
            f"the input holds {inside}, which lies in the output folder {output}; "
            "write to another folder, or name the input more closely"
        )
    finished = exists(join(output, MANIFEST))
    if finished:
        _check_manifest(output)
    marker = marker_of(output)
    if marker is not None:
        _check_marker(output, marker, overwrite)
    if finished and not overwrite:
        raise OutputError(f"{output} already holds a result; give another --output, or --overwrite to replace it")
    taken = [name for name in OWN_FOLDERS if exists(join(output, name))]
    if taken and not finished and marker is None:
        raise OutputError(f"{output}/{taken[0]} exists and was not written by beamsift; give another --output")


def _check_manifest(output: str) -> None:
    uri = join(output, MANIFEST)
    try:
        manifest = json.loads(read_bytes(uri))
        ours = "format_version" in manifest and "beamsift" in manifest["versions"]
    except (ValueError, KeyError, TypeError):
        ours = False
    if not ours:
        raise OutputError(f"{uri} exists and was not written by beamsift; give another --output")


def _check_marker(output: str, marker: dict[str, Any], overwrite: bool) -> None:
    """Go on where an interrupted run stopped; a run that may be alive is left alone."""
    if not marker.get("pid"):
        return
    if marker.get("handed_over"):
        if not overwrite:
            raise OutputError(
                f"a run in {output} was handed over to a cluster ({marker.get('started')}) and has not finished; "
                "wait for its manifest.json, or, if its job is no more, give --overwrite to start over"
            )
        return
    if marker.get("host") == socket.gethostname():
        if _is_alive(marker["pid"], marker.get("process_started")):
            raise OutputError(
                f"a run is under way in {output} (process {marker['pid']}, since {marker.get('started')}); "
                "wait for its end, or give another --output"
            )
    elif not overwrite:
        raise OutputError(
            f"a run in {output} was begun on {marker.get('host')} (process {marker['pid']}, {marker.get('started')}) "
            "and has not finished; if it is no longer alive, give --overwrite to start over, with --resume to go on"
        )


def _is_alive(pid: int, process_started: float | None) -> bool:
    try:
        began = psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return False
    return process_started is None or abs(began - process_started) < _CLOCK_SECONDS


@dataclass
class Claim:
    """Of an output folder. marker: what lies in it. handed_over: the run goes on without this process."""

    output: str
    marker: dict[str, Any]
    handed_over: bool = False

    @property
    def run(self) -> str:
        """Id of the run, which the marker carries."""
        return str(self.marker["run"])

    def hand_over(self) -> None:
        """Say in the folder that the run does not end with this process. The run removes the marker at its end."""
        self.handed_over = True
        _write_marker(self.output, {**self.marker, "handed_over": True})


@contextmanager
def claimed(
    output: str, inputs: Sequence[str], *, overwrite: bool, started: str, resume: bool = False
) -> Iterator[Claim]:
    """Hold the output folder for one run.

    What an earlier run left is removed, but for intermediate files where `resume` asks to go on with them. After an
    error the marker stays and says that no process holds the folder; where the run was handed over it stays as it is,
    for the run to remove.
    Raises as `check_output`.
    """
    check_output(output, inputs, overwrite=overwrite)
    process = psutil.Process()
    marker = {
        "run": uuid.uuid4().hex,
        "pid": process.pid,
        "process_started": process.create_time(),
        "host": socket.gethostname(),
        "started": started,
    }
    # From here until the new manifest is written, nothing in the folder looks like a result.
    _write_marker(output, marker)
    try:
        remove_file(join(output, MANIFEST))
        for name in OWN_FOLDERS:
            if name != STAGING or not resume:
                remove_tree(join(output, name))
        if not _is_held(output, marker):
            raise OutputError(
                f"another run has begun in {output} at the same moment; give one of them another --output"
            )
        claim = Claim(output, marker)
        yield claim
    except BaseException:
        with suppress(Exception):
            if _is_held(output, marker):
                _write_marker(output, {**marker, "pid": None})
        raise
    if not claim.handed_over and _is_held(output, marker):
        remove_file(join(output, UNFINISHED))


def _is_held(output: str, marker: dict[str, Any]) -> bool:
    return (marker_of(output) or {}).get("run") == marker["run"]


def _write_marker(output: str, marker: dict[str, Any]) -> None:
    write_bytes_atomic(join(output, UNFINISHED), json.dumps(marker).encode() + b"\n")
