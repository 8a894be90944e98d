"""Object stores on this machine: an emulator in a process of its own, and a proxy before it that misbehaves on demand.

The emulators are not among the project's dependencies; tests take those that are on the PATH (`moto_server` of
moto[server], `gcp-storage-emulator`), and are skipped without.
"""

from __future__ import annotations

import http.client
import http.server
import shutil
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Faults:
    """What the proxy does to requests, by their number: every n-th, 0 for never. seconds: it waits before each.

    throttle: answers 503 without asking the store. tear: hangs up in the middle of an upload's body.
    """

    throttle: int = 0
    tear: int = 0
    seconds: float = 0.0
    done: Counter[str] = field(default_factory=Counter)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def emulator(*command: str) -> Iterator[int]:
    """A server that takes its port as last argument; gives the port once it answers."""
    port = free_port()
    process = subprocess.Popen([*command, str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.1)
        yield port
    finally:
        process.kill()
        process.wait()


@contextmanager
def proxy(upstream: int, faults: Faults) -> Iterator[int]:
    """Pass requests on to a port of this machine, but for what `faults` asks for; gives the proxy's port."""
    lock = threading.Lock()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def answer(self) -> None:
            with lock:
                faults.done["requests"] += 1
                number = faults.done["requests"]
                upload = self.command == "PUT"
                faults.done["uploads"] += upload
                tear = upload and faults.tear and faults.done["uploads"] % faults.tear == 0
            time.sleep(faults.seconds)
            length = int(self.headers.get("Content-Length") or 0)
            if tear:
                self.rfile.read(length // 2)
                faults.done["torn"] += 1
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            body = self.chunks() if "Transfer-Encoding" in self.headers else self.rfile.read(length)
            if faults.throttle and number % faults.throttle == 0:
                faults.done["throttled"] += 1
                self.reply(503, {}, b"<Error><Code>SlowDown</Code><Message>slow down</Message></Error>")
                return
            connection = http.client.HTTPConnection("127.0.0.1", upstream)
            own = ("expect", "transfer-encoding", "content-length")
            headers = {name: value for name, value in self.headers.items() if name.lower() not in own}
            connection.connect()
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
            connection.request(self.command, self.path, body, {**headers, "Content-Length": str(len(body))})
            response = connection.getresponse()
            content = response.read()
            self.reply(response.status, dict(response.getheaders()), content)
            connection.close()

        def handle_expect_100(self) -> bool:
            super().handle_expect_100()
            self.wfile.flush()
            return True

        def chunks(self) -> bytes:
            parts = []
            while size := int(self.rfile.readline().partition(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            return b"".join(parts)

        def reply(self, status: int, headers: dict[str, str], content: bytes) -> None:
            self.send_response(status)
            size = {
                "Content-Length": headers.get("Content-Length", "0") if self.command == "HEAD" else str(len(content))
            }
            own = ("content-length", "transfer-encoding", "connection", "date", "server")
            for name, value in {**{k: v for k, v in headers.items() if k.lower() not in own}, **size}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)
            self.wfile.flush()

        def log_message(self, *args: object) -> None:
            pass

    for method in ("GET", "PUT", "POST", "HEAD", "DELETE"):
        setattr(Handler, f"do_{method}", Handler.answer)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()


def find_moto() -> str | None:
    """Emulator of S3."""
    return shutil.which("moto_server")
