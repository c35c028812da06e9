"""A Hugging Face Hub on this machine: the part of its wire format that downloads and uploads use.

Small files are answered by the Hub itself; .onnx and .pth lie, as on the real Hub, behind a redirect
to another host (`localhost` stands for it), which must never be sent the token.
"""

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from tests.fakes.hub_uploads import LARGE, UploadAnswers
from tests.patience import HANG


@dataclass
class Fault:
    """What goes wrong with requests whose method and path contain `at`, the next `times` times."""

    at: str
    times: int = 10**6
    status: int = 0
    """Answer this instead."""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    """Close the connection after so many bytes of the body."""
    silent: bool = False
    """Never answer."""
    drip: bool = False
    """Send the body byte by byte, with a pause after each."""
    unread: bool = False
    """Close the connection in the middle of what is sent to the Hub, so that it never happened."""


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    host: str
    token: str
    start: int
    """The first byte asked for."""


@dataclass
class Repository:
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    token: str = ""
    """Who has it may read; empty: everybody."""
    messages: list[str] = field(default_factory=list)
    """Of the commits that were uploaded."""

    @property
    def head(self) -> str:
        """The newest commit, at the end of main; empty where there is none."""
        return next(reversed(self.commits), "")


class FakeHub:
    """A context manager. `requests` holds what was asked; `faults` say what goes wrong."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.large_files: dict[str, bytes] = {}
        self.requests: list[Request] = []
        self.faults: list[Fault] = []
        self.lock = threading.Lock()
        self.together: threading.Barrier | None = None
        """Answers from the storage wait until so many requests have come in."""
        self.stopping = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Answer)
        self._server.hub = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def storage(self) -> str:
        return f"http://localhost:{self._server.server_port}"

    def publish(self, name: str, files: Mapping[str, bytes]) -> str:
        """One commit with these files; its hash."""
        repository = self.repositories.setdefault(name, Repository())
        content = hashlib.sha1(f"{name} {len(repository.commits)}".encode())
        for file, data in sorted(files.items()):
            content.update(file.encode() + data)
            if file.endswith(LARGE):
                self.large_files[hashlib.sha256(data).hexdigest()] = data
        commit = content.hexdigest()
        repository.commits[commit] = dict(files)
        return commit

    def asked_for(self, method: str = "") -> list[str]:
        """The last part of each path that was asked for, in order."""
        return [r.path.rsplit("/", 1)[1] for r in self.requests if method in ("", r.method)]

    def goes_down(self) -> None:
        """From now on every connection is refused."""
        self.stopping.set()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.goes_down()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    hub: FakeHub

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up early is part of the tests."""


class _Answer(UploadAnswers, BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        hub = self.server.hub
        with hub.lock:
            hub.requests.append(self._request())
            fault = self._fault(hub)
        if fault.silent:
            hub.stopping.wait()
        if hub.together and self.path.startswith("/storage/"):
            hub.together.wait(HANG)
        if fault.status:
            self._send(fault.status, dict(fault.headers), b"")
        elif self.path.startswith("/storage/"):
            self._stored(hub.large_files.get(self.path.rsplit("/", 1)[1]), fault)
        elif self.path.startswith("/api/models/"):
            self._info(hub)
        else:
            self._resolve(hub, fault)

    def do_HEAD(self) -> None:
        self.do_GET()

    def _request(self) -> Request:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        start = self.headers.get("Range", "bytes=0-").removeprefix("bytes=").split("-")[0]
        return Request(self.command, self.path, self.headers["Host"].split(":")[0], token, int(start))

    def _fault(self, hub: FakeHub) -> Fault:
        for fault in hub.faults:
            if fault.at in f"{self.command} {self.path}" and fault.times > 0:
                fault.times -= 1
                return fault
        return Fault("")

    def _info(self, hub: FakeHub) -> None:
        """/api/models/ORG/NAME: the newest commit and its files."""
        name = "/".join(self.path.split("/")[3:5])
        repository = self._may(hub, name)
        if repository is not None:
            files = [{"rfilename": file} for file in repository.commits.get(repository.head, {})]
            self.answer_json({"id": name, "sha": repository.head, "siblings": files})

    def _may(self, hub: FakeHub, name: str) -> Repository | None:
        """The repository, if whoever asks may see it; else says no."""
        repository = hub.repositories.get(name)
        if repository is None or (repository.token and self._request().token != repository.token):
            # The Hub does not tell strangers which private repositories there are.
            self._error(404 if self._request().token else 401, "RepoNotFound", "Repository not found")
            return None
        return repository

    def _resolve(self, hub: FakeHub, fault: Fault) -> None:
        """/ORG/NAME/resolve/COMMIT/FILE"""
        _, owner, name, _, commit, file = self.path.split("/", 5)
        repository = self._may(hub, f"{owner}/{name}")
        if repository is None:
            return None
        if commit not in repository.commits:
            return self._error(404, "RevisionNotFound", f"Invalid rev id: {commit}")
        content = repository.commits[commit].get(file)
        if content is None:
            return self._error(404, "EntryNotFound", "Entry not found", commit)
        if not file.endswith(LARGE):
            etag = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
            return self._send(200, {"ETag": f'"{etag}"', "X-Repo-Commit": commit}, content, fault)
        # What was published under this name, whatever lies there now.
        digest = hashlib.sha256(content).hexdigest()
        hub.large_files.setdefault(digest, content)
        return self._send(
            302,
            {
                "Location": f"{hub.storage}/storage/{digest}",
                "X-Repo-Commit": commit,
                "X-Linked-Etag": f'"{digest}"',
                "X-Linked-Size": str(len(content)),
            },
            b"",
        )

    def _stored(self, content: bytes | None, fault: Fault) -> None:
        if content is None:
            return self._send(404, {}, b"")
        start = self._request().start
        if not start:
            return self._send(200, {"Accept-Ranges": "bytes"}, content, fault)
        headers = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
        return self._send(206, headers, content[start:], fault)

    def _error(self, status: int, code: str, message: str, commit: str = "") -> None:
        headers = {"X-Error-Code": code, "X-Error-Message": message}
        self._send(status, headers | ({"X-Repo-Commit": commit} if commit else {}), b"")

    def _send(
        self,
        status: int,
        headers: Mapping[str, str],
        body: bytes,
        fault: Fault = Fault(""),  # noqa: B008
    ) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if fault.drip:
            for i in range(len(body)):
                self.wfile.write(body[i : i + 1])
                self.server.hub.stopping.wait(0.02)
            return
        self.wfile.write(body if fault.cut_after is None else body[: fault.cut_after])
        if fault.cut_after is not None:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Tests read `requests` instead."""
