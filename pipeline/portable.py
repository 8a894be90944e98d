"""What engines beyond this process have in common: options looked up, ports tried, failures said in one sentence."""

from __future__ import annotations

import collections
import contextlib
import logging
import re
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

from filters.errors import BeamsiftError, RunnerError

PATIENCE_SECONDS = 5.0
"""How long a server may take to answer before it is said to be absent."""

_LAST_LINES = 200
_AFTERMATH_SECONDS = 0.5  # grpc's watching thread looks every 0.2 s


def given(options: Sequence[str], name: str) -> str | None:
    """The value of an option for Beam, the last if there are several; "" for a bare flag, None if it is not given.

    >>> given(["--parallelism=2", "--flink_master", "localhost:8081"], "flink_master")
    'localhost:8081'
    """
    value = None
    for i, option in enumerate(options):
        key, equals, text = option.partition("=")
        if option.startswith("--") and key[2:] == name:
            following = options[i + 1] if i + 1 < len(options) else ""
            value = text if equals else "" if following.startswith("--") else following
    return value


def with_defaults(options: Sequence[str], defaults: dict[str, str]) -> list[str]:
    """Options for Beam, with those of `defaults` that are not given.

    >>> with_defaults(["--parallelism=8"], {"parallelism": "2", "flink_master": "[local]"})
    ['--parallelism=8', '--flink_master=[local]']
    """
    missing = [f"--{name}={value}" for name, value in defaults.items() if given(options, name) is None]
    return [*options, *missing]


def host_and_port(endpoint: str, what: str) -> tuple[str, int]:
    """("localhost", 8081) of "localhost:8081" or "http://localhost:8081". Raises RunnerError naming `what`.

    >>> host_and_port("http://[::1]:8081/", "--flink_master")
    ('::1', 8081)
    """
    found = re.fullmatch(r"(?:https?://)?(?:\[([^\]]+)\]|([^:/\[\]]+)):(\d{1,5})/?", endpoint.strip())
    if found is None or not 0 < int(found[3]) < 1 << 16:
        raise RunnerError(f"{what} must be host:port, as in localhost:8081, got {endpoint!r}")
    return found[1] or found[2], int(found[3])


def check_reachable(endpoint: str, what: str, todo: str) -> None:
    """Raises RunnerError unless something accepts connections there. what: names it; todo: ends the sentence."""
    host, port = host_and_port(endpoint, what)
    try:
        socket.create_connection((host, port), PATIENCE_SECONDS).close()
    except OSError as error:
        reason = error.strerror or str(error) or type(error).__name__
        raise RunnerError(f"nothing answers at {host}:{port} ({reason}), which {what} names; {todo}") from error


def check_job_endpoint(options: Sequence[str]) -> None:
    """Raises RunnerError if a job server is named that does not answer; Beam would wait for it five minutes."""
    endpoint = given(options, "job_endpoint")
    if endpoint is not None and endpoint != "embed":  # Beam's word for one inside this process
        check_reachable(endpoint, "--job_endpoint", "start the engine's job server there")


class Stopping:
    """For a Beam runner, before its class: the job server that it starts ends with the run, not with this process."""

    _server: Any = None

    def default_job_server(self, options: Any) -> Any:
        """The job server that Beam would start, remembered."""
        self._server = super().default_job_server(options)  # type: ignore[misc]
        return self._server

    def stop(self) -> None:
        """End the job server if there is one."""
        server, self._server = self._server, None
        if server is not None:
            server.stop()


class _LastLines(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self.lines: collections.deque[str] = collections.deque(maxlen=_LAST_LINES)

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@contextlib.contextmanager
def starting(server: str, logger_name: str, todo: str) -> Iterator[None]:
    """While a job server starts: if it does not, RunnerError with what it said.

    logger_name: where Beam logs the server's output.
    """
    logger, kept = logging.getLogger(logger_name), _LastLines()
    level, propagate = logger.level, logger.propagate
    logger.addHandler(kept)
    logger.setLevel(logging.INFO)
    logger.propagate = logging.getLogger().isEnabledFor(logging.WARNING)  # `beamsift --debug` shows it all
    hook = threading.excepthook
    threading.excepthook = lambda failed: None if _of_grpc(failed) else hook(failed)
    try:
        yield
    except BeamsiftError:
        raise
    except Exception as error:
        time.sleep(_AFTERMATH_SECONDS)
        raise RunnerError(f"{server} did not start ({_telling(kept.lines) or error}); {todo}") from error
    finally:
        threading.excepthook = hook
        logger.removeHandler(kept)
        logger.setLevel(level)
        logger.propagate = propagate


def _of_grpc(failed: threading.ExceptHookArgs) -> bool:
    """A thread that watches the connection to a server finds it closed, and would print a traceback."""
    return failed.exc_type is ValueError and "Channel closed" in str(failed.exc_value)


_TELLS = re.compile(r"error|exception|fail|refused|cannot|could not|denied|in use", re.IGNORECASE)


def _telling(lines: Sequence[str]) -> str | None:
    """Of what a program said, the line that most likely tells why it ended: the first that speaks of a failure."""
    said = [line.strip() for line in lines if line.strip()]
    telling = next((line for line in said if _TELLS.search(line)), said[-1] if said else None)
    return telling[:300] if telling else None


_JOB_FAILED = re.compile(
    r"(?:Pipeline \S+ failed in state \w+|bundle \S+ \S+ failed|Dataflow pipeline failed\. State: \w+, Error): ?(.*)",
    re.DOTALL,
)
_CAUSE = re.compile(r"^\s*(?:Caused by: )?((?:\w+\.)*\w*(?:Error|Exception)\b.*)$", re.MULTILINE)


def job_failed(error: BaseException, runner: str) -> RunnerError | None:
    """What an engine said when it gave a job up, as one sentence with the innermost cause; None for other errors."""
    import grpc  # type: ignore[import-untyped]

    if isinstance(error, grpc.RpcError):
        code = getattr(error, "code", lambda: None)()
        return RunnerError(f"the connection to {runner} broke ({getattr(code, 'name', type(error).__name__)}); {_MORE}")
    ended = isinstance(error, RuntimeError) or type(error).__name__ == "DataflowRuntimeException"
    found = _JOB_FAILED.search(str(error)) if ended else None
    if found is None:
        return None
    causes = _CAUSE.findall(found[1])
    cause = (
        re.sub(r" \[while running '[^\n]*", "", causes[-1])
        if causes
        else found[1].strip().removeprefix("None").partition("\n")[0]
    )
    return RunnerError(f"the job failed on {runner}: {cause[:300] or 'no reason was given'}; {_MORE}")


_MORE = "--debug shows all that is known"
