"""A proxy between the functions and their AWS that writes down every call, as IAM would name it."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.patience import HANG
from tests.stack.cloud import ACCOUNT, REGION

ARN = f"{REGION}:{ACCOUNT}"
S3_ACTIONS = {
    "GET": "GetObject",
    "HEAD": "GetObject",
    "PUT": "PutObject",
    "DELETE": "DeleteObject",
    "POST": "PutObject",
}


@dataclass(frozen=True, order=True)
class Call:
    """One permission that one call needs. principal is the function that made it, by its access key."""

    principal: str
    action: str
    resource: str
    partitions: tuple[str, ...] = ()
    """Of a table, those that are read or written, which IAM calls leading keys."""


@dataclass(frozen=True)
class Spent:
    """Capacity units of the table that one call was billed."""

    principal: str
    action: str
    partition: str
    """The partition that was written or read."""
    units: float


@dataclass
class Recorder:
    """The proxy: functions call its endpoint; each service's requests go on to its backend (host:port)."""

    backends: dict[str, str]
    """By service as it signs; "" for all others."""
    endpoint: str = ""
    calls: list[Call] = field(default_factory=list)
    spent: list[Spent] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def since(self, mark: tuple[int, int]) -> tuple[list[Call], list[Spent]]:
        """What was called and spent since the mark."""
        with self.lock:
            return self.calls[mark[0] :], self.spent[mark[1] :]

    def mark(self) -> tuple[int, int]:
        with self.lock:
            return len(self.calls), len(self.spent)

    def of(self, principal: str) -> set[Call]:
        with self.lock:
            return {call for call in self.calls if call.principal == principal}

    def note(self, calls: list[Call], spent: list[Spent]) -> None:
        with self.lock:
            self.calls += calls
            self.spent += spent


@contextmanager
def recorder(backends: dict[str, str]) -> Iterator[Recorder]:
    record = Recorder(backends)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"record": record}))
    server.daemon_threads = True
    record.endpoint = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield record
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    record: Recorder

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        principal, service = _signed_by(self.headers.get("Authorization", ""))
        sent = json.loads(body or b"{}") if service != "s3" else {}
        if service == "dynamodb":
            body = json.dumps(sent | {"ReturnConsumedCapacity": "TOTAL"}).encode()
        status, headers, answer = self._ask(service, body)
        needed = permissions(principal, service, self.command, self.path, self.headers, sent, status)
        self.record.note(needed, spent(needed, sent, answer) if service == "dynamodb" else [])
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                self.send_header(name, value)
        length = next((v for n, v in headers if n.lower() == "content-length"), None)
        self.send_header("Content-Length", str(len(answer)) if self.command != "HEAD" else length or "0")
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _pass_on  # noqa: N815  (the names http.server calls)

    def _ask(self, service: str, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        backend = self.record.backends.get(service, self.record.backends[""])
        connection = HTTPConnection(backend, timeout=HANG)
        headers = dict(self.headers.items())
        # DynamoDB Local keeps a database for each access key; here all functions share one.
        signature = headers.get("Authorization", "")
        headers["Authorization"] = re.sub(r"Credential=\w+/", "Credential=test/", signature)
        headers["Content-Length"] = str(len(body))
        connection.request(self.command, self.path, body, headers)
        response = connection.getresponse()
        try:
            return response.status, response.getheaders(), response.read()
        finally:
            connection.close()

    def log_message(self, *_: object) -> None:
        """Quiet: what matters is recorded."""


def _signed_by(authorization: str) -> tuple[str, str]:
    """The access key and the service that a request was signed for."""
    signed = re.search(r"Credential=(\w+)/\d+/[\w-]+/([\w-]+)/aws4_request", authorization)
    return (signed[1], signed[2]) if signed else ("nobody", "unsigned")


def permissions(
    principal: str, service: str, method: str, path: str, headers: Any, sent: Any, status: int
) -> list[Call]:
    """What a request needs to be allowed. Raises LookupError for a service or call not known here."""
    if service == "s3":
        needed = _s3(method, path, status)
    else:
        operation = headers.get("X-Amz-Target", path).rpartition(".")[2]
        needed = {"dynamodb": _dynamodb, "ssm": _ssm, "sqs": _sqs, "batch": _batch}[service](operation, sent)
    partitions = partitions_of(sent) if service == "dynamodb" else ()
    return [Call(principal, action, resource, partitions) for action, resource in needed]


def partitions_of(sent: Any) -> tuple[str, ...]:
    """The partitions that a call of DynamoDB names, each once. Raises LookupError where it names none."""
    keys = [sent[name] for name in ("Key", "Item") if name in sent]
    keys += [key for table in sent.get("RequestItems", {}).values() for key in table["Keys"]]
    keys += [{"pk": sent["ExpressionAttributeValues"][":pk"]}] if "KeyConditionExpression" in sent else []
    found = tuple(sorted({key["pk"]["S"] for key in keys}))
    if not found:
        raise LookupError(f"no partition in {sorted(sent)}")
    return found


def spent(calls: list[Call], sent: Any, answer: bytes) -> list[Spent]:
    """What DynamoDB Local says that it would bill. Of refused conditions, billed too, it says nothing."""
    told = json.loads(answer).get("ConsumedCapacity", [])
    units = sum(one["CapacityUnits"] for one in (told if isinstance(told, list) else [told]))
    [partition] = calls[0].partitions
    return [Spent(calls[0].principal, calls[0].action, partition, units)]


def _dynamodb(operation: str, sent: Any) -> list[tuple[str, str]]:
    if "RequestItems" in sent:
        return [(f"dynamodb:{operation}", _table(name)) for name in sent["RequestItems"]]
    index = f"/index/{sent['IndexName']}" if "IndexName" in sent else ""
    return [(f"dynamodb:{operation}", _table(sent["TableName"]) + index)]


def _table(name: str) -> str:
    return f"arn:aws:dynamodb:{ARN}:table/{name}"


def _ssm(operation: str, sent: Any) -> list[tuple[str, str]]:
    names = sent.get("Names") or [sent["Name"]]
    return [(f"ssm:{operation}", f"arn:aws:ssm:{ARN}:parameter/{name.lstrip('/')}") for name in names]


def _sqs(operation: str, sent: Any) -> list[tuple[str, str]]:
    return [(f"sqs:{operation}", f"arn:aws:sqs:{ARN}:{sent['QueueUrl'].rpartition('/')[2]}")]


def _batch(operation: str, sent: Any) -> list[tuple[str, str]]:
    if operation == "/v1/submitjob":
        definition = f"arn:aws:batch:{ARN}:job-definition/{sent['jobDefinition'].rpartition('/')[2]}"
        return [("batch:SubmitJob", sent["jobQueue"]), ("batch:SubmitJob", definition)]
    return {"/v1/describejobs": [("batch:DescribeJobs", "*")]}[operation]


def _s3(method: str, path: str, status: int) -> list[tuple[str, str]]:
    parts = urlsplit(path)
    bucket, _, key = parts.path.lstrip("/").partition("/")
    listing = ("s3:ListBucket", f"arn:aws:s3:::{bucket}")
    if not key:
        return (
            [listing]
            if "list-type" in parse_qs(parts.query) or method == "HEAD"
            else [(f"s3:{method}", bucket)]
        )
    own = (f"s3:{S3_ACTIONS[method]}", f"arn:aws:s3:::{bucket}/{key}")
    # Whoever may not list a bucket is told 403 of a missing object, not 404.
    return [own, listing] if status == 404 else [own]
