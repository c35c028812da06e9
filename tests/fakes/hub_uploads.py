"""The part of the Hub's wire format that one commit of many files uses.

`preupload` says how each file is to come: small ones inside the commit, large ones to the storage, by way
of Git LFS's `objects/batch` and a PUT. The commit then names them all at once, or nothing has changed.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.fakes.hub_server import FakeHub, Fault, Repository, Request

LARGE = (".onnx", ".pth")


class UploadAnswers(BaseHTTPRequestHandler):
    """Answers to POST and PUT; the hub is the server's."""

    if TYPE_CHECKING:

        def _request(self) -> Request: ...
        def _fault(self, hub: FakeHub) -> Fault: ...
        def _may(self, hub: FakeHub, name: str) -> Repository | None: ...
        def _error(self, status: int, code: str, message: str, commit: str = "") -> None: ...
        def _send(self, status: int, headers: Mapping[str, str], body: bytes, fault: Fault = ...) -> None: ...

    def do_POST(self) -> None:
        hub, fault, body = self._received()
        if body is None:
            return None
        parts = self.path.split("?")[0].strip("/").split("/")
        if parts == ["api", "validate-yaml"]:
            return self.answer_json({"errors": [], "warnings": []})
        if parts[2:] == ["info", "lfs", "objects", "batch"]:
            return self._batch(hub, json.loads(body))
        name = "/".join(parts[2:4])
        repository = self._may(hub, name)
        if repository is None:
            return None
        if parts[4] == "preupload":
            return self._preupload(repository, json.loads(body))
        with hub.lock:
            return self._commit(hub, name, repository, body.splitlines(), fault)

    def do_PUT(self) -> None:
        """/storage/SHA256"""
        hub, _, body = self._received()
        digest = self.path.rsplit("/", 1)[1]
        if body is not None and hashlib.sha256(body).hexdigest() == digest:
            hub.large_files[digest] = body
            self._send(200, {}, b"")
        elif body is not None:
            self._send(400, {}, b"")

    def answer_json(self, answer: object, fault: Any = None) -> None:
        body = json.dumps(answer).encode()
        headers = {"Content-Type": "application/json"}
        if fault is None:
            self._send(200, headers, body)
        else:
            self._send(200, headers, body, fault)

    def _received(self) -> tuple["FakeHub", "Fault", bytes | None]:
        """The whole body, or None where a fault has already been answered."""
        hub: FakeHub = self.server.hub  # type: ignore[attr-defined]
        with hub.lock:
            hub.requests.append(self._request())
            fault = self._fault(hub)
        if fault.silent:
            hub.stopping.wait()
        length = int(self.headers["Content-Length"])
        if fault.unread:
            self.rfile.read(length // 2)
            self.close_connection = True
            return hub, fault, None
        body = self.rfile.read(length)
        if fault.status:
            self._send(fault.status, dict(fault.headers), b"")
            return hub, fault, None
        return hub, fault, body

    def _preupload(self, repository: "Repository", wanted: Any) -> None:
        files = []
        known = repository.commits.get(repository.head, {})
        for path in (file["path"] for file in wanted["files"]):
            large = path.endswith(LARGE)
            answer = {"path": path, "uploadMode": "lfs" if large else "regular", "shouldIgnore": False}
            if path in known:
                answer["oid"] = oid(known[path], large=large)
            files.append(answer)
        self.answer_json({"files": files})

    def _batch(self, hub: "FakeHub", wanted: Any) -> None:
        objects = []
        for asked in wanted["objects"]:
            known = asked["oid"] in hub.large_files
            upload = {"upload": {"href": f"{hub.endpoint}/storage/{asked['oid']}"}}
            objects.append(dict(asked) if known else dict(asked) | {"actions": upload})
        self.answer_json({"transfer": "basic", "objects": objects})

    def _commit(
        self, hub: "FakeHub", name: str, repository: "Repository", lines: list[bytes], fault: "Fault"
    ) -> None:
        header, *operations = (json.loads(line) for line in lines)
        parent = header["value"].get("parentCommit")
        if parent is not None and parent != repository.head:
            return self._error(412, "", "A commit has happened since. Please refresh and try again.")
        files = dict(repository.commits.get(repository.head, {}))
        for operation in operations:
            value = operation["value"]
            if operation["key"] == "deletedFile":
                del files[value["path"]]
            elif operation["key"] == "lfsFile":
                files[value["path"]] = hub.large_files[value["oid"]]
            else:
                files[value["path"]] = base64.b64decode(value["content"])
        repository.messages.append(header["value"]["summary"])
        commit = hub.publish(name, files)
        return self.answer_json(
            {"commitUrl": f"{hub.endpoint}/{name}/commit/{commit}", "commitOid": commit}, fault
        )


def oid(content: bytes, *, large: bool) -> str:
    """What git and Git LFS call a file's content by."""
    kind = hashlib.sha256 if large else hashlib.sha1
    return kind(content if large else b"blob %d\0" % len(content) + content).hexdigest()
