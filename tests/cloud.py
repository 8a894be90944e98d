"""Stand-ins on loopback for services of Google Cloud, as far as beamsift and Beam use them.

Storage, Dataflow, and the metadata server, which gives a token to whoever runs on a machine of Google's. They run in a
process of their own (some calls of pyarrow hold the interpreter while they wait) and keep everything in a folder.
"""

from __future__ import annotations

import base64
import hashlib
import http.server
import json
import os
import re
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Answer = tuple[int, dict[str, str], bytes]
"""Status, headers, body."""


@dataclass
class Cloud:
    """What the services hold, seen from either side. folder: of files. url: of all services.

    Objects are files by bucket and name; a request to create a job is a file, and so is the state of a job, which
    whoever plays the workers may write.
    """

    folder: Path
    url: str = ""

    def make_bucket(self, name: str) -> None:
        (self.folder / "objects" / name).mkdir(parents=True)

    def path(self, bucket: str, name: str) -> Path:
        """File of an object."""
        return self.folder / "objects" / bucket / urllib.parse.quote(name, safe="")

    def content(self, uri: str) -> bytes:
        """Content of the object at a gs:// URI."""
        bucket, _, name = uri.removeprefix("gs://").partition("/")
        return self.path(bucket, name).read_bytes()

    def names(self, bucket: str, prefix: str = "") -> list[str]:
        """Names of a bucket's objects, in order."""
        names = (urllib.parse.unquote(name) for name in os.listdir(self.folder / "objects" / bucket))
        return sorted(name for name in names if name.startswith(prefix))

    def jobs(self) -> list[dict[str, Any]]:
        """Requests to create a job, in order."""
        found = sorted(self.folder.glob("job-*.json"))
        return [json.loads(path.read_bytes()) for path in found]

    def answer_jobs(self, **answer: Any) -> None:
        """refuse: (status, message) for requests to create a job. state: of new jobs. message: of their errors."""
        (self.folder / "answer.json").write_text(json.dumps(answer))

    def settings(self) -> dict[str, Any]:
        """What `answer_jobs` was told last."""
        path = self.folder / "answer.json"
        return dict(json.loads(path.read_bytes())) if path.exists() else {}

    def state_file(self, job: str) -> Path:
        """Holds the name of a job's state."""
        return self.folder / f"{job}.state"

    def requests(self) -> list[str]:
        """Method and path of every request so far."""
        return (self.folder / "requests.txt").read_text().splitlines()

    def environment(self) -> dict[str, str]:
        """Variables by which the libraries of Google and pyarrow find these services."""
        place = self.url.removeprefix("http://")
        return {
            "STORAGE_EMULATOR_HOST": self.url,
            "CLOUD_STORAGE_EMULATOR_ENDPOINT": self.url,
            "GCE_METADATA_HOST": place,
            "GCE_METADATA_IP": place,
            "GCE_METADATA_ROOT": place,
        }

    @property
    def options(self) -> list[str]:
        """Options for Beam. An endpoint with `sandbox` in its name is spoken to by REST."""
        return [f"--dataflow_endpoint={self.url}/sandbox"]


@contextmanager
def cloud(folder: Path) -> Iterator[Cloud]:
    """All services, for as long as the context lasts."""
    folder.mkdir(parents=True)
    command = [sys.executable, "-m", "tests.cloud", str(folder)]
    root = Path(__file__).parents[1]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield Cloud(folder, server.stdout.readline().strip())
        finally:
            server.terminate()


def serve(folder: Path) -> None:
    """Serve until the process is ended; the address is the first line of output."""
    state = Cloud(folder)
    log = (folder / "requests.txt").open("a", buffering=1)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # an answer in one piece: in two, the second waits 40 ms for the first to be acknowledged
        disable_nagle_algorithm = True

        def _serve(self) -> None:
            url = urllib.parse.urlsplit(self.path)
            query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
            body = self._body()
            status, headers, content = _answer(state, self.command, url.path, query, self.headers, body)
            log.write(f"{time.time():.2f} {status} {self.command} {self.path}\n")
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)
            self.wfile.flush()

        do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - names that http.server calls

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)

        def log_message(self, *_: Any) -> None:
            pass

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """Clients that go away in the midst of an answer are none of our business."""

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_port}"
    print(state.url, flush=True)
    server.serve_forever()


def _answer(state: Cloud, method: str, path: str, query: dict[str, str], headers: Any, body: bytes) -> Answer:
    if path == "/" or path.startswith("/computeMetadata/"):
        return 200, {"Metadata-Flavor": "Google", **_identity_kind(path)}, _identity(path)
    if found := re.search(r"/v1b3/projects/[^/]+/locations/[^/]+/jobs(?:/([^/]+))?(/messages|/metrics)?$", path):
        return _dataflow(state, method, found[1], found[2], body)
    if found := re.match(r"(?:/resumable)?/upload/storage/v1/b/([^/]+)/o$", path):
        return _upload(state, method, found[1], query, headers, body)
    if found := re.match(r"(?:/download)?/storage/v1/b/([^/]+)(?:/o(?:/(.+))?)?$", path):
        if not (state.folder / "objects" / found[1]).is_dir():
            return _error(404, "The specified bucket does not exist.")
        if "/o" not in path.partition("/b/")[2]:
            return _json({"kind": "storage#bucket", "id": found[1], "name": found[1], "location": "EUROPE-WEST4"})
        if found[2] is None:
            return _json(_listing(state, found[1], query))
        return _object(state, method, found[1], urllib.parse.unquote(found[2]), query, headers)
    if found := re.match(r"/([^/]+)/(.+)$", path):  # the XML API, by which C++ downloads
        return _object(state, method, found[1], urllib.parse.unquote(found[2]), {"alt": "media"}, headers)
    return _error(404, f"no such place: {path}")


def _identity_kind(path: str) -> dict[str, str]:
    return {"Content-Type": "application/json" if "/service-accounts/" in path else "text/plain"}


def _identity(path: str) -> bytes:
    if path.endswith("/token"):
        return json.dumps({"access_token": "a-token", "expires_in": 3600, "token_type": "Bearer"}).encode()
    if "/service-accounts/" in path:
        return json.dumps({"email": "tests@example.com", "scopes": ["scope"], "aliases": ["default"]}).encode()
    return {"project-id": b"a-project", "universe-domain": b"googleapis.com"}.get(path.rpartition("/")[2], b"")


# --- Storage


def _metadata(state: Cloud, bucket: str, name: str) -> dict[str, Any]:
    import google_crc32c

    content = state.path(bucket, name).read_bytes()
    return {
        "kind": "storage#object",
        "id": f"{bucket}/{name}/1",
        "name": name,
        "bucket": bucket,
        "generation": "1",
        "metageneration": "1",
        "size": str(len(content)),
        "updated": "2026-01-02T03:04:05.678Z",
        "timeCreated": "2026-01-02T03:04:05.678Z",
        "crc32c": base64.b64encode(google_crc32c.value(content).to_bytes(4, "big")).decode(),
        "md5Hash": base64.b64encode(hashlib.md5(content).digest()).decode(),
        "etag": "1",
    }


def _listing(state: Cloud, bucket: str, query: dict[str, str]) -> dict[str, Any]:
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    items, folders = [], set()
    for name in state.names(bucket, prefix):
        head, cut, _ = name[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
        if cut:
            folders.add(prefix + head + delimiter)
        else:
            items.append(_metadata(state, bucket, name))
    return {"kind": "storage#objects", "items": items, "prefixes": sorted(folders)}


def _object(state: Cloud, method: str, bucket: str, name: str, query: dict[str, str], headers: Any) -> Answer:
    file = state.path(bucket, name)
    if not file.exists():
        return _error(404, f"No such object: {bucket}/{name}")
    if method == "DELETE":
        file.unlink()
        return 204, {}, b""
    if query.get("alt") != "media":
        return _json(_metadata(state, bucket, name))
    content = file.read_bytes()
    known = {"x-goog-generation": "1", "x-goog-stored-content-length": str(len(content))}
    span = re.match(r"bytes=(\d*)-(\d*)$", headers.get("Range") or "")
    if span is None:
        return 200, known, content
    first = int(span[1]) if span[1] else max(0, len(content) - int(span[2]))
    last = min(int(span[2]), len(content) - 1) if span[1] and span[2] else len(content) - 1
    if first >= len(content):
        return _error(416, "the range cannot be satisfied")
    return 206, {**known, "Content-Range": f"bytes {first}-{last}/{len(content)}"}, content[first : last + 1]


def _upload(state: Cloud, method: str, bucket: str, query: dict[str, str], headers: Any, body: bytes) -> Answer:
    if not (state.folder / "objects" / bucket).is_dir():
        return _error(404, "The specified bucket does not exist.")
    kind = query.get("uploadType")
    if method == "POST" and kind == "resumable":
        key = urllib.parse.quote(query.get("name") or json.loads(body)["name"], safe="")
        place = f"{state.url}/upload/storage/v1/b/{bucket}/o?uploadType=resumable&upload_id={urllib.parse.quote(key)}"
        (state.folder / f"{key}.upload").write_bytes(b"")
        return 200, {"Location": place}, b""
    if kind == "resumable":
        held = state.folder / f"{query['upload_id']}.upload"
        if method == "DELETE":
            held.unlink(missing_ok=True)
            return 499, {}, b""
        with held.open("ab") as file:
            file.write(body)
        size = held.stat().st_size
        total = (headers.get("Content-Range") or "bytes */0").rpartition("/")[2]
        if total == "*" or int(total) > size:
            return 308, ({"Range": f"bytes=0-{size - 1}"} if size else {}), b""
        name = urllib.parse.unquote(query["upload_id"])
        held.replace(state.path(bucket, name))
        return _json(_metadata(state, bucket, name))
    if kind == "media":
        name, content = query["name"], body
    else:
        limit = re.search(r'boundary="?([^";]+)', headers["Content-Type"])
        assert kind == "multipart" and limit is not None
        described, content = (part.partition(b"\r\n\r\n")[2] for part in body.split(b"--" + limit[1].encode())[1:3])
        name, content = query.get("name") or json.loads(described)["name"], content.removesuffix(b"\r\n")
    state.path(bucket, name).write_bytes(content)
    return _json(_metadata(state, bucket, name))


# --- Dataflow

_CANCELLED = 5


def _dataflow(state: Cloud, method: str, job: str | None, part: str | None, body: bytes) -> Answer:
    settings = state.settings()
    if job is None:
        if "refuse" in settings:
            return _error(*settings["refuse"])
        job = f"job-{len(state.jobs())}"
        (state.folder / f"{job}.json").write_bytes(body)
        state.state_file(job).write_text(settings.get("state", "JOB_STATE_RUNNING"))
    if part == "/messages":
        text = settings.get("message")
        message = {"id": "1", "time": "2026-01-02T03:04:05Z", "messageText": text, "messageImportance": 4}  # an error
        return _json({"jobMessages": [message] if text else []})
    if part == "/metrics":
        return _json({"metrics": []})
    if method == "PUT":
        assert json.loads(body)["requestedState"] == _CANCELLED
        state.state_file(job).write_text("JOB_STATE_CANCELLED")
    now = "JOB_STATE_RUNNING" if method == "POST" else state.state_file(job).read_text()
    request = json.loads((state.folder / f"{job}.json").read_bytes())
    known = {"name": request["name"], "clientRequestId": request["clientRequestId"], "type": "JOB_TYPE_BATCH"}
    return _json({**known, "id": job, "currentState": now})


def _json(data: dict[str, Any], status: int = 200) -> Answer:
    return status, {"Content-Type": "application/json; charset=UTF-8"}, json.dumps(data).encode()


def _error(status: int, message: str) -> Answer:
    return _json({"error": {"code": status, "message": message, "errors": [{"message": message}]}}, status)


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
