"""Worker processes of the local runner that end before their work is done: one sentence instead of tracebacks."""

from __future__ import annotations

import contextlib
import logging
import re
import threading
from collections.abc import Iterator, Sequence

from filters.errors import RunnerError

_WORKER_END = re.compile(r"Worker subprocess exited with return code (-?\d+)")


@contextlib.contextmanager
def workers_watched() -> Iterator[list[str]]:
    """Gives a list of what ended Beam's threads, which Python would print with tracebacks.

    A worker process that dies ends the thread that waits for it, and with it the calls that are under way.
    """
    ends: list[str] = []
    before = threading.excepthook

    def take(args: threading.ExceptHookArgs) -> None:
        ends.append(str(args.exc_value))
        if logging.getLogger().isEnabledFor(logging.WARNING):  # `beamsift --debug`
            before(args)

    threading.excepthook = take
    try:
        yield ends
    finally:
        threading.excepthook = before


def worker_lost(error: BaseException, ends: Sequence[str]) -> RunnerError | None:
    """What to say if a run failed because a worker process ended, else None. ends: of `workers_watched`.

    >>> print(worker_lost(RuntimeError("x"), ["Worker subprocess exited with return code -9"]))
    a worker process was killed by signal 9 (9 may be the system, for want of memory) before its work was done; if \
memory is short give fewer --workers or a smaller run.split_bytes, and --resume to go on
    """
    found = _WORKER_END.search(" ".join([str(error), *ends]))
    if found is None and "Channel closed prematurely" not in str(error):
        return None
    how = "ended"
    if found is not None and found[1].startswith("-"):
        how = f"was killed by signal {found[1][1:]} (9 may be the system, for want of memory)"
    return RunnerError(
        f"a worker process {how} before its work was done; if memory is short give fewer --workers or a smaller "
        "run.split_bytes, and --resume to go on"
    )
